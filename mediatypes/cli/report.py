"""`mediatypes report`"""

from __future__ import annotations

import re
from argparse import ArgumentTypeError, Namespace
from pathlib import Path

from .._core.wording import counted
from ._command import Command, Parser
from ._text import clean, in_bytes, note

_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9}
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,9})?) ?([kmg]?b?)", re.ASCII | re.IGNORECASE)


def _size(text: str) -> int:
    found = _SIZE.fullmatch(text)
    if found is None or found[2].lower() not in _UNITS:
        raise ArgumentTypeError(f"expected bytes, or a number with kB, MB or GB, got {text!r}. Pass 20MB.")
    return int(float(found[1]) * _UNITS[found[2].lower()])


def _add_arguments(parser: Parser) -> None:
    parser.add_argument("runs", metavar="RUN", nargs="+", help="a run, a folder of runs, or a pattern")
    parser.add_argument("-o", dest="dest", metavar="FILE", type=Path, required=True, help="the HTML file to write")
    parser.add_argument(
        "--max-size",
        metavar="SIZE",
        type=_size,
        default=100 * 10**6,
        help="such as 20MB (default: 100MB): beyond it pictures become previews and other large media are left out",
    )
    beside = "FILE is a folder: pictures, videos and sounds stand in it, beside index.html"
    parser.add_argument("--folder", action="store_true", help=beside)


def _run(arguments: Namespace) -> int:
    from ..viewer.report import write_report

    done = write_report(arguments.runs, arguments.dest, max_size=arguments.max_size, folder=arguments.folder)
    for problem in done.problems:
        note(f"left out: {problem}")
    held = f"{counted(done.runs, 'run')}, {counted(done.files, 'media file')}, {in_bytes(done.size)}"
    print(clean(f"{done.path}: {held}"))
    if done.size > arguments.max_size and not arguments.folder:
        print("- larger than --max-size: the page and the rows alone take that")
    if done.previews:
        print(f"- {counted(done.previews, 'picture')} as previews, to stay below {in_bytes(arguments.max_size)}")
    if done.left_out:
        print(f"- {counted(done.left_out, 'media file')} left out; --max-size or --folder takes more")
    if done.without:
        print(
            f"- without the scripts of {', '.join(done.without)}, so what they draw is not shown; --max-size takes more"
        )
    for reason in done.missing:
        print(clean(f"- not drawn: {reason}"))
    return 2 if done.problems else 0


COMMAND = Command(
    "report",
    "write runs as one HTML file",
    "Write runs as a page that holds everything: it opens from disk or an e-mail, without a server, Python or\n"
    "a network.",
    "mediatypes report runs/demo -o report.html",
    _add_arguments,
    _run,
)
