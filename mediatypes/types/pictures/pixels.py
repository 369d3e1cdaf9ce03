"""Arrays and PIL images as 8- or 16-bit pixels. The dtype decides; a range is never guessed from the values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..._core.errors import InputError, Problem, collect, raise_all, translated
from ...columns.arrays import Array, as_array, is_array, is_torch

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_PROFILES = {b"GRAY": ("L", "LA"), b"RGB ": ("RGB", "RGBA")}  # color spaces of ICC profiles, and modes they describe
_ROUNDING = 1e-5  # of a range: so far beyond it, floats are taken for its ends


class Pixels(NamedTuple):
    """Pixels ready for an encoder: (H, W) or (H, W, C) uint8 or uint16, and the mapping that made them."""

    array: Array
    mode: str  # L, LA, RGB or RGBA
    source: dict[str, Any] | None = None  # what the values were before; None if they are stored as given
    profile: bytes = b""  # the ICC profile of the colors, where there is one

    @property
    def bit_depth(self) -> int:
        return self.array.dtype.itemsize * 8


def from_array(data: Any, where: str, value_range: tuple[float, float] | None = None) -> Pixels:
    """Pixels of a (H, W) or (H, W, 1|3|4) array, or of a torch tensor (H, W) or (1|3|4, H, W); raises InputError.

    uint8 and uint16 are kept, bool becomes 0 and 255, floats in [0, 1] are scaled by 255 and rounded half to even;
    other integers must fit 0..255. With `value_range=(lo, hi)` values of any dtype are scaled from it to 0..255.

    A float that is outside its range by a rounding error, 1e-5 of the range, is taken for the end of it; how many were
    is in `source`. Nothing else is wrapped or clipped.
    """
    problems: list[Problem] = []
    array = as_array(data, where)
    image = collect(problems, _one_image, array, data, where)
    made: Any = None
    if array.size:
        made = collect(problems, to_uint, np.atleast_1d(array) if image is None else image, where, value_range)
    raise_all(problems)
    return _frozen(made[0], made[1], data)


def from_samples(array: Array, where: str, value_range: tuple[float, float] | None = None, data: Any = None) -> Pixels:
    """Pixels of (H, W) or (H, W, C) samples by the rules of `from_array`; `data` is what the caller may change."""
    array, source = to_uint(array, where, value_range)
    return _frozen(array, source, data)


def from_pil(image: PILImage, where: str, value_range: tuple[float, float] | None = None) -> Pixels:
    """Pixels of a PIL image of any mode: palettes are resolved, CMYK, YCbCr, LAB and HSV become RGB.

    A colour that stands for transparency becomes alpha. Otherwise they are as the image holds them, whatever its
    metadata say of turning it; its ICC profile is kept where it describes them. Raises InputError where it cannot be
    read: a file that is cut short, or closed.
    """
    failed = "Reading it failed:"
    with translated(lambda error: InputError.of(where, "a PIL image that can be read", image, f"{failed} {error}.")):
        image.load()
    mode, profile = image.mode, image.info.get("icc_profile") or b""
    if mode in ("P", "PA"):
        image = image.convert("RGBA" if mode == "PA" or "transparency" in image.info else "RGB")
    elif mode in ("1", "L", "RGB") and "transparency" in image.info:  # a colour that stands for it
        image = image.convert("RGBA" if mode == "RGB" else "LA")
    elif mode in ("RGBa", "La"):
        image = image.convert("RGBA" if mode == "RGBa" else "LA")
    elif mode not in ("1", "L", "LA", "RGB", "RGBA", "I", "F") and not mode.startswith("I;16"):
        image = image.convert("RGB")
    array = np.asarray(image)
    if mode == "I" and value_range is None:
        _require(array, 0, 65535, where, "Scale the image, or pass value_range=(lo, hi).")
        array = array.astype(np.uint16)
    if mode.startswith("I;16"):
        array = array.astype(np.uint16, copy=False)  # I;16B is big-endian
    if array.size == 0:
        raise InputError.of(where, "an image with at least one pixel", array, "Skip empty images.", "shape")
    array, source = to_uint(array, where, value_range)
    if image.mode != mode or mode == "I":
        source = {"mode": mode, **(source or {})}
    return keep_profile(_frozen(array, source, image), profile)


def keep_profile(pixels: Pixels, profile: bytes) -> Pixels:
    """The pixels with an ICC profile, if it describes colors of their mode."""
    return pixels._replace(profile=profile if pixels.mode in _PROFILES.get(profile[16:20], ()) else b"")


def _frozen(array: Array, source: dict[str, Any] | None, data: Any) -> Pixels:
    if array.base is not None or array is data or not array.flags.c_contiguous:
        array = np.array(array, order="C")  # our own, whatever the caller does with theirs
    array.setflags(write=False)
    return Pixels(array, MODES[1 if array.ndim == 2 else array.shape[2]], source)


def _one_image(array: Array, data: Any, where: str) -> Array:
    """The (H, W) or (H, W, C) samples in the array of what was given."""
    if is_torch(data) and array.ndim == 3:
        if array.shape[0] not in (1, 3, 4):
            expected = "a torch tensor (C, H, W) with 1, 3 or 4 channels"
            raise InputError.of(where, expected, data, _axes_hint(array, 0), "shape")
        array = array.transpose(1, 2, 0)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise InputError.of(
            where, "an array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)", array, _axes_hint(array, 2), "shape"
        )
    if array.size == 0:
        raise InputError.of(where, "an image with at least one pixel", array, "Skip empty images.", "shape")
    return array


def _axes_hint(array: Array, channel_axis: int) -> str:
    if array.ndim == 3 and channel_axis == 2 and array.shape[0] in (1, 3, 4):
        return "It looks like (C, H, W): pass array.transpose(1, 2, 0)."
    if array.ndim == 3 and channel_axis == 0 and array.shape[2] in (1, 3, 4):
        return "It looks like (H, W, C): pass tensor.permute(2, 0, 1)."
    if array.ndim == 4:
        return "Log a batch as a list: [Image(a) for a in batch]."
    return "Choose the channels to show."


def to_uint(array: Array, where: str, value_range: tuple[float, float] | None) -> tuple[Array, dict[str, Any] | None]:
    """Values of any dtype as uint8 or uint16 by the rules of `from_array`, and what they were if they changed."""
    dtype = array.dtype
    if value_range is not None:
        low, high = _checked_range(value_range, where)
        return _scale(array, low, high, where, f"Widen value_range, or clip with np.clip(array, {low:g}, {high:g}).")
    if dtype.kind == "f":
        hint = "Pass value_range=(lo, hi), such as (0, 255) or (-1, 1), to say how values map to black and white."
        return _scale(array, 0.0, 1.0, where, hint)
    if dtype.kind == "b":
        return array.astype(np.uint8) * np.uint8(255), {"dtype": "bool", "value_range": [0.0, 1.0]}
    if dtype.kind == "u" and dtype.itemsize <= 2:
        return array.astype(dtype.newbyteorder("="), copy=False), None
    deep = ", or array.astype(np.uint16) for 16-bit pixels" if array.min() >= 0 else ""
    _require(array, 0, 255, where, f"Pass value_range=(lo, hi){deep}.")
    return array.astype(np.uint8), {"dtype": dtype.name}


def _scale(array: Array, low: float, high: float, where: str, hint: str) -> tuple[Array, dict[str, Any]]:
    """Values from `low` to `high` as 0 to 255, rounded half to even, and what they were."""
    source: dict[str, Any] = {"dtype": array.dtype.name, "value_range": [low, high]}
    slack = _ROUNDING * (high - low) if array.dtype.kind == "f" else 0.0
    if _require(array, low, high, where, hint, slack):
        source["clipped_count"] = int(np.count_nonzero((array < low) | (array > high)))
        array = np.clip(array, low, high)
    precise = array.dtype.itemsize > 4 or array.dtype.kind != "f"
    wide: Array = np.subtract(array, low, dtype=np.float64 if precise else np.float32)
    np.multiply(wide, 255.0 / (high - low), out=wide)
    scaled: Array = np.rint(wide, out=wide).astype(np.uint8)
    return scaled, source


def _require(array: Array, low: float, high: float, where: str, hint: str, slack: float = 0.0) -> bool:
    """Whether some values are outside a range by no more than `slack`; an error if they are outside by more."""
    smallest, largest = float(array.min()), float(array.max())  # a float16 would take a bound beyond it for infinite
    if not (np.isfinite(smallest) and np.isfinite(largest)):
        raise InputError.of(
            where, "finite values", array, "Replace NaN and infinities, for example with np.nan_to_num.", "nan"
        )
    if smallest < low - slack or largest > high + slack:
        got = f"{array.dtype} values from {smallest:.9g} to {largest:.9g}"
        raise InputError(Problem(where, f"expected values from {low:g} to {high:g}, got {got}", "range", hint))
    return smallest < low or largest > high


def _checked_range(value_range: Any, where: str) -> tuple[float, float]:
    bounds = as_array(value_range, f"{where}.value_range") if is_array(value_range) else value_range
    try:
        low, high = (float(bound) for bound in bounds if not isinstance(bound, str))
    except (TypeError, ValueError):
        low = high = np.nan
    if not (np.isfinite(low) and 0 < high - low < np.inf):
        hint = "Pass (value shown black, value shown white)."
        raise InputError.of(f"{where}.value_range", "two finite numbers lo < hi", value_range, hint, "range")
    return low, high
