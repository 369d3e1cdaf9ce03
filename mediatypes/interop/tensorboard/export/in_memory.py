"""Values whose sidecars are in memory: decoded from there, and encoded to it."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any, BinaryIO

from ...._core.codec import decode, encode
from ...._core.errors import SidecarMissing
from ...._core.references import references


def decode_from_memory(document: dict[str, Any], read: Callable[[dict[str, Any]], bytes | None]) -> Any:
    """The value of a document, its sidecars given by `read`; None if one cannot be had. Raises DocumentError."""
    sidecars: dict[str, bytes] = {}
    source = _Sidecars(sidecars)
    for _, reference in references(document, source=source):  # a list of references is read once it is there
        data = read(reference)
        if data is None:
            return None
        sidecars[reference["path"]] = data
    return decode(document, source)


def main_file(value: Any) -> bytes:
    """The file that an image or sound is kept as."""
    sink = _LastSidecar()
    encode(value, sink)
    return sink.data


class _Sidecars:
    """Sidecars in memory, by path; they were verified when they were read."""

    def __init__(self, sidecars: dict[str, bytes]) -> None:
        self._by_path = sidecars

    def open(self, path: str) -> BinaryIO:
        if path not in self._by_path:
            raise SidecarMissing.of(path, "a sidecar that the document names", "another", "Restore the document.")
        return BytesIO(self._by_path[path])


class _LastSidecar:
    """A sink that keeps the last sidecar."""

    data = b""

    def put(self, data: Any, *, suffix: str, media_type: str, sha256: str, size: int) -> str:
        self.data = data if isinstance(data, bytes) else data.read_bytes()
        return f"{sha256}{suffix}"
