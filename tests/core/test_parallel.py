"""The same work on many things, over every kind of executor."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

import mediatypes as mt
from mediatypes._core import parallel
from mediatypes._core.parallel import in_threads, map_runs, workers
from mediatypes.interop.tensorboard import import_logdir
from mediatypes.upkeep.verify import check_all
from tests.interop.tensorboard.event_files import scalar, write


def rows(path: Path) -> int:
    return mt.open_run(path).history([]).num_rows


def process(item: int) -> int:
    return os.getpid()


def die(path: Path) -> None:
    os._exit(1)


@contextmanager
def dask() -> Iterator[Executor]:
    """A cluster on this machine: two workers, each a process of its own."""
    distributed = pytest.importorskip("distributed", reason="needs dask: pip install distributed")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client.get_executor()


EXECUTORS: dict[str, Any] = {
    "threads": lambda: ThreadPoolExecutor(2),
    "processes": lambda: ProcessPoolExecutor(2, get_context("spawn")),
    "dask": dask,
}


@pytest.fixture(params=EXECUTORS)
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    with EXECUTORS[request.param]() as made:
        yield made


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Five runs of 0 to 4 rows."""
    root = tmp_path_factory.mktemp("runs")
    for i in range(5):
        with mt.Run(root / str(i)) as run:
            for x in range(i):
                run.log({"x": x})
    return [root / str(i) for i in range(5)]


def test_every_executor_compacts_verifies_and_imports(executor: Executor, runs: list[Path], tmp_path: Path) -> None:
    damaged = tmp_path / "runs"
    shutil.copytree(runs[0].parent, damaged)
    (damaged / "1" / "history.parquet").write_bytes(b"PAR1 no PAR1")
    (damaged / "3" / "run.json").unlink()
    write(tmp_path / "logs" / "a", *(scalar("loss", step / 2, step) for step in range(3)))
    write(tmp_path / "logs" / "b", scalar("loss", 1.0, 0), b"cut")

    assert list(map_runs(rows, runs, executor)) == list(zip(runs, range(5), strict=True))

    done = mt.compact(damaged, tmp_path / "all", executor)
    assert done.added == ["0", "2", "4"]
    assert [str(damaged / "1") in problem.path for problem in done.problems] == [True]
    assert mt.open_runs(tmp_path / "all").history(["x"]).column("x").to_pylist() == [0, 1, 0, 1, 2, 3]

    reports = list(check_all([damaged / str(i) for i in range(5)], deep=True, executor=executor))
    assert [report.path for report in reports] == [str(damaged / str(i)) for i in range(5)]
    assert [report.code for report in reports] == [0, 1, 0, 2, 0]

    told = list[tuple[int, int, str]]()
    report = import_logdir(
        tmp_path / "logs", tmp_path / "imported", executor=executor, progress=lambda *now: told.append(now)
    )
    assert [(run.name, run.rows) for run in report.runs] == [("a", 3), ("b", 1)]
    assert [(done == total, name) for done, total, name in told] == [(False, "a"), (True, "b")]
    assert mt.open_runs(tmp_path / "imported").history(["loss"]).column("loss").to_pylist() == [0.0, 0.5, 1.0, 1.0]


def test_by_default_it_is_done_in_processes(runs: list[Path]) -> None:
    assert [result for _, result in map_runs(rows, runs)] == [0, 1, 2, 3, 4]
    assert os.getpid() not in [result for _, result in map_runs(process, [0, 1], jobs=2)]


def test_one_job_is_done_here() -> None:
    assert [result for _, result in map_runs(process, [0, 1, 2], jobs=1)] == [os.getpid()] * 3
    assert [result for _, result in map_runs(process, [0], jobs=8)] == [os.getpid()]


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


def test_few_futures_are_in_flight_and_none_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "_HANDED_OVER", 12)
    executor = Counting()
    results = map_runs(abs, list(range(100)), executor)
    assert [next(results)[1] for _ in range(5)] == [0, 1, 2, 3, 4]
    assert executor.most == 12
    results.close()  # type: ignore[attr-defined]
    assert executor.cancelled == 11
    assert workers() >= 1


def test_what_the_work_raises_is_raised() -> None:
    with ThreadPoolExecutor(1) as executor, pytest.raises(ZeroDivisionError):
        list(map_runs(partial(divmod, 1), [1, 0], executor))


def test_workers_that_die_are_named(runs: list[Path]) -> None:
    with pytest.raises(mt.MediaTypesError, match=r"executor: expected workers that stay alive, got .*__main__"):
        list(map_runs(die, runs, jobs=2))


def test_threads_keep_the_order() -> None:
    for elsewhere in (True, False):
        assert in_threads(lambda x: x * 2, range(150), elsewhere) == list(range(0, 300, 2))
        with pytest.raises(ZeroDivisionError):
            in_threads(lambda x: 1 // x, [1, 0], elsewhere)
