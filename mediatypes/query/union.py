"""Many histories as one: which column of which run becomes which column of all.

The rule is that of one run (`schema`), applied to the keys and kinds of all of them in order: what decides is the exact
key and the kind in the field metadata, never a column's name or a guess from its values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Executor

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
        schema, wanted = Schema((RUN,), given), None if keys is None else list(keys)
        for specs in histories:
            for spec in specs:
                schema.add_column(spec.key, spec.kind, spec.integral)
        self.specs = schema.specs(wanted)
        self.fixed = FIXED if wanted is None else ("_step", *(name for name in FIXED[1:] if name in wanted))
        self.schema = union_schema(self.specs, self.fixed)
        self._sparse = wanted is not None and len(self.fixed) == 1  # rows without any of the keys are not wanted

    def names(self, specs: list[ColumnSpec]) -> list[tuple[ColumnSpec, str | None]]:
        """Every column of the union, and what it is called in a history with these columns: None if it is not there."""
        own = {(spec.key, spec.kind): spec.name for spec in specs}
        return [(spec, own.get((spec.key, spec.kind))) for spec in self.specs]

    def read(self, histories: Mapping[str, History], steps: Steps | None, pool: Executor) -> pa.Table:
        """The rows of all runs, those with none of the keys left out; `run` is a dictionary column."""
        runs = pa.array(list(histories), pa.utf8())
        schema = self.schema.set(0, pa.field(RUN, pa.dictionary(pa.int32(), pa.utf8()), nullable=False))

        def read(number: int, history: History) -> pa.Table | None:
            return self._read_run(pa.scalar(number, pa.int32()), runs, history, steps, schema)

        found = [table for table in pool.map(read, range(len(runs)), histories.values()) if table is not None]
        return pa.concat_tables(found) if found else schema.empty_table()

    def _read_run(
        self, number: pa.Scalar, runs: pa.Array, history: History, steps: Steps | None, schema: pa.Schema
    ) -> pa.Table | None:
        names = self.names(history.specs)
        own = [name for _, name in names if name]
        if self.specs and not own:
            return None
        table = history.read([*self.fixed, *own], steps)
        arrays = [pa.DictionaryArray.from_arrays(pa.repeat(number, table.num_rows), runs)]
        arrays += [table.column(name) for name in self.fixed]
        for i, (_, name) in enumerate(names, len(arrays)):
            kind = schema.field(i).type
            column = table.column(name) if name else pa.nulls(table.num_rows, kind)
            arrays.append(column if column.type == kind else column.cast(kind))
        rows = pa.Table.from_arrays(arrays, schema=schema)
        return with_any(rows, [spec.name for spec in self.specs]) if self._sparse else rows


def union_schema(specs: Iterable[ColumnSpec], fixed: Iterable[str] = FIXED) -> pa.Schema:
    """The columns of many histories: the run, the fixed ones, and those of keys."""
    schema = arrow_schema(specs)
    kept = [field for field in schema if field.name not in FIXED or field.name in fixed]
    return pa.schema([pa.field(RUN, pa.utf8(), nullable=False), *kept])


def with_any(table: pa.Table, columns: list[str]) -> pa.Table:
    """The rows in which one of these columns has a value."""
    found = [table.column(name) for name in columns]
    if not found or any(column.null_count == 0 for column in found):
        return table
    valid = found[0].is_valid().to_numpy()
    for column in found[1:]:
        valid = valid | column.is_valid().to_numpy()
    return table.filter(pa.array(valid))
