"""The Parquet file of a packed store: how it is written, and read a sidecar at a time."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from .._core import canonical
from .._core.atomic import sync_names
from .._core.codec import require_readable
from .._core.errors import HashMismatch, SidecarMissing, StoreError, UnsupportedVersionError, Verbatim, os_error
from .._core.location import Location
from ..columns.arrow import numbers, texts
from ..columns.packed import FEATURES, PACKED, huggingface, pack_array, write_whole

FORMAT = "1.0"
LARGEST = 64 * 1024 * 1024  # bytes of a sidecar; reading or writing one takes some times its size of memory
_COLUMNS = (*FEATURES, "other")  # of media: a sidecar stands in that of its medium
_GROUP_BYTES, _GROUP_ROWS = 1024 * 1024, 4096  # of a row group, which is read to read one sidecar of it
_MAX_GROUP = 1024 * 1024 * 1024  # bytes of a row group that another writer made
_ADVICE = "Restore the file from a copy."


class Entry(NamedTuple):
    """A sidecar to be written: its path, media type (None if nobody knows), and how to get its bytes."""

    path: str
    media_type: str | None
    size: int
    read: Callable[[], bytes]

    @property
    def column(self) -> str:
        medium = (self.media_type or "").partition("/")[0]
        return medium if medium in FEATURES else "other"


class Place(NamedTuple):
    """What a packed file says about a sidecar, and the row it stands in."""

    media_type: str | None
    sha256: str
    size: int
    group: int
    row: int


def write(file: Path, entries: Iterable[Entry]) -> None:
    """Write sidecars as one file, each medium in the order given; read again and compared before it takes its name.

    Raises StoreError for one that is too large, or if the system refuses; an earlier file stays as it was.
    """
    wanted = list(entries)
    for entry in wanted:
        if entry.size > LARGEST:
            raise StoreError.of(entry.path, f"at most {LARGEST} bytes", entry.size, "Keep it as a file.", "size")
    fields = [("path", pa.utf8()), ("sha256", pa.utf8()), ("size", pa.int64()), ("media_type", pa.utf8())]
    schema = pa.schema([*fields, *((name, PACKED) for name in _COLUMNS)])
    metadata = {b"mediatypes": canonical.dump_bytes({"format": FORMAT})}
    schema = schema.with_metadata(metadata | huggingface(FEATURES))
    digests: dict[str, str] = {}
    groups = (_batch(group, schema, digests) for group in _grouped(wanted))
    statistics = [name for name, _ in fields]  # of pictures they would be noise
    check = partial(_check, digests=digests)
    write_whole(file, schema, groups, "write the packed store", check, durable=True, write_statistics=statistics)
    sync_names(file.parent)


def _grouped(entries: list[Entry]) -> Iterator[list[Entry]]:
    """Row groups: of one medium each, and small, or of one large sidecar."""
    group: list[Entry] = []
    size = 0
    for entry in sorted(entries, key=lambda entry: _COLUMNS.index(entry.column)):
        full = size + entry.size > _GROUP_BYTES or len(group) == _GROUP_ROWS
        if group and (full or entry.column != group[0].column):
            yield group
            group, size = [], 0
        group.append(entry)
        size += entry.size
    if group:
        yield group


def _batch(group: list[Entry], schema: pa.Schema, digests: dict[str, str]) -> pa.RecordBatch:
    contents = [entry.read() for entry in group]
    for entry, content in zip(group, contents, strict=True):
        if len(content) != entry.size:
            got = Verbatim(f"{len(content)} bytes")
            raise StoreError.of(entry.path, f"{entry.size} bytes", got, "Is another process writing it?")
        digests[entry.path] = hashlib.sha256(content).hexdigest()
    arrays = [texts([entry.path for entry in group]), texts([digests[entry.path] for entry in group])]
    arrays += [numbers([entry.size for entry in group], "int64"), texts([entry.media_type for entry in group])]
    names = [os.path.basename(entry.path) for entry in group]
    own, absent = pack_array([*contents], [*names], [True] * len(group)), pa.nulls(len(group), PACKED)
    arrays += [own if column == group[0].column else absent for column in _COLUMNS]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _check(written: Path, digests: dict[str, str]) -> None:
    """Read every sidecar again."""
    file = PackedFile(written)
    if file.places.keys() != digests.keys():
        raise StoreError.of(str(written), f"{len(digests)} sidecars after writing", len(file.places), "Try again.")
    for path, sha256 in digests.items():
        if hashlib.sha256(file.read(path)).hexdigest() != sha256:
            raise HashMismatch(f"{path}: expected the bytes that were written, got others. Check the disk.")
    file.close()


class PackedFile:
    """A packed file, open: it stays the same file when another is renamed over it. Threads may share it.

    Raises FileNotFoundError, or StoreError if it is damaged or foreign.
    """

    def __init__(self, path: Location) -> None:
        self.path: Any = path  # of a file that is written a Path
        self._lock = threading.Lock()
        self._last: tuple[int, list[bytes | None]] = (-1, [])  # sidecars are often read in their order
        try:
            source = path if isinstance(path, Path) else path.native()
            self._file = pq.ParquetFile(source, page_checksum_verification=True)
            self._columns = [name for name in _COLUMNS if name in self._file.schema_arrow.names]
            self.places = self._index()
        except (FileNotFoundError, UnsupportedVersionError):
            raise
        except _DAMAGE as error:
            raise _damaged(path, error) from error

    def _index(self) -> dict[str, Place]:
        schema = self._file.schema_arrow
        if b"mediatypes" not in (schema.metadata or {}) or not self._columns:
            raise StoreError.of(str(self.path), "a packed store written by mediatypes", self.path.name, _ADVICE)
        told = canonical.loads(schema.metadata[b"mediatypes"])
        require_readable(str(self.path), told.get("format") if isinstance(told, dict) else None, FORMAT)
        metadata, places = self._file.metadata, dict[str, Place]()
        groups = range(metadata.num_row_groups)
        at = ((group, row) for group in groups for row in range(metadata.row_group(group).num_rows))
        columns = self._file.read(["path", "media_type", "sha256", "size"]).to_pydict()
        for path, media_type, sha256, size, (group, row) in zip(
            columns["path"], columns["media_type"], columns["sha256"], columns["size"], at, strict=True
        ):
            if not (isinstance(path, str) and isinstance(sha256, str) and type(size) is int and size >= 0):
                raise ValueError("a row without a path, a SHA-256 or a size")
            places[path] = Place(media_type if isinstance(media_type, str) else None, sha256, size, group, row)
        return places

    def read(self, path: str) -> bytes:
        """The bytes of a sidecar; raises `SidecarMissing`, or `StoreError` if the file is damaged."""
        if path not in self.places:
            raise SidecarMissing.of(str(self.path), "a sidecar of this packed store", path, "Restore the sidecar.")
        place = self.places[path]
        with self._lock:
            if self._last[0] != place.group:
                self._last = place.group, self._read_group(place.group)
            content = self._last[1][place.row]
        if content is None:
            raise StoreError.of(str(self.path), f"the bytes of {path}", None, _ADVICE)
        return content

    def _read_group(self, group: int) -> list[bytes | None]:
        size = self._file.metadata.row_group(group).total_byte_size
        if not 0 <= size <= _MAX_GROUP:
            raise StoreError.of(str(self.path), f"row groups of at most {_MAX_GROUP} bytes", size, _ADVICE)
        try:
            table = self._file.read_row_group(group, columns=[f"{name}.bytes" for name in self._columns])
            cells: list[bytes | None] = [None] * table.num_rows
            for name in self._columns:
                for row, cell in enumerate(table.column(name).to_pylist()):
                    if cell is not None and cell["bytes"] is not None:
                        cells[row] = cell["bytes"]
            return cells
        except _DAMAGE as error:
            raise _damaged(self.path, error) from error

    def entries(self) -> Iterator[Entry]:
        """All sidecars, to be written again; each is compared with its hash when it is read."""
        for path, place in self.places.items():
            yield Entry(path, place.media_type, place.size, partial(self.checked, path))

    def checked(self, path: str) -> bytes:
        """The bytes of a sidecar, whole; raises `HashMismatch` as well."""
        content = self.read(path)
        if hashlib.sha256(content).hexdigest() != self.places[path].sha256:
            raise HashMismatch(f"{self.path}: expected {path} as it was written, got other bytes. {_ADVICE}")
        return content

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


_DAMAGE: Any = (pa.ArrowException, OSError, LookupError, ValueError, TypeError)


def _damaged(path: Location, error: Exception) -> StoreError:
    if isinstance(error, StoreError):
        return error
    if isinstance(error, OSError) and error.errno:
        return os_error(StoreError, str(path), "read the packed store", error, "Check permissions.")
    got = Verbatim((str(error).splitlines() or [type(error).__name__])[0])
    return StoreError.of(str(path), "a whole packed store", got, _ADVICE)
