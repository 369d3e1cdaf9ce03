"""Arguments that people pass and that nobody had thought of, over several types: taken as meant, or told truly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mediatypes as mt
from tests.ffmpeg import TONE, ffmpeg, made


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
