"""A table of runs: what each says about itself, its config and its summary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from .._core import canonical
from ..history import cells
from ..history.arrays import make_array
from ..history.schema import Schema
from ..types._arrow import list_array, numbers, texts

_TEXTS = ("run", "id", "name", "project", "group", "job_type", "notes", "status", "path")
_TIMES = ("started", "finished")


class Listed(Protocol):
    """What is listed of a run."""

    path: Path

    def describe(self) -> dict[str, Any]:
        """`run.json`, and the summary under "summary"."""


def list_runs(runs: Iterable[tuple[str, Listed]]) -> pa.Table:
    """One row for each run, by its name."""
    described: list[dict[str, Any]] = []
    columns: dict[tuple[str, str], tuple[list[int], list[Any]]] = {}
    for row, (name, run) in enumerate(runs):
        found = run.describe()
        described.append({**found, "run": name, "path": str(run.path)})
        for part in ("config", "summary"):
            for key, value in _leaves(part, found[part]) if found[part] else ():
                kind, plain = _cell(value)
                rows, values = columns.setdefault((key, kind), ([], []))
                rows.append(row)
                values.append(plain)
    arrays = {name: texts([_text(run.get(name)) for run in described]) for name in _TEXTS}
    arrays["tags"] = list_array([[t for t in run.get("tags", []) if isinstance(t, str)] for run in described], texts)
    for name in _TIMES:
        times = [run.get(name) for run in described]
        arrays[name] = numbers([float(t) if type(t) is int else t for t in times], np.float64)
    return _with_columns(arrays, columns, len(described))


def _with_columns(
    arrays: dict[str, pa.Array], columns: Mapping[tuple[str, str], tuple[list[int], list[Any]]], count: int
) -> pa.Table:
    schema = Schema(arrays)
    for (key, kind), (_, values) in columns.items():
        schema.add_column(key, kind, kind == "number" and all(type(value) is int for value in values))
    for spec in schema.specs():
        rows, values = columns.get((spec.key, spec.kind), ([], []))
        kind = "integer" if spec.integral and spec.kind == "number" else spec.kind
        plain: Any = values if kind not in ("number", "integer", "boolean") else np.array(values)
        arrays[spec.name] = make_array(kind, np.array(rows, np.int64), plain, count)
    return pa.table(arrays)


def _leaves(key: str, value: Any) -> Iterable[tuple[str, Any]]:
    """Nested members joined with "."; a document is one value."""
    if isinstance(value, dict) and value and "_type" not in value:
        for name, item in value.items():
            yield from _leaves(f"{key}.{name}", item)
    else:
        yield key, value


def _cell(value: Any) -> cells.Cell:
    """Kind and plain data of a member of `run.json` or `summary.json`; documents and odd values as JSON text."""
    if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, dict) for item in value)):
        return "json", canonical.dumps(value)
    if type(value) is int and not -(2**63) <= value < 2**63:
        return "string", str(value)
    return cells.make_cell(value, "runs", cells.no_media)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
