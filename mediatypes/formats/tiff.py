"""TIFF files that Pillow cannot read, or reads with other values: through imageio and tifffile.

TIFF holds samples of any depth, floats, signed integers and many pages. Only bytes that we hold are handed over, and
only pages are read: a series may name further files.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np

from .._core.deps import need
from .._core.errors import MediaTypesError
from ..columns.arrays import Array
from .deep_colors import raw_mode_of, with_raw_mode

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # the last two are BigTIFF
_MAX_BYTES = 2**30  # of a decoded page; a larger claim is refused before it is allocated
# Tags of TIFF 6.0
_WIDTH, _LENGTH, _BITS, _COMPRESSION, _PHOTOMETRIC, _PLANAR, _SAMPLE_FORMAT = 256, 257, 258, 259, 262, 284, 339
_CHANNELS, _STRIPS, _ROWS, _TILE_WIDTH, _TILE_LENGTH, _TILES = 277, 273, 278, 322, 323, 324
_SIGNED, _WHITE_IS_ZERO, _SEPARATE = 2, 0, 2
_GREY_OR_RGB = (_WHITE_IS_ZERO, 1, 2)
# None, CCITT (three kinds), LZW, deflate (two numbers), PackBits, LZMA, Zstandard: what gives back every sample
_LOSSLESS = {1, 2, 3, 4, 5, 8, 32946, 32773, 34925, 34933, 50000}
_ZSTD, _WEBP = 50000, 50001  # of which the libtiff that comes with Pillow lacks the second, with an old one both
_FLAVOURS = {f"is_{name}": False for name in ("ome", "mmstack", "ndtiff", "scn")}  # those that open files beside theirs


class Page(NamedTuple):
    """A picture in a TIFF file that is decoded when it is asked for."""

    width: int
    height: int
    channels: int
    dtype: str
    bits: int  # of a sample, as stored
    orientation: int  # how it is turned to be shown
    is_lossless: bool
    is_inverted: bool  # zero is white
    read: Callable[[], Array]  # (H, W) or (H, W, 2|3|4) of that dtype, as stored

    def shown(self) -> Array:
        """What `read` gives, with zero as black."""
        array = self.read()
        return (
            np.array(2**self.bits - 1, array.dtype) - array if self.is_inverted and array.dtype.kind == "u" else array
        )


def correct_byte_order(image: Any) -> None:
    """Have Pillow read signed and float samples in the machine's order, in which libtiff gives them, not the file's."""
    image.tile = [
        with_raw_mode(tile, raw_mode.replace("BS", "NS").replace("BF", "NF"))
        if tile[0] == "libtiff" and (raw_mode := raw_mode_of(tile)).startswith(("I;", "F;"))
        else tile
        for tile in image.tile
    ]


def extra_channels(image: Any) -> int:
    """Channels of a grey or RGB file that Pillow leaves out, because the file does not say what they are."""
    if image.tag_v2.get(_PHOTOMETRIC) not in _GREY_OR_RGB:
        return 0
    channels = int(image.tag_v2.get(_CHANNELS, 1))
    check_channels(channels)
    return channels - len([band for band in image.getbands() if band != "X"])


def check_channels(count: int) -> None:
    """Raise ValueError where a picture has more channels than colours and alpha."""
    if not 1 <= count <= 4:
        raise ValueError(f"it has {count} channels")


def bits(image: Any) -> int:
    """Bits of a sample in a TIFF that Pillow has opened."""
    return int(max(image.tag_v2.get(_BITS, (1,))))


def stored_size(image: Any) -> tuple[int, int]:
    """Width and height of a TIFF that Pillow has opened, before it is turned."""
    return int(image.tag_v2[_WIDTH]), int(image.tag_v2[_LENGTH])


def is_inverted(image: Any) -> bool:
    """Whether Pillow inverts the samples of a TIFF, because zero is white in it."""
    return image.tag_v2.get(_PHOTOMETRIC) == _WHITE_IS_ZERO and image.mode in ("1", "L")


def is_lossless(image: Any) -> bool:
    """Whether a TIFF that Pillow has opened is compressed in a way that gives back every sample."""
    return image.tag_v2.get(_COMPRESSION, 1) in _LOSSLESS


def is_altered(image: Any) -> bool:
    """Whether Pillow gives other values than a TIFF holds, or none: 8 bits of 16, signed integers as unsigned ones."""
    compression = image.tag_v2.get(_COMPRESSION)
    if compression == _WEBP or (compression == _ZSTD and not _reads_zstd()):
        return True
    signed = max(image.tag_v2.get(_SAMPLE_FORMAT, (1,))) == _SIGNED
    if image.mode == "I":
        return not signed
    return signed or bits(image) > (32 if image.mode == "F" else 16 if image.mode.startswith("I;16") else 8)


@cache
def _reads_zstd() -> bool:
    """Whether Pillow's libtiff was built with Zstandard: it does not say, so it is asked to write with it."""
    import PIL.Image

    try:
        PIL.Image.new("L", (1, 1)).save(BytesIO(), "TIFF", compression="zstd")
    except OSError:
        return False
    return True


def is_separate(image: Any) -> bool:
    """Whether the colours of a TIFF stand one after another."""
    return bool(image.tag_v2.get(_PLANAR) == _SEPARATE)


def check_parts(image: Any) -> None:
    """Raise ValueError where a TIFF that Pillow has opened has fewer strips or tiles than its size needs."""
    tags = image.tag_v2
    channels = tags.get(_CHANNELS, 1) if is_separate(image) else 1
    _check_parts(*stored_size(image), channels, *map(tags.get, (_STRIPS, _ROWS, _TILE_WIDTH, _TILE_LENGTH, _TILES)))


def _check_parts(
    width: int, height: int, channels: int, strips: Any, rows: Any, across: Any, down: Any, tiles: Any
) -> None:
    parts, across, down = (strips, width, rows or height) if tiles is None else (tiles, across, down)
    given = len(parts) if isinstance(parts, (tuple, list)) else 1
    needed = channels * -(-width // max(1, across)) * -(-height // max(1, down))
    if parts is not None and given < needed:
        raise ValueError(f"{given} of its {needed} {'strips' if tiles is None else 'tiles'} are there")


@contextmanager
def open_pages(data: bytes, needed_for: str) -> Iterator[Iterator[Page]]:
    """Every page of a file, to be read while the context is open; raises ValueError for whatever is wrong with it."""
    need("tifffile", extra="image", needed_for=needed_for)
    imageio = need("imageio.v3", extra="image", needed_for=needed_for)
    file = _checked(imageio.imopen, data, "r", plugin="tifffile", **_FLAVOURS)
    try:
        count = _checked(_count, data)
        yield (_checked(_page, file, number, count, needed_for) for number in range(count))
    finally:
        file.close()


def _count(data: bytes) -> int:
    """Pages by the chain of their offsets; tifffile takes one that leads out of a cut file for the end."""
    order = "<" if data[:2] == b"II" else ">"
    entries, size, offset = ("H", 12, "I") if 42 in data[2:4] else ("Q", 20, "Q")
    (position,) = struct.unpack_from(order + offset, data, 4 if offset == "I" else 8)
    seen: set[int] = set()
    while position:
        if position in seen or position >= len(data):
            raise ValueError(f"page {len(seen) + 1} is not in it")
        seen.add(position)
        (count,) = struct.unpack_from(order + entries, data, position)
        (position,) = struct.unpack_from(
            order + offset, data, position + struct.calcsize(order + entries) + size * count
        )
    return len(seen)


def _page(file: Any, number: int, count: int, needed_for: str) -> Page:
    tags = file.metadata(index=..., page=number)
    separate = tags["planar_configuration"] == 2  # colours one after another
    _check_tags(tags, count)
    properties = file.properties(index=..., page=number)
    shape, dtype = properties.shape, properties.dtype
    if dtype is None or dtype.kind not in "biuf":
        raise ValueError(f"its samples are of dtype {dtype}")
    if len(shape) == 3:
        height, width, channels = np.roll(shape, -1).tolist() if separate else shape
    elif len(shape) == 2:
        height, width, channels = shape[0], shape[1], 1
    else:
        raise ValueError(f"a page has {len(shape)} axes")
    check_channels(channels)
    if not 0 < height * width * channels * dtype.itemsize <= _MAX_BYTES:
        raise ValueError(f"a page of {width} x {height} takes more than {_MAX_BYTES} bytes")
    parts = map(tags.get, ("StripOffsets", "RowsPerStrip", "TileWidth", "TileLength", "TileOffsets"))
    _check_parts(int(width), int(height), int(channels) if separate else 1, *parts)

    def read() -> Array:
        try:
            array: Array = _checked(file.read, index=..., page=number)
        except ValueError as error:
            if "imagecodecs" in str(error):  # which tifffile needs for LZW, PackBits and others
                need("imagecodecs", extra="image", needed_for=needed_for)
            raise
        if array.shape != shape:
            raise ValueError(f"a page decodes to the shape {array.shape}")
        array = array.transpose(1, 2, 0) if array.ndim == 3 and separate else array
        return array[:, :, 0] if array.ndim == 3 and channels == 1 else array

    orientation, compression = int(tags.get("Orientation", 1)), int(tags.get("Compression", 1))
    bits = tags.get("BitsPerSample", 1)
    bits = max(bits) if isinstance(bits, tuple) else int(bits)
    orientation = orientation if 1 <= orientation <= 8 else 1
    is_inverted = tags["PhotometricInterpretation"] == _WHITE_IS_ZERO
    size = int(width), int(height), int(channels)
    return Page(*size, dtype.name, bits, orientation, compression in _LOSSLESS, is_inverted, read)


def _check_tags(tags: dict[str, Any], count: int) -> None:
    colours = tags.get("PhotometricInterpretation")
    if colours not in _GREY_OR_RGB:
        raise ValueError(f"its colours are {getattr(colours, 'name', colours)}, not grey or RGB")
    stack = re.search(r"ImageJ=[^\0]*\nimages=(\d+)", str(tags.get("description", "")))
    if stack and int(stack[1]) != count:
        raise ValueError(f"ImageJ wrote {stack[1]} pictures as {count} pages")


def _checked(call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    try:
        return call(*arguments, **options)
    except MediaTypesError:
        raise
    except Exception as error:  # codecs raise what they like
        raise ValueError(str(error) or type(error).__name__) from error
