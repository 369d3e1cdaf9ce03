"""What the mesh plugin shows of an Object3D: vertices, triangles and a color for each vertex."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...._core.deps import need
from ...._core.errors import CodecError, InputError, MediaTypesError
from ....columns.arrays import Array


class Shape(NamedTuple):
    """A mesh, or without faces a point cloud."""

    vertices: Array  # (n, 3) float32
    faces: Array | None  # (m, 3) int32
    colors: Array | None  # (n, 3) uint8
    lost: tuple[str, ...]  # what is not shown, and why


def shape_of(value: Any) -> Shape:
    """The shape of an `Object3D`.

    Raises:
        InputError: it has no points.
        MissingDependencyError: a mesh without the extra `3d` (trimesh).
        CodecError: trimesh cannot read it.
    """
    if value.points is None:
        corners, faces, colors, lost = _mesh(value)
    else:
        points = value.to_numpy()
        corners, faces, lost = points[:, :3], None, []
        colors = points[:, 3:].astype(np.uint8) if points.shape[1] == 6 else None
        parts = {"categories": points.shape[1] == 4, "boxes": value.boxes, "vectors": value.vectors}
        lost = [f"without its {name}, which TensorBoard does not show" for name, there in parts.items() if there]
    if not len(corners):
        raise InputError.of("mesh", "at least one point", 0, "TensorBoard shows no empty cloud.")
    with np.errstate(over="ignore"):
        vertices = corners.astype(np.float32)
    if (vertices != corners).any():
        lost.append("its coordinates rounded to float32")
    return Shape(vertices, faces, colors, tuple(lost))


def _mesh(value: Any) -> tuple[Array, Array, Array | None, list[str]]:
    """The triangles of a file as trimesh reads them, all parts of a scene together."""
    need("trimesh", extra="3d", needed_for=f"a mesh of type {value.format} in an event file")
    try:
        with np.errstate(all="ignore"):
            mesh = value._to_trimesh().to_mesh()
        kind = mesh.visual.kind
        colors = np.asarray(mesh.visual.vertex_colors)[:, :3] if kind == "vertex" else None
        faces = np.asarray(mesh.faces, np.int32).reshape(-1, 3)
        lost = ["without its materials, of which TensorBoard shows none"] if kind in ("texture", "face") else []
        return np.asarray(mesh.vertices, np.float64), faces, colors, lost
    except MediaTypesError:
        raise
    except Exception as error:  # trimesh raises whatever its parsers stumble over
        reason = str(error).rstrip(".") or type(error).__name__
        raise CodecError(f"mesh: expected trimesh to read a file of type {value.format}, got {reason}") from error
