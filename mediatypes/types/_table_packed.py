"""A table as one Parquet file for other tools: as it is stored, or with its media inside."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from .._core import canonical
from .._core.codec import encode
from .._core.sidecar import HashingSink, Sink
from ._arrow import texts
from ._arrow_packed import FEATURES, PACKED, huggingface, pack_array, write_whole
from ._table_column import Column
from ._table_parts import batches, schema_of

_GROUP_ROWS = 100  # a row group is read whole, and pictures are large


class _Bytes:
    """A sink that holds what one value puts."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def put(self, data: bytes | Path, *, suffix: str, media_type: str, sha256: str, size: int) -> str:
        path = HashingSink().put(data, suffix=suffix, media_type=media_type, sha256=sha256, size=size)
        self.files[path] = data if isinstance(data, bytes) else data.read_bytes()
        return path


def write_plain(path: str | os.PathLike[str], columns: list[Column], rows: int, sink: Sink) -> None:
    """Write a table as it is stored, a row group for each part."""
    write_whole(Path(path), schema_of(columns), batches(columns, rows, sink), "write the table")


def write_packed(path: str | os.PathLike[str], columns: list[Column], rows: int) -> None:
    """Write a table with its media inside."""
    schema = pa.schema([field for column in columns for field in _fields(column)])
    if metadata := huggingface({column.name: column.kind for column in columns}):
        schema = schema.with_metadata(metadata)
    write_whole(Path(path), schema, _packed(columns, rows, schema), "write the table")


def _packed(columns: list[Column], rows: int, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for start in range(0, rows, _GROUP_ROWS):
        stop = min(rows, start + _GROUP_ROWS)
        arrays = [array for column in columns for array in _arrays(column, start, stop)]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _fields(column: Column) -> list[pa.Field]:
    if not column.is_media:
        return [column.field()]
    if column.kind not in FEATURES:
        return [pa.field(column.name, pa.utf8())]
    return [pa.field(column.name, PACKED), pa.field(f"{column.name}_document", pa.utf8())]


def _arrays(column: Column, start: int, stop: int) -> list[pa.Array]:
    if not column.is_media:
        return [column.array(start, stop, HashingSink())]
    documents, contents = zip(*map(_pack, column.kept(start, stop)), strict=True)
    packed_texts = texts([None if document is None else canonical.dumps(document) for document in documents])
    if column.kind not in FEATURES:
        return [packed_texts]
    names = [None if document is None else os.path.basename(document["path"]) for document in documents]
    return [pack_array(list(contents), names), packed_texts]


def _pack(value: Any) -> tuple[dict[str, Any] | None, bytes | None]:
    """Document and main sidecar of a media value."""
    if value is None:
        return None, None
    sink = _Bytes()
    document = encode(value, sink)
    return document, sink.files.get(document.get("path", ""))
