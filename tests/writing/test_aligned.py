"""Calls that are lined up by a global step: nothing is lost, and steps that go forward keep their numbers."""

from __future__ import annotations

import contextlib
import os
import time
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mediatypes as mt
from mediatypes.journal import frames
from mediatypes.journal.append import Journal
from mediatypes.run import writer_hook
from mediatypes.writing.aligned import AlignedCalls, GlobalSteps


def rows(run: mt.Run) -> list[dict[str, Any]]:
    table = mt.open_run(run.path).history()
    return [
        {key: value for key, value in row.items() if value is not None and key not in ("_timestamp", "_runtime")}
        for row in table.to_pylist()
    ]


CALLS = st.lists(st.tuples(st.none() | st.integers(-3, 6), st.sampled_from("abc"), st.booleans()), max_size=40)


@given(CALLS)
@settings(max_examples=300, deadline=None)
def test_no_value_hides_another_and_rows_go_forward(calls: list[tuple[int | None, str, bool]]) -> None:
    steps, current, taken = GlobalSteps(), 0, set[tuple[int, str]]()
    by_row: dict[int, set[int | None]] = {}
    for global_step, key, commit in calls:
        row, begins = steps.place(global_step, (key,), current)
        assert row >= current, "rows never go backwards"
        assert (row, key) not in taken, "a value hides another"
        assert begins or row in by_row
        taken.add((row, key))
        by_row.setdefault(row, set()).add(global_step)
        current = row + 1 if commit else row
    assert all(len(found - {None}) <= 1 for found in by_row.values()), "a row has one global step"


@given(st.lists(st.integers(0, 50), min_size=1, max_size=30))
def test_steps_that_go_forward_keep_their_numbers(given_steps: list[int]) -> None:
    steps, current = GlobalSteps(), 0
    for step in sorted(set(given_steps)):
        for key in "ab":
            row, begins = steps.place(step, (key,), current)
            assert (row, begins) == (step, key == "a")
            current = row


def test_numbers_and_calls_stand_in_the_rows_of_their_steps(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    calls = writer_hook(run).align()
    for step in (0, 10):
        calls.number("loss", step, 1e9 + step, step / 4)
        calls.number("acc", step, 1e9 + step, 0.5)
        run.log({"custom": step + 1, "global_step": step})
    calls.number("loss", 3, 1e9, 7.0)  # another counter
    run.log({"beside": 1})
    run.log({"beside": 2})
    expected = [
        {"_step": 0, "global_step": 0, "loss": 0.0, "acc": 0.5, "custom": 1},
        {"_step": 10, "global_step": 10, "loss": 2.5, "acc": 0.5, "custom": 11},
        {"_step": 11, "global_step": 3, "loss": 7.0, "beside": 1},
        {"_step": 12, "beside": 2},
    ]
    assert rows(run) == expected
    assert run.summary["loss"] == 7.0
    run.finish()
    assert rows(run) == expected


def test_numbers_that_come_thick_and_fast_are_on_disk_soon_without_another_call(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    calls = writer_hook(run).align()
    for step in range(500):
        calls.number("loss", step, 1e9, step / 2)
    end = time.monotonic() + 5
    while time.monotonic() < end and mt.open_run(run.path).history([]).num_rows < 500:
        time.sleep(0.01)
    assert [row["loss"] for row in rows(run)] == [step / 2 for step in range(500)]
    run.finish()


def test_a_global_step_that_no_row_can_follow_numbers_none(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    calls = writer_hook(run).align()
    for global_step in (2**63 - 1, 3, 2**63 - 1, -(2**63)):
        calls.number("loss", global_step, time.time(), 0.5)
    calls.add([("acc", "number", 0.5)], 2**63 - 1, time.time())
    run.log({"global_step": 2**63 - 1, "own": 1})
    run.finish()
    steps = [2**63 - 1, 3, 2**63 - 1, -(2**63), 2**63 - 1]
    assert [(row["_step"], row.get("global_step", row.get("global_step#integer"))) for row in rows(run)] == [
        (0, steps[0]), (3, 3), (4, steps[2]), (5, steps[3]), (6, steps[4])
    ]  # fmt: skip


def test_the_thread_sleeps_and_wakes_again(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    calls = writer_hook(run).align()
    for part in range(3):
        for step in range(3):
            calls.number("loss", 3 * part + step, 1e9, 1.0)
        end = time.monotonic() + 5
        while time.monotonic() < end and len(rows(run)) < 3 * part + 3:
            time.sleep(0.01)
        assert len(rows(run)) == 3 * part + 3
        time.sleep(0.05)
    run.finish()


def test_more_key_sets_than_layouts_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediatypes.writing.call_writer._MAX_LAYOUTS", 3)
    run = mt.Run(tmp_path / "run")
    calls = writer_hook(run).align()
    for step in range(40):
        for key in range(step % 7 + 1):
            calls.number(f"key{key}", step, 1e9, float("nan") if step == 5 else step / 8)
    run.finish()
    found = {row["_step"]: row for row in rows(run)}
    assert len(found) == 40
    assert all(len(row) == 2 + step % 7 + 1 for step, row in found.items())
    assert all(row["key0"] == step / 8 for step, row in found.items() if step != 5)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_what_a_full_disk_refuses_is_written_later(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    calls: AlignedCalls = writer_hook(run).align()
    calls.number("loss", 5, 1e9, 1.0)
    calls.flush()
    saved, full = os.dup(run._writer.journal.fd), os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, run._writer.journal.fd)
    for key, step in (("loss", 6), ("other", 6), ("loss", 0)):
        with contextlib.suppress(mt.StoreError):
            calls.number(key, step, 1e9, 2.0)
    with pytest.raises(mt.StoreError, match="free some space"):
        run.log({"lost": 1})
    os.dup2(saved, run._writer.journal.fd)
    calls.number("loss", 1, 1e9, 3.0)
    run.finish()
    assert rows(run) == [
        {"_step": 5, "global_step": 5, "loss": 1.0},
        {"_step": 6, "global_step": 6, "loss": 2.0, "other": 2.0},
        {"_step": 7, "global_step": 0, "loss": 2.0},
        {"_step": 8, "global_step": 1, "loss": 3.0},
    ]
    for fd in (saved, full):
        os.close(fd)


def test_numbers_of_more_keys_than_a_run_takes_are_told_and_keep_nothing_else_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "MAX_COLUMNS", 3)
    run = mt.Run(tmp_path / "run")
    calls = writer_hook(run).align()
    calls._due = time.monotonic() + 3600  # all wait
    for step in (0, 1):
        for key in ("a", "b", "c", "d"):
            calls._waiting.append((key, step, float(step), step + 0.5))
    with pytest.warns(UserWarning, match="at most 3 keys of a run, got 1 more"):
        run.finish()
    assert rows(run) == [
        {"_step": 0, "global_step": 0.0, "a": 0.5, "b": 0.5},
        {"_step": 1, "global_step": 1.0, "a": 1.5, "b": 1.5},
    ]
    assert [problem.code for problem in mt.open_run(run.path).problems] == ["key"]


@pytest.mark.parametrize("waits", [True, False])
def test_numbers_that_are_written_and_could_not_be_synced_are_not_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waits: bool
) -> None:
    run = mt.Run(tmp_path / "run", fsync=0)
    calls, sync, failed = writer_hook(run).align(), Journal.sync, list[int]()

    def fails_once(journal: Journal) -> None:
        if not failed:
            failed.append(1)
            raise mt.StoreError("the disk: expected to sync, got an error")
        sync(journal)

    monkeypatch.setattr(Journal, "sync", fails_once)
    if waits:
        calls.number("loss", 0, 1.0, 0.5)
        with pytest.raises(mt.StoreError, match="expected to sync"):  # whoever logs next hears of it
            run.log({"acc": 0.25, "global_step": 0})
    else:
        with pytest.raises(mt.StoreError, match="expected to sync"):
            calls.add([("loss", "number", 0.5), ("acc", "number", 0.25)], 0, 1.0)
    assert dict(run.summary) == {"global_step": 0, "loss": 0.5, "acc": 0.25}
    calls.number("loss", 1, 2.0, 1.5)
    run.finish()
    assert rows(run) == [
        {"_step": 0, "global_step": 0.0, "loss": 0.5, "acc": 0.25},
        {"_step": 1, "global_step": 1.0, "loss": 1.5},
    ]


def file_of_number(descriptor: int, folder: Path) -> Path:
    """A new file that is open under this number, which is free."""
    path = folder / "precious"
    opened = os.open(path, os.O_RDWR | os.O_CREAT)
    if opened != descriptor:
        os.dup2(opened, descriptor)
        os.close(opened)
    return path


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_numbers_in_a_forked_child_go_into_no_other_file(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    calls, descriptor = writer_hook(run).align(), run._writer.journal.fd
    calls.number("loss", 0, 1.0, 0.5)
    calls.flush()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of fork in a process with threads
        child = os.fork()
    if not child:
        try:
            path = file_of_number(descriptor, tmp_path)
            for step in range(1, 9):
                calls._due = 0.0
                calls.number("loss", step, 2.0, 9.0)
            os._exit(path.stat().st_size or len(calls._waiting))
        except BaseException:
            os._exit(255)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    run.finish()
    assert rows(run) == [{"_step": 0, "global_step": 0.0, "loss": 0.5}]


def test_numbers_of_a_run_that_is_over_go_into_no_other_file(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    calls = writer_hook(run).align()
    calls.number("loss", 0, 1.0, 0.5)
    run.finish()
    calls._due = 0.0
    calls.number("loss", 1, 2.0, 9.0)
    assert calls._waiting == []
    with pytest.raises(mt.StoreError):  # and not into a file that is open under the number of the journal
        run._writer.write(b"a frame", 5, False)
    assert run._writer._fd == -1
    assert rows(run) == [{"_step": 0, "global_step": 0.0, "loss": 0.5}]
