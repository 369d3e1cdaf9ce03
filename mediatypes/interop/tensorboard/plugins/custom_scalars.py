"""Layouts of the custom_scalars plugin: which curves a chart shows together.

Layout (tensorboard/plugins/custom_scalar/layout.proto): category = 2 {title = 1, chart = 2, closed = 3}. Chart: title =
1, and multiline = 2 {tag = 1} or margin = 3 {series = 1 {value = 1, lower = 2, upper = 3}}.
"""

from __future__ import annotations

from typing import Any

from ....formats import protobuf
from . import text
from .base import Cell, Given, Plugin, files_of

NAME = "custom_scalars.json"
_MARGIN = {1: "value", 2: "lower", 3: "upper"}


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
    return [_category(data, *place) for place in _messages(data, 0, len(data), 2)]


def _category(data: bytes, start: int, end: int) -> dict[str, Any]:
    closed = [
        bool(at) for number, kind, at, _ in protobuf.fields(data, start, end) if (number, kind) == (3, protobuf.VARINT)
    ]
    return {
        "title": _text(data, start, end, 1),
        "closed": closed[-1] if closed else False,
        "charts": [_chart(data, *place) for place in _messages(data, start, end, 2)],
    }


def _chart(data: bytes, start: int, end: int) -> dict[str, Any]:
    """`tags` are regular expressions, `margins` the tags of a curve and of its bounds."""
    chart: dict[str, Any] = {"title": _text(data, start, end, 1)}
    for number, kind, at, until in protobuf.fields(data, start, end):  # of both the later one counts
        if kind == protobuf.BYTES and number == 2:
            chart.pop("margins", None)
            tags = [protobuf.text(data, *place) for place in _messages(data, at, until, 1)]
            chart["tags"] = [*chart.get("tags", ()), *tags]
        elif kind == protobuf.BYTES and number == 3:
            chart.pop("tags", None)
            series = [
                {name: _text(data, *place, field) for field, name in _MARGIN.items()}
                for place in _messages(data, at, until, 1)
            ]
            chart["margins"] = [*chart.get("margins", ()), *series]
    return chart


def _messages(data: bytes, start: int, end: int, wanted: int) -> list[tuple[int, int]]:
    return [
        (at, until)
        for number, kind, at, until in protobuf.fields(data, start, end)
        if (number, kind) == (wanted, protobuf.BYTES)
    ]


def _text(data: bytes, start: int, end: int, wanted: int) -> str:
    places = _messages(data, start, end, wanted)
    return protobuf.text(data, *places[-1]) if places else ""


PLUGIN = Plugin(convert, holds_messages=True)
