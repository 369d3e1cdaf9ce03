"""`values.parquet`: one row for each value, by key and kind, each in order of step."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ..._core import canonical
from ...columns.arrow import numbers, texts
from ...columns.cells import is_media_kind
from ...columns.packed import write_whole
from ...runfolder.schema import ColumnSpec
from ...view import RunView
from ._content import Content
from ._report import Tally

SCHEMA = pa.schema(
    [
        ("run", pa.utf8()),
        ("step", pa.int64()),
        ("timestamp", pa.float64()),
        ("key", pa.utf8()),
        ("kind", pa.utf8()),
        ("index", pa.int64()),
        ("number", pa.float64()),
        ("integer", pa.int64()),
        ("boolean", pa.bool_()),
        ("text", pa.utf8()),
        ("json", pa.utf8()),
        ("path", pa.utf8()),
        ("rank", pa.int64()),
    ]
)
_COLUMN = {"number": "number", "integer": "integer", "boolean": "boolean", "string": "text", "json": "json"}


def write(view: RunView, folder: Path, tally: Tally) -> None:
    content = Content(view)
    write_whole(folder / "values.parquet", SCHEMA, _parts(content, view.name, tally), "write the values")
    content.write_description(folder)


def _parts(content: Content, run: str, tally: Tally) -> Iterator[pa.RecordBatch]:
    for spec in content.specs:
        if not is_media_kind(spec.kind) and spec.kind != "null":
            yield from _plain(content, spec, run, tally)
    rows: dict[str, list[Any]] = {name: [] for name in SCHEMA.names}
    for item in content.items():
        tally.copy_all(item.document, item.key, item.kind)
        path = item.document.get("path")
        values = {"run": run, "step": item.step, "timestamp": item.timestamp, "key": item.key, "kind": item.kind}
        values |= {"index": item.index, "json": canonical.dumps(item.document), "rank": item.rank}
        values |= {"path": path if isinstance(path, str) else None}
        for name, column in rows.items():
            column.append(values.get(name))
    count = len(rows["key"])
    tally.rows += count
    if count:
        yield _batch({name: _array(name, values) for name, values in rows.items()}, count)


def _plain(content: Content, spec: ColumnSpec, run: str, tally: Tally) -> Iterator[pa.RecordBatch]:
    columns = [*content.fixed, spec.name]  # numbers as they are stored, all doubles; in lists integers again
    table = content.read(columns) if spec.kind.endswith("_list") else content.history.read(columns)
    table = table.filter(table.column(spec.name).is_valid())
    for batch in table.to_batches():
        count, values = batch.num_rows, batch.column(spec.name)
        if pa.types.is_list(values.type):
            values = texts([canonical.dumps(cell) for cell in values.to_pylist()])
        arrays = {"step": batch.column("_step"), "timestamp": batch.column("_timestamp")}
        arrays |= {_COLUMN.get(spec.kind, "json"): values}
        if content.rank is not None:
            arrays["rank"] = batch.column(content.rank).cast(pa.int64())
        for name, text in (("run", run), ("key", spec.key), ("kind", spec.kind)):
            arrays[name] = pa.repeat(pa.scalar(text, pa.utf8()), count)
        tally.rows += count
        if count:
            yield _batch(arrays, count)


def _batch(arrays: dict[str, pa.Array], count: int) -> pa.RecordBatch:
    columns = [arrays[field.name] if field.name in arrays else pa.nulls(count, field.type) for field in SCHEMA]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def _array(name: str, values: list[Any]) -> pa.Array:
    kind = SCHEMA.field(name).type
    if pa.types.is_string(kind):
        return texts(values)
    if pa.types.is_boolean(kind):
        return pa.nulls(len(values), kind)
    return numbers(values, np.float64 if pa.types.is_floating(kind) else np.int64)
