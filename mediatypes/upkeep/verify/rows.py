"""Checking the rows of a run, some at a time."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..._core import canonical
from ..._core.errors import Problem, problem, show
from ...columns.batch import RANK
from ...columns.cells import MEDIA_LIST, build_list, is_media_kind
from ...runfolder import files
from ...runfolder.media_index import documents
from ...runfolder.schema import FIXED, ColumnSpec
from .documents import Documents
from .report import Findings

_PIECE = 256  # media cells that are Python objects at once
_ROUNDING = 1e-5  # seconds: of the difference of two times since 1970, as doubles
_COPY = "Restore the file from a copy."


class Rows:
    """Checks tables of rows that follow one another.

    Args:
        findings: gets what is wrong.
        checked: checks the documents in them.
        started: when the run began.
        deep: whether to look at what the rows say twice.
    """

    def __init__(self, findings: Findings, checked: Documents, started: float, deep: bool) -> None:
        self._findings, self._documents, self._started, self._deep = findings, checked, started, deep
        self.count = 0
        self.sound = True
        self._last = np.zeros(0, np.int64), np.zeros(0)  # step and rank of the last row, if there was one

    def check(self, specs: list[ColumnSpec], tables: Iterable[pa.Table]) -> None:
        """Check rows that have these columns; raises `DocumentError` where they cannot be read."""
        for table in tables:
            self._check_steps(specs, table)
            self._check_kinds(specs, table)
            for spec in specs:
                self._check_column(table, spec)
            self.count += table.num_rows

    def _check_steps(self, specs: list[ColumnSpec], table: pa.Table) -> None:
        for name in FIXED:
            if table.column(name).null_count:
                self._add(Problem(name, "expected a value in every row, got null", "null", _COPY))
        steps = table.column("_step").to_numpy()
        if not len(steps):
            return
        ranks = np.zeros(len(steps))
        for spec in specs:
            if (spec.key, spec.kind) == RANK:
                ranks = table.column(spec.name).to_numpy()
        at, by = np.concatenate([self._last[0], steps]), np.concatenate([self._last[1], ranks])
        self._last = steps[-1:], ranks[-1:]
        same = (at[1:] == at[:-1]) & ~(by[1:] > by[:-1])
        for row in np.flatnonzero((at[1:] < at[:-1]) | same)[:1]:
            message = f"expected steps in order, got {at[row + 1]} after {at[row]}"
            self._add(Problem("_step", message, "order", "Sort the rows."))
        if self._deep:
            stamps, runtimes = (table.column(name).to_numpy() for name in ("_timestamp", "_runtime"))
            with np.errstate(all="ignore"):
                wrong = np.abs(runtimes - (stamps - self._started)) > _ROUNDING
            for row in np.flatnonzero(wrong)[:1]:
                got = f"{runtimes[row]} in step {steps[row]}"
                self._add(Problem("_runtime", f"expected _timestamp - {self._started}, got {got}", "differs", _COPY))

    def _check_kinds(self, specs: list[ColumnSpec], table: pa.Table) -> None:
        """At most one column of a key, of whatever kind, has a value in each row."""
        columns: dict[str, list[ColumnSpec]] = {}
        for spec in specs:
            columns.setdefault(spec.key, []).append(spec)
        for key, kinds in columns.items():
            if len(kinds) == 1:
                continue
            valid = np.stack([table.column(spec.name).is_valid().to_numpy() for spec in kinds])
            for row in np.flatnonzero(valid.sum(axis=0) > 1)[:1]:
                names = ", ".join(show(spec.name) for spec, has in zip(kinds, valid[:, row], strict=True) if has)
                where = f"{key}[step {table.column('_step')[row].as_py()}]"
                message = f"expected a value in at most one column of the key, got values in {names}"
                self._add(Problem(where, message, "kinds", _COPY))

    def _check_column(self, table: pa.Table, spec: ColumnSpec) -> None:
        if is_media_kind(spec.kind):
            kind = "" if spec.kind == MEDIA_LIST else spec.kind
            for place, text in documents(table, spec.name):
                self._documents.check_text(text, f"{spec.key}{place}", kind)
            if self._deep and self._documents.sound:
                self._check_copies(table, spec)
        elif spec.kind == "json":
            for text in pc.unique(table.column(spec.name).drop_null()).to_pylist():
                self._check_json(text, spec)
        elif spec.integral:
            column = table.column(spec.name)
            values = (pc.list_flatten(column) if spec.kind == "number_list" else column).drop_null().to_numpy()
            for value in values[~(np.trunc(values) == values)][:1]:  # NaN is none
                expected = "expected whole numbers, as the footer says"
                self._add(Problem(spec.name, f"{expected}, got {value}", "integer", _COPY))

    def _check_json(self, text: str, spec: ColumnSpec) -> None:
        try:
            canonical.loads(text)
        except ValueError as error:
            self._add(problem(spec.name, "JSON", text, f"{error}.", "not-json"))

    def _check_copies(self, table: pa.Table, spec: ColumnSpec) -> None:
        """The members of a media cell repeat the document beside them, however its text says it."""
        for batch in table.select(["_step", spec.name]).to_batches(max_chunksize=_PIECE):
            column = batch.column(1)
            cells = column.to_pylist()
            expected = build_list(spec.kind, [_document(cell) for cell in cells])
            if column.equals(expected):
                continue
            for step, cell, other in zip(batch.column(0).to_pylist(), cells, expected.to_pylist(), strict=True):
                if _members(cell) != _members(other):
                    message = f"expected the members that its document has, got {show(cell)}"
                    self._findings.add([Problem(f"{spec.key}[step {step}]", message, "differs", _COPY)])
                    break

    def _add(self, wrong: Problem) -> None:
        self.sound = False
        self._findings.add([wrong], files.HISTORY)


def _document(cell: object) -> object:
    """The document of a media cell, or the list of them; they were found sound."""
    if isinstance(cell, list):
        return [_document(item) for item in cell]
    if not isinstance(cell, dict):
        return None
    return canonical.loads(cell["_doc"])


def _members(cell: object) -> object:
    """What a media cell says beside its document."""
    if isinstance(cell, list):
        return [_members(item) for item in cell]
    return {name: value for name, value in cell.items() if name != "_doc"} if isinstance(cell, dict) else cell
