"""Object3D: a mesh file, a point cloud, or a scene of points, boxes and vectors."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Self

from ..._core.declaration import Document, Field, Integer, List, Map, Number, Rule, Text, reference
from ..._core.errors import DocumentError, InputError, Problem, collect, problem, raise_all
from ..._core.inputs import text
from ..._core.value import FileValue
from ..._core.wording import counted
from ...columns.arrays import Array, is_array
from . import gltf_points, meshes, ply
from . import points as cloud
from .boxes3d import BOX3D, VECTOR3D, Box3D
from .content import FILE_TYPES, SCENE_TYPES, read_content, stored_records
from .points import Bounds
from .resources import RESOURCE, Resource

_CORNER = List(Number(), 3, 3)


def _scene_has_points(document: dict[str, Any], where: str) -> Iterator[Problem]:
    for name in ("scene", "boxes", "vectors"):
        if name in document and "points" not in document:
            yield problem(f"{where}{name}", "points beside it", None, "Restore the document.", "points")


OBJECT3D = Document(
    "object3d",
    "1.0",
    "A mesh as its file, or a point cloud. Points that were given as numbers are a binary little-endian PLY whose one "
    "element `vertex` has the properties x, y, z (all float, double or int) and perhaps category (uchar, 1 to 14) or "
    "red, green, blue (uchar); behind colours that show an intensity stands intensity (float, double or int). A mesh "
    "that was given as numbers has x, y, z as float, perhaps red, green, blue, and the element `face` with the list "
    "vertex_indices (uchar int) of three. Other files are the user's, byte for byte.",
    (
        *reference("the mesh or the points"),
        Field("format", Text(choices=tuple(FILE_TYPES)), "File format of the sidecar.", column=True),
        Field("points", Integer(0), "Number of points; only a point cloud has it.", False, True),
        Field("vertices", Integer(1), "Number of vertices of all parts of a mesh; absent of babylon.", False, True),
        Field("faces", Integer(0), "Number of triangles of all parts of a mesh; absent of babylon.", False, True),
        Field(
            "bounds",
            List(_CORNER, 2, 2),
            "Smallest and largest x, y, z; of a glTF those of its scene as a player shows it at first. Of a compressed "
            "mesh they are those of the turned boxes that its accessors tell. Absent without points and of babylon.",
            False,
        ),
        Field("scene", Text(choices=SCENE_TYPES), "Kind of scene, where boxes or vectors may be shown.", False),
        Field("boxes", List(BOX3D), "Boxes of a scene.", False, default=()),
        Field("vectors", List(VECTOR3D), "Vectors of a scene.", False, default=()),
        Field("resources", Map(RESOURCE), "Buffers, materials and textures by the name the mesh gives them.", False),
        Field(
            "missing",
            List(Text(min_length=1)),
            "Materials and textures that the mesh names and that are not kept: they were not there, outside the "
            "mesh's folder, or no images.",
            False,
            default=(),
        ),
        Field("caption", Text(), "Text shown with the object.", required=False),
    ),
    (Rule("a scene has points", _scene_has_points),),
)


class Object3D(FileValue):
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

    _declaration = OBJECT3D
    format: str
    points: int | None
    vertices: int | None
    faces: int | None
    bounds: Bounds | None
    boxes: tuple[Box3D, ...]
    vectors: tuple[dict[str, Any], ...]
    missing: tuple[str, ...]
    _scene: str | None

    def __init__(
        self, data_or_path: Any, caption: str | None = None, *, file_type: str | None = None, intensity: Any = None
    ) -> None:
        problems: list[Problem] = []
        content = collect(problems, read_content, data_or_path, file_type, intensity)
        self._set(_caption=collect(problems, text, caption, "Object3D.caption"))
        raise_all(problems)
        self._set(**{f"_{name}": member for name, member in content._asdict().items()})

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
        (2, (Box3D(center=(1.0, 1.0, 1.0), size=(2.0, 2.0, 2.0), label='car'),))
        """
        scene = {"type": point_cloud_type, "points": points, "boxes": boxes, "vectors": vectors}
        return cls(scene, caption, intensity=intensity)

    @property
    def resources(self) -> dict[str, bytes]:
        """The files a mesh names, by the name it gives them."""
        return {uri: resource.blob.read() for uri, resource in self._parts().items()}

    @property
    def intensity(self) -> Array | None:
        """(n,) intensity of each point, in its own dtype; None for points without one and for a mesh."""
        if self.format != "ply" or self.points is None:
            return None
        records = self._records()
        return records[cloud.INTENSITY].copy() if cloud.INTENSITY in (records.dtype.names or ()) else None

    def to_numpy(self) -> Array:
        """(n, 3), (n, 4) or (n, 6) points in the dtype of the coordinates, as they were given.

        Integers come as int32. Other properties of a PLY file (normals, say) stay in the file.

        Raises:
            InputError: it is a mesh.
        """
        return cloud.unpack(self._records())

    def to_ply(self) -> bytes:
        """A PLY file: of points exactly (boxes and vectors have no place in it), of a mesh through trimesh."""
        if self.format == "ply":
            return self.to_bytes()
        if self.points is None:
            return meshes.export(self.to_bytes(), self.format, self._parts(), "ply", "Object3D.to_ply")
        return ply.write(self._records())

    def to_glb(self) -> bytes:
        """A GLB file: of points as float32 POINTS with colours (no boxes, no vectors), of a mesh through trimesh.

        Raises:
            InputError: a point cloud without points, or with coordinates beyond float32, which glTF cannot hold.
            CodecError: trimesh cannot read the mesh (babylon).
        """
        if self.format == "glb":
            return self.to_bytes()
        if self.points is None:
            return meshes.export(self.to_bytes(), self.format, self._parts(), "glb", "Object3D.to_glb")
        if self.points == 0:
            raise InputError.of("Object3D.to_glb", "at least one point", 0, "glTF cannot hold an empty cloud.")
        return gltf_points.write(self._records())

    def to_pts_json(self) -> bytes:
        """W&B's JSON of a point cloud or scene: 80 bytes for each coloured point; raises InputError for a mesh."""
        if self.format == "pts.json":
            return self.to_bytes()
        points: Any = self.to_numpy().tolist()
        if self.__dict__.get("_scene") is not None:
            boxes = [box._to_wandb() for box in self.boxes]
            points = {"type": self._scene, "points": points, "boxes": boxes, "vectors": self.vectors}
        return json.dumps(points, separators=(",", ":"), ensure_ascii=False).encode()

    def _facts(self) -> list[str]:
        if self.points is not None:
            scene = [f"boxes={len(self.boxes)}, vectors={len(self.vectors)}"] if self.__dict__.get("_scene") else []
            return [counted(self.points, "point"), *scene]
        counts = [f"vertices={self.vertices}, faces={self.faces}"] if self.vertices is not None else []
        return [f"{self.format} mesh", *counts]

    def _file_type(self) -> tuple[str, str]:
        return f".{self.format}", FILE_TYPES[self.format]

    def _check(self) -> None:
        if self.points is not None and self.format == "ply":
            count = ply.read_header(self.to_bytes(), "object3d", DocumentError).vertices
            if count != self.points:
                raise DocumentError.of(
                    "object3d", counted(self.points, "point"), count, "Restore the document.", "size"
                )

    def _triangles(self) -> tuple[Array, Array]:
        """(n, 3) vertices and (m, 3) indices of them: a mesh as it is drawn. Raises CodecError, InputError."""
        return meshes.triangles(self.to_bytes(), self.format, self._parts(), "Object3D")

    def _to_trimesh(self) -> Any:
        return meshes.to_trimesh(self.to_bytes(), self.format, self._parts(), "Object3D")

    def _parts(self) -> Mapping[str, Resource]:
        return self.__dict__.get("_resources") or {}

    def _records(self) -> Array:
        if self.points is None:
            raise InputError.of("Object3D", "a point cloud", f"a mesh ({self.format})", "Use to_bytes() or to_glb().")
        return stored_records(self.to_bytes(), self.format, "Object3D", DocumentError)
