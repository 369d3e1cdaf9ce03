"""SQL over many runs: DuckDB reads the Parquet files itself, only the columns and row groups that a query needs.

Runs with the same columns are one `read_parquet` of all their files; the view unites them with each column under the
name that the rule of `union` gives it. Runs that are not over have no Parquet yet: they are read here and joined in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from .._core.deps import need
from .._core.errors import Described, InputError
from .._core.location import Location
from ..history import files
from ..history.media import FIXED as MEDIA_COLUMNS
from ..history.opening import History
from ..history.schema import FIXED, ColumnSpec
from ..history.stored import StoredHistory, StoredTable, parts_dataset
from ..types._arrow import TYPES
from .union import RUN, Union

if TYPE_CHECKING:
    import duckdb


def ask(runs: pa.Table, histories: Mapping[str, History], query: str) -> duckdb.DuckDBPyRelation:
    """The answer to a query over the views `runs` (that table), `history` and `media`; raises `InputError`."""
    duck = need("duckdb", extra="sql", needed_for="RunSet.sql()")
    return _answer(duck, _Database(duck, runs, histories).connection, query)


def ask_files(tables: Mapping[str, Sequence[Location]], query: str) -> duckdb.DuckDBPyRelation:
    """The answer to a query over views of Parquet files with unified columns; raises `InputError`."""
    duck = need("duckdb", extra="sql", needed_for="RunSet.sql()")
    connection = _connect(duck)
    for name, paths in tables.items():
        here = [path for path in paths if isinstance(path, Path)]
        if len(here) < len(paths):  # elsewhere: pyarrow reads, and only what DuckDB asks it for
            connection.register(name, parts_dataset(paths))
        else:
            connection.execute(f"create temp view {name} as from read_parquet({_listed(here)}, union_by_name = true)")
    return _answer(duck, connection, query)


def _connect(duck: Any) -> Any:
    connection = duck.connect()
    connection.execute("set autoinstall_known_extensions = false")  # nothing is fetched from a network
    return connection


def _answer(duck: Any, connection: Any, query: str) -> duckdb.DuckDBPyRelation:
    try:
        relation: duckdb.DuckDBPyRelation | None = connection.sql(query)
    except duck.Error as error:
        said = Described(" ".join(str(error).split()))
        raise InputError.of("sql", "a query that DuckDB takes", said, "Ask for: describe history.") from error
    if relation is None:
        raise InputError.of("sql", "a query with an answer", query, "Begin with select.")
    return relation


class _Database:
    def __init__(self, duck: Any, runs: pa.Table, histories: Mapping[str, History]) -> None:
        self.connection = _connect(duck)
        self.histories, self.tables = histories, 0
        self.union = Union(history.specs for history in histories.values())
        self.connection.register("runs", runs)
        self._view("history", self._history())
        self._view("media", self._media())

    def _view(self, name: str, parts: list[str]) -> None:
        self.connection.execute(f"create temp view {name} as {' union all by name '.join(parts)}")

    def _history(self) -> list[str]:
        """A SELECT for every set of runs that have the same columns, and one for each run that is not over."""
        parts = [f"select * from {self._table(self.union.schema.empty_table())}"]
        alike: dict[tuple[ColumnSpec, ...], dict[str, Path]] = {}
        for run, history in self.histories.items():
            if isinstance(history, StoredHistory) and isinstance(history.path, Path):
                alike.setdefault(tuple(history.specs), {})[run] = history.path
            elif isinstance(history, StoredHistory):  # elsewhere: pyarrow reads, and only what DuckDB asks it for
                parts.append(self._select(self._table(history.dataset()), history.specs, _literal(run)))
            else:
                rows = history.read([*FIXED, *(spec.name for spec in history.specs)])
                parts.append(self._select(self._table(rows), history.specs, _literal(run)))
        return parts + [self._select(self._files(paths), list(specs), RUN) for specs, paths in alike.items()]

    def _select(self, source: str, specs: list[ColumnSpec], run: str) -> str:
        columns = [f"{run} as {RUN}", *FIXED]
        for spec, name in self.union.names(specs):
            if name:
                columns.append(f"{_quoted(name)} as {_quoted(spec.name)}")
        return f"select {', '.join(columns)} from {source}"

    def _media(self) -> list[str]:
        empty = pa.schema([(name, TYPES[kind]) for name, kind in {RUN: "utf8", **MEDIA_COLUMNS}.items()])
        parts, stored = [f"select * from {self._table(empty.empty_table())}"], {}
        for run, history in self.histories.items():
            if isinstance(history, StoredHistory) and isinstance(history.path, Path):
                stored[run] = history.path.with_name(files.MEDIA)
            elif isinstance(history, StoredHistory):
                media = StoredTable(history.path.with_name(files.MEDIA)).dataset()
                parts.append(f"select {_literal(run)} as {RUN}, * from {self._table(media)}")
            else:
                parts.append(f"select {_literal(run)} as {RUN}, * from {self._table(history.media())}")
        return parts + ([f"select * exclude (filename, file) from {self._files(stored)}"] if stored else [])

    def _files(self, paths: dict[str, Path]) -> str:
        """A source of the rows of all these files, with the run that each belongs to."""
        names = self._table(pa.table({"file": [str(path) for path in paths.values()], RUN: list(paths)}))
        listed = ", ".join(_literal(_escaped(str(path))) for path in paths.values())
        return (
            f"read_parquet([{listed}], filename = true, union_by_name = true) join {names} on filename = {names}.file"
        )

    def _table(self, table: Any) -> str:
        """The name under which a query finds a table or dataset of pyarrow."""
        self.tables += 1
        self.connection.register(f"table_{self.tables}", table)
        return f"table_{self.tables}"


def _listed(paths: Iterable[Path]) -> str:
    """Files as DuckDB takes them."""
    return f"[{', '.join(_literal(_escaped(str(path))) for path in paths)}]"


def _escaped(path: str) -> str:
    """A path without the letters that DuckDB takes for a pattern."""
    return re.sub(r"([*?\[])", r"[\1]", path)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
