"""The same work on many things at once, over any executor."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import nullcontext
from multiprocessing import get_context
from typing import Generic, NamedTuple, TypeVar

from .._core.errors import MediaTypesError, Problem, describe

Item = TypeVar("Item")
Result = TypeVar("Result")
_AHEAD = 4  # futures in flight for each worker
_THREADS = 16  # that wait for a file system: more than there are processors, few enough for a server


def workers() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Done(NamedTuple, Generic[Item, Result]):
    """What came of one item: a result, or the problems that there were instead."""

    item: Item
    result: Result | None
    problems: tuple[Problem, ...]


def map_runs(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    executor: Executor | None = None,
    jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[Done[Item, Result]]:
    """`function(item)` of every item, in their order; what is wrong with one does not stop the others.

    Args:
        function: of a module, so that other processes find it; what it answers is pickled.
        items: paths, as a rule.
        executor: any `concurrent.futures.Executor`: threads, processes, `dask.distributed.Client.get_executor()`. By
            default processes of its own, or this one if there is one item or one processor.
        jobs: how many are done at once; by default as many as there are processors here. Of an executor that was
            passed it bounds what is handed over: pass how many workers a cluster has.
        progress: told how many of how many items are done.

    Raises:
        MediaTypesError: the workers cannot be started, or died.
    """
    for number, (item, (result, problems)) in enumerate(in_order(_kept, items, (function,), executor, jobs), 1):
        if progress:
            progress(number, len(items))
        yield Done(item, result, problems)


def _kept(item: Item, function: Callable[[Item], Result]) -> tuple[Result | None, tuple[Problem, ...]]:
    """The result, or what was wrong: an error of another process may not be one that pickle knows."""
    try:
        return function(item), ()
    except (MediaTypesError, OSError) as error:
        return None, tuple(found._replace(path=found.path or str(item)) for found in describe(error))


def in_order(
    work: Callable[..., Result],
    items: Sequence[Item],
    arguments: tuple[object, ...],
    executor: Executor | None,
    jobs: int | None = None,
) -> Iterator[tuple[Item, Result]]:
    """`work(item, *arguments)` of every item, in the order of the items; at most four for each job are in flight.

    Args:
        work: a function of a module, which other processes can find.
        executor: where it is done; by default in processes of its own, or in this one if there is one item.
        jobs: how many at once; by default as many as there are processors.

    Raises:
        What `work` raises.
        MediaTypesError: the workers cannot be started, or died.
    """
    count = workers() if jobs is None else max(jobs, 1)
    if executor is None and min(len(items), count) < 2:
        for item in items:
            yield item, work(item, *arguments)
        return
    # Not forked: a parent with threads, as pyarrow makes them, may leave a forked child with a lock that nobody holds.
    owned = executor is None
    pool = ProcessPoolExecutor(min(count, len(items)), get_context("spawn")) if executor is None else executor
    with pool if owned else nullcontext():
        waiting = deque[tuple[Item, Future[Result]]]()
        try:
            for item in items:
                waiting.append((item, pool.submit(work, item, *arguments)))
                if len(waiting) >= _AHEAD * count:
                    done, future = waiting.popleft()
                    yield done, future.result()
            while waiting:
                done, future = waiting.popleft()
                yield done, future.result()
        except BrokenExecutor as error:
            hint = 'Guard the script with if __name__ == "__main__":, or pass executor=ThreadPoolExecutor().'
            raise MediaTypesError.of("executor", "workers that stay alive", str(error), hint) from error
        finally:  # nobody wants the rest
            for _, future in waiting:
                future.cancel()


def in_threads(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """`work(item)` of every item, in the order of the items, in threads: for work that waits for a file system."""
    todo = list(items)
    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            futures = [pool.submit(work, item) for item in todo]
        except RuntimeError:  # while the interpreter ends it starts no threads
            return [work(item) for item in todo]
        return [future.result() for future in futures]
