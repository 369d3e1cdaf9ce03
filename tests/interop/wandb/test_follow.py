"""Logs that are followed while they are written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mediatypes as mt
from mediatypes.cli import main
from mediatypes.interop.wandb import follow_runs, import_runs
from mediatypes.interop.wandb.importing import follow
from mediatypes.interop.wandb.importing.follow import RunFollower
from mediatypes.interop.wandb.importing.plan import Options
from tests.interop.wandb.test_import import PIXELS, RUN, Folder
from tests.interop.wandb.wandb_log import Log


def same_run(one: Path, other: Path) -> bool:
    """Whether two run folders are equal, but for the times of copied files and of the import."""

    def content(root: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for path in sorted(root.rglob("*")):
            if path.is_file() and path.name != "files.json":
                found[str(path.relative_to(root))] = path.read_bytes()
        return found

    return content(one) == content(other)


def test_a_growing_run_is_seen_at_once_and_ends_as_an_import(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    log = Log(config={"lr": 1})
    log.log({"x": 0}, 0)
    path = log.write(folder.root)
    follower = RunFollower(folder.root.parent, tmp_path / "runs", Options())
    assert follower.poll()
    assert not follower.poll()
    whole = path.read_bytes()
    for step in range(1, 20):
        log.log({"x": step, "text": f"t{step}", "whole": 2**60 + step, "nest": {"a": [1, None]}}, step)
        whole = log.bytes()
        path.write_bytes(whole[:-3])  # the last record is not whole: the summary
        assert follower.poll()
        run = mt.open_run(tmp_path / "runs" / RUN)
        assert run.status == "running"
        assert [value for _, value in run.values("x")] == list(range(step + 1))
    log.config({"lr": 2, "new": "é"})
    log.log({"img": folder.image("img", PIXELS, caption="live")}, 20)
    log.write(folder.root)
    assert follower.poll()
    run = mt.open_run(tmp_path / "runs" / RUN)
    assert np.array_equal(next(iter(run.values("img")))[1].to_numpy(), PIXELS)
    assert run.config == {"lr": 2, "new": "é"}
    state = follower.state()
    assert (state.runs, state.live, state.events, state.problems) == (1, 1, 21, [])
    log.exit()
    log.write(folder.root)
    assert follower.poll()
    assert not follower.poll()
    assert mt.open_run(tmp_path / "runs" / RUN).status == "finished"
    (report,) = follower.finish().runs
    assert (report.status, report.added, report.rows) == ("new", 21, 21)
    import_runs(folder.root.parent, tmp_path / "fresh")
    assert same_run(tmp_path / "runs", tmp_path / "fresh")


def test_a_killed_follower_loses_nothing(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    log = Log()
    for step in range(3):
        log.log({"x": step}, step)
    log.write(folder.root)
    follower = RunFollower(folder.root, tmp_path / "runs", Options())
    follower.poll()
    log.log({"x": 3}, 3)
    log.write(folder.root)
    assert follower.poll()
    live = next(iter(follower.runs.values()))._live
    assert live
    live.close().release()  # as the system does when a process is killed; its journal stays
    (report,) = import_runs(folder.root, tmp_path / "runs").runs
    assert (report.status, report.rows) == ("updated", 4)
    assert [value for _, value in mt.open_run(tmp_path / "runs" / RUN).values("x")] == [0, 1, 2, 3]


def test_a_long_journal_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "_MAX_CALLS", 5)
    folder = Folder(tmp_path)
    log = Log()
    log.log({"x": 0}, 0)
    log.write(folder.root)
    follower = RunFollower(folder.root, tmp_path / "runs", Options())
    follower.poll()
    for step in range(1, 30):
        log.log({"x": step}, step)
        log.write(folder.root)
        assert follower.poll()
        assert [value for _, value in mt.open_run(tmp_path / "runs" / RUN).values("x")] == list(range(step + 1))
    assert follower.finish().runs[0].rows == 30


def test_new_runs_are_found_and_another_log_is_said(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    follower = RunFollower(folder.root.parent, tmp_path / "runs", Options())
    assert not follower.poll()
    log = Log()
    log.log({"x": 0}, 0)
    path = log.write(folder.root)
    assert follower.poll()
    log.log({"x": 1}, 1)
    log.write(folder.root)
    assert follower.poll()
    other = Log("abc123", project="another project")
    for step in range(9):
        other.log({"y": step}, step)
    other.write(folder.root)
    assert follower.poll()
    assert "got another" in str(follower.state().problems[0][1])
    (report,) = follower.finish().runs
    assert report.status == "failed"
    assert "got one of another" in str(report.problems[0])
    path.unlink()


def test_it_ends_when_nothing_comes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = Folder(tmp_path)
    log = Log()
    log.log({"x": 1}, 0)
    log.write(folder.root)
    assert follow_runs(folder.root, tmp_path / "runs", idle=0).runs[0].rows == 1
    source, out = str(folder.root.parent), str(tmp_path / "runs")
    assert main(["sync", source, "-o", out, "--follow", "--idle", "0"]) == 0
    assert "unchanged" in capsys.readouterr().out
    report = tmp_path / "report.json"
    assert main(["import", source, "-o", out, "--report", str(report)]) == 0
    assert json.loads(report.read_text())["sources"][0]["runs"][0]["status"] == "unchanged"
    with pytest.raises(mt.InputError, match="seconds, 0 or more"):
        follow_runs(folder.root, tmp_path / "runs", interval=-1)
