"""Image files opened by Pillow and decoded twice over: the samples that they hold, and the picture that they show."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from ..._core.deps import need
from ..._core.errors import MissingDependencyError
from ...columns.arrays import Array
from ...formats import deep_colors, exif, png, pnm, tiff
from . import pixels

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

FORMATS = {  # Pillow's name: format and suffix as documents write them
    "PNG": "png",
    "JPEG": "jpg",
    "MPO": "jpg",  # a JPEG with further pictures behind it, as phones write them
    "GIF": "gif",
    "WEBP": "webp",
    "BMP": "bmp",
    "TIFF": "tiff",
    "AVIF": "avif",
    "JPEG2000": "jp2",
    "PPM": "ppm",
}
_LIBRARIES = {"AVIF": "avif", "JPEG2000": "jpg_2000", "WEBP": "webp"}  # without which Pillow may be built
_AVIF = (b"ftypavif", b"ftypavis")  # after the first four bytes
HEAD = pnm.MAX_HEADER  # bytes from the start of a file that tell its depth
MAX_SIDE = 2**20  # pixels; libpng takes no more than a million either, since each row takes its time
# JPEG 2000: start of the codestream with its sizes, style of coding, start of data (ISO/IEC 15444-1, annex A)
_SIZ, _COD, _SOD = b"\xff\x4f\xff\x51", b"\xff\x52", b"\xff\x93"
_SIZ_TILE, _SIZ_DEPTH, _COD_PROGRESSION = 24, 42, 5  # bytes from there to the size of a tile, to the first depth...
_PROGRESSIONS, _REVERSIBLE = ("LRCP", "RLCP", "RPCL", "PCRL", "CPRL"), 1
_CONFIG = b"av1C"  # AVIF: the configuration of its AV1 stream, whose third byte has the depth


@contextmanager
def quiet() -> Iterator[None]:
    """Without Pillow's warnings: of large images, which have our own limit, and of odd metadata, which is kept."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@cache
def readable() -> tuple[str, ...]:
    """Pillow's names of the formats above that this Pillow reads: it may be older than one, or built without it."""
    from PIL import Image, features

    Image.init()
    with quiet():  # of a Pillow that has not heard of AVIF
        missing = {format for format, library in _LIBRARIES.items() if not features.check(library)}
    return tuple(name for name in FORMATS if name in Image.OPEN and name not in missing)


def need_avif() -> None:
    """Raise `MissingDependencyError` unless this Pillow reads AVIF."""
    if "AVIF" not in readable():
        raise MissingDependencyError("pillow", "", "An AVIF file", lacks="AVIF")


def open_image(file: BinaryIO) -> Any:
    """A file opened by Pillow, not yet decoded; a TIFF that it cannot read is None.

    Raises `MissingDependencyError` for AVIF that this Pillow does not read, `UnidentifiedImageError` for what is none.
    """
    from PIL import Image, UnidentifiedImageError

    head = file.read(pnm.MAX_HEADER)
    if pnm.MAGIC.match(head) and len(head) == pnm.MAX_HEADER and pnm.read_header(head) is None:
        raise ValueError(f"its header does not end within {pnm.MAX_HEADER} bytes")  # Pillow reads it byte by byte
    is_tiff = head.startswith(tiff.MAGIC)
    file.seek(0)
    try:
        image = Image.open(file, formats=readable())
    except UnidentifiedImageError:
        if is_tiff:
            return None
        if head[4:12] in _AVIF:
            need_avif()
        raise
    if is_tiff:
        tiff.correct_byte_order(image)
    return image


def bit_depth(image: Any, head: bytes) -> int:
    """Bits of one sample, as the file has them."""
    if image.format == "TIFF":
        return tiff.bits(image)
    if image.format == "PNG" and (header := png.read_header(head)):
        return header.bit_depth
    if image.format == "PPM" and (anymap := pnm.read_header(head)):
        return anymap.bit_depth
    if image.format == "JPEG2000":
        return 1 + (_sample_size(head) & 127)
    if image.format == "AVIF" and (start := head.find(_CONFIG) + 1):
        flags = head[start + 5]
        return 8 if not flags & 0x40 else 12 if flags & 0x20 else 10
    if image.format == "BMP" and image.mode in ("1", "L", "P"):
        return int.from_bytes(head[28:30] if head[14] > 12 else head[24:26], "little")
    return 1 if image.mode == "1" else 32 if image.mode in ("I", "F") else 8


def _sample_size(data: bytes) -> int:
    """The byte in which JPEG 2000 says sign and bits of a sample: 7, unsigned 8 bits, where it is not found."""
    start = data.find(_SIZ)
    return data[start + _SIZ_DEPTH] if 0 <= start < len(data) - _SIZ_DEPTH else 7


def decode_exactly(image: Any, data: bytes, where: str, *, to_show: bool = False) -> Array | None:
    """The samples of an opened file where Pillow would give others or fewer bits of them, turned as shown; else None.

    Those `to_show` have zero as black.
    """
    if image is None:
        return _tiff_samples(data, where, to_show)
    if image.format == "TIFF":
        if not tiff.is_altered(image):
            return None
        if deep_colors.is_deep(image) and not tiff.is_separate(image):
            return deep_colors.decode(lambda: open_image(BytesIO(data)))  # Pillow turns them
        return _tiff_samples(data, where, to_show)
    if image.format == "PNG" and deep_colors.is_deep(image):
        return deep_colors.decode(lambda: open_image(BytesIO(data)))
    if image.format == "PPM" and (anymap := pnm.read_header(data)):
        return pnm.read(data, anymap)
    return None


def _tiff_samples(data: bytes, where: str, to_show: bool = False) -> Array:
    with tiff.open_pages(data, f"{where} of this tiff file") as pages:
        page = next(pages)
        return exif.turn(page.shown() if to_show else page.read(), page.orientation)


def samples(data: bytes, orientation: int, where: str, *, indices: bool = False) -> Array:
    """(H, W) or (H, W, C) samples as the file holds them, turned as they are shown.

    Grey keeps its numbers, 0 to 2^bits - 1, whatever is white. Palettes are resolved unless `indices` are asked for;
    CMYK, YCbCr and LAB become RGB. uint8 or uint16; of a TIFF, a map of floats or a JPEG 2000 of signed samples what it
    holds. Colours of more than 8 bits in AVIF and JPEG 2000 need imagecodecs.
    """
    with quiet():
        image = open_image(BytesIO(data))
        has_more = getattr(image, "format", None) == "TIFF" and tiff.extra_channels(image)
        array = _tiff_samples(data, where) if has_more else decode_exactly(image, data, where)
        if array is not None:
            return array if image is None or image.format == "TIFF" else exif.turn(array, orientation)
        depth = bit_depth(image, data[:HEAD])
        if is_cut(FORMATS[image.format], image.mode, depth):
            return exif.turn(_uncut_samples(data, image.format, where), orientation)
        is_inverted = image.format == "TIFF" and tiff.is_inverted(image)
        image.load()
    array = _plain(image, indices)
    if image.format == "JPEG2000" and depth != 8 * array.itemsize:
        array = array >> (8 * array.itemsize - depth)  # Pillow moves the bits to the top
    if image.format == "JPEG2000" and _sample_size(data) & 128:  # and adds half the range to signed samples
        array = (array.astype(np.int32) - 2 ** (depth - 1)).astype(f"i{array.itemsize}")
    elif image.mode == "L" and depth < 8 and image.format in ("PNG", "TIFF"):
        array = array // np.uint8(255 // (2**depth - 1))  # Pillow spreads them over 0 to 255
    if is_inverted:
        array = np.array(2**depth - 1, array.dtype) - array
    return array if image.format == "TIFF" else exif.turn(array, orientation)


def is_cut(format: str, mode: str, depth: int) -> bool:
    """Whether Pillow decodes 8 of the bits of a sample, where the file has more."""
    return format in ("avif", "jp2") and depth > 8 and not mode.startswith("I;16")


def _uncut_samples(data: bytes, format: str, where: str) -> Array:
    """All bits of the samples of a file that `is_cut`."""
    imagecodecs = need("imagecodecs", extra="image", needed_for=f"{where} of more than 8 bits in {FORMATS[format]}")
    samples: Array = imagecodecs.jpeg2k_decode(data) if format == "JPEG2000" else imagecodecs.avif_decode(data, index=0)
    return samples


def _plain(image: PILImage, indices: bool) -> Array:
    """The samples of a decoded image whose mode has them all."""
    if image.mode == "1":
        return np.asarray(image).astype(np.uint8)
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG"):
        return np.asarray(image).astype(np.uint16, copy=False)
    if image.mode in ("I", "F", "L", "RGB") or (indices and image.mode in ("P", "PA")):
        return np.asarray(image)
    return pixels.from_pil(image, "image").array


def shown(data: bytes, orientation: int, where: str) -> PILImage | Array:
    """The picture with all the depth that it has: an array of 16-bit colours, or of what Pillow has no mode for."""
    with quiet():
        image = open_image(BytesIO(data))
        if image is None or image.format in ("PNG", "TIFF") or _is_deep_anymap(data):
            array = decode_exactly(image, data, where, to_show=True)
            if array is not None and image is not None and image.format == "PPM":
                largest = pnm.read_header(data).largest  # type: ignore[union-attr]
                array = np.rint(array * (65535 / largest)).astype(np.uint16)
            if array is not None:
                return array if image is None or image.format == "TIFF" else exif.turn(array, orientation)
        return _loaded(image, orientation)


def _is_deep_anymap(data: bytes) -> bool:
    header = pnm.read_header(data)
    return header is not None and header.kind in "36" and header.largest > 255


def _loaded(image: Any, orientation: int) -> PILImage:
    import PIL.ImageOps

    image.load()  # which turns a TIFF
    turned = image if image.format == "TIFF" or orientation == 1 else PIL.ImageOps.exif_transpose(image)
    return turned.convert("RGB") if turned.mode == "RGBX" else turned  # as Pillow before 11 opens unnamed channels


def lossy_reason(data: bytes) -> str:
    """Why a file may hold other values than those that were saved into it; empty if it cannot."""
    image = open_image(BytesIO(data))
    if image is None:
        with tiff.open_pages(data, "compression of this tiff file") as pages:
            return "" if next(pages).is_lossless else "compressed TIFF"
    if image.format == "TIFF":
        return "" if tiff.is_lossless(image) else "compressed TIFF"
    if image.format == "WEBP":
        return "" if b"VP8L" in data[:64] else "WebP"
    if image.format == "JPEG2000":
        return "" if _is_lossless_jpeg2000(image, data) else "JPEG 2000"
    return {"JPEG": "JPEG", "MPO": "JPEG", "AVIF": "AVIF"}.get(image.format, "")


def _is_lossless_jpeg2000(image: PILImage, data: bytes) -> bool:
    """Whether encoding the pixels without loss gives the data of the file: its header does not tell what was cut."""
    start = data.find(_SIZ)
    style = data.find(_COD, start) + _COD_PROGRESSION
    progression, _, levels, width, height, _, transform = struct.unpack_from(">B3s5B", data, style)
    if transform != _REVERSIBLE or progression >= len(_PROGRESSIONS):
        return False
    tile = struct.unpack_from(">II", data, start + _SIZ_TILE)
    options: dict[str, Any] = {"tile_size": tile, "num_resolutions": levels + 1}
    options |= {"codeblock_size": (4 << width, 4 << height), "progression": _PROGRESSIONS[progression]}
    buffer = BytesIO()
    try:
        image.save(buffer, "JPEG2000", **options)
    except Exception:  # codecs raise what they like of options that they do not write
        return False
    again = buffer.getvalue()
    return data[data.find(_SOD) :] == again[again.find(_SOD) :]
