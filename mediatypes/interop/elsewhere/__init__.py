"""Runs that other trackers keep in files, read without those trackers where that can be: a module for each.

A module has `find(path)`, which yields the places of its tracker (folders, logs, databases) in or at a path, and
`plan(place, stack)`, which yields the runs there; what is entered on the stack is left when all runs were read.
"""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..._core.errors import InputError, Verbatim
from ..._core.location import local_path

if TYPE_CHECKING:
    from ..importing.report import ImportReport

__all__ = ["import_runs", "recognise"]
FORMATS = ("dvclive", "mlflow", "trackio", "swanlab", "clearml", "aim", "neptune", "wandb_export", "pluto")


def recognise(source: str | os.PathLike[str]) -> str | None:
    """Which tracker a directory or file is of: one of `FORMATS`; None of another."""
    path = Path(source)
    return next((name for name in FORMATS if next(_module(name).find(path), None) is not None), None)


def import_runs(
    source: str | os.PathLike[str],
    dest: str | os.PathLike[str],
    *,
    project: str | None = None,
    tags: Iterable[str] = (),
    progress: Callable[[int, int, str], None] | None = None,
) -> ImportReport:
    """Make a run of each that another tracker kept: metrics, config, tags, media as typed values, files.

    Args:
        source: the place that a tracker wrote to: docs/elsewhere.md lists them. A repository of Aim needs its package.
        dest: where the run folders go. One that is there already stays as it is, and is not read again.
        project, tags: of the runs, instead of the project, and beside the tags, that they have there.
        progress: is called with (runs done, runs in all, name of the run).

    Returns:
        What was imported, and in numbers what could not be carried. A run that fails leaves nothing behind, and is
        tried again by the next call. Nothing outside the source's directory is read, whatever its files say.

    Raises:
        InputError: nothing of a tracker that is known here; `dest` is within `source`.
        MissingDependencyError: a package that reads it is not installed.

    >>> import tempfile
    >>> import_runs(tempfile.mkdtemp(), tempfile.mkdtemp())
    Traceback (most recent call last):
    mediatypes.InputError: ...: expected runs of dvclive, ... or pluto, got something else. Check the path.
    """
    from ..importing.apart import require_apart
    from ..importing.report import ImportReport
    from ._logged import distinct, expected, make_run

    path, target = local_path(source, "import_runs"), local_path(dest, "import_runs.dest")
    name = recognise(path)
    if name is None:
        other = Verbatim("something else")
        known = f"runs of {', '.join(FORMATS[:-1])} or {FORMATS[-1]}"
        raise InputError.of(str(path), known, other, "Check the path.", "unknown")
    with contextlib.ExitStack() as stack:
        tracker, reports = _module(name), []
        with expected(str(path)):
            plans = distinct(plan for place in tracker.find(path) for plan in tracker.plan(place, stack))
        require_apart([path], target, [plan.name for plan in plans])
        for number, plan in enumerate(plans):
            if progress is not None:
                progress(number, len(plans), plan.name)
            reports.append(make_run(plan, target, project, list(tags)))
    return ImportReport(reports, [], [])


def _module(name: str) -> Any:
    return importlib.import_module(f"{__name__}.{name}")
