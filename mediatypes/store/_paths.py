"""What every store's `open` accepts."""

from __future__ import annotations

from typing import Any

from .._core.errors import InputError


def main_path(path: str | dict[str, Any]) -> str:
    """The path itself, or that of a reference or document (which means its main sidecar)."""
    found = path.get("path") if isinstance(path, dict) else path
    if not isinstance(found, str) or not found:
        raise InputError.of("open", "a path, a reference or a document with a sidecar", path, "Pass document['path'].")
    return found
