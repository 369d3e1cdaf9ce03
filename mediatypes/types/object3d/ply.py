"""PLY, the polygon file format (Turk 1994): point clouds written as binary little-endian, common variants read."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np

from ..._core.errors import ValidationError, show
from ...columns.arrays import Array
from .points import AXES

_MAX_HEADER = 64 * 1024
_ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": ""}
_TYPES = {"char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4"}
_TYPES |= {"float": "f4", "double": "f8"}
_SIZED = {"int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4"}
_READ = {**_TYPES, **_SIZED, "float32": "f4", "float64": "f8"}
_NAMES = {code: name for name, code in _TYPES.items()}
_HEADER = re.compile(rb"ply\r?\n(.*?)end_header\r?\n", re.DOTALL)


class Header(NamedTuple):
    """What the header of a PLY file says of its vertices, and how many faces it announces."""

    format: str  # binary_little_endian, binary_big_endian or ascii
    vertices: int
    properties: tuple[tuple[str, str], ...]  # (name, numpy code without byte order) of each vertex property
    faces: int
    offset: int  # of the first byte after the header
    first: bool  # the vertices come before every other element

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype([(name, _ORDERS[self.format] + code) for name, code in self.properties])

    @property
    def least_size(self) -> int:
        """Bytes the file needs at least; in text, a digit and a separator for each number."""
        width = 2 * len(self.properties) if self.format == "ascii" else self.dtype.itemsize
        return self.offset + self.vertices * width + self.faces - (self.format == "ascii")


def write(records: Array) -> bytes:
    """A binary little-endian PLY of packed little-endian records: a vertex for each, a property for each field."""
    fields = ((name, records.dtype[name]) for name in records.dtype.names or ())
    lines = ["ply", "format binary_little_endian 1.0", f"element vertex {len(records)}"]
    lines += [f"property {_NAMES[dtype.str[1:]]} {name}" for name, dtype in fields]
    header = "\n".join([*lines, "end_header\n"]).encode("ascii")
    return header + records.tobytes()


def read_header(data: bytes, where: str, error: type[ValidationError]) -> Header:
    """The header, its counts checked against the size of the file before anything is allocated.

    Raises:
        InputError or DocumentError (as `error` says): no PLY header, unknown words in it, fewer bytes than announced.
    """
    match = _HEADER.match(data[:_MAX_HEADER])
    if not match:
        raise error.of(where, "a PLY file", data[:12], "Write it again with a PLY exporter.", "not-a-ply")
    try:
        header = _parse(match[1].decode("ascii", "replace").splitlines(), match.end())
    except (ValueError, KeyError, IndexError) as broken:
        hint = f"Reading it failed: {broken}."
        raise error.of(where, "a PLY header that can be read", data[:12], hint, "broken") from broken
    if len(data) < header.least_size:
        expected = f"at least {header.least_size} bytes for {header.vertices} vertices and {header.faces} faces"
        raise error.of(where, expected, len(data), "The file is cut short: write it again.", "broken")
    return header


def read(data: bytes, header: Header, where: str, error: type[ValidationError]) -> Array:
    """(n,) records of the vertices, read-only and without a copy where the file is binary.

    Raises:
        InputError or DocumentError (as `error` says): x, y, z are missing, or the text does not hold such numbers.
    """
    names = [name for name, _ in header.properties]
    if not header.first or not set(AXES) <= set(names):
        raise error.of(where, "vertices with x, y, z first", names, "Write it again with a PLY exporter.", "broken")
    if header.format != "ascii":
        return np.frombuffer(data, header.dtype, header.vertices, header.offset)
    words = data[header.offset :].split(maxsplit=header.vertices * len(names))[: header.vertices * len(names)]
    try:
        table = np.array(words, np.float64).reshape(header.vertices, len(names))
    except ValueError as broken:
        expected = f"{header.vertices} lines of {len(names)} numbers"
        raise error.of(where, expected, data[header.offset :][:40], "Write it again.", "broken") from broken
    records = np.empty(header.vertices, header.dtype)
    with np.errstate(all="ignore"):
        for column, name in enumerate(names):
            records[name] = table[:, column]
    records.setflags(write=False)
    return records


def _parse(lines: list[str], offset: int) -> Header:
    format, elements = "", dict[str, int]()
    properties: list[tuple[str, str]] = []
    element = ""
    for words in map(str.split, lines):
        match words:
            case ["format", name, "1.0"] if name in _ORDERS:
                format = name
            case ["element", element, count]:
                elements[element] = _count(count)
            case ["property", "list", *_] if element != "vertex":
                pass
            case ["property", type, name]:
                properties += [(name, _READ[type])] if element == "vertex" else []
            case [] | ["comment" | "obj_info", *_]:
                pass
            case _:
                raise ValueError(f"unknown line {show(' '.join(words))}")
    if not format or "vertex" not in elements or len({name for name, _ in properties}) != len(properties):
        raise ValueError("expected a format, the element vertex and properties of different names")
    first = next(iter(elements)) == "vertex"
    return Header(format, elements["vertex"], tuple(properties), elements.get("face", 0), offset, first)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise ValueError(f"{show(text)} is not a number of elements")
    return int(text)
