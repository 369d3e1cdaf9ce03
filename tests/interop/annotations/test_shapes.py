"""Run lengths and polygons, compared with pycocotools."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediatypes.interop.annotations import shapes

coco_mask: Any = pytest.importorskip("pycocotools.mask")
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of pycocotools 2.0.11
SIZES = st.tuples(st.integers(1, 40), st.integers(1, 40))


@given(SIZES, st.integers(0, 2**32 - 1), st.floats(0, 1))
@settings(max_examples=150, deadline=None)
def test_run_lengths_are_those_of_pycocotools(size: tuple[int, int], seed: int, density: float) -> None:
    mask = np.random.default_rng(seed).random(size) < density
    expected = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    encoded = shapes.encode_rle(mask)
    assert (encoded["size"], encoded["counts"].encode()) == (expected["size"], expected["counts"])
    runs = shapes.read_runs(encoded["counts"])
    assert np.array_equal(shapes.decode_rle(runs, *size), mask)
    assert shapes.read_runs(runs) == runs


def test_long_runs_need_several_letters() -> None:
    mask = np.zeros((3000, 2000), bool)
    mask[10:2000, 500:1500], mask[2500:, 1999] = True, True
    expected = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    encoded = shapes.encode_rle(mask)
    assert encoded["counts"].encode() == expected["counts"]
    assert np.array_equal(shapes.decode_rle(shapes.read_runs(encoded["counts"]), 3000, 2000), mask)


POINT = st.tuples(st.floats(-30, 60, width=32), st.floats(-30, 60, width=32))
GRID = st.tuples(st.integers(-3, 30).map(lambda n: n / 2), st.integers(-3, 30).map(lambda n: n / 2))


@given(SIZES, st.lists(POINT, min_size=3, max_size=9) | st.lists(GRID, min_size=3, max_size=9))
@settings(max_examples=150, deadline=None)
def test_polygons_are_filled_as_pycocotools_fills_them(size: tuple[int, int], points: Any) -> None:
    polygon = [float(number) for point in points for number in point]
    height, width = size
    expected = coco_mask.decode(coco_mask.frPyObjects([polygon], height, width))[..., 0]
    assert np.array_equal(shapes.fill_polygons([polygon], height, width), expected.astype(bool))


def test_several_polygons_are_united_and_edges_taken_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    polygons = [[1.0, 1, 30.5, 2, 15, 28], [10.0, 10, 39, 10, 39, 20.25, 10, 20.25]]
    whole = shapes.fill_polygons(polygons, 30, 40)
    expected = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(polygons, 30, 40)))
    assert np.array_equal(whole, expected.astype(bool))
    monkeypatch.setattr(shapes, "_POINTS", 3)
    assert np.array_equal(shapes.fill_polygons(polygons, 30, 40), whole)


@pytest.mark.parametrize("counts", [None, 3, [1, -1], [True], [1.5], "é", "o", "1o", "P" * 40, b"22"])
def test_what_is_no_run_length_is_refused(counts: Any) -> None:
    with pytest.raises(ValueError, match=r"letter|text|lengths|NoneType|int|bytes"):
        shapes.read_runs(counts)


@given(SIZES, st.integers(0, 2**32 - 1), st.floats(0, 1))
@settings(max_examples=150, deadline=None)
def test_an_outline_is_filled_to_the_mask_it_is_of(size: tuple[int, int], seed: int, density: float) -> None:
    """One polygon, whatever parts and holes there are; pycocotools fills it too."""
    mask = np.random.default_rng(seed).random(size) < density
    polygon = shapes.outline(mask).astype(float).ravel().tolist()
    if not mask.any():
        assert polygon == []
        return
    assert np.array_equal(shapes.fill_polygons([polygon], *size), mask)
    assert np.array_equal(coco_mask.decode(coco_mask.frPyObjects([polygon], *size))[..., 0], mask)


def test_an_outline_has_corners_only() -> None:
    mask = np.zeros((6, 8), bool)
    mask[1:5, 2:7] = True
    assert shapes.outline(mask).tolist() == [[2, 1], [7, 1], [7, 5], [2, 5]]
