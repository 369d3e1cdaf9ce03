"""The parts of a stored table: Parquet or JSON files of at most 8 192 rows, and what their cells refer to."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from ..._core import canonical
from ..._core.errors import DocumentError, InputError, MediaTypesError, SidecarMissing, Verbatim
from ..._core.sidecar import Blob, Sink, Source, fetch
from ...columns.arrow import parquet_options
from ...formats.parquet_bounds import TooLarge, read_bounded
from .cells import BROKEN, from_json, to_json
from .column import Column
from .kinds import read_values
from .storage import document_texts, restore

PART_ROWS = 8192
PART_BYTES = 2**30  # of a part in memory
_JUDGED = 256  # texts
JSON_BYTES = 2**26  # of a part of JSON
FILES = {  # suffix and media type by format
    "parquet": (".parquet", "application/vnd.apache.parquet"),
    "json": (".json", "application/json"),
}
_RESTORE = "Restore the part from a copy."


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
    """Some rows as they are stored; raises InputError where a reader would refuse them for their size."""
    arrays = [column.array(start, stop, sink) for column in columns]
    made = pa.RecordBatch.from_arrays(arrays, schema=schema_of(columns))
    if made.nbytes > PART_BYTES:
        hint = "Store long texts and bytes as files, in media values such as mt.Html."
        got = Verbatim(f"{made.nbytes} bytes")
        raise InputError.of(
            f"Table[{start}:{stop}]", f"at most {PART_BYTES} bytes in {PART_ROWS} rows", got, hint, "size"
        )
    return made


def schema_of(columns: list[Column]) -> pa.Schema:
    return pa.schema([column.field() for column in columns])


def write_part(part: pa.RecordBatch) -> Blob:
    """A part as the bytes of a Parquet file."""
    file = pa.BufferOutputStream()
    with pq.ParquetWriter(file, part.schema, **_options(part)) as writer:
        writer.write_batch(part)
    return Blob(file.getvalue().to_pybytes())


def _options(part: pa.RecordBatch) -> dict[str, Any]:
    """How a part is written: without what only helps to skip rows of a large file, or texts that do not repeat."""
    options = parquet_options(part.schema)
    rare = {field.name for field, data in zip(part.schema, part.columns, strict=True) if not _repeats(data)}
    return {
        **options,
        "use_dictionary": [name for name in options["use_dictionary"] if name not in rare],
        "write_statistics": False,
        "write_page_index": False,
    }


def _repeats(data: pa.Array) -> bool:
    """Whether a dictionary of texts pays, judged by the first of them."""
    if not pa.types.is_string(data.type):
        return True
    first = data.slice(0, _JUDGED).to_pylist()
    return len(set(first)) <= len(first) // 2


def write_json_part(columns: list[Column], start: int, stop: int, sink: Sink) -> Blob:
    """Some rows as a part of JSON."""
    cells = [[to_json(column.kind, cell, sink) for cell in column.kept(start, stop)] for column in columns]
    rows = list(map(list, zip(*cells, strict=True)))
    data = canonical.dump_bytes({"columns": [column.name for column in columns], "data": rows})
    if len(data) > JSON_BYTES:
        hint = 'Leave format="json" out.'
        got = Verbatim(f"{len(data)} bytes")
        raise InputError.of(f"Table[{start}:{stop}]", f"at most {JSON_BYTES} bytes of JSON", got, hint, "size")
    return Blob(data)


class KeptPart(NamedTuple):
    """A part as it was written: how many rows it has, and what the documents of its media cells were."""

    blob: Blob
    rows: int
    media: str


def media_digest(columns: list[Column], part: pa.RecordBatch | pa.Table) -> str:
    """What identifies the documents of the media cells of a part, with the paths of their sidecars."""
    digest = hashlib.sha256()
    for column, data in zip(columns, part.columns, strict=True):
        if column.may_hold_media:
            for text in document_texts(column.kind, data):
                digest.update((text or "").encode() + b"\n")
    return digest.hexdigest()


def read_columns(document: dict[str, Any], source: Source) -> tuple[list[Column], list[KeptPart]]:
    """The columns of a checked document, its parts read and verified; and those of Parquet as they were.

    Raises:
        DocumentError: a part is no file of these columns and as many rows as it should have.
    """
    rows = int(document["num_rows"])
    columns = [Column(name, kind) for name, kind in zip(document["columns"], document["kinds"], strict=True)]
    held = _Held(source, document.get("refs", []))
    schema = schema_of(columns)
    is_json = document.get("format") == "json"
    parts, kept = [], []
    for i, reference in enumerate(document["parts"]):
        where, expected = f"Table.parts[{i}]", min(PART_ROWS, rows - i * PART_ROWS)
        if is_json:
            _add_json_part(columns, _fetch_json(source, reference, where), expected, held, where)
            continue
        data = fetch(source, reference, where)
        parts.append(_read_part(data, schema, expected, where))
        kept.append(KeptPart(Blob(data, reference["sha256"]), expected, media_digest(columns, parts[-1])))
    for position, column in enumerate([] if is_json else columns):
        values = pa.chunked_array(
            [part.column(position).combine_chunks() for part in parts], schema.field(position).type
        )
        if column.may_hold_media:
            column.tail = restore(column.kind, values, held, column.name)
        else:
            column.head = values
    return columns, kept


def _read_part(data: bytes, schema: pa.Schema, rows: int, where: str) -> pa.Table:
    try:
        file = pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True)
        found = file.metadata.num_rows
        if found != rows or file.schema_arrow.names != schema.names or file.schema_arrow.types != schema.types:
            expected = f"{rows} rows of {', '.join(map(str, schema.types))}"
            got = f"{found} of {', '.join(map(str, file.schema_arrow.types))}"
            raise DocumentError.of(where, expected, got, _RESTORE, "part")
        return read_bounded(file, data, PART_BYTES)
    except TooLarge as error:
        got = Verbatim(str(error))
        raise DocumentError.of(
            where, f"a part of at most {PART_BYTES} bytes unpacked", got, _RESTORE, "size"
        ) from error
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DocumentError.of(where, "a Parquet file", str(error).partition("\n")[0], _RESTORE, "part") from error


def _fetch_json(source: Source, reference: dict[str, Any], where: str) -> Any:
    if reference["size"] > JSON_BYTES:
        got = Verbatim(str(reference["size"]))
        raise DocumentError.of(where, f"at most {JSON_BYTES} bytes of JSON", got, _RESTORE, "size")
    try:
        return canonical.loads(fetch(source, reference, where))
    except ValueError as error:
        raise DocumentError.of(where, "JSON", str(error), _RESTORE, "part") from error


def _add_json_part(columns: list[Column], part: Any, rows: int, held: _Held, where: str) -> None:
    names = [column.name for column in columns]
    data = part.get("data") if isinstance(part, dict) else None
    if not isinstance(data, list) or part.get("columns") != names or len(data) != rows:
        hint = f"{_RESTORE} The columns are {names}."
        got = Verbatim(f"{len(data)}" if isinstance(data, list) else "none")
        raise DocumentError.of(where, f"{rows} rows of {len(names)} columns", got, hint, "part")
    for row, cells in enumerate(data):
        if not isinstance(cells, list) or len(cells) != len(names):
            raise DocumentError.of(f"{where}.data[{row}]", f"{len(names)} cells", cells, _RESTORE, "part")
    for column, cells in zip(columns, zip(*data, strict=True), strict=True):
        _add_json_cells(column, cells, held, where)


def _add_json_cells(column: Column, cells: tuple[Any, ...], held: _Held, where: str) -> None:
    values, kind = [], column.kind
    for row, cell in enumerate(cells):
        try:
            values.append(from_json(kind, cell, held))
        except BROKEN as error:
            if isinstance(error, MediaTypesError):
                raise
            at = f"{where}.data[{row}][{column.name!r}]"
            raise DocumentError.of(at, f"a cell of {kind}", cell, _RESTORE, "part") from error
    try:
        found, made = read_values(values, kind, lambda row: f"{where}.data[{row}][{column.name!r}]", kind == "mixed")
    except InputError as error:
        raise DocumentError(error.problems) from error
    if found != kind:
        raise DocumentError.of(f"{where}[{column.name!r}]", f"cells of {kind}", Verbatim(found), _RESTORE, "part")
    column.tail += made
