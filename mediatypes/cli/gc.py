"""`mediatypes gc`"""

from __future__ import annotations

from argparse import Namespace
from functools import partial

from .._core.wording import counted
from ._command import Command, Parser, for_each
from ._runs import add_runs
from ._text import in_bytes


def _add_arguments(parser: Parser) -> None:
    add_runs(parser)
    parser.add_argument("--dry-run", action="store_true", help="only say what would be removed")


def _run(arguments: Namespace) -> int:
    return for_each(arguments.runs, partial(_collect, dry_run=arguments.dry_run))


def _collect(path: str, dry_run: bool) -> str:
    from ..upkeep.packing import gc

    done = gc(path, dry_run)
    doing = "would remove" if dry_run else "removed"
    return f"{doing} {counted(done.files, 'file')}, {in_bytes(done.size)}; {counted(done.kept, 'file')} in use"


COMMAND = Command(
    "gc",
    "remove media files that nothing refers to",
    "Remove the media files that no row and nothing in the summary of a run refers to: of values that were logged\n"
    "again in the same step, of calls that were refused, of processes that were killed. The runs have to be over.",
    "mediatypes gc --dry-run runs/demo",
    _add_arguments,
    _run,
)
