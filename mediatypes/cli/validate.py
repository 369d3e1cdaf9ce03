"""`mediatypes validate`"""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._core import canonical
from .._core.codec import validate
from .._core.errors import (
    MediaTypesError,
    Problem,
    SidecarMissing,
    StoreError,
    UnknownTypeError,
    ValidationError,
    describe,
    os_error,
    problem,
)
from ..history import files
from ._command import Command, complain
from ._documents import documents, references

if TYPE_CHECKING:
    from .._core.sidecar import Source
    from ..view import RunView


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "paths", metavar="PATH", nargs="+", type=Path, help="a run folder, or a JSON file of one document or a list"
    )


def _run(arguments: Namespace) -> int:
    return max(_report(path) for path in arguments.paths)


def _report(path: Path) -> int:
    """Check a path, print what was found, and answer its exit code."""
    check = _Check()
    try:
        if path.is_dir():
            check.run_folder(path)
        else:
            check.document_file(path)
    except StoreError as error:
        complain(error)
        return 2
    for found in dict.fromkeys(check.problems):  # a damaged journal is read, and complained of, more than once
        print(f"{path}: {found}")
    if not check.problems:
        print(f"{path}: fine, {check.counted()}.")
    return 1 if check.problems else 0


class _Check:
    """What a check of one path found."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.foreign: set[str] = set()  # types that are not registered here
        self.seen: set[str] = set()  # documents, as JSON texts
        self.sidecars: set[str] = set()

    def counted(self) -> str:
        counted = f"{len(self.seen)} documents and {len(self.sidecars)} sidecars"
        return f"{counted}; not checked: types {', '.join(sorted(self.foreign))}" if self.foreign else counted

    def add(self, problems: Iterable[Problem], where: str) -> None:
        self.problems += [found._replace(path=".".join(filter(None, (where, found.path)))) for found in problems]

    def document_file(self, path: Path) -> None:
        """Check a JSON file; raises `StoreError` if it cannot be read."""
        try:
            content = canonical.loads(path.read_bytes())
        except OSError as error:
            raise os_error(StoreError, str(path), "read the file", error, "Check the path.") from error
        except ValueError as error:
            self.add([problem("", "JSON", str(error), "Pass a document, a list of them, or a run folder.")], "")
            return
        for index, document in enumerate(content) if isinstance(content, list) else [("", content)]:
            self.seen.add(canonical.dumps(document))
            try:
                validate(document)
            except (ValidationError, UnknownTypeError) as error:
                self.add(describe(error), f"[{index}]" if isinstance(content, list) else "")

    def run_folder(self, path: Path) -> None:
        """Check a run; raises `StoreError` if there is none."""
        from ..view import open_run

        try:
            view = open_run(path)
        except ValidationError as error:
            self.add(error.problems, "")
            return
        for part in (self.history, self.summary, self.rest):
            try:
                part(view)
            except MediaTypesError as error:  # a file that is missing is a problem of a run that is there
                self.add(describe(error), "")

    def history(self, view: RunView) -> None:
        """The rows, in order, and every document in them."""
        import numpy as np

        from ..history.arrays import is_media_kind
        from ..history.build import spec_of

        table = view.history()
        steps = table.column("_step").to_numpy()
        for row in np.flatnonzero(np.diff(steps) < 0)[:1]:
            message = f"expected steps in order, got {steps[row + 1]} after {steps[row]}"
            self.add([Problem("_step", message, "order", "Sort the rows.")], files.HISTORY)
        for spec in filter(None, map(spec_of, table.schema)):
            if is_media_kind(spec.kind):
                for place, text in documents(table, spec.name):
                    self.document(text, f"{spec.key}{place}", view.store)

    def summary(self, view: RunView) -> None:
        """The documents that stand in the summary."""
        for key, value in view.summary.items():
            for document in value if isinstance(value, list) else [value]:
                if isinstance(document, dict) and "_type" in document:
                    self.document(canonical.dumps(document), f"summary.{key}", view.store)

    def rest(self, view: RunView) -> None:
        """`media.parquet` of a run that is over; damage in the journal of one that is not."""
        if view.status in ("finished", "failed"):
            from ..history.stored import StoredTable

            StoredTable(view.path / files.MEDIA).read(["key", "step", "_doc"])
        else:  # a torn end is how a run that is written, or was killed, may look
            self.add((found for found in view.problems if found.code in ("frame", "checksum")), files.JOURNAL)

    def document(self, text: str, where: str, store: Source) -> None:
        """One document of a run and its sidecars; equal ones are looked at once."""
        if text in self.seen:
            return
        self.seen.add(text)
        try:
            document = canonical.loads(text)
            validate(document)
        except UnknownTypeError as error:
            self.foreign.add(error.tag)
        except ValidationError as error:
            self.add(error.problems, where)
            return
        except ValueError as error:
            self.add([problem("_doc", "JSON", str(error), "Restore the file.", "not-json")], where)
            return
        for place, reference in references(document):
            self.sidecar(reference, f"{where}{place}", store)

    def sidecar(self, reference: dict[str, Any], where: str, store: Source) -> None:
        """The sidecar is there and has its size; what is behind a URL is not fetched."""
        path = reference["path"]
        if "://" in path or path in self.sidecars:
            return
        self.sidecars.add(path)
        try:
            with store.open(path) as file:
                size = os.fstat(file.fileno()).st_size
        except SidecarMissing:
            hint = "Restore it from a copy of the run."
            self.add([Problem("", f"expected the sidecar {path}, got no such file", "missing", hint)], where)
        except StoreError as error:
            self.add([found._replace(path=where) for found in describe(error)], "")
        else:
            if size != reference["size"]:
                message = f"expected {reference['size']} bytes in {path}, got {size}"
                self.add([Problem("", message, "size", "Restore it from a copy of the run.")], where)


COMMAND = Command(
    "validate",
    "check documents and run folders against the format",
    "Check JSON documents against the schema of their type, and run folders: run.json, the rows, every document\n"
    "in them, and that every sidecar is there with its size. Prints every problem on a line of its own.",
    "mediatypes validate runs/demo",
    _add_arguments,
    _run,
)
