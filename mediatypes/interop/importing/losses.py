"""What is wrong with a log: the first problems in full, all of them counted."""

from __future__ import annotations

from collections.abc import Iterable

from ..._core.errors import Problem

_MOST = 100  # that are kept in full


class Losses:
    """Gathers problems.

    Args:
        problems, unlisted_count: of an earlier reading: those in full, and how many there were beyond.
    """

    def __init__(self, problems: Iterable[Problem] = (), unlisted_count: int = 0) -> None:
        self.problems, self.unlisted_count = list(problems), unlisted_count

    def add(self, *problems: Problem) -> None:
        free = max(_MOST - len(self.problems), 0)
        self.problems += [problem.encodable() for problem in problems[:free]]
        self.unlisted_count += len(problems[free:])

    def all(self, path: str = "") -> list[Problem]:
        """Those in full, and how many there are beyond, as a problem at `path`."""
        if not self.unlisted_count:
            return list(self.problems)
        text = f"expected no more than {_MOST} problems, got {self.unlisted_count} more"
        return [*self.problems, Problem(path, text, "many")]
