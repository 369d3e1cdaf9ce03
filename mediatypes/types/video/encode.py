"""Frames to mp4, webm and ogg files. The same frames give the same bytes: one thread, no dates, no version texts."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from fractions import Fraction
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np

from ..._core.deps import need
from ..._core.errors import CodecError, translated
from ...columns.arrays import Array
from ...formats import ogg

FORMATS = ("gif", "mp4", "webm", "ogg")
MAX_SIDE = 16384  # of x264 and libvpx
MIN_SIDE_OGG = 17  # FFmpeg decodes no smaller Theora
_THEORA_QUALITY = 7  # of 0..10
_THEORA_HEADERS = 3  # packets before the first frame


class _Encoder(NamedTuple):
    """How a stream is encoded: names and options as FFmpeg has them."""

    codec: str
    name: str
    pixels: str
    options: dict[str, str]
    limited: bool = True  # YUV in 16..235 by BT.601, not RGB


_X264_SPEED = {"preset": "veryfast", "tune": "psnr", "trellis": "1", "aq-mode": "1"}
_X264 = _Encoder("h264", "libx264", "yuv420p", {**_X264_SPEED, "crf": "23"})
_X264_LOSSLESS = _Encoder("h264", "libx264rgb", "rgb24", {"preset": "veryfast", "crf": "0"}, False)
_VP9_SPEED = {"deadline": "realtime", "cpu-used": "8", "row-mt": "0"}
_VP9 = _Encoder("vp9", "libvpx-vp9", "yuv420p", {**_VP9_SPEED, "crf": "30", "b": "0"})
_VP9_ALPHA = _VP9._replace(pixels="yuva420p")
_VP9_LOSSLESS = _Encoder("vp9", "libvpx-vp9", "gbrp", {**_VP9_SPEED, "lossless": "1"}, False)
_VP8 = _Encoder("vp8", "libvpx", "yuv420p", {"deadline": "good", "cpu-used": "1", "crf": "32", "b": "2M"})
_DRAWN = 64  # colours; sharp edges cost VP9 in real time four times the bytes of VP8, at less likeness


def require(format: str, where: str) -> None:
    """Raise `MissingDependencyError` unless this format can be written."""
    if format in ("mp4", "webm"):
        need("av", extra="video", needed_for=f"{where} as {format}")
    elif format == "ogg":
        need("imageio_ffmpeg", extra="ffmpeg", needed_for=f"{where} as ogg")


def encode(frames: Array, format: str, fps: float, lossless: bool) -> bytes:
    """A file of (T, H, W, 1|3|4) uint8 frames.

    mp4 is H.264 (x264 veryfast, crf 23, tuned for PSNR); webm is VP9 (realtime, crf 30, alpha kept), or VP8 (crf 32) of
    frames with at most 64 colours in all, such as masks and game screens; ogg is Theora of quality 7. With `lossless`
    mp4 is H.264 in RGB and webm VP9 in RGB. Where a codec needs even sides, the last row and column are repeated.

    Raises:
        CodecError: the encoder failed.
        MissingDependencyError: its package is not installed.
    """
    with translated(lambda error: CodecError(f"Video: expected {format} to be written, got an error. {error}")):
        if format == "gif":
            from ...formats import gif

            return gif.encode(frames, fps)
        if format == "ogg":
            return _theora(frames, fps)
        return _av(frames, format, fps, _choose(frames, format, lossless))


def codec_of(frames: Array, format: str, lossless: bool) -> str:
    """The codec that `encode` uses, as FFmpeg names it."""
    return {"gif": "gif", "ogg": "theora"}.get(format) or _choose(frames, format, lossless).codec


def _choose(frames: Array, format: str, lossless: bool) -> _Encoder:
    if format == "mp4":
        return _X264_LOSSLESS if lossless else _X264
    if lossless:
        return _VP9_LOSSLESS
    if frames.shape[3] == 4:
        return _VP9_ALPHA
    from ...formats.gif import few_colours

    return _VP9 if few_colours(frames, _DRAWN) is None else _VP8


def _av(frames: Array, format: str, fps: float, encoder: _Encoder) -> bytes:
    av = need("av", extra="video", needed_for=f"Video as {format}")
    buffer = BytesIO()

    def reopen(*_: object) -> BytesIO:  # moving the index to the front reads what was written
        return BytesIO(buffer.getvalue())

    options = {"fflags": "+bitexact", "movflags": "+faststart"} if format == "mp4" else {"fflags": "+bitexact"}
    with av.open(buffer, "w", format=format, options=options, io_open=reopen) as container:
        stream = container.add_stream(encoder.name, rate=_rate(fps), options={**encoder.options, "flags": "+bitexact"})
        even = encoder is _X264
        stream.height, stream.width = (side + side % 2 if even else side for side in frames.shape[1:3])
        stream.pix_fmt = encoder.pixels
        stream.codec_context.thread_count = 1
        if encoder.limited:
            stream.codec_context.color_range = av.video.reformatter.ColorRange.MPEG
            stream.codec_context.colorspace = av.video.reformatter.Colorspace.SMPTE170M
        pictures = _pictures(av, frames, even, grey="gray" if encoder.limited else "rgb24")
        packets = _packets(av, stream, pictures)
        container.mux(_without_messages(av, stream, packets) if format == "mp4" else packets)
    return buffer.getvalue()


def _pictures(av: Any, frames: Array, even: bool, grey: str) -> Iterator[Any]:
    layout = {1: grey, 3: "rgb24", 4: "rgba"}[frames.shape[3]]
    for frame in frames:
        pixels = _even(frame) if even else frame
        if layout == "gray":
            pixels = pixels[..., 0]
        elif frames.shape[3] == 1:
            pixels = np.repeat(pixels, 3, axis=2)
        yield av.VideoFrame.from_ndarray(pixels, format=layout)


def _packets(av: Any, stream: Any, pictures: Iterator[Any]) -> Iterator[Any]:
    converter = av.video.reformatter.VideoReformatter()
    for picture in pictures:  # converted here, because the stream would start a thread for each core
        yield from stream.encode(converter.reformat(picture, format=stream.pix_fmt, threads=1))
    yield from stream.encode()


def _without_messages(av: Any, stream: Any, packets: Iterator[Any]) -> Iterator[Any]:
    """Packets without x264's description of itself (H.264 NAL units of type 6)."""
    clean = None
    for packet in packets:
        clean = clean or av.bitstream.BitStreamFilterContext("filter_units=remove_types=6", in_stream=stream)
        yield from clean.filter(packet)


def _theora(frames: Array, fps: float) -> bytes:
    ffmpeg = need("imageio_ffmpeg", extra="ffmpeg", needed_for="Video as ogg").get_ffmpeg_exe()
    frames = np.stack([_even(frame) for frame in frames])
    _, height, width, channels = frames.shape
    raw = ["-f", "rawvideo", "-pixel_format", "gray" if channels == 1 else "rgb24", "-video_size", f"{width}x{height}"]
    theora = ["-c:v", "libtheora", "-q:v", str(_THEORA_QUALITY), "-pix_fmt", "yuv420p", "-threads", "1"]
    exact = ["-flags:v", "+bitexact", "-fflags", "+bitexact"]
    command = [ffmpeg, "-v", "error", *raw, "-framerate", str(_rate(fps)), "-i", "pipe:0", *theora, *exact]
    for keyframes in ([], ["-g", "1"]):  # FFmpeg before 8 leaves out a frame like the one before it, but no keyframe
        output = [*keyframes, "-f", "ogg", "pipe:1"]
        done = subprocess.run([*command, *output], input=frames.data.cast("B"), capture_output=True)
        if done.returncode:
            raise OSError(done.stderr.decode(errors="replace").strip())
        if ogg.count_packets(done.stdout) == _THEORA_HEADERS + len(frames):
            return done.stdout
    raise OSError("It leaves out frames that are like the one before. pip install --upgrade imageio-ffmpeg.")


def _even(frame: Array) -> Array:
    height, width = frame.shape[:2]
    if height % 2 or width % 2:
        return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return frame


def _rate(fps: float) -> Fraction:
    return Fraction(fps).limit_denominator(10_000)
