"""Texts: one, a list, or a table of them. Arrays that no plugin shows are tensors."""

from __future__ import annotations

from typing import Any

from ...._core.codec import encode
from ...._core.sidecar import Sink
from ....formats import protobuf
from . import tensors
from .base import Cell, Given, Plugin, listed

_SUFFIX = "/text_summary"  # torch and tensorboardX add it to the tags of add_text
_MAX_COLUMNS = 1024  # of a table


def convert(given: Given) -> list[Cell]:
    """Texts by their rank, or an array as it is."""
    tensor = given.tensor
    if tensor.array is not None:
        return [Cell("tensor", "tensor", tensors.document(tensor.array, given.sinks.media, tensor.dtype))]
    texts = [item.decode("utf-8", "backslashreplace") for item in tensor.strings]
    if len(texts) == 1 and len(tensor.shape) < 2:
        return [Cell("string", "text", texts[0])]
    if len(tensor.shape) < 2:
        return [Cell("string_list", "text_list", texts)] if texts else [listed([])]
    if tensor.shape[-1] > _MAX_COLUMNS:
        raise protobuf.Malformed(f"a table of {tensor.shape[-1]} columns, and {_MAX_COLUMNS} are read")
    return [Cell("table", "table", _table(texts, tensor.shape[-1], given.sinks.media))]


def _table(texts: list[str], width: int, sink: Sink) -> dict[str, Any]:
    """Texts that stand in rows of `width`."""
    from ....types.table.value import Table

    rows = [texts[i : i + width] for i in range(0, len(texts), width)] if width else []
    return encode(Table(columns=[str(i) for i in range(width)], data=rows), sink)


def _key_of(tag: str) -> str:
    return tag.removesuffix(_SUFFIX) or tag


PLUGIN = Plugin(convert, key_of=_key_of)
