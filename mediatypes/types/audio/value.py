"""Audio: one clip of sound with its caption."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..._core.declaration import Document, Field, Integer, Number, Record, Rule, Text, reference
from ..._core.errors import InputError, Problem, collect, problem, raise_all
from ..._core.inputs import is_among, read_blob, text
from ..._core.value import FileValue
from ...columns.arrays import Array, as_integer, as_number, is_array
from . import codecs
from .codecs import FORMATS, SUBTYPES, AudioFile
from .samples import Samples, read_samples


def _duration_fits(document: dict[str, Any], where: str) -> Iterator[Problem]:
    seconds = document["frames"] / document["sample_rate"]
    if document["duration"] != seconds:
        expected = f"frames / sample_rate = {seconds}"
        yield problem(f"{where}duration", expected, document["duration"], "Restore the document.", "duration")


SOURCE = Record(
    "What the samples were before they were stored.",
    (Field("dtype", Text(min_length=1), "dtype of the array."),),
)

AUDIO = Document(
    "audio",
    "1.0",
    "A clip of sound.",
    (
        *reference("the audio file"),
        Field("format", Text(choices=FORMATS), "File format.", column=True),
        Field(
            "subtype",
            Text(min_length=1),
            "How samples are stored, in libsndfile's terms: PCM_16, FLOAT...",
            column=True,
        ),
        Field("sample_rate", Integer(1), "Frames in a second.", column=True),
        Field("channels", Integer(1), "Samples in a frame.", column=True),
        Field("frames", Integer(1), "Length in frames, each with a sample of every channel.", column=True),
        Field("duration", Number(0), "Length in seconds.", column=True),
        Field("caption", Text(), "Text shown with the clip.", required=False),
        Field("source", SOURCE, "Present when samples were converted to another type.", required=False),
        Field("clipped_count", Integer(1), "Samples outside -1..1 that were cut.", False, default=0),
    ),
    (Rule("the duration is frames / sample_rate", _duration_fits),),
)


class Audio(FileValue):
    """A clip of sound: samples, or a file kept byte for byte.

    Args:
        data_or_path: one of

            * samples: an (n,) or (n, channels) array, tensor or list. Floats are in -1..1; uint8 (silence at 128),
              int16 and int32 use their full range.
            * a wav, flac, ogg or mp3 file: path, bytes, BytesIO or open file, recognised by its content.
        sample_rate: frames in a second, a whole number of Hz. Needed for samples; a file knows its own.
        caption: text shown with the clip.
        format: of samples: "wav" (default), "flac" (lossless), "ogg" (Vorbis) or "mp3" (both lossy). A WAV file of
            PCM or floats needs no package; everything else needs the extra `audio` (soundfile).
        subtype: of samples in wav: "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT" or "DOUBLE"; in flac: "PCM_16" or
            "PCM_24". By default integers are stored as they are (in flac uint8 as PCM_16, int32 as PCM_24) and floats
            as PCM_16; "FLOAT" keeps float32 exactly, "DOUBLE" float64.
        clip: cut samples outside -1..1, instead of refusing them. Those outside by a rounding error, 1e-5, are always
            cut. How many were cut is recorded (`clipped_count`).

    A file is as long as a player plays it: every frame of an mp3 counts, less the samples that its encoder says it put
    around the sound (LAME's tag); without a tag they count too. A wav out of a pipe, whose header does not know its
    length, reaches to the end of the file.

    A sample that is stored in another type than it came in is recorded as `source` in the document. The same samples
    give the same bytes: always in wav, in the other formats with the same soundfile.

    Raises:
        InputError: another shape ((channels, n) too) or dtype, no frames, NaN, samples out of range, no or a wrong
            sample rate, more channels or another rate than the format has, a file that is broken, cut short or empty.
        MissingDependencyError: a format that needs soundfile.
        CodecError: soundfile failed.

    >>> import numpy as np
    >>> tone = np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
    >>> audio = Audio(0.5 * tone, 16_000, "A4")
    >>> audio.duration, audio.channels, audio.subtype
    (1.0, 1, 'PCM_16')
    """

    _declaration = AUDIO
    format: str
    subtype: str
    sample_rate: int
    channels: int
    frames: int
    duration: float
    clipped_count: int

    def __init__(
        self,
        data_or_path: Any,
        sample_rate: int | None = None,
        caption: str | None = None,
        *,
        format: str | None = None,
        subtype: str | None = None,
        clip: bool = False,
    ) -> None:
        problems: list[Problem] = []
        self._set(_caption=collect(problems, text, caption, "Audio.caption"))
        make = _from_samples if is_array(data_or_path) or isinstance(data_or_path, (list, tuple)) else _from_file
        attributes = collect(problems, make, data_or_path, sample_rate, format, subtype, clip)
        raise_all(problems)
        self._set(**attributes)

    def to_numpy(self) -> Array:
        """The samples: (frames,) of one channel, else (frames, channels).

        PCM_U8, PCM_16 and PCM_32 come as uint8, int16 and int32; PCM_24 as int32 that uses the full range (its lower
        8 bits are zero), as scipy and soundfile have it; FLOAT as float32, DOUBLE as float64, all others as float32.

        Raises:
            MissingDependencyError: a format that needs soundfile.
            CodecError, DocumentError: the file cannot be read, or is not what the document says.
        """
        samples = codecs.to_numpy(self._file())
        return samples[:, 0] if self.channels == 1 else samples

    def _facts(self) -> list[str]:
        length = f"{self.duration:.2f} s"
        return [length, f"{self.sample_rate} Hz", f"{self.channels} ch", f"{self.format} {self.subtype}"]

    def _file_type(self) -> tuple[str, str]:
        return f".{self.format}", codecs.MEDIA_TYPES[self.format]

    def _check(self) -> None:
        codecs.check(self._file())

    def _file(self) -> AudioFile:
        return AudioFile(self._sidecar(), self.format, self.subtype, self.sample_rate, self.channels, self.frames)


def _from_samples(data: Any, rate: Any, format: Any, subtype: Any, clip: bool) -> dict[str, Any]:
    """The attributes of a clip of samples."""
    format = "wav" if format is None else format
    problems = _option_problems(rate, format, subtype)
    samples: Samples | None = collect(problems, read_samples, data, "Audio", clip)
    if samples is None or problems:
        raise InputError(problems)
    subtype = subtype or _default_subtype(samples, format)
    source = None if samples.is_kept_in(subtype) else {"dtype": samples.dtype}
    file = codecs.write(samples, as_integer(rate) or 0, format, subtype, "Audio")
    return {**_attributes(file), "_source": source, "_clipped_count": samples.clipped_count}


def _from_file(data: Any, rate: Any, format: Any, subtype: Any, clip: bool) -> dict[str, Any]:
    """The attributes of a file, which is never converted: options may repeat what it is."""
    blob = read_blob(data, "Audio")
    if blob is None:
        hint = "See help(mediatypes.Audio)."
        raise InputError.of("Audio", "an array, tensor, list of samples, path, bytes or file", data, hint)
    file = codecs.probe(blob, "Audio")
    _check_file(file, rate, format, subtype, clip)
    return _attributes(file)


def _attributes(file: AudioFile) -> dict[str, Any]:
    return {f"_{name}": member for name, member in file._asdict().items()} | {
        "_duration": file.frames / file.sample_rate
    }


def _default_subtype(samples: Samples, format: str) -> str:
    possible = SUBTYPES[format]
    if samples.subtype in possible:
        return samples.subtype
    return "PCM_24" if samples.subtype == "PCM_32" and "PCM_24" in possible else possible[0]


def _option_problems(rate: Any, format: Any, subtype: Any) -> list[Problem]:
    problems = []
    if (as_integer(rate) or 0) < 1:
        hint = "Pass the frames in a second: Audio(data, 16000)."
        problems.append(problem("Audio.sample_rate", "a whole number of Hz, at least 1", rate, hint, "rate"))
    if not is_among(format, FORMATS):
        problems.append(problem("Audio.format", f"one of {', '.join(FORMATS)}", format, "Leave it out for wav."))
    elif subtype is not None and not is_among(subtype, SUBTYPES[format]):
        expected = f"one of {', '.join(SUBTYPES[format])} in {format}"
        problems.append(problem("Audio.subtype", expected, subtype, "Leave it out for the default."))
    return problems


def _check_file(file: AudioFile, rate: Any, format: Any, subtype: Any, clip: bool) -> None:
    options = {"sample_rate": as_number(rate), "format": format, "subtype": subtype}
    problems = [
        problem(f"Audio.{name}", f"{getattr(file, name)!r}, that of the file", value, "Leave it out, or pass samples.")
        for name, value in options.items()
        if value is not None and value != getattr(file, name)
    ]
    if clip:
        problems.append(problem("Audio.clip", "samples beside it", clip, "A file is kept as it is."))
    raise_all(problems)
