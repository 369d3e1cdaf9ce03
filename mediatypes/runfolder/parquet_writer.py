"""Writing `history.parquet` and `media.parquet`: whole under a temporary name, counted again, then renamed."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .._core import canonical
from .._core.atomic import replacing
from .._core.errors import StoreError
from .._core.wording import counted
from ..columns.arrow import parquet_options
from .footer_checksum import seal
from .merge_rows import GROUP_ROWS
from .parquet_reader import FOOTER
from .schema import ColumnSpec

_CACHED = 1024 * 1024  # characters of what a footer repeats of the JSON files, at most: it is read as a whole
_SMALL = 64 * 1024  # bytes of rows: zstd takes longer to begin than to unpack them, and snappy is as small then


def write_parquet(
    path: Path,
    schema: pa.Schema,
    batches: Iterable[pa.RecordBatch],
    columns: Iterable[ColumnSpec],
    footer: dict[str, Any],
    durable: bool = True,
    finite: Collection[str] = (),
) -> int:
    """Write all batches as row groups of one file and return the number of rows; see `parquet_options` for `finite`.

    The file is reopened and its rows counted before it gets its final name; with `durable` it is on the disk by then.

    Raises:
        StoreError: the system refused; nothing is left under the final name that was not there before.
    """
    batches = iter(batches)
    first = list(islice(batches, 1))
    small = sum(batch.nbytes for batch in first) <= _SMALL
    with parquet_file(path, schema, columns, footer, durable, finite, "snappy" if small else "zstd") as file:
        for batch in chain(first, batches):
            file.write(batch)
    return file.rows


class ParquetFile:
    """A file in the making."""

    def __init__(self, writer: pq.ParquetWriter) -> None:
        self._writer, self.rows = writer, 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows."""
        self._writer.write_table(pa.Table.from_batches([batch]), GROUP_ROWS)
        self.rows += batch.num_rows


@contextlib.contextmanager
def parquet_file(
    path: Path,
    schema: pa.Schema,
    columns: Iterable[ColumnSpec],
    footer: dict[str, Any],
    durable: bool = True,
    finite: Collection[str] = (),
    compression: str = "zstd",
) -> Iterator[ParquetFile]:
    """A file that gets its name when the block ends without an error; see `write_parquet`.

    Its metadata are JSON: `footer` without members that are large, and the list of `columns` for keys and kinds. No
    Arrow schema is needed to read it.
    """
    members = {name: canonical.dumps(value) for name, value in footer.items()}
    members = {name: text for name, text in members.items() if len(text) <= _CACHED}
    members["columns"] = canonical.dumps([spec._asdict() for spec in columns])
    metadata = f"{{{','.join(f'{canonical.dumps(name)}:{members[name]}' for name in sorted(members))}}}".encode()
    hint = "Free some space; the journal is kept, so that nothing is lost."
    with replacing(path, "write the history", hint, durable=durable) as temporary:
        options = _options(schema, finite, compression)
        with (
            pa.OSFile(str(temporary), "wb") as sink,
            pq.ParquetWriter(sink, schema, store_schema=False, **options) as writer,
        ):
            writer.add_key_value_metadata({FOOTER: metadata})
            file = ParquetFile(writer)
            yield file
        seal(temporary)
        written = pq.read_metadata(temporary).num_rows
        if written != file.rows:
            hint = "Run recover; the journal is kept."
            raise StoreError.of(str(path), f"{counted(file.rows, 'row')} after writing", written, hint)


def _options(schema: pa.Schema, finite: Collection[str], compression: str) -> dict[str, Any]:
    """Those of every Parquet file, and delta-encoded steps."""
    options = parquet_options(schema, finite)
    if compression != options["compression"]:
        options |= {"compression": compression, "compression_level": None}
    if "_step" in schema.names:
        options["column_encoding"]["_step"] = "DELTA_BINARY_PACKED"
    return options
