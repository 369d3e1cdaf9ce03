"""The names of the kinds of table cells, and the JSON form of a cell of each kind."""

from __future__ import annotations

from typing import Any

from ..._core import canonical
from ..._core.codec import decode, encode
from ..._core.sidecar import Sink, Source
from ...columns.classify import MEDIA_LIST
from ...columns.typed_scalars import JSON_FORMS, JsonForm

SCALAR_LISTS = frozenset(("null_list", "integer_list", "number_list", "boolean_list", "string_list"))
PLAIN = SCALAR_LISTS | {"null", "integer", "number", "boolean", "string", "json", *JSON_FORMS}
FORMS = {
    **JSON_FORMS,
    "json": JsonForm(canonical.loads, lambda cell: cell),
}  # kinds that JSON holds in another form


def to_json(kind: str, value: Any, sink: Sink) -> Any:
    """A kept value as JSON data; the sidecars of media go into `sink`."""
    if value is None:
        return None
    if kind == "mixed":
        return canonical.loads(mixed_text(value, sink))
    if kind in PLAIN:
        return FORMS[kind].write(value) if kind in FORMS else value
    if kind == MEDIA_LIST:
        return [None if item is None else encode(item, sink) for item in value]
    return encode(value, sink)


def from_json(kind: str, cell: Any, source: Source | None = None) -> Any:
    """The Python value of a cell; raises one of `BROKEN` if it is not of that form."""
    if cell is None:
        return None
    if kind == "mixed":
        return _untagged(cell, source)
    if kind in PLAIN:
        return FORMS[kind].read(cell) if kind in FORMS else cell
    if kind == MEDIA_LIST:
        return [_value(item, "media", source) for item in cell]
    return _value(cell, kind, source)


BROKEN = (ValueError, TypeError, ArithmeticError, LookupError)


def _value(document: Any, tag: str, source: Source | None) -> Any:
    if document is None:
        return None
    if not isinstance(document, dict) or (tag != "media" and document.get("_type") != tag) or source is None:
        raise ValueError(f"no document of {tag}")
    return decode(document, source)


def tag(value: Any, kind: str) -> Any:
    """A kept value of another kind as a column of mixed values keeps it: JSON text, or the media as they are.

    What JSON cannot tell apart is the object `{"_type": kind, "value": cell}`.
    """
    if kind not in PLAIN:
        return value
    cell = FORMS[kind].write(value) if kind in FORMS else value
    if kind in JSON_FORMS:
        cell = {"_type": kind, "value": cell}
    return canonical.dumps(cell)


def mixed_text(value: Any, sink: Sink) -> str:
    """A kept value of a mixed column as JSON text."""
    if isinstance(value, str):
        return value
    kind = MEDIA_LIST if isinstance(value, list) else "media"
    return canonical.dumps({"_type": kind, "value": to_json(kind, value, sink)})


def read_mixed(text: str, source: Source | None) -> Any:
    """The kept value behind the JSON text of a mixed cell."""
    cell = canonical.loads(text)
    is_media = isinstance(cell, dict) and cell.get("_type") in ("media", MEDIA_LIST)
    return _untagged(cell, source) if is_media else text


def _untagged(cell: Any, source: Source | None) -> Any:
    if not isinstance(cell, dict) or "_type" not in cell:
        return cell
    kind = cell["_type"]
    if kind not in JSON_FORMS and kind not in ("media", MEDIA_LIST):
        raise ValueError(f"a cell of the unknown kind {kind!r}")
    return from_json(kind, cell["value"], source)
