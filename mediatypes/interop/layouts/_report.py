"""What an export carried and what it could not; and sidecars, which are verified when they are copied."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..._core.errors import MediaTypesError, SidecarMissing, StoreError, UnsafePath
from ..._core.references import LIST_TYPE, read_list, references
from ..._core.sidecar import Source, safe_parts
from ..._core.wording import counted
from .._in_memory import decode_from_memory

_CHUNK = 1024 * 1024
_NAMED = 3  # keys of a line
_LINES = 20
_MISSING = "its file is missing"
_CHANGED = "its file is not the one it was"
_OTHER = "its file cannot be read"
_UNSAFE = "its path leaves the run"
_INVALID = "its document does not follow the format"
_REMOTE = "it is behind a URL, which is not fetched"


@dataclass(frozen=True)
class Lost:
    """What an export did not carry: so many values of a key and kind, and why."""

    key: str
    kind: str
    count: int
    reason: str

    def __str__(self) -> str:
        return f"{self.key} ({self.kind}): {counted(self.count, 'value')}, {self.reason}"


@dataclass(frozen=True)
class ExportReport:
    """An export: where it is, its layout, rows written, media files with their bytes, and what it did not carry."""

    path: Path
    layout: str
    rows: int
    files: int
    size: int
    lost: tuple[Lost, ...]

    def __str__(self) -> str:
        rows, media = counted(self.rows, "row"), counted(self.files, "media file")
        return "\n".join([f"{self.path}: {rows} and {media}, {counted(self.size, 'byte')}", *self.lost_lines()])

    def lost_lines(self) -> Iterator[str]:
        """What was not carried, in lines: one for each kind and reason, which names some of the keys."""
        if self.lost:
            yield f"{self.layout} did not carry:"
        groups: dict[tuple[str, str], list[Lost]] = {}
        for one in self.lost:
            groups.setdefault((one.kind, one.reason), []).append(one)
        for group in list(groups.values())[:_LINES]:
            yield f"- {_in_one(group)}"
        if len(groups) > _LINES:
            yield f"- and {counted(len(groups) - _LINES, 'more reason')}"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))  # in a notebook and in IPython


def _in_one(group: list[Lost]) -> str:
    """What keys of a kind lost for one reason."""
    first, values = group[0], sum(one.count for one in group)
    if len(group) == 1:
        return str(first)
    more = f" and {len(group) - _NAMED} more" if len(group) > _NAMED else ""
    named = ", ".join(one.key for one in group[:_NAMED])
    return f"{counted(len(group), 'key')} ({first.kind}): {counted(values, 'value')}, {first.reason}: {named}{more}"


class Tally:
    """Copies sidecars into an export, and counts.

    Args:
        source: the run's store.
        folder: of the export.
        target: where that will be when it is whole.
    """

    def __init__(self, source: Source, folder: Path, target: Path) -> None:
        self._source, self._folder, self.target = source, folder, target
        self._lost: dict[tuple[str, str, str], int] = {}
        self._copied: dict[tuple[Any, ...], str | None] = {}  # by path in the export and content: why it was not
        self._embedded: set[str] = set()
        self.rows = self._files = self._size = 0

    def lose(self, key: str, kind: str, reason: str, count: int = 1) -> None:
        """Note that values are not carried."""
        if count:
            self._lost[key, kind, reason] = self._lost.get((key, kind, reason), 0) + count

    def add(self, size: int) -> None:
        """Count a file of so many bytes that the layout made itself."""
        self._files += 1
        self._size += size

    def copy(self, reference: dict[str, Any], target: str, key: str, kind: str, source: Source | None = None) -> bool:
        """Copy a sidecar to a path in the export, once; if that is not possible, what refers to it is lost.

        It is read from `source`, by default the run's store.
        """
        name = target, reference["sha256"], reference["size"]
        if name not in self._copied:
            self._copied[name] = self._try(reference, target, source or self._source)
        reason = self._copied[name]
        if reason:
            self.lose(key, kind, reason)
        return reason is None

    def copy_all(self, document: dict[str, Any], key: str, kind: str) -> None:
        """Copy all sidecars of a document to the paths that they have in the run."""
        for _, reference in references(document):
            is_copied = self.copy(reference, reference["path"], key, kind)
            if is_copied and reference["media_type"] == LIST_TYPE:
                for inner in read_list(reference, self._source, key):
                    self.copy(inner, inner["path"], key, kind)

    def read(self, reference: dict[str, Any], key: str, kind: str) -> bytes | None:
        """The bytes of a sidecar; None if that is not possible, and what refers to it is lost."""
        try:
            return b"".join(self._read(reference, self._source))
        except _Unreadable as error:
            self.lose(key, kind, str(error))
            return None

    def embed(self, reference: dict[str, Any], key: str, kind: str) -> bytes | None:
        """`read`, of a sidecar that becomes part of a file of the export, and is counted once."""
        data = self.read(reference, key, kind)
        if data is not None and reference["sha256"] not in self._embedded:
            self._embedded.add(reference["sha256"])
            self._files += 1
            self._size += len(data)
        return data

    def value_of(self, document: dict[str, Any], key: str, kind: str, *, is_embedded: bool) -> Any:
        """The value of a document, by `embed` or `read` of its sidecars; None if that cannot be, and it is lost."""
        read = self.embed if is_embedded else self.read
        try:
            return decode_from_memory(document, lambda reference: read(reference, key, kind))
        except MediaTypesError:
            self.lose(key, kind, _INVALID)
            return None

    def report(self, path: Path, layout: str) -> ExportReport:
        lost = tuple(Lost(key, kind, count, reason) for (key, kind, reason), count in self._lost.items())
        return ExportReport(path, layout, self.rows, self._files, self._size, lost)

    def _try(self, reference: dict[str, Any], target: str, source: Source) -> str | None:
        """Copy a sidecar, or say why not. That the export cannot be written is raised."""
        try:
            file = self._folder.joinpath(*safe_parts(target))
        except UnsafePath:
            return _REMOTE if "://" in target else _UNSAFE
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with open(file, "xb") as written:
                for data in self._read(reference, source):
                    written.write(data)
        except _Unreadable as error:
            os.unlink(file)
            return str(error)
        self.add(int(reference["size"]))
        return None

    def _read(self, reference: dict[str, Any], source: Source) -> Iterator[bytes]:
        """The bytes of a sidecar in pieces, compared with its size and hash at the end."""
        if "://" in reference["path"]:
            raise _Unreadable(_REMOTE)
        digest, left = hashlib.sha256(), reference["size"]
        if type(left) not in (int, float):  # JSON may say 5.0
            raise _Unreadable(_CHANGED)
        try:
            with source.open(reference["path"]) as file:
                while left >= 0 and (data := file.read(_CHUNK)):
                    left -= len(data)
                    digest.update(data)
                    yield data
        except UnsafePath:
            raise _Unreadable(_UNSAFE) from None
        except SidecarMissing:
            raise _Unreadable(_MISSING) from None
        except StoreError:
            raise _Unreadable(_OTHER) from None
        if left or digest.hexdigest() != reference["sha256"]:
            raise _Unreadable(_CHANGED)


class _Unreadable(Exception):
    """Why a sidecar cannot be had."""
