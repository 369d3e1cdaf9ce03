"""Files elsewhere, by the names and meanings of `pathlib`: on S3, GCS, Azure, and what fsspec knows."""

from __future__ import annotations

import contextlib
import errno
import io
import os
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any, BinaryIO, NamedTuple

from .._core.atomic import temporary_name
from .._core.errors import InputError, UnsafePath

_WHOLE = ("s3", "gcs", "abfs")  # a file is there when it was written to its end, and not before
_BUFFER = 256 * 1024
_SAID = 400  # letters of what a system says


class FileState(NamedTuple):
    """A file as a directory lists it."""

    size: int
    modified: float | None  # seconds since the epoch, where it is known


class RemotePath:
    """A file or directory of a file system that is not this machine's, as `pathlib.Path` is for this machine.

    What the system refuses is an `OSError` with its reason in one line; nothing of another library comes through.
    """

    def __init__(self, root: Root, path: str) -> None:
        self.root, self._path = root, path

    @property
    def filesystem(self) -> Any:
        """The file system of pyarrow; raises OSError."""
        return self.root.system

    @property
    def path(self) -> str:
        """Where it is on the file system."""
        return self._path

    @property
    def name(self) -> str:
        """The last part."""
        return self.path.rpartition("/")[2]

    @property
    def parent(self) -> RemotePath:
        """The directory that holds it; at the top it is its own."""
        return RemotePath(self.root, self.path.rpartition("/")[0] or self.path)

    def __truediv__(self, name: str) -> RemotePath:
        if any(part in ("", ".", "..") for part in name.split("/")):
            raise UnsafePath.of("path", "a relative path inside the store", name, "Do not trust who named it.")
        return RemotePath(self.root, f"{self.path}/{name}" if self.path not in ("", "/") else f"{self.path}{name}")

    def with_name(self, name: str) -> RemotePath:
        """What stands beside it."""
        return self.parent / name

    def is_relative_to(self, other: RemotePath) -> bool:
        """Whether it is `other`, or below it."""
        return self.root.name == other.root.name and f"{self.path}/".startswith(f"{other.path}/")

    def relative_to(self, other: RemotePath) -> PurePosixPath:
        """The way from `other`."""
        return PurePosixPath(self.path).relative_to(other.path)

    def __str__(self) -> str:
        return f"{self.root.name}{self.path}"

    def __repr__(self) -> str:
        return f"RemotePath({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RemotePath) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    # Reading ---------------------------------------------------------------------------------------------------------

    def size(self) -> int | None:
        """The bytes of a file; None if there is none. Raises OSError."""
        with _said():
            info = self.filesystem.get_file_info(self.path)
            return int(info.size) if info.is_file else None

    def exists(self) -> bool:
        """Whether there is a file or a directory."""
        with _said():
            return bool(self.filesystem.get_file_info(self.path).type)

    def is_file(self) -> bool:
        """Whether there is a file."""
        return self.size() is not None

    def is_dir(self) -> bool:
        """Whether there is a directory, or what some stores have instead: names that begin so."""
        with _said():
            info = self.filesystem.get_file_info(self.path)
            return bool(info.type) and not info.is_file

    def entries(self, recursive: bool = False) -> dict[str, int | None]:
        """What is in a directory, by path below it: sizes of files, None for directories; empty if there is none."""
        from pyarrow.fs import FileSelector

        with _said():
            selector = FileSelector(self.path, recursive=recursive, allow_not_found=True)
            infos = self.filesystem.get_file_info(selector)
            start = len(self.path.rstrip("/")) + 1
            return {one.path[start:].rstrip("/"): int(one.size) if one.is_file else None for one in infos}

    def states(self) -> dict[str, FileState]:
        """Every file below a directory by path below it, or a file under ""; empty if there is none. Raises OSError."""
        from pyarrow.fs import FileSelector

        with _said():
            infos = [self.filesystem.get_file_info(self.path)]
            if not infos[0].is_file:
                infos = self.filesystem.get_file_info(FileSelector(self.path, recursive=True, allow_not_found=True))
            start = len(self.path.rstrip("/")) + 1
            return {
                one.path[start:]: FileState(int(one.size), one.mtime_ns / 1e9 if one.mtime_ns is not None else None)
                for one in infos
                if one.is_file
            }

    def glob(self, pattern: str) -> list[RemotePath]:
        """What stands directly in a directory under names that match."""
        return [self / name for name in sorted(self.entries()) if fnmatchcase(name, pattern)]

    def read_bytes(self) -> bytes:
        """The content of a small file; raises OSError. Of one that is just being replaced it may be a part."""
        with _said(), self.filesystem.open_input_file(self.path) as file:
            return bytes(file.read())

    def open(self, mode: str = "rb") -> BinaryIO:
        """A file, to be read; raises OSError. Only what is read is transferred."""
        return io.BufferedReader(_File(self.native()), _BUFFER)

    def native(self) -> Any:
        """A file of pyarrow, to be read; raises OSError."""
        with _said():
            return self.filesystem.open_input_file(self.path)

    # Writing ---------------------------------------------------------------------------------------------------------

    def write(self, pieces: Iterable[bytes]) -> int:
        """Put a file there, whole or not at all, instead of what was there; returns its size. Raises OSError."""
        whole = self.filesystem.type_name in _WHOLE
        target = self if whole else self.with_name(temporary_name(self.name))
        source, size, partial = iter(pieces), 0, False
        try:
            with _said():
                if not whole:
                    self.filesystem.create_dir(self.parent.path, recursive=True)
                stream = self.filesystem.open_output_stream(target.path, compression=None)
            try:
                partial = True  # should the source fail: closing makes a file of what was written
                for piece in source:
                    partial = not whole
                    with _said():
                        stream.write(piece)
                    size, partial = size + len(piece), True
                partial = not whole
            finally:
                with _said():
                    stream.close()
            if not whole:
                with _said():
                    self.filesystem.move(target.path, self.path)
        except BaseException:
            if partial:
                with contextlib.suppress(OSError):
                    target.unlink()
            raise
        return size

    def unlink(self) -> None:
        """Remove a file; raises OSError."""
        with _said():
            self.filesystem.delete_file(self.path)


class Root:
    """A file system of pyarrow, made when it is first used: until then nothing asks a network.

    `name` is what stands before a path in messages: "s3://".
    """

    def __init__(self, name: str, make: Callable[[], Any]) -> None:
        self.name, self._make = name, make

    @cached_property
    def system(self) -> Any:
        """The file system of pyarrow."""
        with _said():
            return self._make()


class _File(io.RawIOBase):
    """A file of pyarrow as Python has them, with errors of the system."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        with _said():
            return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        with _said():
            return int(self._file.tell())

    def readinto(self, buffer: Any) -> int:
        with _said():
            return int(self._file.readinto(buffer))

    def close(self) -> None:
        if not self.closed:
            with contextlib.suppress(OSError), _said():
                self._file.close()
        super().close()


@contextlib.contextmanager
def _said() -> Iterator[None]:
    """Whatever a file system raises, as an `OSError` whose `strerror` says why."""
    try:
        yield
    except FileNotFoundError as error:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)) from error
    except (InputError, UnsafePath):
        raise
    except Exception as error:  # of fsspec's many backends each has its own
        number, reason = (error.errno, error.strerror) if isinstance(error, OSError) else (None, None)
        text = " ".join(str(reason or error).split()) or type(error).__name__
        raise OSError(number or errno.EIO, text[:_SAID]) from error
