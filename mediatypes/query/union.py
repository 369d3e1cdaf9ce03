"""Many histories as one: which column of which run becomes which column of all.

The rule is that of one run (`schema`), applied to the keys and kinds of all of them in order: what decides is the exact
key and the kind in the field metadata, never a column's name or a guess from its values.
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from ..history.build import arrow_schema
from ..history.opening import History
from ..history.schema import FIXED, ColumnSpec, Schema
from ..history.stored import Steps

RUN = "run"  # the column that names the run, before all others


class Union:
    """The columns of several histories.

    Args:
        histories: the columns of each.
        keys: only those of these keys; all by default.
        given: columns that have their name already.
    """

    def __init__(
        self,
        histories: Iterable[list[ColumnSpec]],
        keys: Iterable[str] | None = None,
        given: Iterable[ColumnSpec] = (),
    ) -> None:
        schema, self._chosen = Schema((RUN,), given), keys is not None
        for specs in histories:
            for spec in specs:
                schema.add_column(spec.key, spec.kind, spec.integral)
        self.specs = schema.specs(keys)
        self.schema = pa.schema([pa.field(RUN, pa.utf8(), nullable=False), *arrow_schema(self.specs)])

    def names(self, specs: list[ColumnSpec]) -> list[tuple[ColumnSpec, str | None]]:
        """Every column of the union, and what it is called in a history with these columns: None if it is not there."""
        own = {(spec.key, spec.kind): spec.name for spec in specs}
        return [(spec, own.get((spec.key, spec.kind))) for spec in self.specs]

    def read(self, run: str, history: History, steps: Steps | None) -> pa.Table | None:
        """The rows of one run with the columns of all; None if it has none of them.

        With keys only rows that have a value for one of them.
        """
        names = self.names(history.specs)
        own = [name for _, name in names if name]
        if not own and self.specs:
            return None
        table = history.read([*FIXED, *own], steps)
        rows = table.num_rows
        columns = [pa.repeat(pa.scalar(run, pa.utf8()), rows), *(table.column(name) for name in FIXED)]
        for (_, name), field in zip(names, list(self.schema)[1 + len(FIXED) :], strict=True):
            column = table.column(name) if name else pa.nulls(rows, field.type)
            columns.append(column if column.type == field.type else column.cast(field.type))
        rows_of_all = pa.Table.from_arrays(columns, schema=self.schema)
        return with_any(rows_of_all, [spec.name for spec in self.specs]) if self._chosen else rows_of_all

    def concat(self, tables: list[pa.Table]) -> pa.Table:
        """The rows of all runs."""
        return pa.concat_tables(tables) if tables else self.schema.empty_table()


def with_any(table: pa.Table, columns: list[str]) -> pa.Table:
    """The rows in which one of these columns has a value."""
    found = [table.column(name) for name in columns]
    if not found or any(column.null_count == 0 for column in found):
        return table
    valid = found[0].is_valid().to_numpy()
    for column in found[1:]:
        valid = valid | column.is_valid().to_numpy()
    return table.filter(pa.array(valid))
