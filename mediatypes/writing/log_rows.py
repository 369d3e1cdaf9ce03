"""Logging rows: the part of `Run` that every call of a training script goes through."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from functools import partial
from typing import Any

from .._core.errors import InputError, Problem, StoreError, problem
from ..columns import log_cells
from ..journal.calls import checked_step, take_timestamp, too_many
from .aligned import STEP_IGNORED, split_global_step
from .call_writer import CallWriter
from .hook import WriterHook
from .problems import ProblemLog


class LogsRows:
    """Methods of `Run`, which has what is declared here."""

    _writer: CallWriter
    _hook: WriterHook
    _problems: ProblemLog
    _lock: Any
    _record: bool
    _resumed_at: int
    _encode: partial[dict[str, Any]]
    _paths: dict[str, tuple[str, ...]]
    _require_open: Any
    _forward: Any
    _store: Any
    _report: Any

    @property
    def step(self) -> int:
        """The step that the next call of `log` without `step` goes to."""
        return max(self._writer.step, self._writer.start)

    @property
    def problems(self) -> list[Problem]:
        """What could not be logged with `on_error="record"`, and warnings."""
        return self._problems.all

    def log(self, data: Mapping[str, Any], step: int | None = None, commit: bool | None = None) -> None:
        """Log a row of values, or add to one.

        Without `step` the call completes the current row and the next call begins a new one; `commit=False` leaves
        the row open for more. With `step` the call goes to the row of that step, which stays open until a later step
        or a call without `step` is logged; `commit=True` completes it at once. Steps never go backwards.

        Args:
            data: keys to numbers, texts, bools, None, dates, media values, or lists of these. PIL images, figures
                and large arrays are wrapped. Nested dicts are joined with "."; the mapping is not changed. A function
                is called for its value, so that what it raises can be recorded: `lambda: mt.Image(pixels)`.
            step: an integer, at least the current step.
            commit: whether the row is complete. Default: True without `step`, False with it.

        Raises:
            InputError: with every problem of the call; nothing of it is written. Not with `on_error="record"`.
            StoreError: the disk is full or gone; earlier rows are safe.
            RunClosed: after `finish()`.
        """
        with self._lock:
            if not self._writer.log_numbers(data, step, commit):
                self._log(data, step, commit)

    def _log(self, data: Any, step: Any, commit: bool | None) -> None:
        """The general way: check every key and value, encode media, describe new layouts."""
        self._require_open("log")
        aligned = self._hook.aligned
        if aligned is not None and step is not None:
            self._hook.say_once(STEP_IGNORED)
            step = None
        problems: list[Problem] = []
        current = self.step if step is None else self._writer.step
        row = checked_step(step, current, problems, self._resumed_at) if isinstance(data, Mapping) else 0
        cells = [] if problems else self._checked_cells(data, problems)
        if problems and not self._record:
            raise InputError(problems)
        self._problems.note([*problems, *too_many(cells)], row)
        if problems and not cells:
            return
        self._hook.offered, stamp = {}, take_timestamp(cells)
        try:
            if aligned is not None:
                row = aligned.add(cells, split_global_step(cells), stamp, bool(commit))
            else:
                commit = (step is None) if commit is None else bool(commit)
                layout = self._writer.add(row, stamp, cells, commit)
                self._writer.start = 0
                if self._forward is None:  # calls that are forwarded all come this way
                    self._writer.remember(data, layout)
        except InputError as error:  # all of it is more than the journal takes
            if not self._record:
                raise
            self._problems.note([*error.problems], row)
            return
        if split := self._writer.split:
            self._writer.split = []
            with contextlib.suppress(StoreError):  # the call is written; what the journal does not take waits
                self._problems.note(split, row)
        if self._forward is not None:
            self._forward(cells, row, self._store, self._report)

    def _checked_cells(self, data: Any, problems: list[Problem]) -> list[log_cells.Named]:
        """All cells of a call; with problems only those that are good."""
        if not isinstance(data, Mapping):
            problems.append(problem("log", "a dict of keys to values", data, "Name the value: {'loss': loss}."))
            return []
        if offered := self._hook.offered:
            data = {**data, **{key: value for key, value in offered.items() if key not in data}}
        cells, joined = log_cells.read_cells(
            data, "log", self._encode, problems, keep_good=self._record, paths=self._paths, stamped=True
        )
        if not problems or self._record:
            self._paths |= joined
        return cells
