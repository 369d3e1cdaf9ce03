"""What `mediatypes watch` knows of a run, and how it is shown: a table drawn in place, or a line for each change."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from itertools import pairwise
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

from .._core.references import references
from .._core.wording import counted
from . import _terminal
from ._text import clean, cut, in_bytes, shorten, table_of

if TYPE_CHECKING:
    from ..columns.batch import Batch
    from ..runfolder.follower import Follower

_CELLS = 24  # of a sparkline
_BARS = "▁▂▃▄▅▆▇█"
_ASCII_BARS = ".:-=+*#@"
_KEYS, _STEPS, _LEAST = 30, 12, 20  # columns of keys and steps, and of values at least
_WIDE = 200  # columns where there is no terminal
_LONG = 60  # letters of a text that are shown
_NUMERIC = ("number", "integer")


class _Key:
    """The latest value of a key, and its course if it is a number."""

    def __init__(self) -> None:
        from ._downsample import Series

        self.call, self.step, self.kind = (-1, -1), 0, "null"
        self.value: Any = None
        self.is_integral = False
        self.series = Series(2 * _CELLS)
        self.is_new = True


class Board:
    """The latest of every key of a run.

    Args:
        patterns: keys to show, with `*` and `?`; empty for all.
    """

    def __init__(self, patterns: Sequence[str] = ()) -> None:
        self.keys: dict[str, _Key] = {}
        self.rows = self.calls = 0
        self.first: int | None = None  # steps
        self.last: int | None = None
        self.stamp = 0.0  # of the last call, seconds since the epoch
        self._steps: dict[int, int] = {}  # of the last row of each rank
        self._patterns = patterns
        self._wanted: dict[str, bool] = {}

    def add(self, batch: Batch) -> None:
        """Take the next calls."""
        steps, rank = batch.steps, 0 if batch.ranks is None else int(batch.ranks[0])
        low, high = int(steps[0]), int(steps[-1])
        self.calls += len(steps)
        self.rows += int((steps[1:] != steps[:-1]).sum()) + (low != self._steps.get(rank))
        self._steps[rank] = high
        self.first = low if self.first is None else min(low, self.first)
        self.last = high if self.last is None else max(high, self.last)
        self.stamp = max(self.stamp, float(batch.timestamps[-1]))
        for (name, kind), values in batch.columns.items():
            if kind == "null" or not self._wants(name):
                continue
            key = self.keys.setdefault(name, _Key())
            if kind in _NUMERIC:
                key.series.add(values.values)
            place = int(values.calls[-1])
            call = int(steps[place]), batch.sequence + place  # ranks count their calls each for itself
            if call >= key.call:
                key.call, key.step, key.kind = call, call[0], kind
                key.value, key.is_integral, key.is_new = values.values[-1], values.integral, True

    def _wants(self, name: str) -> bool:
        if name not in self._wanted:
            self._wanted[name] = not self._patterns or any(fnmatchcase(name, one) for one in self._patterns)
        return self._wanted[name]

    def extent(self) -> str:
        """How many rows there are, and of which steps."""
        steps = f", steps {self.first} to {self.last}" if self.rows else ""
        return f"{counted(self.rows, 'row')}{steps}"

    def table(self, width: int, height: int) -> Iterator[str]:
        """A line for each key, at most so many, of at most so many columns."""
        shown = list(self.keys.items())
        if len(shown) > height:
            shown = shown[: max(height - 1, 0)]
        rows = [(clean(name), describe(key), str(key.step), f" {sparkline(key.series.means())}") for name, key in shown]
        if rows:
            widest = (_KEYS, max(width - _KEYS - _STEPS - _CELLS - 4, _LEAST), _STEPS, _CELLS + 1)
            yield from table_of([("key", "latest", "step", " history"), *rows], widest, left=2)
        if len(shown) < len(self.keys):
            yield f"and {counted(len(self.keys) - len(shown), 'more key')}: choose some with --keys"

    def changes(self) -> list[tuple[int, str]]:
        """The keys that have a new value since this was asked last, by the step at which it was logged."""
        steps: dict[int, list[str]] = {}
        for name, key in self.keys.items():
            if key.is_new:
                key.is_new = False
                steps.setdefault(key.step, []).append(f"{clean(name)}={describe(key)}")
        return [(step, " ".join(steps[step])) for step in sorted(steps)]


def describe(key: _Key) -> str:
    """A value in short: media as type, bytes and path."""
    value: Any = key.value.item() if hasattr(key.value, "item") else key.value
    if key.is_integral and isinstance(value, float):
        value = int(value)
    if key.kind.endswith("_list") and key.kind not in ("number_list", "string_list"):
        return f"{len(value)} x {_media(value[0])}" if value else "0 media"
    if isinstance(value, dict):
        return _media(value)
    return counted(len(value), "value") if isinstance(value, list) else cut(shorten(value), _LONG)


def _media(document: dict[str, Any]) -> str:
    parts = [part for _, part in references(document)]
    size = sum(part["size"] for part in parts if type(part["size"]) is int and part["size"] >= 0)
    return " ".join([clean(document["_type"]), *([in_bytes(size), clean(parts[0]["path"])] if parts else [])])


def sparkline(means: list[float]) -> str:
    """Bars of eight heights between the smallest and the largest mean; a blank for NaN."""
    bars = _BARS if speaks(_BARS) else _ASCII_BARS
    if len(means) > _CELLS:
        edges = [round(i * len(means) / _CELLS) for i in range(_CELLS + 1)]
        means = [_mean(means[start:stop]) for start, stop in pairwise(edges)]
    finite = [mean for mean in means if math.isfinite(mean)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    scale = high / 2 - low / 2  # halved: the difference may be beyond the largest double
    heights = [(mean / 2 - low / 2) / scale if scale else 0.0 for mean in means]
    return "".join(" " if mean != mean else bars[min(int(h * 8), 7)] for mean, h in zip(means, heights, strict=True))


def _mean(values: list[float]) -> float:
    finite = [value / len(values) for value in values if math.isfinite(value)]
    return sum(finite) * len(values) / len(finite) if finite else math.nan


def speaks(text: str) -> bool:
    """Whether the terminal's encoding has these letters."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


class Screen:
    """Shows a board: on a terminal in place, elsewhere a line for each change.

    Args:
        seconds: between two drawings at least.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._screen = _terminal.stdout()
        self._drawn, self._calls = -math.inf, 0

    def show(self, follower: Follower, board: Board, is_over: bool) -> None:
        """Draw it if something has changed and it is time, or the run is over."""
        now = time.monotonic()
        wait = self._seconds if board.calls != self._calls else 1.0  # then only the age of the last row is another
        if now - self._drawn < wait and not is_over:
            return
        self._calls = board.calls
        if self._screen.is_terminal:
            self._drawn = now
            width, height = get_terminal_size()
            name = clean(follower.root.name)  # the whole path may leave no room for the state
            lines = [head(name, follower, board), *board.table(width, height - 3)]
            self._screen.draw([cut(line, width) for line in lines])
            if is_over:
                self._screen.keep()
        else:
            for step, changes in board.changes():
                self._drawn = now
                print(f"{time.strftime('%H:%M:%S')} step {step}: {changes}", flush=True)


def state(name: str, follower: Follower, board: Board) -> Iterator[str]:
    """All of a run at once."""
    yield head(clean(name), follower, board)
    yield from board.table(get_terminal_size((_WIDE, 0)).columns if sys.stdout.isatty() else _WIDE, sys.maxsize)


def head(name: str, follower: Follower, board: Board) -> str:
    """The state of the run in a line."""
    from ..runfolder import files

    age = f", last row {max(time.time() - board.stamp, 0):.0f} s ago" if board.rows else ""
    problems = len(files.problems_of(follower.run))  # of earlier sessions, or of all if it is over
    if follower.run["status"] == "running":
        problems += len(follower.notes.problems) + len(follower.notes.damage)
    wrong = f", {counted(problems, 'problem')}" if problems else ""
    return f"{name}: {follower.status}, {board.extent()}{age}{wrong}"
