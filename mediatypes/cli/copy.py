"""`mediatypes copy`"""

from __future__ import annotations

from argparse import Namespace

from .._core.wording import counted
from ._command import Command, Parser
from ._progress import Progress
from ._text import clean, in_bytes, note


def _add_arguments(parser: Parser) -> None:
    parser.add_argument(
        "runs", metavar="RUN", nargs="+", help="a run, a directory or URL of runs, or a quoted pattern of directories"
    )
    parser.add_argument("dest", metavar="DEST", help="a URL such as s3://bucket/runs, or a directory")


def _run(arguments: Namespace) -> int:
    from ..upkeep.transfer import copy

    with Progress("copy") as bar:
        done = copy(arguments.runs, arguments.dest, progress=bar.show)
    for problem in done.problems:
        note(f"left out: {problem}")
    sent = f"{counted(len(done.runs), 'run')}, {counted(done.files, 'file')} sent ({in_bytes(done.bytes)})"
    print(clean(f"{arguments.dest}: {sent}"))
    if not done.runs and not done.problems:
        note("no runs were found. Pass a run, or the directory that holds them.")
    return 1 if done.problems else 0


COMMAND = Command(
    "copy",
    "copy runs to or from S3, GCS, Azure",
    "Copy runs to DEST/<name>. Only what is missing there is sent, so that it can be interrupted and repeated; a run\n"
    "appears whole, and one that is still written can be read there as it stands. Credentials come from the\n"
    "environment. Exits 1 if a run could not be copied; the others are there.",
    "mediatypes copy runs s3://bucket/runs",
    _add_arguments,
    _run,
)
