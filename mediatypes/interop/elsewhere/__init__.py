"""Runs of other trackers that are kept in plain files, read without those trackers: DVCLive, MLflow, trackio."""

from __future__ import annotations

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
FORMATS = ("dvclive", "mlflow", "trackio")


def recognise(source: str | os.PathLike[str]) -> str | None:
    """Which tracker a directory or database is of: "dvclive", "mlflow" or "trackio"; None of another."""
    path = Path(source)
    return next((name for name in FORMATS if _module(name).is_one(path)), None)


def import_runs(
    source: str | os.PathLike[str],
    dest: str | os.PathLike[str],
    *,
    project: str | None = None,
    tags: Iterable[str] = (),
    progress: Callable[[int, int, str], None] | None = None,
) -> ImportReport:
    """Make a run of each run that another tracker kept: metrics, config, tags, media as typed values, files.

    Args:
        source: a directory of DVCLive; a file store of MLflow (`mlruns`) or its SQLite database; a database of trackio,
            or the directory that has some.
        dest: where the run folders go. One that is there already stays as it is.
        project, tags: of the runs, instead of the project, and beside the tags, that they have there.
        progress: is called with (runs done, runs in all, name of the run).

    Returns:
        What was imported, and in numbers what could not be carried. A run that fails leaves nothing behind. Nothing
        outside the source's directory is read, whatever its files say.

    Raises:
        InputError: nothing of a tracker that is known here.

    >>> import tempfile
    >>> import_runs(tempfile.mkdtemp(), tempfile.mkdtemp())
    Traceback (most recent call last):
    mediatypes.InputError: ...: expected runs of dvclive, mlflow or trackio, got something else. Check the path.
    """
    from ..importing.report import ImportReport
    from ._logged import make_run

    path, target = local_path(source, "import_runs"), local_path(dest, "import_runs.dest")
    name = recognise(path)
    if name is None:
        other = Verbatim("something else")
        raise InputError.of(str(path), "runs of dvclive, mlflow or trackio", other, "Check the path.", "unknown")
    with _module(name).opened(path) as runs:
        reports = []
        for number, run in enumerate(runs, 1):
            reports.append(make_run(run, target, project, list(tags)))
            if progress is not None:
                progress(number, len(runs), run.name)
    return ImportReport(reports, [], [])


def _module(name: str) -> Any:
    return importlib.import_module(f"{__name__}.{name}")
