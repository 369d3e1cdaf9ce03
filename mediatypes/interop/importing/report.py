"""What an import did: for programs as JSON, for people as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple, Self

from ..._core.errors import Problem
from ..._core.wording import counted
from ...formats.tfrecord import Damage

_STATUSES = ("new", "updated", "unchanged", "failed")


class FileReport(NamedTuple):
    """One event file: what was read of it, and what was not."""

    name: str
    size: int
    position: int  # where the next import goes on
    records: int  # sound ones
    writer: str  # as the file names it: version
    damage: list[dict[str, Any]]  # ranges that hold no sound record

    @classmethod
    def from_stored(cls, plain: dict[str, Any]) -> Self:
        """A report, from plain data that may hold more; members are in the order in which they were told."""
        report = cls(*(plain[name] for name in cls._fields))
        members = (*Damage._fields, "meaning")  # canonical JSON had them in another order
        return report._replace(damage=[{name: one[name] for name in members} for one in report.damage])


class RunReport(NamedTuple):
    """One run."""

    name: str
    folder: str  # below the destination
    status: str  # "new", "updated", "unchanged" or "failed"
    events: dict[str, int]  # by type, of the whole run
    added: int  # events that this import added
    rows: int  # of history.parquet
    files: list[FileReport]
    attached: list[str]
    problems: list[Problem]
    notes: list[str]  # what is not in history.parquet, and where it is

    @classmethod
    def of(cls, name: str, folder: str = "", problems: Iterable[Problem] = ()) -> Self:
        """The report of a run of which nothing was imported; its folder is called as it is by default."""
        return cls(name, folder or name, "failed", {}, 0, 0, [], [], list(problems), [])

    @classmethod
    def from_stored(cls, plain: dict[str, Any], *problems: Problem) -> Self:
        """The report of an earlier import, as `to_stored` has it, of a run that is unchanged; with further problems."""
        values: dict[str, Any] = {**plain, "status": "unchanged", "added": 0}
        values["problems"] = [*(Problem(**problem) for problem in plain["problems"]), *problems]
        values["files"] = [FileReport.from_stored(file) for file in plain["files"]]
        return cls(**{name: values[name] for name in cls._fields})

    def to_stored(self) -> dict[str, Any]:
        """Plain data, as `import.json` has it: what the run is, however many imports made it."""
        return {name: value for name, value in self.to_json().items() if name not in ("status", "added")}

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        plain = self._asdict()
        plain["files"] = [file._asdict() for file in self.files]
        plain["problems"] = [problem._asdict() for problem in self.problems]
        return plain


class ImportReport(NamedTuple):
    """All runs of an import."""

    runs: list[RunReport]
    ignored: list[str]  # files that are of no run
    problems: list[Problem]  # of the log directory: why some of these are not read

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        problems = [problem._asdict() for problem in self.problems]
        return {"runs": [run.to_json() for run in self.runs], "ignored": self.ignored, "problems": problems}

    @property
    def is_complete(self) -> bool:
        """Whether every run was imported, perhaps with problems."""
        return all(run.status != "failed" for run in self.runs)

    @property
    def summary(self) -> str:
        """One line: how many runs, and how many values this import added."""
        counts = Counter(run.status for run in self.runs)
        by_status = ", ".join(f"{counts[status]:,} {status}" for status in _STATUSES if counts[status])
        added = counted(sum(run.added for run in self.runs), "value")
        return f"{counted(len(self.runs), 'run')}: {by_status or 'none'}; {added} added"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(f"{self}\n{self.summary}")  # in a notebook and in IPython

    def __str__(self) -> str:
        columns = ("run", "status", "files", "events", "added", "rows", "problems")
        rows = [columns]
        for run in self.runs:
            damage = sum(len([d for d in file.damage if d["kind"] != "torn"]) for file in run.files)
            numbers = (len(run.files), sum(run.events.values()), run.added, run.rows, len(run.problems) + damage)
            rows.append((run.name, run.status, *(f"{number:,}" for number in numbers)))  # type: ignore[arg-type]
        widths = [max(len(row[i]) for row in rows) for i in range(len(columns))]
        lines = [
            "  ".join(
                cell.ljust(width) if i < 2 else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        ]
        for run in self.runs:
            said = [str(problem) for problem in run.problems] + run.notes
            for file in run.files:
                said += [
                    f"{file.name}@{d['offset']}: {counted(d['size'], 'byte')}: {d['meaning']}" for d in file.damage
                ]
            lines += [f"{run.name}: {text}" for text in _shortened(said)]
        lines += _shortened([str(problem) for problem in self.problems])
        lines += [f"not imported: {name}" for name in _shortened(self.ignored)]
        return "\n".join(lines)


class FollowState(NamedTuple):
    """How far a log directory is followed."""

    runs: int
    live: int  # runs of which something came since this began
    events: int  # of all runs, imported before or now
    step: int | None  # of the last row of the run that got something last
    run: str  # its name
    problems: list[tuple[str, Problem]]  # new ones, with the name of their run


def _shortened(texts: list[str], most: int = 20) -> list[str]:
    return texts if len(texts) <= most else [*texts[:most], f"and {len(texts) - most} more; see import.json"]
