"""A table as one Parquet file for other tools: as it is stored, or with its media inside."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..._core import canonical
from ..._core.codec import encode
from ..._core.sidecar import HashingSink, Sink
from ...columns.arrow import list_of, lists, texts
from ...columns.classify import MEDIA_LIST
from ...columns.packed import FEATURES, PACKED, huggingface, pack_array, write_whole
from .column import Column
from .parts import batches, schema_of

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
    tags = {column.name: column.media_type() for column in columns}
    features = {column.name: _feature(column.kind, tag) for column in columns if (tag := tags[column.name]) in FEATURES}
    schema = pa.schema([field for column in columns for field in _fields(column, tags[column.name])])
    if features:
        schema = schema.with_metadata(huggingface(features))
    groups = (
        pa.RecordBatch.from_arrays(
            [array for column in columns for array in _arrays(column, tags[column.name], start, stop)], schema=schema
        )
        for start in range(0, rows, _GROUP_ROWS)
        for stop in [min(rows, start + _GROUP_ROWS)]
    )
    write_whole(Path(path), schema, groups, "write the table")


def _fields(column: Column, tag: str | None) -> list[pa.Field]:
    if tag is None:
        return [column.field()]
    if tag not in FEATURES:
        return [pa.field(column.name, pa.utf8())]
    kind = list_of(PACKED) if column.kind == MEDIA_LIST else PACKED
    return [pa.field(column.name, kind), pa.field(f"{column.name}_document", pa.utf8())]


def _feature(kind: str, tag: str) -> dict[str, Any]:
    """What `datasets` calls a column; "Sequence" is the name for lists that all its versions know."""
    return {"_type": "Sequence", "feature": FEATURES[tag]} if kind == MEDIA_LIST else FEATURES[tag]


def _arrays(column: Column, tag: str | None, start: int, stop: int) -> list[pa.Array]:
    if tag is None:
        return [column.array(start, stop, HashingSink())]
    values = column.kept(start, stop)
    if column.kind != MEDIA_LIST:
        packed, documents = _packed_values(values)
        cells = [None if document is None else canonical.dumps(document) for document in documents]
    else:
        packed, documents = _packed_values([item for value in values if value is not None for item in value])
        left, lengths = iter(documents), [None if value is None else len(value) for value in values]
        cells = [None if n is None else canonical.dumps([next(left) for _ in range(n)]) for n in lengths]
        packed = lists(lengths, packed)
    return [packed, texts(cells)] if tag in FEATURES else [texts(cells)]


def _packed_values(values: list[Any]) -> tuple[pa.Array, list[Any]]:
    """Media values as structs of bytes and path, and their documents."""
    pairs = list(map(_pack, values))
    documents, contents = [document for document, _ in pairs], [content for _, content in pairs]
    names = [
        os.path.basename(document["path"]) if document and content is not None else None for document, content in pairs
    ]
    return pack_array(contents, names, [document is not None for document in documents]), documents


def _pack(value: Any) -> tuple[dict[str, Any] | None, bytes | None]:
    """Document and main sidecar of a media value."""
    if value is None:
        return None, None
    sink = _Bytes()
    document = encode(value, sink)
    return document, sink.files.get(document.get("path", ""))
