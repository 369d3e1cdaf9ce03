"""Values that several test files need: real photographs and their files, stand-ins, hypothesis strategies."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import skimage.data
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import mediatypes as mt

Array = np.ndarray[Any, np.dtype[Any]]

MAX_SIDE = 12


@cache
def photograph(name: str) -> Array:
    """A photograph of scikit-image, read-only: astronaut, coffee, chelsea (RGB), coins, camera (grey)..."""
    pixels: Array = getattr(skimage.data, name)()
    pixels.setflags(write=False)
    return pixels


def photograph_file(name: str) -> Path:
    """A file of scikit-image's wheel: rocket.jpg, chelsea.png, multipage.tif, no_time_for_that_tiny.gif..."""
    return Path(skimage.data.__file__).with_name(name)


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


def pixels(dtype: Any = np.uint8) -> st.SearchStrategy[Array]:
    """(H, W), (H, W, 3) or (H, W, 4) arrays."""
    side = st.integers(1, MAX_SIDE)
    shapes = st.tuples(side, side) | st.tuples(side, side, st.sampled_from([3, 4]))
    return hnp.arrays(dtype, shapes)


texts = st.text(st.characters(codec="utf-8"), max_size=12)
labels = st.dictionaries(st.integers(-(2**31), 2**31), texts, max_size=3)
coordinates = st.floats(-1e6, 1e6)


@st.composite
def boxes(draw: st.DrawFn) -> mt.BoundingBoxes2D:
    """Sets of up to five boxes with any of the optional columns."""
    count = draw(st.integers(0, 5))
    corners = draw(hnp.arrays(np.float64, (count, 2, 2), elements=coordinates))
    corners.sort(axis=1)

    def column(items: st.SearchStrategy[Any]) -> Any:
        return draw(st.none() | st.lists(items, min_size=count, max_size=count))

    return mt.BoundingBoxes2D.from_xyxy(
        corners.reshape(count, 4),
        domain=draw(st.sampled_from(["pixel", "percentage"])),
        class_ids=column(st.integers(-(2**62), 2**62)),
        scores=column(coordinates),
        labels=column(st.none() | texts),
        class_labels=draw(st.none() | labels),
    )


@st.composite
def images(draw: st.DrawFn) -> mt.Image:
    """Images with captions, boxes and masks."""
    array = draw(pixels(draw(st.sampled_from([np.uint8, np.uint16]))))
    masks = st.builds(mt.ImageMask, hnp.arrays(np.uint16, array.shape[:2]), class_labels=st.none() | labels)
    return mt.Image(
        array,
        caption=draw(st.none() | texts),
        boxes=draw(st.none() | st.dictionaries(texts.filter(bool), boxes(), max_size=2)),
        masks=draw(st.none() | st.dictionaries(texts.filter(bool), masks, max_size=2)),
    )
