"""`media.parquet`: one row for each logged media item, with the step metrics of its row as index columns."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from .._core import canonical
from .._core.registry import builtin_types, known_types, lookup
from ..columns.arrays import Array
from ..columns.arrow import COLUMN_BUILDERS
from ..columns.batch import RANK
from ..columns.cells import MEDIA_LIST
from ..journal.metrics import Metrics
from .merge_rows import GROUP_BYTES, GROUP_ROWS, Cells
from .schema import ColumnSpec, Names

FIXED = {
    "key": "utf8",
    "step": "int64",
    "index": "int64",
    "type": "utf8",
    "caption": "utf8",
    "path": "utf8",
    "sha256": "utf8",
    "size": "int64",
    "media_type": "utf8",
    "_doc": "utf8",
}
_COPIED = ("caption", "path", "sha256", "size", "media_type")
INDEX_KINDS = {"number": "double", "integer": "int64", "string": "utf8"}


def type_columns(tags: Iterable[str]) -> dict[str, str]:
    """The columns that these types declare (`Field(column=True)`), by name; ours before others of the same name."""
    columns = dict(FIXED)
    for tag in (*builtin_types(), *known_types()):
        if tag in tags:
            columns = lookup(tag)[1].columns() | columns
    return {name: column for name, column in columns.items() if name not in FIXED}


def all_columns() -> dict[str, str]:
    """The columns that an index of media of all our types has, beside those of step metrics."""
    return FIXED | type_columns(builtin_types())


class MediaRows:
    """The rows of `media.parquet`, gathered while the history is made.

    Args:
        specs: all columns of the history.
        metrics: whose step metrics become columns.
        tags: the types whose own columns it has; by default those that were gathered when the first table is made.
    """

    def __init__(self, specs: Iterable[ColumnSpec], metrics: Metrics, tags: Collection[str] | None = None) -> None:
        self._metrics, self._tags = metrics, tags
        specs = list(specs)
        self._kinds = {spec.kind for spec in specs}
        names = [*dict.fromkeys(spec.key for spec in specs if spec.key == RANK[0]), *metrics.step_metrics]
        wanted: dict[str, list[ColumnSpec]] = {name: [] for name in names}
        for spec in specs:
            if spec.key in wanted:
                wanted[spec.key].append(spec)
        self._indexes = [_Index(name, own) for name, own in wanted.items()]
        self.indexes = [spec for index in self._indexes for spec in index.specs]
        self._rows: list[tuple[Any, ...]] = []  # as FIXED has the columns
        self._documents: list[dict[str, Any]] = []  # of each row
        self._values: list[list[Any]] = []  # for each row, of all index columns
        self._size = 0  # characters of the documents
        self._steps = np.zeros(0, np.int64)

    def begin(self, steps: Array, cells: list[Cells]) -> None:
        """Rows follow: their steps, and what stands in the columns of `indexes`."""
        self._steps, remaining = steps, iter(cells)
        for index in self._indexes:
            index.begin([next(remaining) for _ in index.specs])

    def add_cells(self, key: str, rows: Iterable[int], cells: Iterable[Any]) -> None:
        """Note the media in rows of those that began: a document each, or a list of them."""
        syncs = [index.name != RANK[0] and self._metrics.syncs(key, index.name) for index in self._indexes]
        for row, cell in zip(rows, cells, strict=True):
            values = [v for index, sync in zip(self._indexes, syncs, strict=True) for v in index.at(row, sync)]
            step = int(self._steps[row])
            for position, document in enumerate(cell) if isinstance(cell, list) else [(None, cell)]:
                self.add(key, step, position, document, values)

    def add_overrides(self, key: str, cell: Any) -> None:
        """Note the media in a value that was set in the summary."""
        for position, document in enumerate(cell) if isinstance(cell, list) else [(None, cell)]:
            if isinstance(document, dict) and "_type" in document:
                self.add(key, None, position, document, [None] * len(self.indexes))

    def add(self, key: str, step: int | None, index: int | None, document: dict[str, Any], values: list[Any]) -> None:
        """Note one logged item: `step` is None for a summary, `index` the position in a list, `values` the indexes."""
        copied, text = [document.get(name) for name in _COPIED], canonical.dumps(document)
        self._rows.append((key, step, index, document["_type"], *copied, text))
        self._documents.append(document)
        self._values.append(values)
        self._size += len(text)

    @property
    def count(self) -> int:
        """Items gathered."""
        return len(self._values)

    @property
    def is_full(self) -> bool:
        """Whether so many are gathered as make a row group."""
        return self.count >= GROUP_ROWS or self._size >= GROUP_BYTES

    def clear(self) -> None:
        """Forget what was gathered; values of index columns are carried on."""
        self._rows, self._documents, self._values, self._size = [], [], [], 0

    @cached_property
    def _own(self) -> dict[str, str]:
        """The columns of types. If there is more to come, a list may yet bring any type."""
        tags = self._tags
        if tags is None:
            present = {document["_type"] for document in self._documents} | self._kinds
            tags = builtin_types() if self.is_full and MEDIA_LIST in self._kinds else present
        return type_columns(tags)

    @cached_property
    def columns(self) -> list[ColumnSpec]:
        """The index columns, under their names in this table."""
        names, specs, known = Names((*FIXED, *self._own)), [], set[str]()
        for spec in self.indexes:
            name = names.free(f"{spec.key}#{spec.kind}" if spec.key in known else spec.key, spec.kind)
            known.add(spec.key)
            specs.append(spec._replace(name=name))
        return specs

    def table(self) -> pa.Table:
        """All of them."""
        own, indexes = self._own, self.columns
        values: list[Any] = [*zip(*self._rows, strict=True)] if self._rows else [()] * len(FIXED)
        values += [[document.get(name) for document in self._documents] for name in own]
        values += [*zip(*self._values, strict=True)] if self._values else [()] * len(indexes)
        kinds = [*FIXED.values(), *own.values(), *(INDEX_KINDS[spec.kind] for spec in indexes)]
        arrays = [COLUMN_BUILDERS[kind](list(column)) for kind, column in zip(kinds, values, strict=True)]
        return pa.Table.from_arrays(arrays, [*FIXED, *own, *(spec.name for spec in indexes)])


class _Index:
    """A step metric: its values in the rows at hand, and the last one before them."""

    def __init__(self, name: str, specs: list[ColumnSpec]) -> None:
        self.name, self.specs = name, [spec for spec in specs if spec.kind in INDEX_KINDS]
        self._before: tuple[int, Any] | None = None  # which of the columns has it, and the value
        self._cells: list[Cells] = []
        self._starts = self._rows = self._order = np.zeros(0, np.int64)

    def begin(self, cells: list[Cells]) -> None:
        """Take the cells of each column for the next rows; a row has a value in one of them at most."""
        if len(self._rows):
            self._before = self._value(len(self._rows) - 1)
        self._cells, self._starts = cells, np.cumsum([0, *(len(rows) for rows, _ in cells)])
        rows = np.concatenate([np.zeros(0, np.int64), *(rows for rows, _ in cells)])
        self._order = np.argsort(rows, kind="stable")
        self._rows = rows[self._order]

    def at(self, row: int, sync: bool) -> list[Any]:
        """The value of each column for a row: its own, or with `sync` the last one before it."""
        position = int(np.searchsorted(self._rows, row, "right")) - 1
        own = position >= 0 and self._rows[position] == row
        value = self._before if position < 0 else self._value(position)
        values: list[Any] = [None] * len(self.specs)
        if value and (own or sync):
            values[value[0]] = value[1]
        return values

    def _value(self, position: int) -> tuple[int, Any]:
        at = int(self._order[position])
        column = int(np.searchsorted(self._starts, at, "right")) - 1
        value = self._cells[column][1][at - self._starts[column]]
        return column, value.item() if hasattr(value, "item") else value


_PIECE = 1024  # rows whose cells are Python objects at once


def documents(table: pa.Table, name: str) -> Iterator[tuple[str, str]]:
    """Each document of a media column as (its place, such as `[step 20]`, its JSON text); "" where a cell has none."""
    for batch in table.select(["_step", name]).to_batches(max_chunksize=_PIECE):
        column, steps = batch.column(1), batch.column(0).to_pylist()
        if pa.types.is_struct(column.type):
            texts, valid = column.field("_doc").to_pylist(), column.is_valid().to_pylist()
            yield from (
                (f"[step {step}]", text or "") for step, text, there in zip(steps, texts, valid, strict=True) if there
            )
        else:
            for step, items in zip(steps, column.to_pylist(), strict=True):
                for index, item in enumerate(items or ()):
                    yield f"[step {step}][{index}]", (item or {}).get("_doc") or ""
