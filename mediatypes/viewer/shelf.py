"""The runs that a page shows, and their files: those on disk, and those that a live run will have once it is over."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

from .._core.errors import MediaTypesError, Problem, SidecarMissing, StoreError, Verbatim
from .._core.parallel import in_threads
from .._core.sidecar import open_file, safe_parts
from ..runfolder import files
from ..runfolder.content import RunContent
from ..runfolder.media_index import MediaRows
from ..runset.discovery import Place, Source, find_all, find_base, find_roots, is_file, name_below
from ..runset.runset import open_runs
from ..view import RunView
from ..writing.finish import write_rows
from .foreign import Imports

Stamp = tuple[int, ...]
Snapshot = tuple[Path, dict[int, int]]
_MADE = (files.HISTORY, files.MEDIA)
BESIDE = (files.RUN, "files.json", "console.log", "system.parquet", "system.jsonl")  # what the page of a run shows too
_SHARE = 20  # looking for logs takes at most one part of so many of the time
_SHOWN = {"path", "caption", "_type"}  # what the list of runs tells of a document in a summary


class Shelf:
    """Runs by the name that the page knows them by: their path below the directory that the sources share.

    Args:
        sources: run folders, folders of runs, patterns, URLs or compacted datasets, as `open_runs` takes them; and
            folders of TensorBoard's or W&B's logs.
        follow: whether runs that are made of such logs go on when the logs do.

    Raises:
        StoreError: a folder is not there.
    """

    def __init__(self, sources: Iterable[Source], *, follow: bool = False) -> None:
        self._unlisted: list[Problem] = []  # of the last look: directories that cannot be listed
        self._unread: dict[str, Problem] = {}  # why a run cannot be read
        self._runs: dict[str, RunView] = {}
        self._stamps: dict[str, Stamp] = {}
        self._snapshots: dict[str, Snapshot] = {}
        self._described: dict[str, tuple[Stamp, dict[str, Any]]] = {}  # of runs that are over
        self._lock = threading.RLock()
        self._imports = Imports(follow=follow)
        self._temporary, self._making = self._imports.folder, self._imports.making
        self._cleanup = weakref.finalize(self, self._imports.close)
        self._sources = [self._imports.runs_of(source) for source in sources]
        self._looked, self._looking = 0.0, 0.0  # for logs where there are no runs: when, and how many seconds it took
        roots = find_roots(self._sources)
        self._is_fixed = len(roots) == 1 and is_file(roots[0] / files.COMPACTED)
        if self._is_fixed:
            runs = open_runs(self._sources)
            self._runs = dict(zip(runs.names, runs, strict=True))
        else:
            self._base = find_base(roots, self._sources)
            self.find()

    def close(self) -> None:
        """Remove what was made for live runs."""
        self._cleanup()

    @property
    def problems(self) -> list[Problem]:
        """Of the last look: directories that cannot be listed, and runs that cannot be read."""
        with self._lock:
            return [*self._unlisted, *(self._unread[name] for name in sorted(self._unread))]

    def find(self) -> None:
        """Look for runs again, and at those that are known; one that cannot be read is left out until it can be."""
        if self._is_fixed:
            return
        if not self._runs:
            self._look_for_logs()
        problems = list[Problem]()
        named = {name_below(self._base, path): path for path in find_all(find_roots(self._sources), problems)}
        with self._lock:
            self._unlisted = problems
            self._unread = {name: self._unread[name] for name in self._unread.keys() & named.keys()}
            for name in self._runs.keys() - named.keys():
                self._forget(name)
            for name, path in named.items():
                self.look(name, path)
            self._runs = {name: self._runs[name] for name in named if name in self._runs}

    def _look_for_logs(self) -> None:
        """Where there are no runs yet, another tool may have begun to log."""
        with self._making, self._lock:
            if self._runs or time.monotonic() - self._looked < _SHARE * self._looking:
                return
            self._looked = time.monotonic()
            sources = [self._imports.runs_of(source) for source in self._sources]
            self._looking = time.monotonic() - self._looked
            if sources != self._sources:
                self._sources, self._base = sources, find_base(find_roots(sources), sources)

    def look(self, name: str, path: Place | None = None) -> None:
        """Look at a run again. If it is another now, as it is over or was resumed, its files are read anew.

        Args:
            name: of the run.
            path: where it is, if it is not known yet.
        """
        with self._lock:
            view = self._runs.get(name)
            place = path if view is None else view.path
            if place is None:
                return
            stamp = _stamp(place)
            try:
                if view is None or self._stamps[name][:-1] != stamp:
                    self._forget(name)
                    view = self._runs[name] = RunView(place)
                stamp += (view.status == "crashed",)
            except MediaTypesError as error:
                self._forget(name)
                self._unread[name] = Problem("", str(error), "run")
            else:
                self._unread.pop(name, None)
                if self._stamps.get(name) != stamp:
                    self._stamps[name] = stamp
                    self._drop_snapshot(name)

    def _forget(self, name: str) -> None:
        self._runs.pop(name, None)
        self._stamps.pop(name, None)
        self._described.pop(name, None)
        self._drop_snapshot(name)

    def _drop_snapshot(self, name: str) -> None:
        if known := self._snapshots.pop(name, None):
            shutil.rmtree(known[0], ignore_errors=True)

    def names(self) -> list[str]:
        """All runs, in the order of their paths."""
        return list(self._runs)

    def stamps(self) -> dict[str, Stamp]:
        """All runs, with what is another when a run is over, goes on or was edited, as of the last look."""
        return {name: self._stamps.get(name, ()) for name in self.names()}

    def __getitem__(self, name: str) -> RunView:
        return self._runs[name]

    def describe(self, names: Iterable[str] | None = None) -> list[dict[str, Any]]:
        """What the page's list of runs says: `{path, run, summary, has}` of each; not of one that cannot be read."""
        wanted = self.names() if names is None else list(names)
        elsewhere = any(not isinstance(self._runs[name].path, Path) for name in wanted if name in self._runs)
        return [one for one in in_threads(self._describe, wanted, elsewhere) if one is not None]

    def _describe(self, name: str) -> dict[str, Any] | None:
        stamp, known = self._stamps.get(name), self._described.get(name)
        if known and known[0] == stamp:
            return known[1]
        try:
            view = self._runs[name]
            run = view.describe() | {"status": view.status}
            there = {path.name for path in map(view.path.__truediv__, BESIDE) if path.is_file()}
        except (KeyError, OSError, MediaTypesError):
            return None
        summary = _plain(run.pop("summary", {}))
        run.pop("environment", None)  # it is long, and read from run.json where it is shown
        told = {"path": name, "run": _plain(run), "summary": summary, "has": sorted(there)}
        if stamp and run["status"] != "running":
            self._described[name] = stamp, told
        return told

    def split(self, path: str) -> tuple[str, str] | None:
        """The run that a path begins with, and the rest; None if there is no such run."""
        parts = path.split("/")
        for cut in range(len(parts), 0, -1):
            name = "/".join(parts[:cut])
            if name in self._runs:
                return name, "/".join(parts[cut:])
        return None

    def open(self, name: str, path: str) -> BinaryIO:
        """A file of a run.

        Raises:
            UnsafePath: the path leaves the run, or passes through a link.
            SidecarMissing: there is no such file.
            StoreError: the system cannot read it.
        """
        view, parts = self._runs.get(name), safe_parts(path)
        if view is None:
            raise SidecarMissing.of("viewer", "a run that is there", name, "Reload the page.")
        if parts[0] == files.SIDECARS:
            return view.store.open(path)
        place: Any = self.snapshot(name)[0] if path in _MADE and self.is_live(name) else view.path
        for part in parts:
            place = place / part
            if isinstance(place, Path) and place.is_symlink():
                raise StoreError.of(str(place), "a file of the run", Verbatim("a link"), "Links are not followed.")
        try:
            return open_file(place)
        except OSError as error:
            raise SidecarMissing.of(name, "a file of the run", path, "Look at the run's folder.") from error

    def is_live(self, name: str) -> bool:
        """Whether a run's rows still stand in its journal: it is written now, or was killed."""
        view = self._runs[name]
        return view.status == "running" or not (view.path / files.HISTORY).exists()

    def snapshot(self, name: str) -> Snapshot:
        """A folder with the Parquet files that a live run would have now, and how many calls of each rank they hold.

        Made once; what was logged later is told by `Live`.
        """
        with self._making:
            while (known := self._snapshots.get(name)) is None:
                stamp, made = self._stamps.get(name), self._make(self._runs[name].path)
                with self._lock:  # it may have been resumed meanwhile
                    if self._stamps.get(name) == stamp:
                        self._snapshots[name] = made
            return known

    def _make(self, root: Any) -> Snapshot:
        run = files.read_run_json(root)
        content = RunContent(root, run)
        folder = Path(tempfile.mkdtemp(dir=self._temporary, prefix="live-"))
        media = MediaRows(content.specs, content.metrics)
        footer = {**run, "config": content.config, "calls": content.calls}
        write_rows(folder, content.schema, content.rows(media), footer, media, durable=False)
        return folder, {0: content.calls, **content.rank_calls}


def _stamp(path: Place) -> Stamp:
    """What `run.json` is known by; what is elsewhere stays as it was."""
    try:
        file = os.stat(path / files.RUN) if isinstance(path, Path) else None
    except OSError:  # reading it says why
        return (-1,)
    return (file.st_ino, file.st_mtime_ns, file.st_size) if file else (0,)


def _plain(value: Any) -> Any:
    """JSON data in which floats that are not finite are tagged, and documents are only named."""
    if isinstance(value, dict):
        if "_type" in value:
            return {name: value[name] for name in _SHOWN & value.keys()}
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value - value != 0:
        return {"_type": "float", "value": "nan" if value != value else "inf" if value > 0 else "-inf"}
    return value
