"""Content-addressed sidecars in a directory: written whole or not at all, never outside it."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from pathlib import Path
from secrets import token_hex
from typing import Any, BinaryIO

from .._core.errors import SidecarMissing, StoreError, UnsafePath, os_error
from .._core.sidecar import content_path, open_file, safe_parts
from ._paths import main_path

_COPY_CHUNK = 1024 * 1024


class DirectoryStore:
    """A sink and source over `root`: `<prefix>/<ab>/<sha256>.<ext>`, one file for equal content.

    A sidecar is written to a temporary name and renamed, so that what stands under a final name is whole. Paths are
    relative to `root`. A path that would leave `root`, or a symbolic link below it, is refused with `UnsafePath`.

    Args:
        root: the directory; made when first needed.
        prefix: a relative directory below it, such as "media".
        durable: wait until a sidecar is on the disk, safe from a power cut, before `put` answers.

    >>> import tempfile, numpy as np, mediatypes as mt
    >>> store = DirectoryStore(tempfile.mkdtemp())
    >>> document = mt.encode(mt.Image(np.zeros((2, 3), np.uint8)), store)
    >>> with store.open(document) as file:
    ...     file.read(4)
    b'\\x89PNG'
    """

    def __init__(self, root: str | os.PathLike[str], prefix: str = "", durable: bool = False) -> None:
        self.root, self._durable = Path(root), durable
        self._prefix = "".join(f"{part}/" for part in safe_parts(prefix)) if prefix else ""

    def put(self, data: bytes | Path, *, suffix: str, media_type: str, sha256: str, size: int) -> str:
        """Store bytes (or copy a file's content) and answer its path; does nothing if it is there already.

        Raises:
            StoreError: the system refused, for example because the disk is full. Nothing is left behind.
        """
        path = self._prefix + content_path(sha256, suffix)
        self.place(path, data, size)
        return path

    def place(self, path: str, data: bytes | Path, size: int) -> None:
        """Store bytes (or copy a file's content) under a path that another store gave them; raises as `put` does."""
        target = self._resolve(path)
        try:
            there = target.stat(follow_symlinks=False).st_size == size
        except FileNotFoundError:
            there = False
        except OSError as error:
            raise os_error(StoreError, str(target), "look at the sidecar", error, "Check permissions.") from error
        if there and not self._durable:
            return
        temporary = target.with_name(f".{token_hex(8)}.tmp")
        try:
            if there:  # who wrote it may not have waited for the disk
                _sync(target, os.O_RDWR)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                _write(temporary, data, self._durable)
                os.replace(temporary, target)
            if self._durable:
                _sync_names(target.parent, self.root)
        except OSError as error:
            with contextlib.suppress(OSError):  # the first error is the one to report
                temporary.unlink(missing_ok=True)
            hint = "Free some space or choose another directory."
            raise os_error(StoreError, str(target), "write a sidecar", error, hint) from error

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
        target = self.root
        for part in safe_parts(path):
            target = target / part
            if _is_link(target):
                raise UnsafePath.of("path", "no symbolic link inside the store", str(target), "Remove the link.")
        return target


def _is_link(path: Path) -> bool:
    try:
        return stat.S_ISLNK(path.lstat().st_mode)
    except OSError:  # not there yet, or not reachable: opening it says why
        return False


def _write(path: Path, data: bytes | Path, durable: bool) -> None:
    with open(path, "xb", buffering=0) as file:
        if isinstance(data, bytes):
            _write_all(file, data)
        else:
            with open(data, "rb") as source:
                while chunk := source.read(_COPY_CHUNK):
                    _write_all(file, chunk)
        if durable:
            os.fsync(file.fileno())


def _sync_names(folder: Path, root: Path) -> None:
    """Wait until the names in a directory, and those of its parents below `root`, are on the disk."""
    if sys.platform == "win32":  # which has no such call
        return
    while folder != root:
        _sync(folder, os.O_RDONLY)
        folder = folder.parent
    _sync(root, os.O_RDONLY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(file: Any, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]
