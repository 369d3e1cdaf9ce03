"""Charts as values: `mt.plot.line`, `scatter`, `bar`, `histogram`, `line_series`, `pr_curve`, `roc_curve`,
`confusion_matrix`, and presets of your own.

    run.log({"loss": mt.plot.line(table, x="step", y="loss", stroke="split", title="Loss")})

A `Plot` holds its table and its Vega-Lite spec, so whoever reads it needs neither a server nor this package's presets.
"""

from ._charts import bar, histogram, line, line_series, plot_table, scatter
from ._classification import confusion_matrix, pr_curve, roc_curve
from ._presets import register_preset
from ._value import Plot

__all__ = [
    "Plot",
    "bar",
    "confusion_matrix",
    "histogram",
    "line",
    "line_series",
    "plot_table",
    "pr_curve",
    "register_preset",
    "roc_curve",
    "scatter",
]
