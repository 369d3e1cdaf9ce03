"""Object3D: a mesh file, a point cloud, or a scene of points, boxes and vectors."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any, Self

from ..._core.declaration import Document, Field, Integer, List, Map, Number, Rule, Text, reference
from ..._core.errors import DocumentError, InputError, Problem, problem
from ..._core.inputs import text
from ..._core.sidecar import Blob, Sink, Source, fetch
from ..._core.value import Value
from ...columns.arrays import Array, is_array
from . import gltf_points, meshes, ply
from . import points as cloud
from .boxes3d import BOX3D, VECTOR3D, Box3D
from .content import FILE_TYPES, SCENE_TYPES, Content, read_content, stored_records
from .points import Bounds
from .resources import RESOURCE, Found, Resource

_CORNER = List(Number(), 3, 3)


def _scene_has_points(document: dict[str, Any], where: str) -> Iterator[Problem]:
    for name in ("scene", "boxes", "vectors"):
        if name in document and "points" not in document:
            yield problem(f"{where}{name}", "points beside it", None, "Restore the document.", "points")


OBJECT3D = Document(
    "object3d",
    "1.0",
    "A mesh as its file, or a point cloud; points that were given as numbers are a binary little-endian PLY.",
    (
        *reference("the mesh or the points"),
        Field("format", Text(choices=tuple(FILE_TYPES)), "File format of the sidecar.", column=True),
        Field("points", Integer(0), "Number of points; only a point cloud has it.", False, True),
        Field("vertices", Integer(1), "Number of vertices of a mesh, as trimesh reads them.", False, True),
        Field("faces", Integer(0), "Number of triangles of a mesh, as trimesh reads them.", False, True),
        Field("bounds", List(_CORNER, 2, 2), "Smallest and largest x, y, z; absent without points.", required=False),
        Field("scene", Text(choices=SCENE_TYPES), "Kind of scene, where boxes or vectors may be shown.", False),
        Field("boxes", List(BOX3D), "Boxes of a scene.", required=False),
        Field("vectors", List(VECTOR3D), "Vectors of a scene.", required=False),
        Field(
            "resources",
            Map(RESOURCE),
            "Buffers, materials and textures by the name the mesh gives them.",
            required=False,
        ),
        Field("missing", List(Text(min_length=1)), "Materials and textures that were not found.", required=False),
        Field("caption", Text(), "Text shown with the object.", required=False),
    ),
    (Rule("a scene has points", _scene_has_points),),
)


class Object3D(Value):
    """A mesh file, kept byte for byte, or a point cloud, perhaps with boxes and vectors.

    Args:
        data_or_path: one of

            * a mesh: path, bytes, BytesIO or open file of type obj, gltf, glb, stl, ply or babylon. Buffers, materials
              and textures that a glTF or OBJ names are taken along from its own folder and nowhere else.
            * points: an (n, 3) array or list of lists of x, y, z; (n, 4) with a category 1..14; (n, 6) with red,
              green, blue 0..255. float32 and float64 coordinates are kept exactly.
            * a scene: `{"type": "lidar/beta", "points": ..., "boxes": [...], "vectors": [...]}`; see
              `from_point_cloud`.
            * a pts.json or PLY file of points, kept byte for byte.
        caption: text shown with the object.
        file_type: "obj", "gltf", "glb", "stl", "ply", "babylon" or "pts.json", where no file name tells it.
        intensity: (n,) numbers beside (n, 3) points, such as the reflectance of a LiDAR. They are kept exactly, and
            shown as colours of the map viridis, dark for the smallest and yellow for the largest.

    Raises:
        InputError: with what is wrong: shape, NaN, a range, a broken or empty mesh, a file outside its folder.
        MissingDependencyError: a mesh without the extra `3d` (trimesh).

    >>> import numpy as np
    >>> cloud = Object3D(np.array([[0, 0, 0, 255, 0, 0], [1, 2, 3, 0, 0, 255]], np.float32))
    >>> cloud.points, cloud.bounds
    (2, ((0.0, 0.0, 0.0), (1.0, 2.0, 3.0)))
    """

    declaration = OBJECT3D
    _content: Content

    def __init__(
        self, data_or_path: Any, caption: str | None = None, *, file_type: str | None = None, intensity: Any = None
    ) -> None:
        content = read_content(data_or_path, file_type, intensity)
        self._set(_caption=text(caption, "Object3D.caption"), _content=content)

    @classmethod
    def from_file(cls, data_or_path: Any, file_type: str | None = None, *, caption: str | None = None) -> Self:
        """A mesh or points from a path, bytes, BytesIO or open file; raises as `Object3D` does."""
        if is_array(data_or_path) or isinstance(data_or_path, (Mapping, list, tuple)):
            raise InputError.of("Object3D.from_file", "a path, bytes or open file", data_or_path, "Use Object3D(data).")
        return cls(data_or_path, caption, file_type=file_type)

    @classmethod
    def from_numpy(cls, data: Any, *, caption: str | None = None, intensity: Any = None) -> Self:
        """A point cloud from an (n, 3), (n, 4) or (n, 6) array or tensor; raises as `Object3D` does."""
        if not is_array(data):
            raise InputError.of("Object3D.from_numpy", "an array", data, "Use Object3D(data) for other data.")
        return cls(data, caption, intensity=intensity)

    @classmethod
    def from_point_cloud(
        cls,
        points: Any,
        boxes: Any = (),
        vectors: Any = None,
        point_cloud_type: str = "lidar/beta",
        *,
        caption: str | None = None,
        intensity: Any = None,
    ) -> Self:
        """A scene of points with boxes and vectors.

        Args:
            points: (n, 3), (n, 4) or (n, 6) array or list of lists; see `Object3D`. May be empty.
            boxes: list or array of `Box3D`, or of dicts with `corners` (8, 3) and perhaps `color`, `label`, `score`.
            vectors: list or array of dicts with `start` and `end`, each [x, y, z], and perhaps `color`, `label`.
            point_cloud_type: "lidar/beta", the one there is.
            intensity: (n,) numbers beside (n, 3) points; see `Object3D`.

        Colours of boxes and vectors are three numbers, kept as given.

        >>> car = Box3D(center=(1, 1, 1), size=(2, 2, 2), color=(0, 255, 0), label="car")
        >>> scene = Object3D.from_point_cloud([[0, 0, 0], [1, 1, 1]], [car])
        >>> scene.points, scene.boxes
        (2, (Box3D(center=(1.0, 1.0, 1.0), label='car'),))
        """
        scene = {"type": point_cloud_type, "points": points, "boxes": boxes, "vectors": vectors}
        return cls(scene, caption, intensity=intensity)

    @property
    def format(self) -> str:
        """File format of the sidecar: ply for points that were given as numbers."""
        return self._content.format

    @property
    def points(self) -> int | None:
        """Number of points of a point cloud; None for a mesh."""
        return self._content.points

    @property
    def vertices(self) -> int | None:
        """Number of vertices of a mesh as trimesh reads them; None for a point cloud or babylon."""
        return self._content.vertices

    @property
    def faces(self) -> int | None:
        """Number of triangles of a mesh as trimesh reads them; None for a point cloud or babylon."""
        return self._content.faces

    @property
    def bounds(self) -> Bounds | None:
        """Smallest and largest (x, y, z); None for no points or babylon."""
        return self._content.bounds

    @property
    def boxes(self) -> tuple[Box3D, ...]:
        """Boxes of a scene."""
        return self._content.boxes

    @property
    def vectors(self) -> tuple[dict[str, Any], ...]:
        """Vectors of a scene: dicts with start, end and perhaps color and label."""
        return deepcopy(self._content.vectors)

    @property
    def resources(self) -> dict[str, bytes]:
        """The files a mesh names, by the name it gives them."""
        return {uri: resource.blob.read() for uri, resource in self._content.found.resources.items()}

    @property
    def missing(self) -> tuple[str, ...]:
        """Materials and textures the mesh names that were not there."""
        return self._content.found.missing

    def to_bytes(self) -> bytes:
        """The file as it is stored, in `format`."""
        return self._content.blob.read()

    def to_numpy(self) -> Array:
        """(n, 3), (n, 4) or (n, 6) points in the dtype of the coordinates, as they were given.

        Integers come as int32. Other properties of a PLY file (normals, say) stay in the file.

        Raises:
            InputError: it is a mesh.
        """
        return cloud.unpack(self._records())

    @property
    def intensity(self) -> Array | None:
        """(n,) intensity of each point, in its own dtype; None for points without one and for a mesh."""
        if self.format != "ply" or self.points is None:
            return None
        records = self._records()
        return records[cloud.INTENSITY].copy() if cloud.INTENSITY in (records.dtype.names or ()) else None

    def to_ply(self) -> bytes:
        """A PLY file: of points exactly (boxes and vectors have no place in it), of a mesh through trimesh."""
        if self.format == "ply":
            return self.to_bytes()
        if self.points is None:
            return meshes.export(self.to_bytes(), self.format, self._content.found.resources, "ply", "Object3D.to_ply")
        return ply.write(self._records())

    def to_glb(self) -> bytes:
        """A GLB file: of points as float32 POINTS with colours (no boxes, no vectors), of a mesh through trimesh.

        Raises:
            InputError: a point cloud without points, which glTF cannot hold.
            CodecError: trimesh cannot read the mesh (babylon).
        """
        if self.format == "glb":
            return self.to_bytes()
        if self.points is None:
            return meshes.export(self.to_bytes(), self.format, self._content.found.resources, "glb", "Object3D.to_glb")
        if self.points == 0:
            raise InputError.of("Object3D.to_glb", "at least one point", 0, "glTF cannot hold an empty cloud.")
        return gltf_points.write(self._records())

    def to_pts_json(self) -> bytes:
        """W&B's JSON of a point cloud or scene: 80 bytes for each coloured point; raises InputError for a mesh."""
        if self.format == "pts.json":
            return self.to_bytes()
        points: Any = self.to_numpy().tolist()
        if self._content.scene is not None:
            boxes = [box._to_wandb() for box in self.boxes]
            points = {"type": self._content.scene, "points": points, "boxes": boxes, "vectors": self.vectors}
        return json.dumps(points, separators=(",", ":"), ensure_ascii=False).encode()

    def __repr__(self) -> str:
        content = self._content
        if content.points is None:
            parts = [f"{content.format} mesh"]
            parts += [f"vertices={content.vertices}, faces={content.faces}"] if content.vertices is not None else []
        else:
            parts = [f"{content.points} points"]
            parts += [f"boxes={len(content.boxes)}, vectors={len(content.vectors)}"] if content.scene else []
        parts += [f"caption={self._caption!r}"] if self._caption is not None else []
        return f"Object3D({', '.join(parts)})"

    def _records(self) -> Array:
        if self.points is None:
            raise InputError.of("Object3D", "a point cloud", f"a mesh ({self.format})", "Use to_bytes() or to_glb().")
        return stored_records(self.to_bytes(), self.format, "Object3D", DocumentError)

    def _encode(self, sink: Sink) -> dict[str, Any]:
        content = self._content
        document = content.blob.place(sink, f".{content.format}", FILE_TYPES[content.format])
        optional = {
            "points": content.points,
            "vertices": content.vertices,
            "faces": content.faces,
            "bounds": content.bounds and [list(corner) for corner in content.bounds],
            "scene": content.scene,
            "boxes": [box._to_part(sink) for box in content.boxes] or None,
            "vectors": list(self.vectors) or None,
            "resources": {uri: file._to_part(sink) for uri, file in content.found.resources.items()} or None,
            "missing": list(content.found.missing) or None,
            "caption": self._caption,
        }
        return document | {"format": content.format} | {n: item for n, item in optional.items() if item is not None}

    @classmethod
    def _decode(cls, document: dict[str, Any], source: Source) -> Self:
        blob = Blob(fetch(source, document, "object3d"), document["sha256"])
        points = document.get("points")
        if points is not None and document["format"] == "ply":
            found = ply.read_header(blob.read(), "object3d", DocumentError).vertices
            if found != points:
                raise DocumentError.of("object3d", f"{int(points)} points", found, "Restore the document.", "size")
        resources = {uri: Resource._from_part(part, source) for uri, part in document.get("resources", {}).items()}
        content = Content(
            blob,
            document["format"],
            points=_count(document, "points"),
            vertices=_count(document, "vertices"),
            faces=_count(document, "faces"),
            bounds=_bounds(document),
            scene=document.get("scene"),
            boxes=tuple(Box3D._from_part(box, source) for box in document.get("boxes", ())),
            vectors=tuple(deepcopy(document.get("vectors", ()))),
            found=Found(resources, tuple(document.get("missing", ()))),
        )
        made = cls.__new__(cls)
        made._set(_content=content, _caption=document.get("caption"))
        return made


def _count(document: dict[str, Any], name: str) -> int | None:
    return int(document[name]) if name in document else None


def _bounds(document: dict[str, Any]) -> Bounds | None:
    if "bounds" not in document:
        return None
    low, high = document["bounds"]
    return tuple(low), tuple(high)
