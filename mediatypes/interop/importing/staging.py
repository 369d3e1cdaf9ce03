"""A run folder in the making, built beside its place, then moved there whole; and the files attached to a run."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from ..._core.atomic import remove_leftovers, temporary_name
from ..._core.errors import RunLocked, StoreError, os_error
from ..._core.sidecar import checked_pieces, content_path
from ...runfolder import files
from ...runfolder.lock import Lock

_TRIES, _PAUSE_SECONDS = 50, 0.1
_HINT = "Choose a directory that can be written."


def make_parent(target: Path) -> None:
    """Make the directory that a run's folder goes to, and remove what a killed process left there of that folder."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(target.parent, target.name)
    except OSError as error:
        raise os_error(StoreError, str(target), "make the run's folder", error, _HINT) from error


def wait_for_lock(target: Path) -> Lock:
    """The lock of a run that others may be importing; raises RunLocked if they do not come to an end."""
    for _ in range(_TRIES):
        with contextlib.suppress(RunLocked):
            return Lock(target)
        time.sleep(_PAUSE_SECONDS)
    return Lock(target)


class Staging:
    """A hidden directory beside a run's folder, which may be there already.

    With `is_anew` nothing of what is there is used: all sidecars are made, and others do not stay.
    """

    def __init__(self, target: Path, is_anew: bool = False) -> None:
        self.target, self.is_anew = target, is_anew
        self.path = target.with_name(temporary_name(target.name))
        make_parent(target)
        try:
            self.path.mkdir()
        except OSError as error:
            raise os_error(StoreError, str(target), "make the run's folder", error, _HINT) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Remove what was not put in its place."""
        shutil.rmtree(self.path, ignore_errors=True)

    def sink(self, folder: str) -> StagingSink:
        """Where sidecars go that belong below `folder` of the run."""
        return StagingSink(self, folder)

    def commit(self, names: tuple[str, ...]) -> None:
        """Put everything in its place: at once if the run is new, else its sidecars, then the files in this order."""
        if not self.target.exists() or not any(self.target.iterdir()):
            try:
                os.rename(self.path, self.target)
                return
            except OSError:
                if not self.target.is_dir():
                    raise
        made = set()
        folders = (Path(folder).relative_to(self.path).as_posix() for folder, _, _ in os.walk(self.path))
        files.require_no_links(self.target, {*files.FOLDERS, *folders} - {"."})
        for folder, _, file_names in os.walk(self.path):
            below = Path(folder).relative_to(self.path)
            for name in file_names if below.parts else ():
                (self.target / below).mkdir(parents=True, exist_ok=True)
                os.replace(Path(folder) / name, self.target / below / name)
                made.add(self.target / below / name)
        for name in names:
            os.replace(self.path / name, self.target / name)
        if self.is_anew:
            self._remove_others(made)

    def _remove_others(self, made: set[Path]) -> None:
        """Remove the sidecars and attached files that were not made now, and folders that are empty then."""
        for below in (files.SIDECARS, files.ATTACHED):
            for folder, _, file_names in os.walk(self.target / below, topdown=False):
                with contextlib.suppress(OSError):
                    for path in {Path(folder) / name for name in file_names} - made:
                        path.unlink()
                    os.rmdir(folder)


class StagingSink:
    """Keeps sidecars by content in a staging directory; those that the run has already are not written again."""

    def __init__(self, staging: Staging, folder: str) -> None:
        self._staging, self._folder = staging, folder
        self._known: set[str] = set()
        self._folders: set[str] = set()

    def put(self, data: bytes | Path, *, suffix: str, media_type: str, sha256: str, size: int) -> str:
        """Store bytes; see `Sink`."""
        path = f"{self._folder}/{content_path(sha256, suffix)}"
        if path in self._known:
            return path
        if self._staging.is_anew or not os.path.exists(self._staging.target / path):
            parent = f"{self._staging.path}/{self._folder}/{sha256[:2]}"
            if parent not in self._folders:
                os.makedirs(parent, exist_ok=True)
                self._folders.add(parent)
            content = b"".join(checked_pieces(data, sha256, size))
            with open(f"{self._staging.path}/{path}", "wb", buffering=0) as file:
                view = memoryview(content)
                while view:
                    view = view[file.write(view) :]
        self._known.add(path)
        return path
