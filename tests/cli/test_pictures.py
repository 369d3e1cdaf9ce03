"""What `show` adds on a terminal: the course of numbers, and pictures of two pixels in a letter."""

from __future__ import annotations

import base64
import io
import os
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

import mediatypes as mt
from mediatypes.cli import _graphics, _pictures, main


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
    for name in ("NO_COLOR", "COLORTERM", "TERM_PROGRAM", "TMUX", "STY"):
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
    assert "▀" in shown(run, capsys, monkeypatch, 80, TERM="alacritty")
    assert "▀" not in shown(run, capsys, monkeypatch, 80, COLORTERM="truecolor", NO_COLOR="1")
    assert "▀" not in shown(run, capsys, monkeypatch, 80)


def test_a_terminal_of_kitty_is_sent_the_picture(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = shown(run, capsys, monkeypatch, 80, TERM="xterm-kitty")
    pieces = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", out)
    assert (
        pieces[0][0] == "a=T,f=100,C=1,q=2,c=14,r=14,m=0"
    )  # 20 x 40 pixels as letters, which are twice as high as wide
    picture = PIL.Image.open(io.BytesIO(base64.b64decode("".join(data for _, data in pieces))))
    assert np.asarray(picture)[[0, -1], 0].tolist() == [[250, 10, 20], [1, 2, 240]]
    assert out.rstrip("\n").endswith("\x1b[14B\r")
    assert "▀" in shown(run, capsys, monkeypatch, 80, TERM="xterm-kitty", TMUX="/tmp/tmux")


def test_long_pictures_are_sent_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMUX", raising=False)
    monkeypatch.delenv("STY", raising=False)
    monkeypatch.setenv("TERM_PROGRAM", "WezTerm")
    noise = np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype=np.uint8)
    write = _graphics.writer()
    assert write is not None
    pieces = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", write(PIL.Image.fromarray(noise), 36, 14))
    assert [head[-3:] for head, _ in pieces] == ["m=1"] * (len(pieces) - 1) + ["m=0"]
    assert max(len(data) for _, data in pieces) == 4096
    picture = PIL.Image.open(io.BytesIO(base64.b64decode("".join(data for _, data in pieces))))
    assert np.array_equal(np.asarray(picture), noise)


def sixels(text: str) -> Any:
    """(H, W, 3) pixels in percent of what a terminal draws, read letter by letter."""
    whole = re.fullmatch(r'\x1b7\x1bP0;1q"1;1;(\d+);(\d+)(.*)\x1b\\\x1b8', text, re.DOTALL)
    assert whole
    wide, high, body = whole.groups()
    drawn, palette, color = np.full((int(high), int(wide), 3), -1), {}, 0
    x = y = 0
    for part in re.findall(r"#\d+;2;\d+;\d+;\d+|#\d+|!\d+[?-~]|[?-~]|[$-]", body):
        if part == "$":
            x = 0
        elif part == "-":
            x, y = 0, y + 6
        elif part[0] == "#":
            color, *rgb = [int(number) for number in re.findall(r"\d+", part)]
            if rgb:
                palette[color] = rgb[1:]
        else:
            end = x + (int(part[1:-1]) if part[0] == "!" else 1)
            for bit in range(6):
                if (ord(part[-1]) - 63) >> bit & 1:
                    drawn[y + bit, x:end] = palette[color]
            x = end
    return drawn


def test_sixels_are_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMUX", raising=False)
    monkeypatch.delenv("STY", raising=False)
    monkeypatch.setenv("TERM", "foot")
    monkeypatch.setattr(_graphics, "_cell", lambda: (5, 10))
    pixels = np.zeros((20, 20, 3), np.uint8)
    pixels[:10, :10], pixels[10:, :10], pixels[:, 10:] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    write = _graphics.writer()
    assert write is not None
    drawn = sixels(write(PIL.Image.fromarray(pixels), 4, 2))
    assert drawn.shape == (20, 20, 3)
    assert np.array_equal(drawn, pixels // 255 * 100)


def test_pictures_stand_beside_each_other_where_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("TERM_PROGRAM", raising=False)
    pictures = [(str(i), PIL.Image.new("RGB", (10, 4 + 20 * i), (i, i, i))) for i in range(3)]
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in _pictures.side_by_side(pictures, 80)]
    assert [len(line) for line in lines if "▀" in line] == [74] * 12 + [36] * 14
    assert lines[0].split() == ["0", "1"]
    assert [line.count("▀") for line in lines[1:13]] == [20] * 2 + [10] * 10
    assert os.linesep not in "".join(lines)


def test_a_key_whose_pictures_were_all_logged_over_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with mt.Run(tmp_path / "run", quiet=True, capture=False) as run:
        run.log({"a": mt.Image(np.zeros((3, 3), np.uint8))}, step=0)
        run.log({"a": 1.0}, step=0)
    monkeypatch.setattr("mediatypes.cli._pictures.can_show", lambda: True)
    assert main(["show", str(run.path)]) == 0
