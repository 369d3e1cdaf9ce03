"""Presets of one's own, placeholders, and charts of lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mediatypes as mt
from mediatypes import InputError, Table
from mediatypes.plot import _template
from mediatypes.plot._presets import BUILTIN, WANDB_IDS

TABLE = Table(columns=["step", "loss"], data=[[1, 0.5], [2, 0.25]])
SPEC: dict[str, Any] = {
    "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
    "data": {"name": "wandb"},
    "title": "Run: ${string:title}",
    "transform": [{"filter": "datum['${field:y}'] < 10"}],
    "mark": "line",
    "encoding": {
        "x": {"field": "${field:x}", "type": "quantitative", "title": "${field:x}"},
        "y": {"field": "${field:y}", "type": "quantitative"},
        "color": {"field": "${field:color}", "type": "nominal"},
        "tooltip": [{"field": "${field:x}"}, {"field": "${field:color}"}],
    },
}


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediatypes.plot._presets._registered", {})


def test_placeholders_are_filled() -> None:
    mt.plot.register_preset("mine", SPEC, optional=["color"])
    made = mt.plot_table("mine", TABLE, {"x": "step", "y": "loss"}, {"title": "first"}).to_vega_lite()
    assert made["title"] == "Run: first"
    assert made["data"] == {"name": "table"}
    assert made["transform"] == [{"filter": "datum['loss'] < 10"}]
    assert made["encoding"] == {
        "x": {"field": "step", "type": "quantitative", "title": "step"},
        "y": {"field": "loss", "type": "quantitative"},
        "tooltip": [{"field": "step", "type": "quantitative"}],
    }
    assert made["datasets"]["table"] == [{"step": 1, "loss": 0.5}, {"step": 2, "loss": 0.25}]
    assert made["$schema"] == SPEC["$schema"]


def test_names_are_escaped_where_they_stand() -> None:
    fields = {"x": "a.b[0]", "y": "it's"}
    made = _template.fill(SPEC, fields, {"title": "t"})
    assert made["encoding"]["x"]["field"] == r"a\.b\[0\]"
    assert made["encoding"]["x"]["title"] == "a.b[0]"
    assert made["transform"] == [{"filter": r"datum['it\'s'] < 10"}]


def spellings(folder: Path) -> dict[str, Any]:
    path = folder / "spec.json"
    path.write_text(json.dumps(SPEC))
    return {"dict": SPEC, "JSON": json.dumps(SPEC), "path": path, "path as text": str(path)}


def test_every_spelling_registers_the_same_spec(tmp_path: Path) -> None:
    for spec in spellings(tmp_path).values():
        mt.plot.register_preset("mine", spec, optional=["color"])  # the same again is no error
        plot = mt.plot_table("mine", TABLE, {"x": "step", "y": "loss"}, {"title": "t"})
        assert plot.spec == SPEC


def test_a_spec_is_copied_when_it_is_registered() -> None:
    spec = json.loads(json.dumps(SPEC))
    mt.plot.register_preset("mine", spec, optional=["color"])
    spec["mark"] = "bar"
    assert mt.plot_table("mine", TABLE, {"x": "step", "y": "loss"}, {"title": "t"}).spec["mark"] == "line"


@pytest.mark.parametrize("id", WANDB_IDS)
def test_ids_of_wandb_name_the_built_in_presets(id: str) -> None:
    kinds = {"label": "name", "class": "name", "lineKey": "name", "Actual": "name", "Predicted": "name"}
    table = Table(columns=["name", "number"], data=[["a", 1.5], ["b", 2.5]])
    slots = [name for kind, name in _template.slots(BUILTIN[WANDB_IDS[id]]) if kind == "field" and name != "stroke"]
    plot = mt.plot_table(id, table, {slot: kinds.get(slot, "number") for slot in slots})
    assert plot.preset == WANDB_IDS[id]


@pytest.mark.parametrize("name", BUILTIN)
def test_built_in_presets_pass_the_checks_of_any_preset(name: str) -> None:
    assert not list(_template.check(BUILTIN[name], name))
    assert "http" not in json.dumps(BUILTIN[name])


REFUSED: dict[str, tuple[Any, str]] = {
    "data by url": (
        {"mark": "bar", "layer": [{"data": {"url": "https://example.org/x.csv"}}]},
        "register_preset.spec.layer[0].data.url: expected no url, got 'https://example.org/x.csv'. "
        "Put the data into the table.",
    ),
    "two kinds of data": (
        {"mark": "bar", "data": {"values": [1]}, "transform": [{"from": {"data": {"url": "a.csv"}}}]},
        "2 problems:\n"
        "- register_preset.spec.data: expected nothing or {'name': 'table'}, got {'values': [1]}. "
        "The data of a plot is its table.\n"
        "- register_preset.spec.transform[0].from.data.url: expected no url, got 'a.csv'. Put the data into the table.",
    ),
    "options of the page": (
        {"mark": "bar", "usermeta": {"embedOptions": {"patch": "https://example.org"}}},
        "register_preset.spec.usermeta.embedOptions: expected no options of the page, got dict. Leave them out.",
    ),
    "Vega": (
        {"$schema": "https://vega.github.io/schema/vega/v5.json", "layer": []},
        "register_preset.spec.$schema: expected Vega-Lite, got 'https://vega.github.io/schema/vega/v5.json'. "
        "Write the chart in Vega-Lite.",
    ),
    "an unknown placeholder": (
        {"mark": "bar", "title": "${history:loss}"},
        "register_preset.spec.title: expected ${field:name} or ${string:name}, got '${history:loss}'. "
        "Rename the placeholder.",
    ),
    "broken JSON": (
        '{"mark": ',
        "register_preset.spec: expected JSON, got b'{\"mark\": '. Expecting value: line 1 column 10 (char 9).",
    ),
    "a file that is not there": (
        "none.json",
        "register_preset.spec: expected an existing file, got 'none.json'. Check the path.",
    ),
    "no JSON data": (
        {"mark": {1, 2}},
        "register_preset.spec.mark: expected JSON data, got {1, 2}. Make it plain.",
    ),
}


@pytest.mark.parametrize(("spec", "message"), REFUSED.values(), ids=REFUSED)
def test_specs_that_cannot_be_drawn_from_a_table_are_refused(spec: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        mt.plot.register_preset("mine", spec)
    assert str(caught.value) == message


@pytest.mark.parametrize("name", ["line", "wandb/line/v0", "mine"])
def test_a_name_that_is_taken_is_refused(name: str) -> None:
    mt.plot.register_preset("mine", {"mark": "bar"})
    with pytest.raises(InputError) as caught:
        mt.plot.register_preset(name, SPEC)
    expected = f"register_preset.name: expected a name that is free, got {name!r}. Choose another one."
    assert str(caught.value) == expected


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(InputError, match=r"Plot.preset: expected one of bar, .* got 'mine'. Register it with"):
        mt.plot_table("mine", TABLE, {})


def test_placeholders_without_columns_and_columns_without_placeholders_are_refused() -> None:
    mt.plot.register_preset("mine", SPEC)
    with pytest.raises(InputError) as caught:
        mt.plot_table("mine", TABLE, {"x": "step", "color": None, "size": "loss"})
    assert str(caught.value) == (
        "4 problems:\n"
        "- plot_table.fields['color']: expected a column for ${field:color}, got None. Pass fields={'color': ...}.\n"
        "- plot_table.fields['y']: expected a column for ${field:y}, got None. Pass fields={'y': ...}.\n"
        "- plot_table.fields: expected one of color, x, y, got 'size'. "
        "Remove it, or write ${field:size} in the spec.\n"
        "- plot_table.strings['title']: expected a text for ${string:title}, got None. Pass strings={'title': ...}."
    )


@pytest.mark.parametrize("xs", [[0, 1, 2], np.arange(3), [[0, 1, 2], [0, 1, 2]], (range(3), range(3))])
def test_lines_share_an_x_or_have_their_own(xs: Any) -> None:
    table = mt.plot.line_series(xs, [[1.5, 2, 3], np.array([4, 5, 6])], xname="epoch").table
    assert table.columns == ["step", "lineKey", "lineVal"]
    assert table.get_column("step") == [0, 1, 2, 0, 1, 2]
    assert table.get_column("lineKey") == ["line_0"] * 3 + ["line_1"] * 3
    assert table.get_column("lineVal") == [1.5, 2, 3, 4, 5, 6]


def test_names_are_taken_in_their_order() -> None:
    names = {"b": "late", "a": "early"}
    for given, wanted in (
        (names.keys(), ["b", "a"]),
        (names.values(), ["late", "early"]),
        (np.array(["b", "a"]), ["b", "a"]),
    ):
        assert mt.plot.line_series([0], [[1], [2]], keys=given).table.get_column("lineKey") == wanted
    matrix = mt.plot.confusion_matrix(y_true=[0, 1], preds=[0, 1], class_names=names.values())
    assert list(dict.fromkeys(matrix.table.get_column("Actual"))) == ["late", "early"]


LINES: dict[str, tuple[Any, str]] = {
    "other lengths, and too few names": (
        lambda: mt.plot.line_series([1, 2], [[1, 2], [1, 2, 3], [1]], keys=["a"]),
        "3 problems:\n"
        "- line_series.ys[1]: expected 2 numbers, one for each x, got 3. Pass as many x as y.\n"
        "- line_series.ys[2]: expected 2 numbers, one for each x, got 1. Pass as many x as y.\n"
        "- line_series.keys: expected 3 names, one for each line, got 1. Name all.",
    ),
    "no lines": (
        lambda: mt.plot.line_series([1], []),
        "line_series.ys: expected at least one line, got none. Pass a list of lines.",
    ),
    "one bare line": (
        lambda: mt.plot.line_series([1, 2], [3, 4]),
        "line_series.ys: expected a list of lines, got [3, 4]. Wrap the line: [ys].",
    ),
    "x of other lines": (
        lambda: mt.plot.line_series([[1], [2]], [[3]]),
        "line_series.xs: expected x of 1 line, got 2. Pass one for each line, or one for all.",
    ),
    "texts": (
        lambda: mt.plot.line_series([1], [["a"]]),
        "line_series.ys[0]: expected real numbers, got ndarray of shape (1,) and dtype <U1. "
        "Convert the array to numbers first.",
    ),
    "names without an order": (
        lambda: mt.plot.line_series([1], [[1]], keys={"a"}),
        "line_series.keys: expected a list of names, got {'a'}. Pass ['cat', 'dog'], for example.",
    ),
    "names by number": (
        lambda: mt.plot.line_series([1], [[1]], keys={0: "a"}),
        "line_series.keys: expected a list of names, got {0: 'a'}. Pass ['cat', 'dog'], for example.",
    ),
    "repeated names": (
        lambda: mt.plot.line_series([1], [[1], [2]], keys=["a", "a"]),
        "line_series.keys: expected names that differ, got ['a', 'a']. Rename one of them.",
    ),
}


@pytest.mark.parametrize(("make", "message"), LINES.values(), ids=LINES)
def test_lines_that_do_not_fit_are_refused(make: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        make()
    assert str(caught.value) == message
