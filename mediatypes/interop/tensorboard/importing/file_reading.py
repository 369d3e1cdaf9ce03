"""Reading what is new of one event file, and what is known of it then."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...._core.errors import Problem
from ....formats.tfrecord import KINDS
from ...importing.report import FileReport
from ...importing.sources import HEAD_BYTES, LogDir, read_head
from ..log.event_table import Events
from ..plugins.convert import Converter
from ..plugins.series import SeriesList
from .decode import FileDecoder, open_reader
from .plan import EventFile
from .previous import FileState

_KEPT_PROBLEMS = 100  # of a file, kept in full; the rest is counted


class FileReading:
    """What is new of an event file.

    Args:
        name: of the file; another file of that name may have been imported before.
        file: None if it is gone.
        head: its first bytes, at least as many as are known of it; None if it is gone.
        known: what an earlier import left of it.
    """

    def __init__(
        self, logdir: LogDir, name: str, file: EventFile | None, head: dict[str, Any] | None, known: FileState | None
    ) -> None:
        self.logdir, self.name, self.file = logdir, name, file
        self.known = known or FileState(FileReport(name, 0, 0, 0, "", []), {"size": 0}, "", {}, [], 0, True)
        self.problems: list[Problem] = []  # once it was read
        self._is_new = known is None
        self._head = head or self.known.head

    def read(self, series: SeriesList, converter: Converter) -> Iterator[Events]:
        """The events that are new; then `known` and `problems` are up to date."""
        file, known = self.file, self.known
        if file is not None and file.size < known.file.position:
            text = f"expected at least the {known.file.position} bytes that were imported, got {file.size}"
            self.problems.append(Problem(self.name, text, "shorter", "Its events are kept."))
        elif file is not None and (self._is_new or file.size != known.file.size):
            yield from self._decode(file, series, converter)
        if file is not None:
            size = min(file.size, HEAD_BYTES)
            head = read_head(self.logdir, file.path, size) if self._head["size"] < size else self._head
            self.known = self.known._replace(folder=file.folder, head=head)
        self.problems += self.known.problems
        if self.known.unlisted_count:
            text = f"expected no more than {_KEPT_PROBLEMS} problems, got {self.known.unlisted_count} more"
            self.problems.append(Problem(self.name, text, "many"))

    def _decode(self, file: EventFile, series: SeriesList, converter: Converter) -> Iterator[Events]:
        known, report, remembered = self.known, self.known.file, dict(self.known.remembered)
        decoder = FileDecoder(file.folder, series, converter, remembered)
        with self.logdir.open(file.path) as opened:
            reader = open_reader(opened, file.size, report.position)
            yield from decoder.decode(reader)
        new = sorted(decoder.problems, key=lambda problem: int(problem.path.removeprefix("@")))
        problems = known.problems + [problem._replace(path=f"{self.name}{problem.path}") for problem in new]
        whole = [one for one in report.damage if one["offset"] < report.position]
        damage = [{**one._asdict(), "meaning": KINDS[one.kind]} for one in reader.damage]
        version, records = decoder.version or report.writer, report.records + reader.count
        self.known = known._replace(
            file=FileReport(self.name, file.size, reader.position, records, version, whole + damage),
            remembered=remembered,
            problems=problems[:_KEPT_PROBLEMS],
            unlisted_count=known.unlisted_count + decoder.unlisted_count + len(problems[_KEPT_PROBLEMS:]),
            settled=reader.settled,
        )
