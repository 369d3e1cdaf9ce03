"""Portable anymaps, PBM, PGM and PPM: read with the numbers that they hold, whatever their largest value.

Format: https://netpbm.sourceforge.net/doc/pnm.html and the pages of the three kinds.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from ..columns.arrays import Array

MAX_HEADER = 2**16  # bytes, of which comments may have any number
MAGIC = re.compile(rb"P[1-6]\s")
_BITMAPS, _COLORS = "14", "36"
_GAP = rb"(?>\s|#[^\r\n]*[\r\n])++"
_NUMBER = _GAP + rb"([0-9]{1,10})"
_HEADER = re.compile(rb"P(?:([14])" + _NUMBER * 2 + rb"|([2356])" + _NUMBER * 3 + rb")\s")
_COMMENT = re.compile(rb"#[^\r\n]*")


class Header(NamedTuple):
    """The start of a file."""

    kind: str  # 1 to 3 are texts; 1 and 4 bits, 3 and 6 colours
    width: int
    height: int
    largest: int  # the largest sample there may be
    size: int  # bytes of the header

    @property
    def bit_depth(self) -> int:
        return self.largest.bit_length()


def read_header(data: bytes) -> Header | None:
    """The header of an anymap; None of another file, such as a map of floats, and where it has more than 64 KiB."""
    match = _HEADER.match(data[:MAX_HEADER])
    if match is None:
        return None
    bitmap, *bitmap_size, kind, width, height, largest = match.groups()
    if bitmap:
        return Header(bitmap.decode(), int(bitmap_size[0]), int(bitmap_size[1]), 1, match.end())
    return Header(kind.decode(), int(width), int(height), int(largest), match.end())


def read(data: bytes, header: Header) -> Array:
    """The (H, W) or (H, W, 3) samples of the file, uint8 or uint16; of a bitmap 1 is black. Raises ValueError."""
    kind, width, height, largest, size = header
    shape = (height, width, 3) if kind in _COLORS else (height, width)
    count = int(np.prod(shape))
    if not 0 < largest < 2**16 or not count:
        raise ValueError(f"PNM of {width} x {height} pixels up to {largest}")
    deep = largest > 255
    if kind in "56":
        samples = np.frombuffer(data, ">u2" if deep else np.uint8, min(count, (len(data) - size) >> deep), size)
    elif kind == "4":
        rows = np.frombuffer(data, np.uint8, min(height * -(-width // 8), len(data) - size), size)
        if rows.size < height * -(-width // 8):
            raise ValueError("PNM is cut short")
        return np.unpackbits(rows.reshape(height, -1), axis=1, count=width)
    else:
        samples = _numbers(_COMMENT.sub(b"", data[size:]), count, bits=kind in _BITMAPS)
    if samples.size < count:
        raise ValueError(f"PNM is cut short: it holds {samples.size} of {count} samples")
    if samples.max() > largest:
        raise ValueError(f"PNM holds the sample {samples.max()}, beyond its largest, {largest}")
    return samples.astype(np.uint16 if deep else np.uint8).reshape(shape)


def _numbers(text: bytes, count: int, *, bits: bool) -> Array:
    if bits:  # they need no blanks between them
        digits = np.frombuffer(b"".join(text.split()), np.uint8)[:count]
        return digits - np.uint8(ord("0"))
    words = text.split(maxsplit=count)[:count]
    return np.array(words, bytes).astype(np.uint64) if words else np.zeros(0, np.uint64)
