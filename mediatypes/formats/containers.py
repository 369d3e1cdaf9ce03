"""Video containers: recognised by their first bytes, and checked for a missing end. Nothing is decoded."""

from __future__ import annotations

import io
import re
from typing import BinaryIO

_EBML = b"\x1a\x45\xdf\xa3"
_SEGMENT = b"\x18\x53\x80\x67"
_STILL = (b"avif", b"heic", b"heix", b"mif1")
_TIFF = rb"II[*+]\0|MM\0[*+]"
_OTHERS = (  # first bytes: what an error message calls the file
    (rb"RIFF....AVI ", "an AVI file"),
    (rb"RIFF....WEBP", "a WebP image"),
    (rb"RIFF....WAVE", "a WAV file"),
    (rb"....(moov|mdat|wide|free|skip|pnot)", "a QuickTime file"),
    (rb"FLV\x01", "a Flash video"),
    (rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a Windows Media file"),
    (rb"\x00\x00\x01[\xba\xb3]", "an MPEG program stream"),
    (rb"\x89PNG", "a PNG image"),
    (rb"\xff\xd8\xff", "a JPEG image"),
    (rb"ffconcat", "a list of files for ffmpeg"),
    (rb"#EXTM3U", "a playlist"),
    (rb"<\?xml|<MPD", "an XML file"),
)


def recognise(file: BinaryIO) -> tuple[str | None, str]:
    """The format as documents write it, or None and what the file is instead; the name plays no part."""
    head = file.read(64)
    file.seek(0)
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "gif", "a GIF"
    if head.startswith(b"OggS"):
        return "ogg", "an Ogg file"
    if head.startswith(_EBML):
        return _matroska(head)
    if head[4:8] == b"ftyp":  # ISO/IEC 14496-12: every such file names its brand
        brand = head[8:12]
        if brand == b"avis":
            return "avif", "an AVIF sequence"
        if brand in (*_STILL, b"qt  "):
            return None, "a QuickTime file" if brand == b"qt  " else "an AVIF or HEIC image"
        return "mp4", "an mp4 file"
    if head[8:16] == b"WEBPVP8X" and head[20:21] and head[20] & 2:  # the flag for animation
        return "webp", "an animated WebP"
    if head.startswith(b"\x89PNG") and _has_animation_chunk(file):
        return "apng", "an animated PNG"
    if re.match(_TIFF, head):
        return "tiff", "a TIFF file"
    for pattern, name in _OTHERS:
        if re.match(pattern, head, re.DOTALL):
            return None, name
    return None, f"{_size(file)} bytes starting {head[:12]!r}"


def is_whole(file: BinaryIO, format: str) -> bool:
    """Whether an mp4, webm or ogg file has the length that its own structure announces."""
    try:
        return {"mp4": _mp4_is_whole, "webm": _webm_is_whole, "ogg": _ogg_is_whole}[format](file)
    finally:
        file.seek(0)


def _matroska(head: bytes) -> tuple[str | None, str]:
    found = re.search(rb"\x42\x82[\x80-\xff]([a-z]+)", head)  # the element DocType
    kind = found[1] if found else b""
    return ("webm", "a WebM file") if kind == b"webm" else (None, "a Matroska (mkv) file")


def _has_animation_chunk(file: BinaryIO) -> bool:
    """Whether acTL stands before the picture of a PNG."""
    position = 8
    while True:
        file.seek(position)
        length, kind = file.read(4), file.read(4)
        if len(kind) < 4 or kind in (b"IDAT", b"acTL"):
            file.seek(0)
            return kind == b"acTL"
        position += 12 + int.from_bytes(length, "big")


def _mp4_is_whole(file: BinaryIO) -> bool:
    size, position, kinds = _size(file), 0, set()
    while position < size:
        file.seek(position)
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:], "big")
        elif length == 0:  # the last box, up to the end of the file
            length = size - position
        if length < 8:
            return False
        kinds.add(head[4:8])
        position += length
    return position == size and b"moov" in kinds


def _webm_is_whole(file: BinaryIO) -> bool:
    size, head = _size(file), file.read(4096)
    start = head.find(_SEGMENT) + len(_SEGMENT)
    if start < len(_SEGMENT) or start >= len(head) or not head[start]:
        return False
    width = 9 - head[start].bit_length()  # an EBML number begins with as many zero bits as bytes follow
    length = int.from_bytes(head[start : start + width], "big") & ((1 << 7 * width) - 1)
    unknown = length == (1 << 7 * width) - 1  # written live: the file ends where it ends
    return unknown or start + width + length <= size


def _ogg_is_whole(file: BinaryIO) -> bool:
    size = _size(file)
    file.seek(max(0, size - 2 * 65307))  # a page is never longer than that
    tail = file.read()
    page = tail[tail.rfind(b"OggS") :]
    return len(page) >= 27 and len(page) == 27 + page[26] + sum(page[27 : 27 + page[26]])


def _size(file: BinaryIO) -> int:
    position = file.tell()
    size = file.seek(0, io.SEEK_END)
    file.seek(position)
    return size
