"""From the `events.parquet` of an imported run back to event files: the same files, tags, steps, times and values.

What the importer left out is damage, and how a message was spelt. A scalar of float32 is a tensor if its tag said that
it is a scalar, as TensorFlow 2 does, else a simple value; every record holds one value.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...._core.errors import DocumentError, MediaTypesError
from ....columns.arrays import Array
from ...importing.names import safe_name
from ..importing import events_parquet
from ..importing.plan import is_event_file
from ..log.event_table import Events
from ..log.events import Metadata
from ..plugins import MESSAGES
from ..plugins.convert import Series
from . import encode, records
from .file import EventFile
from .from_documents import Counter
from .from_events import Group, Restorer
from .records import Block, Form

_PLAIN = ("float32", "float64")  # types of scalars
_LONGEST = 200  # bytes of a name
_PARTS = (".edges", ".counts")  # of the keys of what was kept beside a histogram of over 512 bins


def write_events(log: Any, folder: Path, counter: Counter) -> int:
    """Write the event files of an imported run; returns how many values were written. Raises DocumentError if damaged.

    Args:
        log: `events.parquet`, its path or open for reading.
        folder: where the event files go, by their names below the directory they were imported from.
        counter: gives sidecars, and counts what cannot be written.
    """
    try:
        footer = events_parquet.read_footer(log)
        return _Writer(footer, folder, counter).write(log)
    except (MediaTypesError, OSError):
        raise
    except Exception as error:  # cut, or not ours: pyarrow and JSON have many ways to say it
        hint = "Restore the file from a copy."
        raise DocumentError.of(
            events_parquet.NAME, "the events of an import", str(error)[:60], hint, "events"
        ) from error


class _Row(NamedTuple):
    """A value that is no plain scalar."""

    row: int
    offset: int
    series: Series
    step: int
    time: float
    cell: Any


class _Writer:
    """Writes one event file after another."""

    def __init__(self, footer: dict[str, Any], folder: Path, counter: Counter) -> None:
        self._series = [Series(*item) for item in footer["series"]]
        self._names = [source["name"] for source in footer["sources"]]
        self._known = [
            {tag: Metadata(known[0], bytes.fromhex(known[1]), *known[2:]) for tag, known in source["tags"].items()}
            for source in footer["sources"]
        ]
        self._folder, self._counter = folder, counter
        self._forms: dict[int, Form] = {}  # of the scalars of the file at hand, by series
        self._restorer = Restorer({}, counter)
        self._waiting: list[_Row] = []  # the rows of one value; more of them may come
        self._count = 0

    def write(self, log: Any) -> int:
        file, current = None, -1
        try:
            for events, number in events_parquet.read_events(log, self._series, self._names):
                if file is None or number != current:
                    self._end(file)
                    file, current = self._begin(number, float(events.times[0])), number
                file.add_rows(self._scalars(events), self._others(events))
            self._end(file)
        finally:
            if file is not None:
                file.close()
        return self._count

    def _begin(self, number: int, started: float) -> EventFile:
        self._forms, self._restorer = {}, Restorer(self._known[number], self._counter)
        return EventFile(self._folder.joinpath(*_parts_of(self._names[number])), started)

    def _end(self, file: EventFile | None) -> None:
        if file is not None:
            for _, payload in self._restored():
                file.add(payload)
            file.close()

    def _scalars(self, events: Events) -> list[Block]:
        blocks = []
        for series, rows in _by_series(events.series):
            one = self._series[series]
            if one.kind != "number" or one.type not in _PLAIN:
                continue
            if series not in self._forms:
                self._forms[series] = self._restorer.scalar_form(one)
            columns = (events.steps[rows], events.times[rows], events.values[rows])
            blocks += records.scalar_blocks(self._forms[series], rows, *columns)
            self._count += len(rows)
        return blocks

    def _others(self, events: Events) -> Iterator[tuple[int, bytes]]:
        """What is no plain scalar, by row; a value whose rows may go on in the next piece of the log waits."""
        plain = np.array([one.kind == "number" and one.type in _PLAIN for one in self._series], bool)[events.series]
        if plain[0]:
            yield from self._restored()
        for row in np.flatnonzero(~plain).tolist():
            one = self._series[events.series[row]]
            content = events.cells.get(row)
            cell = content.value if content else float(events.values[row])
            item = _Row(row, int(events.offsets[row]), one, int(events.steps[row]), float(events.times[row]), cell)
            if self._waiting and not _belongs(item, self._waiting[0]):
                yield from self._restored()
            self._waiting.append(item)
        if plain[-1]:
            yield from self._restored()
        self._waiting = [item._replace(row=-1) for item in self._waiting]

    def _restored(self) -> Iterator[tuple[int, bytes]]:
        """The event of the rows that wait, if it can be made, and the first of them."""
        waiting, self._waiting = self._waiting, []
        if waiting:
            first = waiting[0]
            group = Group(first.series, first.cell, [(item.series, item.cell) for item in waiting[1:]])
            made = self._restorer.event(group)
            if made is not None:
                self._count += 1
                yield first.row, encode.event(first.time, first.step, made)


def _parts_of(name: str) -> list[str]:
    """The path of an event file: safe, short enough for any system, and one that TensorBoard takes."""
    parts = [part if len(part.encode()) <= _LONGEST else _short(part) for part in safe_name(name).split("/")]
    return parts if is_event_file(parts[-1]) else [*parts[:-1], f"{parts[-1]}.tfevents"]


def _short(part: str) -> str:
    return f"{part[: _LONGEST // 5]}-{hashlib.sha256(part.encode()).hexdigest()[:8]}"


def _belongs(row: _Row, first: _Row) -> bool:
    """Whether a row is part of the value that `first` began: more of a histogram, or one more message of a tensor."""
    if row.offset != first.offset or row.series.tag != first.series.tag:
        return False
    if first.series.type == "histogram":
        kept = [first.series.key + part for part in _PARTS]
        return row.series.type == "histogram_statistics" or row.series.key in kept
    return row.series == first.series and first.series.type in MESSAGES


def _by_series(series: Array) -> Iterator[tuple[int, Array]]:
    order = np.argsort(series, kind="stable")
    numbers, starts = np.unique(series[order], return_index=True)
    yield from zip(numbers.tolist(), np.split(order, starts[1:]), strict=True)
