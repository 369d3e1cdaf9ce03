"""Many cases of one reader, in a process that may die of them."""

from __future__ import annotations

import multiprocessing
import resource
import time
from typing import Any

from tests.hostile.fuzz import Outcome, case_of, run, warm

_DATA = 8 << 30  # bytes of a process: what takes more fails, and does not take the machine along


def work(target: str, seconds: float, first: int, case: Any, results: Any) -> None:
    """Run cases of a target until the time is over; each outcome goes to `results`."""
    resource.setrlimit(resource.RLIMIT_DATA, (_DATA, _DATA))
    warm(target)
    case.value = first
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        results.put((case.value, run(target, case_of(target, case.value))))
        case.value += 1


def fuzz(target: str, seconds: float, first: int) -> tuple[list[Outcome], dict[int, str]]:
    """What came of the cases of a target, and what is wrong by case; a process of its own may die."""
    context = multiprocessing.get_context("spawn")
    case, results = context.Value("q", first), context.SimpleQueue()
    process = context.Process(target=work, args=(target, seconds, first, case, results))
    process.start()
    outcomes, broken = list[Outcome](), dict[int, str]()
    while process.is_alive() or not results.empty():
        if results.empty():
            process.join(0.05)
            continue
        number, outcome = results.get()
        outcomes.append(outcome)
        if outcome.broken:
            broken[number] = outcome.broken
    if process.exitcode:
        broken[case.value] = f"the process died with {process.exitcode}"
    return outcomes, broken
