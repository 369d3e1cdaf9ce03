"""Choosing columns of a history, and giving integers back."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

import pyarrow as pa

from .._core.errors import InputError
from ..columns.arrow import list_of
from ..columns.classify import EXACT
from .schema import FIXED, ColumnSpec


def listed(keys: Iterable[str] | None) -> list[str] | None:
    """The keys to read; None for all. Raises `InputError`."""
    if isinstance(keys, str):
        raise InputError.of("history.keys", "a list of keys", keys, f"Pass [{keys!r}].")
    return None if keys is None else list(keys)


def checked_steps(steps: Any) -> tuple[int, int] | None:
    """The steps to read, `(first, end)`; None for all. Raises `InputError`."""
    if steps is None:
        return None
    try:
        first, end = (operator.index(step) for step in steps)
    except (TypeError, ValueError):
        raise InputError.of("history.steps", "a pair of integers (first, end)", steps, "Pass (0, 1000).") from None
    if first > end:
        raise InputError.of("history.steps", "first <= end in (first, end)", steps, f"Pass ({end}, {first}).")
    return first, end


def select(specs: list[ColumnSpec], keys: Iterable[str] | None) -> list[str]:
    """The names of columns, `_step` first; a key means all its columns, one for each kind. Raises `InputError`."""
    keys = listed(keys)
    if keys is None:
        return [*FIXED, *(spec.name for spec in specs)]
    wanted = ["_step"]
    for column in keys:
        names = [column] if column in FIXED else [spec.name for spec in specs if column in (spec.key, spec.name)]
        if not names:
            raise no_column(column, [spec.key for spec in specs])
        wanted += [name for name in names if name not in wanted]
    return wanted


def no_column(column: str, known: Iterable[str]) -> InputError:
    """That nothing has this name, and what was perhaps meant."""
    close = get_close_matches(str(column), list(known), 1)
    hint = f"Did you mean {close[0]!r}?" if close else "view.keys() lists them."
    return InputError.of("history", "a key of this run", column, hint, "key")


def to_pandas(table: pa.Table, needed_for: str) -> Any:
    """A pandas DataFrame; integers that float64 cannot hold beside nulls become `Int64`."""
    import pyarrow.compute as pc

    from .._core.deps import need

    pd = need("pandas", extra="pandas", needed_for=needed_for)

    frame = table.to_pandas()
    for field, column in zip(table.schema, table.columns, strict=True):
        if pa.types.is_int64(field.type) and column.null_count and column.null_count < len(column):
            low, high = pc.min_max(column).as_py().values()
            if low < -EXACT or high > EXACT:
                frame[field.name] = column.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    return frame


def with_integers(table: pa.Table, specs: Iterable[ColumnSpec]) -> pa.Table:
    """Columns whose values were all integers, as int64 instead of the double they are stored as."""
    integral = {spec.name for spec in specs if spec.integral}
    fields, columns = list(table.schema), table.columns
    for i, field in enumerate(fields):
        if field.name in integral:
            kind = list_of(pa.int64()) if pa.types.is_list(field.type) else pa.int64()
            fields[i], columns[i] = field.with_type(kind), columns[i].cast(kind)
    return pa.Table.from_arrays(columns, schema=pa.schema(fields, table.schema.metadata))
