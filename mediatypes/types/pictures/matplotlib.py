"""matplotlib figures: recognized, drawn as PNG, and converted to Plotly as far as the result can be trusted."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np

from ..._core.deps import is_instance, need
from ..._core.errors import CodecError, InputError, MissingDependencyError, translated
from ...columns.arrays import Array

_FORMATTERS = ("ScalarFormatter", "LogFormatterSciNotation", "FixedFormatter", "NullFormatter")
_MARKERS = ("None", "none", "", " ", None, ".", "o", "v", "^", "<", ">", "s", "+", "x", "*", "D", "d")


class Drawn(NamedTuple):
    """An artist and what Plotly has to show of it."""

    name: str
    type: str  # of the trace
    x: Array
    y: Array


class Converted(NamedTuple):
    """A Plotly figure, if there is one, and what of the matplotlib figure it does not show."""

    figure: Any | None
    lost: tuple[str, ...]


def find_figure(data: Any, where: str) -> Any | None:
    """The figure of a matplotlib figure, axes, or the pyplot module with its current figure; else None."""
    if getattr(data, "__name__", None) == "matplotlib.pyplot":
        if not data.get_fignums():
            raise InputError.of(where, "a pyplot with an open figure", data, "Draw something first.", "empty")
        return data.gcf()
    if is_instance(data, "matplotlib.axes", "Axes"):
        data = data.figure
    if is_instance(data, "matplotlib.figure", "SubFigure"):
        data = data.figure
    return data if is_instance(data, "matplotlib.figure", "Figure") else None


def draw_png(figure: Any, where: str) -> bytes:
    """The figure as PNG, at its own resolution; the same figure and matplotlib give the same bytes."""
    buffer = BytesIO()
    expected = f"{where}: expected a figure that matplotlib can draw, got an error."
    with translated(lambda error: CodecError(f"{expected} {error}")):
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def convert(figure: Any) -> Converted:
    """A Plotly figure of lines, scatter plots and bars.

    Plotly's converter drops artists without an error and draws some wrongly (bars below zero, of unequal widths), so
    it is not trusted: each of its traces must have the very points of one artist, or there is no conversion at all.
    What it does not show is listed: artists that have no trace; texts; legends whose entries are not the traces;
    labels made by a formatter; bars in several sets or colours, or off the zero line; axes over each other.
    """
    try:
        converter = need("plotly.matplotlylib", extra="plotly", needed_for="Figure(matplotlib figure)")
    except MissingDependencyError:
        return Converted(None, ("everything: plotly is not installed",))
    try:
        made = _run(converter, figure)
    except Exception as error:  # of any kind, as matplotlib changes what the converter looks into
        return Converted(None, (f"everything: plotly raised {type(error).__name__}",))
    left = [artist for axes in figure.axes for artist in _drawn(axes)]
    for trace in made.data:
        position = next((i for i, artist in enumerate(left) if _is_same(artist, trace)), None)
        if position is None:
            return Converted(None, ("everything: plotly drew other data",))
        del left[position]
    lost = [artist.name for artist in left] + list(_others(figure, made))
    return Converted(made if made.data else None, tuple(dict.fromkeys(lost)))


def _run(converter: Any, figure: Any) -> Any:
    renderer = converter.PlotlyRenderer()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is lost we keep a list of our own; the rest are deprecations
        converter.Exporter(renderer, close_mpl=False).run(figure)
    return renderer.plotly_fig


def _drawn(axes: Any) -> Iterator[Drawn]:
    """The artists of an axes that Plotly has a trace for, as they should look there."""
    for line in axes.lines:
        is_empty = line.get_linestyle() in ("None", "none", "", " ") and line.get_marker() in _MARKERS[:5]
        if line.get_visible() and not is_empty:
            yield Drawn("Line2D", "scatter", *np.asarray(line.get_xydata(), np.float64).T)
    for collection in axes.collections:
        if is_instance(collection, "matplotlib.collections", "PathCollection") and collection.get_visible():
            offsets = np.ma.filled(np.ma.asarray(collection.get_offsets(), np.float64), np.nan)
            yield Drawn("PathCollection", "scatter", *offsets.T)
    for bars in _bar_sets(axes):
        boxes = np.array([(bar.get_x(), bar.get_y(), bar.get_width(), bar.get_height()) for bar in bars]).T
        x, y, width, height = boxes
        vertical = bars.orientation == "vertical"
        yield Drawn("BarContainer", "bar", *((x + width / 2, height) if vertical else (width, y + height / 2)))


def _bar_sets(axes: Any) -> list[Any]:
    return [bars for bars in axes.containers if _bars(bars)]


def _is_same(artist: Drawn, trace: Any) -> bool:
    if trace.type != artist.type or len(trace.x) != len(artist.x):
        return False
    x, y = _numbers(trace.x), _numbers(trace.y)
    shown, expected = np.isfinite(x) & np.isfinite(y), np.isfinite(artist.x) & np.isfinite(artist.y)
    if not np.array_equal(shown, expected):
        return False
    near = (np.allclose(got[shown], want[shown], 1e-12, 0) for got, want in ((x, artist.x), (y, artist.y)))
    return all(near)


def _numbers(values: Any) -> Array:
    """What matplotlib has for the values of a trace: a date is a number of days."""
    if any(isinstance(value, str) for value in values):
        dates = need("matplotlib.dates", extra="plotly", needed_for="Figure(matplotlib figure)")
        days: Array = dates.date2num(np.array([value or "NaT" for value in values], "M8[us]"))
        return days
    return np.array([np.nan if value is None else value for value in values], np.float64)


def _others(figure: Any, made: Any) -> Iterator[str]:
    """What a figure shows beside the artists that have a trace."""
    yield from (_name(child) for child in figure.get_children() if child not in (figure.patch, *figure.axes))
    places = [tuple(axes.get_position().bounds) for axes in figure.axes]
    if len(set(places)) < len(places):
        yield "axes over other axes"
    for axes in figure.axes:
        known = {*axes.lines, *axes.spines.values(), axes.patch, axes.xaxis, axes.yaxis, axes.title, axes.get_legend()}
        known.update(bar for bars in axes.containers for bar in _bars(bars))
        for child in axes.get_children():
            is_scatter = is_instance(child, "matplotlib.collections", "PathCollection")
            if child not in known and not is_scatter and getattr(child, "get_text", lambda: "shown")():
                yield _name(child)
        yield from _styles(axes)
        legend = axes.get_legend()
        if legend is not None:
            entries = [text.get_text() for text in legend.get_texts()]
            if entries != [trace.name for trace in made.data] or legend.get_title().get_text():
                yield "Legend"


def _bars(container: Any) -> Any:
    return container if is_instance(container, "matplotlib.container", "BarContainer") else ()


def _styles(axes: Any) -> Iterator[str]:
    """What of an axes changes what its traces say, and does not come along."""
    if axes.name != "rectilinear":
        yield f"{axes.name} projection"
    for axis, more in ((axes.xaxis, ("AutoDateFormatter",)), (axes.yaxis, ())):
        formatter = type(axis.get_major_formatter()).__name__
        if formatter not in (*_FORMATTERS, *more):
            yield f"{formatter} of the {axis.axis_name} axis"
    for line in axes.lines:
        if line.get_drawstyle() != "default":
            yield f"drawstyle {line.get_drawstyle()}"
        if line.get_marker() not in _MARKERS:
            yield f"marker {line.get_marker()!r}"
    sets = _bar_sets(axes)
    if len(sets) > 1:
        yield "several sets of bars"
    for bars in sets:
        bases = {bar.get_y() if bars.orientation == "vertical" else bar.get_x() for bar in bars}
        if bases != {0}:
            yield "bars off the zero line"
        if len({bar.get_facecolor() for bar in bars}) > 1:
            yield "colours of bars"


def _name(artist: Any) -> str:
    return type(artist).__name__
