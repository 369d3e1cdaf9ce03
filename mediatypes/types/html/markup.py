"""HTML as text: in which encoding a file is written, and where a style goes into it."""

from __future__ import annotations

import codecs
import re
from typing import BinaryIO

from ..._core.errors import InputError, ValidationError

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
    *("euc-jp", "iso-2022-jp", "shift_jis", "euc-kr"),
)
_BY_CODEC = {codecs.lookup(name).name: name for name in ENCODINGS} | dict.fromkeys(
    ("ascii", "iso8859-1"), "windows-1252"
)
_PIECE = 1 << 20  # bytes that are decoded at a time
PRESCAN = 1024  # bytes in which the standard looks for the declaration
_CHARSET = re.compile(rb"""<meta\b[^>]*?\bcharset\s*=\s*["']?\s*([-\w.:]+)""", re.IGNORECASE)
_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)
_SPACE = r"(?>\s+|<!--.*?-->)*+"
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
        return data.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError as broken:
        got = data[broken.start : broken.start + 12]
        fix = "Declare the encoding: <meta charset=...>." if error is InputError else "Restore the document."
        raise error.of(
            where, f"{encoding} text", got, f"Byte {broken.start} is the first. {fix}", "encoding"
        ) from broken


def check(file: BinaryIO, encoding: str, where: str, error: type[ValidationError]) -> None:
    """Raise what `decode` raises for the content of a file, without holding its text."""
    decoder = codecs.getincrementaldecoder("utf-8-sig" if encoding == "utf-8" else encoding)()
    try:
        while piece := file.read(_PIECE):
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        file.seek(0)
        decode(file.read(), encoding, where, error)  # which knows the place


def insert(markup: str, elements: str) -> str:
    """The document with elements first in its head, where its own rules override a style; before a fragment."""
    return _OPENING.sub(lambda opening: opening[0] + elements, markup, count=1)


def _known(label: str) -> str | None:
    """The standard's name of an encoding; None where Python has none, or it is none of text."""
    try:
        return _BY_CODEC.get(codecs.lookup(label).name)
    except LookupError:
        return None
