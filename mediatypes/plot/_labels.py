"""What a classifier's truth and predictions are: which class is which column, and what it is called."""

from __future__ import annotations

from collections.abc import KeysView, Sequence, ValuesView
from typing import Any, NamedTuple

import numpy as np

from .._core.errors import InputError, Problem, Verbatim, collect, problem, raise_all, show
from .._core.inputs import is_iterable
from .._core.wording import counted
from ..columns.arrays import Array, as_array
from ..columns.classify import EXACT
from ..columns.simplify import simplify


class Scored(NamedTuple):
    """Truth and scores of n examples and c classes."""

    truth: Array  # (n,) int64: the class of each example
    scores: Array  # (n, c) float64
    values: list[Any]  # (c,) what the truth calls each class
    names: list[str]  # (c,) what is shown


def read_labels(data: Any, where: str) -> Array:
    """(n,) labels: int64 of integers, bools and whole floats, or text; raises InputError."""
    if data is None:
        raise InputError.of(where, "a label for each example", None, f"Pass {where.rpartition('.')[2]}=.", "missing")
    labels = _texts(data, where) if _is_text(data) else as_array(data, where)
    if labels.ndim == 2 and labels.shape[1] > 1:
        raise InputError.of(where, "one label for each example", labels, "Pass labels.argmax(axis=1).", "shape")
    labels = labels.reshape(-1) if labels.ndim == 2 else labels
    if labels.ndim != 1 or not len(labels):
        raise InputError.of(where, "labels in one dimension, at least one", labels, "Pass a flat list.", "shape")
    if labels.dtype.kind == "f":
        _refuse(np.isnan(labels), labels, where, "a label for each example", "Drop the examples without one.")
        is_label = (labels == np.floor(labels)) & (np.abs(labels) <= EXACT)
        _refuse(~is_label, labels, where, "whole numbers as labels", "Pass classes, not scores.")
    if labels.dtype.kind == "u":
        hint = "Pass them as texts."
        _refuse(labels > np.iinfo(np.int64).max, labels, where, "labels of 64 bits, signed", hint)
    return labels if labels.dtype.kind == "U" else labels.astype(np.int64)


def read_scores(data: Any, where: str) -> Array:
    """(n, c) finite float64 scores; of (n,) ones, those of the positive class, (n, 1). Raises InputError."""
    if data is None:
        raise InputError.of(where, "scores for each example", None, f"Pass {where.rpartition('.')[2]}=.", "missing")
    scores = as_array(data, where).astype(np.float64)
    if scores.ndim not in (1, 2) or not scores.size:
        expected = "scores of shape (examples, classes), or (examples,) of the positive class"
        raise InputError.of(where, expected, scores, "Reshape them.", "shape")
    scores = scores.reshape(len(scores), -1)
    hint = "Drop these examples, or find out why the model gives them."
    _refuse(np.any(~np.isfinite(scores), axis=1), scores, where, "finite scores", hint)
    return scores


def read_scored(y_true: Any, scores: Any, names: Any, where: str, scores_name: str, names_name: str) -> Scored:
    """Truth and scores that belong together; all problems of both at once."""
    problems: list[Problem] = []
    truth = collect(problems, read_labels, y_true, f"{where}.y_true")
    array = collect(problems, read_scores, scores, f"{where}.{scores_name}")
    if names is not None:
        count = max(array.shape[1], 2) if isinstance(array, np.ndarray) else None
        collect(problems, read_names, names, count, f"{where}.{names_name}")
    if isinstance(truth, np.ndarray) and isinstance(array, np.ndarray) and len(truth) != len(array):
        expected = f"scores for {counted(len(truth), 'example')}, as in y_true"
        problems.append(problem(f"{where}.{scores_name}", expected, array, "Pass as many.", "length"))
    raise_all(problems)
    count = max(array.shape[1], 2)
    values = class_values(truth, count, names, where, names_name)
    shown = read_names(names, count, f"{where}.{names_name}") if names is not None else list(map(str, values))
    return Scored(indices(truth, values), array, values, shown)


def read_names(names: Any, count: int | None, where: str, what: str = "class") -> list[str]:
    """Names of classes or of `what`; raises `InputError` where some are repeated, or there are not `count` of them."""
    listed: Any = list(names) if isinstance(names, (KeysView, ValuesView)) else names
    listed = listed.tolist() if hasattr(listed, "tolist") else listed
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        raise InputError.of(where, "a list of names", names, "Pass ['cat', 'dog'], for example.")
    made, problems = [str(simplify(name)) for name in listed], []
    if count is not None and len(made) != count:
        expected = f"{counted(count, 'name')}, one for each {what}"
        problems.append(problem(where, expected, Verbatim(len(made)), "Name all.", "length"))
    if len(set(made)) != len(made):
        problems.append(problem(where, "names that differ", names, "Rename one of them.", "repeated"))
    raise_all(problems)
    return made


def class_values(truth: Array, count: int, names: Any, where: str, names_name: str) -> list[Any]:
    """What each of `count` classes is called in the truth, in the order of the columns of scores.

    Integers from 0 on are the columns themselves; other labels stand in sorted order, as scikit-learn has them, if all
    classes occur; texts may be listed by the names.
    """
    present: list[Any] = np.unique(truth).tolist()
    if truth.dtype.kind == "U" and names is not None:
        listed = read_names(names, count, f"{where}.{names_name}")
        if set(present) <= set(listed):
            return listed
    elif truth.dtype.kind != "U" and present[0] >= 0 and present[-1] < count:
        return list(range(count))
    if len(present) == count:
        return present
    hint = f"Pass {names_name}= with the label of each column." if truth.dtype.kind == "U" else "Number them from 0."
    shown = Verbatim(", ".join(map(repr, present[:8])) + (", ..." if len(present) > 8 else ""))
    raise InputError.of(f"{where}.y_true", f"labels of {count} classes", shown, hint, "classes")


def indices(labels: Array, values: list[Any]) -> Array:
    """(n,) int64: where in `values` each label stands; all of them do."""
    order = np.argsort(np.array(values))
    return order[np.searchsorted(np.array(values)[order], labels)]


def _is_text(data: Any) -> bool:
    kind = getattr(getattr(data, "dtype", None), "kind", "O")
    return (
        kind in "UTO"
        and hasattr(data, "__len__")
        and is_iterable(data)
        and len(data) > 0
        and isinstance(next(iter(data)), str)
    )


def _texts(data: Any, where: str) -> Array:
    items = list(data)
    for row, item in enumerate(items):
        if not isinstance(item, str):
            got = Verbatim(f"{show(item)} in row {row}")
            raise InputError.of(where, "texts only", got, "Make all labels texts, or all numbers.", "mixed")
    return np.array(items, dtype=np.str_)


def _refuse(bad: Array, data: Array, where: str, expected: str, hint: str) -> None:
    if bad.any():
        first = int(np.argmax(bad))
        got = Verbatim(f"{data[first]} in row {first}" + (f" and {int(bad.sum()) - 1} more" if bad.sum() > 1 else ""))
        raise InputError.of(where, expected, got, hint, "value")
