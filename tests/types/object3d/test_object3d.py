"""Object3D and Box3D: meshes, point clouds and scenes, real and hostile."""

# ruff: noqa: E501 - messages stand whole

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
import skimage.data
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image as PILImage
from scipy.spatial.transform import Rotation
from trimesh.exchange.gltf import export_gltf

import mediatypes as mt
from mediatypes._core.palette import class_color
from mediatypes.testing.contract import ValueContract
from mediatypes.types.object3d import ply, resources
from mediatypes.types.object3d import points as cloud
from tests.samples import FakeTensor

Array = np.ndarray[Any, np.dtype[Any]]
MESH_TYPES = ("obj", "stl", "ply", "glb")
DOCS_BOX = {
    "corners": [[0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0], [1, 1, 0], [0, 1, 1], [1, 0, 1], [1, 1, 1]],
    "label": "Box",
    "color": [123, 321, 111],
}
DOCS_VECTOR = {"start": [0, 0, 0], "end": [0.1, 0.2, 0.5]}
PLY_ASCII = (
    "ply\nformat ascii 1.0\ncomment by hand\nelement vertex {}\nproperty float x\nproperty float y\nproperty float z\n"
)
TRIANGLE = b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"


def motorcycle() -> Array:
    """(n, 6) float32: a photographed scene, its depth from the stereo disparity shipped with scikit-image."""
    folder = Path(skimage.data.__file__).parent
    disparity = np.load(folder / "motorcycle_disp.npz")["arr_0"]
    colors = np.asarray(PILImage.open(folder / "motorcycle_left.png").convert("RGB"))
    rows, columns = np.nonzero(np.isfinite(disparity) & (disparity > 0))
    rows, columns = rows[::50], columns[::50]
    depth = 994.978 * 193.001 / (disparity[rows, columns] + 31.1)
    x, y = (columns - 311.193) * depth / 994.978, (rows - 254.877) * depth / 994.978
    return np.column_stack([x, y, depth, colors[rows, columns]]).astype(np.float32)


def loaded(data: bytes, file_type: str) -> Any:
    """What trimesh reads."""
    return trimesh.load(io.BytesIO(data), file_type=file_type)


def ball() -> trimesh.Trimesh:
    return trimesh.creation.icosphere(subdivisions=2)


def export(mesh: trimesh.Trimesh, file_type: str) -> bytes:
    data: Any = mesh.export(file_type=file_type)
    return data if isinstance(data, bytes) else bytes(data.encode())


def gltf_folder(folder: Path, change: Callable[[dict[str, Any]], None] = lambda tree: None) -> Path:
    """A glTF with its buffers beside it, its JSON changed."""
    folder.mkdir(exist_ok=True)
    for name, data in export_gltf(trimesh.Scene(ball())).items():
        (folder / name).write_bytes(data)
    path = folder / "model.gltf"
    tree = json.loads(path.read_bytes())
    change(tree)
    path.write_text(json.dumps(tree))
    return path


def textured_obj(folder: Path) -> Path:
    (folder / "textures").mkdir(exist_ok=True)
    PILImage.fromarray(skimage.data.astronaut()[::16, ::16]).save(folder / "textures" / "skin.PNG")
    (folder / "model.mtl").write_text("newmtl skin\nKd 1 1 1\nmap_Kd -s 1 1 1 ./textures/skin.PNG\nmap_bump gone.jpg\n")
    path = folder / "model.obj"
    path.write_text("mtllib model.mtl\nusemtl skin\nv 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 0 1\nf 1/1 2/2 3/3\n")
    return path


def refused(*arguments: Any, **options: Any) -> str:
    with pytest.raises(mt.InputError) as caught:
        mt.Object3D(*arguments, **options)
    return str(caught.value)


def round_trip(value: mt.Object3D) -> tuple[mt.Object3D, dict[str, Any]]:
    store = mt.MemoryStore()
    document = mt.encode(value, store)
    return mt.decode(document, store), document


class TestObject3DContract(ValueContract):
    def examples(self) -> dict[str, Any]:
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            textured = mt.Object3D(textured_obj(Path(folder)), caption="a triangle")
        boxes = [
            mt.Box3D(
                center=(1, 2, 3), size=(1, 2, 3), orientation=(1, 0, 0, 1), color=(0, 255, 0), label="car", score=1
            ),
            DOCS_BOX,
        ]
        vectors = [{**DOCS_VECTOR, "color": [1, 2, 3], "label": "speed"}]
        return {
            "points": mt.Object3D(motorcycle()[:100], caption="a motorcycle"),
            "scene": mt.Object3D.from_point_cloud([[0, 0, 0, 14]], boxes, vectors),
            "no points": mt.Object3D(np.empty((0, 3))),
            "mesh": mt.Object3D(export(ball(), "glb"), file_type="glb"),
            "with files": textured,
            "babylon": mt.Object3D(b'{"meshes": [{"name": "a"}]}', file_type="babylon"),
            "pts.json": mt.Object3D(b"[[1, 2, 3]]", file_type="pts.json"),
        }

    def bad_documents(self) -> dict[str, tuple[dict[str, Any], str]]:
        return {
            "count": ({"points": 99}, "object3d: expected 99 points, got 100. Restore the document."),
            "format": (
                {"format": "fbx"},
                "format: expected one of obj, gltf, glb, stl, ply, babylon, pts.json, got 'fbx'.",
            ),
            "bounds": ({"bounds": [[0, 0, 0]]}, "bounds: expected a list of at least 2 and at most 2 a list of at "
                       "least 3 and at most 3 a finite number, got 1 of them."),
        }  # fmt: skip


# --- point clouds


def test_a_real_coloured_cloud_comes_back_exactly() -> None:
    points = motorcycle()
    assert len(points) > 5000
    value, document = round_trip(mt.Object3D(points))
    assert value.to_numpy().dtype == np.float32
    assert np.array_equal(value.to_numpy(), points)
    assert document["points"] == value.points == len(points)
    assert document["bounds"] == [points[:, :3].min(axis=0).tolist(), points[:, :3].max(axis=0).tolist()]
    assert document["format"] == "ply"
    assert document["size"] < 15 * len(points) + 300


@pytest.mark.parametrize("columns", [3, 4, 6])
@pytest.mark.parametrize(("given_", "stored"), [("f2", "f4"), ("f4", "f4"), ("f8", "f8"), (">f8", "f8"), ("u1", "i4"),
                                               ("i8", "i4")])  # fmt: skip
def test_coordinates_keep_their_values_and_float_size(columns: int, given_: str, stored: str) -> None:
    points = (np.arange(columns * 4).reshape(4, columns) % 14 + 1).astype(given_)
    value, _ = round_trip(mt.Object3D(points))
    assert value.to_numpy().dtype == np.dtype(stored)
    assert np.array_equal(value.to_numpy(), points)


@given(
    hnp.arrays(
        st.sampled_from([np.float32, np.float64, np.int16, np.int64]),
        st.tuples(st.integers(0, 5), st.just(3)),
        elements=st.integers(-1000, 1000),
    )
)
@settings(max_examples=60, deadline=None)
def test_any_coordinates_survive(points: Array) -> None:
    value, document = round_trip(mt.Object3D(points))
    assert np.array_equal(value.to_numpy(), points)
    assert round_trip(value)[1] == document


def test_floats_keep_every_bit() -> None:
    points = np.array([[np.nextafter(0, 1), -0.0, 1.7e308], [-1.7e308, np.pi, 1.7e308]])
    assert round_trip(mt.Object3D(points))[0].to_numpy().tobytes() == points.tobytes()


def test_wide_integers_are_kept_as_float64_or_refused() -> None:
    assert mt.Object3D(np.array([[2**40, 0, -1]])).to_numpy().tolist() == [[2.0**40, 0.0, -1.0]]
    assert refused(np.array([[2**53 + 1, 0, 0]])) == (
        "Object3D[:, 0]: expected integers that float64 can hold, got 9007199254740993. Subtract an origin first."
    )


def test_the_caller_may_change_the_array_afterwards() -> None:
    points = np.ones((2, 3))
    value = mt.Object3D(points)
    points[:] = 7
    assert value.to_numpy().max() == 1


def test_lists_tensors_and_from_numpy_mean_the_same(fake_torch: None) -> None:
    points = np.array([[0.5, 1, 2], [3, 4, 5]])
    expected = mt.Object3D(points)
    assert mt.Object3D(points.tolist()) == mt.Object3D(FakeTensor(points)) == mt.Object3D.from_numpy(points) == expected


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (
            np.zeros((2, 5)),
            "Object3D: expected (n, 3) of x, y, z; (n, 4) with a category 1..14; or (n, 6) with red, green, blue "
            "0..255, got ndarray of shape (2, 5) and dtype float64. Choose these columns. An intensity goes beside x, "
            "y, z: Object3D(points[:, :3], intensity=points[:, 3]); or leave it out.",
        ),
        (
            np.zeros((3, 100)),
            "Object3D: expected (n, 3) of x, y, z; (n, 4) with a category 1..14; or (n, 6) with red, green, blue "
            "0..255, got ndarray of shape (3, 100) and dtype float64. It looks like one row for each coordinate: "
            "pass points.T.",
        ),
        (
            np.zeros((2, 2, 3)),
            "Object3D: expected (n, 3) of x, y, z; (n, 4) with a category 1..14; or (n, 6) with red, green, blue "
            "0..255, got ndarray of shape (2, 2, 3) and dtype float64. Flatten it: points.reshape(-1, "
            "points.shape[-1]).",
        ),
        (
            [[0, 0, np.nan], [np.inf, 0, 0]],
            "2 problems:\n"
            "- Object3D[:, 0]: expected finite coordinates, got 1 of 2 that are not, the first at index 1. Drop such "
            "points: points[np.isfinite(points).all(axis=1)].\n"
            "- Object3D[:, 2]: expected finite coordinates, got 1 of 2 that are not, the first at index 0. Drop such "
            "points: points[np.isfinite(points).all(axis=1)].",
        ),
        (
            [[0, 0, 0, 0], [0, 0, 0, 15]],
            "Object3D[:, 3]: expected a category from 1 to 14, got values from 0 to 15. Renumber the categories. An "
            "intensity goes beside x, y, z: Object3D(points[:, :3], intensity=points[:, 3]); or leave it out.",
        ),
        (
            [[0, 0, 0, 1.5]],
            "Object3D[:, 3]: expected whole numbers, got 1.5. An intensity goes beside x, y, z: Object3D(points[:, :3], "
            "intensity=points[:, 3]); or leave it out.",
        ),
        (
            [[0, 0, 0, 0, 0, 300]],
            "Object3D[:, 5]: expected a colour from 0 to 255, got values from 300 to 300. Clip them with "
            "np.clip(colours, 0, 255).",
        ),
        (
            [[0, 0, 0, 1, 0.25, 0]],
            "Object3D[:, 4]: expected whole numbers, got 0.25. Scale 0..1 colours: np.rint(255 * colours).",
        ),
        (
            [[0, 0, 0, 1, np.nan, 0]],
            "Object3D[:, 4]: expected a colour from 0 to 255, got values from nan to nan. Clip them with "
            "np.clip(colours, 0, 255).",
        ),
    ],
)  # fmt: skip
def test_points_that_are_no_cloud_are_refused(points: Any, message: str) -> None:
    assert refused(points) == message


def test_a_cloud_is_exported_as_ply_that_trimesh_reads() -> None:
    points = motorcycle()[:500]
    cloud = loaded(mt.Object3D(points).to_ply(), "ply")
    assert np.array_equal(cloud.vertices, points[:, :3])
    assert np.array_equal(cloud.colors[:, :3], points[:, 3:])


def test_a_cloud_is_exported_as_glb_that_trimesh_reads() -> None:
    points = motorcycle()[:500]
    scene = loaded(mt.Object3D(points).to_glb(), "glb")
    (cloud,) = scene.geometry.values()
    assert np.array_equal(cloud.vertices, points[:, :3])
    assert np.array_equal(cloud.colors, np.column_stack([points[:, 3:], np.full(500, 255)]))
    assert mt.Object3D(mt.Object3D(points).to_glb(), file_type="glb").vertices == 500


def test_categories_get_different_colours_in_a_glb() -> None:
    points = np.column_stack([np.zeros((14, 3)), np.arange(1, 15)])
    (cloud,) = loaded(mt.Object3D(points).to_glb(), "glb").geometry.values()
    assert len(np.unique(cloud.colors, axis=0)) == 14
    assert cloud.colors[:, :3].tolist() == [list(class_color(category)) for category in range(1, 15)]


def test_an_empty_cloud_has_no_glb() -> None:
    value = mt.Object3D(np.empty((0, 3)))
    assert (value.points, value.bounds, value.to_pts_json()) == (0, None, b"[]")
    with pytest.raises(mt.InputError) as caught:
        value.to_glb()
    assert str(caught.value) == (
        "Object3D.to_glb: expected at least one point, got 0. glTF cannot hold an empty cloud."
    )  # fmt: skip


def test_pts_json_is_what_wandb_writes_and_reads_back() -> None:
    points = np.array([[0.1, 1, 2, 3], [4, 5, 6, 14]])
    text = mt.Object3D(points).to_pts_json()
    assert json.loads(text) == points.tolist()
    kept, document = round_trip(mt.Object3D(text, file_type="pts.json"))
    assert (document["format"], document["points"]) == ("pts.json", 2)
    assert kept.to_bytes() == kept.to_pts_json() == text
    assert np.array_equal(kept.to_numpy(), points)
    assert kept.to_ply() == mt.Object3D(points).to_ply()


@pytest.mark.parametrize("format", ["ascii", "binary_little_endian", "binary_big_endian"])
def test_a_ply_of_points_by_others_is_kept_and_read(format: str) -> None:
    names = ("x", "y", "z", "nx", "red", "green", "blue")
    order = ">" if "big" in format else "<"
    records = np.zeros(3, [(name, "u1" if name in cloud.COLOR else order + "f4") for name in names])
    for i, name in enumerate(names):
        records[name] = np.arange(3) + i
    lines = [f"property {'uchar' if name in cloud.COLOR else 'float32'} {name}" for name in names]
    header = "\r\n".join(["ply", f"format {format} 1.0", "obj_info x", "element vertex 3", *lines, "end_header", ""])
    body = "\n".join(" ".join(map(str, row)) for row in records.tolist()).encode()
    data = header.encode() + (body if format == "ascii" else records.tobytes())
    value, document = round_trip(mt.Object3D(data, file_type="ply"))
    assert value.to_bytes() == value.to_ply() == data
    assert value.to_numpy().tolist() == [[i, i + 1, i + 2, i + 4, i + 5, i + 6] for i in range(3)]
    assert value.to_numpy().dtype == np.dtype("f4")
    assert document["bounds"] == [[0, 1, 2], [2, 3, 4]]


# --- intensity


@pytest.mark.parametrize("dtype", ["f4", "f8", "u1", "i8"])
def test_an_intensity_is_kept_and_shown_as_colours(dtype: str) -> None:
    points = motorcycle()[:200, :3]
    intensity = (np.arange(200) % 64).astype(dtype)
    value, document = round_trip(mt.Object3D(points, intensity=intensity))
    assert value.intensity is not None
    assert np.array_equal(value.intensity, intensity)
    assert np.array_equal(value.to_numpy()[:, :3], points)
    expected = 255 * matplotlib.colormaps["viridis"](intensity / 63)[:, :3]
    assert np.abs(value.to_numpy()[:, 3:] - expected).max() < 6  # linear between 17 of its colours
    assert np.array_equal(loaded(value.to_ply(), "ply").vertices, points)
    assert mt.Object3D.from_numpy(points, intensity=intensity) == value
    scene = mt.Object3D.from_point_cloud(points, [DOCS_BOX], intensity=intensity[:, None])
    assert scene.intensity is not None
    assert np.array_equal(scene.intensity, intensity)
    assert document["points"] == 200


def test_other_objects_have_no_intensity() -> None:
    assert mt.Object3D([[1, 2, 3]]).intensity is None
    assert mt.Object3D(TRIANGLE, file_type="obj").intensity is None
    empty = mt.Object3D(np.empty((0, 3)), intensity=[]).intensity
    assert empty is not None
    assert empty.tolist() == []
    constant = mt.Object3D(np.zeros((2, 3)), intensity=[7, 7])
    assert constant.to_numpy()[:, 3:].tolist() == [[68, 1, 84]] * 2


@pytest.mark.parametrize(
    ("data", "intensity", "message"),
    [
        (np.zeros((2, 4)), [1, 2], "Object3D.intensity: expected points of x, y, z beside it, got ndarray of shape (2, 4) "
         "and dtype float64. Pass points[:, :3]."),
        (np.zeros((2, 3)), [1], "Object3D.intensity: expected 2 numbers, got ndarray of shape (1,) and dtype int64. Pass a "
         "number for each point."),
        (np.zeros((2, 3)), [1, np.inf], "Object3D.intensity: expected finite numbers, got 1 of 2 that are not, the first "
         "at index 1. Drop such points: points[np.isfinite(points).all(axis=1)]."),
        (np.zeros((2, 5)), None, "Object3D: expected (n, 3) of x, y, z; (n, 4) with a category 1..14; or (n, 6) with red, "
         "green, blue 0..255, got ndarray of shape (2, 5) and dtype float64. Choose these columns. An intensity goes "
         "beside x, y, z: Object3D(points[:, :3], intensity=points[:, 3]); or leave it out."),
        ("model.obj", [1], "Object3D.intensity: expected none beside a file, got [1]. Pass the points as an array."),
    ],
)  # fmt: skip
def test_a_wrong_intensity_is_refused(data: Any, intensity: Any, message: str) -> None:
    assert refused(data, intensity=intensity) == message


# --- scenes


def docs_scene() -> dict[str, Any]:
    return {
        "type": "lidar/beta",
        "points": np.array([[0.4, 1, 1.3], [1, 1, 1], [1.2, 1, 1.2]]),
        "boxes": np.array([DOCS_BOX]),
        "vectors": [DOCS_VECTOR],
    }


def test_the_scene_of_the_wandb_docs_is_kept_as_given() -> None:
    value, document = round_trip(mt.Object3D(docs_scene()))
    assert json.loads(value.to_pts_json()) == {
        "type": "lidar/beta",
        "points": [[0.4, 1, 1.3], [1, 1, 1], [1.2, 1, 1.2]],
        "boxes": [DOCS_BOX],
        "vectors": [DOCS_VECTOR],
    }
    assert document["boxes"][0]["color"] == [123, 321, 111]
    assert value.boxes[0].color == (123, 321, 111)
    assert value.vectors == (DOCS_VECTOR,)
    assert mt.Object3D(value.to_pts_json(), file_type="pts.json").boxes == value.boxes


def test_lists_and_arrays_make_the_same_scene() -> None:
    arrays, lists = docs_scene(), docs_scene()
    arrays["vectors"] = np.array([DOCS_VECTOR])
    lists |= {"points": lists["points"].tolist(), "boxes": [DOCS_BOX]}
    assert mt.Object3D(arrays) == mt.Object3D(lists)
    assert mt.Object3D(lists) == mt.Object3D.from_point_cloud(lists["points"], lists["boxes"], lists["vectors"])


def test_a_scene_may_be_empty_and_differs_from_plain_points() -> None:
    empty = mt.Object3D({"type": "lidar/beta"})
    assert (empty.points, empty.boxes, empty.vectors) == (0, (), ())
    assert mt.Object3D.from_point_cloud([[1, 2, 3]], []) != mt.Object3D([[1, 2, 3]])
    assert mt.Object3D({"type": "lidar/beta", "points": np.array([]), "boxes": np.array([])}) == empty


def test_all_problems_of_a_scene_are_told_at_once() -> None:
    scene = {
        "type": "lidar",
        "camera": 1,
        "points": [[0, 0]],
        "boxes": [{"corners": [[0, 0, 0]] * 7, "colour": 1}, {"color": [1, 2, 3]}, 5,
                  {"corners": np.full((8, 3), np.inf), "color": [1, 2], "label": 3, "score": "high"}],
        "vectors": [{"start": [0, 0], "end": [0, 0, "x"]}],
    }  # fmt: skip
    assert refused(scene) == (
        "12 problems:\n"
        "- Object3D: expected only type, points, boxes, vectors, got 'camera'. Leave it out.\n"
        "- Object3D.type: expected 'lidar/beta', got 'lidar'. It is the one kind of scene there is.\n"
        "- Object3D.points: expected (n, 3) of x, y, z; (n, 4) with a category 1..14; or (n, 6) with red, green, blue "
        "0..255, got ndarray of shape (1, 2) and dtype int64. Choose these columns.\n"
        "- Object3D.boxes[0]: expected only corners, color, label, score, got 'colour'. Leave it out, or put it into "
        "the label.\n"
        "- Object3D.boxes[1]: expected the member 'corners', got ['color']. Add it.\n"
        "- Object3D.boxes[2]: expected a dict with corners, got 5. See Object3D.from_point_cloud.\n"
        "- Object3D.boxes[3].corners: expected finite numbers, got [[inf, inf, inf], [inf, inf, inf], [inf, inf, inf], "
        "[inf,... Drop NaN and infinities.\n"
        "- Object3D.boxes[3].label: expected text, got 3. Use str(...).\n"
        "- Object3D.boxes[3].color: expected 3 numbers, got [1, 2]. Check their count.\n"
        "- Object3D.boxes[3].score: expected real numbers, got array('high', dtype='<U4'). Convert the array to "
        "numbers first.\n"
        "- Object3D.vectors[0].start: expected 3 numbers, got [0, 0]. Check their count.\n"
        "- Object3D.vectors[0].end: expected real numbers, got ndarray of shape (3,) and dtype <U21. Convert the array "
        "to numbers first."
    )


# --- Box3D


@given(st.lists(st.floats(-1, 1), min_size=4, max_size=4).filter(lambda q: sum(x * x for x in q) > 1e-3))
@settings(max_examples=60, deadline=None)
def test_corners_are_those_of_the_rotation(quaternion: list[float]) -> None:
    box = mt.Box3D(center=(1, 2, 3), size=(2, 4, 6), orientation=quaternion)
    signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    w, x, y, z = quaternion
    expected = Rotation.from_quat([x, y, z, w]).apply(signs * [1, 2, 3]) + np.array([1, 2, 3])
    assert np.allclose(box.corners, expected, rtol=0, atol=1e-12)


def test_a_turn_to_the_left_is_not_one_to_the_right() -> None:
    half = np.pi / 8
    left, right = (
        mt.Box3D(center=(0, 0, 0), size=(2, 1, 1), orientation=(np.cos(half), 0, 0, sign * np.sin(half)))
        for sign in (1, -1)
    )
    assert not np.allclose(left.corners, right.corners)
    assert np.allclose(left.corners[-1], [1 / np.sqrt(2) - 0.5 / np.sqrt(2), 1.5 / np.sqrt(2), 0.5])


@pytest.mark.parametrize("scale", [1e-200, 1, -3, 1e200])
def test_a_quaternion_of_any_length_turns_alike(scale: float) -> None:
    expected = mt.Box3D(center=(0, 0, 0), size=(1, 2, 3), orientation=(0.5, 0.5, -0.5, 0.5))
    scaled = mt.Box3D(center=(0, 0, 0), size=(1, 2, 3), orientation=np.array([0.5, 0.5, -0.5, 0.5]) * scale)
    assert np.allclose(scaled.corners, expected.corners)
    assert scaled.orientation is not None
    assert np.isclose(np.linalg.norm(scaled.orientation), 1)


def test_a_box_is_frozen_and_a_dict_key() -> None:
    box = mt.Box3D(center=(0, 0, 0), size=(1, 2, 3), color=(1, 2, 3), label="car", score=0.5)
    assert {box: 1}[mt.Box3D(center=[0, 0, 0], size=[1, 2, 3], color=[1, 2, 3], label="car", score=0.5)] == 1
    assert box != mt.Box3D(center=(0, 0, 0), size=(1, 2, 3), color=(1, 2, 4), label="car", score=0.5)
    assert (box.center, box.size, box.orientation) == ((0, 0, 0), (1, 2, 3), (1, 0, 0, 0))
    assert (box.color, box.label, box.score) == ((1, 2, 3), "car", 0.5)
    with pytest.raises(AttributeError):
        box.label = "bus"  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        box.corners[0] = 1


def test_a_box_from_corners_keeps_their_order() -> None:
    box = mt.Box3D.from_corners(DOCS_BOX["corners"], color=[0.5, 0, 1])
    assert box.corners.tolist() == DOCS_BOX["corners"]
    assert (box.center, box.size, box.orientation, box.color) == ((0.5, 0.5, 0.5), None, None, (0.5, 0, 1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"orientation": (0, 0, 0, 0)},
            "Box3D.orientation: expected a quaternion other than zero, got (0, 0, 0, 0). Use 1, 0, 0, 0.",
        ),
        ({"size": (1, 0, 1)}, "Box3D.size: expected sizes > 0, got (1, 0, 1). Give the full extent, not half of it."),
        ({"center": (0, np.nan, 0)}, "Box3D.center: expected finite numbers, got [0.0, nan, 0.0]. Drop NaN and "
         "infinities."),
        ({"center": (0, 0), "orientation": (1, 0, 0)}, "2 problems:\n"
         "- Box3D.center: expected 3 numbers, got (0, 0). Check their count.\n"
         "- Box3D.orientation: expected 4 numbers, got (1, 0, 0). Check their count."),
        ({"center": (1.7e308, 0, 0), "size": (1.7e308, 1, 1)},
         "Box3D.size: expected corners within float64, got (1.7e+308, 1, 1). Use another unit."),
        ({"score": np.inf}, "Box3D.score: expected finite numbers, got inf. Drop NaN and infinities."),
        ({"color": "red"}, "Box3D.color: expected real numbers, got array('red', dtype='<U3'). Convert the "
         "array to numbers first."),
    ],
)  # fmt: skip
def test_a_box_that_is_none_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(mt.InputError) as caught:
        mt.Box3D(**{"center": (0, 0, 0), "size": (1, 1, 1), **arguments})
    assert str(caught.value) == message


# --- meshes


@pytest.mark.parametrize("file_type", MESH_TYPES)
@pytest.mark.parametrize("mesh", [ball(), trimesh.creation.annulus(1, 2, 3)], ids=["ball", "annulus"])
def test_a_mesh_is_kept_byte_for_byte_and_counted(file_type: str, mesh: trimesh.Trimesh, tmp_path: Path) -> None:
    data = export(mesh, file_type)
    path = tmp_path / f"model.{file_type.upper()}"
    path.write_bytes(data)
    value, document = round_trip(mt.Object3D(path))
    assert value.to_bytes() == data
    assert (value.format, value.points, value.faces) == (file_type, None, len(mesh.faces))
    assert value.vertices == (3 * len(mesh.faces) if file_type == "stl" else len(mesh.vertices))
    assert np.allclose(document["bounds"], mesh.bounds, atol=1e-6)
    for written in (value.to_glb(), value.to_ply()):
        again = trimesh.load_scene(io.BytesIO(written), file_type="glb" if written[:4] == b"glTF" else "ply")
        assert sum(len(shape.faces) for shape in again.geometry.values()) == len(mesh.faces)


def test_paths_bytes_buffers_and_open_files_are_the_same(tmp_path: Path) -> None:
    path = tmp_path / "model.obj"
    path.write_bytes(TRIANGLE)
    with open(path, "rb") as binary, open(path) as as_text:
        given_ = [path, str(path), binary, as_text]
        made = [mt.Object3D(data) for data in given_] + [mt.Object3D.from_file(str(path))]
    for data in (TRIANGLE, bytearray(TRIANGLE), io.BytesIO(TRIANGLE), io.StringIO(TRIANGLE.decode())):
        made.append(mt.Object3D.from_file(data, file_type=".OBJ"))
    assert set(made) == {mt.Object3D(path)}


def test_a_gltf_takes_its_buffers_along(tmp_path: Path) -> None:
    path = gltf_folder(tmp_path)
    value, document = round_trip(mt.Object3D(path))
    names = ["gltf_buffer_0.bin", "gltf_buffer_1.bin"]
    assert value.resources == {name: (tmp_path / name).read_bytes() for name in names}
    assert sorted(document["resources"]) == names
    assert document["resources"][names[0]]["media_type"] == "application/gltf-buffer"
    with open(path) as as_text:
        assert mt.Object3D(as_text) == value
    assert mt.Object3D(value.to_glb(), file_type="glb").faces == value.faces == 320


def test_a_quoted_uri_names_the_file_without_quotes(tmp_path: Path) -> None:
    path = gltf_folder(tmp_path, lambda tree: tree["buffers"][0].update(uri="my%20buffer.bin"))
    (tmp_path / "gltf_buffer_0.bin").rename(tmp_path / "my buffer.bin")
    assert "my%20buffer.bin" in mt.Object3D(path).resources


def test_an_obj_takes_materials_and_textures_along_and_says_what_is_missing(tmp_path: Path) -> None:
    value, document = round_trip(mt.Object3D(textured_obj(tmp_path)))
    assert value.resources == {
        "model.mtl": (tmp_path / "model.mtl").read_bytes(),
        "./textures/skin.PNG": (tmp_path / "textures" / "skin.PNG").read_bytes(),
    }
    assert value.missing == ("gone.jpg",)
    assert document["resources"]["./textures/skin.PNG"]["path"].endswith(".png")
    assert mt.Object3D((tmp_path / "model.obj").read_bytes(), file_type="obj").missing == ("model.mtl",)


@pytest.mark.parametrize(
    "uri",
    ["../../../../etc/passwd", "/etc/passwd", "http://example.org/a.bin", "file:///etc/passwd", "%2e%2e/a.bin",
     "..\\a.bin", "C:\\a.bin", "a/../../a.bin", "link.bin"],
)  # fmt: skip
def test_a_file_outside_the_folder_is_refused(uri: str, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"secret")
    path = gltf_folder(tmp_path / "mesh", lambda tree: tree["buffers"][0].update(uri=uri))
    (tmp_path / "mesh" / "link.bin").symlink_to(tmp_path / "a.bin")
    assert refused(path) == (
        f"Object3D.resources[{uri!r}]: expected a file in the mesh's own folder, got {uri!r}. Put the file beside the "
        "mesh and name it relative to it, or save the mesh as glb."
    )


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("map_Kd wood.png", "wood.png"),
        ("map_Kd -s 1 1 1 wood.png", "wood.png"),
        ("map_Kd -s 2 -o .5 -1e-1 -clamp on -imfchan r wood.png", "wood.png"),
        ("map_bump -bm 0.3 my wood.png", "my wood.png"),
        ("map_Ks -mm 0 1 wood.png # of a comment", "wood.png"),
        ("  MAP_KD wood.png\t", "wood.png"),
        ("map_Kd wood#2.png", "wood#2.png"),
        ("map_Kd -wood.png", "-wood.png"),
        ("map_Kd C:\\\\tex\\\\wood.png", "C:\\\\tex\\\\wood.png"),
        ("refl -type sphere -mm 0 1 clouds.mpc", "clouds.mpc"),
        ("map_Kd /etc/passwd", "/etc/passwd"),
        ("map_Kd ../secret.png", "../secret.png"),
        ("map_Kd link.png", "link.png"),
        ("map_Kd id_rsa", "id_rsa"),
        (f"map_Kd {'a' * 5000}.png", "a" * 5000 + ".png"),
        ("map_Kd # nothing", None),
    ],
)
def test_a_texture_that_is_not_there_or_outside_is_missing(line: str, name: str | None, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(b"secret")
    folder = tmp_path / "mesh"
    folder.mkdir()
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    (folder / "id_rsa").write_text("secret")
    (folder / "model.mtl").write_text(f"newmtl a\n{line}\n")
    (folder / "model.obj").write_bytes(b"mtllib model.mtl\n" + TRIANGLE)
    value, _ = round_trip(mt.Object3D(folder / "model.obj"))
    assert value.missing == (() if name is None else (name,))
    assert list(value.resources) == ["model.mtl"]
    if name is not None and name.endswith("wood.png") and ":" not in name:
        (folder / name).write_bytes(b"pixels")
        assert mt.Object3D(folder / "model.obj").resources[name] == b"pixels"


@pytest.mark.parametrize(
    ("line", "taken", "missing"),
    [
        ("mtllib my model.mtl", ("my model.mtl",), ()),
        ("mtllib a.mtl b.mtl", ("a.mtl",), ("b.mtl",)),
        ("mtllib a.mtl # by hand", ("a.mtl",), ()),
        ("mtllib /etc/passwd", (), ("/etc/passwd",)),
        (f"mtllib {'m' * 300}.mtl", (), (f"{'m' * 300}.mtl",)),
    ],
)
def test_material_files_are_found_by_their_names(
    line: str, taken: tuple[str, ...], missing: tuple[str, ...], tmp_path: Path
) -> None:
    for name in ("a.mtl", "my model.mtl"):
        (tmp_path / name).write_text("newmtl a\n")
    (tmp_path / "model.obj").write_bytes(line.encode() + b"\n" + TRIANGLE)
    value = mt.Object3D(tmp_path / "model.obj")
    assert (tuple(value.resources), value.missing) == (taken, missing)


def test_a_buffer_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = gltf_folder(tmp_path)
    (tmp_path / "gltf_buffer_0.bin").unlink()
    problem = "Object3D.resources['gltf_buffer_{}.bin']: expected this buffer beside the mesh, found none {}. Put it "
    problem += "beside the mesh, or save the mesh as glb."
    assert refused(path) == problem.format(0, f"in {tmp_path}")
    none = [problem.format(i, "since only bytes were passed") for i in (0, 1)]
    assert refused(path.read_bytes(), file_type="gltf") == "\n- ".join(["2 problems:", *none])


def test_too_many_or_too_large_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = gltf_folder(tmp_path)
    monkeypatch.setattr(resources, "MAX_RESOURCES", 1)
    assert refused(path) == "Object3D: expected at most 1 files, got 'more'. Log a smaller mesh."
    monkeypatch.setattr(resources, "MAX_RESOURCES", 9)
    monkeypatch.setattr(resources, "MAX_BYTES", 1000)
    assert refused(path).startswith("Object3D: expected at most 1000 bytes, got ")
    monkeypatch.setattr("mediatypes.types.object3d.content.MAX_BYTES", 10)
    assert refused(TRIANGLE, file_type="obj") == "Object3D: expected at most 10 bytes, got 32. Log a smaller one."


def chain(tree: dict[str, Any], length: int) -> None:
    tree["nodes"] = [*({"children": [i + 1]} for i in range(length)), {"mesh": 0}]
    tree["scenes"] = [{"nodes": [0]}]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda tree: tree.update(nodes=[{"children": [1]}, {"children": [0], "mesh": 0}]),
            "Object3D: expected nodes without a cycle, got '2 in cycles'. Fix the tree.",
        ),
        (
            lambda tree: tree.update(nodes=[{"children": [1, 1]}, {"mesh": 0}]),
            "Object3D: expected nodes with one parent, got 'a node with several'. Copy the node.",
        ),
        (
            lambda tree: tree.update(nodes=[{"children": [-1]}]),
            "Object3D: expected a well-formed glTF, got b'{\"scene\": 0,'. Reading it failed: ValueError: a child that "
            "is no node.",
        ),
        (
            lambda tree: chain(tree, 5000),
            "Object3D: expected nodes nested at most 128 deep, got 5001. Flatten the scene.",
        ),
        (
            lambda tree: tree.update(nodes=[{}] * 100_001),
            "Object3D: expected at most 100000 nodes, got 100001. Join the meshes.",
        ),
        (
            lambda tree: [accessor.update(count=10**9) for accessor in tree["accessors"]],
            "Object3D: expected at most 134217728 vertices and indices, got 4000000000. Simplify it.",
        ),
        (
            lambda tree: tree["accessors"][0].update(count=10**6),
            "Object3D: expected a whole file of type gltf, got '{size} bytes'. Parsing failed: an accessor of 1000000 "
            "elements in a buffer view with 3840 bytes.",
        ),
        (
            lambda tree: tree["asset"].update(version="1.0"),
            "Object3D: expected glTF 2.x, got '1.0'. Convert it to glTF 2.",
        ),
        (
            lambda tree: tree.update(meshes=5),
            "Object3D: expected a well-formed glTF, got b'{\"scene\": 0,'. Reading it failed: TypeError: 'int' object "
            "is not iterable.",
        ),
    ],
    ids=["cycle", "diamond", "no child", "deep", "many", "huge", "overrun", "version", "shape"],
)
def test_a_hostile_gltf_is_refused(change: Callable[[Any], Any], message: str, tmp_path: Path) -> None:
    path = gltf_folder(tmp_path, change)
    assert refused(path) == message.replace("{size}", str(path.stat().st_size))


def test_a_deep_but_sound_gltf_is_accepted(tmp_path: Path) -> None:
    assert mt.Object3D(gltf_folder(tmp_path, lambda tree: chain(tree, 100))).faces == 320


HEADER_1E9 = PLY_ASCII.format(10**9)


@pytest.mark.parametrize(
    ("data", "file_type", "message"),
    [
        (b"\0" * 80 + struct.pack("<I", 4_000_000_000) + b"\0" * 500, "stl",
         "Object3D: expected a whole file of type stl, got '584 bytes'. Parsing failed: it holds no vertices."),
        (f"{HEADER_1E9}end_header\n0 0 0\n".encode(), "ply",
         "Object3D: expected at least 6000000124 bytes for 1000000000 of vertex, got 131. The file is cut short: write "
         "it again."),
        (HEADER_1E9.replace("ascii", "binary_little_endian").encode() + b"end_header\n" + b"\0" * 100, "ply",
         "Object3D: expected at least 12000000140 bytes for 1000000000 of vertex, got 240. The file is cut short: write "
         "it again."),
        (PLY_ASCII.format(1).encode() + b"end_header\n0 0 nan\n", "ply",
         "Object3D: expected finite coordinates, got 'bounds ((0.0, 0.0, nan), (0.0, 0.0, nan))'. Write it again "
         "without such points."),
        (PLY_ASCII.format(1).encode() + b"end_header\n0 0 zero\n", "ply",
         "Object3D: expected a whole PLY file, got '125 bytes'. Reading it failed: could not convert string to float: "
         "b'zero'."),
        (PLY_ASCII.format(-1).encode() + b"end_header\n", "ply",
         "Object3D: expected a PLY header that can be read, got b'ply\\nformat a'. Reading it failed: '-1' is not a "
         "number of elements."),
        (b"", "ply", "Object3D: expected a PLY file, got b''. Write it again with a PLY exporter."),
        (b"v nan 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "obj",
         "Object3D: expected a whole file of type obj, got '34 bytes'. Parsing failed: a vertex is not finite."),
        (b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 999999999\n", "obj",
         "Object3D: expected a whole file of type obj, got '40 bytes'. Parsing failed: index 999999998 is out of "
         "bounds for axis 0 with size 3."),
        (b"not a mesh\n", "obj",
         "Object3D: expected a whole file of type obj, got '11 bytes'. Parsing failed: it holds no vertices."),
        (b"not a mesh\n" * 5, "glb", "Object3D: expected a GLB file, got b'not a mesh\\nn'. Reading it failed: the "
         "header is not that of GLB 2."),
        (b"[" * 100_000, "gltf", "Object3D: expected a glTF file, got b'[[[[[[[[[[[['. Reading it failed: JSON nested "
         "too deeply."),
        (b"[]", "babylon", "Object3D: expected a babylon scene with meshes, got None. Export it again."),
        (b"{", "babylon", "Object3D: expected a babylon file (JSON), got b'{'. Reading it failed: Expecting property "
         "name enclosed in double quotes: line 1 column 2 (char 1)."),
        (b"[[NaN, 0, 0]]", "pts.json", "Object3D: expected a pts.json file, got b'[[NaN, 0, 0]'. Reading it failed: "
         "NaN is not JSON."),
        (b"3", "pts.json", "Object3D: expected a list of points or a scene, got 3. See Object3D.from_point_cloud."),
        (b"PK\x03\x04rest", "obj", "Object3D: expected a file of type obj, got 'an archive'. Unpack it first."),
        (TRIANGLE, "fbx", "Object3D.file_type: expected one of obj, gltf, glb, stl, ply, babylon, pts.json, got 'fbx'. "
         "Convert it, say to glb."),
        (TRIANGLE, None, "Object3D.file_type: expected one of obj, gltf, glb, stl, ply, babylon, pts.json, got None. "
         "Say what the bytes are."),
    ],
)  # fmt: skip
def test_broken_and_hostile_files_are_refused(data: bytes, file_type: str | None, message: str) -> None:
    assert refused(data, file_type=file_type) == message


@pytest.mark.parametrize("file_type", ["stl", "ply", "glb"])
def test_a_binary_mesh_cut_anywhere_is_refused(file_type: str) -> None:
    data = export(ball(), file_type)
    for length in range(0, len(data), 97):
        refused(data[:length], file_type=file_type)


@pytest.mark.parametrize("file_type", ["obj", "gltf", "pts.json"])
@given(st.binary(max_size=300))
@settings(max_examples=40, deadline=None)
def test_random_bytes_are_refused_as_input(file_type: str, data: bytes) -> None:
    refused(data, file_type=file_type)


@given(st.integers(0, 6000), st.integers(0, 255))
@settings(max_examples=60, deadline=None)
def test_a_changed_byte_gives_a_mesh_or_an_input_error(position: int, byte: int) -> None:
    data = bytearray(GLB)
    data[position % len(data)] = byte
    try:
        value = mt.Object3D(bytes(data), file_type="glb")
    except mt.InputError:
        return
    assert value.vertices


GLB = export(ball(), "glb")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("model.fbx",), "Object3D: expected a file of type obj, gltf, glb, stl, ply, babylon, pts.json, got "
         "'model.fbx'. Convert it, or pass file_type= if the name does not tell the type."),
        (("/nowhere/model.obj",), "Object3D: expected an existing file, got '/nowhere/model.obj'. Check the path."),
        (("http://example.org/a.glb",), "Object3D: expected a file on this machine, got 'http://example.org/a.glb'. "
         "Download it and pass its path."),
        ((5,), "Object3D: expected a path, bytes, open file, array or scene, got 5. See help(Object3D)."),
        (([[0, 0, 0]], 5), "Object3D.caption: expected text, got 5. Use str(...)."),
    ],
)  # fmt: skip
def test_what_is_no_object_is_refused(arguments: tuple[Any, ...], message: str) -> None:
    assert refused(*arguments) == message


def test_the_named_constructors_refuse_each_others_input() -> None:
    with pytest.raises(mt.InputError) as from_file:
        mt.Object3D.from_file(np.zeros((2, 3)))
    assert str(from_file.value) == (
        "Object3D.from_file: expected a path, bytes or open file, got ndarray of shape (2, 3) and dtype float64. Use "
        "Object3D(data)."
    )
    with pytest.raises(mt.InputError) as from_numpy:
        mt.Object3D.from_numpy("a.obj")
    assert (
        str(from_numpy.value)
        == "Object3D.from_numpy: expected an array, got 'a.obj'. Use Object3D(data) for other data."
    )
    assert refused([[0, 0, 0]], file_type="ply") == (
        "Object3D.file_type: expected no file_type beside points, got 'ply'. Leave it out."
    )


def test_a_mesh_has_no_points() -> None:
    value = mt.Object3D(TRIANGLE, file_type="obj")
    for call in (value.to_numpy, value.to_pts_json):
        with pytest.raises(mt.InputError) as caught:
            call()
        assert str(caught.value) == "Object3D: expected a point cloud, got 'a mesh (obj)'. Use to_bytes() or to_glb()."


def test_trimesh_is_named_when_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "trimesh", None)
    with pytest.raises(mt.MissingDependencyError) as caught:
        mt.Object3D(TRIANGLE, file_type="obj")
    assert str(caught.value) == (
        "Object3D of a file of type obj: expected the package 'trimesh', got none. "
        "Install it with: pip install 'mediatypes-ml[3d]'"
    )
    assert mt.Object3D(mt.Object3D([[1, 2, 3]]).to_ply(), file_type="ply").points == 1


def test_babylon_cannot_be_converted() -> None:
    value = mt.Object3D(b'{"meshes": [{}]}', file_type="babylon")
    with pytest.raises(mt.CodecError, match=r"^Object3D.to_glb: expected trimesh to write glb, got an error\."):
        value.to_glb()


def test_our_ply_header_is_the_documented_one() -> None:
    records = cloud.pack([[0, 0, 0, 1, 2, 3]], "x", mt.InputError)
    assert ply.write(records).split(b"end_header\n")[0].decode() == (
        "ply\nformat binary_little_endian 1.0\nelement vertex 1\nproperty int x\nproperty int y\nproperty int z\n"
        "property uchar red\nproperty uchar green\nproperty uchar blue\n"
    )


def test_coordinates_that_a_file_cannot_hold_are_refused() -> None:
    far = mt.Object3D([[1e300, 0, 0], [0, 0, 0]])
    assert far.bounds == ((0, 0, 0), (1e300, 0, 0))
    with pytest.raises(mt.InputError, match=r"^Object3D\.to_glb: expected coordinates within float32"):
        far.to_glb()
    if np.finfo(np.longdouble).max > np.finfo(np.float64).max:
        with pytest.raises(mt.InputError, match="expected finite coordinates"):
            mt.Object3D(np.full((1, 3), np.finfo(np.longdouble).max))


@pytest.mark.usefixtures("fake_torch")
def test_colours_and_scores_of_a_box_may_be_tensors() -> None:
    color: Any = FakeTensor(np.array([0.5, 1, 0]))
    score: Any = FakeTensor(np.array(0.75))
    box = mt.Box3D(center=(0, 0, 0), size=(1, 1, 1), color=color, score=score)
    assert (box.color, box.score) == ((0.5, 1.0, 0.0), 0.75)


def test_the_center_of_large_corners_is_finite() -> None:
    assert mt.Box3D.from_corners(np.full((8, 3), 1e308)).center == (1e308, 1e308, 1e308)
