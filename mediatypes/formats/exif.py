"""The orientation of a photograph: how a stored picture is turned to be shown (EXIF 2.3, tag 274)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..columns.arrays import Array

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

ORIENTATION = 274  # the tag, in EXIF as in TIFF
_SWAPS_SIDES = 5  # from this value on rows become columns


def swaps_sides(orientation: int) -> bool:
    """Whether a picture is shown with its width and height exchanged."""
    return orientation >= _SWAPS_SIDES


def orientation_of(image: PILImage) -> int:
    """The orientation, 1 to 8, of a file that Pillow has opened; 1 where it has none or one that cannot be read."""
    try:
        value = image.getexif().get(ORIENTATION)
    except Exception:  # of metadata that are damaged; the picture may be whole
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def turn(stored: Array, orientation: int) -> Array:
    """(H, W, ...) or (W, H, ...) pixels as they are shown."""
    if swaps_sides(orientation):
        stored = stored.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        stored = stored[::-1]
    if orientation in (2, 3, 6, 7):
        stored = stored[:, ::-1]
    return stored if orientation == 1 else np.ascontiguousarray(stored)
