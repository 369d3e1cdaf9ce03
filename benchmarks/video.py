"""Videos of frames, against moviepy, which W&B encodes with."""

from __future__ import annotations

from functools import cache, partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

import mediatypes as mt

from .harness import Contender, Figures, Measure, benchmark, faster_than, load, no_larger_than, timed

Frames = npt.NDArray[np.uint8]
_FRAMES, _SIDE, _FPS = 64, 128, 4
_MOVIEPY, _PALETTE = "moviepy", "Pillow, one palette"


def pan() -> Frames:
    """A camera that moves over a photograph: (64, 128, 128, 3)."""
    photo = load("skimage.data").astronaut()
    corners = [(100 + t, 100 + 2 * t) for t in range(_FRAMES)]
    return np.stack([photo[top : top + _SIDE, left : left + _SIDE] for top, left in corners])


def _ours(format: str, frames: Frames) -> bytes:
    """The file as a run stores it: constructed, encoded, hashed and checked."""
    store = mt.MemoryStore()
    document = mt.encode(mt.Video(frames.transpose(0, 3, 1, 2), fps=_FPS, format=format), store)
    return store.files[document["path"]]


def _moviepy(format: str, scratch: Path, frames: Frames) -> bytes:
    """As `wandb.Video` does it, through a file."""
    clip: Any = load("moviepy").ImageSequenceClip(list(frames), fps=_FPS)
    path = scratch / f"moviepy.{format}"
    if format == "gif":
        clip.write_gif(str(path), logger=None)
    else:
        clip.write_videofile(str(path), logger=None)
    return path.read_bytes()


def _pillow(frames: Frames) -> bytes:
    """A gif whose frames share the palette of all of them, as ours do."""
    colours = Image.fromarray(frames.reshape(-1, _SIDE, 3)).quantize(256, Image.Quantize.FASTOCTREE)
    first, *others = (Image.fromarray(frame).quantize(palette=colours, dither=Image.Dither.NONE) for frame in frames)
    buffer = BytesIO()
    first.save(buffer, "GIF", save_all=True, append_images=others, duration=1000 // _FPS)
    return buffer.getvalue()


def _psnr(file: bytes, frames: Frames) -> float:
    """Likeness of a file to its frames, in decibels."""
    with load("av").open(BytesIO(file)) as container:
        shown = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
    if shown.shape != frames.shape:
        raise RuntimeError(f"a video decodes to {shown.shape}")
    return float(10 * np.log10(255**2 / np.mean((shown.astype(np.float64) - frames) ** 2)))


def _measure(encode: Any, frames: Frames) -> Measure:
    """Time and size of a video, and how far its likeness is from 100 dB: less is better."""
    clock = timed(lambda: encode(frames))

    @cache
    def fixed() -> Figures:
        file = encode(frames)
        return {"kB": len(file) / 1e3, "100 dB - PSNR": 100 - _psnr(file, frames)}

    def measure() -> Figures:
        return {**clock(), **fixed()}

    return measure


def _compare(format: str, scratch: Path) -> list[Contender]:
    frames = pan()
    return [
        Contender("Video", _measure(partial(_ours, format), frames)),
        Contender(_MOVIEPY, _measure(partial(_moviepy, format, scratch), frames), "moviepy"),
        *([Contender(_PALETTE, _measure(_pillow, frames))] if format == "gif" else []),
    ]


for _format, _times in (("mp4", 2.5), ("gif", 10), ("webm", 10)):
    benchmark(
        f"video-{_format}",
        f"Video of 64 frames of 128x128x3 to {_format}",
        faster_than(_MOVIEPY, "wall ms", _times),
        no_larger_than(_MOVIEPY, "kB", 1.0),
        needs=("skimage", "av"),
    )(partial(_compare, _format))
