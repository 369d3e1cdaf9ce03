"""Consecutive calls to `log` as columns: what a journal is read into, and what rows are merged from."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .arrays import Array

Column = tuple[str, str]  # key, kind


class Values(NamedTuple):
    """Values of one column: which calls of the batch they belong to (ascending), and the values themselves."""

    calls: Array  # (n,) int64
    values: Array | list[Any]
    integral: bool  # all of them were integers


class Batch(NamedTuple):
    """Consecutive calls: their steps and times, and their values by column."""

    sequence: int  # number of the first call
    steps: Array  # (n,) int64
    timestamps: Array  # (n,) float64
    columns: dict[Column, Values]

    def after(self, sequence: int) -> Batch | None:
        """The calls from number `sequence` on, if there are any."""
        skip = sequence - self.sequence
        if skip <= 0:
            return self
        if skip >= len(self.steps):
            return None
        columns = {}
        for column, (calls, values, integral) in self.columns.items():
            first = int(np.searchsorted(calls, skip))
            if first < len(calls):
                columns[column] = Values(calls[first:] - skip, values[first:], integral)
        return Batch(self.sequence + skip, self.steps[skip:], self.timestamps[skip:], columns)

    def before(self, step: int) -> Batch | None:
        """The calls of lower steps than this, if there are any; steps do not fall."""
        count = int(np.searchsorted(self.steps, step))
        if count in (0, len(self.steps)):
            return self if count else None
        columns = {}
        for column, (calls, values, integral) in self.columns.items():
            if last := int(np.searchsorted(calls, count)):
                columns[column] = Values(calls[:last], values[:last], integral)
        return Batch(self.sequence, self.steps[:count], self.timestamps[:count], columns)

    def rising(self, step: int | None) -> Batch:
        """The calls whose step is not below that of one before them, nor below `step`. Their order stays."""
        steps = self.steps
        if (steps[1:] >= steps[:-1]).all() and (step is None or steps[0] >= step):
            return self
        highest = np.maximum.accumulate(steps if step is None else np.maximum(steps, step))
        kept = steps == highest
        number = np.cumsum(kept) - 1
        columns = {}
        for column, (calls, values, integral) in self.columns.items():
            chosen = np.flatnonzero(kept[calls])
            if len(chosen):
                own = [values[i] for i in chosen.tolist()] if isinstance(values, list) else values[chosen]
                columns[column] = Values(number[calls[chosen]], own, integral)
        return Batch(self.sequence, steps[kept], self.timestamps[kept], columns)


def merged(pieces: list[Values]) -> Values:
    """One column from several pieces, in the order of the calls."""
    if len(pieces) == 1:
        return pieces[0]
    calls = np.concatenate([piece.calls for piece in pieces])
    order = np.argsort(calls, kind="stable")
    values: Array | list[Any]
    if isinstance(pieces[0].values, list):
        flat = [value for piece in pieces for value in piece.values]
        values = [flat[i] for i in order.tolist()]
    else:
        values = np.concatenate([np.asarray(piece.values) for piece in pieces])[order]
    return Values(calls[order], values, all(piece.integral for piece in pieces))
