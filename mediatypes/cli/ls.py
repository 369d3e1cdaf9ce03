"""`mediatypes ls`"""

from __future__ import annotations

import math
import sys
import time
from argparse import Namespace
from collections import defaultdict
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePath
from shutil import get_terminal_size
from typing import Any, NamedTuple

from ..journal.metrics import FIXED
from ._command import Command, Parser, tell_unknown
from ._text import clean, cut, note, shorten, table_of

_WIDE = 200  # columns where there is no terminal
_WIDEST = (60, 30, 11, 6, 12, 1000)
_SUMMARY = "summary."
_SKEW = 86400  # seconds that the clock of another machine may go wrong
_LONGEST = 40 * 31_557_600  # seconds: nobody trained in 1970, which a log without times says


class _Line(NamedTuple):
    """A line of the table; `name` stands there only where the folder has another."""

    run: str
    name: str
    status: str
    age: str
    step: str
    values: str


def _add_arguments(parser: Parser) -> None:
    parser.add_argument(
        "root", metavar="ROOT", nargs="?", help="the directory of the runs (default: this one), or a URL"
    )
    parser.add_argument(
        "--keys", metavar="KEY", nargs="+", default=["*"], help="only these values; * and ? stand for others: 'val.*'"
    )


def _run(arguments: Namespace) -> int:
    from ..runset.runset import open_runs

    keys = arguments.keys
    if arguments.root is None and len(keys) > 1 and Path(keys[-1]).is_dir():  # `ls --keys loss runs`
        *keys, arguments.root = keys
    root = "." if arguments.root is None else arguments.root
    runs = open_runs(root)
    rows = runs.table().to_pylist()
    for problem in runs.problems:
        note(f"left out: {problem}")
    if not rows and not runs.problems:
        print(f"{clean(root)}: no runs. Pass the directory that holds them.")
    if rows:
        print(*_lines(rows, keys), sep="\n")
    names = {name for row in rows for name in row if name.startswith(_SUMMARY)}
    tell_unknown(keys, {name.removeprefix(_SUMMARY) for name in names})
    return 2 if runs.problems else 0


def _lines(rows: list[dict[str, Any]], keys: list[str]) -> Iterator[str]:
    """A table of the runs, and what is odd about their folders."""
    lines = [_Line("run", "name", "status", "age", "step", "last values")]
    for row in rows:
        name = row["name"] if row["name"] != PurePath(row["path"]).name else ""
        values = {key.removeprefix(_SUMMARY): value for key, value in row.items() if key.startswith(_SUMMARY)}
        step = shorten(values.get("_step"))
        lines.append(
            _Line(row["run"], name or "", row["status"] or "", _age(row["started"]), step, _chosen(values, keys))
        )
    if not any(line.name for line in lines[1:]):
        lines[0] = lines[0]._replace(name="")
    width = get_terminal_size().columns if sys.stdout.isatty() else _WIDE
    if rows:
        yield from (cut(line, width) for line in table_of(lines, _WIDEST, left=len(_WIDEST)))
    places = defaultdict(list)
    for row in rows:
        places[row["id"]].append(row["run"])
    for id, runs in places.items():
        if id and len(runs) > 1:
            yield f"the same run (id {clean(id)}) {len(runs)} times: {', '.join(map(clean, runs))}"


def _age(started: float | None) -> str:
    """How long ago a run began: 40 s, 3 min, 5 h, 12 d, 3 y; nothing where its time cannot be."""
    seconds = time.time() - started if started is not None else math.nan
    if not -_SKEW <= seconds < _LONGEST:
        return ""
    seconds = max(seconds, 0)
    for unit, length in (("y", 31_557_600), ("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length:.0f} {unit}"
    return f"{seconds:.0f} s"


def _chosen(values: dict[str, Any], keys: list[str]) -> str:
    """The scalars of a run's summary whose key matches; those that the library adds are left out."""
    return " ".join(
        f"{clean(key)}={shorten(value)}"
        for key, value in values.items()
        if isinstance(value, (bool, int, float, str))
        and not _is_document(value)
        and any(fnmatchcase(key, pattern) for pattern in keys)
        if key not in FIXED
    )


def _is_document(value: object) -> bool:
    """Whether a value of the table is the JSON of media."""
    return isinstance(value, str) and value.startswith(('{"_type":', '[{"_type":'))


COMMAND = Command(
    "ls",
    "list runs with their status, age and last values",
    "List the runs below a directory: status, how long ago each began, and the values in its summary. Runs whose\n"
    "folder has another name than they have, and copies of one run, are said.",
    "mediatypes ls runs --keys loss 'val.*'",
    _add_arguments,
    _run,
)
