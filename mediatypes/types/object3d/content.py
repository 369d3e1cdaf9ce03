"""What an Object3D shows: a file kept as it is, or points packed into one."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..._core import canonical
from ..._core.errors import InputError, ValidationError, collect, problem, raise_all
from ..._core.inputs import is_among, is_path, read_blob, read_open_file, text
from ..._core.sidecar import Blob
from ...columns.arrays import Array, is_array
from . import meshes, ply
from . import points as cloud
from .boxes3d import Box3D, read_boxes, read_vectors
from .points import Bounds
from .resources import MAX_BYTES, Resource

FILE_TYPES = {
    "obj": "model/obj",
    "gltf": "model/gltf+json",
    "glb": "model/gltf-binary",
    "stl": "model/stl",
    "ply": "model/ply",
    "babylon": "application/json",
    "pts.json": "application/json",
}
SCENE_TYPES = ("lidar/beta",)
_WHERE = "Object3D"
_SCENE_MEMBERS = ("type", "points", "boxes", "vectors")
_ARCHIVES = (b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"7z\xbc\xaf", b"\xfd7zXZ", b"Rar!", b"\x28\xb5\x2f\xfd")


class Content(NamedTuple):
    """The sidecar and what is known of it: the members of the document."""

    blob: Blob
    format: str
    points: int | None = None
    vertices: int | None = None
    faces: int | None = None
    bounds: Bounds | None = None
    scene: str | None = None
    boxes: tuple[Box3D, ...] = ()
    vectors: tuple[dict[str, Any], ...] = ()
    resources: Mapping[str, Resource] | None = None
    missing: tuple[str, ...] = ()


def read_content(data: Any, file_type: str | None, intensity: Any) -> Content:
    """The content of whatever `Object3D` accepts; raises InputError."""
    is_scene = isinstance(data, Mapping)
    if not is_scene and not is_array(data) and not isinstance(data, (list, tuple)):
        if intensity is not None:
            raise InputError.of(f"{_WHERE}.intensity", "none beside a file", intensity, "Pass the points as an array.")
        return _read_file(data, file_type)
    if file_type is not None:
        raise InputError.of(f"{_WHERE}.file_type", "no file_type beside points", file_type, "Leave it out.")
    records, scene = _read_points(data, intensity)
    return _cloud(Blob(ply.write(records)), "ply", records)._replace(**scene)


def stored_records(data: bytes, format: str, where: str, error: type[ValidationError]) -> Array:
    """(n,) records of the points in a PLY or pts.json file."""
    if format == "ply":
        return ply.read(data, ply.read_header(data, where, error), where, error)
    points = _load_json(data, where, error)
    return cloud.pack(points.get("points", []) if isinstance(points, dict) else points, where, error)


def _cloud(blob: Blob, format: str, records: Array) -> Content:
    return Content(blob, format, points=len(records), bounds=cloud.bounds(records))


def _read_points(data: Any, intensity: Any = None) -> tuple[Array, dict[str, Any]]:
    """The records of points or of a scene's points, and what else the scene holds."""
    if isinstance(data, Mapping):
        return _read_scene(data, _WHERE, intensity)
    return cloud.pack(data, _WHERE, InputError, intensity), {}


def _read_scene(scene: Mapping[Any, Any], where: str, intensity: Any) -> tuple[Array, dict[str, Any]]:
    """The records of a scene's points, and its other content; the problems of all its parts at once."""
    problems = [
        problem(where, f"only {', '.join(_SCENE_MEMBERS)}", name, "Leave it out.")
        for name in scene
        if name not in _SCENE_MEMBERS
    ]
    if not is_among(kind := scene.get("type"), SCENE_TYPES):
        problems.append(problem(f"{where}.type", "'lidar/beta'", kind, "It is the one kind of scene there is."))
    parts: dict[str, Any] = {}
    readers: dict[str, Callable[[Any, str], Any]]
    readers = {"points": partial(_points_of_scene, intensity=intensity), "boxes": read_boxes, "vectors": read_vectors}
    for name, read in readers.items():
        parts[name] = collect(problems, read, scene.get(name), f"{where}.{name}")
    raise_all(problems)
    return parts.pop("points"), {"scene": kind, **parts}


def _points_of_scene(points: Any, where: str, intensity: Any) -> Array:
    if points is None or (isinstance(points, np.ndarray) and points.shape == (0,)):
        points = []
    return cloud.pack(points, where, InputError, intensity)


def _read_file(data: Any, file_type: str | None) -> Content:
    name = _name_of(data)
    format = _format(name, file_type, data)
    blob = read_blob(_binary(data), _WHERE)
    if blob is None:
        raise InputError.of(_WHERE, "a path, bytes, open file, array or scene", data, "See help(Object3D).")
    if blob.size > MAX_BYTES:
        raise InputError.of(_WHERE, f"at most {MAX_BYTES} bytes", blob.size, "Log a smaller one.", "large")
    content = blob.read()
    if content.startswith(_ARCHIVES):
        raise InputError.of(_WHERE, f"a file of type {format}", "an archive", "Unpack it first.", "archive")
    if format == "pts.json":
        records, scene = _read_points(_load_json(content, _WHERE, InputError))
        return _cloud(blob, "pts.json", records)._replace(**scene)
    if format == "ply" and not (header := ply.read_header(content, _WHERE, InputError)).is_mesh:
        return _checked_cloud(blob, ply.read(content, header, _WHERE, InputError))
    folder = Path(name).parent if name and os.path.isfile(name) else None
    mesh = meshes.probe(content, format, folder, _WHERE)
    return Content(blob, format, None, mesh.vertices, mesh.faces, mesh.bounds, None, (), (), *mesh.files)


def mesh_content(vertices: Array, triangles: Array, colors: Array | None) -> Content:
    """A mesh of finite (n, 3) vertices, (m, 3) indices of them and perhaps (n, 3) colours 0 to 255, as PLY."""
    points = vertices.astype(np.float32) if colors is None else np.hstack([vertices, colors]).astype(np.float32)
    records = cloud.pack(points, _WHERE, InputError)
    size, bounds = len(vertices), cloud.bounds(records)
    return Content(Blob(ply.write(records, triangles)), "ply", None, size, len(triangles), bounds)


def _checked_cloud(blob: Blob, records: Array) -> Content:
    """A user's PLY: what it shows is finite."""
    with np.errstate(invalid="ignore"):
        cloud = _cloud(blob, "ply", records)
    if cloud.bounds is not None and not np.isfinite(cloud.bounds).all():
        hint = "Write it again without such points."
        raise InputError.of(_WHERE, "finite coordinates", f"bounds {cloud.bounds}", hint, "nan")
    return cloud


def _load_json(content: bytes, where: str, error: type[ValidationError]) -> Any:
    try:
        points = canonical.loads(content)
    except ValueError as broken:
        raise error.of(where, "a pts.json file", content[:12], f"Reading it failed: {broken}.", "broken") from broken
    if not isinstance(points, (list, dict)):
        raise error.of(where, "a list of points or a scene", points, "See Object3D.from_point_cloud.", "broken")
    return points


def _name_of(data: Any) -> str | None:
    """The path, or the name of an open file."""
    name = os.fsdecode(data) if is_path(data) else getattr(data, "name", None)
    return name if isinstance(name, str) else None


def _format(name: str | None, file_type: str | None, data: Any) -> str:
    known = ", ".join(FILE_TYPES)
    if file_type is not None:
        format = file_type.lower().removeprefix(".") if isinstance(file_type, str) else None
        if format not in FILE_TYPES:
            raise InputError.of(f"{_WHERE}.file_type", f"one of {known}", file_type, "Convert it, say to glb.")
        return format
    if name is None:
        if not isinstance(data, (bytes, bytearray, memoryview)) and not hasattr(data, "read"):
            raise InputError.of(_WHERE, "a path, bytes, open file, array or scene", data, "See help(Object3D).")
        raise InputError.of(f"{_WHERE}.file_type", f"one of {known}", None, "Say what the bytes are.", "file-type")
    for format in FILE_TYPES:
        if name.lower().endswith(f".{format}"):
            return format
    hint = "Convert it, or pass file_type= if the name does not tell the type."
    raise InputError.of(_WHERE, f"a file of type {known}", name, hint, "file-type")


def _binary(data: Any) -> Any:
    """The bytes behind a file that was opened as text, which is how W&B's documentation opens meshes."""
    if isinstance(data, io.TextIOWrapper):
        return data.buffer
    if not isinstance(data, io.StringIO):
        return data
    return str(text(read_open_file(data, _WHERE), _WHERE)).encode()
