"""A point cloud as GLB."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._core.errors import InputError
from ..._core.palette import class_color
from ...columns.arrays import Array
from . import gltf
from .points import AXES, CATEGORY, extras_of

_FLOAT, _UBYTE, _POINTS, _ARRAY_BUFFER = 5126, 5121, 0, 34962


def write(records: Array) -> bytes:
    """A GLB of one POINTS primitive: positions as float32, which is all that glTF has, and colours as RGBA bytes.

    A category becomes the colour of a class. Raises InputError for a coordinate beyond float32.
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
        rgba[:, :3] = np.array([class_color(id) for id in range(256)], np.uint8)[records["category"]]
    else:
        for column, name in enumerate(extras):
            rgba[:, column] = records[name]
    return rgba
