"""Importing one run of W&B: its log is read once, its run folder is made beside its place and moved there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ...._core import canonical
from ...._core.errors import DocumentError, Problem, RunExists, StoreError, unexpected
from ....runfolder import files
from ....runfolder.console import CONSOLE
from ....runfolder.lock import Lock
from ....runfolder.readme import README, write_readme
from ...importing.report import FileReport, RunReport
from ...importing.staging import Staging, wait_for_lock
from ..run_log.framing import KINDS, RecordReader
from . import write_folder
from .artifacts import Maker, import_artifacts
from .attachments import Attached
from .log_reading import LogReading
from .plan import LogPlan, Options
from .recorded import Recorded
from .spool import Spool

REPORT, _UNFINISHED = "import.json", "unfinished"  # without the artifacts
Progress = Callable[[int], None]  # is called with the bytes of the log that were read


def import_run(plan: LogPlan, out: Path, options: Options, progress: Progress | None = None) -> RunReport:
    """Import one run; an error that concerns it alone is part of the report."""
    try:
        return RunImport(plan, out / plan.folder, options, progress).run()
    except Exception as error:  # whatever it is, the next run is imported
        return RunReport.of(plan.name, plan.folder, [unexpected(error)])


class RunImport:
    """One import of a log into the folder of its run.

    Args:
        progress: is called with the bytes of the log that were read.
    """

    def __init__(self, plan: LogPlan, target: Path, options: Options, progress: Progress | None) -> None:
        self.plan, self.target, self.options, self.progress = plan, target, options, progress
        self.result: tuple[LogReading, int] | None = None  # what was read, and how far; None if nothing had to be

    def run(self, lock: Lock | None = None) -> RunReport:
        """Import it; `lock` is that of the run, if the caller has it."""
        previous = self._previous()
        head = self.plan.head()
        if previous:
            before = previous["files"][0]
            if self.plan.head(previous["head"]["size"]) != previous["head"] and self.plan.size >= before["size"]:
                hint = "Choose another destination, or remove that folder."
                raise RunExists(f"{self.target}: expected an import of the same log, got one of another. {hint}")
            if self.plan.size < before["size"]:
                text = f"expected at least the {before['size']} bytes that were imported, got {self.plan.size}"
                problem = Problem(self.plan.path.name, text, "shorter", "What was imported is kept.")
                return RunReport.from_stored(previous, problem)
            is_closed = lock is None and not (self.target / files.JOURNAL).exists()
            is_same = previous["state"] == self._state(head) and not previous.get(_UNFINISHED)
            if is_closed and self.plan.size == before["size"] and is_same:
                return RunReport.from_stored(previous)
        with ExitStack() as stack:
            if previous and lock is None:
                lock = wait_for_lock(self.target)
                stack.callback(lock.release)
                files.remove_leftovers(self.target)
            staging = stack.enter_context(Staging(self.target, bool(previous)))
            report = self._import(staging, head, previous)
            if lock:
                files.remove_journals(self.target)
            return report

    def _previous(self) -> dict[str, Any]:
        """What an earlier import says of itself, {} without any; raises RunExists if something else is there."""
        if not self.target.exists() or not any(self.target.iterdir()):
            return {}
        try:
            run = files.read_run_json(self.target)
            report = files.read_json(self.target / REPORT)
            is_ours = files.IMPORT in run and {"state", "head"} <= report.keys()
            is_ours &= run["status"] != "running" or files.FOLLOWS in run
            if is_ours and run[files.IMPORT] != report["state"]:  # killed while it put the files in their places
                report[_UNFINISHED] = True
        except (StoreError, DocumentError, KeyError):
            is_ours, report = False, {}
        if not is_ours:
            hint = "Choose another destination."
            got = files.describe_run(self.target)[0]
            raise RunExists(f"{self.target}: expected no run or an imported one, got {got}. {hint}")
        return dict(report)

    def _state(self, head: dict[str, Any]) -> str:
        """What the run is made from, and how."""
        made_from = [head, self.plan.size, list(self.options)]
        return hashlib.sha256(canonical.dump_bytes(made_from)).hexdigest()[:16]

    def _import(self, staging: Staging, head: dict[str, Any], previous: dict[str, Any]) -> RunReport:
        attached, recorded = Attached(), Recorded(staging.path)
        reading = LogReading(self.plan.root, self.target, staging.sink(files.SIDECARS), attached.add, recorded)
        spool = Spool(staging.path)
        try:
            with open(self.plan.path, "rb", buffering=0) as file:
                reader = RecordReader(file, self.plan.size)
                for records in reader:
                    batch = reading.take(records)
                    if batch is not None:
                        spool.add(batch)
                    if self.progress:
                        self.progress(reader.position)
            if any(one.kind == "foreign" for one in reader.damage):
                raise DocumentError.of(self.plan.path.name, "a log of W&B", "a file of another kind", "Check the path.")
            attached.add_all(self.plan.root, reading.losses)
            copied = attached.copy(staging.path, reading.losses)
            made = write_folder.write(
                staging.path, self.target, reading, spool, self.plan, self.options, self._state(head)
            )
            made_besides = recorded.finish(files.read_json(staging.path / files.RUN))
        finally:
            recorded.close()
            spool.close()
        reading.facts.recorded = None
        self.result = (reading, reader.position)
        damage = [{**one._asdict(), "meaning": KINDS[one.kind]} for one in sorted(reader.damage)]
        writer = f"wandb {reading.facts.environment.get('wandb', '')}".strip()
        report = RunReport(
            self.plan.name,
            self.plan.folder,
            "updated" if previous else "new",
            {"rows": reading.rows.calls, **dict(sorted(reading.facts.counts.items()))},
            reading.rows.calls - (previous["events"]["rows"] if previous else 0),
            made.rows,
            [FileReport(self.plan.path.name, self.plan.size, reader.position, reader.count, writer, damage)],
            copied,
            made.problems,
            made.notes,
        )
        logged, known = reading.facts.logged, previous.get("artifacts", {})
        stored = {"state": self._state(head), "head": head, "artifacts": known}
        files.write_json(staging.path / REPORT, {**report.to_stored(), **stored, _UNFINISHED: bool(logged)})
        write_readme(staging.path)
        if copied:
            made_besides.append(files.LISTED)
        staging.commit((README, *made_besides, files.HISTORY, files.MEDIA, files.SUMMARY, files.RUN, REPORT))
        for name in {files.LISTED, CONSOLE, files.SYSTEM, files.SYSTEM_LINES}.difference(made_besides):
            (self.target / name).unlink(missing_ok=True)
        if logged:
            run = files.read_json(self.target / files.RUN)
            maker = Maker(run["id"], run["name"], self.target)
            root = self.target.parents[self.plan.folder.count("/")]
            stored["artifacts"], problems = import_artifacts(
                logged, reading.facts.artifacts, reading.media.staged, maker, root, known
            )
            report = report._replace(problems=[*report.problems, *problems])
            files.write_json(self.target / REPORT, {**report.to_stored(), **stored})
        return report
