"""Where log directories are: on this machine, or in a bucket."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, NamedTuple, Protocol
from urllib.parse import urlsplit

from ..._core.errors import InputError, StoreError, os_error

HEAD = 1024  # bytes by which a file is known again
SCHEMES = ("s3", "gs", "gcs", "az", "abfs", "abfss")


class LogFile(NamedTuple):
    """A file below a log directory."""

    path: str  # relative, with /
    size: int


class LogDir(Protocol):
    """A log directory that can be listed and read; picklable, since other processes may read it."""

    name: str

    def list(self) -> list[LogFile]:
        """Every file, in the order of the paths."""

    def open(self, path: str) -> BinaryIO:
        """A file, open for reading from its start."""


def open_logdir(url: str | os.PathLike[str]) -> LogDir:
    """A log directory by path or URL (`s3://bucket/path`, `gs://bucket/path`, `az://account/container/path`).

    Raises:
        InputError: there is none.
    """
    text = os.fspath(url)
    scheme, separator, rest = text.partition("://")
    if separator and scheme == "file":
        return LocalDir(rest)
    if separator:
        if scheme not in SCHEMES:
            hint = "Copy the log directory to this machine."
            raise InputError.of("logdir", "a path, or a URL of s3, gs or az", text, hint, "scheme")
        return RemoteDir(text)
    return LocalDir(text)


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
        self._odd: dict[str, str] = {}  # names that UTF-8 cannot hold, by how they are shown

    def list(self) -> list[LogFile]:
        if self._only:
            return [LogFile(self._only, (self.root / self._only).stat().st_size)]
        found, seen = [], set()
        for folder, folders, names in os.walk(self.root, followlinks=True):
            real = os.path.realpath(folder)
            if real in seen:  # a link that leads back
                folders.clear()
                continue
            seen.add(real)
            below = PurePosixPath(Path(folder).relative_to(self.root))
            for name in names:
                try:
                    size = os.stat(os.path.join(folder, name)).st_size
                except OSError:  # removed meanwhile, or a link to nowhere
                    continue
                path = str(below / name)
                shown = _shown(path)
                if shown != path:
                    self._odd[shown] = path
                found.append(LogFile(shown, size))
        return sorted(found)

    def open(self, path: str) -> BinaryIO:
        try:
            return open(self.root / self._odd.get(path, path), "rb", buffering=0)
        except OSError as error:
            raise os_error(StoreError, str(self.root / path), "read the file", error, "Check permissions.") from error


class RemoteDir:
    """A directory in a bucket, read through `pyarrow.fs` with the provider's default credentials.

    What `pyarrow.fs.FileSystem.from_uri` understands may follow the path, such as `?region=...` of S3.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        parts = urlsplit(url)
        self.shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"  # without what may be secret
        self._opened: tuple[Any, str] | None = None
        self.name = PurePosixPath(parts.path).name or parts.netloc.rpartition("@")[2]
        if not self.list():
            raise InputError.of("logdir", "a directory with files", self.shown, "Check the URL.", "no-directory")

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": None}

    def _filesystem(self) -> tuple[Any, str]:
        if self._opened is None:
            import pyarrow as pa
            from pyarrow import fs

            try:
                if self._url.startswith("az://"):
                    account, _, path = self._url.removeprefix("az://").partition("/")
                    key = os.environ.get("AZURE_STORAGE_KEY")  # which Azure's own default chain does not look at
                    self._opened = (fs.AzureFileSystem(account_name=account, account_key=key), path.rstrip("/"))
                else:
                    made, path = fs.FileSystem.from_uri(self._url)
                    self._opened = (made, path.rstrip("/"))
            except (OSError, ValueError, pa.ArrowException, AttributeError) as error:
                hint = "Check the URL, and the provider's default credentials."
                raise InputError.of(
                    "logdir", "a directory that can be opened", self.shown, f"{_said(error)}. {hint}"
                ) from error
        return self._opened

    def list(self) -> list[LogFile]:
        from pyarrow import fs

        system, root = self._filesystem()
        try:
            found = system.get_file_info(fs.FileSelector(root, recursive=True, allow_not_found=True))
        except OSError as error:
            raise StoreError.of(self.shown, "to list the directory", _said(error), "Check the credentials.") from error
        files = [info for info in found if info.type == fs.FileType.File]
        return sorted(LogFile(info.path.removeprefix(f"{root}/"), info.size) for info in files)

    def open(self, path: str) -> BinaryIO:
        system, root = self._filesystem()
        try:
            opened: BinaryIO = system.open_input_file(f"{root}/{path}")
        except OSError as error:
            raise StoreError.of(
                f"{self.shown}/{path}", "to read the file", _said(error), "Check the credentials."
            ) from error
        return opened


def read_head(logdir: LogDir, path: str, size: int) -> dict[str, Any]:
    """The first bytes of a file, by size and hash."""
    with logdir.open(path) as opened:
        data = opened.read(size)
    return {"size": size, "sha256": hashlib.sha256(data).hexdigest()}


def _shown(path: str) -> str:
    """A path as text; bytes that are no UTF-8 are shown as escapes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _said(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
