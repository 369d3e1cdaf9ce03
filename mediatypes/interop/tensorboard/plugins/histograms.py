"""Histograms. Those of the older form are read many at once."""

from __future__ import annotations

from typing import Any

from ...._core import canonical
from ....columns.arrays import Array
from ....formats import protobuf
from ..log.events import Value
from . import histogram_bins, histogram_json, tensors
from .base import Cell, Given, Plugin, Rejected, Sinks
from .histogram_bins import Binned

_MAX_SHARED = 1024  # edges that are kept, of each run
Spans = list[tuple[int, int]]


def convert(given: Given) -> list[Cell]:
    """(k, 3): left edge, right edge and count."""
    return _cells(histogram_bins.read_tensor(given.tensor.require_numbers()), given.sinks)


def convert_messages(data: bytes, spans: Spans, sinks: Sinks) -> list[list[Cell] | Rejected]:
    """The cells of HistogramProto messages; their documents have arrays in place of lists."""
    read = histogram_bins.read_protos(data, spans)
    documents = iter(histogram_json.documents([one.bins for one in read if isinstance(one, Binned)]))
    return [_cells(one, sinks, next(documents)) if isinstance(one, Binned) else Rejected(str(one)) for one in read]


def _convert_message(data: bytes, value: Value, caption: str | None, sinks: Sinks) -> list[Cell]:
    (binned,) = histogram_bins.read_protos(data, [value.span])
    if isinstance(binned, protobuf.Malformed):
        raise binned
    return _cells(binned, sinks)


def _cells(binned: Binned, sinks: Sinks, document: dict[str, Any] | None = None) -> list[Cell]:
    cells = [Cell("histogram", "histogram", document or histogram_json.document(binned.bins))]
    if binned.limits is not None:
        cells.append(Cell("tensor", "tensor", _limits(binned.limits, sinks), ".edges"))
    if binned.counts is not None:
        cells.append(Cell("tensor", "tensor", tensors.document(binned.counts, sinks.media), ".counts"))
    if binned.statistics:
        cells.append(Cell("", "histogram_statistics", histogram_json.statistics(binned.statistics)))
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
