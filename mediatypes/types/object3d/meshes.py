"""Mesh files: checked by parsing them with trimesh within limits, and never changed."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..._core import canonical
from ..._core.deps import need
from ..._core.errors import CodecError, InputError, MissingDependencyError
from . import gltf
from . import resources as mesh_resources
from .points import Bounds
from .resources import Found

_NOTHING = Found({}, ())


class Mesh(NamedTuple):
    """What parsing a mesh file tells. Counts and bounds are None for a format that is not parsed."""

    vertices: int | None
    faces: int | None
    bounds: Bounds | None
    found: Found


def probe(data: bytes, format: str, folder: Path | None, where: str) -> Mesh:
    """Parse a mesh of a format (obj, gltf, glb, stl, ply, babylon) with the files it names.

    Raises:
        InputError: it cannot be parsed, is empty, holds NaN or names files outside its folder.
        MissingDependencyError: trimesh is not installed.
    """
    if format == "babylon":
        _check_babylon(data, where)
        return Mesh(None, None, None, _NOTHING)
    found = _NOTHING
    if format in ("gltf", "glb"):
        named = gltf.named_files(data, format == "glb", where)
        found = mesh_resources.collect(named, folder, len(data), where)
    elif format == "obj":
        found = mesh_resources.collect(mesh_resources.of_obj(data), folder, len(data), where)
    buffers = {
        uri: resource.blob.read() for uri, resource in found.resources.items() if resource.media_type.endswith("buffer")
    }
    try:
        scene = _load(data, format, buffers, materials=False)
        return Mesh(*_measure(scene), found)
    except MissingDependencyError:
        raise
    except Exception as error:  # trimesh raises whatever its parsers stumble over
        reason = str(error).rstrip(".") or type(error).__name__
        hint = f"Parsing failed: {reason}."
        raise InputError.of(where, f"a whole file of type {format}", f"{len(data)} bytes", hint, "broken") from error


def export(data: bytes, format: str, resources: Mapping[str, bytes], to: str, where: str) -> bytes:
    """The mesh in another format (glb or ply), written by trimesh with its materials.

    Raises:
        CodecError: trimesh could not convert it.
        MissingDependencyError: trimesh is not installed.
    """
    try:
        scene = _load(data, format, resources, materials=True)
        written = scene.export(file_type=to) if to == "glb" else scene.to_mesh().export(file_type=to)
    except MissingDependencyError:
        raise
    except Exception as error:
        raise CodecError(f"{where}: expected trimesh to write {to}, got an error. {error}") from error
    return bytes(written)


def _load(data: bytes, format: str, resources: Mapping[str, bytes], *, materials: bool) -> Any:
    trimesh = need("trimesh", extra="3d", needed_for=f"Object3D of a file of type {format}")
    try:
        with np.errstate(all="ignore"):
            return trimesh.load_scene(
                BytesIO(data), file_type=format, resolver=resources, process=False, skip_materials=not materials
            )
    except ImportError as error:
        raise MissingDependencyError(error.name or "trimesh", "3d", f"Object3D of a file of type {format}") from error


def _measure(scene: Any) -> tuple[int, int, Bounds]:
    """Vertices, faces and bounds of a parsed scene that holds something, all of it finite."""
    shapes = list(scene.geometry.values())
    vertices = sum(len(shape.vertices) for shape in shapes)
    faces = sum(len(getattr(shape, "faces", ())) for shape in shapes)
    if not vertices:
        raise ValueError("it holds no vertices")
    for shape in shapes:
        if not np.isfinite(shape.vertices).all():
            raise ValueError("a vertex is not finite")
        indices = getattr(shape, "faces", None)
        if indices is not None and not (len(indices) and 0 <= indices.min() <= indices.max() < len(shape.vertices)):
            raise ValueError("it holds no faces, or one that names a vertex which is not there")
    bounds = scene.bounds
    if bounds is None or not np.isfinite(bounds).all():
        raise ValueError("no part of it is shown in the scene, or its place is not finite")
    low, high = bounds.tolist()
    return vertices, faces, (tuple(low), tuple(high))


def _check_babylon(data: bytes, where: str) -> None:
    """A Babylon scene is JSON with meshes; trimesh does not read it."""
    try:
        scene = canonical.loads(data)
    except ValueError as error:
        hint = f"Reading it failed: {error}."
        raise InputError.of(where, "a babylon file (JSON)", data[:12], hint, "broken") from error
    meshes = scene.get("meshes") if isinstance(scene, dict) else None
    if not isinstance(meshes, list) or not meshes:
        raise InputError.of(where, "a babylon scene with meshes", meshes, "Export it again.", "empty")
