"""Ogg pages (RFC 3533): looked through, and given a serial number that is the same in every encoding."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

_BEGIN_OF_STREAM, _END_OF_STREAM = 2, 4
_HEADER = 27  # bytes before the lengths of the segments
_GOES_ON = 255  # length of a segment that does not end its packet
_CODECS = {  # first bytes of a stream: what is in it
    b"\1vorbis": "Vorbis",
    b"OpusHead": "Opus",
    b"\x7fFLAC": "FLAC",
    b"Speex   ": "Speex",
    b"\x80theora": "Theora",
    b"BBCD\0": "Dirac",
    b"OVP80": "VP8",
}
SOUND = ("Vorbis", "Opus")  # that libsndfile decodes
PICTURES = ("Theora", "Dirac", "VP8")
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def with_serial(data: bytes, serial: int) -> bytes:
    """The file with its one stream numbered `serial`; encoders number it at random."""
    made = bytearray(data)
    for start, end in _pages(data):
        made[start + 14 : start + 18] = struct.pack("<I", serial)
        made[start + 22 : start + 26] = _checksum(bytes(made[start:end]))
    return bytes(made)


def count_packets(data: bytes) -> int:
    """How many packets the file holds, those of the headers of its streams included."""
    tables = (data[start + _HEADER : start + _HEADER + data[start + 26]] for start, _ in _pages(data))
    return sum(length < _GOES_ON for table in tables for length in table)


class Survey(NamedTuple):
    """What the pages of a file say."""

    codecs: tuple[str, ...]  # of the streams, those that are known
    links: int  # files that stand one behind the other
    is_whole: bool  # every page has its checksum, and the last one ends its stream


def survey(data: bytes) -> Survey:
    """Look at every page of a file."""
    codecs, links, flags, is_intact = list[str](), 0, 0, True
    for start, end in _pages(data):
        links += bool(data[start + 5] & _BEGIN_OF_STREAM and not flags & _BEGIN_OF_STREAM)
        flags = data[start + 5]
        if flags & _BEGIN_OF_STREAM:
            packet = data[start + _HEADER + data[start + 26] : end]
            codecs += [codec for magic, codec in _CODECS.items() if packet.startswith(magic)]
        is_intact = is_intact and data[start + 22 : start + 26] == _checksum(data[start:end])
    return Survey(tuple(codecs), links, is_intact and bool(flags & _END_OF_STREAM))


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
    """CRC-32 of a page whose checksum counts as zero: zlib's, each byte's bits reversed and nothing inverted."""
    blank = page[:22] + b"\0\0\0\0" + page[26:]
    crc = zlib.crc32(blank.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return crc.to_bytes(4, "big").translate(_REVERSED)
