"""Directories that the system does not list are told by every reader, and cost nothing beside them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mediatypes as mt
from mediatypes.cli import main
from mediatypes.interop.elsewhere import import_runs as import_elsewhere
from mediatypes.interop.tensorboard import import_logdir
from mediatypes.interop.wandb import import_runs as import_wandb
from mediatypes.viewer.report import write_report
from tests.interop.elsewhere.written import swanlab
from tests.interop.tensorboard.event_files import VERSION, scalar
from tests.interop.wandb.wandb_log import Log

SECRET = "secret"
REFUSED = "expected a directory that can be listed, got 'Permission denied'"


@pytest.fixture(autouse=True)
def refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Directories called `secret` are not listed: who runs the tests may be root, to whom every one is."""
    scandir = os.scandir

    def scan(path: Any = ".") -> Iterator[os.DirEntry[str]]:
        if not isinstance(path, int) and os.path.basename(os.fspath(path)) == SECRET:
            raise PermissionError(13, os.strerror(13), os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", scan)


def made(root: Path) -> Path:
    with mt.Run(root / "open" / "run", capture=False) as run:
        run.log({"a": 1})
    shutil.copytree(run.path, root / SECRET / "run")
    return root


def test_runs(tmp_path: Path) -> None:
    root = made(tmp_path / "runs")
    runs = mt.open_runs(root)
    assert [Path(name).name for name in runs.names] == ["run"]
    told = [(str(root / SECRET), REFUSED)]
    assert [(problem.path, problem.message) for problem in runs.problems] == told
    done = mt.compact(root, tmp_path / "all")
    assert len(done.added) == 1
    assert [(problem.path, problem.message) for problem in done.problems] == told
    assert [(one.path, one.message) for one in write_report([root], tmp_path / "a.html").problems] == told


@pytest.mark.parametrize("command", ["ls", "verify", "show", "validate", "report", "query"])
def test_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    root = made(tmp_path / "runs")
    more = {"report": ["-o", str(tmp_path / "a.html")], "query": ["select * from runs"]}
    if command == "query":
        pytest.importorskip("duckdb")
    main([command, str(root), *more.get(command, [])])
    assert f"mediatypes: left out: {root / SECRET}: {REFUSED}. Check permissions.\n" in capsys.readouterr().err


def test_event_files(tmp_path: Path) -> None:
    for name in ("a", f"b/{SECRET}"):
        (folder := tmp_path / "logs" / name).mkdir(parents=True)
        (folder / "events.out.tfevents.1500000000.host").write_bytes(VERSION + scalar("loss", 0.5, 1))
    report = import_logdir(tmp_path / "logs", tmp_path / "runs")
    assert [run.name for run in report.runs] == ["a"]
    assert report.ignored == [f"b/{SECRET}/"]
    (problem,) = report.problems
    assert (problem.path, problem.message.partition(", ")[2]) == (
        f"b/{SECRET}/",
        "got a directory that cannot be listed: Permission denied",
    )
    with pytest.raises(mt.StoreError, match="expected to list the directory, got 'Permission denied'"):
        import_logdir(tmp_path / "logs" / "b" / SECRET, tmp_path / "runs")


def test_logs_of_wandb(tmp_path: Path) -> None:
    log = Log(project="p", name="n")
    log.exit(0)
    for name in ("run-1", f"{SECRET}/run-2", f"run-1/files/{SECRET}"):
        (tmp_path / "wandb" / name).mkdir(parents=True)
    (tmp_path / "wandb" / "run-1" / "run-1.wandb").write_bytes(log.bytes())
    report = import_wandb(tmp_path / "wandb", tmp_path / "runs")
    assert [(problem.path, problem.message) for problem in report.problems] == [(SECRET, REFUSED)]
    (run,) = report.runs
    assert [(problem.path, problem.message) for problem in run.problems] == [(SECRET, REFUSED)]


def test_a_run_of_another_tracker(tmp_path: Path) -> None:
    pytest.importorskip("yaml")  # in which it writes its config
    log = swanlab(tmp_path)
    (folder,) = log.iterdir()
    (folder / "files" / SECRET).mkdir()
    (run,) = import_elsewhere(log, tmp_path / "runs").runs
    assert run.status == "failed"
    assert "expected to list the directory, got 'Permission denied'" in run.problems[0].message


def test_files_that_are_saved(tmp_path: Path) -> None:
    (tmp_path / "out" / SECRET).mkdir(parents=True)
    (tmp_path / "out" / "a.txt").write_text("a")
    with mt.Run(tmp_path / "run", capture=False) as run, pytest.raises(mt.InputError) as raised:
        run.save(tmp_path / "out")
    text = f"save: expected a directory that can be listed, got Permission denied, '{tmp_path / 'out' / SECRET}'."
    assert str(raised.value) == f"{text} Check permissions."
