"""Charts as Vega-Lite, Plotly, HTML, SVG and PNG, drawn without a network."""

from __future__ import annotations

import io
import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any

import numpy as np
import PIL.Image
import pytest

import mediatypes as mt
from mediatypes import CodecError, InputError, MissingDependencyError, Plot, Table
from mediatypes.plot import _html
from mediatypes.plot._presets import BUILTIN
from tests.samples import photograph

pytest.importorskip("vl_convert", reason="charts are drawn by vl-convert-python")


@cache
def rows() -> Table:
    """Brightness of rows of a photograph, in two halves."""
    found = photograph("camera").mean(axis=1)[::32].tolist()
    cells = [[i, "left" if i % 2 else "right", value] for i, value in enumerate(found)]
    return Table(columns=["row", "half", "grey.mean"], data=cells)


TRUTH, SCORES = [0, 0, 1, 2, 2, 1], np.eye(3)[[0, 1, 1, 2, 0, 1]] + 0.1
PLOTS: dict[str, Callable[[], Plot]] = {
    "line": lambda: mt.plot.line(rows(), "row", "grey.mean", stroke="half", title="Brightness"),
    "scatter": lambda: mt.plot.scatter(rows(), "row", "grey.mean", title="Brightness"),
    "bar": lambda: mt.plot.bar(rows(), "half", "grey.mean", title="Brightness"),
    "histogram": lambda: mt.plot.histogram(rows(), "grey.mean", title="Brightness"),
    "line_series": lambda: mt.plot.line_series([0, 1, 2], [[1, 2, 3], [3, 2, 1]], title="Brightness", xname="n"),
    "pr_curve": lambda: mt.plot.pr_curve(TRUTH, SCORES, title="Brightness"),
    "roc_curve": lambda: mt.plot.roc_curve(TRUTH, SCORES, title="Brightness"),
    "confusion_matrix": lambda: mt.plot.confusion_matrix(SCORES, TRUTH, title="Brightness"),
    "curves": lambda: mt.plot_table(
        "curves", rows(), {"x": "row", "y": "grey.mean", "class": "half"}, {"title": "Brightness"}
    ),
}
TEXTS = {
    "line": ["row", "grey.mean", "half", "left", "right"],
    "scatter": ["row", "grey.mean"],
    "bar": ["half", "grey.mean", "left", "right"],
    "histogram": ["grey.mean", "count"],
    "line_series": ["n", "line_0", "line_1"],
    "pr_curve": ["Recall", "Precision", "class"],
    "roc_curve": ["False positive rate", "True positive rate", "class"],
    "confusion_matrix": ["Predicted", "Actual", "predictions"],
    "curves": ["class", "left", "right"],
}


def test_every_built_in_preset_is_drawn_here() -> None:
    assert PLOTS.keys() == TEXTS.keys() == BUILTIN.keys()


@pytest.mark.parametrize("name", PLOTS)
def test_the_svg_shows_title_axes_and_legend(name: str) -> None:
    root = ElementTree.fromstring(PLOTS[name]().to_svg())
    texts = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"Brightness", *TEXTS[name]} <= texts


@pytest.mark.parametrize("name", PLOTS)
def test_the_png_has_the_size_asked_for_and_something_on_it(name: str) -> None:
    plot = PLOTS[name]()
    small, large = (PIL.Image.open(io.BytesIO(plot.to_png(scale=scale))) for scale in (1, 2))
    assert large.size == pytest.approx([2 * side for side in small.size], abs=2)
    assert len(small.convert("RGB").getcolors(1 << 20) or ()) > 20


def test_drawing_twice_gives_the_same_bytes() -> None:
    plot = PLOTS["roc_curve"]()
    assert (plot.to_svg(), plot.to_png()) == (plot.to_svg(), plot.to_png())


def test_characters_that_no_svg_holds_do_not_end_the_process() -> None:
    bad = "".join(map(chr, [*range(9), *range(14, 32), 0x7F, 0xFFFE, 0xFFFF]))
    table = mt.Table(columns=["x", f"y{bad}"], data=[[1, 2.0], [2, 3.0]])
    plot = mt.plot.line(table, "x", f"y{bad}", title=f"loss{bad}é𝄞")
    shown = "".join(ElementTree.fromstring(plot.to_svg()).itertext())
    assert "é𝄞" in shown
    assert "\ufffd" in shown
    assert plot.to_png().startswith(b"\x89PNG")


def test_the_confusion_matrix_shows_its_counts() -> None:
    svg = mt.plot.confusion_matrix(y_true=["a"] * 7 + ["b"], preds=["a"] * 7 + ["a"]).to_svg()
    assert re.findall(r">(\d+)</text>", svg)[:4] == ["7", "0", "1", "0"]


# Corners on the screen, 400 pixels a side from the top left: worked out by hand from the definitions of both curves. Of
# points with one recall, the one of the highest threshold is joined to the next recall.
CURVES = {
    "roc_curve": ([0.1, 0.2, 0.3, 0.4], [[0, 400], [0, 200], [200, 200], [200, 0], [400, 0]]),
    "pr_curve": ([0.1, 0.8, 0.4, 0.7], [[400, 200], [400, 400 / 3], [400, 0], [200, 0], [0, 0]]),
}


@pytest.mark.parametrize("name", CURVES)
def test_curves_join_their_points_in_order(name: str) -> None:
    scores, corners = CURVES[name]
    plot = getattr(mt.plot, name)([0, 1, 0, 1], scores)
    path = re.search(r'aria-roledescription="line mark" d="([^"]*)"[^>]*stroke="#4c78a8"', plot.to_svg())
    assert path is not None
    points = np.array([point.split(",") for point in re.split("[ML]", path[1])[1:]], float)
    np.testing.assert_allclose(points, corners, atol=1e-3)
    (curve,) = (trace for trace in plot.to_plotly().data if len(trace.x) == len(corners))
    np.testing.assert_allclose(np.column_stack([curve.x, 1 - np.array(curve.y)]) * 400, corners)


HOSTILE = "</script><script>alert(1)</script><!--"


def test_the_page_is_self_contained_and_runs_no_script_of_the_data() -> None:
    plot = mt.plot.bar(Table(columns=["a", "b"], data=[[HOSTILE, 1]]), "a", "b", title=HOSTILE)
    page = plot.to_html()
    assert HOSTILE not in page
    assert page.count("</script>") == page.count("<script>") == 2
    assert not re.findall(r"""(?:src|href)=["']?http""", page)
    assert "default-src 'none'" in page
    spec = re.search(r'vegaEmbed\("#plot", (\{.*\}), \{mode', page)
    assert spec is not None
    assert json.loads(spec[1]) == plot.to_vega_lite()


def test_a_spec_that_vega_lite_refuses_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediatypes.plot._presets._registered", {})
    mt.plot.register_preset("broken", {"mark": "no such mark", "encoding": {"x": {"field": "${field:x}"}}})
    with pytest.raises(CodecError, match=r"Plot.to_svg: expected a spec that Vega-Lite draws, got an error\."):
        mt.plot_table("broken", rows(), {"x": "row"}).to_svg()


@pytest.mark.parametrize("method", ["to_svg", "to_png", "to_html"])
def test_without_vl_convert_its_install_command_is_named(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    monkeypatch.setattr("mediatypes.plot._html._bundle", _html._bundle.__wrapped__)
    with pytest.raises(MissingDependencyError) as caught:
        getattr(PLOTS["bar"](), method)()
    assert str(caught.value) == (
        f"Plot.{method}: expected the package 'vl_convert', got none. "
        "Install it with: pip install 'mediatypes-ml[report]'"
    )


@pytest.mark.parametrize("name", PLOTS)
def test_plotly_shows_the_title_and_every_row(name: str) -> None:
    pytest.importorskip("plotly")
    plot = PLOTS[name]()
    figure = plot.to_plotly()
    assert figure.layout.title.text == "Brightness"
    assert sum(len(trace.x) for trace in figure.data) == plot.table.num_rows


def test_plotly_and_vega_lite_name_the_same_axes() -> None:
    pytest.importorskip("plotly")
    figure = PLOTS["line"]().to_plotly()
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == ("row", "grey.mean")
    assert [trace.name for trace in figure.data] == ["right", "left"]


@pytest.mark.parametrize(
    ("xs", "expected"),
    [
        ([3, 1, 2], [1, 2, 3]),
        ([2.0, None, 1.0], [1.0, 2.0, None]),
        (["b", "a", "c"], ["b", "a", "c"]),
        ([datetime(2024, 1, 2), datetime(2024, 1, 1)], [datetime(2024, 1, 1), datetime(2024, 1, 2)]),
    ],
    ids=["numbers", "missing", "texts", "times"],
)
def test_plotly_joins_points_as_vega_lite_does(xs: list[Any], expected: list[Any]) -> None:
    pytest.importorskip("plotly")
    table = Table(columns=["x", "y"], data=[[x, 1.0] for x in xs])
    assert list(mt.plot.line(table, "x", "y").to_plotly().data[0].x) == [x for x in expected if x is not None]


def test_a_preset_of_ones_own_has_no_plotly_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediatypes.plot._presets._registered", {})
    mt.plot.register_preset("mine", {"mark": "point", "encoding": {"x": {"field": "${field:x}"}}})
    with pytest.raises(InputError, match=r"Plot.to_plotly: expected a plot of one of .*, got 'mine'. Use to_vega_lite"):
        mt.plot_table("mine", rows(), {"x": "row"}).to_plotly()


@pytest.mark.parametrize(
    "name", ["a\\b", "\\", "C:\\x", "two\nlines", "\u2028", "constructor", "toString", "__proto__"]
)
def test_names_that_vega_misreads_are_drawn(name: str) -> None:
    pytest.importorskip("vl_convert")
    table = mt.Table([name, "column_1", "group"], [[1, 2, "a"], [2, 5, "b"], [3, 4, "a"]])
    assert mt.plot.scatter(table, name, "column_1").to_svg().count('aria-roledescription="point"') == 3
    assert mt.plot.histogram(table, name).to_svg().count('aria-roledescription="bar"') == 3
    assert mt.plot.line_series([1, 2], [[1, 2]], xname=name).to_svg().count('aria-roledescription="line mark"') == 1
    groups = mt.Table(["x", "y", name], [[1, 2, "a"], [2, 3, "b"], [3, 4, "a"], [4, 5, "b"]])
    assert mt.plot.line(groups, "x", "y", name).to_svg().count('aria-roledescription="line mark"') == 2
    spec = mt.plot.scatter(table, name, "column_1").to_vega_lite()
    assert spec["encoding"]["x"]["title"].strip("\u200b") == name.replace("\\", "\u2216").replace("\n", " ").replace(
        "\u2028", " "
    )
    assert spec["datasets"]["table"][0] == {"column_2": 1, "column_1": 2}
