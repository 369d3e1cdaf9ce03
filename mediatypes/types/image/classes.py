"""Class names, and the labels that every overlay carries with itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from operator import index
from typing import Any

from ..._core.canonical import is_utf8_encodable
from ..._core.declaration import Field, Integer, List, Map, Record, Text
from ..._core.errors import DocumentError, InputError, Problem, problem, raise_all
from ..._core.inputs import is_iterable
from ..._core.sidecar import Sink, Source
from ..._core.value import Frozen

ID = "0|-?[1-9][0-9]{0,18}"  # a class id as the name of a member


class _Labels(Map):
    """Names by class id: in memory the ids are integers."""

    def encode(self, value: Any, sink: Sink) -> dict[str, Any]:
        return {str(id): name for id, name in value.items()}

    def decode(self, value: Any, source: Source) -> dict[Any, Any]:
        return {int(id): name for id, name in value.items()}


LABELS = _Labels(Text(), names=ID)
_CLASS = Record("One class.", (Field("id", Integer(), "Class id."), Field("name", Text(), "Class name.")))
CLASSES = Record("Names of classes.", (Field("classes", List(_CLASS), "Every class, in the order given."),))


class Classes(Frozen):
    """Class ids and names that the overlays of an image share.

    Args:
        class_set: W&B's list `[{"id": 1, "name": "cat"}, ...]`, or a mapping `{1: "cat"}`.

    Raises:
        InputError: an id that is no integer or stands twice, a name that is no text.

    >>> Classes({1: "cat"}).labels
    {1: 'cat'}
    """

    _declaration = CLASSES
    _labels: dict[int, str]
    _classes: tuple[dict[str, Any], ...]  # as they stand in the document

    def __init__(self, class_set: Iterable[Mapping[str, Any]] | Mapping[Any, str]) -> None:
        self._fill(class_set, "Classes")

    def _fill(self, class_set: Any, where: str) -> None:
        labels = _read(class_set, where)
        self._set(_labels=labels, _classes=tuple({"id": id, "name": name} for id, name in labels.items()))

    @property
    def labels(self) -> dict[int, str]:
        """Names by class id, in the order given."""
        return dict(self._labels)

    def __repr__(self) -> str:
        return f"Classes({self._labels!r})"

    def _check(self) -> None:
        try:
            self._set(_labels=_read(self._classes, "classes"))
        except InputError as error:
            raise DocumentError(error.problems) from error


class _ClassList(List):
    """The list of a document's classes: in memory it is `Classes`."""

    def encode(self, value: Any, sink: Sink) -> list[Any]:
        return value._to_part(sink)["classes"]  # type: ignore[no-any-return]

    def decode(self, value: Any, source: Source) -> Any:
        return Classes._from_part({"classes": value}, source)


CLASS_LIST = _ClassList(_CLASS)


def read_classes(value: Any, where: str) -> Classes:
    """Classes as `Image(classes=)` takes them."""
    if isinstance(value, Classes):
        return value
    classes = Classes.__new__(Classes)
    classes._fill(value, where)
    return classes


def read_labels(labels: Any, where: str) -> dict[int, str] | None:
    """Checked `class_labels`: a mapping of integer (or numeric text) ids to names, `Classes`, or None."""
    if labels is None:
        return None
    if isinstance(labels, Classes):
        return labels.labels
    if not isinstance(labels, Mapping):
        hint = "Pass dict(enumerate(names))." if isinstance(labels, (list, tuple)) else "Pass {0: 'road', 1: 'car'}."
        raise InputError.of(where, "a mapping of class ids to names", labels, hint)
    return _read(labels, where)


def _read(classes: Any, where: str) -> dict[int, str]:
    problems: list[Problem] = []
    labels: dict[int, str] = {}
    if not isinstance(classes, Mapping):
        pairs = []
        if isinstance(classes, (str, bytes)) or not is_iterable(classes):
            raise InputError.of(where, "a list of {'id': ..., 'name': ...}", classes, "Pass {1: 'cat'}.")
        for position, entry in enumerate(classes):
            if isinstance(entry, Mapping) and "id" in entry and "name" in entry:
                pairs.append((f"{where}[{position}]", entry["id"], entry["name"]))
            else:
                problems.append(problem(f"{where}[{position}]", "a dict with 'id' and 'name'", entry, "Add both."))
    else:
        pairs = [(f"{where}[{key!r}]", key, name) for key, name in classes.items()]
    for at, key, name in pairs:
        id = _class_id(key)
        if id is None:
            problems.append(problem(at, "an integer class id", key, "Use the number that stands in the data."))
        elif not isinstance(name, str):
            problems.append(problem(at, "a name (text)", name, "Use str(...)."))
        elif not is_utf8_encodable(name):
            problems.append(problem(at, "text that UTF-8 can hold", name, "Remove the lone surrogates."))
        elif id in labels:
            problems.append(problem(at, "each class id once", key, "Remove one of them."))
        else:
            labels[id] = str.__str__(name)
    raise_all(problems)
    return labels


def _class_id(key: Any) -> int | None:
    if isinstance(key, bool) or (isinstance(key, str) and not re.fullmatch("[+-]?[0-9]{1,19}", key)):
        return None
    try:
        id = int(key) if isinstance(key, str) else index(key)
    except TypeError:
        return None
    return id if -(2**63) <= id < 2**63 else None


def complete_labels(labels: dict[int, str] | None, present: Iterable[int]) -> dict[int, str]:
    """Given labels, and `class_<id>` for every id in use that has none."""
    return {**{id: f"class_{id}" for id in present}, **(labels or {})}
