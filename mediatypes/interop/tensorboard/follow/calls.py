"""Events as calls in the journal of a run that goes on, so that whoever reads it sees them at once."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from ...._core import canonical
from ....columns.log_cells import Named
from ....writing.call_writer import CallWriter, Numbers
from ..importing.decode import is_integral
from ..log.event_table import Events
from ..plugins.convert import Series

_MAX_SHAPES = 4096  # remembered
_CALLS_AT_ONCE = 4096  # calls written with one append
_LAST_ROW = 2**63 - 1


class _Shape:
    """Consecutive events of one step, by their series."""

    def __init__(self, series: list[Series]) -> None:
        self.keys = tuple(one.key for one in series)
        self.integral = [is_integral(one.type) for one in series]
        self.codes = "".join("q" if whole else "d" for whole in self.integral)
        self.is_plain = all(one.kind == "number" for one in series) and len({*self.keys}) == len(series)


class EventCalls:
    """Writes events as calls to a run's journal: those of one step are one call, as long as their keys differ.

    Rows are in the order of steps, and a journal only grows. So an event whose step is below that of the last row goes
    to the last row, if it is new; and if its values had that step or a later one before, as when training begins
    again, to a row of its own after it. That is its step until the next import, which puts it where it belongs.
    `known` are keys that the run has values of already.
    """

    def __init__(self, writer: CallWriter, series: list[Series], known: set[str]) -> None:
        self._writer, self._series, self._known = writer, series, known
        if writer.calls:
            writer.step -= 1  # the last row may get more
        self._begin = writer.step
        self._newest = np.zeros(0, np.int64)  # the highest step of each series
        self._shapes: dict[tuple[int, ...], _Shape] = {}
        self.events = self.displaced = 0  # written; with another step than theirs

    @property
    def step(self) -> int:
        """Of the last row."""
        return self._writer.step

    def write(self, events: Events) -> None:
        """Write what the history shows of these events, steps ascending."""
        shown = np.array([one.kind != "" for one in self._series], bool)[events.series]
        steps = events.steps[shown]
        rows = np.flatnonzero(shown)[np.argsort(steps, kind="stable")]
        if not len(rows):
            return
        ordered = events.take(rows)
        edges = [0, *(np.flatnonzero(np.diff(ordered.steps)) + 1).tolist(), len(rows)]
        series, values = ordered.series.tolist(), ordered.values.tolist()
        steps, times = ordered.steps.tolist(), ordered.times.tolist()
        self._note_new_series()
        calls: list[Numbers] = []
        with self._writer.lock:
            row = self._writer.step
            for first, last in pairwise(edges):
                shape = self._shape(tuple(series[first:last]))
                step, before = steps[first], row
                row = max(step, before)
                if step < before:
                    if (self._newest[series[first:last]] >= step).any():
                        row = min(before + 1, _LAST_ROW)
                    self.displaced += last - first
                if not shape.is_plain:
                    self._put(calls)
                    self._write_mixed(ordered, first, last, row)
                    continue
                numbers = values[first:last]
                if "q" in shape.codes:
                    numbers = [int(v) if whole else v for v, whole in zip(numbers, shape.integral, strict=True)]
                calls.append((shape.keys, shape.codes, row, times[last - 1], tuple(numbers)))
            self._put(calls)
        np.maximum.at(self._newest, ordered.series, ordered.steps)
        self.events += len(rows)

    def _put(self, calls: list[Numbers]) -> None:
        for first in range(0, len(calls), _CALLS_AT_ONCE):
            self._writer.put(calls[first : first + _CALLS_AT_ONCE])
        calls.clear()

    def _note_new_series(self) -> None:
        new = self._series[len(self._newest) :]
        lowest = [self._begin if one.key in self._known else -(2**63) for one in new]
        self._newest = np.append(self._newest, np.array(lowest, np.int64))

    def _shape(self, series: tuple[int, ...]) -> _Shape:
        shape = self._shapes.get(series)
        if shape is None:
            if len(self._shapes) >= _MAX_SHAPES:
                self._shapes.clear()
            shape = self._shapes[series] = _Shape([self._series[number] for number in series])
        return shape

    def _write_mixed(self, events: Events, first: int, last: int, row: int) -> None:
        """Events of which some are no numbers, or share a key: as many calls as it takes."""
        call: list[Named] = []
        for i in range(first, last):
            one = self._series[events.series[i]]
            if any(one.key == key for key, _, _ in call):
                self._writer.add(row, float(events.times[i - 1]), call, False)
                call = []
            call.append((one.key, one.kind, self._value(events, i, one)))
        self._writer.add(row, float(events.times[last - 1]), call, False)

    def _value(self, events: Events, i: int, series: Series) -> Any:
        if series.kind != "number":
            return canonical.loads(events.cells[i].text)  # plain: a document that was just made may hold arrays
        return int(events.values[i]) if is_integral(series.type) else float(events.values[i])
