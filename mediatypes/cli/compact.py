"""`mediatypes compact`"""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from ._command import Command, Parser
from ._progress import Progress
from ._text import clean, note


def _add_arguments(parser: Parser) -> None:
    parser.add_argument("root", metavar="ROOT", help="the directory of the runs, or a quoted pattern of directories")
    parser.add_argument("dest", metavar="DEST", type=Path, help="the directory of the dataset")


def _run(arguments: Namespace) -> int:
    from ..runset.runset import compact

    with Progress("compact") as bar:
        done = compact(arguments.root, arguments.dest, progress=bar.show)
    for problem in done.problems:
        note(f"left out: {problem}")
    counts = {
        "added": len(done.added),
        "replaced": len(done.replaced),
        "unchanged": done.unchanged,
        "not over yet": len(done.waiting),
    }
    print(clean(f"{arguments.dest}: {', '.join(f'{count} {what}' for what, count in counts.items())}"))
    if not any(counts.values()) and not done.problems:
        note("no runs were found. Pass the directory that holds them.")
    return 1 if done.problems else 0


COMMAND = Command(
    "compact",
    "put many runs into a few Parquet files",
    "Add the runs below a directory that are over to a Parquet dataset of three tables (history, media, runs): then\n"
    "analysis opens a few files instead of one for each run. Called again it reads only runs that are new or have\n"
    "changed; interrupted, it goes on where it was. Exits 1 if a run could not be read; the others are in.",
    "mediatypes compact runs all-runs",
    _add_arguments,
    _run,
)
