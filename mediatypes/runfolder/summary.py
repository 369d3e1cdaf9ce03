"""The summary: the last value of every key or the statistics asked for, unless the user set one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from ..columns.batch import Batch, Column
from ..columns.log_cells import plain_value
from ..journal.metrics import Metrics
from .schema import ColumnSpec

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Summary:
    """Last values gathered from calls, and those that were set, which win.

    Args:
        specs: columns that earlier sessions stored: one whose values were all replaced has none in the calls.
    """

    def __init__(self, specs: Iterable[ColumnSpec] = ()) -> None:
        self._last: dict[str, tuple[int, str, Any]] = {}  # sequence number, kind, value
        self._integral: dict[Column, bool] = {(spec.key, spec.kind): spec.integral for spec in specs}
        self._head: dict[str, Any] = {}
        self.overrides: dict[str, tuple[str, Any]] = {}

    def add(self, batch: Batch, started: float) -> None:
        """Note the last values of a batch."""
        for (key, kind), values in batch.columns.items():
            sequence = batch.sequence + int(values.calls[-1])
            self._integral[key, kind] = self._integral.get((key, kind), True) and values.integral
            if kind != "null" and sequence >= self._last.get(key, (-1,))[0]:
                self._last[key] = (sequence, kind, values.values[-1])
        stamp = float(batch.timestamps[-1])
        self._head = {"_step": int(batch.steps[-1]), "_timestamp": stamp, "_runtime": stamp - started}

    def apply(self, cells: dict[str, Any]) -> None:
        """Explicit values as a SUMMARY frame holds them: `{key: [kind, value]}`, null to remove."""
        for key, cell in cells.items():
            self.overrides.pop(key, None)
            if cell is not None:
                self.overrides[key] = (str(cell[0]), cell[1])

    @property
    def step(self) -> int:
        """The step of the last row; -1 without any."""
        return int(self._head.get("_step", -1))

    def last(self) -> dict[str, Any]:
        """The last value of every key."""
        return {key: plain(kind, value, self._integral[key, kind]) for key, (_, kind, value) in self._last.items()}

    def values(self, metrics: Metrics | None = None, statistics: Mapping[str, Any] = _NOTHING) -> dict[str, Any]:
        """The summary as `summary.json` has it, with what metrics define and the statistics they ask for."""
        overrides = {key: plain_value(kind, value) for key, (kind, value) in self.overrides.items()}
        return {**(metrics or Metrics()).summarize(self.last(), statistics), **overrides, **self._head}


def plain(kind: str, value: Any, integral: bool) -> Any:
    """A value of a batch as Python data. Numbers are integers if all of their key were, wherever they were read."""
    value = plain_value(kind, value.item() if hasattr(value, "item") else value)
    if kind == "number":
        return int(value) if integral else value
    if kind == "number_list":
        return [item if item is None else int(item) if integral else float(item) for item in value]
    return value
