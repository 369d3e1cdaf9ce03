"""Histogram: counts over contiguous bins, at most 512."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Self

import numpy as np

from ..._core.declaration import Document, Field, Integer, List, Number, Rule, Text
from ..._core.errors import InputError, Problem, collect, problem, raise_all
from ..._core.inputs import text
from ..._core.sidecar import Source
from ..._core.value import Value
from ..._core.wording import counted
from ...columns.arrays import Array, as_array, as_integer
from .binning import histogram

MAX_BINS = 512


def _check_edges(document: dict[str, Any], where: str) -> Iterator[Problem]:
    values, bins = document["values"], document["bins"]
    if len(bins) != len(values) + 1:
        message = f"expected {len(values) + 1} edges for {counted(len(values), 'count')}, got {len(bins)}"
        yield Problem(f"{where}bins", message, "length", "Give one edge more than counts.")
    for i, (low, high) in enumerate(pairwise(bins)):
        if not low < high:
            yield Problem(f"{where}bins[{i + 1}]", f"expected more than {low}, got {high}", "order", "Sort the edges.")
            return


HISTOGRAM = Document(
    "histogram",
    "1.0",
    "Counts over contiguous bins. Bin i holds bins[i] <= x < bins[i + 1]; the last bin includes its upper edge.",
    (
        Field("values", List(Number(minimum=0), 1, MAX_BINS), "Count (or weight) of each bin."),
        Field("bins", List(Number(), 2, MAX_BINS + 1), "Edges, strictly ascending."),
        Field("nan_count", Integer(1), "NaN values in the data, if any; no bin holds them.", False, True, default=0),
        Field("positive_infinity_count", Integer(1), "+inf values in the data, if any.", False, default=0),
        Field("negative_infinity_count", Integer(1), "-inf values in the data, if any.", False, default=0),
        Field("caption", Text(), "Text shown with the histogram.", required=False),
    ),
    (Rule("bins is one longer than values, and strictly ascending", _check_edges),),
)


class Histogram(Value):
    """Counts of values in at most 512 contiguous bins.

    Args:
        sequence: numbers of any shape: a list, an array or a tensor. NaN and infinities are counted apart.
        np_histogram: instead, ready `(counts, edges)` as `np.histogram` returns them.
        num_bins: number of equal-width bins over the finite values (default 64), or the edges themselves.
        bins: the same, by the name that NumPy has for it.
        caption: text shown with the histogram.

    Counts and edges equal those of `np.histogram` on the finite values. Where numpy finds no edges that differ, around
    a large constant, they are as near to each other as floats can be.

    Raises:
        InputError: not numbers, 0 or more than 512 bins, edges that do not ascend, counts that are negative or NaN.

    >>> histogram = Histogram([1, 2, 2, float("nan")], num_bins=2)
    >>> histogram.values.tolist(), histogram.bins.tolist(), histogram.nan_count
    ([1, 2], [1.0, 1.5, 2.0], 1)
    """

    _declaration = HISTOGRAM
    values: Array  # (n,) int64 or float64, read-only
    bins: Array  # (n + 1,) float64, read-only
    nan_count: int
    positive_infinity_count: int
    negative_infinity_count: int

    def __init__(
        self,
        sequence: Any = None,
        np_histogram: tuple[Any, Any] | None = None,
        num_bins: Any = 64,
        *,
        caption: str | None = None,
        bins: Any = None,
    ) -> None:
        problems: list[Problem] = []
        if bins is not None:
            if not (isinstance(num_bins, int) and num_bins == 64):
                problems.append(problem("Histogram", "either num_bins or bins", bins, "Pass one of them."))
            num_bins = bins
        if (sequence is None) == (np_histogram is None):
            problems.append(problem("Histogram", "either sequence or np_histogram", sequence, "Pass one of them."))
        self._set(_caption=collect(problems, text, caption, "Histogram.caption"))
        if np_histogram is not None:
            pair = collect(problems, _read_pair, np_histogram)
            raise_all(problems)
            self._set(_values=pair[0], _bins=pair[1])
            return
        data = None if sequence is None else collect(problems, as_array, sequence, "Histogram.sequence")
        read = collect(problems, _read_bins, num_bins)
        raise_all(problems)
        totals = _count(data, read)
        self._set(
            _values=totals.counts,
            _bins=totals.edges,
            _nan_count=totals.nan_count,
            _positive_infinity_count=totals.pos_inf_count,
            _negative_infinity_count=totals.neg_inf_count,
        )

    @classmethod
    def _counted(cls, counts: Any, edges: Any, nan: int, positive_infinity: int, negative_infinity: int) -> Self:
        """Of counts that were made elsewhere, such as on a GPU."""
        value = cls(np_histogram=(counts, edges))
        infinities = {"_positive_infinity_count": positive_infinity, "_negative_infinity_count": negative_infinity}
        value._set(_nan_count=nan, **infinities)
        return value

    def _facts(self) -> list[str]:
        return [f"{counted(len(self.values), 'bin')} from {self.bins[0]:g} to {self.bins[-1]:g}"]

    @classmethod
    def _decode(cls, document: dict[str, Any], source: Source) -> Self:
        value = super()._decode(document, source)
        value._set(_values=np.array(document["values"]), _bins=np.array(document["bins"], np.float64))
        return value


@np.errstate(all="ignore")
def _count(data: Any, bins: Any) -> Any:
    try:
        return histogram(data, bins)
    except ValueError as error:  # numpy: the range is too narrow or too wide for so many bins
        if isinstance(bins, int) and (edges := _widened(data, bins)) is not None:
            return histogram(data, edges)
        hint = f"Pass the edges as num_bins, or scale the data. numpy says: {error}"
        raise InputError.of("Histogram.num_bins", "bins that the data's range allows", data, hint, "range") from error


def _widened(data: Array, bins: int) -> Array | None:
    """Edges around values that are too near to each other for numpy to part, such as a large constant."""
    finite = data[np.isfinite(data)].astype(np.float64)
    low, high = finite.min(), finite.max()
    room = bins * np.spacing(max(abs(low), abs(high)))
    edges: Array = np.linspace(low - room, high + room, bins + 1)
    return edges if np.isfinite(edges).all() and (np.diff(edges) > 0).all() else None


def _read_bins(bins: Any) -> Any:
    """A number of bins, or checked edges."""
    where = "Histogram.num_bins"
    count = as_integer(bins) if getattr(bins, "ndim", 0) == 0 else None  # an array of one is too few edges
    if count is not None:
        if not 1 <= count <= MAX_BINS:
            hint = "Use fewer bins, or log a Tensor." if count > MAX_BINS else "Pass 64, for example."
            raise InputError.of(where, f"1 to {MAX_BINS} bins", count, hint, "range")
        return count
    if isinstance(bins, (str, bytes, bool)) or not hasattr(bins, "__len__"):
        raise InputError.of(where, "a number of bins or their edges", bins, "Pass 64, for example.")
    return _read_edges(bins, where)


def _read_edges(edges: Any, where: str) -> Array:
    array = _own(as_array(edges, where).astype(np.float64))
    if array.ndim != 1 or not 2 <= len(array) <= MAX_BINS + 1:
        hint = "Use fewer bins." if array.size > MAX_BINS else "Give one edge more than bins."
        raise InputError.of(where, f"2 to {MAX_BINS + 1} edges", edges, hint, "length")
    if not np.isfinite(array).all() or not (np.diff(array) > 0).all():
        raise InputError.of(where, "finite edges, strictly ascending", edges, "Sort them and drop repeats.", "order")
    return array


def _read_pair(pair: Any) -> tuple[Array, Any]:
    where = "Histogram.np_histogram"
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise InputError.of(where, "a pair (counts, edges)", pair, "Pass np.histogram(data).", "shape")
    problems: list[Problem] = []
    edges: Any = collect(problems, _read_edges, pair[1], f"{where}[1]")
    counts = collect(problems, as_array, pair[0], f"{where}[0]")
    if counts is None:
        raise InputError(problems)
    if edges is not None and counts.shape != (len(edges) - 1,):
        problems.append(
            problem(f"{where}[0]", f"{counted(len(edges) - 1, 'count')} for {len(edges)} edges", counts, "Match them.")
        )
    elif counts.dtype.kind == "b" or not np.isfinite(counts).all() or (counts < 0).any():
        problems.append(problem(f"{where}[0]", "finite counts >= 0", pair[0], "Drop what is not a count."))
    elif counts.dtype.kind == "u" and counts.max(initial=0) > np.iinfo(np.int64).max:
        problems.append(problem(f"{where}[0]", "counts of 64 bits", pair[0], "Pass floats."))
    raise_all(problems)
    return _own(counts.astype(np.float64 if counts.dtype.kind == "f" else np.int64)), edges


def _own(array: Array) -> Array:
    return array if array.base is None else array.copy()
