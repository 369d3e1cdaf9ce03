"""Arrow arrays built from buffers, and how Parquet is written: shared by tables and run histories.

`pa.array(list)`, `pa.scalar(value)` and `array.to_numpy()` import pandas when it is installed (0.2 to 0.5 s), which
neither logging nor finishing may cost.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import accumulate
from typing import Any

import numpy as np
import pyarrow as pa

from .._core import canonical
from .._core.errors import InputError, Verbatim
from .arrays import Array


def list_of(item: pa.DataType) -> pa.DataType:
    """The type of lists, their elements named as Parquet names them."""
    return pa.list_(pa.field("element", item))


TYPES = {
    "double": pa.float64(),
    "int64": pa.int64(),
    "bool": pa.bool_(),
    "utf8": pa.utf8(),
    "json": pa.utf8(),
    "list<double>": list_of(pa.float64()),
    "list<utf8>": list_of(pa.utf8()),
}


_MEDIA = {
    "_type": "utf8",
    "path": "utf8",
    "sha256": "utf8",
    "size": "int64",
    "media_type": "utf8",
    "caption": "utf8",
    "_doc": "utf8",
}
MEDIA = pa.struct([pa.field(name, TYPES[column]) for name, column in _MEDIA.items()])  # a document of any type


def leaves(name: str, kind: pa.DataType) -> list[tuple[str, pa.DataType]]:
    """The physical columns of a column, as Parquet names them."""
    return [(path, leaf) for path, leaf in paths(name, kind) if not pa.types.is_nested(leaf)]


def paths(path: str, kind: pa.DataType) -> Iterator[tuple[str, pa.DataType]]:
    """A column and everything inside it, as Parquet names them: "", ".list.element", ".path"..."""
    yield path, kind
    if pa.types.is_struct(kind):
        for field in kind:
            yield from paths(f"{path}.{field.name}", field.type)
    elif pa.types.is_list(kind):
        yield from paths(f"{path}.list.element", kind.value_type)


def parquet_options(schema: pa.Schema, finite: Collection[str] = ()) -> dict[str, Any]:
    """Encodings measured best: split floats, dictionaries only where values repeat as text.

    None in lists: a reader could not tell what such a column unpacks to before it is done. Columns of floats have
    statistics only if they are among the `finite` ones, which hold no NaN: least and greatest value leave it out, and
    DuckDB would skip the rows that have it.
    """
    physical = [leaf for field in schema for leaf in leaves(field.name, field.type)]
    return {
        "compression": "zstd",
        "compression_level": 1,
        "use_dictionary": [
            name
            for name, kind in physical
            if pa.types.is_string(kind) and not name.endswith("._doc") and ".list.element" not in name
        ],
        "column_encoding": {
            name: "BYTE_STREAM_SPLIT" if pa.types.is_floating(kind) else "DELTA_BINARY_PACKED"
            for name, kind in physical
            if pa.types.is_floating(kind) or pa.types.is_int64(kind)
        },
        "write_page_index": True,
        "write_page_checksum": True,
        "write_statistics": [name for name, kind in physical if name in finite or not pa.types.is_floating(kind)],
    }


def documents(items: list[Any]) -> pa.Array:
    """Media documents as structs: the members that all types have, and the whole document as JSON."""
    children = []
    for name, column in _MEDIA.items():
        if name == "_doc":
            values: list[Any] = [None if document is None else canonical.dumps(document) for document in items]
        else:
            values = [None if document is None else document.get(name) for document in items]
        children.append(COLUMN_BUILDERS[column](values))
    valid = np.array([document is not None for document in items], bool)
    return pa.StructArray.from_buffers(MEDIA, len(items), [bitmap(valid)], children=children)


def texts(values: list[Any]) -> pa.Array:
    """Texts; null where a value is none."""
    valid, present = np.ones(len(values), bool), values
    try:
        joined = "".join(present)
    except TypeError:  # some value is no text
        valid = np.array([isinstance(value, str) for value in values], bool)
        present = [value if isinstance(value, str) else "" for value in values]
        joined = "".join(present)
    data = joined.encode()
    lengths = map(len, present) if len(data) == len(joined) else (len(text.encode()) for text in present)
    return pa.Array.from_buffers(
        pa.utf8(), len(present), [bitmap(valid), _offsets(lengths, len(present)), pa.py_buffer(data)]
    )


def binaries(values: list[bytes | None]) -> pa.Array:
    """Bytes; null for None."""
    lengths = [len(value or b"") for value in values]
    data = b"".join(value for value in values if value)
    valid = np.array([value is not None for value in values], bool)
    return pa.Array.from_buffers(
        pa.binary(), len(values), [bitmap(valid), _offsets(lengths, len(values)), pa.py_buffer(data)]
    )


def _offsets(lengths: Iterable[int], count: int) -> pa.Buffer:
    """Where each of several texts begins; raises InputError where Arrow cannot count that far."""
    ends = np.zeros(count + 1, np.int64)
    np.cumsum(np.fromiter(lengths, np.int64, count), out=ends[1:])
    if ends[-1] > np.iinfo(np.int32).max:
        hint = "Store long texts as files, say as mt.Html, or log fewer at once."
        raise InputError.of("column", "at most 2 GiB of text", Verbatim(f"{ends[-1]} bytes"), hint, "size")
    return pa.py_buffer(ends.astype(np.int32))


def numbers(values: list[Any], dtype: Any) -> pa.Array:
    """Numbers of float64 or int64; null where a value is none, as in a foreign document."""
    kinds = set(map(type, values))
    if kinds == {float} and dtype is np.float64:  # as in nearly every list: no need to look at each
        return fixed(np.array(values, dtype))
    if kinds == {int}:
        try:
            return fixed(np.array(values, np.int64).astype(dtype))
        except OverflowError:  # some need more than 64 bits
            pass
    floats = dtype is not np.int64
    fits = [(type(v) is float and floats) or (type(v) is int and -(2**63) <= v < 2**63) for v in values]
    dense = np.array([value if ok else 0 for value, ok in zip(values, fits, strict=True)], dtype)
    return fixed(dense, np.array(fits, bool))


def booleans(values: list[Any]) -> pa.Array:
    """Truth values; null for None."""
    return fixed(np.array([bool(v) for v in values], bool), np.array([v is not None for v in values], bool))


def lists(lengths: list[int | None], child: pa.Array) -> pa.Array:
    """Lists of these lengths (None for null) over the items of an array."""
    offsets = np.fromiter(accumulate((n or 0 for n in lengths), initial=0), np.int32, len(lengths) + 1)
    valid = np.array([n is not None for n in lengths], bool)
    return pa.Array.from_buffers(
        list_of(child.type),
        len(lengths),
        [bitmap(valid), pa.py_buffer(offsets)],
        children=[child],
    )


def list_array(values: list[Any], build: Callable[[list[Any]], pa.Array]) -> pa.Array:
    """Lists of values, None for null; `build` makes an array of all their items."""
    items = [item for value in values if value is not None for item in value]
    return lists([None if value is None else len(value) for value in values], build(items))


def _number_lists(values: list[Any]) -> pa.Array:
    if all(value is None or isinstance(value, np.ndarray) for value in values):  # many made at once, as of imports
        arrays = [np.zeros(0), *(value for value in values if value is not None)]
        child = fixed(np.concatenate(arrays), np.ones(sum(map(len, arrays)), bool))
        return lists([None if value is None else len(value) for value in values], child)
    plain = [value.tolist() if isinstance(value, np.ndarray) else value for value in values]
    return list_array(
        [value if isinstance(value, list) else None for value in plain], lambda items: numbers(items, np.float64)
    )


def to_numpy(column: pa.ChunkedArray) -> Array:
    """The values of a column; for float64 and int64 without nulls pandas is not imported."""
    if column.null_count or column.type not in (pa.float64(), pa.int64()):
        return column.to_numpy()  # type: ignore[no-any-return]
    dtype = np.float64 if column.type == pa.float64() else np.int64
    chunks = [np.frombuffer(c.buffers()[1], dtype, len(c), c.offset * 8) for c in column.chunks if len(c)]
    return chunks[0] if len(chunks) == 1 else np.concatenate([np.zeros(0, dtype), *chunks])


def fixed(dense: Array, valid: Array | None = None) -> pa.Array:
    """float64, int64 or bool values, null where not valid."""
    kind = pa.bool_() if dense.dtype == bool else pa.float64() if dense.dtype == np.float64 else pa.int64()
    data = np.packbits(dense, bitorder="little") if dense.dtype == bool else dense
    return pa.Array.from_buffers(kind, len(dense), [bitmap(valid), pa.py_buffer(data)])


def bitmap(valid: Array | None) -> pa.Buffer | None:
    """Which items are not null; None where all are not."""
    return None if valid is None or valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))


COLUMN_BUILDERS: dict[str, Callable[[list[Any]], pa.Array]] = {
    "utf8": texts,
    "json": lambda values: texts([None if value is None else canonical.dumps(value) for value in values]),
    "int64": lambda values: numbers(values, np.int64),
    "double": lambda values: numbers(values, np.float64),
    "bool": booleans,
    "list<double>": _number_lists,
}
