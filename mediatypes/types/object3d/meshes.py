"""Mesh files: checked by parsing them within limits, and never changed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..._core import canonical
from ..._core.deps import need
from ..._core.errors import CodecError, InputError, MissingDependencyError
from ..._core.wording import counted
from ...columns.arrays import Array
from . import gltf, gltf_scene, ply, points
from . import resources as mesh_resources
from .points import Bounds
from .resources import NamedFiles, Resource

_NOTHING = NamedFiles({}, ())
_INDENTED = re.compile(rb"^ +", re.MULTILINE)
_WITH_COMMENT = re.compile(rb"^([vf][^#\r\n]*)#[^\r\n]*", re.MULTILINE)
_ZEROTH_CORNER = re.compile(rb"^f[^\r\n]* 0+(?:[/ \r\n]|\Z)", re.MULTILINE)
_NEGATIVE_CORNER = re.compile(rb"^f[^\r\n]*-", re.MULTILINE)
_FACE, _VERTEX = re.compile(rb"^f ", re.MULTILINE), re.compile(rb"^v[tn]? ", re.MULTILINE)
_SOLID = re.compile(rb"^[ \t]*((?:end)?solid)\b[^\r\n]*", re.MULTILINE | re.IGNORECASE)
_STL_HEADER, _STL_TRIANGLE = 84, 50  # bytes


class Mesh(NamedTuple):
    """What parsing a mesh file tells. Counts and bounds are None for a format that is not parsed."""

    vertices: int | None
    faces: int | None
    bounds: Bounds | None
    files: NamedFiles


def probe(data: bytes, format: str, folder: Path | None, where: str) -> Mesh:
    """What a mesh of a format (obj, gltf, glb, stl, ply, babylon) shows, with the files it names; raises InputError."""
    if format == "babylon":
        _check_babylon(data, where)
        return Mesh(None, None, None, _NOTHING)
    try:
        if format == "ply":
            return _probe_ply(data, where)
        if format in ("gltf", "glb"):
            return _probe_gltf(gltf.read(data, format == "glb", where), folder, len(data), where)
        named = mesh_resources.of_obj(data) if format == "obj" else ()
        files = mesh_resources.collect(named, folder, len(data), where)
        return Mesh(*_measure(_load(data, format, {}, materials=False)), files)
    except (MissingDependencyError, InputError):
        raise
    except Exception as error:  # trimesh raises whatever its parsers stumble over, and a damaged glTF is any JSON
        reason = str(error).rstrip(".") or type(error).__name__
        hint = f"Parsing failed: {reason}."
        raise InputError.of(
            where, f"a whole file of type {format}", counted(len(data), "byte"), hint, "broken"
        ) from error


def _probe_ply(data: bytes, where: str) -> Mesh:
    vertices, triangles = ply.read_mesh(data, ply.read_header(data, where, InputError), where, InputError)
    if not len(triangles):
        raise ValueError("it holds no faces")
    bounds = points.bounds(vertices)
    if bounds is None or not np.isfinite(bounds).all():
        raise ValueError("a vertex is not finite")
    return Mesh(len(vertices), len(triangles), bounds, _NOTHING)


def _probe_gltf(mesh: gltf.Gltf, folder: Path | None, size: int, where: str) -> Mesh:
    files = mesh_resources.collect(mesh.named_files(), folder, size, where)
    buffers = {uri: resource.blob.read() for uri, resource in files.resources.items() if resource.is_buffer}
    with np.errstate(all="ignore"):
        return Mesh(*gltf_scene.measure(mesh, mesh.buffers(buffers)), files)


def to_trimesh(data: bytes, format: str, resources: Mapping[str, Resource], where: str) -> Any:
    """The trimesh scene of a mesh with its materials; raises whatever trimesh's parsers stumble over."""
    files = {uri: resource.blob.read() for uri, resource in resources.items()}
    return _load(*_plain(data, format, files, where), materials=True)


def triangles(data: bytes, format: str, resources: Mapping[str, Resource], where: str) -> tuple[Array, Array]:
    """(n, 3) vertices and (m, 3) indices of a mesh, all its parts in their places.

    Raises:
        CodecError: it is too large to be drawn, or nothing here reads it.
        MissingDependencyError: trimesh is not installed, and it is no PLY.
    """
    try:
        if format == "ply":
            records, faces = ply.read_mesh(data, ply.read_header(data, where, InputError), where, InputError)
            vertices = points.unpack(records)[:, :3].astype(np.float64)
        else:
            files = {uri: resource.blob.read() for uri, resource in resources.items()}
            if format in ("gltf", "glb"):  # which may name more elements than it has bytes for
                mesh = gltf.read(data, format == "glb", where)
                gltf_scene.measure(mesh, mesh.buffers(files))
            whole = _load(*_plain(data, format, files, where), materials=False).to_mesh()
            vertices, faces = np.asarray(whole.vertices, np.float64), np.asarray(whole.faces, np.int64)
        if not len(faces) or not 0 <= faces.min() <= faces.max() < len(vertices) or not np.isfinite(vertices).all():
            raise ValueError("it has no faces, a face without its vertices, or one that is not finite")
        return vertices, faces
    except (MissingDependencyError, InputError):
        raise
    except Exception as error:
        raise CodecError(f"{where}: expected a mesh of type {format} to draw, got an error. {error}") from error


def export(data: bytes, format: str, resources: Mapping[str, Resource], to: str, where: str) -> bytes:
    """The mesh in another format (glb or ply): a glTF as GLB with all that is in it, others through trimesh.

    Raises:
        CodecError: trimesh could not convert it.
        MissingDependencyError: trimesh is not installed.
    """
    try:
        if format == "gltf" and to == "glb":
            files = {uri: resource.blob.read() for uri, resource in resources.items()}
            media_types = {uri: resource.media_type for uri, resource in resources.items()}
            return gltf.pack(gltf.read(data, False, where), files, media_types)
        scene = to_trimesh(data, format, resources, where)
        written = scene.export(file_type=to) if to == "glb" else scene.to_mesh().export(file_type=to)
    except MissingDependencyError:
        raise
    except Exception as error:
        raise CodecError(f"{where}: expected trimesh to write {to}, got an error. {error}") from error
    return bytes(written)


def _plain(data: bytes, format: str, files: dict[str, bytes], where: str) -> tuple[bytes, str, dict[str, bytes]]:
    """The same mesh for trimesh, without what it does not read: quantized and sparse glTF, unusual PLY."""
    if format == "ply" and not ply.is_plain(data, header := ply.read_header(data, where, InputError)):
        vertices, triangles = ply.read_mesh(data, header, where, InputError)
        return ply.write(vertices, triangles), format, files
    if format in ("gltf", "glb"):
        mesh = gltf.read(data, format == "glb", where)
        tree, buffers = gltf_scene.dense(mesh, mesh.buffers(files))
        if len(buffers) > len(mesh.tree.get("buffers", [])):
            parts = {f"buffer/{index}": part for index, part in enumerate(buffers)}
            packed = gltf.Gltf({**tree, "buffers": [{"uri": uri} for uri in parts]}, b"")
            return gltf.pack(packed, parts, {}), "glb", files
    return data, format, files


def _regular(data: bytes, format: str) -> bytes:
    """An OBJ or STL as trimesh needs it; it would pass over the lines of an OBJ that begin with blanks or have tabs.

    Raises ValueError where a face of an OBJ names vertex 0, which trimesh takes for the last one.
    """
    if format == "stl" and len(data) > _STL_HEADER:  # programs append their own data; of a text, the count is huge
        size = _STL_HEADER + _STL_TRIANGLE * int.from_bytes(data[_STL_HEADER - 4 : _STL_HEADER], "little")
        if _STL_HEADER < size <= len(data):
            return data[:size]
        return _as_one_solid(data if b"\n" in data else data.replace(b"\r", b"\n"))
    if format == "obj":
        data = data.replace(b"\t", b" ") if b"\n" in data else data.replace(b"\t", b" ").replace(b"\r", b"\n")
        data = _WITH_COMMENT.sub(rb"\1", _INDENTED.sub(b"", data))
        if _ZEROTH_CORNER.search(data):
            raise ValueError("a face names vertex 0, and the first one is 1")
        face = _FACE.search(data)
        if face and _VERTEX.search(data, face.start()) and _NEGATIVE_CORNER.search(data):
            data = b"\n".join(_counted_from_one(data))
    return data


def _as_one_solid(data: bytes) -> bytes:
    """A text STL whose parts are one without a name: of many, trimesh takes the square of their number."""
    marks = [mark.lower() for mark in _SOLID.findall(data)]
    if not marks:  # which is no text
        return data
    if marks[-1] != b"endsolid":
        raise ValueError("it ends before its last solid does")
    return b"solid\n" + _SOLID.sub(b"", data) + b"\nendsolid\n"


def _counted_from_one(data: bytes) -> Iterator[bytes]:
    """The lines of an OBJ whose faces count back from themselves; trimesh counts back from the end of the file."""
    counts = {b"v": 0, b"vt": 0, b"vn": 0}
    for line in data.splitlines():
        kind, _, rest = line.partition(b" ")
        if kind in counts:
            counts[kind] += 1
        elif kind == b"f" and b"-" in rest:
            line = b"f " + b" ".join(_absolute(corner, list(counts.values())) for corner in rest.split())
        yield line


def _absolute(corner: bytes, counts: list[int]) -> bytes:
    parts = zip(corner.split(b"/"), counts, strict=False)
    return b"/".join(b"%d" % (int(part) + count + 1) if part[:1] == b"-" else part for part, count in parts)


def _load(data: bytes, format: str, resources: Mapping[str, bytes], *, materials: bool) -> Any:
    trimesh = need("trimesh", extra="3d", needed_for=f"Object3D of a file of type {format}")
    try:
        with np.errstate(all="ignore"):
            return trimesh.load_scene(
                BytesIO(_regular(data, format)),
                file_type=format,
                resolver=resources,
                process=False,
                skip_materials=not materials,
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
        if shape.vertices.shape[1] != 3:
            raise ValueError(f"a vertex has {shape.vertices.shape[1]} coordinates")
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
