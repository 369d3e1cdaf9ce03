"""The documents of many histograms at once.

Writing numbers as text costs more than all else that becomes of a histogram. But nearly all edges are of one grid, that
of TensorFlow (tsl/lib/histogram/histogram.cc, `InitDefaultBucketsInner`), torch and tensorboardX, and most counts are
small: the texts of these are looked up.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np

from ...._core import canonical
from ....columns.arrays import Array
from .histogram_bins import Bins

_SMALL = 1 << 12  # whole counts below have a text
_EXACT = 2.0**53  # whole counts below are written as integers
_HEAD = {"_type": "histogram", "_version": "1.0"}


def document(bins: Bins) -> dict[str, Any]:
    """The document of a histogram."""
    (whole,) = _whole(bins.counts, np.zeros(1, np.intp))
    counts = bins.counts.astype(np.int64) if whole else bins.counts
    return _HEAD | {"bins": bins.edges.tolist(), "values": counts.tolist()}


def documents(found: list[Bins]) -> list[canonical.PreEncodedJson]:
    """The same documents with their JSON; in place of lists they have arrays, (k + 1,) and (k,) float64."""
    if not found:
        return []
    sizes = np.array([len(bins.counts) for bins in found])
    until = np.cumsum(sizes)
    low = _edge_texts(np.concatenate([bins.edges for bins in found])).tolist()
    high = _count_texts(np.concatenate([bins.counts for bins in found]), until - sizes, sizes).tolist()
    made = []
    for i, (bins, end) in enumerate(zip(found, until.tolist(), strict=True)):
        edges = ",".join(low[end - len(bins.counts) + i : end + i + 1])
        counts = ",".join(high[end - len(bins.counts) : end])
        text = f'{{"_type":"histogram","_version":"1.0","bins":[{edges}],"values":[{counts}]}}'
        made.append(canonical.PreEncodedJson(_HEAD | {"bins": bins.edges, "values": bins.counts}, text))
    return made


def statistics(found: dict[str, float]) -> dict[str, Any]:
    """The statistics of a message with their JSON."""
    if not math.isfinite(sum(found.values())):
        return found
    text = ",".join([f'"{name}":{found[name]!r}' for name in sorted(found)])
    return canonical.PreEncodedJson(found, f"{{{text}}}")


def _edge_texts(edges: Array) -> Array:
    grid, texts = _grid()
    places = np.minimum(np.searchsorted(grid, edges), len(grid) - 1)
    found = texts.take(places)
    rest = np.flatnonzero(grid.take(places).view(np.int64) != edges.view(np.int64))  # -0.0 is not 0.0
    found[rest] = list(map(repr, edges[rest].tolist()))
    return found


def _count_texts(counts: Array, begins: Array, sizes: Array) -> Array:
    whole = np.repeat(_whole(counts, begins), sizes)
    known = whole & (counts < _SMALL)
    found = _small().take(np.where(known, counts, 0).astype(np.intp))
    rest = np.flatnonzero(~known)
    numbers = zip(counts[rest].tolist(), whole[rest].tolist(), strict=True)
    found[rest] = [str(int(number)) if is_whole else repr(number) for number, is_whole in numbers]
    return found


def _whole(counts: Array, begins: Array) -> Array:
    """Which of several histograms have only counts that are written as integers."""
    found: Array = np.logical_and.reduceat((np.trunc(counts) == counts) & (counts < _EXACT), begins)
    return found


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
