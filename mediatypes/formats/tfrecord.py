"""Records of an event file: found, checked, and found again after damage.

A file is a sequence of TFRecords without header or index: `u64 length | u32 masked CRC-32C of those 8 bytes | payload |
u32 masked CRC-32C of the payload`, little-endian (TensorFlow, core/lib/io/record_writer.h). Damage costs the record
that it hits: reading goes on at the next twelve bytes that are a valid header.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from struct import Struct
from typing import BinaryIO, NamedTuple

import numpy as np

from ..columns.arrays import Array
from . import crc32c

HEADER, FOOTER = 12, 4
MAX_LENGTH = 2**31 - 1  # a protobuf message holds less (protobuf.dev, "Encoding": size limit of 2 GiB)
_PIECE_BYTES = 4 << 20
_ROWS = 1 << 15  # records checked at once
_WINDOW_BYTES = 1 << 20  # bytes searched at once for a header
_FEW, _MANY = 512, 1 << 16  # records stepped through one by one before a pattern of lengths is looked for
_LONGEST_PATTERN = 256
_INVALID = -1
_LENGTH, _HEADER = Struct("<Q"), Struct("<QI")


class Records(NamedTuple):
    """Sound records that lie in one buffer."""

    data: bytes  # HEADROOM bytes of no meaning, then a piece of the file
    starts: Array  # (n,) int64: where payloads begin in `data`
    ends: Array  # (n,) int64: where they end
    base: int  # add it to a position in `data` for that in the file

    @property
    def offsets(self) -> Array:
        """(n,) int64: where the records begin in the file."""
        return self.starts + (self.base - HEADER)


class Damage(NamedTuple):
    """A range of a file that holds no valid record."""

    offset: int
    size: int
    kind: str


KINDS = {
    "header": "a record whose header is damaged; reading went on at the next sound one",
    "checksum": "a record whose content is damaged",
    "torn": "a record that is not whole: it is being written, or its writer was killed",
    "lost": "bytes without any sound record up to the end of the file",
    "foreign": "a file without any sound record",
}


class RecordReader:
    """Reads the valid records of an event file in pieces of bounded size.

    Args:
        file: open for reading at `offset`.
        size: of the file in bytes; no claimed length that goes beyond it is believed, and nothing after it is read.
        offset: where a record begins.

    Once all was read, `position` is where to go on when the file has grown, and `damage` what was passed over, by
    offset. What `damage` has from `position` on is not settled: it depends on what follows, and is found again, or
    found otherwise, by who goes on there. So a file that is read as it grows gives what one that is read at once does,
    unless `settled` is False: then what was taken for lost may be a record that goes on beyond the end, and a file that
    has grown is to be read from its start.
    """

    def __init__(self, file: BinaryIO, size: int, offset: int = 0) -> None:
        self.file, self.size, self.position = file, size, offset
        self.damage: list[Damage] = []
        self.count = 0
        self.settled = True
        self._chain = _Chain()

    def __iter__(self) -> Iterator[Records]:
        rest, start, wanted = b"", self.position, _PIECE_BYTES  # `rest` stands at `start` in the file
        lost, claimed, open_ended = -1, -1, False
        last: Damage | None = None  # a record with damage, of which nobody knows yet what follows it
        while piece := self.file.read(min(wanted, self.size - start - len(rest))):
            if lost >= 0 and piece == bytes(len(piece)) and rest == bytes(len(rest)):
                start += len(piece)  # a hole, where no header is valid
                continue
            data = bytes(crc32c.HEADROOM) + rest + piece
            base, at, wanted, last = start - crc32c.HEADROOM, crc32c.HEADROOM, _PIECE_BYTES, None
            while True:
                if lost >= 0:
                    header, is_first = _find_header(data, at, self.size - base)
                    open_ended |= not is_first
                    if header < 0:
                        at = max(at, len(data) - HEADER + 1)
                        break
                    self.damage.append(Damage(lost, base + header - lost, "header"))
                    self.settled &= not open_ended
                    at, lost, open_ended = header, -1, False
                offsets, at = self._chain.follow(data, at)
                suspect = -1
                if len(offsets):
                    records, suspect = self._valid(data, offsets, base)
                    if len(records.starts):
                        yield records
                claimed = _claim(data, at)
                if claimed != _INVALID:
                    if suspect >= 0 and not claimed:
                        last, at = self.damage.pop(), suspect
                    break
                if suspect >= 0:  # bytes of the record before are missing, or too many: the next one is inside it
                    self.damage.pop()
                    at = suspect
                lost, at = base + at, at + 1
            start, rest = base + at, data[at:]
            self.position = start if lost < 0 else lost
            if lost < 0 and claimed > 0:
                if start + claimed > self.size:
                    break
                wanted = max(_PIECE_BYTES, claimed - len(rest))
        end = self.position
        if last:
            self.damage.append(last)
            end += last.size
        if end < self.size:
            kind = "torn" if lost < 0 else "lost" if end else "foreign"
            self.damage.append(Damage(end, self.size - end, kind))
        self.damage.sort()

    def _valid(self, data: bytes, offsets: Array, base: int) -> tuple[Records, int]:
        """The records whose content has its checksum, the others are damage; and where the last one begins if it is."""
        starts = offsets + HEADER
        ends = starts + crc32c.words(data, "<u8")[offsets].astype(np.int64)
        stored = crc32c.words(data, "<u4")[ends]
        valid = np.empty(len(starts), bool)
        for first in range(0, len(starts), _ROWS):
            some = slice(first, first + _ROWS)
            valid[some] = crc32c.mask(crc32c.checksums(data, starts[some], ends[some])) == stored[some]
        suspect = -1 if valid[-1] else int(offsets[-1])
        if not valid.all():
            for i in np.flatnonzero(~valid).tolist():
                self.damage.append(Damage(base + int(offsets[i]), int(ends[i] - offsets[i]) + FOOTER, "checksum"))
            starts, ends = starts[valid], ends[valid]
        self.count += len(starts)
        return Records(data, starts, ends, base), suspect


def _claim(data: bytes, at: int) -> int:
    """The size of the whole record that begins at `at`, 0 if its header is not whole, or _INVALID."""
    if at + HEADER > len(data):
        return 0
    length, stored = _HEADER.unpack_from(data, at)
    valid = int(crc32c.length_checksums(np.array([length], np.uint64))[0]) == stored and length <= MAX_LENGTH
    return length + HEADER + FOOTER if valid else _INVALID


def _find_header(data: bytes, at: int, size: int) -> tuple[int, bool]:
    """The first position from `at` on of a valid header whose record ends within `size` bytes, -1 if there is none;
    and whether no valid header stands before it, whose record would go on beyond them."""
    is_first = True
    upper, lower, stored = crc32c.words(data, "<u4")[4:], crc32c.words(data, "<u8"), crc32c.words(data, "<u4")[8:]
    for first in range(at, len(stored), _WINDOW_BYTES):
        last = min(first + _WINDOW_BYTES, len(stored))
        places = first + np.flatnonzero(upper[first:last] == 0)
        lengths = lower[places]
        possible = (lengths <= MAX_LENGTH) & ((lengths > 0) | (stored[places] == _checksum_of_0()))
        places, lengths = places[possible], lengths[possible]
        valid = crc32c.length_checksums(lengths) == stored[places]
        places, ends = places[valid], (places + lengths.astype(np.int64) + (HEADER + FOOTER))[valid]
        fits = np.flatnonzero(ends <= size)
        is_first &= len(places) == 0 or (len(fits) > 0 and fits[0] == 0)
        if len(fits):
            return int(places[fits[0]]), is_first
    return -1, is_first


@cache
def _checksum_of_0() -> np.uint32:
    sums: Array = crc32c.length_checksums(np.zeros(1, np.uint64))
    return np.uint32(sums[0])


class _Chain:
    """Follows the lengths from record to record.

    Logs are regular: the lengths of the records of one training step come again in the next. Once they repeat, the
    positions of many records are predicted, and their lengths compared with one operation.
    """

    def __init__(self) -> None:
        self._pattern: Array | None = None  # sizes of the records to come
        self._steps = _FEW

    def follow(self, data: bytes, at: int) -> tuple[Array, int]:
        """Where whole records with valid headers begin from `at` on, and where the first one does that is not."""
        pieces = [np.zeros(0, np.int64)]
        while True:
            if self._pattern is not None:
                offsets, at = self._predict(data, at, self._pattern)
                pieces.append(offsets)
            offsets, at = _step(data, at, self._steps)
            pieces.append(offsets)
            if len(offsets) < self._steps:
                if len(offsets):
                    self._pattern = None
                break
            self._learn(offsets, at)
        offsets = np.concatenate(pieces)
        lengths = crc32c.words(data, "<u8")[offsets]
        valid = crc32c.length_checksums(lengths) == crc32c.words(data, "<u4")[offsets + 8]
        if not valid.all():
            first = int(valid.argmin())
            offsets, at = offsets[:first], int(offsets[first])
            self._pattern = None
        return offsets, at

    def _learn(self, offsets: Array, at: int) -> None:
        """Look for a pattern of sizes that repeats at the end of what was stepped through; seldom if there is none."""
        sizes = np.diff(offsets[-_FEW:], append=at)
        shown = sizes.tobytes()  # compared as bytes, which ends at the first that differs
        for period in range(1, min(_LONGEST_PATTERN, len(sizes) // 2) + 1):
            shift = period * sizes.itemsize
            if shown[shift:] == shown[:-shift]:
                self._pattern = sizes[-period:]
                return
        self._pattern, self._steps = None, min(2 * self._steps, _MANY)

    def _predict(self, data: bytes, at: int, pattern: Array) -> tuple[Array, int]:
        rounds = (len(data) - at) // int(pattern.sum()) + 1
        sizes = np.tile(pattern, rounds)
        ends = at + np.cumsum(sizes)
        whole = int(np.searchsorted(ends, len(data), "right"))
        sizes, offsets = sizes[:whole], (ends - sizes)[:whole]
        right = crc32c.words(data, "<u8")[offsets] == (sizes - (HEADER + FOOTER)).astype(np.uint64)
        count = whole if right.all() else int(right.argmin())
        self._pattern = np.roll(pattern, -(count % len(pattern)))
        if count < whole:
            self._pattern = None
            self._steps = _FEW if count > self._steps else min(2 * self._steps, _MANY)
        return offsets[:count], int(offsets[count]) if count < whole else int(ends[whole - 1]) if whole else at


def _step(data: bytes, at: int, most: int) -> tuple[Array, int]:
    """Where at most so many whole records begin, by what their headers claim, and where the next one does."""
    read, end = _LENGTH.unpack_from, len(data) - (HEADER + FOOTER)
    offsets: list[int] = []
    while at <= end and len(offsets) < most:
        following = at + read(data, at)[0] + (HEADER + FOOTER)
        if following > len(data):
            break
        offsets.append(at)
        at = following
    return np.array(offsets, np.int64), at
