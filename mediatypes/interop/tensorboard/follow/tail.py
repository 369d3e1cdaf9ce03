"""A run that is open while its logs are written: what is new in the event files is put into its journal."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ...._core.errors import Problem, unexpected
from ....runfolder import files
from ....store.directory import DirectoryStore
from ....writing.call_writer import CallWriter
from ....writing.config import Config
from ....writing.session import Session
from ...importing.sources import HEAD_BYTES, LogDir, read_head
from ..importing.decode import FileDecoder, open_reader
from ..importing.plan import EventFile
from ..importing.previous import read_previous
from ..log.event_table import Events
from ..plugins.convert import Converter, SeriesList
from .calls import EventCalls

_MAX_EVENTS = 200_000  # in a journal, or as many as were imported before
_MAX_DISPLACED = 5_000  # events with another step than theirs, or a quarter of those that were imported


class _Tail:
    """An event file, and how far it was read."""

    def __init__(self, file: EventFile, decoder: FileDecoder, position: int, size: int, head: dict[str, Any]) -> None:
        self.file, self.decoder, self.position, self.size, self.head = file, decoder, position, size, head
        self.imported = position
        self.is_lost = self.is_gone = False


class LiveRun:
    """An imported run that goes on, its session just opened."""

    def __init__(self, logdir: LogDir, root: Path, session: Session) -> None:
        self.logdir, self.session = logdir, session
        self.writer = CallWriter(session, None)
        self._config = Config(session.config, self.writer.append, self.writer.lock)
        self._series = SeriesList()
        self.calls = EventCalls(self.writer, self._series.all, set(session.last))
        self._converter = Converter(DirectoryStore(root, files.SIDECARS), DirectoryStore(root, files.ATTACHED))
        self._known = read_previous(root).known
        self._tails: dict[str, _Tail] = {}

    @property
    def is_long(self) -> bool:
        """Whether it is time to import what the journal holds."""
        stored = self.session.calls
        many = self.calls.events > max(_MAX_EVENTS, stored)
        return many or self.calls.displaced > max(_MAX_DISPLACED, stored // 4)

    def grown(self, wanted: Iterable[EventFile], sizes: dict[str, int]) -> list[EventFile]:
        """The files with another size than when they were read."""
        grown = []
        for file in wanted:
            size = sizes.get(file.path)
            tail = self._tails.get(file.path)
            if size is None or (tail is not None and (tail.is_lost or tail.size == size)):
                continue
            known = self._known.get(file.name)
            if tail is not None or known is None or known.file.size != size:
                grown.append(file)
        return grown

    def gone(self, sizes: dict[str, int]) -> list[Problem]:
        """The files that were removed before they were imported whole; each is told once."""
        problems = []
        for path, tail in self._tails.items():
            if path not in sizes and tail.position > tail.imported and not tail.is_gone:
                tail.is_gone = True
                text = f"expected {path} to stay until it is imported, got it removed"
                hint = "What came since the last import goes with the next one: put it back, or copy the run now."
                problems.append(Problem(path, text, "gone", hint))
        return problems

    def behind(self, grown: list[EventFile], sizes: dict[str, int]) -> int:
        """How many bytes are still to be read."""
        return sum(sizes[file.path] - self._tail(file).position for file in grown)

    def read(self, grown: list[EventFile], sizes: dict[str, int]) -> list[Problem]:
        """Log what is new in these files; returns what is wrong with some."""
        problems: list[Problem] = []
        new: list[Events] = []
        for file in grown:
            tail = self._tail(file)
            tail.size = sizes[file.path]
            try:
                problem = self._changed(tail)
                new += [] if problem else self._decode(tail)
            except Exception as error:  # whatever it is, the other files are read
                problem = unexpected(error, file.path)
            if problem:
                tail.is_lost = True  # until the next import
                problems.append(problem)
        if new:
            events = Events.join(new)
            self.calls.write(events)
            self._configure(events)
        return problems

    def close(self) -> None:
        """Write nothing more. The lock stays."""
        self.writer.close()

    def _tail(self, file: EventFile) -> _Tail:
        """A file from where the import stopped."""
        tail = self._tails.get(file.path)
        if tail is None:
            known = self._known.get(file.name)
            decoder = FileDecoder(file.folder, self._series, self._converter, dict(known.remembered) if known else {})
            place = (known.file.position, known.file.size, known.head) if known else (0, 0, {"size": 0})
            tail = self._tails[file.path] = _Tail(file, decoder, *place)
        return tail

    def _changed(self, tail: _Tail) -> Problem | None:
        """Whether a file is not the one whose beginning was read."""
        path, head = tail.file.path, tail.head
        if tail.size < tail.position:
            text = f"expected at least the {tail.position} bytes that were read, got {tail.size}"
            return Problem(path, text, "shorter", "What was imported of it is kept.")
        if head["size"] < min(tail.size, HEAD_BYTES):
            tail.head = read_head(self.logdir, path, min(tail.size, HEAD_BYTES))
        if head["size"] and read_head(self.logdir, path, head["size"]) != head:
            text = f"expected {path} as it was, got another file of that name"
            return Problem(path, text, "replaced", "The next import reads it.")
        return None

    def _decode(self, tail: _Tail) -> list[Events]:
        with self.logdir.open(tail.file.path) as opened:
            reader = open_reader(opened, tail.size, tail.position)
            decoded = [events for events in tail.decoder.decode(reader) if len(events.steps)]
        tail.position = reader.position
        return decoded

    def _configure(self, events: Events) -> None:
        """Hyperparameters are the run's config."""
        for row, cell in events.cells.items():
            is_hparams = self._series.all[events.series[row]].type == "hparams"
            if is_hparams and (new := cell.value.get("start", {}).get("hparams")):
                self._config.update(new)
