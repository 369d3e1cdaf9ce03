"""Records of a W&B log (`run-<id>.wandb`): found, checked, and found again after damage.

After seven bytes (`:W&B`, the number 0xBEE1, version 0) a log is blocks of 32 KiB, counted from the start of the file,
framed as LevelDB frames its logs (github.com/google/leveldb, doc/log_format.md): chunks of `u32 checksum | u16 size |
u8 type | data`, whose type is 1 for a whole record, 2, 3 and 4 for the first, a middle and the last part of one. Fewer
than seven bytes at the end of a block are zeros. Unlike LevelDB's the checksum is the CRC-32 of zlib, over type and
data. Damage costs the record that it hits: reading goes on at the next chunk whose checksum is right.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import BinaryIO, NamedTuple
from zlib import crc32

import numpy as np

from ....columns.arrays import Array
from ....formats.tfrecord import Damage

MAGIC = b":W&B\xe1\xbe\x00"
BLOCK, HEADER = 32768, 7
MAX_RECORD = 256 << 20  # bytes; W&B itself sends no row above 10 MB
_PIECE_BYTES = 4 << 20
_SEARCHED_BYTES = 1 << 20  # that are checked in one damaged block
_SEARCHED_BLOCKS = 2048  # of others only the chunks before the first damage are read
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_HEAD, _HEADS = Struct("<IHB"), np.dtype([("sum", "<u4"), ("size", "<u2"), ("type", "u1")])
_RESTART = 0xAF4C9D16 ^ 0xFFFFFFFF  # from a register of ones, crc32(0xAF4C9D16 and two zeros) ends with one
_TRUSTED = 64  # steps between looks at what they lead to

KINDS = {
    "checksum": "a part of the log that is damaged; reading went on at the next sound one",
    "part": "a record of which parts are missing",
    "torn": "a record that is not whole: it is being written, or its writer was killed",
    "large": f"a record of more than {MAX_RECORD} bytes",
    "foreign": "a file that does not begin as a W&B log",
}


class Records(NamedTuple):
    """Sound records in one buffer."""

    data: bytes
    starts: Array  # (n,) int64: where they begin in `data`
    ends: Array  # (n,) int64: where they end
    offsets: Array  # (n,) int64: where their first chunks begin in the file


class _Chunks(NamedTuple):
    places: Array  # (n,) int64: of the headers in a buffer, ascending
    sizes: Array  # (n,) int64: of the data
    types: Array  # (n,)


class RecordReader:
    """Reads the sound records of a log in pieces of bounded size.

    Args:
        file: open for reading at `offset`.
        size: of the file in bytes; nothing after it is read.
        offset: 0, or where a chunk begins.
        magic: how a log begins; SwanLab's differs only in this.

    Once all was read, `position` is where to go on when the file has grown, and `damage` what was passed over.
    """

    def __init__(self, file: BinaryIO, size: int, offset: int = 0, magic: bytes = MAGIC) -> None:
        self.file, self.size, self.position, self.magic = file, size, offset, magic
        self.damage: list[Damage] = []
        self.count = 0
        self._held = b""  # of a record whose last chunk is still to come
        self._is_open = False  # there is one
        self._blocks = _SEARCHED_BLOCKS  # that may still be searched
        self._begin = self._next = 0  # where it begins in the file, and where it goes on

    def __iter__(self) -> Iterator[Records]:
        if self.position == 0:
            head = self.file.read(min(len(self.magic), self.size))
            if head != self.magic:
                is_begun = self.magic.startswith(head)
                self.damage.append(Damage(0, self.size, "torn" if is_begun else "foreign"))
                return
            self.position = len(self.magic)
        base = self.position
        while base < self.size:
            data = self.file.read(min(_PIECE_BYTES - base % BLOCK, self.size - base))
            if not data:
                break
            chunks = self._chunks(data, base)
            records = self._joined(data, chunks, base)
            if len(records.starts):
                self.count += len(records.starts)
                yield records
            base += len(data)
        if self._is_open:
            self.position = self._begin
        if self.position < self.size and not self._is_padding():
            self.damage = [one for one in self.damage if one.offset < self.position]
            self.damage.append(Damage(self.position, self.size - self.position, "torn"))

    def _is_padding(self) -> bool:
        """Whether what is left is the end of a block, which holds nothing."""
        return not self._is_open and BLOCK - self.position % BLOCK < HEADER and self.size % BLOCK == 0

    def _chunks(self, data: bytes, base: int) -> _Chunks:
        """The sound chunks of a piece, which ends with a block or the file: all blocks are stepped through at once."""
        starts = np.arange(-(base % BLOCK), len(data), BLOCK)
        ends = np.minimum(starts + BLOCK, len(data))
        starts[0] = 0
        copy = bytearray(len(data) + HEADER)
        copy[: len(data)] = data
        heads = np.ndarray((len(data),), _HEADS, copy, strides=(1,))  # wherever one could begin
        places = _places(heads, starts, ends - HEADER)
        sums, sizes, types = (heads[name][places] for name in ("sum", "size", "type"))
        after = places + HEADER + sizes
        firsts = np.searchsorted(places, np.append(starts, len(data)))  # of each block
        owners = np.repeat(np.arange(len(starts)), np.diff(firsts))
        is_odd = ~_are_sound(copy, heads, places, after, sums, firsts)
        is_odd[owners[(types - np.uint8(_FULL) >= _LAST) | (after > ends[owners])]] = True
        last = int(after[-1]) if len(after) and owners[-1] == len(starts) - 1 else int(starts[-1])
        is_odd[-1] |= bool(last < ends[-1] and (ends[-1] + base) % BLOCK)  # a few bytes at the end of the file
        if is_odd.any():
            kept = ~is_odd[owners]
            careful = [self._search(data, int(starts[i]), int(ends[i]), base) for i in np.flatnonzero(is_odd).tolist()]
            extra = np.array([one for block in careful for one in block], np.int64).reshape(-1, 3)
            places = np.concatenate([places[kept], extra[:, 0]])
            sizes = np.concatenate([sizes[kept], extra[:, 1]])
            types = np.concatenate([types[kept], extra[:, 2]])
            order = np.argsort(places)
            places, sizes, types = places[order], sizes[order], types[order]
        return _Chunks(places, sizes, types)

    def _search(self, data: bytes, at: int, end: int, base: int) -> list[tuple[int, int, int]]:
        """The sound chunks of one block that holds damage: place, size and type of each."""
        chunks: list[tuple[int, int, int]] = []
        lost, budget = -1, _SEARCHED_BYTES if self._blocks > 0 and data.count(0, at, end) < end - at else 0
        self._blocks -= 1
        while at + HEADER <= end:
            stored, size, type = _HEAD.unpack_from(data, at)
            after = at + HEADER + size
            is_possible = _FULL <= type <= _LAST and after <= end
            budget -= size if is_possible and lost >= 0 else 0
            is_searched = lost < 0 or budget > 0
            if is_possible and is_searched and crc32(memoryview(data)[at + 6 : after]) == stored:
                if lost >= 0:
                    self.damage.append(Damage(base + lost, at - lost, "checksum"))
                    lost = -1
                chunks.append((at, size, type))
                at = after
            else:
                lost = at if lost < 0 else lost
                if budget <= 0:
                    break
                at += 1
        if lost < 0 and at + HEADER > end and (base + end) % BLOCK and at < end:
            lost = at  # the beginning of a header at the end of the file
        if lost >= 0:
            self.damage.append(Damage(base + lost, end - lost, "checksum"))
        return chunks

    def _joined(self, data: bytes, chunks: _Chunks, base: int) -> Records:
        """The records of a piece: the headers in the middle of those that have several chunks are taken out."""
        held = self._held  # the beginning of a record stands before the piece
        cuts: list[tuple[int, int]] = []  # what is taken out, of both together
        spans: list[tuple[int, int, int]] = []  # records of several chunks: begin and end, and begin in the file
        start, end = 0, len(held)
        parts = np.flatnonzero(chunks.types != _FULL)
        for place, size, type in zip(*(column[parts].tolist() for column in chunks), strict=True):
            goes_on = type != _FIRST and self._is_open and self._next == base + place
            if self._is_open and not goes_on:
                self._lose(base + place, "part")
            if type != _FIRST and not goes_on:
                self.damage.append(Damage(base + place, HEADER + size, "part"))
                continue
            after = len(held) + place + HEADER
            if type == _FIRST:
                self._begin, self._is_open, start = base + place, True, after
            else:
                cuts.append((end, after))
            end = after + size
            self._next = _following(base + place + HEADER + size)
            if end - start > MAX_RECORD:
                self._lose(self._next, "large")
            elif type == _LAST:
                spans.append((start, end, self._begin))
                self._is_open = False
        if len(chunks.places):
            self.position = base + int(chunks.places[-1] + chunks.sizes[-1]) + HEADER
            if self._is_open and self._next < _following(self.position):  # whole records came after what was to go on
                self._lose(self.position, "part")
        is_full = chunks.types == _FULL
        begun = chunks.places[is_full] + (len(held) + HEADER)
        several = np.array(spans, np.int64).reshape(-1, 3)
        starts = np.concatenate([begun, several[:, 0]])
        ends = np.concatenate([begun + chunks.sizes[is_full], several[:, 1]])
        offsets = np.concatenate([chunks.places[is_full] + base, several[:, 2]])
        order = np.argsort(ends, kind="stable")
        whole, starts, ends = _without(held + data, cuts, starts[order], ends[order])
        if self._is_open:
            begin, until = _moved(np.array([start, end]), cuts).tolist()
            self._held = whole[begin:until]
        else:
            self._held = b""
        return Records(whole, starts, ends, offsets[order])

    def _lose(self, before: int, kind: str) -> None:
        """Give up the record that was begun."""
        self.damage.append(Damage(self._begin, min(self._next, before) - self._begin, kind))
        self._is_open, self._held = False, b""


def _places(heads: Array, here: Array, limits: Array) -> Array:
    """Where chunks begin in blocks that begin at `here`, none behind `limits`, by their sizes alone."""
    sizes, types = heads["size"], heads["type"]
    steps = [here[:0]]
    while len(here):
        inside = here <= limits
        if len(steps) % _TRUSTED == 0:  # zeros would be a chunk every seven bytes
            inside[inside] = types[here[inside]] - np.uint8(_FULL) < _LAST
        if not inside.all():
            here, limits = here[inside], limits[inside]
        steps.append(here)
        here = here + HEADER + sizes[here]
    return np.sort(np.concatenate(steps))


def _are_sound(copy: bytearray, heads: Array, places: Array, after: Array, sums: Array, firsts: Array) -> Array:
    """Whether the checksums of all chunks of a block are right, for each block, in a copy that is changed.

    There are too many chunks to compute a checksum each. So each but the last of a block is computed away: it takes the
    place of the next chunk's, changed such that behind that header a register which was right is as at the beginning.
    Then the checksum of all is the last one's. What is wrong in one chunk always shows; in several it is hidden by
    chance once in 2^32.
    """
    heads["sum"][places[1:]] = sums[:-1] ^ np.uint32(_RESTART)
    heads["size"][places] = 0
    sound, view = np.ones(len(firsts) - 1, bool), memoryview(copy)
    blocks = np.flatnonzero(np.diff(firsts))
    begin, last = places[firsts[blocks]] + (HEADER - 1), firsts[blocks + 1] - 1
    spans = zip(begin.tolist(), after[last].tolist(), strict=True)
    sound[blocks] = np.array([crc32(view[first:end]) for first, end in spans], np.uint32) == sums[last]
    return sound


def _without(data: bytes, cuts: list[tuple[int, int]], starts: Array, ends: Array) -> tuple[bytes, Array, Array]:
    """Bytes without some ranges, and where others stand then."""
    if not cuts:
        return data, starts, ends
    edges = [0, *(place for cut in cuts for place in cut), len(data)]
    kept = b"".join(data[first:last] for first, last in zip(edges[::2], edges[1::2], strict=True))
    return kept, _moved(starts, cuts), _moved(ends, cuts)


def _moved(places: Array, cuts: list[tuple[int, int]]) -> Array:
    """Where these places are once the cuts are taken out."""
    if not cuts:
        return places
    removed = np.cumsum([0, *(last - first for first, last in cuts)])
    moved: Array = places - removed[np.searchsorted([last for _, last in cuts], places, "right")]
    return moved


def _following(offset: int) -> int:
    """Where the chunk after one that ends at `offset` of the file begins."""
    left = BLOCK - offset % BLOCK
    return offset + left if left < HEADER else offset
