"""`mediatypes report`"""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

from ._command import Command
from ._text import count, in_bytes, note

_UNITS = {"kB": 10**3, "MB": 10**6, "GB": 10**9}


def _size(text: str) -> int:
    for unit, factor in _UNITS.items():
        if text.endswith(unit) and text.removesuffix(unit).strip().isdigit():
            return int(text.removesuffix(unit)) * factor
    if not text.isdigit():
        raise ArgumentTypeError(f"expected bytes, or a number with kB, MB or GB, got {text!r}")
    return int(text)


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("runs", metavar="RUN", nargs="+", help="a run, a folder of runs, or a pattern")
    parser.add_argument("-o", dest="dest", metavar="FILE", type=Path, required=True, help="the HTML file to write")
    parser.add_argument(
        "--max-size", type=_size, default=100 * 10**6, help="such as 20MB (default 100MB); larger media become previews"
    )
    parser.add_argument("--folder", action="store_true", help="FILE is a folder: pictures, videos and sounds beside it")


def _run(arguments: Namespace) -> int:
    from ..viewer.report import write_report

    done = write_report(arguments.runs, arguments.dest, max_size=arguments.max_size, folder=arguments.folder)
    for problem in done.problems:
        note(f"left out: {problem}")
    print(f"{done.path}: {count(done.runs, 'run')}, {count(done.files, 'media file')}, {in_bytes(done.size)}")
    if done.previews:
        print(f"- {count(done.previews, 'picture')} as previews, to stay below {in_bytes(arguments.max_size)}")
    if done.left_out:
        print(f"- {count(done.left_out, 'media file')} left out; --max-size or --folder takes more")
    return 0


COMMAND = Command(
    "report",
    "write runs as one HTML file",
    "Write runs as a page that holds everything: it opens from disk or an e-mail, without a server, Python or\n"
    "a network.",
    "mediatypes report runs/demo -o report.html",
    _add_arguments,
    _run,
)
