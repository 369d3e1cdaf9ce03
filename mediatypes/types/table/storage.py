"""How the cells of each kind are stored: as Arrow, and as JSON."""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from ..._core import canonical
from ..._core.codec import decode, encode
from ..._core.errors import DocumentError, MediaTypesError, Verbatim
from ..._core.sidecar import Sink, Source
from ...columns.arrow import MEDIA, binaries, bitmap, documents, fixed, list_array, list_of, texts
from ...columns.classify import MEDIA_LIST
from ...columns.typed_scalars import JSON_FORMS, JsonForm

SCALAR_LISTS = frozenset(("null_list", "integer_list", "number_list", "boolean_list", "string_list"))
PLAIN = SCALAR_LISTS | {"null", "integer", "number", "boolean", "string", "json", *JSON_FORMS}
FORMS = {
    **JSON_FORMS,
    "json": JsonForm(canonical.loads, canonical.bounded),
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


_TYPES = {
    "null": pa.float64(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "string": pa.utf8(),
    "binary": pa.binary(),
    "datetime": pa.timestamp("us"),
    "timestamp": pa.timestamp("us", "UTC"),
    "date": pa.date32(),
    "duration": pa.duration("us"),
    "decimal": pa.utf8(),
    "json": pa.utf8(),
    "mixed": pa.utf8(),
}
_DTYPES: dict[str, Any] = {"integer": np.int64, "number": np.float64, "boolean": bool}
_DIRECT: dict[type, str] = {bool: "boolean", int: "integer", float: "number", str: "string"}
_TIMES = {"datetime": "datetime64[us]", "timestamp": "datetime64[us]", "date": "datetime64[D]"}


def storage_type(kind: str) -> pa.DataType:
    """The Arrow type that cells of a kind are stored as."""
    if kind in SCALAR_LISTS:
        return list_of(_TYPES[kind.removesuffix("_list")])
    if kind == MEDIA_LIST:
        return list_of(MEDIA)
    return _TYPES.get(kind, MEDIA)


def build(kind: str, values: list[Any], sink: Sink) -> pa.Array:
    """The stored array of kept values; the sidecars of media go into `sink`."""
    if kind in _DTYPES:
        return _numbers(kind, values)
    if kind in ("string", "json"):
        return texts(values)
    if kind == "null":
        return fixed(np.zeros(len(values)), np.zeros(len(values), bool))
    if kind == "decimal":
        return texts([None if value is None else str(value) for value in values])
    if kind == "mixed":
        return texts([None if value is None else mixed_text(value, sink) for value in values])
    if kind == "binary":
        return binaries(values)
    if kind in PLAIN and kind not in SCALAR_LISTS:
        return _times(kind, values)
    if kind in SCALAR_LISTS:
        return list_array(values, lambda items: build(kind.removesuffix("_list"), items, sink))
    if kind == MEDIA_LIST:
        return list_array(values, lambda items: _documents(items, sink))
    return _documents(values, sink)


def infer(values: list[Any]) -> tuple[str, pa.Array] | None:
    """Kind and stored array of numbers, bools or texts, and None: nearly all columns, made in as few passes as can be.

    None where the values are of several types or of others, or one does not fit: these are looked at one by one.
    """
    types = _types_of(values) - {type(None)}
    kind = _DIRECT.get(types.pop()) if len(types) == 1 else None
    try:
        return None if kind is None else (kind, texts(values) if kind == "string" else _numbers(kind, values))
    except (OverflowError, UnicodeEncodeError):
        return None


def _types_of(values: list[Any]) -> set[type]:
    types = list(map(type, values))
    return set(types[:1]) if types and types.count(types[0]) == len(types) else set(types)


def values_of(kind: str, data: pa.ChunkedArray) -> list[Any]:
    """The kept values of stored cells of a plain kind."""
    if kind == "timestamp":  # to_pylist() would import pandas for the zone
        moments = data.cast(pa.int64()).cast(_TYPES["datetime"]).to_pylist()
        return [None if moment is None else moment.replace(tzinfo=UTC) for moment in moments]
    values: list[Any] = data.to_pylist()
    if kind == "null":
        return [None] * len(values)
    return [None if text is None else Decimal(text) for text in values] if kind == "decimal" else values


def restore(kind: str, data: pa.ChunkedArray, source: Source, where: str, start: int) -> list[Any]:
    """The kept values of stored cells with media, or of a mixed kind, from row `start` on; raises DocumentError."""
    values: list[Any] = []
    for row, cell in enumerate(document_texts(kind, data), start):
        try:
            if kind == "mixed":
                values.append(None if cell is None else read_mixed(cell, source))
            elif isinstance(cell, list):
                items = [None if text is None else canonical.loads(text) for text in cell]
                values.append(from_json(kind, items, source))
            else:
                values.append(None if cell is None else from_json(kind, canonical.loads(cell), source))
        except BROKEN as error:
            if isinstance(error, MediaTypesError):
                raise
            hint = "Restore the part from a copy."
            raise DocumentError.of(f"{where}[{row}]", f"a cell of {kind}", cell, hint, "part") from error
    return values


def stored_documents(kind: str, cells: list[Any]) -> pa.Array:
    """Cells of documents, read from JSON, as they stand in Parquet; raises ValueError if one is of another form."""
    if kind == "mixed":
        return texts([None if cell is None else canonical.dumps(cell) for cell in cells])
    is_list = kind == MEDIA_LIST
    if not all(cell is None or isinstance(cell, list if is_list else dict) for cell in cells):
        raise ValueError(f"cells of {kind}")
    items = [item for cell in cells if cell is not None for item in cell] if is_list else cells
    if not all(item is None or isinstance(item, dict) for item in items):
        raise ValueError("documents")
    return list_array(cells, documents) if is_list else documents(cells)


def document_texts(kind: str, data: pa.ChunkedArray | pa.Array) -> list[Any]:
    """For each cell its JSON text, None, or a list of such; a struct that is there without a text is no cell.

    Raises:
        DocumentError: a text is no UTF-8.
    """
    try:
        return _document_texts(kind, data)
    except UnicodeDecodeError as error:
        expected, got = f"texts of {kind} in UTF-8", Verbatim(str(error))
        raise DocumentError.of("Table.parts", expected, got, "Restore the part from a copy.", "part") from error


def _document_texts(kind: str, data: pa.ChunkedArray | pa.Array) -> list[Any]:
    cells: list[Any] = []
    for chunk in getattr(data, "chunks", [data]):
        items = chunk.flatten() if kind == MEDIA_LIST else chunk
        if kind == "mixed":
            cells += items.to_pylist()
            continue
        valid, stored = items.is_valid().to_pylist(), items.field("_doc").to_pylist()
        documents_ = [(text or "") if flag else None for flag, text in zip(valid, stored, strict=True)]
        if kind != MEDIA_LIST:
            cells += documents_
            continue
        left = iter(documents_)
        lengths = chunk.value_lengths().to_pylist()
        cells += [None if length is None else [next(left) for _ in range(length)] for length in lengths]
    return cells


def _documents(values: list[Any], sink: Sink) -> pa.Array:
    return documents([None if value is None else encode(value, sink) for value in values])


def _numbers(kind: str, values: list[Any]) -> pa.Array:
    """Numbers or bools; a sum tells sooner than a look at each whether None is among them."""
    try:
        sum(values)
    except TypeError:
        valid = np.array([value is not None for value in values], bool)
        return fixed(np.array([0 if value is None else value for value in values], _DTYPES[kind]), valid)
    return fixed(np.array(values, _DTYPES[kind]))


def _times(kind: str, values: list[Any]) -> pa.Array:
    if kind == "timestamp":
        values = [None if value is None else value.replace(tzinfo=None) for value in values]
    moments = np.array(values, _TIMES.get(kind, "timedelta64[us]"))
    valid = ~np.isnat(moments)
    dense = np.where(valid, moments.astype(np.int64), 0)
    data = pa.py_buffer(dense.astype(np.int32) if kind == "date" else dense)
    return pa.Array.from_buffers(_TYPES[kind], len(values), [bitmap(valid), data])
