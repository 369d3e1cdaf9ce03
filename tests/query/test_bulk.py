"""The same work on many things, over every kind of executor."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

import mediatypes as mt
from mediatypes.query.bulk import Done, in_order, in_threads, map_runs, workers


def rows(path: Path) -> int:
    return mt.open_run(path).history([]).num_rows


def die(path: Path) -> None:
    os._exit(1)


def fail(path: Path) -> None:
    raise ZeroDivisionError


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Six folders: the fourth is no run."""
    root = tmp_path_factory.mktemp("runs")
    for i in (0, 1, 2, 4, 5):
        with mt.Run(root / str(i)) as run:
            for x in range(i):
                run.log({"x": x})
    (root / "3").mkdir()
    return [root / str(i) for i in range(6)]


@contextmanager
def dask() -> Iterator[Executor]:
    """A cluster of one worker on this machine."""
    if not importlib.util.find_spec("distributed"):
        pytest.skip("needs dask: pip install distributed")
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client.get_executor()


EXECUTORS: dict[str, Any] = {
    "threads": lambda: ThreadPoolExecutor(2),
    "processes": lambda: ProcessPoolExecutor(2, get_context("spawn")),
    "dask": dask,
}


def check(done: list[Done[Path, int]], runs: list[Path]) -> None:
    assert [one.item for one in done] == runs
    assert [one.result for one in done] == [0, 1, 2, None, 4, 5]
    assert [str(problem) for problem in done[3].problems] == [
        f"{runs[3]}: {runs[3]}: expected a run folder with run.json, got 'a directory without it'. "
        "Pass the folder given to Run(...)."
    ]
    assert not any(one.problems for one in done if one.result is not None)


@pytest.mark.filterwarnings("ignore::DeprecationWarning:distributed", "ignore::ResourceWarning")
@pytest.mark.parametrize("kind", EXECUTORS)
def test_every_executor_does_the_work(runs: list[Path], kind: str) -> None:
    told = list[tuple[int, int]]()
    with EXECUTORS[kind]() as executor:
        done = list(map_runs(rows, runs, executor, progress=lambda *count: told.append(count)))
    check(done, runs)
    assert told == [(i, 6) for i in range(1, 7)]


def test_by_default_it_is_done_in_processes(runs: list[Path]) -> None:
    check(list(map_runs(rows, runs)), runs)
    found = [result for _, result in in_order(_process, [0, 1], (), None, jobs=2)]
    assert os.getpid() not in found


def _process(item: int) -> int:
    return os.getpid()


def test_one_job_is_done_here(runs: list[Path]) -> None:
    check(list(map_runs(rows, runs, jobs=1)), runs)
    assert [result for _, result in in_order(_process, [0, 1, 2], (), None, jobs=1)] == [os.getpid()] * 3


class Counting(Executor):
    """Does nothing before it is asked for a result, and counts what waits."""

    def __init__(self) -> None:
        self.waiting = self.most = self.cancelled = 0

    def submit(self, work: Any, /, *arguments: Any, **named: Any) -> Future[Any]:
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        outer = self

        class Lazy(Future[Any]):
            def result(self, timeout: float | None = None) -> Any:
                outer.waiting -= 1
                return work(*arguments)

            def cancel(self) -> bool:
                outer.cancelled += 1
                return True

        return Lazy()


def test_few_futures_are_in_flight_and_none_is_left() -> None:
    executor = Counting()
    results = in_order(abs, list(range(100)), (), executor, jobs=3)
    assert [next(results)[1] for _ in range(5)] == [0, 1, 2, 3, 4]
    assert executor.most == 12
    results.close()  # type: ignore[attr-defined]
    assert executor.cancelled == 11
    assert workers() >= 1


def test_what_is_no_problem_of_a_run_is_raised(runs: list[Path]) -> None:
    with ThreadPoolExecutor(1) as executor, pytest.raises(ZeroDivisionError):
        list(map_runs(fail, runs, executor))


def test_workers_that_die_are_named(runs: list[Path]) -> None:
    with pytest.raises(mt.MediaTypesError, match=r"executor: expected workers that stay alive, got .*__main__"):
        list(map_runs(die, runs, jobs=2))


def test_threads_keep_the_order() -> None:
    assert in_threads(lambda x: x * 2, range(50)) == list(range(0, 100, 2))
    with pytest.raises(ZeroDivisionError):
        in_threads(lambda x: 1 // x, [1, 0])
