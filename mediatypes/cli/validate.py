"""`mediatypes validate`"""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import TYPE_CHECKING

from .._core.wording import counted
from ._command import Command, Parser
from ._runs import RUNS, find
from ._text import clean

if TYPE_CHECKING:
    from ..upkeep.verify.report import Report


def _add_arguments(parser: Parser) -> None:
    parser.add_argument("paths", metavar="PATH", nargs="+", help=f"a JSON file of one document or a list, {RUNS}")


def _run(arguments: Namespace) -> int:
    from ..upkeep.verify import check_all

    return max(_print(report) for report in check_all(find(arguments.paths)))


def _print(report: Report) -> int:
    if report.error:
        print(f"mediatypes: {clean(report.error)}", file=sys.stderr)
    for problem in report.problems:
        print(clean(f"{report.path}: {problem}"))
    if report.more:
        print(clean(f"{report.path}: and {counted(report.more, 'problem')} more"))
    if not report.code:
        numbers = f"{counted(report.documents, 'document')} and {counted(report.sidecars, 'sidecar')}"
        unchecked = f"; not checked: types {', '.join(report.unchecked)}" if report.unchecked else ""
        print(clean(f"{report.path}: fine, {numbers}{unchecked}."))
    return report.code


COMMAND = Command(
    "validate",
    "check documents and run folders against the format",
    "Check JSON documents against the schema of their type, and run folders: run.json, the rows, every document\n"
    "in them, and that every sidecar is there with its size. Prints every problem on a line of its own.\n"
    "verify looks deeper: it reads every byte of a run.",
    "mediatypes validate runs/demo",
    _add_arguments,
    _run,
)
