"""Reading a compacted dataset: a few files, whatever the number of runs."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from .._core.errors import InputError
from .._core.location import Location
from ..history.reading import no_column
from ..history.schema import ColumnSpec
from ..history.stored import Steps, StoredTable, within_any
from .manifest import TABLES, Manifest, read
from .union import with_any


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

    def table(self, table: str, keys: Iterable[str] | None = None, steps: Steps | None = None) -> pa.Table:
        """The fixed columns and those of these keys, of the rows that have a value for one of them."""
        first = StoredTable(self.parts[table][0])
        fixed = [field.name for field in first.schema if field.name not in {spec.name for spec in self.columns[table]}]
        wanted = self._wanted(table, keys)
        schema = pa.schema([first.schema.field(name) for name in [*fixed, *(spec.name for spec in wanted)]])
        tables = []
        for path in self.parts[table][1:]:
            part = StoredTable(path)
            names = [name for name in schema.names if name in part.schema.names]
            if len(names) > len(fixed) or keys is None:
                found = within_any(part.read(names), steps)
                missing = {name: pa.nulls(found.num_rows, schema.field(name).type) for name in schema.names}
                arrays = {**missing, **dict(zip(names, found.columns, strict=True))}
                rows = pa.Table.from_arrays(list(arrays.values()), schema=schema)
                tables.append(rows if keys is None else with_any(rows, [spec.name for spec in wanted]))
        return pa.concat_tables(tables) if tables else schema.empty_table()

    def _wanted(self, table: str, keys: Iterable[str] | None) -> list[ColumnSpec]:
        if keys is None:
            return self.columns[table]
        if isinstance(keys, str):
            raise InputError.of("history.keys", "a list of keys", keys, f"Pass [{keys!r}].")
        wanted = list(keys)
        for key in wanted:
            if key not in {spec.key for spec in self.columns[table]}:
                raise no_column(key, [spec.key for spec in self.columns[table]])
        return [spec for spec in self.columns[table] if spec.key in wanted]
