"""Layouts of the custom_scalars plugin: which curves a chart shows together.

Layout (tensorboard/plugins/custom_scalar/layout.proto): category = 2 {title = 1, chart = 2, closed = 3}. Chart: title =
1, and multiline = 2 {tag = 1} or margin = 3 {series = 1 {value = 1, lower = 2, upper = 3}}.
"""

from __future__ import annotations

from typing import Any

from ....formats.protobuf import BOOL, TEXT, Message, texts
from . import text
from .base import Cell, Given, Plugin, files_of

NAME = "custom_scalars.json"
_MARGIN = {"value": 1, "lower": 2, "upper": 3}
_CHART = Message(
    title=(1, TEXT),
    multiline=(2, [Message(tags=(1, [TEXT]))]),
    margin=(3, [Message(series=(1, [Message(**texts(**_MARGIN))]))]),
)
_LAYOUT = Message(categories=(2, [Message(title=(1, TEXT), charts=(2, [_CHART]), closed=(3, BOOL))]))


def convert(given: Given) -> list[Cell]:
    """Charts of scalars that have keys of their own; what a Plot shows has to be in its own table."""
    if given.tensor.array is not None:
        return text.convert(given)
    cells = files_of(given)
    for cell, data in zip(cells, given.tensor.strings, strict=True):
        cell.value["layout"] = read_layout(data)
    return cells


def read_layout(data: bytes) -> list[dict[str, Any]]:
    """The categories of a layout, as `custom_scalars.json` has them; raises `protobuf.Malformed`."""
    return [
        {
            "title": category.get("title", ""),
            "closed": category.get("closed", False),
            "charts": [_chart(chart) for chart in category.get("charts", ())],
        }
        for category in _LAYOUT.read(data).get("categories", ())
    ]


def _chart(read: dict[str, Any]) -> dict[str, Any]:
    """`tags` are regular expressions, `margins` the tags of a curve and of its bounds; of both the later one counts."""
    chart: dict[str, Any] = {"title": read.pop("title", "")}
    content = list(read)[-1:]
    if content == ["multiline"]:
        chart["tags"] = [tag for part in read["multiline"] for tag in part.get("tags", ())]
    elif content == ["margin"]:
        series = [one for part in read["margin"] for one in part.get("series", ())]
        chart["margins"] = [{name: one.get(name, "") for name in _MARGIN} for one in series]
    return chart


PLUGIN = Plugin(convert, holds_messages=True)
