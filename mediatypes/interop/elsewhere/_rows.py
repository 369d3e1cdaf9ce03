"""Long tables in Parquet: a row for each value, whose type says which column has it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..._core.errors import InputError, Verbatim
from ...formats.parquet_bounds import TooLarge, bounded_batches

_LARGEST = 2**27  # bytes of values, in memory, beside some for each byte of the file


def schema_of(path: Path) -> pa.Schema:
    """The schema of a Parquet file; an empty one of another, and of a link."""
    try:
        return pa.schema([]) if path.is_symlink() else pq.read_schema(path)
    except (OSError, ValueError, pa.ArrowException):
        return pa.schema([])


def batches(path: Path, columns: list[str] | None = None, size: int = 65536) -> Iterator[pa.RecordBatch]:
    """The rows of a file; raises InputError where it is damaged, or unpacks to far more than it is long."""
    try:
        with pa.memory_map(str(path)) as mapped, pq.ParquetFile(mapped) as file:
            data = memoryview(mapped.read_buffer(mapped.size())).cast("B")
            yield from bounded_batches(file, data, _LARGEST, size, columns)
    except TooLarge as error:
        expected, hint = f"at most {_LARGEST} bytes of values in a small file", "Export it again."
        raise InputError.of(str(path), expected, Verbatim(str(error)), hint, "too-large") from error
    except (OSError, ValueError, pa.ArrowException) as error:
        said = Verbatim(" ".join(str(error).split()))
        raise InputError.of(str(path), "a sound Parquet file", said, "Export it again.", "parquet") from error


def first_row(path: Path, columns: list[str]) -> dict[str, Any]:
    """The first row of a file; empty where there is none."""
    for batch in batches(path, columns, 1):
        for row in batch.to_pylist():
            return dict(row)
    return {}
