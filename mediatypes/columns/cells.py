"""Arrow columns of a history, by kind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from .arrays import Array
from .arrow import TYPES, documents, fixed, list_array, list_of, media_type, numbers, paths, texts

_KINDS = {
    "null": "double",
    "number": "double",
    "integer": "int64",
    "boolean": "bool",
    "string": "utf8",
    "json": "utf8",
    "number_list": "list<double>",
    "string_list": "list<utf8>",
}


def is_media_kind(kind: str) -> bool:
    """Whether cells of this kind are media documents or lists of them."""
    return kind not in _KINDS


def arrow_type(kind: str) -> pa.DataType:
    """The type of a column of this kind."""
    if kind in _KINDS:
        return TYPES[_KINDS[kind]]
    if kind.endswith("_list"):
        return list_of(arrow_type(kind.removesuffix("_list")))
    return media_type(kind)


def inner_paths(kind: str) -> list[str]:
    """How Parquet names a column of this kind and what is inside it: "", ".list.element", ".path"..."""
    return [path for path, _ in paths("", arrow_type(kind))]


def make_array(kind: str, rows: Array, values: Array | list[Any], length: int) -> pa.Array:
    """A column of `length` rows with `values` at `rows` and null elsewhere; of several values for a row the last."""
    valid = np.zeros(length, bool)
    valid[rows] = True
    if kind in ("number", "integer", "boolean", "null"):
        dense = np.zeros(length, np.float64 if kind in ("number", "null") else np.int64 if kind == "integer" else bool)
        if kind != "null":
            dense[rows] = values
        else:
            valid[:] = False
        return fixed(dense, valid)
    if 4 * len(rows) < length:
        return _scattered(build_list(kind, list(values)), rows, length)
    sparse: list[Any] = [None] * length
    for row, value in zip(rows.tolist(), values, strict=True):
        sparse[row] = value
    return build_list(kind, sparse)


def _scattered(items: pa.Array, rows: Array, length: int) -> pa.Array:
    """Items at `rows` of a column that is null elsewhere."""
    places, valid = np.zeros(length, np.int64), np.zeros(length, bool)
    places[rows] = np.arange(len(rows))
    valid[rows] = True
    return items.take(fixed(places, valid))


def build_list(kind: str, values: list[Any]) -> pa.Array:
    """An array of Python values, None for null."""
    if kind in ("string", "json"):
        return texts(values)
    if kind.endswith("_list"):
        return list_array(values, lambda items: build_list(kind.removesuffix("_list"), items))
    if kind == "number":
        return numbers(values, np.float64)
    return documents(kind, values)
