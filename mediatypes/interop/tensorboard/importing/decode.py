"""From valid records to the events of a run: columns of numbers, cells for everything else; what is new of a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from ...._core.errors import Problem
from ....formats import protobuf, tfrecord
from ....formats.tfrecord import KINDS, Records
from ...importing.losses import Losses
from ...importing.report import FileReport
from ...importing.sources import HEAD_BYTES, LogDir, read_head
from ..log.event_table import Content, Events
from ..log.events import Event, Metadata, read_event
from ..log.scalars import ScalarParser, Scalars
from ..plugins.base import Cell, Rejected
from ..plugins.convert import CellReader, Converter, Series, SeriesList, key_of, plugin_of
from .plan import EventFile
from .previous import FileState

_INTEGRAL = ("int8", "int16", "int32", "uint8", "uint16", "uint32", "bool")


class FileDecoder:
    """Decodes one event file, from its start or from where an earlier import stopped.

    `folder` is below that of the run, `series` grows, `converter` makes cells of media; `remembered`: see `CellReader`.
    """

    def __init__(self, folder: str, series: SeriesList, converter: Converter, remembered: dict[str, Metadata]) -> None:
        self.folder, self.series, self.converter = folder, series, converter
        self._cells = CellReader(converter, remembered)
        self.losses = self._cells.losses
        self._numbers: dict[tuple[str, ...], int] = {}  # of series, by what they are made from
        self._parser = ScalarParser(self._register)

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
    return type in _INTEGRAL or type in ("int64", "uint64")


def open_reader(file: BinaryIO, size: int, offset: int) -> tfrecord.RecordReader:
    """A reader of an event file from `offset` on."""
    file.seek(offset)
    return tfrecord.RecordReader(file, size, offset)


class FileReading:
    """What is new of an event file, since the import that left `known`; without a `file` and `head` it is gone.

    Another file of that `name` may have been imported before. `head` are its first bytes, at least those known.
    """

    def __init__(
        self, logdir: LogDir, name: str, file: EventFile | None, head: dict[str, Any] | None, known: FileState | None
    ) -> None:
        self.logdir, self.name, self.file = logdir, name, file
        self.known = known or FileState(FileReport(name, 0, 0, 0, "", []), {"size": 0}, "", {}, [], 0, True)
        self.problems: list[Problem] = []  # once it was read
        self._is_new = known is None
        self._head = head or self.known.head

    def read(self, series: SeriesList, converter: Converter) -> Iterator[Events]:
        """The events that are new; then `known` and `problems` are up to date."""
        file, known = self.file, self.known
        if file is not None and file.size < known.file.position:
            text = f"expected at least the {known.file.position} bytes that were imported, got {file.size}"
            self.problems.append(Problem(self.name, text, "shorter", "Its events are kept."))
        elif file is not None and (self._is_new or file.size != known.file.size):
            yield from self._decode(file, series, converter)
        if file is not None:
            size = min(file.size, HEAD_BYTES)
            head = read_head(self.logdir, file.path, size) if self._head["size"] < size else self._head
            self.known = self.known._replace(folder=file.folder, head=head)
        self.problems += Losses(self.known.problems, self.known.unlisted_count).all(self.name)

    def _decode(self, file: EventFile, series: SeriesList, converter: Converter) -> Iterator[Events]:
        known, report, remembered = self.known, self.known.file, dict(self.known.remembered)
        decoder = FileDecoder(file.folder, series, converter, remembered)
        with self.logdir.open(file.path) as opened:
            reader = open_reader(opened, file.size, report.position)
            yield from decoder.decode(reader)
        new = sorted(decoder.losses.problems, key=lambda problem: int(problem.path.removeprefix("@")))
        losses = Losses(known.problems, known.unlisted_count + decoder.losses.unlisted_count)
        losses.add(*(problem._replace(path=f"{self.name}{problem.path}") for problem in new))
        whole = [one for one in report.damage if one["offset"] < report.position]
        damage = [{**one._asdict(), "meaning": KINDS[one.kind]} for one in reader.damage]
        version, records = decoder.version or report.writer, report.records + reader.count
        self.known = known._replace(
            file=FileReport(self.name, file.size, reader.position, records, version, whole + damage),
            remembered=remembered,
            problems=losses.problems,
            unlisted_count=losses.unlisted_count,
            settled=reader.settled,
        )
