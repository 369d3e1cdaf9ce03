"""Where files of a run are: on this machine, or on a file system elsewhere that is read in the same way."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO, Protocol, Self

from .errors import InputError


class Remote(Protocol):
    """What is asked of a file or directory elsewhere; the names are those of `pathlib.Path` and mean the same.

    What the system refuses is an `OSError` with a `strerror` that says why.
    """

    @property
    def filesystem(self) -> Any:
        """The file system of pyarrow, on which it is at `path`."""
        ...

    @property
    def path(self) -> str:
        """Where it is on the file system."""
        ...

    @property
    def name(self) -> str:
        """The last part."""
        ...

    def __truediv__(self, name: str) -> Self:
        """What is below it."""
        ...

    def with_name(self, name: str) -> Self:
        """What is beside it."""
        ...

    def exists(self) -> bool:
        """Whether there is a file or a directory."""
        ...

    def is_file(self) -> bool:
        """Whether there is a file."""
        ...

    def is_dir(self) -> bool:
        """Whether there is a directory."""
        ...

    def entries(self, recursive: bool = False) -> dict[str, int | None]:
        """What is in a directory, by path below it: sizes of files, None for directories; empty if there is none."""
        ...

    def glob(self, pattern: str) -> Iterable[Self]:
        """What stands directly in it under names that match."""
        ...

    def read_bytes(self) -> bytes:
        """A small file."""
        ...

    def open(self, mode: str = "rb") -> BinaryIO:
        """A file, to be read; what is not read is not transferred."""
        ...

    def native(self) -> Any:
        """A file as pyarrow reads it: ranges, several at a time."""
        ...


Location = Path | Remote


def local_path(path: object, where: str) -> Path:
    """The absolute path that somebody passed, with `~` expanded; raises InputError for none, an empty one or a URL."""
    text = os.fspath(path) if isinstance(path, (str, os.PathLike)) else None
    if not isinstance(text, str) or not text or "\0" in text:
        raise InputError.of(where, "the path of a directory", path, "Pass a text such as 'runs/demo'.")
    if "://" in text:
        raise InputError.of(where, "a path of this machine", text, "Copy the run here first: mediatypes copy URL DIR.")
    return Path(os.path.expanduser(text)).absolute()
