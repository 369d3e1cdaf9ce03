"""What users pass as a file: a path, bytes, a buffer or an open file, read in one way for every type."""

from __future__ import annotations

import io
import os
from collections.abc import Container, Iterable
from typing import Any

from .canonical import is_utf8_encodable
from .errors import InputError
from .sidecar import Blob


def is_path(data: object) -> bool:
    """Whether something is the name of a file."""
    return isinstance(data, (str, os.PathLike))


def read_blob(data: Any, where: str, no_file: str = "Check the path.") -> Blob | None:
    """The content of a path, bytes, BytesIO or open binary file, else None.

    Raises `InputError` if it cannot be read, with the hint `no_file` where there is no such file.
    """
    if isinstance(data, (str, os.PathLike)):
        if isinstance(data, str) and "://" in data:
            raise InputError.of(where, "a file on this machine", data, "Download it and pass its path.", "url")
        return Blob.from_path(data, where, no_file)
    if isinstance(data, (bytes, bytearray, memoryview)):
        return Blob(bytes(data))
    if isinstance(data, io.BytesIO):
        return Blob(data.getvalue())  # the whole buffer, wherever its position stands after writing
    if isinstance(data, io.TextIOBase):
        raise InputError.of(where, "a file opened in binary mode", data, "Open it with mode 'rb'.", "text-file")
    if callable(getattr(data, "read", None)) and not hasattr(data, "__array__"):
        content = data.read()
        if not isinstance(content, bytes):
            raise InputError.of(where, "a file that reads bytes", content, "Open it with mode 'rb'.", "text-file")
        return Blob(content)
    return None


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
