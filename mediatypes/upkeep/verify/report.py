"""What a check found."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import NamedTuple

from ..._core.errors import Problem

_KEPT = 1000  # problems of one path; further ones are counted
_REMEMBERED = 2**20  # digests; more are forgotten, and what is met again counts as new


class Report(NamedTuple):
    """What the check of one path found: plain data, so that another process can send it."""

    path: str
    problems: tuple[Problem, ...] = ()
    more: int = 0  # problems beyond those
    notes: tuple[str, ...] = ()  # what is no problem, but good to know
    rows: int = 0
    documents: int = 0  # that differ
    sidecars: int = 0
    size: int = 0  # bytes of these sidecars
    unchecked: tuple[str, ...] = ()  # types that are not registered here
    error: str = ""  # why it could not be checked

    @property
    def code(self) -> int:
        """As an exit code: 0 fine, 1 problems, 2 not checked."""
        return 2 if self.error else 1 if self.problems else 0


class Findings:
    """Problems as they are found, each once; so many are kept that memory is bounded."""

    def __init__(self) -> None:
        self._problems: dict[Problem, None] = {}
        self.more = 0
        self.notes: list[str] = []

    def __bool__(self) -> bool:
        return bool(self._problems)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Those that are kept."""
        return tuple(self._problems)

    def add(self, problems: Iterable[Problem], where: str = "") -> None:
        """Note problems, their places below `where`."""
        for problem in problems:
            placed = problem._replace(path=".".join(filter(None, (where, problem.path))))
            if placed in self._problems:
                continue
            if len(self._problems) < _KEPT:
                self._problems[placed] = None
            else:
                self.more += 1


class Seen:
    """Which texts were met before."""

    def __init__(self) -> None:
        self.count = 0  # of different ones
        self._digests: set[bytes] = set()

    def is_new(self, text: str) -> bool:
        """Whether a text is met for the first time."""
        digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        if digest in self._digests:
            return False
        if len(self._digests) >= _REMEMBERED:
            self._digests.clear()
        self._digests.add(digest)
        self.count += 1
        return True
