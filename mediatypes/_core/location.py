"""Where files of a run are: on this machine, or on a file system elsewhere that is read in the same way."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO, Protocol, Self

from .errors import InputError


class Remote(Protocol):
    """What is asked of a file or directory elsewhere; the names are those of `pathlib.Path` and mean the same.

    `filesystem` is that of pyarrow, on which it is at `path`; `native()` is a file as pyarrow reads it. What is not
    read is not transferred. What the system refuses is an `OSError` with a `strerror` that says why.
    """

    @property
    def filesystem(self) -> Any: ...
    @property
    def path(self) -> str: ...
    @property
    def name(self) -> str: ...
    def __truediv__(self, name: str) -> Self: ...
    def with_name(self, name: str) -> Self: ...
    def exists(self) -> bool: ...
    def is_file(self) -> bool: ...
    def is_dir(self) -> bool: ...
    def entries(self, recursive: bool = False) -> dict[str, int | None]: ...
    def glob(self, pattern: str) -> Iterable[Self]: ...
    def read_bytes(self) -> bytes: ...
    def open(self, mode: str = "rb") -> BinaryIO: ...
    def native(self) -> Any: ...


Location = Path | Remote


def local_path(path: object, where: str) -> Path:
    """The absolute path that somebody passed, with `~` expanded; raises InputError for none, an empty one or a URL."""
    text = path_text(path, where, "the path of a directory", "Pass a text such as 'runs/demo'.")
    if "://" in text:
        raise InputError.of(where, "a path of this machine", text, "Copy the run here first: mediatypes copy URL DIR.")
    return Path(os.path.expanduser(text)).absolute()


def path_text(path: object, where: str, expected: str, hint: str) -> str:
    """The text of a path that somebody passed; raises InputError for none, and for one that no system takes."""
    text = os.fspath(path) if isinstance(path, (str, os.PathLike)) else None
    if not isinstance(text, str) or not text or "\0" in text:
        raise InputError.of(where, expected, path, hint)
    try:
        os.lstat(os.path.expanduser(os.fsencode(text)))
    except UnicodeEncodeError:
        raise InputError.of(where, "a path", path, "Remove the lone surrogates.") from None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise InputError.of(where, "a path that the system takes", path, "Choose a shorter name.") from error
    return text
