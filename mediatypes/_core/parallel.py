"""The same work on many things at once, over any executor."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import nullcontext
from multiprocessing import get_context
from typing import TypeVar

from .errors import MediaTypesError

Progress = Callable[[int, int, str], None]  # how much of how much is done, and the name of the run that was last
Item = TypeVar("Item")
Result = TypeVar("Result")
_AHEAD = 4  # futures in flight for each process
_HANDED_OVER = 1024  # and for an executor that was passed: how many workers it has, it does not say
_THREADS = 16  # that wait for a file system: more than there are processors, few enough for a server
_IN_A_ROW = 32  # files that one thread reads before another has its turn: threads that change often get in their way


def workers() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def map_runs(
    work: Callable[[Item], Result], items: Sequence[Item], executor: Executor | None = None, jobs: int | None = None
) -> Iterator[tuple[Item, Result]]:
    """Every item with `work(item)`, in the order of the items; raises what `work` does, MediaTypesError if workers die.

    Args:
        work: a function of a module, or a `partial` of one, so that other processes find it.
        items: paths, as a rule; they and the results are pickled.
        executor: any `concurrent.futures.Executor`: threads, processes, `dask.distributed.Client.get_executor()`. By
            default processes of its own, or this one if there is one item or one job.
        jobs: how many processes of its own there are; by default as many as there are processors.
    """
    count = workers() if jobs is None else max(jobs, 1)
    if executor is None and min(len(items), count) < 2:
        for item in items:
            yield item, work(item)
        return
    ahead = _AHEAD * count if executor is None else _HANDED_OVER
    with _processes(min(count, len(items))) if executor is None else nullcontext(executor) as pool:
        waiting = deque[tuple[Item, Future[Result]]]()
        try:
            for item in items:
                waiting.append((item, pool.submit(work, item)))
                if len(waiting) >= ahead:
                    done, future = waiting.popleft()
                    yield done, future.result()
            while waiting:
                done, future = waiting.popleft()
                yield done, future.result()
        except BrokenExecutor as error:
            hint = 'Use fewer jobs if memory ran out; guard a script with if __name__ == "__main__":.'
            raise MediaTypesError.of("executor", "workers that stay alive", str(error), hint) from error
        finally:  # nobody wants the rest
            for _, future in waiting:
                future.cancel()


def _processes(count: int) -> Executor:
    # Not forked: a parent with threads, as pyarrow makes them, may leave a forked child with a lock that nobody holds.
    # Ctrl-C is for the parent, which stops the others.
    return ProcessPoolExecutor(count, get_context("spawn"), signal.signal, (signal.SIGINT, signal.SIG_IGN))


def in_threads(work: Callable[[Item], Result], items: Iterable[Item], elsewhere: bool = True) -> list[Result]:
    """`work(item)` of every item, in the order of the items, in threads.

    With `elsewhere` it waits for a file system elsewhere, many items at once; otherwise there are as many threads as
    processors, and each takes several items in a row.
    """
    todo = list(items)
    count, slab = (_THREADS, 1) if elsewhere else (workers(), _IN_A_ROW)
    slabs = [todo[first : first + slab] for first in range(0, len(todo), slab)]
    if not elsewhere and min(count, len(slabs)) < 2:
        return [work(item) for item in todo]
    with ThreadPoolExecutor(count) as pool:
        try:
            futures = [pool.submit(lambda items: [work(item) for item in items], items) for items in slabs]
        except RuntimeError:  # while the interpreter ends it starts no threads
            return [work(item) for item in todo]
        return [result for future in futures for result in future.result()]
