"""Importing W&B's runs: the logs that it keeps on this machine become run folders."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from functools import partial
from pathlib import Path

from ...._core.errors import InputError, Verbatim, problem
from ...importing.apart import require_apart
from ...importing.report import ImportReport, RunReport

Progress = Callable[[int, int, str], None]


def import_runs(
    source: str | os.PathLike[str],
    dest: str | os.PathLike[str],
    *,
    project: str | None = None,
    tags: Iterable[str] = (),
    executor: Executor | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
) -> ImportReport:
    """Import the runs that W&B keeps in a directory; again, those that have changed.

    Args:
        source: a `wandb` directory, the directory of one run (offline or not), or a log, `run-<id>.wandb`.
        dest: where the run folders go, each named as its run directory.
        project: of the runs; W&B's by default.
        tags: of the runs, beside W&B's.
        executor: any `concurrent.futures.Executor` to import several runs at once.
        jobs: without an executor, how many processes do.
        progress: is called with (bytes done, bytes in all, name of the run) as logs are read.

    Returns:
        What was imported and what was not. A run that fails is part of it, and leaves nothing behind.

    Raises:
        InputError: no such directory, or no log in it; `dest` is within it.

    >>> import tempfile
    >>> import_runs(tempfile.mkdtemp(), tempfile.mkdtemp())
    Traceback (most recent call last):
    mediatypes.InputError: source: expected logs of W&B, got none below ... Their names end with .wandb.
    """
    from ...._core.parallel import map_runs
    from .importer import import_run
    from .plan import Options, make_plan, read_folder

    plans, problems = make_plan(Path(source))
    if not plans:
        none = Verbatim(f"none below {os.fspath(source)}")
        missing = problem("source", "logs of W&B", none, "Their names end with .wandb.", "no-logs")
        raise InputError([missing, *problems])
    options, target = Options(project, tuple(tags)), Path(dest).absolute()
    require_apart([read_folder(Path(source))], target, [plan.folder for plan in plans])
    total, done = sum(plan.size for plan in plans), 0
    reports = list[RunReport]()

    def read(size: int) -> None:  # of one log, in this process
        if progress is not None:
            progress(min(done + size, total), total, plans[len(reports)].name)

    in_here = executor is None and jobs == 1
    work = partial(import_run, out=target, options=options, progress=read if in_here else None)
    for plan, (_, report) in zip(plans, map_runs(work, plans, executor, jobs), strict=True):
        reports.append(report)
        done += plan.size
        if progress is not None:
            progress(done, total, report.name)
    return ImportReport(reports, [], problems)
