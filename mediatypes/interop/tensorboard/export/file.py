"""An event file in the making."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from . import encode, records
from .records import Block

VERSION = "brain.Event:2"
_WAITING_BYTES = 4 << 20  # bytes that are kept back, so that many records are framed at once


class EventFile:
    """Writes records, in order, behind those that the file has.

    `started`, in seconds since the epoch, is of its first record, which TensorBoard takes for the start of the run.
    """

    def __init__(self, path: Path, started: float) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(path, "ab", buffering=0)  # noqa: SIM115
        self._waiting: list[tuple[bytes | memoryview, bool]] = []  # and whether it is framed
        self._size = 0
        if not self._file.tell():
            self.add(encode.event(started, 0, encode.field(3, VERSION)))

    def add(self, payload: bytes) -> None:
        self._wait(payload, False)

    def add_rows(self, blocks: list[Block], others: Iterable[tuple[int, bytes]]) -> None:
        """Records of scalars, and events by their row, ascending; in a row the scalars come first."""
        framed, rows, ends = records.interleave(blocks)
        ends = np.append(0, ends)
        first = 0
        for row, payload in others:
            place = int(ends[np.searchsorted(rows, row, "right")])
            if place > first:
                self._wait(framed[first:place].data, True)
                first = place
            self.add(payload)
        if len(framed) > first:
            self._wait(framed[first:].data, True)

    def _wait(self, data: bytes | memoryview, framed: bool) -> None:
        self._waiting.append((data, framed))
        self._size += len(data)
        if self._size >= _WAITING_BYTES:
            self._flush()

    def _flush(self) -> None:
        waiting, self._waiting, self._size = self._waiting, [], 0
        made = iter(records.frame([bytes(data) for data, framed in waiting if not framed]))
        pieces = [data if framed else next(made) for data, framed in waiting]
        view = memoryview(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        while view:
            view = view[self._file.write(view) :]

    def close(self) -> None:
        """Write what is kept back."""
        try:
            self._flush()
        finally:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is None:
            self.close()
        else:
            self._file.close()
