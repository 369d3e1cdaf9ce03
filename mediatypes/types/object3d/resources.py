"""The files that a mesh names beside itself: found in its own folder only, everything else is refused."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import unquote

from ..._core.declaration import Record, reference
from ..._core.errors import InputError, Problem, UnsafePath, problem
from ..._core.sidecar import Blob, Sink, Source, fetch, safe_parts
from ..._core.value import Frozen

MAX_BYTES = 512 * 1024 * 1024  # of a mesh with everything it names; trimesh needs about ten times as much
MAX_RESOURCES = 256

BUFFER, MATERIAL, TEXTURE = "buffer", "material", "texture"
_SUFFIXES = {  # of a sidecar, by media type
    "application/gltf-buffer": ".bin",
    "model/mtl": ".mtl",
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/gif": ".gif",
    "image/bmp": ".bmp",
    "image/tiff": ".tiff",
    "image/x-tga": ".tga",
    "image/vnd-ms.dds": ".dds",
    "image/vnd.radiance": ".hdr",
    "image/x-exr": ".exr",
    "image/ktx2": ".ktx2",
}
_TEXTURES = {suffix: media_type for media_type, suffix in _SUFFIXES.items() if media_type.startswith("image/")}
_TEXTURES |= {".jpeg": "image/jpeg", ".tif": "image/tiff"}
_ROLES = {BUFFER: "application/gltf-buffer", MATERIAL: "model/mtl"}
_MTLLIB = re.compile(rb"^[ \t]*mtllib[ \t]+([^\r\n]+)", re.MULTILINE)
_MAP = re.compile(rb"^[ \t]*(?:map_\w+|bump|disp|decal|refl|norm)[ \t]+([^\r\n]+)", re.MULTILINE | re.IGNORECASE)


RESOURCE = Record("A file that a mesh names.", reference("the file"))


class Resource(Frozen):
    """A file taken along."""

    declaration = RESOURCE
    blob: Blob
    media_type: str

    def __init__(self, blob: Blob, media_type: str) -> None:
        self._set(blob=blob, media_type=media_type)

    def _encode(self, sink: Sink) -> dict[str, Any]:
        return self.blob.place(sink, _SUFFIXES.get(self.media_type, ".bin"), self.media_type)

    @classmethod
    def _decode(cls, document: dict[str, Any], source: Source) -> Self:
        return cls(Blob(fetch(source, document, "object3d.resources"), document["sha256"]), document["media_type"])


class Found(NamedTuple):
    """Resources by the name the mesh gives them, and the names of materials and textures that are not there."""

    resources: dict[str, Resource]
    missing: tuple[str, ...]


def of_obj(data: bytes) -> Iterator[tuple[str, str]]:
    """(name, role) of each material file of an OBJ."""
    for name in _MTLLIB.findall(data):
        yield _decoded(name), MATERIAL


def collect(named: Iterable[tuple[str, str]], folder: Path | None, size: int, where: str) -> Found:
    """Read every named file from `folder` (which may be unknown), and the textures that material files name.

    Args:
        named: (URI, role) pairs.
        size: bytes of the mesh itself, counted towards the limit.

    Raises:
        InputError: a name that leaves the folder, a buffer that is not there, files that are too large or too many.
    """
    waiting = list(dict.fromkeys(named))
    resources: dict[str, Resource] = {}
    missing: list[str] = []
    problems: list[Problem] = []
    for uri, role in waiting:  # grows while material files are read
        if uri in resources or uri in missing:
            continue
        try:
            found = _read(uri, role, folder, where)
        except InputError as error:
            problems += error.problems
            continue
        if found is None:
            missing.append(uri)
            continue
        resources[uri] = found
        size += found.blob.size
        if len(resources) > MAX_RESOURCES or size > MAX_BYTES:
            limit = f"at most {MAX_RESOURCES} files and {MAX_BYTES} bytes"
            raise InputError.of(where, limit, f"{len(resources)} files, {size} bytes", "Log a smaller mesh.", "large")
        if role == MATERIAL:
            waiting += [(_texture_name(line), TEXTURE) for line in _MAP.findall(found.blob.read())]
    if problems:
        raise InputError(problems)
    return Found(resources, tuple(missing))


def _read(uri: str, role: str, folder: Path | None, where: str) -> Resource | None:
    """The file; None for a material or texture that is not there."""
    where = f"{where}.resources[{uri!r}]"
    relative = _relative(uri, role, where)
    media_type = _media_type(relative.suffix.lower(), role, where)
    file = folder / relative if folder is not None else None
    if file is None or folder is None or not file.is_file():
        if role != BUFFER:
            return None
        place = f"in {folder}" if folder is not None else "since only bytes were passed"
        hint = "Put it beside the mesh, or save the mesh as glb."
        raise InputError([Problem(where, f"expected this {role} beside the mesh, found none {place}", "no-file", hint)])
    if not file.resolve().is_relative_to(folder.resolve()):
        raise InputError([_outside(uri, where)])
    if file.stat().st_size > MAX_BYTES:
        raise InputError.of(where, f"at most {MAX_BYTES} bytes", file.stat().st_size, "Log a smaller mesh.", "large")
    return Resource(Blob.from_path(file, where), media_type)


def _relative(uri: str, role: str, where: str) -> Path:
    path = (unquote(uri) if role != MATERIAL else uri).replace("\\", "/")
    try:
        return Path(*safe_parts("/".join(part for part in path.split("/") if part != ".")))
    except UnsafePath:
        raise InputError([_outside(uri, where)]) from None


def _outside(uri: str, where: str) -> Problem:
    hint = "Put the file beside the mesh and name it relative to it, or save the mesh as glb."
    return problem(where, "a file in the mesh's own folder", uri, hint, "outside")


def _media_type(suffix: str, role: str, where: str) -> str:
    if role == TEXTURE and suffix not in _TEXTURES:
        raise InputError.of(
            where, f"an image ({', '.join(_TEXTURES)})", suffix, "Convert the texture to png.", "suffix"
        )
    return _TEXTURES[suffix] if role == TEXTURE else _ROLES[role]


def _texture_name(line: bytes) -> str:
    """The file of a texture line; with options such as `-s 1 1 1` before it, it is the last word."""
    text = _decoded(line)
    return text.split()[-1] if text.startswith("-") else text


def _decoded(name: bytes) -> str:
    return name.decode("utf-8", "replace").strip()
