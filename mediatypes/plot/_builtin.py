"""The presets of this package: Vega-Lite templates of our own, one for each of W&B's ids and more."""

from __future__ import annotations

from typing import Any

Spec = dict[str, Any]

# What W&B calls them. It draws precision-recall and ROC curves with one spec, which is the preset "curves".
WANDB_IDS = {
    "wandb/line/v0": "line",
    "wandb/scatter/v0": "scatter",
    "wandb/bar/v0": "bar",
    "wandb/histogram/v0": "histogram",
    "wandb/lineseries/v0": "line_series",
    "wandb/area-under-curve/v0": "curves",
    "wandb/confusion_matrix/v1": "confusion_matrix",
}
# Placeholders that may be left out: a channel without its column is dropped, a text is empty.
OPTIONAL = ("stroke", "title", "xname", "x-axis-title", "y-axis-title")

_CONFIG: Spec = {
    "font": "DejaVu Sans, Helvetica, Arial, sans-serif",
    "title": {"fontSize": 15, "fontWeight": "bold", "anchor": "start", "offset": 12},
    "axis": {
        "labelFontSize": 11,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "gridColor": "#e6e8eb",
        "labelFlush": False,
    },
    "legend": {"labelFontSize": 11, "titleFontSize": 12, "titleFontWeight": "normal", "symbolType": "stroke"},
    "line": {"strokeJoin": "round"},
    "view": {"stroke": None},
}
_UNIT: Spec = {"domain": [0, 1], "nice": False}


def _chart(width: int = 480, height: int = 300, **parts: Any) -> Spec:
    frame: Spec = {"title": "${string:title}", "width": width, "height": height, "background": "white", "padding": 12}
    return {"data": {"name": "table"}, **frame, "config": _CONFIG, **parts}


def _number(slot: str, **parts: Any) -> Spec:
    return {"field": f"${{field:{slot}}}", "type": "quantitative", **parts}


def _name(slot: str, **parts: Any) -> Spec:
    return {"field": f"${{field:{slot}}}", "type": "nominal", **parts}


def _line() -> Spec:
    x: Spec = {"field": "${field:x}", "sort": None, "axis": {"grid": False}}  # numbers, times or texts
    color = _name("stroke")
    encoding = {"x": x, "y": _number("y", scale={"zero": False}), "color": color}
    return _chart(mark={"type": "line", "tooltip": True}, encoding=encoding)


def _scatter() -> Spec:
    encoding = {axis: _number(axis, scale={"zero": False}) for axis in ("x", "y")}
    return _chart(mark={"type": "point", "filled": True, "opacity": 0.7, "tooltip": True}, encoding=encoding)


def _bar() -> Spec:
    x, y = _number("value", stack=None), _name("label", sort=None)
    return _chart(height=_steps(24), mark={"type": "bar", "tooltip": True}, encoding={"x": x, "y": y})


def _histogram() -> Spec:
    x = _number(
        "value",
        bin={"maxbins": 40},
        title="${field:value}",
        axis={"grid": False, "labelOverlap": "greedy", "labelSeparation": 8},
    )
    y = {"aggregate": "count", "type": "quantitative", "title": "count"}
    return _chart(mark={"type": "bar", "tooltip": True, "binSpacing": 1}, encoding={"x": x, "y": y})


def _line_series() -> Spec:
    encoding = {
        "x": {"field": "${field:step}", "sort": None, "title": "${string:xname}", "axis": {"grid": False}},
        "y": _number("lineVal", title="", scale={"zero": False}),
        "color": _name("lineKey", title="", sort=None),
    }
    return _chart(mark={"type": "line", "tooltip": True}, encoding=encoding)


def _curve(scale: Spec) -> Spec:
    """Lines through points in the order of the table, coloured by class."""
    encoding = {
        "x": _number("x", title="${string:x-axis-title}", scale=scale),
        "y": _number("y", title="${string:y-axis-title}", scale=scale),
        "color": _name("class", title="class", sort=None),
        "order": None,
    }
    return {"mark": {"type": "line", "tooltip": True}, "encoding": encoding}


def _pr_curve() -> Spec:
    """Each class with a dashed line at the precision of guessing: the share of its examples."""
    y = {"aggregate": "min", "field": "${field:baseline}", "type": "quantitative"}
    rule = {"mark": {"type": "rule", "strokeDash": [3, 5], "strokeWidth": 1}}
    baseline = {**rule, "encoding": {"y": y, "color": _name("class", title="class", sort=None)}}
    return _chart(400, 400, layer=[_curve(_UNIT), baseline])


def _roc_curve() -> Spec:
    """The dashed diagonal is what guessing gives."""
    ends: Spec = {"values": [{"x": 0, "y": 0}, {"x": 1, "y": 1}]}
    axes = {axis: {"field": axis, "type": "quantitative"} for axis in ("x", "y")}
    diagonal = {"data": ends, "mark": {"type": "line", "strokeDash": [4, 4], "color": "#888"}, "encoding": axes}
    return _chart(400, 400, layer=[diagonal, _curve(_UNIT)])


def _confusion_matrix() -> Spec:
    """Counts in cells, darker where there are more; the text is white on dark cells."""
    axes = {
        "x": _name("Predicted", sort=None, axis={"orient": "top", "labelAngle": -45, "title": "Predicted"}),
        "y": _name("Actual", sort=None, title="Actual"),
    }
    most = [{"joinaggregate": [{"op": "max", "field": "${field:nPredictions}", "as": "_most"}]}]
    heat = _number("nPredictions", title="predictions", scale={"scheme": "blues", "domainMin": 0})
    dark = {"test": "datum['${field:nPredictions}'] > datum._most / 2", "value": "white"}
    text = {"text": _number("nPredictions"), "color": {"condition": dark, "value": "#333"}}
    return _chart(
        _steps(36),
        _steps(36),
        encoding=axes,
        transform=most,
        layer=[
            {"mark": {"type": "rect", "tooltip": True}, "encoding": {"color": heat}},
            {"mark": {"type": "text", "fontSize": 11}, "encoding": text},
        ],
    )


def _steps(pixels: int) -> Any:
    """A side that grows with the number of categories."""
    return {"step": pixels}


BUILTIN: dict[str, Spec] = {
    "bar": _bar(),
    "confusion_matrix": _confusion_matrix(),
    "curves": _chart(400, 400, **_curve({"zero": False})),
    "histogram": _histogram(),
    "line": _line(),
    "line_series": _line_series(),
    "pr_curve": _pr_curve(),
    "roc_curve": _roc_curve(),
    "scatter": _scatter(),
}
