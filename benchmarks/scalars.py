"""Logging rows of scalars: the cost of a call, and of a whole run."""

from __future__ import annotations

import time
from functools import partial
from itertools import cycle, islice
from pathlib import Path

from ._loggers import COMPARED, JSON_LINES, NEEDS, OURS, make_rows, open_logger
from .harness import Contender, Figures, at_most, benchmark, fresh, load

_QUICK = (OURS, JSON_LINES)
_ROWS, _FEWER_ROWS = 100_000, 10_000
_SLOW = ("MLflow", "Aim")  # which would take from minutes to an hour for as many rows
_SLOWER = ("wandb offline", "trackio")  # a minute or more: they log fewer rows, and what they import is not counted
_WALL = "wall us/row"


def _cost_of_calls(logger: str, scalars: int, scratch: Path) -> Figures:
    """Thread CPU time of a call as a mean, then wall time of single calls, the clock's own included."""
    rows = make_rows(1000, scalars)
    calls = _number_of_calls(logger, scalars)
    waits = []
    with open_logger(logger, scratch) as log:
        for row in rows[:calls]:
            log(row)
        begin = time.thread_time()
        for row in islice(cycle(rows), calls):
            log(row)
        cpu = time.thread_time() - begin
        for row in islice(cycle(rows), calls):
            start = time.perf_counter_ns()
            log(row)
            waits.append(time.perf_counter_ns() - start)
    waits.sort()
    return {
        "thread CPU us": cpu / calls * 1e6,
        "p50 us": waits[calls // 2] / 1e3,
        "p99 us": waits[calls * 99 // 100] / 1e3,
    }


def _number_of_calls(logger: str, scalars: int) -> int:
    """As many as take about a second."""
    if logger in _QUICK:
        return 20_000
    return min(2000, 10_000 // scalars) // (20 if logger in _SLOW else 1)


def _write_alone(scalars: int, scratch: Path) -> Figures:
    """What the system takes for a call: one write of a frame of that size."""
    data = bytes(40 + 8 * scalars)
    with open(scratch / "alone", "ab", buffering=0) as file:
        begin = time.thread_time()
        for _ in range(20_000):
            file.write(data)
        return {"thread CPU us": (time.thread_time() - begin) / 20_000 * 1e6}


def _compare_calls(scalars: int, scratch: Path) -> list[Contender]:
    contenders = [
        Contender(logger, partial(_cost_of_calls, logger, scalars, scratch), NEEDS.get(logger, ""))
        for logger in COMPARED
    ]
    return [*contenders, Contender("one write", partial(_write_alone, scalars, scratch))]


benchmark("log-1", "log() of 1 scalar")(partial(_compare_calls, 1))
benchmark("log-5", "log() of 5 scalars", at_most("thread CPU us", 2.5), at_most("p99 us", 10))(
    partial(_compare_calls, 5)
)
benchmark("log-50", "log() of 50 scalars", at_most("thread CPU us", 5), at_most("p99 us", 10))(
    partial(_compare_calls, 50)
)


def log_and_finish(logger: str, rows: int, scratch: str) -> Figures:
    """A whole run of 5 scalars: open, log, finish; what that imports is included in a fresh process.

    Of fewer rows the imports would be too large a part, so that they are made before the clock starts.
    """
    prepared = make_rows(1000, 5)
    if logger in _SLOWER:
        load(NEEDS[logger])
    wall, cpu = time.perf_counter(), time.process_time()
    with open_logger(logger, Path(scratch)) as log:
        for row in islice(cycle(prepared), rows):
            log(row)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return {_WALL: wall / rows * 1e6, "CPU us/row": cpu / rows * 1e6}


@benchmark(
    "run-fresh",
    "5 scalars x 100k (two x 10k) and finish(), in a fresh process",
    at_most(_WALL, 5),
    rounds=5,
)
def _run_fresh(scratch: Path) -> list[Contender]:
    return [
        Contender(logger, fresh(__name__, log_and_finish.__name__, logger, rows, str(scratch)), NEEDS.get(logger, ""))
        for logger in COMPARED
        if logger not in _SLOW
        for rows in [_FEWER_ROWS if logger in _SLOWER else _ROWS]
    ]


@benchmark("run-warm", "5 scalars x 100k and finish(), everything imported", at_most(_WALL, 5), rounds=5)
def _run_warm(scratch: Path) -> list[Contender]:
    return [Contender(logger, partial(log_and_finish, logger, _ROWS, str(scratch))) for logger in _QUICK]
