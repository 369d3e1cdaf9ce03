"""`history.parquet` and `media.parquet`: written whole under a temporary name, counted again, then renamed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path
from secrets import token_hex
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .._core import canonical
from .._core.errors import DocumentError, StoreError, os_error
from ..types._arrow import parquet_options
from .build import GROUP_ROWS, spec_of
from .schema import FIXED, ColumnSpec

FOOTER = b"mediatypes"


def write_parquet(path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch], footer: dict[str, Any]) -> int:
    """Write all batches as row groups of one file and answer the number of rows.

    The file is reopened and its rows counted before it gets its final name.

    Raises:
        StoreError: the system refused; nothing is left under the final name that was not there before.
    """
    temporary = path.with_name(f".{path.name}.{token_hex(4)}.tmp")
    schema = schema.with_metadata({FOOTER: canonical.dump_bytes(footer)})
    rows = 0
    try:
        with pq.ParquetWriter(temporary, schema, **_options(schema)) as writer:
            for batch in batches:
                writer.write_table(pa.Table.from_batches([batch]).replace_schema_metadata(schema.metadata), GROUP_ROWS)
                rows += batch.num_rows
        counted = pq.read_metadata(temporary).num_rows
        if counted != rows:
            raise StoreError.of(str(path), f"{rows} rows after writing", counted, "Run recover; the journal is kept.")
        os.replace(temporary, path)
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        hint = "Free some space; the journal is kept, so that nothing is lost."
        raise os_error(StoreError, str(path), "write the history", error, hint) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    return rows


def _options(schema: pa.Schema) -> dict[str, Any]:
    """Those of every Parquet file, and delta-encoded steps."""
    options = parquet_options(schema)
    if "_step" in schema.names:
        options["column_encoding"]["_step"] = "DELTA_BINARY_PACKED"
    return options


def open_parquet(path: Path) -> pq.ParquetFile:
    """A Parquet file of ours; raises `DocumentError` if it is cut or foreign."""
    try:
        file = pq.ParquetFile(path, page_checksum_verification=True)
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, FileNotFoundError):
            raise os_error(StoreError, str(path), "read the file", error, "Is this a run folder?") from error
        hint = "Restore the file, or recover the run from its journal."
        raise DocumentError.of(str(path), "a whole Parquet file", _said(error), hint, "parquet") from error
    return file


def read_columns(path: Path, columns: list[str] | None) -> pa.Table:
    """Some columns of a Parquet file of ours; damaged pages are refused."""
    try:
        table = open_parquet(path).read(columns=columns)
        return table if columns is None else table.select(columns)
    except (pa.ArrowException, OSError, LookupError, UnicodeDecodeError) as error:
        if isinstance(error, StoreError):
            raise
        hint = "Restore the file from a copy."
        raise DocumentError.of(str(path), "readable columns", _said(error), hint, "parquet") from error


def footer_of(path: Path) -> dict[str, Any]:
    """The JSON object that we write into the footer."""
    file = open_parquet(path)
    try:
        footer = canonical.loads((file.schema_arrow.metadata or {}).get(FOOTER, b""))
    except (ValueError, pa.ArrowException):
        footer = None
    if not isinstance(footer, dict):
        hint = "Read it with pandas; it is not part of a run."
        raise DocumentError.of(str(path), "a Parquet file written by mediatypes", path.name, hint, "foreign")
    return footer


def read_specs(path: Path) -> list[ColumnSpec]:
    """The columns of a history; raises `DocumentError` if the file is none of ours."""
    footer_of(path)
    try:
        schema = open_parquet(path).schema_arrow
        specs = [spec for field in schema if (spec := spec_of(field))]
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise DocumentError.of(str(path), "a readable schema", _said(error), "Restore the file.", "parquet") from error
    if not set(FIXED) <= set(schema.names):
        raise DocumentError.of(str(path), f"the columns {', '.join(FIXED)}", schema.names, "Restore it.", "foreign")
    return specs


def _said(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
