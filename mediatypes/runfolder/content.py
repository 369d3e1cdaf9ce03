"""What a run holds: the rows of sessions that are over, and while it is written the calls of its journals."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator
from copy import copy
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
from .held_calls import HeldCalls
from .lock import killed_ranks
from .media_index import MediaRows
from .merge_rows import arrow_schema, build_rows
from .parquet_reader import Steps, StoredHistory, slice_steps
from .schema import ColumnSpec, Schema
from .statistics import statistics
from .summary import Summary

_HOLD = 2**25  # bytes of calls that are held in memory; of more than that only what a summary needs
_MOST_CELLS = 2**25  # of a table of all rows, beside two for each byte of the journals
_MAY_HEAL = ("frame", "checksum")  # damage that is none once its writer is through


class RunContent:
    """All calls of a run by columns, its summary and notes, as they stood when this was made.

    The files are held open, so that a writer that finishes meanwhile takes nothing away.

    Args:
        root: the run's directory.
        run: its `run.json`.
        before: the content as it stood earlier, of which only what is new is read if nothing but that has changed.
        hold: bytes of calls that are held in memory, about; if there are more they are read again for each history.
        rank: of whose journals alone the calls are read; of those of all ranks without it.

    Raises:
        StoreError: a running run has no journal, another no history, or the system cannot read a file.
        DocumentError: a file is none of ours.
    """

    reader: JournalReader  # of the last journal of rank 0
    notes: Notes
    schema: Schema
    stored_specs: list[ColumnSpec]
    calls: int  # of rank 0
    rank_calls: dict[int, int]  # of ranks but 0
    _logged: Summary  # without what was set
    _stored_steps: dict[int, int]  # of the last stored row of each rank
    _places: dict[int, _Place]  # of each rank
    _held: HeldCalls | None
    _summary_values: dict[str, Any] | None = None  # once they were asked for

    def __init__(
        self,
        root: Location,
        run: dict[str, Any],
        before: RunContent | None = None,
        hold: int | None = None,
        rank: int | None = None,
    ) -> None:
        hold = _HOLD if hold is None else hold
        self.run, self.started = run, float(run["started"])
        journals = _open_journals(self, root / files.JOURNAL) if run["status"] == "running" else []
        self._journals = [one for one in journals if rank is None or rank_of(one.path.name) == rank]
        history = root / files.HISTORY
        self._stored = None if self._journals and not history.exists() else StoredHistory(history)
        size = sum(journal.size for journal in self._journals)
        # What is in memory for a cell is no more than what is on the disk for a value, if few cells have none.
        self._most_cells = 2**63 if self._stored else _MOST_CELLS + 2 * size
        if not (before and self._continues(before)):
            self._gather(None, hold)
        elif self._sizes() == before._sizes():  # nothing is new
            vars(self).update(vars(before) | {"_journals": self._journals})
        elif not self._gather(before, hold):
            self._gather(None, hold)

    def _gather(self, before: RunContent | None, hold: int) -> bool:
        """Read all calls, after `before` only the new ones; returns whether that gave what reading all would give."""
        run, stored = self.run, self._stored
        if before:
            self.notes, self.schema, self._logged = _without_tails(before), before.schema.copy(), before._logged.copy()
            self.stored_specs, self._stored_steps = before.stored_specs, before._stored_steps
            self._places = {rank: copy(place) for rank, place in before._places.items()}
            self.rank_calls = dict(before.rank_calls)
            held = before._held.copy() if before._held else None
        else:
            self.notes, self.schema = Notes(), Schema()
            self._stored_steps = {}
            ranks = {*(rank_of(journal.path.name) for journal in self._journals), *(stored.ranks if stored else ())}
            self.rank_calls = dict.fromkeys(sorted(ranks - {0}), 0)
            self._places = {rank: _Place() for rank in (0, *self.rank_calls)}
            # Where a session went back some of them may have no rows any more.
            self.stored_specs = stored.specs if stored and not self._ends(stored) else []
            if self.rank_calls:
                self.schema.add_column(*RANK, True)
            for spec in self.stored_specs:
                self.schema.add_column(spec.key, spec.kind, spec.integral)
            self._logged = Summary(self.stored_specs)
            held = HeldCalls(2 + len(self.rank_calls)) if self._journals else None
        for number, stream in enumerate(self._streams(self.notes, self._places, is_new=before is not None)):
            for batch in stream:
                self.schema.add(batch)
                self._logged.add(batch, self.started)
                if held:
                    held.add(number, batch)
                    held = held if held.size <= hold else None
        self._held = held
        self.calls = self._places[0].calls
        self.rank_calls = {rank: self._places[rank].calls for rank in self.rank_calls}
        if reader := self._places[0].reader:
            self.reader = reader
        self.summary = self._logged.copy()
        for cells in [self.run_overrides(), *self.notes.summary]:
            self.summary.apply(cells)
        self.metrics = Metrics([*files.metrics_of(run), *self.notes.metrics])
        self.specs = self.schema.specs()  # the columns that a history of these calls has
        # New columns: their order, and so their names, could depend on where the reading was cut.
        return before is None or (self.specs, self._declared()) == (before.specs, before._declared())

    def _declared(self) -> list[Any]:
        """What new columns, also those that are in no history, and layouts change."""
        layouts = [list(place.reader.layouts) for place in self._places.values() if place.reader]
        return [self.schema.count, *layouts]

    def _continues(self, before: RunContent) -> bool:
        """Whether nothing but calls at the end of the journals of its ranks can have come since `before`."""
        if repr(before.run) != repr(self.run):  # repr: NaN equals itself
            return False
        known, now = before._journals_by_rank(), self._journals_by_rank()
        if not now or known.keys() != now.keys() or not all(_grew(known[rank], now[rank]) for rank in known):
            return False
        # A writer may not have been through with what looks damaged.
        sound = not any(damage.code in _MAY_HEAL for damage in before.notes.damage)
        return sound or (files.status_of(self.run) == "crashed" and self._sizes() == before._sizes())

    def _sizes(self) -> list[tuple[str, int]]:
        return [(journal.path.name, journal.size) for journal in self._journals]

    def _journals_by_rank(self) -> dict[int, list[_JournalFile]]:
        journals: dict[int, list[_JournalFile]] = {}
        for journal in self._journals:
            journals.setdefault(rank_of(journal.path.name), []).append(journal)
        return journals

    def batches(self) -> Iterator[Batch]:
        """All calls, in order."""
        if self._held:
            return self._held.batches()
        return united(self._streams(Notes(), {rank: _Place() for rank in self._places}))

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
        for journal in self._journals if self._held else ():
            journal.file.close()

    def forget(self) -> None:
        """Keep no calls in memory: they are read again."""
        self._held = None

    def _streams(self, notes: Notes, places: dict[int, _Place], is_new: bool = False) -> list[Iterator[Batch]]:
        """The calls that are stored, those of rank 0 and, each of them a stream, those that other ranks have logged.

        Read one after another, or all at once when they were read before: what is stored says the last step of each.
        With `is_new` only those that come after `places`.
        """
        stored: Iterator[Batch] = iter(()) if is_new else self._read_stored()
        first = self._read(0, notes, places[0])
        if not self.rank_calls:
            return [chain(stored, first)]
        others = (self._read(rank, notes.of_other_rank(), places[rank]) for rank in self.rank_calls)
        return [stored, first, *others]

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
                taken_back = np.zeros(len(batch.steps), bool)
                for rank, end in ends.items():
                    taken_back |= (batch.ranks == rank) & (batch.steps >= end)
                kept = batch.where(~taken_back)
            if kept is not None and len(kept.steps):
                for rank, own in kept.by_rank():
                    self._stored_steps[rank] = max(int(own.steps[-1]), self._stored_steps.get(rank, -1))
                yield kept

    def _ends(self, stored: StoredHistory) -> dict[int, int]:
        """The step from which stored rows do not count, by rank, where a session went back."""
        calls = {0: stored.calls, **stored.ranks}
        return {rank: end for rank in calls if (end := files.end_of(self.run, calls[rank], rank)) is not None}

    def _read(self, rank: int, notes: Notes, place: _Place) -> Iterator[Batch]:
        """The calls in the journals of a rank that are not stored, after `place`, which is moved on."""
        stored, journals = self._stored, self._journals_by_rank().get(rank, [])
        taken_back = files.taken_back(self.run, rank)
        before = place.reader
        if before:
            journals = journals[[journal.path.name for journal in journals].index(before.path.name) :]
        elif stored:
            place.calls, place.step = stored.ranks.get(rank, 0) if rank else stored.calls, self._stored_steps.get(rank)
        for journal in journals:
            if before and journal.path.name == before.path.name:
                reader = before.continued(journal.file, notes)
            else:
                reader = JournalReader(journal.path, journal.file, notes, place.calls)
            for batch in reader.read(journal.size):
                new = batch.after(place.calls)  # a journal that was finished into the stored rows repeats some
                place.calls = max(place.calls, batch.sequence + len(batch.steps))
                counting = new and new.without(taken_back)
                if counting and (kept := in_order(counting, place.step, journal.path, notes)):
                    place.step = int(kept.steps[-1])
                    yield kept.of_rank(rank) if self.rank_calls else kept
            reader.close(journal.size)
            place.reader = reader

    def summary_values(self) -> dict[str, Any]:
        """The summary; for the statistics that metrics ask for, all calls are read again."""
        if self._summary_values is None:
            by_key = statistics(self.metrics, self.batches(), self.stored_specs)
            self._summary_values = self.summary.values(self.metrics, by_key)
        return dict(self._summary_values)

    def told(self) -> dict[str, Any]:
        """What `run.json` says of the rows and frames once the run is over, beside config and status."""
        members = {
            "metrics": self.metrics.to_json(),
            "problems": [problem._asdict() for problem in self.problems],
            "summary_overrides": {key: list(cell) for key, cell in self.summary.overrides.items()},
            "ranks": {str(rank): calls for rank, calls in self.rank_calls.items()},
        }
        return {name: member for name, member in members.items() if member}

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
        problems = [*files.problems_of(self.run), *self.notes.problems, *self.notes.damage, *self.metrics.problems]
        journal = self._journals[0].path if self._journals else None
        return [*problems, *(killed_ranks(journal.parent, self.rank_calls) if isinstance(journal, Path) else ())]


class _Place:
    """How far the calls of one rank were read."""

    calls = 0  # so many, of those that are stored too
    step: int | None = None  # of the last one that counts
    reader: JournalReader | None = None  # of its last journal


class _JournalFile(NamedTuple):
    """A journal that is open, and how long it was then."""

    path: Location
    file: BinaryIO
    size: int
    identity: tuple[int, int] | str  # device and inode; elsewhere, where nothing is appended, its name


def _grew(known: list[_JournalFile], now: list[_JournalFile]) -> bool:
    """Whether the journals of a rank can be `known` and what was appended since: elsewhere their last one may end
    sooner by now, and go on in further ones."""
    if [one.identity for one in known] != [one.identity for one in now[: len(known)]]:
        return False
    if [one.size for one in known[:-1]] != [one.size for one in now[: len(known) - 1]]:
        return False
    return isinstance(known[-1].identity, str) if len(now) > len(known) else now[-1].size >= known[-1].size


def _without_tails(content: RunContent) -> Notes:
    """Its notes without what was left of frames at the ends of journals: these may be whole by now."""
    notes = content.notes.copy()
    tails = tuple(f"{place.reader.path.name}@" for place in content._places.values() if place.reader)
    notes.damage = [one for one in notes.damage if not (one.code == "torn" and one.path.startswith(tails))]
    return notes


def _open_journals(owner: object, folder: Location) -> list[_JournalFile]:
    """The journal files of a run, open as long as `owner` is there; raises StoreError if there is none."""
    journals = []
    listed = files.journals(folder)
    try:
        for path in listed:
            file = open_file(path)
            weakref.finalize(owner, file.close)
            status = os.fstat(file.fileno()) if isinstance(path, Path) else None
            identity = (status.st_dev, status.st_ino) if status else path.name
            journals.append(_JournalFile(path, file, file.seek(0, os.SEEK_END), identity))
    except OSError as error:
        raise os_error(StoreError, str(folder), "read the journal", error, "Open the run again.") from error
    if not journals:
        hint = "Restore the folder; without it the rows of an unfinished run are lost."
        raise StoreError.of(str(folder), "a journal of the run", Verbatim("no file"), hint)
    return journals
