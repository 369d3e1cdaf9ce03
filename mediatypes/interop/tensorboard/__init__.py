"""TensorBoard: event files, read without TensorBoard, TensorFlow, torch or protobuf, and writers, captured live."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..._core.errors import InputError, problem
from ..._core.parallel import Progress
from ..importing.report import FileReport, FollowState, ImportReport, RunReport
from .importing.plan import Nested

if TYPE_CHECKING:
    from .live import patch, unpatch

__all__ = [
    "FileReport",
    "FollowState",
    "ImportReport",
    "RunReport",
    "follow_logdir",
    "import_logdir",
    "patch",
    "unpatch",
]
_REMOTE_SECONDS = 5.0  # seconds between two looks at a bucket


def __getattr__(name: str) -> Any:
    if name in ("patch", "unpatch"):  # with the run log and everything that media need
        from . import live

        return getattr(live, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def import_logdir(
    logdir: str | os.PathLike[str],
    dest: str | os.PathLike[str],
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
        dest: where the run folders go, each by the run's path below `logdir`.
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
        InputError: no such directory, no event files in it, an unknown option; `dest` is within `logdir`.

    >>> import tempfile
    >>> import_logdir(tempfile.mkdtemp(), tempfile.mkdtemp())
    Traceback (most recent call last):
    mediatypes.InputError: logdir: expected event files, got none below ... Their names contain tfevents.
    """
    from ..._core.parallel import map_runs
    from ..importing.apart import require_apart
    from ..importing.sources import open_logdir
    from .importing.importer import import_run, is_imported
    from .importing.plan import make_plan
    from .importing.write_folder import Options

    _check_nested(nested)
    opened = open_logdir(logdir)
    plan = make_plan(opened, nested)
    if not plan.runs:
        from ..._core.errors import Verbatim

        none = Verbatim(f"none below {os.fspath(logdir)}")
        missing = problem("logdir", "event files", none, "Their names contain tfevents.", "no-events")
        raise InputError([missing, *plan.problems])
    options = Options(purge, step_metric, keep_events, project, tuple(tags))
    target = Path(dest).absolute()
    require_apart(opened.local, target, [run.folder for run in plan.runs])
    plan = plan.without_empty(lambda run: is_imported(target / run.folder))
    sizes = [sum(file.size for file in run.files) for run in plan.runs]
    reports, done = list[RunReport](), 0
    work = partial(import_run, opened, dest=target, options=options)
    for size, (_, report) in zip(sizes, map_runs(work, plan.runs, executor, jobs), strict=True):
        reports.append(report)
        done += size
        if progress:
            progress(done, sum(sizes), report.name)
    return ImportReport(reports, list(plan.ignored), list(plan.problems))


def follow_logdir(
    logdir: str | os.PathLike[str],
    dest: str | os.PathLike[str],
    *,
    nested: Nested = "auto",
    purge: bool = False,
    step_metric: str | None = None,
    keep_events: bool = False,
    project: str | None = None,
    tags: Iterable[str] = (),
    stop: Callable[[], bool] | None = None,
    idle: float | None = None,
    interval: float = 0.25,
    on_change: Callable[[FollowState], None] | None = None,
) -> ImportReport:
    """Import a TensorBoard log directory and follow it while others write to it, then leave what an import makes.

    Every run is imported; once its event files grow, it is a live run, whose rows `open_run` and `mediatypes watch` see
    within a second. New files and directories are found; half-written records are waited for. While a run is followed,
    rows are in the order in which steps rise: a value whose step is below that of the last row is with that row, or in
    one after it, until the next import puts it where it belongs; `purge` and `step_metric` are obeyed by imports too.
    The last one is made when this ends. Then every run folder is, byte for byte, the one that `import_logdir` makes.

    A process that is killed loses nothing: following again, or importing, goes on from what is there.

    Args:
        logdir: as for `import_logdir`; it may be empty, and is waited for if it is a path. Buckets are looked at every
            five seconds at most.
        dest: where the run folders go, each by the run's path below `logdir`.
        nested, purge, step_metric, keep_events, project, tags: as for `import_logdir`.
        stop: is called between two looks; this ends once it returns True. Default: only an interrupt ends it, which is
            raised when all is imported.
        idle: seconds without anything new, after which this ends. Default: never.
        interval: seconds between two looks.
        on_change: is called after each look that found something.

    Returns:
        What was imported and what was not.

    Raises:
        InputError: an unknown option; a bucket that cannot be opened; `dest` is within `logdir`, or the directory
            above it.

    >>> import tempfile
    >>> follow_logdir(tempfile.mkdtemp(), tempfile.mkdtemp(), idle=0).runs
    []
    """
    from ..importing.apart import require_apart
    from ..importing.following import StopCondition, check_seconds, follow_until, wait_for
    from ..importing.sources import LocalDir, open_logdir
    from .follow import LogFollower
    from .importing.write_folder import Options

    _check_nested(nested)
    check_seconds(interval, idle)
    until, target = StopCondition(stop, idle), Path(dest).absolute()
    if "://" not in os.fspath(logdir) and not wait_for(Path(logdir), until, interval):
        return ImportReport([], [], [])
    opened = open_logdir(logdir)
    require_apart(opened.local, target, [opened.name])  # by which the log directory itself may become a run
    options = Options(purge, step_metric, keep_events, project, tuple(tags))
    follower = LogFollower(opened, target, nested, options)
    return follow_until(
        follower, until, interval if isinstance(opened, LocalDir) else max(interval, _REMOTE_SECONDS), on_change
    )


def _check_nested(nested: Nested) -> None:
    if nested not in ("auto", "runs", "namespaces"):
        raise InputError.of("nested", "auto, runs or namespaces", nested, "Leave it out for auto.")
