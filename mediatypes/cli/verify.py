"""`mediatypes verify`"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .._core.wording import counted
from ._command import Command, Parser, at_least_1
from ._progress import Progress
from ._runs import add_runs, find
from ._text import clean, in_bytes, table_of

if TYPE_CHECKING:
    from ..upkeep.verify.report import Report

_RUNS_A_PROCESS = 16  # fewer are checked sooner by this one than another is started
_WIDEST = (200, 20, 80, 1000)  # of run, code, place; what is wrong stands whole at the end


def _add_arguments(parser: Parser) -> None:
    add_runs(parser)
    parser.add_argument(
        "--jobs",
        metavar="N",
        type=at_least_1,
        help="processes that work (default: one for 16 runs, at most one a core)",
    )


def _run(arguments: Namespace) -> int:
    from .._core.parallel import workers
    from ..upkeep.verify import check_all

    paths = find(arguments.runs)
    jobs = arguments.jobs or min(workers(), len(paths) // _RUNS_A_PROCESS)
    reports = []
    with Progress("verify", len(paths)) as progress:
        for report in check_all(paths, deep=True, jobs=jobs):
            progress.step()
            reports.append(report)
    print(*_lines(reports), sep="\n")
    for report in reports:
        if report.error:
            print(f"mediatypes: {clean(report.error)}", file=sys.stderr)
    return max(report.code for report in reports)


def _lines(reports: list[Report]) -> Iterator[str]:
    faulty = [report for report in reports if report.problems]
    if faulty:
        lines = [(r.path, p.code, p.path, str(p._replace(path=""))) for r in faulty for p in r.problems]
        lines += [(r.path, "", "", f"and {counted(r.more, 'problem')} more") for r in faulty if r.more]
        yield from table_of([("run", "code", "where", "problem"), *lines], _WIDEST, left=4)
        yield ""
    for report in reports:
        yield from (clean(f"{report.path}: {note}") for note in report.notes)
    checked = [report for report in reports if not report.error]
    if unchecked := sorted({tag for report in checked for tag in report.unchecked}):
        yield f"types that are not known here, and were not checked: {', '.join(unchecked)}"
    if not checked:  # why each could not be read is said on stderr
        yield "no run could be verified."
        return
    problems = sum(len(report.problems) + report.more for report in faulty)
    runs = counted(len(checked), "run")
    verdict = (
        f"{counted(problems, 'problem')} in {len(faulty)} of {runs}" if faulty else f"{runs} verified, nothing is wrong"
    )
    rows, documents = sum(report.rows for report in checked), sum(report.documents for report in checked)
    sidecars, size = sum(report.sidecars for report in checked), sum(report.size for report in checked)
    numbers = f"{counted(rows, 'row')}, {counted(documents, 'document')}, {counted(sidecars, 'sidecar')}"
    yield f"{verdict}: {numbers} of {in_bytes(size)}."


COMMAND = Command(
    "verify",
    "check every byte of runs: hashes, rows, references",
    "Check run folders as validate does, and everything that they say twice: the SHA-256 of every sidecar, those that\n"
    "documents refer to within (masks, boxes, resources, cells of tables) included; media.parquet, summary.json and\n"
    "footers against the rows; the journal of a run that is not over. Prints one table of what is wrong, and how to\n"
    "set it right. Nothing is written, also where a run is still being written.",
    "mediatypes verify runs/demo",
    _add_arguments,
    _run,
)
