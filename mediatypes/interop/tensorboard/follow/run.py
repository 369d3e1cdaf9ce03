"""One run that is followed: what its event files get is in its journal at once, and imported now and then."""

from __future__ import annotations

import shutil
import time
from concurrent.futures import Executor, Future
from contextlib import suppress
from pathlib import Path

from ...._core.errors import MediaTypesError, Problem, unexpected
from ....runfolder import files
from ....runfolder.lock import Lock
from ....runfolder.readme import README
from ....writing.session import Session, open_session, resume_session
from ...importing.report import RunReport
from ...importing.sources import LogDir
from ..importing.importer import REPORT, import_run
from ..importing.plan import EventFile, RunPlan
from ..importing.write_folder import Options
from .tail import LiveRun

_MAX_BYTES_READ = 32 << 20  # bytes; more is imported
_RETRY_SECONDS = 10.0  # seconds until what failed is tried again
_IDLE_SECONDS = 600.0  # seconds without anything new, after which a run is closed until there is more
_Renewal = tuple[RunReport, Session | None]


class FollowedRun:
    """A run of a log directory that is followed; files that come later are added to its plan.

    It is imported first. Once one of its files has grown it is opened to go on, and the new events are logged to its
    journal. When that has become long the run is imported again by `executor`, beside the reading, and goes on with an
    empty one.
    """

    def __init__(self, logdir: LogDir, plan: RunPlan, dest: Path, options: Options, executor: Executor) -> None:
        self.logdir, self.plan, self.dest, self.options, self._executor = logdir, plan, dest, options, executor
        self.target = dest / plan.folder
        self.problems: list[Problem] = []  # whoever shows them takes them out
        self.report: RunReport | None = None  # of the last import
        self.is_new = False  # the run was made here
        self._files = {file.path: file for file in plan.files}
        self._added = 0  # events that were imported
        self._live: LiveRun | None = None
        self._renewal: Future[_Renewal] | None = None
        self._sizes: dict[str, int] = {}  # of the event files when they were imported
        self._said: list[Problem] = []
        self._retry = self._changed = 0.0

    @property
    def is_live(self) -> bool:
        """Whether it is open."""
        return self._live is not None

    @property
    def paths(self) -> list[str]:
        """Of its event files below the log directory."""
        return list(self._files)

    @property
    def events(self) -> int:
        """That are imported or in the journal."""
        stored = sum(self.report.events.values()) if self.report else 0
        return stored + (self._live.calls.events if self._live else 0)

    @property
    def step(self) -> int | None:
        """Of the last row, while the run is open."""
        return self._live.calls.step if self._live else None

    def add(self, plan: RunPlan, files: list[EventFile]) -> None:
        """Follow more event files, which a later plan found for this run."""
        self.plan = plan
        self._files |= {file.path: file for file in files}

    def read(self, sizes: dict[str, int]) -> bool:
        """Take what is new, by the sizes of the files now; returns whether there was anything."""
        now = time.monotonic()
        if now < self._retry:
            return False
        try:
            is_new = self._read(sizes, now)
        except Exception as error:  # whatever it is, the other runs are followed
            self._fail(unexpected(error), now)
            return False
        if is_new:
            self._changed = now
        return is_new

    def close(self, plan: RunPlan) -> RunReport | None:
        """Import all that is there, as that of a run that is over; by a plan that may be another one."""
        lock = self._release_journal()
        if not plan.files and not lock:  # they are gone, and what they held is imported
            return self.report
        try:
            return self._import(plan, lock)
        finally:
            if lock:
                lock.release()

    def remove(self) -> None:
        """Remove the run, but not those of directories below its own."""
        for name in (README, files.RUN, files.SUMMARY, files.HISTORY, files.MEDIA, files.EVENTS, REPORT):
            (self.target / name).unlink(missing_ok=True)
        for name in (files.SIDECARS, files.ATTACHED, files.JOURNAL):
            shutil.rmtree(self.target / name, ignore_errors=True)
        with suppress(OSError):
            self.target.rmdir()

    def _read(self, sizes: dict[str, int], now: float) -> bool:
        if self.report is None or self.report.status == "failed":
            plan = self.current(sizes)
            if not plan.files:
                return False
            report = self._import(plan)
            if report.status == "failed":
                self._fail(report.problems[0], now)
            return report.added > 0
        if self._renewal is not None and self._renewal.done() and not self._swap(self._renewal):
            return False
        if self._live is None:
            if all(self._sizes.get(path) == sizes.get(path) for path in self._files if path in sizes):
                return False
            self._live = LiveRun(self.logdir, self.target, self._open())
        live = self._live
        self.problems += live.gone(sizes)
        grown = live.grown(self._files.values(), sizes)
        if not grown:
            if now - self._changed > _IDLE_SECONDS and self._renewal is None:
                self.close(self.current(sizes))
            return False
        is_much = live.behind(grown, sizes) > _MAX_BYTES_READ
        if not is_much:
            self.problems += live.read(grown, sizes)
        if (is_much or live.is_long) and self._renewal is None:
            self._renewal = self._executor.submit(self._renew, live.session, self.current(sizes))
        return True

    def _open(self) -> Session:
        return open_session(self.target, "resume", {files.FOLLOWS: True}, {}, durable=False)

    def _renew(self, session: Session, plan: RunPlan) -> _Renewal:
        """Import all, and begin an empty journal; the one at hand is written meanwhile."""
        report = import_run(self.logdir, plan, self.dest, self.options, session.lock, live=True)
        if report.status == "failed":
            return report, None
        return report, resume_session(self.target, session.lock, {files.FOLLOWS: True}, {})

    def _swap(self, renewal: Future[_Renewal]) -> bool:
        """Go on with the journal that an import left empty: what came meanwhile is read again. False if it failed."""
        self._renewal = None
        report, session = renewal.result()
        if session is None:
            self._fail(report.problems[0], time.monotonic())
            return False
        self._note(report)
        if self._live:
            self._live.close()
        self._live = LiveRun(self.logdir, self.target, session)
        for path in files.journals(self.target / files.JOURNAL):
            if path != session.journal.path:
                path.unlink()
        return True

    def _release_journal(self) -> Lock | None:
        """Write no more to the journal; returns the lock of the run, if it was open."""
        if self._renewal is not None:
            try:
                self._swap(self._renewal)
            except (MediaTypesError, OSError):  # the import that follows says it
                pass
        if self._live is None:
            return None
        lock = self._live.session.lock
        self._live.close()
        self._live = None
        return lock

    def _fail(self, problem: Problem, now: float) -> None:
        """Say what is wrong, and import the run anew in a while: its files and event files are all that counts."""
        if problem not in self._said:
            self._said.append(problem)
            self.problems.append(problem)
        self._retry = now + _RETRY_SECONDS
        lock = self._release_journal()
        if lock:
            lock.release()
        self.report = None

    def current(self, sizes: dict[str, int]) -> RunPlan:
        """The run with the files that are there, as long as they are now."""
        current = [file._replace(size=sizes[file.path]) for file in self._files.values() if file.path in sizes]
        return self.plan._replace(files=tuple(sorted(current)))

    def _import(self, plan: RunPlan, lock: Lock | None = None) -> RunReport:
        report = import_run(self.logdir, plan, self.dest, self.options, lock)
        self.is_new |= report.status == "new"
        self._sizes = {file.path: file.size for file in plan.files}
        return self._note(report)

    def _note(self, report: RunReport) -> RunReport:
        """Keep the report of an import, which counts what all of them added."""
        self._added += report.added
        status = report.status
        if status != "failed":
            status = "new" if self.is_new else "updated" if self._added else "unchanged"
        self.report = report._replace(added=self._added, status=status)
        return self.report
