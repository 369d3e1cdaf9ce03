"""TensorBoard: event files, read without TensorBoard, TensorFlow, torch or protobuf, and writers, captured live."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..._core.errors import InputError
from .plan import Nested
from .report import FileReport, ImportReport, RunReport

if TYPE_CHECKING:
    from .live import patch, unpatch

__all__ = ["FileReport", "ImportReport", "RunReport", "import_logdir", "patch", "unpatch"]
Progress = Callable[[int, int, str], None]


def __getattr__(name: str) -> Any:
    if name in ("patch", "unpatch"):  # with the run log and everything that media need
        from . import live

        return getattr(live, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def import_logdir(
    logdir: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    nested: Nested = "auto",
    purge: bool = False,
    step_metric: str | None = None,
    keep_events: bool = False,
    project: str | None = None,
    tags: Iterable[str] = (),
    executor: Executor | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
) -> ImportReport:
    """Import every run of a TensorBoard log directory; again, what is new of it.

    Args:
        logdir: a directory, an event file, or a URL as `mt.open_store` takes it: `s3://bucket/path`,
            `gs://bucket/path`, `az://container/path` (the account is in AZURE_STORAGE_ACCOUNT), with the provider's
            default credentials.
        out: where the run folders go, each by the run's path below `logdir`.
        nested: which directories are runs of their own: "auto" (train, val, eval... and what `add_scalars` and
            `add_hparams` made belong to the run above), "runs" (all), "namespaces" (only the log directory itself).
        purge: leave out of the history, as TensorBoard does, what a session logged at or after the step at which a
            later one began. `events.parquet` has everything.
        step_metric: key of a scalar whose values, rounded, are the steps of the rows instead of the events' own.
        keep_events: copy the event files into the run folder, below `files`, which TensorBoard can then be started on.
        project, tags: of the runs.
        executor: any `concurrent.futures.Executor` to import several runs at once.
        jobs: without an executor, how many processes do.
        progress: is called with (bytes done, bytes in all, name of the run) as runs are done.

    Returns:
        What was imported and what was not. A run that fails is part of it, and leaves nothing behind.

    Raises:
        InputError: no such directory, no event files in it, an unknown option.

    >>> import tempfile
    >>> import_logdir(tempfile.mkdtemp(), tempfile.mkdtemp())
    Traceback (most recent call last):
    mediatypes._core.errors.InputError: logdir: expected event files, got none below ... Their names contain tfevents.
    """
    from ...query.bulk import map_runs
    from .importer import import_run
    from .plan import make_plan
    from .sources import open_logdir
    from .view import Options

    if nested not in ("auto", "runs", "namespaces"):
        raise InputError.of("nested", "auto, runs or namespaces", nested, "Leave it out for auto.")
    opened = open_logdir(logdir)
    plan = make_plan(opened, nested)
    if not plan.runs:
        from ..._core.errors import Described

        found = Described(f"none below {os.fspath(logdir)}")
        raise InputError.of("logdir", "event files", found, "Their names contain tfevents.", "no-events")
    options = Options(purge, step_metric, keep_events, project, tuple(tags))
    target = Path(out).absolute()
    sizes = [sum(file.size for file in run.files) for run in plan.runs]
    reports, done = list[RunReport](), 0
    work = partial(import_run, opened, out=target, options=options)
    for size, (_, report) in zip(sizes, map_runs(work, plan.runs, executor, jobs), strict=True):
        reports.append(report)
        done += size
        if progress is not None:
            progress(done, sum(sizes), report.name)
    return ImportReport(reports, list(plan.ignored))
