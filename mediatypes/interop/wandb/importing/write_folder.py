"""The files of a run folder that are made of a log."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...._core import canonical
from ...._core.errors import InputError, Problem
from ....columns.log_cells import Cell, plain_value, read_cells
from ....columns.plain_data import make_plain
from ....journal.metrics import Metrics
from ....runfolder import files
from ....runfolder.media_index import MediaRows
from ....runfolder.merge_rows import build_rows
from ....runfolder.schema import Schema
from ....runfolder.summary import Summary
from ....writing.config import BITS
from ....writing.finish import write_rows
from .log_reading import LogReading
from .plan import LogPlan, Options
from .spool import Spool

_EDITED_SUMMARY = "summary_overrides"  # of a log's summary, and what a reader set
_MAX_CELLS, _CELLS_PER_VALUE = 1 << 30, 1 << 12  # of a history; more only where they hold values


class Made(NamedTuple):
    rows: int
    problems: list[Problem]
    notes: list[str]


def write(
    path: Path, target: Path, reading: LogReading, spool: Spool, plan: LogPlan, options: Options, state: str
) -> Made:
    """Write `history.parquet`, `media.parquet`, `summary.json` and `run.json`.

    Args:
        path: where they are written.
        target: the run's folder; its `run.json`, if there is one, keeps what its reader changed.
        state: names what they are made from.
    """
    facts = reading.facts
    schema, summary = Schema(), Summary()
    first, last, rows, values = np.inf, -np.inf, 0, 0
    for batch in spool:
        times = batch.timestamps[np.isfinite(batch.timestamps)]
        if len(times):
            first, last = min(first, float(times.min())), max(last, float(times.max()))
        schema.add(batch)
        rows += len(batch.steps)
        values += sum(len(one.calls) for one in batch.columns.values())
    started = facts.started or (first if np.isfinite(first) else 0.0)
    for batch in spool:
        summary.add(batch, started)
    specs = schema.specs()
    if rows * len(specs) > max(_MAX_CELLS, _CELLS_PER_VALUE * values):
        hint = "Log fewer keys in each step."
        raise InputError.of(
            "history", f"at most {_MAX_CELLS} cells", f"{len(specs)} keys in {rows} rows", hint, "sparse"
        )
    metrics = Metrics(facts.metrics.values())
    known = files.read_json(target / files.RUN) if (target / files.RUN).is_file() else {}
    logged = reading.facts.summary.keys() | summary.last().keys()
    edited = {
        key: (cell[0], cell[1])
        for key, cell in known.get(_EDITED_SUMMARY, {}).items()
        if logged.isdisjoint((key, key.split(".")[0]))  # which keys of the log a reader set is not known
    }
    summary.overrides = {**_overrides(reading, summary, metrics), **edited}
    shown = canonical.loads(canonical.dumps(summary.values(metrics)))
    notes = _notes(reading)
    problems = reading.losses.all()
    run = _run(known, reading, plan, options, state, started, max(last, facts.last, started))
    config = make_plain(facts.config, "config", problems, BITS)
    run["config"] = config if isinstance(config, dict) else {}
    optional: dict[str, Any] = {
        "metrics": metrics.to_json(),
        "problems": [problem._asdict() for problem in problems],
        _EDITED_SUMMARY: {key: list(cell) for key, cell in summary.overrides.items()},
    }
    run |= {name: item for name, item in optional.items() if item}
    media = MediaRows(specs, metrics)
    batches = _rows(build_rows(map(schema.settled, spool), specs, started, media), media, summary.overrides)
    footer = {**run, "summary": shown, "calls": reading.rows.calls}
    count = write_rows(path, schema, batches, footer, media, durable=False)  # the log is there
    files.write_json(path / files.SUMMARY, shown)
    files.write_json(path / files.RUN, run)
    return Made(count, problems, notes)


def _rows(batches: Iterator[Any], media: MediaRows, overrides: dict[str, Cell]) -> Iterator[Any]:
    """The rows; afterwards `media` is told of what the summary holds."""
    yield from batches
    for key, (_, value) in overrides.items():
        media.add_overrides(key, value)


def _overrides(reading: LogReading, summary: Summary, metrics: Metrics) -> dict[str, Cell]:
    """What W&B's summary has, where it is not the last value of its key."""
    last = summary.last()
    cells: dict[str, Cell] = {}
    plain: dict[str, Any] = {}
    for key, value in _leaves(reading.facts.summary, metrics):
        if isinstance(value, dict) and metrics.statistics(key):
            cells[key] = ("json", canonical.dumps(value))
        elif not reading.media.is_last(key, value):
            plain[key] = value
    problems: list[Problem] = []
    decoded = reading.media.decode_summary(plain)
    read, _ = read_cells(decoded, "summary", reading.media.encode, problems, keep_good=True)
    reading.losses.add(*problems)
    for key, kind, value in read:
        if key not in last or canonical.dumps(last[key]) != canonical.dumps(plain_value(kind, value)):  # NaN is itself
            cells[key] = (kind, value)
    return cells


def _leaves(values: dict[str, Any], metrics: Metrics, above: str = "") -> Iterator[tuple[str, Any]]:
    """The values of nested dicts by their joined keys; documents and statistics are values."""
    for name, value in values.items():
        key = f"{above}{name}"
        is_inner = isinstance(value, dict) and value and not isinstance(value.get("_type"), str)
        if is_inner and not metrics.statistics(key):
            yield from _leaves(value, metrics, f"{key}.")
        else:
            yield key, value


def _run(
    known: dict[str, Any],
    reading: LogReading,
    plan: LogPlan,
    options: Options,
    state: str,
    started: float,
    finished: float,
) -> dict[str, Any]:
    """`run.json`, without what may be absent."""
    facts = reading.facts
    ours = {name: item for name, item in files.environment().items() if name == "mediatypes"}
    system = dict(facts.environment)
    if facts.exit_code is not None:
        system["exit_code"] = facts.exit_code
    run: dict[str, Any] = {
        "format": files.FORMAT,
        "id": facts.texts.get("run_id") or hashlib.sha256(plan.name.encode()).hexdigest()[:8],
        "project": known.get("project", options.project or facts.texts.get("project")),
        "name": known.get("name", facts.texts.get("name") or plan.name),
        "notes": known.get("notes", facts.texts.get("notes")),
        "tags": known.get("tags", [*facts.tags, *(tag for tag in options.tags if tag not in facts.tags)]),
        "environment": {**ours, **system},
        "status": facts.status,
        "started": started,
        "finished": finished,
        files.IMPORT: state,
    }
    for name in ("group", "job_type"):
        if value := known.get(name, facts.texts.get(name)):
            run[name] = value
    return run


def _notes(reading: LogReading) -> list[str]:
    """What is not in the history, and where it is."""
    facts, notes = reading.facts, list[str]()
    for chart, reason in sorted(reading.media.charts.items()):
        notes.append(f"chart {chart!r} is kept as its table: {reason}")
    if count := facts.counts.get("hidden metrics"):
        notes.append(f"{count} hidden metrics: shown as others")
    return [*notes, *(f"alert: {alert}" for alert in facts.alerts)]
