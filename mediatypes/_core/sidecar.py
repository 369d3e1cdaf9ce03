"""Sidecars: bytes beside a document. Hashed once here, so that no sink can break a reference."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Protocol, runtime_checkable

from .errors import (
    HashMismatch,
    InputError,
    MediaTypesError,
    SidecarMissing,
    StoreError,
    UnsafePath,
    Verbatim,
    os_error,
)
from .location import Location
from .wording import counted

READ_WHOLE = 64 * 1024 * 1024  # a larger file is kept by path and checked again when it is encoded
_CHUNK = 1024 * 1024
_DEVICE = re.compile(r"(con|prn|aux|nul|(com|lpt)[0-9¹²³]) *(\..*)?", re.IGNORECASE)
_SUFFIX = re.compile(r"(\.[a-z0-9]{1,10}){1,2}")


@runtime_checkable
class Sink(Protocol):
    """Where an embedding tracker lets us put bytes."""

    def put(self, data: bytes | Path, *, suffix: str, media_type: str, sha256: str, size: int) -> str:
        """Store the bytes (or the content of the file) and return the path or URL to write down."""
        ...


@runtime_checkable
class Source(Protocol):
    """Where sidecars are read from."""

    def open(self, path: str) -> BinaryIO:
        """Open what `Sink.put` returned `path` for; raises `SidecarMissing`."""
        ...


class Blob:
    """Immutable bytes with their SHA-256: held in memory, or a large file known by path and hash."""

    __slots__ = ("_content", "sha256", "size")

    def __init__(self, content: bytes | Path, sha256: str = "") -> None:
        self._content = content
        if isinstance(content, bytes):
            self.size = len(content)
            self.sha256 = sha256 or hashlib.sha256(content).hexdigest()
        else:
            self.sha256, self.size = hash_file(content)

    @classmethod
    def from_path(cls, path: str | os.PathLike[Any], where: str, hint: str = "Check the path.") -> Blob:
        """Read a file now (up to 64 MiB; a larger one is hashed and kept by path); `hint` is for a missing one."""
        named = os.fsdecode(path)
        file = Path(named)
        if isinstance(path, str) and ("\n" in path or path.lstrip().startswith(("{", "<"))):
            hint = "Pass what a file holds as bytes: text.encode()."
        try:
            if not named or not file.is_file():
                raise InputError.of(where, "an existing file", named, hint, "no-file")
            return cls(file.read_bytes() if file.stat().st_size <= READ_WHOLE else file.resolve())
        except (OSError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
                raise InputError.of(where, "an existing file", named, hint, "no-file") from error
            hint = f"The system said: {getattr(error, 'strerror', None) or error}."
            raise InputError.of(where, "a readable file", named, hint, "no-file") from error

    def read(self) -> bytes:
        if isinstance(self._content, bytes):
            return self._content
        return b"".join(checked_pieces(self._checked_file(), self.sha256, self.size))

    def open(self) -> BinaryIO:
        return BytesIO(self._content) if isinstance(self._content, bytes) else open(self._checked_file(), "rb")

    def place(self, sink: Sink, suffix: str, media_type: str) -> dict[str, Any]:
        """Put the bytes into `sink` and return the reference to write into the document."""
        content = self._content if isinstance(self._content, bytes) else self._checked_file()
        with _foreign_errors(f"{type(sink).__name__}.put", "keep a sidecar", "Check the store."):
            path = sink.put(content, suffix=suffix, media_type=media_type, sha256=self.sha256, size=self.size)
        if not isinstance(path, str) or not path:
            raise StoreError.of(f"{type(sink).__name__}.put", "the path or URL of the sidecar", path, "Return text.")
        return {"path": path, "sha256": self.sha256, "size": self.size, "media_type": media_type}

    def _checked_file(self) -> Path:
        file = Path(self._content)  # type: ignore[arg-type]
        try:
            content = hash_file(file)
        except OSError as error:
            raise os_error(
                StoreError, str(file), "read the file again", error, "Keep it until it is logged."
            ) from error
        if content != (self.sha256, self.size):
            raise changed(file)
        return file


def holds(sink: Sink, reference: dict[str, Any]) -> bool:
    """Whether a sink says that it has kept a sidecar already, under that path; most cannot say."""
    return bool(getattr(sink, "_holds", lambda **_: False)(**reference))


def fetch(source: Source, reference: dict[str, Any], where: str) -> bytes:
    """The bytes a reference points to, checked for size and hash; raises `SidecarMissing`, `HashMismatch`..."""
    size = int(reference["size"])  # JSON may say 5.0
    path = reference["path"]
    with _foreign_errors(where, f"read {path}", "Check the source."):
        try:
            with source.open(path) as file:
                data = _read_up_to(file, size + 1)
        except FileNotFoundError as error:  # what other people's sources raise
            if isinstance(error, StoreError):
                raise
            raise SidecarMissing.of(where, "its sidecar", path, "Restore it.") from error
    if len(data) != size:
        got = "more" if len(data) > size else f"{len(data)}"
        raise HashMismatch(f"{where}: expected {counted(size, 'byte')}, got {got}. {_restore(reference)}")
    if hashlib.sha256(data).hexdigest() != reference["sha256"]:
        raise HashMismatch(f"{where}: expected the bytes it was written for, got others. {_restore(reference)}")
    return data


@contextlib.contextmanager
def _foreign_errors(where: str, doing: str, hint: str) -> Iterator[None]:
    """Whatever the sinks and sources of other people raise, as a `StoreError` from it."""
    try:
        yield
    except MediaTypesError:
        raise
    except OSError as error:
        raise os_error(StoreError, where, doing, error, hint) from error
    except Exception as error:
        text = f"{type(error).__name__}: {error}".rstrip(" .:")
        raise StoreError.of(where, f"to {doing}", Verbatim(text), hint) from error


def _read_up_to(file: BinaryIO, size: int) -> bytes:
    """At most `size` bytes; a claimed size is not allocated before the bytes are there."""
    pieces: list[bytes] = []
    while size > 0 and (piece := file.read(min(size, READ_WHOLE))):
        pieces.append(piece)
        size -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _restore(reference: dict[str, Any]) -> str:
    return f"Restore {reference['path']} (sha256 {reference['sha256']})."


def content_pieces(data: bytes | Path) -> Iterator[bytes]:
    """What a sink is given to store, piece by piece; raises `StoreError` if the file cannot be read."""
    if isinstance(data, bytes):
        yield data
        return
    try:
        with open(data, "rb") as file:
            while piece := file.read(_CHUNK):
                yield piece
    except OSError as error:
        raise os_error(StoreError, str(data), "read the file", error, "Keep it until it is logged.") from error


def checked_pieces(data: bytes | Path, sha256: str, size: int) -> Iterator[bytes]:
    """The same; raises `HashMismatch` after the last piece if a file has changed since it was hashed."""
    if isinstance(data, bytes):
        yield data
        return
    digest, count = hashlib.sha256(), 0
    for piece in content_pieces(data):
        digest.update(piece)
        count += len(piece)
        yield piece
    if (digest.hexdigest(), count) != (sha256, size):
        raise changed(data)


def changed(file: object) -> HashMismatch:
    """What to raise for a file that is another one now."""
    return HashMismatch(f"{file}: expected the file as it was when the value was made, got other bytes. Log it again.")


def open_file(path: Location) -> BinaryIO:
    """Open a file to be read. Raises OSError, also for a pipe or device: reading it might wait for ever."""
    if not isinstance(path, Path):
        return path.open("rb")
    return os.fdopen(open_regular(path)[0], "rb")


def read_file(path: Location, most: int) -> bytes:
    """At most so many bytes of a small file, by few calls of the system: of a thousand runs they take the time."""
    if not isinstance(path, Path):
        with path.open("rb") as file:
            return file.read(most)
    descriptor, size = open_regular(path)
    try:
        left, pieces = min(size, most), list[bytes]()
        while left > 0 and (piece := os.read(descriptor, left)):
            pieces.append(piece)
            left -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)
    finally:
        os.close(descriptor)


def open_regular(path: Path, flags: int = os.O_RDONLY) -> tuple[int, int]:
    """A descriptor of a regular file, and its size; raises OSError for anything else, without waiting for it."""
    try:
        descriptor = os.open(path, flags | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0), 0o666)
    except OSError as error:
        if error.errno != errno.ENXIO:  # a pipe that nobody reads
            raise
        raise OSError(errno.EINVAL, "not a regular file") from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file")
    return descriptor, status.st_size


def hash_file(path: Path) -> tuple[str, int]:
    """SHA-256 and size of a file, read in chunks."""
    with open(path, "rb") as file:
        return hash_stream(file)


def hash_stream(file: BinaryIO) -> tuple[str, int]:
    """SHA-256 and size of what is left of an open file, read in chunks."""
    digest, size = hashlib.sha256(), 0
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
        size += len(chunk)
    return digest.hexdigest(), size


def content_path(sha256: str, suffix: str) -> str:
    """`ab/<sha256><suffix>`: equal bytes get one name, safe on every file system whatever the key was."""
    if not re.fullmatch("[0-9a-f]{64}", sha256) or not _SUFFIX.fullmatch(suffix):
        raise UnsafePath.of("put", "a sha256 and a suffix such as .png", sha256 + suffix, "Fix the caller.")
    return f"{sha256[:2]}/{sha256}{suffix}"


def safe_parts(path: str) -> tuple[str, ...]:
    """The components of a relative POSIX path that stays inside its root on every system, or `UnsafePath`."""
    parts = tuple(path.split("/"))
    if not all(map(_is_safe, parts)):
        raise UnsafePath.of("path", "a relative path inside the store", path, "Do not trust this document.")
    return parts


def _is_safe(name: str) -> bool:
    """Whether a name means that file everywhere: Windows drops final dots and spaces, and has devices."""
    return (
        name not in ("", ".", "..")
        and name[-1] not in ". "
        and not set(name) & set('\\:<>"|?*')
        and name.isprintable()
        and not _DEVICE.fullmatch(name)
    )


class HashingSink:
    """A sink that keeps nothing: a document encoded into it identifies the value."""

    def put(self, data: bytes | Path, *, suffix: str, media_type: str, sha256: str, size: int) -> str:
        return content_path(sha256, suffix)
