"""mmtf, read with msgpack: of the MessagePack map only the members that are counted become objects.

Source: github.com/rcsb/mmtf, spec.md, version 1.0.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from ..._core.deps import need
from ..._core.errors import InputError
from ...columns.arrays import Array
from .content import Content, hill

_COORDINATES = ("xCoordList", "yCoordList", "zCoordList")
_MEMBERS = ("numAtoms", "numGroups", "numModels", "groupList", "groupTypeList", *_COORDINATES)
_MAX_NESTED = 4 * 1024 * 1024  # bytes of a member that is not binary; as objects they can take 70 times that
_BINARY = (0xC4, 0xC5, 0xC6)  # how MessagePack begins a byte string
_HEADER = 12  # codec, length and parameter of an array: three big-endian int32
_INT32, _PACKED = 4, 10  # codecs: int32, and fixed-point numbers as differences in one or more int16


def read_mmtf(data: bytes) -> Content:
    """MMTF: the counts it claims are compared with the groups and arrays that are there."""
    members = _members(data)
    if missing := [name for name in _MEMBERS if name not in members]:
        raise _broken(f"the members {', '.join(missing)}", "none")
    try:
        return _count(members)
    except (TypeError, KeyError, IndexError, AttributeError) as error:
        raise _broken("groups and arrays as the mmtf specification has them", str(error)) from error


def _members(data: bytes) -> dict[str, Any]:
    msgpack = need("msgpack", extra="mol", needed_for="Molecule of an mmtf file")
    reader = msgpack.Unpacker(max_buffer_size=len(data) + 1)
    reader.feed(data)
    spans = {}
    try:
        for _ in range(reader.read_map_header()):
            name, start = reader.unpack(), reader.tell()
            reader.skip()
            if name in _MEMBERS:
                spans[name] = data[start : reader.tell()]
        if reader.tell() != len(data):
            raise _broken("the end of the file after its MessagePack map", data[reader.tell() :][:40])
        return {name: msgpack.unpackb(_bounded(name, span)) for name, span in spans.items()}
    except (ValueError, msgpack.UnpackException) as error:
        if isinstance(error, InputError):
            raise
        raise _broken("an mmtf file (a MessagePack map)", data[:40]) from error


def _bounded(name: str, span: bytes) -> bytes:
    if len(span) > _MAX_NESTED and span[0] not in _BINARY:
        raise _broken(f"at most {_MAX_NESTED} bytes of {name}", len(span))
    return span


def _count(members: dict[str, Any]) -> Content:
    atoms, groups, models = (members[name] for name in ("numAtoms", "numGroups", "numModels"))
    kinds = _array(members, "groupTypeList", _INT32, ">i4")
    if len(kinds) != groups:
        raise _broken(f"numGroups = {groups!r} entries in groupTypeList", len(kinds))
    if len(kinds) and not 0 <= kinds.min() <= kinds.max() < len(members["groupList"]):
        raise _broken("entries of groupTypeList that are in groupList", f"{kinds.min()} to {kinds.max()}")
    elements: Counter[str] = Counter()
    for kind, times in zip(*np.unique(kinds, return_counts=True), strict=True):
        for element in members["groupList"][kind]["elementList"]:
            elements[element.capitalize()] += int(times)
    sizes = {elements.total(), *(_packed_length(members, name) for name in _COORDINATES)}
    if sizes != {atoms} or atoms < 1 or not 1 <= models <= len(kinds):
        counts = " or ".join(map(str, sorted(sizes)))
        raise _broken(
            f"numAtoms = {atoms!r} atoms in numModels = {models!r} models", f"{counts} in {len(kinds)} groups"
        )
    return Content(atoms, int(models), len(kinds), hill(elements) if models == 1 else None)


def _array(members: dict[str, Any], name: str, codec: int, dtype: str) -> Array:
    data = members[name]
    body = memoryview(data)[_HEADER:]
    size = np.dtype(dtype).itemsize
    if int.from_bytes(data[:4], "big") != codec or len(body) % size or len(data) < _HEADER:
        raise _broken(f"{name} in codec {codec}", bytes(data[:_HEADER]))
    return np.frombuffer(body, dtype)


def _packed_length(members: dict[str, Any], name: str) -> int:
    """Numbers in a packed array: an int16 at either limit is continued by the next one."""
    packed = _array(members, name, _PACKED, ">i2")
    limits = np.iinfo(np.int16)
    return int(((packed != limits.min) & (packed != limits.max)).sum())


def _broken(expected: str, got: object) -> InputError:
    return InputError.of("Molecule", expected, got, "Write the file again.", "broken")
