"""WAV files (RIFF; IBM and Microsoft 1991, RF64 by EBU Tech 3306): written, probed and read with numpy alone."""

from __future__ import annotations

import struct
from typing import BinaryIO, NamedTuple

import numpy as np

from .._core.errors import Problem, ValidationError
from ..columns.arrays import Array

MAX_BYTES = 2**32 - 1  # the sizes in a RIFF file have 32 bits
MAX_FRAME = 2**16 - 1  # bytes of one sample of every channel: that field has 16
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_CODECS = {  # subtype: format tag, bytes of a sample
    "PCM_U8": (_PCM, 1),
    "PCM_16": (_PCM, 2),
    "PCM_24": (_PCM, 3),
    "PCM_32": (_PCM, 4),
    "FLOAT": (_FLOAT, 4),
    "DOUBLE": (_FLOAT, 8),
}
SUBTYPES = tuple(_CODECS)
_NAMES = {codec: subtype for subtype, codec in _CODECS.items()}
_KINDS = {"PCM_U8": "u1", "PCM_16": "i2", "PCM_32": "i4", "FLOAT": "f4", "DOUBLE": "f8"}
_MAX_CHUNKS = 1024  # looked at before the samples
_ORDERS = {b"RIFF": "<", b"RF64": "<", b"BW64": "<", b"RIFX": ">"}
_OPEN_ENDED = (
    0x7FFF0000  # a size from here on that is not there stands for "not known yet": others write 2^31, 2^32 - 1
)
_OTHER_CODECS = {  # by format tag; of what one may meet
    0x02: "Microsoft ADPCM",
    0x06: "A-law",
    0x07: "mu-law",
    0x11: "IMA ADPCM",
    0x14: "G.723",
    0x20: "Yamaha ADPCM",
    0x31: "GSM 6.10",
    0x40: "G.721",
    0x45: "G.726",
    0x50: "MPEG layer 1 or 2",
    0x55: "MP3",
    0xFF: "AAC",
    0x161: "Windows Media Audio",
    0x2000: "AC-3",
    0x2001: "DTS",
    0xF1AC: "FLAC",
}


class Header(NamedTuple):
    """What stands before the samples of a WAV file."""

    subtype: str | None  # None for samples that are neither PCM of 8 to 32 bits nor floats
    codec: str  # what to call them then
    sample_rate: int
    channels: int
    frames: int
    samples: slice  # of the bytes of the file
    order: str  # "<" or ">", the byte order


class _Format(NamedTuple):
    tag: int
    channels: int
    sample_rate: int
    frame_size: int
    bits: int


def size(subtype: str, channels: int, frames: int) -> int:
    """Bytes of a file that `write` would make."""
    return 58 + frames * channels * _CODECS[subtype][1] + 1


def frame_size(subtype: str, channels: int) -> int:
    """Bytes of one sample of every channel."""
    return channels * _CODECS[subtype][1]


def write(samples: Array, subtype: str, sample_rate: int) -> bytes:
    """A WAV file of (frames, channels) samples in the dtype of the subtype; PCM_24 takes int32, upper 24 bits used."""
    tag, width = _CODECS[subtype]
    frames, channels = samples.shape
    align = channels * width
    length = frames * align
    format = struct.pack("<HHIIHH", tag, channels, sample_rate, sample_rate * align, align, 8 * width)
    if tag == _PCM:
        chunks = _chunk_head(b"fmt ", len(format)) + format
    else:  # every other tag has a size of its extension, here none, and a count of frames
        chunks = _chunk_head(b"fmt ", len(format) + 2) + format + b"\0\0"
        chunks += _chunk_head(b"fact", 4) + struct.pack("<I", frames)
    chunks += _chunk_head(b"data", length)
    padding = b"\0" * (length % 2)
    total = 4 + len(chunks) + length + len(padding)
    return b"".join((_chunk_head(b"RIFF", total), b"WAVE", chunks, _pack(samples, subtype), padding))


def is_wav(start: bytes) -> bool:
    """Whether the first 12 bytes are those of a WAV file of any kind."""
    return start[:4] in _ORDERS and start[8:12] == b"WAVE"


def read_header(file: BinaryIO, size: int, where: str, error: type[ValidationError]) -> Header:
    """The header of a WAV file of `size` bytes; raises `error` where a chunk is missing, cut or contradicts another.

    A program that writes into a pipe cannot know the size of the samples, and writes 0 or a very large one: they then
    reach to the end of the file.
    """
    try:
        return _read_header(file, size)
    except (_BrokenError, struct.error) as broken:
        got = str(broken) if isinstance(broken, _BrokenError) else "a header cut short"
        hint = "Write the file again, or convert it with another program."
        raise error(Problem(where, f"expected a readable WAV file, got {got}", "broken", hint)) from broken


def read(data: bytes, header: Header) -> Array:
    """The (frames, channels) samples; read-only where they need no copy. 24 bits come as int32, shifted left by 8."""
    count = header.frames * header.channels
    if header.subtype is None:
        raise ValueError(f"samples of {header.codec}")
    if header.subtype == "PCM_24":
        packed = np.frombuffer(data, np.uint8, count * 3, header.samples.start).reshape(-1, 3)
        wide = np.zeros((count, 4), np.uint8)
        wide[:, 1:] = packed if header.order == "<" else packed[:, ::-1]
        samples: Array = wide.view("<i4")
    else:
        samples = np.frombuffer(data, header.order + _KINDS[header.subtype], count, header.samples.start)
    native = samples.dtype.newbyteorder("=")
    return samples.astype(native, copy=False).reshape(header.frames, header.channels)


def _pack(samples: Array, subtype: str) -> memoryview:
    if subtype != "PCM_24":
        return np.ascontiguousarray(samples, f"<{_KINDS[subtype]}").data
    little = np.ascontiguousarray(samples, "<i4")
    return np.ascontiguousarray(little.view(np.uint8).reshape(-1, 4)[:, 1:]).data


def _chunk_head(name: bytes, length: int) -> bytes:
    return name + struct.pack("<I", length)


class _BrokenError(Exception):
    """What a WAV file says that cannot be."""


def _read_header(file: BinaryIO, size: int) -> Header:
    head = file.read(8)
    order = _ORDERS.get(head[:4])
    if order is None:
        raise _BrokenError(f"a file that begins with {head[:4]!r}")
    (riff_size,) = struct.unpack(f"{order}4xI", head)
    format: _Format | None = None
    long_size = None
    start = 12
    for _ in range(_MAX_CHUNKS):
        file.seek(start)
        name, length = struct.unpack(f"{order}4sI", file.read(8))
        if name == b"data":
            if format is None:
                raise _BrokenError("samples before their format")
            if length == MAX_BYTES and long_size is not None:
                riff_size, length = long_size
            if _is_open_ended(file, start + 8, length, riff_size, size):
                length = size - start - 8
            return _header(format, order, start + 8, length, size)
        if name == b"fmt ":
            format = _read_format(file.read(min(length, 40)), order)
        elif name == b"ds64":
            long_size = struct.unpack("<QQ", file.read(16))
        start += 8 + length + length % 2
        if start >= size:
            raise _BrokenError("no samples")
    raise _BrokenError(f"no samples after {_MAX_CHUNKS} chunks")


def _is_open_ended(file: BinaryIO, offset: int, length: int, riff_size: int, size: int) -> bool:
    """Whether the size of the samples, `length`, was not known when it was written; `size` is that of the file."""
    if length > size - offset:
        return length >= _OPEN_ENDED or riff_size in (0, size - 8)
    if length:
        return False
    for _ in range(_MAX_CHUNKS):  # no samples, if chunks follow up to the end
        file.seek(offset)
        name = file.read(4)
        if len(name) < 4 or not (name.isascii() and name.decode().isprintable()):
            break
        skipped = int.from_bytes(file.read(4), "little")
        offset += 8 + skipped + skipped % 2
    return offset not in (size, size + 1)


def _read_format(content: bytes, order: str) -> _Format:
    tag, channels, rate, _, align, bits = struct.unpack(f"{order}HHIIHH", content[:16])
    if tag == _EXTENSIBLE:
        (tag,) = struct.unpack(f"{order}24xI", content[:28])  # its codec begins a GUID
    return _Format(tag, channels, rate, align, bits)


def _header(format: _Format, order: str, offset: int, length: int, size: int) -> Header:
    if not format.channels or not format.sample_rate or not format.frame_size:
        raise _BrokenError(f"{format.channels} channels at {format.sample_rate} Hz, {format.frame_size} bytes a frame")
    if length > size - offset:
        raise _BrokenError(f"{size - offset} of {length} bytes of samples")
    samples = slice(offset, offset + length)
    width, rest = divmod(format.frame_size, format.channels)
    subtype = _NAMES.get((format.tag, width))
    if subtype is None and format.tag not in (_PCM, _FLOAT):
        codec = _OTHER_CODECS.get(format.tag, f"the codec {format.tag:#x}")
        return Header(None, codec, format.sample_rate, format.channels, 0, samples, order)
    if subtype is None or rest or -(-format.bits // 8) != width:  # "24 bits" in 4 bytes: programs differ in which
        raise _BrokenError(f"{format.bits} bits in frames of {format.frame_size} bytes, {format.channels} channels")
    frames = length // format.frame_size  # players drop a part of a frame at the end
    return Header(subtype, subtype, format.sample_rate, format.channels, frames, samples, order)
