"""The same work on many things at once, over any executor."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import nullcontext
from multiprocessing import get_context
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
_AHEAD = 4  # futures in flight for each worker


def workers() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_order(
    work: Callable[..., Result], items: Sequence[Item], arguments: tuple[object, ...], executor: Executor | None
) -> Iterator[tuple[Item, Result]]:
    """`work(item, *arguments)` of every item, in the order of the items.

    Args:
        work: a function of a module, which other processes can find.
        executor: where it is done; by default in processes of its own, or in this one if there is one item.

    Raises:
        What `work` raises.
    """
    if executor is None and (len(items) < 2 or workers() < 2):
        for item in items:
            yield item, work(item, *arguments)
        return
    # Not forked: a parent with threads, as pyarrow makes them, may leave a forked child with a lock that nobody holds.
    owned = executor is None
    pool = ProcessPoolExecutor(workers(), get_context("spawn")) if executor is None else executor
    with pool if owned else nullcontext():
        waiting = deque[tuple[Item, object]]()
        for item in items:
            waiting.append((item, pool.submit(work, item, *arguments)))
            if len(waiting) >= _AHEAD * workers():
                done, future = waiting.popleft()
                yield done, future.result()  # type: ignore[attr-defined]
        for done, future in waiting:
            yield done, future.result()  # type: ignore[attr-defined]
