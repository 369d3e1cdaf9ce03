from __future__ import annotations

import base64
import io
import json
import warnings
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import PIL.Image
import plotly.graph_objects as go
import plotly.io
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as MplFigure

import mediatypes as mt
from mediatypes import DocumentError, Figure, InputError
from mediatypes._core.sidecar import Blob
from mediatypes.testing import ValueContract
from mediatypes.types.figure.plotly_json import check_figure, read_json
from mediatypes.types.pictures import matplotlib
from tests.samples import decoded, encode, photograph

mpl.use("Agg")
import matplotlib.pyplot as plt

NAN, INF = float("nan"), float("inf")
Draw = Callable[[Any], Any]


def drawing(*draws: Draw) -> Any:
    """A matplotlib figure with one axes, outside of pyplot."""
    figure = MplFigure(figsize=(2, 1.5))
    axes = figure.add_subplot()
    for draw in draws:
        draw(axes)
    return figure


def brightness() -> go.Figure:
    """A Plotly figure of real data: brightness of the rows of a photograph."""
    rows = photograph("camera").mean(axis=1)
    return go.Figure(go.Scatter(x=np.arange(len(rows)), y=rows, name="camera"), {"title": "Zeilen ☀"})


class TestFigureContract(ValueContract):
    def examples(self) -> dict[str, Figure]:
        lines: Draw = lambda axes: axes.plot([1, 2, 4])  # noqa: E731
        image: Draw = lambda axes: axes.imshow(photograph("coins"))  # noqa: E731
        return {
            "plotly": Figure(brightness(), caption="Helligkeit"),
            "another template": Figure(brightness().update_layout(template="plotly_white")),
            "null": Figure({"data": [{"type": "bar", "y": [1, NAN, INF]}], "layout": {}, "frames": []}),
            "no traces": Figure({"data": []}),
            "lines": Figure(drawing(lines)),
            "lines on an image": Figure(drawing(lines, image), caption="both"),
            "image": Figure(drawing(image)),
        }

    def bad_documents(self) -> dict[str, tuple[dict[str, Any], str]]:
        return {
            "another number of traces": (
                {"traces": 2},
                "figure.traces: expected 1, as in the JSON, got 2. Restore it.",
            ),
            "an unknown format": ({"format": "svg"}, "format: expected one of plotly, png, got 'svg'."),
            "a picture without its size": (
                {"format": "png"},
                "4 problems:\n"
                "- width: expected an integer beside format 'png', got None.\n"
                "- height: expected an integer beside format 'png', got None.\n"
                "- traces: expected nothing beside format 'png', got 1.\n"
                "- template: expected nothing beside format 'png', got 'default'.",
            ),
            "a size beside plotly": (
                {"width": 10},
                "width: expected nothing beside format 'plotly', got 10.",
            ),
            "too large": (
                {"size": 2**40},
                "size: expected at most 67108864 bytes of JSON, got 1099511627776. Do not trust this document.",
            ),
        }


def test_a_plotly_figure_comes_back_without_and_with_its_template() -> None:
    figure = brightness()
    made = decoded(Figure(figure))
    assert made.to_plotly() == figure
    assert made.to_plotly().layout["template"] == figure.layout["template"]
    assert "template" not in made.to_dict()["layout"]
    np.testing.assert_array_equal(
        np.asarray(made.to_plotly().data[0].y["bdata"]), figure.to_dict()["data"][0]["y"]["bdata"]
    )


def test_the_default_template_is_not_stored() -> None:
    document, store = encode(Figure(go.Figure(go.Scatter(x=[1, 2], y=[3, 4]))))
    (data,) = store.files.values()
    assert data == b'{"data":[{"type":"scatter","x":[1,2],"y":[3,4]}],"layout":{}}'
    assert (document["template"], document["traces"], document["format"]) == ("default", 1, "plotly")


@pytest.mark.parametrize("template", [None, "none", "plotly_dark"])
def test_another_template_is_stored_and_none_stays_none(template: str | None) -> None:
    figure = go.Figure(go.Scatter(y=[1]))
    figure.layout.template = template
    document, store = encode(Figure(figure))
    assert "template" not in document
    assert mt.decode(document, store).to_plotly().to_dict() == figure.to_dict()


def test_the_users_default_template_does_not_change_what_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, figure = Figure({"data": []}), Figure(go.Figure())
    expected = plotly.io.templates["plotly"]
    monkeypatch.setattr(plotly.io.templates, "default", "plotly_dark")
    assert plain.to_plotly().to_dict() == {"data": [], "layout": {}}
    assert figure.to_plotly().layout.template == expected


JSON = '{"data": [{"type": "scatter", "x": [1, 2], "y": [3.5, 4]}], "layout": {"title": {"text": "T"}}}'


def spellings(folder: Path) -> dict[str, Any]:
    path = folder / "figure.json"
    path.write_text(JSON)
    trace = {"type": "scatter", "x": (1, 2), "y": [Decimal("3.5"), np.int8(4)]}
    return {
        "a dict": json.loads(JSON),
        "a dict of other classes": {"data": (trace,), "layout": {"title": {"text": "T"}}},
        "a dict of graph objects": {"data": [go.Scatter(trace)], "layout": go.Layout(title={"text": "T"})},
        "JSON": JSON,
        "JSON after a line break": f"\n {JSON}",
        "bytes": JSON.encode(),
        "a buffer": io.BytesIO(JSON.encode()),
        "a path": path,
        "a path as text": str(path),
        "a Figure": Figure(JSON),
    }


def test_every_spelling_gives_the_same_figure(tmp_path: Path) -> None:
    made = {name: Figure(data) for name, data in spellings(tmp_path).items()}
    assert {name: figure.to_dict() for name, figure in made.items()} == dict.fromkeys(made, json.loads(JSON))
    assert set(made.values()) == {Figure(JSON)}


def test_a_plotly_figure_and_its_own_json_and_dict_are_equal() -> None:
    figure = brightness()
    assert Figure(figure) == Figure(figure.to_json()) == Figure(figure.to_dict())


@pytest.mark.parametrize(
    ("array", "dtype", "stored"),
    [
        (np.array([1.5, NAN, INF]), "f8", "<f8"),
        (np.array([1.5, 2], ">f4"), "f4", "<f4"),
        (np.array([1.5, NAN], np.float16), "f4", "<f4"),
        (np.array([1, -128]), "i1", "i1"),
        (np.array([1, 300], np.uint64), "u2", "<u2"),
        (np.array([[1, 2], [3, 2**31 - 1]]), "i4", "<i4"),
    ],
)
def test_arrays_become_typed_arrays_of_plotly(array: Any, dtype: str, stored: str) -> None:
    (trace,) = Figure({"data": [{"type": "heatmap", "z": array}]}).to_dict()["data"]
    assert trace["z"]["dtype"] == dtype
    values = np.frombuffer(base64.b64decode(trace["z"]["bdata"]), stored)
    np.testing.assert_array_equal(values, array.ravel())
    assert trace["z"].get("shape") == ("2, 2" if array.ndim == 2 else None)
    assert Figure({"data": [{"type": "heatmap", "z": array}]}).nulled_count == 0


@pytest.mark.parametrize(
    ("values", "stored"),
    [
        (np.array([2**40, 1]), [2**40, 1]),
        (np.array([True, False]), [True, False]),
        (np.array(["a", None], object), ["a", None]),
        (np.array([]), []),
        (np.array(["2020-01-01", "NaT"], "M8[D]"), ["2020-01-01", None]),
        (
            [date(2020, 1, 2), datetime(2020, 1, 2, 3, 4, 5, 6), pd.NaT],
            ["2020-01-02", "2020-01-02T03:04:05.000006", None],
        ),
        (pd.Series(["x", "y"]), ["x", "y"]),
        ([np.float32(0.5), np.int64(3), np.array(2)], [0.5, 3, 2]),
    ],
)
def test_other_values_become_lists(values: Any, stored: Any) -> None:
    assert Figure({"data": [{"type": "scatter", "x": values}]}).to_dict()["data"][0]["x"] == stored


@pytest.mark.parametrize("number", [NAN, INF, -INF, Decimal("nan")])
def test_non_finite_numbers_in_lists_become_null_and_are_counted(number: Any) -> None:
    figure = decoded(Figure({"data": [{"type": "scatter", "y": [1, number, number], "name": "NaN Infinity"}]}))
    assert figure.to_dict()["data"][0] == {"type": "scatter", "y": [1, None, None], "name": "NaN Infinity"}
    assert figure.nulled_count == 2


def test_json_numbers_that_no_double_holds_become_null() -> None:
    assert Figure('{"data": [{"type": "scatter", "y": [1e999]}]}').nulled_count == 1


def test_the_json_of_a_figure_is_saved_as_plotly_reads_it_and_read_again(tmp_path: Path) -> None:
    figure = Figure(brightness())
    path = figure.save(tmp_path / "rows.plotly.json")
    assert path.read_bytes() == figure.to_bytes()
    saved: Any = plotly.io.read_json(path)
    brightnesses = np.frombuffer(base64.b64decode(saved.data[0].y["bdata"]), "<f8")
    assert np.array_equal(brightnesses, photograph("camera").mean(axis=1))
    assert saved.layout.title.text == "Zeilen ☀"
    assert Figure.from_path(path).to_dict() == figure.to_dict()


def test_the_picture_of_a_figure_is_saved_as_a_png(tmp_path: Path) -> None:
    figure = Figure(drawing(lambda axes: axes.imshow(photograph("coins"))))
    path = figure.save(tmp_path / "coins.png")
    assert figure.to_bytes() == figure.to_png()
    with PIL.Image.open(path) as saved:
        assert (saved.format, saved.size) == ("PNG", (200, 150))
    with pytest.raises(InputError) as caught:
        figure.save(tmp_path / "coins.plotly.json")
    assert str(caught.value).startswith("Figure.save: expected a name that ends in .png, got ")
    with pytest.raises(InputError) as caught:
        Figure.from_path(path)
    assert str(caught.value).endswith("It is not UTF-8 text. Log a picture as an Image.")


LOSSLESS: dict[str, tuple[Draw, list[str]]] = {
    "lines": (lambda axes: (axes.plot([1, 2, 3]), axes.plot([3, 1], "--o")), ["scatter", "scatter"]),
    "a line with gaps": (lambda axes: axes.plot([1, NAN, 3]), ["scatter"]),
    "titles and ticks": (lambda axes: (axes.plot([1, 2]), axes.set(title="T", xlabel="x", ylabel="y")), ["scatter"]),
    "a legend of all lines": (lambda axes: (axes.plot([1, 2], label="a"), axes.legend()), ["scatter"]),
    "logarithmic axes": (lambda axes: axes.loglog([1, 10, 33.3], [5, 7, 0.1]), ["scatter"]),
    "dates": (
        lambda axes: axes.plot(np.array(["2020-01-01T01:02:03.123456", "2020-02-02"], "M8[us]"), [1, 2]),
        ["scatter"],
    ),
    "points": (lambda axes: axes.scatter([1, 2], [3, 4], c=[1, 2], s=[10, 200]), ["scatter"]),
    "bars": (lambda axes: axes.bar([1, 2], [3, 4]), ["bar"]),
    "horizontal bars": (lambda axes: axes.barh([1, 2], [3, 4]), ["bar"]),
    "a histogram": (lambda axes: axes.hist([1, 2, 2, 3, 5], bins=4), ["bar"]),
}


@pytest.mark.parametrize(("draw", "types"), LOSSLESS.values(), ids=LOSSLESS)
def test_what_plotly_can_show_is_converted(draw: Draw, types: list[str]) -> None:
    document, store = encode(Figure(drawing(draw)))
    assert [trace["type"] for trace in mt.decode(document, store).to_dict()["data"]] == types
    assert document["source"] == "matplotlib"
    assert not {"image", "lost", "width"} & document.keys()
    assert len(store.files) == 1


PARTLY: dict[str, tuple[Draw, list[str]]] = {
    "an image": (lambda axes: (axes.plot([1, 2]), axes.imshow(np.eye(3))), ["AxesImage"]),
    "a text": (lambda axes: (axes.plot([1, 2]), axes.text(0, 1, "t")), ["Text"]),
    "a second title": (lambda axes: (axes.plot([1]), axes.set_title("T", loc="left")), ["Text"]),
    "a title of the figure": (lambda axes: (axes.plot([1]), axes.figure.suptitle("T")), ["Text"]),
    "a legend of some lines": (lambda axes: (axes.plot([1]), axes.plot([2], label="a"), axes.legend()), ["Legend"]),
    "categories": (lambda axes: axes.plot(["a", "b"], [1, 2]), ["StrCategoryFormatter of the x axis"]),
    "steps": (lambda axes: axes.step([1, 2], [3, 4]), ["drawstyle steps-pre"]),
    "a marker": (lambda axes: axes.plot([1, 2], marker="P"), ["marker 'P'"]),
    "colours of bars": (lambda axes: axes.bar([1, 2], [3, 4], color=["r", "b"]), ["colours of bars"]),
    "stacked bars": (
        lambda axes: (axes.bar([1, 2], [3, 4]), axes.bar([1, 2], [1, 1], bottom=[3, 4])),
        ["several sets of bars", "bars off the zero line"],
    ),
    "two axes in one place": (lambda axes: (axes.plot([1, 2]), axes.twinx().plot([3, 4])), ["axes over other axes"]),
    "axes in axes": (lambda axes: (axes.plot([1, 2]), axes.inset_axes([0.5, 0.5, 0.2, 0.2]).plot([1])), ["Axes"]),
}


@pytest.mark.parametrize(("draw", "lost"), PARTLY.values(), ids=PARTLY)
def test_a_picture_stands_beside_what_plotly_shows_in_part(draw: Draw, lost: list[str]) -> None:
    document, store = encode(Figure(drawing(draw)))
    figure = mt.decode(document, store)
    assert (document["lost"], list(figure.lost), figure.format) == (lost, lost, "plotly")
    assert figure.traces >= 1
    assert (document["image"]["width"], document["image"]["height"]) == (200, 150)
    assert PIL.Image.open(io.BytesIO(figure.to_png())).size == (200, 150)
    assert (figure.has_picture, figure.to_bytes() == figure.to_png()) == (True, False)
    document["image"]["width"] = 201
    with pytest.raises(DocumentError, match=r"^figure\.image: expected an image of 201 x 150, got 200 x 150\."):
        mt.decode(document, store)


ONLY_PICTURE: dict[str, tuple[Draw, list[str]]] = {
    "an image": (lambda axes: axes.imshow(photograph("coins")), ["AxesImage"]),
    "a pie": (lambda axes: axes.pie([1, 2]), ["Wedge"]),
    "one bar": (lambda axes: axes.bar([1], [3]), ["BarContainer"]),
    "bars below zero, which plotly turns over": (
        lambda axes: axes.bar([1, 2], [-3, 4]),
        ["everything: plotly drew other data"],
    ),
    "bars of unequal widths, which plotly lays down": (
        lambda axes: axes.bar([1, 2, 7], [3, 4, 5], width=[1, 2, 0.1]),
        ["everything: plotly drew other data"],
    ),
    "contours, which plotly makes lines": (
        lambda axes: axes.contourf(np.outer(np.arange(9.0), np.arange(9.0))),
        ["everything: plotly drew other data"],
    ),
    "an area": (lambda axes: axes.fill_between([1, 2], [3, 4]), ["everything: plotly drew other data"]),
    "error bars": (lambda axes: axes.errorbar([1, 2], [3, 4], yerr=0.1), ["everything: plotly drew other data"]),
    "a hidden line, which plotly shows": (
        lambda axes: axes.plot([1, 2], visible=False),
        ["everything: plotly drew other data"],
    ),
    "a scale": (lambda axes: (axes.plot([1, 2]), axes.set_yscale("symlog")), ["everything: plotly raised ValueError"]),
    "three dimensions": (
        lambda axes: axes.figure.add_subplot(projection="3d").plot([1, 2], [1, 2], [1, 2]),
        ["everything: plotly raised TypeError"],
    ),
}


@pytest.mark.parametrize(("draw", "lost"), ONLY_PICTURE.values(), ids=ONLY_PICTURE)
def test_what_plotly_cannot_show_or_shows_wrongly_is_a_picture(draw: Draw, lost: list[str]) -> None:
    document, store = encode(Figure(drawing(draw)))
    figure = mt.decode(document, store)
    assert (figure.format, list(figure.lost), figure.traces) == ("png", lost, 0)
    assert (document["media_type"], document["width"], document["height"]) == ("image/png", 200, 150)
    (data,) = store.files.values()
    assert (figure.has_picture, figure.to_png()) == (True, data)
    document["height"] = 149
    with pytest.raises(DocumentError, match=r"^figure: expected an image of 200 x 149, got 200 x 150\."):
        mt.decode(document, store)


def test_the_picture_is_what_matplotlib_draws() -> None:
    made = drawing(lambda axes: axes.imshow(photograph("coins")))
    pixels = np.asarray(PIL.Image.open(io.BytesIO(Figure(made).to_png())))
    canvas: Any = FigureCanvasAgg(made)
    canvas.draw()
    np.testing.assert_array_equal(pixels, np.asarray(canvas.buffer_rgba()))


def test_an_empty_figure_is_a_picture() -> None:
    assert Figure(MplFigure()).format == "png"


def test_without_plotly_a_matplotlib_figure_is_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    def need(module: str, *, extra: str, needed_for: str) -> Any:
        raise mt.MissingDependencyError(module.partition(".")[0], extra, needed_for)

    monkeypatch.setattr(matplotlib, "need", need)
    figure = decoded(Figure(drawing(lambda axes: axes.plot([1, 2]))))
    assert (figure.format, figure.lost) == ("png", ("everything: plotly is not installed",))


def test_a_figure_of_pyplot_is_neither_closed_nor_warned_about() -> None:
    figure, axes = plt.subplots()
    try:
        axes.plot([1, 2])
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            made = [Figure(data) for data in (figure, axes, plt)]
        assert made == [made[0]] * 3
        assert not caught
        assert plt.fignum_exists(figure.number)
    finally:
        plt.close(figure)


def test_a_subfigure_stands_for_its_figure() -> None:
    figure = MplFigure()
    part: Any = figure.add_subfigure(figure.add_gridspec(1, 2)[0])
    part.add_subplot().plot([1, 2])
    assert Figure(part).lost == ("SubFigure",)


def test_pyplot_without_a_figure_is_refused() -> None:
    plt.close("all")
    with pytest.raises(InputError) as caught:
        Figure(plt)
    assert str(caught.value).startswith(
        "Figure: expected a pyplot with an open figure, got <module 'matplotlib.pyplot' "
    )
    assert str(caught.value).endswith(". Draw something first.")


def test_a_figure_that_cannot_be_drawn_is_a_codec_error() -> None:
    with pytest.raises(mt.CodecError, match=r"^Figure: expected a figure that matplotlib can draw, got an error\. "):
        Figure(drawing(lambda axes: axes.set_title("$\\broken$")))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6) | st.just(NAN), min_size=1, max_size=20))
def test_the_points_of_a_line_are_kept(y: list[float]) -> None:
    figure = Figure(drawing(lambda axes: axes.plot(y)))
    assert figure.lost == ()
    assert figure.to_dict()["data"][0]["y"] == [None if np.isnan(value) else value for value in y]


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=5),
    lambda items: (
        st.lists(items, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=3), items, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(plain)
def test_any_plain_data_is_kept_exactly(meta: Any) -> None:
    layout = {"meta": meta} if meta is not None else {}
    assert decoded(Figure({"data": [], "layout": layout})).to_dict() == {"data": [], "layout": layout}


REFUSED: dict[str, tuple[Any, str]] = {
    "a number": (
        3,
        "Figure: expected a Plotly figure, its dict or JSON, or a matplotlib figure or axes, got 3. "
        "See help(mediatypes.Figure).",
    ),
    "a list": (
        [brightness()],
        "Figure: expected a Plotly figure, its dict or JSON, or a matplotlib figure or axes, got <class 'list'>. "
        "Log a list: [Figure(f) for f in figures].",
    ),
    "a trace": (
        go.Scatter(),
        "Figure: expected a figure, got <class 'plotly.graph_objs._scatter.Scatter'>. "
        "Wrap the trace: go.Figure(trace).",
    ),
    "a trace as a dict": (
        {"type": "scatter"},
        "Figure: expected a figure with a list of traces as 'data', got {'type': 'scatter'}. "
        "Wrap the trace: {'data': [trace]}.",
    ),
    "an empty dict": (
        {},
        "Figure: expected a figure with a list of traces as 'data', got {}. See help(mediatypes.Figure).",
    ),
    "traces that are none": (
        {"data": [1]},
        "Figure.data[0]: expected a trace (a dict), got 1. Pass {'type': 'scatter', ...}.",
    ),
    "a layout that is none": (
        {"data": [], "layout": []},
        "Figure.layout: expected a dict, got []. Leave it out for none.",
    ),
    "frames that are none": (
        {"data": [], "frames": [1]},
        "Figure.frames: expected a list of dicts, got [1]. Leave it out for none.",
    ),
    "a name that plotly does not know": (
        {"data": [{"type": "scatter", "foo": 1}]},
        "Figure: expected a figure that plotly accepts, got {'data': [{'type': 'scatter', 'foo': 1}]}. plotly says: "
        "Invalid property specified for object of type plotly.graph_objs.Scatter: 'foo' Did you mean \"dx\"?",
    ),
    "a set": (
        {"data": [{"x": {1}}]},
        "Figure.data[0].x: expected JSON data, an array or a date, got {1}. Convert it to one of these.",
    ),
    "a name that is no text": ({1: 2}, "Figure: expected names that are text, got 1. Use str(...)."),
    "broken JSON": (
        '{"data"',
        "Figure: expected JSON of a Plotly figure, got b'{\"data\"'. "
        "Expecting ':' delimiter: line 1 column 8 (char 7).",
    ),
    "no such file": ("figure.json", "Figure: expected an existing file, got 'figure.json'. Check the path."),
    "a lone surrogate": (
        {"data": [{"type": "scatter", "name": "a\ud800"}]},
        "Figure: expected text that UTF-8 can hold, got '\\ud800'. Remove the lone surrogates.",
    ),
}


@pytest.mark.parametrize(("data", "message"), REFUSED.values(), ids=REFUSED)
def test_other_data_is_refused(data: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        Figure(data)
    assert str(caught.value) == message


def test_data_that_is_nested_in_itself_is_refused() -> None:
    layout: dict[str, Any] = {}
    layout["meta"] = layout
    with pytest.raises(InputError, match=r"expected data nested at most 64 deep, got <class 'dict'>\. Flatten it\.$"):
        Figure({"data": [], "layout": layout})


def test_a_figure_of_more_than_64_mib_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediatypes.types.figure.plotly_json.READ_WHOLE", 10)
    with pytest.raises(InputError) as caught:
        Figure({"data": []})
    assert str(caught.value) == (
        "Figure: expected at most 10 bytes of JSON, got 11. Pass arrays instead of lists, or fewer points."
    )


def test_a_picture_has_no_dict_and_a_plotly_figure_no_picture() -> None:
    with pytest.raises(InputError) as caught:
        Figure(drawing(lambda axes: axes.imshow(np.eye(2)))).to_dict()
    assert str(caught.value) == "Figure.to_dict: expected a Plotly figure, got 'only a picture'. Use to_png()."
    with pytest.raises(InputError) as caught:
        Figure({"data": []}).to_png()
    assert not Figure({"data": []}).has_picture
    assert str(caught.value) == (
        "Figure.to_png: expected a figure with a picture, got Figure(0 traces). "
        "Use to_plotly().to_image('png'), which needs kaleido."
    )


def test_json_that_this_plotly_does_not_know_is_a_codec_error() -> None:
    unknown = Figure({"data": []})._replace(_blob=Blob(b'{"data":[{"type":"new"}]}'))
    with pytest.raises(mt.CodecError, match=r"^figure: expected a figure that this plotly accepts, got an error\. "):
        unknown.to_plotly()


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff", b'{"data":{}}', b"[" * 100_000])
def test_a_sidecar_that_is_no_figure_is_refused(data: bytes) -> None:
    with pytest.raises(DocumentError, match=r"^figure: expected "):
        read_json(data, "figure", DocumentError)


def test_a_figure_needs_no_type_in_its_traces() -> None:
    check_figure({"data": [{}]}, "figure", DocumentError)


def test_a_caption_is_kept_unless_a_new_one_is_given() -> None:
    figure = Figure({"data": []}, caption="a")
    assert (Figure(figure).caption, Figure(figure, caption="b").caption) == ("a", "b")
    with pytest.raises(InputError) as caught:
        Figure({"data": []}, caption=3)  # type: ignore[arg-type]
    assert str(caught.value) == "Figure.caption: expected text, got 3. Use str(...)."


def test_repr_says_what_it_shows() -> None:
    assert repr(Figure({"data": [{"type": "bar"}]}, caption="x")) == "Figure(1 trace, caption='x')"
    assert repr(Figure(drawing(lambda axes: axes.pie([1])))) == "Figure(png, lost=['Wedge'])"


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (np.datetime64("2020-01-02T03:04"), "2020-01-02T03:04"),
        (np.datetime64("NaT", "s"), None),
        (np.longdouble(1.5), 1.5),
    ],
    ids=str,
)
def test_scalars_of_numpy_in_a_layout(value: Any, stored: Any) -> None:
    figure = decoded(Figure({"data": [], "layout": {"shapes": [{"type": "line", "x0": value}]}}))
    assert figure.to_dict()["layout"]["shapes"][0].get("x0") == stored
