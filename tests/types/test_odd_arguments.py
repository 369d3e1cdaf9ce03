"""Arguments that people pass and that nobody had thought of, over several types: taken as meant, or told truly."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mediatypes as mt
from tests.ffmpeg import TONE, ffmpeg, made
from tests.samples import Array


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
