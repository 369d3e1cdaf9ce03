"""Html: a page or a fragment of HTML, kept as it was written."""

from __future__ import annotations

import html
import io
import os
from pathlib import Path
from typing import Any, Self

from ..._core import inputs
from ..._core.declaration import Boolean, Document, Field, Text, reference
from ..._core.errors import DocumentError, InputError, problem
from ..._core.sidecar import Blob, Sink, Source, fetch
from ..._core.value import Value
from .markup import ENCODINGS, decode, find_encoding, insert_style

HTML = Document(
    "html",
    "1.0",
    "HTML as its author wrote it. It may hold scripts: show it sandboxed.",
    (
        *reference("the HTML"),
        Field("inject", Boolean(), "Whether the default style of whoever shows it is inserted."),
        Field("encoding", Text(choices=ENCODINGS), "Encoding of the sidecar, where it is not utf-8.", required=False),
        Field("caption", Text(), "Text shown with the HTML.", required=False),
    ),
)
_HEIGHT = 400  # pixels of the frame in a notebook


class Html(Value):
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

    Raises:
        InputError: no such file, a file that is not text in its encoding, or data of another type.

    >>> page = Html("<h1>Results</h1>", caption="epoch 3")
    >>> page.text
    '<h1>Results</h1>'
    >>> "<style>" in page.to_html()
    True
    """

    declaration = HTML
    _blob: Blob
    _encoding: str
    _inject: bool

    def __init__(
        self, data: Any, inject: bool = True, data_is_not_path: bool = False, *, caption: str | None = None
    ) -> None:
        _check_options(data, inject, data_is_not_path)
        blob, encoding = _read(data, data_is_not_path)
        self._set(_blob=blob, _encoding=encoding, _inject=inject, _caption=inputs.text(caption, "Html.caption"))

    @classmethod
    def from_path(cls, path: str | os.PathLike[str], inject: bool = True, *, caption: str | None = None) -> Self:
        """The HTML in a file, whatever its name is; raises as `Html` does."""
        if not isinstance(path, (str, os.PathLike)):
            raise InputError.of("Html.from_path", "a path", path, "Use Html(data) for other data.")
        return cls(Path(path), inject, caption=caption)

    @property
    def inject(self) -> bool:
        """Whether the default style is inserted when it is shown."""
        return self._inject

    @property
    def encoding(self) -> str:
        """Encoding of the stored bytes: utf-8, unless a file was in another."""
        return self._encoding

    @property
    def text(self) -> str:
        """The HTML as it was given, without a byte order mark."""
        return decode(self.to_bytes(), self._encoding, "html", DocumentError)

    def to_bytes(self) -> bytes:
        """The file as it is stored, in `encoding`."""
        return self._blob.read()

    def to_html(self, inject: bool | None = None) -> str:
        """The HTML as it is to be shown: with the default style first in its head, if `inject` (default: its own)."""
        return insert_style(self.text) if (self._inject if inject is None else inject) else self.text

    def _repr_html_(self) -> str:
        """For notebooks: a frame of its own origin, in which scripts run that reach nothing outside of it."""
        source, title = html.escape(self.to_html()), html.escape(self._caption or "Html")
        style = f"width:100%;height:{_HEIGHT}px;border:1px solid #ddd"
        return f'<iframe sandbox="allow-scripts" title="{title}" style="{style}" srcdoc="{source}"></iframe>'

    def __repr__(self) -> str:
        parts = [f"{self._blob.size} bytes"]
        parts += ["inject=False"] if not self._inject else []
        parts += [f"caption={self._caption!r}"] if self._caption is not None else []
        return f"Html({', '.join(parts)})"

    def _encode(self, sink: Sink) -> dict[str, Any]:
        document: dict[str, Any] = self._blob.place(sink, ".html", "text/html")
        document["inject"] = self._inject
        optional = {"encoding": None if self._encoding == "utf-8" else self._encoding, "caption": self._caption}
        return document | {name: item for name, item in optional.items() if item is not None}

    @classmethod
    def _decode(cls, document: dict[str, Any], source: Source) -> Self:
        data = fetch(source, document, "html")
        encoding = document.get("encoding", "utf-8")
        decode(data, encoding, "html", DocumentError)
        made = cls.__new__(cls)
        made._set(
            _blob=Blob(data, document["sha256"]),
            _encoding=encoding,
            _inject=document["inject"],
            _caption=document.get("caption"),
        )
        return made


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
        return Blob(markup.encode()), "utf-8"
    blob = _read_blob(data)
    content = blob.read()
    encoding = find_encoding(content)
    decode(content, encoding, "Html", InputError)
    return blob, encoding


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
