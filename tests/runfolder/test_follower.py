"""Following a run: every call once and in order, over sessions, kills and finishes, reading only what is new."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mediatypes as mt
from mediatypes.columns.batch import Batch
from mediatypes.journal.reader import JournalReader
from mediatypes.runfolder.follower import Follower
from tests.samples import photograph


def told(batches: Iterable[Batch], key: str = "i") -> list[tuple[int, Any]]:
    """(step, value) of each call that has a value for a key."""
    return [
        (int(batch.steps[call]), value)
        for batch in batches
        for (name, _), values in batch.columns.items()
        if name == key
        for call, value in zip(values.calls, values.values, strict=True)
    ]


def all_new(follower: Follower) -> list[Batch]:
    found = []
    while batches := follower.poll():
        found += batches
    return found


def log(run: mt.Run, count: int, first: int = 0) -> list[tuple[int, float]]:
    for i in range(first, first + count):
        run.log({"i": i})
    return [(i, float(i)) for i in range(first, first + count)]


def test_each_call_is_told_once(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run, Follower(run.path) as follower:
        assert follower.poll() == []
        assert follower.status == "running"
        for first, count in ((0, 1), (1, 40), (41, 1), (42, 1)):
            expected = log(run, count, first)
            assert told(all_new(follower)) == expected
            assert follower.poll() == []
        assert follower.calls == 43


def test_media_and_texts_are_told_as_the_journal_has_them(tmp_path: Path) -> None:
    photo = mt.Image(photograph("astronaut")[:64, 100:180], caption="hair")
    with mt.Run(tmp_path / "run") as run, Follower(run.path) as follower:
        run.log({"photo": photo, "note": "begins", "list": [1, 2]}, step=7)
        (batch,) = follower.poll()
        assert batch.steps.tolist() == [7]
        assert set(batch.columns) == {("photo", "image"), ("note", "string"), ("list", "number_list")}
        (document,) = batch.columns["photo", "image"].values
        assert mt.decode(document, mt.DirectoryStore(run.path)) == photo


def test_config_problems_and_summary_are_gathered(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run", on_error="record") as run, Follower(run.path) as follower:
        run.config["lr"] = 0.5
        run.summary["best"] = 3
        run.log({"bad": object()})
        assert follower.poll() == []
        assert follower.notes.latest_config({"seed": 1}) == {"seed": 1, "lr": 0.5}
        assert follower.notes.summary == [{"best": ["number", 3]}]
        assert [problem.path for problem in follower.notes.problems] == ['log["bad"]']


def test_the_end_of_a_run_is_told_after_its_last_calls(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    follower = Follower(run.path)
    log(run, 3)
    assert len(told(follower.poll())) == 3
    log(run, 2, 3)
    run.finish("failed")
    assert told(follower.poll()) == [(3, 3), (4, 4)]
    assert follower.status == "failed"
    assert follower.poll() == []


def test_a_run_that_is_over_is_read_from_its_rows(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run:
        expected = log(run, 5)
        run.log({"text": "a", "i": 5, "photo": mt.Image(photograph("coins"))})
    with Follower(run.path) as follower:
        batches = all_new(follower)
    assert told(batches) == [*expected, (5, 5)]
    assert told(batches, "photo")[0][1]["width"] == 384
    assert follower.calls == 6


def test_it_goes_on_over_sessions(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    with Follower(run.path) as follower:
        for session in range(4):
            expected = log(run, 3, 3 * session)
            assert told(all_new(follower)) == expected
            run.finish()
            assert all_new(follower) == []
            assert follower.status == "finished"
            run = mt.Run(run.path, mode="resume")
            assert all_new(follower) == []
            assert follower.status == "running"
        run.finish()


@pytest.mark.parametrize("looked", [0, 2])
@pytest.mark.parametrize("missed", [1, 3])
@pytest.mark.parametrize("is_over", [False, True])
def test_sessions_that_it_missed_are_read_from_the_rows(
    tmp_path: Path, looked: int, missed: int, is_over: bool
) -> None:
    run = mt.Run(tmp_path / "run")
    log(run, looked)
    with Follower(run.path) as follower:
        assert len(told(all_new(follower))) == looked
        expected = log(run, 3, looked)
        for session in range(missed):
            run.finish()
            run = mt.Run(run.path, mode="resume")
            expected += log(run, 2, looked + 3 + 2 * session)
        if is_over:
            run.finish()
        assert told(all_new(follower)) == expected
        assert follower.calls == looked + 3 + 2 * missed
        if not is_over:
            assert told(all_new(follower)) == []
            assert log(run, 1, 90) == [(90, 90.0)]
            assert [value for _, value in told(all_new(follower))] == [90]
            run.finish()


def test_a_row_that_grew_while_nobody_looked_is_told_whole(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    run.log({"i": 1}, step=5)
    with Follower(run.path) as follower:
        run.finish()
        for _ in range(2):  # the first session's journal is read after it was removed; the second's is missed
            all_new(follower)
        run = mt.Run(run.path, mode="resume")
        run.log({"i": 2}, step=6)
        run.log({"more": 3}, step=6)
        run.finish()
        run = mt.Run(run.path, mode="resume")
        batches = all_new(follower)
        assert told(batches) == [(5, 1), (6, 2)]  # nobody can tell that the last row that was told did not grow
        assert told(batches, "more") == [(6, 3)]
        run.finish()


def test_a_killed_run_ends_and_may_be_resumed(tmp_path: Path, start: Any) -> None:
    code = """
        import os, sys, mediatypes as mt
        run = mt.Run(sys.argv[1], mode="allow")
        run.log({"i": int(sys.argv[2])})
        print(flush=True)
        sys.stdin.readline()
        os._exit(9)
    """
    process = start(code, tmp_path / "run", 1)
    process.stdout.readline()
    with Follower(tmp_path / "run") as follower:
        assert told(all_new(follower)) == [(0, 1)]
        assert follower.status == "running"
        process.communicate("\n")
        assert all_new(follower) == []
        assert follower.status == "crashed"
        process = start(code, tmp_path / "run", 2)
        process.stdout.readline()
        assert told(all_new(follower)) == [(1, 2)]
        assert follower.status == "running"
        process.communicate("\n")
        mt.recover(tmp_path / "run")
        assert all_new(follower) == []
        assert follower.status == "crashed"
        assert follower.run["status"] == "crashed"


def kill(run: mt.Run) -> Path:
    """As after SIGKILL, without a process: nobody writes the run any more."""
    path = run.path / "run.json"
    text = path.read_text().replace(f'"pid": {os.getpid()}', '"pid": 0')
    assert '"pid": 0' in text
    run._writer.journal.close()
    run._lock_file.forget()
    run._closed = run._finished = True
    path.write_text(text)
    return run.path


def test_a_torn_end_is_waited_for_and_reported_once_nobody_writes(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    log(run, 3)
    journal = run.path / "journal" / "0001-0.log"
    with Follower(run.path) as follower:
        all_new(follower)
        whole = journal.read_bytes()
        frame = whole[-37:]
        for end in (1, 8, 20, len(frame) - 1):
            journal.write_bytes(whole + frame[:end])
            assert follower.poll() == []
        journal.write_bytes(whole + frame)
        assert told(follower.poll()) == [(2, 2)]
        assert follower.notes.damage == []
        journal.write_bytes(whole + frame + frame[:9])
        kill(run)
        for _ in range(3):
            assert follower.poll() == []
        assert follower.status == "crashed"
        assert [problem.code for problem in follower.notes.damage] == ["torn"]


def test_a_damaged_frame_is_left_out_and_reported(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    log(run, 3)
    journal = run.path / "journal" / "0001-0.log"
    data = bytearray(journal.read_bytes())
    data[-40] ^= 1
    journal.write_bytes(data)
    with Follower(run.path) as follower:
        assert told(all_new(follower)) == [(0, 0), (2, 2)]
        assert [problem.code for problem in follower.notes.damage] == ["checksum"]
    kill(run)


def test_only_what_is_new_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pieces: list[int] = []
    original = JournalReader._piece

    def piece(self: JournalReader, rest: bytes, size: int) -> bytes:
        found = original(self, rest, size)
        pieces.append(len(found))
        return found

    monkeypatch.setattr(JournalReader, "_piece", piece)
    with mt.Run(tmp_path / "run") as run, Follower(run.path) as follower:
        log(run, 20_000)
        all_new(follower)
        before = sum(pieces)
        assert before == pytest.approx(20_000 * 37, rel=0.01)
        for i in range(50):
            log(run, 1, 20_000 + i)
            all_new(follower)
        assert sum(pieces) - before == 50 * 37


def test_a_poll_of_a_long_journal_costs_as_much_as_one_of_a_short_one(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run, Follower(run.path) as follower:
        log(run, 100_000)
        all_new(follower)
        times = []
        for i in range(200):
            log(run, 1, 100_000 + i)
            begin = time.thread_time()
            all_new(follower)
            times.append(time.thread_time() - begin)
    assert np.median(times) < 0.02  # seconds; about 0.3 ms on an idle machine, reading all takes 100 ms


def test_what_a_poll_answers_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediatypes.journal.reader._PIECE", 4096)
    with mt.Run(tmp_path / "run") as run, Follower(run.path) as follower:
        expected = log(run, 5000)
        sizes, found = [], []
        while batches := follower.poll():
            sizes.append(len(batches))
            found += told(batches)
        assert max(sizes) == 8
        assert found == expected


def test_it_needs_a_run(tmp_path: Path) -> None:
    with pytest.raises(mt.StoreError, match=r"expected a run folder with run\.json, got a directory without it"):
        Follower(tmp_path)


def test_it_refuses_a_running_run_without_a_journal(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    path = kill(run)
    (path / "journal" / "0001-0.log").unlink()
    with Follower(path) as follower, pytest.raises(mt.StoreError, match="expected a journal of the run, got no file"):
        follower.poll()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
@pytest.mark.parametrize("name", ["journal/0002-0.log", "history.parquet"])
def test_a_pipe_in_the_place_of_a_file_is_refused(tmp_path: Path, name: str) -> None:
    run = mt.Run(tmp_path / "run")
    path = kill(run)
    os.mkfifo(path / name)
    with Follower(path) as follower, pytest.raises(mt.MediaTypesError, match="not a regular file"):
        all_new(follower)


def test_it_sees_a_row_of_another_process_within_100_ms(tmp_path: Path, start: Any) -> None:
    code = """
        import sys, time, mediatypes as mt
        run = mt.Run(sys.argv[1])
        print(flush=True)
        for i in range(30):
            run.log({"i": i, "logged": time.time()})
            time.sleep(0.01)
        run.finish()
    """
    process = start(code, tmp_path / "run")
    process.stdout.readline()
    delays = []
    with Follower(tmp_path / "run") as follower:
        deadline = time.time() + 30
        while (follower.status == "running" or len(delays) < 30) and time.time() < deadline:
            for _, logged in told(follower.poll(), "logged"):
                delays.append(time.time() - logged)
            time.sleep(0.02)
    assert len(delays) == 30
    assert np.median(delays) < 0.3  # seconds; 0.1 on a machine with nothing else to do
