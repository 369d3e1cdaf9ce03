"""Writers that are killed, and what must be true of the run they leave behind.

A writer is a process of its own that says by a pipe which calls returned. All that it logs follows from the thread and
the number of the call, so that whoever reads the run knows what every row must hold.
"""

from __future__ import annotations

import atexit
import errno
import hashlib
import importlib
import itertools
import json
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import mediatypes as mt
from mediatypes.columns.log_cells import PLAIN_KINDS
from mediatypes.runfolder import files

THREE = 3  # threads
NEVER = -1  # a call of the system that does not come
_TIMEOUT = 300.0  # seconds, after which a writer that does not end is a failure


def pixels(thread: int, n: int) -> Any:
    return np.random.default_rng([thread, n % 40]).integers(0, 256, (6, 5, 3), np.uint8)  # some come again


def call(thread: int, n: int) -> dict[str, Any]:
    """What a thread logs in its call number n."""
    data: dict[str, Any] = {"thread": thread, "n": n}
    match n % 7:
        case 0:
            data |= {"train": {"loss": n / 3, "head": {"acc": -n}}, "exact": 2**60 + n}
        case 1:
            data["img"] = mt.Image(pixels(thread, n), caption=f"{thread}/{n}")
        case 2:
            data["h"] = mt.Histogram([n, n + 1, n + 1], num_bins=2)
        case 3:
            data["table"] = mt.Table(columns=["n", "text"], data=[[n, f"t{n}"], [n + 1, None]])
        case 4:
            data |= {"text": f"ü{n}", "words": ["a", None, str(n)], "flag": n % 2 == 0, "mixed": [n, "x", {"y": n}]}
        case 5:
            data |= {"several": [mt.Image(pixels(thread, i)) for i in (n, n + 1)], "long": f"{n}" * 5000}
    return data


class Writer:
    """What runs in the process that is killed."""

    def __init__(self, root: str, starts: list[int]) -> None:
        self.root, self.starts = root, starts

    def open(self) -> mt.Run:
        _say("ready")
        run = mt.Run(self.root, mode="allow", config={"seed": 1})
        _say("opened")
        return run

    def log(self, run: mt.Run, thread: int, calls: int) -> None:
        for n in range(self.starts[thread], self.starts[thread] + calls):
            if len(self.starts) == 1 and n % 3 == 0:  # with several threads anybody may complete the row
                run.log({"half": n}, commit=False)
            run.log(call(thread, n))
            _say("call", thread, n)
            if n % 5 == 0:
                run.summary[f"best/{thread}"] = n
                _say("summary", thread, n)
                run.config[f"last/{thread}"] = {"n": n}
                _say("config", thread, n)
        self.starts[thread] += calls

    def write(self) -> None:
        """Log in several threads until killed."""
        run = self.open()
        threads = [threading.Thread(target=self.log, args=(run, i, 10**9)) for i in range(len(self.starts))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def finish(self) -> None:
        """Log a little, then finish."""
        run = self.open()
        for thread in range(len(self.starts)):
            self.log(run, thread, 12)
        _say("finishing")
        run.finish()
        _say("finished")

    def once(self) -> None:
        """Log one call of each sort, and finish."""
        run = self.open()
        self.log(run, 0, 7)
        run.finish()

    def leave(self) -> None:
        """Log one call of each sort, and leave the run as a killed process does."""
        self.log(self.open(), 0, 7)

    def recover(self) -> None:
        _say("ready")
        mt.recover(self.root)
        _say("finished")

    def edit(self) -> None:
        _say("ready")
        for _ in range(10**9):
            self.edit_once()

    def interrupt(self) -> None:
        """Log while a timer interrupts as Ctrl-C does, again and again."""
        run, returned, tried, chance = self.open(), set[int](), 0, random.Random(5)
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        for _ in range(150):
            try:
                signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.0002, 0.004))
                for _ in range(100):  # not for ever: Python drops an interrupt that comes in a finalizer
                    tried += 1
                    run.log(call(0, tried - 1))
                    returned.add(tried - 1)
                    if tried % 5 == 0:
                        run.summary["best/0"] = tried - 1
                        run.config["last/0"] = {"n": tried - 1}
                signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                continue
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        found = check_calls(run, 0)
        assert found == sorted(set(found)), "each call is there once, in order"
        assert returned <= set(found) <= set(range(tried))
        run.finish()
        view = mt.open_run(run.path)
        assert (check_calls(view, 0), view.problems) == (found, [])
        _say("call", 0, len(returned))

    def fit(self) -> None:
        """Log and finish in files that may not become larger than so many bytes, for one number after the other."""
        import resource

        most = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        for size in range(0, 16_000, self.starts[0]):
            fit_into(
                Path(f"{self.root}-{size}"),
                lambda size=size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, most)),
                lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)),
                early=size % 2 == 1,
            )
            _say("call", 0, size)

    def edit_once(self) -> None:
        view = mt.open_run(self.root)
        i = view.summary.get("edited", -1) + 1
        view.edit(notes=f"edit {i}", summary={"edited": i, "gone": i if i % 2 else None})
        _say("edit", i)


def fit_into(root: Path, fill: Callable[[], Any], make_room: Callable[[], Any], early: bool) -> int:
    """Log and finish where there is no room, and go on when there is; answers how many times that was refused."""
    rows: list[int] = []
    refused = 0

    def attempt(action: Callable[[], Any]) -> bool:
        nonlocal refused
        try:
            action()
        except mt.StoreError as error:
            if error.errno not in (errno.EFBIG, errno.ENOSPC):
                raise
            refused += 1
            return False
        return True

    def finish(run: mt.Run) -> None:
        if not attempt(run.finish):
            assert check_calls(run, 0) == rows
            make_room()
            run.finish()
        make_room()

    made: list[mt.Run] = []
    fill()
    if not attempt(lambda: made.append(mt.Run(root))):
        make_room()
        made.append(mt.Run(root))  # the directory is free
        fill()
    finish(made[0])
    run = mt.Run(root, mode="resume")
    fill()
    for n in range(10):
        if attempt(lambda n=n: run.log(call(0, n))):  # type: ignore[misc]
            rows.append(n)
        attempt(lambda n=n: run.summary.update(best=n))  # type: ignore[misc]
    assert check_calls(run, 0) == rows
    if early:
        make_room()
        run.log(call(0, 10))
        rows.append(10)
        fill()
    finish(run)
    view = mt.open_run(root)
    assert (view.status, view.problems, check_calls(view, 0)) == ("finished", [], rows)
    check_names(root)
    assert not [path for path in root.rglob("*") if path.name.startswith(".")]
    shutil.rmtree(root)
    return refused


class Dead:
    """What a killed writer had said."""

    def __init__(self, lines: list[str], killed: bool) -> None:
        self.killed = killed  # else it ended by itself
        self.said = {line for line in lines if " " not in line}
        self.last: dict[tuple[str, int], int] = {}
        for line in lines:
            what, *numbers = line.split()
            if numbers:
                self.last[what, int(numbers[0]) if len(numbers) > 1 else 0] = int(numbers[-1])


class Nursery:
    """A process that has imported everything and forks writers: one takes milliseconds, and dies alone.

    Only one writer lives at a time.
    """

    def __init__(self) -> None:
        command = [sys.executable, "-m", __name__]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, env=environment
        )
        self._rest, self._pid = b"", 0

    def __enter__(self) -> Nursery:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
        self._process.kill()
        self._process.communicate()

    def kill_after(
        self, root: Path, what: str, seconds: float, after: str = "ready", starts: list[int] | None = None
    ) -> Dead:
        """Start a writer and kill it so many seconds after it said `after`, unless it ends before."""
        lines, deadline, end = self._start(root, what, starts), None, time.monotonic() + _TIMEOUT
        while (deadline is None or time.monotonic() < deadline) and not _ended(lines):
            lines += self._read((deadline or end) - time.monotonic())
            if deadline is None and after in lines:
                deadline = time.monotonic() + seconds
            if time.monotonic() > end:
                raise AssertionError(f"{what} did not say {after!r} but {lines[-5:]}")
        if not _ended(lines):  # perhaps it has ended by now; its number is its own until it is asked to go
            os.kill(self._pid, signal.SIGKILL)
        return self._end(lines)

    def kill_at(self, root: Path, what: str, point: int, part: bool = False, starts: list[int] | None = None) -> Dead:
        """Let a writer die at its so-manieth call of the system: before it, or in the middle if it is a write."""
        return self._end(self._start(root, what, starts, point, part))

    def _start(self, *request: Any) -> list[str]:
        self._ask(json.dumps(request, default=str))
        lines = self._read(_TIMEOUT)
        if not lines:
            raise AssertionError("the nursery hangs")
        self._pid = int(lines[0].removeprefix("pid "))
        return lines[1:]

    def _end(self, lines: list[str]) -> Dead:
        while not _ended(lines):
            more = self._read(_TIMEOUT)
            if not more:
                raise AssertionError(f"a writer hangs; it said {lines[-5:]}")
            lines += more
        self._pid = 0
        self._ask("go on")
        code = int(lines.pop().removeprefix("ended "))
        if code not in (0, -signal.SIGKILL):
            raise AssertionError(f"the writer ended with {code}; its traceback is above")
        return Dead(lines, code != 0)

    def _ask(self, line: str) -> None:
        if self._process.stdin is None:
            raise AssertionError("no pipe")
        self._process.stdin.write(line.encode() + b"\n")

    def _read(self, seconds: float) -> list[str]:
        """Lines that come within so many seconds."""
        out = self._process.stdout
        if out is None or not select.select([out], [], [], max(seconds, 0))[0]:
            return []
        data = os.read(out.fileno(), 1 << 16)
        if not data:
            raise AssertionError("the nursery ended")
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [line.decode() for line in lines]


def _ended(lines: list[str]) -> bool:
    return bool(lines) and lines[-1].startswith("ended ")


def _nurse() -> None:
    """Fork a writer for every request."""
    from PIL import Image

    names = ("run", "upkeep.recover", "writing.finish", "writing.editing", "types.image.value", "types.table.value")
    for name in names:
        importlib.import_module(f"mediatypes.{name}")
    Image.init()
    files.environment()
    mt.encode(mt.Histogram(pixels(0, 0)), mt.MemoryStore())
    for line in sys.stdin:
        root, what, starts, *point = json.loads(line)
        pid = os.fork()
        if not pid:
            try:
                _grow(Writer(root, starts or [0]), what, *point)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)  # not through atexit, which would finish the run
        found = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        _say("ended", -found.si_status if found and found.si_code == os.CLD_KILLED else found and found.si_status)
        sys.stdin.readline()
        os.waitpid(pid, 0)


def _say(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())  # short enough to be whole


def _grow(writer: Writer, what: str, point: int | None = None, part: bool = False) -> None:
    _say("pid", os.getpid())
    if point is not None:
        _die_at(point, part)
    getattr(writer, what)()


def _die_at(point: int, part: bool) -> None:
    """Let this process die at a call of the system, of those that change files."""
    calls, write = itertools.count(), os.write

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        changes = event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "fcntl.flock")
        if (changes or (event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR))) and next(calls) == point:
            os.kill(os.getpid(), signal.SIGKILL)

    def half_write(file: int, data: bytes) -> int:
        if file != 1 and next(calls) == point:
            if part:
                write(file, data[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return write(file, data)

    os.write = half_write  # type: ignore[assignment]
    sys.addaudithook(watch)


def abandon(run: mt.Run) -> None:
    """Leave a run as a killed process does, without ending this one."""
    atexit.unregister(run._at_exit)
    run._closed = run._finished = True
    run._writer.close()
    run._lock_file.forget()


# What is left ----------------------------------------------------------------------------------------------------


class Left:
    """A run after kills: what the writers said, and the calls that are in it."""

    def __init__(self, root: Path, threads: int = 1) -> None:
        self.root = root
        self.calls = [0] * threads  # of each thread; those that are in the run are 0 to this
        self.said: dict[tuple[str, int], int] = {}

    @property
    def born(self) -> bool:
        return (self.root / "run.json").exists()

    def check(self, dead: Dead | None = None) -> mt.RunView | None:
        """Assert that the run holds what was said, and nothing that was not logged; answers None if it was not born."""
        if dead:
            self.said |= dead.last
        check_names(self.root)
        if not self.born:
            assert not self.said, "a call returned of a run that cannot be found"
            return None
        view = mt.open_run(self.root)
        assert view.status in ("crashed", "finished", "running")  # running: of a process that is alive, this one's
        found = self._rows(view)
        for thread, calls in enumerate(self.calls):
            returned = self.said.get(("call", thread), -1) + 1
            assert found[thread] in (returned, returned + 1), f"thread {thread}: {found[thread]} of {returned} calls"
            assert found[thread] >= calls, "a call was read before"
            self.calls[thread] = found[thread]
            for what, key in (("summary", f"best/{thread}"), ("config", f"last/{thread}")):
                value = (view.summary if what == "summary" else view.config).get(key, -1)
                value = value["n"] if isinstance(value, dict) else value
                assert self.said.get((what, thread), -1) <= value <= found[thread], (key, value)
        edited = view.summary.get("edited", -1)
        assert edited >= self.said.get(("edit", 0), -1)
        assert view.summary.get("gone") == (edited if edited % 2 and edited > 0 else None)
        assert int((view.notes or "-1").removeprefix("edit ")) >= edited
        assert view.config["seed"] == 1
        assert [problem for problem in view.problems if problem.code != "torn"] == []
        return view

    def _rows(self, view: mt.RunView) -> list[int]:
        """How many calls of each thread there are; every row must be one of them, media decoded."""
        rows = read_rows(view)
        found = [0] * len(self.calls)
        for row in rows.values():
            half = row.pop("half", None)
            if "n" not in row:  # killed before the row was complete
                assert row == {}
                assert half is not None
                continue
            thread, n = row["thread"], row["n"]
            assert n == found[thread], "calls of a thread are in their order, each once"
            found[thread] += 1
            assert half in (None, n)
            check_row(row, thread, n)
        return found

    def recover(self) -> None:
        """Finish what is left; it must read the same."""
        if self.born:
            before = everything(mt.open_run(self.root))
            view = mt.recover(self.root)
            assert view.status in ("crashed", "finished")
            assert everything(view) == before
            assert not (self.root / "journal").exists()
            self.check()


def flat(data: dict[str, Any], path: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in data.items():
        found |= flat(value, f"{path}{key}.") if isinstance(value, dict) else {path + key: value}
    return found


def everything(view: mt.RunView) -> str:
    """All that a run says, to be compared; NaN equals itself so."""
    rows = view.history().to_pydict()
    return repr((rows, view.keys(), view.config, sorted(view.summary.items()), view.problems, view.metrics))


def read_rows(view: mt.RunView) -> dict[int, dict[str, Any]]:
    """All rows by step, media decoded."""
    media = [key for key, kinds in view.keys().items() if kinds[0] not in PLAIN_KINDS]
    table = view.history([key for key in view.keys() if key not in media])  # noqa: SIM118
    rows = {row.pop("_step"): {k: v for k, v in row.items() if v is not None} for row in table.to_pylist()}
    assert list(rows) == sorted(rows)
    assert table.num_rows == len(rows)
    for key in media:
        for step, value in view.values(key):
            rows[step][key] = value
    for row in rows.values():
        row |= {"mixed": json.loads(row["mixed"])} if "mixed" in row else {}
    return rows


def check_calls(run: mt.Run | mt.RunView, thread: int) -> list[int]:
    """The numbers of a thread's calls that a run holds, each a row of its own."""
    view, found = mt.open_run(run.path), []
    for _, row in read_rows(view).items():
        if row["thread"] == thread:
            found.append(row["n"])
            check_row(row, thread, row["n"])
    return found


def check_row(row: dict[str, Any], thread: int, n: int) -> None:
    expected = flat(call(thread, n))
    assert row.keys() == expected.keys()
    for key, value in expected.items():
        assert type(row[key]) is type(value)
        assert row[key] == value, (thread, n, key)


def check_names(root: Path) -> None:
    """No file is half-written under its final name."""
    for path in root.glob("media/**/*"):
        if path.is_file() and not path.name.startswith("."):
            assert path.name.partition(".")[0] == hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    _nurse()
