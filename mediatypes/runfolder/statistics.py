"""Statistics of a key over the rows of a run: the same whether its calls come from journals or from Parquet, and
however they are cut into batches.

Of several values for a key in one row the last counts, whatever its kind. Sums are exact: a double is a whole number
of units of 2**-1126, and whole numbers of any size are added; the mean is rounded once.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from ..columns.arrays import Array
from ..columns.batch import Batch, Values
from ..journal.metrics import GOALS, Metrics
from .schema import ColumnSpec
from .summary import plain

NUMERIC = ("number", "integer")
_UNIT = 1126  # 2**-1126 divides every double: 53 bits below the exponent of the smallest
_HALF = 27  # bits of a mantissa that are added at once: exact as a double for up to 2**26 values


def statistics(metrics: Metrics, batches: Iterable[Batch], specs: Iterable[ColumnSpec] = ()) -> dict[str, Any]:
    """What the summary has instead of last values. Without a definition that asks for it nothing is read."""
    statistics = Statistics(metrics, specs)
    if metrics.any_statistics:
        for batch in batches:
            statistics.add(batch)
    return statistics.values()


class Statistics:
    """The statistics that metrics ask for, gathered from calls in order.

    Args:
        metrics: what is asked for.
        specs: columns that earlier sessions stored: one whose values were all replaced has none in the calls.
    """

    def __init__(self, metrics: Metrics, specs: Iterable[ColumnSpec] = ()) -> None:
        self._metrics = metrics
        self._keys: dict[str, _Key] = {}
        for spec in specs:
            self._keys.setdefault(spec.key, _Key()).integral[spec.kind] = spec.integral
        self._places: dict[int, tuple[int, int]] = {}  # row and step of the last call of each rank

    def add(self, batch: Batch) -> None:
        """Take the next calls; a row may have begun in an earlier batch."""
        for rank, calls in batch.by_rank():
            self._add(rank, calls)

    def _add(self, rank: int, batch: Batch) -> None:
        last, step = self._places.get(rank, (-1, 0))
        changed = np.empty(len(batch.steps), bool)
        changed[0] = last < 0 or batch.steps[0] != step
        np.not_equal(batch.steps[1:], batch.steps[:-1], out=changed[1:])
        rows = last + np.cumsum(changed)
        self._places[rank] = (int(rows[-1]), int(batch.steps[-1]))
        columns: dict[str, dict[str, Values]] = {}
        for (key, kind), values in batch.columns.items():
            if kind != "null" and self._metrics.statistics(key):
                columns.setdefault(key, {})[kind] = values
        for key, kinds in columns.items():
            self._keys[key] = self._keys.get(key, _Key()).of_rank(rank)
            self._keys[key].add(kinds, rows, batch.steps, rank)

    def values(self) -> dict[str, Any]:
        """By key an object of the statistics asked for, without those that the key has no values for."""
        values = {}
        for key, one in self._keys.items():
            metric = self._metrics.of(key)
            had = one.values(metric.goal if metric else None)
            asked = self._metrics.statistics(key)
            names = [name for name in had if name.removesuffix("_step") in asked]
            if names:
                values[key] = {name: had[name] for name in names}
        return values


class _Value(NamedTuple):
    row: int
    step: int
    kind: str
    value: Any


class _Key:
    """One key: its rows that are complete, and the latest value, in whose place a later call may put another."""

    def __init__(self) -> None:
        self.rank = 0  # whose values they are, once there are some
        self.numbers = _Numbers()
        self.first: _Value | None = None
        self.latest: _Value | None = None
        self.integral: dict[str, bool] = {}  # by kind: all were integers

    def of_rank(self, rank: int) -> _Key:
        """The key to which values of a rank are to be added: without any, if those here are of a higher one."""
        if not self.latest or rank >= self.rank:
            return self
        other = _Key()
        other.integral = self.integral
        return other

    def add(self, kinds: dict[str, Values], rows: Array, steps: Array, rank: int = 0) -> None:
        """Take the values of a batch by kind, and the row and step of each of its calls; those of the lowest rank."""
        for kind, values in kinds.items():
            self.integral[kind] = self.integral.get(kind, True) and values.integral
        if self.latest and rank > self.rank:
            return
        self.rank = rank
        starts = np.cumsum([0, *(len(values.calls) for values in kinds.values())])
        calls = np.concatenate([values.calls for values in kinds.values()])
        order = np.argsort(calls, kind="stable")
        its_rows = rows[calls[order]]
        stays = order[:-1][its_rows[1:] != its_rows[:-1]]  # the last in each row, without the last row
        ends = [int(stays[0]), int(order[-1])] if len(stays) else [int(order[-1])]
        if self.latest and self.latest.row != its_rows[0]:
            self.numbers.add_value(self.latest)
        for (kind, values), start, stop in zip(kinds.items(), starts, starts[1:], strict=False):
            if kind in NUMERIC:
                chosen = stays[(stays >= start) & (stays < stop)] - start
                self.numbers.add(np.asarray(values.values)[chosen], steps[values.calls[chosen]])
        latest = []
        for end in ends:
            part = int(np.searchsorted(starts, end, "right")) - 1
            kind, values = list(kinds.items())[part]
            call, value = calls[end], values.values[end - starts[part]]
            latest.append(_Value(int(rows[call]), int(steps[call]), kind, value))
        if self.first is None or self.first.row == its_rows[0]:
            self.first = latest[0]
        self.latest = latest[-1]

    def values(self, goal: str | None) -> dict[str, Any]:
        """All statistics that there are, in their order."""
        numbers = copy.copy(self.numbers)
        if self.first is None or self.latest is None:
            return {}
        numbers.add_value(self.latest)
        low, high, mean = numbers.low, numbers.high, numbers.mean()
        best = {"minimize": low, "maximize": high}.get(goal or "")
        values: dict[str, Any] = {}
        if mean is not None:
            values = {"min": self._number(low), "max": self._number(high), "mean": mean}
        values |= {"first": self._plain(self.first), "last": self._plain(self.latest)}
        if mean is not None and goal in GOALS:
            values |= {"best": self._number(best)} | ({"best_step": best[1]} if best else {})
        return values

    def _number(self, extreme: tuple[Any, int] | None) -> Any:
        if extreme is None:
            return math.nan
        kind = "number" if isinstance(extreme[0], float) else "integer"
        return plain(kind, extreme[0], self.integral.get(kind, False))

    def _plain(self, value: _Value) -> Any:
        return plain(value.kind, value.value, self.integral[value.kind])


class _Numbers:
    """The numbers of complete rows. NaN counts only where there is nothing else."""

    def __init__(self) -> None:
        self.low: tuple[Any, int] | None = None  # value, first step that has it
        self.high: tuple[Any, int] | None = None
        self.count = self.total = 0  # of the finite ones; the total in units of 2**-1126
        self.infinite = 0.0  # sum of the others
        self.nan = False

    def add_value(self, value: _Value) -> None:
        """One value, if it is a number."""
        if value.kind in NUMERIC:
            self.add(np.array([value.value]), np.array([value.step]))

    def add(self, values: Array, steps: Array) -> None:
        """Doubles or int64, and the steps of their rows."""
        nan = np.isnan(values)
        if nan.any():
            self.nan = True
            values, steps = values[~nan], steps[~nan]
        if not len(values):
            return
        low, high = ((values[i].item(), int(steps[i])) for i in (values.argmin(), values.argmax()))
        self.low = min(low, self.low or low)
        self.high = max(high, self.high or high, key=lambda pair: (pair[0], -pair[1]))
        finite = np.isfinite(values)
        if not finite.all():
            self.infinite = sum(set(values[~finite].tolist()), self.infinite)
            values = values[finite]
        self.count += len(values)
        self.total += _total(values)

    def mean(self) -> float | None:
        """The exact mean, rounded once; None without any number."""
        if self.infinite:
            return self.infinite
        if self.count:
            return self.total / (self.count << _UNIT)
        return math.nan if self.nan else None


def _total(values: Array) -> int:
    """The exact sum of finite values, in units of 2**-1126."""
    if values.dtype == np.int64:
        return int(sum(values.tolist())) << _UNIT
    if not len(values):
        return 0
    fractions, exponents = np.frexp(values)
    mantissas = (fractions * 2.0**53).astype(np.int64)
    lowest = int(exponents.min())
    high = np.bincount(exponents - lowest, mantissas >> _HALF)  # doubles, but whole and small enough to be exact
    low = np.bincount(exponents - lowest, mantissas & (2**_HALF - 1))
    total = 0
    for i in np.flatnonzero(high.astype(bool) | low.astype(bool)).tolist():
        total += ((int(high[i]) << _HALF) + int(low[i])) << i
    return total << (lowest + _UNIT - 53)
