"""Metrics: what a run says about its keys. An x-axis, statistics for the summary, and which direction is better.

A definition has a name: a key, or a pattern in which `*` stands for any text. Exactly one definition applies to a key:
the one with its name; otherwise, for a key that does not begin with "_", of the patterns that match it the one with the
most characters beside `*`, of equal ones the latest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

from .._core.canonical import is_utf8_encodable
from .._core.declaration import Boolean, Field, List, Record, Text
from .._core.errors import InputError, Problem, Verbatim, problem

STATISTICS = ("min", "max", "mean", "first", "last", "best")  # in this order in the summary
NONE = "none"  # instead of statistics: the key is left out of the summary
MAX_PATTERNS = 1024  # of a run
GOALS = ("minimize", "maximize")
_Parts = tuple[str, list[str], str]  # of a pattern, split at *: the first, those between, the last
FIXED = ("_step", "_timestamp", "_runtime")  # of every row

METRIC = Record(
    "What is said about a key, or about all that match a pattern.",
    (
        Field("name", Text(min_length=1), "The key, or a pattern with `*`."),
        Field("step_metric", Text(min_length=1), "The key that is its x-axis.", required=False),
        Field("step_sync", Boolean(), "False: only a value of the same row counts.", required=False),
        Field("summary", List(Text()), "Statistics for the summary, or none.", required=False),
        Field("goal", Text(), "Which values are better: minimize, maximize.", required=False),
    ),
)


class Metric(NamedTuple):
    """One definition, as `Run.define_metric` made it."""

    name: str
    step_metric: str | None = None
    summary: tuple[str, ...] = ()
    goal: str | None = None
    step_sync: bool = True

    def to_json(self) -> dict[str, Any]:
        """As METRIC declares it: what is not set is absent."""
        members: dict[str, Any] = {"name": self.name, "step_metric": self.step_metric, "goal": self.goal}
        members |= {"summary": list(self.summary) or None, "step_sync": None if self.step_sync else False}
        return {name: value for name, value in members.items() if value is not None}

    @classmethod
    def from_json(cls, value: Any) -> Metric:
        """The definition that a journal or `run.json` holds; raises ValueError if it is malformed."""
        if problems := list(METRIC.check(value)):
            raise ValueError(str(problems[0]))
        known: dict[str, Any] = {name: value[name] for name in cls._fields if name in value}
        known["summary"] = tuple(known.get("summary", ()))
        return cls(**known)


class Metrics:
    """The definitions of a run, the latest last; one replaces the earlier one of its name."""

    def __init__(self, definitions: Iterable[Metric] = ()) -> None:
        self._by_name: dict[str, Metric] = {}
        self._patterns: list[tuple[_Parts, Metric]] | None = []  # the one that wins first; None: to be made
        self._of_key: dict[str, Metric | None] = {}  # that applies, as far as somebody asked
        for metric in definitions:
            self.add(metric)

    def to_json(self) -> list[dict[str, Any]]:
        """As `run.json` has them."""
        return [metric.to_json() for metric in self.all]

    @property
    def all(self) -> tuple[Metric, ...]:
        """The definitions, the latest last."""
        return tuple(self._by_name.values())

    def add(self, metric: Metric) -> None:
        """Put a definition in the place of the one with its name."""
        self._by_name.pop(metric.name, None)
        self._by_name[metric.name] = metric
        self._patterns, self._of_key = None, {}

    @property
    def problems(self) -> list[Problem]:
        """That there are more patterns than apply."""
        count = sum("*" in name for name in self._by_name)
        if count <= MAX_PATTERNS:
            return []
        expected = f"expected at most {MAX_PATTERNS} patterns with *, got {count}"
        return [Problem("metrics", expected, "many", "Those that come first by their length apply.")]

    def get(self, name: str) -> Metric | None:
        """The definition of this name."""
        return self._by_name.get(name)

    def of(self, key: str) -> Metric | None:
        """The definition that applies to a key."""
        if key not in self._of_key:
            if self._patterns is None:
                named = [metric for metric in reversed(self.all) if "*" in metric.name]
                named.sort(key=lambda metric: metric.name.count("*") - len(metric.name))
                self._patterns = [(_split(metric.name), metric) for metric in named[:MAX_PATTERNS]]
            patterns = [] if key.startswith("_") else self._patterns
            matching = (metric for parts, metric in patterns if _matches(key, parts))
            self._of_key[key] = self._by_name.get(key) or next(matching, None)
        return self._of_key[key]

    def statistics(self, key: str) -> tuple[str, ...]:
        """The statistics that stand in the summary for the last value of a key."""
        metric = self.of(key)
        return () if metric is None or metric.summary in ((NONE,), ("last",)) else metric.summary

    @property
    def any_statistics(self) -> bool:
        """Whether some key may have statistics."""
        return any(metric.summary not in ((), (NONE,), ("last",)) for metric in self.all)

    def hides(self, key: str) -> bool:
        """Whether a key is left out of the summary."""
        metric = self.of(key)
        return metric is not None and metric.summary == (NONE,)

    def summarize(self, last: Mapping[str, Any], statistics: Mapping[str, Any]) -> dict[str, Any]:
        """Last values, with the statistics of keys that have some, and without keys that are left out."""
        return {key: statistics.get(key, value) for key, value in last.items() if not self.hides(key)}

    def x_axis(self, key: str) -> str:
        """The key that is the x-axis of a key; "_step" if none is defined, or the key itself."""
        metric = self.of(key)
        return metric.step_metric if metric and metric.step_metric and metric.step_metric != key else "_step"

    @property
    def step_metrics(self) -> list[str]:
        """All keys that are an x-axis, each once."""
        names = dict.fromkeys(metric.step_metric for metric in self.all)
        return [name for name in names if name is not None and name not in FIXED]

    def syncs(self, key: str, step_metric: str) -> bool:
        """Whether a value of an earlier row counts for a key: as its own definition says if that is about this step
        metric, otherwise as the latest that is."""
        metric = self.of(key)
        if metric is None or metric.step_metric != step_metric:
            metric = next(metric for metric in reversed(self.all) if metric.step_metric == step_metric)
        return metric.step_sync

    def define(self, name: Any, step_metric: Any, summary: Any, goal: Any, step_sync: Any, overwrite: Any) -> Metric:
        """The definition that `Run.define_metric` asks for, united with the earlier one of that name.

        Raises:
            InputError: with every problem.
        """
        problems: list[Problem] = []
        if isinstance(step_metric, Metric):
            step_metric = step_metric.name
        if not isinstance(name, str) or not name or name in FIXED or not is_utf8_encodable(name):
            hint = "Pass a key of your own, or a pattern such as 'val/*'."
            problems.append(problem("define_metric.name", "a key that is logged", name, hint))
            name = ""
        if step_metric is not None and (
            not isinstance(step_metric, str)
            or not step_metric
            or "*" in step_metric
            or not is_utf8_encodable(step_metric)
        ):
            hint = "Pass the key of a number that is logged, such as 'epoch'."
            problems.append(problem("define_metric.step_metric", "one key without '*'", step_metric, hint))
        statistics = _statistics(summary, problems)
        if goal is not None and not (isinstance(goal, str) and goal in GOALS):
            hint = _close(goal, GOALS) or "Leave it out if neither is better."
            problems.append(problem("define_metric.goal", " or ".join(GOALS), goal, hint))
        for argument, value in {"step_sync": step_sync, "overwrite": overwrite}.items():
            if not isinstance(value, bool) and (value is not None or argument == "overwrite"):
                problems.append(problem(f"define_metric.{argument}", "True or False", value, "Leave it out."))
        old = None if overwrite is True else self._by_name.get(name)
        old = old or Metric(name)
        if "best" in statistics and goal is None and old.goal is None:
            hint = f'Add goal="{GOALS[0]}" or goal="{GOALS[1]}".'
            problems.append(problem("define_metric.goal", "a goal for best", goal, hint))
        if "*" in name and name not in self._by_name and sum("*" in known for known in self._by_name) >= MAX_PATTERNS:
            got, hint = Verbatim("one more"), "Let a shorter pattern stand for several."
            problems.append(problem("define_metric.name", f"at most {MAX_PATTERNS} patterns with *", got, hint))
        if problems:
            raise InputError(problems)
        return Metric(
            name,
            step_metric or old.step_metric,
            _united(old.summary, statistics),
            goal or old.goal,
            old.step_sync if step_sync is None else step_sync,
        )


def _statistics(summary: Any, problems: list[Problem]) -> tuple[str, ...]:
    """The names in a `summary` argument: texts separated by commas, or a list of such."""
    if summary is None:
        return ()
    parts = list(summary) if isinstance(summary, (list, tuple, set, frozenset)) else [summary]
    names: list[Any] = []
    for part in parts or [summary]:
        names += [name.strip() for name in part.split(",")] if isinstance(part, str) else [part]
    expected = f"{', '.join(STATISTICS)} or {NONE}"
    for name in names:
        if not (isinstance(name, str) and name in (*STATISTICS, NONE)):
            hint = _close(name, (*STATISTICS, NONE)) or 'Separate several by commas: "min,max".'
            problems.append(problem("define_metric.summary", expected, name, hint))
    known = {name for name in names if isinstance(name, str)}
    if NONE in known and len(known) > 1:
        hint = "Leave out none, or all the others."
        problems.append(problem("define_metric.summary", "none alone", ",".join(map(str, names)), hint))
    return tuple(name for name in (*STATISTICS, NONE) if name in known)


def _united(old: tuple[str, ...], new: tuple[str, ...]) -> tuple[str, ...]:
    """Statistics of both; `none` is not united with others, the new ones stay."""
    if not new or not old or NONE in (*old, *new):
        return new or old
    return tuple(name for name in STATISTICS if name in (*old, *new))


def _close(name: Any, known: tuple[str, ...]) -> str:
    close = get_close_matches(str(name).lower(), known, 1, 0.5)  # "max" is meant for "maximize"
    return f"Did you mean {close[0]!r}?" if close else ""


def _split(pattern: str) -> _Parts:
    """What a pattern has before the first `*`, between them, and behind the last one."""
    first, *middle, last = pattern.split("*")
    return first, middle, last


def _matches(key: str, parts: _Parts) -> bool:
    """Whether a key begins, goes on and ends so, with any text between; in time that is linear in its length."""
    first, middle, last = parts
    if not (key.startswith(first) and key.endswith(last)):
        return False
    at, end = len(first), len(key) - len(last)
    for part in middle:  # the leftmost place leaves the most to those that follow
        at = key.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return at <= end
