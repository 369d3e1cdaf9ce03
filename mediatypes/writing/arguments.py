"""What is passed to `Run`, checked; and the directory of a run that was given none."""

from __future__ import annotations

import os
import re
import threading
import time
from pathlib import Path
from typing import Any

from .._core.errors import InputError, Problem, StoreError, os_error, problem
from .._core.location import local_path
from ..store.urls import is_url

_LONGEST = 40  # letters of a name in that of a directory
CAPTURES = ("environment", "git", "console", "system")  # what a run records by itself
_DEFAULT_CAPTURES = frozenset({"environment", "git"})
_ALL, _NONE = ("all", "true", "1"), ("none", "false", "0")


def check_options(on_error: Any, mode: Any, from_step: Any, capture: Any, **seconds: Any) -> None:
    """Raises `InputError` with every problem of these arguments of `Run`; `seconds` are times to wait."""
    problems = [
        *_one_of("Run.on_error", on_error, ("raise", "record"), "Leave it out to raise."),
        *_one_of("Run.mode", mode, ("create", "resume", "allow"), "Leave it out to begin a new run."),
    ]
    problems += _read_captures(capture)[1]
    for name, given in seconds.items():
        if not (type(given) in (int, float) and 0 <= given < threading.TIMEOUT_MAX):
            problems.append(problem(f"Run.{name}", "seconds, 0 or more", given, "Leave it out, or pass 1.0."))
    if from_step is not None:
        if type(from_step) is not int or not 0 <= from_step < 2**63:
            hint = "Pass the step of the checkpoint."
            problems.append(problem("Run.from_step", "an integer, 0 or more", from_step, hint))
        if mode != "resume":
            problems.append(problem("Run.from_step", 'mode="resume"', mode, 'Pass mode="resume" as well.'))
    if problems:
        raise InputError(problems)


def captures(capture: Any) -> frozenset[str]:
    """What a run records by itself, once `check_options` has passed: as it was asked to, else as the environment
    variable MEDIATYPES_CAPTURE says."""
    return _read_captures(capture)[0]


def _read_captures(capture: Any) -> tuple[frozenset[str], list[Problem]]:
    where = "Run.capture"
    if capture is None:
        where, text = "MEDIATYPES_CAPTURE", os.environ.get("MEDIATYPES_CAPTURE", "").strip().lower()
        if not text:
            return _DEFAULT_CAPTURES, []
        capture = True if text in _ALL else [] if text in _NONE else re.split(r"[\s,]+", text.strip(","))
    if isinstance(capture, bool):
        return frozenset(CAPTURES if capture else ()), []
    if not isinstance(capture, (list, tuple)):
        return frozenset(), [problem(where, "True, False, or a list of names", capture, f"Pass {list(CAPTURES)!r}.")]
    hint = 'Pass ["environment", "git"], for example.'
    problems = [wrong for name in capture for wrong in _one_of(where, name, CAPTURES, hint)]
    return frozenset(name for name in CAPTURES if name in capture), problems


def check_status(status: Any) -> None:
    """Raises `InputError` unless a run can be finished so."""
    hint = 'Leave it out, or pass "failed" if the training did not end as it should.'
    if problems := _one_of("finish.status", status, ("finished", "failed"), hint):
        raise InputError(problems)


def _one_of(where: str, given: Any, choices: tuple[str, ...], hint: str) -> list[Problem]:
    named = " or ".join(", ".join(map(repr, choices)).rsplit(", ", 1))
    return [] if given in choices else [problem(where, named, given, hint)]


def rank_path(path: str | os.PathLike[str] | None) -> Path:
    """The directory of a run that several ranks log to; raises `InputError` for none."""
    if path is None:
        raise InputError.of("Run.path", "the directory that all ranks log to", path, "Pass the same path on each rank.")
    return run_path(path, "create", None, None)


def run_path(path: str | os.PathLike[str] | None, mode: str, name: str | None, project: str | None) -> Path:
    """The directory of a run; without a path a new one, below `MEDIATYPES_DIR` or `./runs`.

    Raises:
        InputError: no path, or none of this machine.
        StoreError: the directory cannot be made.
    """
    if is_url(path):
        hint = "Pass a directory to write to, and the URL as remote=."
        raise InputError.of("Run.path", "a directory of this machine", path, hint)
    if path is not None:
        return local_path(path, "Run.path")
    if mode != "create":
        raise InputError.of("Run.path", "the directory of the run to resume", path, "Pass it, or leave out mode=.")
    root = local_path(os.environ.get("MEDIATYPES_DIR") or "runs", "MEDIATYPES_DIR")
    short = re.sub(r"[^\w.-]+", "-", name or project or "").strip("-.")[:_LONGEST] or "run"
    stem = f"{time.strftime('%Y%m%d-%H%M%S')}-{short}"
    number, folder = 1, root / stem
    try:
        root.mkdir(parents=True, exist_ok=True)
        while True:
            try:
                folder.mkdir()
                return folder
            except FileExistsError:  # made by another run of this second
                number, folder = number + 1, root / f"{stem}-{number + 1}"
    except OSError as error:
        hint = "Pass a path, or set MEDIATYPES_DIR to a writable directory."
        raise os_error(StoreError, str(folder), "make the run's directory", error, hint) from error
