"""PNG files of photographs, against what Pillow writes by default."""

from __future__ import annotations

import zlib
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
_PILLOW, _FAST, _ENCODE, _SIZE = "Pillow default", "Pillow level 1, RLE", "encode CPU ms", "kB"
_CODEC = "zlib alone"  # level 1 with RLE over the bytes as they are: nothing that writes PNG with zlib is faster


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


def _encode_pillow(pixels: Pixels, **options: int) -> bytes:
    buffer = BytesIO()
    PIL.Image.fromarray(pixels).save(buffer, "PNG", **options)
    return buffer.getvalue()


_encode_fast = partial(_encode_pillow, compress_level=1, compress_type=zlib.Z_RLE)


def _hashed(encode: Callable[[Pixels], bytes]) -> Callable[[Pixels], object]:
    return lambda pixels: sha256(encode(pixels)).hexdigest()


def _codec(photos: list[Pixels]) -> Measure:
    def compress(data: bytes) -> bytes:
        deflate = zlib.compressobj(1, zlib.DEFLATED, 15, 8, zlib.Z_RLE)
        return deflate.compress(data) + deflate.flush()

    raw = [photo.tobytes() for photo in photos]
    clock = timed(lambda: [compress(data) for data in raw])
    return lambda: {_ENCODE: clock()["CPU ms"] / len(photos)}


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
        Contender(_PILLOW, _measure(_encode_pillow, _hashed(_encode_pillow), photos)),
        Contender(_FAST, _measure(_encode_fast, _hashed(_encode_fast), photos)),
        Contender(_CODEC, _codec(photos)),
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
