"""Values whose sidecars are given one by one, and counted by whoever gives them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._core.codec import decode
from .._core.references import references
from ..store.memory import MemoryStore


def decode_from_memory(document: dict[str, Any], read: Callable[[dict[str, Any]], bytes | None]) -> Any:
    """The value of a document, its sidecars given by `read`; None if one cannot be had.

    Raises:
        DocumentError: what was given is not what the document says.
    """
    store = MemoryStore()
    for _, reference in references(document, source=store):  # a list of references is read once it is there
        data = read(reference)
        if data is None:
            return None
        store.files[reference["path"]] = data
    return decode(document, store)
