"""`console.log`: what a run's process and those that it started have printed, read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from .._core.errors import StoreError, os_error
from .._core.location import Location

CONSOLE = "console.log"
_LONGEST = 2**20  # bytes of a line that is read; ours have less
_LINE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z) (\w+) (.*)\n", re.DOTALL)


class ConsoleLine(NamedTuple):
    """A line that was printed: when, in seconds since the epoch; "out" or "err"; and its text.

    The stream "cut" says that lines are missing here, and how many.
    """

    time: float
    stream: str
    text: str


def read_console(root: Location) -> Iterator[ConsoleLine]:
    """The lines of a run's console in their order; none without a log. Others than such lines are left out.

    Raises:
        StoreError: the system refused.
    """
    path = root / CONSOLE
    try:
        if not path.is_file():
            return
        with path.open("rb") as file:
            while data := file.readline(_LONGEST):
                matched = _LINE.fullmatch(data.decode("utf-8", "replace"))
                if matched and (time := _seconds(matched[1])) is not None:
                    yield ConsoleLine(time, matched[2], matched[3])
    except OSError as error:
        raise os_error(StoreError, str(path), "read the console", error, "Check permissions.") from error


def _seconds(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return None
