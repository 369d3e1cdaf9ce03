"""The references in a document: what `gc`, `pack` and `verify` need to know of any type, known here or not.

A reference is an object with `path`, `sha256`, `size` and `media_type`. One whose media type is `LIST_TYPE` leads to a
list of further references, which stand inside other sidecars; `references` follows it where it is given the source.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from . import canonical
from .declaration import List, Record, reference
from .errors import DocumentError, Verbatim
from .sidecar import Blob, Sink, Source, fetch

LIST_TYPE = "application/vnd.mediatypes.references+json"
_LARGEST = 2**26  # bytes of a list
_MEMBERS = {"path", "sha256", "size", "media_type"}
_LIST = List(Record("A sidecar.", reference()))


def references(document: Any, where: str = "", source: Source | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each object of a document that refers to a sidecar, with its place: the document itself, then masks, parts...

    Nothing is assumed of the document but that it is JSON. Lists of references are followed where `source` is given,
    and raise DocumentError or StoreError if they are damaged or gone.

    >>> file = {"path": "media/a.png", "sha256": "...", "size": 1, "media_type": "image/png"}
    >>> [place for place, _ in references({"_type": "image", **file, "masks": {"pred": file}}, "photo")]
    ['photo', 'photo.masks.pred']
    """
    waiting = [(where, document)] if _is_nested(document) else []  # no recursion: it may be as deep as JSON can be
    while waiting:
        place, part = waiting.pop()
        if isinstance(part, dict):
            if isinstance(part.get("path"), str) and part.keys() >= _MEMBERS:
                yield place, part
                if source is not None and part["media_type"] == LIST_TYPE:
                    listed = read_list(part, source, place)
                    yield from ((f"{place}[{i}]", reference) for i, reference in enumerate(listed))
            inside = [(f"{place}.{name}".removeprefix("."), item) for name, item in part.items() if _is_nested(item)]
        else:
            inside = [(f"{place}[{index}]", item) for index, item in enumerate(part) if _is_nested(item)]
        waiting += reversed(inside)


def _is_nested(part: object) -> bool:
    return isinstance(part, (dict, list))


def place_list(listed: Iterable[dict[str, Any]], sink: Sink) -> dict[str, Any]:
    """Store a list of references; returns the reference to it, with their number."""
    items = sorted(listed, key=lambda reference: str(reference["path"]))
    return {**Blob(canonical.dump_bytes(items)).place(sink, ".json", LIST_TYPE), "count": len(items)}


def read_list(reference: dict[str, Any], source: Source, where: str) -> list[dict[str, Any]]:
    """The references in a stored list; raises `DocumentError` if it is none, `StoreError` if it is gone or changed."""
    hint = "Restore it from a copy."
    if not isinstance(reference["size"], (int, float)) or reference["size"] > _LARGEST:
        raise DocumentError.of(where, f"at most {_LARGEST} bytes", Verbatim(str(reference["size"])), hint, "size")
    try:
        listed = canonical.loads(fetch(source, reference, where))
    except ValueError as error:
        raise DocumentError.of(where, "a list of references", str(error), hint, "not-json") from error
    if problems := tuple(_LIST.check(listed, where)):
        raise DocumentError(problems)
    return listed  # type: ignore[no-any-return]
