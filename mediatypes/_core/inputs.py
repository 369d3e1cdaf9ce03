"""What users pass as a file: a path, bytes, a buffer or an open file, read in one way for every type."""

from __future__ import annotations

import io
import os
from collections.abc import Container, Iterable
from typing import Any, TypeGuard

from .canonical import is_utf8_encodable
from .errors import InputError
from .sidecar import Blob


def is_path(data: object) -> TypeGuard[str | os.PathLike[Any]]:
    """Whether something is the name of a file."""
    return isinstance(data, (str, os.PathLike))


def read_blob(data: Any, where: str, no_file: str = "Check the path.") -> Blob | None:
    """The content of a path, bytes, BytesIO or open binary file, else None.

    Raises `InputError` if it cannot be read, with the hint `no_file` where there is no such file.
    """
    if is_path(data):
        if isinstance(data, str) and "://" in data:
            raise InputError.of(where, "a file on this machine", data, "Download it and pass its path.", "url")
        return Blob.from_path(data, where, no_file)
    if isinstance(data, (bytes, bytearray, memoryview)):
        return Blob(bytes(data))
    if isinstance(data, io.BytesIO):
        return Blob(read_open_file(data, where))
    if isinstance(data, io.TextIOBase):
        raise InputError.of(where, "a file opened in binary mode", data, "Open it with mode 'rb'.", "text-file")
    if callable(getattr(data, "read", None)) and not hasattr(data, "__array__"):
        content = read_open_file(data, where)
        if not isinstance(content, bytes):
            raise InputError.of(where, "a file that reads bytes", content, "Open it with mode 'rb'.", "text-file")
        return Blob(content)
    return None


def read_open_file(file: Any, where: str) -> Any:
    """What an open file holds from its position on, or all where that is the end, after writing; of a buffer all.

    Raises InputError for whatever the file raises: closed, not open for reading, an error of the system or of a class
    that somebody wrote; but UnicodeDecodeError, as its encoding is another fault.
    """
    try:
        if isinstance(file, (io.BytesIO, io.StringIO)):
            return file.getvalue()
        content = file.read()
        if not content and getattr(file, "seekable", bool)() and file.tell():
            file.seek(0)
            content = file.read()
        return content
    except UnicodeDecodeError:
        raise
    except Exception as error:
        hint = f"Reading it failed: {str(error).rstrip('.') or type(error).__name__}."
        raise InputError.of(where, "an open file that can be read", file, hint, "unreadable") from error


def text(value: Any, where: str) -> str | None:
    """An optional caption or name: None, or text that UTF-8 can hold."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise InputError.of(where, "text", value, "Use str(...).")
    if not is_utf8_encodable(value):
        raise InputError.of(where, "text that UTF-8 can hold", value, "Remove the lone surrogates.")
    return str.__str__(value)  # an Enum that is a text shows another one


def is_among(value: object, choices: Container[str]) -> bool:
    """Whether an option is one of some texts; an array, say, would be compared with them item by item."""
    return isinstance(value, str) and value in choices


def flag(value: Any, where: str) -> bool:
    """An option that is true or false; raises InputError for what is neither, as an array or pandas' NA."""
    try:
        return bool(value)
    except Exception as error:
        raise InputError.of(where, "True or False", value, "Use bool(...).") from error


def is_iterable(data: object) -> bool:
    """Whether something has items; an array without axes has none, though it has the method."""
    return isinstance(data, Iterable) and getattr(data, "ndim", 1) != 0
