"""Protobuf messages, written field by field; `formats.protobuf` reads them.

Wire format: https://protobuf.dev/programming-guides/encoding. As every writer does, a number that is 0 is left out.
"""

from __future__ import annotations

import struct

from ....formats.protobuf import BYTES, FIXED32, FIXED64, VARINT, encode_varint


def field(number: int, content: bytes | str) -> bytes:
    """Bytes, a text or a message, also if it is empty. What UTF-8 cannot hold is shown as escapes.

    >>> field(1, "loss")
    b'\\n\\x04loss'
    """
    data = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
    return b"%b%b%b" % (encode_varint(number << 3 | BYTES), encode_varint(len(data)), data)


def text(number: int, content: str | bytes) -> bytes:
    """A text or bytes; nothing if it is empty."""
    return field(number, content) if content else b""


def integer(number: int, value: int) -> bytes:
    """An integer, boolean or member of an enum; nothing for 0."""
    return encode_varint(number << 3 | VARINT) + encode_varint(value) if value else b""


def double(number: int, value: float) -> bytes:
    """A double, also if it is 0."""
    return encode_varint(number << 3 | FIXED64) + struct.pack("<d", value)


def single(number: int, value: float) -> bytes:
    """A float, also if it is 0; what float32 cannot hold is infinite."""
    try:
        return encode_varint(number << 3 | FIXED32) + struct.pack("<f", value)
    except OverflowError:
        return encode_varint(number << 3 | FIXED32) + struct.pack("<f", float("inf") if value > 0 else float("-inf"))


def fits(size: float) -> bool:
    """Whether an Event can hold the fields of a value, or a file, of so many bytes: a message is less than 2 GiB."""
    return size < 2**31 - 2**20


def event(wall_time: float, step: int, what: bytes) -> bytes:
    """An Event: wall_time = 1, step = 2, and a field that says what happened (event.proto)."""
    return double(1, wall_time) + integer(2, step) + what


def summary(tag: str, value: bytes) -> bytes:
    """What happened in an Event: one Summary.Value, of its tag = 1 and `value`, its further fields (summary.proto)."""
    return field(5, field(1, field(1, tag) + value))
