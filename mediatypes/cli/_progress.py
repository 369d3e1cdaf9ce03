"""How far a command has come, as one line of a terminal that is written over."""

from __future__ import annotations

from types import TracebackType
from typing import Self, TextIO

_WIDTH = 30


class Bar:
    """A progress bar; shows nothing where the stream is no terminal."""

    def __init__(self, stream: TextIO, unit: str) -> None:
        self._stream, self._unit, self._shown = stream, unit, stream.isatty()

    def show(self, done: int, total: int, name: str) -> None:
        """Draw the bar anew."""
        if self._shown:
            filled = _WIDTH * done // max(total, 1)
            bar = "#" * filled + "." * (_WIDTH - filled)
            self._stream.write(f"\r\x1b[K{bar} {done:,} of {total:,} {self._unit}  {name[:40]}")
            self._stream.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
