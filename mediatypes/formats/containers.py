"""Files of sound and moving pictures: recognised by their first bytes, and checked for a missing end."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import BinaryIO, Literal, NamedTuple

from .._core.wording import counted
from . import mp3, ogg

_EBML = b"\x1a\x45\xdf\xa3"
_SEGMENT = b"\x18\x53\x80\x67"
_STILL = (b"avif", b"heic", b"heix", b"mif1")
_MAX_BOXES = 2**17  # of an mp4, each fragment has two
_MAX_INDEX = 2**24  # bytes of the index of an mp4 that are looked through for what its tracks are

# "audio" is sound that we keep, "samples" is sound that soundfile reads
Kind = Literal["video", "audio", "sound", "samples", "picture", "other"]
_SIGNATURES: tuple[tuple[bytes, Kind, str], ...] = (  # first bytes: what they are of
    (rb"RI(FF|FX)....WAVE|(RF|BW)64....WAVE", "audio", "a WAV file"),
    (rb"fLaC", "audio", "a FLAC file"),
    (rb"\xff[\xf0\xf1\xf8\xf9]", "sound", "raw AAC (ADTS)"),
    (rb"ADIF", "sound", "raw AAC (ADIF)"),
    (rb"\x56[\xe0-\xff]", "sound", "raw AAC (LATM)"),
    (rb"\x0b\x77", "sound", "AC-3 sound"),
    (rb"\x7f\xfe\x80\x01|\xfe\x7f\x01\x80|\x1f\xff\xe8\x00|\xff\x1f\x00\xe8", "sound", "DTS sound"),
    (rb"#!AMR", "sound", "an AMR file"),
    (rb"TTA[12]", "sound", "a True Audio file"),
    (rb"wvpk", "sound", "a WavPack file"),
    (rb"MAC ", "sound", "a Monkey's Audio file"),
    (rb"MPCK|MP\+", "sound", "a Musepack file"),
    (rb"tBaK", "sound", "a TAK file"),
    (rb"OFR ", "sound", "an OptimFROG file"),
    (rb"DSD |FRM8", "sound", "a DSD file"),
    (rb"\.ra\xfd", "sound", "a RealAudio file"),
    (rb"FORM....AIF[FC]", "samples", "an AIFF file"),
    (rb"FORM....(8SVX|16SV)", "samples", "an IFF sound"),
    (rb"\.snd|dns\.", "samples", "an AU file"),
    (rb"caff", "samples", "a Core Audio file (caf)"),
    (rb"riff\x2e\x91\xcf\x11", "samples", "a Wave64 file (w64)"),
    (rb"Creative Voice File", "samples", "a VOC file"),
    (rb"NIST_1A", "samples", "a NIST Sphere file"),
    (rb"MThd", "other", "a MIDI file: notes, not sound"),
    (rb"RIFF....AVI ", "video", "an AVI file"),
    (rb"....(moov|mdat|wide|free|skip|pnot)", "video", "a QuickTime file"),
    (rb"FLV\x01", "video", "a Flash video"),
    (rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video", "a Windows Media file (wmv, wma)"),
    (rb"\x00\x00\x01[\xba\xb3]", "video", "an MPEG program stream"),
    (rb"\x47.{187}\x47", "video", "an MPEG transport stream"),
    (rb"\x00\x00\x00?\x01[\x09\x27\x40\x42\x67]", "video", "raw H.264 or H.265"),
    (rb"\x00\x00\x01[\xb0\xb5]|\x00\x00\x01\x00\x00\x00\x01[\x20-\x2f]", "video", "raw MPEG-4 pictures (m4v)"),
    (rb"YUV4MPEG2 ", "video", "raw pictures (y4m)"),
    (rb"DKIF", "video", "an IVF file"),
    (rb"nut/multimedia container", "video", "a NUT file"),
    (rb"\x06\x0e\x2b\x34", "video", "an MXF file"),
    (rb"[FCZ]WS", "other", "a Flash program (swf)"),
    (rb"\.RMF", "video", "a RealMedia file"),
    (rb"RIFF....WEBP", "picture", "a WebP image"),
    (rb"\x89PNG", "picture", "a PNG image"),
    (rb"\xff\xd8\xff", "picture", "a JPEG image"),
    (rb"ffconcat", "other", "a list of files for ffmpeg"),
    (rb"#EXTM3U", "other", "a playlist"),
    (rb"<\?xml|<MPD", "other", "an XML file"),
)


class Recognised(NamedTuple):
    """What a file is by its content."""

    format: str | None  # as documents of videos write it, if we keep such
    kind: Kind
    name: str  # for an error message


def recognise(file: BinaryIO) -> Recognised:
    """Tell what a file is; its name plays no part."""
    try:
        return _recognise(file, file.read(256))
    finally:
        file.seek(0)


def _recognise(file: BinaryIO, head: bytes) -> Recognised:
    if head.startswith((b"GIF87a", b"GIF89a")):
        return Recognised("gif", "video", "a GIF")
    if head.startswith(b"OggS"):
        return _ogg(file)
    if head.startswith(_EBML):
        return _matroska(file)
    if head[4:8] == b"ftyp":  # ISO/IEC 14496-12: every such file names its brand
        return _mp4(file, head[8:12])
    if head[8:16] == b"WEBPVP8X" and head[20:21] and head[20] & 2:  # the flag for animation
        return Recognised("webp", "video", "an animated WebP")
    if head.startswith(b"\x89PNG") and _has_animation_chunk(file):
        return Recognised("apng", "video", "an animated PNG")
    if re.match(rb"II[*+]\0|MM\0[*+]", head):
        return Recognised("tiff", "video", "a TIFF file")
    if re.match(rb"\xff\xfe([\t\n\r -~]\0){4}", head):  # which looks like a frame of MPEG audio
        return Recognised(None, "other", "a text in UTF-16")
    if mp3.is_frame(head):
        return Recognised(None, "audio", "an MP3 file")
    if head.startswith((b"ID3", b"APETAGEX")):
        return _behind_tags(file)
    for pattern, kind, name in _SIGNATURES:
        if re.match(pattern, head, re.DOTALL):
            return Recognised(None, kind, name)
    file.seek(0)
    if mp3.begins_within_a_frame(file.read(2**13)):
        return Recognised(None, "sound", "MP3 that begins within a frame")
    return Recognised(None, "other", f"{counted(_size(file), 'byte')} starting {head[:12]!r}")


def _behind_tags(file: BinaryIO) -> Recognised:
    file.seek(0)
    data = file.read()
    rest = data[mp3.after_tags(data) :]
    if not rest or rest.startswith((b"ID3", b"APETAGEX")):
        return Recognised(None, "other", "a tag of ID3 or APE alone")
    return _recognise(io.BytesIO(rest), rest[:256])


def _ogg(file: BinaryIO) -> Recognised:
    file.seek(0)
    codecs = ogg.survey(file.read(2**16)).codecs
    if codecs and not set(codecs) & set(ogg.PICTURES):
        kind: Kind = "audio" if codecs[0] in ogg.SOUND else "sound"
        return Recognised(None, kind, f"an Ogg file of {' and '.join(codecs)}")
    return Recognised("ogg", "video", "an Ogg file with pictures" if codecs else "an Ogg file")


def _matroska(file: BinaryIO) -> Recognised:
    file.seek(0)
    head = file.read(2**16)
    doctype = re.search(rb"\x42\x82[\x80-\xff]([a-z]+)", head)
    tracks = head[head.find(b"\x16\x54\xae\x6b") :].partition(b"\x1f\x43\xb6\x75")[0]
    is_sound = b"\x83\x81\x02" in tracks and b"\x83\x81\x01" not in tracks  # the element TrackType
    kind: Kind = "sound" if is_sound else "video"
    if doctype and doctype[1] == b"webm":
        return Recognised(None if is_sound else "webm", kind, f"a WebM file{' of sound' * is_sound}")
    return Recognised(None, kind, f"a Matroska file ({'mka' if is_sound else 'mkv'})")


def _mp4(file: BinaryIO, brand: bytes) -> Recognised:
    if brand == b"avis":
        return Recognised("avif", "video", "an AVIF sequence")
    if brand in _STILL:
        return Recognised(None, "picture", "an AVIF or HEIC image")
    handlers = _mp4_handlers(file)
    is_sound = b"soun" in handlers and b"vide" not in handlers
    kind: Kind = "sound" if is_sound else "video"
    if brand == b"qt  ":
        return Recognised(None, kind, f"a QuickTime file (mov){' of sound' * is_sound}")
    return Recognised(None if is_sound else "mp4", kind, "an mp4 file of sound (m4a)" if is_sound else "an mp4 file")


def _mp4_handlers(file: BinaryIO) -> set[bytes]:
    """What the tracks of an mp4 are: `vide`, `soun`..."""
    for kind, start, end in _boxes(file):
        if kind == b"moov":
            file.seek(start)
            index = file.read(min(end - start, _MAX_INDEX))
            return {match[1] for match in re.finditer(rb"hdlr.{8}(....)", index, re.DOTALL)}
    return set()


def is_whole(file: BinaryIO, format: str) -> bool:
    """Whether an mp4, webm or ogg file has the length that its own structure announces."""
    try:
        return {"mp4": _mp4_is_whole, "webm": _webm_is_whole, "ogg": _ogg_is_whole}[format](file)
    finally:
        file.seek(0)


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


def _boxes(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of each outermost box of an mp4; an end beyond the file's stands for a cut one."""
    size, position = _size(file), 0
    for _ in range(_MAX_BOXES):
        if position >= size:
            return
        file.seek(position)
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:], "big")
        elif length == 0:  # the last box, up to the end of the file
            length = size - position
        yield head[4:8], position, position + length if length >= 8 else size + 1
        position += length if length >= 8 else size


def _mp4_is_whole(file: BinaryIO) -> bool:
    ends = {kind: end for kind, _, end in _boxes(file)}
    return b"moov" in ends and max(ends.values()) == _size(file)


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
