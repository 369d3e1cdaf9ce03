"""Calls that are lined up by the steps of another counter, such as TensorBoard's `global_step`."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Collection
from queue import SimpleQueue
from time import monotonic, sleep

from .._core.errors import InputError, Problem, StoreError
from ..columns.log_cells import Named, number_kind
from .call_writer import CallWriter, Numbers

GLOBAL_STEP = "global_step"
STEP_IGNORED = Problem(
    "log.step",
    "expected no step= while TensorBoard is synced, got one, which is ignored: rows are lined up by global_step",
    "step-ignored",
    'Log it beside the values: {"custom": 0.8, "global_step": step}.',
)
_AT_LEAST = 0.002  # seconds between two writes of numbers
_AT_MOST = 0.01  # seconds that a number waits to be written
_LARGEST_STEP = 2**62  # of a global step that numbers a row: rows of 64 bits have to follow it


class GlobalSteps:
    """Chooses the rows of values that come with a global step, in whatever order these are.

    A value joins the open row if that has its global step and no value of its key yet. Else it begins a row, numbered
    as its global step if that is free, so that steps in order keep their numbers, and with the next free number
    otherwise: a counter that restarts, two writers that take turns, or a tag that is logged twice lose nothing.
    """

    def __init__(self) -> None:
        self.row = -1  # that was begun last
        self.global_step: int | None = None  # of that row
        self.keys: set[str] = set()  # that it has
        self._has_call = False  # one without a global step was logged into it

    def copy(self) -> GlobalSteps:
        """As it is now, to go back to when a call could not be written."""
        copy = GlobalSteps()
        copy.row, copy.global_step, copy.keys = self.row, self.global_step, set(self.keys)
        copy._has_call = self._has_call
        return copy

    def place(self, global_step: int | None, keys: Collection[str], current: int) -> tuple[int, bool]:
        """The row of a call, and whether it begins there.

        Args:
            global_step: of the call; without it the call joins the open row, but only one such call does.
            keys: that it logs.
            current: the run's open row, or the first free one.
        """
        is_open = self.row == current
        fits = not self._has_call if global_step is None else global_step == self.global_step
        begins = not (is_open and fits and self.keys.isdisjoint(keys))
        if begins:
            free = current + is_open
            self.row = free if global_step is None or global_step > _LARGEST_STEP else max(free, global_step)
            self.global_step, self.keys, self._has_call = global_step, set(keys), False
        else:
            self.keys.update(keys)
        self._has_call |= global_step is None
        return self.row, begins


class AlignedCalls:
    """Writes calls to the rows of their global steps.

    Everything is written when `add` returns. Single numbers are written together if they come thick and fast, after
    10 ms at the latest: to write each would cost more than the training's own logging.

    Args:
        writer: of the run.
        tell: is told why a number cannot be logged at all.
    """

    def __init__(self, writer: CallWriter, tell: Callable[[Problem], None]) -> None:
        self._writer, self._tell, self._steps = writer, tell, GlobalSteps()
        self._waiting: list[tuple[str, int, float, float]] = []
        self._unsynced: StoreError | None = None  # of numbers that are written, but perhaps not on the disk
        self._due = 0.0
        self._is_awake = self._is_closed = self._is_over = False
        self._wake = SimpleQueue[None]()  # not an event: an interrupt (Ctrl-C) of `set` may leave that locked for ever
        self._thread: threading.Thread | None = None

    def number(self, key: str, global_step: int, time: float, value: float) -> None:
        """Log one number, a float; appending to a list needs no lock.

        One that cannot be written waits: whoever logs something else, or finishes the run, hears of it.
        """
        if self._is_over:
            return
        self._waiting.append((key, global_step, time, value))
        if monotonic() >= self._due:
            with contextlib.suppress(StoreError):
                self.flush()
        elif not self._is_awake:
            self._is_awake = True
            self._wake_up()

    def add(self, cells: list[Named], global_step: int | None, time: float, commit: bool = False) -> int:
        """Log cells, and return their row; those of a call of `run.log` have their global step among them already."""
        with self._writer.lock:
            self.flush()
            keys = [key for key, _, _ in cells if key != GLOBAL_STEP]
            before, calls = self._steps.copy(), self._writer.calls
            row, begins = self._steps.place(global_step, keys, self._writer.step)
            if begins and global_step is not None and len(keys) == len(cells):
                cells = [(GLOBAL_STEP, number_kind(global_step), global_step), *cells]
            try:
                self._writer.add(row, time, cells, commit)
            except BaseException:
                if self._writer.calls == calls:
                    self._steps = before
                raise
            if unsynced := self._unsynced:
                self._unsynced = None
                raise unsynced
            return row

    def flush(self) -> None:
        """Write the numbers that wait; raises `StoreError`, and keeps those that are not written."""
        with self._writer.lock:
            waiting, self._waiting = self._waiting, []
            count = len(waiting)  # to be written at once
            try:
                while waiting:
                    before, calls = self._steps.copy(), self._writer.calls
                    try:
                        self._writer.put(self._calls(waiting[:count]))
                    except BaseException as error:
                        if self._writer.calls == calls:
                            self._steps = before
                            if not isinstance(error, InputError):
                                raise
                            if count > 1:  # the run takes some of them: one by one
                                count = 1
                                continue
                            for problem in error.problems:
                                self._tell(problem)
                        elif isinstance(error, StoreError):
                            self._unsynced = error  # whoever logs something else hears of it
                        else:
                            del waiting[:count]
                            raise
                    del waiting[:count]
            finally:
                self._waiting[:0] = waiting
                self._due = monotonic() + _AT_LEAST

    def close(self) -> None:
        """Write what waits; nothing is to be logged any more."""
        self._is_closed = True
        self._wake.put(None)
        if self._thread:
            self._thread.join()
        self.flush()

    def forget(self) -> None:
        """The run is over, or is another process's: numbers that still come are in the event file only."""
        self._is_over = True

    def _calls(self, waiting: list[tuple[str, int, float, float]]) -> list[Numbers]:
        """Consecutive numbers of one row are one call."""
        steps, numbers = self._steps, list[Numbers]()
        current, keys, values, time, codes = self._writer.step, list[str](), list[float](), 0.0, "d"

        def end() -> None:
            if keys:
                numbers.append((tuple(keys), codes + "d" * (len(keys) - 1), current, time, tuple(values)))

        for key, global_step, stamp, value in waiting:
            row, begins = steps.place(global_step, (key,), current)
            if begins:
                end()
                keys, values, codes = [GLOBAL_STEP, key], [global_step, value], "q"
            else:
                keys.append(key)
                values.append(value)
            current, time = row, stamp
        end()
        return numbers

    def _wake_up(self) -> None:
        if self._thread is None:
            with self._writer.lock:
                if self._thread is None:
                    thread = threading.Thread(target=self._work, name="mediatypes-aligned", daemon=True)
                    thread.start()
                    self._thread = thread
        self._wake.put(None)

    def _work(self) -> None:
        """Write what waits, as long as numbers come."""
        while not self._is_closed:
            self._wake.get()
            while self._waiting and not self._is_closed:
                sleep(_AT_MOST)
                with contextlib.suppress(StoreError, Warning):  # a warning that is made an error
                    self.flush()
            self._is_awake = False
            if self._waiting:  # came in this moment
                self._wake.put(None)


def split_global_step(cells: list[Named]) -> int | None:
    """The global step that is among the cells of a call, if it is a whole number."""
    step = next((value for key, kind, value in cells if key == GLOBAL_STEP and kind in ("number", "integer")), None)
    return int(step) if step is not None and float(step).is_integer() and abs(step) < 2**63 else None
