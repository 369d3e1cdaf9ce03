"""SQL over many runs: DuckDB reads the Parquet files itself, only the columns and row groups that a query needs.

Runs whose files have the same columns are one `read_parquet` of all of them; a view unites them with each column under
the name that the rule of `union` gives it. Runs that are not over have no Parquet yet: they are read and joined in.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from .._core.deps import need
from .._core.errors import DocumentError, InputError, Verbatim
from .._core.location import Location
from ..columns.arrow import TYPES
from ..runfolder import files
from ..runfolder.media_index import all_columns as media_columns
from ..runfolder.opening import History
from ..runfolder.parquet_reader import StoredHistory, StoredTable, parts_dataset
from ..runfolder.schema import FIXED, ColumnSpec, Schema
from .union import RUN, union_schema

if TYPE_CHECKING:
    import duckdb

_ROWS, _NAMES, _FILE = "mediatypes_rows", "mediatypes_names", "mediatypes_file"  # in queries: no keys are called so


@contextlib.contextmanager
def answering() -> Iterator[None]:
    """What DuckDB says when it computes a result, or Arrow of types that have no place, is an `InputError`."""
    duck = need("duckdb", extra="sql", needed_for="RunSet.sql()")
    try:
        yield
    except (duck.Error, pa.ArrowException) as error:
        said = Verbatim(" ".join(str(error).split()))
        raise InputError.of("sql", "a query that can be answered", said, "Cast or leave out the column.") from error


class Closed(NamedTuple):
    """A Parquet file of this machine, and its columns: DuckDB opens it itself, when a query needs it."""

    path: Path
    columns: list[ColumnSpec]
    fixed: tuple[str, ...] = FIXED


class _Open(NamedTuple):
    """The rows of one run: a table or dataset of pyarrow."""

    columns: list[ColumnSpec]
    fixed: tuple[str, ...]
    rows: Any


Source = Closed | History


def closed(history: History) -> Source:
    """A history without its open file, if that is on this machine: of thousands not all can be open."""
    here = isinstance(history, StoredHistory) and isinstance(history.path, Path)
    return Closed(history.path, history.specs) if here else history  # type: ignore[union-attr, arg-type]


def ask(
    runs: Callable[[], pa.Table],
    histories: Callable[[], Mapping[str, Source]],
    query: str,
    inside: Mapping[str, Callable[[], pa.Table]],
) -> duckdb.DuckDBPyRelation:
    """The result of a query over `runs`, `history`, `media` and `inside`; what it does not name is not read."""
    database = _Database()
    opened: dict[str, Source] = {}
    if names(query, "runs"):
        database.view("runs", [f"from {database.table(runs())}"])
    if names(query, "history") or names(query, "media"):
        opened.update(histories())
    if names(query, "history"):
        database.history(opened)
    if names(query, "media"):
        database.media(opened)
    return database.answer(query, inside)


def ask_files(
    tables: Mapping[str, Sequence[Location]], query: str, inside: Mapping[str, Callable[[], pa.Table]]
) -> duckdb.DuckDBPyRelation:
    """The result of a query over views of Parquet files whose columns agree, and `inside`; raises `InputError`."""
    database = _Database()
    for name, paths in tables.items():
        here = [path for path in paths if isinstance(path, Path)]
        if len(here) < len(paths):  # elsewhere: pyarrow reads, and only what DuckDB asks it for
            database.view(name, [f"from {database.table(parts_dataset(paths))}"])
        else:
            database.view(name, [f"from read_parquet({_listed(here)}, union_by_name = true)"])
    return database.answer(query, inside)


def names(query: str, view: str) -> bool:
    """Whether a query may be about a view."""
    return re.search(rf"\b{view}\b", query, re.IGNORECASE) is not None


class _Database:
    def __init__(self) -> None:
        self.duck = need("duckdb", extra="sql", needed_for="RunSet.sql()")
        self.connection = self.duck.connect()
        self.connection.execute("set autoinstall_known_extensions = false")  # nothing is fetched from a network
        self.tables = 0

    def answer(self, query: str, inside: Mapping[str, Callable[[], pa.Table]]) -> duckdb.DuckDBPyRelation:
        """What DuckDB says; a table of `inside`, which costs reading sidecars, is made if it does not do without."""
        relation: duckdb.DuckDBPyRelation | None
        try:
            try:
                relation = self.connection.sql(query)
            except self.duck.CatalogException:
                for name, read in inside.items():
                    if names(query, name):
                        self.connection.register(name, read())
                relation = self.connection.sql(query)
        except self.duck.Error as error:
            said = Verbatim(" ".join(str(error).split()))
            hint = "Ask for the columns: describe history, describe runs."
            raise InputError.of("sql", "a query that DuckDB takes", said, hint) from error
        if relation is None:
            raise InputError.of("sql", "a query with an answer", query, "Begin with select.")
        return relation

    def history(self, histories: Mapping[str, Source]) -> None:
        """The view of all rows."""
        tables: dict[str, Closed | _Open] = {}
        for run, history in histories.items():
            if isinstance(history, Closed):
                tables[run] = history
            elif isinstance(history, StoredHistory):  # elsewhere: pyarrow reads, and only what DuckDB asks it for
                tables[run] = _Open(history.specs, FIXED, history.dataset())
            else:
                table = history.read([*FIXED, *(spec.name for spec in history.specs)])
                tables[run] = _Open(history.specs, FIXED, table)
        self._unite("history", FIXED, union_schema, tables)

    def media(self, histories: Mapping[str, Source]) -> None:
        """The view of all logged media."""
        tables: dict[str, Closed | _Open] = {}
        for run, history in histories.items():
            if isinstance(history, Closed):
                path = history.path.with_name(files.MEDIA)
                tables[run] = Closed(path, (index := StoredTable(path)).columns, _fixed_media(index.schema))
            elif isinstance(history, StoredHistory):
                elsewhere = StoredTable(history.path.with_name(files.MEDIA))
                tables[run] = _Open(elsewhere.columns, _fixed_media(elsewhere.schema), elsewhere.dataset())
            else:
                media = history.media()
                table = media.table()
                tables[run] = _Open(media.columns, _fixed_media(table.schema), table)
        self._unite("media", tuple(media_columns()), _media_schema, tables)

    def _unite(
        self,
        name: str,
        fixed: tuple[str, ...],
        schema_of: Callable[[list[ColumnSpec]], pa.Schema],
        tables: Mapping[str, Closed | _Open],
    ) -> None:
        """A view of the rows of many tables with the columns of all, named in the order of the runs."""
        alike: dict[tuple[tuple[str, ...], tuple[ColumnSpec, ...]], dict[str, Path]] = {}
        for run, table in tables.items():
            paths_of = alike.setdefault((table.fixed, tuple(table.columns)), {})
            if isinstance(table, Closed):
                paths_of[run] = table.path
        schema = Schema((RUN, *fixed))
        for _, specs in alike:
            for spec in specs:
                schema.add_column(spec.key, spec.kind, spec.integral)
        columns = {(spec.key, spec.kind): spec.name for spec in schema.specs()}
        parts = [f"from {self.table(schema_of(schema.specs()).empty_table())}"]
        for run, table in tables.items():
            if isinstance(table, _Open):
                rows = f"{self.table(table.rows)} as {_ROWS}"
                parts.append(_select(_literal(run), table.fixed, table.columns, columns, rows))
        for (own, like), paths in alike.items():
            if paths:
                parts.append(_select(f"{_NAMES}.{RUN}", own, like, columns, self._files(paths)))
        self.view(name, parts)

    def view(self, name: str, parts: list[str]) -> None:
        """A view of the rows of all parts, columns found by name."""
        try:
            self.connection.execute(f"create temp view {name} as {' union all by name '.join(parts)}")
        except self.duck.Error as error:  # a file is gone, or has other columns than those before it
            said, hint = Verbatim(str(error).splitlines()[0]), "Restore the files from a copy."
            raise DocumentError.of(name, "files that DuckDB reads", said, hint, "parquet") from error

    def _files(self, paths: dict[str, Path]) -> str:
        """A source of the rows of all these files, with the run that each belongs to."""
        runs = self.table(pa.table({"file": [str(path) for path in paths.values()], RUN: list(paths)}))
        return (
            f"read_parquet({_listed(paths.values())}, filename = '{_FILE}') as {_ROWS}"
            f" join {runs} as {_NAMES} on {_ROWS}.{_FILE} = {_NAMES}.file"
        )

    def table(self, table: Any) -> str:
        """What a query has to say to read a table or dataset of pyarrow."""
        self.tables += 1
        source, names, chosen = f"table_{self.tables}", table.schema.names, ""
        if any("\0" in name for name in names):  # Arrow's C interface cuts them there
            table = (table if isinstance(table, pa.Table) else table.to_table()).rename_columns(
                [str(place) for place in range(len(names))]
            )
            chosen = ", ".join(f"{_quoted(str(place))} as {_quoted(name)}" for place, name in enumerate(names))
        self.connection.register(source, table)
        return f"(select {chosen} from {source})" if chosen else source


def _media_schema(specs: list[ColumnSpec]) -> pa.Schema:
    own = [field for field in union_schema(specs) if field.name not in FIXED]
    return pa.schema([own[0], *((name, TYPES[kind]) for name, kind in media_columns().items()), *own[1:]])


def _fixed_media(schema: pa.Schema) -> tuple[str, ...]:
    """The columns of an index of media that stand for no key; files of others have those of fewer types."""
    return tuple(
        name
        for name, kind in media_columns().items()
        if (name, TYPES[kind]) in zip(schema.names, schema.types, strict=True)
    )


def _select(
    run: str, fixed: tuple[str, ...], specs: Iterable[ColumnSpec], columns: Mapping[tuple[str, str], str], source: str
) -> str:
    named = [
        f"{_ROWS}.{_quoted(spec.name)} as {_quoted(columns[spec.key, spec.kind])}"
        for spec in specs
        if (spec.key, spec.kind) in columns
    ]
    chosen = [f"{run} as {RUN}", *(f"{_ROWS}.{_quoted(name)}" for name in fixed), *named]
    return f"select {', '.join(chosen)} from {source}"


def _listed(paths: Iterable[Location]) -> str:
    """Files as DuckDB takes them."""
    return f"[{', '.join(_literal(_escaped(str(path))) for path in paths)}]"


def _escaped(path: str) -> str:
    """A path without the letters that DuckDB takes for a pattern."""
    return re.sub(r"([*?\[])", r"[\1]", path)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
