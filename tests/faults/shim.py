"""The shim that lets calls of the system fail: built here, preloaded into a process, which tells it what to do."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).with_name("shim.c")
LIBRARY = "FAULTS_SHIM"  # the environment variable that names the library in a process that has it
READ, CREATE, WRITE, RENAME, SYNC, MKDIR, UNLINK, CLOSE, TRUNCATE, LIST = (1 << bit for bit in range(10))
GROWS = CREATE | WRITE | RENAME | SYNC | MKDIR | CLOSE
ALL = (1 << 10) - 1
CHANGES = CREATE | WRITE | RENAME | MKDIR | UNLINK | TRUNCATE
SHORT = 0  # no error: a write takes half of what it is given
KILL = -signal.SIGKILL  # no error: the process dies before the call

# What each error may come from: a full disk removes files, and one that may only be read still closes them.
KINDS = {
    errno.ENOSPC: GROWS,
    errno.EDQUOT: GROWS,
    errno.EIO: ALL,
    errno.EROFS: CHANGES,
    errno.EACCES: READ | LIST | CREATE | RENAME | MKDIR | UNLINK,
    errno.EINTR: READ | LIST | CREATE | WRITE | RENAME | SYNC | CLOSE,
    SHORT: WRITE,
    KILL: GROWS | CHANGES,
}


class Fault(NamedTuple):
    """The n-th call of those that the error may come from fails, once or with all that follow."""

    number: int
    ever: bool
    n: int

    @property
    def stops_removal(self) -> bool:
        return bool(KINDS[self.number] & UNLINK)

    def __str__(self) -> str:
        name = {SHORT: "SHORT", KILL: "KILL"}.get(self.number) or errno.errorcode[self.number]
        return f"{name} at call {self.n}{' and all after it' if self.ever else ''}"


NEVER = 1 << 40  # a call that does not come


def missing() -> str:
    """Why the shim cannot be had here; empty if it can."""
    if not sys.platform.startswith("linux"):
        return "the shim finds files by /proc"
    return "" if shutil.which("cc") else "no C compiler"


def build(folder: Path) -> Path:
    """Compile the shim."""
    library = folder / "shim.so"
    command = ["cc", "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"]
    made = subprocess.run(command, capture_output=True, text=True)
    if made.returncode:
        raise AssertionError(f"cc: {made.stderr}")
    return library


def environment(library: Path) -> dict[str, str]:
    """That of a process that has the shim."""
    paths = os.pathsep.join(path for path in sys.path if path)
    preload = os.pathsep.join(filter(None, [str(library), os.environ.get("LD_PRELOAD")]))
    quiet = {"OPENBLAS_NUM_THREADS": "1", "MEDIATYPES_QUIET": "1", "MEDIATYPES_CAPTURE": "none"}
    return {**os.environ, "PYTHONPATH": paths, "LD_PRELOAD": preload, LIBRARY: str(library), **quiet}


class Shim:
    """The shim in this process."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(os.environ[LIBRARY])
        self._library.fault_last.restype = ctypes.c_char_p

    def arm(self, below: Path, fault: Fault, spared: int = 0) -> None:
        """From now on calls on paths below a directory may fail, but for the kinds that are spared."""
        numbers = KINDS[fault.number] & ~spared, ctypes.c_long(fault.n), fault.number, int(fault.ever)
        self._library.fault_arm(os.fsencode(below), *numbers)

    def disarm(self) -> None:
        self._library.fault_disarm()

    def trace(self, descriptor: int) -> None:
        """Write a line for each call that might fail: its kind, and what it is."""
        self._library.fault_trace(descriptor)

    @property
    def last(self) -> str:
        """What failed last; empty if nothing did."""
        return os.fsdecode(self._library.fault_last())
