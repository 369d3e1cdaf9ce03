"""A table as one Parquet file for other tools: as it is stored, or packed as Hugging Face `datasets` reads it.

The rule of `datasets`: a media cell is exactly `struct<bytes: binary, path: string>`, and the schema metadata
`huggingface` lists the columns of media, and only of types that it knows. An unknown type, or a column type of its
own, would make the whole file unreadable there.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from .._core import canonical
from .._core.codec import encode
from .._core.errors import StoreError, os_error
from .._core.sidecar import HashingSink, Sink
from ._arrow import bitmap, parquet_options, texts
from ._table_column import Column
from ._table_parts import batches, schema_of

PACKED = pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.utf8())])
_GROUP_ROWS = 100  # a row group is read whole, and pictures are large
_FEATURES: dict[str, dict[str, Any]] = {  # only images are decoded without more packages
    "image": {"_type": "Image"},
    "audio": {"_type": "Audio", "decode": False},
    "video": {"_type": "Video", "decode": False},
}


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
    _write(Path(path), schema_of(columns), batches(columns, rows, sink))


def write_packed(path: str | os.PathLike[str], columns: list[Column], rows: int) -> None:
    """Write a table with its media inside."""
    features = {column.name: _FEATURES[column.kind] for column in columns if column.kind in _FEATURES}
    schema = pa.schema([field for column in columns for field in _fields(column)])
    if features:
        schema = schema.with_metadata({b"huggingface": canonical.dump_bytes({"info": {"features": features}})})
    _write(Path(path), schema, _packed(columns, rows, schema))


def _packed(columns: list[Column], rows: int, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for start in range(0, rows, _GROUP_ROWS):
        stop = min(rows, start + _GROUP_ROWS)
        arrays = [array for column in columns for array in _arrays(column, start, stop)]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _fields(column: Column) -> list[pa.Field]:
    if not column.is_media:
        return [column.field()]
    if column.kind not in _FEATURES:
        return [pa.field(column.name, pa.utf8())]
    return [pa.field(column.name, PACKED), pa.field(f"{column.name}_document", pa.utf8())]


def _arrays(column: Column, start: int, stop: int) -> list[pa.Array]:
    if not column.is_media:
        return [column.array(start, stop, HashingSink())]
    documents, contents = zip(*map(_pack, column.kept(start, stop)), strict=True)
    packed_texts = texts([None if document is None else canonical.dumps(document) for document in documents])
    if column.kind not in _FEATURES:
        return [packed_texts]
    names = texts([None if document is None else os.path.basename(document["path"]) for document in documents])
    valid = np.array([document is not None for document in documents], bool)
    packed = pa.StructArray.from_buffers(
        PACKED, len(documents), [bitmap(valid)], children=[_binaries(list(contents)), names]
    )
    return [packed, packed_texts]


def _pack(value: Any) -> tuple[dict[str, Any] | None, bytes | None]:
    """Document and main sidecar of a media value."""
    if value is None:
        return None, None
    sink = _Bytes()
    document = encode(value, sink)
    return document, sink.files.get(document.get("path", ""))


def _binaries(values: list[bytes | None]) -> pa.Array:
    offsets = np.cumsum([0, *(len(value or b"") for value in values)], dtype=np.int32)
    valid = np.array([value is not None for value in values], bool)
    data = b"".join(value for value in values if value)
    return pa.Array.from_buffers(pa.binary(), len(values), [bitmap(valid), pa.py_buffer(offsets), pa.py_buffer(data)])


def _write(path: Path, schema: pa.Schema, parts: Iterable[pa.RecordBatch]) -> None:
    temporary = path.with_name(f".{path.name}.{token_hex(4)}.tmp")
    try:
        with pq.ParquetWriter(temporary, schema, **parquet_options(schema)) as writer:
            for part in parts:
                writer.write_batch(part)
        os.replace(temporary, path)
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        raise os_error(StoreError, str(path), "write the table", error, "Choose a writable directory.") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
