"""Which process did something, and whether it still runs."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
from pathlib import Path
from typing import Any


def this_process() -> dict[str, Any]:
    """Host, process id and, where the system tells, when this process began (ids are used again)."""
    return {"host": socket.gethostname(), "pid": os.getpid(), "began": _began(os.getpid())}


def is_alive(process: dict[str, Any]) -> bool | None:
    """Whether a process, as `this_process` describes it, still runs; None if it is on another host."""
    if process.get("host") != socket.gethostname():
        return None
    pid = process.get("pid")
    if not isinstance(pid, int) or pid <= 0:
        return False
    if pid == os.getpid():
        return process.get("began") in (None, _began(pid))
    if sys.platform == "win32":  # os.kill(pid, 0) would end it there
        return None
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return process.get("began") in (None, _began(pid))


def is_this_process(process: dict[str, Any]) -> bool:
    """Whether a description is that of this process."""
    return process.get("pid") == os.getpid() and is_alive(process) is True


def runs_script_again() -> bool:
    """Whether this process of multiprocessing imports the script that started it, before it does its work."""
    multiprocessing = sys.modules.get("multiprocessing.process")
    return multiprocessing is not None and getattr(multiprocessing.current_process(), "_inheriting", False)


_LAUNCHERS = {  # rank and number of processes, as torchrun, Slurm and MPI tell them
    "RANK": "WORLD_SIZE",
    "SLURM_PROCID": "SLURM_NTASKS",
    "OMPI_COMM_WORLD_RANK": "OMPI_COMM_WORLD_SIZE",
    "PMI_RANK": "PMI_SIZE",
}


def rank() -> int | None:
    """The number of this process among those of a distributed job, as its launcher tells it."""
    return next((number for number in map(_variable, _LAUNCHERS) if number is not None), None)


def wrong_rank() -> tuple[str, str, str] | None:
    """A variable that says no rank, or none of its job: its name, what it should say, and what it says."""
    given = [(rank, size) for rank, size in _LAUNCHERS.items() if os.environ.get(rank)]
    if not given or any(_is_of_job(*names) for names in given):
        return None
    name, size = given[0]
    expected = f"a number below {size}={os.environ[size]}" if _variable(size) else "the number of a rank"
    return name, expected, os.environ[name]


def _is_of_job(name: str, size: str) -> bool:
    number = _variable(name)
    return number is not None and number < (_variable(size) or number + 1)


def job_size() -> int:
    """So many processes the distributed job has, as the launcher that says the rank tells it; 1 without one."""
    size = next((size for rank, size in _LAUNCHERS.items() if _variable(rank) is not None), "WORLD_SIZE")
    return max(_variable(size) or 1, 1)


def _variable(name: str) -> int | None:
    text = os.environ.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 10 else None


def _began(pid: int) -> str | None:
    """The start time of a process in clock ticks since boot (proc(5), stat field 22); None where there is no /proc."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]


class ForkSafeLock:
    """A lock for as long as a program runs, which a thread may take again; a forked child finds it free.

    Whichever thread held it when the process was copied is not in the child, and would never give it back there.
    """

    def __init__(self) -> None:
        self._renew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(RuntimeError):  # this thread has forked, and is in the child
            self._lock.release()
