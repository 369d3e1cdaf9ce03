"""Following a log directory that another process writes: how far behind it is, and at which cost."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np

from .harness import ROOT, Contender, Figures, at_most, benchmark, command

_RATE = 10_000  # scalars a second
_SECONDS = 15.0
_WRITE, _LOOK = 0.02, 0.02  # seconds between two appends, and between two looks at the run


def write(path: str, tags: int, seconds: float) -> int:
    """Append scalars to an event file at the rate, each with the time when it is written."""
    from mediatypes.interop.tensorboard.export.records import scalar_blocks, scalar_form

    forms = [scalar_form(f"tag{i}") for i in range(tags)]
    begin, written = time.time(), 0
    with open(path, "ab", buffering=0) as file:
        while (elapsed := time.time() - begin) < seconds:
            rows = np.arange(written, int(elapsed * _RATE))
            records: dict[int, bytes] = {}
            for i in {int(row) % tags for row in rows}:
                own = rows[rows % tags == i]
                times, values = np.full(len(own), time.time()), own % 1000 / 7
                for block in scalar_blocks(forms[i], own, own // tags, times, values):
                    records |= zip(block.rows.tolist(), map(bytes, block.records), strict=True)
            file.write(b"".join(records[row] for row in sorted(records)))
            written += len(rows)
            time.sleep(_WRITE)
    return written


def _follow(tags: int, scratch: Path) -> Figures:
    """Follow such a file, and look at the run as `mediatypes watch` does."""
    from mediatypes.runfolder.follower import Follower

    folder = Path(tempfile.mkdtemp(dir=scratch))
    path, run = folder / "logs" / "a" / "events.out.tfevents.1500000000.host", folder / "runs" / "a"
    path.parent.mkdir(parents=True)
    write(str(path), tags, 0.1)
    arguments = ["sync", str(folder / "logs"), "-o", str(folder / "runs"), "--follow"]
    sync = subprocess.Popen([sys.executable, "-m", "mediatypes", *arguments], cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        while not (run / "run.json").exists() and sync.poll() is None:
            time.sleep(_LOOK)
        writer = subprocess.Popen(
            command(__name__, write.__name__, str(path), tags, _SECONDS), cwd=ROOT, stdout=subprocess.DEVNULL
        )
        lags: list[float] = []
        latest = spent = began = 0.0
        with Follower(run) as follower:
            while writer.poll() is None:
                stamps = [float(batch.timestamps[-1]) for batch in follower.poll()]
                if stamps and latest and not began:
                    began, spent = time.monotonic(), _cpu(sync.pid)  # it is under way
                latest = max([latest, *stamps])
                if began:
                    lags.append(time.time() - latest)
                time.sleep(_LOOK)
        seconds, spent = time.monotonic() - began, _cpu(sync.pid) - spent
    finally:
        sync.terminate()
        sync.wait()
    return {"CPU %": 100 * spent / seconds, "lag ms": float(np.median(lags)) * 1e3, "worst lag ms": max(lags) * 1e3}


def _cpu(pid: int) -> float:
    """Seconds of CPU that a process has used: proc(5), stat fields 14 and 15."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


_TARGETS = (at_most("CPU %", 10), at_most("worst lag ms", 1000))


@benchmark("follow", "follow a directory that receives 10k scalars/s, 10 tags, for 15 s", *_TARGETS, rounds=3)
def _tags(scratch: Path) -> list[Contender]:
    return [Contender("mediatypes sync", partial(_follow, 10, scratch))]


@benchmark("follow-1", "the same with 1 tag: 10k rows/s", *_TARGETS, rounds=3)
def _rows(scratch: Path) -> list[Contender]:
    return [Contender("mediatypes sync", partial(_follow, 1, scratch))]
