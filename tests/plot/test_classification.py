"""Curves and confusion matrices, compared with scikit-learn on the predictions of a real model."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mediatypes as mt
from mediatypes import InputError, Plot
from mediatypes.plot import _curves
from tests.samples import Array

metrics = pytest.importorskip("sklearn.metrics", reason="curves are compared with scikit-learn")
NAN = float("nan")


class Digits(NamedTuple):
    truth: Array  # (n,) 0..9
    probabilities: Array  # (n, 10)


@cache
def digits() -> Digits:
    """Predictions of a nearest-mean classifier, trained on half of scikit-learn's digits."""
    from sklearn.datasets import load_digits

    pixels, truth = map(np.asarray, load_digits(return_X_y=True))
    means = np.stack([pixels[:900][truth[:900] == digit].mean(axis=0) for digit in range(10)])
    distances = np.linalg.norm(pixels[900:, None] - means, axis=2)
    scores = np.exp(-distances / 8)
    return Digits(truth[900:], scores / scores.sum(axis=1, keepdims=True))


def points(plot: Plot, name: str, *columns: str) -> list[Array]:
    """Columns of the rows of one class."""
    chosen = np.array(plot.table.get_column("class")) == name
    return [np.array(plot.table.get_column(column))[chosen] for column in columns]


@pytest.mark.parametrize("digit", range(10))
def test_precision_and_recall_are_those_of_scikit_learn(digit: int) -> None:
    truth, probabilities = digits()
    precision, recall = points(mt.plot.pr_curve(truth, probabilities), str(digit), "precision", "recall")
    expected = metrics.precision_recall_curve(truth == digit, probabilities[:, digit])
    np.testing.assert_allclose(precision, expected[0], rtol=1e-12)
    np.testing.assert_allclose(recall, expected[1], rtol=1e-12)


@pytest.mark.parametrize("digit", range(10))
def test_rates_and_area_are_those_of_scikit_learn(digit: int) -> None:
    truth, probabilities = digits()
    fpr, tpr = points(mt.plot.roc_curve(truth, probabilities), str(digit), "fpr", "tpr")
    expected = metrics.roc_curve(truth == digit, probabilities[:, digit])
    np.testing.assert_allclose(fpr, expected[0], rtol=1e-12)
    np.testing.assert_allclose(tpr, expected[1], rtol=1e-12)
    area = metrics.roc_auc_score(truth == digit, probabilities[:, digit])
    assert metrics.auc(fpr, tpr) == pytest.approx(area, abs=1e-12)


@pytest.mark.parametrize("given_as", ["probs", "preds"])
def test_the_confusion_matrix_is_that_of_scikit_learn(given_as: str) -> None:
    truth, probabilities = digits()
    data: dict[str, Any] = {given_as: probabilities if given_as == "probs" else probabilities.argmax(axis=1)}
    plot = mt.plot.confusion_matrix(y_true=truth, **data)
    counts = np.array(plot.table.get_column("nPredictions")).reshape(10, 10)
    np.testing.assert_array_equal(counts, metrics.confusion_matrix(truth, probabilities.argmax(axis=1)))
    assert plot.table.get_column("Actual")[:11] == ["0"] * 10 + ["1"]
    assert plot.table.get_column("Predicted")[:3] == ["0", "1", "2"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(-4, 4)), min_size=2, max_size=40))
def test_curves_with_equal_scores_are_those_of_scikit_learn(rows: list[tuple[bool, int]]) -> None:
    truth, scores = np.array([row[0] for row in rows]), np.array([row[1] for row in rows], float)
    if truth.any():
        curve = _curves.precision_recall(truth, scores)
        expected = metrics.precision_recall_curve(truth, scores)
        np.testing.assert_allclose((curve.y, curve.x), expected[:2], rtol=1e-12)
    if truth.any() and not truth.all():
        curve = _curves.roc(truth, scores)
        np.testing.assert_allclose((curve.x, curve.y), metrics.roc_curve(truth, scores)[:2], rtol=1e-12)


def test_large_inputs_are_not_resampled() -> None:
    random = np.random.default_rng(0)
    truth, scores = random.random(30_000) < 0.3, random.random(30_000)
    assert mt.plot.pr_curve(truth, scores).table.num_rows == 30_001


def test_a_curve_is_interpolated_where_asked_for() -> None:
    truth, probabilities = digits()
    plot = mt.plot.pr_curve(truth, probabilities, classes_to_plot=[8], interp_size=21)
    precision, recall = points(plot, "8", "precision", "recall")
    exact, at = metrics.precision_recall_curve(truth == 8, probabilities[:, 8])[:2]
    np.testing.assert_allclose(recall, np.linspace(1, 0, 21))
    np.testing.assert_allclose(precision, [exact[at >= r].max() for r in recall])


def test_the_baseline_is_the_share_of_the_class() -> None:
    plot = mt.plot.pr_curve([0, 1, 2, 2], np.eye(3)[[0, 1, 2, 1]])
    assert set(points(plot, "2", "prevalence")[0]) == {0.5}


TRUTH, SCORES = [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]
SPELLINGS: dict[str, tuple[Any, Any]] = {
    "integers": (TRUTH, SCORES),
    "bools": ([False, False, True, True], SCORES),
    "floats": ([0.0, 0.0, 1.0, 1.0], SCORES),
    "a column": (np.array(TRUTH)[:, None], np.array(SCORES, np.float32).astype(float)[:, None]),
    "plus and minus one": ([-1, -1, 1, 1], SCORES),
    "texts": (np.array(["no", "no", "yes", "yes"]), SCORES),
    "texts as objects": (np.array(["no", "no", "yes", "yes"], object), SCORES),
}


@pytest.mark.parametrize(("truth", "scores"), SPELLINGS.values(), ids=SPELLINGS)
def test_scores_of_the_positive_class_give_its_curve(truth: Any, scores: Any) -> None:
    table = mt.plot.roc_curve(truth, scores).table
    np.testing.assert_allclose(table.get_column("fpr"), [0, 0, 0.5, 0.5, 1])
    np.testing.assert_allclose(table.get_column("tpr"), [0, 0.5, 0.5, 1, 1])
    assert set(table.get_column("class")) == {"yes" if np.asarray(truth).dtype.kind in "UO" else "1"}


def test_the_other_class_of_two_can_be_drawn_too() -> None:
    fpr, tpr = points(mt.plot.roc_curve(TRUTH, SCORES, classes_to_plot=[0]), "0", "fpr", "tpr")
    expected = metrics.roc_curve(np.array(TRUTH) == 0, -np.array(SCORES))
    np.testing.assert_allclose((fpr, tpr), expected[:2])


def test_labels_name_the_columns() -> None:
    plot = mt.plot.roc_curve(
        [0, 1, 2, 0], np.eye(3)[[0, 1, 2, 1]], labels=["cat", "dog", "owl"], classes_to_plot=["owl"]
    )
    assert set(plot.table.get_column("class")) == {"owl"}


def test_labels_give_the_order_of_texts() -> None:
    truth, scores = ["owl", "cat", "dog", "cat"], np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 0]])
    plot = mt.plot.roc_curve(truth, scores, labels=["owl", "cat", "dog"])
    assert all(metrics.auc(*points(plot, name, "fpr", "tpr")) == 1 for name in ("owl", "cat", "dog"))


def test_a_class_that_never_occurs_does_not_move_the_columns() -> None:
    plot = mt.plot.roc_curve([0, 2, 2, 0], np.eye(3)[[0, 2, 2, 0]], classes_to_plot=[2])
    assert metrics.auc(*points(plot, "2", "fpr", "tpr")) == 1


@pytest.mark.parametrize(
    ("arguments", "names", "counts"),
    [
        ({"y_true": ["a", "b", "a"], "preds": ["b", "b", "a"]}, ["a", "b"], [1, 1, 0, 1]),
        (
            {"y_true": ["a", "b"], "preds": ["b", "b"], "class_names": ["b", "a", "c"]},
            ["b", "a", "c"],
            [1, 0, 0, 1, *[0] * 5],
        ),
        ({"y_true": [0, 1], "preds": [1, 1], "class_names": ["no", "yes"]}, ["no", "yes"], [0, 1, 0, 1]),
        ({"y_true": [3, 7], "preds": [7, 7]}, ["3", "7"], [0, 1, 0, 1]),
        ({"y_true": [0, 1, 1], "probs": [0.2, 0.5, 0.49]}, ["0", "1"], [1, 0, 1, 1]),
        ({"y_true": ["b", "a"], "probs": [[0, 1], [0, 1]]}, ["a", "b"], [0, 1, 0, 1]),
    ],
    ids=["texts", "texts in order", "integers with names", "integers", "one probability", "probabilities of texts"],
)
def test_labels_of_a_confusion_matrix(arguments: dict[str, Any], names: list[str], counts: list[int]) -> None:
    table = mt.plot.confusion_matrix(**arguments).table
    assert table.get_column("Predicted")[: len(names)] == names
    assert table.get_column("nPredictions") == counts


REFUSED: dict[str, tuple[Any, str]] = {
    "NaN in scores": (
        lambda: mt.plot.pr_curve([0, 1, 1], [0.1, NAN, NAN]),
        "pr_curve.y_probas: expected finite scores, got [nan] in row 1 and 1 more. "
        "Drop these examples, or find out why the model gives them.",
    ),
    "NaN in truth, and a score without a number": (
        lambda: mt.plot.roc_curve([0, NAN], [[0.5, np.inf], [0, 1]]),
        "2 problems:\n"
        "- roc_curve.y_true: expected a label for each example, got nan in row 1. Drop the examples without one.\n"
        "- roc_curve.y_probas: expected finite scores, got [0.5 inf] in row 0. "
        "Drop these examples, or find out why the model gives them.",
    ),
    "one class": (
        lambda: mt.plot.roc_curve([1, 1], [0.5, 0.6]),
        "roc_curve.y_true: expected other classes than 1, got none. Make the chart of more examples.",
    ),
    "a class without examples": (
        lambda: mt.plot.pr_curve([0, 2], np.eye(3)[[0, 2]]),
        "pr_curve.y_true: expected an example of class 1, got none. Pass classes_to_plot=[0, 2].",
    ),
    "other lengths": (
        lambda: mt.plot.roc_curve([0, 1, 1], [0.5, 0.6]),
        "roc_curve.y_probas: expected scores for 3 examples, as in y_true, "
        "got ndarray of shape (2, 1) and dtype float64. Pass as many.",
    ),
    "nothing": (
        lambda: mt.plot.pr_curve(),
        "2 problems:\n"
        "- pr_curve.y_true: expected a label for each example, got None. Pass y_true=.\n"
        "- pr_curve.y_probas: expected scores for each example, got None. Pass y_probas=.",
    ),
    "one-hot truth": (
        lambda: mt.plot.pr_curve(np.eye(3), np.eye(3)),
        "pr_curve.y_true: expected one label for each example, got ndarray of shape (3, 3) and dtype float64. "
        "Pass labels.argmax(axis=1).",
    ),
    "scores as truth": (
        lambda: mt.plot.pr_curve([0.5, 1], [0.5, 1]),
        "pr_curve.y_true: expected whole numbers as labels, got 0.5 in row 0. Pass classes, not scores.",
    ),
    "more classes than columns": (
        lambda: mt.plot.pr_curve(["a", "b", "c"], np.eye(3)[:, :2]),
        "pr_curve.y_true: expected labels of 2 classes, got 'a', 'b', 'c'. Pass labels= with the label of each column.",
    ),
    "an unknown class": (
        lambda: mt.plot.pr_curve(TRUTH, SCORES, classes_to_plot=[2]),
        "pr_curve.classes_to_plot: expected some of 0, 1, got 2. Choose among these.",
    ),
    "too few names": (
        lambda: mt.plot.roc_curve([0, 1, 2], np.eye(3), labels=["a", "b"]),
        "roc_curve.labels: expected 3 names, one for each class, got 2. Name all.",
    ),
    "one point": (
        lambda: mt.plot.pr_curve(TRUTH, SCORES, interp_size=1),
        "pr_curve.interp_size: expected 2 to 1048576 points, got 1. Pass 21, for example.",
    ),
    "both": (
        lambda: mt.plot.confusion_matrix(probs=np.eye(2), y_true=[0, 1], preds=[0, 1]),
        "confusion_matrix: expected either probs or preds, got both. Pass one of them.",
    ),
    "neither": (
        lambda: mt.plot.confusion_matrix(y_true=[0, 1]),
        "confusion_matrix: expected either probs or preds, got neither. Pass one of them.",
    ),
    "fewer predictions": (
        lambda: mt.plot.confusion_matrix(y_true=[0, 1], preds=[0]),
        "confusion_matrix.preds: expected 2 predictions, as many as y_true, got 1. Pass as many.",
    ),
    "texts and numbers": (
        lambda: mt.plot.confusion_matrix(y_true=["a", "b"], preds=[0, 1]),
        "confusion_matrix.preds: expected the same kind of labels as y_true, "
        "got ndarray of shape (2,) and dtype int64. Make both texts, or both numbers.",
    ),
    "an index without a name": (
        lambda: mt.plot.confusion_matrix(y_true=[0, 2], preds=[0, 3], class_names=["a", "b"]),
        "confusion_matrix.class_names: expected a name for each class from 0 on, got none for 2, 3. Add them.",
    ),
    "a text without a name": (
        lambda: mt.plot.confusion_matrix(y_true=["a", "c"], preds=["a", "a"], class_names=["a", "b"]),
        "confusion_matrix.class_names: expected the name of every class, got none for 'c'. Add them.",
    ),
    "logits of one class": (
        lambda: mt.plot.confusion_matrix(y_true=[0, 1], probs=[-3, 2]),
        "confusion_matrix.probs: expected probabilities from 0 to 1, got ndarray of shape (2, 1) and dtype float64. "
        "Pass probabilities, or preds=.",
    ),
    "texts and None": (
        lambda: mt.plot.confusion_matrix(y_true=["a", None], preds=["a", "a"]),
        "confusion_matrix.y_true: expected texts only, got None in row 1. Make all labels texts, or all numbers.",
    ),
}


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED)
def test_what_has_no_curve_is_explained(make: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        make()
    assert str(caught.value) == message


def test_curves_are_those_of_wandb_before_it_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_SILENT", "true")
    wandb = pytest.importorskip("wandb", reason="the package wandb is not installed")
    draw = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], 101)  # a prime: else 0.55 may be a little more than 55 / 100 there
    scores = draw.dirichlet([1, 1, 1], 303) + np.eye(3)[truth] / 4
    names = ["a", "b", "c"]
    for theirs, ours in (
        (wandb.plot.pr_curve(truth, scores, names), mt.plot.pr_curve(truth, scores, names, interp_size=21)),
        (wandb.plot.roc_curve(truth, scores, names), mt.plot.roc_curve(truth, scores, names)),
    ):
        made = ours.table.get_dataframe()[theirs.table.columns]
        assert made["class"].tolist() == [row[0] for row in theirs.table.data]
        np.testing.assert_allclose(made.iloc[:, 1:], [row[1:] for row in theirs.table.data], atol=5.1e-4)


@pytest.mark.parametrize("label", [np.inf, -np.inf, 1e30, np.uint64(2**63)], ids=str)
def test_a_label_beyond_64_bits_is_none(label: Any) -> None:
    with pytest.raises(InputError, match=r"^confusion_matrix\.y_true: expected .* in row 1"):
        mt.plot.confusion_matrix(y_true=np.array([1, label], type(label)), preds=[0, 1])


@pytest.mark.parametrize("classes", [[[1]], [np.array([1, 2])], [{}]], ids=str)
def test_classes_to_plot_may_be_anything_wrong(classes: Any) -> None:
    with pytest.raises(InputError, match=r"^pr_curve\.classes_to_plot: expected some of 0, 1"):
        mt.plot.pr_curve([0, 1], [0.1, 0.9], classes_to_plot=classes)


def test_a_confusion_matrix_is_bounded() -> None:
    with pytest.raises(InputError, match=r"^confusion_matrix: expected at most 4096 classes, got 5000\. Group the"):
        mt.plot.confusion_matrix(y_true=np.arange(5000), preds=np.arange(5000))
