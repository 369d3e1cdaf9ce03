"""WAV files, against what W&B does: soundfile writes a file, which is hashed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import mediatypes as mt
from mediatypes.formats import wav
from mediatypes.types.audio import samples as sample_arrays

from .harness import Contender, Figures, Measure, benchmark, faster_than, load, no_larger_than, timed

Samples = npt.NDArray[np.float32]
_RATE = 44_100
_FILE = "soundfile to a file"
_HASHED = "the same, hashed"


@benchmark(
    "audio-wav",
    "10 s of 44.1 kHz float32 mono, checked and encoded as WAV PCM_16",
    faster_than(_FILE, "wall ms", 10),
    no_larger_than(_FILE, "kB", 1),
    needs=("soundfile",),
)
def _encoding(scratch: Path) -> list[Contender]:
    samples, write = _prepare(scratch)
    return [Contender("mediatypes", _measure(lambda: _encode(samples))), Contender(_FILE, _measure(write))]


@benchmark(
    "audio-stored",
    "the same clip as a run stores it: made, encoded, hashed and its document checked",
    faster_than(_HASHED, "wall ms", 2.5),
    needs=("soundfile",),
)
def _storing(scratch: Path) -> list[Contender]:
    samples, write = _prepare(scratch)
    return [
        Contender("mediatypes", _measure(lambda: _store(samples))),
        Contender(_HASHED, _measure(lambda: _hashed(write()))),
    ]


def _prepare(scratch: Path) -> tuple[Samples, Callable[[], bytes]]:
    """A clip, and how soundfile writes it; that ours holds the same samples is checked once."""
    soundfile: Any = load("soundfile")
    samples, file = _chord(10), scratch / "clip.wav"

    def write() -> bytes:
        soundfile.write(file, samples, _RATE)
        return file.read_bytes()

    found, _ = soundfile.read(BytesIO(_store(samples)), dtype="float32")
    if np.abs(found - samples).max() > 0.5 / 2**15 or _encode(samples) != _store(samples):
        raise RuntimeError("the WAV file holds other samples")
    return samples, write


def _chord(seconds: int) -> Samples:
    time = np.arange(seconds * _RATE) / _RATE
    tones = sum(np.sin(2 * np.pi * hertz * time) for hertz in (261.63, 329.63, 392.0)) / 4
    return (tones + np.random.default_rng(0).uniform(-0.1, 0.1, time.size)).astype(np.float32)


def _encode(samples: Samples) -> bytes:
    read = sample_arrays.read_samples(samples, "Audio", clip=False)
    return wav.write(sample_arrays.convert(read, "PCM_16"), "PCM_16", _RATE)


def _store(samples: Samples) -> bytes:
    store = mt.MemoryStore()
    document = mt.encode(mt.Audio(samples, _RATE), store)
    return store.files[document["path"]]


def _hashed(data: bytes) -> bytes:
    hashlib.sha256(data).hexdigest()
    return data


def _measure(encode: Callable[[], bytes]) -> Measure:
    times, size = timed(encode, calls=10), len(encode()) / 1e3

    def measure() -> Figures:
        return {**times(), "kB": size}

    return measure
