"""Precision-recall curves."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...._core.codec import encode
from ...._core.sidecar import Sink
from ....columns.arrays import Array
from . import text
from .base import Cell, Given, Plugin

_MAX_THRESHOLDS = 1 << 14  # of a curve that is shown; writers have 127 or 201


def convert(given: Given) -> list[Cell]:
    """(6, n): true and false positives, true and false negatives, precision, recall; any other array as it is."""
    array = given.tensor.require_numbers()
    if array.ndim != 2 or array.shape[0] != 6 or not 0 < array.shape[1] <= _MAX_THRESHOLDS:
        return text.convert(given)
    return [Cell("plot", "pr_curve", _document(array.astype(np.float64), given.sinks.media))]


def _document(array: Array, sink: Sink) -> dict[str, Any]:
    """A chart of the pr_curves plugin's (6, n): true and false positives, true and false negatives, precision, recall.

    Thresholds are evenly spaced from 0 to 1 (tensorboard/plugins/pr_curve/summary.py).
    """
    from ....plot._value import Plot
    from ....types.table.value import Table

    true_positive, false_positive, true_negative, false_negative, precision, recall = array
    everything = np.maximum(true_positive + false_positive + true_negative + false_negative, 1)
    columns = {
        "class": ["all"] * array.shape[1],
        "threshold": np.linspace(0, 1, array.shape[1]).tolist() if array.shape[1] > 1 else [0.0],
        "true_positives": true_positive.tolist(),
        "false_positives": false_positive.tolist(),
        "true_negatives": true_negative.tolist(),
        "false_negatives": false_negative.tolist(),
        "precision": precision.tolist(),
        "recall": recall.tolist(),
        "prevalence": ((true_positive + false_negative) / everything).tolist(),
    }
    table = Table(columns=list(columns), data=[list(row) for row in zip(*columns.values(), strict=True)])
    fields = {"x": "recall", "y": "precision", "class": "class", "baseline": "prevalence"}
    strings = {"title": "Precision-Recall Curve", "x-axis-title": "Recall", "y-axis-title": "Precision"}
    return encode(Plot("pr_curve", table, fields, strings), sink)


PLUGIN = Plugin(convert)
