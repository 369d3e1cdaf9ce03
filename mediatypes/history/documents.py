"""The media documents in the rows of a history."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

_PIECE = 1024  # rows whose cells are Python objects at once


def documents(table: pa.Table, name: str) -> Iterator[tuple[str, str]]:
    """Each document of a media column as (its place, such as `[step 20]`, its JSON text); "" where a cell has none."""
    for batch in table.select(["_step", name]).to_batches(max_chunksize=_PIECE):
        column, steps = batch.column(1), batch.column(0).to_pylist()
        if pa.types.is_struct(column.type):
            texts, valid = pc.struct_field(column, "_doc").to_pylist(), column.is_valid().to_pylist()
            yield from (
                (f"[step {step}]", text or "") for step, text, there in zip(steps, texts, valid, strict=True) if there
            )
        else:
            for step, items in zip(steps, column.to_pylist(), strict=True):
                for index, item in enumerate(items or ()):
                    yield f"[step {step}][{index}]", (item or {}).get("_doc") or ""
