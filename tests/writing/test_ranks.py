"""Several processes that log to one run: ranks of a distributed job, and children of one process."""

from __future__ import annotations

import json
import multiprocessing
import os
import pickle
import random
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import mediatypes as mt
from mediatypes.cli import main
from mediatypes.columns.batch import Batch, Values, united
from mediatypes.runfolder.content import RunContent
from mediatypes.runfolder.follower import Follower
from mediatypes.runfolder.segments import Segments
from mediatypes.upkeep.verify import check
from mediatypes.writing import ranks
from mediatypes.writing.child import RunChild
from tests import second_reader
from tests.test_docs import blocks
from tests.writing.crashes import abandon

Rows = dict[tuple[int, int], dict[str, Any]]  # by step and rank


@pytest.fixture(autouse=True)
def no_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK"):
        monkeypatch.delenv(name, raising=False)


def rows(view: mt.RunView) -> Rows:
    """What a run holds: cells that are there, without times."""
    found: Rows = {}
    for row in view.history().to_pylist():
        place = (row.pop("_step"), row.pop("_rank"))
        assert place not in found
        found[place] = {k: v for k, v in row.items() if v is not None and k not in ("_timestamp", "_runtime")}
    assert list(found) == sorted(found)
    return found


def told_by_rank(follower: Follower) -> list[tuple[int, int, float]]:
    """Rank, step and n of all calls that a poll tells."""
    found = []
    for batch in follower.poll():
        for rank, calls in batch.by_rank():
            values = calls.columns["n", "number"]
            found += [(rank, int(calls.steps[c]), v) for c, v in zip(values.calls, values.values, strict=True)]
    return sorted(found)


def ends(path: Path) -> None:
    """The folder is that of a run that is over, and nothing is wrong with it."""
    assert not (path / "journal").exists()
    report = check(path)
    assert not report.problems, report


def open_ranks(path: Path, count: int, **more: Any) -> list[mt.Run]:
    return [mt.Run(path, rank=rank, **more) for rank in range(count)]


def copies(child: RunChild, count: int) -> list[RunChild]:
    """What as many processes have that a child was handed to."""
    return [pickle.loads(pickle.dumps(child)) for _ in range(count)]


# Rows ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_rows_are_united_by_step(tmp_path: Path, seed: int) -> None:
    """Whatever each rank logs, and however the run ends: as a model of a few lines says."""
    chance, expected, logged = random.Random(seed), dict[tuple[int, int], dict[str, Any]](), list[tuple[int, Any]]()
    opened = open_ranks(tmp_path / "run", 2 + seed % 3)
    for n in range(120):
        run = chance.choice(opened)
        data = {key: chance.choice([n, n / 8, f"t{n}"]) for key in chance.sample("abcd", chance.randint(1, 3))}
        step = run.step + chance.choice([0, 0, 1, 5])
        run.log(data, step=step, commit=chance.choice([None, True]))
        expected.setdefault((step, run.rank), {}).update(data)
        logged.append((run.rank, data))
    last: dict[str, Any] = {}
    for _, data in sorted(logged, key=lambda one: -one[0]):  # of the lowest rank the last
        last |= data
    view = mt.open_run(tmp_path / "run")

    def right() -> None:
        found = {place: {k.partition("#")[0]: v for k, v in row.items()} for place, row in rows(view).items()}
        assert found == expected
        assert {key: view.summary[key] for key in last} == last

    right()
    if seed % 2:
        for run in opened:
            abandon(run)
        view = mt.recover(tmp_path / "run", force=True)
    else:
        for run in reversed(opened):
            run.finish()
        view = mt.open_run(tmp_path / "run")
    right()
    ends(tmp_path / "run")


@pytest.mark.parametrize("seed", range(20))
def test_streams_are_united_however_they_are_cut(seed: int) -> None:
    chance, expected = random.Random(seed), []
    streams: list[list[Batch]] = []
    for rank in range(chance.randint(1, 4)):
        steps = np.array(sorted(chance.choices(range(12), k=chance.randint(0, 30))), np.int64)
        expected += [(int(step), rank, n) for n, step in enumerate(steps)]
        batches, start = [], 0
        while start < len(steps):
            stop = min(len(steps), start + chance.randint(1, 7))
            part = np.arange(start, stop)
            values = {("n", "number"): Values(np.arange(len(part)), part.astype(float), True)}
            batches.append(Batch(start, steps[part], part.astype(float), values).of_rank(rank))
            start = stop
        streams.append(batches)
    found, number = [], 0
    for batch in united([iter(one) for one in streams]):
        assert len(streams) == 1 or batch.sequence == number
        number += len(batch.steps)
        assert batch.ranks is not None
        values = batch.columns["n", "number"]
        assert values.calls.tolist() == list(range(len(batch.steps)))
        found += list(zip(batch.steps.tolist(), batch.ranks.tolist(), map(int, values.values), strict=True))
    assert found == sorted(expected)


def test_a_large_run_is_merged_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not all of it at once: journals beyond what is kept, in many small batches."""
    monkeypatch.setattr("mediatypes.journal.reader._PIECE", 4096)
    monkeypatch.setattr("mediatypes.runfolder.content._HOLD", 0)
    monkeypatch.setattr("mediatypes.runfolder.merge_rows.GROUP_ROWS", 1000)
    first, second = open_ranks(tmp_path / "run", 2)
    for i in range(3000):
        first.log({"x": i})
        second.log({"x": -i}, step=2 * i)
    content = RunContent(first.path, json.loads((first.path / "run.json").read_bytes()))
    assert max(len(batch.steps) for batch in content.batches()) < 1000
    second.finish()
    first.finish()
    found = rows(mt.open_run(first.path))
    assert found == {(i, 0): {"x": i} for i in range(3000)} | {(2 * i, 1): {"x": -i} for i in range(3000)}
    assert pq.ParquetFile(first.path / "history.parquet").num_row_groups == 6
    ends(first.path)


def test_the_lowest_rank_that_has_a_key_makes_its_summary(tmp_path: Path) -> None:
    first, second, third = open_ranks(tmp_path / "run", 3)
    first.define_metric("*", summary="min,max,first", goal="maximize")
    third.log({"x": 100, "y": 7}, step=50)
    second.log({"x": -100, "y": 5}, step=60)
    second.log({"y": 4}, step=61)
    for step in range(3):
        first.log({"x": step})
    expected = {"x": {"min": 0, "max": 2, "first": 0}, "y": {"min": 4, "max": 5, "first": 5}}
    for _ in range(2):
        summary = mt.open_run(first.path).summary
        assert {key: summary[key] for key in "xy"} == expected
        assert "_rank" not in summary
        for run in (third, second, first):
            run.finish()
    ends(first.path)


def test_how_far_a_run_is_says_the_rank_that_is_farthest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the summary, the list and the table of runs, live and over; children count for themselves."""
    first, second, third = open_ranks(tmp_path / "run", 3)
    times = {"first": 1e9 + 5, "second": 1e9 + 9, "third": 1e9 + 7, "child": 1e9 + 100}
    first.log({"x": 1, "_timestamp": times["first"]}, step=2)
    second.log({"x": 1, "_timestamp": times["second"]}, step=4)
    third.log({"x": 1, "_timestamp": times["third"]}, step=61)
    (child,) = copies(first.child(), 1)
    child.log({"x": 1, "_timestamp": times["child"]}, step=500)
    for _ in range(2):
        summary = mt.open_run(first.path).summary
        assert (summary["_step"], summary["_timestamp"]) == (61, times["second"])
        assert mt.open_runs(tmp_path).table().column("summary._step").to_pylist() == [61]
        assert main(["ls", str(tmp_path)]) == 0
        assert capsys.readouterr().out.splitlines()[1].split()[-2:] == ["61", "x=1"]
        for run in (child, third, second, first):
            run.finish()
    assert json.loads((first.path / "summary.json").read_text())["_step"] == 61
    ends(first.path)


def test_how_far_a_run_is_of_which_only_children_log(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    for step, child in zip((7, 3), copies(run.child(), 2), strict=True):
        child.log({"x": 1}, step=step)
    assert mt.open_run(run.path).summary["_step"] == 7
    run.finish()


# Kinds -----------------------------------------------------------------------------------------------------------


def kinds_told(problems: list[mt.Problem]) -> list[str]:
    return [f"{one.path} {one.message.partition('got ')[2]}" for one in problems if one.code == "kinds"]


def test_every_further_kind_of_a_key_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also after the run was resumed, killed, and finished."""
    run = mt.Run(tmp_path / "run")
    run.log({"x": 1, "y": [1]})
    run.log({"x": 2**60, "y": [], "z": None})  # as curves these are one kind
    run.log({"z": 1.5})
    assert not run.problems
    run.finish()
    for end in (mt.Run.finish, abandon, mt.Run.finish):
        run = mt.Run(tmp_path / "run", mode="resume", quiet=False)
        for value in ("text", 1, "text", mt.Histogram([1, 2])):
            run.log({"x": value, "y": ["a"]})
        end(run)
    expected = ['log["x"] number and string', 'log["x"] histogram, number and string']
    assert kinds_told(mt.open_run(tmp_path / "run").problems) == expected
    told = [line for line in capsys.readouterr().err.splitlines() if "values of one kind" in line]
    hint = "All are kept, as columns of their own: log one kind under a key to have one curve."
    assert told == [f'mediatypes: log["x"]: expected values of one kind, got number and string. {hint}']
    ends(tmp_path / "run")


@pytest.mark.parametrize("killed", [False, True])
def test_kinds_that_differ_between_ranks_are_told_at_the_end(
    tmp_path: Path, killed: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, third = open_ranks(tmp_path / "run", 3, quiet=False)
    first.log({"x": 1, "y": 1})
    for run in (second, third):
        run.log({"x": "text", "y": 2.5})
        run.log({"x": 2})
        assert not run.problems
        run.finish()
    if killed:
        abandon(first)
        mt.recover(tmp_path / "run")
    else:
        first.finish()
        assert kinds_told(first.problems) == ['log["x"] number and string']
        assert capsys.readouterr().err.count("expected values of one kind, got number and string") == 1
    assert kinds_told(mt.open_run(tmp_path / "run").problems) == ['log["x"] number and string']
    ends(tmp_path / "run")


def test_media_of_all_ranks_are_there(tmp_path: Path) -> None:
    pixels = [np.full((2, 3), 50 * i, np.uint8) for i in range(4)]
    opened = open_ranks(tmp_path / "run", 2)
    for i, run in enumerate([*opened, *opened]):
        run.log({"img": mt.Image(pixels[i % 3]), "note": [mt.Html(f"{i}")]})  # one of them by both
    view = mt.open_run(tmp_path / "run")
    assert [step for step, _ in view.values("img")] == [0, 0, 1, 1]
    for run in reversed(opened):
        run.finish()
    table = pq.read_table(tmp_path / "run" / "media.parquet").to_pylist()
    assert sorted((row["key"], row["step"], row["_rank"]) for row in table if row["key"] == "img") == [
        ("img", step, rank) for step in (0, 1) for rank in (0, 1)
    ]
    shown = [image.to_numpy().max() for _, image in mt.open_run(tmp_path / "run").values("img")]
    assert shown == [0, 50, 100, 0]
    ends(tmp_path / "run")


# Who may do what -------------------------------------------------------------------------------------------------


def test_what_counts_for_the_run_is_rank_0s(tmp_path: Path) -> None:
    first = mt.Run(tmp_path / "run", rank=0, config={"lr": 1}, tags=["a"])
    second = mt.Run(tmp_path / "run", rank=1, config={"lr": 2}, tags=["b"], name="other", packed=True)
    assert (second.id, second.tags, second.name, dict(second.config)) == (first.id, ("a",), "run", {"lr": 1})
    uses = (
        lambda: second.config.update(lr=3),
        lambda: second.summary.update(best=3),
        lambda: second.define_metric("x"),
        lambda: second.save(__file__),
    )
    for use in uses:
        with pytest.raises(mt.InputError, match=r"expected rank 0, .*, got 1\. Do this where run\.rank == 0"):
            use()
    with pytest.raises(mt.InputError, match=r'log\["_rank"\]'):
        first.log({"_rank": 3})
    second.log({"x": 1})
    assert second.summary["x"] == 1
    second.finish()
    with pytest.raises(mt.RunClosed):
        second.log({"x": 2})
    assert mt.open_run(first.path).status == "running"
    first.finish()
    view = mt.open_run(first.path)
    assert (view.config, view.tags, view.status) == ({"lr": 1}, ["a"], "finished")
    ends(first.path)


@pytest.mark.parametrize("rank", [-1, 1.0, True, "0", "all", 1_000_000])
def test_what_is_no_rank_is_refused(tmp_path: Path, rank: Any) -> None:
    with pytest.raises(mt.InputError, match=r'Run\.rank: expected an integer, 0 or more and below 1000000, or "auto"'):
        mt.Run(tmp_path / "run", rank=rank)
    assert not list(tmp_path.iterdir())


def test_ranks_need_a_path() -> None:
    with pytest.raises(mt.InputError, match=r"Run\.path: expected the directory that all ranks log to"):
        mt.Run(rank=0)


def test_a_rank_is_one_process(tmp_path: Path) -> None:
    first, second = open_ranks(tmp_path / "run", 2)
    with pytest.raises(mt.RunLocked, match="one process for rank-0001, got this process"):
        mt.Run(tmp_path / "run", rank=1)
    second.finish()
    again = mt.Run(tmp_path / "run", rank=1)
    again.log({"x": 1})
    again.finish()
    first.finish()
    assert rows(mt.open_run(first.path)) == {(0, 1): {"x": 1}}


def test_without_being_asked_each_process_has_its_own_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with mt.Run(tmp_path / "run") as run:
        run.log({"x": 1})
    assert (run.rank, mt.open_run(run.path).history().column_names) == (0, ["_step", "_timestamp", "_runtime", "x"])


def test_a_rank_does_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranks, "_TO_BEGIN", 0.05)
    with pytest.raises(mt.StoreError, match=r"expected a run that rank 0 is writing, got none\. Make the Run with"):
        mt.Run(tmp_path / "run", rank=1)
    assert not (tmp_path / "run").exists()
    mt.Run(tmp_path / "run").finish()
    with pytest.raises(mt.StoreError, match=r"got the finished run"):
        mt.Run(tmp_path / "run", mode="resume", rank=1)
    ends(tmp_path / "run")


# How it ends -----------------------------------------------------------------------------------------------------


def test_who_logs_after_the_end_is_told(tmp_path: Path) -> None:
    first, second = open_ranks(tmp_path / "run", 2)
    second.log({"x": 1})
    first._end("failed")  # as after an exception: nobody is waited for
    with pytest.raises(mt.RunClosed, match=r"expected a run that is open, got run, which is over\. Let rank 0"):
        second.log({"x": 2})
    second.finish()
    assert rows(mt.open_run(first.path)) == {(0, 1): {"x": 1}}
    ends(first.path)


def test_nothing_is_lost_of_ranks_that_log_while_the_run_ends(tmp_path: Path) -> None:
    first, *others = open_ranks(tmp_path / "run", 4)
    logged = [0] * 4
    begun = threading.Barrier(4)

    def work(run: mt.Run) -> None:
        begun.wait(60)
        try:
            while True:
                run.log({"n": logged[run.rank]})
                logged[run.rank] += 1
        except mt.RunClosed:
            pass

    threads = [threading.Thread(target=work, args=(run,)) for run in others]
    for thread in threads:
        thread.start()
    begun.wait(60)
    until = time.monotonic() + 60
    while min(logged[1:]) < 5 and time.monotonic() < until:
        time.sleep(0.001)
    first._end("failed")
    for thread in threads:
        thread.join(60)
    found = rows(mt.open_run(first.path))
    for rank in (1, 2, 3):
        assert [row["n"] for (_, whose), row in found.items() if whose == rank] == list(range(logged[rank]))
    ends(first.path)


RANK = """
    import os, sys, mediatypes as mt
    run = mt.Run(sys.argv[1], rank="auto", config={"lr": 1}, quiet=False)
    for n in range(5):
        run.log({"n": n, "h": mt.Histogram([n, run.rank])})
    print("logged", flush=True)
    sys.stdin.readline()
    run.log({"n": 5})
    run.finish()
"""


KILLED = "rank 2: expected to finish, got a process that is gone. Its 5 calls of log are kept."


def launched(start: Any, path: Path, rank: int, code: str = RANK) -> Any:
    line = f"import os; os.environ.update(RANK='{rank}', WORLD_SIZE='3')\n"
    return start(line + "\n".join(one[4:] for one in code.splitlines()), path)


def test_processes_log_to_one_run_and_one_is_killed(tmp_path: Path, start: Any) -> None:
    processes = {rank: launched(start, tmp_path / "run", rank) for rank in (2, 1, 0)}  # rank 0 is the last
    for process in processes.values():
        assert process.stdout.readline() == "logged\n", process.stderr.read()
    processes[2].kill()
    processes[2].wait(60)
    view = mt.open_run(tmp_path / "run")
    assert (view.status, list(map(str, view.problems))) == ("running", [KILLED])
    expected = {(n, rank): {"n": n} for n in range(5) for rank in range(3)}
    assert {place: {"n": row["n"]} for place, row in rows(view).items()} == expected
    with pytest.raises(mt.RunLocked):
        mt.recover(tmp_path / "run")
    for rank in (0, 1):  # rank 0 ends first, and waits
        processes[rank].stdin.write("\n")
        processes[rank].stdin.flush()
    for rank in (1, 0):
        _, err = processes[rank].communicate(timeout=60)
        assert processes[rank].returncode == 0, err
    view = mt.open_run(tmp_path / "run")
    expected |= {(5, rank): {"n": 5} for rank in (0, 1)}
    assert {place: {"n": row["n"]} for place, row in rows(view).items()} == expected
    assert (view.status, len(list(view.values("h")))) == ("finished", 15)
    assert list(map(str, view.problems)) == [KILLED]
    assert check(tmp_path / "run", deep=True).notes == (KILLED,)
    assert f"mediatypes: {KILLED}\nmediatypes: finished" in err
    ends(tmp_path / "run")


def test_who_never_came_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "4")
    hint = "Make the Run with the same path and rank= in each process of the job, or leave out rank= in this one."
    cases: list[tuple[list[int], str]] = [
        ([0], "ranks 1, 2, 3: expected to log to the run, got none of these processes."),
        ([0, 2], "ranks 1, 3: expected to log to the run, got none of these processes."),
        ([0, 1, 2], "rank 3: expected to log to the run, got no such process."),
    ]
    for came, told in cases:
        path = tmp_path / f"{len(came)}"
        opened = [mt.Run(path, rank=rank, quiet=rank > 0) for rank in came]
        for run in reversed(opened):
            run.finish()
        (problem,) = opened[0].problems
        assert str(problem) == f"{told} {hint}"
        assert mt.open_run(path).problems == [problem]
        err = capsys.readouterr().err
        assert f"mediatypes: {problem}\nmediatypes: finished " in err
        assert "(1 problem: mediatypes show" in err
    mt.Run(tmp_path / "alone").finish()  # not one of them
    assert not mt.open_run(tmp_path / "alone").problems
    monkeypatch.delenv("WORLD_SIZE")
    mt.Run(tmp_path / "one", rank="auto").finish()
    assert not mt.open_run(tmp_path / "one").problems


def test_a_rank_that_is_gone_is_told_while_the_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    first, second, third = open_ranks(tmp_path / "run", 3)
    second.log({"x": 1})
    view = mt.open_run(tmp_path / "run")
    assert not view.problems
    abandon(second)
    third.finish()
    (problem,) = view.problems
    assert str(problem) == "rank 1: expected to finish, got a process that is gone. Its 1 call of log is kept."
    assert str(problem) in check(tmp_path / "run").notes
    child = pickle.loads(pickle.dumps(first.child()))
    child.log({"x": 2})
    abandon(child._run)  # as workers end
    assert view.problems == [problem]
    first.finish()
    assert (mt.open_run(tmp_path / "run").problems, first.problems) == ([problem], [problem])
    ends(tmp_path / "run")


def test_rank_0_is_killed_and_the_others_go_on(tmp_path: Path, start: Any) -> None:
    processes = [launched(start, tmp_path / "run", rank) for rank in range(2)]
    for process in processes:
        assert process.stdout.readline() == "logged\n", process.stderr.read()
    processes[0].kill()
    processes[0].wait(60)
    with pytest.raises(mt.RunLocked, match=r"a rank in process .*, which still logs to it"):
        mt.recover(tmp_path / "run")
    _, err = processes[1].communicate("\n", timeout=60)
    assert processes[1].returncode == 0, err
    assert mt.open_run(tmp_path / "run").status == "crashed"
    view = mt.recover(tmp_path / "run")
    assert set(rows(view)) == {(n, rank) for n in range(6) for rank in range(2)} - {(5, 0)}
    ends(tmp_path / "run")


# Sessions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("killed", [False, True])
def test_a_run_of_several_ranks_is_resumed(tmp_path: Path, killed: bool) -> None:
    expected: Rows = {}
    for session in range(3):
        opened = [mt.Run(tmp_path / "run", rank=rank, mode="allow") for rank in range(2 + session % 2)]  # 2, 3, 2
        for run in opened:
            for n in range(3):
                expected[run.step, run.rank] = {"n": n, "s": session}
                run.log({"n": n, "s": session})
        assert rows(mt.open_run(tmp_path / "run")) == expected
        for run in reversed(opened):
            abandon(run) if killed and session < 2 else run.finish()
    assert rows(mt.open_run(tmp_path / "run")) == expected
    assert max(step for step, rank in expected if rank == 2) == 2  # it has rows of its own, from 0 on
    ends(tmp_path / "run")


@pytest.mark.parametrize("killed", [False, True])
def test_all_ranks_go_back_to_a_checkpoint(tmp_path: Path, killed: bool) -> None:
    opened = open_ranks(tmp_path / "run", 3)
    for n in range(10):
        for run in opened:
            if n < 8 - run.rank:  # not all came equally far
                run.log({"n": n, **({"late": n} if n > 6 else {})})
    for run in reversed(opened):
        abandon(run) if killed else run.finish()
    opened = [mt.Run(tmp_path / "run", rank=rank, mode="resume", from_step=4) for rank in range(2)]  # one is not there
    assert [run.step for run in opened] == [4, 4]
    expected = {(n, rank): {"n": n} for n in range(4) for rank in range(3)}
    assert rows(mt.open_run(tmp_path / "run")) == expected
    for run in opened:
        run.log({"n": -run.rank})
        expected[4, run.rank] = {"n": -run.rank}
    assert rows(mt.open_run(tmp_path / "run")) == expected
    told = [[step, row["n"]] for (step, _), row in sorted(expected.items())]
    assert second_reader.read(tmp_path / "run")["values"]["n"] == told
    for run in reversed(opened):
        run.finish()
    view = mt.open_run(tmp_path / "run")
    assert (rows(view), "late" in view.keys()) == (expected, False)  # noqa: SIM118
    ends(tmp_path / "run")


def test_a_rank_goes_on_while_rank_0_goes_back(tmp_path: Path) -> None:
    first, other = open_ranks(tmp_path / "run", 2)
    for n in range(6):
        for run in (first, other):
            run.log({"n": n})
    abandon(first)
    with Follower(tmp_path / "run") as follower:
        assert len(told_by_rank(follower)) == 12
        first = mt.Run(tmp_path / "run", rank=0, mode="resume", from_step=4)
        first.log({"n": -4})
        other.log({"n": 6})  # into the journal that it has, of which calls 4 and 5 were taken back
        expected = {(n, rank): {"n": n} for n in range(4) for rank in range(2)}
        expected |= {(4, 0): {"n": -4}, (6, 1): {"n": 6}}
        assert rows(mt.open_run(tmp_path / "run")) == expected
        values = [[step, row["n"]] for (step, _), row in sorted(expected.items())]
        assert second_reader.read(tmp_path / "run")["values"]["n"] == values
        told = sorted((rank, step, row["n"]) for (step, rank), row in expected.items())
        assert (told_by_rank(follower), follower.restarts) == (told, 1)
    other.finish()
    first.finish()
    assert rows(mt.open_run(tmp_path / "run")) == expected
    ends(tmp_path / "run")


def test_a_rank_waits_until_rank_0_of_another_host_has_gone_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = open_ranks(tmp_path / "run", 2)
    for run in opened:
        for n in range(10):
            run.log({"n": n})
    for run in opened:
        abandon(run)
    waits, steps = threading.Event(), list[int]()
    monkeypatch.setattr(ranks, "is_alive", lambda process: None)  # as nobody can tell of another host's
    monkeypatch.setattr(ranks._Telling, "sleep", lambda self: waits.set() or time.sleep(0.01))

    def open_rank_1() -> None:
        with mt.Run(tmp_path / "run", rank=1, mode="resume", from_step=4) as run:
            steps.append(run.step)

    thread = threading.Thread(target=open_rank_1)
    thread.start()
    assert waits.wait(60)
    with mt.Run(tmp_path / "run", rank=0, mode="resume", from_step=4) as run:
        thread.join(60)
        assert (run.step, steps) == (4, [4])


def test_a_follower_begins_anew_where_only_other_ranks_have_rows(tmp_path: Path) -> None:
    first, other = open_ranks(tmp_path / "run", 2)
    with Follower(tmp_path / "run") as follower:
        for n in range(3):
            other.log({"n": n})
        assert (told_by_rank(follower), follower.restarts) == ([(1, 0, 0), (1, 1, 1), (1, 2, 2)], 0)
        for run in (other, first):
            run.finish()
        first = mt.Run(tmp_path / "run", rank=0, mode="resume", from_step=1)
        assert (told_by_rank(follower), follower.restarts) == ([(1, 0, 0)], 1)
    first.finish()


def test_a_view_that_stays_open_names_columns_as_a_new_one(tmp_path: Path) -> None:
    first, other = open_ranks(tmp_path / "run", 2)
    other.log({"c": 1, "A": 2})
    other.log({"words": ["x"], "a": 1})
    first.log({"n": 0})
    view = mt.open_run(tmp_path / "run")
    names = ["_step", "_timestamp", "_runtime", "_rank"]
    assert view.history().column_names == [*names, "n", "c", "A", "words", "a#2"]
    first.log({"a": None})  # rank 0 has the key first from now on
    assert view.history().column_names == [*names, "n", "a", "c", "A#2", "words"]
    for run in (other, first):
        run.finish()
    assert view.history().column_names == [*names, "n", "a", "c", "A#2", "words"]


def test_a_run_that_had_one_process_gets_ranks(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run:
        run.log({"n": 1})
    assert "_rank" not in mt.open_run(run.path).history().column_names
    opened = [mt.Run(tmp_path / "run", rank=rank, mode="resume") for rank in range(2)]
    opened[1].log({"n": 2})
    expected = {(0, 0): {"n": 1}, (0, 1): {"n": 2}}
    assert rows(mt.open_run(run.path)) == expected
    for run in reversed(opened):
        run.finish()
    assert rows(mt.open_run(run.path)) == expected
    with mt.Run(tmp_path / "run", mode="resume") as run:
        run.log({"n": 3})
    assert rows(mt.open_run(run.path)) == {**expected, (1, 0): {"n": 3}}
    ends(run.path)


def test_a_run_that_was_killed_while_it_finished_has_ranks_again(tmp_path: Path) -> None:
    for run in open_ranks(tmp_path / "run", 2):
        run.log({"n": 1})
        abandon(run)
    (tmp_path / "run" / "journal" / "closed").touch()
    opened = [mt.Run(tmp_path / "run", rank=rank, mode="resume") for rank in range(2)]
    opened[1].log({"n": 2})
    for run in reversed(opened):
        run.finish()
    assert rows(mt.open_run(tmp_path / "run")) == {(0, 0): {"n": 1}, (0, 1): {"n": 1}, (1, 1): {"n": 2}}
    for name in ("closed", "rank-0007.lock", "rank-0001.0001-0.log"):  # of one that was killed at its very end
        (tmp_path / "run" / "journal").mkdir(exist_ok=True)
        (tmp_path / "run" / "journal" / name).touch()
    mt.recover(tmp_path / "run")
    ends(tmp_path / "run")


def test_waiting_for_rank_0_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ranks, "_TOLD", 0)
    monkeypatch.setattr(ranks, "_TO_BEGIN", 0.1)
    with pytest.raises(mt.StoreError):
        mt.Run(tmp_path / "run", rank=3, quiet=False)
    assert capsys.readouterr().err == f"mediatypes: rank 3 waits for rank 0 to make {tmp_path / 'run'}\n"


@pytest.mark.parametrize("damage", ["torn", "checksum"])
def test_damage_of_one_rank_costs_the_others_nothing(tmp_path: Path, damage: str) -> None:
    first, second = open_ranks(tmp_path / "run", 2)
    for run in (first, second):
        for n in range(4):
            run.log({"n": n, "text": "x"})
        abandon(run)
    journal = tmp_path / "run" / "journal" / "rank-0001.0001-0.log"
    data = bytearray(journal.read_bytes())
    if damage == "torn":
        del data[-5:]
    else:
        data[-5] ^= 1
    journal.write_bytes(data)
    view = mt.recover(tmp_path / "run", force=True)
    assert set(rows(view)) == {(n, 0) for n in range(4)} | {(n, 1) for n in range(3)}
    assert [problem.code for problem in view.problems] == [damage, "rank"]
    assert view.problems[0].path.startswith("rank-0001.0001-0.log@")
    if damage == "checksum":
        kept = sorted(path.name for path in (tmp_path / "run" / "damaged").iterdir())
        assert kept == [
            "0001-0.log",
            "rank-0001.0002-0.log",
        ]


# What is done with it --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ranks") / "run"
    opened = open_ranks(path, 3)
    for n in range(4):
        for run in opened:
            run.log({"n": n + run.rank, "page": mt.Html(f"{n} {run.rank}")})
    for run in reversed(opened):
        run.finish()
    return path


def test_it_is_copied_packed_exported_and_compacted(tmp_path: Path, finished: Path) -> None:
    expected = rows(mt.open_run(finished))
    assert len(expected) == 12
    assert mt.copy(finished, tmp_path / "copies").runs == ["run"]
    copied = tmp_path / "copies" / "run"
    mt.pack(copied)
    ends(copied)
    assert rows(mt.open_run(copied)) == expected
    assert len(list(mt.open_run(copied).values("page"))) == 12
    assert mt.gc(copied).files == 0
    mt.export(finished, "jsonl", tmp_path / "jsonl")
    mt.compact([finished], tmp_path / "compacted")
    runs = mt.open_runs(tmp_path / "compacted")
    table = runs.history(["_rank", "n"])
    found = zip(table.column("_rank").to_pylist(), table.column("n").to_pylist(), strict=True)
    assert sorted(found) == sorted((rank, row["n"]) for (_, rank), row in expected.items())


def test_a_live_run_is_copied_with_all_ranks(tmp_path: Path) -> None:
    opened = open_ranks(tmp_path / "run", 2)
    for run in opened:
        for n in range(300):
            run.log({"n": n, "text": "x" * 100})
    segments = Segments(tmp_path / "run" / "journal", 10_000).read()
    assert len({segment.name for segment in segments}) == len(segments) > 6
    target = tmp_path / "copy"
    (target / "journal").mkdir(parents=True)
    for segment in segments:
        (target / "journal" / segment.name).write_bytes(b"".join(segment.pieces()))
    shutil.copy(tmp_path / "run" / "run.json", target)
    assert rows(mt.open_run(target)) == rows(mt.open_run(tmp_path / "run"))
    for run in reversed(opened):
        run.finish()


def test_a_follower_sees_all_ranks(tmp_path: Path) -> None:
    opened = open_ranks(tmp_path / "run", 2)
    with Follower(tmp_path / "run") as follower, Follower(tmp_path / "run") as late:
        opened[1].log({"n": 5}, step=9, commit=True)
        assert told_by_rank(follower) == [(1, 9, 5)]
        opened[0].log({"n": 6})
        opened[1].log({"n": 7})
        assert told_by_rank(follower) == [(0, 0, 6), (1, 10, 7)]
        for run in reversed(opened):
            run.log({"n": 8})
            run.finish()
        assert told_by_rank(follower) == [(0, 1, 8), (1, 11, 8)]
        assert told_by_rank(follower) == []
        assert told_by_rank(late) == [(0, 0, 6), (0, 1, 8), (1, 9, 5), (1, 10, 7), (1, 11, 8)]


# Children --------------------------------------------------------------------------------------------------------


def _work(run: Any, number: int) -> None:
    run.log({"worker": number}, step=number)


@pytest.mark.parametrize("method", ["spawn", "fork"])
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_children_log_from_processes_of_their_own(tmp_path: Path, method: Any) -> None:
    context = multiprocessing.get_context(method)
    with mt.Run(tmp_path / "run") as run:
        run.log({"loss": 1})
        for number in (3, 4):
            handed = run if method == "spawn" else run.child()  # a run that is pickled becomes its child
            worker = context.Process(target=_work, args=(handed, number))
            worker.start()
            worker.join(60)
            assert worker.exitcode == 0
    number = 1_000_000  # is used again
    assert rows(mt.open_run(run.path)) == {(0, 0): {"loss": 1}, (3, number): {"worker": 3}, (4, number): {"worker": 4}}
    ends(run.path)


def test_children_that_live_have_numbers_of_their_own(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run", rank=0)
    run.log({"loss": 1})
    child = run.child()
    copies = [pickle.loads(pickle.dumps(child)) for _ in range(2)]
    assert all(isinstance(one, RunChild) and one.path == run.path for one in copies)
    assert [one.rank for one in copies] == [1_000_000, 1_000_001]
    for one in copies:
        one.log({"n": one.rank})
    assert [one.step for one in copies] == [2, 2]  # they begin where the run was
    copies[0].finish()
    assert pickle.loads(pickle.dumps(run)).rank == 1_000_000
    run.finish()  # nobody waits for children
    with pytest.raises(mt.RunClosed):
        copies[1].log({"n": 1})
    with pytest.raises(mt.RunClosed):
        pickle.loads(pickle.dumps(copies[1])).log({"n": 1})
    children = {(1, number): {"n": number} for number in (1_000_000, 1_000_001)}
    assert rows(mt.open_run(run.path)) == {(0, 0): {"loss": 1}, **children}
    ends(run.path)


@pytest.mark.parametrize("how", ["finished", "killed", "lives", "comes later", "restarts"])
def test_a_child_has_no_number_of_a_rank(tmp_path: Path, how: str) -> None:
    """Also where no launcher says how many ranks there are."""
    first, second, third = open_ranks(tmp_path / "run", 3)
    late = [3] if how == "comes later" else [1] if how == "restarts" else []
    for run in (first, second, third):
        run.log({"rank": run.rank}, step=0)
    if how == "finished":
        second.finish()
    elif how in ("killed", "restarts"):
        abandon(second)
    (child,) = copies(first.child(), 1)
    (of_third,) = copies(third.child(), 1)
    (of_child,) = copies(child, 1)
    expected = {(0, run.rank): {"rank": run.rank} for run in (first, second, third)}
    for one in (child, of_third, of_child):
        one.log({"child": 1}, step=7)
        expected[7, one.rank] = {"child": 1}
    for number in late:
        rank = mt.Run(tmp_path / "run", rank=number)
        rank.log({"late": number}, step=1)
        expected[1, number] = {"late": number}
        rank.finish()
    assert len({child.rank, of_third.rank, of_child.rank} - {0, 1, 2, 3}) == 3
    for run in (second, third, first):
        if not (run is second and how in ("finished", "killed", "restarts")):
            run.finish()
    assert rows(mt.open_run(tmp_path / "run")) == expected
    ends(tmp_path / "run")


def test_children_of_a_run_that_is_resumed_with_other_ranks(tmp_path: Path) -> None:
    """Two ranks with two children, then four ranks with one, then one: no row changes hands."""
    expected: Rows = {}
    for session, (size, children) in enumerate([(2, 2), (4, 1), (1, 3)]):
        opened = open_ranks(tmp_path / "run", size, mode="resume" if session else "create")
        workers = copies(opened[0].child(), children)
        for number, one in enumerate([*opened, *workers]):
            row = {"session": session, "number": number}
            one.log(row, step=10 * session)
            assert (one.rank < 10) == (number < size)
            expected[10 * session, one.rank] = row
        for one in [*workers, *reversed(opened)]:
            one.finish()
    assert rows(mt.open_run(tmp_path / "run")) == expected
    ends(tmp_path / "run")


def test_what_a_worker_logs_does_not_depend_on_those_that_have_ended(tmp_path: Path) -> None:
    """Its steps may be lower than those of a process whose number is free, and than that at which it was made."""
    run = mt.Run(tmp_path / "run")
    for _ in range(4):
        run.log({"loss": 1})
    child = run.child()
    steps = [9, 9, 2, 5, None, 1]
    for number, (step, one) in enumerate(zip(steps, copies(child, len(steps)), strict=True)):
        one.log({"worker": number}, step=step)
        one.log({"worker": number})
        one.finish()
    with pytest.raises(mt.InputError) as raised:
        (one,) = copies(child, 1)
        one.log({"worker": 0}, step=3)
        one.log({"worker": 0}, step=2)
    run.finish()
    table = mt.open_run(run.path).history(["_rank", "worker"]).to_pylist()
    logged = [(row["worker"], row["_step"]) for row in table if row["worker"] is not None]
    # What logs a step leaves its row open: the second call, without one, completes that.
    assert sorted(logged) == [(0, 3), (0, 9), (1, 9), (2, 2), (3, 5), (4, 10), (4, 11), (5, 1)]
    hint = "Log steps in order, or leave out step=."
    assert str(raised.value) == f"log.step: expected a step of at least 3, got 2. {hint}"
    ends(run.path)


@pytest.mark.parametrize("step", [-1, "a", True, 2**70])
def test_a_worker_with_a_wrong_step_is_told(tmp_path: Path, step: Any) -> None:
    run = mt.Run(tmp_path / "run")
    (child,) = copies(run.child(), 1)
    with pytest.raises(mt.InputError, match=r"^log\.step: expected "):
        child.log({"x": 1}, step=step)
    whole: Any = np.int64(3)
    child.log({"x": 1}, step=whole)
    run.finish()
    assert rows(mt.open_run(run.path)) == {(3, 1_000_000): {"x": 1}}


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
@pytest.mark.parametrize("end", ["", "run.finish()"])
def test_a_script_without_a_guard_is_told(tmp_path: Path, method: str, end: str) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        f"import multiprocessing, sys\n"
        f"import mediatypes as mt\n"
        f"run = mt.Run(sys.argv[1])\n{end}\n"
        f"worker = multiprocessing.get_context({method!r}).Process(target=print)\n"
        f"worker.start()\n"
        f"worker.join()\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(mt.__file__).parents[1])}
    command = [sys.executable, str(script), str(tmp_path / "run")]
    done = subprocess.run(command, env=environment, stderr=subprocess.PIPE, text=True, timeout=120)
    (told,) = [line for line in done.stderr.splitlines() if "RunExists: " in line]
    assert 'make the run below `if __name__ == "__main__":`' in told
    expected = "failed" if done.returncode and not end else "finished"  # Python 3.14: the script fails with its worker
    assert mt.open_run(tmp_path / "run").status == expected


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_says_whose_the_run_is(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    with mt.Run(tmp_path / "run") as run:
        told = context.Queue()
        worker = context.Process(target=lambda: told.put(repr(run)))
        worker.start()
        assert told.get(timeout=60).endswith(f"open in process {os.getpid()})")
        worker.join()


def documented(number: int, tmp_path: Path, *command: str) -> None:
    """Run a script of the documentation's page, as it stands there."""
    pytest.importorskip("torch", reason="the script needs PyTorch")
    script = tmp_path / "train.py"
    script.write_text([block for block in blocks("docs/processes.md", "python") if block.skip][number].code)
    environment = {**os.environ, "PYTHONPATH": str(Path(mt.__file__).parents[1])}
    command = (sys.executable, *command, str(script), str(tmp_path / "run"))
    subprocess.run(command, check=True, timeout=120, env=environment, cwd=tmp_path)


def test_torchrun_ranks_log_to_one_run(tmp_path: Path) -> None:
    documented(0, tmp_path, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    expected = {(n, rank): {"loss": 1 / (1 + n + rank)} for n in range(5) for rank in range(2)}
    assert rows(mt.open_run(tmp_path / "run")) == expected
    ends(tmp_path / "run")


def test_workers_of_a_data_loader_log_to_one_run(tmp_path: Path) -> None:
    documented(1, tmp_path)
    view = mt.open_run(tmp_path / "runs" / "loader")
    assert sorted(value for _, value in view.values("read")) == list(range(8))
    assert [value for _, value in view.values("mean")] == [1.5, 5.5]
    assert set(view.history(["_rank"]).column("_rank").to_pylist()) == {0, 1_000_000, 1_000_001}
    assert not view.problems
    ends(view.path)


def test_a_rank_that_comes_after_the_end_is_told(tmp_path: Path) -> None:
    mt.Run(tmp_path / "run", rank=0).finish()
    with pytest.raises(mt.RunClosed, match=r"^run: expected a run that is open, got run, which is over\. Let rank 0"):
        mt.Run(tmp_path / "run", rank=1)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"RANK": "banana", "WORLD_SIZE": "4"}, "$RANK: expected a number below WORLD_SIZE=4, got 'banana'. "),
        ({"RANK": "9", "WORLD_SIZE": "4"}, "$RANK: expected a number below WORLD_SIZE=4, got '9'. "),
        ({"SLURM_PROCID": "-1"}, "$SLURM_PROCID: expected the number of a rank, got '-1'. "),
    ],
)
def test_a_launcher_that_says_no_rank_makes_no_rank_0(
    variables: dict[str, str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(mt.InputError, match=f"^{re.escape(message)}"):
        mt.Run(tmp_path / "run", rank="auto")
    assert list(tmp_path.iterdir()) == []
