"""Drawings as SVG and PNG, for where no script runs: curves, histograms, points, planes of numbers."""

from __future__ import annotations

import base64
import html
import io
import math
from typing import Any

import numpy as np

from ..columns.arrays import Array

COLORS = ("#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#ff8ab7", "#a463f2", "#97bbf5", "#9c6b4e", "#9498a0")
WIDE, HIGH = 360, 180  # pixels of a drawing
_BELOW = 18  # pixels for the text below it
_POINTS = 4000  # drawn of a cloud
_PLANE = 512  # numbers of a plane in each direction
_LONGEST_SIDE = 1024  # pixels of a picture


def svg(content: str, note: str = "", high: float = HIGH) -> str:
    """A drawing 360 pixels wide, with a line of text below it."""
    text = f'<text x="0" y="{high + 13}" fill="#697077">{html.escape(note)}</text>' if note else ""
    size = f'viewBox="0 0 {WIDE} {high + _BELOW}" width="{WIDE}"'
    return f'<svg {size} font-size="11" font-family="sans-serif" fill="{COLORS[0]}">{content}{text}</svg>'


def bars(values: Array, bins: Array) -> str:
    """A histogram: bars as wide as their bins, as high as their counts."""
    low, span, most = float(bins[0]), float(bins[-1] - bins[0]) or 1.0, float(values.max()) or 1.0
    edges, heights = (bins.astype(np.float64) - low) / span * WIDE, values / most * (HIGH - 4)
    drawn = [
        f'<rect x="{left:.2f}" y="{HIGH - tall:.2f}" width="{max(0.5, right - left - 0.4):.2f}" height="{tall:.2f}"/>'
        for left, right, tall in zip(edges[:-1], edges[1:], heights, strict=True)
    ]
    return svg("".join(drawn), f"{low:.4g} to {float(bins[-1]):.4g}, at most {most:.4g} in a bin")


def curve(x: Array, y: Array, color: str = COLORS[0]) -> str:
    """A curve: the smallest and largest value of each pixel, so that no peak is lost; what is not finite is left out.

    Args:
        x: (n,) float64, ascending.
        y: (n,) float64.
    """
    good = np.isfinite(y) & np.isfinite(x)
    x, y = x[good], y[good]
    if not len(y):
        return "<p>no finite numbers</p>"
    low, high, left, right = float(y.min()), float(y.max()), float(x[0]), float(x[-1])
    pixels = ((x - left) / ((right - left) or 1.0) * (WIDE - 1)).astype(np.int64)
    starts = np.flatnonzero(np.diff(pixels, prepend=-1))
    tall = [
        HIGH - 4 - (extreme.reduceat(y, starts) - low) / ((high - low) or 1.0) * (HIGH - 8)
        for extreme in (np.minimum, np.maximum)
    ]
    path = "L".join(
        f"{at} {a:.1f}L{at} {b:.1f}"
        for at, a, b in zip(pixels[starts].tolist(), *(t.tolist() for t in tall), strict=True)
    )
    note = f"{left:.4g} to {right:.4g}: from {low:.4g} to {high:.4g}, last {float(y[-1]):.4g}"
    return svg(f'<path d="M{path}" fill="none" stroke="{color}" stroke-width="1.4"/>', note)


def cloud(points: Array) -> str:
    """Points in parallel projection, (n, 3), with a category (n, 4) or a colour (n, 6); at most 4000 are drawn."""
    chosen = points[:: max(1, math.ceil(len(points) / _POINTS))]
    with np.errstate(invalid="ignore"):  # of a signalling NaN
        some = chosen[:, :3].astype(np.float64)
    x, y = some[:, 0] - 0.35 * some[:, 1], some[:, 2] - 0.35 * some[:, 1]
    span = max(float(np.ptp(x)), float(np.ptp(y))) or 1.0 if len(some) else 1.0
    places = zip(
        ((x - x.min(initial=0)) / span * WIDE).tolist(), ((y - y.min(initial=0)) / span * WIDE).tolist(), strict=True
    )
    fills = [f' fill="{color}"' for color in _point_colors(chosen)] or [""] * len(some)
    dots = "".join(
        f'<circle cx="{a:.1f}" cy="{WIDE - b:.1f}" r="1.2"{fill}/>' for (a, b), fill in zip(places, fills, strict=True)
    )
    return svg(
        dots, f"{len(points)} points" + (f", {len(some)} of them drawn" if len(some) < len(points) else ""), WIDE
    )


def _point_colors(points: Array) -> list[str]:
    """The colour of each point as CSS has it; none if they have neither colours nor categories."""
    if points.shape[1] == 4:
        return [COLORS[int(category) % len(COLORS)] for category in points[:, 3]]
    if points.shape[1] == 6:
        return ["#{:02x}{:02x}{:02x}".format(*rgb) for rgb in points[:, 3:].clip(0, 255).astype(np.uint8).tolist()]
    return []


def plane(array: Array) -> str:
    """The first plane of an array as a grey picture, black its smallest number; an address that holds a PNG."""
    import PIL.Image

    planes = np.atleast_2d(array)
    if not planes.size:
        planes = np.zeros((1, 1))
    with np.errstate(all="ignore"):  # numbers that are not finite, or so far apart that their difference is not
        numbers = planes[(0,) * (planes.ndim - 2)][:_PLANE, :_PLANE].astype(np.float64)
        good = numbers[np.isfinite(numbers)]
        low, high = (float(good.min()), float(good.max())) if len(good) else (0.0, 1.0)
        grey = np.nan_to_num((numbers - low) / ((high - low) or 1.0) * 255).clip(0, 255).astype(np.uint8)
    return png_url(PIL.Image.fromarray(grey))


def class_colors(ids: Array) -> str:
    """A mask as a picture to be laid over its image, class 0 transparent; an address that holds a PNG.

    Args:
        ids: (H, W) uint8 or uint16; class i has the colour i modulo 10.
    """
    import PIL.Image

    palette = np.zeros((len(COLORS) + 1, 4), np.uint8)
    for place, color in enumerate(COLORS, 1):
        palette[place] = (*(int(color[at : at + 2], 16) for at in (1, 3, 5)), 115)
    return png_url(PIL.Image.fromarray(palette[np.where(ids == 0, 0, ids % len(COLORS) + 1)]))


def png_url(image: Any) -> str:
    """A PIL image, made smaller than 1024 pixels, as an address that holds a PNG."""
    image = image.copy()
    image.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    buffer = io.BytesIO()
    image.convert("RGBA" if "A" in image.getbands() or image.mode == "P" else "RGB").save(buffer, "PNG")
    return data_url(buffer.getvalue(), "image/png")


def data_url(data: bytes, media_type: str) -> str:
    """A file as an address that holds it."""
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"
