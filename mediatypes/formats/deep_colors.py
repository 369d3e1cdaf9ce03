"""Colours of 16 bits in PNG and TIFF files, of which Pillow alone keeps 8."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ..columns.arrays import Array


def is_deep(image: Any) -> bool:
    """Whether a file that Pillow has opened and not yet loaded holds colours that `decode` reads."""
    raw_mode = _raw_mode(image)
    return raw_mode.partition(";16")[0] in ("LA", "RGB", "RGBA") and ";16" in raw_mode


def decode(open_image: Callable[[], Any]) -> Array:
    """The (H, W, 2|3|4) uint16 samples.

    A raw mode tells Pillow which byte of each sample to keep; so each half is decoded for itself.

    Args:
        open_image: opens the file with Pillow, anew for each half.
    """
    image = open_image()
    name, order = _raw_mode(image).split(";16")
    if name == "LA":  # Pillow makes RGBA of it: its four bytes are those of the two samples
        return np.array(_decoded(image, "RGBA")).view(">u2").astype(np.uint16)
    little = order == "L" or (order == "N" and sys.byteorder == "little")
    upper, lower = "LB" if little else "BL"
    samples = _decoded(image, f"{name};16{upper}").astype(np.uint16)
    samples <<= 8
    samples |= _decoded(open_image(), f"{name};16{lower}")
    return samples


def _raw_mode(image: Any) -> str:
    return raw_mode_of(image.tile[0]) if image.tile else ""


def raw_mode_of(tile: Any) -> str:
    """How Pillow takes the bytes of a part of a picture."""
    arguments = tile[3]
    return str(arguments if isinstance(arguments, str) else arguments[0]) if arguments else ""


def _decoded(image: Any, raw_mode: str) -> Array:
    """The pixels of an opened file, its bytes taken for those of another raw mode."""
    image.tile = [with_raw_mode(tile, raw_mode) for tile in image.tile]
    image.load()
    return np.asarray(image)


def with_raw_mode(tile: Any, raw_mode: str) -> Any:
    """A part of a picture whose bytes are taken for those of another raw mode."""
    *first, arguments = tile
    make = getattr(tile, "_make", tuple)  # a named tuple in later versions of Pillow
    return make((*first, raw_mode if isinstance(arguments, str) else (raw_mode, *arguments[1:])))
