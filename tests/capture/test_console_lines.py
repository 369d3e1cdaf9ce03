"""How bytes become the lines of console.log, and how a long log is shortened."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mediatypes as mt
from mediatypes.capture import tee
from mediatypes.capture.tee import ConsoleLog, Framer, clean
from mediatypes.runfolder.console import ConsoleLine, read_console


def frame(*pieces: bytes) -> list[str]:
    framer = Framer()
    lines = [line for piece in pieces for line in framer.feed(piece)]
    return lines + framer.rest()


@pytest.mark.parametrize(
    ("printed", "line"),
    [
        ("plain", "plain"),
        ("tab\there, grüße 日本", "tab\there, grüße 日本"),
        ("10%\r50%\r100%", "100%"),
        ("100%\r", "100%"),
        ("\r\r100% \r\x1b[K\r", "100% "),
        ("\x1b[1;31mred\x1b[0m text", "red text"),
        ("\x1b]0;a title\x07shown\x1b[2K", "shown"),
        ("\x1b]8;;https://example.org\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("1/2\b\b\b2/2", "2/2"),
        ("\b\bab\b\b\b\bc", "c"),
        ("bell\x07 and\x00 others\x9b", "bell and others"),
        ("windows\r", "windows"),
        ("two\u2028lines\x85of others", "two\u2028linesof others"),
        ("", ""),
    ],
)
def test_a_line_is_what_was_last_seen(printed: str, line: str) -> None:
    assert clean(printed.encode()) == line
    assert frame(printed.encode() + b"\n") == [line]


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert frame(b"a\xffb\n") == ["a\ufffdb"]


@given(st.lists(st.sampled_from([b"a", b"1%", b"\r", b"\n", b"\x1b[K", b"\x1b", b"[", b"\b", b"\xc3", b"\xa9"])))
def test_lines_do_not_depend_on_how_the_bytes_come(pieces: list[bytes]) -> None:
    assert frame(*pieces) == frame(b"".join(pieces))


def test_a_progress_bar_takes_no_memory_and_a_long_line_is_cut() -> None:
    framer = Framer()
    for percent in range(10_000):
        assert framer.feed(b"\r%d" % percent + b"#" * 100) == []
        assert len(framer._rest) < 1000
    assert framer.feed(b"\n") == ["9999" + "#" * 100]
    text = "é" * tee.LONGEST
    lines = frame(b"x" + text.encode())
    assert "".join(lines) == "x" + text
    assert all(len(line.encode()) <= tee.LONGEST for line in lines)
    assert frame(b"x" + text.encode() + b"\n") == lines


def log_of(folder: Path) -> ConsoleLog:
    return ConsoleLog(str(folder / "console.log"), ".temporary", head=1000, tail=1000)


def test_the_begin_and_the_end_of_a_long_log_are_kept(tmp_path: Path) -> None:
    log = log_of(tmp_path)
    for number in range(500):
        log.write([("out", f"line {number}")], 1e9 + number)
        if number == 250:  # another process goes on
            log.close()
            log = log_of(tmp_path)
        assert (tmp_path / "console.log").stat().st_size <= 3100
    log.close()
    lines = list(read_console(tmp_path))
    cut = next(line for line in lines if line.stream == "cut")
    kept = [int(line.text.split()[1]) for line in lines if line.stream == "out"]
    missing = sorted(set(range(500)) - set(kept))
    assert cut.text == f"{len(missing)} lines"
    assert missing == list(range(missing[0], missing[-1] + 1))
    assert (kept[0], kept[-1]) == (0, 499)
    assert cut.time == 1e9 + missing[-1]
    assert [path.name for path in tmp_path.iterdir()] == ["console.log"]


def test_the_line_that_a_power_cut_tore_ends_there(tmp_path: Path) -> None:
    (tmp_path / "console.log").write_bytes(b"2026-11-30T10:00:00.500Z out whole\n2026-11-30T10:00:01.000Z out to")
    assert [line.text for line in read_console(tmp_path)] == ["whole"]
    log = log_of(tmp_path)
    log.write([("err", "next")], 1.5)
    log.close()
    assert list(read_console(tmp_path)) == [
        ConsoleLine(1796032800.5, "out", "whole"),
        ConsoleLine(1796032801.0, "out", "to"),
        ConsoleLine(1.5, "err", "next"),
    ]


def test_what_is_no_line_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "console.log").write_bytes(
        b"\xff\n2026-99-30T10:00:00.500Z out no such month\nhello\n2026-11-30T10:00:00.500Z out yes\n"
    )
    assert [line.text for line in read_console(tmp_path)] == ["yes"]
    assert list(read_console(tmp_path / "not there")) == []


def test_no_log_is_written_through_a_link(tmp_path: Path) -> None:
    (outside := tmp_path / "outside").write_text("mine")
    (folder := tmp_path / "run").mkdir()
    (folder / "console.log").symlink_to(outside)
    with pytest.raises(OSError):
        log_of(folder)
    assert outside.read_text() == "mine"


def test_a_run_without_a_console_has_no_lines(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run:
        print("not recorded")
    assert list(mt.open_run(run.path).console()) == []
