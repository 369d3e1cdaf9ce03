"""The files that a mesh names beside itself, read from its own folder and nowhere else."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import unquote

from ..._core.declaration import Record, reference
from ..._core.errors import InputError, Problem, UnsafePath, problem, raise_all
from ..._core.sidecar import Blob, Source, fetch, safe_parts
from ..._core.value import Frozen

MAX_BYTES = 512 * 1024 * 1024  # of a mesh with everything it names; trimesh needs about ten times as much
MAX_RESOURCES = 1024  # with those that are missing

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
_COMMENT = re.compile(r"(?:^|\s)#.*")
_MTLLIB = re.compile(rb"^[ \t]*mtllib[ \t]+([^\r\n]+)", re.MULTILINE)
_MAP = re.compile(rb"^[ \t]*(?:map_\w+|bump|disp|decal|refl|norm)[ \t]+([^\r\n]+)", re.MULTILINE | re.IGNORECASE)
_OPTIONS = re.compile(  # before the name of a texture: one to three numbers, two, or one word
    r"(?:-(?:[ost](?:\s++[-+.\de]++(?=\s)){1,3}|mm(?:\s++\S++){2}|[a-z]++\s++\S++)\s++)*+", re.IGNORECASE
)


RESOURCE = Record("A file that a mesh names.", reference("the file"))


class Resource(Frozen):
    """A file taken along."""

    _declaration = RESOURCE
    blob: Blob
    media_type: str

    def __init__(self, blob: Blob, media_type: str) -> None:
        self._set(blob=blob, media_type=media_type)

    @property
    def is_buffer(self) -> bool:
        return self.media_type == _ROLES[BUFFER]

    def _sidecar(self) -> Blob:
        return self.blob

    def _file_type(self) -> tuple[str, str]:
        return _SUFFIXES.get(self.media_type, ".bin"), self.media_type

    @classmethod
    def _decode(cls, document: dict[str, Any], source: Source) -> Self:
        return cls(Blob(fetch(source, document, "object3d.resources"), document["sha256"]), document["media_type"])


class NamedFiles(NamedTuple):
    """Resources by the name the mesh gives them, and the names of materials and textures that were left out."""

    resources: dict[str, Resource]
    missing: tuple[str, ...]


def of_obj(data: bytes) -> Iterator[tuple[str, str]]:
    """(name, role) of each material file of an OBJ."""
    for line in _MTLLIB.findall(data):
        name = _without_comment(line)
        several = name.split()  # a line may name several files, and a name may hold blanks
        names = several if all(each.lower().endswith(".mtl") for each in several) else [name]
        yield from ((each, MATERIAL) for each in names)


def _textures(data: bytes) -> Iterator[tuple[str, str]]:
    """(name, role) of each texture of a material file; options such as `-s 1 1 1` may stand before it."""
    for line in _MAP.findall(data):
        if name := _OPTIONS.sub("", _without_comment(line), count=1):
            yield name, TEXTURE


def collect(named: Iterable[tuple[str, str]], folder: Path | None, size: int, where: str) -> NamedFiles:
    """Read every named file from `folder` (which may be unknown), and the textures that material files name.

    Nothing outside the folder is read. A material or texture from there is missing, as one that does not exist and a
    texture which is no image are; without a buffer there is no mesh, which raises InputError, as too large or too many
    files do. `named` are (URI, role) pairs; the `size` of the mesh itself counts towards the limit.
    """
    waiting = list(dict.fromkeys(named))
    resources: dict[str, Resource] = {}
    missing: dict[str, None] = {}
    problems: list[Problem] = []
    for uri, role in waiting:  # grows while material files are read
        if uri in resources or uri in missing:
            continue
        if len(resources) + len(missing) >= MAX_RESOURCES:
            raise InputError.of(where, f"at most {MAX_RESOURCES} files", "more", "Log a smaller mesh.", "large")
        place = f"{where}.resources[{uri!r}]"
        file = _find(uri, role, folder)
        if file is None:
            missing[uri] = None
            problems += [_no_buffer(uri, folder, place)] if role == BUFFER else []
            continue
        size += file.stat().st_size
        if size > MAX_BYTES:
            raise InputError.of(where, f"at most {MAX_BYTES} bytes", size, "Log a smaller mesh.", "large")
        resources[uri] = Resource(Blob.from_path(file, place), _media_type(file, role))
        if role == MATERIAL:
            waiting += _textures(resources[uri].blob.read())
    raise_all(problems)
    return NamedFiles(resources, tuple(missing))


def _find(uri: str, role: str, folder: Path | None) -> Path | None:
    """The file in the folder or below it, if it is there and of its role; links out of it are not followed."""
    relative = _relative(uri, role)
    if folder is None or relative is None or (role == TEXTURE and relative.suffix.lower() not in _TEXTURES):
        return None
    try:
        file = folder / relative
        return file if file.is_file() and file.resolve().is_relative_to(folder.resolve()) else None
    except (OSError, ValueError):  # a name that is too long, say
        return None


def _relative(uri: str, role: str) -> Path | None:
    """The path that a name means, unless it leads out of the folder."""
    path = (uri if role == MATERIAL else unquote(uri)).replace("\\", "/")
    try:
        return Path(*safe_parts("/".join(part for part in path.split("/") if part != ".")))
    except UnsafePath:
        return None


def _no_buffer(uri: str, folder: Path | None, where: str) -> Problem:
    if _relative(uri, BUFFER) is None or (folder is not None and os.path.lexists(folder / unquote(uri))):
        hint = "Put the file beside the mesh and name it relative to it, or save the mesh as glb."
        return problem(where, "a file in the mesh's own folder", uri, hint, "outside")
    place = f"in {folder}" if folder is not None else "since only bytes were passed"
    hint = "Put it beside the mesh, or save the mesh as glb."
    return Problem(where, f"expected this buffer beside the mesh, found none {place}", "no-file", hint)


def _media_type(file: Path, role: str) -> str:
    return _TEXTURES[file.suffix.lower()] if role == TEXTURE else _ROLES[role]


def _without_comment(line: bytes) -> str:
    return _COMMENT.sub("", line.decode("utf-8", "replace")).strip()
