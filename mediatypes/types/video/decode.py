"""Video files: recognised by content, probed without being changed, decoded when pixels are asked for."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from ..._core.deps import need
from ..._core.errors import CodecError, InputError, Problem, ValidationError, Verbatim, translated
from ..._core.sidecar import Blob
from ..._core.wording import counted
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
MAX_DECODED = 2**33  # bytes of all frames at once: a small file may hold any number of frames without a change
_COVER = 0x400  # of FFmpeg's dispositions: an attached picture
_HINTS = {
    "video": "Convert it to mp4 or webm: ffmpeg -i FILE video.mp4.",
    "audio": "It is sound: pass it to Audio.",
    "sound": "It is sound: ffmpeg -i FILE -vn sound.flac, and pass that to Audio.",
    "samples": "It is sound: pass Audio(*soundfile.read(FILE)).",
    "picture": "Pass it to Image.",
}
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
    has_audio: bool = False
    rotation: int = 0  # degrees clockwise that a player turns the stored frames; width and height are those after it


def probe(blob: Blob, where: str) -> VideoFile:
    """Recognise a video by its content; its packets are counted and its first frame is decoded. Raises InputError."""
    with blob.open() as file:
        format = check_container(file, where, InputError)
        with translated(lambda error: _broken(where, format, f"Reading it failed: {str(error).rstrip('.')}.")):
            if format == "gif":
                return _probe_gif(file.read(), where)
            if format not in _DEMUXERS:
                return _probe_pictures(file.read(), format, where)
            if not containers.is_whole(file, format):
                raise _broken(where, format, "It ends too early.")
            return _probe_av(file, format, where)


def check_container(file: BinaryIO, where: str, error: type[ValidationError]) -> str:
    """The format of a file, told by its first bytes."""
    format, kind, name = containers.recognise(file)
    if format is None:
        message = f"expected a video file ({', '.join(MEDIA_TYPES)}), got {name}"
        raise error(Problem(where, message, "not-a-video", _HINTS.get(kind, "Convert it to mp4 or webm.")))
    return format


def decode(blob: Blob, file: VideoFile) -> Array:
    """The frames of a file: (T, H, W, C) uint8; raises CodecError, before anything is decoded if they are too large."""
    if file.frames * file.height * file.width * file.channels > MAX_DECODED:
        got = f"{counted(file.frames, 'frame')} of {file.width} x {file.height} x {file.channels}"
        hint = "Save the file and read it frame by frame, with PyAV for example."
        raise CodecError(f"video: expected at most {MAX_DECODED} bytes of pixels at once, got {got}. {hint}")
    expected = f"video: expected {file.frames} {file.format} frames, got an error."
    with translated(lambda error: CodecError(f"{expected} {error}")):
        if file.format == "gif":
            from ...formats import gif

            decoded = gif.decode(blob.read(), file.channels)
        elif file.format in _DEMUXERS:
            decoded = _decode_av(blob, file)
        else:
            from . import animations

            decoded = animations.decode(blob.read(), file.format, file.channels)
        frames = [_cut(frame, file) for frame in decoded]
        if len(frames) != file.frames:
            raise ValueError(f"it holds {len(frames)} frames")
        return np.stack(frames)


def _cut(frame: Array, file: VideoFile) -> Array:
    """A frame without the row and column that were added to make its sides even."""
    height, width = frame.shape[:2]
    if not (0 <= height - file.height <= 1 and 0 <= width - file.width <= 1):
        raise ValueError(f"its frames are {width} x {height}, not {file.width} x {file.height}")
    return frame[: file.height, : file.width]


def _probe_gif(data: bytes, where: str) -> VideoFile:
    from ...formats import gif

    width, height, delays, transparent = gif.scan(data)
    _check_pixels(width, height, where)
    channels = 4 if transparent else 3
    _require_frame(gif.decode(data, channels))
    seconds = sum(delays) / 100
    return VideoFile("gif", "gif", width, height, channels, len(delays) / seconds, len(delays), seconds)


def _probe_pictures(data: bytes, format: str, where: str) -> VideoFile:
    from . import animations

    pictures = animations.probe(data, format, where, MAX_PIXELS)
    fps = pictures.frames / pictures.duration if pictures.duration else 0.0
    codec = _PICTURE_CODECS.get(format, format)
    return VideoFile(format, codec, *pictures[:3], fps, pictures.frames, pictures.duration)


def _probe_av(file: BinaryIO, format: str, where: str) -> VideoFile:
    av = need("av", extra="video", needed_for=f"{where} of a {format} file")
    with av.open(file, format=_DEMUXERS[format]) as container:
        stream = _pictures(container)
        if stream is None:
            got = Verbatim("sound, at most with a cover")
            raise InputError.of(where, "a file with moving pictures", got, _HINTS["sound"], "not-a-video")
        if stream.codec_context is None:
            raise ValueError("its codec is unknown")
        width, height = stream.codec_context.width, stream.codec_context.height
        _check_pixels(width, height, where)
        packets, count, seconds = _count(container.demux(stream))
        container.seek(0)
        frame = _require_frame(container.decode(stream))
        if stream.frames > packets:
            raise ValueError(f"{packets} of {stream.frames} frames are there")
        if container.duration and not seconds:
            seconds = container.duration / av.time_base
        rotation = _rotation(frame, where)
        if rotation % 180:
            width, height = height, width
        fps, seconds = _times(stream, count, seconds)
        channels = 4 if stream.metadata.get("alpha_mode") == "1" else 3
        codec = stream.codec_context.codec.canonical_name
        has_audio = bool(container.streams.audio)
    return VideoFile(format, codec, width, height, channels, fps, count, seconds, has_audio, rotation)


def _pictures(container: Any) -> Any:
    """The stream with the moving pictures, None without one; a cover is a stream too."""
    return next((stream for stream in container.streams.video if not stream.disposition & _COVER), None)


def _count(packets: Iterator[Any]) -> tuple[int, int, float]:
    """Packets, how many frames of them are shown, and the seconds from the first of these to the end of the last.

    An edit list cuts a file without encoding it again: what is before the cut stays, to decode the rest from.
    """
    total, shown, start, end = 0, 0, np.inf, 0.0
    for packet in packets:
        if packet.size or _repeats(packet):
            total += 1
            if not packet.is_discard:
                shown += 1
                if packet.pts is not None:
                    start = min(start, float(packet.pts * packet.time_base))
                    end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
    return total, shown, max(0.0, end - start)


def _repeats(packet: Any) -> bool:
    """Whether a packet shows the frame before it once more, as empty ones of Theora do; the last of all has no time."""
    return not packet.size and packet.pts is not None


def _times(stream: Any, count: int, seconds: float) -> tuple[float, float]:
    """Frames per second and seconds: those of the file's header, where its frames bear them out to within one frame."""
    rate, stated = float(stream.average_rate or 0), float((stream.duration or 0) * stream.time_base)
    if not seconds and not rate:
        raise ValueError("it does not say how long a frame lasts")
    if not seconds:
        return rate, count / rate
    if not rate or abs(rate * seconds - count) > 1:
        rate = count / seconds
    is_true = stated and abs(stated - seconds) * count <= seconds * 1.001
    return rate, stated if is_true else seconds


def _rotation(frame: Any, where: str) -> int:
    """Degrees clockwise by which a player turns the frames, by the matrix that the file gives them."""
    sides = need("av.sidedata.sidedata", extra="video", needed_for="Video")
    side = frame.side_data.get(sides.Type.DISPLAYMATRIX)
    if side is None:
        return 0
    a, b, _, c, d = np.frombuffer(side, np.int32, 5).tolist()
    angle = math.degrees(math.atan2(b, a))
    quarters = round(angle / 90)
    if a * d - b * c <= 0 or abs(angle - 90 * quarters) > 1:
        got = Verbatim("one that is mirrored" if a * d - b * c < 0 else f"one turned by {angle:.0f} degrees")
        hint = "Write it as it is shown: ffmpeg -i FILE video.mp4."
        raise InputError.of(where, "a video turned by quarters when shown", got, hint, "rotation")
    return quarters % 4 * 90


def _decode_av(blob: Blob, file: VideoFile) -> Iterator[Array]:
    av = need("av", extra="video", needed_for="Video.to_numpy()")
    layout = "rgba" if file.channels == 4 else "rgb24"
    with blob.open() as opened, av.open(opened, format=_DEMUXERS[file.format]) as container:
        stream = decoder = _pictures(container)
        if file.channels == 4:  # FFmpeg's own VP9 decoder ignores alpha
            decoder = av.codec.CodecContext.create("libvpx-vp9" if file.codec == "vp9" else "libvpx", "r")
        pixels = None
        for packet in container.demux(stream):
            if _repeats(packet):
                if pixels is not None:
                    yield pixels
                continue
            for frame in decoder.decode(packet):
                pixels = frame.to_ndarray(format=layout)[..., : file.channels]
                pixels = np.rot90(pixels, -file.rotation // 90) if file.rotation else pixels
                yield pixels


def _require_frame(frames: Iterator[Any]) -> Any:
    frame = next(frames, None)
    if frame is None:
        raise ValueError("no frame can be decoded")
    return frame


def _check_pixels(width: int, height: int, where: str) -> None:
    if not 0 < width * height <= MAX_PIXELS:
        raise InputError.of(
            where, f"frames of 1 to {MAX_PIXELS} pixels", f"{width} x {height}", "Log a smaller version.", "too-large"
        )


def _broken(where: str, format: str, hint: str) -> InputError:
    return InputError(Problem(where, f"expected a whole {format} file, got a broken one", "broken", hint))
