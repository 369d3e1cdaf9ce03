"""A picture with its masks and boxes drawn over it, by Pillow alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..._core.palette import Color, class_color, is_background
from ...columns.arrays import Array
from ..pictures.pixels import from_pil
from .boxes import BoundingBoxes2D
from .masks import ImageMask

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

Rectangle = tuple[int, int, int, int]  # left, top, right, bottom; the last two are outside

_MOST_LABELS = 100  # of a set of boxes the best scores, of a mask the largest areas; the others have none
_LONGEST = 40  # characters of a label
DASHES = (0, 5, 2)  # in widths of the line: a frame of the first, second and every further set of boxes


class Label(NamedTuple):
    """A text, and what it names: a box, or a point in the middle of an area."""

    text: str
    of: Rectangle
    color: Color


def draw_overlays(
    picture: PILImage,
    boxes: Mapping[str, BoundingBoxes2D],
    masks: Mapping[str, ImageMask],
    *,
    scale: int,
    opacity: float,
) -> PILImage:
    """An RGB picture drawn `scale` times as large: over it the masks, the boxes, and the names and scores of both."""
    import PIL.Image
    import PIL.ImageDraw

    size = (picture.width * scale, picture.height * scale)
    pixels = np.array(opaque_rgb(picture).resize(size, PIL.Image.Resampling.NEAREST))
    labels = [label for mask in masks.values() for label in _paint(pixels, mask, scale, opacity)]
    drawn = PIL.Image.fromarray(pixels)
    pen = PIL.ImageDraw.Draw(drawn)
    width = max(1, round(max(size) / 250))
    for layer, dash in zip(boxes.values(), (*DASHES, *DASHES[-1:] * len(boxes)), strict=False):
        edges, colors = _edges(layer, scale, size), [class_color(id or 0) for id in layer.class_ids]
        for i in np.argsort((edges[:, :2] - edges[:, 2:]).prod(axis=1) * -1, kind="stable").tolist():
            _frame(pen, tuple(edges[i].tolist()), colors[i], width, dash * width)
        labels += _box_labels(layer, edges, colors)
    _write(pen, size, labels)
    return drawn


def opaque_rgb(picture: PILImage) -> PILImage:
    """8-bit colors, those that are transparent on white."""
    import PIL.Image

    pixels = from_pil(picture, "Image.to_pil()").array
    plain = PIL.Image.fromarray((pixels >> 8).astype(np.uint8) if pixels.dtype == np.uint16 else pixels)
    if plain.mode in ("LA", "RGBA"):
        white = PIL.Image.new("RGBA", plain.size, "white")
        plain = PIL.Image.alpha_composite(white, plain.convert("RGBA"))
    return plain.convert("RGB")


def _paint(pixels: Array, mask: ImageMask, scale: int, opacity: float) -> Iterator[Label]:
    """Color the classes of a mask into (H, W, 3) pixels, and draw the outlines of their areas."""
    ids = mask.to_numpy().repeat(scale, 0).repeat(scale, 1)
    names, named = mask.class_labels, mask._class_labels or {}
    present, which, sizes = np.unique(ids, return_inverse=True, return_counts=True)
    which, is_class = which.reshape(ids.shape), [not is_background(id, named) for id in present.tolist()]
    area, outline = np.array(is_class)[which], np.zeros(ids.shape, np.bool_)
    for one, other in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
        differ = ids[one] != ids[other]
        outline[one] |= differ
        outline[other] |= differ
    colors = np.array([class_color(id) for id in present.tolist()])[which[area]]
    shades = np.rint(pixels[area] * (1 - opacity) + colors * opacity)
    pixels[area] = np.where(outline[area][:, None], colors, shades)
    places = np.split(np.argsort(which.reshape(-1), kind="stable"), np.cumsum(sizes)[:-1])  # of each class
    largest = np.argsort(np.where(is_class, -sizes, 0), kind="stable")[: min(sum(is_class), _MOST_LABELS)]
    for i in sorted(largest.tolist()):
        rows, columns = np.divmod(places[i], ids.shape[1])
        middle = int(np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2))
        x, y, id = int(columns[middle]), int(rows[middle]), int(present[i])
        yield Label(_shortened(names[id]), (x, y, x, y), class_color(id))


def _edges(boxes: BoundingBoxes2D, scale: int, size: tuple[int, int]) -> Array:
    """(n, 4) whole pixels of the drawn picture; of a box far outside, a part of it that is outside too."""
    units = np.where(boxes.is_pixel[:, None], scale, np.array([*size, *size], np.float64))
    margin = 2 * max(size)
    edges: Array = np.rint(np.clip(boxes.to_xyxy() * units, -margin, margin)).astype(int)
    return edges


def _frame(pen: Any, box: Rectangle, color: Color, width: int, dash: int) -> None:
    """The frame of a box, within its edges; with dashes of so many pixels, if any."""
    left, top, right, bottom = box
    right, bottom = max(right - 1, left), max(bottom - 1, top)
    if not dash:
        pen.rectangle((left, top, right, bottom), outline=color, width=width)
        return
    for x in range(left, right + 1, 2 * dash):
        for y in (top, max(bottom - width + 1, top)):
            pen.rectangle((x, y, min(x + dash - 1, right), min(y + width - 1, bottom)), fill=color)
    for y in range(top, bottom + 1, 2 * dash):
        for x in (left, max(right - width + 1, left)):
            pen.rectangle((x, y, min(x + width - 1, right), min(y + dash - 1, bottom)), fill=color)


def _box_labels(boxes: BoundingBoxes2D, edges: Array, colors: list[Color]) -> Iterator[Label]:
    """Caption or class of each box with its scores, the best boxes first."""
    names, scores = boxes.class_labels, boxes.scores
    first = next(iter(scores.values()), [])
    order = sorted(range(len(boxes)), key=lambda i: -(first[i] or 0.0) if first else 0.0)
    for i in order[:_MOST_LABELS]:
        caption, id = boxes.captions[i], boxes.class_ids[i]
        text = _shortened(caption if caption is not None else "" if id is None else names[id])
        for name, column in scores.items():
            value = column[i]
            if value is not None and f"{value:.2g}" not in text:
                text += f" {value:.2f}" if len(scores) == 1 else f" {name} {value:.2f}"
        if text.strip():
            yield Label(text.strip(), tuple(edges[i].tolist()), colors[i])


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def _write(pen: Any, size: tuple[int, int], labels: list[Label]) -> None:
    """Write labels on their color, each where it hides none that is written already, if there is such a place."""
    import PIL.ImageFont

    font: Any = PIL.ImageFont.load_default(min(max(round(max(size) / 45), 11), 40))
    ascent, descent = font.getmetrics()
    pad = max(2, ascent // 5)
    written: list[Rectangle] = []
    for text, of, color in labels:
        width, height = round(font.getlength(text)) + 2 * pad, ascent + descent + pad // 2
        places = [_inside(place, width, height, size) for place in _places(of, width, height)]
        place = next((place for place in places if not any(_overlap(place, other) for other in written)), places[0])
        written.append(place)
        left, top, right, bottom = place
        pen.rectangle((left, top, right - 1, bottom - 1), fill=color)
        ink = (0, 0, 0) if np.dot(color, (0.299, 0.587, 0.114)) > 110 else (255, 255, 255)
        pen.text((left + pad, top + pad // 4), text, fill=ink, font=font)


def _places(of: Rectangle, width: int, height: int) -> list[tuple[int, int]]:
    """Left and top of a label: around a box and in its corners, or over a point."""
    left, top, right, bottom = of
    if left == right and top == bottom:
        return [(left - width // 2, top - height // 2)]
    across = (left, right - width)
    return [(x, y) for y in (top - height, top, bottom, bottom - height) for x in across]


def _inside(place: tuple[int, int], width: int, height: int, size: tuple[int, int]) -> Rectangle:
    left, top = (max(0, min(at, most - own)) for at, most, own in zip(place, size, (width, height), strict=True))
    return left, top, left + width, top + height


def _overlap(one: Rectangle, other: Rectangle) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
