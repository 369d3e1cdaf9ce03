"""`mediatypes watch`: what a terminal and a pipe see of a run, how soon, and how it ends."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mediatypes as mt
from mediatypes.cli import main
from mediatypes.cli._board import Board, sparkline
from mediatypes.cli._downsample import Series
from mediatypes.runfolder.follower import Follower
from tests.processes import Start
from tests.samples import photograph

WATCH = "import sys; from mediatypes.cli import main; sys.exit(main(['watch', *sys.argv[1:]]))"


def columns(line: str) -> list[str]:
    return re.split(r"\s{1,}", line.strip())


def test_once_shows_the_latest_of_every_key(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", str(folder), "--once"]) == 0
    head, titles, *lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(rf"{re.escape(str(folder))}: finished, 4 rows, steps 0 to 3, last row \d+ s ago", head)
    assert columns(titles) == ["key", "latest", "step", "history"]
    found = {columns(line)[0]: columns(line)[1:] for line in lines}
    assert found["loss"] == ["nan", "3", "█▁"]
    assert found["epoch"] == ["1", "2", "▁█"]
    assert found["note"] == ["begins", "0"]
    assert found["words"] == ["2", "values", "0"]
    document = json.loads((folder / "summary.json").read_text())["photo"]
    size = sum(part["size"] for part in (document, document["boxes"]["pred"], document["masks"]["pred"]))
    assert found["photo"] == ["image", f"{size / 1000:.4g}", "kB", document["path"], "2"]
    assert found["both"][:3] == ["2", "x", "image"]
    assert found["pixels"] == ["histogram", "3"]


def test_keys_are_chosen_by_patterns(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["watch", str(folder), "--once", "--keys", "lo*", "note"])
    assert [columns(line)[0] for line in capsys.readouterr().out.splitlines()[2:]] == ["loss", "note"]


def test_a_run_that_is_over_is_shown_and_its_end_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", str(folder)]) == 0
    *lines, end = capsys.readouterr().out.splitlines()
    assert [line.split(" ")[1:4] for line in lines] == [
        ["step", "0:", "note=begins"],
        ["step", "1:", "table=table"],
        ["step", "2:", "epoch=1"],
        ["step", "3:", "loss=nan"],
    ]
    assert re.fullmatch(rf"{re.escape(str(folder))}: finished after \d+\.\d s: 4 rows, steps 0 to 3\.", end)


def test_a_killed_run_is_shown_and_said_to_be_killed(killed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pid = json.loads((killed / "run.json").read_text())["writer"]["pid"]
    assert main(["watch", str(killed)]) == 0
    end = capsys.readouterr().out.splitlines()[-1]
    writer = f"process {pid} on {os.uname().nodename}"
    what = f"crashed, {writer} is gone: 4 rows, steps 0 to 3. Finish it with mediatypes recover {killed}"
    assert end == f"{killed}: {what}"


def test_a_run_is_waited_for_and_every_row_is_a_line_within_100_ms(tmp_path: Path, start: Start) -> None:
    watch = start(WATCH, tmp_path / "run")
    assert watch.stderr is not None
    assert watch.stdout is not None
    assert watch.stderr.readline() == f"mediatypes: waiting for a run in {tmp_path / 'run'}; Ctrl-C ends this.\n"
    delays, lines = [], []
    with mt.Run(tmp_path / "run") as run:
        for i in range(25):
            begin = time.perf_counter()
            run.log({"loss": 1 / (i + 1), "i": i})
            lines.append(watch.stdout.readline())
            delays.append(time.perf_counter() - begin)
            time.sleep(0.06)  # two rows in one look are one line
    assert [line.split(" ", 1)[1] for line in lines[:3]] == [
        "step 0: loss=1 i=0\n",
        "step 1: loss=0.5 i=1\n",
        "step 2: loss=0.33333 i=2\n",
    ]
    assert np.median(delays) < 0.3  # seconds; 0.1 on a machine with nothing else to do
    assert watch.communicate()[0].startswith(f"{tmp_path / 'run'}: finished after ")
    assert watch.returncode == 0


def test_only_keys_that_changed_stand_in_a_line(tmp_path: Path, start: Start) -> None:
    with mt.Run(tmp_path / "run") as run:
        watch = start(WATCH, run.path)
        assert watch.stdout is not None
        run.log({"a": 1, "b": "x"})
        first = watch.stdout.readline()
        run.log({"a": 2})
        second = watch.stdout.readline()
        run.log({"photo": mt.Image(photograph("coins"))})
        third = watch.stdout.readline()
    assert first.endswith(" step 0: a=1 b=x\n")
    assert second.endswith(" step 1: a=2\n")
    assert re.search(r" step 2: photo=image [\d.]+ kB media/\w\w/\w+\.png\n$", third)
    assert watch.wait() == 0


def test_each_value_stands_at_the_step_at_which_it_was_logged(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with mt.Run(folder.parent / "steps") as run:
        run.log({"acc": 0.5, "loss": 2}, step=3)
        run.log({"loss": 1}, step=8)
    assert main(["watch", str(run.path)]) == 0
    lines = [line.split(" ", 1)[1] for line in capsys.readouterr().out.splitlines()]
    assert lines[:2] == ["step 3: acc=0.5", "step 8: loss=1"]


def test_it_ends_when_the_writer_is_killed(tmp_path: Path, start: Start) -> None:
    code = """
        import sys, mediatypes as mt
        run = mt.Run(sys.argv[1])
        run.log({"a": 1})
        print(flush=True)
        sys.stdin.read()
    """
    writer = start(code, tmp_path / "run")
    assert writer.stdout is not None
    writer.stdout.readline()
    watch = start(WATCH, tmp_path / "run")
    assert watch.stdout is not None
    assert watch.stdout.readline().endswith(" step 0: a=1\n")
    writer.kill()
    assert f": crashed, process {writer.pid} on " in watch.communicate(timeout=30)[0]
    assert watch.returncode == 0


def test_it_goes_on_when_the_run_is_resumed_meanwhile(tmp_path: Path, start: Start) -> None:
    run = mt.Run(tmp_path / "run")
    watch = start(WATCH, run.path, "--interval", "0.5")
    assert watch.stdout is not None
    run.log({"a": 1})
    assert watch.stdout.readline().endswith(" step 0: a=1\n")
    run.log({"a": 2})
    run.finish()
    with mt.Run(run.path, mode="resume") as run:
        run.log({"a": 3})
        lines = [watch.stdout.readline()]
    out = watch.communicate(timeout=30)[0]
    assert "a=3" in (lines[0] + out)
    assert ": 3 rows, steps 0 to 2." in out


def in_terminal(*arguments: str, rows: int = 12, width: int = 80) -> tuple[subprocess.Popen[bytes], list[bytes]]:
    """A watch in a terminal of its own; what it writes is gathered in the list."""
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, width, 0, 0))
    command = [sys.executable, "-c", WATCH, *arguments]
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8", "COLUMNS": "", "LINES": ""}
    process = subprocess.Popen(command, stdout=theirs, stderr=subprocess.PIPE, env=environment)
    os.close(theirs)
    written: list[bytes] = []

    def gather() -> None:
        try:
            while data := os.read(ours, 65536):
                written.append(data)
        except OSError:  # the terminal is closed
            pass
        os.close(ours)

    thread = threading.Thread(target=gather)
    thread.start()
    process.gathering = thread  # type: ignore[attr-defined]
    return process, written


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals there")
def test_a_terminal_is_drawn_in_place(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run:
        process, written = in_terminal(str(run.path))
        for i in range(20):
            run.log({"loss": math.exp(-i), **{f"key{j}": i * j for j in range(20)}, "wide": "字" * 60})
            time.sleep(0.02)
    _, err = process.communicate(timeout=30)
    process.gathering.join()  # type: ignore[attr-defined]
    assert (process.returncode, err) == (0, b"")
    text = b"".join(written).decode().replace("\r\n", "\n")
    *screens, end = text.split("\x1b[?7h")
    assert len(screens) > 1
    before: list[str] = []
    for screen in screens:
        up, _, drawn = screen.partition("\x1b[J\x1b[?7l")
        assert up == (f"\x1b[{len(before) - 1}F" if before else "\r")
        before = drawn.split("\n")
        assert len(before) <= 11
        assert all(len(line) <= 80 for line in before)
    assert before[0].startswith("run: finished, 20 rows, steps 0 to 19, last row ")
    assert before[2].startswith("loss ")
    assert "█" in before[2]
    assert before[-1].startswith("and ")
    assert before[-1].endswith(" more keys: choose some with --keys")
    assert end.startswith(f"\n{run.path}: finished after ")


def test_a_terminal_without_blocks_gets_letters(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    command = [sys.executable, "-c", WATCH, str(folder), "--once"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("epoch")]
    assert line.endswith(".@")


def test_keys_that_would_move_the_cursor_do_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with mt.Run(tmp_path / "run") as run:
        run.log({"a\x1b[2J": "b\x07"})
    main(["watch", str(run.path), "--once"])
    main(["watch", str(run.path)])
    assert not set(capsys.readouterr().out) & {"\x1b", "\x07"}


def test_problems_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with mt.Run(tmp_path / "run", on_error="record") as run:
        run.log({"bad": object(), "good": 1})
        main(["watch", str(run.path), "--once"])
    main(["watch", str(run.path), "--once"])
    heads = [line for line in capsys.readouterr().out.splitlines() if line.startswith(str(run.path))]
    assert [head.rpartition(", ")[2] for head in heads] == ["1 problem", "1 problem"]


def test_an_empty_run_has_nothing_to_show(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with mt.Run(tmp_path / "run") as run:
        assert main(["watch", str(run.path), "--once"]) == 0
    assert capsys.readouterr().out == f"{run.path}: running, 0 rows\n"


def test_once_does_not_wait_for_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", str(tmp_path / "run"), "--once"]) == 2
    assert "expected a run folder with run.json, got no such directory" in capsys.readouterr().err


def test_a_file_is_not_waited_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run").write_text("x")
    assert main(["watch", str(tmp_path / "run")]) == 2
    assert capsys.readouterr().err.startswith(f"mediatypes: {tmp_path / 'run'}: expected a run folder with run.json, ")


def test_a_damaged_run_ends_it_in_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "history.parquet").write_bytes(b"PAR1 and nothing more")
    assert main(["watch", str(folder)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"mediatypes: {folder / 'history.parquet'}: expected a whole Parquet file, got ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("interval", ["0", "-1", "nan", "inf", "soon"])
def test_an_interval_is_seconds(interval: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        main(["watch", "run", f"--interval={interval}"])
    assert exit.value.code == 2
    assert "argument --interval: " in capsys.readouterr().err


def test_rows_are_counted_as_the_history_has_them(tmp_path: Path) -> None:
    board = Board()
    with mt.Run(tmp_path / "run") as run, Follower(run.path) as follower:
        for step in (0, 0, 2, 2, 5):
            run.log({"a": step}, step=step)
            for batch in follower.poll():
                board.add(batch)
        assert board.rows == 3
        assert mt.open_run(run.path).history().num_rows == 3
        assert board.extent() == "3 rows, steps 0 to 5"


def test_the_latest_of_several_kinds_is_shown(tmp_path: Path) -> None:
    board = Board()
    with mt.Run(tmp_path / "run") as run, Follower(run.path) as follower:
        for value in (1, "text", None, 2.5, True):
            run.log({"a": value})
        for batch in follower.poll():
            board.add(batch)
    assert board.changes() == [(4, "a=true")]
    assert board.changes() == []


@pytest.mark.parametrize("pieces", [1, 7, 1000])
@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 1000])
def test_a_series_holds_means_of_equal_parts(count: int, pieces: int) -> None:
    values = np.random.default_rng(0).normal(size=count)
    series = Series(16)
    for start in range(0, count, pieces):
        series.add(values[start : start + pieces])
    length = 1
    while length * 16 < count:
        length *= 2
    expected = [values[start : start + length].mean() for start in range(0, count, length)]
    assert series.means() == pytest.approx(expected)


def test_what_is_not_finite_leaves_a_gap_in_a_series() -> None:
    series = Series(4)
    series.add([1.0, math.nan, math.inf, 3.0])
    assert [mean if mean == mean else None for mean in series.means()] == [1.0, None, None, 3.0]
    series.add([5.0])
    assert series.means() == [1.0, 3.0, 5.0]
    huge = Series(2)
    huge.add([1.7e308] * 4)
    assert all(mean != mean for mean in huge.means())


def test_a_sparkline_has_eight_heights_and_at_most_24_cells() -> None:
    assert sparkline([]) == ""
    assert sparkline([3.0]) == "▁"
    assert sparkline([0.0, 1.0, math.nan, 2.0]) == "▁▅ █"
    assert sparkline([-1.7e308, 1.7e308]) == "▁█"
    long = sparkline([float(i) for i in range(48)])
    assert (len(long), long[0], long[-1]) == (24, "▁", "█")
    assert list(long) == sorted(long)


def test_a_look_at_a_long_run_costs_what_one_at_a_short_run_does(tmp_path: Path) -> None:
    """Series stay as small as they are, and each look takes what is new only."""
    board = Board()
    with mt.Run(tmp_path / "run") as run, Follower(run.path) as follower:
        for i in range(100_000):
            run.log({"a": i})
        while batches := follower.poll():
            for batch in batches:
                board.add(batch)
        begin = time.thread_time()
        for i in range(100):
            run.log({"a": i})
            for batch in follower.poll():
                board.add(batch)
            list(board.table(80, 20))
        seconds = time.thread_time() - begin
    assert board.rows == 100_100
    assert len(board.keys["a"].series.means()) <= 48
    assert seconds / 100 < 0.03


def test_progress_is_shown_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    from mediatypes.cli import _progress

    monkeypatch.setattr(_progress, "_SECONDS", 0)
    with _progress.Progress("verify", 4) as progress:
        progress.step()
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with _progress.Progress("verify", 4) as progress:
        progress.step(3)
        line = r"verify \[#{18}\.{6}\] 3 of 4, \d+ s left"
        assert re.fullmatch(rf"\r\x1b\[J\x1b\[\?7l{line}\x1b\[\?7h", capsys.readouterr().err)
    assert capsys.readouterr().err == "\r\x1b[J"
    with _progress.Progress("import") as progress:
        progress.step()
        assert re.fullmatch(r"\r\x1b\[J\x1b\[\?7limport: 1, \d+ s\x1b\[\?7h", capsys.readouterr().err)


def test_a_folder_of_runs_is_not_waited_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mt.Run(tmp_path / "runs" / "one").finish()
    assert main(["watch", str(tmp_path / "runs")]) == 2
    expected = "expected the folder of one run, got one that holds runs. Type: mediatypes watch "
    assert f"{expected}{tmp_path / 'runs' / 'one'}" in capsys.readouterr().err


def test_rows_of_all_ranks_are_counted_and_the_last_step_is_shown(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run", rank=0) as run, mt.Run(run.path, rank=1) as other:
        for value in range(4):
            other.log({"loss": 10.0 + value})
            run.log({"loss": value})
        other.finish()
    with mt.Run(run.path, rank=0, mode="resume", from_step=1) as run:
        run.log({"loss": 99.0})
        run.log({"loss": 100.0})
    board = Board()
    with Follower(run.path) as follower:
        while batches := follower.poll():
            for batch in batches:
                board.add(batch)
    history = mt.open_run(run.path).history(["loss"])
    steps = history.column("_step").to_pylist()
    assert board.extent() == f"{len(steps)} rows, steps {min(steps)} to {max(steps)}"
    assert (board.keys["loss"].value, board.keys["loss"].step) == (100.0, 2)
