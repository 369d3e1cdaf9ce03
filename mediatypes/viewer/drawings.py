"""Drawings as SVG and PNG, for where no script runs: curves, histograms, points, planes of numbers."""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from .._core.palette import class_color, class_hex, is_background
from .._core.wording import counted
from ..columns.arrays import Array

WIDE, HIGH = 360, 180  # pixels of a drawing
_BELOW = 18  # pixels for the text below it
_POINTS = 4000  # drawn of a cloud
_TRIANGLES = 50_000  # drawn of a mesh
_LONGEST_EDGE = 0.1  # of a triangle that is drawn as one, in parts of half the mesh
_RIGHT, _ABOVE = math.radians(35), math.radians(25)  # whence a mesh is seen
_VIEW = np.array([[1, 0, 0], [0, math.cos(_ABOVE), -math.sin(_ABOVE)], [0, math.sin(_ABOVE), math.cos(_ABOVE)]]) @ (
    np.array([[math.cos(_RIGHT), math.sin(_RIGHT), 0], [-math.sin(_RIGHT), math.cos(_RIGHT), 0], [0, 0, 1]])
)
_LIGHT = np.array([0.3, -0.75, 0.59])  # in the directions of the view
_NO_NUMBER = (200, 30, 30)  # the colour of NaN and infinity in a plane
_OPACITY = 115  # of masks, of 255
_PLANE = 512  # numbers of a plane in each direction
_LONGEST_SIDE = 1024  # pixels of a picture


def svg(content: str, note: str = "", high: float = HIGH) -> str:
    """A drawing 360 pixels wide, with a line of text below it."""
    text = f'<text x="0" y="{high + 13}" fill="#697077">{html.escape(note)}</text>' if note else ""
    size = f'viewBox="0 0 {WIDE} {high + _BELOW}" width="{WIDE}"'
    return f'<svg {size} font-size="11" font-family="sans-serif" fill="{class_hex(0)}">{content}{text}</svg>'


def bars(values: Array, bins: Array) -> str:
    """A histogram: bars as wide as their bins, as high as their counts."""
    most = float(values.max())
    edges, heights = _share(bins.astype(np.float64)) * WIDE, values / (most or 1.0) * (HIGH - 4)
    drawn = [
        f'<rect x="{left:.2f}" y="{HIGH - tall:.2f}" width="{max(0.5, right - left - 0.4):.2f}" height="{tall:.2f}"/>'
        for left, right, tall in zip(edges[:-1], edges[1:], heights, strict=True)
    ]
    return svg("".join(drawn), f"{float(bins[0]):.6g} to {float(bins[-1]):.6g}, at most {most:.6g} in a bin")


def _share(numbers: Array) -> Array:
    """Finite numbers from 0, the smallest, to 1, the largest; 0.5 if all are one. Of halves the difference is a number
    too, however far apart they are."""
    low, high = float(numbers.min()) / 2, float(numbers.max()) / 2
    return (numbers / 2 - low) / (high - low) if high > low else np.full(numbers.shape, 0.5)


def curve(x: Array, y: Array, color: str = class_hex(0)) -> str:
    """A curve: the smallest and largest value of each pixel, so that no peak is lost; what is not finite is left out.

    Args:
        x: (n,) float64, ascending.
        y: (n,) float64.
    """
    good = np.isfinite(y) & np.isfinite(x)
    x, y = x[good], y[good]
    if not len(y):
        return "<p>no finite numbers</p>"
    pixels, heights = (_share(x) * (WIDE - 1)).astype(np.int64), HIGH - 4 - _share(y) * (HIGH - 8)
    starts = np.flatnonzero(np.diff(pixels, prepend=-1))
    tall = [extreme.reduceat(heights, starts).tolist() for extreme in (np.maximum, np.minimum)]  # lowest and highest
    path = "L".join(f"{at} {a:.1f}L{at} {b:.1f}" for at, a, b in zip(pixels[starts].tolist(), *tall, strict=True))
    note = f"{x[0]:.6g} to {x[-1]:.6g}: from {y.min():.6g} to {y.max():.6g}, last {y[-1]:.6g}"
    style = f'fill="none" stroke="{color}" stroke-width="1.4" stroke-linecap="round"'  # a single value is a dot
    return svg(f'<path d="M{path}" {style}/>', note)


def cloud(points: Array) -> str:
    """Points in parallel projection, (n, 3), with a category (n, 4) or a colour (n, 6); at most 4000 are drawn."""
    chosen = points[:: max(1, math.ceil(len(points) / _POINTS))]
    with np.errstate(invalid="ignore"):  # of a signalling NaN
        chosen = chosen[np.isfinite(chosen).all(axis=1)]
        some = chosen[:, :3].astype(np.float64) / 4  # so that no sum of them is infinite
    x, y = some[:, 0] - 0.35 * some[:, 1], some[:, 2] - 0.35 * some[:, 1]
    if len(some):
        span = max(float(np.ptp(x)), float(np.ptp(y))) or 1.0
        x, y = (x - x.min()) / span * WIDE, (y - y.min()) / span * WIDE
    places = zip(x.tolist(), y.tolist(), strict=True)
    fills = [f' fill="{color}"' for color in _point_colors(chosen)] or [""] * len(some)
    dots = "".join(
        f'<circle cx="{a:.1f}" cy="{WIDE - b:.1f}" r="1.2"{fill}/>' for (a, b), fill in zip(places, fills, strict=True)
    )
    return svg(
        dots, counted(len(points), "point") + (f", {len(some)} of them drawn" if len(some) < len(points) else ""), WIDE
    )


def mesh(vertices: Array, triangles: Array, is_y_up: bool) -> str:
    """A mesh from the front, above and right, lit from there; an address that holds a PNG.

    Args:
        vertices: (n, 3) finite coordinates.
        triangles: (m, 3) indices of them; of more than 50 000 so many, evenly chosen, are drawn.
        is_y_up: whether y points up, as in glTF; otherwise z does.
    """
    import PIL.Image
    import PIL.ImageDraw

    points = vertices.astype(np.float64)
    if is_y_up:
        points = points[:, [0, 2, 1]] * (1, -1, 1)
    low, high = points.min(axis=0), points.max(axis=0)
    points = (points - (low / 2 + high / 2)) / (float((high / 2 - low / 2).max()) or 1.0)  # halves: no overflow
    points = points @ _VIEW.T  # to the right, away, up
    faces = triangles[:: max(1, math.ceil(len(triangles) / _TRIANGLES))]
    corners = _cut(points[faces])
    corners = corners[np.argsort(-corners[:, :, 1].sum(axis=1), kind="stable")]  # those behind first
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1)
    facing = np.abs(normals @ _LIGHT) / np.where(lengths > 0, lengths, 1.0)  # either side: windings may be mixed
    colors = (
        (np.array([66, 105, 208]) * (0.35 + 0.65 * facing[:, None]) + 30 * facing[:, None]).clip(0, 255).astype(int)
    )
    reach = float(np.abs(points[:, [0, 2]]).max()) or 1.0
    size = 2 * WIDE  # twice as large as it is shown, so that edges are smooth
    places = (corners[:, :, [0, 2]] / reach * (1, -1) * 0.95 + 1) * size / 2
    picture = PIL.Image.new("RGBA", (size, size), (0, 0, 0, 0))
    pen = PIL.ImageDraw.Draw(picture)
    for triangle, color in zip(places.reshape(len(places), 6).tolist(), colors.tolist(), strict=True):
        pen.polygon(triangle, fill=(*color, 255))
    return png_url(picture.resize((WIDE, WIDE), PIL.Image.Resampling.LANCZOS))


def _cut(corners: Array) -> Array:
    """Triangles, (n, 3, 3), large ones cut in four again and again: what is in front is told by their middles."""
    while len(corners) < _TRIANGLES:
        edges = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
        is_large = edges > _LONGEST_EDGE
        if not is_large.any():
            break
        a, b, c = corners[is_large].transpose(1, 0, 2)
        ab, bc, ca = (a + b) / 2, (b + c) / 2, (c + a) / 2
        parts = [np.stack(part, axis=1) for part in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))]
        corners = np.concatenate([corners[~is_large], *parts])
    return corners


def _point_colors(points: Array) -> list[str]:
    """The colour of each point as CSS has it; none if they have neither colours nor categories."""
    if points.shape[1] == 4:
        return [class_hex(int(category)) for category in points[:, 3]]
    if points.shape[1] == 6:
        return ["#{:02x}{:02x}{:02x}".format(*rgb) for rgb in points[:, 3:].clip(0, 255).astype(np.uint8).tolist()]
    return []


def plane(array: Array) -> tuple[str, str]:
    """The first plane of an array as a grey picture, black its smallest number, red what is no finite one; an address
    that holds a PNG, and what the numbers range over."""
    import PIL.Image

    planes = np.atleast_2d(array)
    if not planes.size:
        planes = np.full((1, 1), np.nan)
    numbers = planes[(0,) * (planes.ndim - 2)][:_PLANE, :_PLANE]
    is_complex = numbers.dtype.kind == "c"
    with np.errstate(all="ignore"):  # of a signalling NaN, and of sizes that are infinite
        numbers = (np.abs(numbers) if is_complex else numbers).astype(np.float64)
    good = np.isfinite(numbers)
    pixels = np.full((*numbers.shape, 3), _NO_NUMBER, np.uint8)
    if not good.any():
        return png_url(PIL.Image.fromarray(pixels)), "no finite numbers"
    pixels[good] = np.rint(_share(numbers[good]) * 255)[:, None]
    low, high = float(numbers[good].min()), float(numbers[good].max())
    range = (f"all {low:.6g}" if low == high else f"{low:.6g} to {high:.6g}") + ", absolute values" * is_complex
    return png_url(PIL.Image.fromarray(pixels)), range


def class_colors(ids: Array, labels: Mapping[int, str] | None) -> str:
    """A mask as a picture to be laid over its image, its background transparent; an address that holds a PNG.

    Args:
        ids: (H, W) uint8 or uint16.
        labels: names by class id, which tell what is background.
    """
    import PIL.Image

    present, which = np.unique(ids, return_inverse=True)
    colors = [(*class_color(id), 0 if is_background(id, labels or {}) else _OPACITY) for id in present.tolist()]
    return png_url(PIL.Image.fromarray(np.array(colors, np.uint8)[which.reshape(ids.shape)]))


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
