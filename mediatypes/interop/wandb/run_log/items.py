"""The items of history and summary records: keys and JSON values of many records at once.

A record of W&B is `num = 1`, then `history = 2` or `summary = 3`, whose items (field 1) are a key (field 1, or its
parts in field 2 each) and the value as JSON (field 16). A row has as many items as it has values, in any order. So all
records of a piece are stepped through together, item by item. What is written in any other way is read by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ....columns.arrays import Array
from ....formats import protobuf
from ....formats.protobuf import BYTES, FIXED64, VARINT, Malformed, encode_varint

HISTORY, SUMMARY = 2, 3
_ITEM, _KEY, _PART, _STEP, _LENGTH_1 = 0x0A, 0x0A, 0x12, 0x12, 0x80
_VALUE = 0x0182  # the tag of a value
PADDING = 16  # zeros behind a buffer, so that every read is inside
_MOST_PARTS = 8  # of a nested key
_FEW, _MANY = 8, 64  # records that are stepped through together, and steps
Path = tuple[str, ...]


class Items(NamedTuple):
    """Items of several records."""

    data: bytes
    rows: Array  # (n,) int64: the record of each, counted from 0
    keys: Array  # (n,) int64: the number of its key
    starts: Array  # (n,) int64: where its JSON begins in `data`
    ends: Array  # (n,) int64

    def where(self, chosen: Array | slice) -> Items:
        """Some of them, by a mask, a slice or their places."""
        return Items(self.data, self.rows[chosen], self.keys[chosen], self.starts[chosen], self.ends[chosen])

    def in_order(self) -> Items:
        """The same, as they stand in the data."""
        return self.where(np.argsort(self.starts))

    def by_key(self) -> Iterator[Array]:
        """The places of those of each key, in their order."""
        small = self.keys.astype(np.min_scalar_type(self.keys.max(initial=0)))  # which are sorted faster
        order = np.argsort(small, kind="stable")
        edges = np.flatnonzero(np.diff(self.keys[order], prepend=-1, append=-1)).tolist()
        return (order[first:last] for first, last in pairwise(edges))

    def last(self) -> Items:
        """The last one of each key."""
        last = np.full(int(self.keys.max(initial=-1)) + 1, -1, np.int64)
        np.maximum.at(last, self.keys, self.starts)
        return self.where(np.flatnonzero(last[self.keys] == self.starts))

    def text(self, place: int) -> bytes:
        """The JSON of one of them."""
        return self.data[int(self.starts[place]) : int(self.ends[place])]

    def texts(self) -> list[bytes]:
        return [self.data[start:end] for start, end in zip(self.starts.tolist(), self.ends.tolist(), strict=True)]


class Item(NamedTuple):
    """One item that was read by itself: a value that is typed, or JSON."""

    path: Path
    json: bytes | None
    typed: float | str | bool | None = None


class KeyTable:
    """The keys of a log, numbered as they come; each is known by the bytes that it is written with."""

    def __init__(self) -> None:
        self.paths: list[Path] = []
        self._written: list[bytes] = []
        self._numbers: dict[bytes, int] = {}
        self._hashes = np.zeros(0, np.uint64)  # sorted, and the keys that have them
        self._of_hash = np.zeros(0, np.int64)
        self._words = np.zeros((1, 0), np.uint64)  # (words, keys): the keys in words of 8 bytes, filled up with zeros

    def numbers(self, data: bytes, starts: Array, ends: Array) -> Array:
        """The numbers of the keys that stand at these places."""
        sizes = ends - starts
        view = np.ndarray((len(data) - 7,), "<u8", data, strides=(1,))
        words: list[tuple[Array | slice, Array]] = []  # 8 bytes of the keys that are long enough, and which these are
        hashes = sizes.astype(np.uint64)
        chosen: Array | slice = slice(None)
        for i in range(-(-int(sizes.max(initial=0)) // 8)):
            chosen = np.flatnonzero(sizes > 8 * i) if i else chosen
            word = view[starts[chosen] + 8 * i]
            word &= _FIRST.take(sizes[chosen] - 8 * i, mode="clip")
            words.append((chosen, word))
            mixed = hashes[chosen] ^ word
            mixed *= np.uint64(0x9E3779B97F4A7C15)
            mixed ^= mixed >> np.uint64(29)
            hashes[chosen] = mixed
        numbers = self._look_up(hashes, words)
        if len(unknown := np.flatnonzero(numbers < 0)):
            _, first = np.unique(hashes[unknown], return_index=True)
            self._extend([data[starts[i] : ends[i]] for i in unknown[first].tolist()], hashes[unknown[first]])
            numbers = self._look_up(hashes, words)
            for i in np.flatnonzero(numbers < 0).tolist():  # two keys of one hash, which nobody has by chance
                numbers[i] = self._number(data[starts[i] : ends[i]])
        return numbers

    def number_of(self, path: Path) -> int:
        """The number of a key by its parts."""
        texts = [part.encode("utf-8", "replace") for part in path]
        return self._number(b"".join(b"\x12" + encode_varint(len(text)) + text for text in texts))

    def _look_up(self, hashes: Array, words: list[tuple[Array | slice, Array]]) -> Array:
        if not len(self._hashes):
            return np.full(len(hashes), -1, np.int64)
        places = np.searchsorted(self._hashes, hashes)
        numbers: Array = self._of_hash.take(places, mode="clip")
        other = self._hashes.take(places, mode="clip") != hashes
        for (chosen, word), known in zip(words, self._words, strict=False):  # no longer one has the hash of a known one
            other[chosen] |= known.take(numbers[chosen]) != word
        numbers[other] = -1
        return numbers

    def _number(self, written: bytes) -> int:
        number = self._numbers.setdefault(written, len(self.paths))
        if number == len(self.paths):
            self.paths.append(_path_of(written))
            self._written.append(written)
        return number

    def _extend(self, written: list[bytes], hashes: Array) -> None:
        numbers = np.array([self._number(one) for one in written], np.int64)
        width = -(-max(map(len, self._written)) // 8)
        table = b"".join(one.ljust(8 * width, b"\0") for one in self._written)
        self._words = np.frombuffer(table, "<u8").reshape(-1, width).T.copy()
        joined, owners = np.append(self._hashes, hashes), np.append(self._of_hash, numbers)
        order = np.argsort(joined, kind="stable")
        self._hashes, self._of_hash = joined[order], owners[order]


def split(data: bytes, starts: Array, ends: Array) -> tuple[Array, Array, Array]:
    """What each record is, by the number of its field, and where that message stands; 0 for every other record.

    `data` is as `padded` makes it.
    """
    buffer = np.frombuffer(data, np.uint8)
    at = starts + 1
    for _ in range(10):  # the number of the record
        more = buffer[at] >= _LENGTH_1
        if not more.any():
            break
        at = at + more
    at = np.minimum(at + 1, len(data) - PADDING)
    tags = buffer[at]
    sizes, begin = _lengths(buffer, at + 1)
    until = begin + sizes
    good = (buffer[starts] == 0x08) & (ends > starts) & (sizes >= 0) & (until <= ends)
    good &= (tags == HISTORY << 3 | BYTES) | (tags == SUMMARY << 3 | BYTES)
    return np.where(good, tags >> 3, 0), begin, until


def padded(data: bytes) -> bytes:
    return data + bytes(PADDING)


def parse(data: bytes, starts: Array, ends: Array, keys: KeyTable) -> tuple[Items, Array]:
    """The items of history and summary messages; and which of these have to be read by `read_items`."""
    words = np.ndarray((len(data) - 7,), "<i8", data, strides=(1,))
    slow = np.zeros(len(starts), bool)
    active, at, end = np.arange(len(starts)), starts, ends
    parts: list[tuple[Array, ...]] = []  # of the items, step by step
    while len(active):
        if len(active) < _FEW and len(parts) > _MANY:  # the few that are much longer
            slow[active] = True
            break
        word = words[at]
        is_item = (word & 0xFF == _ITEM) & (at < end)
        if not is_item.all():
            rest = np.flatnonzero(~is_item & (at < end))
            slow[active[rest]] = ~_is_tail(word[rest], end[rest] - at[rest])
            chosen = np.flatnonzero(is_item)
            active, at, end, word = active[chosen], at[chosen], end[chosen], word[chosen]
            if not len(active):
                break
        begin, after, value, until = _simple(words, word, at)
        odd = np.flatnonzero((until < 0) | (until > end))
        if len(odd):
            general = _general(data, at[odd], end[odd])
            for column, own in zip((begin, after, value, until), general, strict=True):
                column[odd] = own
            bad = until < 0
            if bad.any():
                slow[active[bad]] = True
                chosen = np.flatnonzero(~bad)
                active, end = active[chosen], end[chosen]
                begin, after, value, until = begin[chosen], after[chosen], value[chosen], until[chosen]
        parts.append((active, begin, after, value, until))
        at = until
    parts.append((np.zeros(0, np.int64),) * 5)
    rows, begin, after, value, until = (np.concatenate(one) for one in zip(*parts, strict=True))
    parsed = Items(data, rows, keys.numbers(data, begin, after), value, until)
    return parsed.where(~slow[rows]) if slow.any() else parsed, slow


def _simple(words: Array, word: Array, at: Array) -> tuple[Array, Array, Array, Array]:
    """Where key and value of items begin and end that have one short key and a short value; the end is -1 of others."""
    begin, item_size, key_size, tag = at + 2, word >> 8 & 0xFF, word >> 24 & 0xFF, word >> 16 & 0xFF
    after = np.minimum(begin + 2 + key_size, len(words) - 1)
    head = words[after]
    value, size = after + 3, head >> 16 & 0xFF
    until = value + size
    good = (begin + item_size == until) & ((item_size | key_size | size) < _LENGTH_1)
    good &= (head & 0xFFFF == _VALUE) & ((tag == _KEY) | (tag == _PART))
    return begin, after, value, np.where(good, until, -1)


def _general(data: bytes, at: Array, end: Array) -> tuple[Array, Array, Array, Array]:
    """The same of items with several keys, or longer ones."""
    buffer = np.frombuffer(data, np.uint8)
    limit = len(data) - PADDING
    sizes, begin = _lengths(buffer, at + 1)
    until = begin + sizes
    good = (sizes > 0) & (until <= end)
    after = np.minimum(begin, limit)
    for _ in range(_MOST_PARTS):
        tags = buffer[after]
        is_part = ((tags == _KEY) | (tags == _PART)) & (after < until)
        if not is_part.any():
            break
        length, inside = _lengths(buffer, after + 1)
        good &= ~is_part | (length >= 0)
        after = np.where(is_part, np.minimum(inside + np.maximum(length, 0), limit), after)
    good &= (buffer[after] == 0x82) & (buffer[after + 1] == 0x01) & (after > begin)
    lengths, value = _lengths(buffer, after + 2)
    good &= (lengths >= 0) & (value + lengths == until)
    return begin, after, value, np.where(good, until, -1)


def read_items(data: bytes, start: int, end: int) -> Iterator[Item]:
    """The items of one message, in whatever form they are; raises `Malformed`."""
    for number, wire, begin, until in protobuf.fields(data, start, end):
        if (number, wire) == (1, BYTES):
            yield read_item(data, begin, until)


def read_changes(data: bytes, start: int, end: int) -> Iterator[tuple[Path, bytes | None]]:
    """What a summary message sets, and what it removes: None; what is malformed ends it."""
    try:
        for number, wire, begin, until in protobuf.fields(data, start, end):
            if wire == BYTES and number in (1, 2):
                item = read_item(data, begin, until)
                yield item.path, (item.json or b"null") if number == 1 else None
    except Malformed:
        return


def read_item(data: bytes, start: int, end: int) -> Item:
    """One item; raises `Malformed`."""
    parts, key, json, typed, is_typed = list[str](), "", None, None, False
    for number, wire, begin, until in protobuf.fields(data, start, end):
        if wire == BYTES and number in (1, 2):
            text = protobuf.text(data, begin, until)
            key, parts = (text, parts) if number == 1 else (key, [*parts, text])
        elif (number, wire) == (16, BYTES):
            json = data[begin:until]
        elif (number, wire) == (8, BYTES):
            json, is_typed = data[begin:until], False
        elif number in _TYPED and wire == _TYPED[number]:
            typed, is_typed = _typed(data, number, begin, until), True
    path = tuple(parts) or ((key,) if key else ())
    if not path:
        raise Malformed("an item without a key")
    return Item(path, None if is_typed else json, typed)


_TYPED = {3: VARINT, 4: VARINT, 5: FIXED64, 6: FIXED64, 7: BYTES}


def _typed(data: bytes, number: int, begin: int, until: int) -> float | str | bool | None:
    if number == 3:
        return None
    if number == 4:
        return bool(begin)
    if number == 5:
        return int.from_bytes(data[begin:until], "little", signed=True)
    return protobuf.double(data, begin) if number == 6 else protobuf.text(data, begin, until)


def _is_tail(word: Array, left: Array) -> Array:
    """Whether what follows the items is only the step of a history record, which is empty or a small number."""
    size = word >> 8 & 0xFF
    tail: Array = (word & 0xFF == _STEP) & (size + 2 == left) & (size < 16)
    return tail


def _lengths(buffer: Array, at: Array) -> tuple[Array, Array]:
    """Lengths of at most three bytes, and where they end; -1 for a longer one."""
    at = np.minimum(at, len(buffer) - 3)
    first = buffer[at].astype(np.int64)
    long = first >= _LENGTH_1
    if not long.any():
        return first, at + 1
    second = buffer[at + 1].astype(np.int64)
    longer = long & (second >= _LENGTH_1)
    sizes = np.where(long, (first & 0x7F) | (second & 0x7F) << 7, first)
    after = at + 1 + long
    if longer.any():
        third = buffer[at + 2].astype(np.int64)
        sizes = np.where(longer, sizes | (third & 0x7F) << 14, sizes)
        sizes[longer & (third >= _LENGTH_1)] = -1
        after = after + longer
    return sizes, after


def _path_of(written: bytes) -> Path:
    """The key that these bytes say: nested parts, or one of no part."""
    parts = [
        (number, protobuf.text(written, start, end))
        for number, _, start, end in protobuf.fields(written, 0, len(written))
    ]
    nested = tuple(text for number, text in parts if number == 2)
    return nested or tuple(text for _, text in parts[-1:])


_FIRST = np.array([2 ** (8 * n) - 1 for n in range(9)], np.uint64)  # masks of the first n bytes of a word
