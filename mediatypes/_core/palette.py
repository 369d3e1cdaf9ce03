"""The colours of classes, the same in pictures, points, charts and the page (`classColor` in viewer/src/colors.js)."""

from __future__ import annotations

from collections.abc import Mapping

Color = tuple[int, int, int]  # red, green and blue, 0 to 255

# Ten colours that are told apart on white and on black, also by most colour-blind people (Observable 10).
FIRST = ("#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#ff8ab7", "#a463f2", "#97bbf5", "#9c6b4e", "#9498a0")
_FIRST: tuple[Color, ...] = tuple((int(one[1:3], 16), int(one[3:5], 16), int(one[5:], 16)) for one in FIRST)
_GOLDEN = 137_508  # thousandths of a degree: hues in steps of the golden angle come near to each other last
_CIRCLE = 360_000
_PERIOD = 30_000  # ids after which the hues come round again
_SHADES = ((20, 225), (120, 245), (20, 150))  # smallest and largest channel: full, bright and dark, in turn
_BACKGROUND = frozenset(("background", "void", "ignore", "ignored", "unlabeled", "unlabelled", "none"))
_NO_CLASS = (0, 255)  # ids that mean no class where nobody named them


def class_color(id: int) -> Color:
    """The colour of a class: one of ten for the ids 0 to 9, else a hue of its own, also for negative and huge ids.

    Only whole numbers are used, so that other languages get the very same colours.

    >>> class_color(0), class_color(10)
    ((66, 105, 208), (235, 120, 245))
    """
    place = id % _PERIOD
    if place < len(_FIRST):
        return _FIRST[place]
    hue, (low, high) = place * _GOLDEN % _CIRCLE, _SHADES[place % len(_SHADES)]
    red, green, blue = (_channel(hue + turn * 60_000, low, high) for turn in (5, 3, 1))
    return red, green, blue


def _channel(turned: int, low: int, high: int) -> int:
    """One channel of a hue, as HSV has it: straight lines between six corners, rounded to the nearest."""
    at = turned % _CIRCLE
    away = max(0, min(at, 240_000 - at, 60_000))
    return high - ((high - low) * away * 2 + 60_000) // 120_000


def class_hex(id: int | None) -> str:
    """The colour of a class as `#rrggbb`; what has no class has that of class 0."""
    return "#{:02x}{:02x}{:02x}".format(*class_color(id or 0))


def is_background(id: int, labels: Mapping[int, str]) -> bool:
    """Whether a class of a mask is not drawn: it is named background, void..., or it is 0 or 255 and has no name."""
    return labels[id].strip().lower() in _BACKGROUND if id in labels else id in _NO_CLASS
