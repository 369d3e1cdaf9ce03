"""From sound records to the events of a run: columns of numbers, and cells for everything else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from ..._core.errors import Problem
from . import framing, wire
from .columns import ScalarParser, Scalars
from .events import Event, Metadata, Value, read_event
from .framing import Records
from .series import Series, SeriesList, key_of, plugin_of
from .table import Events
from .values import Cell, Converter, Rejected

_SESSIONS = {1: "START", 2: "STOP", 3: "CHECKPOINT"}  # SessionLog.status: event.proto
_MAX_PROBLEMS = 100  # of one file, kept in full; the rest is counted
_Ready = dict[tuple[int, int], list[Cell] | Rejected]  # cells by the span of their value
_INTEGRAL = ("int8", "int16", "int32", "uint8", "uint16", "uint32", "bool")


class FileDecoder:
    """Decodes one event file, from its start or from where an earlier import stopped.

    Args:
        folder: of the file, below that of the run.
        series: of the run; grows.
        converter: makes the cells of media.
        remembered: metadata by tag; writers may give it with a tag's first value only. Grows.
    """

    def __init__(self, folder: str, series: SeriesList, converter: Converter, remembered: dict[str, Metadata]) -> None:
        self.folder, self.series, self.converter, self.remembered = folder, series, converter, remembered
        self.problems: list[Problem] = []
        self.unlisted = 0  # problems beyond those
        self.version = self.writer = ""
        self._parser = ScalarParser(self._register)

    def decode(self, reader: framing.RecordReader) -> Iterator[Events]:
        """All events that are still to be read."""
        for records in reader:
            yield self._decode(records)

    def _decode(self, records: Records) -> Events:
        scalars = self._parser.parse(records)
        offsets = records.offsets
        numbers = Events(scalars.forms, scalars.steps, scalars.times, scalars.values, offsets[scalars.records], {})
        if len(scalars.records) == len(records.starts):
            return numbers
        others = np.ones(len(records.starts), bool)
        others[scalars.records] = False
        rest = _Rows()
        chosen = np.flatnonzero(others).tolist()
        events = [self._event(records, i, int(offsets[i]), rest) for i in chosen]
        data = records.data
        spans = [value.span for event in events if event for value in event.values if value.kind == "histo"]
        ready = dict(zip(spans, self.converter.read_histograms(data, spans), strict=True))
        for i, event in zip(chosen, events, strict=True):
            if event is not None:
                self._read(data, i, int(offsets[i]), event, ready, rest)
        return rest.merged(scalars, numbers)

    def _register(self, records: Records, i: int) -> int:
        """The series of a record that looks like a plain scalar; -1 if it is something else."""
        data = records.data
        try:
            event = read_event(data, int(records.starts[i]), int(records.ends[i]))
            if event.what != "summary" or len(event.values) != 1:
                return -1
            value = event.values[0]
            metadata = self._metadata(value)
            plugin = plugin_of(value, metadata)
            if plugin != "scalars" or value.kind not in ("simple_value", "tensor"):
                return -1
            (cell,) = self.converter.convert(data, value, plugin, metadata)
        except (wire.Malformed, Rejected, ValueError):
            return -1  # the general parser will say why
        if cell.kind != "number" or cell.type not in ("float32", "float64"):
            return -1
        return self._series(value.tag, cell, plugin)

    def _metadata(self, value: Value) -> Metadata:
        """What is known of a tag: the first that its writer said, as TensorBoard has it."""
        known = self.remembered.get(value.tag)
        if value.metadata is None:
            return known or Metadata()
        if known is None:
            self.remembered[value.tag] = value.metadata
        return value.metadata

    def _series(self, tag: str, cell: Cell, plugin: str) -> int:
        key = key_of(self.folder, tag, plugin) + cell.suffix
        return self.series.number(Series(self.folder, tag, key, cell.kind, cell.type))

    def _event(self, records: Records, i: int, offset: int, rows: _Rows) -> Event | None:
        """A record read; None if it is no event, which is said and kept as a file."""
        data, start, end = records.data, int(records.starts[i]), int(records.ends[i])
        try:
            return read_event(data, start, end)
        except wire.Malformed as error:
            self._complain(offset, "malformed", f"expected an event, got {error}", "Its bytes are kept as a file.")
            cell = self.converter.keep_file(data[start:end], "malformed")
            rows.add(i, self._series("", cell, ""), Event(0.0, 0, "", (0, 0), ()), offset, cell)
            return None

    def _read(self, data: bytes, i: int, offset: int, event: Event, ready: _Ready, rows: _Rows) -> None:
        """One record that is no plain scalar."""
        for value in event.values:
            metadata = self._metadata(value)
            plugin = plugin_of(value, metadata)
            for cell in self._cells(data, value, plugin, metadata, offset, ready):
                rows.add(i, self._series(value.tag, cell, plugin), event, offset, cell)
        if event.what == "file_version":
            self.version = wire.text(data, *event.span)
        elif event.what not in ("", "summary"):
            cell = self._other(data, event)
            rows.add(i, self._series("", cell, ""), event, offset, cell)

    def _cells(
        self, data: bytes, value: Value, plugin: str, metadata: Metadata, offset: int, ready: _Ready
    ) -> list[Cell]:
        try:
            found = ready.get(value.span) if value.kind == "histo" else None
            if isinstance(found, list) and plugin != "hparams":
                return found
            return self.converter.convert(data, value, plugin, metadata)
        except Rejected as error:
            expected = f"{value.tag!r}: expected a value of the plugin {plugin or 'of no name'!r}, got {error}"
            self._complain(offset, "rejected", expected.rstrip("."), "Its bytes are kept as a file.")
            return [self.converter.keep_file(data[slice(*value.span)], "rejected")]

    def _other(self, data: bytes, event: Event) -> Cell:
        """What is no summary: sessions as they are, everything else as a file of the run."""
        if event.what == "session_log":
            found = [at for number, kind, at, _ in wire.fields(data, *event.span) if (number, kind) == (1, wire.VARINT)]
            return Cell("", "session_log", _SESSIONS.get(found[-1] if found else 0, "UNSPECIFIED"))
        return self.converter.keep_file(data[slice(*event.span)], event.what)

    def _complain(self, offset: int, code: str, message: str, hint: str) -> None:
        if len(self.problems) < _MAX_PROBLEMS:
            self.problems.append(Problem(f"@{offset}", message, code, hint))
        else:
            self.unlisted += 1


class _Rows:
    """Rows of what the general parser read."""

    def __init__(self) -> None:
        self.records: list[int] = []
        self._rows: list[tuple[int, int, float, float, int]] = []
        self._cells: dict[int, Any] = {}

    def add(self, record: int, series: int, event: Event, offset: int, cell: Cell) -> None:
        is_number = cell.kind == "number"
        if not is_number:
            self._cells[len(self.records)] = cell.value
        self.records.append(record)
        self._rows.append((series, event.step, event.wall_time, cell.value if is_number else np.nan, offset))

    def merged(self, scalars: Scalars, numbers: Events) -> Events:
        """These rows and the scalars, in the order of the records."""
        if not self.records:
            return numbers
        own = [
            np.array(column, like.dtype)
            for column, like in zip(zip(*self._rows, strict=True), numbers.columns, strict=True)
        ]
        series, steps, times, values, offsets = own
        joined = Events.join([numbers, Events(series, steps, times, values, offsets, self._cells)])
        return joined.take(np.argsort(np.concatenate([scalars.records, self.records]), kind="stable"))


def is_integral(type: str) -> bool:
    """Whether numbers of this type are integers."""
    return type in _INTEGRAL or type in ("int64", "uint64")


def open_reader(file: BinaryIO, size: int, offset: int) -> framing.RecordReader:
    """A reader of an event file from `offset` on."""
    file.seek(offset)
    return framing.RecordReader(file, size, offset)
