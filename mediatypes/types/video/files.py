"""Video files: recognised by content, probed without being changed, decoded when pixels are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from ..._core.deps import need
from ..._core.errors import CodecError, InputError, MediaTypesError, Problem, ValidationError
from ..._core.sidecar import Blob
from ...columns.arrays import Array
from ...formats import containers

MEDIA_TYPES = {  # of what we write, then of what is only kept
    "gif": "image/gif",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "ogg": "video/ogg",
    "webp": "image/webp",
    "apng": "image/apng",
    "avif": "image/avif",
    "tiff": "image/tiff",
}
_PICTURE_CODECS = {"avif": "av1"}  # the others are called as the format
MAX_PIXELS = 2**26  # of one frame; a larger claim is refused before anything is decoded
_DEMUXERS = {"mp4": "mp4", "webm": "matroska", "ogg": "ogg"}  # always named: none that opens other files is tried


class VideoFile(NamedTuple):
    """What is known of a video file, from probing it or from making it."""

    format: str
    codec: str
    width: int
    height: int
    channels: int
    fps: float
    frames: int
    duration: float
    audio: bool = False


def probe(blob: Blob, where: str) -> VideoFile:
    """Recognise a video by its content; its packets are counted and its first frame is decoded.

    Raises:
        InputError: not a video, a container we do not keep, too large, cut short.
        MissingDependencyError: mp4, webm and ogg need the package av, tiff needs imageio and tifffile.
    """
    with blob.open() as file:
        format = check_container(file, where, InputError)
        if format == "gif":
            return _probe_gif(file.read(), where)
        if format not in _DEMUXERS:
            return _probe_pictures(file.read(), format, where)
        if not containers.is_whole(file, format):
            raise _broken(where, format, "It ends too early.")
        return _probe_av(file, format, where)


def check_container(file: BinaryIO, where: str, error: type[ValidationError]) -> str:
    """The format of a file, told by its first bytes."""
    format, found = containers.recognise(file)
    if format is None:
        message = f"expected a video file ({', '.join(MEDIA_TYPES)}), got {found}"
        raise error(Problem(where, message, "not-a-video", "Convert it to mp4 or webm."))
    return format


def decode(blob: Blob, file: VideoFile) -> Array:
    """The frames of a file: (T, H, W, C) uint8."""
    try:
        if file.format == "gif":
            from ...formats import gif

            found = gif.decode(blob.read(), file.channels)
        elif file.format in _DEMUXERS:
            found = _decode_av(blob, file)
        else:
            from . import animations

            found = animations.decode(blob.read(), file.format, file.channels)
        frames = [frame[: file.height, : file.width] for frame in found]
        if len(frames) != file.frames:
            raise ValueError(f"it holds {len(frames)} frames")
        return np.stack(frames)
    except MediaTypesError:
        raise
    except Exception as error:  # codecs raise what they like
        raise CodecError(f"video: expected {file.frames} {file.format} frames, got an error. {error}") from error


def _probe_gif(data: bytes, where: str) -> VideoFile:
    from ...formats import gif

    try:
        width, height, delays, transparent = gif.scan(data)
        _check_pixels(width, height, where)
        channels = 4 if transparent else 3
        _require_frame(gif.decode(data, channels))
    except InputError:
        raise
    except Exception as error:  # codecs raise what they like
        raise _broken(where, "gif", f"Reading it failed: {str(error).rstrip('.')}.") from error
    seconds = sum(delays) / 100
    return VideoFile("gif", "gif", width, height, channels, len(delays) / seconds, len(delays), seconds)


def _probe_pictures(data: bytes, format: str, where: str) -> VideoFile:
    from . import animations

    try:
        found = animations.probe(data, format, f"{where} of a {format} file", MAX_PIXELS)
    except MediaTypesError:
        raise
    except Exception as error:  # codecs raise what they like
        raise _broken(where, format, f"Reading it failed: {str(error).rstrip('.')}.") from error
    fps = found.frames / found.duration if found.duration else 0.0
    codec = _PICTURE_CODECS.get(format, format)
    return VideoFile(format, codec, *found[:3], fps, found.frames, found.duration)


def _probe_av(file: BinaryIO, format: str, where: str) -> VideoFile:
    av = need("av", extra="video", needed_for=f"{where} of a {format} file")
    try:
        with av.open(file, format=_DEMUXERS[format]) as container:
            if not container.streams.video:
                raise InputError.of(where, "a file with pictures", "sound only", "Pass it to Audio.")
            stream = container.streams.video[0]
            if stream.codec_context is None:
                raise ValueError("its codec is unknown")
            width, height = stream.codec_context.width, stream.codec_context.height
            _check_pixels(width, height, where)
            count, seconds = _count(container.demux(stream))
            container.seek(0)
            _require_frame(container.decode(stream))
            if stream.frames > count:
                raise ValueError(f"{count} of {stream.frames} frames are there")
            if container.duration and not seconds:
                seconds = container.duration / av.time_base
            fps = float(stream.average_rate or 0) or count / seconds
            channels = 4 if stream.metadata.get("alpha_mode") == "1" else 3
            codec = stream.codec_context.codec.canonical_name
            audio = bool(container.streams.audio)
    except InputError:
        raise
    except Exception as error:  # codecs raise what they like
        raise _broken(where, format, f"Reading it failed: {str(error).rstrip('.')}.") from error
    return VideoFile(format, codec, width, height, channels, fps, count, seconds or count / fps, audio)


def _count(packets: Iterator[Any]) -> tuple[int, float]:
    """How many frames there are, and the seconds from the first to the end of the last."""
    count, start, end = 0, np.inf, 0.0
    for packet in packets:
        if packet.size:
            count += 1
            if packet.pts is not None:
                start = min(start, float(packet.pts * packet.time_base))
                end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
    return count, max(0.0, end - start)


def _decode_av(blob: Blob, file: VideoFile) -> Iterator[Array]:
    av = need("av", extra="video", needed_for="Video.to_numpy()")
    layout = "rgba" if file.channels == 4 else "rgb24"
    with blob.open() as opened, av.open(opened, format=_DEMUXERS[file.format]) as container:
        stream = container.streams.video[0]
        decoder = stream
        if file.channels == 4:  # FFmpeg's own VP9 decoder ignores alpha
            decoder = av.codec.CodecContext.create("libvpx-vp9" if file.codec == "vp9" else "libvpx", "r")
        for packet in container.demux(stream):
            for frame in decoder.decode(packet):
                yield frame.to_ndarray(format=layout)[..., : file.channels]


def _require_frame(frames: Iterator[Any]) -> None:
    if next(frames, None) is None:
        raise ValueError("no frame can be decoded")


def _check_pixels(width: int, height: int, where: str) -> None:
    if not 0 < width * height <= MAX_PIXELS:
        raise InputError.of(
            where, f"frames of 1 to {MAX_PIXELS} pixels", f"{width} x {height}", "Log a smaller version.", "too-large"
        )


def _broken(where: str, format: str, hint: str) -> InputError:
    return InputError(Problem(where, f"expected a whole {format} file, got a broken one", "broken", hint))
