"""`mediatypes watch`"""

from __future__ import annotations

import sys
import time
from argparse import ArgumentTypeError, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from .._core.errors import StoreError, Verbatim
from .._core.location import local_path
from ._board import Board, Screen, state
from ._command import Command, Parser, seconds
from ._text import clean, command

if TYPE_CHECKING:
    from ..runfolder.follower import Follower

_INTERVAL = 0.05  # seconds: what log() returned from is shown within 100 ms


def _interval(text: str) -> float:
    if not (interval := seconds(text)):
        raise ArgumentTypeError(f"expected seconds above 0, got {text}. Pass 0.5.")
    return interval


def _add_arguments(parser: Parser) -> None:
    parser.add_argument("path", metavar="RUN", help="the folder of a run; it is waited for if need be")
    interval = parser.add_argument(
        "--interval",
        metavar="S",
        type=_interval,
        default=_INTERVAL,
        help=f"seconds between looks (default: {_INTERVAL})",
    )
    parser.add_argument(
        "--keys", metavar="KEY", nargs="+", default=[], help="only these keys; * and ? stand for others: 'val.*'"
    )
    once = parser.add_argument("--once", action="store_true", help="print the state as it is now, and end")
    parser.not_with(once, interval)


def _run(arguments: Namespace) -> int:
    from ..runfolder.follower import AT_ONCE, Follower

    path = local_path(arguments.path, "watch")
    name, board, screen = arguments.path, Board(arguments.keys), Screen(arguments.interval)
    if not arguments.once:
        _wait(path, arguments.interval)
    with Follower(path) as follower:
        restarts = 0
        while True:
            batches = follower.poll()
            if follower.restarts != restarts:  # the run went back to an earlier step
                restarts, board = follower.restarts, Board(arguments.keys)
            for batch in batches:
                board.add(batch)
            if arguments.once:
                if not batches:
                    print(*state(name, follower, board), sep="\n")
                    return 0
                continue
            is_over = not batches and follower.status != "running"
            screen.show(follower, board, is_over)
            if is_over:
                print(clean(_end(name, follower, board)))
                return 0
            if len(batches) < AT_ONCE:  # else there is more at once
                time.sleep(arguments.interval)


def _wait(path: Path, interval: float) -> None:
    """Wait until somebody has begun the run."""
    from ..runfolder import files

    said = False
    while not (path / files.RUN).exists() and (path.is_dir() or not path.exists()):
        _require_no_runs(path)
        if not said:
            print(f"mediatypes: waiting for a run in {clean(str(path))}; Ctrl-C ends this.", file=sys.stderr)
            said = True
        time.sleep(interval)


def _require_no_runs(path: Path) -> None:
    """Raise StoreError if a directory holds runs: none will begin in it."""
    from ..runfolder import files

    if runs := list(path.glob(f"*/{files.RUN}")):
        latest = max(runs, key=lambda run: run.stat().st_mtime).parent
        hint = f"Type: {command('watch', latest)}"
        raise StoreError.of(str(path), "the folder of one run", Verbatim("one that holds runs"), hint)


def _end(name: str, follower: Follower, board: Board) -> str:
    from ..runfolder import files

    if follower.run["status"] == "running":
        writer = files.writer_name(follower.run.get("writer", {}))
        return f"{name}: crashed, {writer} is gone: {board.extent()}. Finish it with {command('recover', name)}"
    seconds = follower.run.get("finished", follower.run["started"]) - follower.run["started"]
    return f"{name}: {follower.run['status']} after {seconds:.1f} s: {board.extent()}."


COMMAND = Command(
    "watch",
    "follow a run while it is written",
    "Show the latest value of every key, with the course of numbers, while a run is written; a row is shown within\n"
    "100 ms. On a terminal the table is drawn in place; elsewhere every change is a line. Ends when the run is over,\n"
    "and says how. Only what is new is read, and nothing is written or locked: the training does not notice.",
    "mediatypes watch runs/demo --keys loss 'val.*'",
    _add_arguments,
    _run,
)
