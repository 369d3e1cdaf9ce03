"""A run as the layouts need it: read once, so that one that is still written does not change between two columns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..._core.canonical import is_utf8_encodable
from ..._core.errors import DocumentError
from ...columns.batch import RANK
from ...columns.cells import is_media_kind
from ...journal.names import FIRST_CHILD
from ...runfolder import files
from ...runfolder.content import RunContent
from ...runfolder.opening import History
from ...runfolder.schema import FIXED, ColumnSpec
from ...runfolder.select import with_integers
from ...view import RunView
from ._report import Tally

NUMBERS = ("number", "integer", "boolean")  # kinds
PIECE = 1024  # rows whose cells are Python objects at once


@dataclass(frozen=True)
class Item:
    """A media document: the position of its row, or None if it was set in the summary, and its place in a list."""

    key: str
    kind: str
    row: int | None
    step: int | None
    timestamp: float | None
    index: int | None
    document: dict[str, Any]
    rank: int | None = None  # that logged it, of a run with several

    @property
    def name(self) -> str:
        """What it is called where neither lists nor ranks are known."""
        return named(self.key if self.index is None else f"{self.key}/{self.index}", self.rank)


def named(key: str, rank: int | None) -> str:
    """What a key is called where ranks are not known: those above 0 have folders of their own."""
    return f"{folder_of_rank(rank)}/{key}" if rank else key


def folder_of_rank(rank: int) -> str:
    """The name of a rank, and of a process that one has started."""
    return f"rank-{rank}" if rank < FIRST_CHILD else f"worker-{rank - FIRST_CHILD}"


class Content:
    """The rows and media of a run."""

    def __init__(self, view: RunView) -> None:
        self.history: History = view._history()
        self.described = view.describe()
        of_ranks = [spec.name for spec in self.history.specs if (spec.key, spec.kind) == RANK]
        self.rank: str | None = of_ranks[0] if of_ranks else None  # the column of a run with several ranks

    @property
    def fixed(self) -> list[str]:
        """The columns that say when, and in a run with several ranks by whom, a row was logged."""
        return [*FIXED, *([self.rank] if self.rank else [])]

    @property
    def specs(self) -> list[ColumnSpec]:
        """The columns beside the fixed ones."""
        return [spec for spec in self.history.specs if spec.name != self.rank]

    def read(self, columns: list[str]) -> pa.Table:
        """Some columns, integers as such."""
        return with_integers(self.history.read(columns), self.history.specs)

    def ranks_of(self, table: pa.Table | pa.RecordBatch) -> list[int] | list[None]:
        """The rank of each row of a table that has the fixed columns; None in a run with one."""
        return [None] * table.num_rows if self.rank is None else table.column(self.rank).cast(pa.int64()).to_pylist()

    def items(self) -> Iterator[Item]:
        """Every media document, column by column, then those that were set in the summary."""
        for spec in self.specs:
            if is_media_kind(spec.kind):
                yield from self.items_of(spec)
        for key, (kind, value) in self.overrides().items():
            for index, document in enumerate(value) if isinstance(value, list) else [(None, value)]:
                if isinstance(document, dict) and "_type" in document:
                    yield Item(key, kind, None, None, None, index, document)

    def overrides(self) -> dict[str, Any]:
        """What was set in the summary, by key: its kind and value."""
        if isinstance(self.history, RunContent):
            return dict(self.history.summary.overrides)
        cells = self.described.get("summary_overrides", {})
        return {key: cell for key, cell in cells.items() if isinstance(cell, list) and len(cell) == 2}

    def items_of(self, spec: ColumnSpec) -> Iterator[Item]:
        table, row = self.read([*self.fixed, spec.name]), 0
        for batch in table.to_batches(max_chunksize=PIECE):
            steps, stamps = (batch.column(name).to_pylist() for name in ("_step", "_timestamp"))
            cells = cells_of(batch.column(spec.name), spec.key)
            for step, stamp, rank, cell in zip(steps, stamps, self.ranks_of(batch), cells, strict=True):
                for index, document in enumerate(cell) if isinstance(cell, list) else [(None, cell)]:
                    if document is not None:
                        yield Item(spec.key, spec.kind, row, step, stamp, index, document, rank)
                row += 1

    def rows(self) -> Iterator[tuple[dict[str, Any], list[tuple[ColumnSpec, Any]]]]:
        """Step, times and rank of each row, and its cells that are not empty: documents as such, JSON as text."""
        specs = [spec for spec in self.specs if spec.kind != "null"]
        table = self.read([*self.fixed, *(spec.name for spec in specs)])
        for batch in table.to_batches(max_chunksize=PIECE):
            fixed = [batch.column(name).to_pylist() for name in self.fixed]
            columns = []
            for spec in specs:
                column = batch.column(spec.name)
                cells = cells_of(column, spec.key) if is_media_kind(spec.kind) else column.to_pylist()
                columns.append((spec, cells, column.is_valid().to_pylist()))
            for i in range(batch.num_rows):
                stamps = {name: column[i] for name, column in zip(self.fixed, fixed, strict=True)}
                yield stamps, [(spec, cells[i]) for spec, cells, valid in columns if valid[i]]

    def media_cells(self, spec: ColumnSpec) -> Iterator[Any]:
        """The cells of a media column: documents, lists of them, None."""
        for batch in self.read([spec.name]).to_batches(max_chunksize=PIECE):
            yield from cells_of(batch.column(0), spec.key)

    def plain_cells(self) -> Iterator[tuple[ColumnSpec, str, pa.Table]]:
        """The columns of plain data, those of each rank apart, and what each is called as `named` says.

        A table has `_step`, `_timestamp` and the cells that are there, JSON as text.
        """
        for spec in self.specs:
            if not is_media_kind(spec.kind) and spec.kind != "null":
                table = self.read([*self.fixed, spec.name])
                table = table.filter(table.column(spec.name).is_valid())
                for rank, rows in self.by_rank(table):
                    yield spec, named(spec.key, rank), rows.select(["_step", "_timestamp", spec.name])

    def by_rank(self, table: pa.Table) -> Iterator[tuple[int | None, pa.Table]]:
        """The rows of each rank, of a table that has the fixed columns; all of them in a run with one."""
        if self.rank is None:
            yield None, table
            return
        ranks = table.column(self.rank)
        for rank in sorted(int(rank) for rank in pc.unique(ranks).to_pylist()):
            yield rank, table.filter(pc.equal(ranks, rank))

    def lose_plain(self, tally: Tally, reason: str) -> None:
        """Count all plain data as lost."""
        for spec, _, table in self.plain_cells():
            tally.lose(spec.key, spec.kind, reason, table.num_rows)

    def write_description(self, folder: Path) -> None:
        """`run.json` and `summary.json`, as in a run folder."""
        summary = self.described["summary"]
        files.write_json(
            folder / files.RUN, {k: v for k, v in self.described.items() if k not in ("summary", "writer")}
        )
        files.write_json(folder / files.SUMMARY, summary)


def cells_of(column: pa.Array, key: str) -> list[Any]:
    """The cells of a media column: documents as plain JSON, lists of them, None."""
    if pa.types.is_list(column.type):
        return [cell and [_document(item and item["_doc"], key) for item in cell] for cell in column.to_pylist()]
    texts, valid = pc.struct_field(column, "_doc").to_pylist(), column.is_valid().to_pylist()
    return [_document(text, key) if there else None for text, there in zip(texts, valid, strict=True)]


def _document(text: str | None, key: str) -> dict[str, Any]:
    try:
        document = json.loads(text or "", parse_constant=_refuse)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or not isinstance(document.get("_type"), str):
        raise DocumentError.of(key, "a document", text, "Restore history.parquet from a copy.", "not-json")
    return document


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def dumps(value: Any, allow_nan: bool = False) -> str:
    """One line of JSON, members in their order; NaN and infinities are refused, or bare words."""
    line = json.dumps(value, ensure_ascii=False, allow_nan=allow_nan)
    return line if is_utf8_encodable(line) else json.dumps(value, allow_nan=allow_nan)
