"""Curves of runs as a figure of matplotlib or Plotly, for scripts and notebooks that want one of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import numpy as np

from .._core.deps import need
from .._core.errors import InputError
from .._core.palette import class_hex
from ..columns.arrays import Array
from ..columns.batch import RANK
from ..view import RunView

_WIDE, _HIGH = 4.6, 3.0  # inches of a chart
_ACROSS = 3  # charts in a row
_KINDS = ("number", "integer", "boolean")
_WORDS = {"_step": "step", "_runtime": "seconds since the start", "_timestamp": "time"}


class Curve(NamedTuple):
    """What one rank of one run logged under a key.

    Attributes:
        label: the run, and the rank if there are several.
        color: the same in all charts.
        x, y: (n,) float64 each.
    """

    label: str
    color: str
    x: Array
    y: Array


def plot_runs(runs: Sequence[RunView], keys: Iterable[str] | str | None, x: str | None, backend: str) -> Any:
    """A chart for each key, a line for each run; as `RunView.plot` says."""
    if backend not in ("matplotlib", "plotly"):
        raise InputError.of("plot.backend", "'matplotlib' or 'plotly'", backend, "Pass one of them.")
    numbers = [(run, _columns(run)) for run in runs]
    names = Counter(run.name for run in runs)
    labels = [run.name if names[run.name] == 1 else f"{run.name} ({run.id})" for run in runs]
    colors = dict[str, str]()
    charts = []
    for key in _chosen([key for _, columns in numbers for key in columns], [keys] if isinstance(keys, str) else keys):
        having = [
            (label, run, columns) for label, (run, columns) in zip(labels, numbers, strict=True) if key in columns
        ]
        axis = x or having[0][1].x_axis(key)
        curves = [
            Curve(label, colors.setdefault(label, class_hex(len(colors))), *points)
            for name, run, columns in having
            if axis in {*_WORDS, *columns}
            for label, *points in _points(name, run, columns, key, axis)
        ]
        if not curves:
            raise InputError.of("plot.x", "a key of numbers", axis, "Leave it out for steps.")
        charts.append((key, _WORDS.get(axis, axis), curves))
    return _plotly(charts) if backend == "plotly" else _matplotlib(charts)


def _columns(run: RunView) -> dict[str, str]:
    """Keys of numbers in their order, and the first column that each has."""
    columns = dict[str, str]()
    for spec in run._history().specs:
        if spec.kind in _KINDS and (spec.key, spec.kind) != RANK:
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


def _points(
    name: str, run: RunView, columns: dict[str, str], key: str, axis: str
) -> Iterator[tuple[str, Array, Array]]:
    """Label, x and y, (n,) float64 each, of each rank's rows that have both; by x."""
    names = [columns.get(name, name) for name in (axis, key)]
    ranked = [spec.name for spec in run._history().specs if (spec.key, spec.kind) == RANK]
    table = run.history([name for name in dict.fromkeys([*names, *ranked]) if name != "_step"])
    pair = [table.column(name) for name in names]
    both = np.asarray(pair[0].is_valid()) & np.asarray(pair[1].is_valid())
    x, y = (np.asarray(column.cast("double", safe=False).fill_null(np.nan), np.float64)[both] for column in pair)
    ranks = np.asarray(table.column(ranked[0]))[both] if ranked else np.zeros(len(x))
    for rank in np.unique(ranks):
        own_x, own_y = x[ranks == rank], y[ranks == rank]
        order = np.argsort(own_x, kind="stable")
        yield f"{name}, rank {rank}" if ranked else name, own_x[order], own_y[order]


def _matplotlib(charts: list[tuple[str, str, list[Curve]]]) -> Any:
    figures = need("matplotlib.figure", needed_for="RunView.plot()", package="matplotlib")
    across = min(_ACROSS, len(charts))
    down = -(-len(charts) // across)
    has_legend = len({curve.label for *_, curves in charts for curve in curves}) > 1
    figure = figures.Figure(figsize=(_WIDE * across, _HIGH * down), layout="constrained")
    for place, (key, word, curves) in enumerate(charts, 1):
        axes = figure.add_subplot(down, across, place, title=key, xlabel=word)
        for curve in curves:
            marker = "." if len(curve.x) == 1 else None
            axes.plot(curve.x, curve.y, color=curve.color, label=curve.label, marker=marker)
        axes.grid(alpha=0.3)
        if has_legend:
            axes.legend()
    return figure


def _plotly(charts: list[tuple[str, str, list[Curve]]]) -> Any:
    subplots = need("plotly.subplots", extra="plotly", needed_for="RunView.plot(backend='plotly')")
    across = min(_ACROSS, len(charts))
    figure = subplots.make_subplots(rows=-(-len(charts) // across), cols=across, subplot_titles=[c[0] for c in charts])
    there = set[str]()  # in the legend
    for place, (_, word, curves) in enumerate(charts):
        row, column = place // across + 1, place % across + 1
        for curve in curves:
            named = {"name": curve.label, "legendgroup": curve.label, "showlegend": curve.label not in there}
            mode = "lines" if len(curve.x) > 1 else "markers"
            figure.add_scatter(
                x=curve.x, y=curve.y, mode=mode, row=row, col=column, line={"color": curve.color}, **named
            )
            there.add(curve.label)
        figure.update_xaxes(title_text=word, row=row, col=column)
    figure.update_layout(showlegend=len(there) > 1)
    return figure.update_layout(template="plotly_white", height=320 * (-(-len(charts) // across)))
