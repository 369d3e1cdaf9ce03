"""`system.parquet`: what a machine was doing while a run was written; `system.jsonl` until the run is over."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .._core import canonical
from .._core.errors import DocumentError, MediaTypesError, StoreError, os_error
from .._core.location import Location
from .._core.sidecar import open_file
from ..columns.arrow import numbers
from . import files
from .parquet_reader import StoredTable
from .parquet_writer import write_parquet
from .schema import ColumnSpec

TIME, RUNTIME = "_timestamp", "_runtime"
_LONGEST = 2**16  # bytes of a line
_MAX_COLUMNS = 2000


def read_system(root: Location, run: dict[str, Any]) -> pa.Table:
    """The samples in the order of their times: `_timestamp`, `_runtime`, and a column for each measure.

    Args:
        root: the run's directory.
        run: its `run.json`.

    Raises:
        DocumentError: `system.parquet` is damaged.
        StoreError: the system refused.
    """
    path = root / files.SYSTEM
    try:
        stored = stored_samples(path).read() if path.is_file() else None
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        raise os_error(StoreError, str(path), "read the file", error, "Check permissions.") from error
    last = -math.inf if stored is None else pc.max(stored.column(TIME)).as_py()
    new = _as_table(_samples(root / files.SYSTEM_LINES, -math.inf if last is None else last), float(run["started"]))
    if stored is None:
        return new
    return pa.concat_tables([stored.replace_schema_metadata(), new], promote_options="default")


def last_sample(root: Path) -> float:
    """The time of the last sample that a run has; minus infinity if there is none that can be read."""
    if (root / files.SYSTEM).exists() or (root / files.SYSTEM_LINES).exists():
        with contextlib.suppress(MediaTypesError):
            return pc.max(read_system(root, {"started": 0}).column(TIME)).as_py() or -math.inf
    return -math.inf


def stored_samples(path: Location) -> StoredTable:
    """A `system.parquet`, open; raises `DocumentError` if it is damaged or foreign."""
    table = StoredTable(path)
    names = table.schema.names
    wrong = [field.name for field in table.schema if field.type != pa.float64() or names.count(field.name) > 1]
    if wrong or names[:2] != [TIME, RUNTIME]:
        expected, hint = "_timestamp, _runtime and others, of doubles", "Restore the file from a copy."
        raise DocumentError.of(str(path), expected, wrong or names, hint, "columns")
    return table


def finish_system(root: Path, run: dict[str, Any]) -> None:
    """Make `system.parquet` of the samples of a run that ends; what cannot be read stays as it is."""
    lines = root / files.SYSTEM_LINES
    if not lines.exists():
        return
    with contextlib.suppress(MediaTypesError):
        table = read_system(root, run)
        specs = [ColumnSpec(name, name, "number", False) for name in table.column_names[2:]]
        footer = {"format": files.FORMAT, "id": run["id"]}
        write_parquet(root / files.SYSTEM, table.schema, table.to_batches(), specs, footer, finite=table.column_names)
        with contextlib.suppress(OSError):
            lines.unlink()


def _samples(path: Location, after: float) -> Iterator[dict[str, float]]:
    """The samples of a file of lines that are later than a time; lines that are torn or others are left out."""
    if isinstance(path, Path) and (path.is_symlink() or not path.exists()):
        return
    try:
        if not path.is_file():
            return
        with open_file(path) as file:
            while line := file.readline(_LONGEST):
                sample = _parse(line)
                if sample and sample[TIME] > after:
                    after = sample[TIME]
                    yield sample
    except OSError as error:
        raise os_error(StoreError, str(path), "read the file", error, "Check permissions.") from error


def _parse(line: bytes) -> dict[str, float] | None:
    try:
        members = canonical.loads_encodable(line.decode())
        if not isinstance(members, dict) or not line.endswith(b"\n"):
            return None
        sample = {name: float(value) for name, value in members.items() if type(value) in (int, float)}
    except (ValueError, OverflowError):
        return None
    sample = {name: value for name, value in sample.items() if math.isfinite(value) and name != RUNTIME}
    return sample if TIME in sample else None


def _as_table(samples: Iterator[dict[str, float]], started: float) -> pa.Table:
    times, columns = list[float](), dict[str, list[float | None]]()
    for row, sample in enumerate(samples):
        times.append(sample.pop(TIME))
        for name, value in sample.items():
            if name in columns or len(columns) < _MAX_COLUMNS:
                column = columns.setdefault(name, [])
                column += [None] * (row - len(column))
                column.append(value)
    for column in columns.values():
        column += [None] * (len(times) - len(column))
    arrays: dict[str, list[Any]] = {TIME: times, RUNTIME: [time - started for time in times], **columns}
    return pa.table({name: numbers(values, np.float64) for name, values in arrays.items()})
