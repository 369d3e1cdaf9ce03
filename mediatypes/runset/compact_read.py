"""Reading a compacted dataset: a few files, whatever the number of runs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa

from .._core.location import Location
from ..runfolder.parquet_reader import Steps, StoredTable, within_any
from ..runfolder.schema import FIXED, ColumnSpec
from ..runfolder.select import no_column, with_integers
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
        self.columns = {table: [ColumnSpec(**column) for column in content["columns"][table]] for table in TABLES}
        numbers = sorted(map(int, content["parts"]))
        self.runs = [run for number in numbers for run in content["parts"][str(number)]]
        self.parts = {table: [Manifest.part_path(root, table, number) for number in (0, *numbers)] for table in TABLES}

    def table(self, table: str, keys: list[str] | None = None, steps: Steps | None = None) -> pa.Table:
        """The fixed columns and those of these keys, integers as such, of the rows that have a value for one."""
        wanted = self._wanted(table, keys)
        first = StoredTable(self.parts[table][0], self._dictionaries(table))
        own = {spec.name for spec in self.columns[table]}
        fixed = [field.name for field in first.schema if field.name not in own]
        if keys is not None:
            fixed = [name for name in fixed if name in (RUN, "_step", *keys)]
        schema = pa.schema([first.schema.field(name) for name in [*fixed, *(spec.name for spec in wanted)]])
        sparse = [spec.name for spec in wanted] if keys is not None and len(fixed) == 2 else []
        with ThreadPoolExecutor() as pool:
            found = list(pool.map(lambda path: self._read(table, path, schema, sparse, steps), self.parts[table][1:]))
        tables = [rows for rows in found if rows is not None]
        rows = pa.concat_tables(tables).unify_dictionaries() if tables else schema.empty_table()
        return with_integers(rows, wanted)

    def _read(
        self, table: str, path: Location, schema: pa.Schema, sparse: list[str], steps: Steps | None
    ) -> pa.Table | None:
        part = StoredTable(path, self._dictionaries(table))
        names = [name for name in schema.names if name in part.schema.names]
        if sparse and not set(sparse) & set(names):
            return None
        found = within_any(part.read(names), steps)
        arrays = {name: pa.nulls(found.num_rows, schema.field(name).type) for name in schema.names if name not in names}
        arrays |= dict(zip(names, found.columns, strict=True))
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
