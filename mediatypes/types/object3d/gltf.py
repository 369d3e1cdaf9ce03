"""glTF 2.0: limits that hold before a mesh is built, and a writer of point clouds as GLB.

The format is ISO/IEC 12113; a GLB holds a JSON chunk and a binary chunk.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..._core import canonical
from ..._core.errors import InputError
from ...columns.arrays import Array
from .points import AXES, CATEGORIES, CATEGORY, extras_of
from .resources import BUFFER, TEXTURE

MAX_DEPTH = 128
MAX_NODES = 100_000
MAX_ELEMENTS = 2**27  # vertices and indices of all meshes, each counted as often as a node shows it
_JSON, _BIN = 0x4E4F534A, 0x004E4942
_FLOAT, _UBYTE, _POINTS, _ARRAY_BUFFER = 5126, 5121, 0, 34962


def named_files(data: bytes, binary: bool, where: str) -> list[tuple[str, str]]:
    """(URI, role) of each file that a glTF or GLB names, once it is known to keep the limits of this module.

    Raises:
        InputError: not glTF 2.x, JSON that cannot be read, a cycle of nodes, too many or too deep nodes.
    """
    try:
        tree = canonical.loads(_json_chunk(data) if binary else data)
    except (ValueError, struct.error) as error:
        name = "GLB" if binary else "glTF"
        raise InputError.of(where, f"a {name} file", data[:12], f"Reading it failed: {error}.", "broken") from error
    try:
        _check(tree, where)
        return list(_uris(tree))
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        hint = f"Reading it failed: {type(error).__name__}: {error}."
        raise InputError.of(where, "a well-formed glTF", data[:12], hint, "broken") from error


def _uris(tree: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for member, role in (("buffers", BUFFER), ("images", TEXTURE)):
        for item in tree.get(member, []):
            uri = item.get("uri")
            if isinstance(uri, str) and not uri.startswith("data:"):
                yield uri, role


def _json_chunk(data: bytes) -> bytes:
    magic, version, length, size, kind = struct.unpack_from("<4sIIII", data)
    if magic != b"glTF" or version != 2 or kind != _JSON:
        raise ValueError("the header is not that of GLB 2")
    if length > len(data) or 20 + size > len(data):
        raise ValueError(f"it announces {max(length, 20 + size)} bytes and has {len(data)}")
    return data[20 : 20 + size]


def _check(tree: dict[str, Any], where: str) -> None:
    version = str(tree["asset"]["version"])
    if not version.startswith("2."):
        raise InputError.of(where, "glTF 2.x", version, "Convert it to glTF 2.", "version")
    nodes = tree.get("nodes", [])
    if len(nodes) > MAX_NODES:
        raise InputError.of(where, f"at most {MAX_NODES} nodes", len(nodes), "Join the meshes.", "large")
    depth = max(_depths(nodes, where), default=0)
    if depth > MAX_DEPTH:
        raise InputError.of(where, f"nodes nested at most {MAX_DEPTH} deep", depth, "Flatten the scene.", "depth")
    if any("bufferView" not in accessor for accessor in tree.get("accessors", [])):
        hint = "Save it without compression (Draco) and without sparse accessors."
        raise InputError.of(where, "accessors with a bufferView", "one without", hint, "accessor")
    sizes = [sum(_elements(tree, primitive) for primitive in mesh["primitives"]) for mesh in tree.get("meshes", [])]
    total = sum(sizes) + sum(sizes[node["mesh"]] for node in nodes if "mesh" in node)
    if total > MAX_ELEMENTS:
        raise InputError.of(where, f"at most {MAX_ELEMENTS} vertices and indices", total, "Simplify it.", "large")


def _depths(nodes: list[Any], where: str) -> Iterator[int]:
    """The depth of each node, in a strict forest as glTF demands: one parent at most and no cycle."""
    children = [node.get("children", []) for node in nodes]
    named = [child for each in children for child in each]
    if any(type(child) is not int or not 0 <= child < len(nodes) for child in named):
        raise ValueError("a child that is no node")
    if len(set(named)) != len(named):
        raise InputError.of(where, "nodes with one parent", "a node with several", "Copy the node.", "cycle")
    level, depth, seen = sorted(set(range(len(nodes))) - set(named)), 1, 0
    while level:
        seen += len(level)
        yield depth
        level, depth = [child for node in level for child in children[node]], depth + 1
    if seen != len(nodes):
        raise InputError.of(where, "nodes without a cycle", f"{len(nodes) - seen} in cycles", "Fix the tree.", "cycle")


def _elements(tree: dict[str, Any], primitive: dict[str, Any]) -> int:
    used = [primitive["attributes"]["POSITION"], *([primitive["indices"]] if "indices" in primitive else [])]
    counts = [tree["accessors"][index]["count"] for index in used]
    if not all(type(count) is int and count >= 0 for count in counts):
        raise ValueError("a count that is not a whole number")
    return sum(counts)


def write_points(records: Array) -> bytes:
    """A GLB of one POINTS primitive: positions as float32, which is all that glTF has, and colours as RGBA bytes.

    A category becomes a colour: the hues of a circle in 14 steps.
    """
    positions = np.stack([records[axis] for axis in AXES], axis=1).astype("<f4")
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
    header = json.dumps(tree, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 4)
    body = b"".join(parts)  # floats and RGBA: always a multiple of 4 bytes
    chunks = (struct.pack("<II", len(header), _JSON), header, struct.pack("<II", len(body), _BIN), body)
    return b"".join((struct.pack("<4sII", b"glTF", 2, 12 + sum(map(len, chunks))), *chunks))


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
