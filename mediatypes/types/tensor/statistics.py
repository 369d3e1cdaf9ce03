"""Statistics of an array of any real dtype, exact in bounded memory: nothing is sampled."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ...columns.arrays import Array

PERCENTILES = (5, 25, 50, 75, 95)
_CHUNK = 1 << 20  # values that are widened to float64 at a time


class Statistics(NamedTuple):
    """Of the finite values; None where there are none, or where a float64 cannot hold the result."""

    min: int | float | None = None
    max: int | float | None = None
    mean: float | None = None
    variance: float | None = None
    percentiles: dict[str, float] | None = None
    nan_count: int = 0
    positive_infinity_count: int = 0
    negative_infinity_count: int = 0


def describe(values: Array) -> Statistics:
    """Statistics of real or complex values of any shape; of complex ones only the NaN are counted.

    The variance is the population's (divided by n), the percentiles are interpolated linearly, both as numpy's
    defaults. Sums are made in float64 and in the order of the values. Needs one copy of the values in their own dtype.
    """
    flat = values.reshape(-1)
    if flat.dtype.kind == "c":
        return Statistics(nan_count=int(np.count_nonzero(np.isnan(flat))))
    if flat.dtype.kind == "f":
        finite = flat[np.isfinite(flat)]
        infinite = flat[np.isinf(flat)] if finite.size < flat.size else flat[:0]
        positive = int(np.count_nonzero(infinite > 0))
        counts = (flat.size - finite.size - infinite.size, positive, infinite.size - positive)
    else:
        finite = flat.astype(np.uint8 if flat.dtype.kind == "b" else flat.dtype)
        counts = (0, 0, 0)
    if not finite.size:
        return Statistics(None, None, None, None, None, *counts)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = _sum(finite, _itself) / finite.size
        variance = _sum(finite, lambda chunk: np.square(chunk - mean)) / finite.size
    return Statistics(
        _number(finite.min()),
        _number(finite.max()),
        mean if math.isfinite(mean) else None,
        variance if math.isfinite(variance) else None,
        _percentiles(finite),  # last, since it reorders the values
        *counts,
    )


def _itself(chunk: Array) -> Array:
    return chunk


def _sum(values: Array, of: Callable[[Array], Array]) -> float:
    chunks = (values[start : start + _CHUNK] for start in range(0, values.size, _CHUNK))
    return sum(float(of(chunk.astype(np.float64)).sum()) for chunk in chunks) + 0.0


def _percentiles(values: Array) -> dict[str, float]:
    """Percentiles of n >= 1 values, which are put into another order."""
    places = {percent: divmod((values.size - 1) * percent, 100) for percent in PERCENTILES}
    values.partition(sorted({min(low + step, values.size - 1) for low, _ in places.values() for step in (0, 1)}))
    percentiles = {}
    for percent, (place, rest) in places.items():
        low, high = float(values[place]), float(values[min(place + 1, values.size - 1)])
        between = low * ((100 - rest) / 100) + high * (rest / 100)  # high - low might overflow
        percentiles[str(percent)] = min(max(between, low), high) + 0.0
    return percentiles


def _number(value: np.generic) -> int | float:
    """The same number as Python's; of the two zeros, which an order does not tell apart, the positive one."""
    number: int | float = value.item()
    return number + 0
