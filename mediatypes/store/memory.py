"""Sidecars kept in memory, for tests and for trackers that send them elsewhere."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from .._core.errors import InputError, SidecarMissing
from .._core.sidecar import checked_pieces, content_path
from .._core.wording import counted


def main_path(path: str | dict[str, Any]) -> str:
    """The path itself, or that of a reference or document (which means its main sidecar)."""
    name = path.get("path") if isinstance(path, dict) else path
    if not isinstance(name, str) or not name:
        raise InputError.of("open", "a path, a reference or a document with a sidecar", path, "Pass document['path'].")
    return name


class MemoryStore:
    """A sink and source in memory; `.files` maps each path to its bytes.

    >>> store = MemoryStore()
    >>> path = store.put(b"abc", suffix=".bin", media_type="application/octet-stream", sha256="0" * 64, size=3)
    >>> store.open(path).read()
    b'abc'
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def __repr__(self) -> str:
        size = sum(map(len, self.files.values()))
        return f"MemoryStore({counted(len(self.files), 'file')}, {counted(size, 'byte')})"

    def put(self, data: bytes | Path, *, suffix: str, media_type: str, sha256: str, size: int) -> str:
        """Keep the bytes (a file's content is read) under `ab/<sha256><suffix>` and return that path."""
        path = content_path(sha256, suffix)
        self.files[path] = b"".join(checked_pieces(data, sha256, size))
        return path

    def _holds(self, path: str, sha256: str, size: int, media_type: str) -> bool:
        data = self.files.get(path)
        return data is not None and len(data) == size and path.startswith(f"{sha256[:2]}/{sha256}.")

    def open(self, path: str | dict[str, Any]) -> BinaryIO:
        """Open by path, reference or document (its main sidecar); raises `SidecarMissing`."""
        name = main_path(path)
        if name not in self.files:
            raise SidecarMissing.of("MemoryStore.open", "a sidecar of this store", name, "Encode into it first.")
        return BytesIO(self.files[name])
