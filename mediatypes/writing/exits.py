"""How a script ends, as the status of the runs that it leaves open."""

from __future__ import annotations

import builtins
import functools
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

_LONGEST = 1000, 19_000  # characters of an exception's text and of its traceback that are kept
_watching: list[Callable[[SystemExit], None]] = []


def status_of(error: BaseException | None) -> str:
    """The status of a run that this exception ended, or that ended without one."""
    if isinstance(error, SystemExit):
        return "finished" if error.code is None or error.code == 0 else "failed"
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    return "finished" if error is None else "failed"


def exit_of(error: BaseException | None) -> dict[str, Any]:
    """What `run.json` says of the exception that ended a run: the process's exit code, the exception and its traceback.

    The traceback has no values of variables. What is long is cut: of the exception the end, of the traceback the
    beginning, which is farthest from where it was raised.
    """
    if error is None:
        return {}
    if isinstance(error, SystemExit):
        plain = error.code is None or isinstance(error.code, int)
        return {"code": int(error.code or 0) if plain else 1, **({} if plain else {"exception": _said(error)})}
    lines = traceback.TracebackException.from_exception(error, capture_locals=False).format()
    trace = "".join(lines)
    trace = trace if len(trace) <= _LONGEST[1] else f"...{trace[-_LONGEST[1] :]}"
    code = 130 if isinstance(error, KeyboardInterrupt) else 1
    return {"code": code, "exception": _said(error), "traceback": _encodable(trace)}


def _said(error: BaseException) -> str:
    """An exception as the last line of its traceback, without notes."""
    line = next(traceback.TracebackException.from_exception(error).format_exception_only(), type(error).__name__)
    return _encodable(line.strip()[: _LONGEST[0]])


def _encodable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def watch_exit(called: Callable[[SystemExit], None]) -> None:
    """Tell `called` of each `sys.exit`, `exit` and `quit` of the main thread; the interpreter itself tells nobody."""
    if not _watching:
        _watch()
    _watching[:] = [called]


def _watch() -> None:
    original = sys.exit

    @functools.wraps(original)
    def exit(status: object = None, /) -> NoReturn:
        _tell(status)
        original(status)  # type: ignore[arg-type]

    sys.exit = exit
    quitter: Any = type(getattr(builtins, "exit", None))
    if quitter.__module__ == "_sitebuiltins":  # what the interpreter brings for sessions, and scripts use too
        quit = quitter.__call__

        @functools.wraps(quit)
        def call(self: Any, code: object = None) -> None:
            _tell(code)
            quit(self, code)

        quitter.__call__ = call


def _tell(status: object) -> None:
    if threading.current_thread() is threading.main_thread():
        for called in _watching:
            called(SystemExit(status))


def last_error() -> BaseException | None:
    """The exception that ended the script; None in a session, where it is only the last that was shown."""
    error = getattr(sys, "last_value", None)
    return error if isinstance(error, BaseException) and not hasattr(sys, "ps1") else None
