"""Whether the columns of a table are what a spec draws, and the types of channels that leave them out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .._core.errors import Problem, Verbatim, problem
from ..types.table.value import Table
from . import _template
from ._columns import NUMBER, OTHER, TIME, groups_of, plain_values

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


def complete(spec: dict[str, Any], groups: Mapping[str, str]) -> None:
    """Give each channel of a filled spec the type of its column where it has none, and a readable title."""
    names = {_template.as_path(name): name for name in groups}
    for channel, path in list(_template.channels(spec)):
        name = names.get(path)
        if name is None or _is_reduced(channel):  # a field that a transform makes, or something made of the column
            continue
        if "type" not in channel:
            channel["type"] = _VEGA_TYPES.get(groups[name], "nominal")
        elif channel["type"] == "quantitative" and groups[name] == TIME:
            channel["type"] = "temporal"
        if name != path:
            channel.setdefault("title", name)


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
