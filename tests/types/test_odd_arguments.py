"""Arguments that people pass and that nobody had thought of, over several types: taken as meant, or told truly."""

from __future__ import annotations

import copy
import os
import pickle
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from decimal import Decimal
from enum import Enum
from inspect import signature
from io import BytesIO, StringIO
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mediatypes as mt
from tests.ffmpeg import TONE, ffmpeg, made
from tests.samples import Array, encode


@pytest.mark.parametrize("fps", [np.array(5), np.float32(5), np.array([5.0])], ids=str)
def test_frames_per_second_are_any_number(fps: Any) -> None:
    assert mt.Video(np.zeros((2, 4, 4, 3), np.uint8), fps=fps).fps == 5


def test_text_that_utf8_cannot_hold_is_called_so() -> None:
    table = mt.Table(columns=["x", "y"], data=[[1, 2]])
    with pytest.raises(mt.InputError, match=r"title.*expected text that UTF-8 can hold, got .*Remove the lone"):
        mt.plot.line(table, "x", "y", title="\ud800")
    with pytest.raises(mt.InputError, match=r"^Table\.columns: expected names that UTF-8 can hold, .*Remove the lone"):
        mt.Table(columns=["\ud800"])


def test_a_masked_line_is_the_only_problem() -> None:
    hidden = np.ma.masked_equal(np.array([[1, 2], [3, 4]]), 2)
    with pytest.raises(mt.InputError) as caught:
        mt.plot.line_series(xs=[1, 2], ys=hidden, keys=["a", "b"])
    assert [problem.path for problem in caught.value.problems] == ["line_series.ys[0]"]


@pytest.mark.filterwarnings("ignore:Warning. converting a masked element:UserWarning")
@pytest.mark.parametrize(
    "make", [mt.Tensor, lambda data: mt.plot.line_series(data, [[1, 2, 3]])], ids=["Tensor", "plot"]
)
def test_a_masked_number_in_a_list_is_refused(make: Callable[[Any], object]) -> None:
    hidden = np.ma.masked_equal([1, 2, -9999], -9999)
    for data in (list(hidden), [1.0, 2.0, np.ma.masked], (3, float("nan"), np.ma.masked)):
        with pytest.raises(mt.InputError, match="without masked values"):
            make(data)


def test_a_masked_number_in_a_list_of_lists_is_refused() -> None:
    with (
        pytest.warns(UserWarning, match="masked element"),
        pytest.raises(mt.InputError, match="without masked values"),
    ):
        mt.Tensor([[1.0, float("nan")], [2.0, np.ma.masked]])
    assert mt.Tensor([[1.0, float("nan")]]).shape == (1, 2)


@pytest.mark.parametrize("codec", ["libmp3lame", "adpcm_ms"])
def test_other_sound_in_a_wav_file_out_of_a_pipe_is_whole(codec: str, tmp_path: Path) -> None:
    piped = mt.Audio(ffmpeg(*TONE, "-c:a", codec, "-f", "wav", "-"))
    assert piped.frames == mt.Audio(made(tmp_path / "a.wav", *TONE, "-c:a", codec)).frames >= 96_000


class Holder:
    """An object that shows numpy its own array, as xarray's does."""

    def __init__(self, array: Array) -> None:
        self.array = array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return self.array


@pytest.mark.parametrize("shape", [(4, 6, 3), (4, 6)], ids=str)
@pytest.mark.parametrize("make", [mt.Image, mt.ImageMask, mt.Tensor])
def test_the_array_of_another_object_stays_its_own(make: Any, shape: tuple[int, ...]) -> None:
    array = np.zeros(shape, np.uint8)
    if make is mt.ImageMask and array.ndim > 2:
        array = array[..., 0]
    value = make(Holder(array))
    array[:] = 9  # raised ValueError: read-only
    assert not value.to_numpy().any()


class Word(str, Enum):  # noqa: UP042 - StrEnum shows its text everywhere
    CAT = "cat"


def test_an_enum_that_is_a_text_is_its_text() -> None:
    pixels = np.zeros((4, 4), np.uint8)
    boxes = mt.BoundingBoxes2D.from_xyxy(
        [[0, 0, 1, 1]],
        domain="pixel",
        class_ids=[1],
        labels=[Word.CAT],
        class_labels={1: Word.CAT},
        scores={Word.CAT: [1]},
    )
    image = mt.Image(pixels, caption=Word.CAT, boxes={Word.CAT: boxes}, masks={Word.CAT: pixels}, classes={0: Word.CAT})
    arrow = {"start": [0, 0, 0], "end": [1, 1, 1], "label": Word.CAT}
    scene = mt.Object3D.from_point_cloud([[0, 0, 0]], vectors=[arrow])
    texts = [image.caption, *image.boxes, *image.masks, image.masks["cat"].class_labels[0], scene.vectors[0]["label"]]
    texts += [*boxes.captions, *boxes.class_labels.values(), *boxes.scores, *mt.Table([Word.CAT]).columns]
    plot = mt.plot.confusion_matrix(y_true=[0, 1], preds=[0, 1], class_names=[Word.CAT, "dog"])
    texts.append(plot.table.get_column("Actual")[0])
    assert texts == ["cat"] * 10
    assert set(map(type, texts)) == {str}


def odd_values() -> list[Any]:
    """Values of many kinds, made anew: for each option most of them are wrong."""
    numbers = [None, True, -1, 0, 1.5, -0.0, float("nan"), float("inf"), 10**400, np.float32(1), np.float16("nan")]
    texts = ["", "x", "\ud800", "a\0b", "nope.png", "http://x/y.png", b"", b"x", bytearray(b"x"), memoryview(b"abc")]
    lists = [
        [],
        [[]],
        [1, "a"],
        [[1, 2], [3]],
        [None],
        ["a", "a"],
        {},
        {"a": 1},
        {1: 2},
        (),
        set(),
        range(3),
        iter([1]),
    ]
    arrays = [5, [1, 2], [], "x", ["a", "b"], [None], [{}], [1j], np.datetime64("2020"), np.timedelta64(3, "s")]
    shapes = [np.zeros((0, 3)), np.zeros((2, 3, 4)), np.array([1, 2], ">f4"), np.ma.masked_equal([1, 2], 2)]
    frames = [pd.NA, pd.NaT, pd.Series([1, 2]), pd.DataFrame({"a": [1]})]
    objects = [object(), int, Ellipsis, lambda: 1, Word.CAT, Path("nope"), Path("/"), BytesIO(), StringIO()]
    scalars = [np.void(b"x"), np.datetime64("2020"), np.timedelta64(3, "s"), np.uint64(2**64 - 1), np.longdouble(1)]
    return [*numbers, *texts, *lists, *map(np.array, arrays), *shapes, *frames, *objects, *scalars, Decimal("NaN")]


GREY, XY = np.zeros((4, 6), np.uint8), {"x": "x", "y": "y"}


def table() -> mt.Table:
    return mt.Table(["x", "y", "name"], [[1, 2, "a"], [2, 3, "b"]])


CALLS: dict[str, tuple[Any, dict[str, Any]]] = {
    "Image": (mt.Image, {"data_or_path": GREY}),
    "ImageMask": (mt.ImageMask, {"val": GREY}),
    "Classes": (mt.Classes, {"class_set": {1: "a"}}),
    "BoundingBoxes2D": (mt.BoundingBoxes2D, {"val": {"box_data": []}}),
    "BoundingBoxes2D.from_xyxy": (mt.BoundingBoxes2D.from_xyxy, {"array": [[0, 0, 1, 1]], "domain": "pixel"}),
    "Video": (mt.Video, {"data_or_path": np.zeros((2, 3, 4, 4), np.uint8)}),
    "Audio": (mt.Audio, {"data_or_path": np.zeros(400, np.int16), "sample_rate": 8000}),
    "Html": (mt.Html, {"data": "<p>"}),
    "Html.to_html": (mt.Html("<p>").to_html, {}),
    "Molecule": (mt.Molecule, {"data_or_path": "1\n\nH 0 0 0\n", "file_type": "xyz"}),
    "Molecule.from_smiles": (mt.Molecule.from_smiles, {"data": "C"}),
    "Object3D": (mt.Object3D, {"data_or_path": [[0, 0, 0]]}),
    "Object3D.from_point_cloud": (mt.Object3D.from_point_cloud, {"points": [[0, 0, 0]]}),
    "Box3D": (mt.Box3D, {"center": (0, 0, 0), "size": (1, 1, 1)}),
    "Histogram": (mt.Histogram, {"sequence": [1, 2]}),
    "Tensor": (mt.Tensor, {"data": [1, 2]}),
    "Figure": (mt.Figure, {"data": {"data": []}}),
    "Table": (mt.Table, {"columns": ["a"], "data": [[1], [2]]}),
    "Table.add_column": (table().add_column, {"name": "b", "data": [1, 2]}),
    "Table.get_column": (table().get_column, {"name": "x"}),
    "Table.to_parquet": (table().to_parquet, {"path": "/"}),
    "Plot": (mt.Plot, {"preset": "line", "table": table(), "fields": XY}),
    "Plot.to_png": (mt.plot.line(table(), "x", "y").to_png, {}),
    "line": (mt.plot.line, {"table": table(), "x": "x", "y": "y"}),
    "bar": (mt.plot.bar, {"table": table(), "label": "name", "value": "y"}),
    "line_series": (mt.plot.line_series, {"xs": [0, 1], "ys": [[1, 2]]}),
    "pr_curve": (mt.plot.pr_curve, {"y_true": [0, 1], "y_probas": [0.1, 0.9]}),
    "confusion_matrix": (mt.plot.confusion_matrix, {"y_true": [0, 1], "preds": [0, 1]}),
    "register_preset": (mt.plot.register_preset, {"name": "", "spec": {"mark": "bar"}}),
    "draw": (mt.draw, {"image": mt.Image(GREY)}),
    "Image.to_pil": (mt.Image(GREY).to_pil, {}),
}


@pytest.mark.parametrize("name", CALLS)
def test_no_argument_raises_what_numpy_or_python_says_of_it(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    call, given = CALLS[name]
    monkeypatch.chdir(tmp_path)  # where tables are written
    monkeypatch.setattr("mediatypes.plot._presets._registered", {})
    drawn = mt.MissingDependencyError if name == "Plot.to_png" else ()
    for option in signature(call).parameters:
        for value in odd_values():
            if name == "Plot.to_png" and isinstance(value, (int, float)) and 0 < value <= 20:
                continue  # takes a second
            try:
                call(**{**given, option: value})
            except drawn:
                pytest.skip("vl-convert is not installed")
            except mt.MediaTypesError:
                pass
            except Exception as error:
                pytest.fail(f"{name}({option}={value!r}) raised {type(error).__name__}: {error}")


@pytest.mark.parametrize("most", ["3", -1, 1.5, True], ids=str)
def test_the_most_rows_are_a_number(most: Any) -> None:
    with pytest.raises(mt.InputError, match=r"^Table\.max_rows: expected None or a number of rows"):
        mt.Table(["a"], [[1], [2]], max_rows=most, sample="random")
    none: Any = np.int64(0)
    assert mt.Table(["a"], [[1], [2]], max_rows=none, sample="first").num_rows == 0


class Named:
    """A path as `os.scandir(b".")` gives it: its name is bytes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __fspath__(self) -> bytes:
        return os.fsencode(self.path)


MAKERS: dict[str, tuple[Any, bytes]] = {  # by suffix
    ".html": (mt.Html, b"<p>"),
    ".xyz": (mt.Molecule, b"1\n\nH 0 0 0\n"),
    ".pts.json": (mt.Object3D, b"[[0,0,0]]"),
    ".json": (mt.Figure, b'{"data":[]}'),
    ".wav": (mt.Audio, mt.Audio(np.zeros(9, np.int16), 8000).to_bytes()),
    ".png": (mt.Image, mt.Image(GREY).to_bytes()),
    ".gif": (mt.Video, mt.Video(np.zeros((2, 3, 4, 4), np.uint8)).to_bytes()),
}


@pytest.mark.parametrize("suffix", MAKERS)
def test_files_are_read_however_they_are_named_or_open(suffix: str, tmp_path: Path) -> None:
    make, content = MAKERS[suffix]
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    assert make(Named(path)).to_bytes() == make.from_path(Named(path)).to_bytes() == content
    with NamedTemporaryFile(suffix=suffix, dir=tmp_path) as written:
        written.write(content)
        written.flush()
        assert make(written).to_bytes() == content


@pytest.mark.parametrize("suffix", MAKERS)
@pytest.mark.parametrize("mode", ["closed", "wb", "closed buffer", "broken"])
def test_a_file_that_cannot_be_read_is_told(suffix: str, mode: str, tmp_path: Path) -> None:
    class Broken:
        name = f"a{suffix}"

        def read(self) -> bytes:
            raise RuntimeError("gone")

    with ExitStack() as stack:
        file: Any = Broken()
        if mode == "closed buffer":
            file = BytesIO()
            file.name = f"a{suffix}"
        elif mode != "broken":
            file = stack.enter_context(open(tmp_path / f"a{suffix}", "wb" if mode == "wb" else "wb+"))
        if mode.startswith("closed"):
            file.close()
        with pytest.raises(
            mt.InputError, match=r"expected an open file that can be read, got .*\. Reading it failed: "
        ):
            MAKERS[suffix][0](file)


def test_a_value_is_pickled_while_other_threads_use_it() -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # every thread is interrupted everywhere
    try:
        with ThreadPoolExecutor(4) as threads:
            for number in range(100):
                image = mt.Image(GREY, caption=str(number))
                functions: list[Any] = [pickle.dumps, hash, encode, pickle.dumps, copy.copy]
                calls = [threads.submit(function, image) for function in functions]
                assert pickle.loads(calls[0].result()) == pickle.loads(calls[3].result()) == calls[4].result() == image
                assert (calls[1].result(), calls[2].result()[0]) == (hash(image), encode(image)[0])
    finally:
        sys.setswitchinterval(interval)
