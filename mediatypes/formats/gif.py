"""GIF: written with one palette for all frames, so that every frame stays; read through Pillow.

Format: https://www.w3.org/Graphics/GIF/spec-gif89a.txt
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..columns.arrays import Array

if TYPE_CHECKING:
    import PIL.Image

_SAMPLE = 2**17  # pixels that the palette is made from
_TRANSPARENT = 255
_OPAQUE_FROM = 128
_LOOP = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"


class Scan(NamedTuple):
    """What the blocks of a GIF say."""

    width: int
    height: int
    delays: list[int]  # of each frame, in centiseconds, as browsers play them
    transparent: bool


def encode(frames: Array, fps: float) -> bytes:
    """A GIF of (T, H, W, 1|3|4) uint8 frames that repeats for ever and has exactly T frames.

    Grey frames and frames with at most 256 colours in all are exact. Others share the 256 colours of an octree over
    a sample of pixels, without dithering. Alpha below 128 is transparent, the rest opaque. Frame k lasts from
    round(100 k / fps) to round(100 (k + 1) / fps) centiseconds, so that no error adds up.
    """
    import PIL.Image

    height, width, channels = frames.shape[1:]
    palette, indexes = _paletted(frames)
    parts = [b"GIF89a", struct.pack("<HHBBB", width, height, 0xF7, 0, 0), palette.tobytes().ljust(768, b"\0"), _LOOP]
    ends = np.floor(np.arange(len(frames) + 1) * 100 / fps + 0.5).astype(int)
    shown: Array | None = None
    for index, delay in zip(indexes, np.diff(ends).tolist(), strict=True):
        top, bottom, left, right = (0, height, 0, width) if shown is None else _changed(shown, index)
        # with alpha every frame is whole and cleared afterwards, otherwise it covers what changed
        flags, shown = (0b01001, None) if channels == 4 else (0b00100, index)
        parts.append(b"\x21\xf9\x04" + struct.pack("<BHBB", flags, delay, _TRANSPARENT, 0))
        parts.append(struct.pack("<cHHHHBB", b"\x2c", left, top, right - left, bottom - top, 0, 8))
        parts += [PIL.Image.fromarray(index[top:bottom, left:right]).tobytes("gif", "L", 8, 0), b"\0"]
    return b"".join([*parts, b"\x3b"])


def decode(data: bytes, channels: int) -> Iterator[Array]:
    """The frames, each (H, W, channels)."""
    import PIL.Image

    with PIL.Image.open(BytesIO(data), formats=("GIF",)) as image:
        for position in range(getattr(image, "n_frames", 1)):
            image.seek(position)
            yield np.array(image.convert("RGBA" if channels == 4 else "RGB"))[..., :channels]


def scan(data: bytes) -> Scan:
    """Walk over a GIF's blocks; raises ValueError or IndexError. A delay under 2 cs counts as 10, as players do."""
    width, height = struct.unpack_from("<HH", data.ljust(13, b"\0"), 6)
    position = 13 + _table(data[10])
    delays: list[int] = []
    delay, transparent = 0, False
    while data[position] != 0x3B:
        if data[position] == 0x21:
            if data[position + 1] == 0xF9:
                transparent |= bool(data[position + 3] & 1)
                delay = int.from_bytes(data[position + 4 : position + 6], "little")
            position = _after_blocks(data, position + 2)
        elif data[position] == 0x2C:
            delays.append(delay if delay >= 2 else 10)
            delay = 0
            position = _after_blocks(data, position + 11 + _table(data[position + 9]))
        else:
            raise ValueError(f"unknown block {data[position]:#x}")
    if not delays:
        raise ValueError("it has no frame")
    return Scan(width, height, delays, transparent)


def _table(flags: int) -> int:
    return 6 << (flags & 7) if flags & 0x80 else 0


def _after_blocks(data: bytes, position: int) -> int:
    while length := data[position]:
        position += length + 1
    return position + 1


def _changed(shown: Array, index: Array) -> tuple[int, int, int, int]:
    """The rectangle that differs: top, bottom, left, right; one pixel when nothing does."""
    differs = index != shown
    rows, columns = np.flatnonzero(differs.any(1)), np.flatnonzero(differs.any(0))
    if not len(rows):
        return 0, 1, 0, 1
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _paletted(frames: Array) -> tuple[Array, Iterator[Array]]:
    """A palette (n, 3), and each frame as (H, W) positions in it."""
    import PIL.Image

    channels = frames.shape[3]
    if channels == 1:
        return np.repeat(np.arange(256, dtype=np.uint8), 3), iter(frames[..., 0])
    limit = _TRANSPARENT if channels == 4 else 256
    colours = few_colours(frames, limit)
    if colours is not None:
        few = _packed(np.array(sorted(colours)))
        palette = (few[:, None] >> np.array([16, 8, 0])).astype(np.uint8)
        indexes = (np.searchsorted(few, _packed(frame)).astype(np.uint8) for frame in frames)
    else:
        pixels = frames.reshape(-1, channels)
        sample = np.ascontiguousarray(pixels[:: -(-len(pixels) // _SAMPLE), :3])[None]
        octree = PIL.Image.fromarray(sample).quantize(limit, PIL.Image.Quantize.FASTOCTREE)
        palette = np.array(octree.getpalette(), np.uint8)
        indexes = (_nearest(frame, octree) for frame in frames)
    if channels == 4:
        return palette, map(_cut_out, indexes, frames)
    return palette, indexes


def few_colours(frames: Array, limit: int) -> set[Any] | None:
    """All colours (or greys) of (T, H, W, 1|3|4) frames without their alpha, if there are no more than `limit`."""
    import PIL.Image

    colours: set[Any] = set()
    for frame in frames:
        pixels = frame[..., 0] if frame.shape[2] == 1 else frame[..., :3]
        counted = PIL.Image.fromarray(np.ascontiguousarray(pixels)).getcolors(limit)
        if counted is None or len(colours := colours | {colour for _, colour in counted}) > limit:
            return None
    return colours


def _packed(pixels: Array) -> Array:
    red, green, blue = (pixels[..., channel].astype(np.int32) for channel in range(3))
    return red << 16 | green << 8 | blue


def _nearest(frame: Array, octree: PIL.Image.Image) -> Array:
    import PIL.Image

    image = PIL.Image.fromarray(np.ascontiguousarray(frame[..., :3]))
    return np.asarray(image.quantize(palette=octree, dither=PIL.Image.Dither.NONE))


def _cut_out(index: Array, frame: Array) -> Array:
    return np.where(frame[..., 3] < _OPAQUE_FROM, np.uint8(_TRANSPARENT), index)
