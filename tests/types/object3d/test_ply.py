"""PLY files by others: every order of bytes and elements, lists, polygons and strips."""

# ruff: noqa: E501 - one case a line, with its whole message

from __future__ import annotations

import io
import struct
import time
from typing import Any

import numpy as np
import pytest
import trimesh

import mediatypes as mt
from mediatypes.types.object3d import ply

SQUARE = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (5, 5, 5)]
CODES = {"char": "b", "uchar": "B", "short": "h", "ushort": "H", "int": "i", "uint": "I", "float": "f", "double": "d"}
FORMATS = ["ascii", "binary_little_endian", "binary_big_endian"]
Rows = list[tuple[Any, ...]]


def write(format: str, *elements: tuple[str, str, Rows]) -> bytes:
    """Elements as (name, properties such as "float x; list uchar int vertex_indices", rows); a list is a tuple."""
    lines, body = ["ply", f"format {format} 1.0", "comment by hand"], []
    for name, properties, rows in elements:
        types = [each.split() for each in properties.split("; ")]
        lines += [f"element {name} {len(rows)}", *(f"property {' '.join(each)}" for each in types)]
        body += [one(format, types, row) for row in rows]
    return "\n".join([*lines, "end_header\n"]).encode() + b"".join(body)


def one(format: str, types: list[list[str]], row: tuple[Any, ...]) -> bytes:
    numbers: list[tuple[str, Any]] = []
    for type, value in zip(types, row, strict=True):
        if type[0] == "list":
            numbers += [(type[1], len(value)), *((type[2], item) for item in value)]
        else:
            numbers.append((type[0], value))
    if format == "ascii":
        return (" ".join(str(value) for _, value in numbers) + "\n").encode()
    order = "<" if "little" in format else ">"
    return b"".join(struct.pack(order + CODES[type], value) for type, value in numbers)


CAMERA = ("camera", "float fx; list uchar int sizes", [(1.5, (640, 480)), (2.5, (320, 240))])
VARIED = ("note", "list uchar uchar text; double at", [((1, 2, 3), 0.5), ((), 1.5), ((9,), 2.5)])
VERTICES = ("vertex", "double x; double y; double z", SQUARE)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("before", [[], [CAMERA], [VARIED], [CAMERA, VARIED], [("empty", "int a", [])]])
def test_points_are_read_behind_other_elements(format: str, before: list[Any]) -> None:
    value = mt.Object3D(write(format, *before, VERTICES), file_type="ply")
    assert value.points == 5
    assert value.to_numpy().tolist() == [list(row) for row in SQUARE]
    assert value.bounds == ((0, 0, 0), (5, 5, 5))


@pytest.mark.parametrize("format", FORMATS)
def test_vertices_may_hold_lists(format: str) -> None:
    rows: Rows = [((7, 8), x, y, z, 200, 100, 50) for x, y, z in SQUARE]
    properties = "list uchar short visible; float x; float y; float z; uchar red; uchar green; uchar blue"
    value = mt.Object3D(write(format, ("vertex", properties, rows)), file_type="ply")
    assert value.to_numpy().tolist() == [[*row, 200, 100, 50] for row in SQUARE]
    rows[2] = ((7,), *rows[2][1:])
    with pytest.raises(mt.InputError, match=r"element vertex.* has lists of several lengths"):
        mt.Object3D(write(format, ("vertex", properties, rows)), file_type="ply")


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", ["vertex_indices", "vertex_index"])
@pytest.mark.parametrize("faces", [[(0, 1, 2), (0, 2, 3)], [(0, 1, 2, 3)], [(0, 1, 2), (0, 1, 2, 3, 4), (1, 2, 3, 4)]])
def test_polygons_are_counted_as_triangles(format: str, name: str, faces: Rows) -> None:
    rows = [(7, face) for face in faces]
    data = write(format, VERTICES, ("face", f"short flags; list uchar int {name}", rows))
    value = mt.Object3D(data, file_type="ply")
    assert (value.vertices, value.faces) == (5, sum(len(face) - 2 for face in faces))
    _, triangles = ply.read_mesh(data, ply.read_header(data, "x", mt.InputError), "x", mt.InputError)
    fans = [(face[0], face[i], face[i + 1]) for face in faces for i in range(1, len(face) - 1)]
    assert list(map(tuple, triangles.tolist())) == fans


@pytest.mark.parametrize("format", FORMATS)
def test_strips_are_meshes(format: str) -> None:
    strips = [((0, 1, 3, 2, -1, 1, 2, 4),), ((0, 3, 4),)]
    data = write(format, CAMERA, VERTICES, ("tristrips", "list int int vertex_indices", strips))
    value = mt.Object3D(data, file_type="ply")
    assert (value.vertices, value.faces, value.points, value.to_bytes()) == (5, 4, None, data)
    mesh: Any = trimesh.load(io.BytesIO(value.to_glb()), file_type="glb", force="mesh", process=False)
    assert mesh.faces.tolist() == [[0, 1, 3], [3, 1, 2], [1, 2, 4], [0, 3, 4]]
    assert mesh.face_normals[:2].tolist() == [[0, 0, 1], [0, 0, 1]]  # both face one way


def test_triangles_written_here_are_read_by_trimesh() -> None:
    ball = trimesh.creation.icosphere()
    vertices = np.array([tuple(row) for row in ball.vertices], [(axis, ">f8") for axis in "xyz"])
    mesh: Any = trimesh.load(io.BytesIO(ply.write(vertices, ball.faces)), file_type="ply", process=False)
    assert np.array_equal(mesh.vertices, ball.vertices)
    assert np.array_equal(mesh.faces, ball.faces)


@pytest.mark.parametrize(
    ("elements", "message"),
    [
        ([VERTICES, ("face", "list uchar int vertex_indices", [((0, 1, 9),)])], "a face names a vertex that is not there"),
        ([VERTICES, ("face", "list uchar int vertex_indices", [((0, 1, -1),)])], "a face names a vertex that is not there"),
        ([VERTICES, ("face", "list uchar int vertex_indices", [((0, 1),)])], "it holds no faces"),
        ([VERTICES, ("face", "list uchar int corners", [((0, 1, 2),)])], "the element face without a list vertex_indices"),
        ([("vertex", "float x; float y", [(0, 1)])], "expected vertices with x, y, z, got ['x', 'y']"),
        ([("vertex", "float x; float x; float z", [(0, 1, 2)])], "properties of different names in the element vertex"),
        ([CAMERA], "expected a format and the element vertex"),
        ([("vertex", "double x; double y; double z", [(0, 1, float("nan"))]),
          ("face", "list uchar int vertex_indices", [((0, 0, 0),)])], "a vertex is not finite"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("format", FORMATS)
def test_what_is_no_mesh_is_refused(format: str, elements: list[Any], message: str) -> None:
    with pytest.raises(mt.InputError) as caught:
        mt.Object3D(write(format, *elements), file_type="ply")
    assert message in str(caught.value)


@pytest.mark.parametrize("face", ["3 0 1 nan", "4 0 1 2 nan", "nan 0 1 2", "3 0 1", "-3 0 1 2", "1e300 0 1 2"])
def test_faces_in_text_that_are_none_are_refused(face: str) -> None:
    data = write("ascii", VERTICES, ("face", "list uchar int vertex_indices", [((0, 1, 2),)]))
    with pytest.raises(mt.InputError, match="Reading it failed"):
        mt.Object3D(data.replace(b"3 0 1 2\n", f"{face}\n".encode()), file_type="ply")


@pytest.mark.parametrize("length", [-1, 2**31 - 1])
def test_the_length_of_a_list_is_not_believed(length: int) -> None:
    data = write("binary_little_endian", VERTICES, ("face", "list int int vertex_indices", [((0, 1, 2),)] * 2))
    for at in (len(data) - 16, len(data) - 32):
        forged = data[:at] + struct.pack("<i", length) + data[at + 4 :]
        with pytest.raises(mt.InputError, match="Reading it failed"):
            mt.Object3D(forged, file_type="ply")


@pytest.mark.parametrize("color", ["300", "-1", "5.5", "nan"])
def test_a_number_that_its_type_cannot_hold_is_refused(color: str) -> None:
    names = "".join(f"property float {axis}\n" for axis in "xyz") + "property uchar red\n"
    header = f"ply\nformat ascii 1.0\nelement vertex 2\n{names}end_header\n0 0 0 255\n"
    assert mt.Object3D(f"{header}0 0 0 7\n".encode(), file_type="ply").points == 2
    with pytest.raises(mt.InputError, match=rf"^Object3D\.red: expected whole numbers of the type uchar, got {color}"):
        mt.Object3D(f"{header}0 0 0 {color}\n".encode(), file_type="ply")


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("ending", [b"\r\n", b"\r"])
def test_lines_of_a_header_end_as_the_first_one(format: str, ending: bytes) -> None:
    """Also before data that begin with the byte of a line feed."""
    faces = ("face", "list uchar int vertex_indices", [((0, 1, 2),)])
    vertices = ("vertex", "char x; char y; char z", [(10, 0, 0), (1, 0, 0), (0, 2, 0)])
    head, mark, body = write(format, vertices, faces).partition(b"end_header\n")
    body = body.replace(b"\n", ending) if format == "ascii" else body
    mesh = mt.Object3D(head.replace(b"\n", ending) + mark[:-1] + ending + body, file_type="ply")
    assert (mesh.vertices, mesh.faces, mesh.bounds) == (3, 1, ((0, 0, 0), (10, 2, 0)))
    assert trimesh.load_mesh(io.BytesIO(mesh.to_glb()), file_type="glb").bounds.tolist() == [[0, 0, 0], [10, 2, 0]]


@pytest.mark.parametrize("line", ["float x\nproperty int64 id", "list int64 int vertex_indices\nproperty float x"])
def test_a_type_that_ply_does_not_have_is_named(line: str) -> None:
    text = f"ply\nformat ascii 1.0\nelement vertex 1\nproperty {line}\nend_header\n"
    with pytest.raises(
        mt.InputError, match="Reading it failed: 'int64' is no type of PLY, which are char, uchar, short"
    ):
        mt.Object3D(text.encode(), file_type="ply")


def test_time_grows_with_the_properties_of_an_element() -> None:
    names = "".join(f"property list uchar char p{i}\n" for i in range(2000))
    head = f"ply\nformat binary_little_endian 1.0\nelement vertex 1\n{names}"
    head += "property float x\nproperty float y\nproperty float z\nend_header\n"
    began = time.process_time()
    assert mt.Object3D(head.encode() + bytes(2012), file_type="ply").points == 1
    assert time.process_time() - began < 3
