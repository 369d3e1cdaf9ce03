"""Arrays and moviepy clips as the frames of a video: (T, H, W, C) uint8."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..._core.errors import InputError, Problem, collect, problem, raise_all
from ...columns.arrays import Array, as_array, is_torch
from ..pictures.pixels import to_uint

CHANNELS = (1, 3, 4)
Source = dict[str, Any]  # what the values were before they became pixels
Range = tuple[float, float]


def from_array(data: Any, where: str, value_range: Range | None) -> tuple[Array, Source | None, int | None]:
    """Frames of a (T, C, H, W) array, or of (B, T, C, H, W) clips tiled into one picture; what they were; and B.

    The tiles are W&B's: black clips fill B up to a power of two, and these stand row by row in
    2 ** ((B.bit_length() - 1) // 2) rows: 3 clips in one row of 4, 5 clips in two rows of 4. Raises InputError.
    """
    array = as_array(data, where)
    problems: list[Problem] = []
    collect(problems, _check_shape, array, where, is_torch(data))
    if array.dtype.kind == "u" and array.dtype.itemsize == 2 and value_range is None:
        hint = "Pass value_range=(lo, hi), for example (0, 65535): a video has 8 bits."
        problems.append(problem(where, "8-bit values", array, hint, "dtype"))
    elif problems and array.size:
        collect(problems, to_uint, np.atleast_1d(array), where, value_range)
    raise_all(problems)
    if array.ndim == 4:
        clips, names = array[None], [where]
    else:
        clips, names = array, [f"{where}[{i}]" for i in range(len(array))]
    count, length, channels, height, width = clips.shape
    rows, columns = _grid(count)
    frames = np.zeros((length, rows * height, columns * width, channels), np.uint8)
    source, clipped_count = None, 0
    for i, clip in enumerate(clips):
        top, left = i // columns * height, i % columns * width
        for t, frame in enumerate(clip):
            pixels, source = to_uint(frame, f"{names[i]}[{t}]", value_range)
            clipped_count += source.pop("clipped_count", 0) if source else 0
            frames[t, top : top + height, left : left + width] = pixels.transpose(1, 2, 0)
    if source and clipped_count:
        source["clipped_count"] = clipped_count
    return frames, source, count if array.ndim == 5 else None


def is_clip(data: Any) -> bool:
    """Whether `data` is a moviepy clip or behaves like one; moviepy is not imported."""
    return callable(getattr(type(data), "iter_frames", None)) and hasattr(data, "duration")


def from_clip(clip: Any, where: str, fps: float) -> Array:
    """Frames of a moviepy clip, those of its `iter_frames(fps)`; its mask becomes alpha. Sound is an InputError."""
    if getattr(clip, "audio", None) is not None:
        hint = "Pass clip.without_audio(), or write it to a file and pass the path."
        raise InputError.of(where, "a clip without sound", clip.audio, hint, "audio")
    if not isinstance(clip.duration, (int, float)) or not 0 < clip.duration < math.inf:
        raise InputError.of(f"{where}.duration", "seconds > 0", clip.duration, "Pass clip.with_duration(seconds).")
    frames = [_clip_pixels(frame, f"{where}[{t}]", 255) for t, frame in enumerate(clip.iter_frames(fps=fps))]
    if getattr(clip, "mask", None) is not None:
        masks = (_clip_pixels(mask, f"{where}.mask[{t}]", 1) for t, mask in enumerate(clip.mask.iter_frames(fps=fps)))
        frames = [np.dstack(pair) for pair in zip(frames, masks, strict=True)]
    if not frames or frames[0].ndim != 3 or frames[0].shape[2] not in CHANNELS:
        got = frames[0] if frames else "no frame"
        raise InputError.of(where, "a clip of frames (H, W, 3)", got, "Check clip.get_frame(0).", "shape")
    return np.stack(frames)


def _clip_pixels(frame: Any, where: str, white: float) -> Array:
    array = as_array(frame, where)
    pixels, _ = to_uint(array, where, None if array.dtype == np.uint8 else (0.0, white))
    return pixels


def _grid(count: int) -> tuple[int, int]:
    """Rows and columns of the tiles of `count` clips."""
    rows = 1 << (count.bit_length() - 1) // 2
    return rows, (1 << (count - 1).bit_length()) // rows


def _check_shape(array: Array, where: str, torch: bool) -> None:
    shape = array.shape
    if array.ndim not in (4, 5) or shape[-3] not in CHANNELS:
        expected = "an array (T, C, H, W) or (B, T, C, H, W) with 1, 3 or 4 channels"
        raise InputError.of(where, expected, array, _axes_hint(shape, "permute" if torch else "transpose"), "shape")
    if array.size == 0:
        raise InputError.of(
            where, "a video with at least one frame and one pixel", array, "Skip empty videos.", "shape"
        )


def _axes_hint(shape: tuple[int, ...], method: str) -> str:
    name = "tensor" if method == "permute" else "array"
    if len(shape) == 4 and shape[3] in CHANNELS:
        return f"It looks like (T, H, W, C): pass {name}.{method}(0, 3, 1, 2)."
    if len(shape) == 5 and shape[4] in CHANNELS:
        return f"It looks like (B, T, H, W, C): pass {name}.{method}(0, 1, 4, 2, 3)."
    if len(shape) == 4 and shape[0] in CHANNELS:
        return f"It looks like (C, T, H, W): pass {name}.{method}(1, 0, 2, 3)."
    if len(shape) == 3:
        return f"Pass {name}[:, None] if these are grey frames (T, H, W), and an Image for a single picture."
    return "Choose the channels to show."
