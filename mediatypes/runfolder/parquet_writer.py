"""Writing `history.parquet` and `media.parquet`: whole under a temporary name, counted again, then renamed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from secrets import token_hex
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from .._core import canonical
from .._core.errors import StoreError, os_error
from ..columns.arrow import parquet_options
from .files import sync
from .footer_checksum import seal
from .merge_rows import GROUP_ROWS
from .parquet_reader import FOOTER

_SMALL = 64 * 1024  # bytes of rows: zstd takes longer to begin than to unpack them, and snappy is as small then


def write_parquet(
    path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch], footer: dict[str, Any], durable: bool = True
) -> int:
    """Write all batches as row groups of one file and answer the number of rows.

    The file is reopened and its rows counted before it gets its final name; with `durable` it is on the disk by then.

    Raises:
        StoreError: the system refused; nothing is left under the final name that was not there before.
    """
    batches = iter(batches)
    first = list(islice(batches, 1))
    small = sum(batch.nbytes for batch in first) <= _SMALL
    with ParquetFile(path, schema, footer, durable, "snappy" if small else "zstd") as file:
        for batch in chain(first, batches):
            file.write(batch)
    return file.rows


class ParquetFile:
    """A file in the making: it gets its name when the context ends without an error. See `write_parquet`."""

    def __init__(
        self, path: Path, schema: pa.Schema, footer: dict[str, Any], durable: bool = True, compression: str = "zstd"
    ) -> None:
        self.path, self.durable, self.rows = path, durable, 0
        self._temporary = path.with_name(f".{path.name}.{token_hex(4)}.tmp")
        self._schema = schema.with_metadata({FOOTER: canonical.dump_bytes(footer)})
        with self._refusals():
            self._writer = pq.ParquetWriter(self._temporary, self._schema, **_options(self._schema, compression))

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows."""
        with self._refusals():
            table = pa.Table.from_batches([batch]).replace_schema_metadata(self._schema.metadata)
            self._writer.write_table(table, GROUP_ROWS)
        self.rows += batch.num_rows

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        with self._refusals():
            self._writer.close()
            if error is not None:
                self._temporary.unlink(missing_ok=True)
                return
            seal(self._temporary)
            counted = pq.read_metadata(self._temporary).num_rows
            if counted != self.rows:
                hint = "Run recover; the journal is kept."
                raise StoreError.of(str(self.path), f"{self.rows} rows after writing", counted, hint)
            if self.durable:
                sync(self._temporary)  # before the journal is removed, the only other copy
            os.replace(self._temporary, self.path)

    @contextlib.contextmanager
    def _refusals(self) -> Iterator[None]:
        """Nothing is left of a file that the system refuses to write."""
        try:
            yield
        except BaseException as error:
            with contextlib.suppress(OSError):
                self._temporary.unlink(missing_ok=True)
            if not isinstance(error, OSError) or isinstance(error, StoreError):
                raise
            hint = "Free some space; the journal is kept, so that nothing is lost."
            raise os_error(StoreError, str(self.path), "write the history", error, hint) from error


def _options(schema: pa.Schema, compression: str) -> dict[str, Any]:
    """Those of every Parquet file, and delta-encoded steps."""
    options = parquet_options(schema)
    if compression != options["compression"]:
        options |= {"compression": compression, "compression_level": None}
    if "_step" in schema.names:
        options["column_encoding"]["_step"] = "DELTA_BINARY_PACKED"
    return options
