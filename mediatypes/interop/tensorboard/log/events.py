"""Event messages: one payload read into its values.

Fields: tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto (also tensorboard/compat/proto).
"""

from __future__ import annotations

from typing import NamedTuple

from ....formats import protobuf
from ....formats.protobuf import RAW, TEXT, Message, texts

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
_TIME, _STEP, _SUMMARY, _ONE_VALUE, _TAG = 0x09, 0x10, 0x2A, 0x0A, 0x0A  # how their fields begin
_LEAST = 20  # bytes of an event with a summary
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
    """The event in data[start:end]; raises `protobuf.Malformed`."""
    if (usual := _read_usual(data, start, end)) is not None:
        return usual
    wall_time, step, what, span = 0.0, 0, "", (start, start)
    values: list[Value] = []
    for number, kind, at, until in protobuf.fields(data, start, end):
        if number == 1 and kind == protobuf.FIXED64:
            wall_time = protobuf.double(data, at)
        elif number == 2 and kind == protobuf.VARINT:
            step = protobuf.signed(at)
        elif number in WHAT and kind == protobuf.BYTES:
            what, span = WHAT[number], (at, until)
            if number == 5:
                values += [
                    _value(data, *place)
                    for field, inner, *place in protobuf.fields(data, at, until)
                    if field == 1 and inner == protobuf.BYTES
                ]
    return Event(wall_time, step, what, span, tuple(values))


def _read_usual(data: bytes, start: int, end: int) -> Event | None:
    """An event as most writers make those of media: time, step, and a summary of one value without metadata."""
    if end - start < _LEAST or data[start] != _TIME:
        return None
    step, at = 0, start + 9
    if data[at] == _STEP:
        step, at = protobuf.varint(data, at + 1, end)
    begins = []
    for tag in (_SUMMARY, _ONE_VALUE):  # each fills what is left
        if at >= end or data[at] != tag:
            return None
        size, at = protobuf.varint(data, at + 1, end)
        if at + size != end:
            return None
        begins.append(at)
    if at >= end or data[at] != _TAG:
        return None
    size, first = protobuf.varint(data, at + 1, end)
    at = first + size
    if at >= end or data[at] & 7 != protobuf.BYTES or (kind := KINDS.get(data[at] >> 3)) is None:
        return None
    size, begin = protobuf.varint(data, at + 1, end)
    if begin + size != end:
        return None
    value = Value(protobuf.text(data, first, at), kind, 0.0, (begin, end), None)
    return Event(protobuf.double(data, start + 1), protobuf.signed(step), "summary", (begins[0], end), (value,))


def _value(data: bytes, start: int, end: int) -> Value:
    tag, value_kind, number, span, metadata = "", "", 0.0, (start, start), None
    for field, kind, at, until in protobuf.fields(data, start, end):
        if kind == protobuf.BYTES:
            if field == 1:
                tag = protobuf.text(data, at, until)
            elif field == 9:
                metadata = _read_metadata(data, at, until)
            elif field in KINDS:
                value_kind, span = KINDS[field], (at, until)
        elif field == 2 and kind == protobuf.FIXED32:
            value_kind, number = "simple_value", protobuf.single(data, at)
    return Value(tag, value_kind, number, span, metadata)


_DATA = Message(plugin=(1, TEXT), content=(2, RAW))
_METADATA = Message(data=(1, _DATA), **texts(display_name=2, description=3))


def _read_metadata(data: bytes, start: int, end: int) -> Metadata:
    """A SummaryMetadata."""
    read = _METADATA.read(data, start, end)
    return Metadata(**read.pop("data", {}), **read)
