"""Presets by name: our own, Vega-Lite templates one for each of W&B's ids and more, and those that users register."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from .._core import canonical
from .._core.declaration import Json
from .._core.errors import InputError, Problem, problem, raise_all
from .._core.inputs import is_iterable, read_blob
from ._template import check, slots

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
        "order": {"value": None},  # as the table has them: Vega-Lite sorts them by x otherwise
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


class Preset(NamedTuple):
    """A Vega-Lite template as canonical JSON, and the placeholders that may be left out."""

    name: str
    spec: str
    optional: frozenset[str]


_registered: dict[str, Preset] = {}


def register_preset(name: str, spec: Any, *, optional: Iterable[str] = ()) -> None:
    """Make a chart of your own available to `mt.plot_table` under a name.

    Args:
        name: any text, such as "my-team/calibration"; names of W&B's presets are taken.
        spec: a Vega-Lite spec: a dict, its JSON text, or the path of a JSON file. `${field:x}` in it stands for the
            column that `fields` maps to `x`, `${string:title}` for a text. Its data is left out, or
            `{"name": "table"}`, or `{"name": "wandb"}` as W&B writes it; a `url` is refused wherever it stands, since
            a plot is drawn without a network.
        optional: placeholders that may be left out: the object (say, the encoding channel) that names such a field is
            dropped, and such a string is empty.

    The same spec may be registered again. A channel without a `type` gets that of its column; a `quantitative` one
    over times becomes `temporal`.

    Raises:
        InputError: the name is taken, or with all that is wrong with the spec.

    >>> import mediatypes as mt
    >>> encoding = {"x": {"field": "${field:epoch}"}, "y": {"field": "${field:loss}", "type": "quantitative"}}
    >>> mt.plot.register_preset("area", {"title": "${string:title}", "mark": "area", "encoding": encoding})
    >>> table = mt.Table(columns=["step", "train"], data=[[1, 0.5], [2, 0.25]])
    >>> plot = mt.plot_table("area", table, {"epoch": "step", "loss": "train"}, {"title": "Loss"})
    >>> plot.to_vega_lite()["encoding"]["x"]
    {'field': 'step', 'type': 'quantitative'}
    """
    where = "register_preset"
    if not isinstance(name, str) or not name or not canonical.is_utf8_encodable(name):
        raise InputError.of(f"{where}.name", "text that is not empty", name, "Name the preset.")
    if name in BUILTIN or name in WANDB_IDS:
        raise InputError.of(f"{where}.name", "a name that is free", name, "Choose another one.", "taken")
    if isinstance(optional, str) or not is_iterable(optional) or not all(isinstance(slot, str) for slot in optional):
        raise InputError.of(f"{where}.optional", "a list of placeholders", optional, "Pass ['color'], for example.")
    preset = Preset(name, canonical.dumps(_read_spec(spec, f"{where}.spec")), frozenset(optional))
    if _registered.setdefault(name, preset) != preset:
        raise InputError.of(f"{where}.name", "a name that is free", name, "Choose another one.", "taken")


def lookup(name: Any, where: str) -> Preset:
    """The preset of a name or of W&B's id for it; raises `InputError`."""
    if not isinstance(name, str):
        raise InputError.of(where, "the name of a preset", name, "Pass 'line', for example.")
    own = WANDB_IDS.get(name, name)
    if own in BUILTIN:
        return Preset(own, canonical.dumps(BUILTIN[own]), frozenset(OPTIONAL))
    if name not in _registered:
        known = ", ".join(sorted((*BUILTIN, *_registered)))
        hint = f"Register it with mt.plot.register_preset({name!r}, spec)."
        raise InputError.of(where, f"one of {known}", name, hint, "unknown")
    return _registered[name]


def check_mapping(preset: Preset, fields: Any, strings: Any, where: str) -> list[Problem]:
    """What is wrong with a mapping of placeholders to columns and texts."""
    problems = []
    for kind, mapping, words in (("field", fields, "a column"), ("string", strings, "a text")):
        place = f"{where}.{kind}s"
        wanted = [name for slot, name in slots(json.loads(preset.spec)) if slot == kind]
        if not isinstance(mapping, Mapping):
            problems.append(problem(place, f"a dict of names to {words[2:]}s", mapping, "Pass {} for none."))
            continue
        for name in wanted:
            if mapping.get(name) is None and name not in preset.optional:
                hint = f"Pass {kind}s={{{name!r}: ...}}."
                problems.append(
                    problem(f"{place}[{name!r}]", f"{words} for ${{{kind}:{name}}}", None, hint, "unmapped")
                )
        for name, text in mapping.items():
            if name not in wanted:
                hint = f"Remove it, or write ${{{kind}:{name}}} in the spec."
                expected = f"one of {', '.join(wanted)}" if wanted else "none, the spec has no such placeholder"
                problems.append(problem(place, expected, name, hint, "placeholder"))
            elif isinstance(text, str) and not canonical.is_utf8_encodable(text):
                hint = "Remove the lone surrogates."
                problems.append(problem(f"{place}[{name!r}]", "text that UTF-8 can hold", text, hint))
            elif text is not None and not isinstance(text, str):
                problems.append(problem(f"{place}[{name!r}]", f"{words}, as text", text, "Use str(...)."))
    return problems


def _read_spec(spec: Any, where: str) -> dict[str, Any]:
    if isinstance(spec, (str, bytes, os.PathLike)):
        spec = _parse(spec, where)
    problems = list(Json().check(spec, where)) or list(check(spec, where))
    raise_all(problems)
    return dict(spec)


def _parse(spec: Any, where: str) -> Any:
    if isinstance(spec, str) and spec.lstrip().startswith("{"):
        content = spec.encode("utf-8", "surrogatepass")
    else:
        blob = read_blob(spec, where)
        content = blob.read() if blob is not None else b""
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError.of(where, "JSON", content[:40], f"{str(error).rstrip('.')}.", "json") from error
