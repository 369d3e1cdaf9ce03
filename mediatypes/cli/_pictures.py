"""Pictures in a terminal: of pixels where it shows them, otherwise two in a letter, the upper one its ink and the lower
one its ground."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from typing import Any

from . import _graphics
from ._board import speaks
from ._text import cut

_WIDE, _HIGH = 36, 14  # letters of a picture at most
_GAP = "  "
_TERMINALS = ("kitty", "wezterm", "alacritty", "foot", "ghostty", "direct")  # in TERM: these show all colours


def can_show() -> bool:
    """Whether stdout is a terminal that shows every colour, and its user wants colours."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR") or not speaks("▀"):
        return False
    is_colourful = os.environ.get("COLORTERM") in ("truecolor", "24bit") or _graphics.writer() is not None
    return is_colourful or any(name in os.environ.get("TERM", "") for name in _TERMINALS)


def side_by_side(pictures: Sequence[tuple[str, Any]], width: int) -> Iterator[str]:
    """Lines that show pictures below their titles, as many beside each other as the width has room for.

    Args:
        pictures: title and PIL image of each.
        width: columns of the terminal.
    """
    across = max(1, (width + len(_GAP)) // (_WIDE + len(_GAP)))
    for first in range(0, len(pictures), across):
        row = pictures[first : first + across]
        yield _GAP.join(f"{cut(title, _WIDE):<{_WIDE}}" for title, _ in row).rstrip()
        if write := _graphics.writer():
            yield from _pixels([image for _, image in row], write)
            continue
        for cells in zip_longest(*(_lines(image) for _, image in row), fillvalue=" " * _WIDE):
            yield _GAP.join(cells)


def _pixels(images: Sequence[Any], write: Callable[[Any, int, int], str]) -> Iterator[str]:
    """Room for a row of pictures, then the pictures, drawn from above it."""
    sizes = [_size(image) for image in images]
    high = max(rows for _, rows in sizes)
    yield from [""] * high
    places = (f"\x1b[{1 + i * (_WIDE + len(_GAP))}G" for i in range(len(images)))
    drawn = (place + write(image, *size) for place, image, size in zip(places, images, sizes, strict=True))
    yield f"\x1b[{high}A" + "".join(drawn) + f"\x1b[{high}B\r"


def _size(image: Any) -> tuple[int, int]:
    """Letters that a picture covers, in width and height; a letter is twice as high as wide."""
    shrunk = min(1.0, _WIDE / image.width, 2 * _HIGH / image.height)
    return max(1, round(image.width * shrunk)), max(1, round(image.height * shrunk / 2))


def _lines(image: Any) -> Iterator[str]:
    """The lines of a picture, each as wide as all pictures are."""
    import numpy as np

    small = image.convert("RGB")
    small.thumbnail((_WIDE, 2 * _HIGH))
    pixels = np.asarray(small)
    if len(pixels) % 2:
        pixels = np.concatenate([pixels, pixels[-1:]])
    for upper, lower in zip(pixels[::2].tolist(), pixels[1::2].tolist(), strict=True):
        letters = (
            f"\x1b[38;2;{a[0]};{a[1]};{a[2]};48;2;{b[0]};{b[1]};{b[2]}m▀" for a, b in zip(upper, lower, strict=True)
        )
        yield "".join(letters) + "\x1b[0m" + " " * (_WIDE - len(upper))
