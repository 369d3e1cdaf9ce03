"""What a glTF shows: vertices and triangles counted, and the bounds of the scene, from the numbers in its buffers.

Quantized, sparse, morphed, skinned and instanced meshes are where a player puts them. Of a compressed mesh (Draco,
meshopt) the accessors say how many vertices there are and how far they reach; nothing is decompressed.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from ...columns.arrays import Array
from .boxes3d import rotation
from .gltf import MESHOPT, Gltf, count_of, instances
from .points import Bounds

_COMPONENT_TYPES = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_COMPONENTS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
_MAX_ZEROS = 2**20  # elements of an accessor that has no bytes in the file, and so is zeros
_STRIP, _FAN, _TRIANGLES = 5, 6, 4
_CHUNK = 1 << 16  # vertices that are placed at a time
_DRACO = "KHR_draco_mesh_compression"


class Extent(NamedTuple):
    """The counts go over all meshes, each counted once; bounds are None where compression hides them."""

    vertices: int
    faces: int
    bounds: Bounds | None


def measure(gltf: Gltf, buffers: list[bytes]) -> Extent:
    """What a glTF within the limits shows; a damaged one raises ValueError, TypeError, KeyError, IndexError..."""
    scene = _Scene(gltf.tree, buffers)
    primitives = [primitive for mesh in gltf.tree.get("meshes", []) for primitive in mesh["primitives"]]
    vertices = sum(scene.vertices(primitive) for primitive in primitives)
    faces = sum(scene.faces(primitive) for primitive in primitives)
    if not vertices:
        raise ValueError("it holds no vertices")
    return Extent(vertices, faces, scene.bounds())


def dense(gltf: Gltf, buffers: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
    """The same glTF for readers that know neither sparse nor normalized accessors: these become floats of their own."""
    scene, tree = _Scene(gltf.tree, buffers), dict(gltf.tree)
    views, accessors, body = list(tree.get("bufferViews", [])), list(tree.get("accessors", [])), bytearray()
    for index, accessor in enumerate(accessors):
        if "sparse" in accessor or (accessor.get("normalized") and accessor.get("bufferView") is not None):
            values = scene.read(index)
            values = values.astype("<f4") if accessor.get("normalized") else values
            data = np.ascontiguousarray(values).tobytes()
            views.append({"buffer": len(buffers), "byteOffset": len(body), "byteLength": len(data)})
            kept = {name: accessor[name] for name in ("count", "type") if name in accessor}
            component = 5126 if accessor.get("normalized") else accessor["componentType"]
            accessors[index] = {**kept, "bufferView": len(views) - 1, "componentType": component}
            body += data + b"\0" * (-len(data) % 4)
    if not body:
        return tree, buffers
    tree |= {"bufferViews": views, "accessors": accessors}
    tree["buffers"] = [*tree.get("buffers", []), {"byteLength": len(body)}]
    return tree, [*buffers, bytes(body)]


class _Scene:
    """The nodes and accessors of a glTF."""

    def __init__(self, tree: dict[str, Any], buffers: list[bytes]) -> None:
        self._tree, self._buffers = tree, buffers
        self._nodes = tree.get("nodes", [])
        self._accessors = tree.get("accessors", [])
        self._views = tree.get("bufferViews", [])

    # --- counts

    def vertices(self, primitive: dict[str, Any]) -> int:
        return count_of(self._tree, primitive["attributes"]["POSITION"])

    def faces(self, primitive: dict[str, Any]) -> int:
        corners = count_of(self._tree, primitive["indices"]) if "indices" in primitive else self.vertices(primitive)
        mode = primitive.get("mode", _TRIANGLES)
        if mode == _TRIANGLES:
            return corners // 3
        return max(corners - 2, 0) if mode in (_STRIP, _FAN) else 0

    # --- bounds

    def bounds(self) -> Bounds | None:
        """Of everything that the scene shows, in its own coordinates."""
        low, high, known = np.full(3, np.inf), np.full(3, -np.inf), True
        worlds = self._worlds()
        for index in self._shown():
            node = self._nodes[index]
            if "mesh" not in node:
                continue
            mesh = self._tree["meshes"][node["mesh"]]
            weights = node.get("weights", mesh.get("weights", ()))
            for primitive in mesh["primitives"]:
                for points in self._placed(primitive, weights, node, worlds, index):
                    known &= points is not None
                    if points is not None and len(points):
                        low, high = np.minimum(low, points.min(axis=0)), np.maximum(high, points.max(axis=0))
        if not known:
            return None
        if not np.isfinite([low, high]).all():
            raise ValueError("no part of it is shown in the scene, or a vertex or its place is not finite")
        return tuple(low.tolist()), tuple(high.tolist())

    def _shown(self) -> list[int]:
        """The nodes of the scene with all below them."""
        scenes, children = (
            self._tree.get("scenes"),
            {child for node in self._nodes for child in node.get("children", ())},
        )
        roots = set(range(len(self._nodes))) - children
        level = list(scenes[self._tree.get("scene", 0)].get("nodes", ())) if scenes else sorted(roots)
        shown: list[int] = []
        while level:
            level = [index for index in level if _is_visible(self._nodes[index])]
            shown += level
            level = [child for index in level for child in self._nodes[index].get("children", ())]
        return list(dict.fromkeys(shown))

    def _worlds(self) -> dict[int, Array]:
        """The (4, 4) matrix that places each node in the scene."""
        parents = {child: index for index, node in enumerate(self._nodes) for child in node.get("children", ())}
        worlds = {index: _matrix(node) for index, node in enumerate(self._nodes) if index not in parents}
        level = list(worlds)
        while level:
            level = [child for index in level for child in self._nodes[index].get("children", ())]
            worlds |= {child: worlds[parents[child]] @ _matrix(self._nodes[child]) for child in level}
        return worlds

    def _placed(
        self, primitive: dict[str, Any], weights: Any, node: dict[str, Any], worlds: dict[int, Array], index: int
    ) -> Iterator[Array | None]:
        """(n, 3) vertices that are drawn, in the scene's coordinates and some at a time; None where they are hidden."""
        position = primitive["attributes"]["POSITION"]
        moving = "skin" in node or any(weights)
        if self._is_hidden(position):
            if moving:
                yield None
            else:
                yield from _moved(self._corners(position), self._matrices(node, worlds[index]))
            return
        points, drawn = self.read(position), self._drawn(primitive)
        for weight, target in zip(weights, primitive.get("targets", ()), strict=False):
            if weight and "POSITION" in target:
                if self._is_hidden(target["POSITION"]):
                    yield None
                    return
                points = points + weight * self.read(target["POSITION"])
        if "skin" in node:
            yield from self._skinned(points, drawn, primitive, self._tree["skins"][node["skin"]], worlds)
        else:
            yield from _moved(points if drawn is None else points[drawn], self._matrices(node, worlds[index]))

    def _drawn(self, primitive: dict[str, Any]) -> Array | None:
        """(n,) bool: the vertices that the indices name; None for all of them."""
        if "indices" not in primitive or self._is_hidden(primitive["indices"]):
            return None
        indices, count = self.read(primitive["indices"])[:, 0], self.vertices(primitive)
        if indices.dtype.kind != "u" or not len(indices) or indices.max() >= count:
            raise ValueError("it holds no faces, or one that names a vertex which is not there")
        drawn = np.zeros(count, np.bool_)
        drawn[indices] = True
        return None if drawn.all() else drawn

    def _matrices(self, node: dict[str, Any], world: Array) -> Iterator[Array]:
        """Where a node puts its mesh: once, or as often as it is instanced."""
        instancing = node.get("extensions", {}).get("EXT_mesh_gpu_instancing")
        if instancing is None:
            yield world
            return
        parts = {name.lower(): self.read(index) for name, index in instancing["attributes"].items() if name in _TRS}
        for i in range(instances(self._tree, node)):
            yield world @ _matrix({name: values[i] for name, values in parts.items()})

    def _skinned(
        self,
        points: Array,
        drawn: Array | None,
        primitive: dict[str, Any],
        skin: dict[str, Any],
        worlds: dict[int, Array],
    ) -> Iterator[Array]:
        """Where the joints put the vertices; the node's own place does not count."""
        matrices = np.stack([worlds[joint] for joint in skin["joints"]])
        if "inverseBindMatrices" in skin:
            inverse = self.read(skin["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)
            matrices = matrices @ inverse[: len(matrices)]
        attributes = primitive["attributes"]
        names = [name.removeprefix("JOINTS_") for name in attributes if name.startswith("JOINTS_")]
        influences = [(self.read(attributes[f"JOINTS_{n}"]), self.read(attributes[f"WEIGHTS_{n}"])) for n in names]
        for start in range(0, len(points), _CHUNK):
            part = slice(start, start + _CHUNK)
            some = points[part].astype(np.float64)
            placed = np.zeros_like(some)
            for joints, weights in influences:
                for column in range(joints.shape[1]):
                    chosen, weight = matrices[joints[part, column]], weights[part, column, None]
                    placed += weight * (np.einsum("nij,nj->ni", chosen[:, :3, :3], some) + chosen[:, :3, 3])
            yield placed if drawn is None else placed[drawn[part]]

    # --- accessors

    def read(self, index: int) -> Array:
        """(n, k) values of an accessor: those of its buffer, then the sparse ones, then normalized."""
        accessor = self._accessors[index]
        dtype, width = np.dtype(_COMPONENT_TYPES[accessor["componentType"]]), _COMPONENTS[accessor["type"]]
        count = count_of(self._tree, index)
        if "bufferView" in accessor:
            values = self._values(accessor, dtype, (count, width))
        elif count > _MAX_ZEROS:
            raise ValueError(f"an accessor of {count} elements without data")
        else:
            values = np.zeros((count, width), dtype)
        if sparse := accessor.get("sparse"):
            places, values = self._sparse_part(sparse["indices"], sparse, 1)[:, 0], values.copy()
            values[places] = self._sparse_part(
                {**sparse["values"], "componentType": accessor["componentType"]}, sparse, width
            )
        if accessor.get("normalized") and dtype.kind in "iu":
            return np.maximum(values / np.iinfo(dtype).max, -1)
        return values

    def _sparse_part(self, part: dict[str, Any], sparse: dict[str, Any], width: int) -> Array:
        return self._values(part, np.dtype(_COMPONENT_TYPES[part["componentType"]]), (sparse["count"], width))

    def _values(self, accessor: dict[str, Any], dtype: np.dtype[Any], shape: tuple[int, int]) -> Array:
        """A view of the buffer's bytes."""
        view = self._views[accessor["bufferView"]]
        if view["byteLength"] < 0 or (start := view.get("byteOffset", 0)) < 0:
            raise ValueError("a buffer view outside its buffer")
        data = memoryview(self._buffers[view["buffer"]])[start : start + view["byteLength"]]
        if len(data) != view["byteLength"]:
            raise ValueError(f"a buffer view of {view['byteLength']} bytes, of which {len(data)} are there")
        width = dtype.itemsize * shape[1]
        stride, offset = view.get("byteStride", width), accessor.get("byteOffset", 0)
        if stride < width or offset < 0 or (shape[0] and offset + stride * (shape[0] - 1) + width > len(data)):
            raise ValueError(f"an accessor of {shape[0]} elements in a buffer view with {len(data)} bytes")
        return np.ndarray(shape, dtype, data, offset, (stride, dtype.itemsize))

    def _is_hidden(self, index: int) -> bool:
        """Whether the values of an accessor are there in a compressed form only."""
        accessor = self._accessors[index]
        if "bufferView" not in accessor:
            return "sparse" not in accessor and _DRACO in self._tree.get("extensionsUsed", ())
        view = self._views[accessor["bufferView"]]
        return not view.get("extensions", {}).keys().isdisjoint(MESHOPT) and not self._buffers[view["buffer"]]

    def _corners(self, index: int) -> Array:
        """(8, 3): the corners of the box that the accessor's min and max span."""
        accessor = self._accessors[index]
        if not {"min", "max"} <= accessor.keys():
            raise ValueError("a compressed mesh whose accessor has no min and max")
        limits = np.array([accessor["min"], accessor["max"]], np.float64)
        dtype = np.dtype(_COMPONENT_TYPES[accessor["componentType"]])
        if accessor.get("normalized") and dtype.kind in "iu":
            limits = np.maximum(limits / np.iinfo(dtype).max, -1)
        return np.array(list(product(*limits.T)))


_TRS = ("TRANSLATION", "ROTATION", "SCALE")


def _moved(points: Array, matrices: Iterator[Array]) -> Iterator[Array]:
    for matrix in matrices:
        is_unmoved = np.array_equal(matrix, np.eye(4))
        for start in range(0, len(points), _CHUNK):
            some = points[start : start + _CHUNK]
            yield some if is_unmoved else some.astype(np.float64) @ matrix[:3, :3].T + matrix[:3, 3]


def _matrix(node: dict[str, Any]) -> Array:
    """The (4, 4) matrix of a node: given column by column, or as translation, rotation (x, y, z, w) and scale."""
    if "matrix" in node:
        return np.array(node["matrix"], np.float64).reshape(4, 4).T
    matrix = np.eye(4)
    x, y, z, w = np.asarray(node.get("rotation", (0, 0, 0, 1)), np.float64)
    matrix[:3, :3] = rotation(np.array([w, x, y, z])) * np.asarray(node.get("scale", (1, 1, 1)), np.float64)
    matrix[:3, 3] = node.get("translation", (0, 0, 0))
    return matrix


def _is_visible(node: dict[str, Any]) -> bool:
    return bool(node.get("extensions", {}).get("KHR_node_visibility", {}).get("visible", True))
