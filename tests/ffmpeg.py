"""FFmpeg as other people use it: it writes the files that reach us, and says what a player shows of them."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path
from typing import Any

import av
import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
TONE = ("-f", "lavfi", "-i", "sine=frequency=440:duration=2:sample_rate=48000")
PATTERN = ("-f", "lavfi", "-i", "testsrc=size=64x48:rate=25:duration=2")


def ffmpeg(*options: str | Path) -> bytes:
    """What ffmpeg writes to its output `-`."""
    import imageio_ffmpeg

    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-bitexact", *map(str, options)]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert not done.returncode, done.stderr.decode()
    return done.stdout


def made(path: Path, *options: str | Path) -> Path:
    """A file that ffmpeg has written; its format is that of its name."""
    ffmpeg(*options, path)
    return path


def heard(data: bytes, format: str) -> Array:
    """(frames, channels) floats that PyAV decodes."""
    with av.open(io.BytesIO(data), "r", format=format) as container:
        pieces = [frame.to_ndarray() for frame in container.decode(audio=0)]
        planar = container.streams.audio[0].format.is_planar
        channels = container.streams.audio[0].channels
    samples = np.concatenate(pieces, axis=1)
    samples = samples.T if planar else samples.reshape(-1, channels)
    return samples / 32768 if samples.dtype == np.int16 else samples


def shown(path: Path, width: int, height: int) -> Array:
    """(T, 3, height, width): the frames that ffmpeg shows, turned and cut as the file says."""
    pixels = ffmpeg("-i", path, "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
    return np.frombuffer(pixels, np.uint8).reshape(-1, height, width, 3).transpose(0, 3, 1, 2)
