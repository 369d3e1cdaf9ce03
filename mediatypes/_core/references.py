"""The references in a document: what `gc`, `pack` and `verify` need to know of any type, known here or not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_MEMBERS = {"path", "sha256", "size", "media_type"}


def references(document: Any, where: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Each object of a document that refers to a sidecar, with its place: the document itself, then its parts.

    Parts are masks, sets of boxes, resources, parts of a table, and the references inside its sidecars (`refs`).
    Nothing is read, and nothing assumed of the document but that it is JSON.

    >>> file = {"path": "media/a.png", "sha256": "...", "size": 1, "media_type": "image/png"}
    >>> [place for place, _ in references({"_type": "image", **file, "masks": {"pred": file}, "refs": [file]}, "photo")]
    ['photo', 'photo.masks.pred', 'photo.refs[0]']
    """
    waiting = [(where, document)] if _is_nested(document) else []  # no recursion: it may be as deep as JSON can be
    while waiting:
        place, part = waiting.pop()
        if isinstance(part, dict):
            if isinstance(part.get("path"), str) and part.keys() >= _MEMBERS:
                yield place, part
            inside = [(f"{place}.{name}".removeprefix("."), item) for name, item in part.items() if _is_nested(item)]
        else:
            inside = [(f"{place}[{index}]", item) for index, item in enumerate(part) if _is_nested(item)]
        waiting += reversed(inside)


def _is_nested(part: object) -> bool:
    return isinstance(part, (dict, list))
