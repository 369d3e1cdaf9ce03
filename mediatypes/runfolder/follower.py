"""Following a run while it is written: only what is new is read, from journals where the last look stopped."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np

from .._core.errors import StoreError, Verbatim, os_error
from .._core.location import local_path
from .._core.sidecar import open_file
from ..columns.batch import Batch
from ..journal.names import rank_of
from ..journal.reader import JournalReader, Notes, in_order
from . import files
from .parquet_reader import StoredHistory

AT_ONCE = 8  # batches: of a journal about 64 MiB


class Follower:
    """The calls of a run as they are logged, over all its sessions; of earlier ones the rows of `history.parquet`.

    Make one, then call `poll()` again and again. It writes nothing and takes no lock. A call that returned is seen by
    the next poll. Journals are held open, so that nothing is missed of a run that is finished meanwhile.

    Args:
        root: the run's directory.

    Raises:
        StoreError: there is no run.
        DocumentError: `run.json` is damaged or foreign.

    >>> import tempfile, mediatypes as mt
    >>> run = mt.Run(tempfile.mkdtemp() + "/run")
    >>> with Follower(run.path) as follower:
    ...     run.log({"loss": 0.5})
    ...     first = [batch.columns["loss", "number"].values.tolist() for batch in follower.poll()]
    ...     run.log({"loss": 0.25})
    ...     run.finish()
    ...     second = [batch.columns["loss", "number"].values.tolist() for batch in follower.poll()]
    >>> first, second, follower.status
    ([[0.5]], [[0.25]], 'finished')
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = local_path(root, "Follower")
        self.notes = Notes()  # config, what was set in the summary, metrics, problems and damage in the journals
        self.calls = 0  # of rank 0: so many were told, or stand in rows that were
        self._others: dict[int, int] = {}  # the same of other ranks
        self._steps: dict[int, int] = {}  # of the last one of each rank
        self._journals: dict[tuple[int, int], _Journal] = {}  # by device and inode: names are used again
        self._stamp: tuple[int, ...] | None = None  # of run.json
        self._compared: tuple[int, ...] | None = None  # run.json when history.parquet was last compared with the calls
        self._new: Iterator[Batch] = iter(())
        self._look()
        self._rewinds = len(self.run.get("rewinds", []))
        self.restarts = 0  # so many times all rows were told anew

    def poll(self) -> list[Batch]:
        """The calls since the last poll, at most about 64 MiB of journal at once; none when there are no more yet.

        `status` and `run` are as they stood before the calls were read: if it returns nothing and the status is not
        "running", there will be no more, unless the run is resumed.

        If a session went back to an earlier step, all rows that count are told anew; `restarts` is one more then. If
        the run was finished and resumed between two polls, the last row that was told may be told again, whole.

        Of a run with several ranks a batch holds calls of one, `ranks` says of which; there is no column for it.

        Raises:
            StoreError: a file is gone, or cannot be read.
            DocumentError: a file is damaged or foreign.
        """
        batches = list(islice(self._new, AT_ONCE))
        if not batches:
            self._new = self._read()
            batches = list(islice(self._new, AT_ONCE))
        return batches

    def close(self) -> None:
        """Close the journals; does nothing the second time."""
        for journal in self._journals.values():
            journal.file.close()
        self._journals = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        for journal in getattr(self, "_journals", {}).values():
            journal.file.close()

    def _look(self) -> None:
        """Read `run.json` if it was replaced, and see whether its writer lives."""
        stamp = files.stamp_of(self.root)
        if stamp != self._stamp or not stamp:  # reading it says why there is none
            self.run = files.read_run_json(self.root)
            self._stamp = stamp
        self.status = files.status_of(self.run)  # as in `RunView.status`

    def _read(self) -> Iterator[Batch]:
        """What is new. The status is looked at before the calls: then those of a run that is over are all there."""
        self._look()
        if len(self.run.get("rewinds", [])) != self._rewinds:
            self._restart()
        listed = self._open_journals() if self.run["status"] == "running" else set()
        if listed and self._compared is None:
            yield from self._stored()
        for key, journal in list(self._journals.items()):
            reader, rank = journal.reader, rank_of(journal.reader.path.name)
            for batch in reader.read():
                if batch.sequence > self._told(rank):  # a whole session was missed
                    yield from self._stored()
                yield from self._tell(batch, rank)
            if reader.sequence > self._told(rank):
                yield from self._stored()
            if self.status != "running" or key not in listed:
                journal.end()
            if key not in listed:
                journal.file.close()
                del self._journals[key]
        if self.run["status"] != "running":
            yield from self._stored()

    def _restart(self) -> None:
        """Forget what was told: a session went back to an earlier step, and rows were taken back."""
        self.close()
        self.restarts += bool(self._steps)
        self._rewinds = len(self.run.get("rewinds", []))
        self.notes, self.calls, self._compared = Notes(), 0, None
        self._others, self._steps = {}, {}

    def _open_journals(self) -> set[tuple[int, int]]:
        """Open the journals that are new; returns which there are."""
        folder, listed = self.root / files.JOURNAL, set()
        for path in files.journals(folder):
            try:
                state = path.stat()
                key = (state.st_dev, state.st_ino)
                if key not in self._journals:
                    file = open_file(path)
                    state = os.fstat(file.fileno())
                    key = (state.st_dev, state.st_ino)
                    notes = self.notes.of_other_rank() if rank_of(path.name) else self.notes
                    self._journals[key] = _Journal(file, JournalReader(path, file, notes))
            except FileNotFoundError:  # the run was just finished
                continue
            except OSError as error:
                raise os_error(StoreError, str(path), "open the journal", error, "Check permissions.") from error
            listed.add(key)
        if not self._journals:
            self._look()
            if self.run["status"] == "running":
                hint = "Restore the folder; without it the rows of an unfinished run are lost."
                raise StoreError.of(str(folder), "a journal of the run", Verbatim("no file"), hint)
        return listed

    def _stored(self) -> Iterator[Batch]:
        """The rows of `history.parquet` from the last step on, if it was made of more calls than were told."""
        self._look()
        if self._compared == self._stamp:  # nobody finished the run since
            return
        self._compared = self._stamp
        path = self.root / files.HISTORY
        if self.run["status"] == "running" and not path.exists():
            return
        stored = StoredHistory(path)
        calls = {0: stored.calls, **stored.ranks}
        if any(count > self._told(rank) for rank, count in calls.items()):
            # Numbered so that the last row has the last number: no row is older than that, so none is left out.
            first, numbers = (
                dict(self._steps),
                {rank: calls[rank] - rows for rank, rows in stored.rows_by_rank().items()},
            )
            for mixed in stored.batches():
                for rank, batch in mixed.by_rank():
                    start = int(np.searchsorted(batch.steps, first[rank])) if rank in first else 0
                    rows = batch._replace(sequence=numbers[rank]).after(numbers[rank] + start)
                    numbers[rank] += len(batch.steps)
                    if rows:
                        yield from self._tell(rows, rank)

    def _told(self, rank: int) -> int:
        return self._others.get(rank, 0) if rank else self.calls

    def _tell(self, batch: Batch, rank: int) -> Iterator[Batch]:
        new = batch.after(self._told(rank))
        if new:
            count = new.sequence + len(new.steps)
            self.calls, self._others = (self.calls, {**self._others, rank: count}) if rank else (count, self._others)
            counting = new.without(files.taken_back(self.run, rank))
            if counting and (kept := in_order(counting, self._steps.get(rank), self.root, self.notes)):
                self._steps[rank] = int(kept.steps[-1])
                yield kept.said_by(rank)


class _Journal:
    """A journal that is open."""

    def __init__(self, file: BinaryIO, reader: JournalReader) -> None:
        self.file, self.reader = file, reader
        self._ended = False

    def end(self) -> None:
        """Nothing will be appended to it: say once what is left of a frame that was not written whole."""
        if not self._ended:
            self._ended = True
            self.reader.close(os.fstat(self.file.fileno()).st_size)
