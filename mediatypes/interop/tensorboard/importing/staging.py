"""A run folder in the making: built beside its place, then moved there, so that no half of it is ever seen."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from glob import escape
from pathlib import Path
from secrets import token_hex

from ...._core.errors import StoreError, os_error
from ...._core.sidecar import content_path
from ....runfolder import files

_LONGEST = 100  # letters of a run's name in that of its staging directory


class Staging:
    """A hidden directory beside a run's folder.

    Args:
        target: the run's folder, which may be there already.
        is_anew: whether nothing of what is there is used: all sidecars are made, and others do not stay.
    """

    def __init__(self, target: Path, is_anew: bool = False) -> None:
        self.target, self.is_anew = target, is_anew
        self._name = f".{target.name[:_LONGEST]}."
        self.path = target.with_name(f"{self._name}{_mark()}-{token_hex(4)}.importing")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            self._remove_abandoned()
            self.path.mkdir()
        except OSError as error:
            hint = "Choose a directory that can be written."
            raise os_error(StoreError, str(target), "make the run's folder", error, hint) from error

    def _remove_abandoned(self) -> None:
        """Remove what imports left that were killed."""
        for found in self.target.parent.glob(f"{escape(self._name)}*.importing"):
            if _is_abandoned(found.name.removeprefix(self._name)):
                shutil.rmtree(found, ignore_errors=True)

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
        for folder, _, found in os.walk(self.path):
            below = Path(folder).relative_to(self.path)
            for name in found if below.parts else ():
                (self.target / below).mkdir(parents=True, exist_ok=True)
                os.replace(Path(folder) / name, self.target / below / name)
                made.add(self.target / below / name)
        for name in names:
            os.replace(self.path / name, self.target / name)
        if self.is_anew:
            self._remove_others(made)
        self.discard()

    def _remove_others(self, made: set[Path]) -> None:
        """Remove the sidecars and attached files that were not made now, and folders that are empty then."""
        for below in (files.SIDECARS, files.ATTACHED):
            for folder, _, found in os.walk(self.target / below, topdown=False):
                with contextlib.suppress(OSError):
                    for path in {Path(folder) / name for name in found} - made:
                        path.unlink()
                    os.rmdir(folder)

    def discard(self) -> None:
        """Forget what was made."""
        with contextlib.suppress(OSError):
            shutil.rmtree(self.path)


def _mark() -> str:
    """This process, in the name of a directory: so no other file has to say whose it is."""
    own = files.process()
    return f"{_short(own['host'])}-{own['pid']}-{own['began'] or 0}"


def _is_abandoned(mark: str) -> bool:
    """Whether the process of such a name is gone, as far as this host knows."""
    host, *numbers = files.process()["host"], *mark.split("-")
    if len(numbers) != 4 or numbers[0] != _short(host) or not numbers[1].isdecimal():
        return False
    began = numbers[2] if numbers[2] != "0" else None
    return files.is_alive({"host": host, "pid": int(numbers[1]), "began": began}) is False


def _short(host: str) -> str:
    return hashlib.sha256(host.encode()).hexdigest()[:8]


def remove_leftovers(target: Path) -> None:
    """Remove the files that a killed process was just writing in a run's folder. The caller holds the run's lock."""
    for folder, pattern in (("", ".*.tmp"), (files.SIDECARS, "*/.*.tmp"), (files.ATTACHED, "**/.*.tmp")):
        for found in (target / folder).glob(pattern):
            with contextlib.suppress(OSError):
                found.unlink()


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
            content = data if isinstance(data, bytes) else data.read_bytes()
            with open(f"{self._staging.path}/{path}", "wb", buffering=0) as file:
                view = memoryview(content)
                while view:
                    view = view[file.write(view) :]
        self._known.add(path)
        return path
