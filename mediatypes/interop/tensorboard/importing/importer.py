"""Importing one run: its event files become a run folder, or what is new of them is added to one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ...._core import canonical
from ...._core.errors import (
    DocumentError,
    MediaTypesError,
    Problem,
    RunExists,
    StoreError,
    Verbatim,
    os_error,
    unexpected,
)
from ...._core.processes import this_process
from ....runfolder import files
from ....runfolder.lock import Lock
from ....runfolder.readme import README, write_readme
from ...importing.report import RunReport
from ...importing.sources import HEAD_BYTES, LogDir, read_head
from ...importing.staging import Staging, wait_for_lock
from ..log.event_table import Events
from ..plugins.convert import Converter, SeriesList
from ..plugins.mesh import MeshMaker, mesh_paths
from . import events_parquet, write_folder
from .attachments import Attached
from .decode import FileReading
from .events_parquet import EventLog
from .plan import EventFile, RunPlan
from .previous import NOTHING, FileState, read_previous
from .write_folder import Options

REPORT = "import.json"
FILES = files.ATTACHED
_KEPT_EVENTS = 2 << 20  # up to so many events are kept in memory between the two passes
_KEPT_CHARACTERS = 64 << 20  # and so many characters of their cells


def import_run(
    logdir: LogDir, plan: RunPlan, dest: Path, options: Options, lock: Lock | None = None, live: bool = False
) -> RunReport:
    """Import one run; an error that concerns it alone is part of the report.

    Without the run's `lock` it is taken while files are replaced. With `live` the run goes on: its `run.json` says so,
    and its journals, of which all is imported, stay.
    """
    try:
        return _RunImport(logdir, plan, dest / plan.folder, options).run(lock, live)
    except Exception as error:  # whatever it is, the next run is imported
        if isinstance(error, OSError) and not isinstance(error, StoreError):
            hint = "Free some space, or check permissions and the disk."
            error = os_error(StoreError, str(dest / plan.folder), "import the run", error, hint)
        return RunReport.of(plan.name, plan.folder, [unexpected(error)])


def is_imported(target: Path) -> bool:
    """Whether a folder holds what an import made."""
    return (target / events_parquet.NAME).exists()


class _RunImport:
    def __init__(self, logdir: LogDir, plan: RunPlan, target: Path, options: Options) -> None:
        self.logdir, self.plan, self.target, self.options = logdir, plan, target, options
        self.lock: Lock | None = None
        self.was_killed = False  # whoever wrote the run before
        self.previous, self.moved = NOTHING, list[str]()
        self.names: list[str] = []  # of event files, by number
        self.problems: list[Problem] = []
        self.kept: list[tuple[Events, int]] | None = []
        self.kept_events = self.kept_text = self.added = 0
        self.stats = write_folder.ImportStats()
        self.attached = Attached(logdir, plan, options.keep_events)

    def run(self, lock: Lock | None, live: bool) -> RunReport:
        self.lock = lock
        heads = self._load()
        if self._is_current(heads):
            return RunReport.from_stored(files.read_json(self.target / REPORT))
        with ExitStack() as self.stack:
            if lock is None and self.previous.footer:
                self.was_killed = (self.target / files.JOURNAL).exists()
                self._take_lock(wait_for_lock(self.target))
                if self.was_killed:
                    files.remove_leftovers(self.target)
                heads = self._load()  # as it is now that nobody else changes it
            self._require_ours()
            self.is_anew = bool(self.moved) and self._can_be_read_anew(heads)
            self.before = self.previous.names
            if self.is_anew:
                self.previous = NOTHING
            self.staging = self.stack.enter_context(Staging(self.target, self.is_anew))
            report = self._import(heads, live)
            if self.lock and not live:
                files.remove_journals(self.target)  # of whoever followed the logs: they say nothing that is not here
            return report

    def _take_lock(self, lock: Lock) -> None:
        self.lock = lock
        self.stack.callback(lock.release)

    def _load(self) -> dict[str, Any]:
        """What an earlier import left, if there is any, and how the event files begin now."""
        self.previous = read_previous(self.target)
        heads = {file.name: self._head(file) for file in self.plan.files}
        known = self.previous.known
        same = [name for name, head in heads.items() if name in known and known[name].head == head]
        if known and not same and not self.lock:
            hint = "Choose another destination, or remove that folder."
            raise RunExists(f"{self.target}: expected an import of the same event files, got one of others. {hint}")
        places = {file.name: file.folder for file in self.plan.files}
        self.moved = [
            name for name, one in known.items() if places.get(name, one.folder) != one.folder or self._is_moved(name)
        ]
        return heads

    def _is_moved(self, name: str) -> bool:
        """Whether an event file is there, but belongs to another run by now."""
        if any(file.name == name for file in self.plan.files):
            return False
        try:
            self.logdir.open(f"{self.plan.path}/{name}" if self.plan.path else name).close()
        except (MediaTypesError, OSError):
            return False
        return True

    def _can_be_read_anew(self, heads: dict[str, Any]) -> bool:
        """Whether all that was imported is still there; else what is known stays as it is, and that is said."""
        sizes = {file.name: file.size for file in self.plan.files}
        for name, known in self.previous.known.items():
            if name not in self.moved and (heads.get(name) != known.head or sizes[name] < known.file.position):
                for moved in self.moved:
                    text = f"expected {moved} where it was, got it in another run or namespace of the log directory"
                    self.problems.append(Problem(moved, text, "moved", "Import into another folder to have it there."))
                return False
        return True

    def _require_ours(self) -> None:
        """Refuse a run that somebody has resumed: it has rows that are in no logs."""
        try:
            run = files.read_run_json(self.target)
        except (StoreError, DocumentError):  # there is none, or it is written anew
            return
        if files.IMPORT not in run or (run["status"] == "running" and files.FOLLOWS not in run):
            hint = "Somebody has logged to it: choose another destination."
            raise RunExists(
                f"{self.target}: expected no run or an imported one, got {files.describe_run(self.target)[0]}. {hint}"
            )

    def _head(self, file: EventFile) -> dict[str, Any]:
        """The first bytes of a file, by size and hash; of a known one as many as were there."""
        known = self.previous.known.get(file.name)
        return read_head(self.logdir, file.path, known.head["size"] if known else min(file.size, HEAD_BYTES))

    def _is_current(self, heads: dict[str, Any]) -> bool:
        known = self.previous.known
        if (self.target / files.JOURNAL).exists():  # somebody wrote the run, and was killed
            return False
        unchanged = not self.moved and all(
            file.name in known and known[file.name].head == heads[file.name] and known[file.name].file.size == file.size
            for file in self.plan.files
        )
        if not known or not unchanged or not self.attached.are_in(self.target):
            return False
        try:
            whole = files.read_json(self.target / REPORT)
            run = files.read_run_json(self.target)
        except (StoreError, DocumentError):
            return False
        is_whole = whole.get("state") == self._state(self.previous.footer) == run.get("import")
        return is_whole and run["status"] != "running"  # else whoever followed the logs was killed

    def _state(self, footer: dict[str, Any]) -> str:
        """What the other files of the run were made from: the events, and how they are shown."""
        return hashlib.sha256(canonical.dump_bytes([footer, list(self.options)])).hexdigest()[:16]

    def _import(self, heads: dict[str, Any], live: bool) -> RunReport:
        self.series = SeriesList()
        for one in self.previous.series:
            self.series.intern(one)
        log = EventLog(self.staging.path / events_parquet.NAME, self.series.all, self.names)
        sink, message_sink = self.staging.sink(files.SIDECARS), self.staging.sink(FILES)
        converter = Converter(sink, message_sink)
        sources: list[FileState] = []
        try:
            named = self._all_files(heads)
            anew = {name for name, file in named.items() if file is not None and self._is_unsettled(name, file)}
            earlier = ((name, events) for name, events in self._earlier() if name not in anew)
            held = next(earlier, None)
            for name, file in named.items():
                number = len(self.names)
                self.names.append(name)
                while held is not None and held[0] == name:
                    self._take(log, held[1], number)
                    held = next(earlier, None)
                known = None if name in anew else self.previous.known.get(name)
                reading = FileReading(self.logdir, name, file, heads[name] if file else None, known)
                for events in reading.read(self.series, converter):
                    self._take(log, events, number)
                    self.added += len(events.steps)
                sources.append(reading.known)
                self.problems += reading.problems
            self._require_events(sources)
            footer = {
                "format": files.FORMAT,
                "sources": [source.to_json() for source in sources],
                "series": [list(one) for one in log.series],
            }
            log.close(footer)
        except BaseException:
            log.abort()
            raise
        before = mesh_paths(self.target, self.was_killed) if self._has_meshes() else set()
        state = self._state(footer)
        made = write_folder.FolderWriter(self.staging.path, self.target, self.plan, self.options, state, self.before)
        mesh = MeshMaker((self.staging.path, self.target), sink, self.problems)
        rows, notes = made.write(self._events, self.series.all, self.names, self.stats, mesh, self.problems)
        before -= mesh_paths(self.staging.path) if before else set()
        attached = self.attached.copy(self.staging.path, None if self.is_anew else self.target)
        if live:
            self._keep_running()
        report = RunReport(
            self.plan.name,
            self.plan.folder,
            "updated" if self.previous.footer or self.is_anew else "new",
            dict(sorted(self.stats.counts.items())),
            self.added,
            rows,
            [source.file for source in sources],
            attached,
            self.problems,
            notes,
        )
        files.write_json(self.staging.path / REPORT, {**report.to_stored(), "state": state})
        if not self.lock and (self.target / files.RUN).exists():  # another process was faster
            self._take_lock(wait_for_lock(self.target))
        write_readme(self.staging.path)
        self.staging.commit((README, events_parquet.NAME, files.HISTORY, files.MEDIA, files.SUMMARY, files.RUN, REPORT))
        for path in before:  # of meshes whose parts were not all there
            (self.target / path).unlink(missing_ok=True)
        return report

    def _require_events(self, sources: list[FileState]) -> None:
        """Refuse files that are only called as event files are; those in which nothing is whole yet may become some."""
        foreign = [one.file for one in sources if any(damage["kind"] == "foreign" for damage in one.file.damage)]
        if foreign and len(foreign) == len(sources) and not self.plan.attached and not self.previous.footer:
            meaning, hint = foreign[0].damage[0]["meaning"], "Look at what it is, or remove it."
            raise DocumentError.of(foreign[0].name, "records of events", Verbatim(meaning), hint, "foreign")

    def _keep_running(self) -> None:
        """Say in `run.json` that the run goes on."""
        path = self.staging.path / files.RUN
        run = files.read_json(path)
        del run["finished"]
        files.write_json(path, {**run, "status": "running", "writer": this_process(), files.FOLLOWS: True})

    def _has_meshes(self) -> bool:
        return any(one.type.startswith("mesh_") for one in self.series.all)

    def _is_unsettled(self, name: str, file: EventFile) -> bool:
        """Whether a file has grown of which the end could not be understood: it is read from its start."""
        known = self.previous.known.get(name)
        return known is not None and not known.settled and file.size > known.file.size

    def _all_files(self, heads: dict[str, Any]) -> dict[str, EventFile | None]:
        """The event files by name, in the order of their last part: those that are gone, and those that are there."""
        known = self.previous.known
        named: dict[str, EventFile | None] = dict.fromkeys(known)
        for file in self.plan.files:
            name = file.name
            if name in known and known[name].head != heads[name]:
                text = f"expected {name} as it was imported, got another file of that name"
                self.problems.append(Problem(name, text, "replaced", "The events of both are kept."))
                name = f"{name}#{heads[name]['sha256'][:8]}"
                heads[name] = self._head(file._replace(name=name))
            named[name] = file
        return dict(sorted(named.items(), key=lambda item: (item[0].rpartition("/")[2], item[0])))

    def _earlier(self) -> Iterator[tuple[str, Events]]:
        """The events of an earlier import, with the name of their file."""
        if self.previous.footer:
            names = self.previous.names
            for events, number in events_parquet.read_events(self.target / events_parquet.NAME, self.series.all, names):
                yield names[number], events

    def _take(self, log: EventLog, events: Events, number: int) -> None:
        """Events go to the log, and are kept or read again for the history."""
        if not len(events.steps):
            return
        self.stats.add(events, number, self.series.all)
        log.add(events, number)
        self.kept_events += len(events.steps)
        self.kept_text += events.size
        if self.kept is not None:
            self.kept.append((events, number))
            if self.kept_events > _KEPT_EVENTS or self.kept_text > _KEPT_CHARACTERS:
                self.kept = None

    def _events(self, low: int | None = None, high: int | None = None) -> Iterator[tuple[Events, int]]:
        if self.kept is not None:
            return iter(self.kept)
        return events_parquet.read_events(
            self.staging.path / events_parquet.NAME, self.series.all, self.names, low, high
        )
