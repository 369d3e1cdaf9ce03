"""A run's life: where it is made, how it ends, what it tells, and who may write it."""

from __future__ import annotations

import contextlib
import copy
import errno
import inspect
import io
import multiprocessing
import os
import re
import socket
import sys
import threading
import time
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import mediatypes as mt
from mediatypes.cli import main
from mediatypes.run import Run
from mediatypes.upkeep.verify import check

NOTHING: Any = contextlib.nullcontext()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs print as they do for users."""
    monkeypatch.delenv("MEDIATYPES_QUIET", raising=False)


# Where it is made -----------------------------------------------------------------------------------------------------


def test_a_run_without_a_path_has_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MEDIATYPES_DIR", raising=False)
    runs = [mt.Run(project="my project/1") for _ in range(5)]
    assert len({run.path for run in runs}) == 5
    for run in runs:
        assert run.path.parent == tmp_path / "runs"
        made, _ = re.fullmatch(r"(\d{8}-\d{6})-(my-project-1(?:-\d)?)", run.path.name).groups()  # type: ignore[union-attr]
        assert abs((datetime.now() - datetime.strptime(made, "%Y%m%d-%H%M%S")).total_seconds()) < 60
        assert run.project == "my project/1"
        run.finish()
    assert len(mt.open_runs(tmp_path / "runs")) == 5


@pytest.mark.parametrize("name", ["名前", "../../x", "a" * 300, "...", None])
def test_the_directory_of_a_named_run_is_below_the_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str | None
) -> None:
    monkeypatch.setenv("MEDIATYPES_DIR", str(tmp_path / "deep" / "er"))
    with mt.Run(name=name) as run:
        assert run.path.parent == tmp_path / "deep" / "er"
        assert run.name == (run.path.name if name is None else name)


def test_threads_that_make_runs_at_once_never_collide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIATYPES_DIR", str(tmp_path))
    paths: list[Path] = []

    def make() -> None:
        with mt.Run(project="x") as run:
            paths.append(run.path)

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(paths)) == 8


def test_a_run_to_resume_needs_a_path() -> None:
    with pytest.raises(mt.InputError, match=r"Run\.path: expected the directory of the run to resume, got None"):
        mt.Run(mode="resume")


def test_a_home_directory_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with mt.Run("~/runs/demo") as run:
        run.log({"a": 1})
    assert run.path == tmp_path / "runs" / "demo"
    assert mt.open_run("~/runs/demo").history(["a"]).num_rows == 1
    assert len(mt.open_runs("~/runs")) == 1
    assert mt.pack("~/runs/demo").files == 0
    assert mt.recover("~/runs/demo").status == "finished"
    assert mt.export("~/runs/demo", "csv", "~/csv").layout == "csv"
    assert (tmp_path / "csv").is_dir()


@pytest.mark.parametrize("path", ["", 3, 1.5, b"runs", "a\0b", True])
@pytest.mark.parametrize("use", [mt.Run, mt.open_run, mt.open_runs, mt.recover, mt.pack, mt.gc])
def test_what_is_no_path_is_refused(use: Any, path: Any) -> None:
    with pytest.raises(mt.InputError, match=r"expected the path of a directory, got .*Pass a text such as 'runs/demo'"):
        use(path)


def test_no_path_at_all_is_refused_for_reading() -> None:
    with pytest.raises(mt.InputError, match="expected the path of a directory, got None"):
        mt.open_run(None)  # type: ignore[arg-type]


def test_a_url_is_a_remote_and_no_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(mt.InputError, match=r"a directory of this machine, got 's3://bucket/run'.*remote="):
        mt.Run("s3://bucket/run")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("use", [mt.recover, mt.pack, mt.gc])
def test_a_url_is_no_run_of_this_machine(use: Any) -> None:
    with pytest.raises(mt.InputError, match=r"a path of this machine, got .s3://bucket/run.\. Copy the run here first"):
        use("s3://bucket/run")


def test_verify_says_that_it_works_on_this_machine(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "s3://bucket/run"]) == 2
    assert "expected a path of this machine, got 's3://bucket/run'. Copy the run here first" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["init", "log", "config", "finish"])
def test_what_wandb_has_is_found(name: str) -> None:
    with pytest.raises(AttributeError, match=rf"no attribute '{name}'\. .*mediatypes\.Run\("):
        getattr(mt, name)


def test_all_problems_of_the_arguments_are_told_at_once() -> None:
    with pytest.raises(mt.InputError) as error:
        mt.Run("x", mode="new", on_error="ignore", fsync=-1, upload_timeout="1")  # type: ignore[arg-type]
    paths = [problem.path for problem in error.value.problems]
    assert set(paths) == {"Run.mode", "Run.on_error", "Run.fsync", "Run.upload_timeout"}


# What it says of itself -----------------------------------------------------------------------------------------------


def test_a_run_knows_its_step_and_description(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run", project="p", name="n", tags=["a", "b"]) as run:
        assert (run.step, run.name, run.project, run.tags) == (0, "n", "p", ("a", "b"))
        run.log({"a": 1})
        assert run.step == 1
        run.log({"a": 1}, step=7)
        assert run.step == 7
        run.log({"b": 1})
        assert run.step == 8
    with mt.Run(tmp_path / "run", mode="resume", tags=["c"]) as run:
        assert (run.step, run.name, run.project, run.tags) == (8, "n", "p", ("c",))


def test_help_names_what_a_run_has() -> None:
    text = "\n".join([inspect.getdoc(Run) or "", *(name for name in dir(Run) if inspect.getdoc(getattr(Run, name)))])
    for name in ("step", "name", "tags", "project", "config", "summary", "path", "id", "problems"):
        assert re.search(rf"\b{name}\b", text), name
    for name in ("step", "name", "tags", "project", "path", "id", "problems"):
        assert isinstance(inspect.getattr_static(Run, name), property)


# How it ends ----------------------------------------------------------------------------------------------------------

ENDS = {
    "the end": ("", "finished"),
    "exit 0": ("sys.exit(0)", "finished"),
    "exit": ("sys.exit()", "finished"),
    "exit 3": ("sys.exit(3)", "failed"),
    "exit text": ("sys.exit('no data')", "failed"),
    "exit() 3": ("exit(3)", "failed"),
    "quit() 0": ("quit(0)", "finished"),
    "argparse": ("import argparse; argparse.ArgumentParser().parse_args(['--nonsense'])", "failed"),
    "exception": ("1 / 0", "failed"),
    "interrupt": ("raise KeyboardInterrupt", "interrupted"),
    "signal": ("os.kill(os.getpid(), signal.SIGINT); time.sleep(9)", "interrupted"),
    "killed": ("os.kill(os.getpid(), signal.SIGKILL)", "crashed"),
    "caught": ("try:\n  sys.exit(3)\n except SystemExit:\n  run.log({'a': 2})", "finished"),
}


@pytest.mark.parametrize("context", [False, True])
@pytest.mark.parametrize("end", ENDS)
def test_the_status_says_how_the_script_ended(tmp_path: Path, start: Any, end: str, context: bool) -> None:
    code, status = ENDS[end]
    begin = "with mt.Run(sys.argv[1]) as run:" if context else "run = mt.Run(sys.argv[1])\nif 1:"
    script = f"import os, signal, sys, time, mediatypes as mt\n{begin}\n run.log({{'a': 1}})\n {code}\n"
    process = start(script, tmp_path / "run")
    _, err = process.communicate(timeout=60)
    assert mt.open_run(tmp_path / "run").status == status, err


FAILED = {
    "exception": ("secret = 'hunter2'; 1 / 0", 1, "ZeroDivisionError: division by zero"),
    "chained": (
        "try:\n  {}['k']\n except KeyError as e:\n  raise ValueError('\\udc80') from e",
        1,
        "ValueError: \\udc80",
    ),
    "long": ("raise ValueError('x' * 10**6)", 1, "ValueError: " + "x" * 988),
    "deep": ("f = lambda: f()\n f()", 1, "RecursionError: maximum recursion depth exceeded"),
    "interrupt": ("raise KeyboardInterrupt", 130, "KeyboardInterrupt"),
    "exit 3": ("sys.exit(3)", 3, None),
    "exit text": ("sys.exit('no data')", 1, "SystemExit: no data"),
    "hook": (
        "sys.excepthook = lambda *a: print('HOOK', file=sys.stderr)\n 1 / 0",
        1,
        "ZeroDivisionError: division by zero",
    ),
}


@pytest.mark.parametrize("context", [False, True])
@pytest.mark.parametrize("end", FAILED)
def test_a_run_that_failed_says_why(tmp_path: Path, start: Any, end: str, context: bool) -> None:
    code, number, exception = FAILED[end]
    begin = "with mt.Run(sys.argv[1]) as run:" if context else "run = mt.Run(sys.argv[1])\nif 1:"
    _, err = start(f"import sys, mediatypes as mt\n{begin}\n {code}\n", tmp_path / "run").communicate(timeout=60)
    found = mt.open_run(tmp_path / "run").exit
    assert (found.pop("code"), found.pop("exception", None)) == (number, exception)
    trace = found.pop("traceback", None)
    assert not found
    assert ("HOOK" in err) == (end == "hook")
    if "exit" in end:
        assert trace is None
    else:
        assert trace.rstrip().endswith((exception or "")[-20:])
        assert len(trace) < 20_000
        assert ("File" in trace) == (end != "long")
        if end == "chained":
            assert "KeyError" in trace
    with mt.Run(tmp_path / "run", mode="resume") as run:
        pass
    assert mt.open_run(run.path).exit == {}


def test_what_is_being_handled_is_why_a_run_failed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = mt.Run(tmp_path / "run")
    try:
        raise LookupError("no batch")
    except LookupError:
        run.finish("failed")
    found = mt.open_run(run.path).exit
    assert (found["code"], found["exception"]) == (1, "LookupError: no batch")
    assert main(["show", str(run.path)]) == 0
    assert "  exit: LookupError: no batch" in capsys.readouterr().out
    assert not check(run.path).problems


def test_exit_in_another_thread_ends_nothing(tmp_path: Path, start: Any) -> None:
    script = """
        import sys, threading, mediatypes as mt
        run = mt.Run(sys.argv[1])
        thread = threading.Thread(target=sys.exit, args=(3,))
        thread.start(); thread.join()
    """
    start(script, tmp_path / "run").communicate(timeout=60)
    assert mt.open_run(tmp_path / "run").status == "finished"


@pytest.mark.parametrize("status", [1, 0, "done", None, "crashed", True])
def test_finish_names_its_two_words(tmp_path: Path, status: Any) -> None:
    run = mt.Run(tmp_path / "run")
    with pytest.raises(mt.InputError, match=r"finish\.status: expected 'finished' or 'failed', got"):
        run.finish(status)
    run.finish("failed")
    assert mt.open_run(run.path).status == "failed"


# What it tells --------------------------------------------------------------------------------------------------------


def test_a_run_tells_where_it_is_and_how_it_ended(
    tmp_path: Path, told: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with mt.Run("runs/my run") as run:
        run.log({"a": 1})
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "mediatypes: writing 'runs/my run' (look: mediatypes view 'runs/my run')",
        "mediatypes: finished 'runs/my run', 1 row (look: mediatypes view 'runs/my run')",
    ]
    with mt.Run("runs/my run", mode="resume"):
        pass
    assert capsys.readouterr().err.startswith("mediatypes: resumed at step 1 in 'runs/my run'")
    with mt.Run("runs/my run", mode="resume", from_step=0):  # takes the row back
        pass
    assert "mediatypes: finished 'runs/my run', 0 rows (look: " in capsys.readouterr().err


@pytest.mark.parametrize("how", ["argument", "environment"])
def test_a_quiet_run_tells_nothing(
    tmp_path: Path, told: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], how: str
) -> None:
    if how == "environment":
        monkeypatch.setenv("MEDIATYPES_QUIET", "1")
    with mt.Run(tmp_path / "run", quiet=True if how == "argument" else None, on_error="record") as run:
        run.log({"a": object()})
    assert capsys.readouterr() == ("", "")
    assert len(run.problems) == 1


def test_problems_are_told_once_of_each_kind_and_counted_at_the_end(
    tmp_path: Path, told: None, capsys: pytest.CaptureFixture[str]
) -> None:
    with mt.Run(tmp_path / "run", on_error="record") as run:
        for step in range(4):
            run.log({"bad": object(), "good": step})
        run.log({"good": 1}, step=0)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4
    assert 'log["bad"]' in lines[1]
    assert "at least 4, got 0" in lines[2]
    assert lines[3].endswith(f"(5 problems: mediatypes show {run.path})")


def test_what_a_function_raises_is_recorded(tmp_path: Path) -> None:
    def missing() -> Any:
        raise FileNotFoundError(2, "No such file")

    with mt.Run(tmp_path / "run", on_error="record") as run:
        run.log(
            {
                "good": lambda: mt.Image(np.zeros((2, 3), np.uint8)),
                "bad": lambda: mt.Image(np.zeros((2, 3, 9), np.uint8)),
                "nested": {"gone": missing, "number": partial(float, "3.5")},
                "loss": 1,
            }
        )
    assert [problem.path.partition("]")[0] for problem in run.problems] == ['log["bad"', 'log["nested.gone"']
    view = mt.open_run(run.path)
    assert sorted(view.keys()) == ["good", "loss", "nested.number"]
    assert [image.width for _, image in view.values("good")] == [3]
    assert list(view.values("nested.number")) == [(0, 3.5)]


def test_a_function_that_raises_is_raised_and_nothing_is_logged(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run:
        with pytest.raises(ZeroDivisionError) as error:
            run.log({"a": 1, "b": lambda: 1 / 0})
        assert error.value.__notes__ == ['While logging log["b"].']
        with pytest.raises(mt.InputError, match="Image"):
            run.log({"a": 1, "b": lambda: mt.Image(np.zeros((2, 3, 9), np.uint8))})
        assert run.step == 0
    assert mt.open_run(run.path).keys() == {}


# Who may write it -----------------------------------------------------------------------------------------------------


def test_a_cell_that_is_run_twice_is_told_that_this_process_has_the_run(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    with pytest.raises(mt.RunExists, match=r"got a run that this process is writing\. Call finish\(\) on the Run"):
        mt.Run(tmp_path / "run")
    with pytest.raises(mt.RunLocked, match=r"got this process, writing since .*Call finish\(\)"):
        mt.Run(tmp_path / "run", mode="resume")
    run.finish()
    mt.Run(tmp_path / "run", mode="resume").finish()


def _log_in_worker(run: Run, answers: Any) -> None:
    for use in (lambda: run.log({"a": 1}), lambda: run.config.update(a=1), lambda: run.summary.update(a=1)):
        try:
            use()
            answers.put("no error")
        except mt.RunClosed as error:
            answers.put(str(error))


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_worker_is_told_so(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    with mt.Run(tmp_path / "run") as run:
        answers = context.Queue()
        worker = context.Process(target=_log_in_worker, args=(run, answers))
        worker.start()
        told = [answers.get(timeout=30) for _ in range(3)]
        worker.join()
    for text in told:
        assert (
            f"got a worker that was forked from process {os.getpid()}, which writes run. Log to what run.child()"
            in text
        )


@pytest.mark.parametrize("use", [copy.copy, copy.deepcopy])
def test_a_run_is_not_copied(tmp_path: Path, use: Any) -> None:
    with mt.Run(tmp_path / "run") as run, pytest.raises(mt.InputError, match=r"Run: expected to stay the only one"):
        use(run)


def test_ranks_that_race_are_told_what_to_do(tmp_path: Path, start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    script = """
        import os, sys, mediatypes as mt
        os.environ["RANK"] = sys.argv[2]
        input()
        try:
            run = mt.Run(sys.argv[1]); print("made", flush=True); input()
        except mt.StoreError as error:
            print(error, flush=True)
    """
    ranks = [start(script, tmp_path / "run", rank) for rank in range(3)]
    for process in ranks:
        process.stdin.write("\n")
        process.stdin.flush()
    lines = [process.stdout.readline().strip() for process in ranks]
    for process in ranks:
        process.communicate("\n", timeout=60)
    assert lines.count("made") == 1
    for rank, line in enumerate(lines):
        if line != "made":
            assert f'This is rank {rank}: pass rank="auto" on every rank to log to one run, or make one of' in line
            assert "process" in line
    assert mt.open_run(tmp_path / "run").status == "finished"


def test_a_lock_that_the_system_refuses_is_no_other_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    def refuse(*_: Any) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(mt.StoreError, match=r"lock: expected to lock the run, got 'Input/output error'") as error:
        mt.Run(tmp_path / "run")
    assert not isinstance(error.value, mt.RunLocked)


# What goes wrong ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("resumed", [False, True])
@pytest.mark.parametrize("number", range(8))
def test_a_run_that_could_not_be_begun_is_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, resumed: bool
) -> None:
    """The disk refuses one sync: the run is not there, or as it was, and no process is said to write it."""
    root, calls = tmp_path / "run", [0]
    if resumed:
        with mt.Run(root) as run:
            run.log({"a": 1})
    real = os.fsync

    def refuse(fd: int) -> None:
        calls[0] += 1
        if calls[0] == number + 1:
            raise OSError(errno.EIO, "Input/output error")
        real(fd)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with contextlib.suppress(mt.StoreError):
            mt.Run(root, fsync=0, mode="allow").finish()
    if resumed:
        assert mt.open_run(root).history(["a"]).num_rows == 1
    if (root / "run.json").exists() and mt.open_run(root).status == "running":
        pytest.skip("it was begun, and could not be finished")
    with mt.Run(root, mode="allow") as run:
        run.log({"b": 1})
    assert mt.open_run(root).history(["b"]).num_rows == 1 + resumed


@pytest.mark.parametrize("name", ["0001-0.log", "lock"])
def test_a_file_that_cannot_be_closed_is_an_error_of_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    run = mt.Run(tmp_path / "run")
    run.log({"a": 1})
    real = os.close

    def refuse(fd: int) -> None:
        path = os.readlink(f"/proc/self/fd/{fd}")
        real(fd)
        if Path(path).name.startswith(name):
            raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "close", refuse)
        with (
            pytest.raises(mt.StoreError, match="close the journal, got 'Input/output error'")
            if name != "lock"
            else NOTHING
        ):
            run.finish()
    run.finish()
    assert mt.open_run(run.path).history(["a"]).num_rows == 1
    assert not (run.path / "journal").exists()


def test_problems_that_the_full_disk_did_not_take_are_in_the_finished_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = mt.Run(tmp_path / "run", on_error="record")
    run.log({"a": 1})

    def refuse(*_: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", refuse)
        with pytest.raises(mt.StoreError):
            run.log({"bad": object()})
    run.finish()
    assert ["bad" in problem.path for problem in mt.open_run(run.path).problems] == [True]


def test_large_last_values_do_not_go_into_the_footer(tmp_path: Path) -> None:
    """Arrow refuses footers of more than 100 MB: the summary is in its JSON file only."""
    text = "x" * 110_000_000
    with mt.Run(tmp_path / "run", config={"lr": 1}) as run:
        run.log({"k": text, "a": 1})
    view = mt.open_run(run.path)
    assert view.summary["k"] == text
    assert view.history(["a"]).column("a").to_pylist() == [1]
    assert len(pq.read_metadata(run.path / "history.parquet").metadata[b"mediatypes"]) < 10_000
    assert mt.open_runs(tmp_path).table().column("config.lr").to_pylist() == [1]


def test_reading_the_summary_of_many_metrics_is_linear(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run:
        times = {}
        for count in (1000, 8000):
            run.log({f"m{n}": float(n) for n in range(count)})
            began = time.perf_counter()
            values = dict(run.summary)
            times[count] = time.perf_counter() - began
            assert values["m999"] == 999.0
        assert times[8000] < 40 * times[1000] + 1
        run.log({"m5": 7.0})
        assert run.summary["m5"] == 7.0
        run.summary["m5"] = 8
        assert dict(run.summary)["m5"] == 8
        del run.summary["m5"]
        assert dict(run.summary)["m5"] == 7.0
        run.define_metric("m6", summary="none")
        assert "m6" not in run.summary


def test_finish_waits_for_a_server_that_does_not_answer_only_so_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pyarrow.fs")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "y")
    with socket.create_server(("127.0.0.1", 0)) as server:  # accepts, and says nothing
        port = server.getsockname()[1]
        remote = f"s3://bucket/run?endpoint_override=127.0.0.1:{port}&scheme=http"
        run = mt.Run(tmp_path / "run", remote=remote, upload_timeout=1)
        run.log({"a": 1})
        began = time.monotonic()
        with pytest.raises(mt.StoreError, match=r"up to date, got no end of it within 1 seconds.*whole in"):
            run.finish()
        assert time.monotonic() - began < 10
    assert mt.open_run(run.path).status == "finished"
    run._uploader = None


# Mistakes of a first user ---------------------------------------------------------------------------------------------


def test_a_directory_of_runs_is_no_run(tmp_path: Path) -> None:
    mt.Run(tmp_path / "runs" / "one").finish()
    expected = "expected a directory without a run, got one that holds runs, such as one. Choose a new directory in it."
    for make in (lambda: mt.Run(tmp_path / "runs"), lambda: mt.Run(tmp_path / "runs", mode="allow")):
        with pytest.raises(mt.RunExists, match=re.escape(expected)):
            make()
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["one"]
    mt.Run(tmp_path / "runs" / "one" / "inner").finish()  # this one is said to be there already
    with pytest.raises(mt.RunExists, match="the finished run 'one'"):
        mt.Run(tmp_path / "runs" / "one")


def test_what_is_no_folder_of_a_run_is_said(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run:
        run.log({"a": 1})
    for inside in ("history.parquet", "run.json", "files/requirements.txt"):
        (run.path / "files").mkdir(exist_ok=True)
        (run.path / inside).touch()
        hint = re.escape(f"got a file. Pass the run's folder: {run.path}.")
        with pytest.raises(mt.StoreError, match=hint):
            mt.open_run(run.path / inside)
    nowhere = tmp_path / "nowhere"
    with pytest.raises(mt.StoreError) as caught:
        mt.open_runs(nowhere)
    hint = "Pass the directory that holds them."
    assert str(caught.value) == f"{nowhere}: expected a directory of runs, got nothing of that name. {hint}"
    with pytest.raises(mt.StoreError, match=r"expected a directory of runs, got a file\."):
        mt.open_runs(run.path / "run.json")


def test_an_artifact_that_is_not_there_is_said(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    with pytest.raises(
        mt.StoreError, match=r"expected an artifact 'zzz', got no artifacts at all\. Log it first: run\."
    ):
        run.use_artifact("zzz")
    run.log_artifact("words", "dataset", {"a": b"1"})
    with pytest.raises(mt.StoreError, match=r"expected one of words, got 'zzz'\. mediatypes artifacts ls"):
        run.use_artifact("zzz")
    run.finish()


def test_each_further_kind_of_a_key_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with mt.Run(tmp_path / "run", quiet=False) as run:
        run.log({"loss": 1, "big": 1, "list": [], "none": None, "ok": 1})
        run.log({"loss": 0.5, "big": 2**60, "list": [1, 2], "none": "text", "ok": True})
        for value in ("nan", 0.25, "nan", [1]):
            run.log({"loss": value})
    hint = "All are kept, as columns of their own: log one kind under a key to have one curve."
    kinds = {"ok": ["boolean and number"], "loss": ["number and string", "list, number and string"]}
    told = [f'log["{key}"]: expected values of one kind, got {got}. {hint}' for key in kinds for got in kinds[key]]
    assert [str(problem) for problem in run.problems] == told
    view = mt.open_run(run.path)
    assert [str(problem) for problem in view.problems] == told
    assert view.keys()["loss"] == ("number", "string", "number_list")
    err = capsys.readouterr().err
    assert err.count("expected values of one kind") == 1  # the first of a kind of problems
    assert "3 problems: mediatypes show" in err


@pytest.mark.parametrize(
    "refusal", [OSError(28, "No space left on device"), ValueError("I/O operation on closed file")]
)
def test_a_terminal_that_shows_nothing_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: Exception
) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise refusal

    monkeypatch.setattr(sys, "stderr", Full())
    with mt.Run(tmp_path / "run", quiet=False) as run:
        run.log({"a": 1})
        run.log({"a": "text"})  # which is a problem, and told
    assert list(mt.open_run(run.path).values("a")) == [(0, 1), (1, "text")]
