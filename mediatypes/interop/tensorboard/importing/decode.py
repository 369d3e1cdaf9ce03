"""From sound records to the events of a run: columns of numbers, and cells for everything else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from ...._core.errors import Problem
from ....formats import protobuf, tfrecord
from ....formats.tfrecord import Records
from ..log.event_table import Content, Events
from ..log.events import Event, Metadata, read_event
from ..log.scalars import ScalarParser, Scalars
from ..plugins.base import Cell, Rejected
from ..plugins.convert import CellReader, Converter
from ..plugins.series import Series, SeriesList, key_of, plugin_of

_INTEGRAL = ("int8", "int16", "int32", "uint8", "uint16", "uint32", "bool")


class FileDecoder:
    """Decodes one event file, from its start or from where an earlier import stopped.

    Args:
        folder: of the file, below that of the run.
        series: of the run; grows.
        converter: makes the cells of media.
        remembered: metadata by tag; see `CellReader`.
    """

    def __init__(self, folder: str, series: SeriesList, converter: Converter, remembered: dict[str, Metadata]) -> None:
        self.folder, self.series, self.converter = folder, series, converter
        self._cells = CellReader(converter, remembered)
        self._numbers: dict[tuple[str, ...], int] = {}  # of series, by what they are made from
        self._parser = ScalarParser(self._register)

    @property
    def problems(self) -> list[Problem]:
        """What was malformed."""
        return self._cells.problems

    @property
    def unlisted_count(self) -> int:
        """Problems beyond those."""
        return self._cells.unlisted_count

    @property
    def version(self) -> str:
        """What the file says of its format; empty if it does not."""
        return self._cells.version

    def decode(self, reader: tfrecord.RecordReader) -> Iterator[Events]:
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
        ready = self.converter.convert_histograms(data, spans)
        for i, event in zip(chosen, events, strict=True):
            if event is not None:
                for tag, plugin, cell in self._cells.read(data, event, int(offsets[i]), ready):
                    rest.add(i, self._series(tag, cell, plugin), event, int(offsets[i]), cell)
        return rest.merged(scalars, numbers)

    def _register(self, records: Records, i: int) -> int:
        """The series of a record that looks like a plain scalar; -1 if it is something else."""
        data = records.data
        try:
            event = read_event(data, int(records.starts[i]), int(records.ends[i]))
            if event.what != "summary" or len(event.values) != 1:
                return -1
            value = event.values[0]
            metadata = self._cells.metadata(value)
            plugin = plugin_of(value, metadata)
            if plugin != "scalars" or value.kind not in ("simple_value", "tensor"):
                return -1
            (cell,) = self.converter.convert(data, value, plugin, metadata)
        except (protobuf.Malformed, Rejected, ValueError):
            return -1  # the general parser will say why
        if cell.kind != "number" or cell.type not in ("float32", "float64"):
            return -1
        return self._series(value.tag, cell, plugin)

    def _series(self, tag: str, cell: Cell, plugin: str) -> int:
        made_from = (tag, plugin, cell.suffix, cell.kind, cell.type)
        number = self._numbers.get(made_from)
        if number is None:
            key = key_of(self.folder, tag, plugin) + cell.suffix
            number = self.series.intern(Series(self.folder, tag, key, cell.kind, cell.type))
            self._numbers[made_from] = number
        return number

    def _event(self, records: Records, i: int, offset: int, rows: _Rows) -> Event | None:
        """A record read; None if it is no event, which is said and kept as a file."""
        data, start, end = records.data, int(records.starts[i]), int(records.ends[i])
        try:
            return read_event(data, start, end)
        except protobuf.Malformed as error:
            cell = self._cells.malformed(data[start:end], offset, error)
            rows.add(i, self._series("", cell, ""), Event(0.0, 0, "", (0, 0), ()), offset, cell)
            return None


class _Rows:
    """Rows of what the general parser read."""

    def __init__(self) -> None:
        self.records: list[int] = []
        self._rows: list[tuple[int, int, float, float, int]] = []
        self._cells: dict[int, Content] = {}

    def add(self, record: int, series: int, event: Event, offset: int, cell: Cell) -> None:
        is_number = cell.kind == "number"
        if not is_number:
            self._cells[len(self.records)] = Content.of(cell.value)
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


def open_reader(file: BinaryIO, size: int, offset: int) -> tfrecord.RecordReader:
    """A reader of an event file from `offset` on."""
    file.seek(offset)
    return tfrecord.RecordReader(file, size, offset)
