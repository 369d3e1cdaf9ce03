"""`wandb.plot`: the presets of `mediatypes.plot`, which have wandb's signatures."""

from __future__ import annotations

from ... import plot as presets
from .script.lenient import Lenient

line = Lenient(presets.line, keep="table")
scatter = Lenient(presets.scatter, keep="table")
bar = Lenient(presets.bar, keep="table")
histogram = Lenient(presets.histogram, keep="table")
line_series = Lenient(presets.line_series)
confusion_matrix = Lenient(presets.confusion_matrix)
pr_curve = Lenient(presets.pr_curve)
roc_curve = Lenient(presets.roc_curve)
plot_table = Lenient(presets.plot_table, keep="data_table")

__all__ = [
    "bar",
    "confusion_matrix",
    "histogram",
    "line",
    "line_series",
    "plot_table",
    "pr_curve",
    "roc_curve",
    "scatter",
]
