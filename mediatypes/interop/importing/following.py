"""Looking at logs again and again while others write them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from ..._core.errors import InputError
from .report import FollowState, ImportReport

_MAX_PAUSE_SECONDS = 1.0  # seconds between two looks, unless more is asked for


class Follower(Protocol):
    """Who follows logs: `poll()` is called again and again, and `finish()` at the end."""

    listing: float  # seconds that listing the files took last

    def poll(self) -> bool:
        """Take what is new; returns whether there was anything."""
        ...

    def state(self) -> FollowState:
        """How far it is; tells each problem once."""
        ...

    def finish(self) -> ImportReport:
        """Import all that is there."""
        ...


def check_seconds(interval: float, idle: float | None) -> None:
    """Raise InputError if these are no seconds."""
    for name, seconds in (("interval", interval), ("idle", 0 if idle is None else idle)):
        if type(seconds) not in (int, float) or not 0 <= seconds < threading.TIMEOUT_MAX:
            raise InputError.of(name, "seconds, 0 or more", seconds, "Leave it out, or pass 1.0.")


class StopCondition:
    """When to end: `stop()` says so, or nothing new came for `idle` seconds."""

    def __init__(self, stop: Callable[[], bool] | None, idle: float | None) -> None:
        self._stop, self._idle = stop, idle
        self.last = time.monotonic()  # when something came

    def __call__(self) -> bool:
        is_idle = self._idle is not None and time.monotonic() - self.last >= self._idle
        return is_idle or bool(self._stop and self._stop())


def wait_for(path: Path, until: StopCondition, interval: float) -> bool:
    """Wait until a path exists; False if it is time to end before."""
    while not path.exists():
        if until():
            return False
        time.sleep(interval)
    return True


def follow_until(
    follower: Follower, until: StopCondition, interval: float, on_change: Callable[[FollowState], None] | None
) -> ImportReport:
    """Poll until it is time to end or the process is interrupted; then finish."""
    try:
        while True:
            began = time.monotonic()
            if follower.poll():
                until.last = time.monotonic()
                if on_change:
                    on_change(follower.state())
            if until():
                break
            rest = min(
                4 * follower.listing, _MAX_PAUSE_SECONDS
            )  # where there are very many files, all of a core is not for them
            time.sleep(max(interval - (time.monotonic() - began), rest))
    finally:
        report = follower.finish()
    return report
