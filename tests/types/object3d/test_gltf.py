"""What a glTF shows: quantized, sparse, placed, morphed, skinned, instanced and compressed meshes."""

# ruff: noqa: E501 - one case a line, with its whole message

from __future__ import annotations

import base64
import io
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation
from trimesh.exchange.gltf import export_gltf

import mediatypes as mt
from mediatypes.interop.tensorboard.export.from_documents import shape_of

Array = np.ndarray[Any, np.dtype[Any]]
TRIANGLE = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], "<f4")
COMPONENT_TYPES = {"i1": 5120, "u1": 5121, "i2": 5122, "u2": 5123, "u4": 5125, "f4": 5126}
KINDS = {1: "SCALAR", 3: "VEC3", 4: "VEC4", 16: "MAT4"}


class Builder:
    """A glTF of one mesh with one primitive, to which arrays are added as accessors."""

    def __init__(self, positions: Array = TRIANGLE, **accessor: Any) -> None:
        self.body = bytearray()
        self.tree: dict[str, Any] = {
            "asset": {"version": "2.0"},
            "scene": 0,
            "scenes": [{"nodes": [0]}],
            "nodes": [{"mesh": 0}],
            "meshes": [{"primitives": [{"attributes": {}}]}],
            "accessors": [],
            "bufferViews": [],
        }
        self.primitive: dict[str, Any] = self.tree["meshes"][0]["primitives"][0]
        self.primitive["attributes"]["POSITION"] = self.add(positions, **accessor)

    def view(self, data: bytes, **view: Any) -> int:
        self.body += b"\0" * (-len(self.body) % 4)
        self.tree["bufferViews"].append({"buffer": 0, "byteOffset": len(self.body), "byteLength": len(data), **view})
        self.body += data
        return len(self.tree["bufferViews"]) - 1

    def add(self, array: Array, **accessor: Any) -> int:
        array = array.reshape(len(array), -1)
        component = {"componentType": COMPONENT_TYPES[array.dtype.str[1:]], "type": KINDS[array.shape[1]]}
        self.tree["accessors"].append(
            {"bufferView": self.view(array.tobytes()), "count": len(array), **component, **accessor}
        )
        return len(self.tree["accessors"]) - 1

    def glb(self) -> bytes:
        text = json.dumps({**self.tree, "buffers": [{"byteLength": len(self.body)}]}).encode()
        text += b" " * (-len(text) % 4)
        body = bytes(self.body) + b"\0" * (-len(self.body) % 4)
        chunks = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(body), 0x004E4942) + body
        return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks

    def gltf(self) -> bytes:
        uri = "data:application/octet-stream;base64," + base64.b64encode(self.body).decode()
        return json.dumps({**self.tree, "buffers": [{"byteLength": len(self.body), "uri": uri}]}).encode()

    @property
    def value(self) -> mt.Object3D:
        value = mt.Object3D(self.glb(), file_type="glb")
        assert mt.Object3D(self.gltf(), file_type="gltf").bounds == value.bounds
        return value

    @property
    def bounds(self) -> Any:
        return self.value.bounds


def limits(points: Any) -> Any:
    return pytest.approx(np.array([np.min(points, axis=0), np.max(points, axis=0)]), abs=1e-6)


def loaded(data: bytes, file_type: str) -> trimesh.Scene:
    return trimesh.load_scene(io.BytesIO(data), file_type=file_type, process=False)


# --- numbers


@pytest.mark.parametrize(("dtype", "largest"), [("i1", 127), ("u1", 255), ("i2", 32767), ("u2", 65535)])
def test_quantized_positions_are_the_numbers_that_they_stand_for(dtype: str, largest: int) -> None:
    corners = np.array([[0, 0, 0], [largest, 0, 0], [0, largest // 2, 0]], f"<{dtype}")
    padded = np.zeros((3, 4), corners.dtype)  # glTF wants vertices at multiples of four bytes
    padded[:, :3] = corners
    builder = Builder(padded, type="VEC3", normalized=True)
    builder.tree["bufferViews"][0]["byteStride"] = padded.itemsize * 4
    assert np.array(builder.bounds) == limits([[0, 0, 0], [1, largest // 2 / largest, 0]])
    del builder.tree["accessors"][0]["normalized"]
    assert np.array(builder.bounds) == limits(corners)


def test_the_smallest_signed_number_is_minus_one() -> None:
    positions = np.array([[-32768, -32767, 0], [32767, 0, 0], [0, 0, 0]], "<i2")
    assert Builder(positions, normalized=True).bounds == ((-1, -1, 0), (1, 0, 0))


def test_a_quantized_mesh_is_converted_with_its_real_coordinates() -> None:
    builder = Builder(np.array([[0, 0, 0], [32767, 0, 0], [0, 32767, 0]], "<i2"), normalized=True)
    assert np.allclose(loaded(builder.value.to_ply(), "ply").bounds, [[0, 0, 0], [1, 1, 0]])
    kept = mt.Object3D(builder.gltf(), file_type="gltf")
    assert mt.Object3D(kept.to_glb(), file_type="glb").bounds == ((0, 0, 0), (1, 1, 0))


def test_tensorboard_is_given_the_real_coordinates() -> None:
    builder = Builder(np.array([[0, 0, 0], [32767, 0, 0], [0, 32767, 0]], "<i2"), normalized=True)
    shape = shape_of(builder.value)
    assert shape.vertices.tolist() == [[0, 0, 0], [1, 0, 0], [0, 1, 0]]
    assert shape.faces is not None
    assert shape.faces.tolist() == [[0, 1, 2]]


def test_sparse_values_replace_those_of_the_buffer() -> None:
    builder = Builder()
    replaced = builder.view(np.array([[5, 0, 0], [0, -2, 0]], "<f4").tobytes())
    places = builder.view(np.array([1, 2], "<u2").tobytes())
    sparse = {"count": 2, "indices": {"bufferView": places, "componentType": 5123}, "values": {"bufferView": replaced}}
    builder.tree["accessors"][0]["sparse"] = sparse
    assert builder.bounds == ((0, -2, 0), (5, 0, 0))
    assert np.allclose(loaded(builder.value.to_ply(), "ply").bounds, [[0, -2, 0], [5, 0, 0]])
    del builder.tree["accessors"][0]["bufferView"]  # all others are zero
    assert builder.bounds == ((0, -2, 0), (5, 0, 0))


def test_vertices_may_be_interleaved() -> None:
    records = np.zeros(3, [("normal", "<f4", 3), ("at", "<f4", 3)])
    records["normal"], records["at"] = 9, TRIANGLE
    builder = Builder(np.frombuffer(records.tobytes(), "<f4").reshape(-1, 3), count=3, byteOffset=12)
    builder.tree["bufferViews"][0]["byteStride"] = 24
    assert builder.bounds == ((0, 0, 0), (1, 1, 0))


@pytest.mark.parametrize(("mode", "faces"), [(0, 0), (1, 0), (3, 0), (4, 2), (5, 4), (6, 4)])
def test_triangles_of_each_mode_are_counted(mode: int, faces: int) -> None:
    builder = Builder(np.arange(18, dtype="<f4").reshape(6, 3))
    builder.primitive["mode"] = mode
    assert (builder.value.vertices, builder.value.faces) == (6, faces)
    if mode in (4, 5):  # those that trimesh reads
        (shape,) = loaded(builder.glb(), "glb").geometry.values()
        assert len(shape.faces) == faces


def test_only_vertices_that_are_drawn_count() -> None:
    builder = Builder(np.concatenate([TRIANGLE, [[99, 99, 99]]]).astype("<f4"))
    builder.primitive["indices"] = builder.add(np.array([0, 1, 2], "<u1"))
    assert builder.bounds == ((0, 0, 0), (1, 1, 0))
    assert (builder.value.vertices, builder.value.faces) == (4, 1)


# --- places


def test_bounds_are_those_of_the_scene_and_not_of_the_mesh() -> None:
    turn = Rotation.from_euler("xyz", [20, 30, 40], degrees=True)
    builder = Builder()
    builder.tree["nodes"] = [
        {"children": [1], "translation": [10, 20, 30], "scale": [2, 2, 2]},
        {"children": [2], "rotation": turn.as_quat().tolist()},
        {"mesh": 0, "matrix": [1, 0, 0, 0, 0, 3, 0, 0, 0, 0, 1, 0, 0, 0, 5, 1]},
        {"mesh": 0, "translation": [1000, 0, 0]},  # not in the scene
    ]
    placed = turn.apply(TRIANGLE * [1, 3, 1] + [0, 0, 5]) * 2 + [10, 20, 30]
    assert np.array(builder.bounds) == limits(placed)
    assert np.allclose(loaded(builder.glb(), "glb").bounds, builder.bounds)
    builder.tree["nodes"][1]["extensions"] = {"KHR_node_visibility": {"visible": False}}
    with pytest.raises(mt.InputError, match="no part of it is shown"):
        _ = builder.value


def test_a_node_that_shows_a_mesh_twice_counts_its_vertices_once() -> None:
    builder = Builder()
    builder.tree["nodes"] = [{"mesh": 0}, {"mesh": 0, "translation": [4, 0, 0]}]
    builder.tree["scenes"] = [{"nodes": [0, 1]}]
    assert (builder.value.vertices, builder.value.faces, builder.bounds) == (3, 1, ((0, 0, 0), (5, 1, 0)))


def test_morph_targets_move_vertices_by_their_weights() -> None:
    builder = Builder()
    builder.primitive["targets"] = [{"POSITION": builder.add(TRIANGLE * 10)}, {"NORMAL": 0}]
    builder.tree["meshes"][0]["weights"] = [0.5, 1]
    assert builder.bounds == ((0, 0, 0), (6, 6, 0))
    builder.tree["nodes"][0]["weights"] = [0, 1]  # of the node, which come first
    assert builder.bounds == ((0, 0, 0), (1, 1, 0))


def test_a_skin_puts_vertices_where_its_joints_are() -> None:
    turn = Rotation.from_euler("z", 90, degrees=True)
    builder = Builder()
    attributes = builder.primitive["attributes"]
    attributes["JOINTS_0"] = builder.add(np.array([[0, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0]], "u1"))
    attributes["WEIGHTS_0"] = builder.add(
        np.array([[255, 0, 0, 0], [255, 0, 0, 0], [51, 204, 0, 0]], "u1"), normalized=True
    )
    inverse = np.stack([np.eye(4), np.eye(4)])
    inverse[1, 3, :3] = [-1, 0, 0]  # column by column
    builder.tree["skins"] = [
        {"joints": [1, 2], "inverseBindMatrices": builder.add(inverse.astype("<f4").reshape(2, 16))}
    ]
    builder.tree["nodes"] = [
        {"mesh": 0, "skin": 0, "translation": [500, 0, 0]},  # which a skin overrides
        {"translation": [0, 0, 7]},
        {"rotation": turn.as_quat().tolist(), "translation": [3, 0, 0]},
    ]
    builder.tree["scenes"] = [{"nodes": [0, 1, 2]}]
    first = np.add(TRIANGLE, [0, 0, 7])
    second = np.add(turn.apply(TRIANGLE - [1, 0, 0]), [3, 0, 0])
    assert np.array(builder.bounds) == limits([first[0], second[1], 0.2 * second[2] + 0.8 * first[2]])


def test_instances_are_where_their_attributes_put_them() -> None:
    builder = Builder()
    moves = builder.add(np.array([[0, 0, 0], [10, 0, 0]], "<f4"))
    sizes = builder.add(np.array([[1, 1, 1], [3, 3, 3]], "<f4"))
    instancing = {"attributes": {"TRANSLATION": moves, "SCALE": sizes}}
    builder.tree["nodes"][0] |= {"extensions": {"EXT_mesh_gpu_instancing": instancing}, "translation": [0, 0, 1]}
    assert builder.bounds == ((0, 0, 1), (13, 3, 1))


# --- compressed


def test_a_draco_mesh_is_kept_with_what_its_accessors_say() -> None:
    builder = Builder(np.array([[9, 9, 9]] * 3, "<i2"), normalized=True, min=[0, -32767, 0], max=[32767, 0, 0])
    del builder.tree["accessors"][0]["bufferView"]
    builder.tree["accessors"].append({"count": 12, "componentType": 5123, "type": "SCALAR"})
    builder.tree["extensionsUsed"] = builder.tree["extensionsRequired"] = ["KHR_draco_mesh_compression"]
    builder.primitive |= {
        "indices": 1,
        "extensions": {"KHR_draco_mesh_compression": {"bufferView": 0, "attributes": {"POSITION": 0}}},
    }
    builder.tree["nodes"][0]["translation"] = [1, 0, 0]
    value = builder.value
    assert (value.vertices, value.faces, value.bounds) == (3, 4, ((1, -1, 0), (2, 0, 0)))
    assert value.to_bytes() == builder.glb()
    del builder.tree["accessors"][0]["min"]
    with pytest.raises(mt.InputError, match="compressed"):
        _ = builder.value


def meshopt() -> Builder:
    """As gltfpack writes it: the second buffer is the place of the decompressed data and holds none."""
    builder = Builder(min=[0, 0, 0], max=[1, 2, 3])
    compressed = {"buffer": 0, "byteOffset": 0, "byteLength": 30, "byteStride": 12, "count": 3, "mode": "ATTRIBUTES"}
    builder.tree["bufferViews"] = [
        {"buffer": 1, "byteLength": 36, "extensions": {"EXT_meshopt_compression": compressed}}
    ]
    builder.tree["extensionsUsed"] = builder.tree["extensionsRequired"] = ["EXT_meshopt_compression"]
    return builder


def test_a_meshopt_file_is_kept_with_what_its_accessors_say(tmp_path: Path) -> None:
    tree = meshopt().tree
    fallback = {"byteLength": 36, "extensions": {"EXT_meshopt_compression": {"fallback": True}}}
    tree["buffers"] = [{"uri": "packed.bin", "byteLength": 30}, fallback]
    tree["images"] = [{"uri": "skin.png"}, {"uri": "../skin.png"}]
    (tmp_path / "packed.bin").write_bytes(bytes(range(30)))
    (tmp_path / "skin.png").write_bytes(b"pixels")
    (tmp_path / "m.gltf").write_text(json.dumps(tree))
    value = mt.Object3D(tmp_path / "m.gltf")
    assert (value.vertices, value.faces, value.bounds) == (3, 1, ((0, 0, 0), (1, 2, 3)))
    assert value.missing == ("../skin.png",)
    packed = value.to_glb()
    (size,) = struct.unpack_from("<I", packed, 12)
    made, body = json.loads(packed[20 : 20 + size]), packed[28 + size :]
    assert made["buffers"] == [{"byteLength": 38}, fallback]
    view, image = made["bufferViews"]
    assert (view["buffer"], view["extensions"]["EXT_meshopt_compression"]["buffer"]) == (1, 0)
    assert body[:30] == bytes(range(30))
    assert body[image["byteOffset"] :][: image["byteLength"]] == b"pixels"
    assert made["images"] == [{"bufferView": 1, "mimeType": "image/png"}, {"uri": "../skin.png"}]
    again = mt.Object3D(packed, file_type="glb")
    assert (again.vertices, again.bounds) == (3, ((0, 0, 0), (1, 2, 3)))


def test_a_gltf_becomes_a_glb_with_everything_in_it(tmp_path: Path) -> None:
    scene = trimesh.Scene([trimesh.creation.box(), trimesh.creation.icosphere().apply_translation([5, 0, 0])])
    for name, data in export_gltf(scene).items():
        (tmp_path / name).write_bytes(data)
    tree = json.loads((tmp_path / "model.gltf").read_bytes()) | {"extras": {"by": "me"}, "animations": [{"name": "a"}]}
    (tmp_path / "model.gltf").write_text(json.dumps(tree))
    value = mt.Object3D(tmp_path / "model.gltf")
    assert value.bounds is not None
    assert np.allclose(value.bounds, scene.bounds)
    again = loaded(value.to_glb(), "glb")
    assert np.allclose(again.bounds, scene.bounds)
    assert sum(len(shape.faces) for shape in again.geometry.values()) == value.faces == 12 + 1280
    assert b'"extras":{"by":"me"}' in value.to_glb()
    assert b'"animations":[{"name":"a"}]' in value.to_glb()


# --- claims


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda b: b.tree["accessors"][0].update(count=10**6), "an accessor of 1000000 elements in a buffer view with 36 bytes"),
        (lambda b: b.tree["accessors"][0].update(count=2**26, bufferView=None), "an accessor of 67108864 elements without data"),
        (lambda b: b.tree["accessors"][0].update(count=2**28), "expected at most 134217728 vertices and indices, got 536870912"),
        (lambda b: b.tree["accessors"][0].update(byteOffset=-12), "an accessor of 3 elements in a buffer view with 36 bytes"),
        (lambda b: b.tree["bufferViews"][0].update(byteLength=10**9), "a buffer view of 1000000000 bytes, of which 36 are there"),
        (lambda b: b.tree["bufferViews"][0].update(byteOffset=-4), "a buffer view outside its buffer"),
        (lambda b: b.tree["bufferViews"][0].update(byteStride=0), "an accessor of 3 elements in a buffer view with 36 bytes"),
        (lambda b: b.primitive.update(indices=b.add(np.array([0, 1, 3], "<u2"))), "one that names a vertex which is not there"),
        (lambda b: b.primitive.update(targets=[{}] * 10**6), "expected at most 134217728 vertices"),
        (lambda b: b.tree["meshes"][0].update(primitives=[b.primitive] * 10**6), "expected at most 134217728 vertices"),
        (lambda b: b.tree["nodes"][0].update(rotation=[0, 0, 0, float("1e999")]), "expected a GLB file"),
        (lambda b: b.tree["nodes"][0].update(scale=[1e308] * 3, children=[1]), "not finite"),
        (lambda b: b.tree["nodes"][0].update(rotation=[0, 0]), "Parsing failed"),
    ],
)  # fmt: skip
def test_false_claims_are_refused(change: Any, message: str) -> None:
    builder = Builder(TRIANGLE * 10)
    change(builder)
    if builder.tree["nodes"][0].get("children"):
        builder.tree["nodes"].append({"mesh": 0, "scale": [1e308] * 3})
    if "bufferView" in builder.tree["accessors"][0] and builder.tree["accessors"][0]["bufferView"] is None:
        del builder.tree["accessors"][0]["bufferView"]
    with pytest.raises(mt.InputError) as caught:
        mt.Object3D(builder.glb(), file_type="glb")
    assert message in str(caught.value)
