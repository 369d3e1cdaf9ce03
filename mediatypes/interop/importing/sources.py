"""Where log directories are: on this machine, or in a bucket."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol, cast

from ..._core.errors import InputError, Problem, StoreError, os_error
from ...store.location import RemotePath
from ...store.urls import is_url, locate

OUTSIDE, IRREGULAR, UNLISTED = "a link out of the log directory", "no regular file", "a directory that cannot be listed"
HEAD_BYTES = 1024  # bytes by which a file is known again
_PERMISSIONS = "Check permissions."
_HINT = "Check the URL, the credentials and the network."


class LogFile(NamedTuple):
    """A file below a log directory."""

    path: str  # relative, with /
    size: int
    refusal: str = ""  # what it is, if it is not to be read


class LogDir(Protocol):
    """A log directory that can be listed and read; picklable, since other processes may read it."""

    name: str

    @property
    def local(self) -> tuple[Path, ...]:
        """Where it is on this machine, if it is."""
        ...

    def list(self) -> list[LogFile]:
        """Every file, in the order of the paths. What is not to be read is told: see `LogFile.refusal`."""
        ...

    def open(self, path: str) -> BinaryIO:
        """A file, open for reading from its start."""
        ...


def open_logdir(url: str | os.PathLike[str]) -> LogDir:
    """A log directory by path, or by URL as `mt.open_store` takes it; raises InputError if there is none."""
    text = os.fspath(url)
    if not is_url(text):
        return LocalDir(text)
    place = locate(text, "logdir")
    return RemoteDir(text) if isinstance(place, RemotePath) else LocalDir(str(place))


class LocalDir:
    """A directory of this machine, or one event file in it."""

    def __init__(self, path: str) -> None:
        self.root = Path(path).absolute()
        self._only = ""
        if self.root.is_file():
            self.root, self._only = self.root.parent, self.root.name
        elif not self.root.is_dir():
            raise InputError.of("logdir", "an existing directory", path, "Check the path.", "no-directory")
        self.name = _shown(self.root.resolve().name)
        self._real = os.path.realpath(self.root)
        self._odd: dict[str, str] = {}  # names that UTF-8 cannot hold, by how they are shown

    @property
    def local(self) -> tuple[Path, ...]:
        return (self.root / self._only,)

    def list(self) -> list[LogFile]:
        if self._only:
            return [LogFile(self._only, (self.root / self._only).stat().st_size)]
        listed: list[LogFile] = []
        seen: set[tuple[int, int]] = set()
        waiting, links = [(str(self.root), "")], list[tuple[str, str]]()
        while waiting or links:  # links last: what they lead to may have a place of its own
            folder, below = (waiting or links).pop()
            try:
                own = os.stat(folder)
                if (own.st_dev, own.st_ino) in seen:  # a link that leads back
                    continue
                seen.add((own.st_dev, own.st_ino))
                with os.scandir(folder) as scanned:
                    entries = list(scanned)
            except FileNotFoundError:  # removed meanwhile
                continue
            except OSError as error:
                if not below:
                    raise os_error(StoreError, folder, "list the directory", error, _PERMISSIONS) from error
                listed.append(LogFile(_shown(below), 0, f"{UNLISTED}: {error.strerror}"))
                continue
            for entry in entries:
                path = below + entry.name
                try:
                    refusal = OUTSIDE if entry.is_symlink() and not self._is_inside(entry.path) else ""
                    if entry.is_dir() and not refusal:
                        (links if entry.is_symlink() else waiting).append((entry.path, f"{path}/"))
                        continue
                    status = os.stat(entry.path)  # that of the entry may be out of date on Windows
                except OSError:  # removed meanwhile, or a link to nowhere
                    continue
                if not refusal and not stat.S_ISREG(status.st_mode):
                    refusal = IRREGULAR
                shown = _shown(path)
                if shown != path:
                    self._odd[shown] = path
                listed.append(LogFile(shown, 0 if refusal else status.st_size, refusal))
        return sorted(listed)

    def _is_inside(self, path: str) -> bool:
        real = os.path.realpath(path)
        return real == self._real or real.startswith(self._real.rstrip(os.sep) + os.sep)

    def open(self, path: str) -> BinaryIO:
        place = self.root / self._odd.get(path, path)
        try:
            return open(place, "rb", buffering=0, opener=_open_regular)
        except OSError as error:
            raise os_error(StoreError, str(place), "read the file", error, _PERMISSIONS) from error


class RemoteDir:
    """A directory in a bucket, by a URL that `mt.open_store` takes as well, with the provider's default credentials."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._place: RemotePath | None = None
        place = self._root()
        self.shown, self.name = str(place), place.name
        if not self.list():
            raise InputError.of("logdir", "a directory with files", self.shown, "Check the URL.", "no-directory")

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_place": None}  # a connection stays where it was made

    @property
    def local(self) -> tuple[Path, ...]:
        return ()

    def _root(self) -> RemotePath:
        if self._place is None:
            self._place = cast(RemotePath, locate(self._url, "logdir"))  # which `open_logdir` has looked at
        return self._place

    def list(self) -> list[LogFile]:
        try:
            sizes = self._root().entries(recursive=True)
        except OSError as error:
            raise os_error(StoreError, self.shown, "list the directory", error, _HINT) from error
        return sorted(LogFile(path, size) for path, size in sizes.items() if size is not None)

    def open(self, path: str) -> BinaryIO:
        root = self._root()
        place = RemotePath(root.root, f"{root.path}/{path}")  # a bucket may hold names that no directory could
        try:
            return place.open()
        except OSError as error:
            raise os_error(StoreError, str(place), "read the file", error, _HINT) from error


def unlisted(root: Path, add: Callable[[Problem], object]) -> Callable[[OSError], None]:
    """The `onerror` of an `os.walk` below `root`: adds a problem, unless the directory was removed meanwhile."""

    def refused(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            message = f"expected a directory that can be listed, got {error.strerror!r}"
            add(Problem(os.path.relpath(error.filename, root), message, "not-read", _PERMISSIONS))

    return refused


def read_head(logdir: LogDir, path: str, size: int) -> dict[str, Any]:
    """The first bytes of a file, by size and hash."""
    with logdir.open(path) as opened:
        data = opened.read(size)
    return {"size": size, "sha256": hashlib.sha256(data).hexdigest()}


def _open_regular(path: str, flags: int) -> int:
    """The descriptor of a file; a pipe or device is refused, which would block or never end."""
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, IRREGULAR)
    return descriptor


def _shown(path: str) -> str:
    """A path as text; bytes that are no UTF-8 are shown as escapes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
