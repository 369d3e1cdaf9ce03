"""`mediatypes sync`"""

from __future__ import annotations

import signal
import threading
import time
from argparse import Namespace
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

from .._core.wording import counted
from . import _terminal, import_
from ._command import Command, Parser, seconds
from ._text import clean, command, cut, note

if TYPE_CHECKING:
    from ..interop.tensorboard import FollowState

_INTERVAL = 0.25  # seconds: what is in the files is in the runs within one
_LINES = 1.0  # seconds between two lines, where there is no terminal


def _add_arguments(parser: Parser) -> None:
    import_.COMMAND.add_arguments(parser)
    follow = parser.add_argument("--follow", action="store_true", help="go on while others write there, until Ctrl-C")
    ends = "end when nothing new came for so many seconds"
    idle = parser.add_argument("--idle", metavar="S", type=seconds, help=ends)
    interval = parser.add_argument(
        "--interval",
        metavar="S",
        type=seconds,
        default=_INTERVAL,
        help=f"seconds between looks (default: {_INTERVAL})",
    )
    parser.only_with(follow, idle, interval)


def _run(arguments: Namespace) -> int:
    from .._core.errors import InputError, Verbatim

    if not arguments.follow:
        return import_.COMMAND.run(arguments)
    if len(arguments.sources) != 1:
        hint = "Start one process for each."
        raise InputError.of("LOGDIR", "one log directory to follow", len(arguments.sources), hint)
    if arguments.jobs != 1:
        raise InputError.of("--jobs", "1 with --follow", arguments.jobs, "Leave it out.")
    (source,) = arguments.sources
    importer = import_.importer_of(source)
    if importer not in (import_.EVENTS, import_.WANDB):
        hint = f"Type: {command('import', source, '-o', arguments.dest)}"
        raise InputError.of("--follow", "logs of TensorBoard or W&B", Verbatim(importer.what), hint)
    import_.require_known_options([importer], arguments)
    with _Stop() as stop, _Screen() as screen:
        until = {"stop": stop.is_set, "idle": arguments.idle, "interval": arguments.interval, "on_change": screen.show}
        if importer is import_.WANDB:
            from ..interop.wandb import follow_runs

            named = {"project": arguments.project, "tags": arguments.tags}
            report = follow_runs(source, arguments.dest, **named, **until)
        else:
            from ..interop.tensorboard import follow_logdir

            report = follow_logdir(source, arguments.dest, **import_.options(arguments), **until)
    print(report)
    return import_.say([(source, report)], arguments)


class _Stop:
    """Whether a signal asks to end: the first Ctrl-C or SIGTERM; a second one ends the process as it would have."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._before: dict[int, Any] = {}
        self.is_set = self._event.is_set

    def __enter__(self) -> _Stop:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._stop)
        return self

    def _stop(self, *_: object) -> None:
        self._event.set()
        self.__exit__()

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)


class _Screen:
    """One line that is written over on a terminal, elsewhere a line for each change, at most one a second."""

    def __init__(self) -> None:
        self._screen = _terminal.stdout()
        self._began, self._events = time.monotonic(), -1  # of the last line
        self._pending: FollowState | None = None

    def show(self, state: FollowState) -> None:
        """Say how far it is, and what is wrong."""
        for run, problem in state.problems:
            self._screen.clear()
            note(clean(f"{run}: {problem}" if run else str(problem)))
        state = state._replace(problems=[])
        now = time.monotonic()
        if self._events >= 0 and now - self._began < _LINES:
            self._pending = state
            return
        rate = (state.events - self._events) / (now - self._began) if self._events >= 0 else 0.0
        self._began, self._events, self._pending = now, state.events, None
        at = f", {state.run} at step {state.step}" if state.step is not None else ""
        live = f"{counted(state.runs, 'run')}, {state.live} live, {state.events:,} events, {rate:,.0f}/s{at}"
        line = clean(f"{time.strftime('%H:%M:%S')} {live}")
        if self._screen.is_terminal:
            self._screen.draw([cut(line, get_terminal_size().columns)])
        else:
            print(line, flush=True)

    def __enter__(self) -> _Screen:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pending is not None:
            self._began -= _LINES
            self.show(self._pending)
        self._screen.clear()


COMMAND = Command(
    "sync",
    "make runs of logs, also while they are written",
    "Without --follow as mediatypes import. With it every run goes on while its logs grow: open_run and\n"
    "mediatypes watch see a new value within a second. New files and directories are found, half-written records are\n"
    "waited for. Ctrl-C, SIGTERM or --idle ends it; then the run folders are what an import makes, byte for byte.\n"
    "Killed and started again it goes on where it was.",
    "mediatypes sync logs -o runs --follow",
    _add_arguments,
    _run,
)
