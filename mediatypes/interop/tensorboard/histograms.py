"""Histograms as TensorFlow writes them, as contiguous bins with ascending edges.

HistogramProto (tensorflow/tsl/protobuf/histogram.proto): bucket i holds bucket_limit[i - 1] < x <= bucket_limit[i], the
first one begins at -DBL_MAX. As TensorBoard does (data_compat.py), empty bins at either end are dropped, and the
outermost edges are the smallest and largest value. The histograms plugin writes a (k, 3) tensor of left edge, right
edge and count (tensorboard/plugins/histogram/metadata.py), which is taken as it is.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...types._arrays import Array
from ...types.histogram import MAX_BINS
from . import wire

_STATISTICS = {1: "min", 2: "max", 3: "num", 4: "sum", 5: "sum_squares"}


class Bins(NamedTuple):
    """Contiguous bins, as many as there were."""

    edges: Array  # (k + 1,) float64, strictly ascending
    counts: Array  # (k,) float64, >= 0


_NOTHING = Bins(np.array([0.0, 1.0]), np.zeros(1))  # of no data; a bin is needed to say so


def read_proto(data: bytes, start: int, end: int) -> tuple[Bins, dict[str, float]]:
    """The bins of a HistogramProto, and what else it says; raises `wire.Malformed`."""
    statistics: dict[str, float] = {}
    limits: list[wire.Field] = []
    counts: list[wire.Field] = []
    for field in wire.fields(data, start, end):
        number, kind, at, _ = field
        if number in _STATISTICS and kind == wire.FIXED64:
            statistics[_STATISTICS[number]] = wire.double(data, at)
        elif number == 6 and kind != wire.VARINT:
            limits.append(field)
        elif number == 7 and kind != wire.VARINT:
            counts.append(field)
    right, count = wire.numbers(data, limits, "<f8"), wire.numbers(data, counts, "<f8")
    if len(right) != len(count):
        raise wire.Malformed(f"{len(right)} limits for {len(count)} buckets")
    left = np.concatenate([[-np.inf], right[:-1]]) if len(right) else right
    low, high = statistics.get("min", np.nan), statistics.get("max", np.nan)
    return _bins(left, right, count, low, high), statistics


def read_tensor(array: Array) -> Bins:
    """The bins of a (k, 3) tensor; raises `wire.Malformed`."""
    if array.ndim != 2 or array.shape[1] != 3:
        raise wire.Malformed(f"a histogram of shape {array.shape}")
    left, right, counts = array.astype(np.float64).T
    _check(counts)
    if not counts.any():
        return _NOTHING
    return _ascending(np.concatenate([left[:1], right]), counts.copy())


def _bins(left: Array, right: Array, counts: Array, low: float, high: float) -> Bins:
    """Bins between finite, ascending edges."""
    _check(counts)
    used = np.flatnonzero(counts)
    if not len(used):
        return _NOTHING
    first, last = int(used[0]), int(used[-1])
    edges = np.concatenate([left[first : first + 1], right[first : last + 1]])
    counts = counts[first : last + 1].copy()
    if np.isfinite(low) and (low < edges[1] or not np.isfinite(edges[0])):
        edges[0] = low
    if np.isfinite(high) and (high > edges[-2] or not np.isfinite(edges[-1])):
        edges[-1] = high
    return _ascending(edges, counts)


def _check(counts: Array) -> None:
    if not np.isfinite(counts).all() or (counts < 0).any():
        raise wire.Malformed("a histogram with counts that are negative or not finite")


def _ascending(edges: Array, counts: Array) -> Bins:
    """Bins between edges that are made finite and ascending."""
    if not np.isfinite(edges).all():
        most = np.finfo(np.float64).max
        edges = np.nan_to_num(edges, posinf=most, neginf=-most)
    return Bins(edges, counts) if (np.diff(edges) > 0).all() else _without_width(edges, counts)


def _without_width(edges: Array, counts: Array) -> Bins:
    """Bins whose edges do not ascend, as those of constant data, joined with the next one that has a width."""
    kept = np.concatenate([[True], edges[1:] > np.maximum.accumulate(edges)[:-1]])
    rising = edges[kept]
    if len(rising) == 1:
        value = float(rising[0])
        return Bins(np.array([value, np.nextafter(value, np.inf)]), np.array([counts.sum()]))
    target = np.clip(np.cumsum(kept)[1:] - 1, 1, len(rising) - 1) - 1  # the bin that ends at the edge or after it
    return Bins(rising, np.bincount(target, counts, len(rising) - 1))


def rebin(bins: Bins) -> tuple[Bins, bool]:
    """At most 512 bins of the same mass, and whether only empty ones were joined, so that no count moved.

    Neighbouring empty bins become one. If that does not suffice, neighbours are joined evenly.
    """
    edges, counts = bins
    if len(counts) <= MAX_BINS:
        return bins, True
    filled = counts > 0
    inner = filled[1:] | filled[:-1]
    edges, counts = _join(edges, counts, np.concatenate([[0], np.flatnonzero(inner) + 1]))
    if len(counts) <= MAX_BINS:
        return Bins(edges, counts), True
    starts = np.arange(MAX_BINS) * len(counts) // MAX_BINS
    return Bins(*_join(edges, counts, starts)), False


def _join(edges: Array, counts: Array, starts: Array) -> tuple[Array, Array]:
    """Bins joined so that a new one begins with each of `starts`."""
    return np.append(edges[starts], edges[-1]), np.add.reduceat(counts, starts)
