"""Protobuf messages, field by field, or by a declaration of those that are wanted.

Wire format: https://protobuf.dev/programming-guides/encoding. A message is tags (`field << 3 | wire type`) and values;
fields may come in any order, more than once, and unknown ones are passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from struct import unpack_from
from typing import Any, NamedTuple

import numpy as np

from ..columns.arrays import Array

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
Field = tuple[int, int, int, int]  # number, wire type, and the value of a varint, or where the value begins and ends
_DTYPES = {FIXED64: 8, FIXED32: 4}


class Malformed(ValueError):
    """The bytes are no protobuf message."""


def fields(data: bytes, start: int, end: int) -> Iterator[Field]:
    """The fields of a message, data[start:end]: (number, wire type, begin, end), of a varint (number, 0, value, 0)."""
    at = start
    while at < end:
        tag = data[at]
        at += 1
        if tag >= 0x80:
            tag, at = varint(data, at - 1, end)
        wire = tag & 7
        if wire == BYTES:
            if at < end and data[at] < 0x80:
                size, at = data[at], at + 1
            else:
                size, at = varint(data, at, end)
            if at + size > end:
                raise Malformed(f"a field of {size} bytes where {end - at} are left")
            yield tag >> 3, wire, at, at + size
            at += size
        elif wire == VARINT:
            value, at = varint(data, at, end)
            yield tag >> 3, wire, value, 0
        elif wire in _DTYPES:
            size = _DTYPES[wire]
            if at + size > end:
                raise Malformed(f"a number of {size} bytes where {end - at} are left")
            yield tag >> 3, wire, at, at + size
            at += size
        else:
            raise Malformed(f"a field of wire type {wire}")


def varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """The unsigned integer that begins at `at`, and where it ends."""
    value = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at
        shift += 7
    raise Malformed("a number that does not end")


def encode_varint(value: int) -> bytes:
    """An integer; a negative one as the unsigned number of 64 bits.

    >>> encode_varint(300).hex(), len(encode_varint(-1))
    ('ac02', 10)
    """
    value &= 0xFFFF_FFFF_FFFF_FFFF
    if value < 0x80:
        return bytes((value,))
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def signed(value: int) -> int:
    """An int32 or int64: negative ones are written as the unsigned number of 64 bits."""
    return value - 2**64 if value >= 2**63 else value


def double(data: bytes, at: int) -> float:
    value: float = unpack_from("<d", data, at)[0]
    return value


def single(data: bytes, at: int) -> float:
    value: float = unpack_from("<f", data, at)[0]
    return value


def text(data: bytes, start: int, end: int) -> str:
    """Text; bytes that are not UTF-8 are shown as escapes, so that different texts stay different."""
    return data[start:end].decode("utf-8", "backslashreplace")


class Type(NamedTuple):
    """How a field is written, and what reads it.

    `read` is called with the data, and where the field begins and ends in it; of a varint with its value and 0.
    """

    wire: int
    read: Callable[[bytes, int, int], Any]


class Message:
    """The fields of a message that are read, by name: their number and `Type`; a list of one type if there are several.

    >>> person = Message(name=(1, TEXT), age=(2, UINT), tags=(3, [TEXT]))
    >>> person.read(b"\\x0a\\x03Ada\\x10\\x24\\x1a\\x01x\\x1a\\x01y")
    {'name': 'Ada', 'age': 36, 'tags': ['x', 'y']}
    """

    def __init__(self, **declared: tuple[int, Type | Message | list[Any]]) -> None:
        self._by_tag: dict[tuple[int, int], tuple[str, Callable[[bytes, int, int], Any], bool]] = {}
        for name, (number, given) in declared.items():
            (one,) = given if isinstance(given, list) else [given]
            wire = BYTES if isinstance(one, Message) else one.wire
            self._by_tag[number, wire] = name, one.read, isinstance(given, list)

    def read(self, data: bytes, start: int = 0, end: int | None = None) -> dict[str, Any]:
        """The fields that are there, of one that is no list the last; the name that was set last stands last.

        Raises:
            Malformed: the bytes are no message.
        """
        values: dict[str, Any] = {}
        for number, wire, begin, until in fields(data, start, len(data) if end is None else end):
            if (known := self._by_tag.get((number, wire))) is not None:
                name, read, is_list = known
                before, value = values.pop(name, None), read(data, begin, until)
                if is_list:
                    before = [] if before is None else before
                    before.append(value)
                values[name] = before if is_list else value
        return values


def texts(**numbers: int) -> dict[str, tuple[int, Type]]:
    """Fields that are texts, by name, to be declared together."""
    return {name: (number, TEXT) for name, number in numbers.items()}


TEXT = Type(BYTES, text)
RAW = Type(BYTES, lambda data, begin, end: data[begin:end])
SPAN = Type(BYTES, lambda data, begin, end: (data, begin, end))  # for what is read later
UINT = Type(VARINT, lambda data, value, _: value)
INT = Type(VARINT, lambda data, value, _: signed(value))
BOOL = Type(VARINT, lambda data, value, _: bool(value))
DOUBLE = Type(FIXED64, lambda data, at, _: double(data, at))


def last_bytes(data: bytes, span: tuple[int, int], wanted: int) -> bytes:
    """The bytes of a field of the message data[span], the last of several; raises `Malformed` without any."""
    spans = [place for number, kind, *place in fields(data, *span) if (number, kind) == (wanted, BYTES)]
    if not spans:
        raise Malformed("a value without its file")
    return data[slice(*spans[-1])]


def numbers(data: bytes, places: list[Field], dtype: str) -> Array:
    """A repeated number, packed or not; `places` are its fields, `dtype` is "varint" or that of the fixed form."""
    if dtype == "varint":
        values: list[int] = []
        for _, wire, start, end in places:
            if wire == VARINT:
                values.append(start)
                continue
            while start < end:
                value, start = varint(data, start, end)
                values.append(value)
        return np.array(values, np.uint64).view(np.int64)
    size = np.dtype(dtype).itemsize
    if any((end - start) % size for _, _, start, end in places):
        raise Malformed(f"numbers that do not fill {size} bytes each")
    pieces = [np.frombuffer(data, dtype, (end - start) // size, start) for _, _, start, end in places]
    return pieces[0] if len(pieces) == 1 else np.concatenate([np.zeros(0, dtype), *pieces])
