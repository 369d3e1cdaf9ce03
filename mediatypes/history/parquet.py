"""Writing `history.parquet` and `media.parquet`: whole under a temporary name, counted again, then renamed."""

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
from .._core.errors import StoreError, os_error
from ..types._arrow import parquet_options
from .build import GROUP_ROWS
from .files import sync
from .seal import seal
from .stored import FOOTER


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
        seal(temporary)
        counted = pq.read_metadata(temporary).num_rows
        if counted != rows:
            raise StoreError.of(str(path), f"{rows} rows after writing", counted, "Run recover; the journal is kept.")
        sync(temporary)  # before the journal is removed, the only other copy
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
