"""What a sub-command is, and how it says that something is wrong."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from .._core.errors import MediaTypesError
from ._runs import find
from ._text import clean, note


class Command(NamedTuple):
    """One sub-command: its texts, its arguments, and what it does, returning the exit code."""

    name: str
    summary: str
    details: str
    example: str
    add_arguments: Callable[[ArgumentParser], None]
    run: Callable[[Namespace], int]


def complain(error: MediaTypesError) -> None:
    """Say on stderr what went wrong, in one line."""
    text = (isinstance(error, OSError) and error.strerror) or str(error)  # an OSError's str() leads with its number
    note(text)


def for_each(paths: Iterable[str], doing: Callable[[Path], str]) -> int:
    """Do something to each run that the paths mean, and print what comes of it; one that fails does not stop it.

    Returns:
        The exit code.
    """
    code = 0
    for path in find(paths):
        try:
            print(clean(f"{path}: {doing(Path(path))}"), flush=True)
        except MediaTypesError as error:
            complain(error)
            code = 2
    return code
