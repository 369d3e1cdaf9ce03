"""Config, summary and metrics of a run that is being written: every change is in the journal when it returns."""

from __future__ import annotations

import copy
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from .._core.errors import InputError, Problem
from . import cells, frames
from .metrics import Metric, Metrics

Lock = AbstractContextManager[Any]
Append = Callable[[bytes], None]  # writes a frame, or raises because the run is finished or the disk full


def plain_config(config: Any) -> dict[str, Any]:
    """A copy of a mapping of plain data; raises `InputError`."""
    if not isinstance(config, Mapping):
        hint = "Use vars(args) or dataclasses.asdict(config)."
        raise InputError.of("config", "a mapping of plain data", config, hint)
    plain: dict[str, Any] = cells.make_plain(config, "config")
    return plain


class _ByAttribute(MutableMapping[str, Any]):
    """Keys as attributes: `mapping.key` reads, and `mapping.key = value` sets."""

    def __getattr__(self, key: str) -> Any:
        if key.startswith("_") or key not in self:
            raise AttributeError(f"{key}: expected one of {list(self)}, got {key!r}. Set it first.")
        return self[key]

    def __setattr__(self, key: str, value: Any) -> None:
        if key.startswith("_"):
            object.__setattr__(self, key, value)
        else:
            self[key] = value


class Config(_ByAttribute):
    """What the run was started with: `run.config["lr"] = 0.1`, `run.config.lr = 0.1`, `run.config.update(args)`.

    What is read is a copy: set a nested value as a whole, `run.config["model"] = {**run.config["model"], "depth": 9}`.
    """

    def __init__(self, values: dict[str, Any], append: Append, lock: Lock) -> None:
        self._values, self._append, self._lock = values, append, lock

    def update(self, *values: Any, **named: Any) -> None:
        """Merge mappings as `dict.update` does, in one change."""
        new = plain_config(dict(*values, **named))
        with self._lock:
            self._replace({**self._values, **new})

    def __getitem__(self, key: str) -> Any:
        return copy.deepcopy(self._values[key])

    def __setitem__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def __delitem__(self, key: str) -> None:
        with self._lock:
            rest = dict(self._values)
            del rest[key]
            self._replace(rest)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Config({self._values!r})"

    def _replace(self, values: dict[str, Any]) -> None:
        self._append(frames.json_frame(frames.CONFIG, values))
        self._values = values


class LiveMetrics:
    """What was defined of a run's metrics, and the statistics of its rows.

    The statistics are read from the run's files when somebody asks, so that `log()` does nothing for them.
    """

    def __init__(self, root: Path, defined: Iterable[Metric], append: Append, lock: Lock) -> None:
        self._root, self._append, self._lock = root, append, lock
        self._metrics = Metrics(defined)
        self._statistics: dict[str, Any] = {}
        self._state: Any = None  # of the run, when they were read
        self._reader: Any = None
        self._reading = threading.Lock()

    def define(self, *arguments: Any) -> Metric:
        """Define a metric, as `Metrics.define` does."""
        with self._lock:
            metric = self._metrics.define(*arguments)
            if metric != self._metrics.get(metric.name):
                self._append(frames.json_frame(frames.METRIC, metric.to_json()))
                self._metrics.add(metric)
            return metric

    def summarize(self, last: dict[str, Any], calls: int) -> dict[str, Any]:
        """The summary of a run that has these last values, after so many calls."""
        with self._reading:  # not the run's lock: other threads go on logging
            defined = (self._metrics.all, os.getpid())  # a forked child must not share the position in a file
            if self._metrics.any_statistics and self._state != (calls, defined):
                from .content import LiveStatistics  # numpy and pyarrow are needed only now

                if self._state is None or self._state[1] != defined:
                    self._reader = LiveStatistics(self._root, self._metrics)
                self._statistics, self._state = self._reader.read(), (calls, defined)
            return self._metrics.summarize(last, self._statistics)


class LiveSummary(_ByAttribute):
    """The last value of every key, or the one set: `run.summary["best"] = 0.9`. Media are read as documents."""

    def __init__(
        self,
        last: Callable[[], dict[str, Any]],
        encode: cells.Encoder,
        append: Append,
        lock: Lock,
        explicit: Mapping[str, cells.Cell],
    ) -> None:
        self._last, self._encode, self._append, self._lock = last, encode, append, lock
        self._explicit: dict[str, Any] = {key: cells.plain_value(*cell) for key, cell in explicit.items()}

    def update(self, *values: Any, **named: Any) -> None:
        """Set several values, all or none of them."""
        problems: list[Problem] = []
        leaves = cells.flatten(dict(*values, **named), "summary", problems)
        if problems:
            raise InputError(problems)
        found = {key: cells.make_cell(value, f'summary["{key}"]', self._encode) for key, value, _ in leaves}
        with self._lock:
            self._append(frames.json_frame(frames.SUMMARY, {key: list(cell) for key, cell in found.items()}))
            self._explicit |= {key: cells.plain_value(*cell) for key, cell in found.items()}

    def __getitem__(self, key: str) -> Any:
        return self._values()[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def __delitem__(self, key: str) -> None:
        with self._lock:
            rest = dict(self._explicit)
            del rest[key]
            self._append(frames.json_frame(frames.SUMMARY, {key: None}))
            self._explicit = rest

    def __iter__(self) -> Iterator[str]:
        return iter(self._values())

    def __len__(self) -> int:
        return len(self._values())

    def __repr__(self) -> str:
        return f"Summary({self._values()!r})"

    def _values(self) -> dict[str, Any]:
        return self._last() | self._explicit
