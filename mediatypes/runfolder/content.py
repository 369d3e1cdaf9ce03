"""What a run holds: the rows of sessions that are over, and while it is written the calls of its journals."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import pyarrow as pa

from .._core.errors import InputError, Problem, StoreError, Verbatim, os_error
from .._core.location import Location
from .._core.sidecar import open_file
from ..columns.batch import RANK, Batch, united
from ..journal import frames
from ..journal.metrics import Metrics
from ..journal.names import rank_of
from ..journal.reader import JournalReader, Notes, in_order
from . import files
from .lock import killed_ranks
from .media_index import MediaRows
from .merge_rows import arrow_schema, build_rows
from .parquet_reader import Steps, StoredHistory, slice_steps
from .schema import ColumnSpec, Schema
from .statistics import statistics
from .summary import Summary

_KEEP = 32 * 1024 * 1024  # journals up to this size are read once and their batches kept
_KEEP_CELLS = 2**20  # as are those of as many cells of stored rows
_MOST_CELLS = 2**25  # of a table of all rows, beside two for each byte of the journals
_MOST_BATCHES = 64  # kept; then all is read again, into fewer


class RunContent:
    """All calls of a run by columns, its summary and notes, as they stood when this was made.

    The files are held open, so that a writer that finishes meanwhile takes nothing away.

    Args:
        root: the run's directory.
        run: its `run.json`.
        before: the content as it stood earlier, of which only what is new is read if nothing but that has changed.

    Raises:
        StoreError: a running run has no journal, another no history, or the system cannot read a file.
        DocumentError: a file is none of ours.
    """

    reader: JournalReader  # of the last journal

    def __init__(self, root: Location, run: dict[str, Any], before: RunContent | None = None) -> None:
        self.run, self.started = run, float(run["started"])
        self._journals = _open_journals(self, root / files.JOURNAL) if run["status"] == "running" else []
        history = root / files.HISTORY
        self._stored = None if self._journals and not history.exists() else StoredHistory(history)
        self._is_small = sum(journal.size for journal in self._journals) <= _KEEP
        if stored := self._stored:  # of a run that was resumed
            cells = stored.file.metadata.num_rows * len(stored.schema)
            self._is_small &= bool(self._journals) and cells <= _KEEP_CELLS
        # What is in memory for a cell is no more than what is on the disk for a value, if few cells have none.
        self._most_cells = _MOST_CELLS + 2 * sum(journal.size for journal in self._journals) if not stored else 2**63
        if not (before and self._continues(before)):
            self._gather(None)
        elif before._journals[-1].size == self._journals[-1].size:  # nothing is new
            vars(self).update(vars(before) | {"_journals": self._journals})
        elif not self._gather(before):
            self._gather(None)

    def _gather(self, before: RunContent | None) -> bool:
        """Read all calls, after `before` only the new ones; returns whether that gave what reading all would give."""
        run = self.run
        self.notes, self.schema = _without_tail(before) if before else Notes(), Schema()
        self.calls = 0
        self._stored_steps: dict[int, int] = {}  # of the last row of each rank
        stored, own = self._stored, (rank_of(journal.path.name) for journal in self._journals)
        self.rank_calls = dict.fromkeys(sorted({*own, *(stored.ranks if stored else ())} - {0}), 0)  # of ranks but 0
        self.stored_specs: list[ColumnSpec] = []
        if stored and not self._ends(stored):  # else some may have no rows any more
            self.stored_specs = stored.specs
        if self.rank_calls:
            self.schema.add_column(*RANK, True)
        for spec in self.stored_specs:
            self.schema.add_column(spec.key, spec.kind, spec.integral)
        self.summary = Summary(self.stored_specs)
        kept: list[list[Batch]] = []
        for stream in self._streams(self.notes, before):
            kept.append([])
            for batch in stream:
                self.schema.add(batch)
                self.summary.add(batch, self.started)
                if self._is_small:
                    kept[-1].append(batch)
        self._kept = list(united([iter(batches) for batches in kept])) if self._is_small else None
        for cells in [self.run_overrides(), *self.notes.summary]:
            self.summary.apply(cells)
        self.metrics = Metrics([*files.metrics_of(run), *self.notes.metrics])
        self.specs = self.schema.specs()  # the columns that a history of these calls has
        # New columns: their order, and so their names, could depend on where the reading was cut.
        return before is None or (self.specs, self.reader.layouts.keys()) == (
            before.specs,
            before.reader.layouts.keys(),
        )

    def _continues(self, before: RunContent) -> bool:
        """Whether nothing but calls at the end of the last journal can have come since `before`."""
        if not self._is_small or before._kept is None or len(before._kept) >= _MOST_BATCHES:
            return False
        if before.rank_calls:  # what is new may belong between the calls that are known
            return False
        if repr(before.run) != repr(self.run) or before.reader.astray:  # repr: NaN equals itself
            return False
        if any(
            journals.code != "torn" for journals in before.notes.damage
        ):  # a writer may not have been through with it
            return False
        known, journals = before._journals, self._journals
        same = [one.identity for one in known] == [one.identity for one in journals] and known[-1].identity is not None
        return (
            same
            and journals[-1].size >= known[-1].size
            and all(one.size == other.size for one, other in zip(known[:-1], journals[:-1], strict=True))
        )

    def batches(self) -> Iterator[Batch]:
        """All calls, in order."""
        return iter(self._kept) if self._kept is not None else united(self._streams(Notes()))

    def _settled(self) -> Iterator[Batch]:
        return map(self.schema.settled, self.batches())

    def read(self, columns: list[str], steps: Steps | None = None) -> pa.Table:
        """Some columns of the rows, in this order; with `steps` only rows with first <= _step < end."""
        specs = self.specs
        wanted = set(columns)
        chosen = [spec for spec in specs if spec.name in wanted]
        batches, cells = [], 0
        for batch in build_rows(self._settled(), specs, self.started, chosen=chosen):
            batches.append(batch)
            cells += sum(column.null_count < len(column) for column in batch.columns) * len(batch)
            if cells > self._most_cells:
                got, hint = Verbatim("more"), "Read some: history(keys=...)."
                raise InputError.of("history", f"columns of at most {self._most_cells} cells", got, hint, "size")
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

    def close_kept(self) -> None:
        """Close the journals if all calls are in memory."""
        for journal in self._journals if self._kept is not None else ():
            journal.file.close()

    def forget(self) -> None:
        """Keep no calls in memory: they are read again."""
        self._kept = None

    def _streams(self, notes: Notes, before: RunContent | None = None) -> list[Iterator[Batch]]:
        """The calls of rank 0 and, each of them a stream, those that other ranks have logged.

        Read one after another, or all at once when they were read before: what is stored says the last step of each.
        """
        if not self.rank_calls:
            new = self._read(0, notes, before)
            return [new if before else chain(self._read_stored(), new)]
        others = (self._read(rank, notes.of_other_rank()) for rank in self.rank_calls)
        return [self._read_stored(), self._read(0, notes), *others]

    def _read_stored(self) -> Iterator[Batch]:
        """The rows that `history.parquet` has and no session took back."""
        if not self._stored:
            return
        ends = self._ends(self._stored)
        for batch in self._stored.batches():
            if self.rank_calls and batch.ranks is None:
                batch = batch.of_rank(0)
            if batch.ranks is None:
                kept = batch.before(ends[0]) if ends else batch
            else:
                limits = np.array([ends.get(rank, 2**63 - 1) for rank in range(int(batch.ranks.max()) + 1)])
                kept = batch.where(batch.steps < limits[batch.ranks]) if ends else batch
            if kept is not None and len(kept.steps):
                for rank, own in kept.by_rank():
                    self._stored_steps[rank] = max(int(own.steps[-1]), self._stored_steps.get(rank, -1))
                yield kept

    def _ends(self, stored: StoredHistory) -> dict[int, int]:
        """The step from which stored rows do not count, by rank, where a session went back."""
        calls = {0: stored.calls, **stored.ranks}
        return {rank: end for rank in calls if (end := files.end_of(self.run, calls[rank], rank)) is not None}

    def _read(self, rank: int, notes: Notes, before: RunContent | None = None) -> Iterator[Batch]:
        """The calls in the journals of a rank that are not stored; of rank 0 `before` holds the first of them."""
        stored = self._stored
        calls = (stored.ranks.get(rank, 0) if rank else stored.calls) if stored else 0  # so many were read
        step = self._stored_steps.get(rank)  # of the last one
        journals = [journal for journal in self._journals if rank_of(journal.path.name) == rank]
        if before and before._kept is not None:
            calls, journals = before.calls, journals[-1:]
            for batch in before._kept:
                yield batch
                step = int(batch.steps[-1])
        for journal in journals:
            if before:
                reader = before.reader.continued(journal.file, notes)
            else:
                reader = JournalReader(journal.path, journal.file, notes, calls)
            if not rank:
                self.reader = reader
            for batch in reader.read(journal.size):
                new = batch.after(calls)  # a journal that was finished into the stored rows repeats some
                calls = max(calls, batch.sequence + len(batch.steps))
                kept = new and in_order(new, step, journal.path, notes)
                end = files.end_of(self.run, batch.sequence + 1, rank)
                if kept and (kept := kept if end is None else kept.before(end)):
                    yield kept.of_rank(rank) if self.rank_calls else kept
                    step = int(kept.steps[-1])
            reader.close(journal.size)
        if rank:
            self.rank_calls[rank] = calls
        else:
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
        return self.notes.latest_config(self.run.get("config", {}))

    @property
    def problems(self) -> list[Problem]:
        """Recorded by the run's sessions, and found while reading."""
        found = [*files.problems_of(self.run), *self.notes.problems, *self.notes.damage, *self.metrics.problems]
        journal = self._journals[0].path if self._journals else None
        return [*found, *(killed_ranks(journal.parent, self.rank_calls) if isinstance(journal, Path) else ())]


class _JournalFile(NamedTuple):
    """A journal that is open, and how long it was then."""

    path: Location
    file: BinaryIO
    size: int
    identity: tuple[int, int] | None  # device and inode, on this machine


def _without_tail(content: RunContent) -> Notes:
    """Its notes without what was left of a frame at the end of the last journal: that may be whole by now."""
    notes, tail = content.notes.copy(), f"{content.reader.path.name}@"
    notes.damage = [
        problem for problem in notes.damage if not (problem.code == "torn" and problem.path.startswith(tail))
    ]
    return notes


def _open_journals(owner: object, folder: Location) -> list[_JournalFile]:
    """The journal files of a run, open as long as `owner` is there; raises StoreError if there is none."""
    journals = []
    try:
        for path in files.journals(folder):
            file = open_file(path)
            weakref.finalize(owner, file.close)
            status = os.fstat(file.fileno()) if isinstance(path, Path) else None
            identity = (status.st_dev, status.st_ino) if status else None
            journals.append(_JournalFile(path, file, file.seek(0, os.SEEK_END), identity))
    except OSError as error:
        raise os_error(StoreError, str(folder), "read the journal", error, "Open the run again.") from error
    if not journals:
        hint = "Restore the folder; without it the rows of an unfinished run are lost."
        raise StoreError.of(str(folder), "a journal of the run", Verbatim("no file"), hint)
    return journals
