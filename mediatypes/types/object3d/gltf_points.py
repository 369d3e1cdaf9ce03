"""A point cloud as GLB."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._core.errors import InputError
from ...columns.arrays import Array
from . import gltf
from .points import AXES, CATEGORIES, CATEGORY, extras_of

_FLOAT, _UBYTE, _POINTS, _ARRAY_BUFFER = 5126, 5121, 0, 34962


def write(records: Array) -> bytes:
    """A GLB of one POINTS primitive: positions as float32, which is all that glTF has, and colours as RGBA bytes.

    A category becomes a colour: the hues of a circle in 14 steps. Raises InputError for a coordinate beyond float32.
    """
    with np.errstate(over="ignore"):
        positions = np.stack([records[axis] for axis in AXES], axis=1).astype("<f4")
    if not np.isfinite(positions).all():
        hint = "Subtract an origin, or use another unit."
        raise InputError.of("Object3D.to_glb", "coordinates within float32", "larger ones", hint, "range")
    parts, attributes = [positions.tobytes()], {"POSITION": 0}
    limits = {"min": positions.min(axis=0).tolist(), "max": positions.max(axis=0).tolist()}
    accessors: list[dict[str, Any]] = [
        {"bufferView": 0, "componentType": _FLOAT, "count": len(records), "type": "VEC3", **limits}
    ]
    if (colors := _colors(records)) is not None:
        parts.append(colors.tobytes())
        attributes["COLOR_0"] = 1
        color = {"bufferView": 1, "componentType": _UBYTE, "normalized": True, "count": len(records), "type": "VEC4"}
        accessors.append(color)
    offsets = np.cumsum([0, *map(len, parts)]).tolist()
    tree = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": attributes, "mode": _POINTS}]}],
        "accessors": accessors,
        "bufferViews": [
            {"buffer": 0, "byteOffset": offset, "byteLength": len(part), "target": _ARRAY_BUFFER}
            for offset, part in zip(offsets, parts, strict=False)
        ],
        "buffers": [{"byteLength": offsets[-1]}],
    }
    return gltf.write(tree, b"".join(parts))


def _colors(records: Array) -> Array | None:
    extras = extras_of(records)
    if not extras:
        return None
    rgba = np.full((len(records), 4), 255, np.uint8)
    if extras == CATEGORY:
        rgba[:, :3] = _palette()[(records["category"] - 1) % CATEGORIES]
    else:
        for column, name in enumerate(extras):
            rgba[:, column] = records[name]
    return rgba


def _palette() -> Array:
    """(14, 3) uint8: full hues in equal steps (the piecewise linear form of HSV)."""
    hue = 6 * np.arange(CATEGORIES)[:, None] / CATEGORIES
    offset = (np.array([5.0, 3.0, 1.0]) + hue) % 6
    palette: Array = np.rint(255 * (1 - np.clip(np.minimum(offset, 4 - offset), 0, 1))).astype(np.uint8)
    return palette
