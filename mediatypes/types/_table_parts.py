"""The parts of a stored table: Parquet files of at most 8 192 rows, and what their cells refer to."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from .._core import canonical
from .._core.codec import decode
from .._core.errors import DocumentError, SidecarMissing
from .._core.sidecar import Blob, Sink, Source, fetch
from ._arrow import parquet_options
from ._table_column import Column
from ._table_kinds import PLAIN

PART_ROWS = 8192
SUFFIX, MEDIA_TYPE = ".parquet", "application/vnd.apache.parquet"


class References:
    """A sink that passes bytes on and remembers the reference of each sidecar once."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.found: dict[str, dict[str, Any]] = {}  # by path

    def put(self, data: bytes | Path, *, suffix: str, media_type: str, sha256: str, size: int) -> str:
        path = self._sink.put(data, suffix=suffix, media_type=media_type, sha256=sha256, size=size)
        self.found[path] = {"path": path, "sha256": sha256, "size": size, "media_type": media_type}
        return path


class _Held:
    """The sidecars that a table's document lists, read and verified once."""

    def __init__(self, source: Source, references: list[dict[str, Any]]) -> None:
        self._files = {
            reference["path"]: fetch(source, reference, f"Table.refs[{i}]") for i, reference in enumerate(references)
        }

    def open(self, path: str) -> BinaryIO:
        if path not in self._files:
            raise SidecarMissing.of(path, "a sidecar that refs lists", "none", "Restore the table's document.")
        return io.BytesIO(self._files[path])


def batches(columns: list[Column], rows: int, sink: Sink) -> Iterator[pa.RecordBatch]:
    """The parts of a table as they are stored."""
    for start in range(0, rows, PART_ROWS):
        yield batch(columns, start, min(rows, start + PART_ROWS), sink)


def batch(columns: list[Column], start: int, stop: int, sink: Sink) -> pa.RecordBatch:
    """Some rows as they are stored."""
    arrays = [column.array(start, stop, sink) for column in columns]
    return pa.RecordBatch.from_arrays(arrays, schema=schema_of(columns))


def schema_of(columns: list[Column]) -> pa.Schema:
    return pa.schema([column.field() for column in columns])


def write_part(part: pa.RecordBatch) -> Blob:
    """A part as the bytes of a Parquet file."""
    file = pa.BufferOutputStream()
    with pq.ParquetWriter(file, part.schema, **parquet_options(part.schema)) as writer:
        writer.write_batch(part)
    return Blob(file.getvalue().to_pybytes())


class KeptPart(NamedTuple):
    """A part as it was written: how many rows it has, and what the documents of its media cells were."""

    blob: Blob
    rows: int
    media: str


def media_digest(part: pa.RecordBatch | pa.Table) -> str:
    """What identifies the documents of the media cells of a part, with the paths of their sidecars."""
    digest = hashlib.sha256()
    for column, field in zip(part.columns, part.schema, strict=True):
        if pa.types.is_struct(field.type):
            for chunk in getattr(column, "chunks", [column]):
                for text in chunk.field("_doc").to_pylist():
                    digest.update((text or "").encode() + b"\n")
    return digest.hexdigest()


def read_columns(document: dict[str, Any], source: Source) -> tuple[list[Column], list[KeptPart]]:
    """The columns of a checked document, its parts read and verified, and these as they were.

    Raises:
        DocumentError: a part is no Parquet file of these columns and as many rows as it should have.
    """
    rows = int(document["num_rows"])
    columns = [Column(name, kind) for name, kind in zip(document["columns"], document["kinds"], strict=True)]
    held = _Held(source, document.get("refs", []))
    schema = schema_of(columns)
    parts, kept = [], []
    for i, reference in enumerate(document["parts"]):
        where, expected = f"Table.parts[{i}]", min(PART_ROWS, rows - i * PART_ROWS)
        data = fetch(source, reference, where)
        parts.append(_read_part(data, schema, expected, where))
        kept.append(KeptPart(Blob(data, reference["sha256"]), expected, media_digest(parts[-1])))
    for position, column in enumerate(columns):
        values = pa.chunked_array(
            [part.column(position).combine_chunks() for part in parts], schema.field(position).type
        )
        if column.kind in PLAIN:
            column.head = values
        else:
            column.tail = _read_media(values, held, column)
    return columns, kept


def _read_part(data: bytes, schema: pa.Schema, rows: int, where: str) -> pa.Table:
    hint = "Restore the part from a copy."
    try:
        file = pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True)
        found = file.metadata.num_rows
        if found != rows or file.schema_arrow.names != schema.names or file.schema_arrow.types != schema.types:
            expected = f"{rows} rows of {', '.join(map(str, schema.types))}"
            got = f"{found} of {', '.join(map(str, file.schema_arrow.types))}"
            raise DocumentError.of(where, expected, got, hint, "part")
        return file.read()
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DocumentError.of(where, "a Parquet file", str(error).partition("\n")[0], hint, "part") from error


def _read_media(data: pa.ChunkedArray, held: _Held, column: Column) -> list[Any]:
    made: list[Any] = []
    texts = [text for chunk in data.chunks for text in chunk.field("_doc").to_pylist()]
    valid = [flag for chunk in data.chunks for flag in chunk.is_valid().to_pylist()]
    for row, (text, is_there) in enumerate(zip(texts, valid, strict=True)):
        if not is_there:
            made.append(None)
            continue
        try:
            document = canonical.loads(text or "")
        except ValueError:
            document = None
        if not isinstance(document, dict) or document.get("_type") != column.kind:
            hint = "Restore the part from a copy."
            raise DocumentError.of(f"Table[{row}][{column.name!r}]", f"a document of {column.kind}", text, hint, "part")
        made.append(decode(document, held))
    return made
