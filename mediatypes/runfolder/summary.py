"""The summary: the last value of every key or the statistics asked for, unless the user set one.

Of a run with several ranks the lowest that logged a key counts: rank 0, wherever it did. How far the run is
says the rank of the job that is farthest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from types import MappingProxyType
from typing import Any

from ..columns.batch import RANK, Batch, Column
from ..columns.log_cells import plain_value
from ..journal.metrics import Metrics
from ..journal.names import FIRST_CHILD
from .schema import ColumnSpec

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Summary:
    """Last values gathered from calls, and those that were set, which win.

    Args:
        specs: columns that earlier sessions stored: one whose values were all replaced has none in the calls.
    """

    def __init__(self, specs: Iterable[ColumnSpec] = ()) -> None:
        self._last: dict[str, tuple[int, int, str, Any]] = {}  # rank, when it came, kind, value
        self._integral: dict[Column, bool] = {(spec.key, spec.kind): spec.integral for spec in specs}
        self._heads: dict[int, dict[str, Any]] = {}  # of the last call of each rank
        self._calls = 0  # that were added
        self.overrides: dict[str, tuple[str, Any]] = {}

    def copy(self) -> Summary:
        """The same, to go on with."""
        other = copy(self)
        other._last, other._integral = dict(self._last), dict(self._integral)
        other._heads, other.overrides = dict(self._heads), dict(self.overrides)
        return other

    def add(self, batch: Batch, started: float) -> None:
        """Note the last values of a batch; those of each rank come in its order."""
        for rank, calls in batch.by_rank():
            for (key, kind), values in calls.columns.items():
                came = self._calls + int(values.calls[-1])
                self._integral[key, kind] = self._integral.get((key, kind), True) and values.integral
                known = self._last.get(key)
                if kind == "null" or (batch.ranks is not None and (key, kind) == RANK):
                    continue
                if known is None or rank < known[0] or (rank == known[0] and came >= known[1]):
                    self._last[key] = (rank, came, kind, values.values[-1])
            stamp = float(calls.timestamps[-1])
            self._heads[rank] = {"_step": int(calls.steps[-1]), "_timestamp": stamp, "_runtime": stamp - started}
            self._calls += len(calls.steps)

    def apply(self, cells: dict[str, Any]) -> None:
        """Explicit values as a SUMMARY frame holds them: `{key: [kind, value]}`, null to remove."""
        for key, cell in cells.items():
            self.overrides.pop(key, None)
            if cell is not None:
                self.overrides[key] = (str(cell[0]), cell[1])

    def step(self, rank: int = 0) -> int:
        """The step of the last row of a rank; -1 without any."""
        return int(self._heads.get(rank, {}).get("_step", -1))

    def last(self) -> dict[str, Any]:
        """The last value of every key."""
        return {key: plain(kind, value, self._integral[key, kind]) for key, (*_, kind, value) in self._last.items()}

    def values(self, metrics: Metrics | None = None, statistics: Mapping[str, Any] = _NOTHING) -> dict[str, Any]:
        """The summary as `summary.json` has it, with what metrics define and the statistics they ask for."""
        overrides = {key: plain_value(kind, value) for key, (kind, value) in self.overrides.items()}
        of_job = [head for rank, head in self._heads.items() if rank < FIRST_CHILD]
        heads = of_job or list(self._heads.values())
        head = {name: max(own[name] for own in heads) for name in (heads[0] if heads else ())}
        return {**(metrics or Metrics()).summarize(self.last(), statistics), **overrides, **head}


def plain(kind: str, value: Any, integral: bool) -> Any:
    """A value of a batch as Python data. Numbers are integers if all of their key were, wherever they were read."""
    value = plain_value(kind, value.item() if hasattr(value, "item") else value)
    if kind == "number":
        return int(value) if integral else value
    if kind == "number_list":
        return [item if item is None else int(item) if integral else float(item) for item in value]
    return value
