"""A column of a table: an Arrow head as it was given or read, and a tail of Python values that grows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .._core import canonical
from .._core.codec import encode
from .._core.errors import DocumentError, InputError
from .._core.sidecar import Sink
from ._arrow import bitmap, documents, fixed, media_type, texts
from ._table_kinds import EXACT, PLAIN, convert, read_values

_TYPES = {
    "null": pa.float64(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "string": pa.utf8(),
    "datetime": pa.timestamp("us"),
    "timestamp": pa.timestamp("us", "UTC"),
    "date": pa.date32(),
    "decimal": pa.utf8(),
    "json": pa.utf8(),
    "mixed": pa.utf8(),
}
_DTYPES: dict[str, Any] = {"integer": np.int64, "number": np.float64, "boolean": bool}
KIND = b"mediatypes.kind"


class Column:
    """The values of one column, typed. `head` is None where all values are Python's."""

    __slots__ = ("head", "kind", "name", "tail")

    def __init__(self, name: str, kind: str = "null", head: pa.ChunkedArray | None = None, tail: Any = ()) -> None:
        self.name, self.kind, self.head = name, kind, head
        self.tail: list[Any] = list(tail)

    def __len__(self) -> int:
        return self.head_length + len(self.tail)

    @property
    def head_length(self) -> int:
        return 0 if self.head is None else len(self.head)

    @property
    def is_media(self) -> bool:
        return self.kind not in PLAIN

    def copy(self) -> Column:
        """Another column of the same values, which grows on its own."""
        return Column(self.name, self.kind, self.head, self.tail)

    def read(self, values: list[Any], mixed: bool) -> tuple[str, list[Any]]:
        """What `add` needs for these values; raises InputError where they do not fit."""
        start = len(self)

        def where(row: int) -> str:
            return f"Table.data[{start + row}][{self.name!r}]"

        kind, kept = read_values(values, self.kind, where, mixed)
        if kind == "number" and self.kind == "integer" and not self._is_exact():
            got = "integers beyond 2**53 before"
            raise InputError.of(where(0), "an integer, as in the column", kept[0], f"The column holds {got}.", "range")
        return kind, kept

    def _is_exact(self) -> bool:
        whole = [value for value in self.tail if value is not None]
        if self.head is not None and self.head_length > self.head.null_count:
            whole += pc.min_max(self.head.cast(pa.int64())).as_py().values()
        return not whole or (min(whole) >= -EXACT and max(whole) <= EXACT)

    def add(self, kind: str, kept: list[Any]) -> None:
        """Add values that `read` answered."""
        if kind != self.kind:
            self._become(kind)
        self.tail += kept

    def _become(self, kind: str) -> None:
        if kind == "mixed" or kind not in PLAIN:  # values that Arrow cannot cast
            self.tail, self.head = self.kept(0, len(self)), None
        elif self.head is not None:
            self.head = _cast(self.head, self.kind, kind, self.name)
        self.tail = [convert(value, self.kind, kind) for value in self.tail]
        self.kind = kind

    def kept(self, start: int, stop: int) -> list[Any]:
        """Values as the tail keeps them."""
        split = self.head_length
        found: list[Any] = []
        if self.head is not None and start < split:
            head = _cast(self.head.slice(start, min(stop, split) - start), self.kind, self.kind, self.name)
            found = _from_arrow(head, self.kind)
        return found + self.tail[max(0, start - split) : max(0, stop - split)]

    def values(self, start: int = 0, stop: int | None = None) -> list[Any]:
        """Python values of some rows."""
        try:
            kept = self.kept(start, len(self) if stop is None else stop)
            if self.kind not in ("json", "mixed"):
                return kept
            return [None if text is None else canonical.loads(text) for text in kept]
        except (ValueError, ArithmeticError) as error:
            hint = "Restore the table from a copy."
            raise DocumentError.of(
                f"Table[{self.name!r}]", f"texts of {self.kind}", str(error), hint, "text"
            ) from error

    def take(self, rows: list[int]) -> Column:
        """Some rows, ascending."""
        split = self.head_length
        head = None if self.head is None else self.head.take(_indices([row for row in rows if row < split]))
        return Column(self.name, self.kind, head, [self.tail[row - split] for row in rows if row >= split])

    def field(self) -> pa.Field:
        """The field of this column in Arrow and Parquet."""
        kind = _TYPES[self.kind] if self.kind in _TYPES else media_type(self.kind)
        return pa.field(self.name, kind, metadata={KIND: self.kind.encode()})

    def array(self, start: int, stop: int, sink: Sink) -> pa.Array:
        """Some rows as they are stored; the sidecars of media go into `sink`."""
        split = self.head_length
        if self.is_media:
            media = self.tail[start:stop]
            return documents(self.kind, [None if value is None else encode(value, sink) for value in media])
        chunks = []
        if self.head is not None and start < split:
            found = _cast(self.head.slice(start, min(stop, split) - start), self.kind, self.kind, self.name)
            chunks += found.chunks
        tail = self.tail[max(0, start - split) : max(0, stop - split)]
        if tail or not chunks:
            chunks.append(_build(self.kind, tail))
        return chunks[0] if len(chunks) == 1 else pa.concat_arrays(chunks)


def from_arrow(field: pa.Field, data: pa.ChunkedArray, where: str) -> Column:
    """A column of Arrow data, kept as it was given; only whether it can be stored is looked at, chunk by chunk."""
    kind = _kind_of(field.type, where)
    if kind in ("integer", "datetime", "timestamp", "date", "json"):
        for chunk in data.chunks:
            try:
                _cast(pa.chunked_array([chunk], data.type), kind, kind, where)
            except pa.ArrowInvalid as error:
                hint = "Cast the column first; times need whole microseconds, integers 64 bits."
                raise InputError.of(where, f"values that fit {_TYPES[kind]}", str(error), hint, "range") from error
    return Column(field.name, kind, data)


def _kind_of(found: pa.DataType, where: str) -> str:
    """The kind that a column of this Arrow type is stored as."""
    kind = found.value_type if pa.types.is_dictionary(found) else found
    checks: tuple[tuple[Callable[[Any], bool], str], ...] = (
        (pa.types.is_null, "null"),
        (pa.types.is_boolean, "boolean"),
        (pa.types.is_integer, "integer"),
        (pa.types.is_floating, "number"),
        (pa.types.is_date, "date"),
        (pa.types.is_decimal, "decimal"),
        (pa.types.is_nested, "json"),
        (lambda t: t in (pa.utf8(), pa.large_utf8(), pa.string_view()), "string"),
        (lambda t: pa.types.is_timestamp(t) and t.tz is None, "datetime"),
        (pa.types.is_timestamp, "timestamp"),
    )
    for check, name in checks:
        if check(kind):
            return name
    hint = "Cast the column to text or numbers; bytes of pictures become mt.Image(data)."
    raise InputError.of(where, "a column type that a table can hold", str(found), hint, "type")


def _cast(data: pa.ChunkedArray, old: str, new: str, where: str) -> pa.ChunkedArray:
    """Arrow data of a kind as it is stored in a column of a kind that includes it."""
    kind = _TYPES[new]
    if data.type == kind:
        return data
    if old == "null":
        return pa.chunked_array([pa.nulls(len(data), kind)])
    if pa.types.is_nested(data.type):
        chunks = [texts(read_values(c.to_pylist(), "null", lambda _: where, False)[1]) for c in data.chunks]
        return pa.chunked_array(chunks, kind)
    if pa.types.is_dictionary(data.type):
        data = pa.chunked_array([chunk.dictionary.cast(kind).take(chunk.indices) for chunk in data.chunks], kind)
    return data.cast(kind)


def _from_arrow(data: pa.ChunkedArray, kind: str) -> list[Any]:
    if kind == "timestamp":  # to_pylist() would import pandas for the zone
        moments = data.cast(pa.int64()).cast(_TYPES["datetime"]).to_pylist()
        return [None if moment is None else moment.replace(tzinfo=UTC) for moment in moments]
    values: list[Any] = data.to_pylist()
    if kind == "null":
        return [None] * len(values)
    return [None if text is None else Decimal(text) for text in values] if kind == "decimal" else values


def _build(kind: str, values: list[Any]) -> pa.Array:
    """The stored array of kept values of a plain kind."""
    if kind in ("integer", "number", "boolean"):
        if not _has_none(values):
            return fixed(np.array(values, _DTYPES[kind]), np.ones(len(values), bool))
        valid = np.array([value is not None for value in values], bool)
        return fixed(np.array([0 if value is None else value for value in values], _DTYPES[kind]), valid)
    if kind == "null":
        return fixed(np.zeros(len(values)), np.zeros(len(values), bool))
    if kind == "decimal":
        return texts([None if value is None else str(value) for value in values])
    if kind in ("datetime", "timestamp", "date"):
        return _times(kind, values)
    return texts(values)


def _has_none(values: list[Any]) -> bool:
    """Whether None may be among scalars; a sum tells sooner than a look at each."""
    try:
        sum(values)
    except TypeError:
        return True
    return False


def _times(kind: str, values: list[Any]) -> pa.Array:
    if kind == "timestamp":
        values = [None if value is None else value.replace(tzinfo=None) for value in values]
    moments = np.array(values, "datetime64[D]" if kind == "date" else "datetime64[us]")
    valid = ~np.isnat(moments)
    dense = np.where(valid, moments.astype(np.int64), 0)
    data = pa.py_buffer(dense.astype(np.int32) if kind == "date" else dense)
    return pa.Array.from_buffers(_TYPES[kind], len(values), [bitmap(valid), data])


def _indices(rows: list[int]) -> pa.Array:
    return fixed(np.array(rows, np.int64), np.ones(len(rows), bool))
