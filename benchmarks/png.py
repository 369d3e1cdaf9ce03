"""PNG files of photographs, against what Pillow writes by default."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL.Image

import mediatypes as mt
from mediatypes.formats import png

from .harness import Contender, Figures, Measure, benchmark, faster_than, load, no_larger_than, timed

Pixels = npt.NDArray[np.uint8]
_SIDE = 512
_PILLOW, _ENCODE, _SIZE = "Pillow default", "encode CPU ms", "kB"


def photographs() -> list[Pixels]:
    """The middle of scikit-image's colour photographs: (512, 512, 3), some a little less high."""
    data = load("skimage.data")
    left, _, _ = data.stereo_motorcycle()
    whole = [data.astronaut(), data.retina(), data.immunohistochemistry(), data.coffee(), data.rocket(), left]
    return [_middle(image) for image in whole]


def _middle(image: Any) -> Pixels:
    top, left = (max(0, (size - _SIDE) // 2) for size in image.shape[:2])
    return np.ascontiguousarray(image[top : top + _SIDE, left : left + _SIDE], np.uint8)


def _store_ours(encoder: str, pixels: Pixels) -> object:
    return mt.encode(mt.Image(pixels, encoder=encoder), mt.MemoryStore())


def _encode_pillow(pixels: Pixels) -> bytes:
    buffer = BytesIO()
    PIL.Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def _store_pillow(pixels: Pixels) -> object:
    return sha256(_encode_pillow(pixels)).hexdigest()


def _measure(encode: Callable[[Pixels], bytes], store: Callable[[Pixels], object], photos: list[Pixels]) -> Measure:
    """Of a photograph on average: the encoder alone, the way to a file named by its hash, and its size."""
    files = [encode(photo) for photo in photos]
    for photo, file in zip(photos, files, strict=True):
        if not np.array_equal(np.asarray(PIL.Image.open(BytesIO(file))), photo):
            raise RuntimeError("a PNG file decodes to other pixels")
    encoding = timed(lambda: [encode(photo) for photo in photos])
    storing = timed(lambda: [store(photo) for photo in photos])

    def measure() -> Figures:
        return {
            _ENCODE: encoding()["CPU ms"] / len(photos),
            "store CPU ms": storing()["CPU ms"] / len(photos),
            _SIZE: sum(map(len, files)) / len(files) / 1e3,
        }

    return measure


def _compare(encoder: str, scratch: Path) -> list[Contender]:
    photos = photographs()
    ours = partial(png.encode, encoder=encoder)
    return [
        Contender(encoder, _measure(ours, partial(_store_ours, encoder), photos)),
        Contender(_PILLOW, _measure(_encode_pillow, _store_pillow, photos)),
    ]


benchmark(
    "png-zlib",
    "512x512x3 photographs to PNG, nothing optional installed",
    faster_than(_PILLOW, _ENCODE, 8),
    no_larger_than(_PILLOW, _SIZE, 1.08),
    needs=("skimage",),
)(partial(_compare, "zlib"))
benchmark(
    "png-isal",
    "512x512x3 photographs to PNG with the extra isal",
    faster_than(_PILLOW, _ENCODE, 25),
    needs=("skimage", "isal"),
)(partial(_compare, "isal"))
