"""Meshes: events hold their parts one by one, the history what these are together."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from ...._core.codec import encode
from ...._core.errors import InputError, MediaTypesError, Problem, StoreError
from ...._core.sidecar import Sink
from ....columns.arrays import Array
from ....formats.protobuf import UINT, Message
from ....runfolder import files
from . import tensors, text
from .base import Cell, Given, Plugin

PARTS = {1: "mesh_vertices", 2: "mesh_faces", 3: "mesh_colors"}  # MeshPluginData.ContentType
_CONTENT = Message(type=(3, UINT))
_TAG = re.compile(r"_(VERTEX|FACE|COLOR|[123])$")  # of torch and TensorFlow, of tensorboardX


def convert(given: Given) -> list[Cell]:
    """(b, n, 3): one part of the meshes of a batch; any other tensor as it is."""
    array, part = given.tensor.array, PARTS.get(_CONTENT.read(given.metadata.content).get("type", 0))
    if part is None or array is None or array.ndim != 3 or array.shape[2] != 3:
        return text.convert(given)
    return [Cell("", part, tensors.document(array, given.sinks.media))]


def _key_of(tag: str) -> str:
    return _TAG.sub("", tag) or tag


PLUGIN = Plugin(convert, key_of=_key_of, shown_otherwise=tuple(PARTS.values()))


class MeshMaker:
    """Makes the meshes of their parts, whose sidecars are below `roots`; `problems` gets what could not be made."""

    def __init__(self, roots: tuple[Path, ...], sink: Sink, problems: list[Problem]) -> None:
        self._roots, self._sink, self._problems = roots, sink, problems
        self._made: dict[str, tuple[str, Any] | None] = {}

    def __call__(self, parts: dict[str, Any]) -> tuple[str, Any] | None:
        """Kind and value of the meshes of documents by type, a list if they are a batch; None if they are none."""
        key = repr(sorted((part, document["sha256"]) for part, document in parts.items()))
        if key not in self._made:
            try:
                self._made[key] = self._make({name: self._load(document) for name, document in parts.items()})
            except MediaTypesError as error:
                message = str(error).rstrip(".")
                self._problems.append(Problem("mesh", message, "mesh", "Its tensors are in events.parquet."))
                self._made[key] = None
        return self._made[key]

    def _make(self, parts: dict[str, Array]) -> tuple[str, Any]:
        sizes = {name: len(array) for name, array in parts.items()}
        if "mesh_vertices" not in parts or len(set(sizes.values())) != 1 or not sizes["mesh_vertices"]:
            raise InputError.of("mesh", "vertices, and as many faces and colors", sizes, "It is kept as tensors.")
        others = (parts.get("mesh_faces"), parts.get("mesh_colors"))
        documents = []
        for i in range(sizes["mesh_vertices"]):
            faces, colors = (None if part is None else part[i] for part in others)
            documents.append(_document(parts["mesh_vertices"][i], faces, colors, self._sink))
        return ("object3d", documents[0]) if len(documents) == 1 else ("media_list", documents)

    def _load(self, document: dict[str, Any]) -> Array:
        for root in self._roots:
            if (root / document["path"]).is_file():
                loaded: Array = np.load(root / document["path"], allow_pickle=False)
                return loaded
        raise StoreError.of(document["path"], "a sidecar of the import", "none", "Import again.")


def mesh_paths(root: Path, is_all: bool = False) -> set[str]:
    """The sidecars of the meshes that the history of a run shows, or all that are there."""
    import pyarrow.parquet as pq

    path = root / files.MEDIA
    if not path.is_file():
        return set()
    if is_all:
        return {path.relative_to(root).as_posix() for path in (root / files.SIDECARS).glob("*/*.ply")}
    table = pq.ParquetFile(path).read(["type", "path"]).to_pydict()
    return {path for type, path in zip(table["type"], table["path"], strict=True) if type == "object3d"}


def _document(vertices: Array, faces: Array | None, colors: Array | None, sink: Sink) -> dict[str, Any]:
    """A point cloud of (n, 3) vertices, or with (m, 3) faces a mesh as binary PLY; colours are 0 to 255."""
    from ....types.object3d.content import mesh_content
    from ....types.object3d.value import Object3D

    if colors is not None:
        colors = np.clip(np.rint(colors), 0, 255)
    if faces is None:
        return encode(Object3D(vertices if colors is None else np.hstack([vertices, colors])), sink)
    if (colors is not None and colors.shape != vertices.shape) or not np.isfinite(vertices).all() or not len(vertices):
        raise InputError.of("mesh", "finite vertices, and a color for each", vertices, "It is kept as tensors.")
    if faces.size and (faces.min() < 0 or faces.max() >= len(vertices)):
        raise InputError.of("mesh", f"faces of vertices 0 to {len(vertices) - 1}", faces, "It is kept as tensors.")
    return encode(Object3D._of(**mesh_content(vertices, faces, colors)._asdict()), sink)
