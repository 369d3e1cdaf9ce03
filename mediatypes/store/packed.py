"""Many sidecars in one Parquet file: for file systems with few inodes, and for Hugging Face `datasets`."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from functools import partial
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from .._core.errors import SidecarMissing, StoreError, Verbatim, os_error
from .._core.sidecar import checked_pieces, content_path
from .directory import DirectoryStore
from .memory import main_path

if TYPE_CHECKING:
    from ._packed_file import PackedFile


class PackedStore:
    """A sink and source in one Parquet file, which is written whole: at the end of a `with` block, or by `write()`.

    The file has the columns `path`, `sha256`, `size`, `media_type`, and `image`, `audio`, `video`, `other`: one of
    these holds the sidecar, as `struct<bytes: binary, path: string>`, so that `load_dataset("parquet", data_files=...)`
    of `datasets` shows the images. To read one sidecar takes reading about a megabyte of the file, whatever its size.

    Until the file is written, what was put is held in memory, and can be opened. A file that is there is added to.

    Args:
        file: the Parquet file; its directory has to be there.

    >>> import tempfile, numpy as np, mediatypes as mt
    >>> file = tempfile.mkdtemp() + "/media.parquet"
    >>> with mt.PackedStore(file) as store:
    ...     document = mt.encode(mt.Image(np.zeros((2, 3), np.uint8)), store)
    >>> mt.decode(document, mt.PackedStore(file)).width
    3
    """

    def __init__(self, file: str | os.PathLike[str]) -> None:
        self.file = Path(file)
        self._added: dict[str, tuple[bytes, str]] = {}  # by path: content and media type
        self._reader = Reader(self.file)

    def __repr__(self) -> str:
        return f"PackedStore({str(self.file)!r})"

    def put(self, data: bytes | Path, *, suffix: str, media_type: str, sha256: str, size: int) -> str:
        """Keep the bytes (a file's content is read) until `write()`, and return their path.

        Raises:
            StoreError: it has more than 64 MiB; such a sidecar stays a file of its own.
        """
        from ._packed_file import LARGEST

        path = content_path(sha256, suffix)
        if size > LARGEST:
            raise StoreError.of("PackedStore.put", f"at most {LARGEST} bytes", size, "Use a DirectoryStore for it.")
        if path not in self:
            self._added[path] = b"".join(checked_pieces(data, sha256, size)), media_type
        return path

    def open(self, path: str | dict[str, Any]) -> BinaryIO:
        """Open by path, reference or document (its main sidecar), to be read.

        Raises:
            SidecarMissing: it is not in the store.
            StoreError: the file is damaged.
        """
        name = main_path(path)
        if name in self._added:
            return BytesIO(self._added[name][0])
        packed = self._reader.file()
        if packed is None:
            raise SidecarMissing.of(str(self.file), f"a packed store with {name}", "no such file", "Restore the file.")
        return BytesIO(packed.read(name))

    def __contains__(self, path: object) -> bool:
        packed = self._reader.file()
        return path in self._added or (packed is not None and path in packed.places)

    def __iter__(self) -> Iterator[str]:
        """The paths of all sidecars."""
        packed = self._reader.file()
        return iter([*(packed.places if packed else ()), *self._added])

    def write(self) -> None:
        """Write the file: all that it held, and what was put since. It is replaced when the new one is verified.

        Raises:
            StoreError: the system refused, or what the file held is damaged. The earlier file is as it was.
        """
        from ._packed_file import Entry, write

        if not self._added and self.file.exists():
            return
        packed = self._reader.file()
        added = [
            Entry(path, media_type, len(content), partial(bytes, content))
            for path, (content, media_type) in self._added.items()
        ]
        write(self.file, [*(packed.entries() if packed else ()), *added])
        self._added = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.write()


class Reader:
    """A packed file, opened when first needed, and again when another took its name."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._open: tuple[tuple[int, ...], PackedFile] | None = None

    def file(self) -> PackedFile | None:
        """The file as it is now; None if there is none. Raises `StoreError` if it is damaged."""
        with self._lock:
            try:
                status = self._path.stat()
                if not stat.S_ISREG(status.st_mode):  # reading a pipe might wait for ever
                    raise StoreError.of(str(self._path), "a file", Verbatim("a directory or device"), "Move it away.")
                identity = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
                if self._open is None or self._open[0] != identity:
                    from ._packed_file import PackedFile  # pyarrow is needed only now

                    self._open = identity, PackedFile(self._path)
            except FileNotFoundError:
                self._open = None
                return None
            except OSError as error:
                if isinstance(error, StoreError):
                    raise
                raise os_error(StoreError, str(self._path), "read the packed store", error, "Check it.") from error
            return self._open[1]


class RunStore(DirectoryStore):
    """The sidecars of a run: files in its folder, or in the packed file of that name, or some here and some there."""

    def __init__(self, root: str | os.PathLike[str], packed: str) -> None:
        super().__init__(root)
        self._reader = Reader(self.root / packed)

    def open(self, path: str | dict[str, Any]) -> BinaryIO:
        """As `DirectoryStore.open`; raises `StoreError` where the packed file is damaged, too."""
        try:
            return super().open(path)
        except SidecarMissing:
            packed = self._reader.file()
            name = main_path(path)
            if packed is None or name not in packed.places:
                return super().open(path)  # perhaps it was unpacked meanwhile
            return BytesIO(packed.read(name))
