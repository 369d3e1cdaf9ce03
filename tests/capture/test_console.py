"""What processes print, by pipes and terminals, and what a run has of it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import mediatypes as mt
from mediatypes.capture import console, python_streams
from tests.processes import Start

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="descriptors are not redirected there")

TALK = """
import ctypes, os, subprocess, sys
def talk():
    print("python", flush=True)
    print("error", file=sys.stderr, flush=True)
    subprocess.run([sys.executable, "-c", "import sys; print('child'); print('child error', file=sys.stderr)"])
    ctypes.CDLL(None).puts(b"from C")
    os.write(1, b"10%\\r50%\\r100%\\n")
"""
OUT = ["python", "child", "100%", "from C"]
ERR = ["error", "child error"]


def texts(path: Path, stream: str = "out") -> list[str]:
    return [line.text for line in mt.open_run(path).console() if line.stream == stream]


def finished(process: Any) -> tuple[str, str]:
    out, err = process.communicate(timeout=120)
    return out, err


def test_all_that_is_printed_is_in_the_log_and_where_it_was_before(tmp_path: Path, start: Start) -> None:
    code = (
        f"{TALK}\nimport mediatypes as mt\nwith mt.Run(sys.argv[1], capture=sys.argv[2:]):\n    talk()\nprint('after')"
    )
    plain = finished(start(code, tmp_path / "plain"))
    captured = finished(start(code, tmp_path / "run", "console"))
    assert captured[1] == plain[1]
    assert sorted(captured[0].split()) == sorted(plain[0].split())  # C's buffer comes at another time
    assert sorted(texts(tmp_path / "run")) == sorted(OUT)
    assert texts(tmp_path / "run", "err") == ERR
    times = [line.time for line in mt.open_run(tmp_path / "run").console()]
    assert times == sorted(times)
    assert mt.open_run(tmp_path / "run").history().num_rows == 0


def test_what_was_printed_before_a_kill_is_there(tmp_path: Path, start: Start) -> None:
    process = start(
        """
        import os, signal, sys, mediatypes as mt
        run = mt.Run(sys.argv[1], capture=["console"])
        for number in range(2000):
            os.write(1, b"line %d\\n" % number)
        os.write(2, b"last words")
        os.kill(os.getpid(), signal.SIGKILL)
        """,
        tmp_path / "run",
    )
    out, err = finished(process)  # its pipes end with the tee
    assert (process.returncode, err) == (-signal.SIGKILL, "last words")
    assert texts(tmp_path / "run") == out.splitlines() == [f"line {number}" for number in range(2000)]
    assert texts(tmp_path / "run", "err") == ["last words"]


def test_when_the_tee_is_killed_nothing_that_is_printed_is_lost(tmp_path: Path, start: Start) -> None:
    process = start(
        """
        import os, signal, sys, mediatypes as mt
        from mediatypes.capture import console
        run = mt.Run(sys.argv[1], capture=["console"])
        redirect = console._open
        os.kill(redirect._tee.pid, signal.SIGSTOP)  # what is printed now, it has not read when it ends
        print("before", flush=True)
        os.kill(redirect._tee.pid, signal.SIGKILL)
        print("meanwhile", flush=True)
        while redirect.is_open: pass
        print("after", flush=True)
        run.finish()
        """,
        tmp_path / "run",
    )
    out, err = finished(process)
    assert (sorted(out.split()), err) == (["after", "before", "meanwhile"], "")
    assert process.returncode == 0
    assert mt.open_run(tmp_path / "run").status == "finished"


def test_a_reader_that_goes_away_is_noticed(tmp_path: Path, start: Start) -> None:
    """As in `python train.py | head -1`."""
    readable, writable = os.pipe()
    process = start(
        """
        import sys, mediatypes as mt
        with mt.Run(sys.argv[1], capture=["console"]):
            print("first", flush=True)
            sys.stdin.readline()
            while True:
                print("more", flush=True)
        """,
        tmp_path / "run",
        stdout=writable,
    )
    os.close(writable)
    with open(readable, "rb") as reader:
        assert reader.readline() == b"first\n"
    _, err = finished(process)
    assert process.returncode != 0
    assert "BrokenPipeError" in err
    assert mt.open_run(tmp_path / "run").status == "failed"
    assert texts(tmp_path / "run")[0] == "first"


def in_a_terminal(code: str, *arguments: object) -> tuple[list[str], int]:
    """The lines that a program prints in a terminal of 24 x 91, sorted, and its exit code."""
    import termios

    terminal, inside = os.openpty()
    termios.tcsetwinsize(inside, (24, 91))
    line = [sys.executable, "-c", code, *map(str, arguments)]
    with subprocess.Popen(line, stdin=inside, stdout=inside, stderr=inside, start_new_session=True) as process:
        os.close(inside)
        shown = b""
        while select.select([terminal], [], [], 120)[0]:
            try:
                piece = os.read(terminal, 4096)
            except OSError:  # nobody has it open any more
                break
            shown += piece
            if not piece:
                break
    os.close(terminal)
    return sorted(shown.decode().split("\n")), process.returncode


def test_a_terminal_stays_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.setenv("TERM", "xterm")
    code = """
import os, sys, mediatypes as mt
with mt.Run(sys.argv[1], capture=sys.argv[2:]):
    print(sys.stdout.isatty(), sys.stderr.isatty(), os.get_terminal_size(1).columns, os.get_terminal_size(2).lines)
    print("\\x1b[31mred\\x1b[0m", flush=True)
    print("1%\\r100%", file=sys.stderr)
"""
    plain = in_a_terminal(code, tmp_path / "plain")
    captured = in_a_terminal(code, tmp_path / "run", "console")
    assert plain == captured
    assert "True True 91 24\r" in plain[0]
    assert texts(tmp_path / "run") == ["True True 91 24", "red"]
    assert texts(tmp_path / "run", "err") == ["100%"]


def test_ctrl_c_ends_the_program_and_not_the_tee(tmp_path: Path, start: Start) -> None:
    process = start(
        """
        import sys, time, mediatypes as mt
        with mt.Run(sys.argv[1], capture=["console"]):
            try:
                print("waiting", flush=True)
                time.sleep(300)
            finally:
                print("interrupted", flush=True)
        """,
        tmp_path / "run",
        start_new_session=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "waiting\n"
    os.killpg(process.pid, signal.SIGINT)
    out, err = finished(process)
    assert out == "interrupted\n"
    assert "KeyboardInterrupt" in err
    assert texts(tmp_path / "run") == ["waiting", "interrupted"]
    assert mt.open_run(tmp_path / "run").status == "interrupted"


def test_a_run_that_is_left_open_has_its_traceback(tmp_path: Path, start: Start) -> None:
    code = "import sys, mediatypes as mt\nrun = mt.Run(sys.argv[1], capture=['console'])\nprint('a')\n1 / 0"
    _, err = finished(start(code, tmp_path / "run"))
    assert "ZeroDivisionError" in err
    assert texts(tmp_path / "run", "err") == err.splitlines()
    assert texts(tmp_path / "run") == ["a"]


def test_children_print_on_when_the_run_is_over(tmp_path: Path, start: Start) -> None:
    code = """
        import os, subprocess, sys, mediatypes as mt
        child = "import sys; sys.stdin.readline(); print('later', flush=True); sys.exit(7)"
        with mt.Run(sys.argv[1], capture=["console"]):
            started = subprocess.Popen([sys.executable, "-c", child], stdin=subprocess.PIPE)
            print("during", flush=True)
        print("after", flush=True)
        started.communicate(b"go\\n")
        print(started.returncode, flush=True)
    """
    out, err = finished(start(code, tmp_path / "run"))
    assert (sorted(out.split()), err) == (["7", "after", "during", "later"], "")
    assert texts(tmp_path / "run") == ["during"]


def test_a_forked_child_prints_into_the_log_of_its_parent(tmp_path: Path, start: Start) -> None:
    code = """
        import os, sys, warnings, mediatypes as mt
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 on: of a fork beside threads
        with mt.Run(sys.argv[1], capture=["console"]) as run:
            if os.fork() == 0:
                print("child", flush=True)
                with mt.Run(sys.argv[2], capture=["console"]):
                    print("child's own", flush=True)
                os._exit(0)
            os.wait()
            print("parent", flush=True)
    """
    out, err = finished(start(code, tmp_path / "a", tmp_path / "b"))
    assert (out, err) == ("child\nchild's own\nparent\n", "")
    assert texts(tmp_path / "a") == ["child", "child's own", "parent"]
    assert texts(tmp_path / "b") == ["child's own"]


def test_several_runs_share_a_console_and_end_in_any_order(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    runs = {}
    for name in "abc":
        runs[name] = mt.Run(tmp_path / name, capture=["console"])
        os.write(1, f"{name} began\n".encode())
    for name in "bac":
        os.write(1, f"{name} ends\n".encode())
        runs[name].finish()
    os.write(1, b"all over\n")
    told = ["a began", "b began", "c began", "b ends", "a ends", "c ends"]
    assert capfd.readouterr().out.splitlines() == [*told, "all over"]
    assert (texts(tmp_path / "a"), texts(tmp_path / "b"), texts(tmp_path / "c")) == (told[:5], told[1:4], told[2:])
    assert console._open is None


def test_a_tee_that_ends_first_finds_its_descriptors(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    restore = console.Redirect._restore

    def slowly(redirect: console.Redirect) -> None:
        """The thread that sees the tee end is overtaken by the one that finishes the run."""
        if threading.current_thread() is not threading.main_thread():
            time.sleep(0.3)
        restore(redirect)

    monkeypatch.setattr(console.Redirect, "_restore", slowly)
    descriptors, threads = set(os.listdir("/dev/fd")), set(threading.enumerate())
    with mt.Run(tmp_path / "run", capture=["console"]):
        os.write(1, b"hello\n")
        (watching,) = (t for t in set(threading.enumerate()) - threads if t.name == "mediatypes-console")
        monkeypatch.setattr(console.Redirect, "_close", delayed(console.Redirect._close))
        assert isinstance(console._open, console.Redirect)
        console._open._acknowledged.release()  # as if the tee answered just before it ended
    watching.join(10)
    assert not watching.is_alive()  # pytest raises what it raised
    assert set(os.listdir("/dev/fd")) <= descriptors
    assert texts(tmp_path / "run") == ["hello"]


def delayed(close: Any) -> Any:
    """The thread that finishes the run closes late: the tee has seen the end of all that it copies."""

    def late(redirect: console.Redirect) -> None:
        if threading.current_thread() is threading.main_thread():
            time.sleep(0.15)
        close(redirect)

    return late


def test_streams_that_write_elsewhere_are_listened_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As in notebooks: `sys.stdout` is no descriptor, and children print to one."""
    before = sys.stdout.write
    with mt.Run(tmp_path / "run", capture=["console"]) as run:
        print("python", 1)
        sys.stderr.write("error")
        threads = [threading.Thread(target=lambda: [print("thread") for _ in range(100)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        os.write(1, b"descriptor\n")
    assert sys.stdout.write == before
    assert "".join(texts(run.path)).count("thread") == 400
    assert {"python 1", "descriptor"} <= set(texts(run.path))
    assert texts(run.path, "err") == ["error"]
    shown = capsys.readouterr()
    assert shown.out.count("thread") == 400
    assert shown.err == "error"


def test_without_a_process_python_streams_are_listened_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(console, "_TEE", tmp_path / "not there")
    with mt.Run(tmp_path / "a", capture=["console"]) as outer:
        print("one")
        with mt.Run(tmp_path / "b", capture=["console"]) as inner:
            print("1%\r2%\ntwo", end="")
        print(" and three", end="")
    print("after")
    assert texts(outer.path) == ["one", "2%", "two and three"]
    assert texts(inner.path) == ["2%"]
    assert capsys.readouterr().out == "one\n1%\r2%\ntwo and threeafter\n"


def test_a_stream_that_somebody_wrapped_meanwhile_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = mt.Run(tmp_path / "run", capture=["console"])
    ours = sys.stdout.write
    monkeypatch.setattr(sys.stdout, "write", lambda text: ours(text.upper()))
    print("during")
    run.finish()
    print("after")
    assert capsys.readouterr().out == "DURING\nAFTER\n"
    assert texts(run.path) == ["DURING"]


def test_a_resumed_run_goes_on_with_its_console(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for word in ("first", "second"):
        with mt.Run(tmp_path / "run", mode="allow", capture=["console"]):
            os.write(1, word.encode())
    assert texts(tmp_path / "run") == ["first", "second"]
    assert capfd.readouterr().out == "firstsecond"


def test_a_copy_has_the_console_and_verify_wants_it_here(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from mediatypes.upkeep.verify import check

    with mt.Run(tmp_path / "runs" / "a", capture=["console"]):
        os.write(1, b"hello\n")
    mt.copy(tmp_path / "runs", tmp_path / "copies")
    mt.gc(tmp_path / "copies" / "a")
    mt.pack(tmp_path / "copies" / "a")
    assert texts(tmp_path / "copies" / "a") == ["hello"]
    assert check(tmp_path / "copies" / "a", deep=True).problems == ()
    (tmp_path / "copies" / "a" / "console.log").rename(tmp_path / "elsewhere.log")
    (tmp_path / "copies" / "a" / "console.log").symlink_to(tmp_path / "elsewhere.log")
    assert [p.code for p in check(tmp_path / "copies" / "a").problems] == ["link"]


def test_the_tee_needs_nothing_but_python() -> None:
    """It is started without the site's packages, which would take longer."""
    code = f"import runpy, sys; runpy.run_path({str(console._TEE)!r}); print([m for m in sys.modules if 'numpy' in m])"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_command_shows_the_console(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from mediatypes.cli import main

    with mt.Run(tmp_path / "run", capture=["console", "environment"]):
        os.write(1, b"epoch 1\nepoch 2\n")
    capfd.readouterr()
    assert main(["show", "--console", str(tmp_path / "run")]) == 0
    assert capfd.readouterr().out == "epoch 1\nepoch 2\n"
    assert main(["show", str(tmp_path / "run")]) == 0
    assert f"machine: {mt.open_run(tmp_path / 'run').environment['host']}, " in capfd.readouterr().out


def test_a_signal_handler_may_print_while_something_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(console, "_TEE", tmp_path / "not there")
    with mt.Run(tmp_path / "run", capture=["console"]):
        log = console._open
        assert isinstance(log, python_streams.InProcess)
        write = python_streams.ConsoleLog.write

        def interrupted(file: Any, lines: Any, now: float) -> None:
            write(file, lines, now)
            if [text for _, text in lines] == ["first"]:
                print("second")  # as a handler does, in the middle of this

        monkeypatch.setattr(python_streams.ConsoleLog, "write", interrupted)
        printing = threading.Thread(target=print, args=("first",), daemon=True)
        printing.start()
        printing.join(30)
        assert not printing.is_alive()
    assert texts(tmp_path / "run") == ["first", "second"]


@pytest.mark.skipif(not os.path.isdir("/dev/fd"), reason="the system does not list descriptors")
def test_a_tee_that_cannot_be_started_leaves_no_descriptor_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*arguments: Any, **options: Any) -> Any:
        raise OSError(11, "no more processes")

    monkeypatch.setattr(console.subprocess, "Popen", refuse)
    before = os.listdir("/dev/fd")
    with pytest.raises(OSError, match="no more processes"):
        console.Redirect()
    assert os.listdir("/dev/fd") == before
