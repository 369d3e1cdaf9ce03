"""Curves of runs as a figure of matplotlib or Plotly, for scripts and notebooks that want one of their own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from .._core.deps import need
from .._core.errors import InputError
from ..columns.arrays import Array
from ..view import RunView
from .drawings import COLORS

_WIDE, _HIGH = 4.6, 3.0  # inches of a chart
_ACROSS = 3  # charts in a row
_KINDS = ("number", "integer", "boolean")
_WORDS = {"_step": "step", "_runtime": "seconds since the start", "_timestamp": "time"}

Curve = tuple[str, Array, Array]  # name of the run, x, y


def plot_runs(runs: Sequence[RunView], keys: Iterable[str] | str | None, x: str | None, backend: str) -> Any:
    """A chart for each key, a line for each run; as `RunView.plot` says."""
    if backend not in ("matplotlib", "plotly"):
        raise InputError.of("plot.backend", "'matplotlib' or 'plotly'", backend, "Pass one of them.")
    numbers = [(run, _columns(run)) for run in runs]
    charts = []
    for key in _chosen([key for _, columns in numbers for key in columns], [keys] if isinstance(keys, str) else keys):
        having = [(run, columns) for run, columns in numbers if key in columns]
        axis = x or having[0][0].x_axis(key)
        curves = [
            (run.name, *_curve(run, columns, key, axis)) for run, columns in having if axis in {*_WORDS, *columns}
        ]
        if not curves:
            raise InputError.of("plot.x", "a key of numbers", axis, "Leave it out for steps.")
        charts.append((key, _WORDS.get(axis, axis), curves))
    return _plotly(charts) if backend == "plotly" else _matplotlib(charts)


def _columns(run: RunView) -> dict[str, str]:
    """Keys of numbers in their order, and the first column that each has."""
    columns = dict[str, str]()
    for spec in run._history().specs:
        if spec.kind in _KINDS:
            columns.setdefault(spec.key, spec.name)
    return columns


def _chosen(there: list[str], wanted: Iterable[str] | None) -> list[str]:
    """The keys that are asked for, by name or pattern."""
    there, chosen = list(dict.fromkeys(there)), list[str]()
    for one in ["*"] if wanted is None else wanted:
        matching = [one] if one in there else [key for key in there if fnmatchcase(key, one)]
        if not matching:
            hint = f"There are: {', '.join(there[:20])}." if there else "Log numbers first."
            raise InputError.of("plot.keys", "a key of numbers, or a pattern of some", one, hint)
        chosen += matching
    if not chosen:
        raise InputError.of("plot.keys", "at least one key", "none", "Leave it out for all.")
    return list(dict.fromkeys(chosen))


def _curve(run: RunView, columns: dict[str, str], key: str, axis: str) -> tuple[Array, Array]:
    """x and y, (n,) float64 each, of the rows that have both; by x."""
    names = [columns.get(name, name) for name in (axis, key)]
    table = run.history([name for name in dict.fromkeys(names) if name != "_step"])
    pair = [table.column(name) for name in names]
    both = np.asarray(pair[0].is_valid()) & np.asarray(pair[1].is_valid())
    x, y = (np.asarray(column.cast("double", safe=False).fill_null(np.nan), np.float64)[both] for column in pair)
    order = np.argsort(x, kind="stable")
    return x[order], y[order]


def _matplotlib(charts: list[tuple[str, str, list[Curve]]]) -> Any:
    figures = need("matplotlib.figure", needed_for="RunView.plot()", package="matplotlib")
    across = min(_ACROSS, len(charts))
    down = -(-len(charts) // across)
    figure = figures.Figure(figsize=(_WIDE * across, _HIGH * down), layout="constrained")
    for place, (key, word, curves) in enumerate(charts, 1):
        axes = figure.add_subplot(down, across, place, title=key, xlabel=word)
        for number, (name, x, y) in enumerate(curves):
            axes.plot(x, y, color=COLORS[number % len(COLORS)], label=name, marker="." if len(x) == 1 else None)
        axes.grid(alpha=0.3)
        if len(curves) > 1:
            axes.legend()
    return figure


def _plotly(charts: list[tuple[str, str, list[Curve]]]) -> Any:
    subplots = need("plotly.subplots", extra="plotly", needed_for="RunView.plot(backend='plotly')")
    across = min(_ACROSS, len(charts))
    figure = subplots.make_subplots(rows=-(-len(charts) // across), cols=across, subplot_titles=[c[0] for c in charts])
    for place, (_, word, curves) in enumerate(charts):
        row, column = place // across + 1, place % across + 1
        for number, (name, x, y) in enumerate(curves):
            line = {"color": COLORS[number % len(COLORS)]}
            shown = {"name": name, "legendgroup": name, "showlegend": place == 0 and len(curves) > 1, "line": line}
            figure.add_scatter(x=x, y=y, mode="lines" if len(x) > 1 else "markers", row=row, col=column, **shown)
        figure.update_xaxes(title_text=word, row=row, col=column)
    return figure.update_layout(template="plotly_white", height=320 * (-(-len(charts) // across)))
