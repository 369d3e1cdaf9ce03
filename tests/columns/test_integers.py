"""Whole numbers, however they are given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import mediatypes as mt
from mediatypes.columns.arrays import as_integer


@pytest.mark.parametrize("value", [7, np.int8(7), np.array(7), np.array([7], np.uint16)])
def test_integers_and_arrays_of_one_are_integers(value: Any) -> None:
    assert as_integer(value) == 7
    image = mt.Image(np.zeros((4, 4), np.uint8), grouping=value, file_type="jpg", quality=value)
    assert (image.grouping, image.quality) == (7, 7)
    assert mt.Audio(np.zeros(8), sample_rate=value).sample_rate == 7


@pytest.mark.parametrize(
    "value", [True, np.bool_(True), 7.0, np.array(7.5), np.array([7.0]), "7", None, np.array([7, 8])]
)
def test_everything_else_is_none(value: Any) -> None:
    """Also an array of a float, which has `__index__` as all arrays do."""
    assert as_integer(value) is None
    with pytest.raises(mt.InputError, match=r"Audio.sample_rate: expected a whole number of Hz, at least 1, got"):
        mt.Audio(np.zeros(8), sample_rate=value)
    if value is not None:
        with pytest.raises(mt.InputError, match=r"Image.grouping: expected an integer, got"):
            mt.Image(np.zeros((4, 4), np.uint8), grouping=value)


def test_an_array_of_a_float_is_no_number_of_bins() -> None:
    assert len(mt.Histogram([1, 2], num_bins=np.array(7)).values) == 7
    with pytest.raises(mt.InputError, match=r"Histogram.num_bins: expected 2 to 513 edges, got array\(7.5\)"):
        mt.Histogram([1, 2], num_bins=np.array(7.5))
