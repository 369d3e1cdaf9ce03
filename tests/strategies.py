"""Hypothesis strategies of values."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import mediatypes as mt
from tests.samples import Array

MAX_SIDE = 12


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
