"""Regions of pixels as annotation files write them: COCO's run lengths, and polygons.

Polygons are filled by the rule of pycocotools: their edges are drawn on a grid five times as fine, and a pixel is
inside if its centre is, by even and odd crossings of its column.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ...columns.arrays import Array

_SCALE = 5  # how much finer the grid is
_POINTS = 1 << 20  # of edges, at once in memory
_FIRST = 48  # the letter that stands for 0
_BITS, _MORE, _SIGN = 5, 32, 16


def encode_rle(mask: Array) -> dict[str, Any]:
    """COCO's run lengths of an (H, W) bool mask, as the text that its tools write.

    >>> encode_rle(np.array([[0, 1], [0, 1]], bool))
    {'size': [2, 2], 'counts': '22'}
    """
    flat = mask.ravel(order="F")
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    ends = [*([0] if flat[0] else []), *changes.tolist(), len(flat)]
    runs = np.diff([0, *ends]).tolist()
    return {"size": list(mask.shape), "counts": "".join(_letters(runs))}


def _letters(runs: list[int]) -> Iterator[str]:
    """Each run as its difference to the one but last, five bits a letter, the lowest first."""
    for i, run in enumerate(runs):
        left = run - runs[i - 2] if i > 2 else run
        while True:
            bits, left = left & (_MORE - 1), left >> _BITS
            is_last = left == (-1 if bits & _SIGN else 0)
            yield chr(_FIRST + bits + (0 if is_last else _MORE))
            if is_last:
                break


def read_runs(counts: Any) -> list[int]:
    """The run lengths of a mask, from COCO's text or list; raises ValueError."""
    if isinstance(counts, list):
        runs = counts
    elif isinstance(counts, str):
        runs = []
        value = shift = 0
        for letter in counts:
            bits = ord(letter) - _FIRST
            if not 0 <= bits < 2 * _MORE or shift > 60:
                raise ValueError(f"the letter {letter!r}")
            value |= (bits & (_MORE - 1)) << shift
            shift += _BITS
            if not bits & _MORE:
                value -= (1 << shift) if bits & _SIGN else 0
                runs.append(value + (runs[-2] if len(runs) > 2 else 0))
                value = shift = 0
        if shift:
            raise ValueError("text that ends in a number")
    else:
        raise ValueError(type(counts).__name__)
    if not all(type(run) is int and run >= 0 for run in runs):
        raise ValueError("lengths below 0, or no integers")
    return runs


def decode_rle(runs: Sequence[int], height: int, width: int) -> Array:
    """(H, W) bool of run lengths that sum up to the pixels of the mask."""
    values = np.arange(len(runs)) % 2 == 1
    mask: Array = np.repeat(values, runs).reshape(width, height).T
    return mask


def fill_polygons(polygons: Sequence[Sequence[float]], height: int, width: int) -> Array:
    """(H, W) bool of the pixels inside any of the polygons, each x, y, x, y... in pixels."""
    mask = np.zeros(width * height, bool)  # column after column
    for polygon in polygons:
        places = np.concatenate([*_crossings(np.array(polygon, np.float64).reshape(-1, 2), height, width)])
        if len(places):
            first = int(places.min())
            crossings = np.bincount(places - first).astype(np.uint8)
            inside = np.cumsum(crossings, dtype=np.uint8) & 1  # an overflow leaves even and odd as they are
            mask[first : first + len(inside) - 1] |= inside[:-1].view(bool)
    return mask.reshape(width, height).T


def _crossings(points: Array, height: int, width: int) -> Iterator[Array]:
    """Where the outline crosses the middle of a column of pixels: column * height + the first row below."""
    corners = np.trunc(_SCALE * points + 0.5).astype(np.int64)
    following = np.roll(corners, -1, axis=0)
    steps = np.abs(following - corners).max(axis=1)
    first = 0
    while first < len(corners):  # some edges at a time, whatever their length
        ends = np.cumsum(steps[first:] + 1)
        last = first + max(int(np.searchsorted(ends, _POINTS, "right")), 1)
        yield _edge_crossings(corners[first:last], following[first:last], height, width)
        first = last


def _edge_crossings(starts: Array, ends: Array, height: int, width: int) -> Array:
    """The same of some edges, which are drawn on the fine grid from left to right, or from top to bottom."""
    deltas = np.abs(ends - starts)
    is_flat = deltas[:, 0] >= deltas[:, 1]
    main = np.where(is_flat, 0, 1)
    rows = np.arange(len(starts))
    flip = starts[rows, main] > ends[rows, main]
    low, high = np.where(flip[:, None], ends, starts), np.where(flip[:, None], starts, ends)
    steps = deltas[rows, main]
    slope = (high[rows, 1 - main] - low[rows, 1 - main]) / np.maximum(steps, 1)
    edge = np.repeat(rows, steps + 1)
    along = np.arange(len(edge)) - np.repeat(np.cumsum(steps + 1) - (steps + 1), steps + 1)
    straight = low[edge, main[edge]] + along
    other = np.trunc(low[edge, 1 - main[edge]] + slope[edge] * along + 0.5).astype(np.int64)
    x, y = np.where(is_flat[edge], straight, other), np.where(is_flat[edge], other, straight)
    crosses = (edge[1:] == edge[:-1]) & (x[1:] != x[:-1])
    left, top = np.minimum(x[1:], x[:-1])[crosses], np.minimum(y[1:], y[:-1])[crosses]
    column, rest = np.divmod(left, _SCALE)  # the middle of a column lies between its third and fourth fine line
    row = np.ceil(np.clip((top + 0.5) / _SCALE - 0.5, 0, height)).astype(np.int64)
    crosses = (rest == _SCALE // 2) & (column >= 0) & (column < width)
    places: Array = (column * height + row)[crosses]
    return places


def outline(mask: Array) -> Array:
    """The corners (n, 2), in pixels, of one polygon around all pixels of an (H, W) bool mask; empty of an empty one.

    Parts and holes are joined by edges that are walked there and back, which a fill by even and odd crossings does not
    see: `fill_polygons` gives the mask back.
    """
    rings = _rings(mask)
    if not rings:
        return np.zeros((0, 2), np.int64)
    there, back = list[Array](), list[Array]()
    ring = np.array(rings[0])
    for corners in rings[1:]:
        following = np.array(corners)
        leave = int(((ring - following[0]) ** 2).sum(axis=1).argmin())
        enter = int(((following - ring[leave]) ** 2).sum(axis=1).argmin())
        there.append(ring[: leave + 1])
        back += [ring[:1], ring[leave:]]
        ring = np.roll(following, -enter, axis=0)
    return np.concatenate([*there, ring, *([ring[:1]] if back else []), *reversed(back)])


def _rings(mask: Array) -> list[list[tuple[int, int]]]:
    """The closed outlines of parts and holes by their corners, the inside to the right of the way."""
    padded = np.pad(mask, 1)
    above, below = padded[:-1, 1:-1], padded[1:, 1:-1]
    left, right = padded[1:-1, :-1].T, padded[1:-1, 1:].T
    flat, upright = dict[tuple[int, int], list[Any]](), dict[tuple[int, int], list[Any]]()
    for row, start, stop in _stretches(below & ~above):
        flat.setdefault((start, row), []).append((stop, row))
    for row, start, stop in _stretches(above & ~below):
        flat.setdefault((stop, row), []).append((start, row))
    for column, start, stop in _stretches(left & ~right):
        upright.setdefault((column, start), []).append((column, stop))
    for column, start, stop in _stretches(right & ~left):
        upright.setdefault((column, stop), []).append((column, start))
    rings = []
    for corner in list(flat):
        while flat[corner]:
            ring, at, ways = [corner], flat[corner].pop(), upright
            while at != corner or ways is not flat:
                ring.append(at)
                at, ways = ways[at].pop(), flat if ways is upright else upright
            rings.append(ring)
    return rings


def _stretches(flags: Array) -> list[tuple[int, int, int]]:
    """Where lines of an array are true: line, first and behind the last."""
    steps = np.diff(np.pad(flags, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    lines, starts = np.nonzero(steps == 1)
    stops = np.nonzero(steps == -1)[1]
    return list(zip(lines.tolist(), starts.tolist(), stops.tolist(), strict=True))
