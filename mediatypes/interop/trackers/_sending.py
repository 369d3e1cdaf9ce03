"""Cells of a call into a tracker: each becomes the tracker's own object, then all are sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..._core.codec import decode, encode
from ..._core.errors import CodecError, InputError, MediaTypesError, Problem, Verbatim, describe
from ...columns.log_cells import Named, plain_value
from ._adapter import Adapter

_HELD = "value"  # member of a stand-in for a document
_PLAIN = {"number": "number", "integer": "number", "boolean": "number", "string": "string"}


def hold(value: Any) -> dict[str, Any]:
    """A stand-in for a value's document that holds the value itself, for `read_cells`; nothing is encoded."""
    if not hasattr(type(value), "_declaration"):  # somebody else's, or a document
        from ...store.memory import MemoryStore

        store = MemoryStore()
        value = decode(encode(value, store), store)
    return {"_type": value._declaration.type, _HELD: value}


def held(stand_in: dict[str, Any]) -> Any:
    """The value that `hold` was given."""
    return stand_in[_HELD]


def make_objects(
    adapter: Adapter, cells: list[Named], value_of: Callable[[dict[str, Any]], Any], problems: list[Problem]
) -> dict[str, Any]:
    """The tracker's objects by key; a cell that has none becomes a problem.

    Args:
        adapter: of the tracker.
        cells: what was logged; None is left out.
        value_of: makes the value of a document.
        problems: gets what the tracker has no place for, and what its own classes refused.
    """
    made: dict[str, Any] = {}

    def add(key: str, kind: str, plain: Any, into: list[Any] | None = None) -> None:
        try:
            value = value_of(plain) if isinstance(plain, dict) else plain_value(kind, plain)
            native = _make(adapter, key, _PLAIN.get(kind, kind if isinstance(plain, dict) else "json"), value)
            if into is None:
                made[key] = native
            else:
                into.append(native)
        except Exception as error:
            problems.extend(one._replace(path=one.path or f'log["{key}"]') for one in describe(error))

    for key, kind, plain in cells:
        if kind != "media_list":
            if kind != "null":
                add(key, kind, plain)
            continue
        listed: list[Any] = []
        for i, document in enumerate(plain):
            if adapter.lists:
                add(key, document["_type"], document, listed)
            else:
                add(f"{key}/{i}", document["_type"], document)
        if listed:
            made[key] = listed
    return made


def _make(adapter: Adapter, key: str, kind: str, value: Any) -> Any:
    way = adapter.ways.get(kind)
    if way is None or way.make is None:
        why = "" if way is None else f" ({way.how})"
        raise InputError.of("", f"a type that {adapter.title} has a place for{why}", value, code="dropped")
    return way.make(value, key)


def send(adapter: Adapter, objects: dict[str, Any], step: int | None, target: Any = None) -> None:
    """Give a tracker its own objects. Whatever it raises becomes a `CodecError`."""
    try:
        target = adapter.current() if target is None and adapter.current else target
        if target is None:
            raise InputError.of("log.target", f"a run of {adapter.title}", target, adapter.hint)
        if objects:
            adapter.send(target, objects, step)
    except MediaTypesError:
        raise
    except Exception as error:
        said = Verbatim(f"{type(error).__name__}: {describe(error)[0].message}")
        raise CodecError.of("log", f"{adapter.title} to take {', '.join(objects)}", said) from error
