"""Video: frames in time, as a gif, mp4, webm or ogg file, or an animated picture."""

from __future__ import annotations

import math
from collections.abc import Iterator
from numbers import Real
from typing import Any

import numpy as np

from ..._core.declaration import Boolean, Document, Field, Integer, List, Number, Record, Rule, Text, reference
from ..._core.errors import DocumentError, InputError, Problem, collect, problem, raise_all
from ..._core.inputs import is_among, read_blob, text
from ..._core.sidecar import Blob
from ..._core.value import FileValue
from ..._core.wording import counted
from ...columns.arrays import Array, as_number, is_array
from . import decode, encode
from . import frames as frame_arrays
from .decode import MEDIA_TYPES, VideoFile

DEFAULT_FPS = 4
_SLOWEST, _FASTEST = 0.01, 1000.0  # frames per second; webm counts milliseconds
_FASTEST_GIF = 50.0  # browsers slow a delay below two centiseconds down to ten

SOURCE = Record(
    "What the values were before they became pixels.",
    (
        Field("dtype", Text(), "dtype of the array.", required=False),
        Field("value_range", List(Number(), 2, 2), "Values shown as black and as white.", required=False),
        Field("clipped_count", Integer(1), "Values outside that range by a rounding error.", required=False),
    ),
)


def _is_quarter_turn(document: dict[str, Any], where: str) -> Iterator[Problem]:
    if document.get("rotation", 90) % 90:
        yield problem(f"{where}rotation", "90, 180 or 270", document["rotation"], "Restore the document.", "rotation")


VIDEO = Document(
    "video",
    "1.0",
    "Frames in time.",
    (
        *reference("the video file"),
        Field("fps", Number(0), "Frames per second; the mean where it varies.", column=True),
        Field("frames", Integer(1), "Number of frames that are shown.", column=True),
        Field("duration", Number(0), "Seconds.", column=True),
        Field("width", Integer(1), "Width in pixels as shown, before padding to an even number.", column=True),
        Field("height", Integer(1), "Height in pixels as shown, before padding to an even number.", column=True),
        Field("channels", Integer(1, 4), "Channels of a frame: 1 grey, 3 RGB, 4 RGB with alpha."),
        Field("format", Text(choices=tuple(MEDIA_TYPES)), "File format.", column=True),
        Field("codec", Text(min_length=1), "Codec as FFmpeg names it: gif, h264, vp9, vp8, theora...", column=True),
        Field("caption", Text(), "Text shown with the video.", required=False),
        Field("rotation", Integer(90, 270), "Degrees clockwise that a player turns the frames.", False, default=0),
        Field("has_audio", Boolean(), "True when the file has sound too.", False, default=False),
        Field("lossless", Boolean(), "True when the frames were asked to be kept exactly.", False, default=False),
        Field("clip_count", Integer(1), "Number of clips tiled into one picture.", required=False),
        Field("source", SOURCE, "Present when values were mapped to make the pixels.", required=False),
    ),
    (Rule("the rotation is 90, 180 or 270", _is_quarter_turn),),
)


class Video(FileValue):
    """A video: frames that are encoded when it is logged, or a file kept byte for byte.

    Args:
        data_or_path: a (T, C, H, W) array or tensor with 1, 3 or 4 channels; (B, T, C, H, W) clips, tiled into one
            picture; a moviepy clip without sound; a file as path, bytes, BytesIO or open file: gif, mp4, webm, ogg,
            animated WebP, PNG or AVIF, or a TIFF whose pages are 8-bit frames.
        caption: text shown with the video.
        fps: frames per second, 4 by default for arrays and its own for a clip; 0.01 to 50 for gif, to 1000 otherwise.
            A file has its own, unless it is a TIFF.
        format: "gif" (default), "mp4", "webm" or "ogg" for arrays. A file has its own, told by its content.
        value_range: `(lo, hi)`, the values of an array shown as black and as white.
        lossless: keep every pixel, as "webm" (default) or "mp4". Most players show only the webm.

    Pixels: uint8 is kept; bool becomes 0 and 255; floats in [0, 1] are scaled by 255; everything else needs
    `value_range`. The mapping is recorded in the document. gif keeps grey frames and up to 256 colours exactly, and of
    alpha only whether it is at least 128; webm keeps alpha; mp4 and ogg have none. The rest is
    lossy unless `lossless`. A gif frame lasts whole centiseconds, rounded so that no error adds up.

    A file is told as a player shows it: what an edit list cuts off is not counted, and a file that is turned when it is
    shown (`rotation`) has the width, height and frames of the turned one.

    Tiles: black clips fill B up to a power of two; they stand row by row in 2 ** ((B.bit_length() - 1) // 2) rows.

    Raises:
        InputError: with every problem found: shape, range, NaN, options that do not fit, a broken file.
        MissingDependencyError: mp4, webm and reading ogg need `av`; writing ogg needs `imageio-ffmpeg`; tiff needs
            `imageio` and `tifffile`.

    >>> import numpy as np
    >>> video = Video(np.zeros((8, 3, 32, 48), np.uint8), caption="black")
    >>> video.frames, video.width, video.height, video.fps, video.duration, video.format
    (8, 48, 32, 4.0, 2.0, 'gif')
    """

    _declaration = VIDEO
    fps: float
    frames: int
    duration: float
    width: int
    height: int
    format: str
    codec: str
    rotation: int
    has_audio: bool
    lossless: bool
    _pixels: Array | None  # (T, H, W, C) uint8, until they are encoded

    def __init__(
        self,
        data_or_path: Any,
        caption: str | None = None,
        fps: float | None = None,
        format: str | None = None,
        *,
        value_range: tuple[float, float] | None = None,
        lossless: bool = False,
    ) -> None:
        problems: list[Problem] = []
        self._set(_caption=collect(problems, text, caption, "Video.caption"))
        is_frames = frame_arrays.is_clip(data_or_path) or is_array(data_or_path)
        make = _from_frames if is_frames else _from_file
        attributes = collect(problems, make, data_or_path, as_number(fps), format, value_range, lossless)
        raise_all(problems)
        self._set(**attributes)

    def to_numpy(self) -> Array:
        """The frames as a player shows them, turned and cut as the file says: (T, C, H, W) uint8, decoded from it.

        They are the frames that were given only where the encoding is lossless. mp4, webm and ogg need `av`.

        Raises:
            CodecError: the file cannot be decoded, or holds another number of frames; all of them take more than 2^33
                bytes.
        """
        return decode.decode(self._sidecar(), self._file()).transpose(0, 3, 1, 2)

    def _facts(self) -> list[str]:
        return [f"{counted(self.frames, 'frame')} {self.width}x{self.height} at {self.fps:g} fps", self.format]

    def _file_type(self) -> tuple[str, str]:
        return f".{self.format}", MEDIA_TYPES[self.format]

    def _sidecar(self) -> Blob:
        """The file; frames are encoded once and then let go."""
        pixels = self.__dict__.get("_pixels")
        if pixels is not None:
            self._set(_blob=Blob(encode.encode(pixels, self.format, self.fps, self.lossless)), _pixels=None)
        return super()._sidecar()

    def _check(self) -> None:
        with self._sidecar().open() as content:
            format = decode.check_container(content, "video", DocumentError)
        if format != self.format:
            raise DocumentError.of("video.format", f"{format}, that of the file", self.format, "Restore it.")

    def _file(self) -> VideoFile:
        told = {name: self.__dict__[f"_{name}"] for name in VideoFile._fields if f"_{name}" in self.__dict__}
        return VideoFile(**told)


def _attributes(file: VideoFile) -> dict[str, Any]:
    return {f"_{name}": member for name, member in file._asdict().items()}


def _from_frames(data: Any, fps: Any, format: Any, value_range: Any, lossless: Any) -> dict[str, Any]:
    """The attributes of a video of an array or clip."""
    is_clip = frame_arrays.is_clip(data)
    own_rate = getattr(data, "fps", None) if is_clip else DEFAULT_FPS
    rate: Any = own_rate if fps is None else fps
    format = ("webm" if lossless is True else "gif") if format is None else format
    problems = _option_problems(rate, format, lossless, encode.FORMATS)
    source = clip_count = frames = None
    if not is_clip:
        frames, source, clip_count = (
            collect(problems, frame_arrays.from_array, data, "Video", value_range) or [None] * 3
        )
    else:
        if value_range is not None:
            problems.append(problem("Video.value_range", "None for a clip", value_range, "Leave it out."))
        missing = problem("Video.fps", "a number for a clip that has none", rate, "Pass fps=24.")
        problems += [missing] if rate is None else []
        if rate is not None and not problems:
            frames = frame_arrays.from_clip(data, "Video", rate)
    if frames is None or rate is None or problems:
        raise InputError(problems)
    count, height, width, channels = frames.shape
    _check_fits(format, width, height, channels, lossless)
    encode.require(format, "Video")
    codec = encode.codec_of(frames, format, lossless)
    file = VideoFile(format, codec, width, height, channels, float(rate), count, count / float(rate))
    changes = {"_source": source, "_clip_count": clip_count, "_lossless": lossless}
    return {"_pixels": frames, **changes, **_attributes(file)}


def _from_file(data: Any, fps: Any, format: Any, value_range: Any, lossless: Any) -> dict[str, Any]:
    """The attributes of a video of a file, which is kept as it is: options may repeat what it is."""
    problems = _option_problems(fps, format, lossless, tuple(MEDIA_TYPES))
    blob = collect(problems, read_blob, data, "Video")
    if blob is None and not problems:
        hint = "Pass np.stack(data)." if isinstance(data, (list, tuple)) else "See help(mediatypes.Video)."
        raise InputError.of("Video", "an array, tensor, path, bytes, file or moviepy clip", data, hint)
    file: VideoFile | None = collect(problems, decode.probe, blob, "Video") if blob is not None else None
    if file is None or problems:
        raise InputError(problems)
    if not file.fps:  # pages of a TIFF have no time
        rate = float(DEFAULT_FPS if fps is None else fps)
        file = file._replace(fps=rate, duration=file.frames / rate)
    _check_file_options(file, fps, format, value_range, lossless)
    return {"_blob": blob, **_attributes(file)}


def _option_problems(fps: Any, format: Any, lossless: Any, formats: tuple[str, ...]) -> list[Problem]:
    problems: list[Problem] = []
    fastest = _FASTEST_GIF if is_among(format, ("gif",)) else _FASTEST
    if fps is not None and not (_is_number(fps) and _SLOWEST <= fps <= fastest):
        hint = "Pass format='mp4' or 'webm'." if _is_number(fps) and fps > fastest < _FASTEST else "Leave it out for 4."
        problems.append(problem("Video.fps", f"frames per second from {_SLOWEST:g} to {fastest:g}", fps, hint))
    if format is not None and not is_among(format, formats):
        near = str(format).lower().removeprefix(".")
        hint = f"Did you mean {near!r}?" if near in formats else "Leave it out for gif."
        problems.append(problem("Video.format", f"one of {', '.join(formats)}", format, hint))
    if not isinstance(lossless, bool):
        problems.append(problem("Video.lossless", "True or False", lossless, "Use bool(...)."))
    return problems


def _is_number(value: Any) -> bool:
    is_number = isinstance(value, Real) and not isinstance(value, (bool, np.timedelta64))
    try:
        return is_number and math.isfinite(value)
    except OverflowError:  # of an integer
        return False


def _check_fits(format: str, width: int, height: int, channels: int, lossless: bool) -> None:
    """Whether a format can hold such frames."""
    problems: list[Problem] = []
    if lossless and format not in ("mp4", "webm"):
        problems.append(problem("Video.format", "mp4 or webm for lossless=True", format, "Leave format out for webm."))
    elif channels == 4 and lossless:
        problems.append(
            problem("Video.lossless", "False for frames with alpha", lossless, "Drop the alpha: array[..., :3, :, :].")
        )
    elif channels == 4 and format not in ("gif", "webm"):
        hint = "Drop the alpha: array[..., :3, :, :]."
        problems.append(problem("Video.format", "gif or webm for frames with alpha", format, hint))
    if format == "ogg" and min(width, height) < encode.MIN_SIDE_OGG:
        expected = f"at least {encode.MIN_SIDE_OGG} pixels a side for ogg"
        problems.append(problem("Video", expected, f"{width} x {height}", "Pass format='webm'.", "too-small"))
    if max(width, height) > encode.MAX_SIDE or width * height > decode.MAX_PIXELS:
        expected = f"at most {encode.MAX_SIDE} pixels a side and {decode.MAX_PIXELS} in all"
        problems.append(problem("Video", expected, f"{width} x {height}", "Log a smaller version.", "too-large"))
    raise_all(problems)


def _check_file_options(file: VideoFile, fps: Any, format: Any, value_range: Any, lossless: Any) -> None:
    problems: list[Problem] = []
    if format not in (None, file.format):
        problems.append(problem("Video.format", f"{file.format}, that of the file", format, "Leave it out."))
    if fps is not None and not math.isclose(fps, file.fps, rel_tol=1e-2):
        problems.append(problem("Video.fps", f"{file.fps:g}, that of the file", fps, "Leave it out."))
    if value_range is not None:
        problems.append(problem("Video.value_range", "None for a file", value_range, "Leave it out."))
    if lossless:
        problems.append(
            problem("Video.lossless", "False for a file, which is kept as it is", lossless, "Leave it out.")
        )
    raise_all(problems)
