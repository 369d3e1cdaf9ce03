"""Scalars."""

from __future__ import annotations

from ....columns.classify import EXACT
from ..log.events import Value
from . import text
from .base import Cell, Given, Plugin, Sinks


def convert(given: Given) -> list[Cell]:
    """A number; an integer that a double cannot hold is of another kind."""
    array, dtype = given.tensor.array, given.tensor.dtype
    if array is None or array.size != 1 or array.dtype.kind not in "biuf" or dtype.startswith(("bf", "float8")):
        return text.convert(given)
    number = array.reshape(-1)[0].item()
    if isinstance(number, int) and abs(number) > EXACT:
        return [Cell("integer", "integer", number)] if number < 2**63 else text.convert(given)
    return [Cell("number", dtype, float(number))]


def _convert_message(data: bytes, value: Value, caption: str | None, sinks: Sinks) -> list[Cell]:
    return [Cell("number", "float32", value.number)]


PLUGIN = Plugin(convert, "simple_value", _convert_message)
