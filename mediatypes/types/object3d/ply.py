"""PLY, the polygon file format (Turk 1994): one writer, binary little-endian, and a reader of its common variants."""

from __future__ import annotations

import re
import struct
from typing import Any, NamedTuple

import numpy as np

from ..._core.errors import ValidationError, show
from ..._core.wording import counted
from ...columns.arrays import Array
from .points import AXES

_MAX_HEADER = 64 * 1024
_ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": "="}
_TYPES = {"char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4"}
_TYPES |= {"float": "f4", "double": "f8"}
_SIZED = {"int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4"}
_READ = {**_TYPES, **_SIZED, "float32": "f4", "float64": "f8"}
_NAMES = {code: name for name, code in _TYPES.items()}
_HEADER = re.compile(rb"ply[ \t]*(\r?\n|\r)(.*?[\r\n])end_header[ \t]*\1", re.DOTALL)  # all lines end as the first one


class Property(NamedTuple):
    """A number of each row, or a list of numbers that its length precedes."""

    name: str
    code: str  # numpy's, without byte order
    length: str | None  # code of a list's length


class Element(NamedTuple):
    name: str
    size: int  # rows
    properties: tuple[Property, ...]

    def least_width(self, ascii: bool) -> int:
        """Bytes that a row needs at least: its numbers and the lengths of its lists; in text, a digit and a space."""
        return sum(2 if ascii else np.dtype(item.length or item.code).itemsize for item in self.properties)


class Header(NamedTuple):
    """What the header of a PLY file says."""

    format: str  # binary_little_endian, binary_big_endian or ascii
    elements: tuple[Element, ...]
    offset: int  # of the first byte after the header

    @property
    def vertex(self) -> Element:
        return next(element for element in self.elements if element.name == "vertex")

    @property
    def vertices(self) -> int:
        return self.vertex.size

    @property
    def is_mesh(self) -> bool:
        return any(element.name in _FACES and element.size for element in self.elements)

    @property
    def least_size(self) -> int:
        """Bytes that the file needs at least."""
        ascii = self.format == "ascii"
        return self.offset + sum(each.size * each.least_width(ascii) for each in self.elements) - ascii


def write(vertices: Array, triangles: Array | None = None) -> bytes:
    """A binary little-endian PLY of (n,) records, whose fields are the properties, and (m, 3) indices of them."""
    fields = [(name, vertices.dtype[name].newbyteorder("<")) for name in vertices.dtype.names or ()]
    lines = ["ply", "format binary_little_endian 1.0", f"element vertex {len(vertices)}"]
    lines += [f"property {_NAMES[dtype.str[1:]]} {name}" for name, dtype in fields]
    body = [vertices.astype(fields, copy=False).tobytes()]
    if triangles is not None:
        lines += [f"element face {len(triangles)}", "property list uchar int vertex_indices"]
        faces = np.empty(len(triangles), [("length", "u1"), ("corners", "<i4", 3)])
        faces["length"], faces["corners"] = 3, triangles
        body.append(faces.tobytes())
    return b"".join(["\n".join([*lines, "end_header\n"]).encode("ascii"), *body])


def read_header(data: bytes, where: str, error: type[ValidationError]) -> Header:
    """The header, its counts checked against the size of the file before anything is allocated; raises `error`."""
    match = _HEADER.match(data[:_MAX_HEADER])
    if not match:
        raise error.of(where, "a PLY file", data[:12], "Write it again with a PLY exporter.", "not-a-ply")
    try:
        header = _parse(match[2].decode("ascii", "replace").splitlines(), match.end())
    except ValueError as broken:
        hint = f"Reading it failed: {broken}."
        raise error.of(where, "a PLY header that can be read", data[:12], hint, "broken") from broken
    if len(data) < header.least_size:
        counts = ", ".join(f"{element.size} of {element.name}" for element in header.elements)
        expected = f"at least {header.least_size} bytes for {counts}"
        raise error.of(where, expected, len(data), "The file is cut short: write it again.", "broken")
    return header


def is_plain(data: bytes, header: Header) -> bool:
    """Whether it is what every reader knows: vertices of single numbers first, then polygons with as many corners."""
    has_lists = any(item.length for item in header.vertex.properties)
    if (
        b"\n" not in data[: header.offset]
        or header.elements[0] is not header.vertex
        or has_lists
        or "tristrips" in {e.name for e in header.elements}
    ):
        return False
    if header.format == "ascii":
        return True
    try:
        body = _Body(data, header)
        for element in header.elements:
            body.rows(element)
    except ValueError:  # of lists of several lengths
        return False
    return True


def read(data: bytes, header: Header, where: str, error: type[ValidationError]) -> Array:
    """(n,) records of the vertices' single numbers, read-only and not copied from a binary file; raises `error`."""
    return _read(data, header, where, error, with_triangles=False)[0]


def read_mesh(data: bytes, header: Header, where: str, error: type[ValidationError]) -> tuple[Array, Array]:
    """The vertices as `read` returns them, and (m, 3) triangles: fans of polygons, each of a strip; raises `error`."""
    with np.errstate(all="ignore"):  # NaN as an index is one that is not there
        return _read(data, header, where, error, with_triangles=True)


def _read(
    data: bytes, header: Header, where: str, error: type[ValidationError], *, with_triangles: bool
) -> tuple[Array, Array]:
    names = [item.name for item in header.vertex.properties if not item.length]
    if not set(AXES) <= set(names):
        raise error.of(where, "vertices with x, y, z", names, "Write it again with a PLY exporter.", "broken")
    vertices: Array = np.empty(0)
    triangles: list[Array] = []
    try:
        body = _Body(data, header)
        for element in header.elements:
            if element.name == "vertex":
                vertices = body.rows(element)[names]
                if not with_triangles:
                    break
            elif with_triangles and element.name in _FACES:
                triangles.append(_FACES[element.name](*body.lists(element, _corners(element))))
            else:
                body.skip(element)
        faces = np.concatenate(triangles) if triangles else np.empty((0, 3), np.int64)
        if len(faces) and not 0 <= faces.min() <= faces.max() < header.vertices:
            raise ValueError("a face names a vertex that is not there")
    except (ValueError, IndexError, OverflowError, struct.error) as broken:
        hint = f"Reading it failed: {broken}."
        raise error.of(where, "a whole PLY file", counted(len(data), "byte"), hint, "broken") from broken
    if header.format == "ascii":  # which was read as float64
        read, dtype = vertices, [(item.name, item.code) for item in header.vertex.properties if not item.length]
        with np.errstate(all="ignore"):
            vertices = read.astype(dtype)
        for name, code in dtype:
            if code[0] != "f" and (wrong := np.flatnonzero(vertices[name] != read[name])).size:
                expected = f"whole numbers of the type {_NAMES[code]}"
                raise error.of(f"{where}.{name}", expected, float(read[name][wrong[0]]), "Write it again.", "range")
    vertices.setflags(write=False)
    return vertices, faces


class _Body:
    """What follows the header, read element by element. Text is read as the float64 numbers that stand in it."""

    def __init__(self, data: bytes, header: Header) -> None:
        self._data, self._position, self._code = data, header.offset, _ORDERS[header.format].__add__
        if header.format == "ascii":
            self._data = np.fromiter(map(float, data[header.offset :].split()), np.float64).tobytes()
            self._position, self._code = 0, lambda code: "=f8"

    def rows(self, element: Element) -> Array:
        """(n,) records of an element. Each list in it has one length in all rows and is a field (length,)."""
        fields: list[Any] = []
        lists = []
        for item, length in zip(element.properties, self._first_row(element), strict=True):
            if item.length:
                lists.append((f"length of {item.name}", length))
                fields += [(lists[-1][0], self._code(item.length)), (item.name, self._code(item.code), (length,))]
            else:
                fields.append((item.name, self._code(item.code)))
        dtype = np.dtype(fields)
        if dtype.itemsize * element.size > len(self._data) - self._position:
            raise ValueError(f"it ends inside the element {element.name}, or that has lists of several lengths")
        rows: Array = np.empty(element.size)
        if fields:
            rows = np.frombuffer(self._data, dtype, element.size, self._position)
        if any((rows[name] != length).any() for name, length in lists):
            raise ValueError(f"the element {element.name} has lists of several lengths")
        self._position += rows.nbytes if fields else 0
        return rows

    def lists(self, element: Element, wanted: Property) -> tuple[Array, Array]:
        """The values of a property in all rows, one after the other, and (n,) how many of them each row has."""
        dtype = np.dtype(self._code(wanted.code))
        if not element.size:
            return np.empty(0, dtype), np.empty(0, np.int64)
        try:
            values = self.rows(element)[wanted.name].reshape(element.size, -1)
            return values.reshape(-1), np.full(element.size, values.shape[1])
        except ValueError:  # lists of several lengths are found by going from row to row
            starts, lengths = self._places(element, element.properties.index(wanted))
        before = np.cumsum(lengths) - lengths
        at = np.repeat(starts - before * dtype.itemsize, lengths) + np.arange(lengths.sum()) * dtype.itemsize
        single = np.frombuffer(self._data, np.uint8)[at[:, None] + np.arange(dtype.itemsize)]
        return np.ascontiguousarray(single).view(dtype).reshape(-1), lengths

    def skip(self, element: Element) -> None:
        """Go on behind an element."""
        if element.properties:
            self.lists(element, element.properties[0])

    def _places(self, element: Element, column: int) -> tuple[Array, Array]:
        """(n,) where the values of a property start in each row, and (n,) how many there are."""
        layout, end, position = self._layout(element), len(self._data), self._position
        starts, lengths = list[int](), list[int]()
        for _ in range(element.size):
            for index, (length_of, width, size) in enumerate(layout):
                length = int(length_of(self._data, position)[0]) if length_of else 1
                position += width
                if index == column:
                    starts.append(position)
                    lengths.append(length)
                position += length * size
                if length < 0 or position > end:
                    raise ValueError(f"it ends inside the element {element.name}")
        self._position = position
        return np.array(starts, np.int64), np.array(lengths, np.int64)

    def _first_row(self, element: Element) -> list[int]:
        """How many values each property has in the first row."""
        if not element.size:
            return [0] * len(element.properties)
        position, lengths = self._position, list[int]()
        for length_of, width, size in self._layout(element):
            lengths.append(int(length_of(self._data, position)[0]) if length_of else 1)
            position += width + lengths[-1] * size
            if lengths[-1] < 0 or position > len(self._data):
                raise ValueError(f"it ends inside the element {element.name}")
        return lengths

    def _layout(self, element: Element) -> list[tuple[Any, int, int]]:
        """Of each property how the length of a list is read, the bytes of that, and those of a value."""
        layout: list[tuple[Any, int, int]] = []
        for item in element.properties:
            size = np.dtype(self._code(item.code)).itemsize
            if item.length:
                code = self._code(item.length)
                number = struct.Struct(code[0] + np.dtype(code[1:]).char)
                layout.append((number.unpack_from, number.size, size))
            else:
                layout.append((None, 0, size))
        return layout


def _fans(corners: Array, lengths: Array) -> Array:
    """(m, 3) triangles of polygons, each as a fan around its first corner."""
    if (lengths == 3).all():
        return corners.reshape(-1, 3)
    corners = corners.astype(np.int64)
    counts = np.maximum(lengths - 2, 0)
    first = np.repeat(np.cumsum(lengths) - lengths, counts)
    step = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + 1
    return np.stack([corners[first], corners[first + step], corners[first + step + 1]], axis=1)


def _strips(corners: Array, lengths: Array) -> Array:
    """(m, 3) triangles of strips, which also a -1 ends; every other one is turned, so that all face one way."""
    corners = corners.astype(np.int64)
    starts = np.zeros(len(corners) + 1, np.bool_)
    starts[np.cumsum(lengths)] = True
    starts[1:] |= corners == -1
    starts[0] = True
    strip = np.maximum.accumulate(np.where(starts, np.arange(len(starts)), 0))[:-1]  # where its strip starts
    at = (
        np.flatnonzero((strip[:-2] == strip[2:]) & (corners[:-2] != -1) & (corners[2:] != -1))
        if len(corners) > 2
        else np.empty(0, np.int64)
    )
    triangles = np.stack([corners[at], corners[at + 1], corners[at + 2]], axis=1)
    turned = (at - strip[at]) % 2 == 1
    triangles[turned] = triangles[turned][:, [1, 0, 2]]
    return triangles


_FACES = {"face": _fans, "tristrips": _strips}


def _corners(element: Element) -> Property:
    for item in element.properties:
        if item.length and item.name in ("vertex_indices", "vertex_index"):
            return item
    raise ValueError(f"the element {element.name} without a list vertex_indices")


def _parse(lines: list[str], offset: int) -> Header:
    format, elements, properties = "", dict[str, tuple[int, list[Property]]](), list[Property]()
    for words in map(str.split, lines):
        match words:
            case ["format", name, "1.0"] if name in _ORDERS:
                format = name
            case ["element", element, count] if element not in elements:
                properties = list[Property]()
                elements[element] = _count(count), properties
            case ["property", "list", length, type, name] if elements and _code(length)[0] != "f":
                properties.append(Property(name, _code(type), _code(length)))
            case ["property", type, name] if elements:
                properties.append(Property(name, _code(type), None))
            case [] | ["comment" | "obj_info", *_]:
                pass
            case _:
                raise ValueError(f"unknown line {show(' '.join(words))}")
    if not format or "vertex" not in elements:
        raise ValueError("expected a format and the element vertex")
    for name, (_, properties) in elements.items():
        if len({item.name for item in properties}) != len(properties):
            raise ValueError(f"expected properties of different names in the element {name}")
    parts = (Element(name, count, tuple(properties)) for name, (count, properties) in elements.items())
    return Header(format, tuple(parts), offset)


def _code(type: str) -> str:
    if type not in _READ:
        raise ValueError(f"{show(type)} is no type of PLY, which are {', '.join(_TYPES)}")
    return _READ[type]


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise ValueError(f"{show(text)} is not a number of elements")
    return int(text)
