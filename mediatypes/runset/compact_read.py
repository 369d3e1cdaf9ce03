"""Reading a compacted dataset, a few files whatever the number of runs; and a run of it whose folder is gone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from .._core import canonical
from .._core.errors import DocumentError, MediaTypesError, Problem, describe
from .._core.location import Location
from ..runfolder.parquet_reader import Steps, StoredTable, filter_steps, misfits, slice_steps
from ..runfolder.schema import FIXED, ColumnSpec, Schema
from ..runfolder.select import no_column, with_integers
from ..view import RunView
from .listing import FIXED as RUN_FIXED
from .manifest import TABLES, Manifest, read
from .union import RUN, with_any


class Compacted:
    """The tables of a compacted dataset.

    Args:
        root: its directory.

    Raises:
        DocumentError: `compact.json` is damaged or foreign.
    """

    def __init__(self, root: Location) -> None:
        content = read(root)
        self.columns = {
            table: [ColumnSpec.from_json(column) for column in content["columns"][table]] for table in TABLES
        }
        numbers = sorted(map(int, content["parts"]))
        self._parts_of_runs = {run: number for number in numbers for run in content["parts"][str(number)]}
        self.runs = list(self._parts_of_runs)
        self._root = root
        self.parts = {table: [Manifest.part_path(root, table, number) for number in (0, *numbers)] for table in TABLES}

    def table(self, table: str, keys: list[str] | None = None, steps: Steps | None = None) -> pa.Table:
        """The fixed columns and those of these keys, integers as such, of the rows that have a value for one."""
        wanted = self._wanted(table, keys)
        first = StoredTable(self.parts[table][0], self._dictionaries(table))
        if problems := list(misfits(first.schema, wanted)):
            raise DocumentError(problem._replace(path=f"{first.path}: {problem.path}") for problem in problems)
        own = {spec.name for spec in self.columns[table]}
        fixed = [field.name for field in first.schema if field.name not in own]
        if keys is not None:
            fixed = [name for name in fixed if name in (RUN, "_step", *keys)]
        schema = pa.schema([first.schema.field(name) for name in [*fixed, *(spec.name for spec in wanted)]])
        sparse = [spec.name for spec in wanted] if keys is not None and len(fixed) == 2 else []
        with ThreadPoolExecutor() as pool:
            parts = list(pool.map(lambda path: self._read(table, path, schema, sparse, steps), self.parts[table][1:]))
        tables = [rows for rows in parts if rows is not None]
        rows = pa.concat_tables(tables).unify_dictionaries() if tables else schema.empty_table()
        return with_integers(rows, wanted)

    def rows_of(self, table: str, run: str) -> tuple[list[ColumnSpec], pa.Table]:
        """The rows of one run without its name, and those columns beside the fixed ones that it has a value in."""
        part = StoredTable(Manifest.part_path(self._root, table, self._parts_of_runs[run]))
        rows = part.read_where(RUN, run).drop_columns([RUN])
        return [spec for spec in part.columns if rows.column(spec.name).null_count < rows.num_rows], rows

    def _read(
        self, table: str, path: Location, schema: pa.Schema, sparse: list[str], steps: Steps | None
    ) -> pa.Table | None:
        part = StoredTable(path, self._dictionaries(table))
        names = [name for name in schema.names if name in part.schema.names]
        if sparse and not set(sparse) & set(names):
            return None
        stored = filter_steps(part.read(names), steps)
        arrays = {
            name: pa.nulls(stored.num_rows, schema.field(name).type) for name in schema.names if name not in names
        }
        arrays |= dict(zip(names, stored.columns, strict=True))
        rows = pa.Table.from_arrays([arrays[name] for name in schema.names], schema=schema)
        return with_any(rows, sparse)

    def _dictionaries(self, table: str) -> tuple[str, ...]:
        return () if table == "runs" else (RUN,)

    def _wanted(self, table: str, keys: list[str] | None) -> list[ColumnSpec]:
        if keys is None:
            return self.columns[table]
        for key in keys:
            if key not in (*FIXED, *(spec.key for spec in self.columns[table])):
                raise no_column(key, [spec.key for spec in self.columns[table]])
        return [spec for spec in self.columns[table] if spec.key in keys]


class CompactedHistory:
    """The history of one run as a compacted dataset has it.

    Its columns are named by the rule of a run's own, in the order of the rows in which they first have a value.
    """

    def __init__(self, data: Compacted, run: str) -> None:
        self._data, self._run = data, run
        specs, rows = data.rows_of("history", run)
        schema = Schema()
        for spec in sorted(specs, key=lambda spec: int(rows.column(spec.name).is_valid().index(True).as_py())):
            schema.add_column(spec.key, spec.kind, spec.integral)
        self.specs = schema.specs()
        names = {(spec.key, spec.kind): spec.name for spec in specs}
        chosen = [*FIXED, *(names[spec.key, spec.kind] for spec in self.specs)]
        self._rows = rows.select(chosen).rename_columns([*FIXED, *(spec.name for spec in self.specs)])

    def read(self, columns: list[str], steps: Steps | None = None) -> pa.Table:
        """Some columns of the rows, in this order; with `steps` only rows with first <= _step < end."""
        return slice_steps(self._rows, steps).select(columns)

    def media(self) -> CompactedMedia:
        """The run's rows of the dataset's table of media."""
        return CompactedMedia(*self._data.rows_of("media", self._run))


class CompactedMedia(NamedTuple):
    """The media of one run as a compacted dataset has them."""

    columns: list[ColumnSpec]
    rows: pa.Table

    def table(self) -> pa.Table:
        """All rows."""
        return self.rows


class CompactedRun(RunView):
    """A run of a compacted dataset without its folder: what it says about itself, config, summary and rows.

    What the dataset does not have, such as files of media and definitions of metrics, is gone with the folder; why that
    cannot be opened is one of its `problems`.
    """

    def __init__(self, data: Compacted, run: str, row: dict[str, Any], reason: MediaTypesError) -> None:
        self.path = Path(row["path"])
        self._data, self._name, self._reason = data, run, reason
        self._run = {name: row[name] for name in RUN_FIXED if row[name] is not None and name not in ("run", "path")}
        cells: dict[str, list[tuple[str, Any]]] = {"config": [], "summary": []}
        for spec in data.columns["runs"]:
            part, _, key = spec.key.partition(".")
            if part in cells and (value := row[spec.name]) is not None:
                cells[part].append((key, _loads(value) if spec.kind == "json" else value))
        self._run["config"] = _nested(cells["config"], set())
        self._summary_cells = cells["summary"]

    @property
    def problems(self) -> list[Problem]:
        """Why the run's folder cannot be opened."""
        return [problem._replace(path=problem.path or str(self.path)) for problem in describe(self._reason)]

    def _summary(self) -> dict[str, Any]:
        return _nested(self._summary_cells, {spec.key for spec in self._data.columns["history"]})

    @cached_property
    def _rows(self) -> CompactedHistory:
        return CompactedHistory(self._data, self._name)

    def _history(self) -> CompactedHistory:
        return self._rows


def _nested(cells: list[tuple[str, Any]], whole: set[str]) -> dict[str, Any]:
    """Members by keys that were joined with "."; keys of `whole` are one name, though they have dots.

    So is a key that begins as another one that has a value itself.
    """
    members: dict[str, Any] = {}
    keys = {key for key, _ in cells}
    for key, value in cells:
        first = max((name for name in whole if f"{key}.".startswith(f"{name}.")), key=len, default="")
        names = [first, *filter(None, key[len(first) + 1 :].split("."))] if first else key.split(".")
        if any(".".join(names[:end]) in keys for end in range(1, len(names))):
            names = [key]
        inside = members
        for name in names[:-1]:
            inside = inside.setdefault(name, {})
        inside[names[-1]] = value
    return members


def _loads(text: str) -> Any:
    try:
        return canonical.loads(text)
    except ValueError as error:
        raise DocumentError.of("runs", "JSON", text, "Compact the runs again.", "not-json") from error
