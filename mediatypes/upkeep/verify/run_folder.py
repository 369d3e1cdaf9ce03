"""Checking the folder of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..._core.errors import MediaTypesError, Problem, ValidationError, describe, problem
from ..._core.wording import counted
from ...journal import frames
from ...runfolder import files
from ...runfolder.console import CONSOLE
from ...runfolder.content import RunContent
from ...runfolder.lineage import read_lineage
from ...runfolder.lock import RANK
from ...runfolder.media_index import FIXED as FIXED_COLUMNS
from ...runfolder.opening import open_history
from ...runfolder.parquet_reader import StoredHistory, StoredTable
from ...runfolder.schema import ColumnSpec
from ...runfolder.system import stored_samples
from ...store.packed import RunStore
from .derived import REBUILD, check_media, check_summary
from .documents import Documents
from .report import Findings, Report
from .rows import Rows
from .saved_files import check_files

_JSON = (files.RUN, files.SUMMARY, files.LISTED, files.LINEAGE)
_PARTS = (*_JSON, CONSOLE, files.SYSTEM, files.SYSTEM_LINES, files.HISTORY, files.MEDIA, files.PACKED, *files.FOLDERS)
_COPY = "Restore the file from a copy."


def check_run_folder(path: Path, deep: bool) -> Report:
    """Check a run; raises `StoreError` if there is none."""
    root, findings = path.absolute(), Findings()
    documents = Documents(findings, RunStore(root, files.PACKED), deep)
    rows = 0
    findings.add(_links(root))
    if not findings:
        try:
            rows = _Folder(root, findings, documents, deep).check()
        except ValidationError as error:  # run.json: without it nothing else says what it is
            findings.add(error.problems)
    return Report(
        str(path),
        findings.problems,
        findings.more,
        tuple(findings.notes),
        rows=rows,
        documents=documents.documents.count,
        sidecars=documents.sidecars.count,
        size=documents.size,
        unchecked=tuple(sorted(documents.unchecked)),
    )


def _links(root: Path) -> Iterator[Problem]:
    """Parts of the folder that stand elsewhere: it could not be moved, and may have come from somebody hostile."""
    for path in [root / name for name in _PARTS] + files.journals(root / files.JOURNAL):
        if path.is_symlink():
            name = path.relative_to(root).as_posix()
            yield Problem(name, "expected a part of the run's folder, got a symbolic link", "link", "Copy it here.")


class _Folder:
    """One run that is checked."""

    def __init__(self, root: Path, findings: Findings, documents: Documents, deep: bool) -> None:
        self.root, self.findings, self.documents, self.deep = root, findings, documents, deep
        self.run = files.read_run_json(root)
        self.problems = files.problems_of(self.run)  # which the run says itself
        self.rows = 0
        self.sound = True  # no row is damaged, so that others can be made of them

    def check(self) -> int:
        """Look at every part; returns the number of rows."""
        self._try(self._explicit)
        is_over = self.run["status"] != "running"
        if is_over or (self.root / files.HISTORY).exists():
            self._try(self._stored)
        if is_over:
            self._try(self._summary)
            self._try(self._media)
            if self.sound and self.deep:
                self._try(self._derived)
        elif self.sound:
            self._try(self._journals)
        self._try(self._files)
        self._try(lambda: read_lineage(self.root))
        if (self.root / files.SYSTEM).exists():
            self._try(self._system)
        self.findings.notes += [str(problem) for problem in self.problems if problem.code == RANK]
        if damaged := files.journals(self.root / files.DAMAGED):
            note = f"journals that were damaged when it ended: {len(damaged)} in {files.DAMAGED}/"
            self.findings.notes.append(note)
        return self.rows

    def _try(self, part: Callable[[], object]) -> None:
        try:
            part()
        except MediaTypesError as error:  # a file that is missing is a problem of a run that is there
            self.sound = False
            self.findings.add(describe(error))

    def _explicit(self) -> None:
        try:
            frames.parse_summary(self.run.get("summary_overrides", {}))
        except ValueError as error:
            self.findings.add(
                [Problem("summary_overrides", f"expected cells, got others: {error}", "invalid", _COPY)], files.RUN
            )

    def _stored(self) -> None:
        """`history.parquet`: columns, rows, and what its footer says."""
        stored = StoredHistory(self.root / files.HISTORY)
        self._rows(stored.specs, stored.pieces())
        if self.deep:
            self.findings.add(self._footers(stored), files.HISTORY)

    def _footers(self, stored: StoredHistory) -> Iterator[Problem]:
        rows, calls = stored.file.metadata.num_rows, stored.footer.get("calls")
        if rows != self.rows:
            yield problem("", f"{counted(rows, 'row')}, as the footer says", self.rows, _COPY, "rows")
        if type(calls) is not int or calls + sum(stored.ranks.values()) < rows:
            yield problem("calls", f"an integer of at least {rows}, the number of rows", calls, _COPY, "rows")
        for name in ("id", "started"):
            if stored.footer.get(name) != self.run[name]:
                yield problem(name, f"{self.run[name]}, as {files.RUN} says", stored.footer.get(name), _COPY, "differs")

    def _rows(self, specs: list[ColumnSpec], tables: Iterable[pa.Table]) -> None:
        rows = Rows(self.findings, self.documents, float(self.run["started"]), self.deep)
        try:
            rows.check(specs, tables)
        finally:
            self.rows = rows.count
            self.sound &= rows.sound and self.documents.sound

    def _journals(self) -> None:
        """What a run that is not over holds: its journals, after rows that were stored."""
        self.run, history = open_history(self.root, self.run)
        if isinstance(history, StoredHistory):  # it was finished a moment ago
            self.check()
            return
        self.problems = history.problems
        self._rows(history.specs, (pa.Table.from_batches([batch]) for batch in history.rows()))
        self._documents_of(history.summary_values())
        for damage in history.notes.damage:
            if damage.code == "torn":  # how a run that is written, or was killed, may look
                self.findings.notes.append(f"{files.JOURNAL}.{damage}")
            else:
                self.findings.add([damage], files.JOURNAL)
        if files.status_of(self.run) == "crashed":
            what = f"{counted(self.rows, 'row')} and {counted(self.documents.documents.count, 'document')} can be read"
            self.findings.notes.append(f"killed and not recovered yet: {what}; finish it with mediatypes recover")
        else:
            self.findings.notes.append(f"still written by {files.writer_name(self.run.get('writer', {}))}")

    def _summary(self) -> None:
        """The documents that stand in the summary."""
        self._documents_of(files.read_json(self.root / files.SUMMARY))

    def _documents_of(self, summary: dict[str, Any]) -> None:
        for key, value in summary.items():
            is_document = isinstance(value, dict) and "_type" in value
            inside = [value] if is_document or not isinstance(value, (dict, list)) else value
            for item in inside.values() if isinstance(inside, dict) else inside:  # statistics, and lists
                if isinstance(item, dict) and "_type" in item:
                    self.documents.check(item, f"summary.{key}")

    def _media(self) -> None:
        """`media.parquet` can be read, and is that of this run."""
        table = StoredTable(self.root / files.MEDIA)
        for name in [name for name in FIXED_COLUMNS if name not in table.schema.names]:
            self.findings.add(
                [problem(name, "a column of this name", table.schema.names, REBUILD, "columns")], files.MEDIA
            )
        for _ in table.pieces():
            pass
        if self.deep and table.footer.get("id") != self.run["id"]:
            wrong = problem("id", f"{self.run['id']}, as {files.RUN} says", table.footer.get("id"), _COPY, "differs")
            self.findings.add([wrong], files.MEDIA)

    def _files(self) -> None:
        """Files that were kept as they are: those that are listed, with their hashes."""
        problems = check_files(self.root, self.deep)
        if self.run["status"] != "running":
            self.findings.add(problems, files.LISTED)
        else:  # one may be replaced just now, or a process was killed before it could say so
            self.findings.notes += [f"{files.LISTED}: {one}" for one in problems]

    def _system(self) -> None:
        """`system.parquet` can be read, and is that of this run."""
        table = stored_samples(self.root / files.SYSTEM)
        for _ in table.pieces():
            pass
        if self.deep and table.footer.get("id") != self.run["id"]:
            differs = problem("id", f"{self.run['id']}, as {files.RUN} says", table.footer.get("id"), _COPY, "differs")
            self.findings.add([differs], files.SYSTEM)

    def _derived(self) -> None:
        """What is made of the rows: the summary, and the index of media."""
        content = RunContent(self.root, self.run)
        self.findings.add(check_summary(content, files.read_json(self.root / files.SUMMARY)), files.SUMMARY)
        self.findings.add(check_media(content, StoredTable(self.root / files.MEDIA)), files.MEDIA)
