"""Reading a journal in bounded pieces: rows of one layout as arrays, everything else frame by frame.

A frame that is not whole ends the journal there: a torn tail, reported and never fatal. A whole frame with a wrong
checksum is skipped if the next one is sound, and reported.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterable, Iterator
from copy import copy
from typing import Any, BinaryIO
from zlib import crc32

import numpy as np

from .._core.errors import DocumentError, Problem, StoreError, Verbatim, os_error
from .._core.location import Location
from .._core.wording import counted
from ..columns.arrays import Array
from ..columns.batch import Batch, Column, Gathered, Values
from ..columns.classify import EXACT
from . import frames
from .metrics import Metric
from .names import sequence_of

_PIECE = 8 * 1024 * 1024
_MIN_FRAME = 9
_LISTED = 1000  # problems that are kept of a run; of more it is said that there are
_RUN = 16  # fewer rows of one layout in a row are not worth an array of their own

_HINTS = {
    "torn": "Rows before it are whole.",
    "lost": "Restore the files that were written before this one.",
    "order": "They are left out.",
}


_AROUND = {frames.SUMMARY: 3, frames.CONFIG_CHANGE: 1}  # {key: [kind, [document, ...]]}, {key: [member]}
_TYPES = {code: np.dtype(f"<{name}") for code, name in frames.CODES.items()}


class Notes:
    """What a journal holds beside calls."""

    def __init__(self) -> None:
        self.config: dict[str, Any] | None = None  # the whole, as it was written last
        self.config_changes: dict[str, Any] = {}  # since: key to [value], or None where it was removed
        self.summary: list[Any] = []
        self.metrics: list[Metric] = []
        self.problems: list[Problem] = []  # recorded by the run
        self.damage: list[Problem] = []  # found while reading

    def of_other_rank(self) -> Notes:
        """Notes of a rank whose problems and damage are among these; config, summary and metrics are rank 0's."""
        other = Notes()
        other.problems, other.damage = self.problems, self.damage
        return other

    def copy(self) -> Notes:
        """The same, to go on with."""
        other = Notes()
        for name, own in vars(self).items():
            setattr(other, name, copy(own))
        return other

    def latest_config(self, before: dict[str, Any]) -> dict[str, Any]:
        """The config as it was last changed, of a run that had `before` when the journals were begun."""
        config = dict(before if self.config is None else self.config)
        for key, member in self.config_changes.items():
            config.pop(key, None)
            if member is not None:
                config[key] = member[0]
        return config


class JournalReader:
    """The calls of one journal file, in order; what else it holds is put into `notes`.

    Args:
        path: the journal, as messages name it.
        file: the same, open for reading; it is read from where the last `read` stopped.
        notes: gathers what is no call.
        expected: number of the call after those that were read before; a file that begins later is reported.

    Raises:
        DocumentError: the file is not a journal.
        StoreError: the system cannot read it.
    """

    def __init__(self, path: Location, file: BinaryIO, notes: Notes, expected: int | None = None) -> None:
        self.path, self.file, self.notes = path, file, notes
        self.sequence = sequence_of(path.name)  # of the next call
        self.position = 0  # of the first frame that was not read yet
        self.layouts: dict[int, frames.Layout] = {}
        self.columns: set[Column] = set()  # of layouts and calls
        self.lost: set[int] = set()  # layouts of rows, but not declared
        self.astray = False  # framing is lost: nothing after it can be trusted
        if expected is not None and self.sequence > expected:
            self._damage(0, "lost", f"call {expected} next", f"number {self.sequence}")

    def continued(self, file: BinaryIO, notes: Notes) -> JournalReader:
        """Another reader of the same journal, open as `file`, that goes on where this one stopped; this one stays."""
        other = copy(self)
        other.file, other.notes = file, notes
        other.layouts, other.columns, other.lost = dict(self.layouts), set(self.columns), set(self.lost)
        return other

    def read(self, size: int | None = None) -> Iterator[Batch]:
        """The calls of all frames that are whole within the first `size` bytes; without it, of those written by now."""
        try:
            yield from self._read(os.fstat(self.file.fileno()).st_size if size is None else size)
        except OSError as error:
            if isinstance(error, StoreError):
                raise
            raise os_error(StoreError, str(self.path), "read the journal", error, "Check permissions.") from error

    def close(self, size: int) -> None:
        """Say what is left of the first `size` bytes: a frame that was not written whole."""
        if not self.astray and self.position < size:
            expected, of = ("whole frames", " of one more") if self.position else ("a whole journal", "")
            self._damage(self.position, "torn", expected, f"{counted(size - self.position, 'byte')}{of}")

    def _read(self, size: int) -> Iterator[Batch]:
        if not self.position and size:
            self._begin(size)
        rest = b""
        while piece := self._piece(rest, size):
            data, calls = rest + piece, _Calls()
            end = self._parse(data, calls)
            rest, self.position = data[end:], self.position + end
            if calls.steps:
                yield calls.batch(self.sequence, self)
                self.sequence += len(calls.steps)

    def _begin(self, size: int) -> None:
        self.file.seek(0)
        magic = self.file.read(min(len(frames.MAGIC), size))
        if magic == frames.MAGIC:
            self.position = len(magic)
        elif not frames.MAGIC.startswith(magic):  # else: killed while creating it
            got = Verbatim(f"{counted(size, 'byte')} of something else")  # not quoted: it may be a link out of the run
            raise DocumentError.of(str(self.path), "a journal of mediatypes", got, "Restore the file.", "foreign")

    def _piece(self, rest: bytes, size: int) -> bytes:
        """What follows `rest`, as much as one frame needs and some more."""
        at = self.position + len(rest)
        if self.astray or not self.position or at >= size:
            return b""
        self.file.seek(at)
        return self.file.read(min(max(_PIECE, _claimed(rest) - len(rest)), size - at))

    def _parse(self, data: bytes, calls: _Calls) -> int:
        """Read whole frames of `data` into `calls`; returns where the first incomplete one begins."""
        view, position, base = memoryview(data), 0, self.position
        while position + _MIN_FRAME <= len(data):
            size, kind = struct.unpack_from("<IB", data, position)
            if not _MIN_FRAME <= size <= frames.MAX_FRAME:
                self._damage(base + position, "frame", "a frame", f"a claimed size of {size}")
                self.astray = True
                return len(data)
            if position + size > len(data):
                return position
            if kind == frames.ROW and (count := self._rows(view, position, size, calls)):
                position += count * size
                continue
            sound = (
                crc32(view[position : position + size - 4]) == struct.unpack_from("<I", data, position + size - 4)[0]
            )
            if not sound:
                self._damage(
                    base + position, "checksum", "a sound frame", f"{counted(size, 'byte')} with another checksum"
                )
            else:
                try:
                    if kind == frames.HEADER and base + position > len(frames.MAGIC):
                        raise ValueError("it is not the first one")
                    self._take(kind, view[position + 5 : position + size - 4], calls)
                except (ValueError, struct.error, KeyError, TypeError) as error:
                    got = f"a damaged one: {_reason(error)}"
                    self._damage(base + position, "frame", f"a {frames.NAMES[kind]} frame", got)
            position += size
        return position

    def _rows(self, view: memoryview, position: int, size: int, calls: _Calls) -> int:
        """Take a run of sound rows of one layout; returns how many, 0 when the first one is not sound."""
        (id,) = struct.unpack_from("<I", view, position + 5)
        layout = self.layouts.get(id)
        if layout is None or layout.size != size:
            return 0
        possible = (len(view) - position) // size
        count = run = min(_RUN, possible)
        while True:
            heads = np.ndarray((run, 9), np.uint8, view, position, (size, 1))
            same = (heads == heads[0]).all(axis=1)
            count = run if same.all() else int(same.argmin())
            if count < run or run == possible:
                break
            run = min(run * 16, possible)
        bodies = struct.Struct(f"{size - 4}s4x").iter_unpack(view[position : position + count * size])
        sums = [crc32(body) for (body,) in bodies]
        written = np.ndarray((count,), "<u4", view, position + size - 4, (size,))
        sound = written == np.array(sums, np.uint32)
        count = count if sound.all() else int(sound.argmin())
        if count:
            calls.add_rows(id, view[position : position + count * size], count)
        return count

    def _take(self, kind: int, payload: memoryview, calls: _Calls) -> None:
        notes = self.notes
        if kind == frames.LAYOUT:
            layout = frames.parse_layout(payload)
            known = self.layouts.get(layout.id, layout)
            if (known.keys, known.codes) != (layout.keys, layout.codes):
                raise ValueError("its id was declared with other keys")
            if layout.id not in self.layouts and len(self.layouts) >= frames.MAX_LAYOUTS:
                raise ValueError(f"more than {frames.MAX_LAYOUTS} layouts")
            self._add_columns(frames.layout_columns(layout.keys, layout.codes))
            self.layouts[layout.id] = layout
        elif kind == frames.CALL:
            step, timestamp, cells = frames.parse_call(payload)
            self._add_columns((key, kind) for key, kind, _ in cells)
            calls.add_call(step, timestamp, cells)
        elif kind == frames.ROW:
            (id,) = struct.unpack_from("<I", payload)
            if id not in self.lost:  # once, not for each of its rows
                self.lost.add(id)
                raise ValueError(f"its layout {id} is not declared before it, nor for the rows that follow")
        elif frames.CONFIG <= kind <= frames.CONFIG_CHANGE:  # others may come to exist
            value = frames.parse_json(payload, _AROUND.get(kind, 0))
            if kind == frames.PROBLEM:
                _note(notes.problems, Problem(*frames.parse_problem(value, Problem._fields)))
            elif kind == frames.CONFIG:
                if not isinstance(value, dict):
                    raise ValueError("it is no object")
                notes.config, notes.config_changes = value, {}
            elif kind == frames.CONFIG_CHANGE:
                notes.config_changes |= frames.parse_config_change(value)
            elif kind == frames.SUMMARY:
                notes.summary.append(frames.parse_summary(value))
            else:
                notes.metrics.append(Metric.from_json(value))

    def _add_columns(self, columns: Iterable[Column]) -> None:
        """Note the columns of a frame; raises ValueError if they are too many."""
        new = [column for column in columns if column not in self.columns]
        if len(self.columns) + len(new) > frames.MAX_COLUMNS:
            raise ValueError(f"more than {frames.MAX_COLUMNS} columns")
        self.columns.update(new)

    def _damage(self, offset: int, code: str, expected: str, got: str) -> None:
        hint = _HINTS.get(code, "The rest of the journal is read without it.")
        _note(self.notes.damage, Problem(f"{self.path.name}@{offset}", f"expected {expected}, got {got}", code, hint))


def _reason(error: Exception) -> str:
    """Why a frame cannot be read, in our words."""
    if isinstance(error, UnicodeError):
        return "its text is not UTF-8"
    if isinstance(error, json.JSONDecodeError):
        return "it is not JSON"
    return str(error) if isinstance(error, ValueError) else "it does not parse"


def _note(problems: list[Problem], problem: Problem) -> None:
    """Add a problem to a list that says when there are too many."""
    if len(problems) < _LISTED:
        problems.append(problem)
    elif len(problems) == _LISTED:
        problems.append(
            Problem(problem.path, f"expected at most {_LISTED} problems, got more", "many", "See the first.")
        )


def in_order(batch: Batch, step: int | None, path: Location, notes: Notes) -> Batch | None:
    """A batch without calls whose step is below that of an earlier one, which are reported; `step` is the last one."""
    kept = batch.rising(step)
    if skipped := len(batch.steps) - len(kept.steps):
        got = f"{counted(skipped, 'call')} of lower steps from call {batch.sequence} on"
        _note(notes.damage, Problem(path.name, f"expected steps that do not fall, got {got}", "order", _HINTS["order"]))
    return kept if len(kept.steps) else None


class _Calls:
    """The calls of one piece of the file, gathered by layout."""

    def __init__(self) -> None:
        self.steps: list[int | None] = []  # None: it stands in the rows of a layout
        self.timestamps: list[float] = []
        self.rows: dict[int, list[tuple[int, int, memoryview]]] = {}  # by layout: (first call, count, bytes)
        self.cells: dict[Column, tuple[list[int], list[Any]]] = {}

    def add_rows(self, id: int, data: memoryview, count: int) -> None:
        self.rows.setdefault(id, []).append((len(self.steps), count, data))
        self.steps += [None] * count
        self.timestamps += [0.0] * count

    def add_call(self, step: int, timestamp: float, cells: list[list[Any]]) -> None:
        call = len(self.steps)
        self.steps.append(step)
        self.timestamps.append(timestamp)
        for key, kind, value in cells:
            calls, values = self.cells.setdefault((key, kind), ([], []))
            calls.append(call)
            values.append(value)

    def batch(self, sequence: int, reader: JournalReader) -> Batch:
        steps = np.array([0 if step is None else step for step in self.steps], np.int64)
        timestamps = np.array(self.timestamps, np.float64)
        gathered = Gathered()
        for id, runs in self.rows.items():
            calls = np.concatenate([np.arange(first, first + count) for first, count, _ in runs])
            rows, layout = b"".join(data for _, _, data in runs), reader.layouts[id]
            shape, strides, place = (len(calls),), (layout.size,), layout.offset
            steps[calls] = np.ndarray(shape, "<i8", rows, 9, strides)
            timestamps[calls] = np.ndarray(shape, "<f8", rows, 17, strides)
            for number, (key, code) in enumerate(zip(layout.keys, layout.codes, strict=True)):
                type = _TYPES[code]
                for kind, values in _split(calls, np.ndarray(shape, type, rows, place, strides), code):
                    gathered.add((key, kind), number, values)
                place += type.itemsize
        for number, ((key, kind), (at, cells)) in enumerate(self.cells.items()):
            gathered.add((key, kind), number, _from_cells(np.array(at, np.int64), cells, kind))
        return Batch(sequence, steps, timestamps, gathered.columns())


def _split(calls: Array, values: Array, code: str) -> Iterator[tuple[str, Values]]:
    """Values of a packed column by kind: whole numbers that a double cannot hold are a kind of their own."""
    if code == "d":
        yield "number", Values(calls, values, False)
    elif code == "?":
        yield "boolean", Values(calls, values, False)
    else:
        exact = (values >= -EXACT) & (values <= EXACT)
        if exact.any():
            yield "number", Values(calls[exact], values[exact].astype(np.float64), True)
        if not exact.all():
            yield "integer", Values(calls[~exact], values[~exact], True)


def _from_cells(calls: Array, values: list[Any], kind: str) -> Values:
    if kind == "number":
        integral = all(type(value) is int for value in values)
        return Values(calls, np.array(values, np.float64), integral)
    if kind in ("integer", "boolean"):
        return Values(calls, np.array(values, np.int64 if kind == "integer" else np.bool_), kind == "integer")
    integral = kind == "number_list" and all(type(v) is not float for value in values for v in value)
    return Values(calls, values, integral)


def _claimed(rest: bytes) -> int:
    """The size of a frame of which only the beginning was read."""
    if len(rest) < _MIN_FRAME:
        return 0
    size: int = struct.unpack_from("<I", rest)[0]
    return size if size <= frames.MAX_FRAME else 0
