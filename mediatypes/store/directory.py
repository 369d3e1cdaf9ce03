"""Content-addressed sidecars in a directory: written whole or not at all, never outside it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

from .._core import atomic
from .._core.errors import SidecarMissing, StoreError, UnsafePath, os_error
from .._core.sidecar import checked_pieces, content_path, open_file, safe_parts
from .memory import main_path


class DirectoryStore:
    """A sink and source over `root`: `<prefix>/<ab>/<sha256>.<ext>`, one file for equal content.

    A sidecar is written to a temporary name and renamed, so that what stands under a final name is whole. Paths are
    relative to `root`. A path that would leave `root`, or a symbolic link below it, is refused with `UnsafePath`.

    Args:
        root: the directory; made when first needed.
        prefix: a relative directory below it, such as "media".
        durable: wait until a sidecar is on the disk, safe from a power cut, before `put` returns.

    >>> import tempfile, numpy as np, mediatypes as mt
    >>> store = DirectoryStore(tempfile.mkdtemp())
    >>> document = mt.encode(mt.Image(np.zeros((2, 3), np.uint8)), store)
    >>> with store.open(document) as file:
    ...     file.read(4)
    b'\\x89PNG'
    """

    def __init__(self, root: str | os.PathLike[str], prefix: str = "", durable: bool = False) -> None:
        self.root, self.durable = Path(root).expanduser(), durable
        self._synced: set[str] = set()  # paths that this store has waited for, if it does
        self._lasting: set[Path] = set()  # folders whose own names are on the disk
        self._prefix = "".join(f"{part}/" for part in safe_parts(prefix)) if prefix else ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.root)!r})"

    def put(self, data: bytes | Path, *, suffix: str, media_type: str, sha256: str, size: int) -> str:
        """Store bytes (or copy a file's content) and return its path; does nothing if it is there already.

        Raises:
            StoreError: the system refused, for example because the disk is full. Nothing is left behind.
            HashMismatch: the file has other bytes than these. Nothing is left behind.
        """
        path = self._prefix + content_path(sha256, suffix)
        self._put_at(path, checked_pieces(data, sha256, size), size)
        return path

    def _put_at(self, path: str, pieces: Iterable[bytes], size: int) -> None:
        """Store bytes under a path that another store gave them; raises as `put` does."""
        target = self._resolve(path)
        try:
            is_there = _has_size(target, size)
            if not is_there:
                if not target.parent.exists():
                    self._lasting.clear()
                    target.parent.mkdir(parents=True, exist_ok=True)
            elif self.durable:  # who wrote it may not have waited for the disk
                atomic.sync(target)
        except OSError as error:
            hint = "Free some space or choose another directory."
            raise os_error(StoreError, str(target), "write a sidecar", error, hint) from error
        if not is_there:
            atomic.write(target, pieces, "write a sidecar", durable=self.durable)
        if self.durable:
            atomic.sync_names(target.parent)
            for folder in target.parents:
                if folder == self.root or folder in self._lasting:
                    break
                atomic.sync_names(folder.parent)
                self._lasting.add(folder)
            self._synced.add(path)

    def _holds(self, path: str, sha256: str, size: int, media_type: str) -> bool:
        """Whether `put` gave this path to such bytes, and they are still there; see `_core.sidecar.holds`."""
        is_own = path.startswith(f"{self._prefix}{sha256[:2]}/{sha256}.")
        return is_own and (not self.durable or path in self._synced) and _has_size(self.root / path, size)

    def open(self, path: str | dict[str, Any]) -> BinaryIO:
        """Open by path, reference or document (its main sidecar), to be read.

        Raises:
            SidecarMissing: no such file.
            UnsafePath: the path leaves the store or a part of it is a link.
        """
        target = self._resolve(main_path(path))
        try:
            return open_file(target)
        except (FileNotFoundError, NotADirectoryError) as error:
            hint = "Restore the file."
            raise os_error(SidecarMissing, str(target), "find the sidecar", error, hint) from error
        except OSError as error:
            raise os_error(StoreError, str(target), "open the sidecar", error, "Check permissions.") from error

    def _resolve(self, path: str) -> Path:
        target = os.fspath(self.root)
        for part in safe_parts(path):
            target = os.path.join(target, part)
            if _is_link(target):
                raise UnsafePath.of("path", "no symbolic link inside the store", target, "Remove the link.")
        return Path(target)


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.stat(follow_symlinks=False).st_size == size
    except FileNotFoundError:
        return False


def _is_link(path: str) -> bool:
    try:
        return stat.S_ISLNK(os.lstat(path).st_mode)
    except OSError:  # not there yet, or not reachable: opening it says why
        return False
