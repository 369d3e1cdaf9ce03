"""The content of artifacts: `blobs/<ab>/<sha256>`, one read-only file for equal bytes, whatever it was called."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO

from .._core import atomic
from .._core.errors import HashMismatch, StoreError, UnsafePath, Verbatim, os_error
from .._core.location import Location
from .._core.sidecar import content_pieces, hash_file, open_file
from ..runfolder.files import BLOBS

_WHOLE = 4 * 1024 * 1024  # bytes of a file that is read at once, and not written if it is there
_PIECE = 1024 * 1024
_SPACE = "Free some space or choose a writable directory."


class Blobs:
    """The blobs of a directory of artifacts.

    Args:
        root: the directory of artifacts.
        durable: wait until what is put is on the disk.
    """

    def __init__(self, root: Location, durable: bool = False) -> None:
        self.root, self.durable = root, durable
        self._folders: set[str] = set()  # that are known to be there

    def place(self, sha256: str) -> Location:
        """Where the bytes of a hash are."""
        return self.root / f"{BLOBS}/{sha256[:2]}/{sha256}"

    def put(self, content: bytes | Path, sizes: Collection[int | None] = ()) -> tuple[str, int]:
        """Store bytes or a copy of a file, unless they are there; returns their SHA-256 and size.

        Args:
            content: bytes, or the path of a file; what is stored is what was hashed, even if it changes meanwhile.
            sizes: of files that are likely to be there: one of such a size is hashed before it is copied.

        Raises:
            StoreError: the system refused; at most a temporary file is left, which `gc` removes.
        """
        if isinstance(content, Path):
            try:
                size = content.stat().st_size
                if size <= _WHOLE:
                    with open_file(content) as file:
                        content = file.read()
                elif size in sizes and self._has(*(hashed := hash_file(content))):
                    return hashed
            except OSError as error:
                raise os_error(
                    StoreError, str(content), "read the file", error, "Keep it until it is logged."
                ) from error
        known = (hashlib.sha256(content).hexdigest(), len(content)) if isinstance(content, bytes) else None
        if known and self._has(*known):
            return known
        target = self._folder(known[0] if known else "") / (known[0] if known else "new")
        temporary = target.with_name(atomic.temporary_name(target.name[:8]))
        try:
            known = _write(temporary, content)
            if self._has(*known):
                temporary.unlink()
            else:
                if self.durable:
                    atomic.sync(temporary)
                folder = self._folder(known[0])
                os.replace(temporary, folder / known[0])
                if self.durable:
                    for one in (folder, folder.parent):
                        atomic.sync(one)
        except BaseException as error:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            if isinstance(error, OSError) and not isinstance(error, StoreError):
                raise os_error(StoreError, str(target.parent), "store the file", error, _SPACE) from error
            raise
        return known

    def open(self, sha256: str) -> BinaryIO:
        """The bytes of a hash, to be read; raises `StoreError`, `UnsafePath`."""
        path = self.place(sha256)
        if isinstance(path, Path):
            self._refuse_links(path)
        try:
            return open_file(path)
        except OSError as error:
            raise os_error(StoreError, str(path), "read the file", error, "Restore it from a copy.") from error

    def pieces(self, sha256: str, size: int, where: str) -> Iterator[bytes]:
        """The bytes of a hash, not more than `size`; raises `HashMismatch` after them if they are others."""
        digest, left = hashlib.sha256(), size
        try:
            with self.open(sha256) as file:
                while left >= 0 and (piece := file.read(_PIECE)):
                    left -= len(piece)
                    digest.update(piece)
                    yield piece
        except OSError as error:
            if isinstance(error, StoreError):
                raise
            raise os_error(StoreError, where, "read the file", error, "Restore it from a copy.") from error
        if left or digest.hexdigest() != sha256:
            hint = f"Restore {self.place(sha256)}."
            raise HashMismatch.of(where, f"{size} bytes of SHA-256 {sha256}", Verbatim("others"), hint)

    def _has(self, sha256: str, size: int) -> bool:
        """Whether there is a file of that name and size."""
        try:
            status = os.lstat(self._folder(sha256) / sha256)
        except OSError:
            return False
        return stat.S_ISREG(status.st_mode) and status.st_size == size

    def _folder(self, sha256: str) -> Path:
        """The directory of a hash, made if needed; that of all without one."""
        folder = Path(self.root / BLOBS) / sha256[:2]  # type: ignore[arg-type]
        if sha256[:2] not in self._folders:
            self._refuse_links(folder)
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise os_error(StoreError, str(folder), "make the directory", error, _SPACE) from error
            self._folders.add(sha256[:2])
        return folder

    def _refuse_links(self, path: Path) -> None:
        for one in (path, *path.parents):
            if one == self.root:
                return
            if os.path.islink(one):
                hint = "Put the file or directory itself there."
                raise UnsafePath.of(str(one), "no symbolic link among artifacts", Verbatim("one"), hint)


def _write(path: Path, content: bytes | Path) -> tuple[str, int]:
    """Write a new file that nobody writes to again; returns its SHA-256 and size."""
    digest, size = hashlib.sha256(), 0
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o444), "wb") as file:
        for piece in content_pieces(content):
            digest.update(piece)
            size += file.write(piece)
    return digest.hexdigest(), size
