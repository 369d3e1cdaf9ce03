"""Reading Parquet of unknown origin in bounded memory.

Neither the footer nor the size of a file tells what it unpacks to, and Arrow allocates what each page's header claims.
So the headers are read first (Apache Parquet's `PageHeader`, in Thrift's compact protocol), and what one value is
repeated to is bounded by the rows decoded at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

_MOST_SAID = 64  # bytes of values for each byte of a file: more only a file says that repeats a few
_BYTES_PER_VALUE = 16  # a number, or an offset, and its levels
_REPEATING = 7  # the encoding DELTA_BYTE_ARRAY: a value repeats the beginning of the one before
_DATA, _DICTIONARY = (5, 8), 7  # fields of a page header: of data pages of both versions, of a dictionary
_STRANGE = "a page has a header that is not Parquet's"
_MAX_DEPTH = 8  # of structs in a page header


class TooLarge(Exception):
    """What is unpacked would be larger than allowed; the text says how large."""


class _Page(NamedTuple):
    size: int  # when decompressed
    values: int
    repeats: bool  # a text of this page may stand in the data more than once


def read_bounded(file: pq.ParquetFile, data: bytes, limit: int) -> pa.Table:
    """All rows of a file, whose bytes are `data`; raises TooLarge if they have or claim more than `limit` bytes."""
    total, longest = 0, 1
    for start, length, is_text, is_list in _chunks(file.metadata):
        pages = list(_pages(data, start, start + length))
        values = sum(page.values for page in pages)
        repeated = max((page.size for page in pages if page.repeats), default=0) if is_text else 0
        total += sum(page.size for page in pages) + values * _BYTES_PER_VALUE + (values * repeated if is_list else 0)
        longest = max(longest, repeated)
    if total > limit:
        raise TooLarge(f"{total}")
    batches, size = [], 0
    for batch in file.iter_batches(batch_size=max(1, min(limit // longest, file.metadata.num_rows))):
        size += batch.nbytes
        if size > limit:
            raise TooLarge("more")
        batches.append(batch)
    return pa.Table.from_batches(batches, file.schema_arrow)


def bounded_batches(file: pq.ParquetFile, data: Any, limit: int, rows: int, columns: Any = None) -> Iterator[Any]:
    """Rows of a file of any size, whose bytes are `data`, at most `rows` at once and about `limit` bytes of them.

    Raises TooLarge if a page is larger, or if the values are far more than a file of this size says on its own.
    """
    longest, total = 1, 0
    for start, length, is_text, _ in _chunks(file.metadata):
        for page in _pages(data, start, start + length):
            if page.size > limit:
                raise TooLarge(f"a page of {page.size} bytes")
            longest = max(longest, page.size if page.repeats and is_text else 1)
    most = limit + _MOST_SAID * len(data)
    for batch in file.iter_batches(max(1, min(limit // longest, rows)), columns=columns):
        total += sum(_filled(column) for column in batch.columns)
        if total > most:
            raise TooLarge(f"more than {most} bytes of values in {len(data)}")
        yield batch


def _filled(column: pa.Array) -> int:
    """Bytes of the values of a column that are there."""
    return int(_size(column) * (len(column) - column.null_count) / max(len(column), 1))


def _size(array: pa.Array) -> int:
    """Bytes of an array whose values each stand for themselves."""
    if pa.types.is_dictionary(array.type):
        return int(array.dictionary_decode().nbytes)
    if pa.types.is_struct(array.type):
        return sum(map(_size, array.flatten()))
    is_list = pa.types.is_list(array.type) or pa.types.is_large_list(array.type)
    return _size(array.flatten()) if is_list else int(array.nbytes)


def _chunks(metadata: Any) -> Iterator[tuple[int, int, bool, bool]]:
    """Where the pages of each column of each row group are, whether they hold texts, and whether these are in lists."""
    for group in range(metadata.num_row_groups):
        columns = metadata.row_group(group)
        for i in range(columns.num_columns):
            column = columns.column(i)
            start = column.data_page_offset
            if column.has_dictionary_page and 0 < (column.dictionary_page_offset or 0) < start:
                start = column.dictionary_page_offset
            yield (
                start,
                column.total_compressed_size,
                column.physical_type == "BYTE_ARRAY",
                ".list." in column.path_in_schema,
            )


def _pages(data: bytes, at: int, end: int) -> Iterator[_Page]:
    if not 0 <= at <= end <= len(data):
        raise OSError("a column lies outside the file")
    while at < end:
        header, at = _struct(data, at)
        size, stored = header.get(2), header.get(3)
        if not isinstance(size, int) or not isinstance(stored, int) or size < 0 or stored < 0:
            raise OSError("a page has no size")
        about: Any = next((header[field] for field in _DATA if field in header), {})
        if not isinstance(about, dict):
            raise OSError(_STRANGE)
        encodings = (about.get(2), about.get(4))
        values = about.get(1, 0)
        repeats = _DICTIONARY in header or _REPEATING in encodings
        yield _Page(size, values if isinstance(values, int) and values >= 0 else 2**31, repeats)
        at += stored


def _struct(data: bytes, at: int, depth: int = _MAX_DEPTH) -> tuple[dict[int, Any], int]:
    """The members of a Thrift struct by their ids, and where it ends."""
    members: dict[int, Any] = {}
    field = 0
    while True:
        head, at = _byte(data, at)
        if head == 0:
            return members, at
        if head >> 4:
            field += head >> 4
        else:
            field, at = _zigzag(data, at)
        if field in members:  # Arrow would take parts of both
            raise OSError(_STRANGE)
        members[field], at = _member(data, at, head & 15, depth)


def _member(data: bytes, at: int, kind: int, depth: int) -> tuple[Any, int]:
    if kind in (1, 2):  # true, false
        return kind == 1, at
    if kind == 3:
        return _byte(data, at)
    if kind in (4, 5, 6):
        return _zigzag(data, at)
    if kind == 7:
        return None, at + 8
    if kind == 8:  # bytes: the least and greatest value
        length, at = _varint(data, at)
        return None, at + length
    if kind == 12 and depth:
        return _struct(data, at, depth - 1)
    raise OSError(_STRANGE)


def _zigzag(data: bytes, at: int) -> tuple[int, int]:
    value, at = _varint(data, at)
    return (value >> 1) ^ -(value & 1), at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte, at = _byte(data, at)
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise OSError(_STRANGE)


def _byte(data: bytes, at: int) -> tuple[int, int]:
    if at >= len(data):
        raise OSError("a page lies outside the file")
    return data[at], at + 1
