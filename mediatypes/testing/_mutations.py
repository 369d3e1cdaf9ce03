"""Documents changed one place at a time, and the places in documents that a test looks for."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from .._core.declaration import List, Map, Record, Shape

_REPLACEMENTS: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2.0, 1.5, -0.5, 1e300, 2**53, -(2**40)),
    *("", "text", "1", "0" * 64, "9.9", [], [None], [0], ["text"], [{}], {}, {"1": "text"}, {"name": 0}),
)
_LONG = 600  # longer than any list a document may hold

Place = tuple[str | int, ...]


def mutations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Copies of a document with one member dropped, added, or replaced, each with a name; nested ones too."""
    for place in _places(document):
        held = _at(document, place)
        if place:
            yield f"without {place}", _changed(document, place)
        for replacement in _REPLACEMENTS if place else ():
            yield f"{place} = {replacement!r}", _changed(document, place, replacement)
        if type(held) is int:
            yield f"{place} as a float", _changed(document, place, float(held))
        elif isinstance(held, dict):
            yield f"{place} with a new member", _changed(document, (*place, "new member"), 0)
        elif isinstance(held, list):
            yield f"{place} repeated", _changed(document, place, (held or [0]) * _LONG)


def records(shape: Shape, value: Any, place: Place = ()) -> Iterator[Place]:
    """Where in a value of a declared shape records stand: objects with named fields, which may get new ones."""
    if isinstance(shape, Record) and isinstance(value, dict):
        yield place
        for field in shape.fields:
            if field.name in value:
                yield from records(field.shape, value[field.name], (*place, field.name))
    elif isinstance(shape, Map) and isinstance(value, dict):
        for name, item in value.items():
            yield from records(shape.item, item, (*place, name))
    elif isinstance(shape, List) and isinstance(value, list):
        for i, item in enumerate(value):
            yield from records(shape.item, item, (*place, i))


def references(document: Any, place: Place = ()) -> Iterator[Place]:
    """Where in a document the references to sidecars stand."""
    if isinstance(document, dict):
        if {"path", "sha256", "size"} <= set(document):
            yield place
        for name, item in document.items():
            yield from references(item, (*place, name))
    elif isinstance(document, list):
        for i, item in enumerate(document):
            yield from references(item, (*place, i))


def with_member(document: dict[str, Any], place: Place, value: Any) -> dict[str, Any]:
    """A deep copy of a document with one member set."""
    return _changed(document, place, value)


def scramble(held: Any) -> None:
    """Empty every dict and list of a document in place."""
    for item in list(held.values() if isinstance(held, dict) else held):
        if isinstance(item, (dict, list)):
            scramble(item)
    held.clear()


def _places(value: Any, place: Place = ()) -> Iterator[Place]:
    yield place
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _places(item, (*place, name))
    elif isinstance(value, list):
        for i in sorted({0, len(value) - 1}) if value else ():  # the items between are like these
            yield from _places(value[i], (*place, i))


def _at(value: Any, place: Place) -> Any:
    for step in place:
        value = value[step]
    return value


def _changed(document: dict[str, Any], place: Place, *value: Any) -> dict[str, Any]:
    made = deepcopy(document)
    parent = _at(made, place[:-1])
    if value:
        parent[place[-1]] = deepcopy(value[0])
    else:
        del parent[place[-1]]
    return made
