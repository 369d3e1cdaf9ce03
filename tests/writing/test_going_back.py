"""Going back to a checkpoint: rows from a step on are taken back, whatever happened before and meanwhile."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import mediatypes as mt
from mediatypes.cli import main
from mediatypes.runfolder.follower import Follower
from mediatypes.writing.finish import finish

from .crashes import abandon

Rows = dict[int, int]


def log(run: mt.Run, rows: Rows, first: int, count: int, session: int) -> None:
    """Rows of a session: a value by step, whose hundreds are the session."""
    for step in range(first, first + count):
        run.log({"n": session * 100 + step, f"only{session}": True}, step=step)
        rows[step] = session * 100 + step


def take_back(rows: Rows, step: int) -> None:
    for later in [one for one in rows if one >= step]:
        del rows[later]


def told(follower: Follower, known: dict[int, Rows]) -> Rows:
    """What a follower has told by now, as a reader of it keeps it: anew after each restart."""
    while batches := follower.poll():
        rows = known.setdefault(follower.restarts, {})
        for batch in batches:
            rows |= dict(zip(batch.steps.tolist(), batch.columns["n", "number"].values, strict=True))
    return known.get(follower.restarts, {})


def check(root: Path, rows: Rows) -> None:
    view = mt.open_run(root)
    assert (dict(view.values("n")) if rows else view.keys()) == rows
    assert view.summary.get("n") == (max(rows.items())[1] if rows else None)
    assert [problem for problem in view.problems if problem.code != "torn"] == []


@pytest.mark.parametrize(
    "ends", [("finish", "finish"), ("abandon", "finish"), ("finish", "abandon"), ("abandon", "abandon")]
)
@pytest.mark.parametrize("steps", [(4, 2), (2, 4), (0, 0), (9, 30), (5, 5), (12, 3)])
def test_rows_are_those_of_a_model(tmp_path: Path, ends: tuple[str, str], steps: tuple[int, int]) -> None:
    root, rows = tmp_path / "run", Rows()
    run: Any = mt.Run(root)
    log(run, rows, 0, 10, 1)
    followers = [Follower(root), Follower(root)]
    seen: list[dict[int, Rows]] = [{}, {}]
    assert told(followers[0], seen[0]) == rows  # the other one has not looked yet
    for session, (end, step) in enumerate(zip(ends, steps, strict=True), 2):
        abandon(run) if end == "abandon" else run.finish()
        run = mt.Run(root, mode="resume", from_step=step)
        take_back(rows, step)
        assert run.step == step
        check(root, rows)
        assert run.summary.get("n") == (max(rows.items())[1] if rows else None)
        assert told(followers[0], seen[0]) == rows
        log(run, rows, step, 3, session)
        check(root, rows)
        assert told(followers[0], seen[0]) == rows
    run.finish()
    check(root, rows)
    for follower, known in zip(followers, seen, strict=True):
        assert told(follower, known) == rows
        follower.close()
    with Follower(root) as late:
        assert told(late, {}) == rows
    view = mt.open_run(root)
    assert [rewind["from_step"] for rewind in view.describe()["rewinds"]] == list(steps)
    assert mt.open_runs(root).history().num_rows == len(rows)


@pytest.mark.parametrize("last", ["history.parquet", "media.parquet", "summary.json"])
def test_a_crash_while_finishing_takes_nothing_back_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: str
) -> None:
    root, rows = tmp_path / "run", Rows()
    with mt.Run(root) as run:
        log(run, rows, 0, 10, 1)
    run = mt.Run(root, mode="resume", from_step=4)
    take_back(rows, 4)
    log(run, rows, 4, 5, 2)
    abandon(run)
    replace = os.replace

    def die(source: Any, target: Any) -> None:
        replace(source, target)
        if Path(target).name == last:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", die)
        with pytest.raises(KeyboardInterrupt):
            finish(root, "crashed")
    check(root, rows)
    mt.recover(root)
    check(root, rows)


def test_media_and_statistics_are_those_of_the_rows_that_count(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run:
        run.define_metric("loss", summary="min,mean")
        for step in range(6):
            run.log({"loss": 10 - step, "photo": mt.Image(np.full((2, 3), step, np.uint8))})
    with mt.Run(run.path, mode="resume", from_step=3) as run:
        assert run.summary["loss"] == {"min": 8, "mean": 9}
        run.log({"loss": 20})
    view = mt.open_run(run.path)
    assert view.summary["loss"] == {"min": 8, "mean": 11.75}
    assert [step for step, _ in view.values("photo")] == [0, 1, 2]
    assert pq.read_table(run.path / "media.parquet").column("step").to_pylist() == [0, 1, 2]
    assert mt.gc(run.path).files == 3
    assert main(["verify", str(run.path)]) == 0


def test_a_step_that_is_over_says_how_to_go_back(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run:
        log(run, {}, 0, 10, 1)
        with pytest.raises(mt.InputError, match=r"at least 9, got 4\. Log steps in order, or leave out step=\."):
            run.log({"a": 1}, step=4)
    with mt.Run(run.path, mode="resume") as run:
        hint = r'at least 10, got 4\. To go back to a checkpoint, resume with mode="resume", from_step=4\.'
        with pytest.raises(mt.InputError, match=hint):
            run.log({"a": 1}, step=4)


def test_where_nothing_was_logged_the_step_stays(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run:
        log(run, {}, 0, 3, 1)
    mt.Run(run.path, mode="resume", from_step=30).finish()
    with mt.Run(run.path, mode="resume") as run:
        assert run.step == 30


@pytest.mark.parametrize("from_step", [-1, 1.0, "4", True, 2**63])
def test_a_step_to_go_back_to_is_a_whole_number(tmp_path: Path, from_step: Any) -> None:
    mt.Run(tmp_path / "run").finish()
    with pytest.raises(mt.InputError, match=r"Run\.from_step: expected an integer, 0 or more"):
        mt.Run(tmp_path / "run", mode="resume", from_step=from_step)


@pytest.mark.parametrize("mode", ["create", "allow"])
def test_only_a_run_that_is_resumed_goes_back(tmp_path: Path, mode: Any) -> None:
    with pytest.raises(
        mt.InputError, match=r'Run\.from_step: expected mode="resume", got .*Pass mode="resume" as well'
    ):
        mt.Run(tmp_path / "run", mode=mode, from_step=3)
