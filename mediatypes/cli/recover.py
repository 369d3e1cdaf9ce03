"""`mediatypes recover`"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .._core.errors import MediaTypesError
from .._core.wording import counted
from ._command import Command, Parser, complain
from ._progress import Progress
from ._runs import add_runs, find
from ._text import clean, in_bytes

if TYPE_CHECKING:
    from ..view import RunView

_LOST = ("torn", "frame", "checksum")  # codes of what stood in a journal and could not be read


def _add_arguments(parser: Parser) -> None:
    add_runs(parser)
    parser.add_argument(
        "--force",
        action="store_true",
        help="go on where nobody can tell whether its process, on another host, is gone; locks of the file system hold",
    )


def _run(arguments: Namespace) -> int:
    code, paths = 0, find(arguments.runs)
    with Progress("recover", len(paths)) as progress:
        for path in paths:
            try:
                lines = list(_recover(path, arguments.force))
            except MediaTypesError as error:
                complain(error)
                code = 2
            else:
                print(*map(clean, lines), sep="\n")
            progress.step()
    return code


def _recover(path: str, force: bool) -> Iterator[str]:
    from ..runfolder import files
    from ..upkeep.recover import recover

    root = Path(path)
    lost = [name for name in (files.RUN, files.SUMMARY) if not (root / name).exists()]
    can_be_made = bool(lost) and (root / files.HISTORY).is_file()
    run = {} if can_be_made and files.RUN in lost else files.read_run_json(root)
    if can_be_made and run.get("status") != "running":
        view = recover(path, force)
        yield f"{path}: {lost[0]} was lost, and is made again of {files.HISTORY}; {view.status}: {_holds(view)}."
        return
    if run["status"] != "running":
        yield f"{path}: over already, {run['status']}: {_holds(recover(path, force))}."
        return
    kept = Path(path) / files.DAMAGED
    before, known = set(files.journals(kept)), len(files.problems_of(run))
    view = recover(path, force)
    yield f"{path}: recovered, {view.status}: {_holds(view)}."
    new = view.problems[known:]
    recorded = [problem for problem in new if problem.code not in _LOST]
    yield from (f"  could not be read: {problem}" for problem in new if problem.code in _LOST)
    if recorded:
        yield f"  {counted(len(recorded), 'problem')} recorded while it was written; mediatypes show lists them"
    yield from (f"  damaged journal kept: {journal}" for journal in files.journals(kept) if journal not in before)


def _holds(view: RunView) -> str:
    from ..runfolder import files
    from ..runfolder.parquet_reader import StoredTable

    steps = view.history([]).column("_step")
    extent = f" (steps {steps[0]} to {steps[-1]})" if len(steps) else ""
    media = StoredTable(view.path / files.MEDIA).read(["path", "size"]).to_pylist()
    size = sum({item["path"]: item["size"] or 0 for item in media}.values())
    stored = f"{counted(len(media), 'media value')}{f' ({in_bytes(size)})' if size else ''}"
    return f"{counted(len(steps), 'row')}{extent}, {counted(len(view.keys()), 'key')}, {stored}"


COMMAND = Command(
    "recover",
    "finish runs whose process was killed",
    "Write the Parquet files of runs that were killed, as their finish() would have: every row that log() returned\n"
    "from is in them. Says what was recovered, and what could not be read; a journal with damage inside is kept in\n"
    "damaged/. A run that is over stays as it is; one that is still written is refused. mediatypes.Run(path,\n"
    'mode="resume") goes on with a killed run, recovered or not.',
    "mediatypes recover runs/demo",
    _add_arguments,
    _run,
)
