"""Following runs of W&B while they are written: what their logs get is in the journals of the run folders at once."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...._core.errors import MediaTypesError, Problem, unexpected
from ....columns.batch import Batch
from ....columns.log_cells import Named
from ....runfolder import files
from ....store.directory import DirectoryStore
from ....writing.call_writer import CallWriter
from ....writing.config import Config
from ....writing.session import open_session
from ...importing.report import FollowState, ImportReport, RunReport
from ..run_log.framing import RecordReader
from .importer import RunImport
from .log_reading import LogReading
from .plan import LogPlan, Options, make_plan, read_folder

_MAX_CALLS = 200_000  # in a journal, or as many as were imported before
_RETRY_SECONDS = 10.0  # until what failed is tried again


class RunFollower:
    """Follows the runs below a directory. Make one, call `poll()` again and again, and `finish()`."""

    def __init__(self, source: Path, out: Path, options: Options) -> None:
        self.source, self.out, self.options = source, out, options
        self.runs: dict[str, _FollowedRun] = {}  # by folder
        self.listing = 0.0
        self._last: _FollowedRun | None = None
        self._problems: list[tuple[str, Problem]] = []

    def poll(self) -> bool:
        """Take what is new; returns whether there was anything."""
        began = time.monotonic()
        plans = self._plans()
        self.listing = time.monotonic() - began
        is_new = False
        for plan in plans:
            run = self.runs.setdefault(plan.folder, _FollowedRun(self.out, self.options))
            if run.read(plan):
                self._last, is_new = run, True
            self._problems += [(plan.name, problem) for problem in run.problems]
            run.problems = []
        return is_new or bool(self._problems)

    def state(self) -> FollowState:
        """How far it is; tells each problem once."""
        problems, self._problems = self._problems, []
        runs = self.runs.values()
        step, name = (self._last.step, self._last.name) if self._last else (None, "")
        return FollowState(
            len(runs), sum(run.is_live for run in runs), sum(run.rows for run in runs), step, name, problems
        )

    def finish(self) -> ImportReport:
        """Import all that is there, so that the run folders are what one import makes."""
        reports = []
        for plan in self._plans():
            reports.append(self.runs.pop(plan.folder, _FollowedRun(self.out, self.options)).close(plan))
        reports += [run.close(None) for run in self.runs.values()]  # of logs that are gone
        return ImportReport(sorted(reports, key=lambda report: report.name), [], [])

    def _plans(self) -> list[LogPlan]:
        try:
            return make_plan(self.source)[0]
        except (MediaTypesError, OSError):  # it is gone, or not there yet
            return []


class _FollowedRun:
    """One run: imported first, and then, once its log has grown, open to go on."""

    def __init__(self, out: Path, options: Options) -> None:
        self.out, self.options = out, options
        self.problems: list[Problem] = []  # whoever shows them takes them out
        self.report: RunReport | None = None
        self.name = ""
        self._size = -1  # of the log when it was read
        self._live: _LiveRun | None = None
        self._reading: tuple[LogReading, int] | None = None  # what the import made of the log, and how far it is
        self._retry = 0.0
        self._was_new, self._before = False, -1  # rows before it was followed

    @property
    def is_live(self) -> bool:
        """Whether it is open."""
        return self._live is not None

    @property
    def rows(self) -> int:
        """That are imported or in the journal."""
        return (self.report.events.get("rows", 0) if self.report else 0) + (self._live.calls if self._live else 0)

    @property
    def step(self) -> int | None:
        """Of the last row, while the run is open."""
        return self._live.writer.step if self._live else None

    def read(self, plan: LogPlan) -> bool:
        """Take what is new; returns whether there was anything."""
        self.name = plan.name
        if plan.size == self._size or time.monotonic() < self._retry:
            return False
        try:
            return self._read(plan)
        except Exception as error:  # whatever it is, the other runs are followed
            self._fail(unexpected(error))
            return False

    def close(self, plan: LogPlan | None) -> RunReport:
        """Import all that is there, as that of a run that is over."""
        lock = self._live.close() if self._live else None
        self._live = None
        if plan is None and self.report is not None:
            if lock:
                lock.release()
            return self.report
        if plan is None:
            return RunReport.of(self.name)
        try:
            return self._import(plan, lock)
        finally:
            if lock:
                lock.release()

    def _read(self, plan: LogPlan) -> bool:
        if self._live is None and self._reading is None:
            report = self._import(plan)
            if report.status == "failed":
                self._fail(report.problems[0])
            return report.added > 0
        if self._live is None and self._reading is not None:
            self._live = _LiveRun(plan, self.out / plan.folder, *self._reading)
        live = self._live
        if live is None:
            return False
        self.problems += live.read(plan)
        self._size = plan.size
        if live.is_over or live.calls > max(_MAX_CALLS, self.rows - live.calls):
            self.close(plan)
        return True

    def _import(self, plan: LogPlan, lock: Any = None) -> RunReport:
        importing = RunImport(plan, self.out / plan.folder, self.options, None)
        try:
            report = importing.run(lock)
        except Exception as error:  # whatever it is, the other runs are followed
            report = RunReport.of(plan.name, plan.folder, [unexpected(error)])
        self._reading = importing.result
        self._size = plan.size
        if report.status != "failed":
            rows = report.events.get("rows", 0)
            if self._before < 0:
                self._was_new, self._before = report.status == "new", rows - report.added
            status = "new" if self._was_new else "updated" if rows > self._before else report.status
            report = report._replace(status=status, added=rows - self._before)
        self.report = report
        return report

    def _fail(self, problem: Problem) -> None:
        self.problems.append(problem)
        self._retry = time.monotonic() + _RETRY_SECONDS
        if self._live:
            self._live.close().release()
        self._live = self._reading = None
        self._size = -1


class _LiveRun:
    """A run that is open while its log is written."""

    def __init__(self, plan: LogPlan, root: Path, reading: LogReading, position: int) -> None:
        self.session = open_session(root, "resume", {files.FOLLOWS: True}, {}, durable=False)
        self.writer = CallWriter(self.session, None)
        self._config = Config(self.session.config, self.writer.append, self.writer.lock)
        self._reading, self._position = reading, position
        self._head = plan.head()
        reading.media.sink = DirectoryStore(root, files.SIDECARS)
        self.calls = 0
        self.is_over = False  # the log has its exit record

    def read(self, plan: LogPlan) -> list[Problem]:
        """Log what is new."""
        if plan.size < self._position or plan.head(self._head["size"]) != self._head:
            text = f"expected the log that was read, with at least {self._position} bytes, got another"
            raise MediaTypesError(f"{plan.path.name}: {text}. The next import says what is wrong.")
        losses = self._reading.losses
        known, unlisted = len(losses.problems), losses.unlisted_count
        with open(plan.path, "rb", buffering=0) as file:
            file.seek(self._position)
            reader = RecordReader(file, plan.size, self._position)
            for records in reader:
                if (batch := self._reading.take(records)) is not None:
                    self._write(batch)
        self._position = reader.position
        facts = self._reading.facts
        changed = {key: value for key, value in facts.config.items() if self.session.config.get(key) != value}
        if changed:
            self._config.update(changed)
        self.is_over = facts.exit_code is not None
        more = losses.unlisted_count - unlisted
        return losses.problems[known:] + (
            [Problem("", f"expected no more problems, got {more}", "many")] if more else []
        )

    def _write(self, batch: Batch) -> None:
        cells: list[list[Named]] = [[] for _ in batch.steps]
        for (key, kind), values in batch.columns.items():
            own = values.values if isinstance(values.values, list) else values.values.tolist()
            for call, value in zip(values.calls.tolist(), own, strict=True):
                whole = kind == "number" and values.integral
                cells[call].append((key, kind, int(value) if whole else value))
        with self.writer.lock:
            for step, stamp, named in zip(batch.steps.tolist(), batch.timestamps.tolist(), cells, strict=True):
                self.writer.add(max(step, self.writer.step), stamp, named, False)
        self.calls += len(cells)

    def close(self) -> Any:
        """Write nothing more; returns the lock, which stays."""
        self.writer.close()
        return self.session.lock


def follow_runs(
    source: str | os.PathLike[str],
    dest: str | os.PathLike[str],
    *,
    project: str | None = None,
    tags: Any = (),
    stop: Callable[[], bool] | None = None,
    idle: float | None = None,
    interval: float = 0.25,
    on_change: Callable[[FollowState], None] | None = None,
) -> ImportReport:
    """Import W&B's runs and follow them while they are written, then leave what an import makes.

    Each run is imported; once its log grows it is a live run, whose rows `open_run` and `mediatypes watch` see at once,
    media included. New runs are found. A run whose log says that it has ended is imported whole; so are all at the end.

    Args:
        source: as for `import_runs`; a directory that is not there yet is waited for.
        dest, project, tags: as for `import_runs`.
        stop: is called between two looks; this ends once it returns True. Default: only an interrupt ends it.
        idle: seconds without anything new, after which this ends. Default: never.
        interval: seconds between two looks.
        on_change: is called after each look that found something.

    Returns:
        What was imported and what was not.

    Raises:
        InputError: `interval` or `idle` are no seconds; `dest` is within `source`, or the directory above it.

    >>> import tempfile
    >>> follow_runs(tempfile.mkdtemp(), tempfile.mkdtemp(), idle=0).runs
    []
    """
    from ...importing.apart import require_apart
    from ...importing.following import StopCondition, check_seconds, follow_until, wait_for

    check_seconds(interval, idle)
    until = StopCondition(stop, idle)
    path, target = Path(source).absolute(), Path(dest).absolute()
    require_apart([read_folder(path)], target, [path.name])
    if not wait_for(path, until, interval):
        return ImportReport([], [], [])
    return follow_until(RunFollower(path, target, Options(project, tuple(tags))), until, interval, on_change)
