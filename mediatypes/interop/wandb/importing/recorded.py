"""What a run recorded by itself: its console, as the file of a run folder."""

from __future__ import annotations

from pathlib import Path

from ...._core.atomic import temporary_name
from ....capture.tee import ConsoleLog, Framer
from ....runfolder.console import CONSOLE


class Recorded:
    """Writes `console.log` into the folder of a run that is made.

    Args:
        root: that folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._framers = {"out": Framer(), "err": Framer()}
        self._log: ConsoleLog | None = None
        self._now = 0.0  # time of the last output

    def print(self, time: float, stream: str, data: bytes) -> None:
        """Take what was printed, in whatever pieces."""
        self._now = time
        self._write(stream, self._framers[stream].feed(data))

    def finish(self) -> list[str]:
        """Complete the files; returns the names of those that there are."""
        for stream, framer in self._framers.items():
            self._write(stream, framer.rest())
        self.close()
        return [name for name in (CONSOLE,) if (self._root / name).exists()]

    def close(self) -> None:
        """Close the files."""
        if self._log is not None:
            self._log.close()
        self._log = None

    def _write(self, stream: str, lines: list[str]) -> None:
        if lines and self._log is None:
            self._log = ConsoleLog(str(self._root / CONSOLE), temporary_name(CONSOLE))
        if lines and self._log is not None:
            self._log.write([(stream, line) for line in lines], self._now)
