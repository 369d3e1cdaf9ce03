"""Meshes as other programs write them: odd blanks, comments, polygons and bytes behind the end."""

from __future__ import annotations

import io
import struct
import time
from typing import Any

import numpy as np
import pytest
import trimesh

import mediatypes as mt

VERTICES = "v 0 0 0\n\tv 1\t0 0 # red\nv 0 1 0\nv 1 1 1\n"
CORNERS = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (5, 5, 5)]
PLY = "ply\nformat {format} 1.0\nelement vertex 5\n{properties}element face 3\n{faces}end_header\n".format
FACES = ((0, 1, 2, 3), (0, 1, 4), (2, 3, 4))


def loaded(glb: bytes) -> Any:
    scene: Any = trimesh.load_scene(io.BytesIO(glb), file_type="glb")
    return scene.to_mesh()


@pytest.mark.parametrize(
    "faces",
    [
        "f 1 2 3\nf 2 3 4\n",
        "f\t1 2 3\nf 2\t3\t4\n",
        "  f 1 2 3\n\tf 2 3 4\n",
        "f 1 2 3 # one\nf 2 3 4#two\n",
        "f 1 2 3 \r\nf 2 3 4\r\n",
        "f 1 2 4 3\n",
        "f -4 -3 -2\nf -3 -2 -1\n",
    ],
)
def test_an_obj_may_have_tabs_comments_and_indented_lines(faces: str) -> None:
    mesh = mt.Object3D((VERTICES + faces).encode(), file_type="obj")
    assert (mesh.vertices, mesh.faces, mesh.bounds) == (4, 2, ((0, 0, 0), (1, 1, 1)))
    assert len(loaded(mesh.to_glb()).faces) == 2


def test_an_obj_of_lines_that_end_as_on_old_macs_is_read() -> None:
    mesh = mt.Object3D((VERTICES + "f 1 2 3\n").replace("\n", "\r").encode(), file_type="obj")
    assert (mesh.vertices, mesh.faces) == (3, 1)


@pytest.mark.parametrize("face", ["f 0 1 2", "f 1 2 0", "f 1/1 0/1 2/1"])
def test_vertices_of_an_obj_count_from_one(face: str) -> None:
    with pytest.raises(mt.InputError, match=r"Parsing failed: a face names vertex 0, and the first one is 1\.$"):
        mt.Object3D((VERTICES + face).encode(), file_type="obj")


def test_vertices_of_an_obj_have_three_coordinates() -> None:
    with pytest.raises(mt.InputError, match=r"Parsing failed: a vertex has 2 coordinates\.$"):
        mt.Object3D(b"v 0 0\nv 1 0\nv 0 1\nf 1 2 3\n", file_type="obj")


def test_bytes_behind_the_triangles_of_an_stl_are_passed_over() -> None:
    triangles = b"".join(struct.pack("<12fH", 0, 0, 1, 0, 0, n, 1, 0, n, 0, 1, n, 0) for n in range(3))
    data = bytes(80) + struct.pack("<I", 3) + triangles + b"what a program appends"
    mesh = mt.Object3D(data, file_type="stl")
    assert (mesh.faces, mesh.bounds, mesh.to_bytes()) == (3, ((0, 0, 0), (1, 1, 2)), data)


def ply(format: str) -> bytes:
    """A mesh of polygons with several numbers of corners, and coloured vertices."""
    numbers = [f"property float {axis}\n" for axis in "xyz"]
    numbers += [f"property uchar {color}\n" for color in ("red", "green", "blue")]
    faces = "property list uchar int vertex_indices\n"
    body = []
    order = ">" if "big" in format else "<"
    for n, corner in enumerate(CORNERS):
        row = (*corner, 10 * n, 0, 255)
        body.append(
            " ".join(map(str, row)).encode() + b"\n" if format == "ascii" else struct.pack(f"{order}3f3B", *row)
        )
    for face in FACES:
        row = (len(face), *face)
        packed = struct.pack(f"{order}B{len(face)}i", *row)
        body.append(" ".join(map(str, row)).encode() + b"\n" if format == "ascii" else packed)
    return PLY(format=format, properties="".join(numbers), faces=faces).encode() + b"".join(body)


@pytest.mark.parametrize("format", ["ascii", "binary_little_endian", "binary_big_endian"])
def test_polygons_of_several_sizes_are_converted(format: str) -> None:
    mesh = mt.Object3D(ply(format), file_type="ply")
    assert (mesh.vertices, mesh.faces) == (5, 4)
    shape = loaded(mesh.to_glb())
    assert (len(shape.faces), shape.bounds.tolist()) == (4, [[0, 0, 0], [5, 5, 5]])
    assert {tuple(each) for each in shape.visual.vertex_colors[:, :3].tolist()} == {(10 * n, 0, 255) for n in range(5)}


def test_blanks_may_end_the_lines_of_a_ply_header() -> None:
    data = b"ply \nformat ascii 1.0 \nelement vertex 1\n" + b"".join(b"property float %c\n" % axis for axis in b"xyz")
    cloud = mt.Object3D(data + b"end_header \t\n1 2 3\n", file_type="ply")
    np.testing.assert_array_equal(cloud.to_numpy(), [[1, 2, 3]])


def test_corners_of_an_obj_count_back_from_their_line() -> None:
    part = "v {0} 0 0\nv {0} 1 0\nv {0} 0 1\nvt 0 0\nf -3/-1 -2/-1 -1/-1\n"
    relative = part.format(1) + part.format(2)
    absolute = relative.replace("f -3/-1 -2/-1 -1/-1", "f 1/1 2/1 3/1", 1).replace(
        "f -3/-1 -2/-1 -1/-1", "f 4/2 5/2 6/2"
    )
    mesh = mt.Object3D(relative.encode(), file_type="obj")
    assert (mesh.vertices, mesh.faces, mesh.bounds) == (6, 2, ((1, 0, 0), (2, 1, 1)))
    assert (
        loaded(mesh.to_glb()).triangles.tolist()
        == loaded(mt.Object3D(absolute.encode(), file_type="obj").to_glb()).triangles.tolist()
    )


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("name", ["part 1", "endsolid", "vertex 9 9 9", "a facet"])
def test_the_name_of_a_text_stl_is_any(name: str, ending: str) -> None:
    facet = "facet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 1 0 0\nvertex 0 2 0\nendloop\nendfacet\n"
    text = f"solid {name}\n{facet}endsolid {name}\n".replace("\n", ending)
    mesh = mt.Object3D(text.encode(), file_type="stl")
    assert (mesh.faces, mesh.bounds) == (1, ((0, 0, 0), (1, 2, 0)))


def test_a_text_stl_of_many_parts_takes_as_long_as_one() -> None:
    facet = b"facet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 1 0 0\nvertex 0 2 0\nendloop\nendfacet\n"
    part = b"solid a\n" + facet + b"endsolid a\n"
    began = time.process_time()
    assert mt.Object3D(part * 5000, file_type="stl").faces == 5000
    assert time.process_time() - began < 5
    with pytest.raises(mt.InputError, match=r"Parsing failed: it ends before its last solid does\.$"):
        mt.Object3D(part + part[:-12], file_type="stl")
