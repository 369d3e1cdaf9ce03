"""How a process grows while it logs."""

from __future__ import annotations

import os
from itertools import cycle, islice
from pathlib import Path

from ._loggers import IN_MEMORY, OURS, make_rows, open_logger
from .harness import Contender, Figures, at_most, benchmark, fresh

_STATUS = Path("/proc/self/statm")
_ROWS = 1_000_000


def growth(logger: str, rows: int, scratch: str) -> Figures:
    """Growth of the resident memory from the first row to the last, before finishing."""
    prepared = make_rows(1000, 5)
    with open_logger(logger, Path(scratch)) as log:
        log(prepared[0])
        before = _resident()
        for row in islice(cycle(prepared), rows):
            log(row)
        return {"RSS growth MB": (_resident() - before) / 1e6}


def _resident() -> int:
    return int(_STATUS.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if _STATUS.exists():  # elsewhere the standard library tells only the peak

    @benchmark("memory", "RSS growth over 1M rows of 5 scalars", at_most("RSS growth MB", 10, worst=True), rounds=3)
    def _memory(scratch: Path) -> list[Contender]:
        return [
            Contender(logger, fresh(__name__, growth.__name__, logger, _ROWS, str(scratch)))
            for logger in (OURS, IN_MEMORY)
        ]
