"""What csv and jsonl share: media as the paths of their files, and a table of all media."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ._content import Content, Item
from ._report import Tally

MEDIA = ("key", "step", "index", "type", "path", "caption", "media_type", "size", "document")


def media_rows(content: Content, tally: Tally) -> Iterator[dict[str, Any]]:
    """A row for each media document, in the order of MEDIA; its sidecars are copied."""
    for item in content.items():
        document = item.document
        tally.copy_all(document, item.key, item.kind)
        own = {"key": item.key, "step": item.step, "index": item.index, "type": document["_type"], "document": document}
        yield {name: own[name] if name in own else document.get(name) for name in MEDIA}


def media_cells(content: Content, name: str) -> dict[int, Any]:
    """By row what stands for the media of a column: a path, a document that has none, or a list of these."""
    cells: dict[int, Any] = {}
    for item in content.items_of(next(spec for spec in content.specs if spec.name == name)):
        if item.row is not None:
            if item.index is None:
                cells[item.row] = _shown(item)
            else:
                cells.setdefault(item.row, []).append(_shown(item))
    return cells


def _shown(item: Item) -> Any:
    path = item.document.get("path")
    return path if isinstance(path, str) else item.document
