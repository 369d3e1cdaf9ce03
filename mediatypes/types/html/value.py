"""Html: a page or a fragment of HTML, kept as it was written."""

from __future__ import annotations

import io
import os
from typing import Any

from ..._core import inputs
from ..._core.declaration import Boolean, Document, Field, Text, reference
from ..._core.errors import DocumentError, InputError, problem
from ..._core.sidecar import Blob
from ..._core.value import FileValue
from .markup import ENCODINGS, PRESCAN, STYLE, check, decode, find_encoding, insert

HTML = Document(
    "html",
    "1.0",
    "HTML as its author wrote it. It may hold scripts: show it sandboxed.",
    (
        *reference("the HTML"),
        Field("inject", Boolean(), "Whether the default style of whoever shows it is inserted."),
        Field(
            "encoding",
            Text(choices=ENCODINGS),
            "Encoding of the sidecar, where it is not utf-8.",
            False,
            default="utf-8",
        ),
        Field("caption", Text(), "Text shown with the HTML.", required=False),
    ),
)
MAX_BYTES = 256 * 1024 * 1024


class Html(FileValue):
    """A page or a fragment of HTML. What is stored is the text as given; a style is inserted only when it is shown.

    Args:
        data: one of

            * HTML as a string, or an open text file or StringIO.
            * a path: every `Path`, and a string that ends in .html or .htm (any case) and has neither "<" nor a line
              break. It must exist: a path is never taken for HTML.
            * bytes, BytesIO or a file opened in binary mode: UTF-8, or UTF-16 with its byte order mark, or the
              encoding that a meta tag declares. Kept byte for byte, as the file of a path is.
        inject: whether a small default style is inserted when it is shown. It reaches for no network.
        data_is_not_path: True takes a string for HTML, whatever it looks like.
        caption: text shown with the HTML.

    A page may have 256 MiB.

    Raises:
        InputError: no such file, more than 256 MiB, a file that is not text in its encoding, or data of another type.

    >>> page = Html("<h1>Results</h1>", caption="epoch 3")
    >>> page.text
    '<h1>Results</h1>'
    >>> "<style>" in page.to_html()
    True
    """

    declaration = HTML
    inject: bool
    encoding: str

    def __init__(
        self, data: Any, inject: bool = True, data_is_not_path: bool = False, *, caption: str | None = None
    ) -> None:
        _check_options(data, inject, data_is_not_path)
        blob, encoding = _read(data, data_is_not_path)
        self._set(_blob=blob, _encoding=encoding, _inject=inject, _caption=inputs.text(caption, "Html.caption"))

    @property
    def text(self) -> str:
        """The HTML as it was given, without a byte order mark."""
        return decode(self.to_bytes(), self.encoding, "html", DocumentError)

    def to_html(self, inject: bool | None = None) -> str:
        """The HTML as it is to be shown: with the default style first in its head, if `inject` (default: its own)."""
        return insert(self.text, STYLE) if (self.inject if inject is None else inject) else self.text

    def _facts(self) -> list[str]:
        return [f"{self._sidecar().size} bytes", *(["inject=False"] if not self.inject else [])]

    def _file_type(self) -> tuple[str, str]:
        return ".html", "text/html"

    def _check(self) -> None:
        with self._sidecar().open() as file:
            check(file, self.encoding, "html", DocumentError)


def _check_options(data: Any, inject: Any, data_is_not_path: Any) -> None:
    problems = [
        problem(f"Html.{name}", "True or False", value, "Use bool(...).")
        for name, value in (("inject", inject), ("data_is_not_path", data_is_not_path))
        if not isinstance(value, bool)
    ]
    if data_is_not_path is True and isinstance(data, os.PathLike):
        problems.append(problem("Html.data_is_not_path", "text beside it", data, "Use path.read_text()."))
    if problems:
        raise InputError(problems)


def _read(data: Any, data_is_not_path: bool) -> tuple[Blob, str]:
    markup = _read_text(data, data_is_not_path)
    if markup is not None:
        _check_size(len(markup))
        blob = Blob(markup.encode())
        _check_size(blob.size)
        return blob, "utf-8"
    blob = _read_blob(data)
    _check_size(blob.size)
    with blob.open() as file:
        encoding = find_encoding(file.read(PRESCAN))
        file.seek(0)
        check(file, encoding, "Html", InputError)
    return blob, encoding


def _check_size(size: int) -> None:
    if size > MAX_BYTES:
        hint = "Log the data as a Table, or a link to the page."
        raise InputError.of("Html", f"at most {MAX_BYTES} bytes", size, hint, "too-large")


def _read_text(data: Any, data_is_not_path: bool) -> str | None:
    """The HTML of a string or text file; None for what is read as bytes."""
    if isinstance(data, io.StringIO):
        data = data.getvalue()  # the whole buffer, wherever its position stands after writing
    elif isinstance(data, io.TextIOBase):
        data = _read_text_file(data)
    elif not isinstance(data, str) or (not data_is_not_path and _is_path(data)):
        return None
    return inputs.text(data, "Html")


def _read_text_file(file: Any) -> str:
    try:
        return str(file.read())
    except UnicodeDecodeError as error:
        got = error.object[error.start : error.start + 12]
        hint = "Open it with mode 'rb', then its own encoding is looked up."
        raise InputError.of("Html", f"{error.encoding} text", got, hint, "encoding") from error


def _is_path(data: str) -> bool:
    return data.lower().endswith((".html", ".htm")) and not set(data) & {"<", "\n", "\r"}


def _read_blob(data: Any) -> Blob:
    if isinstance(data, str) and "://" not in data and not os.path.isfile(data):
        hint = "Check the path, or pass data_is_not_path=True if this is the text to show."
        raise InputError.of("Html", "an existing file", data, hint, "no-file")
    blob = inputs.read_blob(data, "Html")
    if blob is None:
        raise InputError.of("Html", "a string, path, bytes or an open file", data, "See help(mediatypes.Html).")
    return blob
