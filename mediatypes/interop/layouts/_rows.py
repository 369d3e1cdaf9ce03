"""What csv and jsonl share: media as the paths of their files, and a table of all media."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ._content import Content
from ._report import Tally

_MEDIA = ("key", "step", "index", "type", "path", "caption", "media_type", "size", "document")


def media_columns(content: Content) -> list[str]:
    """The names of a row for a media document; a run with several ranks has the one that logged it, too."""
    return [*_MEDIA, *(["rank"] if content.rank else [])]


def media_rows(content: Content, tally: Tally) -> Iterator[dict[str, Any]]:
    """A row for each media document, in the order of `media_columns`; its sidecars are copied."""
    columns = media_columns(content)
    for item in content.items():
        document = item.document
        tally.copy_all(document, item.key, item.kind)
        own: dict[str, Any] = {"key": item.key, "step": item.step, "rank": item.rank, "index": item.index}
        own |= {"type": document["_type"], "document": document}
        yield {name: own[name] if name in own else document.get(name) for name in columns}


def shown(cell: Any) -> Any:
    """What stands for a media cell: the path of its file, a document that has none, or a list of these."""
    if isinstance(cell, list):
        return [shown(document) for document in cell if document is not None]
    path = cell.get("path")
    return path if isinstance(path, str) else cell
