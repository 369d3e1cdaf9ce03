"""Processes that die, fork, share a run or run out of room: what `log()` returned from is there."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mediatypes as mt
from mediatypes.runfolder import files

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals, fork and /dev/full are POSIX")

LOG_FOREVER = """
    import sys, numpy as np, mediatypes as mt
    run = mt.Run(sys.argv[1])
    pixels = np.zeros((8, 8, 3), np.uint8)
    for i in range(10**9):
        pixels[...] = i % 256
        run.log({"i": i, "img": mt.Image(pixels)} if i % 3 == 0 else {"i": i, "x": i / 2})
        print(i, flush=True)
"""


def lines(process: Any, count: int) -> int:
    """Read so many lines and answer the last number."""
    last = -1
    for _ in range(count):
        text = process.stdout.readline()
        assert text, process.stderr.read()
        last = int(text)
    return last


def end(process: Any, code: int = 0) -> str:
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    return str(out)


@pytest.mark.parametrize("calls", [1, 50])
def test_a_killed_process_loses_no_row_and_no_image_it_returned_from(tmp_path: Path, start: Any, calls: int) -> None:
    process = start(LOG_FOREVER, tmp_path / "run")
    lines(process, calls)
    process.send_signal(signal.SIGKILL)
    rest = process.stdout.read().splitlines()
    process.wait()
    returned = calls + len(rest)
    view = mt.open_run(tmp_path / "run")
    assert view.status == "crashed"
    values = [value for _, value in view.values("i")]
    assert values == list(range(len(values)))
    assert len(values) >= returned
    images = list(view.values("img"))
    assert len(images) == (len(values) + 2) // 3
    assert all((image.to_numpy() == step % 256).all() for step, image in images)
    assert view.summary["i"] == len(values) - 1


def test_a_live_run_can_be_read_while_another_process_writes_it(tmp_path: Path, start: Any) -> None:
    process = start(LOG_FOREVER, tmp_path / "run")
    known, lengths = lines(process, 5), []
    for _ in range(5):
        view = mt.open_run(tmp_path / "run")
        assert view.status == "running"
        table = view.history(["i", "x"])
        i = table.column("i").to_numpy()
        assert np.array_equal(i, np.arange(len(i)))
        assert len(i) > known
        x = table.column("x").to_numpy()
        assert np.array_equal(x[i % 3 > 0], i[i % 3 > 0] / 2)
        lengths.append(len(i))
        known = lines(process, 50)
    assert lengths == sorted(lengths)
    assert lengths[0] < lengths[-1]


def test_a_second_process_is_told_who_writes_the_run(tmp_path: Path, start: Any) -> None:
    process = start(LOG_FOREVER, tmp_path / "run")
    lines(process, 1)
    with pytest.raises(mt.RunExists, match=f"process {process.pid} on .* is writing"):
        mt.Run(tmp_path / "run")
    process.kill()
    process.wait()
    with pytest.raises(mt.RunExists, match="the crashed run 'run'"):
        mt.Run(tmp_path / "run")


@pytest.mark.parametrize(
    ("code", "exit_code", "status"),
    [
        ("run = mt.Run(sys.argv[1]); run.log({'a': 1})", 0, "finished"),
        ("run = mt.Run(sys.argv[1]); run.log({'a': 1}); 1 / 0", 1, "failed"),
        ("run = mt.Run(sys.argv[1]); run.log({'a': 1}); raise KeyboardInterrupt", None, "interrupted"),
        ("run = mt.Run(sys.argv[1]); run.log({'a': 1}); sys.exit(0)", 0, "finished"),
        ("run = mt.Run(sys.argv[1]); run.log({'a': 1}); os._exit(3)", 3, "crashed"),
        ("mt.Run(sys.argv[1]).log({'a': 1})", 0, "finished"),
        ("with mt.Run(sys.argv[1]) as run:\n    run.log({'a': 1})\n    sys.exit(5)", 5, "failed"),
    ],
    ids=["end", "exception", "interrupt", "exit", "_exit", "unnamed", "exit in with"],
)
def test_however_a_script_ends_its_run_says_so(
    tmp_path: Path, start: Any, code: str, exit_code: int | None, status: str
) -> None:
    process = start(f"import os, sys\nimport mediatypes as mt\n{code}", tmp_path / "run")
    _, err = process.communicate(timeout=60)
    assert process.returncode == exit_code or (exit_code is None and process.returncode != 0), err
    view = mt.open_run(tmp_path / "run")
    assert view.status == status, err
    assert view.history(["a"]).column("a").to_pylist() == [1]
    assert (tmp_path / "run" / "history.parquet").exists() == (status != "crashed")


def test_a_forked_child_neither_finishes_nor_damages_the_run(tmp_path: Path, start: Any) -> None:
    code = """
        import os, sys, mediatypes as mt
        with mt.Run(sys.argv[1]) as run:
            run.log({"a": 0})
            child = os.fork()
            if child == 0:
                try:
                    run.log({"a": "child"})
                except mt.RunClosed:
                    pass
                else:
                    os._exit(7)
                for change in (lambda: run.summary.update(a=5), lambda: run.config.update(a=5)):
                    try:
                        change()
                    except mt.RunClosed:
                        continue
                    os._exit(8)
                sys.exit(0)  # through __exit__ and atexit
            _, status = os.waitpid(child, 0)
            assert os.waitstatus_to_exitcode(status) == 0, status
            assert mt.open_run(run.path).status == "running"
            run.log({"a": 1})
    """
    end(start(code, tmp_path / "run"))
    view = mt.open_run(tmp_path / "run")
    assert (view.status, list(view.values("a")), view.problems) == ("finished", [(0, 0), (1, 1)], [])


def test_a_child_forked_while_another_thread_logs_is_not_stuck(tmp_path: Path, start: Any) -> None:
    code = """
        import os, signal, sys, threading, mediatypes as mt
        run = mt.Run(sys.argv[1])
        held, done = threading.Event(), threading.Event()
        def hold():
            with run._lock:  # as a thread inside log() does
                held.set()
                done.wait()
        thread = threading.Thread(target=hold)
        thread.start()
        held.wait()
        child = os.fork()
        if child == 0:
            signal.alarm(5)
            try:
                run.log({"a": 1})
            except mt.RunClosed:
                os._exit(0)
            os._exit(7)
        done.set()
        thread.join()
        _, status = os.waitpid(child, 0)
        assert status == 0, status
    """
    assert end(start(code, tmp_path / "run")) == ""  # and not killed by its alarm


def test_threads_lose_and_tear_nothing(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    threads, calls = 8, 2000

    def work(name: int) -> None:
        for i in range(calls):
            run.log({"thread": name, "i": i} if i % 10 else {"thread": name, "i": i, "text": f"{name}-{i}"})

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        workers = [threading.Thread(target=work, args=(name,)) for name in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    finally:
        sys.setswitchinterval(interval)
    run.finish()
    view = mt.open_run(run.path)
    table = view.history(["thread", "i", "text"])
    assert view.problems == []
    assert np.array_equal(table.column("_step").to_numpy(), np.arange(threads * calls))
    thread, i = table.column("thread").to_numpy(), table.column("i").to_numpy()
    for name in range(threads):
        assert np.array_equal(i[thread == name], np.arange(calls))
    assert all(
        text == f"{name}-{number}"
        for name, number, text in zip(thread.tolist(), i.tolist(), table.column("text").to_pylist(), strict=True)
        if text is not None
    )


def test_threads_that_update_config_and_summary_lose_no_update(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")

    def work(name: int) -> None:
        for i in range(100):
            run.config[f"c{name}.{i}"] = i
            run.summary[f"s{name}.{i}"] = i

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        workers = [threading.Thread(target=work, args=(name,)) for name in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    finally:
        sys.setswitchinterval(interval)
    run.finish()
    assert len(mt.open_run(run.path).config) == 400
    assert len([key for key in mt.open_run(run.path).summary if key[0] == "s"]) == 400


# No room ---------------------------------------------------------------------------------------------------------


def fill(run: mt.Run) -> int:
    """Put the run's journal on a full disk; answers a descriptor with which to make room again."""
    saved = os.dup(run._writer.journal.fd)
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, run._writer.journal.fd)
    os.close(full)
    return saved


def make_room(run: mt.Run, saved: int) -> None:
    os.dup2(saved, run._writer.journal.fd)
    os.close(saved)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_refuses_the_call_and_logging_goes_on_when_there_is_room(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    run.log({"a": 0})
    saved = fill(run)
    hint = r"expected to append to the journal, got 'No space left on device'\. Earlier rows are safe"
    for data in ({"a": 1}, {"new": 1.5}, {"text": "x"}, {}):
        with pytest.raises(mt.StoreError, match=hint) as caught:
            run.log(data)
        assert caught.value.errno == 28
    changes: list[Callable[[], None]] = [lambda: run.config.update(a=1), lambda: run.summary.update(b=1)]
    for change in changes:
        with pytest.raises(mt.StoreError, match=hint):
            change()
    assert dict(run.config) == {}
    assert dict(run.summary) == {"a": 0}
    assert mt.open_run(run.path).history(["a"]).column("a").to_pylist() == [0]
    make_room(run, saved)
    run.log({"a": 1})
    run.log({"new": 1.5})
    run.log({"text": "x"})
    run.finish()
    view = mt.open_run(run.path)
    assert view.history(["_step"]).column("_step").to_pylist() == [0, 1, 2, 3]
    assert [list(view.values(key)) for key in ("a", "new", "text")] == [[(0, 0), (1, 1)], [(2, 1.5)], [(3, "x")]]
    assert view.problems == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_summary_value_that_could_not_be_removed_is_still_there(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    run.summary["a"] = 1
    saved = fill(run)
    with pytest.raises(mt.StoreError):
        del run.summary["a"]
    make_room(run, saved)
    assert dict(run.summary) == {"a": 1}
    run.finish()


def test_a_row_that_did_not_fit_is_taken_back_whole(tmp_path: Path, start: Any) -> None:
    code = """
        import resource, sys, mediatypes as mt
        run = mt.Run(sys.argv[1])
        for i in range(10):
            run.log({"i": i})
        limit = run._writer.journal.path.stat().st_size + 100
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        done, refused = 10, 0
        for data in [{"text": "x" * 60}, {"text": "x" * 60}, {"i": 1, "j": 2}, {"img": mt.Histogram([1, 2])}]:
            try:
                run.log(data)
                done += 1
            except mt.StoreError as error:
                assert "File too large" in str(error), error
                refused += 1
        assert refused, done
        assert mt.open_run(run.path).problems == []
        assert mt.open_run(run.path).history().num_rows == done
        try:
            run.finish()
        except mt.StoreError as error:
            print(error)
        assert mt.open_run(run.path).history().num_rows == done
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        run.finish()
        view = mt.open_run(run.path)
        assert (view.status, view.problems, view.history().num_rows) == ("finished", [], done)
        assert not list(run.path.rglob("*.tmp"))
    """
    out = end(start(code, tmp_path / "run"))
    assert ".parquet: expected to write the history, got" in out
    assert "File too large" in out


def test_an_image_that_does_not_fit_names_the_key_and_leaves_nothing(tmp_path: Path, start: Any) -> None:
    code = """
        import resource, sys, numpy as np, mediatypes as mt
        run = mt.Run(sys.argv[1])
        noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))
        try:
            run.log({"a": 1, "img": mt.Image(noise)})
        except mt.StoreError as error:
            assert "expected to write a sidecar, got 'File too large'" in str(error), error
            assert any('"img"' in note for note in error.__notes__)
        else:
            raise SystemExit("not refused")
        assert not [path for path in (run.path / "media").rglob("*") if path.is_file()]
        run.log({"a": 2})
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        run.log({"img": mt.Image(noise)})
        run.finish()
    """
    end(start(code, tmp_path / "run"))
    view = mt.open_run(tmp_path / "run")
    assert (list(view.values("a")), [step for step, _ in view.values("img")]) == ([(0, 2)], [1])


@pytest.mark.parametrize("name", ["history.parquet", "media.parquet", "summary.json", "run.json"])
def test_finish_can_be_tried_again_after_any_file_was_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    run = mt.Run(tmp_path / "run")
    run.log({"a": 1, "h": mt.Histogram([1, 2])})
    replace = os.replace

    def refuse(source: Any, target: Any) -> None:
        if Path(target).name == name:
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(mt.StoreError, match=name):
        run.finish()
    monkeypatch.undo()
    view = mt.open_run(run.path)
    assert view.status == "running"
    assert view.history(["a"]).column("a").to_pylist() == [1]
    assert not list(run.path.rglob("*.tmp"))
    run.finish()
    assert mt.open_run(run.path).status == "finished"
    assert mt.open_run(run.path).history(["a"]).column("a").to_pylist() == [1]


def test_a_directory_in_which_no_run_could_be_made_is_free_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(mt.StoreError, match=r"run\.json"):
        mt.Run(tmp_path / "run")
    monkeypatch.undo()
    mt.Run(tmp_path / "run").finish()


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(mt.StoreError, match="make the run's directory, got 'Permission denied'"):
        mt.Run(tmp_path / "locked" / "run")


def test_reading_a_run_that_finishes_meanwhile_gives_its_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = mt.Run(tmp_path / "run")
    run.log({"a": 1})
    view = mt.open_run(run.path)
    read, pending = files.read_run_json, [run.finish]

    def read_then_finish(root: Path) -> dict[str, Any]:
        found = read(root)
        if pending:
            pending.pop()()
        return found

    monkeypatch.setattr(files, "read_run_json", read_then_finish)
    assert view.history(["a"]).column("a").to_pylist() == [1]


# Cost ------------------------------------------------------------------------------------------------------------


def test_a_million_rows_take_no_memory_and_load_no_library(tmp_path: Path, start: Any) -> None:
    code = """
        import sys, mediatypes as mt
        def rss():
            with open("/proc/self/statm") as file:
                return int(file.read().split()[1]) * 4096 / 2**20
        run = mt.Run(sys.argv[1])
        for i in range(1000):
            run.log({"a": 0.5, "b": i})
        before = rss()
        for i in range(1_000_000):
            run.log({"a": 0.5, "b": i})
        print(round(rss() - before, 2))
        loaded = {name.partition(".")[0] for name in sys.modules} & {"numpy", "pyarrow", "pandas", "PIL"}
        assert not loaded, loaded
        run.finish()
        assert "pandas" not in sys.modules
    """
    if not Path("/proc/self/statm").exists():
        pytest.skip("no /proc here")
    begin = time.monotonic()
    grown = float(end(start(code, tmp_path / "run")))
    assert grown < 10
    assert mt.open_run(tmp_path / "run").history(["b"]).num_rows == 1_001_000
    assert time.monotonic() - begin < 60
