"""Precision-recall curves as the pr_curves plugin has them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....columns.arrays import Array

_COUNTS = ("true_positives", "false_positives", "true_negatives", "false_negatives")  # columns of an imported curve
_EXAMPLES = 1_000_000


def pr_rows(plot: Any) -> dict[str, tuple[Array, bool]]:
    """By class the (6, n) rows of its curve, and whether the table has all of them.

    TensorBoard leaves out points without any count. Where there are none, they are those of so many examples.
    """
    table, fields = plot.table, plot.fields
    precision, recall = (np.array(table.get_column(fields[name]), np.float64) for name in ("y", "x"))
    complete = set(_COUNTS) <= set(table.columns)
    if complete:
        counts = [np.array(table.get_column(name), np.float64) for name in _COUNTS]
    else:
        share = np.array(table.get_column(fields["baseline"]), np.float64) if "baseline" in fields else 0.5
        positive = np.rint(recall * share * _EXAMPLES)
        false = np.rint(positive * (1 / np.where(precision > 0, precision, 1) - 1))
        missed = np.rint(share * _EXAMPLES) - positive
        counts = [positive, false, np.maximum(_EXAMPLES - positive - false - missed, 0), missed]
    rows = np.stack([*counts, precision, recall])
    classes = table.get_column(fields["class"]) if "class" in fields else ["all"] * table.num_rows
    places: dict[str, list[int]] = {}
    for i, name in enumerate(classes):
        places.setdefault(str(name), []).append(i)
    return {name: (rows[:, chosen], complete) for name, chosen in places.items()}
