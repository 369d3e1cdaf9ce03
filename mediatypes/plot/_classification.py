"""Charts of a classifier: precision-recall and ROC curves, and the confusion matrix."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any

import numpy as np

from .._core.errors import InputError, Problem, Verbatim, collect, problem, raise_all
from .._core.inputs import is_iterable
from .._core.wording import counted
from ..columns.arrays import Array, as_integer
from ..columns.simplify import simplify
from . import _curves
from ._checks import make_table
from ._curves import Curve
from ._labels import Scored, indices, read_labels, read_names, read_scored
from ._value import Plot

_MOST_POINTS = 2**20  # of a curve
_MOST_CLASSES = 4096  # of a confusion matrix, whose table has the square of it as rows


def pr_curve(
    y_true: Any = None,
    y_probas: Any = None,
    labels: Any = None,
    classes_to_plot: Iterable[Any] | None = None,
    interp_size: int | None = None,
    title: str = "Precision-Recall Curve",
    split_table: bool = False,
) -> Plot:
    """Precision over recall, a curve for each class against the others; dashed: what guessing gives.

    The table has the columns class, precision, recall and prevalence (the share of the class, which is the precision
    of guessing); its points are those of scikit-learn's `precision_recall_curve`.

    Args:
        y_true: (n,) true classes: integers, bools or texts.
        y_probas: (n, c) scores of each class, or (n,) of the positive class (the greater of two). Higher is surer.
            Classes that are no integers from 0 on have their columns in sorted order, or in that of `labels`.
        labels: (c,) names of the classes, by column.
        classes_to_plot: classes as `y_true` has them, or names of `labels`; all by default, or the positive one.
        interp_size: points of each curve, at recalls evenly spaced from 1 to 0; None (default) for all thresholds.
        title: text above the chart.
        split_table: W&B shows the table in a section of its own.

    Raises:
        InputError: with every problem: lengths that differ, NaN, unknown classes, a class without examples.

    >>> import mediatypes as mt
    >>> plot = mt.plot.pr_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> plot.table.get_column("recall")
    [1.0, 1.0, 0.5, 0.5, 0.0]
    """
    where = "pr_curve"
    problems: list[Problem] = []
    size = collect(problems, _read_size, interp_size, f"{where}.interp_size")
    data = collect(problems, read_scored, y_true, y_probas, labels, where, "y_probas", "labels")
    chosen: list[int] = collect(problems, _choose, data, classes_to_plot, where) if data else []
    raise_all(problems)
    _check_examples(data, chosen, where, needs_others=False)

    def curve(truth: Array, scores: Array) -> Curve:
        exact = _curves.precision_recall(truth, scores)
        return exact if size is None else _curves.interpolate(exact, size)

    drawn = _draw(data, chosen, curve)
    shares = np.bincount(data.truth, minlength=len(data.values)) / len(data.truth)
    columns = {
        "class": _names(data, drawn),
        "precision": np.concatenate([points.y for _, points in drawn]),
        "recall": np.concatenate([points.x for _, points in drawn]),
        "prevalence": np.concatenate([np.full(len(points.x), shares[i]) for i, points in drawn]),
    }
    fields = {"x": "recall", "y": "precision", "class": "class", "baseline": "prevalence"}
    return _plot("pr_curve", columns, fields, title, ("Recall", "Precision"), split_table)


def roc_curve(
    y_true: Any = None,
    y_probas: Any = None,
    labels: Any = None,
    classes_to_plot: Iterable[Any] | None = None,
    title: str = "ROC Curve",
    split_table: bool = False,
) -> Plot:
    """True over false positive rate, a curve for each class against the others; dashed: what guessing gives.

    The table has the columns class, fpr and tpr; its points are those of scikit-learn's `roc_curve`: every threshold,
    without those inside a straight piece.

    Args:
        y_true, y_probas, labels, classes_to_plot, title, split_table: as of `pr_curve`.

    Raises:
        InputError: with every problem: lengths that differ, NaN, unknown classes, a class that has no examples or
            all of them.

    >>> import mediatypes as mt
    >>> plot = mt.plot.roc_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> plot.table.get_column("fpr"), plot.table.get_column("tpr")
    ([0.0, 0.0, 0.5, 0.5, 1.0], [0.0, 0.5, 0.5, 1.0, 1.0])
    """
    where = "roc_curve"
    data = read_scored(y_true, y_probas, labels, where, "y_probas", "labels")
    chosen = _choose(data, classes_to_plot, where)
    _check_examples(data, chosen, where, needs_others=True)
    drawn = _draw(data, chosen, _curves.roc)
    columns = {
        "class": _names(data, drawn),
        "fpr": np.concatenate([points.x for _, points in drawn]),
        "tpr": np.concatenate([points.y for _, points in drawn]),
    }
    fields = {"x": "fpr", "y": "tpr", "class": "class"}
    return _plot("roc_curve", columns, fields, title, ("False positive rate", "True positive rate"), split_table)


def confusion_matrix(
    probs: Any = None,
    y_true: Any = None,
    preds: Any = None,
    class_names: Any = None,
    title: str = "Confusion Matrix",
    split_table: bool = False,
) -> Plot:
    """How often each class was predicted as each; the table has the columns Actual, Predicted and nPredictions.

    Args:
        probs: (n, c) scores, whose greatest is the prediction; or (n,) probabilities of the positive class, which is
            predicted from 0.5 on. Either this or `preds`.
        y_true: (n,) true classes: integers, bools or texts.
        preds: (n,) predicted classes.
        class_names: names of the classes: with integers, that of class 0, 1, ...; with texts, all of them in the
            order to show. By default the classes that occur, sorted.
        title: text above the chart.
        split_table: W&B shows the table in a section of its own.

    Raises:
        InputError: with every problem: both or neither of probs and preds, lengths that differ, NaN, unknown classes,
            more than 4096 classes.

    >>> import mediatypes as mt
    >>> plot = mt.plot.confusion_matrix(y_true=["cat", "dog", "dog"], preds=["cat", "cat", "dog"])
    >>> plot.table.get_column("nPredictions")
    [1, 0, 1, 1]
    """
    where = "confusion_matrix"
    if (probs is None) == (preds is None):
        got = Verbatim("neither" if probs is None else "both")
        raise InputError.of(where, "either probs or preds", got, "Pass one of them.", "missing")
    truth, predicted, names = (
        _from_probs(y_true, probs, class_names, where)
        if preds is None
        else _from_predictions(y_true, preds, class_names, where)
    )
    if len(names) > _MOST_CLASSES:
        hint = "Group the classes, or check that these are labels."
        raise InputError.of(where, f"at most {_MOST_CLASSES} classes", Verbatim(len(names)), hint, "classes")
    cells = {
        "Actual": [name for name in names for _ in names],
        "Predicted": names * len(names),
        "nPredictions": _curves.confusion(truth, predicted, len(names)).reshape(-1),
    }
    return Plot("confusion_matrix", make_table(cells), {name: name for name in cells}, {"title": title}, split_table)


def _read_size(size: Any, where: str) -> int | None:
    """The number of points of a curve, None for all; raises `InputError`."""
    if size is None:
        return None
    number = as_integer(size)
    if number is None:
        raise InputError.of(where, "a number of points", size, "Leave it out for all points.")
    if not 2 <= number <= _MOST_POINTS:
        raise InputError.of(where, f"2 to {_MOST_POINTS} points", size, "Pass 21, for example.")
    return number


def _choose(data: Scored, classes: Iterable[Any] | None, where: str) -> list[int]:
    """Classes by index: all, the positive one where it alone has scores, or those asked for."""
    if classes is None:
        return list(range(len(data.values))) if data.scores.shape[1] > 1 else [1]
    place = f"{where}.classes_to_plot"
    if isinstance(classes, str) or not is_iterable(classes):
        raise InputError.of(place, "a list of classes", classes, "Wrap it in a list.")
    asked = [simplify(item) for item in classes]
    known = {**{name: i for i, name in enumerate(data.names)}, **{value: i for i, value in enumerate(data.values)}}
    shown = ", ".join(map(repr, data.values[:20]))
    bad = [
        problem(place, f"some of {shown}", item, "Choose among these.", "classes")
        for item in asked
        if not isinstance(item, Hashable) or item not in known
    ]
    if bad or not asked:
        none = problem(place, "at least one class", Verbatim("none"), "Leave it out for all.", "empty")
        raise InputError(bad or [none])
    return list(dict.fromkeys(known[item] for item in asked))


def _check_examples(data: Scored, chosen: list[int], where: str, *, needs_others: bool) -> None:
    """A class without examples has no recall, and one without others no false positive rate."""
    counts = np.bincount(data.truth, minlength=len(data.values))
    drawable = [i for i in chosen if counts[i] and not (needs_others and counts[i] == len(data.truth))]
    problems = []
    for i in chosen:
        if i in drawable:
            continue
        expected = (
            f"an example of class {data.values[i]!r}" if not counts[i] else f"other classes than {data.values[i]!r}"
        )
        rest = [data.values[j] for j in drawable]
        hint = f"Pass classes_to_plot={rest}." if rest else "Make the chart of more examples."
        problems.append(problem(f"{where}.y_true", expected, Verbatim("none"), hint, "one-class"))
    raise_all(problems)


def _draw(data: Scored, chosen: list[int], curve: Callable[[Array, Array], Curve]) -> list[tuple[int, Curve]]:
    column = {i: i if data.scores.shape[1] > 1 else 0 for i in chosen}
    sign = {i: -1 if data.scores.shape[1] == 1 and i == 0 else 1 for i in chosen}  # the other class of two
    return [(i, curve(data.truth == i, sign[i] * data.scores[:, column[i]])) for i in chosen]


def _names(data: Scored, drawn: list[tuple[int, Curve]]) -> list[str]:
    """The class of each point."""
    return [data.names[i] for i, curve in drawn for _ in curve.x]


def _plot(
    preset: str, columns: dict[str, Any], fields: dict[str, str], title: str, axes: tuple[str, str], split_table: bool
) -> Plot:
    strings = {"title": title, "x-axis-title": axes[0], "y-axis-title": axes[1]}
    return Plot(preset, make_table(columns), fields, strings, split_table)


def _from_probs(y_true: Any, probs: Any, names: Any, where: str) -> tuple[Array, Array, list[str]]:
    data = read_scored(y_true, probs, names, where, "probs", "class_names")
    if data.scores.shape[1] > 1:
        return data.truth, data.scores.argmax(axis=1), data.names
    if data.scores.min() < 0 or data.scores.max() > 1:
        hint = "Pass probabilities, or preds=."
        raise InputError.of(f"{where}.probs", "probabilities from 0 to 1", data.scores, hint, "range")
    return data.truth, (data.scores[:, 0] >= 0.5).astype(np.int64), data.names


def _from_predictions(y_true: Any, preds: Any, names: Any, where: str) -> tuple[Array, Array, list[str]]:
    problems: list[Problem] = []
    truth = collect(problems, read_labels, y_true, f"{where}.y_true")
    predicted = collect(problems, read_labels, preds, f"{where}.preds")
    shown = None if names is None else collect(problems, read_names, names, None, f"{where}.class_names")
    if not problems and len(truth) != len(predicted):
        expected, got = f"{counted(len(truth), 'prediction')}, as many as y_true", Verbatim(str(len(predicted)))
        problems.append(problem(f"{where}.preds", expected, got, "Pass as many.", "length"))
    if not problems and (truth.dtype.kind == "U") != (predicted.dtype.kind == "U"):
        hint = "Make both texts, or both numbers."
        problems.append(problem(f"{where}.preds", "the same kind of labels as y_true", predicted, hint, "mixed"))
    raise_all(problems)
    classes = np.union1d(truth, predicted).tolist()
    if shown is None:
        return indices(truth, classes), indices(predicted, classes), list(map(str, classes))
    values: list[Any] = shown if truth.dtype.kind == "U" else list(range(len(shown)))
    unknown = [value for value in classes if value not in set(values)]
    if unknown:
        expected = "the name of every class" if truth.dtype.kind == "U" else "a name for each class from 0 on"
        got = Verbatim("none for " + ", ".join(map(repr, unknown[:8])))
        raise InputError.of(f"{where}.class_names", expected, got, "Add them.", "classes")
    return indices(truth, values), indices(predicted, values), shown
