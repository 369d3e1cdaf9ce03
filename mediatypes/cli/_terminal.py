"""Lines that are drawn again in place: the one writer of progress bars, the board of `watch` and the line of `sync`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TextIO


class InPlace:
    """Lines at the end of a stream that the next drawing replaces. Nothing is written where it is no terminal.

    Args:
        stream: stdout or stderr; None, as where there is no console, is no terminal.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream if stream is not None and stream.isatty() else None
        self._lines = 0

    @property
    def is_terminal(self) -> bool:
        """Whether lines are drawn at all."""
        return self._stream is not None

    def draw(self, lines: Sequence[str]) -> None:
        """Show these lines instead of those before; they must fit into the terminal."""
        # Without wrapping: a letter may be wider than one column.
        self._write(f"{self._back()}\x1b[?7l" + "\n".join(lines) + "\x1b[?7h")
        self._lines = len(lines)

    def clear(self) -> None:
        """Take the lines away."""
        if self._lines:
            self._write(self._back())
            self._lines = 0

    def keep(self) -> None:
        """Leave the lines where they are; what follows stands below them."""
        if self._lines:
            self._write("\n")
            self._lines = 0

    def _back(self) -> str:
        return ("\r" if self._lines < 2 else f"\x1b[{self._lines - 1}F") + "\x1b[J"

    def _write(self, text: str) -> None:
        if self._stream is not None:
            print(text, end="", file=self._stream, flush=True)


def stdout() -> InPlace:
    """Lines on stdout, whatever that is now."""
    return InPlace(sys.stdout)


def stderr() -> InPlace:
    """Lines on stderr, beside the output."""
    return InPlace(sys.stderr)
