"""`mediatypes interop`"""

from __future__ import annotations

import importlib.metadata
from argparse import Namespace
from collections import Counter

from ._command import Command, Parser
from ._text import table_of


def _add_arguments(parser: Parser) -> None:
    from ..interop.trackers import TRACKERS

    parser.add_argument("name", nargs="?", choices=TRACKERS, metavar="NAME", help=f"one of {', '.join(TRACKERS)}")


def _run(arguments: Namespace) -> int:
    from ..interop.trackers import TRACKERS, adapter

    if arguments.name is not None:
        ways = adapter(arguments.name).ways
        table = [("type", "is", "as"), *((kind, str(way.fate), way.how) for kind, way in ways.items())]
        print(*table_of(table, (16, 9, 200), left=3), sep="\n")
        return 0
    rows: list[tuple[str, ...]] = [("name", "tracker", "package", "installed", "kept", "changed", "dropped")]
    for name in TRACKERS:
        one = adapter(name)
        fates = Counter(way.fate for way in one.ways.values())
        counts = (str(fates[fate]) for fate in ("kept", "changed", "dropped"))
        rows.append((name, one.title, one.package, _version(one.package), *counts))
    print(*table_of(rows, (16, 20, 24, 12, 4, 7, 7), left=4), sep="\n")
    return 0


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "no"


COMMAND = Command(
    "interop",
    "list the trackers that values can be logged to",
    "List the trackers that mediatypes.interop.log sends values to, or say what one of them makes of each type: kept,\n"
    "its own reader gives an equal value; changed, something of it; dropped, it has no place for it.",
    "mediatypes interop tensorboard",
    _add_arguments,
    _run,
)
