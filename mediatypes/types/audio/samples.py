"""Arrays of samples: which shapes and values are sound, and how they become the numbers a file holds."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..._core.errors import InputError, Problem, collect, problem, raise_all
from ...columns.arrays import Array, as_array

_NATURAL = {"uint8": "PCM_U8", "int16": "PCM_16", "int32": "PCM_32"}  # integers are kept in these
_EXACT = {**_NATURAL, "float32": "FLOAT", "float64": "DOUBLE"}
_BITS = {"PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
_WORKING = {"float16": "float32", np.dtype(np.longdouble).name: "float64"}
_INTEGERS = {"PCM_U8": np.uint8, "PCM_16": np.int16, "PCM_24": np.int32, "PCM_32": np.int32}
_BLOCK = 2**16  # frames that are converted at once, so that what is between stays in the processor's cache
_ROUNDING = 1e-5  # a filter or a resampler ends so far outside of -1..1
_FLOATS = {"FLOAT": np.float32, "DOUBLE": np.float64}


class Samples(NamedTuple):
    """(frames, channels) samples as they were given, in range."""

    array: Array  # uint8, int16, int32, float32 or float64, native byte order
    dtype: str  # what the user's array had
    clipped_count: int  # samples that were outside -1..1
    peak: float  # at least the largest as a float

    @property
    def subtype(self) -> str:
        """Where they are stored unless the user says otherwise: floats with 16 bits, integers as they are."""
        return _NATURAL.get(self.dtype, "PCM_16")

    def is_kept_in(self, subtype: str) -> bool:
        """Whether that subtype holds the very numbers that were given."""
        return _EXACT.get(self.dtype) == subtype


def read_samples(data: Any, where: str, clip: bool) -> Samples:
    """Samples of a (frames,) or (frames, channels) array, tensor or list; raises InputError.

    Floats must be in -1..1, up to a rounding error of 1e-5, which is cut; uint8 has its silence at 128; int16 and
    int32 use their full range.
    """
    array, problems = as_array(data, where), list[Problem]()
    if array.ndim not in (1, 2) or array.size == 0 or (array.ndim == 2 and array.shape[1] > array.shape[0]):
        problems.append(problem(where, _expected_shape(array), array, _shape_hint(array), "shape"))
    dtype = array.dtype.name
    rows = array.astype(_WORKING.get(dtype, dtype), copy=False)
    rows = rows if problems else rows.reshape(len(rows), -1)
    limited: Any = rows, 0, 1.0
    if array.dtype.kind != "f" and dtype not in _NATURAL:
        expected = "floats in [-1, 1], or uint8, int16 or int32 samples"
        problems.append(problem(where, expected, array, _dtype_hint(array), "dtype"))
    elif array.dtype.kind == "f" and array.size:
        limited = collect(problems, _limited, rows, where, clip)
    raise_all(problems)
    samples, clipped, peak = limited
    return Samples(samples, dtype, clipped, peak)


def convert(samples: Samples, subtype: str) -> Array:
    """Samples in the dtype of a subtype of WAV; PCM_24 as int32, whose lower 8 bits are zero.

    A float x becomes round(x * 2^(bits-1)), and +1 the largest integer, so that integers which other programs divided
    by 2^(bits-1) come back exactly. Integers of another width pass through floats that hold them exactly.
    """
    array = samples.array
    if _EXACT[array.dtype.name] == subtype:
        return array
    floats = as_floats(array)
    if subtype in _FLOATS:
        return floats.astype(_FLOATS[subtype])
    bits = _BITS[subtype]
    full = 2.0 ** (bits - 1)
    reaches_top = samples.peak * full > full - 1
    made: Array = np.empty(array.shape, _INTEGERS[subtype])
    buffer = np.empty((min(_BLOCK, len(floats)), floats.shape[1]), _wide(floats, bits))
    for start in range(0, len(floats), _BLOCK):
        piece = floats[start : start + _BLOCK]
        block: Array = np.multiply(piece, full, out=buffer[: len(piece)])
        np.rint(block, out=block)
        if reaches_top:
            np.minimum(block, full - 1, out=block)
        made[start : start + _BLOCK] = block + 128 if subtype == "PCM_U8" else block
    return made << 8 if subtype == "PCM_24" else made


def as_floats(array: Array) -> Array:
    """Samples as floats in -1..1; integers as float64, which holds them exactly."""
    if array.dtype.kind == "f":
        return array
    bits = 8 * array.dtype.itemsize
    return (array - 128.0 if array.dtype.kind == "u" else array.astype(np.float64)) / 2.0 ** (bits - 1)


def _wide(floats: Array, bits: int) -> Any:
    """A float type that holds every integer of so many bits."""
    return np.float64 if bits > 24 else floats.dtype


def _limited(array: Array, where: str, clip: bool) -> tuple[Array, int, float]:
    low, high = float(array.min()), float(array.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise InputError.of(where, "finite samples", array, "Replace NaN and infinities: np.nan_to_num(data).", "nan")
    if low >= -1 and high <= 1:
        return array, 0, high
    if not clip and max(-low, high) > 1 + _ROUNDING:
        got = f"{array.dtype} samples from {low:g} to {high:g}"
        hint = "Divide by the full scale, or pass clip=True to cut what is outside."
        raise InputError(Problem(where, f"expected samples from -1 to 1, got {got}", "range", hint))
    return np.clip(array, -1, 1), int(np.count_nonzero(np.abs(array) > 1)), min(high, 1.0)


def _expected_shape(array: Array) -> str:
    return "at least one frame" if array.ndim in (1, 2) and array.size == 0 else "an array (n,) or (n, channels)"


def _shape_hint(array: Array) -> str:
    if array.ndim == 2 and array.size:
        return "It looks like (channels, n): pass data.T."
    if array.ndim == 3:
        return "Log a batch as a list: [Audio(clip, sample_rate) for clip in batch]."
    return "Skip empty clips." if array.size == 0 else "Pass the samples of one clip."


def _dtype_hint(array: Array) -> str:
    if array.dtype.name == "int8":
        return "For 16 bits pass data.astype(np.int16) * 256."
    return "Divide by the full scale of the samples to get floats."
