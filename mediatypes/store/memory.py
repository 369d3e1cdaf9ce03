"""Sidecars kept in memory, for tests and for trackers that send them elsewhere."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from .._core.errors import SidecarMissing
from .._core.sidecar import content_path, content_pieces
from ._paths import main_path


class MemoryStore:
    """A sink and source in memory; `.files` maps each path to its bytes.

    >>> store = MemoryStore()
    >>> path = store.put(b"abc", suffix=".bin", media_type="application/octet-stream", sha256="0" * 64, size=3)
    >>> store.open(path).read()
    b'abc'
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def put(self, data: bytes | Path, *, suffix: str, media_type: str, sha256: str, size: int) -> str:
        """Keep the bytes (a file's content is read) under `ab/<sha256><suffix>` and answer that path."""
        path = content_path(sha256, suffix)
        self.files[path] = b"".join(content_pieces(data))
        return path

    def open(self, path: str | dict[str, Any]) -> BinaryIO:
        """Open by path, reference or document (its main sidecar); raises `SidecarMissing`."""
        name = main_path(path)
        if name not in self.files:
            raise SidecarMissing.of("MemoryStore.open", "a sidecar of this store", name, "Encode into it first.")
        return BytesIO(self.files[name])
