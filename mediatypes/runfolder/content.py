"""What a run holds: the rows of sessions that are over, and while it is written the calls of its journals."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

import pyarrow as pa

from .._core.errors import Problem, StoreError, Verbatim, os_error
from .._core.location import Location
from .._core.sidecar import open_file
from ..columns.batch import Batch
from ..journal import frames
from ..journal.metrics import Metrics
from ..journal.reader import JournalReader, Notes, in_order
from . import files
from .media_index import MediaRows
from .merge_rows import arrow_schema, build_rows
from .parquet_reader import Steps, StoredHistory, slice_steps
from .schema import ColumnSpec, Schema
from .statistics import statistics
from .summary import Summary

_KEEP = 32 * 1024 * 1024  # journals up to this size are read once and their batches kept


class RunContent:
    """All calls of a run by columns, its summary and notes, as they stood when this was made.

    The files are held open, so that a writer that finishes meanwhile takes nothing away.

    Args:
        root: the run's directory.
        run: its `run.json`.

    Raises:
        StoreError: a running run has no journal, another no history, or the system cannot read a file.
        DocumentError: a file is none of ours.
    """

    def __init__(self, root: Location, run: dict[str, Any]) -> None:
        self.run, self.started = run, float(run["started"])
        self._journals = _open_journals(self, root / files.JOURNAL) if run["status"] == "running" else []
        history = root / files.HISTORY
        self._stored = None if self._journals and not history.exists() else StoredHistory(history)
        self.notes, self.schema = Notes(), Schema()
        self.calls = 0
        small = self._stored is None and sum(journal.size for journal in self._journals) <= _KEEP
        self._kept: list[Batch] | None = [] if small else None
        self.stored_specs: list[ColumnSpec] = []
        if self._stored and files.end_of(run, self._stored.calls) is None:  # else some may have no rows any more
            self.stored_specs = self._stored.specs
        for spec in self.stored_specs:
            self.schema.add_column(spec.key, spec.kind, spec.integral)
        self.summary = Summary(self.stored_specs)
        for batch in self._read(self.notes):
            self.schema.add(batch)
            self.summary.add(batch, self.started)
            if self._kept is not None:
                self._kept.append(batch)
        for cells in [self.run_overrides(), *self.notes.summary]:
            self.summary.apply(cells)
        self.metrics = Metrics([*files.metrics_of(run), *self.notes.metrics])

    def batches(self) -> Iterator[Batch]:
        """All calls, in order."""
        return iter(self._kept) if self._kept is not None else self._read(Notes())

    def _settled(self) -> Iterator[Batch]:
        return map(self.schema.settled, self.batches())

    @property
    def specs(self) -> list[ColumnSpec]:
        """The columns that a history of these calls has."""
        return self.schema.specs()

    def read(self, columns: list[str], steps: Steps | None = None) -> pa.Table:
        """Some columns of the rows, in this order; with `steps` only rows with first <= _step < end."""
        specs = self.specs
        chosen = [spec for spec in specs if spec.name in columns]
        batches = list(build_rows(self._settled(), specs, self.started, chosen=chosen))
        return slice_steps(pa.Table.from_batches(batches, arrow_schema(chosen)), steps).select(columns)

    def rows(self, media: MediaRows | None = None) -> Iterator[pa.RecordBatch]:
        """All rows; `media` is told of every media document in them, and of those that were set in the summary."""
        yield from build_rows(self._settled(), self.specs, self.started, media)
        if media is not None:
            for key, (_, value) in self.summary.overrides.items():
                media.add_overrides(key, value)

    def media(self) -> MediaRows:
        """What `media.parquet` will hold."""
        media = MediaRows(self.specs, self.metrics)
        for _ in self.rows(media):
            pass
        return media

    def forget(self) -> None:
        """Keep no calls in memory: they are read again."""
        self._kept = None

    def _read(self, notes: Notes) -> Iterator[Batch]:
        calls, step = 0, None  # so many were read, to this step
        if self._stored:
            calls = self._stored.calls
            end = files.end_of(self.run, calls)
            for batch in self._stored.batches():
                if kept := batch if end is None else batch.before(end):
                    yield kept
                    step = int(kept.steps[-1])
        for journal in self._journals:
            self.reader = reader = JournalReader(journal.path, journal.file, notes, calls)
            for batch in reader.read(journal.size):
                new = batch.after(calls)  # a journal that was finished into the stored rows repeats some
                calls = max(calls, batch.sequence + len(batch.steps))
                kept = new and in_order(new, step, journal.path, notes)
                end = files.end_of(self.run, batch.sequence + 1)
                if kept and (kept := kept if end is None else kept.before(end)):
                    yield kept
                    step = int(kept.steps[-1])
            reader.close(journal.size)
        self.calls = calls

    def summary_values(self) -> dict[str, Any]:
        """The summary; for the statistics that metrics ask for, all calls are read again."""
        return self.summary.values(self.metrics, statistics(self.metrics, self.batches(), self.stored_specs))

    def run_overrides(self) -> dict[str, Any]:
        """What earlier sessions set in the summary."""
        try:
            return frames.parse_summary(self.run.get("summary_overrides", {}))
        except ValueError:  # written by others
            return {}

    @property
    def config(self) -> dict[str, Any]:
        """The config as it was last changed."""
        return dict(self.notes.config[-1] if self.notes.config else self.run.get("config", {}))

    @property
    def problems(self) -> list[Problem]:
        """Recorded by the run's sessions, and found while reading."""
        return [*files.problems_of(self.run), *self.notes.problems, *self.notes.damage]


class _JournalFile(NamedTuple):
    """A journal that is open, and how long it was then."""

    path: Location
    file: BinaryIO
    size: int


def _open_journals(owner: object, folder: Location) -> list[_JournalFile]:
    """The journal files of a run, open as long as `owner` is there; raises StoreError if there is none."""
    journals = []
    try:
        for path in files.journals(folder):
            file = open_file(path)
            weakref.finalize(owner, file.close)
            journals.append(_JournalFile(path, file, file.seek(0, os.SEEK_END)))
    except OSError as error:
        raise os_error(StoreError, str(folder), "read the journal", error, "Open the run again.") from error
    if not journals:
        hint = "Restore the folder; without it the rows of an unfinished run are lost."
        raise StoreError.of(str(folder), "a journal of the run", Verbatim("no file"), hint)
    return journals
