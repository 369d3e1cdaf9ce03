"""The parts of a table, Parquet or JSON files of at most 8 192 rows, and a table as one Parquet file for others."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from ..._core import canonical
from ..._core.codec import encode
from ..._core.errors import DocumentError, InputError, SidecarMissing, Verbatim
from ..._core.location import path_text
from ..._core.references import read_list
from ..._core.sidecar import Blob, HashingSink, Sink, Source, checked_pieces, fetch, holds
from ...columns.arrow import list_of, lists, parquet_options, texts
from ...columns.classify import MEDIA_LIST
from ...columns.packed import FEATURES, PACKED, huggingface, pack_array, write_whole
from ...formats.parquet_bounds import TooLarge, read_bounded
from .column import WHOLE, Column
from .kinds import read_values
from .storage import BROKEN, document_texts, from_json, storage_type, stored_documents, to_json

PART_ROWS = 8192
PART_BYTES = 2**28  # of a part in memory: 32 KiB a row
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
        self.by_path: dict[str, dict[str, Any]] = {}

    def take(self, known: dict[str, dict[str, Any]] | None) -> bool:
        """Remember what was put before; False if it is not known, or some of it is not where it was."""
        if known is None or not all(holds(self._sink, reference) for reference in known.values()):
            return False
        self.by_path |= known
        return True

    def _holds(self, **reference: Any) -> bool:
        is_held = holds(self._sink, reference)
        if is_held:
            self.by_path[reference["path"]] = reference
        return is_held

    def put(self, data: bytes | Path, *, suffix: str, media_type: str, sha256: str, size: int) -> str:
        path = self._sink.put(data, suffix=suffix, media_type=media_type, sha256=sha256, size=size)
        self.by_path[path] = {"path": path, "sha256": sha256, "size": size, "media_type": media_type}
        return path


class _Listed:
    """The sidecars of a table's cells: only those that the lists of its parts name may be opened."""

    def __init__(self, source: Source, parts: list[dict[str, Any]]) -> None:
        self._source = source
        self._lists = {f"Table.parts[{i}].refs": dict(part["refs"]) for i, part in enumerate(parts) if "refs" in part}
        self._paths: set[str] | None = None

    def open(self, path: str) -> BinaryIO:
        if self._paths is None:  # when the first cell is read
            lists = [read_list(reference, self._source, where) for where, reference in self._lists.items()]
            self._paths = {reference["path"] for listed in lists for reference in listed}
        if path not in self._paths:
            raise SidecarMissing.of(path, "a sidecar that the refs of a part list", "none", "Restore the table.")
        return self._source.open(path)


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
    references: dict[str, dict[str, Any]] | None = None  # of its cells, by path, where they are known


def media_digest(columns: list[Column], part: pa.RecordBatch | pa.Table) -> str:
    """What identifies the documents of the media cells of a part, with the paths of their sidecars."""
    digest = hashlib.sha256()
    for column, data in zip(columns, part.columns, strict=True):
        if column.may_hold_media:
            digest.update(canonical.dump_bytes(document_texts(column.kind, data)))
    return digest.hexdigest()


def read_columns(document: dict[str, Any], source: Source) -> tuple[list[Column], list[KeptPart]]:
    """The columns of a checked document, its parts read and verified; and those of Parquet as they were.

    Media in cells are decoded when they are asked for. Raises DocumentError for a part of other columns or rows.
    """
    rows, references = int(document["num_rows"]), document["parts"]
    columns = [Column(name, kind) for name, kind in zip(document["columns"], document["kinds"], strict=True)]
    places = [(f"Table.parts[{i}]", min(PART_ROWS, rows - i * PART_ROWS)) for i in range(len(references))]
    parts: list[pa.Table] = []
    kept: list[KeptPart] = []
    if document.get("format") == "json":
        cells: list[list[Any]] = []
        for reference, (where, expected) in zip(references, places, strict=True):
            cells += _read_json_part(columns, _fetch_json(source, reference, where), expected, where)
        for column, values in zip(columns, zip(*cells, strict=True), strict=False):
            _set_json_cells(column, list(values))
    else:
        for reference, (where, expected) in zip(references, places, strict=True):
            data = fetch(source, reference, where)
            parts.append(_read_part(data, columns, expected, where, not parts))
            kept.append(KeptPart(Blob(data, reference["sha256"]), expected, media_digest(columns, parts[-1])))
        for position, column in enumerate(columns):
            arrays = [part.column(position).combine_chunks() for part in parts]
            column.head = pa.chunked_array(arrays, column.field().type)
    listed = _Listed(source, references)
    for column in columns:
        column.source = listed if column.may_hold_media else None
    return columns, kept


def _read_part(data: bytes, columns: list[Column], rows: int, where: str, is_first: bool) -> pa.Table:
    try:
        file = pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True)
        stored = file.schema_arrow
        if is_first and len(stored) == len(columns):
            for column, type_ in zip(columns, stored.types, strict=True):
                whole = WHOLE.get(column.kind)
                column.kind = whole if whole and type_ == storage_type(whole) else column.kind
        schema = schema_of(columns)
        if file.metadata.num_rows != rows or stored.names != schema.names or stored.types != schema.types:
            expected = f"{rows} rows of {', '.join(map(str, schema.types))}"
            got = f"{file.metadata.num_rows} of {', '.join(map(str, stored.types))}"
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


def _read_json_part(columns: list[Column], part: Any, rows: int, where: str) -> list[list[Any]]:
    """The rows of a part of JSON."""
    names = [column.name for column in columns]
    data = part.get("data") if isinstance(part, dict) else None
    if not isinstance(data, list) or part.get("columns") != names or len(data) != rows:
        hint = f"{_RESTORE} The columns are {names}."
        got = Verbatim(f"{len(data)}" if isinstance(data, list) else "none")
        raise DocumentError.of(where, f"{rows} rows of {len(names)} columns", got, hint, "part")
    for row, cells in enumerate(data):
        if not isinstance(cells, list) or len(cells) != len(names):
            raise DocumentError.of(f"{where}.data[{row}]", f"{len(names)} cells", cells, _RESTORE, "part")
    return data


def _set_json_cells(column: Column, cells: list[Any]) -> None:
    """Give a column the cells that were read from JSON."""

    def where(row: int) -> str:
        return f"Table.parts[{row // PART_ROWS}].data[{row % PART_ROWS}][{column.name!r}]"

    if column.may_hold_media:
        try:
            column.head = pa.chunked_array([stored_documents(column.kind, list(map(canonical.bounded, cells)))])
        except BROKEN as error:
            raise DocumentError.of(where(0), f"cells of {column.kind}", str(error), _RESTORE, "part") from error
        return
    values = []
    for row, cell in enumerate(cells):
        try:
            values.append(from_json(column.kind, cell))
        except BROKEN as error:
            raise DocumentError.of(where(row), f"a cell of {column.kind}", cell, _RESTORE, "part") from error
    try:
        whole = read_values(values, "null", where, False)[0] == WHOLE.get(column.kind)
        kind, kept = read_values(values, WHOLE[column.kind] if whole else column.kind, where, False)
    except InputError as error:
        raise DocumentError(error.problems) from error
    if kind != (WHOLE[column.kind] if whole else column.kind):
        raise DocumentError.of(where(0), f"cells of {column.kind}", Verbatim(kind), _RESTORE, "part")
    column.kind, column.tail = kind, kept


_GROUP_ROWS = 100  # a row group is read whole, and pictures are large


class _Bytes:
    """A sink that holds what one value puts."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def put(self, data: bytes | Path, *, suffix: str, media_type: str, sha256: str, size: int) -> str:
        path = HashingSink().put(data, suffix=suffix, media_type=media_type, sha256=sha256, size=size)
        self.files[path] = b"".join(checked_pieces(data, sha256, size))
        return path


def write_plain(path: str | os.PathLike[str], columns: list[Column], rows: int, sink: Sink) -> None:
    """Write a table as it is stored, a row group for each part."""
    write_whole(_file(path), schema_of(columns), batches(columns, rows, sink), "write the table")


def write_packed(path: str | os.PathLike[str], columns: list[Column], rows: int) -> None:
    """Write a table with its media inside."""
    tags = {column.name: column.media_type() for column in columns}
    features = {column.name: _feature(column.kind, tag) for column in columns if (tag := tags[column.name]) in FEATURES}
    beside = _document_names(columns, tags)
    schema = pa.schema(
        [field for column in columns for field in _fields(column, tags[column.name], beside.get(column.name))]
    )
    if features:
        schema = schema.with_metadata(huggingface(features))
    groups = (
        pa.RecordBatch.from_arrays(
            [array for column in columns for array in _arrays(column, tags[column.name], start, stop)], schema=schema
        )
        for start in range(0, rows, _GROUP_ROWS)
        for stop in [min(rows, start + _GROUP_ROWS)]
    )
    write_whole(_file(path), schema, groups, "write the table")


def _file(path: str | os.PathLike[str]) -> Path:
    return Path(path_text(path, "Table.to_parquet", "the path of a file", "Pass a text such as 'table.parquet'."))


def _document_names(columns: list[Column], tags: dict[str, str | None]) -> dict[str, str]:
    """By column, the name of the one beside it that holds its documents; with a number where it is taken."""
    names, taken = dict[str, str](), {column.name for column in columns}
    for column in columns:
        if tags[column.name] in FEATURES:
            wanted = f"{column.name}_document"
            free = (wanted, *(f"{wanted}{number}" for number in range(2, len(columns) + 2)))
            names[column.name] = next(name for name in free if name not in taken)
            taken.add(names[column.name])
    return names


def _fields(column: Column, tag: str | None, beside: str | None) -> list[pa.Field]:
    if tag is None:
        return [column.field()]
    if beside is None:
        return [pa.field(column.name, pa.utf8())]
    kind = list_of(PACKED) if column.kind == MEDIA_LIST else PACKED
    return [pa.field(column.name, kind), pa.field(beside, pa.utf8())]


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
