"""Media inside Parquet, in the shape that Hugging Face `datasets` decodes.

Its rule: a media cell is exactly `struct<bytes: binary, path: string>`, and the schema metadata `huggingface` lists the
columns of media, and only of types that it knows. An unknown type, or a column type of its own, would make the whole
file unreadable there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from .._core import canonical
from .._core.atomic import remove_leftovers, replacing
from .arrow import binaries, bitmap, parquet_options, texts

PACKED = pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.utf8())])
FEATURES: dict[str, dict[str, Any]] = {  # only images are decoded without more packages
    "image": {"_type": "Image"},
    "audio": {"_type": "Audio", "decode": False},
    "video": {"_type": "Video", "decode": False},
}


def huggingface(features: Mapping[str, dict[str, Any]]) -> dict[bytes, bytes]:
    """Schema metadata that says which columns hold media."""
    return {b"huggingface": canonical.dump_bytes({"info": {"features": features}})}


def pack_array(contents: list[bytes | None], names: list[str | None], valid: list[bool]) -> pa.Array:
    """Cells of bytes and a file name; null where not valid."""
    children = [binaries(contents), texts(names)]
    return pa.StructArray.from_buffers(PACKED, len(names), [bitmap(np.array(valid, bool))], children=children)


def write_whole(
    path: Path,
    schema: pa.Schema,
    groups: Iterable[pa.RecordBatch],
    doing: str,
    check: Callable[[Path], None] = lambda written: None,
    durable: bool = False,
    **options: Any,
) -> None:
    """Write a Parquet file, a row group for each batch, under a temporary name; it gets its own when it is whole.

    Args:
        path: the file; nothing is left where the system refuses, which is a `StoreError`.
        schema: of the batches.
        groups: the batches.
        doing: names it in errors: "write the table".
        check: is given the whole file before it gets its name, and may raise.
        durable: wait until it is on the disk before it gets its name.
        options: of Parquet, instead of ours.
    """
    remove_leftovers(path.parent, path.name)
    with replacing(path, doing, durable=durable) as temporary:
        options = parquet_options(schema) | options
        with pa.OSFile(str(temporary), "wb") as sink, pq.ParquetWriter(sink, schema, **options) as writer:
            for group in groups:
                writer.write_batch(group)
        check(temporary)
