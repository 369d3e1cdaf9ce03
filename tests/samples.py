"""Values that several test files need: real photographs and their files, and a stand-in for torch's tensors."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

import mediatypes as mt

Array = np.ndarray[Any, np.dtype[Any]]


@cache
def photograph(name: str) -> Array:
    """A photograph of scikit-image, read-only: astronaut, coffee, chelsea (RGB), coins, camera (grey)..."""
    import skimage.data

    pixels: Array = getattr(skimage.data, name)()
    pixels.setflags(write=False)
    return pixels


def photograph_file(name: str) -> Path:
    """A file of scikit-image's wheel: rocket.jpg, chelsea.png, multipage.tif, no_time_for_that_tiny.gif..."""
    import skimage.data

    return Path(skimage.data.__file__).with_name(name)


def picture(image: PIL.Image.Image, format: str, **options: Any) -> bytes:
    """A file that Pillow writes; the test is skipped where this Pillow cannot, as one before 11.3 no AVIF."""
    PIL.Image.init()
    if format not in PIL.Image.SAVE:
        pytest.skip(f"this Pillow cannot write {format}")
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def image_formats() -> str:
    """The formats that an error names: those that this Pillow reads."""
    PIL.Image.init()
    return f"{'avif, ' * ('AVIF' in PIL.Image.SAVE)}bmp, gif, jp2, jpg, png, ppm, tiff, webp"


class FakeTensor:
    """As much of `torch.Tensor` as arrays are made from; `bfloat16` has, as there, no numpy form."""

    def __init__(self, array: Array, dtype: str = "") -> None:
        self.array, self.dtype, self.shape = array, dtype or f"torch.{array.dtype.name}", array.shape

    def detach(self) -> FakeTensor:
        return self

    cpu = resolve_conj = resolve_neg = detach

    def is_floating_point(self) -> bool:
        return "float" in self.dtype

    def float(self) -> FakeTensor:
        return FakeTensor(self.array.astype(np.float32))

    def numpy(self) -> Array:
        if self.dtype == "torch.bfloat16":
            raise TypeError("Got unsupported ScalarType BFloat16")
        return self.array


def encode(value: Any) -> tuple[dict[str, Any], mt.MemoryStore]:
    """A value's document and the store that holds its sidecars."""
    store = mt.MemoryStore()
    return mt.encode(value, store), store


def decoded(value: Any) -> Any:
    """A value written and read back."""
    return mt.decode(*encode(value))
