"""`mediatypes show`"""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any, NamedTuple

from .._core import canonical
from .._core.errors import MediaTypesError
from .._core.references import references
from .._core.wording import counted
from ..journal.names import FIRST_CHILD
from . import _pictures
from ._command import Command, Parser, complain
from ._runs import add_runs, find
from ._text import clean, columns, cut, duration, in_bytes, note, pad, shorten, table_of

if TYPE_CHECKING:
    import pyarrow as pa

    from ..runfolder.opening import History
    from ..runfolder.schema import ColumnSpec
    from ..view import RunView

_WIDTH = 100
_MAX_PROBLEMS = 20
_COURSE = 24  # cells of a sparkline
_PICTURES = 6
_CELLS = 2**23  # that are read at once


class _Row(NamedTuple):
    """A line of the table. The first two stand at the left, the others at the right."""

    key: str = "key"
    kind: str = "kind"
    values: str = "count"
    min: str = "min"
    max: str = "max"
    last: str = "last"
    size: str = "size"


_WIDEST = (29, 14, 9, 10, 10, 12, 10)  # with their gaps, 100 columns


def _add_arguments(parser: Parser) -> None:
    add_runs(parser)
    parser.add_argument("--console", action="store_true", help="print what the run's processes have printed, instead")


def _run(arguments: Namespace) -> int:
    from ..view import open_run

    shown = _console if arguments.console else _lines

    code = 0
    for number, path in enumerate(find(arguments.runs)):
        try:
            lines = list(shown(open_run(path)))
        except MediaTypesError as error:
            complain(error)
            code = 2
        else:
            if lines:
                print(*([""] if number else []), *lines, sep="\n")
    return code


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else canonical.dumps(value)


def _lines(view: RunView) -> Iterator[str]:
    from ..columns.batch import RANK
    from ..runfolder.schema import FIXED

    show_courses = sys.stdout.isatty()
    width = get_terminal_size().columns if show_courses else _WIDTH
    history = view._history()
    specs = [spec for spec in history.specs if (spec.key, spec.kind) != RANK]
    of_ranks = [spec.name for spec in history.specs if (spec.key, spec.kind) == RANK]
    table = history.read([*FIXED, *of_ranks])
    yield f"{clean(view.name)}: {view.status}, {_extent(table, *of_ranks)}, {duration(_lasted(view, table))}"
    folder = view.path.name
    described = {
        "folder": folder if folder != view.name else "",
        "exit": clean(view.exit.get("exception", "")),
        "project": view.project,
        "tags": ", ".join(view.tags),
        "notes": view.notes,
    }
    config = {f"config.{name}": _plain(value) for name, value in view.config.items()}
    told = view.describe()
    logged = {*FIXED, *(spec.key for spec in specs)}.difference(told.get("summary_overrides", ()))
    summary = {f"summary.{name}": _plain(value) for name, value in told["summary"].items() if name not in logged}
    for name, text in {**described, **_made_by(view.environment), **config, **summary}.items():
        if text:
            yield cut(f"  {name}: {text}", min(width, _WIDTH))
    if specs:
        yield ""
        rows = [
            (_row(column, spec), _course(column, spec) if show_courses else "")
            for spec, column in _columns(history, specs, len(table))
        ]
        lines = table_of([_Row(), *(row for row, _ in rows)], _WIDEST, left=2)
        if show_courses:
            lines = _with_courses([cut(line, width) for line in lines], [course for _, course in rows], width)
        yield from lines
        if _pictures.can_show():
            yield from _last_pictures(view, history, specs)
    if problems := view.problems:
        yield ""
        yield f"problems: {len(problems)}"
        yield from (f"- {clean(str(problem))}" for problem in problems[:_MAX_PROBLEMS])
        if len(problems) > _MAX_PROBLEMS:
            yield f"- and {len(problems) - _MAX_PROBLEMS} more"


def _made_by(environment: dict[str, Any]) -> dict[str, str]:
    """The machine and the commit that made a run, as far as it recorded them."""
    git, told = environment.get("git"), dict[str, str]()
    if isinstance(git, dict):
        changed = "uncommitted changes" if git.get("dirty") else ""
        parts = [
            str(git.get("commit", "" if git.get("incomplete") else "no commit"))[:12],
            git.get("branch"),
            git.get("remote"),
            changed,
        ]
        told["git"] = ", ".join(clean(str(part)) for part in parts if part)
    if environment.get("host"):
        names = [gpu.get("name") for gpu in environment.get("gpus", []) if isinstance(gpu, dict)]
        parts = [environment["host"], environment.get("os"), f"Python {environment.get('python')}", *names]
        told["machine"] = ", ".join(clean(str(part)) for part in parts if part)
    return told


def _console(view: RunView) -> Iterator[str]:
    line = None
    for line in view.console():
        yield f"({clean(line.text)} left out)" if line.stream == "cut" else clean(line.text)
    if line is None:
        note(f'{view.path}: no console is recorded. mediatypes.Run(path, capture=["console"]) records it.')


def _course(table: pa.Table, spec: ColumnSpec) -> str:
    """How a number went, as a sparkline."""
    from ._board import sparkline
    from ._downsample import Series

    if spec.kind not in ("number", "integer"):
        return ""
    series = Series(2 * _COURSE)
    series.add(table.column(spec.name).drop_null().to_numpy())
    return sparkline(series.means())


def _with_courses(lines: list[str], courses: list[str], room: int) -> Iterator[str]:
    """The table's lines with the course of each number, where the terminal has room for it."""
    width = max(map(columns, lines))
    if width + _COURSE + 2 > room:
        yield from lines
        return
    yield lines[0]
    for line, course in zip(lines[1:], courses, strict=True):
        yield f"{pad(line, width, left=True)}  {course}".rstrip()


def _last_pictures(view: RunView, history: History, specs: list[ColumnSpec]) -> Iterator[str]:
    """The last picture of some keys, with what is drawn over it."""
    from .._core.codec import decode

    pictures = []
    for spec in [spec for spec in specs if spec.kind == "image"][:_PICTURES]:
        cells = history.read(["_step", spec.name]).column(spec.name).drop_null()
        if not len(cells):  # each was logged over by another kind
            continue
        try:
            image: Any = decode(canonical.loads(cells[-1].as_py()["_doc"]), view.store)
            pictures.append((spec.key, image.to_pil(overlays=True)))
        except MediaTypesError:  # gone, or a codec is missing: the table has its line
            continue
    if pictures:
        yield ""
        yield from _pictures.side_by_side(pictures, get_terminal_size().columns)


def _extent(table: pa.Table, *of_ranks: str) -> str:
    if not table.num_rows:
        return "no rows"
    steps = table.column("_step")
    writers = "".join(f" of {_writers(table.column(name).unique().to_pylist())}" for name in of_ranks)
    return f"{counted(table.num_rows, 'row')}{writers}, steps {steps[0]} to {steps[-1]}"


def _writers(ranks: list[int]) -> str:
    """How many processes of the job logged, and how many that these have started."""
    workers = sum(rank >= FIRST_CHILD for rank in ranks)
    return counted(len(ranks) - workers, "rank") + (f" and {counted(workers, 'worker')}" if workers else "")


def _lasted(view: RunView, table: pa.Table) -> float:
    """Seconds from the run's start to its end, till now while it is written, and to its last row if it was killed."""
    import pyarrow.compute as pc

    run, status = view._read_run(), view.status
    if status == "crashed" or (status != "running" and "finished" not in run):
        return float(pc.max(table.column("_runtime")).as_py() or 0)
    return float((time.time() if status == "running" else run["finished"]) - run["started"])


def _columns(history: History, specs: list[ColumnSpec], rows: int) -> Iterator[tuple[ColumnSpec, pa.Table]]:
    """Each column with a table that has it; no more of them are read at once than fit into memory."""
    from ..runfolder.select import with_integers

    at_once = max(_CELLS // max(rows, 1), 1)
    for first in range(0, len(specs), at_once):
        part = specs[first : first + at_once]
        table = with_integers(history.read(["_step", *(spec.name for spec in part)]), part)
        yield from ((spec, table) for spec in part)


def _row(table: pa.Table, spec: ColumnSpec) -> _Row:
    import pyarrow as pa

    column = table.column(spec.name).drop_null()
    row = _Row(clean(spec.key), spec.kind, str(len(column)), "", "", "", "")
    if not len(column):
        return row
    last = column[-1].as_py()
    if pa.types.is_struct(_item_type(column.type)):
        return row._replace(last=_dimensions(last), size=_size(table, spec.name))
    row = row._replace(last=counted(len(last), "value") if isinstance(last, list) else shorten(last))
    if spec.kind in ("number", "integer", "boolean", "number_list"):
        low, high = _range(column)
        row = row._replace(min=shorten(low), max=shorten(high))
    return row


def _item_type(kind: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    return kind.value_type if pa.types.is_list(kind) else kind


def _range(column: pa.ChunkedArray) -> tuple[Any, Any]:
    import pyarrow as pa
    import pyarrow.compute as pc

    extremes = pc.min_max(pc.list_flatten(column) if pa.types.is_list(column.type) else column).as_py()
    return extremes["min"], extremes["max"]


def _dimensions(cell: Any) -> str:
    """What a document says about its extent."""
    if isinstance(cell, list):
        return f"{len(cell)} items"
    cell = canonical.loads(cell["_doc"])
    if cell.get("width") and cell.get("height"):
        return f"{cell['width']} x {cell['height']}"
    if cell.get("values"):
        return f"{len(cell['values'])} bins"
    return f"{cell['duration']:.1f} s" if cell.get("duration") else ""


def _size(table: pa.Table, name: str) -> str:
    """Bytes of the sidecars that the documents of a column name, each counted once."""
    from ..runfolder.media_index import documents

    sizes = {
        reference["sha256"]: reference["size"]
        for _, text in documents(table, name)
        for _, reference in references(canonical.loads(text))
    }
    if not sizes:
        return ""
    return in_bytes(sum(sizes.values()))


COMMAND = Command(
    "show",
    "print what a run holds",
    "Print a run's status and, for every key and kind, how many values there are, their range, the last one, and\n"
    "the bytes of media files. Also while the run is being written, and after a crash.\n"
    "--console: the lines that it and its children have printed, if it recorded them.",
    "mediatypes show runs/demo",
    _add_arguments,
    _run,
)
