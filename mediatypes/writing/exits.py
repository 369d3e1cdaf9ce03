"""How a script ends, as the status of the runs that it leaves open."""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable
from typing import NoReturn

_watching: list[Callable[[str], None]] = []


def status_of(error: BaseException | None) -> str:
    """The status of a run that this exception ended, or that ended without one."""
    if isinstance(error, SystemExit):
        return "finished" if error.code is None or error.code == 0 else "failed"
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    return "finished" if error is None else "failed"


def watch_exit(called: Callable[[str], None]) -> None:
    """Tell `called` the status that each `sys.exit` of the main thread means; the interpreter itself tells nobody."""
    if not _watching:
        _watch()
    _watching[:] = [called]


def _watch() -> None:
    original = sys.exit

    @functools.wraps(original)
    def exit(status: object = None, /) -> NoReturn:
        if threading.current_thread() is threading.main_thread():
            for called in _watching:
                called(status_of(SystemExit(status)))
        original(status)  # type: ignore[arg-type]

    sys.exit = exit


def last_error() -> BaseException | None:
    """The exception that ended the script; None in a session, where it is only the last that was shown."""
    error = getattr(sys, "last_value", None)
    return error if isinstance(error, BaseException) and not hasattr(sys, "ps1") else None
