"""A worker of dask that is killed in the middle of its work: what it did counts once, and nothing is lost."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pytest

import mediatypes as mt
from mediatypes.interop import tensorboard

from ..interop.tensorboard import event_files

_PATIENCE = 240  # seconds


def die_once(mark: str, work: Callable[..., Any], *arguments: Any) -> Any:
    """Do some work, and die the first time that it gives a file its name."""
    try:
        os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return work(*arguments)
    os.replace = os.rename = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[assignment]
    return work(*arguments)


class Deadly(Executor):
    """An executor whose workers die once."""

    def __init__(self, executor: Executor, mark: Path) -> None:
        self._executor, self._mark = executor, str(mark)

    def submit(self, work: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        return self._executor.submit(die_once, self._mark, work, *arguments)


@pytest.fixture
def deadly(tmp_path: Path) -> Iterator[Deadly]:
    distributed = pytest.importorskip("distributed", reason="needs dask: pip install distributed")
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster,
        distributed.Client(cluster) as client,
    ):
        before = signal.signal(signal.SIGALRM, _give_up)
        signal.alarm(_PATIENCE)
        yield Deadly(client.get_executor(), tmp_path / "died")
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _give_up(*_: Any) -> None:
    raise TimeoutError(f"dask did not go on for {_PATIENCE} s; on a busy machine it may lose its new worker too")


@pytest.mark.filterwarnings("ignore")  # of what dask says about the death of its worker
@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")
def test_a_worker_that_is_killed_costs_nothing_and_does_nothing_twice(tmp_path: Path, deadly: Deadly) -> None:
    logs = tmp_path / "logs"
    for name in ("one", "two"):
        event_files.write(logs / name, *(event_files.scalar("loss", step / 2, step) for step in range(20)))
    report = tensorboard.import_logdir(logs, tmp_path / "runs", nested="runs", executor=deadly)
    assert (tmp_path / "died").exists()
    assert [(run.name, run.status, run.rows, run.problems) for run in report.runs] == [
        ("one", "new", 20, []),
        ("two", "new", 20, []),
    ]
    (tmp_path / "died").unlink()
    done = mt.compact(tmp_path / "runs", tmp_path / "all", executor=deadly)
    assert (tmp_path / "died").exists()
    assert (done.added, done.problems) == (["one", "two"], [])
    for runs in (tmp_path / "runs", tmp_path / "all"):
        rows = mt.open_runs(runs).history(["loss"]).select(["run", "_step", "loss"]).to_pylist()
        expected = [(name, step, step / 2) for name in ("one", "two") for step in range(20)]
        assert [tuple(row.values()) for row in rows] == expected
    again = mt.compact(tmp_path / "runs", tmp_path / "all")
    assert again.unchanged == 2
    left = [path.name for path in tmp_path.rglob("*") if path.name.endswith(".tmp") or path.name.startswith(".part")]
    assert left == [], left
