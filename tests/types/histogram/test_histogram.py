from __future__ import annotations

from array import array as stdlib_array
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import mediatypes as mt
from mediatypes import Histogram, InputError
from mediatypes.testing import ValueContract
from tests.samples import FakeTensor, decoded, photograph

NAN, INF = float("nan"), float("inf")


class TestHistogramContract(ValueContract):
    def examples(self) -> dict[str, Histogram]:
        return {
            "photograph": Histogram(photograph("coins")),
            "every member": Histogram([1.0, 2.0, NAN, INF, -INF, -INF], num_bins=3, caption="Gewichte"),
            "weights": Histogram(np_histogram=([0.5, 0.25], [0, 1, 2])),
            "one bin": Histogram([3], num_bins=1),
            "most bins": Histogram(photograph("camera"), num_bins=512),
            "no values": Histogram([]),
        }

    def bad_documents(self) -> dict[str, tuple[dict[str, Any], str]]:
        return {
            "edges that do not ascend": (
                {"bins": [1.0] * 65},
                "bins[1]: expected more than 1.0, got 1.0. Sort the edges.",
            ),
            "too few edges": (
                {"bins": [0.0, 1.0]},
                "bins: expected 65 edges for 64 counts, got 2. Give one edge more than counts.",
            ),
            "a negative count": (
                {"values": [-1], "bins": [0, 1]},
                "values[0]: expected a finite number >= 0, got -1.",
            ),
            "too many counts": (
                {"values": [1] * 513},
                "values: expected a list of at least 1 and at most 512 a finite number >= 0, got 513 of them.",
            ),
            "no NaN counted": ({"nan_count": 0}, "nan_count: expected an integer >= 1, got 0."),
        }


def test_a_photograph_is_counted_as_numpy_counts_it() -> None:
    pixels = photograph("coffee")
    counts, edges = np.histogram(pixels, 64)
    histogram = Histogram(pixels)
    np.testing.assert_array_equal(histogram.values, counts)
    np.testing.assert_array_equal(histogram.bins, edges)
    assert histogram.values.dtype == np.int64


DATA = [1.0, 2.0, 2.0, 4.0]
SPELLINGS: dict[str, Callable[[], Histogram]] = {
    "a list": lambda: Histogram(DATA, num_bins=3),
    "a tuple": lambda: Histogram(tuple(DATA), num_bins=3),
    "integers": lambda: Histogram([1, 2, 2, 4], num_bins=3),
    "a range and a list": lambda: Histogram([1, 2, 2, 4], None, 3),
    "float64": lambda: Histogram(np.array(DATA), num_bins=3),
    "float32": lambda: Histogram(np.array(DATA, np.float32), num_bins=3),
    "float16": lambda: Histogram(np.array(DATA, np.float16), num_bins=3),
    "uint8": lambda: Histogram(np.array(DATA, np.uint8), num_bins=3),
    "int64": lambda: Histogram(np.array(DATA, np.int64), num_bins=3),
    "big-endian": lambda: Histogram(np.array(DATA, ">f4"), num_bins=3),
    "two dimensions": lambda: Histogram(np.array(DATA).reshape(2, 2), num_bins=3),
    "a view with strides": lambda: Histogram(np.repeat(DATA, 2)[::-2], num_bins=3),
    "a Series": lambda: Histogram(pd.Series(DATA), num_bins=3),
    "an array of the standard library": lambda: Histogram(stdlib_array("d", DATA), num_bins=3),
    "a numpy number of bins": lambda: Histogram(DATA, num_bins=np.int64(3)),
    "edges": lambda: Histogram(DATA, num_bins=[1, 2, 3, 4]),
    "edges as an array": lambda: Histogram(DATA, num_bins=np.array([1.0, 2.0, 3.0, 4.0])),
    "edges as a range": lambda: Histogram(DATA, num_bins=range(1, 5)),
    "np.histogram's pair": lambda: Histogram(np_histogram=np.histogram(DATA, 3)),
    "a pair of lists": lambda: Histogram(np_histogram=([1, 2, 1], [1, 2, 3, 4])),
    "unsigned counts": lambda: Histogram(np_histogram=(np.array([1, 2, 1], np.uint64), [1, 2, 3, 4])),
    "a list as a pair": lambda: Histogram(np_histogram=[[1, 2, 1], [1, 2, 3, 4]]),  # type: ignore[arg-type]
    "a tensor": lambda: Histogram(FakeTensor(np.array(DATA)), num_bins=3),
    "a bfloat16 tensor": lambda: Histogram(FakeTensor(np.array(DATA, np.float32), "torch.bfloat16"), num_bins=3),
}


@pytest.mark.usefixtures("fake_torch")
@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_every_spelling_gives_the_same_document(spelling: Callable[[], Histogram]) -> None:
    assert mt.encode(spelling(), mt.MemoryStore()) == {
        "_type": "histogram",
        "_version": "1.0",
        "values": [1, 2, 1],
        "bins": [1.0, 2.0, 3.0, 4.0],
    }


def test_bools_are_counted_as_0_and_1() -> None:
    histogram = Histogram(np.array([True, False, True]), num_bins=2)
    assert (histogram.values.tolist(), histogram.bins.tolist()) == ([1, 2], [0.0, 0.5, 1.0])


def test_values_that_no_bin_can_hold_are_counted_apart() -> None:
    histogram = Histogram([1, NAN, INF, NAN, -INF, 2, INF, INF], num_bins=1)
    assert (histogram.nan_count, histogram.positive_infinity_count, histogram.negative_infinity_count) == (2, 3, 1)
    assert (histogram.values.tolist(), histogram.bins.tolist()) == ([2], [1.0, 2.0])


@pytest.mark.parametrize(("data", "nans"), [([], 0), ([NAN], 1), (np.zeros((0, 3)), 0)])
def test_without_finite_values_the_bins_are_numpys_and_empty(data: Any, nans: int) -> None:
    histogram = Histogram(data, num_bins=2)
    assert (histogram.values.tolist(), histogram.bins.tolist(), histogram.nan_count) == ([0, 0], [0, 0.5, 1], nans)


def test_one_value_gets_numpys_range_around_it() -> None:
    assert Histogram([5, 5]).bins[[0, -1]].tolist() == [4.5, 5.5]


def test_values_outside_the_given_edges_are_not_counted() -> None:
    assert Histogram([0, 1, 2, 9], num_bins=[1, 2]).values.tolist() == [2]


def test_float_counts_stay_floats() -> None:
    assert decoded(Histogram(np_histogram=([0.5, 2.0], [0, 1, 2]))).values.tolist() == [0.5, 2.0]


def test_the_callers_arrays_are_not_kept() -> None:
    counts, edges = np.array([1, 2]), np.array([0.0, 1.0, 2.0])
    histogram = Histogram(np_histogram=(counts, edges))
    counts[:], edges[:] = 9, 9
    assert (histogram.values.tolist(), histogram.bins.tolist()) == ([1, 2], [0.0, 1.0, 2.0])
    bins = np.array([0.0, 2.0])
    histogram = Histogram([1], num_bins=bins)
    bins[:] = 9
    assert histogram.bins.tolist() == [0.0, 2.0]


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(
        st.sampled_from([np.float64, np.float32, np.int32, np.uint8]),
        hnp.array_shapes(min_dims=1, max_dims=2, max_side=40),
        elements={"min_value": 0, "max_value": 200},
    ),
    st.integers(1, 512),
)
def test_counts_and_edges_are_numpys_and_survive(data: Any, bins: int) -> None:
    try:
        counts, edges = np.histogram(data, bins)
    except ValueError:  # so many bins do not fit between numbers that are nearly equal
        reject()
    found = decoded(Histogram(data, num_bins=bins))
    assert (found.values.tolist(), found.bins.tolist()) == (counts.tolist(), edges.astype(float).tolist())


REAL = "Convert the array to numbers first."
ORDER = "expected finite edges, strictly ascending"
PAIR = "Histogram.np_histogram"
REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "nothing": (
        lambda: Histogram(),
        "Histogram: expected either sequence or np_histogram, got None. Pass one of them.",
    ),
    "both": (
        lambda: Histogram([1], np_histogram=([1], [0, 1])),
        "Histogram: expected either sequence or np_histogram, got [1]. Pass one of them.",
    ),
    "a text": (
        lambda: Histogram("abc"),
        f"Histogram.sequence: expected real numbers, got array('abc', dtype='<U3'). {REAL}",
    ),
    "texts": (
        lambda: Histogram(["a", "b"]),
        f"Histogram.sequence: expected real numbers, got ndarray of shape (2,) and dtype <U1. {REAL}",
    ),
    "complex numbers": (
        lambda: Histogram([1j]),
        f"Histogram.sequence: expected real numbers, got ndarray of shape (1,) and dtype complex128. {REAL}",
    ),
    "None among numbers": (
        lambda: Histogram([1, None]),
        f"Histogram.sequence: expected real numbers, got ndarray of shape (2,) and dtype object. {REAL}",
    ),
    "dates": (
        lambda: Histogram(np.zeros(2, "M8[s]")),
        f"Histogram.sequence: expected real numbers, got ndarray of shape (2,) and dtype datetime64[s]. {REAL}",
    ),
    "0 bins": (
        lambda: Histogram([1], num_bins=0),
        "Histogram.num_bins: expected 1 to 512 bins, got 0. Pass 64, for example.",
    ),
    "-1 bins": (
        lambda: Histogram([1], num_bins=-1),
        "Histogram.num_bins: expected 1 to 512 bins, got -1. Pass 64, for example.",
    ),
    "513 bins": (
        lambda: Histogram([1], num_bins=513),
        "Histogram.num_bins: expected 1 to 512 bins, got 513. Use fewer bins, or log a Tensor.",
    ),
    "a float number of bins": (
        lambda: Histogram([1], num_bins=4.0),
        "Histogram.num_bins: expected a number of bins or their edges, got 4.0. Pass 64, for example.",
    ),
    "a bool": (
        lambda: Histogram([1], num_bins=True),
        "Histogram.num_bins: expected a number of bins or their edges, got True. Pass 64, for example.",
    ),
    "a rule of numpy": (
        lambda: Histogram([1], num_bins="auto"),
        "Histogram.num_bins: expected a number of bins or their edges, got 'auto'. Pass 64, for example.",
    ),
    "None for bins": (
        lambda: Histogram([1], num_bins=None),
        "Histogram.num_bins: expected a number of bins or their edges, got None. Pass 64, for example.",
    ),
    "one edge": (
        lambda: Histogram([1], num_bins=[1]),
        "Histogram.num_bins: expected 2 to 513 edges, got [1]. Give one edge more than bins.",
    ),
    "514 edges": (
        lambda: Histogram([1], num_bins=range(514)),
        "Histogram.num_bins: expected 2 to 513 edges, got range(0, 514). Use fewer bins.",
    ),
    "edges in two dimensions": (
        lambda: Histogram([1], num_bins=[[1, 2]]),
        "Histogram.num_bins: expected 2 to 513 edges, got [[1, 2]]. Give one edge more than bins.",
    ),
    "edges that descend": (
        lambda: Histogram([1], num_bins=[2, 1]),
        f"Histogram.num_bins: {ORDER}, got [2, 1]. Sort them and drop repeats.",
    ),
    "an edge twice": (
        lambda: Histogram([1], num_bins=[1, 1]),
        f"Histogram.num_bins: {ORDER}, got [1, 1]. Sort them and drop repeats.",
    ),
    "a NaN edge": (
        lambda: Histogram([1], num_bins=[1, NAN]),
        f"Histogram.num_bins: {ORDER}, got [1, nan]. Sort them and drop repeats.",
    ),
    "edges as text": (
        lambda: Histogram([1], num_bins=["a", "b"]),
        f"Histogram.num_bins: expected real numbers, got ndarray of shape (2,) and dtype <U1. {REAL}",
    ),
    "three in a pair": (
        lambda: Histogram(np_histogram=[1, 2, 3]),  # type: ignore[arg-type]
        f"{PAIR}: expected a pair (counts, edges), got [1, 2, 3]. Pass np.histogram(data).",
    ),
    "a number as a pair": (
        lambda: Histogram(np_histogram=3),  # type: ignore[arg-type]
        f"{PAIR}: expected a pair (counts, edges), got 3. Pass np.histogram(data).",
    ),
    "more counts than bins": (
        lambda: Histogram(np_histogram=([1, 2], [0, 1])),
        f"{PAIR}[0]: expected 1 count for 2 edges, got ndarray of shape (2,) and dtype int64. Match them.",
    ),
    "a negative count": (
        lambda: Histogram(np_histogram=([-1], [0, 1])),
        f"{PAIR}[0]: expected finite counts >= 0, got [-1]. Drop what is not a count.",
    ),
    "a NaN count": (
        lambda: Histogram(np_histogram=([NAN], [0, 1])),
        f"{PAIR}[0]: expected finite counts >= 0, got [nan]. Drop what is not a count.",
    ),
    "bools as counts": (
        lambda: Histogram(np_histogram=([True], [0, 1])),
        f"{PAIR}[0]: expected finite counts >= 0, got [True]. Drop what is not a count.",
    ),
    "a count beyond 64 bits": (
        lambda: Histogram(np_histogram=(np.array([2**63], np.uint64), [0, 1])),
        f"{PAIR}[0]: expected counts of 64 bits, got ndarray of shape (1,) and dtype uint64. Pass floats.",
    ),
    "texts as counts": (
        lambda: Histogram(np_histogram=(["a"], [0, 1])),
        f"{PAIR}[0]: expected real numbers, got ndarray of shape (1,) and dtype <U1. {REAL}",
    ),
    "a pair with bad edges": (
        lambda: Histogram(np_histogram=([1], [1, 0])),
        f"{PAIR}[1]: {ORDER}, got [1, 0]. Sort them and drop repeats.",
    ),
    "an empty pair": (
        lambda: Histogram(np_histogram=([], [])),
        f"{PAIR}[1]: expected 2 to 513 edges, got []. Give one edge more than bins.",
    ),
    "513 ready bins": (
        lambda: Histogram(np_histogram=np.histogram([1], 513)),
        f"{PAIR}[1]: expected 2 to 513 edges, got ndarray of shape (514,) and dtype float64. Use fewer bins.",
    ),
    "a caption that is no text": (
        lambda: Histogram([1], caption=3),  # type: ignore[arg-type]
        "Histogram.caption: expected text, got 3. Use str(...).",
    ),
}


@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_names_the_place_and_the_fix(call: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert str(caught.value) == message


def test_ragged_lists_are_refused() -> None:
    with pytest.raises(InputError, match=r"^Histogram\.sequence: expected an array, got \[\[1\], \[2, 3\]\]\. "):
        Histogram([[1], [2, 3]])


@pytest.mark.parametrize("data", [[1e20, 1e20 + 20000], [1e17] * 10, [-1e300, -1e300], np.full(3, 1e17, np.float32)])
@pytest.mark.parametrize("bins", [1, 64, 512])
def test_values_too_near_for_numpy_to_part_get_the_narrowest_bins(data: Any, bins: int) -> None:
    histogram = Histogram(data, num_bins=bins)
    assert histogram.values.sum() == len(data)
    assert (np.diff(histogram.bins) > 0).all()
    assert len(histogram.values) == bins


def test_bins_are_what_numpy_calls_them() -> None:
    data = [1, 2, 2, 5]
    for bins in (3, [0, 2, 4, 6]):
        counts, edges = np.histogram(data, bins)
        found = Histogram(data, bins=bins)
        assert (found.values.tolist(), found.bins.tolist()) == (counts.tolist(), edges.tolist())
    with pytest.raises(InputError, match=r"^Histogram: expected either num_bins or bins, got 3\. Pass one of them\.$"):
        Histogram(data, num_bins=4, bins=3)


def test_a_range_that_float64_cannot_hold_is_refused_without_warnings() -> None:
    with pytest.raises(InputError, match=r"^Histogram.num_bins: expected bins that the data's range allows"):
        Histogram([1e308, -1e308])
