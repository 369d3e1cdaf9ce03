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
        return self._without(sequence - self.sequence)

    def beyond(self, step: int) -> Batch | None:
        """The calls of later steps than this, if there are any, numbered as if they were all."""
        rest = self._without(int(np.searchsorted(self.steps, step, "right")))
        return rest and rest._replace(sequence=self.sequence)

    def _without(self, skip: int) -> Batch | None:
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
