"""Videos that are pictures one after another: animated WebP, PNG and AVIF through Pillow, TIFF through imageio."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..._core.errors import InputError, Verbatim
from ...columns.arrays import Array
from ...formats import tiff
from ..pictures.decoding import MAX_SIDE, need_avif, quiet

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

PILLOW = {"webp": "WEBP", "apng": "PNG", "avif": "AVIF"}
_MAX_PIXELS = 2**29  # of all frames: each of them has to be decoded to count them
_SHORTEST = 11  # milliseconds; browsers show a shorter frame for 100


class Pictures(NamedTuple):
    """What is known of the frames."""

    width: int
    height: int
    channels: int
    frames: int
    duration: float  # seconds; 0 of a TIFF, which has no time


def probe(data: bytes, format: str, where: str, max_pixels: int) -> Pictures:
    """Go through all frames, each of at most `max_pixels`; raises InputError for too many pixels before any is decoded.

    Whatever else is wrong raises ValueError, or what Pillow raises.
    """
    if format == "tiff":
        return _probe_tiff(data, where)
    with _described(), quiet(), _opened(data, format) as image:
        count, (width, height) = getattr(image, "n_frames", 1), image.size
        _check_pixels(count, width, height, max_pixels, where)
        first = int(bool(image.info.get("default_image")))  # a PNG may have a picture that is no frame of it
        milliseconds, alpha = 0.0, False
        for position in range(first, count):
            image.seek(position)
            image.load()
            shown = float(image.info.get("duration", 0))
            milliseconds += shown if shown >= _SHORTEST else 100
            alpha = alpha or image.has_transparency_data
    if count == first:
        raise ValueError("it has no frame")
    return Pictures(width, height, 4 if alpha else 3, count - first, milliseconds / 1000)


def decode(data: bytes, format: str, channels: int) -> Iterator[Array]:
    """The frames, each (H, W, channels) uint8."""
    if format == "tiff":
        with tiff.open_pages(data, "Video.to_numpy()") as pages:
            for page in pages:
                yield page.shown().reshape(page.height, page.width, page.channels)
        return
    with quiet(), _opened(data, format) as image:
        for position in range(int(bool(image.info.get("default_image"))), getattr(image, "n_frames", 1)):
            image.seek(position)
            yield np.array(image.convert("RGBA" if channels == 4 else "RGB"))


def _opened(data: bytes, format: str) -> PILImage:
    import PIL.Image

    if format == "avif":
        need_avif()
    return PIL.Image.open(BytesIO(data), formats=(PILLOW[format],))


@contextmanager
def _described() -> Iterator[None]:
    """Pillow's message names an address in memory."""
    import PIL

    try:
        yield
    except PIL.UnidentifiedImageError as error:
        raise ValueError("its header cannot be read") from error


def _check_pixels(count: int, width: int, height: int, max_pixels: int, where: str) -> None:
    is_too_long = max(width, height) > MAX_SIDE
    if is_too_long or not 0 < width * height <= max_pixels or count * width * height > _MAX_PIXELS:
        expected = f"frames of 1 to {max_pixels} pixels, {MAX_SIDE} a side, {_MAX_PIXELS} in all"
        got = Verbatim(f"{count} frames of {width} x {height}")
        raise InputError.of(where, expected, got, "Log fewer or smaller frames.", "too-large")


def _probe_tiff(data: bytes, where: str) -> Pictures:
    count, shapes = 0, set()
    with tiff.open_pages(data, f"{where} of a tiff file") as pages:
        for page in pages:
            if page.dtype != "uint8" or page.channels == 2:
                got = f"{page.dtype} with {page.channels} channels"
                raise ValueError(f"a page is {got}, not uint8 with 1, 3 or 4; read the pages and pass an array")
            shapes.add((page.width, page.height, page.channels))
            count += 1
            _check_pixels(count, page.width, page.height, _MAX_PIXELS, where)
            page.read()
    if len(shapes) != 1:
        raise ValueError(f"its {count} pages have {len(shapes)} shapes")
    width, height, channels = shapes.pop()
    return Pictures(width, height, channels, count, 0.0)
