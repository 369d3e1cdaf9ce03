"""Scalar events of one shape, read all at once.

Nearly every record of a log is one scalar, written as `09 <wall time> [10 <step>] 2a <n> 0a <n> 0a <n> <tag>` and then
the value: `15 <float>`, or a rank-0 tensor. Two such records of one tag differ in time, step and value only. So what
is left of a record without these, its form, is hashed; one record of each form is read by the general parser, and the
others, compared with it byte by byte, are columns of numbers. Everything else is for the general parser.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ....columns.arrays import Array
from ....formats import crc32c
from ....formats.tfrecord import Records
from .event_table import numbers_of, plain_array

_U64 = np.uint64
_LONGEST = 250  # bytes of a record; longer tags are for the general parser
_PIECE = 1 << 15  # records at once: their words stay in a cache
Register = Callable[[Records, int], int]  # the form of a record: its number, or -1 if it is no plain scalar


class _Encoding(NamedTuple):
    """How a value follows the tag: bytes that tell it (None: any), then the value."""

    lead: tuple[int | None, ...]
    size: int


_ENCODINGS = (
    _Encoding((0x15,), 4),  # Summary.Value.simple_value = 2
    _Encoding((0x42, None, 0x08, None, 0x2A, 0x04), 4),  # tensor = 8 {dtype = 1, float_val = 5}: torch, new_style
    _Encoding((0x42, None, 0x08, None, 0x32, 0x08), 8),  # double_val = 6: torch, double_precision
    _Encoding((0x42, None, 0x08, None, 0x12, 0x00, 0x22, 0x04), 4),  # tensor_shape = 2, tensor_content = 4: TF2
    _Encoding((0x42, None, 0x08, None, 0x12, 0x00, 0x22, 0x08), 8),
    _Encoding((0x42, None, 0x08, None, 0x12, 0x00, 0x2A, 0x04), 4),
    _Encoding((0x42, None, 0x08, None, 0x12, 0x00, 0x32, 0x08), 8),
)


class Scalars(NamedTuple):
    """Scalar events of one buffer, in order."""

    records: Array  # (n,) which records they are
    forms: Array  # (n,) int32: numbers that `register` gave
    steps: Array  # (n,) int64
    times: Array  # (n,) float64
    values: Array  # (n,) float64


class ScalarParser:
    """Finds the records that are plain scalars. `register` is asked once for each form."""

    def __init__(self, register: Register) -> None:
        self._register = register
        self._forms: dict[bytes, int] = {}

    def parse(self, records: Records) -> Scalars:
        parsed = [
            self._parse(records, first, min(first + _PIECE, len(records.starts)))
            for first in range(0, len(records.starts), _PIECE)
        ]
        return parsed[0] if len(parsed) == 1 else Scalars(*map(np.concatenate, zip(*parsed, strict=True)))

    def _parse(self, records: Records, first: int, last: int) -> Scalars:
        view = _View(records.data)
        starts, ends = records.starts[first:last], records.ends[first:last]
        index = np.arange(first, last)
        lengths = ends - starts
        # 22 bytes: without a step and a tag. A word is read 14 bytes after the tag at most, and not beyond the buffer.
        short = (lengths >= 22) & (lengths <= _LONGEST) & (ends + 8 <= len(view.data))
        index, starts, ends = _only(short, index, starts, ends)
        steps, size = _read_steps(view, starts)
        body = starts + 9 + size
        head = view.u8[body]
        tags = (head >> _U64(40)) & _U64(0xFF)
        value = body + 6 + tags.astype(np.int64)
        plain = (view.u1[starts] == 9) & (size >= 0) & (head & _U64(0xFF00FF00FF) == _U64(0x0A000A002A))
        plain &= (tags < _U64(0x80)) & (value + 5 <= ends)
        index, starts, ends, steps, body, value = _only(plain, index, starts, ends, steps, body, value)
        width, value = _find_values(view, value, ends)
        columns = (index, starts, ends, steps, body, value, width)
        index, starts, ends, steps, body, value, width = _only(width > 0, *columns)
        forms = self._find_forms(records, view, index, body, value, width, ends)
        index, starts, steps, value, width, forms = _only(forms >= 0, index, starts, steps, value, width, forms)
        numbers = view.f4[value].astype(np.float64)
        if len(wide := np.flatnonzero(width == 8)):
            numbers[wide] = view.f8[value[wide]]
        return Scalars(index, forms, steps, view.f8[starts + 1], numbers)

    def _find_forms(
        self, records: Records, view: _View, index: Array, body: Array, value: Array, width: Array, ends: Array
    ) -> Array:
        """The number of each record's form, -1 for those that are no plain scalars."""
        if not len(index):
            return np.zeros(0, np.int32)
        after = value + width
        words = [*_words(view, body, value), *_words(view, after, ends)]
        hashes = ((value - body) * 256 + (ends - after)).astype(np.uint64)
        for word in words:
            hashes = (hashes ^ word) * _U64(0xFF51AFD7ED558CCD)
            hashes ^= hashes >> _U64(29)
        first, group = _distinct(hashes)
        same = (value - body == (value - body)[first][group]) & (ends - after == (ends - after)[first][group])
        for word in words:
            same &= word == word[first][group]
        numbers = np.empty(len(first), np.int32)
        data = records.data
        for i, at in enumerate(first.tolist()):
            form = b"\0".join((data[body[at] : value[at]], data[after[at] : ends[at]], bytes([width[at]])))
            if form not in self._forms:
                self._forms[form] = self._register(records, int(index[at]))
            numbers[i] = self._forms[form]
        return np.where(same, numbers[group], np.int32(-1))


class _View:
    """A buffer as numbers at every byte."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.u1, self.u8 = np.frombuffer(data, np.uint8), crc32c.words(data, "<u8")
        self.f4, self.f8 = crc32c.words(data, "<f4"), crc32c.words(data, "<f8")


def _only(chosen: Array, *columns: Array) -> tuple[Array, ...]:
    """The chosen rows."""
    if chosen.all():
        return columns
    rows = np.flatnonzero(chosen)
    return tuple(column[rows] for column in columns)


def _read_steps(view: _View, starts: Array) -> tuple[Array, Array]:
    """Steps, and how many bytes they take with their tag: 0 where there is none, -1 of those over 8 bytes."""
    given = view.u1[starts + 9] == 0x10
    word = view.u8[starts + 10]
    ending = ~word & _U64(0x8080808080808080)
    last = ending & (~ending + _U64(1))  # the highest bit of the first byte that ends the number
    ones = (last - _U64(1)) & _U64(0x0101010101010101)  # one for each byte of the number
    size = ((ones * _U64(0x0101010101010101)) >> _U64(56)).astype(np.int64)
    word &= (last | (last - _U64(1))) & _U64(0x7F7F7F7F7F7F7F7F)
    word = (word & _U64(0x007F007F007F007F)) | ((word & _U64(0x7F007F007F007F00)) >> _U64(1))
    word = (word & _U64(0x00003FFF00003FFF)) | ((word & _U64(0x3FFF00003FFF0000)) >> _U64(2))
    word = (word & _U64(0x000000000FFFFFFF)) | ((word & _U64(0x0FFFFFFF00000000)) >> _U64(4))
    steps = np.where(given, word, _U64(0)).view(np.int64)
    return steps, np.where(given, np.where(ending != 0, size + 1, -1), 0)


def _find_values(view: _View, at: Array, ends: Array) -> tuple[Array, Array]:
    """Size of each value, 0 where none of the encodings fits, and where it begins; `at` is where the tag ends."""
    lead = view.u8[at]
    width, skip = np.zeros(len(at), np.int64), np.zeros(len(at), np.int64)
    left = ends - at
    for encoding in _ENCODINGS:
        mask = sum(0xFF << 8 * i for i, byte in enumerate(encoding.lead) if byte is not None)
        wanted = sum(byte << 8 * i for i, byte in enumerate(encoding.lead) if byte is not None)
        fits = (lead & _U64(mask) == _U64(wanted)) & (left >= len(encoding.lead) + encoding.size)
        width[fits], skip[fits] = encoding.size, len(encoding.lead)
        if fits.all():
            break
    return width, at + skip


def _words(view: _View, starts: Array, ends: Array) -> list[Array]:
    """The bytes of each range in words of 8, the last ones filled with zeros; all as many as the longest has."""
    words = []
    for i in range(0, int((ends - starts).max(initial=0)), 8):
        left = np.clip(ends - starts - i, 0, 8)
        word = view.u8[np.minimum(starts + i, len(view.u8) - 1)]
        if int(left.min()) < 8:
            word &= _FIRST[left]
        words.append(word)
    return words


def _distinct(hashes: Array) -> tuple[Array, Array]:
    """Where each distinct hash stands first, and for each hash which of these it is."""
    encoded = plain_array(hashes).dictionary_encode()
    group = numbers_of(encoded.indices)
    first = np.empty(len(encoded.dictionary), np.int64)
    first[group[::-1]] = np.arange(len(group) - 1, -1, -1)
    return first, group


_FIRST = np.array([2 ** (8 * n) - 1 for n in range(9)], np.uint64)  # masks of the first n bytes of a word
