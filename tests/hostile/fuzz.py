"""Runs a reader on mutated input, and says where it breaks the rule of every reader.

The rule: one of our errors or a value, within a second of CPU and bounded memory; nothing is written outside the
target's folder and nothing in the source changes, no process is started and no connection opened.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import mediatypes as mt
from tests.hostile.mutation import Files, mutate
from tests.hostile.targets import TARGETS

SECONDS = 1.0  # of CPU, for a case
HANG = 20.0  # of CPU: no reader is waited for longer
MEMORY = 256e6
CORPUS = Path(__file__).parent / "corpus"
_ACTIONS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "socket.connect", "socket.getaddrinfo")
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Outcome(NamedTuple):
    """What came of a case: how it broke the rule, if it did, and what it took."""

    broken: str
    refused: bool
    seconds: float
    memory: int


class Hang(BaseException):
    """A reader took too long."""


class _Watch:
    """Notes what a reader does beyond its folder; Python's audit hooks stay for good, so there is one."""

    def __init__(self) -> None:
        self.root: str | None = None
        self.seen: list[str] = []
        sys.addaudithook(self._note)

    def _note(self, event: str, args: tuple[Any, ...]) -> None:
        if self.root is None:
            return
        if event in _ACTIONS:
            self.seen.append(event)
        elif event == "open" and isinstance(args[2], int) and args[2] & _WRITES:
            self._check(event, args[0])
        elif event in ("os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.link", "os.truncate"):
            for path in args[:2]:
                self._check(event, path)

    def _check(self, event: str, path: Any) -> None:
        if isinstance(path, (str, bytes, os.PathLike)):
            place = os.path.abspath(os.fsdecode(path))
            if not place.startswith(f"{self.root}{os.sep}") and "__pycache__" not in place and place != os.devnull:
                self.seen.append(f"{event} {place}")


_watch: list[_Watch] = []


@contextlib.contextmanager
def watched(root: Path) -> Iterator[list[str]]:
    """The list of what is done outside `root`; relative paths and temporary files are inside."""
    if not _watch:
        _watch.append(_Watch())
    watch, temporary = _watch[0], tempfile.tempdir
    watch.seen, tempfile.tempdir = [], str(root)
    with contextlib.chdir(root):
        watch.root = str(root)
        try:
            yield watch.seen
        finally:
            watch.root, tempfile.tempdir = None, temporary


@contextlib.contextmanager
def _bounded(seconds: float) -> Iterator[None]:
    """Raise `Hang` in what takes so many seconds of CPU."""

    def end(*_: Any) -> None:
        raise Hang

    before = signal.signal(signal.SIGPROF, end)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def case_of(target: str, number: int) -> Files:
    """The files of a case, the same for the same number; case 0 is the first valid input as it is."""
    chance = Random(f"{target} {number}")
    seeds = TARGETS[target].seeds()
    return seeds[0] if number == 0 else mutate(chance.choice(seeds), chance)


def warm(target: str) -> list[Outcome]:
    """Read a target's valid inputs, and import what that needs."""
    return [run(target, files, 10 * HANG) for files in TARGETS[target].seeds()]


def _memory() -> int:
    """The most memory that this process had since it was last asked, in bytes; 0 where the system does not say.

    `tracemalloc` would not see what Arrow and FFmpeg take, and Python 3.11 may crash when it ends beside their threads.
    """
    try:
        status = Path("/proc/self/status").read_text()
        Path("/proc/self/clear_refs").write_text("5")  # forget the peak
    except OSError:
        return 0
    return 1024 * int(status.partition("VmHWM:")[2].split(None, 1)[0])


def run(target: str, files: Files, limit: float = SECONDS) -> Outcome:
    """Read these files with a target's reader, which has so many seconds of CPU."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(os.path.realpath(name))
        source, dest = root / "source", root / "dest"
        dest.mkdir()
        for path, data in files.items():
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            (source / path).write_bytes(data)
        broken, refused = "", False
        _memory()
        before = _memory()
        with watched(root) as seen, warnings.catch_warnings(), _silent():
            warnings.simplefilter("error")
            begin = time.process_time()
            try:
                with _bounded(max(limit, HANG)):
                    TARGETS[target].read(source, dest)
            except mt.MediaTypesError as error:
                refused = True
                str(error)
            except Hang as error:
                broken = f"hung at {_place(error)}"
            except Exception as error:
                broken = f"raised {type(error).__name__}: {str(error)[:200]!r} at {_place(error)}"
            took = time.process_time() - begin
        peak = _memory() - before
        if not broken:
            broken = _beyond(root, files, seen)
        if not broken and took > limit:
            broken = f"took {took:.1f} s of CPU"
        if not broken and peak > MEMORY:
            broken = f"needed {peak / 1e6:.0f} MB"
        shutil.rmtree(dest)
        return Outcome(broken, refused, took, peak)


def _beyond(root: Path, files: Files, seen: list[str]) -> str:
    if seen:
        return f"did outside its folder: {seen[0].replace(str(root), '')}"
    if {path.name for path in root.iterdir()} - {"source", "dest"}:
        return "left a file beside its folder"
    source = root / "source"
    left = {path.relative_to(source).as_posix(): path.read_bytes() for path in source.rglob("*") if path.is_file()}
    return "" if left == files else "changed its source"


def _place(error: BaseException) -> str:
    """Where in the package an error came from."""
    ours = [one for one in traceback.extract_tb(error.__traceback__) if f"{os.sep}mediatypes{os.sep}" in one.filename]
    if not ours:
        return "the target itself"
    return f"{ours[-1].filename.rpartition(f'{os.sep}mediatypes{os.sep}')[2]}:{ours[-1].lineno}"
