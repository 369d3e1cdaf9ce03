"""No room: what was logged before stays, and logging goes on when there is room again."""

from __future__ import annotations

import gc
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mediatypes as mt
from mediatypes.run import writer_hook

from .crashes import NEVER, Nursery, call, check_calls, fit_into

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits, mounts and signals are POSIX")


def test_files_that_may_not_become_larger_cost_no_row_that_was_there(tmp_path: Path) -> None:
    with Nursery() as nursery:
        dead = nursery.kill_at(tmp_path / "run", "fit", NEVER, starts=[661])
    assert dead.last["call", 0] > 15_000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", disk], capture_output=True).returncode
    if mounted:
        pytest.skip("only root may mount")
    try:
        yield disk
    finally:
        gc.collect()  # files that only a cycle keeps open
        subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize("free", [0, 4096, 8192, 16384, 24576])
def test_a_full_disk_costs_no_row_that_was_there(small_disk: Path, free: int) -> None:
    filler = small_disk / "filler"

    def fill() -> None:
        with open(filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                file.truncate(max(file.tell() - free, 0))

    def make_room() -> None:
        filler.unlink(missing_ok=True)

    assert fit_into(small_disk / "run", fill, make_room, early=False) > 0
    assert fit_into(small_disk / "run", fill, make_room, early=True) > 0


def test_interrupts_tear_no_call(tmp_path: Path) -> None:
    with Nursery() as nursery:
        dead = nursery.kill_at(tmp_path / "run", "interrupt", NEVER)
    assert dead.last["call", 0] > 0


def test_a_part_of_a_call_that_cannot_be_taken_back_ends_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, write = mt.Run(tmp_path / "run"), os.write
    for n in range(3):
        run.log(call(0, n))

    def half(file: int, data: bytes) -> int:
        if len(calls) > 1:
            refuse()
        calls.append(data)
        return write(file, data[: len(data) // 2])

    def refuse(*_: Any) -> Any:
        raise OSError(28, "No space left on device")

    calls = [b""]
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", half)
        patch.setattr(os, "ftruncate", refuse)
        with pytest.raises(mt.StoreError, match=r"Earlier rows are safe; finish the run, free some space and resume"):
            run.log(call(0, 3))
    for change in (lambda: run.log(call(0, 3)), lambda: run.log({"n": 1}), lambda: run.config.update(a=1)):
        with pytest.raises(mt.StoreError, match="finish the run, free some space and resume it"):
            change()
    view = mt.open_run(run.path)
    assert ([problem.code for problem in view.problems], check_calls(view, 0)) == (["torn"], [0, 1, 2])
    run.finish()
    with mt.Run(tmp_path / "run", mode="resume") as run:
        run.log(call(0, 3))
    assert check_calls(run, 0) == [0, 1, 2, 3]


def test_an_interrupt_leaves_nothing_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What tells a thread of new rows is no event: `Event.set` that is interrupted may keep its lock."""
    run = mt.Run(tmp_path / "run", fsync=0.001)
    run.log({"a": 0})
    aligned = writer_hook(run).align()
    aligned._due = math.inf
    aligned.number("a", 0, 1.0, 0.5)  # begins the thread
    until = time.monotonic() + 60
    while aligned._is_awake and time.monotonic() < until:
        time.sleep(0.001)
    enter = threading.Condition.__enter__

    def torn(condition: threading.Condition) -> bool:
        entered = enter(condition)
        if threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt
        return entered

    with monkeypatch.context() as patch:
        patch.setattr(threading.Condition, "__enter__", torn)
        aligned._due = math.inf
        aligned.number("a", 1, 2.0, 0.5)
        for n in range(3):
            run.log({"b": n})
    run.finish()
    assert [step for step, _ in mt.open_run(run.path).values("b")] == [2, 3, 4]
