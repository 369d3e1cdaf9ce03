"""Checking documents, and the sidecars that they refer to."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from ..._core import canonical
from ..._core.codec import validate
from ..._core.errors import (
    MediaTypesError,
    Problem,
    SidecarMissing,
    UnknownTypeError,
    ValidationError,
    describe,
    problem,
    show,
)
from ..._core.references import LIST_TYPE, read_list, references
from ..._core.sidecar import hash_stream
from ...store.directory import DirectoryStore
from .report import Findings, Seen

_COPY = "Restore it from a copy of the run."
_NAMED = 100  # types that are named as not checked


class Documents:
    """Checks the documents of one run; what is equal is looked at once.

    Args:
        findings: gets what is wrong.
        store: where the sidecars are.
        deep: whether to compare their SHA-256, too.
    """

    def __init__(self, findings: Findings, store: DirectoryStore, deep: bool) -> None:
        self.findings, self.deep, self._store = findings, deep, store
        self.documents, self.sidecars, self._cells = Seen(), Seen(), Seen()
        self.size = 0  # bytes of all sidecars
        self.sound = True  # every document was; sidecars may have been gone
        self.unchecked: set[str] = set()

    def check_text(self, text: str, where: str, kind: str) -> None:
        """Check a document as it stands in a cell of this kind; "" is any."""
        if not self._cells.is_new(f"{kind} {text}"):
            return
        try:
            document = canonical.loads(text)
        except ValueError as error:
            self._refuse([problem("_doc", "a document as JSON", text, f"{error}.", "not-json")], where)
            return
        if self.documents.is_new(text):
            self._check(document, where)
        if kind and isinstance(document, dict) and document.get("_type") != kind:
            self._refuse([problem("_type", f"{kind}, as the column says", document.get("_type"), _COPY)], where)

    def check(self, document: Any, where: str) -> None:
        """Check a document."""
        try:
            text = canonical.dumps(document)
        except ValueError as error:
            self._refuse([problem("", "a document", type(document), f"{error}.", "not-json")], where)
            return
        if self.documents.is_new(text):
            self._check(document, where)

    def _check(self, document: Any, where: str) -> None:
        try:
            validate(document)
        except UnknownTypeError as error:
            if len(self.unchecked) < _NAMED:
                self.unchecked.add(error.tag)
        except ValidationError as error:
            self._refuse(error.problems, where)
            return
        for place, reference in references(document, where):
            if self._check_sidecar(reference, place) and reference["media_type"] == LIST_TYPE:
                try:
                    listed = read_list(reference, self._store, place)
                except MediaTypesError as error:
                    self.findings.add(describe(error), place)
                    continue
                for i, inner in enumerate(listed):
                    self._check_sidecar(inner, f"{place}[{i}]")

    def _refuse(self, problems: Iterable[Problem], where: str) -> None:
        self.sound = False
        self.findings.add(problems, where)

    def _check_sidecar(self, reference: dict[str, Any], where: str) -> bool:
        """Whether a sidecar is there and what the reference says, looked at once; behind a URL nothing is fetched."""
        path, size, sha256 = reference["path"], reference["size"], reference["sha256"]
        if "://" in path or not self.sidecars.is_new(f"{path} {size} {sha256}"):
            return False
        try:
            with self._store.open(path) as file:
                length = file.seek(0, os.SEEK_END)
                file.seek(0)
                wrong = length != size
                digest = hash_stream(file)[0] if self.deep and not wrong else sha256
        except SidecarMissing:
            missing = f"expected the sidecar {show_path(path)}, got no such file"
            self.findings.add([Problem("", missing, "missing", _COPY)], where)
        except MediaTypesError as error:
            self.findings.add(problem._replace(path=where) for problem in describe(error))
        except OSError as error:
            message = f"expected to read {show_path(path)}, got {error.strerror!r}"
            self.findings.add([Problem("", message, "unreadable", _COPY)], where)
        else:
            self.size += length
            if wrong:
                message = f"expected {show(size)} bytes in {path}, got {length}"
                self.findings.add([Problem("", message, "size", _COPY)], where)
            elif digest != sha256:
                message = f"expected other bytes in {path}, got some of SHA-256 {digest}"
                self.findings.add([Problem("", message, "hash", _COPY)], where)
            else:
                return True
        return False


def show_path(path: str) -> str:
    """A path in a message, cut if a hostile document made it long."""
    return path if len(path) <= 200 and path.isprintable() else show(path)
