from __future__ import annotations

import hashlib
import struct
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io.tests
import scipy.io.wavfile
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import mediatypes as mt
from mediatypes import Audio, InputError
from mediatypes.formats import wav
from mediatypes.testing import ValueContract
from tests.samples import Array, FakeTensor, decoded, encode

RATE = 8000
SUBTYPES = ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")
BITS = {"PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
RECORDINGS = Path(scipy.io.tests.__file__).with_name("data")


@cache
def chord(frames: int = 2000, channels: int = 1, rate: int = RATE) -> Array:
    """C major with a little noise: (frames,) or (frames, channels) float32 in -1..1, channels a little apart."""
    time = np.arange(frames)[:, None] / rate + np.arange(channels) / 1000
    tones = sum(np.sin(2 * np.pi * hertz * time) for hertz in (261.63, 329.63, 392.0)) / 4
    noise = np.random.default_rng(0).uniform(-0.05, 0.05, time.shape)
    samples = (tones + noise).astype(np.float32)[:, 0 if channels == 1 else slice(None)]
    samples.setflags(write=False)
    return samples


def pcm16() -> Array:
    return np.rint(chord() * 32767).astype(np.int16)


@cache
def file_of(format: str, **options: Any) -> bytes:
    """A file that soundfile wrote."""
    buffer = BytesIO()
    soundfile.write(buffer, chord(2000, options.pop("channels", 2)), RATE, format=format, **options)
    return buffer.getvalue()


def recording(name: str) -> Path:
    """A WAV file of scipy's wheel."""
    return RECORDINGS / f"test-{name}.wav"


def heard(data: bytes, dtype: Any = "float64") -> Array:
    """What an independent reader makes of a file."""
    samples: Array = soundfile.read(BytesIO(data), dtype=dtype)[0]
    return samples


class TestAudioContract(ValueContract):
    def examples(self) -> dict[str, Audio]:
        return {
            "every member": Audio(chord() * 3, RATE, "Akkord ♪", clip=True),
            "integers": Audio(pcm16(), RATE),
            "24 bits, three channels": Audio(chord(50, 3), 96_000, subtype="PCM_24"),
            "floats": Audio(chord(), RATE, subtype="FLOAT"),
            "a recording": Audio(recording("48000Hz-2ch-64bit-float-le-wavex")),
            "mu-law": Audio(recording("8000Hz-le-1ch-1byte-ulaw")),
            "flac": Audio(chord(2000, 2), RATE, format="flac"),
            "ogg": Audio(chord(2000, 2), RATE, format="ogg"),
            "mp3": Audio(chord(), RATE, format="mp3"),
        }

    def bad_documents(self) -> dict[str, tuple[dict[str, Any], str]]:
        return {
            "another length": (
                {"frames": 1000, "duration": 0.125},
                "audio: expected PCM_16 at 8000 Hz, 1 channels, 1000 frames, "
                "got PCM_16 at 8000 Hz, 1 channels, 2000 frames. Restore the document.",
            ),
            "another rate": (
                {"sample_rate": 4000, "duration": 0.5},
                "audio: expected PCM_16 at 4000 Hz, 1 channels, 2000 frames, "
                "got PCM_16 at 8000 Hz, 1 channels, 2000 frames. Restore the document.",
            ),
            "a duration that is not the frames'": (
                {"duration": 1.0},
                "duration: expected frames / sample_rate = 0.25, got 1.0. Restore the document.",
            ),
            "no frames": ({"frames": 0}, "frames: expected an integer >= 1, got 0."),
            "a format we do not know": ({"format": "aiff"}, "format: expected one of wav, flac, ogg, mp3, got 'aiff'."),
        }


def test_the_document_tells_what_is_heard() -> None:
    document, store = encode(Audio(chord(2000, 2), RATE, "chord"))
    data = store.files[document["path"]]
    assert document == {
        "_type": "audio",
        "_version": "1.0",
        "path": document["path"],
        "sha256": hashlib.sha256(data).hexdigest(),
        "size": 44 + 2000 * 2 * 2,
        "media_type": "audio/wav",
        "format": "wav",
        "subtype": "PCM_16",
        "sample_rate": 8000,
        "channels": 2,
        "frames": 2000,
        "duration": 0.25,
        "caption": "chord",
        "source": {"dtype": "float32"},
    }
    assert document["path"].endswith(".wav")


SPELLINGS: dict[str, Callable[[], Audio]] = {
    "float64": lambda: Audio(np.array([0.5, -0.25, 0.0], np.float64), RATE),
    "float32": lambda: Audio(np.array([0.5, -0.25, 0.0], np.float32), RATE),
    "float16": lambda: Audio(np.array([0.5, -0.25, 0.0], np.float16), RATE),
    "longdouble": lambda: Audio(np.array([0.5, -0.25, 0.0], np.longdouble), RATE),
    "big-endian": lambda: Audio(np.array([0.5, -0.25, 0.0], ">f4"), RATE),
    "a list": lambda: Audio([0.5, -0.25, 0.0], RATE),
    "a tuple": lambda: Audio((0.5, -0.25, 0.0), RATE),
    "a list of frames": lambda: Audio([[0.5], [-0.25], [0.0]], RATE),
    "(n, 1)": lambda: Audio(np.array([[0.5], [-0.25], [0.0]], np.float32), RATE),
    "a view with strides": lambda: Audio(np.repeat([0.0, -0.25, 0.5], 2)[::-2], RATE),
    "int16": lambda: Audio(np.array([16384, -8192, 0], np.int16), RATE),
    "big-endian int16": lambda: Audio(np.array([16384, -8192, 0], ">i2"), RATE),
    "uint8": lambda: Audio(np.array([192, 96, 128], np.uint8), RATE, subtype="PCM_16"),
    "int32": lambda: Audio(np.array([2**30, -(2**29), 0], np.int32), RATE, subtype="PCM_16"),
    "a tensor": lambda: Audio(FakeTensor(np.array([0.5, -0.25, 0.0], np.float32)), RATE),
    "a bfloat16 tensor": lambda: Audio(FakeTensor(np.array([0.5, -0.25, 0.0], np.float32), "torch.bfloat16"), RATE),
    "a numpy rate": lambda: Audio([0.5, -0.25, 0.0], np.int64(RATE)),  # type: ignore[arg-type]
    "positions and defaults": lambda: Audio([0.5, -0.25, 0.0], RATE, None, format="wav", subtype="PCM_16", clip=True),
}


@pytest.mark.usefixtures("fake_torch")
@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_every_spelling_gives_the_same_file(spelling: Callable[[], Audio]) -> None:
    audio = spelling()
    assert audio.to_bytes() == Audio(np.array([16384, -8192, 0], np.int16), RATE).to_bytes()
    assert (audio.subtype, audio.sample_rate, audio.channels, audio.frames) == ("PCM_16", RATE, 1, 3)


@pytest.mark.parametrize(
    ("dtype", "format", "subtype", "recorded"),
    [
        ("float16", "wav", "PCM_16", True),
        ("float64", "wav", "PCM_16", True),
        ("uint8", "wav", "PCM_U8", False),
        ("int16", "wav", "PCM_16", False),
        ("int32", "wav", "PCM_32", False),
        ("float32", "flac", "PCM_16", True),
        ("uint8", "flac", "PCM_16", True),
        ("int16", "flac", "PCM_16", False),
        ("int32", "flac", "PCM_24", True),
        ("int16", "ogg", "VORBIS", True),
        ("int16", "mp3", "MPEG_LAYER_III", True),
    ],
)
def test_the_default_subtype_and_a_conversion_are_recorded(
    dtype: str, format: str, subtype: str, recorded: bool
) -> None:
    document, _ = encode(Audio(np.zeros(100, dtype), RATE, format=format))
    assert document["subtype"] == subtype
    assert document.get("source") == ({"dtype": dtype} if recorded else None)


@pytest.mark.parametrize(("dtype", "subtype"), [("float32", "FLOAT"), ("float64", "DOUBLE")])
def test_floats_are_kept_exactly_when_asked(dtype: str, subtype: str) -> None:
    samples = chord(500, 2).astype(dtype) / 3
    audio = Audio(samples, RATE, subtype=subtype)
    assert audio.to_numpy().dtype == dtype
    np.testing.assert_array_equal(decoded(audio).to_numpy(), samples)
    np.testing.assert_array_equal(heard(audio.to_bytes()), samples)
    assert "source" not in encode(audio)[0]


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32"])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_integers_are_kept_exactly(dtype: str, channels: int) -> None:
    limits = np.iinfo(dtype)
    samples = np.random.default_rng(1).integers(limits.min, limits.max, (101, channels), dtype, endpoint=True)
    audio = Audio(samples, RATE)
    found = decoded(audio).to_numpy()
    assert found.dtype == dtype
    np.testing.assert_array_equal(found.reshape(samples.shape), samples)
    rate, read = scipy.io.wavfile.read(BytesIO(audio.to_bytes()))
    np.testing.assert_array_equal(read.reshape(samples.shape), samples)
    assert rate == RATE


@pytest.mark.parametrize("format", ["wav", "flac"])
def test_24_bits_use_the_upper_part_of_int32_as_in_scipy_and_soundfile(format: str) -> None:
    samples = np.random.default_rng(2).integers(-(2**23), 2**23, (99, 2), np.int32) << 8
    audio = Audio(samples, RATE, format=format, subtype="PCM_24")
    np.testing.assert_array_equal(decoded(audio).to_numpy(), samples)
    np.testing.assert_array_equal(heard(audio.to_bytes(), "int32"), samples)
    assert Audio(audio.to_numpy(), RATE, format=format, subtype="PCM_24") == audio


@pytest.mark.parametrize("format", ["wav", "flac"])
def test_int16_that_became_floats_by_the_fields_scale_comes_back(format: str) -> None:
    every = np.arange(-(2**15), 2**15).astype(np.int16)
    np.testing.assert_array_equal(Audio(every / 32768, 44_100, format=format).to_numpy(), every)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("subtype", BITS)
def test_a_float_is_off_by_at_most_half_a_step_and_full_scale_does_not_wrap(subtype: str, dtype: Any) -> None:
    step = 2.0 ** (1 - BITS[subtype])
    ramp = np.linspace(-1, 1, 4001, dtype=dtype)
    found = heard(Audio(ramp, RATE, subtype=subtype).to_bytes())
    assert np.abs(found - ramp)[:-8].max() <= step / 2
    assert (found[0], found[-1]) == (-1.0, 1.0 - step)


def test_mono_is_one_dimensional_and_more_channels_are_columns() -> None:
    assert Audio(chord(30), RATE).to_numpy().shape == (30,)
    stereo = Audio(chord(30, 2), RATE, subtype="FLOAT")
    np.testing.assert_array_equal(stereo.to_numpy(), chord(30, 2))
    assert (stereo.frames, stereo.channels, stereo.duration) == (30, 2, 30 / RATE)


def test_the_callers_array_is_not_kept() -> None:
    samples = np.zeros(10, np.float32)
    audio = Audio(samples, RATE, subtype="FLOAT")
    samples[:] = 1
    assert not audio.to_numpy().any()


def test_clipped_samples_are_cut_and_counted() -> None:
    audio = Audio([0.5, 1.5, -2.0, 1.0, -1.0], RATE, subtype="DOUBLE", clip=True)
    assert audio.to_numpy().tolist() == [0.5, 1, -1, 1, -1]
    assert encode(audio)[0]["clipped_count"] == audio.clipped_count == decoded(audio).clipped_count == 2


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_rounding_error_outside_the_range_is_cut_and_counted(dtype: Any) -> None:
    audio = Audio(np.array([0.5, 1.000009, -1.000009, 1], dtype), RATE, subtype="DOUBLE")
    assert audio.to_numpy().tolist() == [0.5, 1, -1, 1]
    assert audio.clipped_count == 2
    with pytest.raises(InputError, match=r"expected samples from -1 to 1, got float64 samples from 0 to 1\.0001"):
        Audio([0, 1.0001], RATE)


def test_clip_records_nothing_where_nothing_was_cut() -> None:
    assert Audio(chord(), RATE, clip=True) == Audio(chord(), RATE)


REFUSED: dict[str, tuple[Callable[[], Audio], str]] = {
    "(channels, n)": (
        lambda: Audio(chord(100, 2).T, RATE),
        "Audio: expected an array (n,) or (n, channels), got ndarray of shape (2, 100) and dtype float32. "
        "It looks like (channels, n): pass data.T.",
    ),
    "a batch": (
        lambda: Audio(np.zeros((2, 100, 1)), RATE),
        "Audio: expected an array (n,) or (n, channels), got ndarray of shape (2, 100, 1) and dtype float64. "
        "Log a batch as a list: [Audio(clip, sample_rate) for clip in batch].",
    ),
    "one number": (
        lambda: Audio(np.float64(0.5), RATE),
        "Audio: expected an array (n,) or (n, channels), got array(0.5). Pass the samples of one clip.",
    ),
    "no frames": (
        lambda: Audio([], RATE),
        "Audio: expected at least one frame, got ndarray of shape (0,) and dtype float64. Skip empty clips.",
    ),
    "no channels": (
        lambda: Audio(np.zeros((4, 0)), RATE),
        "Audio: expected at least one frame, got ndarray of shape (4, 0) and dtype float64. Skip empty clips.",
    ),
    "NaN": (
        lambda: Audio([0.0, np.nan], RATE, clip=True),
        "Audio: expected finite samples, got ndarray of shape (2, 1) and dtype float64. "
        "Replace NaN and infinities: np.nan_to_num(data).",
    ),
    "infinity": (
        lambda: Audio(np.array([0.0, -np.inf], np.float32), RATE, clip=True),
        "Audio: expected finite samples, got ndarray of shape (2, 1) and dtype float32. "
        "Replace NaN and infinities: np.nan_to_num(data).",
    ),
    "out of range": (
        lambda: Audio([0.5, -1.25], RATE),
        "Audio: expected samples from -1 to 1, got float64 samples from -1.25 to 0.5. "
        "Divide by the full scale, or pass clip=True to cut what is outside.",
    ),
    "integers without a scale": (
        lambda: Audio([0, 1, -1], RATE),
        "Audio: expected floats in [-1, 1], or uint8, int16 or int32 samples, got ndarray of shape (3,) and dtype "
        "int64. Divide by the full scale of the samples to get floats.",
    ),
    "int8": (
        lambda: Audio(np.array([1], np.int8), RATE),
        "Audio: expected floats in [-1, 1], or uint8, int16 or int32 samples, got ndarray of shape (1,) and dtype "
        "int8. For 16 bits pass data.astype(np.int16) * 256.",
    ),
    "bools": (
        lambda: Audio(np.array([True]), RATE),
        "Audio: expected floats in [-1, 1], or uint8, int16 or int32 samples, got ndarray of shape (1,) and dtype "
        "bool. Divide by the full scale of the samples to get floats.",
    ),
    "text": (
        lambda: Audio(["a"], RATE),
        "Audio: expected real numbers, got ndarray of shape (1,) and dtype <U1. Convert the array to numbers first.",
    ),
    "no data": (
        lambda: Audio(None, RATE),
        "Audio: expected an array, tensor, list of samples, path, bytes or file, got None. See help(mediatypes.Audio).",
    ),
    "no rate": (
        lambda: Audio(chord()),
        "Audio.sample_rate: expected a whole number of Hz, at least 1, got None. "
        "Pass the frames in a second: Audio(data, 16000).",
    ),
    "rate 0": (
        lambda: Audio(chord(), 0),
        "Audio.sample_rate: expected a whole number of Hz, at least 1, got 0. "
        "Pass the frames in a second: Audio(data, 16000).",
    ),
    "a negative rate": (
        lambda: Audio(chord(), -8000),
        "Audio.sample_rate: expected a whole number of Hz, at least 1, got -8000. "
        "Pass the frames in a second: Audio(data, 16000).",
    ),
    "a float rate": (
        lambda: Audio(chord(), 8000.0),  # type: ignore[arg-type]
        "Audio.sample_rate: expected a whole number of Hz, at least 1, got 8000.0. "
        "Pass the frames in a second: Audio(data, 16000).",
    ),
    "a bool and an unknown format": (
        lambda: Audio(chord(), True, format="WAV"),
        "2 problems:\n- Audio.sample_rate: expected a whole number of Hz, at least 1, got True. "
        "Pass the frames in a second: Audio(data, 16000).\n"
        "- Audio.format: expected one of wav, flac, ogg, mp3, got 'WAV'. Leave it out for wav.",
    ),
    "everything at once": (
        lambda: Audio(chord(100, 2).T, 0, 7, format="aac"),  # type: ignore[arg-type]
        "4 problems:\n"
        "- Audio.caption: expected text, got 7. Use str(...).\n"
        "- Audio.sample_rate: expected a whole number of Hz, at least 1, got 0. "
        "Pass the frames in a second: Audio(data, 16000).\n"
        "- Audio.format: expected one of wav, flac, ogg, mp3, got 'aac'. Leave it out for wav.\n"
        "- Audio: expected an array (n,) or (n, channels), got ndarray of shape (2, 100) and dtype float32. "
        "It looks like (channels, n): pass data.T.",
    ),
    "a subtype of another format": (
        lambda: Audio(chord(), RATE, format="flac", subtype="FLOAT"),
        "Audio.subtype: expected one of PCM_16, PCM_24 in flac, got 'FLOAT'. Leave it out for the default.",
    ),
    "a caption that is no text": (
        lambda: Audio(chord(), RATE, 7),  # type: ignore[arg-type]
        "Audio.caption: expected text, got 7. Use str(...).",
    ),
    "too many channels in flac": (
        lambda: Audio(np.zeros((20, 9)), RATE, format="flac"),
        "Audio: expected at most 8 channels in flac, got 9. Log them as several clips, or use format='wav'.",
    ),
    "too many channels in ogg, with which libsndfile crashes": (
        lambda: Audio(np.zeros((300, 256)), RATE, format="ogg"),
        "Audio: expected at most 255 channels in ogg, got 256. Log them as several clips, or use format='wav'.",
    ),
    "too many channels in mp3": (
        lambda: Audio(np.zeros((20, 3)), RATE, format="mp3"),
        "Audio: expected at most 2 channels in mp3, got 3. Log them as several clips, or use format='wav'.",
    ),
    "too many channels in wav": (
        lambda: Audio(np.zeros((16_384, 16_384), np.uint8), RATE, subtype="FLOAT"),
        "Audio: expected at most 16383 channels in wav, got 16384. Log them as several clips.",
    ),
    "a rate that flac has not": (
        lambda: Audio(chord(), 65_537, format="flac"),
        "Audio.sample_rate: expected at most 65535 Hz in flac, or a multiple of 10 up to 655350, got 65537. "
        "Resample the clip, or use format='wav'.",
    ),
    "a rate with which libsndfile crashes": (
        lambda: Audio(chord(), 200_001, format="ogg"),
        "Audio.sample_rate: expected at most 200000 Hz in ogg, got 200001. Resample the clip, or use format='wav'.",
    ),
    "a rate that mp3 has not": (
        lambda: Audio(chord(), 96_000, format="mp3"),
        "Audio.sample_rate: expected one of 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000 Hz in mp3, "
        "got 96000. Resample the clip, or use format='wav'.",
    ),
    "a rate that wav has not": (
        lambda: Audio(chord(), 2**32),
        "Audio.sample_rate: expected at most 2147483647 Hz in wav, got 4294967296. Resample the clip.",
    ),
    "a URL": (
        lambda: Audio("https://example.org/a.wav"),
        "Audio: expected a file on this machine, got 'https://example.org/a.wav'. Download it and pass its path.",
    ),
    "a missing file": (
        lambda: Audio("missing.wav"),
        "Audio: expected an existing file, got 'missing.wav'. Check the path.",
    ),
    "a file of another kind": (
        lambda: Audio(b"not audio at all"),
        "Audio: expected a file of wav, flac, ogg, mp3, got 16 bytes starting b'not audio at'. "
        "Convert it to WAV or FLAC.",
    ),
    "an empty file": (
        lambda: Audio(b""),
        "Audio: expected a file of wav, flac, ogg, mp3, got 0 bytes starting b''. Convert it to WAV or FLAC.",
    ),
    "options that contradict the file": (
        lambda: Audio(recording("8000Hz-le-2ch-1byteu"), 16_000, format="flac", subtype="FLOAT", clip=True),
        "4 problems:\n"
        "- Audio.sample_rate: expected 8000, that of the file, got 16000. Leave it out, or pass samples.\n"
        "- Audio.format: expected 'wav', that of the file, got 'flac'. Leave it out, or pass samples.\n"
        "- Audio.subtype: expected 'PCM_U8', that of the file, got 'FLOAT'. Leave it out, or pass samples.\n"
        "- Audio.clip: expected samples beside it, got True. A file is kept as it is.",
    ),
    "samples cut short": (
        lambda: Audio(recording("44100Hz-le-1ch-4bytes-early-eof")),
        "Audio: expected a readable WAV file, got 944 of 17640 bytes of samples. "
        "Write the file again, or convert it with another program.",
    ),
    "no samples": (
        lambda: Audio(recording("44100Hz-le-1ch-4bytes-early-eof-no-data")),
        "Audio: expected a readable WAV file, got no samples. "
        "Write the file again, or convert it with another program.",
    ),
    "a header cut short": (
        lambda: Audio(recording("44100Hz-le-1ch-4bytes-incomplete-chunk")),
        "Audio: expected a readable WAV file, got a header cut short. "
        "Write the file again, or convert it with another program.",
    ),
    "sizes that contradict each other": (
        lambda: Audio(recording("8000Hz-le-3ch-5S-24bit-inconsistent")),
        "Audio: expected a readable WAV file, got 24 bits in frames of 4 bytes, 3 channels. "
        "Write the file again, or convert it with another program.",
    ),
    "samples of 64 bits": (
        lambda: Audio(recording("8000Hz-le-3ch-5S-64bit")),
        "Audio: expected a readable WAV file, got 64 bits in frames of 24 bytes, 3 channels. "
        "Write the file again, or convert it with another program.",
    ),
    "a file without frames": (
        lambda: Audio(wav.write(np.zeros((0, 1), np.int16), "PCM_16", RATE)),
        "Audio: expected at least one frame, got 0. Skip empty clips.",
    ),
}


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_tells_what_is_wrong_and_what_to_do(make: Callable[[], Audio], message: str) -> None:
    with pytest.raises(InputError) as caught:
        make()
    assert str(caught.value) == message


def test_more_than_4_gib_of_wav_is_refused_before_anything_is_allocated() -> None:
    silence = np.broadcast_to(np.int16(0), (2**31,))
    with pytest.raises(InputError) as caught:
        Audio(silence, RATE)
    assert str(caught.value) == (
        "Audio: expected at most 4294967295 bytes of WAV, got 4294967355. Split the clip, or use format='flac'."
    )


WHOLE = [
    *(f"8000Hz-{kind}" for kind in ("le-2ch-1byteu", "le-3ch-5S-24bit", "le-3ch-5S-24bit-rf64", "be-3ch-5S-24bit"))
]
WHOLE += ["8000Hz-le-4ch-9S-12bit", "8000Hz-le-5ch-9S-5bit", "1234Hz-le-1ch-10S-20bit-extra"]
WHOLE += ["44100Hz-2ch-32bit-float-be", "44100Hz-2ch-32bit-float-le", "48000Hz-2ch-64bit-float-le-wavex"]
WHOLE += ["44100Hz-be-1ch-4bytes", "44100Hz-le-1ch-4bytes", "44100Hz-le-1ch-4bytes-rf64"]


@pytest.mark.filterwarnings("ignore:Chunk .non-data. not understood")
@pytest.mark.parametrize("name", WHOLE)
def test_a_wav_file_is_kept_byte_for_byte_and_read_as_scipy_reads_it(name: str) -> None:
    audio = Audio(recording(name))
    rate, samples = scipy.io.wavfile.read(recording(name))
    assert audio.to_bytes() == recording(name).read_bytes()
    assert (audio.sample_rate, audio.frames) == (rate, len(samples))
    assert audio.to_numpy().dtype == samples.dtype.newbyteorder("=")
    np.testing.assert_array_equal(audio.to_numpy(), samples)


def test_a_wav_file_of_another_codec_is_read_by_soundfile() -> None:
    audio = Audio(recording("8000Hz-le-1ch-1byte-ulaw"))
    assert (audio.format, audio.subtype, audio.frames) == ("wav", "ULAW", 9)
    np.testing.assert_array_equal(audio.to_numpy(), heard(audio.to_bytes(), "float32"))


@pytest.mark.parametrize("format", ["wav", "flac", "ogg", "mp3"])
def test_a_file_is_kept_however_it_is_passed(format: str, tmp_path: Path) -> None:
    data = file_of(format)
    path = tmp_path / "sound.bin"  # its name does not matter
    path.write_bytes(data)
    with open(path, "rb") as file:
        found = [Audio(path), Audio(str(path)), Audio(data), Audio(bytearray(data)), Audio(BytesIO(data)), Audio(file)]
    assert {audio.to_bytes() for audio in found} == {data}
    assert len(set(found)) == 1
    document, store = encode(found[0])
    assert (document["format"], document["sample_rate"], document["channels"], document["frames"]) == (
        format,
        RATE,
        2,
        2000,
    )
    assert store.files[document["path"]] == data
    assert document["path"].endswith(f".{format}")
    assert "source" not in document


def test_a_caption_and_the_true_rate_may_be_given_with_a_file() -> None:
    audio = Audio(file_of("wav"), RATE, "from a file")
    assert (audio.caption, audio.sample_rate) == ("from a file", RATE)


@pytest.mark.parametrize("subtype", SUBTYPES)
@pytest.mark.parametrize("channels", [1, 3])
def test_soundfile_reads_our_wav_files_and_we_read_its(subtype: str, channels: int) -> None:
    samples = chord(333, channels)
    ours = Audio(samples, RATE, subtype=subtype).to_bytes()
    info = soundfile.info(BytesIO(ours))
    assert (info.format, info.subtype, info.samplerate, info.channels, info.frames) == (
        "WAV",
        subtype,
        RATE,
        channels,
        333,
    )
    assert struct.unpack_from("<I", ours, 4)[0] == len(ours) - 8
    assert len(ours) % 2 == 0
    theirs = Audio(file_of("wav", subtype=subtype, channels=channels))
    wide = "int16" if subtype == "PCM_U8" else theirs.to_numpy().dtype.name
    found = (theirs.to_numpy().astype(np.int16) - 128) * 256 if subtype == "PCM_U8" else theirs.to_numpy()
    np.testing.assert_array_equal(found, heard(theirs.to_bytes(), wide))


def test_our_wav_bytes_are_fixed() -> None:
    assert Audio(np.array([[1, -2], [3, 4]], np.int16), 44_100).to_bytes().hex() == (
        "524946462c00000057415645666d7420100000000100020044ac000010b1020004001000646174610800000001000fff03000400".replace(
            "0fff", "feff"
        )
    )
    assert Audio(np.array([0.5], np.float32), 8000, subtype="FLOAT").to_bytes().hex() == (
        "524946463600000057415645666d74201200000003000100401f0000007d0000040020000000"
        "666163740400000001000000646174610400000000000" + "03f"
    )


@pytest.mark.parametrize("format", ["flac", "ogg", "mp3"])
def test_what_soundfile_encodes_sounds_like_the_samples(format: str) -> None:
    samples = chord(8000, 2)
    audio = decoded(Audio(samples, RATE, format=format))
    scale = 32768 if format == "flac" else 1
    error = np.abs(audio.to_numpy() / scale - samples)
    assert audio.frames == 8000
    assert error.max() < {"flac": 0.6 / 32768, "ogg": 0.2, "mp3": 0.2}[format]
    assert np.sqrt(np.mean(error**2)) < 0.04


def test_ogg_files_have_the_same_serial_number_and_right_checksums() -> None:
    first, second = (Audio(chord(8000), RATE, format="ogg").to_bytes() for _ in range(2))
    assert first == second
    assert Audio(first).to_bytes() == first  # probing checks every page
    assert first[14:18] == bytes(4)
    assert file_of("ogg")[14:18] != bytes(4)


def test_a_long_ogg_clip_does_not_crash() -> None:
    """libsndfile puts what is written at once on the stack: 3 million frames are too many."""
    assert Audio(np.zeros(3_000_000, np.float32), RATE, format="ogg").frames == 3_000_000


@pytest.mark.parametrize("format", ["wav", "flac", "ogg", "mp3"])
@pytest.mark.parametrize("part", [0.02, 0.3, 0.7, 0.99])
def test_a_file_cut_short_is_refused(format: str, part: float) -> None:
    data = file_of(format)
    with pytest.raises(InputError):
        Audio(data[: int(len(data) * part)])


def test_a_damaged_ogg_page_is_refused_though_libsndfile_plays_on() -> None:
    data = bytearray(Audio(chord(100_000), RATE, format="ogg").to_bytes())
    data[len(data) // 2] ^= 0xFF
    assert 0 < len(heard(bytes(data))) < 100_000
    with pytest.raises(InputError) as caught:
        Audio(bytes(data))
    assert str(caught.value) == (
        f"Audio: expected a whole ogg file, got {len(data):,} bytes. It is cut short or damaged."
    )


@pytest.mark.parametrize("frames", [2001, 2**36 - 1])
def test_a_flac_header_that_promises_more_is_refused(frames: int) -> None:
    data = bytearray(file_of("flac"))
    data[21:26] = ((data[21] >> 4 << 36) | frames).to_bytes(5, "big")
    with pytest.raises(
        InputError, match=r"^Audio: expected (a whole flac file|at most 67108864 samples in 6429 bytes of flac), got "
    ):
        Audio(bytes(data))


@pytest.mark.parametrize("start", [b"fLaC", b"OggS", b"ID3\3\0\0\0\0\0\n", b"\xff\xfb", b"RIFF\xff\xff\xff\xffWAVE"])
def test_noise_behind_a_magic_number_is_refused(start: bytes) -> None:
    noise = np.random.default_rng(3).bytes(4000)
    with pytest.raises(InputError):
        Audio(start + noise)


@pytest.mark.parametrize(
    ("at", "field", "got"),
    [
        (22, b"\0\0", "0 channels at 8000 Hz, 4 bytes a frame"),
        (22, b"\5\0", "16 bits in frames of 4 bytes, 5 channels"),
        (24, bytes(4), "2 channels at 0 Hz, 4 bytes a frame"),
        (32, b"\0\0", "2 channels at 8000 Hz, 0 bytes a frame"),
        (34, b"\x11\0", "17 bits in frames of 4 bytes, 2 channels"),
        (34, b"\x08\0", "8 bits in frames of 4 bytes, 2 channels"),
        (36, b"junk", "no samples"),
        (12, b"junk", "samples before their format"),
    ],
)
def test_a_wav_header_that_cannot_be_true_is_refused(at: int, field: bytes, got: str) -> None:
    data = bytearray(Audio(chord(2000, 2), RATE).to_bytes())
    data[at : at + len(field)] = field
    with pytest.raises(InputError) as caught:
        Audio(bytes(data))
    hint = "Write the file again, or convert it with another program."
    assert str(caught.value) == f"Audio: expected a readable WAV file, got {got}. {hint}"


def test_chunks_before_the_samples_are_passed_over_up_to_a_limit() -> None:
    data = Audio(chord(), RATE).to_bytes()
    tag = b"LIST\3\0\0\0abc\0"
    assert Audio(data[:12] + tag * 1000 + data[12:]).to_numpy().shape == (2000,)
    with pytest.raises(InputError, match="got no samples after 1024 chunks"):
        Audio(data[:12] + tag * 1100 + data[12:])


def test_a_flac_file_behind_an_id3_tag_is_told_from_an_mp3() -> None:
    audio = Audio(b"ID3\3\0\0\0\0\0\n" + bytes(10) + file_of("flac"))
    assert (audio.format, audio.subtype) == ("flac", "PCM_16")


_WITHOUT = """
import sys
sys.modules["soundfile"] = None
import numpy as np
import mediatypes as mt
clip = mt.Audio(np.zeros(10), 8000)
assert mt.Audio(clip.to_bytes()).to_numpy().shape == (10,)
for make in (lambda: mt.Audio(np.zeros(10), 8000, format="flac"), lambda: mt.Audio(b"fLaC")):
    try:
        make()
    except mt.MissingDependencyError as error:
        print(error)
"""


def test_wav_needs_no_package_and_other_formats_name_theirs() -> None:
    done = subprocess.run([sys.executable, "-c", _WITHOUT], capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "Audio(format='flac'): expected the package 'soundfile', got none. "
        "Install it with: pip install 'mediatypes-ml[audio]'",
        "Audio of flac: expected the package 'soundfile', got none. "
        "Install it with: pip install 'mediatypes-ml[audio]'",
    ]


def test_the_repr_is_short() -> None:
    assert repr(Audio(chord(), RATE, "hello")) == "Audio(0.25 s, 8000 Hz, 1 ch, wav PCM_16, caption='hello')"


samples = st.tuples(st.integers(3, 20), st.integers(1, 3)).flatmap(
    lambda shape: (
        hnp.arrays(np.float32, shape, elements=st.floats(-1, 1, width=32))
        | hnp.arrays(np.float64, shape, elements=st.floats(-1, 1))
        | hnp.arrays(np.int16, shape)
        | hnp.arrays(np.int32, shape)
        | hnp.arrays(np.uint8, shape)
    )
)


@settings(max_examples=60, deadline=None)
@given(samples, st.sampled_from(SUBTYPES), st.integers(1, 400_000))
def test_what_is_stored_is_within_a_step_of_what_was_given(given: Array, subtype: str, rate: int) -> None:
    audio = decoded(Audio(given, rate, subtype=subtype))
    width = 8 * given.dtype.itemsize
    whole = given if given.dtype.kind == "f" else (given - (128.0 if width == 8 else 0.0)) / 2.0 ** (width - 1)
    step = 2.0 ** (1 - BITS.get(subtype, 24))
    np.testing.assert_allclose(heard(audio.to_bytes()).reshape(given.shape), whole, rtol=0, atol=step)
    assert Audio(audio.to_numpy(), rate, subtype=subtype).to_bytes() == audio.to_bytes()


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=80), st.sampled_from(["RIFF", "RIFX", "RF64"]))
def test_no_bytes_behind_a_riff_header_do_harm(noise: bytes, magic: str) -> None:
    try:
        audio = Audio(magic.encode() + b"\0\0\0\0WAVE" + noise)
    except (InputError, mt.CodecError):
        return
    assert audio.to_numpy().size
