"""Long tables in Parquet: a row for each value, whose type says which column has it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..._core.errors import InputError, Verbatim


def schema_of(path: Path) -> pa.Schema:
    """The schema of a Parquet file; an empty one of another, and of a link."""
    try:
        return pa.schema([]) if path.is_symlink() else pq.read_schema(path)
    except (OSError, ValueError, pa.ArrowException):
        return pa.schema([])


def batches(path: Path, columns: list[str] | None = None, size: int = 65536) -> Iterator[pa.RecordBatch]:
    """The rows of a file; raises InputError where it is damaged."""
    try:
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(size, columns=columns)
    except (OSError, ValueError, pa.ArrowException) as error:
        said = Verbatim(" ".join(str(error).split()))
        raise InputError.of(str(path), "a sound Parquet file", said, "Export it again.", "parquet") from error


def first_row(path: Path, columns: list[str]) -> dict[str, Any]:
    """The first row of a file; empty where there is none."""
    for batch in batches(path, columns, 1):
        for row in batch.to_pylist():
            return dict(row)
    return {}
