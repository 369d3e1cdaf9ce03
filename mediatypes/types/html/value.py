"""Html: a page or a fragment of HTML, kept as it was written."""

from __future__ import annotations

import codecs
import io
import os
import re
from functools import cache
from typing import Any, BinaryIO

from ..._core import inputs
from ..._core.declaration import Boolean, Document, Field, Text, reference
from ..._core.errors import DocumentError, InputError, Problem, ValidationError, collect, problem, raise_all
from ..._core.sidecar import Blob
from ..._core.value import FileValue
from ..._core.wording import counted

STYLE = (
    "<style>"
    "html{font:16px/1.5 system-ui,sans-serif}body{margin:1rem}"
    "table{border-collapse:collapse}th,td{padding:.25rem .5rem;border-bottom:1px solid #ddd;text-align:left}"
    "pre,code{font-family:ui-monospace,monospace}img,video{max-width:100%}"
    "</style>"
)
ENCODINGS = (  # of the WHATWG standard, as far as Python has them; beside utf-8
    *("utf-16", "ibm866", "koi8-r", "koi8-u", "macintosh", "iso-8859-2", "iso-8859-3"),
    *("iso-8859-4", "iso-8859-5", "iso-8859-6", "iso-8859-7", "iso-8859-8", "iso-8859-10", "iso-8859-13"),
    *("iso-8859-14", "iso-8859-15", "iso-8859-16", "windows-1250", "windows-1251", "windows-1252", "windows-1253"),
    *("windows-1254", "windows-1255", "windows-1256", "windows-1257", "windows-1258", "gbk", "gb18030", "big5"),
    *("euc-jp", "iso-2022-jp", "shift_jis", "euc-kr", "windows-874"),
)
_CODECS = {  # of Python, where the one of the same name lacks characters that the standard has
    "utf-8": "utf-8-sig",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "euc-kr": "cp949",
    "windows-874": "cp874",
}
_BY_CODEC = {codecs.lookup(_CODECS.get(name, name)).name: name for name in ENCODINGS}
_BY_CODEC |= {"ascii": "windows-1252", "iso8859-1": "windows-1252", "iso8859-9": "windows-1254", "gb2312": "gbk"}
_BY_CODEC |= {"iso8859-11": "windows-874", "tis-620": "windows-874", "euc_kr": "euc-kr"}
_BY_CODEC |= {name: name for name in ("gbk", "big5", "shift_jis")}
_SPELLED = {"windows-31j": "cp932", "windows-949": "cp949", "windows-874": "cp874", "x-big5": "big5"}  # for Python
_PIECE = 1 << 20  # bytes that are decoded at a time
PRESCAN = 1024  # bytes in which the standard looks for the declaration
_CHARSET = re.compile(rb"""<meta\b[^>]*?\bcharset\s*=\s*["']?\s*([-\w.:]+)""", re.IGNORECASE)
_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)
_SPACE = r"(?>\s+|<!--.*?-->|<\?[^>]*>)*+"  # an XML declaration is a comment, too
_REST = r"""(?:\s(?>[^>"']|"[^"]*"|'[^']*')*+)?>"""  # of a tag after its name
_OPENING = re.compile(  # what may stand before the content of the head; a <head> that comes later is none
    rf"\ufeff?{_SPACE}(?:<!doctype\b[^>]*>{_SPACE})?(?:<html{_REST})?(?:{_SPACE}<head{_REST})?",
    re.IGNORECASE | re.DOTALL,
)


def find_encoding(start: bytes) -> str:
    """The encoding of a file that begins so: by its byte order mark, else as a meta tag declares it, else UTF-8."""
    if start.startswith(codecs.BOM_UTF8):
        return "utf-8"
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    declared = _CHARSET.search(_COMMENT.sub(b"", start[:PRESCAN]))
    encoding = _known(declared[1].decode("ascii", "replace")) if declared else None
    return "utf-8" if encoding in (None, "utf-16") else encoding  # a tag that reads as ASCII is not in UTF-16


def decode(data: bytes, encoding: str, where: str, error: type[ValidationError]) -> str:
    """The text of a file without its byte order mark; raises `error` for bytes that the encoding does not have."""
    try:
        if encoding.startswith("windows-"):
            return codecs.charmap_decode(data, "strict", _characters(encoding))[0]
        return data.decode(_CODECS.get(encoding, encoding))
    except UnicodeDecodeError as broken:
        got = data[broken.start : broken.start + 12]
        fix = "Declare the encoding: <meta charset=...>." if error is InputError else "Restore the document."
        raise error.of(
            where, f"{encoding} text", got, f"Byte {broken.start} is the first. {fix}", "encoding"
        ) from broken


def check(file: BinaryIO, encoding: str, where: str, error: type[ValidationError]) -> None:
    """Raise what `decode` raises for the content of a file, without holding its text."""
    decoder = codecs.getincrementaldecoder(_CODECS.get(encoding, encoding))()
    is_windows = encoding.startswith("windows-")
    try:
        while piece := file.read(_PIECE):
            codecs.charmap_decode(piece, "strict", _characters(encoding)) if is_windows else decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        file.seek(0)
        decode(file.read(), encoding, where, error)  # which knows the place


def insert(markup: str, elements: str) -> str:
    """The document with elements first in its head, where its own rules override a style; before a fragment."""
    return _OPENING.sub(lambda opening: opening[0] + elements, markup, count=1)


@cache
def _characters(encoding: str) -> Any:  # a str, which the types of `charmap_decode` do not know
    """What each byte is in an encoding of Windows, U+FFFE for none: Python lacks controls that the standard has."""
    known = (bytes([byte]).decode(_CODECS.get(encoding, encoding), "replace") for byte in range(256))
    return "".join(
        character if character != "\ufffd" else chr(byte) if 0x80 <= byte < 0xA0 else "\ufffe"
        for byte, character in enumerate(known)
    )


def _known(label: str) -> str | None:
    """The standard's name of an encoding; None where Python has none, or it is none of text."""
    plain = label.lower().removeprefix("x-")
    try:
        return _BY_CODEC.get(codecs.lookup(_SPELLED.get(plain, plain)).name)
    except LookupError:
        return None


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

    _declaration = HTML
    inject: bool
    encoding: str

    def __init__(
        self, data: Any, inject: bool = True, data_is_not_path: bool = False, *, caption: str | None = None
    ) -> None:
        problems = _option_problems(data, inject, data_is_not_path)
        content: Any = None
        if not any(one.path == "Html.data_is_not_path" for one in problems):  # else who can tell what the data are
            content = collect(problems, _read, data, data_is_not_path)
        self._set(_inject=inject, _caption=collect(problems, inputs.text, caption, "Html.caption"))
        raise_all(problems)
        self._set(_blob=content[0], _encoding=content[1])

    @property
    def text(self) -> str:
        """The HTML as it was given, without a byte order mark."""
        return decode(self.to_bytes(), self.encoding, "html", DocumentError)

    def to_html(self, inject: bool | None = None) -> str:
        """The HTML as it is to be shown: with the default style first in its head, if `inject` (default: its own)."""
        is_styled = self.inject if inject is None else inputs.flag(inject, "Html.to_html.inject")
        return insert(self.text, STYLE) if is_styled else self.text

    def _facts(self) -> list[str]:
        return [counted(self._sidecar().size, "byte"), *(["inject=False"] if not self.inject else [])]

    def _file_type(self) -> tuple[str, str]:
        return ".html", "text/html"

    def _check(self) -> None:
        with self._sidecar().open() as file:
            check(file, self.encoding, "html", DocumentError)


def _option_problems(data: Any, inject: Any, data_is_not_path: Any) -> list[Problem]:
    problems = [
        problem(f"Html.{name}", "True or False", value, "Use bool(...).")
        for name, value in (("inject", inject), ("data_is_not_path", data_is_not_path))
        if not isinstance(value, bool)
    ]
    if data_is_not_path is True and isinstance(data, os.PathLike):
        problems.append(problem("Html.data_is_not_path", "text beside it", data, "Use path.read_text()."))
    return problems


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
    if isinstance(data, io.TextIOBase):
        data = _read_text_file(data)
    elif not isinstance(data, str) or (not data_is_not_path and _is_path(data)):
        return None
    return inputs.text(data, "Html")


def _read_text_file(file: Any) -> str:
    try:
        return str(inputs.read_open_file(file, "Html"))
    except UnicodeDecodeError as error:
        got = error.object[error.start : error.start + 12]
        hint = "Open it with mode 'rb', then its own encoding is looked up."
        raise InputError.of("Html", f"{error.encoding} text", got, hint, "encoding") from error


def _is_path(data: str) -> bool:
    return data.lower().endswith((".html", ".htm")) and not set(data) & {"<", "\n", "\r"}


def _read_blob(data: Any) -> Blob:
    or_text = ", or pass data_is_not_path=True if this is the text to show" if isinstance(data, str) else ""
    blob = inputs.read_blob(data, "Html", f"Check the path{or_text}.")
    if blob is None:
        raise InputError.of("Html", "a string, path, bytes or an open file", data, "See help(mediatypes.Html).")
    return blob
