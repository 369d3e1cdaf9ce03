"""Hyperparameters and how a session ended, as the hparams plugin reads them; see `plugins.hparams`.

TensorBoard makes its table from every session: the columns are their hyperparameters and scalars. An experiment
message would replace that by what one run alone knows, since only the first one that is found counts; so none is made.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...._core import canonical
from . import encode, summaries

START, END = "_hparams_/session_start_info", "_hparams_/session_end_info"
_STATUS = {"success": 1, "failure": 2, "running": 3}
_EXACT = 2**53  # a hyperparameter is a double


def start(config: dict[str, Any], started: float, more: dict[str, str] | None = None) -> bytes:
    """session_start_info = 3 {hparams = 1, model_uri = 2, monitor_url = 3, group_name = 4, start_time_secs = 5}."""
    entries = [
        encode.field(1, encode.field(1, name) + encode.field(2, _value(value))) for name, value in config.items()
    ]
    names = {"model_uri": 2, "monitor_url": 3, "group_name": 4}
    texts = [encode.text(names[name], text) for name, text in (more or {}).items() if name in names]
    return _value_of(encode.field(3, b"".join([*entries, *texts, encode.double(5, started)])))


def end(status: str, finished: float) -> bytes:
    """session_end_info = 4 {status = 1, end_time_secs = 2}; `status` is success, failure or running."""
    return _value_of(encode.field(4, encode.integer(1, _STATUS.get(status, 0)) + encode.double(2, finished)))


def raw(content: bytes) -> bytes:
    """A message of the plugin that is there already."""
    return _value_of(content)


def _value_of(content: bytes) -> bytes:
    """The message stands in the metadata; beside it is an empty tensor, as without one the tag has no value."""
    return summaries.tensor(np.zeros(0, np.float32)) + summaries.metadata("hparams", content)


def _value(value: Any) -> bytes:
    """google.protobuf.Value: null = 1, number, string, bool = 4, struct = 5 {fields = 1}, list = 6 {values = 1}."""
    if value is None:
        return b"\x08\x00"
    if isinstance(value, bool):
        return b"\x20" + bytes([value])
    if isinstance(value, (int, float)):
        return encode.double(2, value)
    if isinstance(value, str):
        return encode.field(3, value)
    if isinstance(value, list):
        return encode.field(6, b"".join(encode.field(1, _value(item)) for item in value))
    entries = [encode.field(1, encode.field(1, name) + encode.field(2, _value(item))) for name, item in value.items()]
    return encode.field(5, b"".join(entries))


def flat(config: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """A config as TensorBoard's table shows one, and what of it had to become text.

    Nested names are joined by dots. Lists, null and integers that a double cannot hold are JSON.

    >>> flat({"model": {"depth": 4}, "sizes": [8, 16]})
    ({'model.depth': 4, 'sizes': '[8,16]'}, ['sizes'])
    """
    flattened: dict[str, Any] = {}
    changed: list[str] = []
    waiting = list(reversed(config.items()))
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, dict) and value:
            waiting += [(f"{name}.{inner}", item) for inner, item in reversed(value.items())]
            continue
        while name in flattened:  # a name with a dot of its own
            name += "#2"
        if isinstance(value, (str, bool, float)) or (type(value) is int and abs(value) <= _EXACT):
            flattened[name] = value
        else:
            flattened[name] = canonical.dumps(value)
            changed.append(name)
    return flattened, changed
