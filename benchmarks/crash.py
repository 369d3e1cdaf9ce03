"""Rows that are gone after a process was killed."""

from __future__ import annotations

import mmap
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from random import uniform

import mediatypes as mt

from ._loggers import BUFFERED, JSON_LINES, LOGGERS, OURS
from .harness import ROOT, Contender, Figures, at_most, benchmark, command

_COUNTER = struct.Struct("<q")


def log_forever(logger: str, directory: str) -> None:
    """Log rows, and count the calls that returned in a shared mapping, which outlives the process."""
    with open(Path(directory, "returned"), "r+b") as file, LOGGERS[logger](Path(directory)) as log:
        memory = mmap.mmap(file.fileno(), _COUNTER.size)
        for n in count(1):
            log({"loss": 1.0 / n})
            _COUNTER.pack_into(memory, 0, n)


def _kill(logger: str, count_rows: Callable[[Path], int], scratch: Path) -> Figures:
    """Start the process, kill it in the middle of logging, and count what is left."""
    directory = Path(tempfile.mkdtemp(dir=scratch))
    counter = directory / "returned"
    counter.write_bytes(_COUNTER.pack(0))
    process = subprocess.Popen(command(__name__, log_forever.__name__, logger, str(directory)), cwd=ROOT)
    try:
        while process.poll() is None and _COUNTER.unpack(counter.read_bytes())[0] < 1000:
            time.sleep(0.01)
        time.sleep(uniform(0.05, 0.2))
    finally:
        process.kill()
        process.wait()
    (returned,) = _COUNTER.unpack(counter.read_bytes())
    if returned < 1000:
        raise RuntimeError(f"{logger} ended after {returned} rows")
    return {"rows lost": max(0, returned - count_rows(directory))}


def _rows_of_run(directory: Path) -> int:
    rows: int = mt.open_run(directory / "run").history([]).num_rows
    return rows


def _whole_lines(directory: Path) -> int:
    return (directory / "log.jsonl").read_bytes().count(b"\n")


@benchmark("kill", "rows lost of those whose log() returned before SIGKILL", at_most("rows lost", 0, worst=True))
def _lost_rows(scratch: Path) -> list[Contender]:
    return [
        Contender(OURS, partial(_kill, OURS, _rows_of_run, scratch)),
        Contender(JSON_LINES, partial(_kill, JSON_LINES, _whole_lines, scratch)),
        Contender(BUFFERED, partial(_kill, BUFFERED, _whole_lines, scratch)),
    ]
