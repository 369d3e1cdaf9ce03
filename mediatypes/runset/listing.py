"""A table of runs: what each says about itself, its config and its summary."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from .._core import canonical
from .._core.errors import InputError, MediaTypesError, Problem, describe
from .._core.location import Location
from .._core.parallel import in_threads
from ..columns import log_cells
from ..columns.arrow import list_array, numbers, texts
from ..columns.batch import Column
from ..columns.cells import make_array
from ..runfolder.schema import ColumnSpec, Schema
from ..runfolder.select import with_integers

_TEXTS = ("run", "id", "name", "project", "group", "job_type", "notes", "status", "path")
_TIMES = ("started", "finished")
FIXED = (*_TEXTS, "tags", *_TIMES)  # the columns that every run has


class Listed(Protocol):
    """What is listed of a run."""

    @property
    def path(self) -> Location:
        """Where it is."""
        ...

    def describe(self) -> dict[str, Any]:
        """`run.json`, and the summary under "summary"."""
        ...


class Listing:
    """A table of runs to be.

    Args:
        runs: by name.
        at_once: ask many at the same time, which pays where each takes a while.
        problems: grows by those of runs that cannot be read, which are left out then; without it they raise.
    """

    def __init__(
        self, runs: Iterable[tuple[str, Listed]], at_once: bool = False, problems: list[Problem] | None = None
    ) -> None:
        self._described: list[dict[str, Any]] = []
        self._cells: dict[Column, tuple[list[int], list[Any]]] = {}
        runs = list(runs)
        described = in_threads(_describe, runs) if at_once else map(_describe, runs)
        for (name, run), content in zip(runs, described, strict=True):
            if isinstance(content, MediaTypesError):
                if problems is None:
                    raise content
                problems += [problem for problem in describe(content) if problem not in problems]
                continue
            row = len(self._described)
            self._described.append({**content, "run": name, "path": str(run.path)})
            for part in ("config", "summary"):
                for key, value in _leaves(part, content[part]) if content[part] else ():
                    kind, plain = _cell(value)
                    rows, values = self._cells.setdefault((key, kind), ([], []))
                    rows.append(row)
                    values.append(plain)

    @property
    def columns(self) -> list[ColumnSpec]:
        """Those of config and summary, named as if there were no other runs."""
        schema = Schema(FIXED)
        for (key, kind), (_, values) in self._cells.items():
            schema.add_column(key, kind, kind == "number" and all(type(value) is int for value in values))
        return schema.specs()

    def table(self, columns: list[ColumnSpec]) -> pa.Table:
        """One row for each run with these columns of config and summary, null where it has none."""
        described, count = self._described, len(self._described)
        arrays = {name: texts([_text(run.get(name)) for run in described]) for name in _TEXTS}
        tags = [[tag for tag in run.get("tags", []) if isinstance(tag, str)] for run in described]
        arrays["tags"] = list_array(tags, texts)
        for name in _TIMES:
            times = [run.get(name) for run in described]
            arrays[name] = numbers([float(t) if type(t) is int else t for t in times], np.float64)
        for spec in columns:
            rows, values = self._cells.get((spec.key, spec.kind), ([], []))
            plain: Any = values if spec.kind not in ("number", "integer", "boolean") else np.array(values)
            arrays[spec.name] = make_array(spec.kind, np.array(rows, np.int64), plain, count)
        return pa.Table.from_arrays(list(arrays.values()), list(arrays))


def list_runs(
    runs: Iterable[tuple[str, Listed]], at_once: bool = False, problems: list[Problem] | None = None
) -> pa.Table:
    """One row for each run, by its name; integers as such. The others as in `Listing`."""
    listing = Listing(runs, at_once, problems)
    columns = listing.columns
    return with_integers(listing.table(columns), columns)


def _describe(named: tuple[str, Listed]) -> dict[str, Any] | MediaTypesError:
    try:
        return named[1].describe()
    except MediaTypesError as error:
        return error


def _leaves(key: str, value: Any) -> Iterable[tuple[str, Any]]:
    """Nested members joined with "."; a document is one value."""
    if isinstance(value, dict) and value and "_type" not in value:
        for name, item in value.items():
            yield from _leaves(f"{key}.{name}", item)
    else:
        yield key, value


def _cell(value: Any) -> log_cells.Cell:
    """Kind and plain data of a member of `run.json` or `summary.json`; documents and odd values as JSON text."""
    if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, dict) for item in value)):
        return "json", canonical.dumps(value)
    if type(value) is int and not -(2**63) <= value < 2**63:
        return "string", str(value)
    try:
        return log_cells.make_cell(value, "runs", log_cells.no_media)
    except InputError:  # a config may have longer integers in lists
        return "json", canonical.dumps(value)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
