"""What `show` adds on a terminal: the course of numbers, and pictures of two pixels in a letter."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import mediatypes as mt
from mediatypes.cli import _pictures, main


@pytest.fixture
def run(tmp_path: Path) -> Path:
    halves = np.zeros((40, 20, 3), np.uint8)
    halves[:20] = (250, 10, 20)
    halves[20:] = (1, 2, 240)
    with mt.Run(tmp_path / "run") as run:
        for step in range(8):
            run.log({"loss": 8.0 - step, "note": "x"})
        run.log({"photo": mt.Image(halves)})
    return run.path


def shown(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int, **set: str
) -> str:
    for name in ("NO_COLOR", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in set.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("mediatypes.cli._board.speaks", lambda text: True)
    monkeypatch.setattr("mediatypes.cli._pictures.speaks", lambda text: True)
    assert main(["show", str(run)]) == 0
    return capsys.readouterr().out


def test_a_terminal_shows_the_course_of_numbers(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = shown(run, capsys, monkeypatch, 120).splitlines()
    assert next(line for line in lines if line.startswith("loss")).endswith("  █▇▆▅▄▃▂▁")
    assert not any(letter in line for line in lines if not line.startswith("loss") for letter in "▁█\x1b")
    assert "▇" not in shown(run, capsys, monkeypatch, 40)


def test_a_terminal_with_colours_shows_the_last_pictures(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = shown(run, capsys, monkeypatch, 80, COLORTERM="truecolor")
    letters = re.findall(r"\x1b\[38;2;(\d+);(\d+);(\d+);48;2;(\d+);(\d+);(\d+)m▀", out)
    assert len(letters) == 14 * 14  # 40 pixels become 28, two in a letter
    assert {letters[0][:3], letters[0][3:]} == {("250", "10", "20")}
    assert {letters[-1][:3], letters[-1][3:]} == {("1", "2", "240")}
    assert "▀" in shown(run, capsys, monkeypatch, 80, TERM="xterm-kitty")
    assert "▀" not in shown(run, capsys, monkeypatch, 80, COLORTERM="truecolor", NO_COLOR="1")
    assert "▀" not in shown(run, capsys, monkeypatch, 80)


def test_pictures_stand_beside_each_other_where_there_is_room() -> None:
    import PIL.Image

    pictures = [(str(i), PIL.Image.new("RGB", (10, 4 + 20 * i), (i, i, i))) for i in range(3)]
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in _pictures.side_by_side(pictures, 80)]
    assert [len(line) for line in lines if "▀" in line] == [74] * 12 + [36] * 14
    assert lines[0].split() == ["0", "1"]
    assert [line.count("▀") for line in lines[1:13]] == [20] * 2 + [10] * 10
    assert os.linesep not in "".join(lines)
