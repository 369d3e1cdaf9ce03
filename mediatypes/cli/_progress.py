"""A progress bar for what takes long, on a terminal only."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from . import _terminal

_WIDTH = 24
_SECONDS = 0.1  # between two drawings


class Progress:
    """A line on stderr that says how much is done, removed at the end; nothing is written if it is no terminal.

    Args:
        what: is being done.
        total: how many steps there are; 0 if nobody knows.

    >>> with Progress("verify", 2) as progress:
    ...     for run in ("a", "b"):
    ...         progress.step()
    """

    def __init__(self, what: str, total: int = 0) -> None:
        self._what, self._total, self._done, self._at = what, total, 0, ""
        self._began = time.monotonic()
        self._drawn = self._began  # work that is done at once needs no bar
        self._screen = _terminal.stderr()

    def step(self, count: int = 1) -> None:
        """Say that so many more are done."""
        self.show(self._done + count, self._total)

    def show(self, done: int, total: int, now_at: str = "") -> None:
        """Say how many of how many are done, and what is at hand."""
        self._done, self._total, self._at = done, total, now_at
        now = time.monotonic()
        if self._screen.is_terminal and now - self._drawn >= _SECONDS:
            self._drawn = now
            self._screen.draw([self._line(now - self._began)])

    def _line(self, seconds: float) -> str:
        if not self._total:
            return f"{self._what}: {self._done}, {seconds:.0f} s"
        done = min(self._done / self._total, 1.0)
        bar = ("#" * round(done * _WIDTH)).ljust(_WIDTH, ".")
        left = f", {seconds / done - seconds:.0f} s left" if done else ""
        return f"{self._what} [{bar}] {self._done:,} of {self._total:,}{left}  {self._at[:40]}".rstrip()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._screen.clear()
