"""A column of a table: an Arrow head as it was given or read, and a tail of Python values that grows."""

from __future__ import annotations

import os
from threading import RLock
from types import NoneType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..._core import canonical
from ..._core.errors import DocumentError, InputError, MediaTypesError, Problem, collect, raise_all
from ..._core.sidecar import HashingSink, Sink, Source
from ..._core.value import Value
from ...columns.arrow import fixed, texts
from ...columns.classify import EXACT, MEDIA_LIST
from .kinds import convert, read_values
from .storage import BROKEN, PLAIN, build, from_json, infer, restore, storage_type, values_of

WHOLE = {"number": "integer", "number_list": "integer_list"}  # kinds of which all may be integers, and how it is told
_NOTHING = HashingSink()
_locks = [RLock()]
if hasattr(os, "register_at_fork"):  # another thread may hold it while the process is copied
    os.register_at_fork(after_in_child=lambda: _locks.__setitem__(0, RLock()))


class Column:
    """The values of one column, typed.

    `head` is None where all values are Python's. Media in it are stored documents, decoded from `source` when they are
    asked for.
    """

    __slots__ = ("head", "kind", "name", "source", "tail")

    def __init__(
        self,
        name: str,
        kind: str = "null",
        head: pa.ChunkedArray | None = None,
        tail: Any = (),
        source: Source | None = None,
    ) -> None:
        self.name, self.kind, self.head, self.source = name, kind, head, source
        self.tail: list[Any] = list(tail)

    @classmethod
    def of(cls, name: str, values: list[Any], mixed: bool) -> Column:
        """A column of Python values; raises InputError where they do not fit."""
        if inferred := infer(values):
            return cls(name, inferred[0], pa.chunked_array([inferred[1]]))
        made = cls(name)
        made.add(*made.read(values, mixed))
        return made

    def __len__(self) -> int:
        return self.head_length + len(self.tail)

    @property
    def head_length(self) -> int:
        return 0 if self.head is None else len(self.head)

    @property
    def may_hold_media(self) -> bool:
        return self.kind not in PLAIN

    def is_unchanging(self) -> bool:
        """Whether its media are all our own frozen values: no tables, which grow, and nothing of others."""
        items = (item for cell in self.tail for item in (cell if isinstance(cell, list) else (cell,)))
        return all(isinstance(item, (str, NoneType)) or (isinstance(item, Value) and item.__hash__) for item in items)

    def media_type(self) -> str | None:
        """The type that all its media have, also those in lists; "media" for several, None if it holds no media."""
        if not self.may_hold_media or self.kind == "mixed":
            return None
        if self.kind != MEDIA_LIST:
            return self.kind
        chunks = [] if self.head is None else [chunk.flatten().field("_type") for chunk in self.head.chunks]
        tags = {tag for chunk in chunks for tag in chunk.drop_null().unique().to_pylist()}
        items = [item for cell in self.tail if cell is not None for item in cell if item is not None]
        tags |= {item._declaration.type if isinstance(item, Value) else "media" for item in items}
        return tags.pop() if len(tags) == 1 else "media"

    def copy(self) -> Column:
        """Another column of the same values, which grows on its own."""
        return Column(self.name, self.kind, self.head, self.tail, self.source)

    def view(self) -> Column:
        """The same column, of which only the rows that it has now are to be read: it shares what grows."""
        made = Column(self.name, self.kind, self.head, (), self.source)
        made.tail = self.tail
        return made

    def detached(self) -> Column:
        """A copy that needs no source: its media are decoded."""
        return self.copy() if self.source is None else Column(self.name, self.kind, None, self.kept(0, len(self)))

    @property
    def public_kind(self) -> str:
        """The kind by the name that it has in a run, too: integers within 2**53 are numbers."""
        number = {whole: kind for kind, whole in WHOLE.items()}.get(self.kind)
        return number if number and self._is_exact() else self.kind

    def read(self, values: list[Any], mixed: bool) -> tuple[str, list[Any]]:
        """What `add` needs for these values; raises InputError where they do not fit."""
        start = len(self)

        def where(row: int) -> str:
            return f"Table.data[{start + row}][{self.name!r}]"

        kind, kept = read_values(values, self.kind, where, mixed)
        is_widened = (self.kind, kind) in (("integer", "number"), ("integer_list", "number_list"))
        if is_widened and not self._is_exact():
            got = "integers beyond 2**53 before"
            raise InputError.of(where(0), "integers, as in the column", values[0], f"The column holds {got}.", "range")
        return kind, kept

    def _is_exact(self) -> bool:
        whole = [item for value in self.tail for item in (value if isinstance(value, list) else [value])]
        if self.head is not None:
            integers = cast_to(self.head, self.kind, self.kind, self.name)
            flat = pc.list_flatten(integers) if self.kind == "integer_list" else integers
            whole += pc.min_max(flat).as_py().values()
        present = [value for value in whole if value is not None]
        return not present or (min(present) >= -EXACT and max(present) <= EXACT)

    def add(self, kind: str, kept: list[Any]) -> None:
        """Add values that `read` returned."""
        if kind != self.kind:
            self._promote(kind)
        self.tail += kept

    def _promote(self, kind: str) -> None:
        if kind not in PLAIN or (kind == "json" and self.kind != "null"):  # values that Arrow cannot cast
            self.tail, self.head, self.source = self.kept(0, len(self)), None, None
        elif self.head is not None:
            self.head = cast_to(self.head, self.kind, kind, self.name)
        self.tail = [convert(value, self.kind, kind) for value in self.tail]
        self.kind = kind

    def kept(self, start: int, stop: int) -> list[Any]:
        """Values as the tail keeps them."""
        split = self.head_length
        values: list[Any] = []
        if self.head is not None and start < split:
            head = self.head.slice(start, min(stop, split) - start)
            if self.source is not None:
                values = restore(self.kind, head, self.source, f"Table[{self.name!r}]", start)
            else:
                values = values_of(self.kind, cast_to(head, self.kind, self.kind, self.name))
        return values + self.tail[max(0, start - split) : max(0, stop - split)]

    def values(self, start: int = 0, stop: int | None = None) -> list[Any]:
        """Python values of some rows."""
        try:
            kept = self.kept(start, len(self) if stop is None else stop)
            if self.kind == "json":
                return [None if text is None else canonical.loads(text) for text in kept]
            if self.kind == "mixed":
                return [from_json("mixed", canonical.loads(v)) if isinstance(v, str) else _own(v) for v in kept]
            return list(map(_own, kept)) if self.kind.endswith("_list") else kept
        except MediaTypesError:
            raise
        except BROKEN as error:
            hint = "Restore the table from a copy."
            raise DocumentError.of(
                f"Table[{self.name!r}]", f"texts of {self.kind}", str(error), hint, "text"
            ) from error

    def take(self, rows: list[int]) -> Column:
        """Some rows, ascending."""
        split, head = self.head_length, self.head
        if head is not None:
            head = head.take(fixed(np.array([row for row in rows if row < split], np.int64)))
        tail = [self.tail[row - split] for row in rows if row >= split]
        return Column(self.name, self.kind, head, tail, self.source)

    def field(self) -> pa.Field:
        """The field of this column in Arrow and Parquet."""
        return pa.field(self.name, storage_type(self.kind))

    def array(self, start: int, stop: int, sink: Sink) -> pa.Array:
        """Some rows as they are stored; the sidecars of media go into `sink`."""
        if self.source is not None:
            return build(self.kind, self.kept(start, stop), sink)
        split = self.head_length
        chunks = []
        if self.head is not None and start < split:
            chunks += cast_to(self.head.slice(start, min(stop, split) - start), self.kind, self.kind, self.name).chunks
        tail = self.tail[max(0, start - split) : max(0, stop - split)]
        if tail or not chunks:
            chunks.append(build(self.kind, tail, sink))
        return chunks[0] if len(chunks) == 1 else pa.concat_arrays(chunks)


def growing() -> RLock:
    """What is held while a row or column is added to a table, and while its columns are taken as they are."""
    return _locks[0]


def at_once(columns: list[Column]) -> tuple[list[Column], int]:
    """Views of the columns of a table, to which other threads may add, and how many rows all of them have."""
    with growing():
        return [column.view() for column in columns], len(columns[0]) if columns else 0


def add_row(columns: list[Column], row: tuple[Any, ...], mixed: bool) -> bool:
    """Add a row, all of it or nothing, and tell whether a kind changed; raises InputError with all that is wrong."""
    problems: list[Problem] = []
    cells = [collect(problems, column.read, [cell], mixed) for column, cell in zip(columns, row, strict=True)]
    raise_all(problems)
    is_changed = False
    for column, (kind, kept) in zip(columns, cells, strict=True):
        is_changed |= kind != column.kind
        column.add(kind, kept)
    return is_changed


def cast_to(data: pa.ChunkedArray, old: str, new: str, where: str) -> pa.ChunkedArray:
    """Arrow data of a kind as it is stored in a column of a kind that includes it."""
    kind = storage_type(new)
    if data.type == kind:
        return data
    if old in ("null", "null_list"):
        return pa.chunked_array([build(new, values_of(old, data), _NOTHING)])
    if old == new == "json":
        chunks = [texts(_json_texts(chunk.to_pylist(), where)) for chunk in data.chunks]
        return pa.chunked_array(chunks, kind)
    if pa.types.is_dictionary(data.type):
        data = pa.chunked_array([chunk.dictionary.cast(kind).take(chunk.indices) for chunk in data.chunks], kind)
    return data.cast(kind)


def _json_texts(values: list[Any], where: str) -> list[Any]:
    """Nested Arrow data as JSON texts."""
    kind, kept = read_values([value for value in values if value is not None], "null", lambda _: where, False)
    made = iter(kept)
    return [None if value is None else convert(next(made), kind, "json") for value in values]


def _own(value: Any) -> Any:
    """A list of the caller's own."""
    return list(value) if isinstance(value, list) else value
