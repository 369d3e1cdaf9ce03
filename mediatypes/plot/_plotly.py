"""The built-in presets as Plotly figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .._core.deps import need
from .._core.errors import InputError

Columns = Mapping[str, list[Any]]  # the values of each field of the preset
Figure = dict[str, Any]
_DASHED = {"dash": "dash", "width": 1}


def figure(preset: str, names: Mapping[str, str], strings: Mapping[str, str], columns: Columns) -> Any:
    """A `plotly.graph_objects.Figure` of a built-in preset; raises `InputError` for any other."""
    where = "Plot.to_plotly"
    if preset not in _MAKERS:
        hint = "Use to_vega_lite(), or draw it with plotly yourself."
        raise InputError.of(where, f"a plot of one of {', '.join(_MAKERS)}", preset, hint, "preset")
    graph_objects = need("plotly.graph_objects", extra="plotly", needed_for=where)
    traces, layout = _MAKERS[preset](names, strings, columns)
    if title := strings.get("title"):
        layout["title"] = {"text": title}
    return graph_objects.Figure({"data": traces, "layout": layout})


Made = tuple[list[Figure], Figure]
Maker = Callable[[Mapping[str, str], Mapping[str, str], Columns], Made]


def _axes(x: str, y: str) -> Figure:
    return {"xaxis": {"title": {"text": x}}, "yaxis": {"title": {"text": y}}}


def _lines(x: list[Any], y: list[Any], group: list[Any] | None, mode: str = "lines") -> list[Figure]:
    """One trace for each value of `group`, in the order they are met."""
    if group is None:
        return [{"type": "scatter", "mode": mode, "x": x, "y": y}]
    points: dict[Any, tuple[list[Any], list[Any]]] = {}
    for name, a, b in zip(group, x, y, strict=True):
        xs, ys = points.setdefault(name, ([], []))
        xs.append(a)
        ys.append(b)
    return [{"type": "scatter", "mode": mode, "name": str(n), "x": xs, "y": ys} for n, (xs, ys) in points.items()]


def _line(names: Mapping[str, str], strings: Mapping[str, str], columns: Columns) -> Made:
    order = _ascending(columns["x"])
    x, y = ([columns[axis][i] for i in order] for axis in ("x", "y"))
    stroke = [columns["stroke"][i] for i in order] if "stroke" in columns else None
    return _lines(x, y, stroke), _axes(names["x"], names["y"])


def _ascending(values: list[Any]) -> list[int]:
    """The order in which Vega-Lite joins points: numbers and times ascending, texts as they come."""
    if any(isinstance(value, str) for value in values):
        return list(range(len(values)))
    present = [i for i, value in enumerate(values) if value is not None and value == value]
    return sorted(present, key=values.__getitem__)


def _scatter(names: Mapping[str, str], strings: Mapping[str, str], columns: Columns) -> Made:
    return _lines(columns["x"], columns["y"], None, "markers"), _axes(names["x"], names["y"])


def _bar(names: Mapping[str, str], strings: Mapping[str, str], columns: Columns) -> Made:
    bars = {"type": "bar", "orientation": "h", "x": columns["value"], "y": columns["label"]}
    layout = _axes(names["value"], names["label"])
    layout["yaxis"] |= {"autorange": "reversed", "type": "category"}
    return [bars], layout


def _histogram(names: Mapping[str, str], strings: Mapping[str, str], columns: Columns) -> Made:
    return [{"type": "histogram", "x": columns["value"], "nbinsx": 40}], _axes(names["value"], "count")


def _line_series(names: Mapping[str, str], strings: Mapping[str, str], columns: Columns) -> Made:
    traces = _lines(columns["step"], columns["lineVal"], columns["lineKey"])
    return traces, _axes(strings.get("xname", ""), "")


def _curves(names: Mapping[str, str], strings: Mapping[str, str], columns: Columns) -> Made:
    layout = _axes(strings.get("x-axis-title", ""), strings.get("y-axis-title", ""))
    for axis in ("xaxis", "yaxis"):
        layout[axis]["range"] = [0, 1]
    return _lines(columns["x"], columns["y"], columns["class"]), layout


def _pr_curve(names: Mapping[str, str], strings: Mapping[str, str], columns: Columns) -> Made:
    traces, layout = _curves(names, strings, columns)
    shares = dict(zip(columns["class"], columns["baseline"], strict=True))
    layout["shapes"] = [
        {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": share, "y1": share, "line": _DASHED}
        for share in shares.values()
    ]
    return traces, layout


def _roc_curve(names: Mapping[str, str], strings: Mapping[str, str], columns: Columns) -> Made:
    traces, layout = _curves(names, strings, columns)
    layout["shapes"] = [{"type": "line", "x0": 0, "x1": 1, "y0": 0, "y1": 1, "line": _DASHED}]
    return traces, layout


def _confusion_matrix(names: Mapping[str, str], strings: Mapping[str, str], columns: Columns) -> Made:
    cells = {
        "type": "heatmap",
        "x": columns["Predicted"],
        "y": columns["Actual"],
        "z": columns["nPredictions"],
        "colorscale": "Blues",
        "texttemplate": "%{z}",
    }
    layout = _axes("Predicted", "Actual")
    layout["xaxis"] |= {"type": "category", "side": "top"}
    layout["yaxis"] |= {"type": "category", "autorange": "reversed"}
    return [cells], layout


_MAKERS: dict[str, Maker] = {
    "bar": _bar,
    "confusion_matrix": _confusion_matrix,
    "curves": _curves,
    "histogram": _histogram,
    "line": _line,
    "line_series": _line_series,
    "pr_curve": _pr_curve,
    "roc_curve": _roc_curve,
    "scatter": _scatter,
}
