"""Hyperparameters, as their plugin writes them into the metadata of a tag.

HParamsPluginData (tensorboard/plugins/hparams/plugin_data.proto): experiment = 2, session_start_info = 3 {hparams = 1,
model_uri = 2, monitor_url = 3, group_name = 4, start_time_secs = 5}, session_end_info = 4 {status = 1, end_time_secs
= 2}. Values are google.protobuf.Value. A protobuf map has no order (its writers shuffle it), so names are sorted here.
"""

from __future__ import annotations

import math
from typing import Any

from ....formats import protobuf
from ..log.events import Metadata
from . import text
from .base import Cell, Plugin

_STATUS = {1: "success", 2: "failure", 3: "running"}  # api.proto, enum Status
_MAX_DEPTH = 50


def read_hparams(content: bytes) -> dict[str, Any]:
    """What it says, by section: `{"start": {"hparams": {...}, ...}}`, "end" or "experiment"."""
    for number, kind, start, end in protobuf.fields(content, 0, len(content)):
        if kind == protobuf.BYTES and number in _SECTIONS:
            name, read = _SECTIONS[number]
            return {name: read(content, start, end)}
    return {}


def _read_start(data: bytes, start: int, end: int) -> dict[str, Any]:
    session: dict[str, Any] = {"hparams": {}}
    names = {2: "model_uri", 3: "monitor_url", 4: "group_name"}
    for number, kind, at, until in protobuf.fields(data, start, end):
        if number == 1 and kind == protobuf.BYTES:
            session["hparams"] |= _read_entry(data, at, until, _MAX_DEPTH)
        elif number in names and kind == protobuf.BYTES:
            session[names[number]] = protobuf.text(data, at, until)
        elif number == 5 and kind == protobuf.FIXED64:
            session["start_time"] = protobuf.double(data, at)
    session["hparams"] = dict(sorted(session["hparams"].items()))
    return session


def _read_end(data: bytes, start: int, end: int) -> dict[str, Any]:
    session: dict[str, Any] = {}
    for number, kind, at, _ in protobuf.fields(data, start, end):
        if number == 1 and kind == protobuf.VARINT:
            session["status"] = _STATUS.get(at, "unknown")
        elif number == 2 and kind == protobuf.FIXED64:
            session["end_time"] = protobuf.double(data, at)
    return session


def _read_experiment(data: bytes, start: int, end: int) -> dict[str, Any]:
    """Experiment: description = 1, user = 2, time_created_secs = 3, hparam_infos = 4, metric_infos = 5, name = 6."""
    experiment: dict[str, Any] = {}
    names = {1: "description", 2: "user", 6: "name"}
    lists = {4: "hparams", 5: "metrics"}
    for number, kind, at, until in protobuf.fields(data, start, end):
        if number in names and kind == protobuf.BYTES:
            experiment[names[number]] = protobuf.text(data, at, until)
        elif number == 3 and kind == protobuf.FIXED64:
            experiment["time_created"] = protobuf.double(data, at)
        elif number in lists and kind == protobuf.BYTES:
            experiment.setdefault(lists[number], []).append(_read_name(data, at, until, is_metric=number == 5))
    return experiment


def _read_name(data: bytes, start: int, end: int, *, is_metric: bool) -> str:
    """HParamInfo: name = 1. MetricInfo: name = 1 {group = 1, tag = 2}."""
    for number, kind, at, until in protobuf.fields(data, start, end):
        if number == 1 and kind == protobuf.BYTES:
            if not is_metric:
                return protobuf.text(data, at, until)
            parts = [
                protobuf.text(data, *place)
                for _, inner, *place in protobuf.fields(data, at, until)
                if inner == protobuf.BYTES
            ]
            return "/".join(parts)
    return ""


def _read_entry(data: bytes, start: int, end: int, depth: int) -> dict[str, Any]:
    """An entry of a map: key = 1, value = 2."""
    key, value = "", None
    for number, kind, at, until in protobuf.fields(data, start, end):
        if number == 1 and kind == protobuf.BYTES:
            key = protobuf.text(data, at, until)
        elif number == 2 and kind == protobuf.BYTES:
            value = _read_value(data, at, until, depth)
    return {key: value}


def _read_value(data: bytes, start: int, end: int, depth: int) -> Any:
    """google.protobuf.Value: null 1, number 2, string 3, bool 4, struct 5 {fields = 1}, list 6 {values = 1}."""
    if not depth:
        raise protobuf.Malformed("values nested too deeply")
    value: Any = None
    for number, kind, at, until in protobuf.fields(data, start, end):
        if number == 2 and kind == protobuf.FIXED64:
            number_value = protobuf.double(data, at)
            whole = math.isfinite(number_value) and number_value == int(number_value) and abs(number_value) <= 2**53
            value = int(number_value) if whole else number_value  # JSON has one kind of number, and so has this
        elif number == 3 and kind == protobuf.BYTES:
            value = protobuf.text(data, at, until)
        elif number == 4 and kind == protobuf.VARINT:
            value = bool(at)
        elif number == 5 and kind == protobuf.BYTES:
            value = {}
            for inner, inner_kind, first, last in protobuf.fields(data, at, until):
                if inner == 1 and inner_kind == protobuf.BYTES:
                    value |= _read_entry(data, first, last, depth - 1)
            value = dict(sorted(value.items()))
        elif number == 6 and kind == protobuf.BYTES:
            items = protobuf.fields(data, at, until)
            value = [_read_value(data, a, b, depth - 1) for n, k, a, b in items if (n, k) == (1, protobuf.BYTES)]
    return value


_SECTIONS = {2: ("experiment", _read_experiment), 3: ("start", _read_start), 4: ("end", _read_end)}


def _convert_metadata(metadata: Metadata) -> list[Cell]:
    return [Cell("", "hparams", read_hparams(metadata.content))]


PLUGIN = Plugin(text.convert, convert_metadata=_convert_metadata, shown_otherwise=("hparams",))
