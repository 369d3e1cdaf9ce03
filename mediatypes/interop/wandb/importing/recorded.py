"""What a run recorded by itself: its console and the state of its machine, as the files of a run folder."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any, BinaryIO

from ...._core import canonical
from ...._core.atomic import temporary_name
from ....capture.tee import ConsoleLog, Framer
from ....runfolder import files
from ....runfolder.console import CONSOLE
from ....runfolder.system import TIME, finish_system

_NAMES = {  # measures that mean the same here and at W&B; others keep W&B's names
    "memory_percent": "memory.percent",
    "proc.cpu.threads": "process.threads",
}
_GPU_NAMES = {
    "gpu": "percent",
    "memoryAllocated": "memory_percent",
    "memoryAllocatedBytes": "memory_bytes",
    "temp": "temperature_celsius",
    "powerWatts": "power_watts",
}
_GPU = re.compile(r"gpu\.(\d+)\.(\w+)")
_RSS, _MEBIBYTE = "proc.memory.rssMB", 2**20


class Recorded:
    """Writes `console.log` and `system.parquet` into the folder of a run that is made.

    Args:
        root: that folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._framers = {"out": Framer(), "err": Framer()}
        self._log: ConsoleLog | None = None
        self._samples: BinaryIO | None = None
        self._now, self._last = 0.0, -math.inf  # times of the last output, and of the last sample

    def print(self, time: float, stream: str, data: bytes) -> None:
        """Take what was printed, in whatever pieces."""
        self._now = time
        self._write(stream, self._framers[stream].feed(data))

    def sample(self, time: float, values: dict[str, Any]) -> None:
        """Take what was measured of the machine."""
        measured = dict(_measures(values))
        if not measured or not math.isfinite(time):
            return
        self._last = max(time, math.nextafter(self._last, math.inf))  # of equal times both count
        if self._samples is None:
            self._samples = open(self._root / files.SYSTEM_LINES, "wb")  # noqa: SIM115 - see `close`
        self._samples.write(canonical.dump_bytes({TIME: self._last, **measured}) + b"\n")

    def finish(self, run: dict[str, Any]) -> list[str]:
        """Complete the files of a run, by its `run.json`; returns the names of those that there are."""
        for stream, framer in self._framers.items():
            self._write(stream, framer.rest())
        self.close()
        finish_system(self._root, run)
        return [name for name in (CONSOLE, files.SYSTEM) if (self._root / name).exists()]

    def close(self) -> None:
        if self._log is not None:
            self._log.close()
        if self._samples is not None:
            self._samples.close()
        self._log = self._samples = None

    def _write(self, stream: str, lines: list[str]) -> None:
        if lines and self._log is None:
            self._log = ConsoleLog(str(self._root / CONSOLE), temporary_name(CONSOLE))
        if lines and self._log is not None:
            self._log.write([(stream, line) for line in lines], self._now)


def _measures(values: dict[str, Any]) -> list[tuple[str, float]]:
    """Names and numbers of what W&B measured, under our names where there is one."""
    measured = []
    for name, value in values.items():
        if type(value) not in (int, float) or not math.isfinite(value):
            continue
        if name == _RSS:
            name, value = "process.memory_bytes", value * _MEBIBYTE
        elif (gpu := _GPU.fullmatch(name)) and gpu[2] in _GPU_NAMES:
            name = f"gpu.{gpu[1]}.{_GPU_NAMES[gpu[2]]}"
        measured.append((_NAMES.get(name, name), float(value)))
    return measured
