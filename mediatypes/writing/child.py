"""A run in other processes: what `Run.child` gives, and what a pickled run becomes."""

from __future__ import annotations

import operator
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .ranks import Free

_opening = threading.RLock()


class RunChild:
    """Logs to a run that another process has open; may be pickled, and kept in a data set or a worker.

    Each process that logs with it is a rank of the run, with a number of its own from 1 000 000 on, which no process of
    the job has; it opens a journal of its own when it logs for the first time. Its rows are united with those of the
    others by step, and `_rank` says whose they are. When the run is finished, its children's right to log ends: join
    them before.

    Args:
        begin: opens the run in this process.
        path: the run's directory.
        start: the step of a process's first row, if it gives none.
    """

    def __init__(self, begin: Callable[..., Any], path: Path, start: int) -> None:
        self._begin, self.path, self._start = begin, path, start
        self._run: Any = None
        self._pid = 0  # of the process that opened it

    def log(self, data: Mapping[str, Any], step: int | None = None, commit: bool | None = None) -> None:
        """Log a row of values, or add to one, as `Run.log` does."""
        self._opened(step).log(data, step, commit)

    @property
    def step(self) -> int:
        """The step that the next call of `log` without `step` goes to: at first that at which the child was made."""
        return int(self._opened().step)

    @property
    def rank(self) -> int:
        """The number of this process among those that log to the run."""
        return int(self._opened().rank)

    def finish(self) -> None:
        """Log no more from this process. A process that ends without it loses nothing."""
        if self._run is not None and self._pid == os.getpid():
            self._run.finish()

    def _opened(self, step: Any = None) -> Any:
        """The run in this process; `step` is that of the first row, if it has one."""
        with _opening:
            if self._run is None or self._pid != os.getpid():
                first = max(operator.index(step), 0) if hasattr(step, "__index__") else None
                self._run, self._pid = self._begin(rank=Free(self._start, first)), os.getpid()
            return self._run

    def __reduce__(self) -> Any:
        return RunChild, (self._begin, self.path, self._start)

    def __repr__(self) -> str:
        return f"RunChild({str(self.path)!r})"


def _renew() -> None:
    global _opening
    _opening = threading.RLock()  # another thread may have held it


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
