"""Audio files: recognised by content, probed without being changed; WAV by us, the rest through soundfile."""

from __future__ import annotations

from io import BytesIO
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from ..._core.deps import need
from ..._core.errors import CodecError, DocumentError, InputError, Problem, ValidationError, problem, raise_all
from ..._core.sidecar import Blob
from ..._core.wording import counted
from ...columns.arrays import Array
from ...formats import containers, flac, mp3, ogg, wav
from . import samples as sample_arrays
from .samples import Samples

MEDIA_TYPES = {"wav": "audio/wav", "flac": "audio/flac", "ogg": "audio/ogg", "mp3": "audio/mpeg"}
FORMATS = tuple(MEDIA_TYPES)
SUBTYPES = {
    "wav": wav.SUBTYPES,
    "flac": ("PCM_16", "PCM_24"),
    "ogg": ("VORBIS",),
    "mp3": ("MPEG_LAYER_III",),
}
_WIDEST = {"flac": 8, "ogg": 255, "mp3": 2}  # channels; libsndfile crashes on Vorbis with more
_MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_FEW_SAMPLES = 2**26  # of a compressed file, frames times channels; more need bytes to be of
_SAMPLES_A_BYTE = 64  # speech in Opus has 30
_MAX_SAMPLES = 2**31
_BLOCK = 4096  # frames; libsndfile puts a whole write of Vorbis on the stack and crashes on a long one
_SERIAL = 0
_CONVERT = "ffmpeg -i FILE -vn sound.flac."
_WHAT_IS_THERE = f"Convert what is there: {_CONVERT}"
_HAS_PICTURES = f"It has pictures: pass it to Video, or take its sound: {_CONVERT}"
_PICTURES = {"": f"Take its sound: {_CONVERT}", "mp4": _HAS_PICTURES, "webm": _HAS_PICTURES, "ogg": _HAS_PICTURES}
_BEHIND_TAGS = {"an MP3 file": "mp3", "a FLAC file": "flac"}  # of ID3
_READ_AS = {"PCM_S8": "int16", "PCM_16": "int16", "PCM_24": "int32", "PCM_32": "int32"}  # by soundfile


class AudioFile(NamedTuple):
    """A file byte for byte, and what probing it tells."""

    blob: Blob
    format: str
    subtype: str
    sample_rate: int
    channels: int
    frames: int


def write(samples: Samples, sample_rate: int, format: str, subtype: str, where: str) -> AudioFile:
    """A file of the samples; raises InputError where the format cannot hold so many channels or frames or that rate."""
    frames, channels = samples.array.shape
    _check_limits(format, subtype, sample_rate, channels, frames, where)
    if format == "wav":
        data = wav.write(sample_arrays.convert(samples, subtype), subtype, sample_rate)
    elif format == "flac":
        data = _encode(sample_arrays.convert(samples, subtype), sample_rate, format, subtype, where)
    else:
        floats = sample_arrays.as_floats(samples.array).astype(np.float32, copy=False)
        data = _encode(floats, sample_rate, format, subtype, where)
    data = ogg.with_serial(data, _SERIAL) if format == "ogg" else data
    return AudioFile(Blob(data), format, subtype, sample_rate, channels, frames)


def probe(blob: Blob, where: str) -> AudioFile:
    """Recognise a file by its content; a compressed one is decoded once, to refuse a cut one. Raises InputError."""
    with blob.open() as file:
        format = _recognise(file, blob.size, where)
    header = _wav_header(blob, where, InputError) if format == "wav" else None
    if header is not None and header.subtype:
        file_ = AudioFile(blob, format, header.subtype, header.sample_rate, header.channels, header.frames)
    else:
        file_ = _decode_whole(blob, format, header, where)
    if not file_.frames:
        raise InputError.of(where, "at least one frame", 0, "Skip empty clips.", "empty")
    return file_


def check(file: AudioFile) -> None:
    """A stored WAV file is what its document says; others are as they were when they were hashed."""
    header = _wav_header(file.blob, "audio", DocumentError) if file.format == "wav" else None
    if header is not None and header.subtype:
        _require_same(file, (header.subtype, header.sample_rate, header.channels, header.frames))


def to_numpy(file: AudioFile) -> Array:
    """(frames, channels) samples: exact integers of PCM, floats as stored, float32 of everything else."""
    header = _wav_header(file.blob, "audio", DocumentError) if file.format == "wav" else None
    if header is not None and header.subtype:
        return wav.read(file.blob.read(), header)
    soundfile = need("soundfile", extra="audio", needed_for="Audio.to_numpy")
    try:
        content, frames = _decodable(file.blob, file.format, header)
        with content, soundfile.SoundFile(content) as sound:
            _require_same(file, (sound.subtype, sound.samplerate, sound.channels, frames or sound.frames))
            samples: Array = sound.read(file.frames, _READ_AS.get(sound.subtype, "float32"), always_2d=True)
            if len(samples) != file.frames:
                raise ValueError(f"{len(samples)} of {file.frames} frames")
    except DocumentError:
        raise
    except (soundfile.SoundFileError, ValueError) as error:
        raise CodecError.of("audio", f"soundfile to read {file.format}", str(error), "See the cause.") from error
    return samples


def _recognise(file: BinaryIO, size: int, where: str) -> str:
    start = file.read(12)
    if wav.is_wav(start):
        return "wav"
    if start[:4] in (b"fLaC", b"OggS"):
        return "flac" if start[:4] == b"fLaC" else "ogg"
    file.seek(0)
    recognised = containers.recognise(file)
    if recognised.name in _BEHIND_TAGS:
        return _BEHIND_TAGS[recognised.name]
    raise _not_audio(recognised, where)


def _not_audio(recognised: containers.Recognised, where: str) -> InputError:
    hints = {
        "video": _PICTURES.get(recognised.format or "", "It has pictures: pass it to Video."),
        "sound": f"Convert it: {_CONVERT}",
        "audio": "Remove the tag before it.",
        "samples": "Pass its samples: Audio(*soundfile.read(FILE)).",
        "picture": "Pass it to Image.",
        "other": "Convert it to WAV or FLAC.",
    }
    expected = f"expected a file of {', '.join(FORMATS)}, got {recognised.name}"
    return InputError(Problem(where, expected, "not-audio", hints[recognised.kind]))


def _wav_header(blob: Blob, where: str, error: type[ValidationError]) -> wav.Header:
    with blob.open() as file:
        return wav.read_header(file, blob.size, where, error)


def _decodable(blob: Blob, format: str, header: wav.Header | None) -> tuple[BinaryIO, int]:
    """What libsndfile decodes to the end, and how many frames that gives; 0 if it knows itself. Raises ValueError."""
    if format == "mp3" or (header is not None and header.codec == "MP3"):
        stream = mp3.read(blob.read()[header.samples if header is not None else slice(None)])
        return BytesIO(stream.decodable()), stream.frames
    if format == "flac":
        data = blob.read()
        return BytesIO(flac.with_length(data[mp3.after_tags(data) : mp3.before_tags(data)])), 0
    return blob.open(), 0


def _decode_whole(blob: Blob, format: str, header: wav.Header | None, where: str) -> AudioFile:
    soundfile = need("soundfile", extra="audio", needed_for=f"Audio of {'this ' if format == 'wav' else ''}{format}")
    if format == "ogg":
        _check_ogg(blob, where)
    try:
        content, frames = _decodable(blob, format, header)
        with content, soundfile.SoundFile(content) as sound:
            frames = frames or sound.frames
            file = AudioFile(blob, format, sound.subtype, sound.samplerate, sound.channels, frames)
            _check_length(file, where)
            decoded = _count(sound, frames)
    except InputError:
        raise
    except ValueError as error:
        raise _broken(where, format, blob, f"{error} {_WHAT_IS_THERE}") from error
    except soundfile.SoundFileError as error:
        if header is not None:
            expected = f"expected samples that soundfile reads, got a WAV file of {header.codec}"
            raise InputError(Problem(where, expected, "codec", f"Convert it: {_CONVERT}")) from error
        said = str(error).rpartition(": ")[2].rstrip(".")
        raise _broken(where, format, blob, f"soundfile says: {said}. {_WHAT_IS_THERE}") from error
    if decoded != frames:
        raise _broken(where, format, blob, "It is cut short or damaged.")
    return file


def _check_ogg(blob: Blob, where: str) -> None:
    """One stream of sound from its first page to its last."""
    codecs, links, is_whole = ogg.survey(blob.read())
    if set(codecs) & set(ogg.PICTURES):
        raise _not_audio(containers.Recognised("ogg", "video", "an Ogg file"), where)
    if others := set(codecs) - set(ogg.SOUND):
        raise _not_audio(containers.Recognised(None, "sound", f"an Ogg file of {' and '.join(sorted(others))}"), where)
    if len(codecs) > 1:
        got = f"{len(codecs)} {'one behind the other' if links > 1 else 'at once'}"
        message = f"expected one stream of sound in an Ogg file, got {got}"
        raise InputError(Problem(where, message, "streams", f"Convert it: {_CONVERT}"))
    if not is_whole:
        raise _broken(where, "ogg", blob, "It is cut short or damaged.")


def _check_length(file: AudioFile, where: str) -> None:
    """A few bytes may claim hours of silence: decoding them is refused before it begins."""
    samples, most = file.frames * file.channels, max(_FEW_SAMPLES, _SAMPLES_A_BYTE * file.blob.size)
    if samples > min(most, _MAX_SAMPLES):
        expected = f"expected at most {min(most, _MAX_SAMPLES)} samples in {file.blob.size} bytes of {file.format}"
        raise InputError(Problem(where, f"{expected}, got {samples}", "too-large", "Log a shorter clip."))


def _broken(where: str, format: str, blob: Blob, hint: str) -> InputError:
    return InputError(
        Problem(where, f"expected a whole {format} file, got {counted(blob.size, 'byte')}", "broken", hint)
    )


def _count(sound: Any, most: int) -> int:
    """The frames that decoding really gives, up to so many."""
    block, total = np.empty((_BLOCK * 16, sound.channels), np.float32), 0
    while total < most and (count := len(sound.read(out=block[: most - total]))):
        total += count
    return total


def _encode(samples: Array, sample_rate: int, format: str, subtype: str, where: str) -> bytes:
    soundfile = need("soundfile", extra="audio", needed_for=f"{where}(format={format!r})")
    buffer = BytesIO()
    options = {"samplerate": sample_rate, "channels": samples.shape[1], "format": format.upper(), "subtype": subtype}
    try:
        with soundfile.SoundFile(buffer, "w", **options) as sound:
            for start in range(0, len(samples), _BLOCK):
                sound.write(samples[start : start + _BLOCK])
    except soundfile.SoundFileError as error:
        raise CodecError.of(where, f"soundfile to write {format}", str(error), "See the cause.") from error
    return buffer.getvalue()


def _check_limits(format: str, subtype: str, sample_rate: int, channels: int, frames: int, where: str) -> None:
    problems = []
    widest = wav.MAX_FRAME // wav.frame_size(subtype, 1) if format == "wav" else _WIDEST[format]
    if channels > widest:
        hint = f"Log them as several clips{'' if format == 'wav' else ', or use format=' + repr('wav')}."
        problems.append(problem(where, f"at most {widest} channels in {format}", channels, hint, "channels"))
    elif expected := _rate_missed(format, subtype, sample_rate, channels):
        hint = f"Resample the clip{'' if format == 'wav' else ', or use format=' + repr('wav')}."
        problems.append(problem(f"{where}.sample_rate", expected, sample_rate, hint, "rate"))
    if format == "wav" and (size := wav.size(subtype, channels, frames)) > wav.MAX_BYTES:
        hint = "Split the clip, or use format='flac'."
        problems.append(problem(where, f"at most {wav.MAX_BYTES} bytes of WAV", size, hint, "too-large"))
    raise_all(problems)


def _rate_missed(format: str, subtype: str, rate: int, channels: int) -> str:
    """What rate was expected; empty if this one is."""
    match format:
        case "wav":
            highest = wav.MAX_BYTES // wav.frame_size(subtype, channels)  # a field of 32 bits has bytes per second
            return f"at most {highest} Hz in wav" if rate > highest else ""
        case "flac":
            fits = rate <= 65_535 or (rate <= 655_350 and rate % 10 == 0)
            return "" if fits else "at most 65535 Hz in flac, or a multiple of 10 up to 655350"
        case "ogg":
            return "at most 200000 Hz in ogg" if rate > 200_000 else ""  # libsndfile crashes beyond
        case _:
            return "" if rate in _MP3_RATES else f"one of {', '.join(map(str, _MP3_RATES))} Hz in mp3"


def _require_same(file: AudioFile, content: tuple[str, int, int, int]) -> None:
    document = (file.subtype, file.sample_rate, file.channels, file.frames)
    if document != content:
        expected = "{} at {} Hz, {} channels, {} frames".format(*document)
        got = "{} at {} Hz, {} channels, {} frames".format(*content)
        raise DocumentError(Problem("audio", f"expected {expected}, got {got}", "size", "Restore the document."))
