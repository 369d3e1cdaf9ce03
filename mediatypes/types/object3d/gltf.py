"""glTF 2.0 (ISO/IEC 12113): its container, the files it names, and limits that hold before anything is built.

A GLB is a glTF in one file, which holds a JSON chunk and a binary chunk.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

from ..._core import canonical
from ..._core.errors import InputError
from .resources import BUFFER, TEXTURE

MAX_DEPTH = 128
MAX_NODES = 100_000
MAX_ELEMENTS = 2**27  # vertices and indices of all meshes, each counted as often as a node shows it
_PRIMITIVE = 1000  # elements that a primitive or morph target counts for at least, since each takes some time
MESHOPT = ("EXT_meshopt_compression", "KHR_meshopt_compression")
_JSON, _BIN = 0x4E4F534A, 0x004E4942


class Gltf(NamedTuple):
    """The JSON of a glTF, and the binary chunk where it is a GLB."""

    tree: dict[str, Any]
    chunk: bytes

    def named_files(self) -> Iterator[tuple[str, str]]:
        """(URI, role) of each file that it names."""
        for member, role in (("buffers", BUFFER), ("images", TEXTURE)):
            for item in self.tree.get(member, []):
                uri = item.get("uri")
                if isinstance(uri, str) and not uri.startswith("data:"):
                    yield uri, role

    def buffers(self, files: Mapping[str, bytes]) -> list[bytes]:
        """The content of each buffer; empty of one that only compressed data stand in for."""
        uris = [buffer.get("uri") for buffer in self.tree.get("buffers", [])]
        return [self._buffer(uri, index, files) for index, uri in enumerate(uris)]

    def _buffer(self, uri: str | None, index: int, files: Mapping[str, bytes]) -> bytes:
        if uri is None:
            return self.chunk if index == 0 else b""
        return _of_data_uri(uri) if uri.startswith("data:") else files[uri]


def read(data: bytes, binary: bool, where: str) -> Gltf:
    """A glTF or GLB that is known to keep the limits of this module; raises InputError."""
    try:
        text, chunk = _chunks(data) if binary else (data, b"")
        gltf = Gltf(canonical.loads(text), chunk)
    except (ValueError, struct.error) as error:
        name = "GLB" if binary else "glTF"
        raise InputError.of(where, f"a {name} file", data[:12], f"Reading it failed: {error}.", "broken") from error
    try:
        _check(gltf.tree, where)
        list(gltf.named_files())
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        hint = f"Reading it failed: {type(error).__name__}: {error}."
        raise InputError.of(where, "a well-formed glTF", data[:12], hint, "broken") from error
    return gltf


def pack(gltf: Gltf, files: Mapping[str, bytes], media_types: Mapping[str, str]) -> bytes:
    """A GLB of a glTF with the buffers and images that it names; all else in it stays as it is.

    Args:
        gltf: what `read` returns.
        files: the content of the buffers and images, by URI. An image that is not there keeps its URI.
        media_types: of the files.
    """
    tree = gltf.tree
    body = bytearray()
    starts: dict[int, int] = {}
    kept: list[dict[str, Any]] = []
    for index, (buffer, data) in enumerate(zip(tree.get("buffers", []), gltf.buffers(files), strict=True)):
        if data:
            starts[index] = _append(body, data)
        else:  # the place of meshopt's decompressed data, which a file need not have
            kept.append(buffer)
            starts[index] = -len(kept)
    views = tree.get("bufferViews", [])
    for view in views:
        for part in (view, *(view.get("extensions", {}).get(name, {}) for name in MESHOPT)):
            start = starts.get(part.get("buffer", -1), 0)
            if "buffer" in part:
                part["buffer"] = -start if start < 0 else 0
                part["byteOffset"] = part.get("byteOffset", 0) + max(start, 0)
    for image in tree.get("images", []):
        if (uri := image.get("uri")) in files:
            views.append({"buffer": 0, "byteOffset": _append(body, files[uri]), "byteLength": len(files[uri])})
            del image["uri"]
            image |= {"bufferView": len(views) - 1, "mimeType": media_types[uri]}
    tree["buffers"] = [{"byteLength": len(body)}, *kept]
    return write(tree | ({"bufferViews": views} if views else {}), bytes(body))


def write(tree: Mapping[str, Any], body: bytes) -> bytes:
    """A GLB of the JSON and the binary chunk."""
    text = json.dumps(tree, separators=(",", ":"), ensure_ascii=False).encode()
    parts = [(_JSON, text + b" " * (-len(text) % 4))]
    parts += [(_BIN, body + b"\0" * (-len(body) % 4))] if body else []
    chunks = b"".join(piece for kind, part in parts for piece in (struct.pack("<II", len(part), kind), part))
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def _append(body: bytearray, data: bytes) -> int:
    """Where the data begin in the body, to which they are appended at a multiple of 4."""
    body += b"\0" * (-len(body) % 4)
    start = len(body)
    body += data
    return start


def _chunks(data: bytes) -> tuple[bytes, bytes]:
    """The JSON chunk, and the binary one, which may be missing."""
    magic, version, length, size, kind = struct.unpack_from("<4sIIII", data)
    if magic != b"glTF" or version != 2 or kind != _JSON:
        raise ValueError("the header is not that of GLB 2")
    if length > len(data) or 20 + size > len(data):
        raise ValueError(f"it announces {max(length, 20 + size)} bytes and has {len(data)}")
    text, rest = data[20 : 20 + size], data[20 + size :]
    if len(rest) < 8:
        return text, b""
    size, kind = struct.unpack_from("<II", rest)
    if kind == _BIN and len(rest) < 8 + size:
        raise ValueError(f"it announces {size} bytes of binary data and has {len(rest) - 8}")
    return text, rest[8 : 8 + size] if kind == _BIN else b""


def _of_data_uri(uri: str) -> bytes:
    header, _, text = uri.partition(",")
    return base64.b64decode(text, validate=True) if header.endswith(";base64") else unquote_to_bytes(text)


def _check(tree: dict[str, Any], where: str) -> None:
    version = str(tree["asset"]["version"])
    if not version.startswith("2."):
        raise InputError.of(where, "glTF 2.x", version, "Convert it to glTF 2.", "version")
    nodes = tree.get("nodes", [])
    if len(nodes) > MAX_NODES:
        raise InputError.of(where, f"at most {MAX_NODES} nodes", len(nodes), "Join the meshes.", "large")
    depth = max(_depths(nodes, where), default=0)
    if depth > MAX_DEPTH:
        raise InputError.of(where, f"nodes nested at most {MAX_DEPTH} deep", depth, "Flatten the scene.", "depth")
    sizes = [sum(_elements(tree, primitive) for primitive in mesh["primitives"]) for mesh in tree.get("meshes", [])]
    total = sum(sizes) + sum(sizes[node["mesh"]] * instances(tree, node) for node in nodes if "mesh" in node)
    if total > MAX_ELEMENTS:
        raise InputError.of(where, f"at most {MAX_ELEMENTS} vertices and indices", total, "Simplify it.", "large")


def _depths(nodes: list[Any], where: str) -> Iterator[int]:
    """The depth of each node, in a strict forest as glTF demands: one parent at most and no cycle."""
    children = [node.get("children", []) for node in nodes]
    named = [child for each in children for child in each]
    if any(type(child) is not int or not 0 <= child < len(nodes) for child in named):
        raise ValueError("a child that is no node")
    if len(set(named)) != len(named):
        raise InputError.of(where, "nodes with one parent", "a node with several", "Copy the node.", "cycle")
    level, depth, seen = sorted(set(range(len(nodes))) - set(named)), 1, 0
    while level:
        seen += len(level)
        yield depth
        level, depth = [child for node in level for child in children[node]], depth + 1
    if seen != len(nodes):
        raise InputError.of(where, "nodes without a cycle", f"{len(nodes) - seen} in cycles", "Fix the tree.", "cycle")


def _elements(tree: dict[str, Any], primitive: dict[str, Any]) -> int:
    """What a primitive costs: its vertices with their morph targets and joints, and its indices."""
    attributes = primitive["attributes"]
    passes = 1 + len(primitive.get("targets", ())) + sum(name.startswith("JOINTS_") for name in attributes)
    vertices = count_of(tree, attributes["POSITION"])
    indices = count_of(tree, primitive["indices"]) if "indices" in primitive else 0
    return int(max(_PRIMITIVE, vertices) * passes + indices)


def count_of(tree: dict[str, Any], accessor: int) -> int:
    """The number of elements of an accessor."""
    count: int = tree["accessors"][accessor]["count"]
    if type(count) is not int or count < 0:
        raise ValueError("a count that is not a whole number")
    return count


def instances(tree: dict[str, Any], node: dict[str, Any]) -> int:
    """How often a node shows its mesh: once, unless EXT_mesh_gpu_instancing says otherwise."""
    instancing = node.get("extensions", {}).get("EXT_mesh_gpu_instancing")
    if instancing is None:
        return 1
    return max((count_of(tree, index) for index in instancing["attributes"].values()), default=0)
