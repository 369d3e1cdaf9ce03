"""MPEG audio (ISO/IEC 11172-3 and 13818-3, layers I to III): every frame is counted, whatever a header claims.

A file need not say how long it is. A Xing, Info or VBRI frame at its start may, and that of LAME says too how many
samples the encoder put before and behind the sound; what went through a pipe has none of them. Tags of ID3, APE and
Lyrics3 may stand around the frames.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

_RATES = (44_100, 48_000, 32_000)  # of MPEG-1; half of it in MPEG-2, a quarter in MPEG-2.5
_BITRATES = {  # kilobits in a second, by whether it is MPEG-1 and by layer
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_HALVED = {3: 0, 2: 1, 0: 2}  # how often the rate is, by version
_DECODER_DELAY = 529  # samples that every decoder of layer III puts first
_LONGEST = 1441  # bytes of a frame of layer III
_MAX_TORN, _MAX_SEARCH = 64, 4096  # places that are no frame, and bytes of each
_NOT_ZERO = re.compile(rb"[^\0]")
_ID3 = b"ID3\3\0\0\0\0\0\x0a" + bytes(10)  # an empty tag; without one libsndfile looks for files beside its input first


class _Frame(NamedTuple):
    """What the four bytes before each frame say."""

    version: int  # 0 is MPEG-2.5, 2 MPEG-2, 3 MPEG-1
    layer: int
    sample_rate: int
    channels: int
    samples: int  # of each channel
    size: int  # bytes; 0 of a free bit rate

    def is_like(self, other: _Frame) -> bool:
        """Whether both can be of one stream: only the bit rate changes."""
        return self[:5] == other[:5]


class Stream(NamedTuple):
    """The frames of a file of MPEG audio."""

    data: bytes
    first: _Frame
    spans: list[tuple[int, int]]  # start and end of each frame with sound
    trim: tuple[int, int] | None  # samples that the encoder put before and behind the sound, if it said so

    @property
    def subtype(self) -> str:
        """The layer as libsndfile names it."""
        return "MPEG_LAYER_" + "I" * self.first.layer

    @property
    def frames(self) -> int:
        """Samples of each channel that decoding gives: those of every MPEG frame, less the encoder's own."""
        before, behind = self.trim or (-_DECODER_DELAY, _DECODER_DELAY)
        trimmed = before + _DECODER_DELAY + max(0, behind - _DECODER_DELAY)
        return max(0, len(self.spans) * self.first.samples - trimmed)

    def decodable(self) -> bytes:
        """A file of these frames whose length libsndfile knows; it estimates, and reads no further than that."""
        frames = [self.data[start:end] for start, end in self.spans]
        if self.first.layer != 3:
            return b"".join([_ID3, *frames, *frames[-1:] * (len(frames) // 50 + 2)])  # so that no estimate is too short
        trim = self.trim
        if trim is None:  # libmpg123 cuts the decoder's delay then: off a frame of silence
            frames.insert(0, _silent_frame(frames[0], b""))
            trim = self.first.samples - _DECODER_DELAY, _DECODER_DELAY
        tag = struct.pack(">4sII", b"Xing", 1, len(frames)) + b"LAME3.100".ljust(21, b"\0")
        return b"".join([_ID3, _silent_frame(frames[0], tag + (trim[0] << 12 | trim[1]).to_bytes(3, "big")), *frames])


def is_frame(start: bytes) -> bool:
    """Whether a frame begins with these four bytes."""
    return _parse(start) is not None


def begins_within_a_frame(start: bytes) -> bool:
    """Whether these bytes are of a stream that was cut off at its beginning: frames stand one behind the other."""
    position = _next_sync(start, 0, _LONGEST)
    first = _parse(start[position : position + 4])
    for _ in range(4):
        frame = _parse(start[position : position + 4])
        if first is None or frame is None or not frame.is_like(first):
            return False
        position += frame.size
    return True


def after_tags(file: bytes) -> int:
    """Where the tags of ID3v2 and APE before the sound end, and the zeros that may follow; 0 without one."""
    position = 0
    while size := _id3_size(file, position) or _ape_size(file, position):
        position += size
    other = _NOT_ZERO.search(file, position) if position else None
    return other.start() if other else position


def read(data: bytes) -> Stream:
    """The frames of a whole file; raises ValueError if something else stands among them, or some are missing."""
    end = before_tags(data)
    spans: list[tuple[int, int]] = []
    first, flaw = None, ""
    for start, stop, frame in _walk(data, after_tags(data), end):
        if frame is None:
            flaw = flaw or f"What stands at byte {start} is no frame of it."
        elif not frame.size:
            raise ValueError("Its bit rate is free, which few programs read.")
        elif first is not None and not frame.is_like(first):
            raise ValueError(f"It changes to {frame.channels} channels at {frame.sample_rate} Hz at byte {start}.")
        elif stop > end:
            flaw = flaw or f"Its last frame has {end - start} of {stop - start} bytes."
        else:
            first = first or frame
            spans.append((start, stop))
    if first is None:
        raise ValueError("It has no whole frame.")
    count, trim = None, None
    if tag := _find_tag(data[slice(*spans[0])], first):
        count, trim = _read_tag(tag)
        del spans[0]  # it has no sound
        if not spans:
            raise ValueError("It has no frame with sound.")
    if flaw and count != len(spans):
        raise ValueError(flaw)
    if count is not None and count > len(spans) + 1:  # some count the first frame too
        raise ValueError(f"It is cut short: {len(spans)} of {count} frames are there.")
    if count is not None and count < len(spans) and trim:  # files were appended: what was behind the sound is within
        trim = (trim[0], 0)
    if trim and sum(trim) >= len(spans) * first.samples:  # LAME 3.97 of a sound of some milliseconds
        trim = None
    return Stream(data, first, spans, trim)


def _parse(head: bytes) -> _Frame | None:
    if len(head) < 4 or head[0] != 0xFF or head[1] < 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    bitrate, rate, padded = head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    if version == 1 or layer == 4 or bitrate == 15 or rate == 3:
        return None
    sample_rate = _RATES[rate] >> _HALVED[version]
    samples = 384 if layer == 1 else 576 if layer == 3 and version != 3 else 1152
    size = 0
    if bitrate:
        bits = _BITRATES[version == 3, layer][bitrate - 1] * 1000
        size = (12 * bits // sample_rate + padded) * 4 if layer == 1 else samples // 8 * bits // sample_rate + padded
    return _Frame(version, layer, sample_rate, 1 if head[3] >> 6 == 3 else 2, samples, size)


def _walk(data: bytes, position: int, end: int) -> Iterator[tuple[int, int, _Frame | None]]:
    """Start, end and head of each frame; None for a head stands for bytes between them that are no tag."""
    known: dict[bytes, _Frame | None] = {}
    torn = 0
    while position < end and torn <= _MAX_TORN:
        head = data[position : position + 4]
        if head not in known:
            known[head] = _parse(head)
        frame = known[head]
        if frame is not None:
            yield position, position + frame.size, frame
            if not frame.size:
                return
            position += frame.size
        elif tag := _id3_size(data, position) or 128 * (head[:3] == b"TAG"):
            position += tag
        elif head[0]:
            yield position, position, None
            position = _next_sync(data, position + 1, end)
            torn += 1
        else:
            other = _NOT_ZERO.search(data, position, end)
            position = other.start() if other else end


def _next_sync(data: bytes, position: int, end: int) -> int:
    """Where two frames stand one behind the other, not far away, or the end."""
    last = min(end, position + _MAX_SEARCH)
    while (position := data.find(b"\xff", position, last)) >= 0:
        frame = _parse(data[position : position + 4])
        if frame is not None and frame.size and is_frame(data[position + frame.size : position + frame.size + 4]):
            return position
        position += 1
    return end


def _find_tag(start: bytes, first: _Frame) -> bytes:
    """What a first frame without sound says of those that follow; empty if it is a frame like others."""
    if first.layer != 3:
        return b""
    if start[36:40] == b"VBRI":
        return start[36:]
    at = 4 + _side_information(first)
    checked = at + 2  # where a frame with a checksum goes on
    return next((start[begin:] for begin in (at, checked) if start[begin : begin + 4] in (b"Xing", b"Info")), b"")


def _read_tag(tag: bytes) -> tuple[int | None, tuple[int, int] | None]:
    """How many frames follow, and the encoder's samples before and behind the sound; None for what it does not say."""
    if tag[:4] == b"VBRI":
        return int.from_bytes(tag[14:18], "big"), None
    flags = int.from_bytes(tag[4:8], "big")
    count = int.from_bytes(tag[8:12], "big") if flags & 1 else None
    encoder = tag[8 + sum(size for bit, size in ((1, 4), (2, 4), (4, 100), (8, 4)) if flags & bit) :]
    if len(encoder) < 24 or not encoder[0]:
        return count, None
    both = int.from_bytes(encoder[21:24], "big")
    return count, (both >> 12, both & 0xFFF)


def _side_information(frame: _Frame) -> int:
    if frame.version == 3:
        return 17 if frame.channels == 1 else 32
    return 9 if frame.channels == 1 else 17


def _silent_frame(like: bytes, tag: bytes) -> bytes:
    """A frame of the same stream without sound, and what it says instead."""
    heads = (bytes([0xFF, like[1] | 1, bitrate << 4 | like[2] & 0xC, like[3]]) for bitrate in range(1, 15))
    frames = ((head, frame) for head in heads if (frame := _parse(head)))
    head, frame = next(pair for pair in frames if pair[1].size >= 128)
    return (head + bytes(_side_information(frame)) + tag).ljust(frame.size, b"\0")


def _id3_size(data: bytes, start: int) -> int:
    """Bytes of the ID3v2 tag that begins there, 0 if none does."""
    head = data[start : start + 10]
    if len(head) < 10 or head[:3] != b"ID3" or max(head[6:]) > 127:
        return 0
    size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
    return 10 + size + 10 * bool(head[5] & 0x10)


def _ape_size(data: bytes, start: int) -> int:
    """Bytes of the APE tag that begins there with its header, 0 if none does."""
    head = data[start : start + 24]
    is_header = head[:8] == b"APETAGEX" and len(head) == 24 and bool(head[23] & 0x20)
    return 32 + int.from_bytes(head[12:16], "little") if is_header else 0


def before_tags(data: bytes) -> int:
    """Where the tags behind the frames begin."""
    end = len(data)
    while size := _tag_size_before(data, end):
        end = max(0, end - size)
    return end


def _tag_size_before(data: bytes, end: int) -> int:
    """Bytes of the tag that ends there, 0 if none does."""
    if end >= 128 and data[end - 128 : end - 125] == b"TAG":
        return 128
    if end >= 32 and data[end - 32 : end - 24] == b"APETAGEX":
        size = int.from_bytes(data[end - 20 : end - 16], "little")
        return size + 32 * (data[max(0, end - size - 32) :][:8] == b"APETAGEX")
    if end >= 227 and data[end - 227 : end - 223] == b"TAG+":
        return 227
    if data[max(0, end - 9) : end] == b"LYRICS200" and data[end - 15 : end - 9].isdigit():
        return int(data[end - 15 : end - 9]) + 15
    if end >= 10 and data[end - 10 : end - 7] == b"3DI":
        return _id3_size(b"ID3" + data[end - 7 : end], 0)
    return 0
