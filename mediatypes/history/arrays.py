"""Arrow arrays from values, built from buffers.

`pa.array(list)` imports pandas when it is installed (0.2 to 0.5 s), which finishing a run must not cost.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import Any

import numpy as np
import pyarrow as pa

from .._core import canonical
from .._core.declaration import COMMON_COLUMNS
from .._core.errors import UnknownTypeError
from .._core.registry import lookup
from ..types._arrays import Array


def list_of(item: pa.DataType) -> pa.DataType:
    """The type of lists, their elements named as Parquet names them."""
    return pa.list_(pa.field("element", item))


_TYPES = {
    "double": pa.float64(),
    "int64": pa.int64(),
    "bool": pa.bool_(),
    "utf8": pa.utf8(),
    "json": pa.utf8(),
    "list<double>": list_of(pa.float64()),
    "list<utf8>": list_of(pa.utf8()),
}
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
        return _TYPES[_KINDS[kind]]
    if kind.endswith("_list"):
        return list_of(arrow_type(kind.removesuffix("_list")))
    return pa.struct([pa.field(name, _TYPES[column]) for name, column in _media_columns(kind).items()])


def inner_paths(kind: str) -> list[str]:
    """How Parquet names a column of this kind and what is inside it: "", ".list.element", ".path"..."""
    return [path for path, _ in _paths("", arrow_type(kind))]


def leaves(name: str, kind: pa.DataType) -> list[tuple[str, pa.DataType]]:
    """The physical columns of a column, as Parquet names them."""
    return [(path, found) for path, found in _paths(name, kind) if not pa.types.is_nested(found)]


def _paths(path: str, kind: pa.DataType) -> Iterator[tuple[str, pa.DataType]]:
    yield path, kind
    if pa.types.is_struct(kind):
        for field in kind:
            yield from _paths(f"{path}.{field.name}", field.type)
    elif pa.types.is_list(kind):
        yield from _paths(f"{path}.list.element", kind.value_type)


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
        return _fixed(dense, valid)
    sparse: list[Any] = [None] * length
    for row, value in zip(rows.tolist(), values, strict=True):
        sparse[row] = value
    return build_list(kind, sparse)


def build_list(kind: str, values: list[Any]) -> pa.Array:
    """An array of Python values, None for null."""
    if kind in ("string", "json"):
        return _texts(values)
    if kind.endswith("_list"):
        items = [item for value in values if value is not None for item in value]
        return _lists(
            [None if value is None else len(value) for value in values], build_list(kind.removesuffix("_list"), items)
        )
    if kind == "number":
        return _numbers(values, np.float64)
    return _documents(kind, values)


def _documents(kind: str, documents: list[Any]) -> pa.Array:
    """Media documents as a struct: the common fields, the type's own, and the whole document as JSON."""
    children = []
    for name, column in _media_columns(kind).items():
        if name == "_doc":
            values: list[Any] = [None if document is None else canonical.dumps(document) for document in documents]
        else:
            values = [None if document is None else document.get(name) for document in documents]
        children.append(COLUMN_BUILDERS[column](values))
    fields = list(arrow_type(kind))
    valid = np.array([document is not None for document in documents], bool)
    return pa.StructArray.from_buffers(pa.struct(fields), len(documents), [_bitmap(valid)], children=children)


def _media_columns(kind: str) -> dict[str, str]:
    try:
        return lookup(kind)[1].columns()
    except UnknownTypeError:  # a tracker's own type: what every document has
        return {"_type": "utf8", **COMMON_COLUMNS, "_doc": "utf8"}


def _texts(values: list[Any]) -> pa.Array:
    encoded = [value.encode() if isinstance(value, str) else None for value in values]
    offsets = np.fromiter(accumulate((len(text or b"") for text in encoded), initial=0), np.int64, len(encoded) + 1)
    data = b"".join(text for text in encoded if text)
    valid = np.array([text is not None for text in encoded], bool)
    buffers = [_bitmap(valid), pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.utf8(), len(encoded), buffers)


def _numbers(values: list[Any], dtype: Any) -> pa.Array:
    """Numbers; null where a foreign document has something else."""
    floats = dtype is not np.int64
    fits = [(type(v) is float and floats) or (type(v) is int and -(2**63) <= v < 2**63) for v in values]
    dense = np.array([value if ok else 0 for value, ok in zip(values, fits, strict=True)], dtype)
    return _fixed(dense, np.array(fits, bool))


def _lists(lengths: list[int | None], child: pa.Array) -> pa.Array:
    offsets = np.fromiter(accumulate((n or 0 for n in lengths), initial=0), np.int32, len(lengths) + 1)
    valid = np.array([n is not None for n in lengths], bool)
    return pa.Array.from_buffers(
        list_of(child.type),
        len(lengths),
        [_bitmap(valid), pa.py_buffer(offsets)],
        children=[child],
    )


def _number_lists(values: list[Any]) -> pa.Array:
    return build_list("number_list", [value if isinstance(value, list) else None for value in values])


def _fixed(dense: Array, valid: Array) -> pa.Array:
    kind = pa.bool_() if dense.dtype == bool else pa.float64() if dense.dtype == np.float64 else pa.int64()
    data = np.packbits(dense, bitorder="little") if dense.dtype == bool else dense
    return pa.Array.from_buffers(kind, len(dense), [_bitmap(valid), pa.py_buffer(data)])


def _bitmap(valid: Array) -> pa.Buffer | None:
    return None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))


COLUMN_BUILDERS = {
    "utf8": _texts,
    "json": lambda values: _texts([None if value is None else canonical.dumps(value) for value in values]),
    "int64": lambda values: _numbers(values, np.int64),
    "double": lambda values: _numbers(values, np.float64),
    "bool": lambda values: _fixed(
        np.array([bool(v) for v in values], bool), np.array([v is not None for v in values], bool)
    ),
    "list<double>": _number_lists,
}
