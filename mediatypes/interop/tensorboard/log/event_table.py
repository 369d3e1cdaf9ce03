"""The events of a run as columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from ...._core import canonical
from ....columns.arrays import Array

if TYPE_CHECKING:
    import pyarrow as pa


_CHARACTERS_PER_NUMBER = 4  # characters of a cell that take about as much memory as the event of a number


class Content:
    """A value that is no number, and its canonical JSON, which is what `events.parquet` has of it."""

    __slots__ = ("_value", "text")

    def __init__(self, text: str, value: Any = None) -> None:
        self.text, self._value = text, value

    @classmethod
    def of(cls, value: Any) -> Self:
        """Plain data, written once."""
        text = canonical.dumps(value)
        return cls(text, canonical.PreEncodedJson(value, text) if type(value) is dict else value)

    @property
    def value(self) -> Any:
        """Plain data; of a text that was read it is made anew each time: all of them might not fit into memory."""
        if self._value is not None:
            return self._value
        value = canonical.loads(self.text)
        return canonical.PreEncodedJson(value, self.text) if type(value) is dict else value


class Events(NamedTuple):
    """Events in an order, a row for each value."""

    series: Array  # (n,) int32: numbers in the run's SeriesList
    steps: Array  # (n,) int64
    times: Array  # (n,) float64: seconds since the epoch
    values: Array  # (n,) float64; NaN of what is no number
    offsets: Array  # (n,) int64: where the record begins in its file
    cells: dict[int, Content]  # by row: what is no number

    def take(self, rows: Array) -> Self:
        """The events of these rows, in their order."""
        cells: dict[int, Content] = {}
        if self.cells:
            cells = {place: self.cells[row] for place, row in enumerate(rows.tolist()) if row in self.cells}
        return self._with([column[rows] for column in self.columns], cells)

    def cut(self, first: int, last: int) -> Self:
        """The events from one row up to another."""
        cells = {row - first: cell for row, cell in self.cells.items() if first <= row < last}
        return self._with([column[first:last] for column in self.columns], cells)

    @property
    def size(self) -> int:
        """Characters of all cells."""
        return sum(len(cell.text) for cell in self.cells.values())

    @property
    def weights(self) -> Array:
        """(n,) int64: about how much memory each event takes, in that of one number."""
        weights = np.ones(len(self.steps), np.int64)
        for row, cell in self.cells.items():
            weights[row] += len(cell.text) // _CHARACTERS_PER_NUMBER
        return weights

    @property
    def columns(self) -> tuple[Array, ...]:
        return self.series, self.steps, self.times, self.values, self.offsets

    @classmethod
    def _with(cls, columns: list[Array], cells: dict[int, Content]) -> Self:
        series, steps, times, values, offsets = columns
        return cls(series, steps, times, values, offsets, cells)

    @classmethod
    def join(cls, pieces: list[Self]) -> Self:
        """Events of several, one after another."""
        if len(pieces) == 1:
            return pieces[0]
        cells: dict[int, Content] = {}
        first = 0
        for events in pieces:
            cells |= {first + row: cell for row, cell in events.cells.items()}
            first += len(events.steps)
        return cls._with([np.concatenate(parts) for parts in zip(*(e.columns for e in pieces), strict=True)], cells)


def first_rows(pieces: list[Events], rows: int, text: int) -> int:
    """How many events come first until there are so many rows, or cells of so many characters."""
    first = 0
    for events in pieces:
        for row, cell in sorted(events.cells.items()):
            if first + row >= rows:
                return rows
            text -= len(cell.text)
            if text <= 0:
                return first + row + 1
        first += len(events.steps)
    return min(first, rows)


def plain_array(numbers: Array) -> pa.Array:
    """Numbers that are all there as an Arrow array; `pa.array` would import pandas, where it is installed."""
    import pyarrow as pa

    buffers = [None, pa.py_buffer(np.ascontiguousarray(numbers))]
    return pa.Array.from_buffers(pa.from_numpy_dtype(numbers.dtype), len(numbers), buffers)


def numbers_of(array: pa.Array) -> Array:
    """The numbers of an Arrow array, whatever stands where it is null; its `to_numpy` would import pandas as well."""
    numbers: Array = np.frombuffer(array.buffers()[1], array.type.to_pandas_dtype(), len(array) + array.offset)
    return numbers[array.offset :]
