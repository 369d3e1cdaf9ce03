"""`events.parquet`: every event as it was, in the order of the files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...._core import canonical
from ....columns.arrays import Array
from ....runfolder import files as run_files
from ..log.event_table import Content, Events, first_rows, numbers_of, plain_array
from ..plugins.convert import Series

if TYPE_CHECKING:
    import pyarrow as pa

NAME = run_files.EVENTS
FOOTER = b"mediatypes"
GROUP_ROWS, GROUP_CHARACTERS = 128 * 1024, 16 << 20  # a row group ends with the row or character that fills it
_STEP = 2  # the column's place
_NAMES = ("tag", "key", "type", "file")


class EventLog:
    """Writes events in row groups of one size, so that the same events give the same file however they came.

    The file is complete once `close` was called; `series` of the run and `files`, names of event files, grow.
    """

    def __init__(self, path: Path, series: list[Series], files: list[str]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        from ....columns.arrow import parquet_options

        names = pa.dictionary(pa.int32(), pa.utf8())
        self._schema = pa.schema(
            [
                pa.field("key", names, nullable=False),
                pa.field("tag", names, nullable=False),
                pa.field("step", pa.int64(), nullable=False),
                pa.field("wall_time", pa.float64(), nullable=False),
                pa.field("type", names, nullable=False),
                pa.field("value", pa.float64()),
                pa.field("content", pa.utf8()),
                pa.field("file", names, nullable=False),
                pa.field("offset", pa.int64(), nullable=False),
            ]
        )
        self._all_series, self._files = series, files
        self.series: list[Series] = []  # those that have events, in the order of the first one
        self._numbers = np.full(0, -1, np.int32)  # in that order
        self._waiting: list[tuple[Events, int]] = []
        self._count = self._text = 0
        self.rows = 0
        options = parquet_options(self._schema)
        options["use_dictionary"] = list(_NAMES)
        options["write_statistics"] = [*_NAMES, "step", "offset"]  # no floats: DuckDB would skip the rows with NaN
        options["column_encoding"] |= {"step": "DELTA_BINARY_PACKED", "offset": "DELTA_BINARY_PACKED"}
        self._writer = pq.ParquetWriter(path, self._schema, **options)

    def add(self, events: Events, file: int) -> None:
        """Append events of a file, named by its number in `files`."""
        self._waiting.append((events._replace(series=self._numbered(events.series)), file))
        self._count += len(events.steps)
        self._text += events.size
        while self._count >= GROUP_ROWS or self._text >= GROUP_CHARACTERS:
            self._write(first_rows([events for events, _ in self._waiting], GROUP_ROWS, GROUP_CHARACTERS))

    def close(self, footer: dict[str, Any]) -> None:
        """Write what is waiting, and the footer."""
        if self._count:
            self._write(self._count)
        self._writer.add_key_value_metadata({FOOTER: canonical.dump_bytes(footer)})
        self._writer.close()

    def abort(self) -> None:
        """Close the file, which is not complete."""
        self._writer.close()

    def _numbered(self, series: Array) -> Array:
        """Numbers by first event: in whichever order series were found, the file is the same."""
        if len(self._numbers) < len(self._all_series):
            more = np.full(len(self._all_series) - len(self._numbers), -1, np.int32)
            self._numbers = np.concatenate([self._numbers, more])
        new = series[self._numbers[series] < 0]
        for number in dict.fromkeys(new.tolist()):
            self._numbers[number] = len(self.series)
            self.series.append(self._all_series[number])
        return self._numbers[series]

    def _write(self, rows: int) -> None:
        import pyarrow as pa

        taken, left = [], rows
        while left:
            events, file = self._waiting[0]
            if len(events.steps) <= left:
                taken.append((self._waiting.pop(0)[0], file))
            else:
                taken.append((events.cut(0, left), file))
                self._waiting[0] = (events.cut(left, len(events.steps)), file)
            left -= len(taken[-1][0].steps)
        self._count -= rows
        self._text -= sum(events.size for events, _ in taken)
        self.rows += rows
        series = np.concatenate([events.series for events, _ in taken])
        known = self.series[: int(series.max()) + 1]  # those that came later are for the next group
        columns = {
            "key": _named(series, [one.key for one in known]),
            "tag": _named(series, [one.tag for one in known]),
            "step": plain_array(np.concatenate([events.steps for events, _ in taken])),
            "wall_time": plain_array(np.concatenate([events.times for events, _ in taken])),
            "type": _named(series, [one.type for one in known]),
            "value": self._values(series, np.concatenate([events.values for events, _ in taken])),
            "content": _contents([events for events, _ in taken]),
            "file": _named(
                np.concatenate([np.full(len(events.steps), file, np.int32) for events, file in taken]), self._files
            ),
            "offset": plain_array(np.concatenate([events.offsets for events, _ in taken])),
        }
        table = pa.Table.from_arrays([columns[name] for name in self._schema.names], schema=self._schema)
        self._writer.write_table(table, rows)

    def _values(self, series: Array, values: Array) -> pa.Array:
        from ....columns.arrow import fixed

        is_number = np.array([one.kind == "number" for one in self.series], bool)
        return fixed(values, is_number[series])


def _named(numbers: Array, names: list[str]) -> pa.Array:
    """A column of names by number; equal names are one entry of its dictionary."""
    import pyarrow as pa

    from ....columns.arrow import texts

    places = {name: i for i, name in enumerate(dict.fromkeys(names))}
    if len(places) < len(names):
        numbers = np.array([places[name] for name in names], np.int32)[numbers]
    return pa.DictionaryArray.from_arrays(plain_array(numbers.astype(np.int32, copy=False)), texts(list(places)))


def _contents(taken: list[Events]) -> pa.Array:
    """A column of JSON, null for numbers."""
    import pyarrow as pa

    from ....columns.arrow import bitmap

    count = sum(len(events.steps) for events in taken)
    lengths, pieces, first = np.zeros(count, np.int64), [], 0
    for events in taken:
        for row in sorted(events.cells):
            pieces.append(events.cells[row].text.encode())
            lengths[first + row] = len(pieces[-1])
        first += len(events.steps)
    offsets = np.zeros(count + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    buffers = [bitmap(lengths > 0), pa.py_buffer(offsets), pa.py_buffer(b"".join(pieces))]
    return pa.Array.from_buffers(pa.utf8(), count, buffers)


def read_footer(path: Path) -> dict[str, Any]:
    """What `close` wrote; raises ValueError, OSError or an error of pyarrow if the file is not one of ours."""
    import pyarrow.parquet as pq

    metadata = pq.read_metadata(path).metadata or {}
    footer = canonical.loads(metadata[FOOTER])
    if not isinstance(footer, dict):
        raise ValueError("no footer")
    return footer


def read_events(
    path: Path, series: Iterable[Series], files: list[str], low: int | None = None, high: int | None = None
) -> Iterator[tuple[Events, int]]:
    """The events by row group and event file, numbered by `series` and `files`, of groups with wanted steps."""
    import pyarrow.parquet as pq

    numbers = {(one.key, one.tag, one.type): i for i, one in enumerate(series)}
    file = pq.ParquetFile(path, page_checksum_verification=True)
    for group in range(file.num_row_groups):
        steps = file.metadata.row_group(group).column(_STEP).statistics
        if (low is not None and steps.max < low) or (high is not None and steps.min >= high):
            continue
        table = file.read_row_group(group).combine_chunks()
        columns = {name: table.column(name) for name in table.column_names}
        names = [columns[name].chunk(0).dictionary.to_pylist() for name in ("key", "tag", "type")]
        codes = [numbers_of(columns[name].chunk(0).indices) for name in ("key", "tag", "type")]
        sizes = [max(len(entries), 1) for entries in names]
        joined = (codes[0].astype(np.int64) * sizes[1] + codes[1]) * sizes[2] + codes[2]
        distinct, which = np.unique(joined, return_inverse=True)
        lookup = [
            numbers[
                names[0][code // sizes[2] // sizes[1]], names[1][code // sizes[2] % sizes[1]], names[2][code % sizes[2]]
            ]
            for code in distinct.tolist()
        ]
        content = columns["content"]
        cells = {row: Content(text) for row, text in enumerate(content.to_pylist()) if text is not None}
        value = columns["value"].chunk(0)
        values = np.where(_valid(value), numbers_of(value), np.nan)
        events = Events(
            np.array(lookup, np.int32)[which],
            numbers_of(columns["step"].chunk(0)),
            numbers_of(columns["wall_time"].chunk(0)),
            values,
            numbers_of(columns["offset"].chunk(0)),
            cells,
        )
        own = columns["file"].chunk(0)
        place = np.array([files.index(name) for name in own.dictionary.to_pylist()], np.int32)[numbers_of(own.indices)]
        edges = [0, *(np.flatnonzero(np.diff(place)) + 1).tolist(), len(place)]
        for first, last in pairwise(edges):
            yield events.cut(first, last), int(place[first])


def _valid(array: pa.Array) -> Array:
    """Which of an array are not null."""
    bitmap = array.buffers()[0]
    if bitmap is None:
        return np.ones(len(array), bool)
    bits = np.unpackbits(np.frombuffer(bitmap, np.uint8), count=array.offset + len(array), bitorder="little")
    return bits[array.offset :].astype(bool)
