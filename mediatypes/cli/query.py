"""`mediatypes query`"""

from __future__ import annotations

import contextlib
import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .._core.errors import InputError, StoreError, os_error
from ..interop.importing.names import free_name
from ._command import Command, Parser
from ._text import note

_FORMATS = ("table", "csv", "json", "parquet")


def _add_arguments(parser: Parser) -> None:
    parser.add_argument("root", metavar="ROOT", help="the directory of the runs, or a quoted pattern of directories")
    parser.add_argument("query", metavar="SQL", help="a query over the views runs, history and media")
    parser.add_argument(
        "--format", choices=_FORMATS, default="table", help="how to print or write the answer (default: %(default)s)"
    )
    parser.add_argument("-o", dest="dest", type=Path, metavar="FILE", help="write it there; needed for parquet")


def _run(arguments: Namespace) -> int:
    from ..runset.database import answering
    from ..runset.runset import open_runs

    if arguments.format == "parquet" and not arguments.dest:
        raise InputError.of("query --format parquet", "a file to write", None, "Add -o answer.parquet.")
    runs = open_runs(arguments.root)
    try:
        answer = runs.sql(arguments.query)
    finally:
        for problem in runs.problems:
            note(f"left out: {problem}")
    with answering():
        if arguments.format == "parquet":
            _write_parquet(answer, arguments.dest)
        elif arguments.dest:
            _write_text(_FORMATTERS[arguments.format](answer), arguments.dest)
        else:
            sys.stdout.write(_FORMATTERS[arguments.format](answer))
    return 2 if runs.problems else 0


def _distinct(columns: list[str]) -> list[str]:
    """The names of columns; one that stands there again has a number behind it."""
    taken = set[str]()
    return [free_name(name, taken, "_") for name in columns]


def _table(answer: Any) -> str:
    return str(answer)


def _csv(answer: Any) -> str:
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(answer.columns)
    writer.writerows([_flat(value) for value in row] for row in answer.fetchall())
    return out.getvalue()


def _json(answer: Any) -> str:
    """A list of objects, in lines of one object each."""
    from .._core import canonical

    names = _distinct(answer.columns)
    rows = [canonical.dumps(_plain(dict(zip(names, row, strict=True)))) for row in answer.fetchall()]
    return "[" + ",\n ".join(rows) + "]\n"


def _flat(value: Any) -> Any:
    """A cell of a CSV file: structs and lists are JSON."""
    from .._core import canonical

    return canonical.dumps(_plain(value)) if isinstance(value, (dict, list)) else value


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def _write_text(text: str, path: Path) -> None:
    with _writing(path):
        path.write_text(text, "utf-8", newline="")


def _write_parquet(answer: Any, path: Path) -> None:
    import pyarrow.parquet as pq

    table = answer.to_arrow_table()
    table = table.rename_columns(_distinct(table.column_names))
    with _writing(path):
        pq.write_table(table, path, compression="zstd")


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        hint = "Choose a writable directory."
        raise os_error(StoreError, str(path), "write the answer", error, hint) from error


_FORMATTERS = {"table": _table, "csv": _csv, "json": _json}

COMMAND = Command(
    "query",
    "ask many runs with SQL",
    "Ask the runs below a directory with SQL (DuckDB). The views are runs (a row for each run: run, name, project,\n"
    "tags, status, config.*, summary.*), history (run, _step and a column for each key), media (a row for each\n"
    "logged item: run, key, step, type, caption, sha256, path), boxes and histograms. Names with dots need quotes:\n"
    '"config.lr". Exits 2 if a run could not be read; the others are asked.\n'
    "Only the columns and files that a query needs are read.",
    "mediatypes query runs 'select run, max(acc) from history group by run order by 2 desc'",
    _add_arguments,
    _run,
)
