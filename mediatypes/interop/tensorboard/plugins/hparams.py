"""Hyperparameters, as their plugin writes them into the metadata of a tag.

HParamsPluginData (tensorboard/plugins/hparams/plugin_data.proto): experiment = 2, session_start_info = 3 {hparams = 1,
model_uri = 2, monitor_url = 3, group_name = 4, start_time_secs = 5}, session_end_info = 4 {status = 1, end_time_secs
= 2}. Values are google.protobuf.Value. A protobuf map has no order (its writers shuffle it), so names are sorted here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from ....formats import protobuf
from ....formats.protobuf import BOOL, DOUBLE, SPAN, TEXT, UINT, Message, texts
from ..log.events import Metadata
from . import text
from .base import Cell, Plugin

_STATUS = {1: "success", 2: "failure", 3: "running"}  # api.proto, enum Status
_MAX_DEPTH = 50


def read_hparams(content: bytes) -> dict[str, Any]:
    """What it says, by section: `{"start": {"hparams": {...}, ...}}`, "end" or "experiment"."""
    for name, section in _DATA.read(content).items():
        return {name: _SECTIONS[name](section)}
    return {}


def _start(section: dict[str, Any]) -> dict[str, Any]:
    return {**section, "hparams": _read_map(section.get("hparams", ()), _MAX_DEPTH)}


def _end(section: dict[str, Any]) -> dict[str, Any]:
    status = {"status": _STATUS.get(section["status"], "unknown")} if "status" in section else {}
    return {**section, **status}


def _experiment(section: dict[str, Any]) -> dict[str, Any]:
    hparams = [info.get("name", "") for info in section.get("hparams", ())]
    metrics = ["/".join(info.get("name", {}).values()) for info in section.get("metrics", ())]
    lists = {"hparams": hparams, "metrics": metrics}
    return {**section, **{name: names for name, names in lists.items() if names}}


def _read_map(entries: Iterable[tuple[bytes, int, int]], depth: int) -> dict[str, Any]:
    """The entries of a map, sorted by their keys."""
    values: dict[str, Any] = {}
    for span in entries:
        entry = _ENTRY.read(*span)
        values[entry.get("key", "")] = _read_value(entry["value"], depth) if "value" in entry else None
    return dict(sorted(values.items()))


def _read_value(span: tuple[bytes, int, int], depth: int) -> Any:
    """A google.protobuf.Value, of which the member that was written last counts; None for null."""
    if not depth:
        raise protobuf.Malformed("values nested too deeply")
    value: Any = None
    for name, value in _VALUE.read(*span).items():
        if name == "number":
            whole = math.isfinite(value) and value == int(value) and abs(value) <= 2**53
            value = int(value) if whole else value  # JSON has one kind of number, and so has this
        elif name == "struct":
            value = _read_map(_STRUCT.read(*value).get("fields", ()), depth - 1)
        elif name == "list":
            value = [_read_value(item, depth - 1) for item in _LIST.read(*value).get("values", ())]
    return value


_ENTRY = Message(key=(1, TEXT), value=(2, SPAN))
_VALUE = Message(number=(2, DOUBLE), text=(3, TEXT), boolean=(4, BOOL), struct=(5, SPAN), list=(6, SPAN))
_STRUCT, _LIST = Message(fields=(1, [SPAN])), Message(values=(1, [SPAN]))
_DATA = Message(
    experiment=(
        2,
        Message(
            **texts(description=1, user=2, name=6),
            time_created=(3, DOUBLE),
            hparams=(4, [Message(name=(1, TEXT))]),
            metrics=(5, [Message(name=(1, Message(**texts(group=1, tag=2))))]),
        ),
    ),
    start=(3, Message(**texts(model_uri=2, monitor_url=3, group_name=4), hparams=(1, [SPAN]), start_time=(5, DOUBLE))),
    end=(4, Message(status=(1, UINT), end_time=(2, DOUBLE))),
)
_SECTIONS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "experiment": _experiment,
    "start": _start,
    "end": _end,
}


def _convert_metadata(metadata: Metadata) -> list[Cell]:
    return [Cell("", "hparams", read_hparams(metadata.content))]


PLUGIN = Plugin(text.convert, convert_metadata=_convert_metadata, shown_otherwise=("hparams",))
