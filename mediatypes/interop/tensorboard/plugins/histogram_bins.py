"""Histograms as TensorFlow writes them, as contiguous bins with ascending edges.

HistogramProto (tensorflow/tsl/protobuf/histogram.proto): bucket i holds bucket_limit[i - 1] < x <= bucket_limit[i], the
first one begins at -DBL_MAX. As TensorBoard does (data_compat.py), empty bins at either end are dropped, and the
outermost edges are the smallest and largest value. The histograms plugin writes a (k, 3) tensor of left edge, right
edge and count (tensorboard/plugins/histogram/metadata.py), which is taken as it is.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

import numpy as np

from ....columns.arrays import Array
from ....formats import protobuf
from ....types.histogram.value import MAX_BINS

_USUAL = Struct("<BdBdBdBdBdB")  # how a message begins: statistics in order, then the tag of the limits
_COUNTS_TAG = 7 << 3 | protobuf.BYTES
_USUAL_TAGS = (*(number << 3 | protobuf.FIXED64 for number in range(1, 6)), 6 << 3 | protobuf.BYTES)
_STATISTICS = {1: "min", 2: "max", 3: "num", 4: "sum", 5: "sum_squares"}


class Bins(NamedTuple):
    edges: Array  # (k + 1,) float64, strictly ascending
    counts: Array  # (k,) float64, >= 0


class Binned(NamedTuple):
    """A histogram of an event, as the history has it."""

    bins: Bins  # at most 512
    limits: Array | None  # edges as they were written, if bins were joined
    counts: Array | None  # counts as they were written, if some that are not 0 were added up
    statistics: dict[str, float]  # of a HistogramProto


class _Proto(NamedTuple):
    limits: Array
    counts: Array
    statistics: dict[str, float]


_NOTHING = Bins(np.array([0.0, 1.0]), np.zeros(1))  # of no data; a bin is needed to say so


def read_protos(data: bytes, spans: list[tuple[int, int]]) -> list[Binned | protobuf.Malformed]:
    """The histograms of these HistogramProto messages: nearly all of them at once."""
    binned: list[Binned | protobuf.Malformed | None] = [None] * len(spans)
    protos: list[_Proto] = []
    places: list[int] = []
    for i, span in enumerate(spans):
        try:
            proto = _read_proto(data, *span)
            if len(proto.limits) and proto.counts.any():
                protos.append(proto)
                places.append(i)
            else:
                binned[i] = Binned(_NOTHING, None, None, proto.statistics)
        except protobuf.Malformed as error:
            binned[i] = error
    for i, proto, bins in zip(places, protos, _regular(protos) if protos else [], strict=True):
        try:
            binned[i] = _finish(proto, bins)
        except protobuf.Malformed as error:
            binned[i] = error
    return [one for one in binned if one is not None]


def read_tensor(array: Array) -> Binned:
    """The histogram of a (k, 3) tensor; raises `protobuf.Malformed`."""
    if array.ndim != 2 or array.shape[1] != 3:
        raise protobuf.Malformed(f"a histogram of shape {array.shape}")
    left, right, counts = array.astype(np.float64).T
    _check(counts)
    if not counts.any():
        return Binned(_NOTHING, None, None, {})
    edges = np.concatenate([left[:1], right])
    bins, exact = _rebin(_ascending(edges, counts.copy()))
    joined = len(bins.counts) < len(counts) and len(counts) > MAX_BINS
    return Binned(bins, edges if joined else None, None if exact else counts.copy(), {})


def _read_proto(data: bytes, start: int, end: int) -> _Proto:
    if (usual := _read_usual(data, start, end)) is not None:
        return usual
    statistics: dict[str, float] = {}
    limits: list[protobuf.Field] = []
    counts: list[protobuf.Field] = []
    for field in protobuf.fields(data, start, end):
        number, kind, at, _ = field
        if kind == protobuf.FIXED64 and number in _STATISTICS:
            statistics[_STATISTICS[number]] = protobuf.double(data, at)
        elif number == 6 and kind != protobuf.VARINT:
            limits.append(field)
        elif number == 7 and kind != protobuf.VARINT:
            counts.append(field)
    right, count = protobuf.numbers(data, limits, "<f8"), protobuf.numbers(data, counts, "<f8")
    if len(right) != len(count):
        raise protobuf.Malformed(f"{len(right)} limits for {len(count)} buckets")
    return _Proto(right, count, statistics)


def _read_usual(data: bytes, start: int, end: int) -> _Proto | None:
    """A message as nearly all writers make it: the statistics, then limits and counts, packed; None of others."""
    if end - start <= _USUAL.size:
        return None
    fields = _USUAL.unpack_from(data, start)
    if fields[::2] != _USUAL_TAGS:
        return None
    size, first = protobuf.varint(data, start + _USUAL.size, end)
    middle = first + size
    if middle >= end or data[middle] != _COUNTS_TAG:
        return None
    again, second = protobuf.varint(data, middle + 1, end)
    if again != size or size % 8 or second + size != end:
        return None
    right, count = (np.frombuffer(data, "<f8", size // 8, at) for at in (first, second))
    return _Proto(right, count, dict(zip(_STATISTICS.values(), fields[1::2], strict=True)))


def _regular(protos: list[_Proto]) -> list[Bins | None]:
    """Trimmed bins, their empty neighbours joined if there are over 512; None of those that need more thought."""
    limits, counts = (np.concatenate(columns) for columns in zip(*(proto[:2] for proto in protos), strict=True))
    sizes = np.array([len(proto.limits) for proto in protos])
    begins = np.cumsum(sizes) - sizes
    valid = np.logical_and.reduceat(np.isfinite(counts) & (counts >= 0), begins)
    used = np.flatnonzero(counts)
    places = np.searchsorted(used, np.append(begins, len(counts)))
    first, last = used[places[:-1]], used[places[1:] - 1]  # every one of them has a count
    kept = last - first + 1
    rows = np.repeat(first - (np.cumsum(kept) - kept), kept) + np.arange(int(kept.sum()))
    counts = counts[rows]
    begins = np.cumsum(kept) - kept
    low = np.array([proto.statistics.get("min", np.nan) for proto in protos])
    high = np.array([proto.statistics.get("max", np.nan) for proto in protos])
    rights = limits[rows]
    ends = begins + kept - 1
    rights[ends] = np.where(np.isfinite(high), high, rights[ends])
    lefts = np.empty(len(rights))
    lefts[1:] = rights[:-1]
    lefts[begins] = low
    valid &= np.logical_and.reduceat(np.isfinite(rights) & (lefts < rights), begins)
    starts = np.ones(len(counts), bool)
    starts[1:] = (counts[1:] > 0) | (counts[:-1] > 0)
    starts[begins] = True
    starts |= np.repeat(kept <= MAX_BINS, kept)
    starts = np.flatnonzero(starts)
    joined = np.add.reduceat(counts, starts)
    bounds = np.searchsorted(starts, np.append(begins, len(counts)))
    edges = np.insert(lefts[starts], bounds[1:], rights[ends])
    columns = (bounds[:-1].tolist(), bounds[1:].tolist(), range(len(protos)), valid.tolist())
    return [
        Bins(edges[a + i : b + i + 1], joined[a:b]) if fine else None for a, b, i, fine in zip(*columns, strict=True)
    ]


def _finish(proto: _Proto, bins: Bins | None) -> Binned:
    """A histogram from its trimmed bins, or from the message if these are None; raises `protobuf.Malformed`."""
    limits, counts, statistics = proto
    if bins is None:
        left = np.concatenate([[-np.inf], limits[:-1]])
        bins = _bins(left, limits, counts, statistics.get("min", np.nan), statistics.get("max", np.nan))
    small, exact = _rebin(bins)
    many = len(limits) > MAX_BINS and len(small.counts) < len(limits)
    return Binned(small, limits if many else None, None if exact else counts, statistics)


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
        raise protobuf.Malformed("a histogram with counts that are negative or not finite")


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


def _rebin(bins: Bins) -> tuple[Bins, bool]:
    """At most 512 bins of the same mass (empty ones are joined, then neighbours evenly), and whether no count moved."""
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
