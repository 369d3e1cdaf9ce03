"""The summary: the last value of every key, unless the user set one."""

from __future__ import annotations

from typing import Any

from .cells import plain_value
from .scan import Batch


class Summary:
    """Last values gathered from calls, and explicit ones, which win."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[int, Any]] = {}
        self._head: dict[str, Any] = {}
        self.explicit: dict[str, tuple[str, Any]] = {}

    def add(self, batch: Batch, started: float) -> None:
        """Note the last values of a batch."""
        for (key, kind), values in batch.columns.items():
            sequence = batch.sequence + int(values.calls[-1])
            if kind != "null" and sequence >= self._last.get(key, (-1,))[0]:
                self._last[key] = (sequence, _plain(kind, values.values[-1], values.integral))
        stamp = float(batch.timestamps[-1])
        self._head = {"_step": int(batch.steps[-1]), "_timestamp": stamp, "_runtime": stamp - started}

    def apply(self, cells: dict[str, Any]) -> None:
        """Explicit values as a SUMMARY frame holds them: `{key: [kind, value]}`, null to remove."""
        for key, cell in cells.items():
            self.explicit.pop(key, None)
            if cell is not None:
                self.explicit[key] = (str(cell[0]), cell[1])

    @property
    def step(self) -> int:
        """The step of the last row; -1 without any."""
        return int(self._head.get("_step", -1))

    def last(self) -> dict[str, Any]:
        """The last value of every key."""
        return {key: value for key, (_, value) in self._last.items()}

    def values(self) -> dict[str, Any]:
        """The summary as `summary.json` has it."""
        explicit = {key: plain_value(kind, value) for key, (kind, value) in self.explicit.items()}
        return self.last() | explicit | self._head


def _plain(kind: str, value: Any, integral: bool) -> Any:
    value = plain_value(kind, value.item() if hasattr(value, "item") else value)
    return int(value) if integral and isinstance(value, float) else value
