"""What those use of a run who log to it beside `Run.log`: the writers of TensorBoard, which are captured."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .._core.errors import Problem, StoreError
from .aligned import AlignedCalls
from .call_writer import CallWriter
from .config import Config


class WriterHook:
    """Logs into a run that is open, in rows that are lined up by a global step.

    Args:
        path: the run's directory.
        config: of the run.
        writer: of its calls.
        tell: warns of a problem, and keeps it in the run.
    """

    def __init__(self, path: Path, config: Config, writer: CallWriter, tell: Callable[[Problem], None]) -> None:
        self.path, self.config = path, config
        self.is_open = True
        self.aligned: AlignedCalls | None = None
        self._writer, self._tell = writer, tell
        self._said: set[Problem] = set()
        self._finishers: list[Callable[[], None]] = []
        self._finishing = threading.RLock()  # another thread that finishes the run waits for all of them
        self.offered: dict[str, Any] = {}  # values by key for the row of the next call of `log`

    @property
    def lock(self) -> threading.RLock:
        """Whoever logs to the run holds it."""
        return self._writer.lock

    @property
    def durable(self) -> bool:
        """Whether files of the run are to be on the disk before they count: it was opened with `fsync`."""
        return self._writer.syncer is not None

    def align(self) -> AlignedCalls:
        """Line up all calls of the run by their global step from now on; returns what writes them."""
        with self.lock:
            self._writer.forget_quick()
            if self.aligned is None:
                self.aligned = AlignedCalls(self._writer, self.say_once)
                self.before_finish(self.aligned.close, last=True)
            return self.aligned

    def offer(self, values: dict[str, Any]) -> None:
        """Let the next call of `log` have these values as well; a key that it has itself is its own."""
        with self.lock:
            if self.is_open and values:
                self.offered |= values
                self._writer.forget_quick()  # that call is looked at

    def before_finish(self, finisher: Callable[[], None], last: bool = False) -> None:
        """Let a function be called before the run is finished, before or after all that were given till now.

        One that raises is called again when the run is finished again.
        """
        self._finishers.insert(0 if last else len(self._finishers), finisher)

    def run_finishers(self) -> None:
        """Call what is to be called before the run is finished. The caller does not hold the lock: it may wait."""
        with self._finishing:
            while self._finishers:
                finisher = self._finishers[-1]
                finisher()
                with contextlib.suppress(ValueError):  # a signal handler has finished the run in the middle of this one
                    self._finishers.remove(finisher)

    def say_once(self, problem: Problem) -> None:
        """Warn of something, and keep it in the run; only the first time."""
        if problem not in self._said:
            self._said.add(problem)
            try:
                self._tell(problem)
            except StoreError:  # it is not in the run; a warning that is made an error comes after that
                self._said.discard(problem)
                raise

    def close(self) -> None:
        """The run is over: nothing is logged any more."""
        self.is_open = False
        if self.aligned:
            self.aligned.forget()

    def forget(self) -> None:
        """Do nothing more, in a forked child, which shares the run's file."""
        self.close()
        self._finishers, self._finishing = [], threading.RLock()
