"""What a run tells whoever looks at the terminal: where it is, how it ended, and what could not be logged."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Callable
from pathlib import Path

from .._core.errors import Problem
from .._core.wording import counted


class Announcer:
    """Tells a line when a run begins and ends, and one for each kind of problem.

    Args:
        root: the run's directory.
        say: shows a line; None to tell nothing.
    """

    def __init__(self, root: Path, say: Callable[[str], None] | None) -> None:
        self._say, self._told = say, set[str]()
        self._path = shlex.quote(_shown(root))

    def started(self, step: int) -> None:
        """The run is open; `step` is that of its next row."""
        how = f"resumed at step {step} in" if step else "writing"
        self.say(f"{how} {self._path} (look: mediatypes view {self._path})")

    def ended(self, status: str, rows: int, problem_count: int) -> None:
        """The run is over, and has so many rows."""
        look = f"{counted(problem_count, 'problem')}: mediatypes show" if problem_count else "look: mediatypes view"
        self.say(f"{status} {self._path}, {counted(rows, 'row')} ({look} {self._path})")

    def problems(self, problems: list[Problem]) -> None:
        """These were recorded: the first of each kind is shown."""
        for problem in problems:
            if problem.code not in self._told:
                self._told.add(problem.code)
                self.say(str(problem))

    def say(self, line: str) -> None:
        """Show a line; where nothing can be shown, as on a full disk or when it was closed, the run goes on."""
        if self._say:
            with contextlib.suppress(OSError, ValueError):
                self._say(f"mediatypes: {line}")


def is_quiet(quiet: bool | None) -> bool:
    """Whether a run tells nothing: as it was asked to, or else if the environment variable MEDIATYPES_QUIET is set."""
    return os.environ.get("MEDIATYPES_QUIET", "") not in ("", "0") if quiet is None else quiet


def _shown(path: Path) -> str:
    """A path as short as it can be typed."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)
