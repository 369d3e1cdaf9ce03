"""From journals to rows: what a live or killed run shows, and what finishing writes."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .._core.errors import Problem, StoreError, os_error
from . import files
from .build import arrow_schema, build_rows
from .media import MediaRows
from .metrics import Metric, Metrics
from .parquet import write_parquet
from .scan import Batch, Notes, scan
from .schema import Schema
from .statistics import statistics
from .summary import Summary

_KEEP = 32 * 1024 * 1024  # a journal up to this size is read once and its batches kept


class JournalContent:
    """All that the journals of a run hold: its columns, summary and notes; the calls are read again when needed."""

    def __init__(self, root: Path, started: float) -> None:
        self.root, self.started = root, started
        self.sizes = _sizes(root / files.JOURNAL)
        self.notes, self.schema, self.summary = Notes(), Schema(), Summary()
        self._kept: list[Batch] | None = [] if sum(self.sizes.values()) <= _KEEP else None
        for batch in self._scan(self.notes):
            self.schema.add(batch)
            self.summary.add(batch, started)
            if self._kept is not None:
                self._kept.append(batch)
        for cells in self.notes.summary:
            self.summary.apply(cells)

    def batches(self) -> Iterator[Batch]:
        """All calls, in order."""
        return iter(self._kept) if self._kept is not None else self._scan(Notes())

    def _scan(self, notes: Notes) -> Iterator[Batch]:
        for path, size in self.sizes.items():  # what a writer adds meanwhile is for the next reader
            yield from scan(path, notes, size)

    @property
    def problems(self) -> list[Problem]:
        """Recorded by the run, and found while reading."""
        return [*self.notes.problems, *self.notes.damage]

    def metrics(self, run: dict[str, Any]) -> Metrics:
        """What is defined in `run.json`, and later in the journals."""
        return Metrics([*map(Metric.from_json, run.get("metrics", [])), *self.notes.metrics])

    def summary_values(self, metrics: Metrics) -> dict[str, Any]:
        """The summary with its statistics; for these the calls are read again."""
        return self.summary.values(metrics, statistics(metrics, self.batches()))

    def config(self, initial: dict[str, Any]) -> dict[str, Any]:
        """The config as the latest frame has it."""
        return self.notes.config[-1] if self.notes.config else initial


def read_statistics(root: Path, metrics: Metrics) -> dict[str, Any]:
    """The statistics in the summary of a run, by key: of the rows that were logged so far."""
    run = files.read_run_json(root)
    if run["status"] == "running":
        return statistics(metrics, JournalContent(root, float(run["started"])).batches())
    return {key: value for key, value in files.read_json(root / files.SUMMARY).items() if metrics.statistics(key)}


def _sizes(folder: Path) -> dict[Path, int]:
    """The journal files of a run and how long they are now; raises StoreError if there is none."""
    try:
        sizes = {path: path.stat().st_size for path in sorted(folder.glob("*.log"))}
    except OSError as error:
        raise os_error(StoreError, str(folder), "read the journal", error, "Open the run again.") from error
    if not sizes:
        hint = "Restore the folder; without it the rows of an unfinished run are lost."
        raise StoreError.of(str(folder), "a journal of the run", "no file", hint)
    return sizes


def finish(root: Path, status: str) -> None:
    """Write the Parquet and JSON files of a run from its journal, then remove the journal.

    Every file appears under its name whole. Until `run.json` says the run is over, readers use the journal; so a
    crash at any moment of this leaves a run that can be read, and finished again.
    """
    run = files.read_run_json(root)
    content = JournalContent(root, float(run["started"]))
    run["config"] = content.config(run.get("config", {}))
    problems = [problem._asdict() for problem in content.problems]
    run |= {"status": status, "finished": time.time(), **({"problems": problems} if problems else {})}
    metrics = content.metrics(run)
    run |= {"metrics": metrics.to_json()} if metrics.all else {}
    summary, specs = content.summary_values(metrics), content.schema.specs()
    media = MediaRows(specs, metrics)
    batches = build_rows(content.batches(), specs, content.started, media)
    footer = {**{name: item for name, item in run.items() if name != "writer"}, "summary": summary}
    footer["calls"] = content.notes.calls
    write_parquet(root / files.HISTORY, arrow_schema(specs), batches, footer)
    for key, (_, value) in content.summary.explicit.items():
        media.add_explicit(key, value)
    media.write(root / files.MEDIA, {"format": files.FORMAT, "id": run["id"]})
    files.write_json(root / files.SUMMARY, summary)
    files.write_json(root / files.RUN, {name: item for name, item in run.items() if name != "writer"})
    with contextlib.suppress(OSError):  # run.json is the authority: what is left of the journal is not read again
        shutil.rmtree(root / files.JOURNAL)
