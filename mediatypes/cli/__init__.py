"""The command line: `mediatypes` and `python -m mediatypes`. Each command is a module here, and a line in COMMANDS."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from argparse import Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence

from .. import __version__
from .._core.errors import MediaTypesError, StoreError, os_error
from ..store.urls import is_url
from . import (
    artifacts,
    compact,
    copy,
    demo,
    export,
    gc,
    import_,
    interop,
    ls,
    pack,
    query,
    recover,
    report,
    show,
    sync,
    validate,
    verify,
    view,
    watch,
)
from ._command import Parser, complain
from ._signals import unwinding
from ._text import note

COMMANDS = (
    demo.COMMAND,
    ls.COMMAND,
    view.COMMAND,
    report.COMMAND,
    show.COMMAND,
    watch.COMMAND,
    query.COMMAND,
    compact.COMMAND,
    import_.COMMAND,
    sync.COMMAND,
    export.COMMAND,
    interop.COMMAND,
    copy.COMMAND,
    recover.COMMAND,
    validate.COMMAND,
    verify.COMMAND,
    pack.PACK,
    pack.UNPACK,
    gc.COMMAND,
    artifacts.COMMAND,
)
EXIT_CODES = """\
exit codes:
  0    done; with validate and verify: everything is fine
  1    validate or verify found problems; compact or copy had to leave runs out
  2    wrong usage, or a run, file or package that is missing, cannot be read, or is in use
  130  interrupted with Ctrl-C; 143 and 129: ended by SIGTERM or SIGHUP"""
_SIGINT, _SIGPIPE = 128 + 2, 128 + 13  # what a shell reports for a process that such a signal ended


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line (default: that of the process) and return its exit code.

    Raises:
        SystemExit: by argparse, for `--help`, `--version` and wrong usage; when SIGTERM or SIGHUP ends the command.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # it was closed, and whoever did that reads nothing
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):  # a key may hold what the terminal's encoding cannot
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        chosen, rest = _parser().parse_known_args(arguments)
        chosen.parser.check(chosen, rest)
        _say_what_is_asked(chosen)
        with unwinding():
            code: int = chosen.run(chosen)
        sys.stdout.flush()
    except MediaTypesError as error:
        complain(error)
        return 2
    except KeyboardInterrupt:
        return _SIGINT
    except BrokenPipeError:
        _print_no_more()
        return _SIGPIPE
    except OSError as error:  # such as a full disk that the output goes to
        _print_no_more()
        hint = "Free some space, or write elsewhere."
        complain(os_error(StoreError, error.filename or "output", "be written", error, hint))
        return 2
    return code


def _say_what_is_asked(chosen: Namespace) -> None:
    """Name the places elsewhere, on a terminal: one that does not answer is waited for."""
    if sys.stderr.isatty():
        given = [one for value in vars(chosen).values() for one in (value if isinstance(value, list) else [value])]
        for place in filter(is_url, given):
            note(f"asking {place} ...")


def _print_no_more() -> None:
    """Python flushes once more when it ends, which would fail once more."""
    with contextlib.suppress(OSError, ValueError):  # an output without a descriptor
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> Parser:
    examples = [f"  {command.example}" for command in COMMANDS]
    parser = Parser(
        prog="mediatypes",
        description="Log typed media values, and look at the runs that hold them.",
        epilog="\n".join(["examples:", *examples, "", EXIT_CODES]),
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"mediatypes {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        added = commands.add_parser(
            command.name,
            help=command.summary,
            description=command.details,
            epilog=f"example:\n  {command.example}\n\n{EXIT_CODES}",
            formatter_class=RawDescriptionHelpFormatter,
        )
        command.add_arguments(added)
        added.set_defaults(run=command.run, parser=added)
    return parser
