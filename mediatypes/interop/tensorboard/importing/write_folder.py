"""The files of a run folder that are made from its events: the rows by step, the summary, what the run is."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from ...._core import canonical
from ...._core.errors import InputError, Problem
from ...._core.wording import counted
from ....columns.arrays import Array
from ....journal.metrics import Metrics
from ....runfolder import files
from ....runfolder.media_index import MediaRows
from ....runfolder.merge_rows import build_rows
from ....runfolder.schema import Schema
from ....runfolder.summary import Summary
from ....writing.finish import write_rows
from ..log.event_table import Content, Events
from ..plugins import SHOWN_OTHERWISE, custom_scalars
from ..plugins.convert import Series
from .plan import RunPlan
from .step_order import MeshMaker, StepOrder, read

_EDITED_SUMMARY = "summary_overrides"  # which events have none of: only a reader sets them
_MAX_CELLS, _CELLS_PER_EVENT = 1 << 30, 1 << 12  # of a history; more only where they hold values
_NAMED_TIME = re.compile(r"tfevents\.(\d{9,11})\.")  # seconds since the epoch


class Numbered(Protocol):
    """Gives the events of a run with the number of their file; at least those with low <= step < high."""

    def __call__(self, low: int | None = None, high: int | None = None) -> Iterator[tuple[Events, int]]: ...


class Options(NamedTuple):
    purge: bool = False
    step_metric: str | None = None
    keep_events: bool = False
    project: str | None = None
    tags: tuple[str, ...] = ()


class ImportStats:
    """What is gathered while events pass by."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.hparams: list[dict[str, Any]] = []
        self.layouts: dict[str, list[dict[str, Any]]] = {}  # of custom charts, the last one of each folder
        self.starts: list[tuple[int, int, int]] = []  # sessions that began: their event's number, file and step
        self.first, self.last = np.inf, -np.inf  # wall times
        self.total = 0

    def add(self, events: Events, file: int, series: list[Series]) -> None:
        for number, count in enumerate(np.bincount(events.series, minlength=len(series)).tolist()):
            if count:
                self.counts[series[number].type] += count
        for row, cell in events.cells.items():
            type = series[events.series[row]].type
            if type == "hparams":
                self.hparams.append(cell.value)
            elif type == "custom_scalars" and "layout" in cell.value:
                self.layouts[series[events.series[row]].folder] = cell.value["layout"]
            elif type == "session_log" and cell.value == "START":
                self.starts.append((self.total + row, file, int(events.steps[row])))
        finite = events.times[np.isfinite(events.times) & (events.times > 0)]
        if len(finite):
            self.first, self.last = min(self.first, float(finite.min())), max(self.last, float(finite.max()))
        self.total += len(events.steps)


class FolderWriter:
    """Writes the files of a run folder but `events.parquet` to `path`.

    The `run.json` of `target`, if there is one, keeps what its reader changed. `state` names the events, and `previous`
    the event files that it was made from before.
    """

    def __init__(
        self, path: Path, target: Path, plan: RunPlan, options: Options, state: str, previous: list[str]
    ) -> None:
        self.path, self.target, self.plan, self.options, self.state = path, target, plan, options, state
        self.previous = previous
        self._known = files.read_json(target / files.RUN) if (target / files.RUN).is_file() else {}

    def write(
        self,
        events: Numbered,
        series: list[Series],
        names: list[str],
        stats: ImportStats,
        mesh: MeshMaker,
        problems: list[Problem],
    ) -> tuple[int, list[str]]:
        """Write them; returns the number of rows, and what is to be said of them."""
        notes: list[str] = []
        folders = [name.rpartition("/")[0] for name in names]
        chosen = _Chosen(events, series, folders, stats, self.options, notes)
        order = StepOrder(chosen, series, mesh)
        started = stats.first if np.isfinite(stats.first) else _time_of(names)
        schema, summary, kept = Schema(), Summary(), []
        column_count = len({(one.key, one.kind) for one in series if one.kind})
        size = row_count = 0
        for batch in order.batches():
            schema.add(batch)
            summary.add(batch, started)
            row_count += 1 + int(np.count_nonzero(np.diff(batch.steps)))
            _check_density(row_count, column_count, stats.total)
            size += 1
            kept = [batch] if size == 1 else []
        edited = self._known.get(_EDITED_SUMMARY, {})
        summary.overrides = {key: (cell[0], cell[1]) for key, cell in edited.items()}
        run = self._run(stats, started, names, problems, notes)
        last = summary.values()
        last = {key: canonical.loads(item.text) if isinstance(item, Content) else item for key, item in last.items()}
        values = canonical.loads(canonical.dumps(last))  # in one order, however the documents came
        specs = schema.specs()
        media = MediaRows(specs, Metrics())
        calls = _Count()
        batches = build_rows(
            map(schema.settled, map(read, calls.through(kept if size <= 1 else order.batches()))), specs, started, media
        )
        footer = {**run, "summary": values, "calls": stats.total}
        rows = write_rows(self.path, schema, batches, footer, media, durable=False)  # the logs are there
        files.write_json(self.path / files.SUMMARY, values)
        files.write_json(self.path / files.RUN, run)
        if stats.layouts:
            layouts = [{"folder": name, "categories": categories} for name, categories in sorted(stats.layouts.items())]
            (self.path / files.ATTACHED).mkdir(exist_ok=True)
            files.write_json(self.path / files.ATTACHED / custom_scalars.NAME, {"layouts": layouts})
            notes.append(
                f"charts of custom_scalars: {files.ATTACHED}/{custom_scalars.NAME} says which curves they show"
            )
        for type in sorted({one.type for one in series if not one.kind} - {*SHOWN_OTHERWISE, "session_log"}):
            if count := stats.counts[type]:
                notes.append(f"{count} of type {type}: not in the history; events.parquet names their files")
        if calls.repeated:
            notes.append(f"{counted(calls.repeated, 'value')} with key and step of a later one; events.parquet has all")
        return rows, notes

    def _run(
        self, stats: ImportStats, started: float, names: list[str], problems: list[Problem], notes: list[str]
    ) -> dict[str, Any]:
        """`run.json`."""
        config: dict[str, Any] = {}
        status = "finished"
        group = ""
        for session in stats.hparams:
            start, end = session.get("start", {}), session.get("end", {})
            for name, value in start.get("hparams", {}).items():
                if name in config and config[name] != value:
                    notes.append(f"hyperparameter {name}: {value!r} replaces {config[name]!r} of an earlier session")
                config[name] = value
            group = start.get("group_name", "") or group
            status = {"failure": "failed", "success": "finished"}.get(end.get("status", ""), status)
        known = self._known
        id = known.get("id")
        if id in (None, _identity(self.plan, self.previous)):  # else somebody has changed it
            id = _identity(self.plan, names)
        run: dict[str, Any] = {
            "format": files.FORMAT,
            "id": id,
            "project": known.get("project", self.options.project),
            "name": known.get("name", self.plan.name),
            "notes": known.get("notes"),
            "tags": known.get("tags", list(self.options.tags)),
            "config": config,
            "environment": {**files.environment(), "argv": []},
            "status": status,
            "started": started,
            "finished": stats.last if np.isfinite(stats.last) else started,
            "import": self.state,
        }
        texts = {"group": known.get("group", group), "job_type": known.get("job_type")}
        run |= {name: text for name, text in {**texts, _EDITED_SUMMARY: known.get(_EDITED_SUMMARY)}.items() if text}
        if problems:
            run["problems"] = [problem._asdict() for problem in problems]
        return run


def _time_of(names: list[str]) -> float:
    """When a run began that has no values: the earliest time in the names of its event files; 0 if none has one."""
    return float(min((int(time[1]) for time in map(_NAMED_TIME.search, names) if time), default=0))


def _identity(plan: RunPlan, names: list[str]) -> str:
    """The id of a run: the same whenever these event files are imported."""
    return hashlib.sha256(repr((plan.name, names[:1])).encode()).hexdigest()[:8]


def _check_density(rows: int, columns: int, events: int) -> None:
    """Raise InputError for a table so large and empty that it cannot be what was meant."""
    if rows * columns > max(_MAX_CELLS, _CELLS_PER_EVENT * events):
        hint = "Log values of the same step under few tags."
        raise InputError.of("history", f"at most {_MAX_CELLS} cells", f"{columns} tags in {rows} steps", hint, "sparse")


class _Chosen:
    """The events as the history shows them: without purged ones, and with the steps of another metric, if asked."""

    def __init__(
        self,
        events: Numbered,
        series: list[Series],
        folders: list[str],
        stats: ImportStats,
        options: Options,
        notes: list[str],
    ) -> None:
        self._events, self._folders = events, folders
        self._starts = stats.starts if options.purge else []
        self._metric: tuple[Array, Array, Array] | None = None
        if options.step_metric is not None:
            self._metric = _read_metric(events, series, options.step_metric)
            if self._metric is None:
                notes.append(f"no values of the step metric {options.step_metric!r}; rows are by the events' own steps")

    def __call__(self, low: int | None = None, high: int | None = None) -> Iterator[Events]:
        if not self._starts and self._metric is None:
            yield from (events for events, _ in self._events(low, high) if len(events.steps))
            return
        first = 0
        for events, file in self._events():  # all of them: what becomes of one depends on those before
            count = len(events.steps)
            kept = np.ones(count, bool)
            for at, of, step in self._starts:
                if self._folders[of] == self._folders[file] and at > first:
                    kept &= ~((np.arange(first, first + count) < at) & (events.steps >= step))
            chosen = events.take(np.flatnonzero(kept)) if not kept.all() else events
            if self._metric is not None:
                order = first + np.flatnonzero(kept)
                chosen = chosen._replace(steps=_steps_by_metric(chosen.steps, order, self._metric))
            first += count
            if len(chosen.steps):
                yield chosen


def _read_metric(events: Numbered, series: list[Series], key: str) -> tuple[Array, Array, Array] | None:
    """Step, number and value of each event of the step metric, sorted by the first two; None if it has no values."""
    wanted = np.array([one.key == key and one.kind == "number" for one in series], bool)
    chunks, first = [], 0
    for chunk, _ in events():
        rows = np.flatnonzero(wanted[chunk.series])
        rows = rows[np.isfinite(chunk.values[rows]) & (np.abs(chunk.values[rows]) < 2**62)]
        chunks.append((chunk.steps[rows], first + rows, np.rint(chunk.values[rows]).astype(np.int64)))
        first += len(chunk.steps)
    if not chunks:
        return None
    steps, order, values = (np.concatenate(parts) for parts in zip(*chunks, strict=True))
    if not len(steps):
        return None
    places = np.lexsort((order, steps))
    return steps[places], order[places], values[places]


def _steps_by_metric(steps: Array, order: Array, metric: tuple[Array, Array, Array]) -> Array:
    """For each event the metric's value: the latest before it that was logged with its step, else the first after it
    with its step, else that of the nearest lower step, else the first."""
    own, places, values = metric
    low, high = np.searchsorted(own, steps, "left"), np.searchsorted(own, steps, "right")
    if (high - low <= 1).all():
        before = np.where(high > low, low, low - 1)
    else:
        is_event = np.repeat([0, 1], [len(own), len(steps)])
        joined = np.lexsort((is_event, np.concatenate([places, order]), np.concatenate([own, steps])))
        count = np.cumsum(joined < len(own))
        before = np.empty(len(steps), np.int64)
        mine = joined >= len(own)
        before[joined[mine] - len(own)] = count[mine] - 1
        outside = before < low
        before = np.where(outside & (high > low), low, before)
    return values[np.maximum(before, 0)]


class _Count:
    """Counts values that a later one of their key and step hides."""

    def __init__(self) -> None:
        self.repeated = 0

    def through(self, batches: Any) -> Iterator[Any]:
        for batch in batches:
            changed = np.concatenate([[True], batch.steps[1:] != batch.steps[:-1]])
            rows = np.cumsum(changed)
            for values in batch.columns.values():
                own = rows[values.calls]
                self.repeated += int((own[1:] == own[:-1]).sum())
            yield batch
