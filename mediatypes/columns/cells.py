"""Arrow columns of a history, by kind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from .arrays import Array
from .arrow import COLUMN_BUILDERS, MEDIA, TYPES, documents, fixed, list_array, list_of, paths, texts

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
MEDIA_LIST = "media_list"  # lists of documents, of one type or of several
_MEDIA_LISTS = list_of(MEDIA)
_MEDIA_PATHS = tuple(path for path, _ in paths("", MEDIA))
_INNER_PATHS = {kind: tuple(path for path, _ in paths("", TYPES[name])) for kind, name in _KINDS.items()}
_INNER_PATHS[MEDIA_LIST] = tuple(path for path, _ in paths("", _MEDIA_LISTS))


def is_media_kind(kind: str) -> bool:
    """Whether cells of this kind are media documents or lists of them."""
    return kind not in _KINDS


def arrow_type(kind: str) -> pa.DataType:
    """The type of a column of this kind."""
    if kind in _KINDS:
        return TYPES[_KINDS[kind]]
    return _MEDIA_LISTS if kind == MEDIA_LIST else MEDIA


def inner_paths(kind: str) -> tuple[str, ...]:
    """How Parquet names a column of this kind and what is inside it: "", ".list.element", ".path"..."""
    return _INNER_PATHS.get(kind, _MEDIA_PATHS)


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
    if kind == "string_list":
        return list_array(values, texts)
    if kind == "number_list":
        return COLUMN_BUILDERS["list<double>"](values)
    return list_array(values, documents) if kind == MEDIA_LIST else documents(values)
