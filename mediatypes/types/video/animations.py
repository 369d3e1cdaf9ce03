"""Videos that are pictures one after another: animated WebP, PNG and AVIF through Pillow, TIFF through imageio."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import NamedTuple

import numpy as np

from ...columns.arrays import Array
from ...formats import tiff
from ..pictures.files import quiet

PILLOW = {"webp": "WEBP", "apng": "PNG", "avif": "AVIF"}
_MAX_PIXELS = 2**32  # of all frames: each of them has to be decoded to count them
_SHORTEST = 11  # milliseconds; browsers show a shorter frame for 100


class Pictures(NamedTuple):
    """What is known of the frames."""

    width: int
    height: int
    channels: int
    frames: int
    duration: float  # seconds; 0 of a TIFF, which has no time


def probe(data: bytes, format: str, needed_for: str, max_pixels: int) -> Pictures:
    """Go through all frames.

    Raises:
        ValueError, or what Pillow raises: broken, too large, or pages that are no frames of one video.
        MissingDependencyError: a TIFF without imageio or tifffile.
    """
    if format == "tiff":
        return _probe_tiff(data, needed_for)
    import PIL.Image

    with _described(), quiet(), PIL.Image.open(BytesIO(data), formats=(PILLOW[format],)) as image:
        count, (width, height) = getattr(image, "n_frames", 1), image.size
        if not 0 < width * height <= max_pixels or count * width * height > _MAX_PIXELS:
            raise ValueError(f"{count} frames of {width} x {height} are too many pixels")
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
                yield page.read().reshape(page.height, page.width, page.channels)
        return
    import PIL.Image

    with quiet(), PIL.Image.open(BytesIO(data), formats=(PILLOW[format],)) as image:
        for position in range(int(bool(image.info.get("default_image"))), getattr(image, "n_frames", 1)):
            image.seek(position)
            yield np.array(image.convert("RGBA" if channels == 4 else "RGB"))


@contextmanager
def _described() -> Iterator[None]:
    """Pillow's message names an address in memory."""
    import PIL

    try:
        yield
    except PIL.UnidentifiedImageError as error:
        raise ValueError("its header cannot be read") from error


def _probe_tiff(data: bytes, needed_for: str) -> Pictures:
    count, shapes = 0, set()
    with tiff.open_pages(data, needed_for) as pages:
        for page in pages:
            if page.dtype != "uint8" or page.channels == 2:
                found = f"{page.dtype} with {page.channels} channels"
                raise ValueError(f"a page is {found}, not uint8 with 1, 3 or 4; read the pages and pass an array")
            shapes.add((page.width, page.height, page.channels))
            page.read()
            count += 1
    if len(shapes) != 1:
        raise ValueError(f"its {count} pages have {len(shapes)} shapes")
    width, height, channels = shapes.pop()
    return Pictures(width, height, channels, count, 0.0)
