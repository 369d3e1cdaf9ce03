"""Many histories as one: which column of which run becomes which column of all.

The rule is that of one run (`schema`), applied to the keys and kinds of all of them in order: what decides is the exact
key and kind in the footer, never a column's name or a guess from its values.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from ..columns.arrow import fixed, texts
from ..runfolder.merge_rows import arrow_schema
from ..runfolder.opening import History
from ..runfolder.parquet_reader import Steps
from ..runfolder.schema import FIXED, ColumnSpec, Schema
from ..runfolder.select import no_column, with_integers

RUN = "run"  # the column that names the run, before all others


class Part(NamedTuple):
    """What was read of one run: its columns, and the rows with those that were asked for, if it has any."""

    specs: list[ColumnSpec]
    rows: pa.Table | None


def read_part(history: History, keys: Collection[str] | None, steps: Steps | None) -> Part:
    """The rows of one run under its own names; of chosen keys only rows that have a value for one of them."""
    specs, fixed = history.specs, _fixed(keys)
    own = [spec.name for spec in specs if keys is None or spec.key in keys]
    if keys is not None and not own and any(key not in FIXED for key in keys):
        return Part(specs, None)
    rows = history.read([*fixed, *own], steps)
    return Part(specs, with_any(rows, own) if keys is not None and len(fixed) == 1 else rows)


def unite(runs: Sequence[str], parts: Sequence[Part], keys: Collection[str] | None) -> pa.Table:
    """The rows of all runs, one run after another, with the columns of all; raises InputError for an unknown key."""
    union = Schema((RUN,))
    for specs, _ in groupby(part.specs for part in parts):  # the runs of a sweep are alike
        for spec in specs:
            union.add_column(spec.key, spec.kind, spec.integral)
    known = union.specs()
    for key in keys or ():
        if key not in (*FIXED, *(spec.key for spec in known)):
            raise no_column(key, {spec.key for spec in known})
    wanted = [spec for spec in known if keys is None or spec.key in keys]
    schema, names = union_schema(wanted, _fixed(keys)), texts(list(runs))
    schema = schema.set(0, pa.field(RUN, pa.dictionary(pa.int32(), pa.utf8()), nullable=False))
    tables = []
    read = [(number, part.specs, part.rows) for number, part in enumerate(parts) if part.rows is not None]
    for (specs, _), alike in groupby(read, lambda one: (one[1], one[2].schema)):
        numbers, _, rows = zip(*alike, strict=True)
        which = np.repeat(np.array(numbers, np.int32), [table.num_rows for table in rows])
        indexes = pa.Array.from_buffers(pa.int32(), len(which), [None, pa.py_buffer(which)])
        runs_of_rows = pa.DictionaryArray.from_arrays(indexes, names)
        tables.append(_conform(pa.concat_tables(rows), runs_of_rows, specs, wanted, schema))
    return with_integers(pa.concat_tables(tables) if tables else schema.empty_table(), wanted)


def stack(tables: Mapping[str, pa.Table], schema: pa.Schema) -> pa.Table:
    """Tables of the same columns, by run, one below another; `run`, a dictionary, comes first."""
    rows = pa.concat_tables([schema.empty_table(), *tables.values()])
    which = np.repeat(np.arange(len(tables), dtype=np.int32), [table.num_rows for table in tables.values()])
    indexes = pa.Array.from_buffers(pa.int32(), len(which), [None, pa.py_buffer(which)])
    runs = pa.DictionaryArray.from_arrays(indexes, texts(list(tables)))
    return rows.add_column(0, pa.field(RUN, runs.type, nullable=False), runs)


def _conform(
    table: pa.Table, runs: pa.Array, specs: list[ColumnSpec], wanted: list[ColumnSpec], schema: pa.Schema
) -> pa.Table:
    """Rows of runs with these columns as rows of the union, whose columns beside the fixed ones are `wanted`."""
    names = {(spec.key, spec.kind): spec.name for spec in specs}
    arrays = [runs, *(table.column(field.name) for field in schema if field.name in FIXED)]
    for spec in wanted:
        name, kind = names.get((spec.key, spec.kind)), schema.field(len(arrays)).type
        column = table.column(name) if name else pa.nulls(table.num_rows, kind)
        arrays.append(column if column.type == kind else column.cast(kind))
    return pa.Table.from_arrays(arrays, schema=schema)


def _fixed(keys: Collection[str] | None) -> tuple[str, ...]:
    """The fixed columns that go with chosen keys."""
    return FIXED if keys is None else ("_step", *(name for name in FIXED[1:] if name in keys))


def union_schema(specs: Iterable[ColumnSpec], fixed: Iterable[str] = FIXED) -> pa.Schema:
    """The columns of many histories: the run, the fixed ones, and those of keys."""
    schema = arrow_schema(specs)
    kept = [field for field in schema if field.name not in FIXED or field.name in fixed]
    return pa.schema([pa.field(RUN, pa.utf8(), nullable=False), *kept])


def with_any(table: pa.Table, columns: list[str]) -> pa.Table:
    """The rows in which one of these columns has a value."""
    arrays = [table.column(name) for name in columns]
    if not arrays or any(column.null_count == 0 for column in arrays):
        return table
    valid = arrays[0].is_valid().to_numpy()
    for column in arrays[1:]:
        valid = valid | column.is_valid().to_numpy()
    return table.filter(fixed(valid))
