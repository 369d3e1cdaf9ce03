"""Columns of a table as charts need them: what they hold, whether a spec can draw them, their values as plain JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from .._core.deps import is_instance
from .._core.errors import InputError, Problem, Verbatim, problem
from ..types.table.value import Table
from . import _template

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
    """A table of its own, which does not grow with the user's; raises InputError if none can be made."""
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


def rows(table: Table, columns: list[str], names: Mapping[str, str]) -> list[dict[str, Any]]:
    """The rows of some columns as JSON data, where some of them have other names."""
    values = [plain_values(table, column) for column in columns]
    keys = [names.get(column, column) for column in columns]
    return [dict(zip(keys, row, strict=True)) for row in zip(*values, strict=True)]


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return _plain(float(value))
    if isinstance(value, date) and not isinstance(value, datetime):
        return f"{value.isoformat()}T00:00:00"  # JavaScript takes a bare date for UTC, and shows the day before
    return value.isoformat() if isinstance(value, date) else value


_VEGA_TYPES = {NUMBER: "quantitative", TIME: "temporal"}  # of a channel that has none; else nominal
_COUNTS = ("count", "distinct", "valid", "missing")  # aggregates of anything


def column_problems(spec: dict[str, Any], mapped: Mapping[str, str], table: Table, where: str) -> Iterator[Problem]:
    """Columns that are not there or cannot be drawn, and a table without rows."""
    groups = groups_of(table)
    if not table.num_rows:
        hint = "Make the chart once there is data."
        yield problem(f"{where}.table", "at least one row", Verbatim("none"), hint, "empty")
    for slot, column in mapped.items():
        place = f"{where}.{slot}"
        if column not in groups:
            names = ", ".join(map(repr, groups)) or "none"
            yield problem(place, f"one of the columns {names}", column, "Name a column of the table.", "no-column")
        elif groups[column] == OTHER:
            got = Verbatim(f"{column!r} of kind {table.kinds[table.columns.index(column)]}")
            yield problem(place, "a column of numbers, texts, bools or times", got, "Choose another one.", "kind")
    for slot, column, channel in _measured(spec, mapped):
        if table.num_rows and groups.get(column, OTHER) != OTHER:
            yield from _number_problems(table, column, groups[column], channel, f"{where}.{slot}")


def complete(spec: dict[str, Any], groups: Mapping[str, str], names: Mapping[str, str]) -> None:
    """Give each channel of a filled spec the type of its column where it has none, and a readable title."""
    by_path = {_template.as_path(names.get(name, name)): name for name in groups}
    for channel, path in list(_template.channels(spec)):
        if isinstance(title := channel.get("title"), str):
            channel["title"] = _template.drawn_title(title)
        name = by_path.get(path)
        if name is None or _is_reduced(channel):  # a field that a transform makes, or something made of the column
            continue
        if "type" not in channel:
            channel["type"] = _VEGA_TYPES.get(groups[name], "nominal")
        elif channel["type"] == "quantitative" and groups[name] == TIME:
            channel["type"] = "temporal"
        if name != path:
            channel.setdefault("title", _template.drawn_title(name))


def _measured(spec: dict[str, Any], mapped: Mapping[str, str]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(field, column, channel) of each field whose numbers the spec draws, once for each."""
    seen = set()
    for channel, text in _template.channels(spec):
        slot = _template.slot_of(text)
        column = mapped.get(slot) if slot else text
        if column and text not in seen and _is_measured(channel):
            seen.add(text)
            yield slot or column, column, channel


def _number_problems(table: Table, column: str, group: str, channel: dict[str, Any], place: str) -> Iterator[Problem]:
    is_time_axis = group == TIME and not _is_reduced(channel)
    if group not in (NUMBER, "nothing") and not is_time_axis:
        got = Verbatim(f"{column!r} of {group}")
        yield problem(place, "a column of numbers", got, "Convert the column, or choose another one.", "kind")
    elif all(value is None for value in plain_values(table, column)):
        got = Verbatim(f"none in {column!r}")
        yield problem(place, "at least one finite number", got, "There is nothing to draw.", "empty")


def _is_measured(channel: dict[str, Any]) -> bool:
    is_number = channel.get("type") == "quantitative" or _is_reduced(channel)
    return is_number and channel.get("aggregate") not in _COUNTS


def _is_reduced(channel: dict[str, Any]) -> bool:
    """Whether the channel shows something made of the column, not its values."""
    return bool(channel.get("bin")) or "aggregate" in channel
