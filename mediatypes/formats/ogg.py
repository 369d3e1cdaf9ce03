"""Ogg pages (RFC 3533): checked, and given a serial number that does not change from one encoding to the next."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

_END_OF_STREAM = 4
_HEADER = 27  # bytes before the lengths of the segments
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def with_serial(data: bytes, serial: int) -> bytes:
    """The file with its one stream numbered `serial`; encoders number it at random."""
    made = bytearray(data)
    for start, end in _pages(data):
        made[start + 14 : start + 18] = struct.pack("<I", serial)
        made[start + 22 : start + 26] = _checksum(bytes(made[start:end]))
    return bytes(made)


def is_whole(data: bytes) -> bool:
    """Whether every page has its checksum and the last one ends its stream."""
    last = None
    for start, end in _pages(data):
        if data[start + 22 : start + 26] != _checksum(data[start:end]):
            return False
        last = start
    return last is not None and bool(data[last + 5] & _END_OF_STREAM)


def _pages(data: bytes) -> Iterator[tuple[int, int]]:
    """Start and end of each page, up to the first bytes that are no page."""
    start = 0
    while data.startswith(b"OggS", start) and len(data) >= start + _HEADER:
        segments = data[start + _HEADER : start + _HEADER + data[start + 26]]
        end = start + _HEADER + data[start + 26] + sum(segments)
        if end > len(data):
            return
        yield start, end
        start = end


def _checksum(page: bytes) -> bytes:
    """CRC-32 of a page whose checksum counts as zero.

    Ogg takes the polynomial of zlib's CRC-32 with the bits of each byte the other way round, and inverts nothing.
    """
    blank = page[:22] + b"\0\0\0\0" + page[26:]
    crc = zlib.crc32(blank.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return crc.to_bytes(4, "big").translate(_REVERSED)
