"""Meshes: the documents of their parts, which events hold one by one, become those of meshes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...._core.errors import InputError, MediaTypesError, Problem, StoreError
from ...._core.sidecar import Sink
from ....runfolder import files
from . import media


class MeshMaker:
    """Makes the mesh of its parts.

    Args:
        roots: where the sidecars of the parts are.
        sink: where those of meshes go.
        problems: gets what could not be made.
    """

    def __init__(self, roots: tuple[Path, ...], sink: Sink, problems: list[Problem]) -> None:
        self._roots, self._sink, self._problems = roots, sink, problems
        self._made: dict[str, dict[str, Any] | None] = {}

    def __call__(self, parts: dict[str, Any]) -> dict[str, Any] | None:
        """The document of the mesh of these documents, by type; None if they are none."""
        key = repr(sorted((part, document["sha256"]) for part, document in parts.items()))
        if key not in self._made:
            self._made[key] = self._make(parts)
        return self._made[key]

    def _make(self, parts: dict[str, Any]) -> dict[str, Any] | None:
        """The documents of the meshes that stand in the batches of their parts."""
        arrays = {name: self._load(document) for name, document in parts.items()}
        vertices = arrays.get("mesh_vertices")
        try:
            if vertices is None:
                raise InputError.of("mesh", "vertices", None, "It is kept as tensors.")
            faces, colors = arrays.get("mesh_faces"), arrays.get("mesh_colors")
            each = [None] * len(vertices)
            all_parts = zip(
                vertices, each if faces is None else faces, each if colors is None else colors, strict=False
            )
            found = [media.mesh(points, face, color, self._sink) for points, face, color in all_parts]
            return found[0] if len(found) == 1 else None
        except (MediaTypesError, IndexError) as error:
            text = str(error).rstrip(".")
            self._problems.append(Problem("mesh", text, "mesh", "Its tensors are in events.parquet."))
            return None

    def _load(self, document: dict[str, Any]) -> np.ndarray[Any, Any]:
        for root in self._roots:
            if (root / document["path"]).is_file():
                loaded: np.ndarray[Any, Any] = np.load(root / document["path"], allow_pickle=False)
                return loaded
        raise StoreError.of(document["path"], "a sidecar of the import", "none", "Import again.")


def mesh_paths(root: Path, all: bool = False) -> set[str]:
    """The sidecars of the meshes that the history of a run shows, or all that are there."""
    import pyarrow.parquet as pq

    path = root / files.MEDIA
    if not path.is_file():
        return set()
    if all:
        return {path.relative_to(root).as_posix() for path in (root / files.SIDECARS).glob("*/*.ply")}
    table = pq.ParquetFile(path).read(["type", "path"]).to_pydict()
    return {path for type, path in zip(table["type"], table["path"], strict=True) if type == "object3d"}
