"""Event messages: one payload read into its values.

Fields: tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto (also tensorboard/compat/proto).
"""

from __future__ import annotations

from typing import NamedTuple

from . import wire

KINDS = {2: "simple_value", 3: "old_histogram", 4: "image", 5: "histo", 6: "audio", 8: "tensor"}  # Summary.Value
WHAT = {
    3: "file_version",
    4: "graph_def",
    5: "summary",
    6: "log_message",
    7: "session_log",
    8: "tagged_run_metadata",
    9: "meta_graph_def",
}
Span = tuple[int, int]  # where bytes begin and end


class Metadata(NamedTuple):
    """What says how a tag is shown; writers may give it with the first value only."""

    plugin: str = ""
    content: bytes = b""
    display_name: str = ""
    description: str = ""


class Value(NamedTuple):
    """One value of a summary."""

    tag: str
    kind: str  # one of KINDS, or "" without a value
    number: float  # of a simple_value
    span: Span  # of the message of other kinds
    metadata: Metadata | None


class Event(NamedTuple):
    """One record."""

    wall_time: float
    step: int
    what: str  # one of WHAT, or "" of an event that holds nothing
    span: Span  # of what it holds, if that is no summary
    values: tuple[Value, ...]


def read_event(data: bytes, start: int, end: int) -> Event:
    """The event in data[start:end]; raises `wire.Malformed`."""
    wall_time, step, what, span = 0.0, 0, "", (start, start)
    values: list[Value] = []
    for number, kind, at, until in wire.fields(data, start, end):
        if number == 1 and kind == wire.FIXED64:
            wall_time = wire.double(data, at)
        elif number == 2 and kind == wire.VARINT:
            step = wire.signed(at)
        elif number in WHAT and kind == wire.BYTES:
            what, span = WHAT[number], (at, until)
            if number == 5:
                values += [
                    _value(data, *place)
                    for field, inner, *place in wire.fields(data, at, until)
                    if field == 1 and inner == wire.BYTES
                ]
    return Event(wall_time, step, what, span, tuple(values))


def _value(data: bytes, start: int, end: int) -> Value:
    tag, found, number, span, metadata = "", "", 0.0, (start, start), None
    for field, kind, at, until in wire.fields(data, start, end):
        if kind == wire.BYTES:
            if field == 1:
                tag = wire.text(data, at, until)
            elif field == 9:
                metadata = read_metadata(data, at, until)
            elif field in KINDS:
                found, span = KINDS[field], (at, until)
        elif field == 2 and kind == wire.FIXED32:
            found, number = "simple_value", wire.single(data, at)
    return Value(tag, found, number, span, metadata)


def read_metadata(data: bytes, start: int, end: int) -> Metadata:
    """SummaryMetadata: plugin_data = 1 {plugin_name = 1, content = 2}, display_name = 2, summary_description = 3."""
    plugin, content, display_name, description = "", b"", "", ""
    for field, kind, at, until in wire.fields(data, start, end):
        if kind != wire.BYTES:
            continue
        if field == 1:
            for inner, inner_kind, first, last in wire.fields(data, at, until):
                if inner_kind == wire.BYTES and inner == 1:
                    plugin = wire.text(data, first, last)
                elif inner_kind == wire.BYTES and inner == 2:
                    content = data[first:last]
        elif field == 2:
            display_name = wire.text(data, at, until)
        elif field == 3:
            description = wire.text(data, at, until)
    return Metadata(plugin, content, display_name, description)
