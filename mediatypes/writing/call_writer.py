"""Writing the calls of a run: packed where numbers come under keys seen before, one append to the journal for each."""

from __future__ import annotations

import os
import struct
import threading
import time
from typing import Any
from zlib import crc32

from .._core.errors import InputError, Problem, StoreError, Verbatim
from ..columns import log_cells
from ..journal import frames
from ..journal.append import Syncer
from ..journal.calls import layout_codes
from .kinds import KindsOfKeys
from .session import Session

Numbers = tuple[tuple[str, ...], str, int, float, tuple[float, ...]]  # keys, layout codes, row, time, values
_MAX_LAYOUTS = frames.MAX_LAYOUTS  # further key sets are written as calls that describe themselves


class CallWriter:
    """Appends calls to the journal of a run. Whoever calls it holds `lock`, but for `close` and `forget`.

    Args:
        opened: the run; `step` is the row that the next call without a step goes to, `calls` counts them.
        fsync: see `Run`.
    """

    def __init__(self, opened: Session, fsync: float | None) -> None:
        self.journal = opened.journal
        self.lock = threading.RLock()
        self.step, self.calls = opened.step, opened.calls
        self.start = opened.start  # of the first row without a step, if `step` is below
        self.syncer = Syncer(self.journal, fsync) if fsync is not None else None
        self._fd = self.journal.fd
        self._quick: dict[tuple[Any, ...], frames.Layout] = {}  # by keys and types
        self._layouts: dict[tuple[tuple[str, ...], str], frames.Layout] = {}  # by keys and codes
        self._layout_id = 0
        self._columns: set[tuple[str, str]] = set()  # of this journal
        self._kinds = None if opened.rank else KindsOfKeys(opened.columns)  # rank 0 tells of those of all
        self.split: list[Problem] = []  # keys that have got a further kind, until somebody tells of it
        self._last: dict[str, tuple[int, Any]] = {key: (-1, value) for key, value in opened.last.items()}

    def log_numbers(self, data: Any, step: Any, commit: bool | None) -> bool:
        """Write a call of numbers under keys seen before, without looking at each; False if it is another one."""
        layout = self._quick.get((*data, *map(type, data.values()))) if type(data) is dict else None
        if layout is None or not (step is None or (type(step) is int and step >= self.step)):
            return False
        row = self.step if step is None else step
        try:
            body = layout.pack(layout.size, frames.ROW, layout.id, row, time.time(), *data.values())
        except struct.error:  # beyond int64; the general way says so
            return False
        self.write(body + frames.pack_crc(crc32(body)), row, (step is None) if commit is None else commit)
        layout.last, layout.sequence = body, self.calls
        if self.syncer:
            self.syncer.written()
        return True

    def remember(self, data: Any, layout: frames.Layout | None) -> None:
        """Let `log_numbers` take calls like this one, which `add` wrote with that layout."""
        if layout and tuple(data) == layout.keys and all(map(log_cells.scalar_code, map(type, data.values()))):
            self._quick[(*data, *map(type, data.values()))] = layout  # numpy scalars pack as they are

    def put(self, calls: list[Numbers]) -> None:
        """Write calls of numbers with one append; their rows stay open."""
        written, count, row = list[bytes](), self.calls, self.step
        new: dict[tuple[tuple[str, ...], str], frames.Layout] = {}
        latest: dict[frames.Layout, tuple[bytes, int]] = {}
        described: dict[str, tuple[int, Any]] = {}
        for keys, codes, row, stamp, values in calls:
            count += 1
            layout = self._layouts.get((keys, codes)) or new.get((keys, codes))
            if layout is None:
                self._add_columns(frames.layout_columns(keys, codes))
            if layout is None and (layout := self._new_layout(keys, codes)):
                new[keys, codes] = layout
                written.append(layout.declaration())
            if layout is None:
                cells = [(key, log_cells.number_kind(value), value) for key, value in zip(keys, values, strict=True)]
                written.append(frames.call_frame(row, stamp, cells))
                described |= {key: (count, value) for key, _, value in cells}
            else:
                body = layout.pack(layout.size, frames.ROW, layout.id, row, stamp, *values)
                written += (body, frames.pack_crc(crc32(body)))
                latest[layout] = (body, count)
        self.write(b"".join(written), row, False, len(calls))
        self._layouts |= new
        self._last |= described
        for layout, (body, count) in latest.items():
            layout.last, layout.sequence = body, count
        if self.syncer:
            self.syncer.written()

    def add(self, row: int, stamp: float, cells: list[log_cells.Named], commit: bool) -> frames.Layout | None:
        """Write a call; returns its layout, if it was packed."""
        keys, codes, declaration = tuple(key for key, _, _ in cells), layout_codes(cells), b""
        layout = self._layouts.get((keys, codes))
        if layout is None:
            self._add_columns(frames.layout_columns(keys, codes) if codes else [cell[:2] for cell in cells])
        if layout is None and codes and (layout := self._new_layout(keys, codes)):
            declaration = layout.declaration()
        if layout is None:
            self.write(frames.call_frame(row, stamp, cells), row, commit)
            self._last |= {
                key: (self.calls, log_cells.plain_value(kind, value)) for key, kind, value in cells if kind != "null"
            }
        else:
            body = layout.pack(layout.size, frames.ROW, layout.id, row, stamp, *(value for _, _, value in cells))
            self.write(declaration + body + frames.pack_crc(crc32(body)), row, commit)
            layout.last, layout.sequence = body, self.calls
            self._layouts[keys, codes] = layout
        if self.syncer:
            self.syncer.written()
        return layout

    def _add_columns(self, columns: list[tuple[str, str]]) -> None:
        if self._columns.issuperset(columns):
            return
        new = set(columns) - self._columns
        if len(self._columns) + len(new) > frames.MAX_COLUMNS:
            hint = "Log what differs as values, or as rows of a mt.Table, not as keys."
            got = Verbatim(f"{len(new)} more")
            raise InputError.of("log", f"at most {frames.MAX_COLUMNS} keys of a run", got, hint, "key")
        self._columns |= new
        self.split += self._kinds.add(columns) if self._kinds else ()

    def _new_layout(self, keys: tuple[str, ...], codes: str) -> frames.Layout | None:
        if self._layout_id >= _MAX_LAYOUTS:
            return None
        self._layout_id += 1  # even if writing is interrupted: an id is never used again
        return frames.Layout(self._layout_id - 1, keys, codes)

    def write(self, frame: bytes, row: int, commit: bool, calls: int = 1) -> None:
        """Append the frames of calls, all or none; the step moves on to the last one's only if they were written.

        The caller notes what was written before it asks the syncer, which raises although the calls are in the journal.
        """
        before = self.step
        if row < before:  # a signal handler or __media__ has logged in the middle of this call
            raise InputError.of("log.step", f"a step of at least {before}", row, "Do not log inside of log().", "step")
        self.step = row + 1 if commit else row  # before writing: an interrupt leaves a gap, never two calls in a row
        try:
            written = os.write(self._fd, frame)
            if written != len(frame):
                self.journal.complete(frame, written)
        except OSError as error:
            self.step, self._fd = before, self.journal.fd
            if isinstance(error, StoreError):
                raise
            raise self.journal.failed(error) from error
        self.calls += calls

    def append(self, frame: bytes) -> None:
        """Write a frame that is no call."""
        self.journal.append(frame)
        if self.syncer:
            self.syncer.written()

    def last_values(self) -> dict[str, Any]:
        """The last value of every key."""
        last = dict(self._last)
        for layout in self._layouts.values():
            for key, value in layout.values().items():
                if layout.sequence > last.get(key, (-2,))[0]:
                    last[key] = (layout.sequence, value)
        return {key: value for key, (_, value) in last.items()}

    def forget_quick(self) -> None:
        """Let every call go the general way from now on, until it is remembered again."""
        self._quick = {}

    def close(self) -> None:
        """Close the journal; what was written is on its way to the disk."""
        self._quick = {}
        if self.syncer:
            self.syncer.stop()
        self._fd = -1  # its number may be another file's from now on
        self.journal.close()

    def forget(self, lock: Any) -> None:
        """In a forked child, which shares the file: write nothing more. A thread may have held the lock before."""
        self.lock, self._quick, self._fd = lock, {}, -1
        self.journal.close()
