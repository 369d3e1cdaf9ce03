"""Content-addressed sidecars on a file system elsewhere: S3, GCS, Azure, and what fsspec knows."""

from __future__ import annotations

import contextlib
import os
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, BinaryIO

from .._core.errors import SidecarMissing, StoreError, os_error
from .._core.sidecar import checked_pieces, content_path, safe_parts
from .directory import DirectoryStore
from .location import RemotePath, Root
from .memory import main_path
from .packed import RunStore
from .urls import locate

if TYPE_CHECKING:
    from ._packed_file import PackedFile

_HINT = "Check the URL, the credentials and the network."


def open_store(url: str, filesystem: Any = None) -> DirectoryStore | RemoteStore:
    """A sink and source for a URL or a directory. Nothing asks a network before a sidecar is put or opened.

    Args:
        url: `s3://bucket/path`, `gs://bucket/path`, `az://container/path` (the account is in AZURE_STORAGE_ACCOUNT,
            or `abfss://container@account.dfs.core.windows.net/path`), `file:///path`, a path; every other scheme is
            fsspec's. Options follow as in pyarrow: `s3://bucket/path?endpoint_override=localhost:9000&scheme=http`.
            Credentials come from the environment and the provider's own files, never from the URL.
        filesystem: of pyarrow or fsspec, on which the path is; by default the one that the scheme names.

    Raises:
        InputError: no such scheme, or a password in the URL.
        MissingDependencyError: the scheme needs fsspec.

    >>> import numpy as np, pyarrow.fs, tempfile, mediatypes as mt
    >>> store = open_store(tempfile.mkdtemp(), filesystem=pyarrow.fs.LocalFileSystem())
    >>> document = mt.encode(mt.Image(np.zeros((2, 3), np.uint8)), store)
    >>> mt.decode(document, store).width
    3
    """
    place = locate(url, "open_store", filesystem)
    return DirectoryStore(place) if isinstance(place, Path) else RemoteStore(place)


def run_store(location: Path | RemotePath, packed: str) -> RunStore | RemoteRunStore:
    """The sidecars of a run, wherever it is."""
    return RunStore(location, packed) if isinstance(location, Path) else RemoteRunStore(location, packed)


def writable(place: str | os.PathLike[str] | RemoteStore | RemotePath, where: str) -> RemotePath:
    """A place to copy to; a directory of this machine is one of pyarrow's local file system. Raises as `open_store`."""
    root = place.root if isinstance(place, RemoteStore) else locate(place, where)
    if isinstance(root, RemotePath):
        return root
    return RemotePath(Root("", _local), root.as_posix())


def _local() -> Any:
    from pyarrow.fs import LocalFileSystem

    return LocalFileSystem()


class RemoteStore:
    """A sink and source over a path of a file system: `<ab>/<sha256>.<ext>`, one file for equal content.

    A sidecar is there whole or not at all, and no path leaves `root`.

    Args:
        root: where it is; `open_store(url)` makes it.

    >>> import tempfile, pyarrow.fs, mediatypes as mt
    >>> store = mt.open_store(tempfile.mkdtemp(), filesystem=pyarrow.fs.LocalFileSystem())
    >>> path = store.put(b"abc", suffix=".bin", media_type="application/octet-stream", sha256="0" * 64, size=3)
    >>> store.open(path).read()
    b'abc'
    """

    def __init__(self, root: RemotePath) -> None:
        self.root = root

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.root)!r})"

    def put(self, data: bytes | Path, *, suffix: str, media_type: str, sha256: str, size: int) -> str:
        """Store bytes (or a file's content) and return their path, unless they are there; raises `StoreError`."""
        path = content_path(sha256, suffix)
        target = self.root / path
        try:
            if target.size() != size:
                target.write(checked_pieces(data, sha256, size))
        except StoreError:  # of the file to be copied
            raise
        except OSError as error:
            raise os_error(StoreError, str(target), "write a sidecar", error, _HINT) from error
        return path

    def open(self, path: str | dict[str, Any]) -> BinaryIO:
        """Open by path, reference or document (its main sidecar); raises SidecarMissing, UnsafePath, StoreError."""
        target = self.root / "/".join(safe_parts(main_path(path)))
        try:
            return target.open()
        except FileNotFoundError as error:
            raise os_error(SidecarMissing, str(target), "find the sidecar", error, "Restore the file.") from error
        except OSError as error:
            raise os_error(StoreError, str(target), "open the sidecar", error, _HINT) from error


class RemoteRunStore(RemoteStore):
    """The sidecars of a run elsewhere: files in its folder, or in the packed file of that name."""

    def __init__(self, root: RemotePath, packed: str) -> None:
        super().__init__(root)
        self._packed = root / packed
        self._lock = Lock()
        self._file: PackedFile | None = None  # the packed one, open once it was needed

    def open(self, path: str | dict[str, Any]) -> BinaryIO:
        """As `RemoteStore.open`."""
        try:
            return super().open(path)
        except SidecarMissing:
            packed = self._open_packed()
            name = main_path(path)
            if packed is None or name not in packed.places:
                raise
            return BytesIO(packed.read(name))

    def _open_packed(self) -> PackedFile | None:
        from ._packed_file import PackedFile  # pyarrow is needed only now

        with self._lock:
            if self._file is None:
                with contextlib.suppress(FileNotFoundError):
                    self._file = PackedFile(self._packed)
            return self._file
