"""Summary and metrics of a run that is being written: every change is in the journal when it returns."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from .._core.errors import InputError, Problem
from ..columns import log_cells
from ..columns.simplify import as_mapping, read_items
from ..journal import frames
from ..journal.metrics import Metric, Metrics

Lock = AbstractContextManager[Any]
Append = Callable[[bytes], None]  # writes a frame, or raises because the run is finished or the disk full
Report = Callable[[list[Problem]], None]  # keeps problems in the run instead of raising them


class ByAttribute(MutableMapping[str, Any]):
    """Keys as attributes: `mapping.key` reads, and `mapping.key = value` sets."""

    _called = "config"  # as messages name it

    def __getattr__(self, key: str) -> Any:
        if key.startswith("_") or key not in self:
            raise AttributeError(f"{self._called}.{key}: expected one of {list(self)}, got {key!r}. Set it first.")
        return self[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def __setattr__(self, key: str, value: Any) -> None:
        if key.startswith("_"):
            object.__setattr__(self, key, value)
        else:
            self[key] = value


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
        self._reading: Lock = threading.Lock()
        self.version = 0  # changes with each definition

    def define(self, *arguments: Any) -> Metric:
        """Define a metric, as `Metrics.define` does."""
        with self._lock:
            metric = self._metrics.define(*arguments)
            if metric != self._metrics.get(metric.name):
                self._append(frames.json_frame(frames.METRIC, metric.to_json()))
                self._metrics.add(metric)
                self.version += 1
            return metric

    def summarize(self, last: dict[str, Any], calls: int) -> dict[str, Any]:
        """The summary of a run that has these last values, after so many calls."""
        with self._reading:  # not the run's lock: other threads go on logging
            defined = (self._metrics.all, os.getpid())  # a forked child must not share the position in a file
            if self._metrics.any_statistics and self._state != (calls, defined):
                from ..runfolder.opening import LiveStatistics  # numpy and pyarrow are needed only now

                if self._state is None or self._state[1] != defined:
                    self._reader = LiveStatistics(self._root, self._metrics)
                self._statistics, self._state = self._reader.read(), (calls, defined)
            return self._metrics.summarize(last, self._statistics)


class LiveSummary(ByAttribute):
    """The last value of every key, or the one set: `run.summary["best"] = 0.9`. Media are read as documents."""

    _called = "summary"

    def __init__(
        self,
        state: Callable[[], Any],
        last: Callable[[], dict[str, Any]],
        encode: log_cells.Encoder,
        append: Append,
        lock: Lock,
        overrides: Mapping[str, log_cells.Cell],
        report: Report | None = None,
    ) -> None:
        self._last, self._state, self._encode, self._report = last, state, encode, report
        self._append, self._lock = append, lock
        self._read: tuple[Any, dict[str, Any]] = (None, {})  # the values, and the state that they are of
        self._changes = 0  # so many were made of what was set
        self._overrides: dict[str, Any] = {key: log_cells.plain_value(*cell) for key, cell in overrides.items()}

    def update(self, values: Any = None, /, **named: Any) -> None:
        """Set several values, all or none of them. With `on_error="record"` the good ones are set.

        Args:
            values: a mapping, namespace or dataclass.
            **named: further keys.

        Raises:
            InputError: with every problem; nothing is set.
        """
        problems: list[Problem] = []
        keep_good = self._report is not None
        try:
            given = as_mapping({} if values is None else values, "summary", "a mapping, namespace or dataclass")
            new = dict(read_items(given, "summary")) | named
        except InputError as error:
            problems += error.problems
            new = named
        cells, _ = log_cells.read_cells(new, "summary", self._encode, problems, keep_good=keep_good)
        if problems and not keep_good:
            raise InputError(problems)
        frame = b""
        try:
            if cells:
                frame = frames.json_frame(frames.SUMMARY, {key: [kind, plain] for key, kind, plain in cells})
        except InputError as error:  # more than the journal takes
            if not keep_good:
                raise
            problems += error.problems
        with self._lock:
            if problems and self._report:
                self._report(problems)
            if frame:
                self._append(frame)
                self._changes += 1
                self._overrides |= {key: log_cells.plain_value(kind, plain) for key, kind, plain in cells}

    def __getitem__(self, key: str) -> Any:
        overrides = self._overrides  # one that is set needs no look at all the others
        return overrides[key] if key in overrides else self._values()[key]

    def __delitem__(self, key: str) -> None:
        with self._lock:
            if key not in self._overrides:
                raise KeyError(key)
            self._append(frames.json_frame(frames.SUMMARY, {key: None}))
            self._changes += 1
            del self._overrides[key]

    def clear(self) -> None:
        """Take back everything that was set; what the rows say of a key counts again."""
        for key in list(self._overrides):
            del self[key]

    def _give_way(self, logged: Mapping[str, Any]) -> None:
        """Take back what was set of keys that have been logged since, for whom the rows count more."""
        keys = [key for key in self._overrides if logged.get(key) is not None]
        for key in [key for key in keys if key in self._last()]:
            del self[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values())

    def __len__(self) -> int:
        return len(self._values())

    def __repr__(self) -> str:
        return f"Summary({self._values()!r})"

    def _values(self) -> dict[str, Any]:
        state = (self._state(), self._changes)
        if self._read[0] != state:
            self._read = (state, self._last() | self._overrides)
        return self._read[1]
