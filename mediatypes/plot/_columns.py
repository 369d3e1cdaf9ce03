"""Columns of a table as charts need them: what they hold, and their values as plain JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from .._core.deps import is_instance
from .._core.errors import InputError
from ..types.table.value import Table

NUMBER, TIME, OTHER = "numbers", "times", "other"
_GROUPS = {  # what columns hold, by their kind
    "integer": NUMBER,
    "number": NUMBER,
    "decimal": NUMBER,
    "datetime": TIME,
    "timestamp": TIME,
    "date": TIME,
    "string": "texts",
    "boolean": "bools",
    "null": "nothing",
}


def read_table(table: Any, where: str) -> Table:
    """A table of its own, which does not grow with the user's.

    Raises:
        InputError: it is no table, and none can be made from it.
    """
    if isinstance(table, Table):
        return table.snapshot()
    if is_instance(table, "pandas", "DataFrame") or hasattr(table, "__arrow_c_stream__"):
        return Table(dataframe=table)
    raise InputError.of(where, "a Table", table, "Pass mt.Table(columns=..., data=...).", "table")


def make_table(columns: dict[str, Any]) -> Table:
    """A table of columns: arrays and lists of one length."""
    import pyarrow

    return Table.from_arrow(pyarrow.table(columns))


def groups_of(table: Table) -> dict[str, str]:
    """What each column holds: numbers, times, texts, bools, nothing (only None), or other things."""
    return {name: _GROUPS.get(kind, OTHER) for name, kind in zip(table.columns, table.kinds, strict=True)}


def plain_values(table: Table, column: str) -> Iterator[Any]:
    """The values of a column as JSON data; NaN and infinities, which no chart shows, as None."""
    return map(_plain, table.get_column(column))


def rows(table: Table, columns: list[str]) -> list[dict[str, Any]]:
    """The rows of some columns as JSON data."""
    values = [plain_values(table, column) for column in columns]
    return [dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True)]


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return _plain(float(value))
    if isinstance(value, date) and not isinstance(value, datetime):
        return f"{value.isoformat()}T00:00:00"  # JavaScript takes a bare date for UTC, and shows the day before
    return value.isoformat() if isinstance(value, date) else value
