"""The problems of a run that is being written: kept in its journal, and told once of each kind."""

from __future__ import annotations

from collections.abc import Callable

from .._core.errors import Problem
from ..journal import frames


class ProblemLog:
    """What could not be logged, and warnings.

    Args:
        append: writes a frame into the journal.
        tell: is told of problems.
    """

    def __init__(self, append: Callable[[bytes], None], tell: Callable[[list[Problem]], None]) -> None:
        self.all: list[Problem] = []
        self.unrecorded: list[Problem] = []  # those that the journal did not take yet
        self._append, self._tell = append, tell

    def add_recorded(self, problems: list[Problem]) -> None:
        """Tell of problems that `finish` has seen and recorded."""
        self.all += problems
        self._tell(problems)

    def note(self, problems: list[Problem], row: int, tell: bool = True) -> None:
        """Keep problems of a row; the journal may be what fails, so they are kept here first, each once."""
        problems = [problem.encodable() for problem in problems if problem not in self.unrecorded]
        self.all += problems
        self.unrecorded += problems
        if tell:
            self._tell(problems)
        while self.unrecorded:
            self._append(frames.json_frame(frames.PROBLEM, {**self.unrecorded[0]._asdict(), "step": row}))
            self.unrecorded.pop(0)
