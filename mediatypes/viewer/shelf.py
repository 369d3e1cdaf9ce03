"""The runs that a page shows, and their files: those on disk, and those that a live run will have once it is over."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

from .._core.errors import MediaTypesError, SidecarMissing, StoreError, Verbatim
from .._core.sidecar import open_file, safe_parts
from ..runfolder import files
from ..runfolder.content import RunContent
from ..runfolder.media_index import MediaRows
from ..runset.discovery import Source, find_runs
from ..runset.runset import open_runs
from ..view import RunView
from ..writing.finish import write_rows

_MADE = (files.HISTORY, files.MEDIA)
_SHOWN = {"path", "caption", "_type"}  # what the list of runs tells of a document in a summary


class Shelf:
    """Runs by the name that the page knows them by.

    Args:
        sources: run folders, folders of runs, patterns, URLs or compacted datasets, as `open_runs` takes them.

    Raises:
        StoreError: a folder is not there.
    """

    def __init__(self, sources: Iterable[Source]) -> None:
        self._runs: dict[str, RunView] = {}
        self._snapshots: dict[str, tuple[Path, int]] = {}
        self._lock = threading.Lock()
        self._temporary = Path(tempfile.mkdtemp(prefix="mediatypes-view-"))
        self._sources = [self._imported(source) for source in sources]
        self._cleanup = weakref.finalize(self, shutil.rmtree, self._temporary, ignore_errors=True)
        self.find()

    def _imported(self, source: Source) -> Source:
        """A source of runs as it is; a TensorBoard log directory as runs that are imported for the page."""
        from ..interop.tensorboard import import_logdir
        from ..interop.tensorboard.importing.plan import is_event_file

        if not isinstance(source, (str, os.PathLike)) or not (folder := Path(source)).is_dir():
            return source
        if any(find_runs(folder)) or not any(is_event_file(path.name) for path in folder.rglob("*")):
            return source
        target = Path(tempfile.mkdtemp(dir=self._temporary, prefix="imported-"))
        import_logdir(folder, target)
        return target

    def close(self) -> None:
        """Remove what was made for live runs."""
        self._cleanup()

    def find(self) -> list[str]:
        """Look for runs again; returns the names of those that are new."""
        found = open_runs(self._sources[0] if len(self._sources) == 1 else self._sources)
        new = [name for name in found.names if name not in self._runs]
        self._runs = {name: self._runs.get(name) or found[name] for name in found.names}
        return new

    def names(self) -> list[str]:
        """All runs, in the order of their paths."""
        return list(self._runs)

    def __getitem__(self, name: str) -> RunView:
        return self._runs[name]

    def describe(self, names: Iterable[str] | None = None) -> list[dict[str, Any]]:
        """What the page's list of runs says: `{path, run, summary}` of each; one that cannot be read is left out."""
        listed = []
        for name in self._runs if names is None else names:
            try:
                run = self._runs[name].describe()
            except MediaTypesError:
                continue
            summary = _plain(run.pop("summary", {}))
            run["status"] = self._runs[name].status
            listed.append({"path": name, "run": _plain(run), "summary": summary})
        return listed

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
        view, parts = self._runs[name], safe_parts(path)
        if path in _MADE and self.is_live(name):
            return open_file(self.snapshot(name)[0] / path)
        if parts[0] == files.SIDECARS:
            return view.store.open(path)
        place: Any = view.path
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

    def snapshot(self, name: str) -> tuple[Path, int]:
        """A folder with the Parquet files that a live run would have now, and how many calls they hold.

        Made once; what was logged later is told by `Live`.
        """
        with self._lock:
            if name not in self._snapshots:
                root = self._runs[name].path
                run = files.read_run_json(root)
                content = RunContent(root, run)
                folder = self._temporary / str(len(self._snapshots))
                folder.mkdir()
                media = MediaRows(content.specs, content.metrics)
                footer = {**run, "config": content.config, "calls": content.calls}
                write_rows(folder, content.schema, content.rows(media), footer, media, durable=False)
                self._snapshots[name] = (folder, content.calls)
            return self._snapshots[name]

    def forget(self, name: str) -> None:
        """A run is over or began again: its files are read anew."""
        with self._lock:
            self._snapshots.pop(name, None)
        self._runs[name] = RunView(self._runs[name].path)


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
