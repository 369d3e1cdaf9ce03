"""A growing journal as files that hardly change, for stores that cannot append.

A segment is a journal file like any other: readers need to know nothing. All but the last of a journal are cut where a
frame ends and stay as they are; a segment that is not the first of its journal begins with the header, and with the
layouts that were declared before it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from .._core import canonical
from .._core.errors import StoreError, os_error
from .._core.location import Location
from .._core.sidecar import open_file
from ..journal import frames
from ..journal.names import name_of, rank_of, sequence_of
from ..journal.reader import JournalReader, Notes
from . import files

SIZE = 8 * 1024 * 1024  # of a segment, about: so much at most is written again when the journal has grown
_PIECE = 1024 * 1024
_MAX_HEADER = 64 * 1024


class Segment(NamedTuple):
    """A part of a journal file, as it is to stand elsewhere."""

    name: str
    path: Location
    prefix: bytes  # what stands before the part
    start: int
    end: int

    @property
    def size(self) -> int:
        """Bytes of the whole segment."""
        return len(self.prefix) + self.end - self.start

    def pieces(self) -> Iterator[bytes]:
        """Its content; raises OSError."""
        if self.prefix:
            yield self.prefix
        with open_file(self.path) as file:
            file.seek(self.start)
            left = self.end - self.start
            while left and (piece := file.read(min(_PIECE, left))):
                left -= len(piece)
                yield piece

    def head(self, size: int) -> bytes:
        """Its first bytes; raises OSError."""
        data = b""
        for piece in self.pieces():
            data += piece
            if len(data) >= size:
                break
        return data[:size]


class Segments:
    """The segments of a run's journals. What was cut once is not read again.

    Args:
        folder: the directory of the journals.
        size: bytes of a segment.
    """

    def __init__(self, folder: Path, size: int = SIZE) -> None:
        self._folder, self._size = folder, size
        self._cut: dict[Path, _Cutter] = {}

    def read(self) -> list[Segment]:
        """The segments of what is written by now; raises `StoreError` or `DocumentError`."""
        segments: list[Segment] = []
        for path in files.journals(self._folder):
            try:
                cutter = self._cut.get(path) or _Cutter(path)
                self._cut[path] = cutter
                parts = cutter.parts(path.stat().st_size, self._size)
            except OSError as error:
                if isinstance(error, StoreError):
                    raise
                raise os_error(StoreError, str(path), "read the journal", error, "Check permissions.") from error
            for sequence, prefix, start, end in parts:
                rank = rank_of(path.name)
                place = 1 + sum(rank_of(segment.name) == rank for segment in segments)
                segments.append(Segment(name_of(place, sequence, rank), path, prefix, start, end))
        return segments


class _Cutter:
    """Where one journal is cut."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.done: list[tuple[int, bytes, int, int]] = []  # number of the first call, prefix, start, end
        self.prefix, self.start, self.sequence = b"", 0, sequence_of(path.name)
        self.header = _header(path)
        self.reader = JournalReader(path, BytesIO(), Notes())

    def parts(self, end: int, size: int) -> list[tuple[int, bytes, int, int]]:
        """All segments of the first `end` bytes; raises OSError."""
        if end - self.start > size:
            with open_file(self.path) as self.reader.file:
                while end - self.start > size and self._cut(end, size):
                    pass
        return [*self.done, (self.sequence, self.prefix, self.start, end)]

    def _cut(self, end: int, size: int) -> bool:
        """Cut where the last frame ends that fits into a segment, if there is such a place.

        It is the same place whenever this is asked, so that another process goes on where this one stopped.
        """
        reader, limit = self.reader, self.start
        while reader.position <= self.start:
            limit += size  # once more if a frame is larger than a segment
            if limit > end:
                return False
            for _ in reader.read(limit):
                pass
        reader.notes = Notes()
        if reader.astray or not self.start < reader.position < end:  # damage: where the next frame begins is unknown
            return False
        self.done.append((self.sequence, self.prefix, self.start, reader.position))
        self.start, self.sequence = reader.position, reader.sequence
        self.prefix = frames.MAGIC + frames.json_frame(frames.HEADER, self.header)
        self.prefix += b"".join(layout.declaration() for layout in reader.layouts.values())
        return True


def _header(path: Path) -> dict[str, Any]:
    """What a journal says of itself; raises OSError."""
    with open_file(path) as file:
        start = file.read(_MAX_HEADER)
    at = len(frames.MAGIC)
    try:
        (size, kind) = struct.unpack_from("<IB", start, at)
        header = canonical.loads(start[at + 5 : at + size - 4]) if kind == frames.HEADER else None
    except (ValueError, struct.error):
        return {}
    return header if isinstance(header, dict) else {}
