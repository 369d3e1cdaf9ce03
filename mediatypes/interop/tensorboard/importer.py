"""Importing one run: its event files become a run folder, or what is new of them is added to one."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..._core import canonical
from ..._core.errors import DocumentError, InputError, MediaTypesError, Problem, RunExists, StoreError
from ...history import files
from . import eventlog, media, view
from .decode import FileDecoder, open_reader
from .eventlog import EventLog
from .events import Metadata
from .framing import KINDS
from .plan import EventFile, RunPlan, safe_name
from .report import FileReport, RunReport
from .series import Series, SeriesList
from .sources import LogDir
from .staging import Staging
from .table import Events
from .values import Converter
from .view import Options

REPORT = "import.json"
FILES = files.ATTACHED
_KEPT_EVENTS = 2 << 20  # up to so many events are kept in memory between the two passes
_KEPT_TEXT = 64 << 20  # and so many characters of their cells
_HEAD = 1024  # bytes by which a file is known again


class _Known(NamedTuple):
    """An event file as an earlier import left it."""

    file: FileReport
    head: dict[str, Any]
    remembered: dict[str, Metadata]


def import_run(logdir: LogDir, plan: RunPlan, out: Path, options: Options) -> RunReport:
    """Import one run; an error that concerns it alone is part of the report."""
    try:
        return _RunImport(logdir, plan, out / plan.folder, options).run()
    except (MediaTypesError, OSError) as error:
        problems = [Problem("", str(error).rstrip("."), type(error).__name__)]
        return RunReport(plan.name, plan.folder, "failed", {}, 0, 0, [], [], problems, [])


class _RunImport:
    def __init__(self, logdir: LogDir, plan: RunPlan, target: Path, options: Options) -> None:
        self.logdir, self.plan, self.target, self.options = logdir, plan, target, options
        self.series = SeriesList()
        self.names: list[str] = []  # of event files, by number
        self.known: dict[str, _Known] = {}
        self.footer: dict[str, Any] = {}
        self.problems: list[Problem] = []
        self.kept: list[tuple[Events, int]] | None = []
        self.kept_events = self.kept_text = self.added = 0
        self.facts = view.Facts()

    def run(self) -> RunReport:
        self._load()
        heads = {file.name: self._head(file) for file in self.plan.files}
        if self._is_current(heads):
            found = files.read_json(self.target / REPORT)
            return _report_of(found, self.plan)
        self.staging = Staging(self.target)
        try:
            return self._import(heads)
        finally:
            self.staging.discard()

    def _load(self) -> None:
        """What an earlier import left, if there is any."""
        if not self.target.exists() or not any(self.target.iterdir()):
            if self.target.exists():
                self.target.rmdir()
            return
        path = self.target / eventlog.NAME
        if not path.is_file():
            hint = "Choose another destination."
            raise RunExists(
                f"{self.target}: expected no run or an imported one, got {files.describe_run(self.target)}. {hint}"
            )
        try:
            self.footer = eventlog.read_footer(path)
            for source in self.footer["sources"]:
                known = {
                    tag: Metadata(plugin, bytes.fromhex(content), name, description)
                    for tag, (plugin, content, name, description) in source["tags"].items()
                }
                self.known[source["name"]] = _Known(_file_report(source), source["head"], known)
            for item in self.footer["series"]:
                self.series.number(Series(*item))
        except Exception as error:  # cut, or not ours: pyarrow and JSON have many ways to say it
            hint = "Remove the folder and import again."
            raise DocumentError.of(
                str(path), "the events of an earlier import", str(error)[:60], hint, "events"
            ) from error

    def _head(self, file: EventFile) -> dict[str, Any]:
        """The first bytes of a file, by size and hash; of a known one as many as were there."""
        known = self.known.get(file.name)
        return self._read_head(file, known.head["size"] if known else min(file.size, _HEAD))

    def _read_head(self, file: EventFile, size: int) -> dict[str, Any]:
        with self.logdir.open(file.path) as opened:
            data = opened.read(size)
        return {"size": size, "sha256": hashlib.sha256(data).hexdigest()}

    def _is_current(self, heads: dict[str, Any]) -> bool:
        if not self.footer:
            return False
        same = [name for name, head in heads.items() if name in self.known and self.known[name].head == head]
        if self.known and not same:
            hint = "Choose another destination, or remove that folder."
            raise RunExists(f"{self.target}: expected an import of the same event files, got one of others. {hint}")
        unchanged = all(file.name in same and self.known[file.name].file.size == file.size for file in self.plan.files)
        try:
            whole = files.read_json(self.target / REPORT)
            run = files.read_run_json(self.target)
        except (StoreError, DocumentError):
            return False
        return unchanged and whole.get("state") == self._state(self.footer) == run.get("import")

    def _state(self, footer: dict[str, Any]) -> str:
        """What the other files of the run were made from: the events, and how they are shown."""
        return hashlib.sha256(canonical.dump_bytes([footer, list(self.options)])).hexdigest()[:16]

    def _import(self, heads: dict[str, Any]) -> RunReport:
        log = EventLog(self.staging.path / eventlog.NAME, self.series.all, self.names)
        sink, message_sink = self.staging.sink(files.SIDECARS), self.staging.sink(FILES)
        converter = Converter(sink, message_sink)
        sources, reports = [], []
        try:
            earlier = self._earlier()
            held = next(earlier, None)
            for name, file in self._all_files(heads).items():
                number = len(self.names)
                self.names.append(name)
                while held is not None and held[0] == name:
                    self._take(log, held[1], number)
                    held = next(earlier, None)
                read, source = self._read(log, name, number, file, heads, converter)
                reports.append(read)
                sources.append(source)
            footer = {"format": files.FORMAT, "sources": sources, "series": [list(one) for one in self.series.all]}
            log.close(footer)
        except BaseException:
            log.abort()
            raise
        made = view.Folder(self.staging.path, self.target, self.plan, self.options, self._state(footer))
        rows, notes = made.write(
            self._events, self.series.all, self.names, self.facts, self._mesh_maker(sink), self.problems
        )
        attached = self._attach()
        counts = dict(sorted(self.facts.counts.items()))
        status = "updated" if self.footer else "new"
        report = RunReport(
            self.plan.name, self.plan.folder, status, counts, self.added, rows, reports, attached, self.problems, notes
        )
        files.write_json(self.staging.path / REPORT, {**report.to_json(), "state": self._state(footer)})
        self.staging.commit((eventlog.NAME, files.HISTORY, files.MEDIA, files.SUMMARY, files.RUN, REPORT))
        return report

    def _all_files(self, heads: dict[str, Any]) -> dict[str, EventFile | None]:
        """The event files by name, in the order of their last part: those that are gone, and those that are there."""
        found: dict[str, EventFile | None] = dict.fromkeys(self.known)
        for file in self.plan.files:
            name = file.name
            if name in self.known and self.known[name].head != heads[name]:
                text = f"expected {name} as it was imported, got another file of that name"
                self.problems.append(Problem(name, text, "replaced", "The events of both are kept."))
                name = f"{name}#{heads[name]['sha256'][:8]}"
                heads[name] = self._head(file._replace(name=name))
            found[name] = file
        return dict(sorted(found.items(), key=lambda item: (item[0].rpartition("/")[2], item[0])))

    def _earlier(self) -> Iterator[tuple[str, Events]]:
        """The events of an earlier import, with the name of their file."""
        if self.footer:
            names = [source["name"] for source in self.footer["sources"]]
            for events, number in eventlog.read_events(self.target / eventlog.NAME, self.series.all, names):
                yield names[number], events

    def _read(
        self, log: EventLog, name: str, number: int, file: EventFile | None, heads: dict[str, Any], converter: Converter
    ) -> tuple[FileReport, dict[str, Any]]:
        """Read what is new of a file; answers what is known of it now."""
        known = self.known.get(name)
        report = known.file if known else FileReport(name, 0, 0, 0, "", [])
        remembered = dict(known.remembered) if known else {}
        head = known.head if known else heads[name]
        if file is not None and head["size"] < min(file.size, _HEAD):
            head = self._read_head(file, min(file.size, _HEAD))
        if file is not None and file.size < report.position:
            text = f"expected at least the {report.position} bytes that were imported, got {file.size}"
            self.problems.append(Problem(name, text, "shorter", "Its events are kept."))
        elif file is not None and (file.size != report.size or not known):
            decoder = FileDecoder(file.folder, self.series, converter, remembered)
            with self.logdir.open(file.path) as opened:
                reader = open_reader(opened, file.size, report.position)
                for events in decoder.decode(reader):
                    self._take(log, events, number)
                    self.added += len(events.steps)
            self.problems += [problem._replace(path=f"{name}{problem.path}") for problem in decoder.problems]
            if decoder.unlisted:
                text = f"expected no more than 100 problems, got {decoder.unlisted} more"
                self.problems.append(Problem(name, text, "many"))
            whole = [found for found in report.damage if found["offset"] < report.position]
            damage = [{**found._asdict(), "meaning": KINDS[found.kind]} for found in reader.damage]
            version = decoder.version or report.writer
            report = FileReport(
                name, file.size, reader.position, report.records + reader.count, version, whole + damage
            )
        tags = {tag: [m.plugin, m.content.hex(), m.display_name, m.description] for tag, m in remembered.items()}
        return report, {**report._asdict(), "head": head, "tags": tags}

    def _take(self, log: EventLog, events: Events, number: int) -> None:
        """Events go to the log, and are kept or read again for the history."""
        if not len(events.steps):
            return
        self.facts.add(events, number, self.series.all)
        log.add(events, number)
        self.kept_events += len(events.steps)
        self.kept_text += events.size
        if self.kept is not None:
            self.kept.append((events, number))
            if self.kept_events > _KEPT_EVENTS or self.kept_text > _KEPT_TEXT:
                self.kept = None

    def _events(self, low: int | None = None, high: int | None = None) -> Iterator[tuple[Events, int]]:
        if self.kept is not None:
            return iter(self.kept)
        return eventlog.read_events(self.staging.path / eventlog.NAME, self.series.all, self.names, low, high)

    def _mesh_maker(self, sink: Any) -> Any:
        made: dict[str, Any] = {}

        def make(parts: dict[str, Any]) -> dict[str, Any] | None:
            key = repr(sorted((part, document["sha256"]) for part, document in parts.items()))
            if key not in made:
                made[key] = self._make_mesh(parts, sink)
            return made[key]  # type: ignore[no-any-return]

        return make

    def _make_mesh(self, parts: dict[str, Any], sink: Any) -> Any:
        """The documents of the meshes that stand in the batches of their parts."""
        arrays = {name: self._load_array(document) for name, document in parts.items()}
        vertices = arrays.get("mesh_vertices")
        try:
            if vertices is None:
                raise InputError.of("mesh", "vertices", None, "It is kept as tensors.")
            faces, colors = arrays.get("mesh_faces"), arrays.get("mesh_colors")
            each = [None] * len(vertices)
            all_parts = zip(
                vertices, each if faces is None else faces, each if colors is None else colors, strict=False
            )
            found = [media.mesh(points, face, color, sink) for points, face, color in all_parts]
            return found[0] if len(found) == 1 else None
        except (MediaTypesError, IndexError) as error:
            self.problems.append(Problem("mesh", str(error).rstrip("."), "mesh", "Its tensors are in events.parquet."))
            return None

    def _load_array(self, document: dict[str, Any]) -> np.ndarray[Any, Any]:
        for root in (self.staging.path, self.target):
            if (root / document["path"]).is_file():
                loaded: np.ndarray[Any, Any] = np.load(root / document["path"], allow_pickle=False)
                return loaded
        raise StoreError.of(document["path"], "a sidecar of the import", "none", "Import again.")

    def _attach(self) -> list[str]:
        """Copy the files that are kept as they are."""
        wanted = [(name, file.path, file.size) for name, file in self.plan.attached]
        if self.options.keep_events:
            wanted += [(file.name, file.path, file.size) for file in self.plan.files]
        wanted = [(safe_name(name), path, size) for name, path, size in wanted]
        for name, path, size in wanted:
            copied = self.target / FILES / name
            if copied.is_file() and copied.stat().st_size == size and not name.endswith(".pbtxt"):
                continue
            place = self.staging.path / FILES / name
            place.parent.mkdir(parents=True, exist_ok=True)
            with self.logdir.open(path) as source, open(place, "wb") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)
        return sorted(f"{FILES}/{name}" for name, _, _ in wanted)


def _file_report(found: dict[str, Any]) -> FileReport:
    return FileReport(*(found[name] for name in FileReport._fields))


def _report_of(found: dict[str, Any], plan: RunPlan) -> RunReport:
    """The report of an earlier import, of which nothing has changed."""
    problems = [Problem(**problem) for problem in found["problems"]]
    reports = [_file_report(file) for file in found["files"]]
    values = {name: found[name] for name in RunReport._fields}
    return RunReport(**{**values, "status": "unchanged", "added": 0, "files": reports, "problems": problems})
