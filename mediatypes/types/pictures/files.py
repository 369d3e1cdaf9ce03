"""Image files: recognised by content, probed without being changed, read back losslessly."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..._core.errors import (
    CodecError,
    DocumentError,
    MediaTypesError,
    MissingDependencyError,
    Problem,
    ValidationError,
    Verbatim,
    problem,
    show,
)
from ..._core.sidecar import Blob
from ...formats import tiff
from .pixels import MODES

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

    from ...columns.arrays import Array

MAX_PIXELS = 178_956_970  # where Pillow refuses too: a larger claim is a decompression bomb
_FORMATS = {  # Pillow's name: (format and suffix as documents write them, media type)
    "PNG": ("png", "image/png"),
    "JPEG": ("jpg", "image/jpeg"),
    "MPO": ("jpg", "image/jpeg"),  # a JPEG with further pictures behind it, as phones write them
    "GIF": ("gif", "image/gif"),
    "WEBP": ("webp", "image/webp"),
    "BMP": ("bmp", "image/bmp"),
    "TIFF": ("tiff", "image/tiff"),
    "AVIF": ("avif", "image/avif"),
    "JPEG2000": ("jp2", "image/jp2"),
    "PPM": ("ppm", "image/x-portable-anymap"),
}


class ImageFile(NamedTuple):
    """What probing an image file tells."""

    format: str
    media_type: str
    width: int
    height: int
    mode: str
    bit_depth: int

    @property
    def suffix(self) -> str:
        return f".{self.format}"


def probe(blob: Blob, where: str, error: type[ValidationError], *, whole: bool = True) -> ImageFile:
    """Recognise an image by its content; with `whole` it is decoded once, so that a cut file is refused.

    Raises:
        InputError or DocumentError (as `error` says): not an image, a format we do not keep, too large, cut short.
        MissingDependencyError: a TIFF that Pillow cannot read, without imageio or tifffile.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        if _is_beyond_pillow(blob):
            return _probe_tiff(blob, where, error, whole)
        with quiet(), blob.open() as file, Image.open(file, formats=_readable()) as image:
            check_pixels(image.width, image.height, where, error)
            file.seek(24)
            depth = _bit_depth(image, file.read(1))
            if whole:
                image.load()
            format, media_type = _FORMATS[image.format or ""]
            return ImageFile(format, media_type, image.width, image.height, image.mode, depth)
    except UnidentifiedImageError:
        known = ", ".join(sorted({name for name, _ in _FORMATS.values()}))
        raise error.of(where, f"an image file ({known})", _start(blob), "Convert it to PNG.", "not-an-image") from None
    except Image.DecompressionBombError as bomb:
        raise error(_too_large(where, Verbatim("more"))) from bomb
    except MediaTypesError:
        raise
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, OverflowError, MemoryError) as broken:
        hint = f"Decoding failed: {str(broken).rstrip('.')}."
        raise error.of(where, "a whole image file", _start(blob), hint, "broken") from broken


@contextmanager
def quiet() -> Iterator[None]:
    """Without Pillow's warnings: of large images, which have our own limit, and of odd metadata, which is kept."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def check_pixels(width: int, height: int, where: str, error: type[ValidationError]) -> None:
    """Refuse an image that could not be read back."""
    if width * height > MAX_PIXELS:
        raise error(_too_large(where, Verbatim(f"{width} x {height}")))


def _too_large(where: str, got: str) -> Problem:
    return problem(where, f"at most {MAX_PIXELS} pixels", got, "Log a smaller version.", "too-large")


def check(blob: Blob, document: dict[str, Any], where: str) -> ImageFile:
    """The file that a document describes, if its sidecar is that image.

    A document is believed where an optional package is missing: it is needed, and named, when pixels are asked for.
    """
    try:
        file = probe(blob, where, DocumentError, whole=False)
    except MissingDependencyError:
        file = ImageFile("tiff", document["media_type"], int(document["width"]), int(document["height"]), "L", 8)
    if (file.width, file.height) != (document["width"], document["height"]):
        expected = f"an image of {document['width']} x {document['height']}"
        found = Verbatim(f"{file.width} x {file.height}")
        raise DocumentError.of(where, expected, found, "Restore the document.", "size")
    return file


def load(data: bytes, file: ImageFile) -> PILImage | Array:
    """The decoded picture with all that its file holds: an array where Pillow has no mode for it."""
    from PIL import Image

    from ...formats import png

    if file.format == "png" and file.bit_depth == 16 and file.mode not in ("I;16", "I"):
        return png.decode16(data, max_pixels=MAX_PIXELS)  # Pillow would give 8 of the 16 bits
    try:
        blob = Blob(data, "-")  # its hash plays no part
        if _is_beyond_pillow(blob, altered=True):
            with tiff.open_pages(data, "pixels of this tiff file") as pages:
                return next(pages).read()
        with quiet():
            image = Image.open(BytesIO(data), formats=_readable())
            image.load()
    except MediaTypesError:
        raise
    except Exception as error:  # codecs raise what they like
        raise CodecError(f"image: expected a readable file, got {show(data[:16])}. {error}") from error
    return image


def to_numpy(data: bytes, file: ImageFile) -> Array:
    """(H, W) or (H, W, C): uint8 or uint16, what a TIFF holds; palettes are resolved, CMYK and YCbCr become RGB."""
    from . import pixels

    image = load(data, file)
    if isinstance(image, np.ndarray):
        return image
    if image.mode == "F" or (image.mode == "I" and image.format == "TIFF"):
        return np.asarray(image)
    return pixels.from_pil(image, "image").array


def _is_beyond_pillow(blob: Blob, *, altered: bool = False) -> bool:
    """Whether a file is a TIFF that Pillow cannot read, or reads with altered values."""
    from PIL import Image, UnidentifiedImageError

    with blob.open() as file:
        if not file.read(4).startswith(tiff.MAGIC):
            return False
        file.seek(0)
        try:
            with quiet(), Image.open(file, formats=("TIFF",)) as image:
                return altered and tiff.is_altered(image)
        except UnidentifiedImageError:
            return True


def _probe_tiff(blob: Blob, where: str, error: type[ValidationError], whole: bool) -> ImageFile:
    with tiff.open_pages(blob.read(), f"{where} of this tiff file") as pages:
        page = next(pages)
        check_pixels(page.width, page.height, where, error)
        if whole:
            page.read()
    depth = 1 if page.dtype == "bool" else 8 * np.dtype(page.dtype).itemsize
    return ImageFile("tiff", "image/tiff", page.width, page.height, MODES[page.channels], depth)


@cache
def _readable() -> tuple[str, ...]:
    """The formats above that this Pillow was built with."""
    from PIL import Image

    Image.init()
    return tuple(name for name in _FORMATS if name in Image.OPEN)


def _bit_depth(image: PILImage, png_depth: bytes) -> int:
    if image.format == "PNG" and png_depth:
        return png_depth[0]
    if image.format == "TIFF" and image.mode != "1":
        return max(8, tiff.bits(image))
    return 1 if image.mode == "1" else 16 if image.mode.startswith("I;16") else 32 if image.mode in ("I", "F") else 8


def _start(blob: Blob) -> str:
    with blob.open() as file:
        return Verbatim(f"{blob.size} bytes starting {file.read(12)!r}")
