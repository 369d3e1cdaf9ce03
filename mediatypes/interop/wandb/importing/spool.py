"""Batches of calls that wait until it is known which columns there are: in memory, or in a file if they are many."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ...._core.errors import InputError
from ....columns.batch import Batch, Column, Values

_KEPT_BYTES = 128 << 20
_MOST_UNORDERED = 20_000_000  # rows that are sorted, in memory: no log that W&B writes has to be


class Spool:
    """Keeps the batches of a run.

    Args:
        folder: where a temporary file may be made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: list[Batch] = []
        self._file: Any = None
        self._size = self._count = 0
        self._step = -1
        self.is_ordered = True

    def add(self, batch: Batch) -> None:
        steps = batch.steps
        self.is_ordered &= bool(steps[0] >= self._step and (steps[1:] >= steps[:-1]).all())
        self._step = int(steps[-1])
        self._kept.append(batch)
        self._size += 16 * len(steps) + sum(_size(values) for values in batch.columns.values())
        if self._size > _KEPT_BYTES:
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - see `close`
            for one in self._kept:
                pickle.dump(one, self._file, pickle.HIGHEST_PROTOCOL)
                self._count += 1
            self._kept, self._size = [], 0

    def __iter__(self) -> Iterator[Batch]:
        """All of them, steps ascending."""
        return self._all() if self.is_ordered else iter([_sorted(list(self._all()))])

    def _all(self) -> Iterator[Batch]:
        if self._file is not None:
            self._file.seek(0)
            for _ in range(self._count):
                yield pickle.load(self._file)  # nobody else has this file
            self._file.seek(0, 2)
        yield from self._kept

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def _sorted(batches: list[Batch]) -> Batch:
    """All calls in the order of their steps; those of one step stay in theirs."""
    steps = np.concatenate([batch.steps for batch in batches])
    if len(steps) > _MOST_UNORDERED:
        hint = "W&B writes none of these."
        raise InputError.of("history", f"at most {_MOST_UNORDERED} rows whose steps fall", len(steps), hint, "order")
    order = np.argsort(steps, kind="stable")
    places = np.empty(len(steps), np.int64)
    places[order] = np.arange(len(steps))
    pieces: dict[Column, list[Values]] = {}
    first = 0
    for batch in batches:
        for column, values in batch.columns.items():
            pieces.setdefault(column, []).append(values._replace(calls=places[first + values.calls]))
        first += len(batch.steps)
    times = np.concatenate([batch.timestamps for batch in batches])
    from ....columns.batch import merged

    return Batch(0, steps[order], times[order], {column: merged(parts) for column, parts in pieces.items()})


def _size(values: Values) -> int:
    if isinstance(values.values, list):
        return sum(map(_bytes, values.values)) + 8 * len(values.calls)
    return int(values.values.nbytes + values.calls.nbytes)


def _bytes(value: Any) -> int:
    """About how much memory a value takes."""
    if isinstance(value, str):
        return 60 + len(value)
    if isinstance(value, dict):
        return 300 + sum(map(_bytes, value.values()))
    return 60 + 32 * len(value) if isinstance(value, list) else 32
