"""Which runs the arguments of a command mean."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path

from .._core.errors import Problem
from ..store.urls import is_url
from ._text import note

RUNS = "a run folder, a folder of which all runs are meant, or a quoted pattern of folders"


def add_runs(parser: ArgumentParser) -> None:
    """The argument `runs`, of one or more."""
    parser.add_argument("runs", metavar="RUN", nargs="+", help=RUNS)


def find(paths: Iterable[str]) -> list[str]:
    """The runs at paths, or below them, or in folders that match a pattern; each once, as they were named.

    A path without a run stands for itself, and so does a URL: whoever opens it says what is wrong.

    Raises:
        StoreError: nothing matches a pattern, or a directory cannot be listed.
    """
    from ..runfolder import files
    from ..runset.discovery import find_roots, find_runs

    runs, problems = list[str](), list[Problem]()
    for text in paths:
        is_pattern = any(letter in text for letter in "*?[") and not Path(text).exists()
        for root in map(str, find_roots(text)) if is_pattern else [text]:
            path = Path(root)
            if (path / files.RUN).exists() or not path.is_dir():
                runs.append(root)
            else:
                runs += map(str, list(find_runs(path, problems)) or [path])
    for problem in problems:
        note(f"left out: {problem}")
    once = {run if is_url(run) else os.path.abspath(run): run for run in reversed(runs)}
    return list(reversed(once.values()))
