"""log_classifier, against scikit-learn's own numbers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mediatypes as mt

pytest.importorskip("sklearn")
from sklearn import metrics
from sklearn.calibration import calibration_curve
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def test_what_scikit_learn_says_of_a_forest(tmp_path: Path) -> None:
    data: Any = load_breast_cancer()
    x, y, names = data.data, data.target, data.feature_names
    model = RandomForestClassifier(10, max_depth=3, random_state=0).fit(x[::2], y[::2])
    with mt.Run(tmp_path / "run") as run:
        mt.interop.sklearn.log_classifier(
            run,
            model,
            x[1::2],
            y[1::2],
            labels=data.target_names,
            feature_names=data.feature_names,
            prefix="val",
            step=4,
        )
    view = mt.open_run(run.path)
    last = {key: value for key in list(view.keys()) for step, value in view.values(key) if step == 4}
    truth, predicted = y[1::2], model.predict(x[1::2])
    assert last["val/accuracy"] == metrics.accuracy_score(truth, predicted)
    assert last["val/f1"] == metrics.f1_score(truth, predicted, average="macro")
    assert last["val/precision"] == metrics.precision_score(truth, predicted, average="macro")
    counts = np.array(last["val/confusion_matrix"].table.get_column("nPredictions")).reshape(2, 2)
    assert np.array_equal(counts, metrics.confusion_matrix(truth, predicted))
    share, given = calibration_curve(truth, model.predict_proba(x[1::2])[:, 1], n_bins=10)
    calibration = last["val/calibration"].table
    assert np.allclose(calibration.get_column("share"), share)
    assert np.allclose(calibration.get_column("probability"), given)
    best = last["val/features"].table
    assert best.get_column("feature")[0] == names[np.argmax(model.feature_importances_)]
    assert best.get_column("importance") == sorted(model.feature_importances_, reverse=True)
    assert {"val/roc", "val/precision_recall", "val/classes", "val/predictions"} <= last.keys()


def test_a_model_without_probabilities_and_with_three_classes(tmp_path: Path) -> None:
    x, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    model = RidgeClassifier().fit(x, names)
    with mt.Run(tmp_path / "run") as run:
        mt.interop.sklearn.log_classifier(run, model, x, names)
    view = mt.open_run(run.path)
    assert not {"roc", "calibration"} & view.keys().keys()
    assert view.summary["accuracy"] == metrics.accuracy_score(names, model.predict(x))
    [(_, features)] = view.values("features")
    assert np.allclose(features.table.get_column("importance"), np.sort(np.abs(model.coef_).mean(axis=0))[::-1])


def test_what_is_no_classifier_is_refused(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run:
        with pytest.raises(mt.InputError, match=r"log_classifier.model: expected a classifier that was fitted, got"):
            mt.interop.sklearn.log_classifier(run, RidgeClassifier(), [[1]], [1])
        model = RidgeClassifier().fit([[0], [1]], [0, 1])
        with pytest.raises(mt.InputError, match=r"log_classifier.y: expected some of \[0, 1\], got 7"):
            mt.interop.sklearn.log_classifier(run, model, [[0]], [7])
    assert not mt.open_run(run.path).keys()


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
def test_a_score_of_each_step(tmp_path: Path) -> None:
    callbacks = pytest.importorskip("sklearn.callback", reason="scikit-learn before 1.9 has no callbacks")
    x, y = load_iris(return_X_y=True)
    monitor = callbacks.ScoringMonitor(scoring=["accuracy", "neg_log_loss"])
    LogisticRegression(max_iter=5).set_callbacks(monitor).fit(x, y)
    with mt.Run(tmp_path / "run") as run:
        callback = mt.interop.sklearn.MediatypesCallback(run, scoring=["accuracy", "neg_log_loss"])
        LogisticRegression(max_iter=5).set_callbacks(callback).fit(x, y)
    view = mt.open_run(run.path)
    theirs = {".".join(map(str, row["task_id_path"])): row for row in monitor.get_logs().data}
    paths = [path for _, path in view.values("fit/path")]
    assert paths == ["0.0", "0.1", "0.2", "0.3", "0.4", "0"]
    for name in ("accuracy", "neg_log_loss"):
        assert [value for _, value in view.values(f"fit/{name}")] == [theirs[path][name] for path in paths]
    assert [value for _, value in view.values("fit/task")] == ["lbfgs-iter"] * 5 + ["fit"]
    assert view.config["LogisticRegression"]["max_iter"] == 5


def search(path: Path, processes: int) -> None:
    x, y = load_iris(return_X_y=True)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=3))
    with mt.Run(path) as run:
        callback = mt.interop.sklearn.MediatypesCallback(run, scoring="accuracy")
        found = GridSearchCV(model, {"logisticregression__C": [1, 2]}, cv=2, n_jobs=processes)
        found.set_callbacks(callback).fit(x, y)


def check_search(path: Path) -> None:
    history = mt.open_run(path).history(["fit/task", "fit/estimator", "fit/accuracy"]).to_pylist()
    steps = [row for row in history if row["fit/task"] == "lbfgs-iter"]
    assert len(steps) == 3 * (2 * 2 + 1)  # steps of two values on two folds, and of the best on all
    assert {row["fit/estimator"] for row in steps} == {"LogisticRegression"}
    assert max(row["fit/accuracy"] for row in steps) > 0.6


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
def test_scores_of_a_search(tmp_path: Path) -> None:
    pytest.importorskip("sklearn.callback", reason="scikit-learn before 1.9 has no callbacks")
    search(tmp_path / "run", 1)
    check_search(tmp_path / "run")


def test_scores_of_a_search_on_two_processes(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """In a process of its own, which takes scikit-learn's workers with it."""
    pytest.importorskip("sklearn.callback", reason="scikit-learn before 1.9 has no callbacks")
    if not pytestconfig.getoption("--base"):
        pytest.skip("takes half a minute; make interop runs it")
    code = "import sys; from tests.interop.frameworks.test_sklearn import search; search(sys.argv[1], 2)"
    command = [sys.executable, "-W", "ignore", "-c", code, str(tmp_path / "run")]
    subprocess.run(command, cwd=Path(__file__).parents[3], check=True, timeout=300)
    check_search(tmp_path / "run")


@pytest.mark.parametrize(("names", "message"), [
    ({"labels": ["a", "b"]}, r"log_classifier.labels: expected a list of 3 names, one for each class of the model"),
    ({"feature_names": ["a"]}, r"feature_names: expected a list of 4 names, one for each feature, got \['a'\]"),
])  # fmt: skip
def test_names_that_are_too_few_are_said(names: Any, message: str, tmp_path: Path) -> None:
    x, y = load_iris(return_X_y=True)
    model = RandomForestClassifier(2, max_depth=2, random_state=0).fit(x, y)
    with mt.Run(tmp_path / "run") as run, pytest.raises(mt.InputError, match=message):
        mt.interop.sklearn.log_classifier(run, model, x, y, **names)


@pytest.mark.parametrize("labels", ["abc", 5, {0: "a", 1: "b", 2: "c"}])
def test_names_are_a_list(labels: Any, tmp_path: Path) -> None:
    x, y = load_iris(return_X_y=True)
    model = RandomForestClassifier(2, max_depth=2, random_state=0).fit(x, y)
    with mt.Run(tmp_path / "run") as run, pytest.raises(mt.InputError, match="labels: expected a list of 3 names"):
        mt.interop.sklearn.log_classifier(run, model, x, y, labels=labels)


def test_true_classes_in_a_column_and_sparse_coefficients_are_logged(tmp_path: Path) -> None:
    x, y = load_iris(return_X_y=True)
    model = LogisticRegression(max_iter=500).fit(x, y)
    expected = np.abs(model.coef_).mean(axis=0)
    model.sparsify()
    with mt.Run(tmp_path / "run") as run:
        mt.interop.sklearn.log_classifier(run, model, x, np.asarray(y).reshape(-1, 1))
    view = mt.open_run(run.path)
    assert view.summary["accuracy"] == model.score(x, y)
    ((_, chart),) = view.values("features")
    assert sorted(chart.table.get_column("importance")) == sorted(expected.tolist())


@pytest.mark.parametrize("y", [None, np.zeros((150, 2)), [], ["0"] * 150, [float("nan")] * 150])
def test_true_classes_that_are_none_are_said(y: Any, tmp_path: Path) -> None:
    x, classes = load_iris(return_X_y=True)
    model = RandomForestClassifier(2, max_depth=2, random_state=0).fit(x, classes)
    with mt.Run(tmp_path / "run") as run, pytest.raises(mt.InputError, match=r"log_classifier\.y: expected "):
        mt.interop.sklearn.log_classifier(run, model, x, y)
    with mt.Run(tmp_path / "other") as run, pytest.raises(mt.InputError, match="a classifier of one output"):
        mt.interop.sklearn.log_classifier(run, model.fit(x, np.stack([classes, classes], 1)), x, classes)
