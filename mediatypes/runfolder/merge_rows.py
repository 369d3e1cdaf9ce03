"""Calls merged into rows: consecutive calls of one step and rank are one row; of several values for a key the last
stays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from .._core.canonical import PreEncodedJson
from ..columns.arrays import Array
from ..columns.batch import Batch, Values
from ..columns.cells import arrow_type, inner_paths, is_media_kind, make_array
from .schema import FIXED, ColumnSpec

Cells = tuple[Array, Array | list[Any]]  # of one column: ascending rows, counted from the first at hand, and values

GROUP_ROWS = 128 * 1024
GROUP_BYTES = 64 * 1024 * 1024
GROUP_CELLS = 1 << 25  # of all columns: a row without a value takes memory too, if another one at hand has one


def arrow_schema(specs: Iterable[ColumnSpec]) -> pa.Schema:
    """The columns of a history: the fixed three, then one for each key and kind."""
    fields = [pa.field(name, pa.int64() if name == "_step" else pa.float64(), nullable=False) for name in FIXED]
    return pa.schema([*fields, *((spec.name, arrow_type(spec.kind)) for spec in specs)])


class MediaSink(Protocol):
    """Who wants to know of the media in the rows, as they are made."""

    indexes: list[ColumnSpec]  # columns that are wanted besides

    def begin(self, steps: Array, cells: list[Cells]) -> None:
        """Rows follow, numbered from 0: their steps, and the cells of `indexes`."""

    def add_cells(self, key: str, rows: Iterable[int], cells: Iterable[Any]) -> None:
        """Documents, or lists of them, of one column, and the rows they stand in."""


def build_rows(
    batches: Iterable[Batch],
    specs: list[ColumnSpec],
    started: float,
    media: MediaSink | None = None,
    chosen: list[ColumnSpec] | None = None,
) -> Iterator[pa.RecordBatch]:
    """Record batches of whole rows, at most 128k rows, 2**25 cells or about 64 MiB each.

    Args:
        batches: all calls in order, each as `scan()` yields them.
        specs: all columns of the history: which kind of a key wins in a row depends on all of them.
        started: the run's start in seconds since the epoch; `_runtime` counts from there.
        media: is told of every media document that stays.
        chosen: those of the columns to make; all by default.
    """
    chosen = specs if chosen is None else chosen
    schema, rows = arrow_schema(chosen), _Rows(specs, chosen, started, media)
    cells = len(FIXED) + sum(len(inner_paths(spec.kind)) for spec in chosen)  # of a row
    most = max(min(GROUP_ROWS, GROUP_CELLS // cells), 1)
    for batch in batches:
        rows.add(batch)
        while rows.complete >= most or (rows.size > GROUP_BYTES and rows.complete):
            yield rows.take(min(rows.complete, most), schema)
    while rows.complete + 1 > most:
        yield rows.take(most, schema)
    if rows.last >= rows.first:
        yield rows.take(rows.last + 1 - rows.first, schema)


class _Rows:
    """Values waiting to become rows. Rows are numbered from 0; the last one may still get more calls."""

    def __init__(
        self, specs: list[ColumnSpec], chosen: list[ColumnSpec], started: float, media: MediaSink | None
    ) -> None:
        self.chosen, self.started, self.media = chosen, started, media
        wanted = {spec.key for spec in chosen}
        self.by_key: dict[str, list[ColumnSpec]] = {}
        for spec in specs:
            if spec.key in wanted:
                self.by_key.setdefault(spec.key, []).append(spec)
        self.first, self.last, self.step, self.rank = 0, -1, 0, 0
        self.heads: list[tuple[Array, Array, Array]] = []  # row of each call, its step, its timestamp
        self.pieces: dict[tuple[str, str], list[tuple[Array, Array, Array | list[Any]]]] = {}  # rows, sequences, values
        self.size = 0
        self._latest: dict[str, Array] = {}  # of keys with several kinds, the last call of each row at hand
        self._nulls: dict[str, pa.Array] = {}  # by kind, a column of the rows at hand without any value

    @property
    def complete(self) -> int:
        """Rows that no further call can change."""
        return self.last - self.first

    def add(self, batch: Batch) -> None:
        steps = batch.steps
        changed = np.empty(len(steps), bool)
        changed[0] = self.last < 0 or steps[0] != self.step
        np.not_equal(steps[1:], steps[:-1], out=changed[1:])
        if batch.ranks is not None:
            changed[0] |= batch.ranks[0] != self.rank
            changed[1:] |= batch.ranks[1:] != batch.ranks[:-1]
            self.rank = int(batch.ranks[-1])
        rows = self.last + np.cumsum(changed)
        self.heads.append((rows, steps, batch.timestamps))
        self.last, self.step = int(rows[-1]), int(steps[-1])
        for (key, kind), values in batch.columns.items():
            if key in self.by_key:
                piece = (rows[values.calls], batch.sequence + values.calls, values.values)
                self.pieces.setdefault((key, kind), []).append(piece)
                self.size += bytes_of(values)

    def take(self, count: int, schema: pa.Schema) -> pa.RecordBatch:
        """The next `count` rows as a record batch."""
        stop = self.first + count
        heads, self.heads = _cut_heads(self.heads, stop)
        rows = np.concatenate([head[0] for head in heads]) - self.first
        steps, stamps = np.zeros(count, np.int64), np.zeros(count, np.float64)
        steps[rows] = np.concatenate([head[1] for head in heads])
        stamps[rows] = np.concatenate([head[2] for head in heads])
        every = np.arange(count)
        arrays = [make_array("integer", every, steps, count), make_array("number", every, stamps, count)]
        arrays.append(make_array("number", every, stamps - self.started, count))
        if self.media is not None:
            self.media.begin(steps, [self._cells(spec, stop) for spec in self.media.indexes])
        arrays += [self._column(spec, stop) for spec in self.chosen]
        self._forget(stop)
        return pa.RecordBatch.from_arrays(arrays, schema=schema)

    def _forget(self, stop: int) -> None:
        self.first, self.size, self._latest, self._nulls = stop, 0, {}, {}
        for column, pieces in self.pieces.items():
            self.pieces[column] = [piece for piece in pieces if len(piece[0]) and piece[0][-1] >= stop]

    def _column(self, spec: ColumnSpec, stop: int) -> pa.Array:
        rows, values = self._cells(spec, stop)
        if self.media is not None and is_media_kind(spec.kind):
            kept = dict(zip(rows.tolist(), values, strict=True))  # of several values for a row the last
            self.media.add_cells(spec.key, kept.keys(), kept.values())
        if len(rows):
            return make_array(spec.kind, rows, values, stop - self.first)
        if spec.kind not in self._nulls:
            self._nulls[spec.kind] = make_array(spec.kind, rows, values, stop - self.first)
        return self._nulls[spec.kind]

    def _cells(self, spec: ColumnSpec, stop: int) -> Cells:
        """The values of a column in the rows before `stop`, perhaps several for a row: the last one counts."""
        rows, sequences, values = self._take_pieces(spec, stop)
        if len(rows) and len(self.by_key[spec.key]) > 1:  # two kinds of a key in one row: the later call wins
            if spec.key not in self._latest:
                self._latest[spec.key] = self._latest_calls(spec.key, stop)
            keep = np.flatnonzero(sequences == self._latest[spec.key][rows])
            rows = rows[keep]
            values = [values[i] for i in keep.tolist()] if isinstance(values, list) else values[keep]
        return rows, values

    def _latest_calls(self, key: str, stop: int) -> Array:
        """The number of the last call that has a key, of whatever kind, for each row before `stop`."""
        latest = np.full(stop - self.first, -1, np.int64)
        for spec in self.by_key[key]:
            for rows, sequences, _ in self.pieces.get((key, spec.kind), []):
                low, high = np.searchsorted(rows, (self.first, stop)).tolist()
                np.maximum.at(latest, rows[low:high] - self.first, sequences[low:high])
        return latest

    def _take_pieces(self, spec: ColumnSpec, stop: int) -> tuple[Array, Array, Array | list[Any]]:
        """What a column has in the rows before `stop`. Pieces are kept until all columns of the rows are made."""
        pieces = []
        for rows, sequences, values in self.pieces.get((spec.key, spec.kind), []):
            low, high = np.searchsorted(rows, (self.first, stop)).tolist()
            if low < high:
                pieces.append((rows[low:high], sequences[low:high], values[low:high]))
        empty = np.zeros(0, np.int64)
        if not pieces:
            return empty, empty, [] if spec.kind not in ("number", "integer", "boolean") else empty
        if len(pieces) == 1:
            return pieces[0][0] - self.first, *pieces[0][1:]
        joined: Array | list[Any]
        if isinstance(pieces[0][2], list):
            joined = [value for piece in pieces for value in piece[2]]
        else:
            joined = np.concatenate([np.asarray(piece[2]) for piece in pieces])
        rows = np.concatenate([piece[0] for piece in pieces]) - self.first
        return rows, np.concatenate([piece[1] for piece in pieces]), joined


def _cut_heads(heads: list[Any], stop: int) -> tuple[list[Any], list[Any]]:
    before, after = [], []
    for rows, steps, stamps in heads:
        cut = int(np.searchsorted(rows, stop))
        before.append((rows[:cut], steps[:cut], stamps[:cut]))
        if cut < len(rows):
            after.append((rows[cut:], steps[cut:], stamps[cut:]))
    return before, after


def bytes_of(values: Values) -> int:
    """About how much memory the values take once they are Arrow."""
    return sum(map(_size, values.values)) if isinstance(values.values, list) else int(values.values.nbytes)


def _size(value: Any) -> int:
    """About how many bytes a value takes, with its JSON if it is a document."""
    if isinstance(value, str):
        return 50 + len(value)
    if type(value) is PreEncodedJson:
        return 2 * len(value.text)
    if isinstance(value, dict):
        return 200 + sum(map(_size, value.values()))
    if isinstance(value, list):
        return 60 + len(value) * (_size(value[0]) if value else 0)
    return 30
