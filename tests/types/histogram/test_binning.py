"""Bin counts and edges are numpy's, for any dtype and however close values lie to the edges."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mediatypes.types.histogram import binning
from mediatypes.types.histogram.binning import Binned, histogram

Array = npt.NDArray[Any]

BINS = [1, 7, 64, 127, 128, 512, 5000]
SIZE = 70_001  # above the small-array limit, more than one chunk, the last of them of odd size
RNG = np.random.default_rng(7)


def check(data: Array, bins: int | Array) -> Binned:
    """Compare with np.histogram of the finite values; where that raises ValueError, so must ours."""
    flat = data.astype({"?": np.uint8, "g": np.float64}.get(data.dtype.char, data.dtype)).ravel()
    finite = flat[np.isfinite(flat)]
    message, counts, edges = None, np.zeros(0), np.zeros(1)
    try:
        with np.errstate(all="ignore"):
            counts, edges = np.histogram(finite, bins)
        if not isinstance(bins, np.ndarray) and (edges[:-1] >= edges[1:]).any():  # as numpy says since 2.0
            message = "Too many bins for data range"
    except IndexError:  # as it said before; also of one that is too wide
        message = " for "
    except ValueError as error:
        message = str(error)
    if message:
        with pytest.raises(ValueError, match=re.escape(message)):
            histogram(data, bins)
        return Binned(np.zeros(0, np.int64), np.zeros(0), 0, 0, 0)
    result = histogram(data, bins)
    assert [result.counts.dtype.name, result.edges.dtype.name] == ["int64", "float64"]
    np.testing.assert_array_equal(result.edges, edges.astype(np.float64), strict=True)
    np.testing.assert_array_equal(result.counts, counts)
    apart = result.nan_count + result.neg_inf_count + result.pos_inf_count
    assert apart == flat.size - finite.size
    return result


def near_edges(edges: Array, size: int) -> Array:
    """Every edge, and the values one and two ulps to either side of it, within the edges."""
    down, up = np.nextafter(edges, edges[0]), np.nextafter(edges, edges[-1])
    values = [edges, down, up, np.nextafter(down, edges[0]), np.nextafter(up, edges[-1])]
    return np.resize(np.concatenate(values), max(size, 5 * edges.size))


@pytest.mark.parametrize("bins", BINS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize(("offset", "scale"), [(0, 1), (-50, 3), (0, 1e-3), (1000, 200)])
def test_floats(dtype: type[np.floating[Any]], bins: int, offset: float, scale: float) -> None:
    values = RNG.normal(size=SIZE) * scale + offset
    check(values.astype(dtype), bins)


@pytest.mark.parametrize("bins", BINS)
@pytest.mark.parametrize("dtype", "bhilqBHILQ")
@pytest.mark.parametrize("span", [1, 0.01])
def test_integers(dtype: str, bins: int, span: float) -> None:
    info = np.iinfo(dtype)
    low, high = int(info.min * span), int(info.max * span)
    check(RNG.integers(low, high, SIZE, dtype=dtype, endpoint=True), bins)
    check(RNG.integers(low, high, 50, dtype=dtype, endpoint=True), bins)


def test_bool() -> None:
    assert check(RNG.random(SIZE) < 0.3, 7).counts[1:-1].sum() == 0
    check(np.array([True, False, True]), 2)


@pytest.mark.parametrize("bins", BINS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (-1, 1), (-7.3, -1.1), (-3, 1e4), (1e6, 1e6 + 300), (1e-40, 3e-39), (0, 3e37)]
)
def test_next_to_every_edge(dtype: type[np.floating[Any]], bins: int, low: float, high: float) -> None:
    try:
        edges = np.histogram_bin_edges(np.array([low, high], dtype), bins)
    except ValueError:
        check(np.resize(np.array([low, high], dtype), SIZE), bins)
        return
    check(near_edges(edges, SIZE), bins)


def test_random_ranges_next_to_every_edge() -> None:
    for _ in range(150):
        low, width = RNG.normal() * 10 ** RNG.uniform(-3, 3), 10 ** RNG.uniform(-3, 3)
        dtype = RNG.choice(np.array([np.float32, np.float64]))
        try:
            edges = np.histogram_bin_edges(np.array([low, low + width], dtype), int(RNG.integers(1, 600)))
        except ValueError:
            continue
        check(near_edges(edges, binning._SMALL), edges.size - 1)


@pytest.mark.parametrize("bins", BINS)
@pytest.mark.parametrize(
    "values",
    [
        np.linspace(0, 1, SIZE),
        np.linspace(-3, 9, 65),
        np.arange(65),
        np.arange(256) / 255,
        RNG.normal(size=5),
        np.full(3, 0.1),
        np.full(3, 2.0**24),
        1e6 + RNG.normal(size=SIZE),
        1e6 + RNG.random(SIZE) * 1e-3,
        np.geomspace(1e-30, 1e30, SIZE),
        np.array([0, 5e-324, 1e-323]),
        np.array([0, 1.4e-45, 1e-42]),
        np.array([-0.0, 0.0]),
    ],
    ids=lambda v: f"{v[0]:.3g}..{v[-1]:.3g}",
)
def test_awkward_floats(values: Array, bins: int) -> None:
    for dtype in (np.float32, np.float64):
        check(np.resize(values.astype(dtype), SIZE), bins)
        check(values[:100].astype(dtype), bins)


def test_bins_about_one_ulp_wide() -> None:
    for base in (1e6, -1e6, 2.0**20 - 0.5, 3.0):
        for dtype, ulps in ((np.float32, 9), (np.float32, 31), (np.float64, 20)):
            steps = dtype(base) + np.arange(ulps) * np.spacing(dtype(base))
            for bins in range(1, ulps):
                check(np.resize(steps.astype(dtype), binning._SMALL), bins)


@pytest.mark.parametrize("size", [1, 3, binning._SMALL - 1, binning._SMALL, 65536, 65537, 131073])
def test_sizes(size: int) -> None:
    for dtype in (np.float32, np.float64, np.int32, np.uint8):
        check((RNG.normal(size=size) * 20 + 100).astype(dtype), 64)


def test_int64_extremes() -> None:
    info = np.iinfo(np.int64)
    ends = np.array([info.min, info.max, 0, -1, 1])
    for data in (ends, np.resize(ends, SIZE)):
        check(data, 7)
    for base in (2**53, 2**62, -(2**63)):
        data = base + RNG.integers(0, 1 << 20, SIZE)
        result = histogram(data, 8)  # np.histogram on the integers may fail with an IndexError
        counts, edges = np.histogram(data.astype(np.float64), 8)
        np.testing.assert_array_equal(result.counts, counts)
        np.testing.assert_array_equal(result.edges, edges)
    check(np.resize(np.array([0, 2**64 - 1, 2**63], np.uint64), SIZE), 64)
    check(2**64 - 1 - RNG.integers(0, 60_000, SIZE).astype(np.uint64), 3)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize("size", [200, SIZE])
def test_nan_and_infinities_are_counted_apart(dtype: type[np.floating[Any]], size: int) -> None:
    data = RNG.normal(size=size).astype(dtype)
    data[:10], data[20:23], data[-4:] = np.nan, np.inf, -np.inf
    for bins in (1, 64, np.linspace(-1, 1, 9)):
        result = check(data, bins)
        assert (result.nan_count, result.pos_inf_count, result.neg_inf_count) == (10, 3, 4)
    data[RNG.random(size) < 0.3] = np.nan
    check(data, 64)
    data[: size - 3] = np.nan
    check(data[: size - 4], 64)


@pytest.mark.parametrize("size", [0, 5, SIZE])
def test_nothing_finite(size: int) -> None:
    for dtype in (np.float16, np.float32, np.float64):
        result = check(np.full(size, np.nan, dtype), 4)
        assert (result.counts.tolist(), result.nan_count) == ([0, 0, 0, 0], size)
        assert result.edges.tolist() == [0, 0.25, 0.5, 0.75, 1]
        check(np.full(size, -np.inf, dtype), np.array([0.0, 1.0, 2.0]))
    check(np.empty((0, 3), np.int32), 4)


def test_layouts_and_byte_orders() -> None:
    data = (RNG.normal(size=(300, 400)) * 1000).astype(np.float32)
    for view in (data, data.T, data[::2, 1::3], data[::-1], np.asfortranarray(data), data[:, :, None]):
        check(view, 64)
    for dtype in (">f2", ">f4", ">f8", ">i2", ">i4", ">i8", ">u2", ">u8"):
        swapped = np.abs(data).astype(dtype)
        check(swapped, 64)
        check(swapped[:5], 64)
    kept = data.copy()
    kept.flags.writeable = False
    check(kept, 64)
    np.testing.assert_array_equal(kept, data)


@pytest.mark.parametrize("edges", [[-1, 0, 2], [-1.5, -1, 0.1, 0.25], [0, 0, 1], np.linspace(-2, 2, 65)])
def test_given_edges(edges: list[float]) -> None:
    for dtype in (np.float16, np.float32, np.float64, np.int8, np.int64):
        data = (RNG.normal(size=SIZE) * 3).astype(dtype)
        check(data, np.asarray(edges))
        check(data[:50], np.asarray(edges, np.float64))


def test_impossible_ranges() -> None:
    for size in (2, SIZE):
        for dtype in (np.float16, np.float32, np.float64):
            top = np.finfo(dtype).max
            check(np.resize(np.array([-top, top], dtype), size), 7)
            with pytest.raises(ValueError, match="too wide"):
                histogram(np.resize(np.array([-top, top], dtype), size), 1)
        with pytest.raises(ValueError, match="Too many bins"):
            histogram(np.resize(np.array([1, np.nextafter(1, 2)]), size), 64)
        with pytest.raises(ValueError, match="Too many bins"):
            histogram(np.full(size, 2**60), 2)
        with pytest.raises(ValueError, match="must be positive"):
            histogram(np.full(size, 1.0), 0)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([np.float32, np.float64]).flatmap(
        lambda dtype: hnp.arrays(dtype, st.integers(1, 30), elements={"allow_subnormal": True})
    ),
    st.integers(1, 600),
)
def test_any_floats(values: Array, bins: int) -> None:
    finite = values[np.isfinite(values)]
    with np.errstate(all="ignore"):
        if finite.size and not np.isfinite(finite.max() - finite.min()):
            values = values / values.dtype.type(4)
    check(values, bins)
    check(np.resize(values, binning._SMALL + 1), bins)


@settings(max_examples=100, deadline=None)
@given(st.integers(-(10**6), 10**6), st.integers(1, 10**6), st.integers(1, 600), st.integers(0, 20))
def test_any_quantised_floats(low: int, span: int, bins: int, shift: int) -> None:
    steps = np.linspace(0, span, 1000).round()
    check(np.resize(((low + steps) / 2**shift).astype(np.float32), binning._SMALL), bins)


def test_does_not_import_pandas() -> None:
    code = "import sys; import mediatypes.types.histogram.binning; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
