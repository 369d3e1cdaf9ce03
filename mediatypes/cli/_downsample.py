"""The course of a number in few points, however many values there were."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..columns.arrays import Array


class Series:
    """Means of consecutive values, in at most so many buckets of equal length, which double when they are full.

    Args:
        buckets: an even number.

    >>> series = Series(4)
    >>> for value in range(6):
    ...     series.add([value])
    >>> series.means()
    [0.5, 2.5, 4.5]
    """

    def __init__(self, buckets: int) -> None:
        self.count = 0  # values, those that are not finite included
        self._length = 1  # values in a bucket
        self._sums, self._counts = np.zeros(buckets), np.zeros(buckets, np.int64)

    def add(self, values: Array | list[Any]) -> None:
        """Go on with more values; what is not finite leaves a gap."""
        numbers = np.asarray(values, np.float64)
        while self.count + len(numbers) > self._length * len(self._sums):
            self._length *= 2
            self._sums, self._counts = _halved(self._sums), _halved(self._counts)
        places = (self.count + np.arange(len(numbers))) // self._length
        finite = np.isfinite(numbers)
        with np.errstate(all="ignore"):
            self._sums += np.bincount(places[finite], numbers[finite], len(self._sums))
        self._counts += np.bincount(places[finite], minlength=len(self._sums))
        self.count += len(numbers)

    def means(self) -> list[float]:
        """The mean of each bucket in use; NaN where it has no finite value, or its sum is none."""
        used = -(-self.count // self._length)
        with np.errstate(all="ignore"):
            means = self._sums[:used] / self._counts[:used]
        return [float(mean) for mean in np.where(np.isfinite(means), means, np.nan)]


def _halved(buckets: Array) -> Array:
    with np.errstate(all="ignore"):
        pairs = buckets.reshape(-1, 2).sum(axis=1)
    return np.concatenate([pairs, np.zeros_like(pairs)])
