"""Histograms. Those of the older form are read many at once."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np

from ...._core import canonical
from ....columns.arrays import Array
from ....formats import protobuf
from ..log.events import Value
from . import histogram_bins, tensors
from .base import Cell, Given, Plugin, Rejected, Sinks
from .histogram_bins import Binned, Bins

_SMALL = 1 << 12  # whole counts below have a text
_EXACT = 2.0**53  # whole counts below are written as integers
_HEAD = {"_type": "histogram", "_version": "1.0"}


def _document(bins: Bins) -> dict[str, Any]:
    (whole,) = _whole(bins.counts, np.zeros(1, np.intp))
    counts = bins.counts.astype(np.int64) if whole else bins.counts
    return _HEAD | {"bins": bins.edges.tolist(), "values": counts.tolist()}


def _documents(histograms: list[Bins]) -> list[canonical.PreEncodedJson]:
    """The same documents with their JSON; in place of lists they have arrays, (k + 1,) and (k,) float64."""
    if not histograms:
        return []
    sizes = np.array([len(bins.counts) for bins in histograms])
    until = np.cumsum(sizes)
    low = _edge_texts(np.concatenate([bins.edges for bins in histograms])).tolist()
    high = _count_texts(np.concatenate([bins.counts for bins in histograms]), until - sizes, sizes).tolist()
    made = []
    for i, (bins, end) in enumerate(zip(histograms, until.tolist(), strict=True)):
        edges = ",".join(low[end - len(bins.counts) + i : end + i + 1])
        counts = ",".join(high[end - len(bins.counts) : end])
        text = f'{{"_type":"histogram","_version":"1.0","bins":[{edges}],"values":[{counts}]}}'
        made.append(canonical.PreEncodedJson(_HEAD | {"bins": bins.edges, "values": bins.counts}, text))
    return made


def _statistics(numbers: dict[str, float]) -> dict[str, Any]:
    """The statistics of a message with their JSON."""
    if not math.isfinite(sum(numbers.values())):
        return numbers
    text = ",".join([f'"{name}":{numbers[name]!r}' for name in sorted(numbers)])
    return canonical.PreEncodedJson(numbers, f"{{{text}}}")


def _edge_texts(edges: Array) -> Array:
    grid, texts = _grid()
    places = np.minimum(np.searchsorted(grid, edges), len(grid) - 1)
    shown = texts.take(places)
    rest = np.flatnonzero(grid.take(places).view(np.int64) != edges.view(np.int64))  # -0.0 is not 0.0
    shown[rest] = list(map(repr, edges[rest].tolist()))
    return shown


def _count_texts(counts: Array, begins: Array, sizes: Array) -> Array:
    whole = np.repeat(_whole(counts, begins), sizes)
    known = whole & (counts < _SMALL)
    shown = _small().take(np.where(known, counts, 0).astype(np.intp))
    rest = np.flatnonzero(~known)
    numbers = zip(counts[rest].tolist(), whole[rest].tolist(), strict=True)
    shown[rest] = [str(int(number)) if is_whole else repr(number) for number, is_whole in numbers]
    return shown


def _whole(counts: Array, begins: Array) -> Array:
    """Which of several histograms have only counts that are written as integers."""
    are_whole: Array = np.logical_and.reduceat((np.trunc(counts) == counts) & (counts < _EXACT), begins)
    return are_whole


@cache
def _grid() -> tuple[Array, Array]:
    """(1549,) float64 edges, and their texts."""
    edge, upper = 1e-12, []
    while edge < 1e20:
        upper.append(edge)
        edge *= 1.1
    edges = [-edge for edge in reversed(upper)] + [0.0] + upper
    return np.array(edges), np.array([repr(edge) for edge in edges], object)


@cache
def _small() -> Array:
    return np.array([str(i) for i in range(_SMALL)], object)


_MAX_SHARED = 1024  # edges that are kept, of each run
Spans = list[tuple[int, int]]


def convert(given: Given) -> list[Cell]:
    """(k, 3): left edge, right edge and count."""
    return _cells(histogram_bins.read_tensor(given.tensor.require_numbers()), given.sinks)


def convert_messages(data: bytes, spans: Spans, sinks: Sinks) -> list[list[Cell] | Rejected]:
    """The cells of HistogramProto messages; their documents have arrays in place of lists."""
    read = histogram_bins.read_protos(data, spans)
    documents = iter(_documents([one.bins for one in read if isinstance(one, Binned)]))
    return [_cells(one, sinks, next(documents)) if isinstance(one, Binned) else Rejected(str(one)) for one in read]


def _convert_message(data: bytes, value: Value, caption: str | None, sinks: Sinks) -> list[Cell]:
    (binned,) = histogram_bins.read_protos(data, [value.span])
    if isinstance(binned, protobuf.Malformed):
        raise binned
    return _cells(binned, sinks)


def _cells(binned: Binned, sinks: Sinks, document: dict[str, Any] | None = None) -> list[Cell]:
    cells = [Cell("histogram", "histogram", document or _document(binned.bins))]
    if binned.limits is not None:
        cells.append(Cell("tensor", "tensor", _limits(binned.limits, sinks), ".edges"))
    if binned.counts is not None:
        cells.append(Cell("tensor", "tensor", tensors.document(binned.counts, sinks.media), ".counts"))
    if binned.statistics:
        cells.append(Cell("", "histogram_statistics", _statistics(binned.statistics)))
    return cells


def _limits(limits: Array, sinks: Sinks) -> dict[str, Any]:
    """The edges of a histogram as they were written; they are few, of many histograms."""
    key, shared = limits.tobytes(), sinks.shared
    if key not in shared:
        if len(shared) >= _MAX_SHARED:
            shared.clear()
        document = tensors.document(limits, sinks.media)
        shared[key] = canonical.PreEncodedJson(document, canonical.dumps(document))
    return shared[key]


PLUGIN = Plugin(convert, "histo", _convert_message, shown_otherwise=("histogram_statistics",))
