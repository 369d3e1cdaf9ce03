"""Following a log directory: every run of it is followed, new files and directories are found."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ...._core.errors import MediaTypesError, Problem
from ...importing.report import FollowState, ImportReport, RunReport
from ...importing.sources import LogDir
from ..importing.importer import import_run, is_imported
from ..importing.plan import Nested, Peek, Plan, RunPlan, make_plan
from ..importing.write_folder import Options
from .run import FollowedRun


class LogFollower:
    """Follows the runs of a log directory, which may still be empty. Call `poll()` again and again, and `finish()`."""

    def __init__(self, logdir: LogDir, dest: Path, nested: Nested, options: Options) -> None:
        self.logdir, self.dest, self.options = logdir, dest, options
        self.nested: Nested = nested
        self.runs: dict[str, FollowedRun] = {}  # by folder
        self._last: FollowedRun | None = None
        self._homes: dict[str, str] = {}  # event files: the folder of their run
        self._paths: set[str] = set()  # all files
        self._unsure: dict[str, int] = {}  # event files of which it is not clear whose they are: their sizes
        self._peeks: dict[str, Peek] = {}
        self._problems: list[tuple[str, Problem]] = []
        self._failed = ""
        self.listing = 0.0  # seconds that it took last
        self._executor = ThreadPoolExecutor(1, "mediatypes-import")

    def poll(self) -> bool:
        """Take what is new; returns whether there was anything."""
        try:
            began = time.monotonic()
            listed = self.logdir.list()
            self.listing = time.monotonic() - began
            sizes = {file.path: file.size for file in listed}
            if sizes.keys() != self._paths or any(sizes.get(path) != size for path, size in self._unsure.items()):
                plan = make_plan(self.logdir, self.nested, listed, self._peeks)
                self._assign(plan.without_empty(self._was_there), sizes)
        except (MediaTypesError, OSError) as error:
            if str(error) != self._failed:  # as long as it fails in the same way it is said once
                self._failed = str(error)
                self._problems.append(("", Problem("", self._failed.rstrip("."), type(error).__name__)))
            return False
        self._failed = ""
        is_new = False
        for run in self.runs.values():
            if run.read(sizes):
                self._last, is_new = run, True
            self._problems += [(run.plan.name, problem) for problem in run.problems]
            run.problems = []
        return is_new or bool(self._problems)

    def state(self) -> FollowState:
        """How far it is; tells each problem once."""
        problems, self._problems = self._problems, []
        live = sum(run.is_live for run in self.runs.values())
        events = sum(run.events for run in self.runs.values())
        step, name = (self._last.step, self._last.plan.name) if self._last else (None, "")
        return FollowState(len(self.runs), live, events, step, name, problems)

    def finish(self) -> ImportReport:
        """Import all that is there, so that the run folders are what one import makes."""
        self._executor.shutdown()
        try:
            plan = make_plan(self.logdir, self.nested)
        except (MediaTypesError, OSError):  # poll() has said it
            plan = Plan((), (), (), frozenset())
        sizes = {file.path: file.size for planned in plan.runs for file in planned.files}
        plan = plan.without_empty(self._was_there)
        reports: list[RunReport | None] = []
        for planned in plan.runs:
            run = self.runs.pop(planned.folder, None)
            reports.append(run.close(planned) if run else import_run(self.logdir, planned, self.dest, self.options))
        for run in self.runs.values():
            report = run.close(run.current(sizes))
            if run.is_new and all(path in sizes for path in run.paths):  # they belong to other runs by now
                run.remove()
            else:
                reports.append(report)
        whole = [report for report in reports if report]
        return ImportReport(sorted(whole, key=lambda report: report.name), list(plan.ignored), list(plan.problems))

    def _was_there(self, plan: RunPlan) -> bool:
        """Whether a run was imported before this began."""
        run = self.runs.get(plan.folder)
        return not run.is_new if run else is_imported(self.dest / plan.folder)

    def _assign(self, plan: Plan, sizes: dict[str, int]) -> None:
        """Give new event files to their runs. What was given stays there until the end."""
        for planned in plan.runs:
            new = [file for file in planned.files if file.path not in self._homes and file.path not in plan.unsure]
            run = self.runs.get(planned.folder)
            if run is not None:
                run.add(planned, new)
            elif new:
                run = FollowedRun(
                    self.logdir, planned._replace(files=tuple(new)), self.dest, self.options, self._executor
                )
                self.runs[planned.folder] = run
            self._homes |= dict.fromkeys((file.path for file in new), planned.folder)
        self._paths = set(sizes)
        self._unsure = {path: sizes[path] for path in plan.unsure if path not in self._homes}
