"""Several at once: processes that resume one run, readers of a run that is finished and resumed, threads."""

# pyright: reportPossiblyUnboundVariable=false
from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mediatypes as mt
from mediatypes.runfolder import content, files, opening
from mediatypes.runfolder.lock import Lock

from .crashes import THREE, call, check_calls, everything

IMAGE = mt.Image(np.zeros((2, 2, 3), np.uint8))

# Processes -------------------------------------------------------------------------------------------------------


def test_a_writer_lets_go_of_its_own_lock_only(tmp_path: Path) -> None:
    first = Lock(tmp_path)
    first.path.unlink()  # as whoever cleans up by hand might
    second = Lock(tmp_path)
    first.release()
    with pytest.raises(mt.RunLocked):
        Lock(tmp_path)
    second.release()
    assert not list(tmp_path.iterdir())
    second.release()


def test_the_lock_is_the_last_thing_that_a_finishing_writer_gives_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, release, seen = mt.Run(tmp_path / "run"), Lock.release, []

    def look_then_release(lock: Lock) -> None:
        seen.append(sorted(path.name for path in (run.path / "journal").iterdir()))
        with pytest.raises(mt.RunLocked):
            Lock(run.path)
        release(lock)

    monkeypatch.setattr(Lock, "release", look_then_release)
    run.finish()
    assert seen == [["lock"]]
    assert not (run.path / "journal").exists()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc here")
def test_a_directory_that_can_never_be_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(mt.StoreError, match="expected to make the run's directory, got 'No such file or directory'"):
        mt.Run("/proc/no such thing/run")


def test_who_has_the_lock_is_told_as_far_as_it_is_known(tmp_path: Path) -> None:
    lock = Lock(tmp_path)
    for written in (b"", b"{", b'{"since":1e300,"pid":5,"host":"h"}', b"[]", b'{"pid":7,"host":"h","since":5.5}'):
        lock.path.write_bytes(written)
        with pytest.raises(
            mt.RunLocked, match=r"got (another process|process \d on h(, writing since 1970-.*)?)\. Wait"
        ):
            Lock(tmp_path)
    lock.release()


SESSIONS = """
    import sys, time, mediatypes as mt
    root, name, sessions = sys.argv[1], sys.argv[2], int(sys.argv[3])
    for session in range(sessions):
        while True:
            try:
                run = mt.Run(root, mode="allow")
                break
            except mt.RunLocked:
                time.sleep(0.001)
        run.log({"who": name, "session": session})
        run.summary[name] = session
        run.finish()
"""


def test_processes_that_take_turns_with_a_run_lose_nothing(tmp_path: Path, start: Any) -> None:
    processes = [start(SESSIONS, tmp_path / "run", name, 12) for name in "abc"]
    for process in processes:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
    view = mt.open_run(tmp_path / "run")
    table = view.history(["who", "session"]).to_pylist()
    assert [row["_step"] for row in table] == list(range(36))
    for name in "abc":
        assert [row["session"] for row in table if row["who"] == name] == list(range(12))
        assert view.summary[name] == 11
    assert view.problems == []
    assert sorted(path.name for path in view.path.iterdir()) == [
        "README.txt",
        "history.parquet",
        "media.parquet",
        "run.json",
        "summary.json",
    ]


AGAIN_AND_AGAIN = """
    import sys, numpy as np, mediatypes as mt
    n = 0
    for session in range(int(sys.argv[2])):
        with mt.Run(sys.argv[1], mode="allow", config={"session": session}) as run:
            for _ in range(5):
                run.log({"n": n, "img": mt.Image(np.full((2, 2, 3), n % 256, np.uint8)), f"late{session}": 1})
                n += 1
            run.summary[f"set{session}"] = session
"""


def test_a_run_that_is_finished_and_resumed_can_be_read_at_any_moment(tmp_path: Path, start: Any) -> None:
    process, root = start(AGAIN_AND_AGAIN, tmp_path / "run", 25), tmp_path / "run"
    while not (root / "run.json").exists():
        assert process.poll() is None, process.stderr.read()
    kept, known, sessions, reads = mt.open_run(root), 0, -1, 0
    while process.poll() is None:
        for view in (kept, mt.open_run(root)):
            steps = view.history([])["_step"].to_pylist()
            assert steps == list(range(len(steps)))
        assert len(steps) >= known, "fewer rows than before"
        known, reads = len(steps), reads + 1
        if known:
            values = list(view.values("n"))
            assert [n for _, n in values] == list(range(len(values)))
            assert len(values) >= known
            for step, image in view.values("img"):
                assert (image.to_numpy() == step % 256).all()
            config, summary = view.config, mt.open_run(root).summary
            assert config["session"] >= sessions
            sessions = config["session"]
            assert [key for key in summary if key.startswith("set")][:sessions] == [f"set{i}" for i in range(sessions)]
            assert view.keys()["n"] == ("number",)
            assert [problem for problem in view.problems if problem.code != "torn"] == []
    assert process.returncode == 0, process.stderr.read()
    assert len(mt.open_run(root).history([])) == 125
    assert reads > 3


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Let something happen between the reading of run.json and that of the journals."""

    def let(happen: Callable[[], None]) -> None:
        real, pending = content._open_journals, [happen]

        def late(*arguments: Any) -> Any:
            if pending:
                pending.pop()()
            return real(*arguments)

        monkeypatch.setattr(content, "_open_journals", late)

    return let


def test_a_reading_does_not_mix_two_sessions(tmp_path: Path, between: Any) -> None:
    run, later = mt.Run(tmp_path / "run", config={"first": 1}), []
    run.log({"a": 1})
    run.summary["best"] = 1
    run.config["second"] = 2

    def finish_and_resume() -> None:
        run.finish()
        later.append(mt.Run(run.path, mode="resume"))

    between(finish_and_resume)
    shown = mt.open_run(run.path).describe()
    assert (shown["status"], shown["summary"]["best"], shown["config"]) == ("running", 1, {"first": 1, "second": 2})
    later[0].finish()


def test_a_run_that_finishes_while_it_is_opened_is_read_as_finished(tmp_path: Path, between: Any) -> None:
    run = mt.Run(tmp_path / "run")
    run.log({"a": 1})
    between(run.finish)
    view = mt.open_run(run.path)
    assert list(view.values("a")) == [(0, 1)]
    assert view.status == "finished"


def test_a_key_that_gets_another_kind_while_it_is_read_keeps_its_values_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, real = mt.Run(tmp_path / "run"), opening.open_history

    def open_then_log(*arguments: Any, **hold: Any) -> Any:
        opened = real(*arguments, **hold)
        run.log({"x": 5})  # takes the bare name from the image
        return opened

    run.log({"x": IMAGE})
    monkeypatch.setattr(opening, "open_history", open_then_log)
    assert list(mt.open_run(run.path).values("x")) == [(0, IMAGE)]
    assert list(mt.open_run(run.path).values("x")) == [(0, IMAGE), (1, 5)]
    run.finish()


# Opening for writing ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["create", "resume", "resume killed"])
def test_a_session_that_could_not_begin_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    root, before = tmp_path / "run", ""
    if mode != "create":
        run = mt.Run(root, config={"a": 1})
        run.config["b"] = 2
        run.log({"x": 1})
        run.finish()
        if mode == "resume killed":
            shutil.copytree(root, tmp_path / "over")
            run = mt.Run(root, mode="resume")
            run.config["b"] = 3
            run.log({"x": 2})
            shutil.copytree(root, tmp_path / "copy")
            run.finish()
            shutil.rmtree(root)
            (tmp_path / "copy").rename(root)
        before = everything(mt.open_run(root))

    def refuse(*_: Any, **__: Any) -> Any:
        raise mt.StoreError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files, "write_json", refuse)
        with pytest.raises(mt.StoreError, match="No space left"):
            mt.Run(root, mode=mode[:6], config={"c": 3})  # type: ignore[arg-type]
    if mode == "create":
        assert not list(root.iterdir())
        mt.Run(root).finish()
        return
    assert everything(mt.open_run(root)) == before
    with mt.Run(root, mode="resume") as run:
        run.log({"x": 9})
    assert [value for _, value in mt.open_run(root).values("x")][-1] == 9


def test_a_journal_is_not_removed_before_what_it_became_can_be_read(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    run.log({"a": 1})
    journal = (run.path / "journal" / "0001-0.log").read_bytes()
    run.finish()
    (run.path / "journal").mkdir()
    (run.path / "journal" / "0001-0.log").write_bytes(journal)
    history = (run.path / "history.parquet").read_bytes()
    (run.path / "history.parquet").write_bytes(history[:-5])
    with pytest.raises(mt.DocumentError, match=r"history\.parquet: expected a whole Parquet file"):
        mt.Run(run.path, mode="resume")
    assert (run.path / "journal" / "0001-0.log").read_bytes() == journal
    (run.path / "history.parquet").unlink()
    with pytest.raises(mt.StoreError, match=r"history\.parquet: expected to read the file"):
        mt.Run(run.path, mode="resume")
    (run.path / "history.parquet").write_bytes(history)
    assert mt.recover(run.path).status == "finished"
    assert not (run.path / "journal").exists()


def test_journals_that_are_kept_aside_replace_none(tmp_path: Path) -> None:
    kept = []
    for n in range(3):
        run = mt.Run(tmp_path / "run", mode="allow")
        run.log({"n": n})
        journal = run.path / "journal" / "0001-0.log"
        data = journal.read_bytes()
        journal.write_bytes(data[:-3] + bytes([data[-3] ^ 1]) + data[-2:])
        kept.append(journal.read_bytes())
        run.finish()
        if n == 1:
            (run.path / "damaged" / "0001-0.log").unlink()
    found = sorted((run.path / "damaged").iterdir())
    assert [path.read_bytes() for path in found] == [kept[1], kept[2]]


def test_calls_that_are_missing_between_two_journals_are_told(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    for n in range(5):
        run.log({"n": n})
    journal = (run.path / "journal" / "0001-0.log").read_bytes()
    shutil.copytree(run.path, tmp_path / "copy")
    run.finish()
    with mt.Run(tmp_path / "copy", mode="resume") as run:
        run.log({"n": 5})
        (run.path / "journal" / "0001-0.log").write_bytes(journal[: -2 * 37])
        view = mt.open_run(run.path)
        assert [value for _, value in view.values("n")] == [0, 1, 2, 5]
        (problem,) = view.problems
        assert (problem.code, problem.message) == ("lost", "expected call 3 next, got number 5")
        (run.path / "journal" / "0001-0.log").write_bytes(journal)
        assert mt.open_run(run.path).problems == []


# Threads ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def eager() -> Any:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def _start(work: Callable[..., None], count: int) -> list[threading.Thread]:
    threads = [threading.Thread(target=work, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    return threads


@pytest.mark.usefixtures("eager")
def test_threads_that_log_while_one_finishes_lose_nothing_that_returned(tmp_path: Path) -> None:
    run, returned, refused = mt.Run(tmp_path / "run"), [0] * THREE, []

    def work(thread: int) -> None:
        for n in range(10**6):
            try:
                run.log(call(thread, n))
            except mt.RunClosed as error:
                refused.append(str(error))
                return
            returned[thread] = n + 1

    threads = _start(work, THREE)
    while min(returned) < 15:
        time.sleep(0.001)
    run.finish()
    for thread in threads:
        thread.join()
    assert (
        refused
        == ["log: expected a run that is open, got 'run, finished'. Log before finish(), or make a new Run."] * 3
    )
    for thread in range(THREE):
        assert check_calls(run, thread) == list(range(returned[thread]))


@pytest.mark.usefixtures("eager")
def test_the_summary_can_be_read_while_other_threads_log_and_one_finishes(tmp_path: Path) -> None:
    run, errors, stop = mt.Run(tmp_path / "run"), [], threading.Event()
    run.define_metric("*", summary="max,last")

    def work(thread: int) -> None:
        try:
            for n in range(40):
                if thread:
                    found = dict(run.summary), run.config, repr(run.summary), len(run.summary)
                    assert found[0].get("set", -1) <= 40
                else:
                    run.log({f"key{n}": n, "n": n})
                    run.summary["set"] = n
                    run.config[f"c{n % 5}"] = n
            if not thread:
                stop.set()
        except Exception as error:
            errors.append(error)
            stop.set()

    threads = _start(work, THREE)
    stop.wait(60)
    run.finish()
    for thread in threads:
        thread.join()
    assert errors == []
    assert run.summary["n"] == {"max": 39, "last": 39}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_forked_while_another_thread_logs_waits_for_nobody(tmp_path: Path, start: Any) -> None:
    code = """
        import os, signal, sys, threading, mediatypes as mt
        run = mt.Run(sys.argv[1])
        run.log({"a": 1})
        held, done = threading.Event(), threading.Event()
        def hold():
            with run._lock, run._metrics._reading:  # as threads inside log() and summary do
                held.set()
                done.wait()
        thread = threading.Thread(target=hold)
        thread.start()
        held.wait()
        child = os.fork()
        if child == 0:
            signal.alarm(10)
            for change in (lambda: run.config.update(a=1), lambda: run.summary.update(a=1),
                           lambda: run.define_metric("a", summary="max")):
                try:
                    change()
                except mt.RunClosed:
                    continue
                os._exit(7)
            os._exit(0 if dict(run.summary) == {"a": 1} else 8)
        done.set()
        thread.join()
        _, status = os.waitpid(child, 0)
        assert status == 0, status
    """
    process = start(code, tmp_path / "run")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err


def test_logging_inside_of_log_does_not_turn_steps_back(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")

    class Nested:
        def __init__(self, step: int | None) -> None:
            self.step = step

        def __media__(self, sink: Any) -> dict[str, Any]:
            run.log({"inner": 1}, step=self.step)
            return {"_type": "mine"}

    for step, later in ((None, 1), (7, 7)):
        message = rf"log.step: expected a step of at least {later}, got {run._writer.step}\. Do not log inside of log"
        with pytest.raises(mt.InputError, match=message):
            run.log({"outer": Nested(step)})
    run.log({"outer": 3})
    run.finish()
    assert mt.open_run(run.path).history(["inner", "outer"]).to_pylist() == [
        {"_step": 0, "inner": 1, "outer": None},
        {"_step": 7, "inner": 1, "outer": 3},
    ]
