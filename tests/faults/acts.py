"""What is done while the system refuses, and what must be true after it.

An act is made ready by `prepare`, in a folder of which each fault gets a copy. `act` runs with the fault; every error
in it has to be ours. `check` looks at what is left when the fault is gone, `again` does what has failed once more, and
`check_done` sees that the result is the one without any fault.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar

import mediatypes as mt
from mediatypes._core.atomic import is_temporary
from mediatypes.interop import tensorboard
from mediatypes.interop.importing.sources import open_logdir
from mediatypes.interop.tensorboard.follow import LogFollower
from mediatypes.interop.tensorboard.importing.write_folder import Options
from mediatypes.runfolder import files

from ..interop.tensorboard import event_files
from ..writing.crashes import abandon, call, check_calls, check_names, everything
from .shim import LIST

CALLS = 7  # one of each sort
ADDED = 6  # the number of a call with plain numbers only, logged in a summary beside


class Act:
    """One command; the run, or whatever it is about, is below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.errors: list[mt.MediaTypesError] = []  # what calls have raised
        self.may_hold_more = False  # calls that have raised may be there
        self.may_leave = False  # the fault stops removal as well

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def faulty(self) -> Path:
        """Where calls fail."""
        return self.root

    def attempt(self, action: Callable[[], Any]) -> bool:
        """Whether a call returned; what it raised is kept, unless it is none of ours."""
        try:
            action()
        except mt.MediaTypesError as error:
            self.errors.append(error)
            return False
        return True

    spared = 0  # kinds of calls that do not fail
    can_be_killed = True  # and looked at by who knows only what is on the disk

    def tidy(self) -> None:
        """What removes the rest of what killed processes have left, where that is not the act itself."""

    def prepare(self) -> None:
        write_run(self.run)

    def act(self) -> None:
        raise NotImplementedError

    def check(self) -> None:
        """The run reads as before."""
        assert check_calls(mt.open_run(self.run), 0) == list(range(CALLS))

    def again(self) -> None:
        """Do it once more; all errors are unexpected now."""
        self.act()

    def check_done(self) -> None:
        self.check()

    def result(self) -> object:
        """What must be the same with and without a fault that is gone."""
        return everything(mt.open_run(self.run))


def write_run(root: Path, calls: Iterable[int] = range(CALLS), end: bool = True, **options: Any) -> mt.Run:
    run = mt.Run(root, config={"seed": 1}, **options)
    for n in calls:
        run.log(call(0, n))
    run.summary["best"] = 6
    if end:
        run.finish()
    return run


class Log(Act):
    """Make a run, log one call of each sort, set a value, finish."""

    can_be_killed = False  # tests/writing/crashes.py does it
    options: ClassVar[dict[str, Any]] = {}
    mode: Any = "create"

    def prepare(self) -> None:
        self.root.mkdir(exist_ok=True)

    def act(self) -> None:
        self.returned: list[int] = []
        self.set = False
        self.made: mt.Run | None = None
        if self.attempt(self._open):
            self._log()

    def _open(self) -> None:
        self.made = mt.Run(self.run, mode=self.mode, config={"seed": 1}, **self.options)

    def _log(self) -> None:
        run = self.made
        assert run is not None
        for n in range(self.first, self.first + CALLS):
            if self.attempt(lambda n=n: run.log(call(0, n))):  # type: ignore[misc]
                self.returned.append(n)
        self.set = self.attempt(lambda: run.summary.update(best=6)) or self.set
        self.attempt(run.finish)

    first = 0

    def check(self) -> None:
        if self.made is None:
            assert self.may_leave or not (self.run / files.RUN).exists(), "a run that could not be made is there"
            return
        view = mt.open_run(self.run)
        logged = [n for n in check_calls(view, 0) if n >= self.first]
        if self.may_hold_more:
            assert set(self.returned) <= set(logged), (self.returned, logged)
        else:
            assert logged == self.returned, (self.returned, logged)
        assert not self.set or view.summary["best"] == 6
        assert [problem for problem in view.problems if problem.code != "torn"] == []

    def again(self) -> None:
        if self.made is None:
            self.mode = "allow" if self.may_leave else self.mode
            self._open()
            assert self.made is not None
            self._log()
        else:
            self.made.finish()

    def check_done(self) -> None:
        self.check()
        assert mt.open_run(self.run).status == "finished"
        check_names(self.run)
        assert_no_journal(self.run)

    def result(self) -> object:
        return None  # which calls are in it depends on what was refused


class LogDurably(Log):
    """The same, waiting for the disk; a call whose sync failed may be there."""

    options: ClassVar = {"fsync": 0}

    def act(self) -> None:
        self.may_hold_more = True
        super().act()


class LogPacked(Log):
    """The same, with the sidecars in one file at the end."""

    options: ClassVar = {"packed": True}

    def again(self) -> None:
        super().again()
        mt.pack(self.run)  # as `finish` says, if the run was over

    def check_done(self) -> None:
        super().check_done()
        assert not names_of(self.run / files.SIDECARS)


class Resume(Log):
    """Go on with a run that is over."""

    mode = "resume"
    first = CALLS

    def prepare(self) -> None:
        write_run(self.run)

    def check(self) -> None:
        if self.made is None:
            assert check_calls(mt.open_run(self.run), 0) == list(range(CALLS))
        else:
            super().check()

    def check_done(self) -> None:
        super().check_done()
        assert check_calls(mt.open_run(self.run), 0)[:CALLS] == list(range(CALLS))


class ResumeCrashed(Resume):
    """Go on with a run whose process was killed."""

    def prepare(self) -> None:
        abandon(write_run(self.run, end=False))


class Recover(Act):
    """Finish a run whose process was killed."""

    def prepare(self) -> None:
        abandon(write_run(self.run, end=False))

    def act(self) -> None:
        mt.recover(self.run)

    def check_done(self) -> None:
        self.check()
        assert mt.open_run(self.run).status == "crashed"
        assert_no_journal(self.run)


class Edit(Act):
    """Change notes and summary."""

    def act(self) -> None:
        mt.open_run(self.run).edit(notes="seen", summary={"edited": 1, "best": None})

    def check_done(self) -> None:
        self.check()
        view = mt.open_run(self.run)
        assert (view.notes, view.summary["edited"], "best" in view.summary) == ("seen", 1, False)


class Pack(Act):
    """Move the sidecars into one file."""

    def act(self) -> None:
        mt.pack(self.run)

    def check_done(self) -> None:
        self.check()
        assert (self.run / files.PACKED).exists()
        assert not names_of(self.run / files.SIDECARS)


class Unpack(Act):
    """Move them back."""

    def prepare(self) -> None:
        write_run(self.run, packed=True)

    def act(self) -> None:
        mt.unpack(self.run)

    def check_done(self) -> None:
        self.check()
        check_names(self.run)
        assert not (self.run / files.PACKED).exists()


class Collect(Act):
    """Remove what nothing refers to, of files and of the packed file."""

    def prepare(self) -> None:
        run = write_run(self.run, packed=True, end=False)
        run.log({"gone": mt.Image(pixels(1))}, step=100)
        run.log({"gone": mt.Image(pixels(2))}, step=100, commit=True)
        run.finish()
        for number in (3, 4):
            content = bytes([number]) * 100
            digest = hashlib.sha256(content).hexdigest()
            path = self.run / files.SIDECARS / digest[:2] / f"{digest}.bin"
            path.parent.mkdir(parents=True)
            path.write_bytes(content)

    def act(self) -> None:
        mt.gc(self.run)

    def check(self) -> None:
        view = mt.open_run(self.run)
        assert [n for _, n in view.values("n")] == list(range(CALLS))
        assert [image for _, image in view.values("gone")] == [mt.Image(pixels(2))]
        assert len(list(view.values("several"))) == 1

    def check_done(self) -> None:
        self.check()
        assert not names_of(self.run / files.SIDECARS)
        assert mt.gc(self.run).files == 0


class Compact(Act):
    """Make a dataset of two runs, to which a third was added."""

    spared = LIST  # folders that cannot be listed hold no runs that are looked for

    def prepare(self) -> None:
        for name in ("a", "b"):
            write_run(self.root / "runs" / name)
        mt.compact(self.root / "runs", self.root / "set")
        write_run(self.root / "runs" / "c")
        shutil.rmtree(self.root / "runs" / "b")
        write_run(self.root / "runs" / "b", [0, 1])

    def act(self) -> None:
        done = mt.compact(self.root / "runs", self.root / "set")
        self.errors += [mt.StoreError(str(problem)) for problem in done.problems]

    def check(self) -> None:
        rows = [row for row in mt.open_runs(self.root / "set").history(["n"]).to_pylist() if row["n"] is not None]
        runs = {name: [row["n"] for row in rows if row["run"] == name] for name in ("a", "b", "c")}
        assert runs["a"] == list(range(CALLS))
        assert runs["b"] in ([0, 1], list(range(CALLS)))
        assert runs["c"] in ([], list(range(CALLS)))

    def check_done(self) -> None:
        self.check()
        assert table_of(self.root / "set") == table_of(self.root / "runs")
        mt.compact(self.root / "runs", self.root / "set")  # what a process leaves that cannot remove it goes with this
        names = {path.name for path in (self.root / "set").rglob("*") if not is_temporary(path.name)}
        assert not [name for name in names if name.startswith(".")], names

    def result(self) -> object:
        return table_of(self.root / "set")


def table_of(runs: Path) -> list[tuple[Any, ...]]:
    table = mt.open_runs(runs).history(["n", "flag", "text"])
    return sorted(map(repr, table.to_pylist()))  # type: ignore[arg-type]


class CompactNew(Compact):
    """Make a dataset where there is none."""

    def prepare(self) -> None:
        for name in ("a", "b", "c"):
            write_run(self.root / "runs" / name)

    def check(self) -> None:
        if any((self.root / "set").glob("*.json")):
            assert set(table_of(self.root / "set")) <= set(table_of(self.root / "runs"))  # without what it told of


class Copy(Act):
    """Copy a run elsewhere."""

    def act(self) -> None:
        done = mt.copy(self.run, self.root / "copies")
        self.errors += [mt.StoreError(str(problem)) for problem in done.problems]

    def check(self) -> None:
        super().check()
        if (self.root / "copies" / "run" / files.RUN).exists():
            assert check_calls(mt.open_run(self.root / "copies" / "run"), 0) == list(range(CALLS))

    def check_done(self) -> None:
        self.check()
        copy = self.root / "copies" / "run"
        assert everything(mt.open_run(copy)) == everything(mt.open_run(self.run))
        assert names_of(copy) == names_of(self.run)


def names_of(root: Path) -> set[str]:
    """The files below a folder, without what a process that lives could not remove."""
    paths = (path for path in root.rglob("*") if path.is_file() and not is_temporary(path.name))
    return {path.relative_to(root).as_posix() for path in paths}


class Remote(Log):
    """Log a run that has a copy elsewhere, which is sent at the end."""

    def _open(self) -> None:
        self.made = mt.Run(self.run, config={"seed": 1}, remote=f"file://{self.root / 'remote'}", upload_every=3600)

    def check(self) -> None:
        if self.made is None:
            super().check()
            return
        view = mt.open_run(self.run)
        assert check_calls(view, 0) == self.returned
        assert {problem.code for problem in view.problems} <= {"torn", "upload"}

    def check_done(self) -> None:
        super().check_done()
        assert check_calls(mt.open_run(self.root / "remote"), 0) == self.returned


class Import(Act):
    """Import event files, with numbers and pictures."""

    spared = LIST  # folders that cannot be listed hold no logs that are looked for

    def prepare(self) -> None:
        records = [numbers(step) for step in range(5)]
        event_files.write(self.root / "logs" / "one", *records)
        event_files.write(self.root / "logs" / "two", *records)

    def act(self) -> None:
        report = tensorboard.import_logdir(self.root / "logs", self.root / "runs", nested="runs", keep_events=True)
        self._take(report)

    def _take(self, report: mt.ImportReport) -> None:
        problems = [problem for run in report.runs if run.status == "failed" for problem in run.problems]
        self.errors += [mt.StoreError(str(problem)) for problem in [*problems, *report.problems]]

    def check(self) -> None:
        for path in self.runs():
            assert list(mt.open_run(path).values("loss")) == [(step, step / 2) for step in range(5)]

    def runs(self) -> list[Path]:
        paths = (path.parent for path in (self.root / "runs").glob("*/run.json"))
        return sorted(path for path in paths if not is_temporary(path.name))

    def check_done(self) -> None:
        self.check()
        assert [path.name for path in self.runs()] == ["one", "two"]

    def result(self) -> object:
        return [everything(mt.open_run(path)) for path in self.runs()]


def numbers(step: int) -> bytes:
    return event_files.scalar("loss", step / 2, step, 1.5e9 + step)


class ImportMore(Import):
    """Import what event files have got since the last time."""

    def prepare(self) -> None:
        super().prepare()
        whole = {path: path.read_bytes() for path in (self.root / "logs").rglob("*tfevents*")}
        for path, content in whole.items():
            path.write_bytes(content[: len(content) // 2])
        self.act()
        for path, content in whole.items():
            path.write_bytes(content)

    def check(self) -> None:
        for path in self.runs():
            values = list(mt.open_run(path).values("loss"))
            assert values == [(step, step / 2) for step in range(len(values))]
            assert len(values) >= 2

    def check_done(self) -> None:
        super().check()
        super().check_done()


class Follow(Import):
    """Follow event files while they grow."""

    @property
    def faulty(self) -> Path:
        return self.root / "runs"

    def act(self) -> None:
        logs, path = self.root / "logs", next((self.root / "logs" / "one").iterdir())
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
        follower = LogFollower(open_logdir(logs), self.root / "runs", "runs", Options(False, None, False, None, ()))
        try:
            follower.poll()
            path.write_bytes(content)
            follower.poll()
            follower.poll()
        finally:
            path.write_bytes(content)
            report = follower.finish()
        self.errors += [mt.StoreError(str(problem)) for _, problem in follower.state().problems]
        self._take(report)

    def again(self) -> None:
        self._take(tensorboard.import_logdir(self.root / "logs", self.root / "runs", nested="runs"))

    def check(self) -> None:
        ImportMore.check(self)  # type: ignore[arg-type]


class Artifacts(Act):
    """Log two versions of an artifact, with a file and a folder."""

    def prepare(self) -> None:
        folder = self.root / "data"
        (folder / "deep").mkdir(parents=True)
        (folder / "deep" / "a.txt").write_bytes(b"a" * 1000)
        (folder / "b.txt").write_bytes(b"b")
        mt.artifacts(self.root).log("words", "dataset", {"old.txt": b"old"}, aliases=["best"])

    def act(self) -> None:
        store = mt.artifacts(self.root)
        store.log("words", "dataset", self.root / "data", aliases=["best"])
        store.log("words", "dataset", {"c.txt": b"c"})

    def check(self) -> None:
        store = mt.artifacts(self.root)
        versions = store.versions("words")
        assert [version.version for version in versions] == [f"v{n}" for n in range(len(versions))]
        assert 1 <= len(versions) <= 3
        assert (store.use("words:v0").path / "old.txt").read_bytes() == b"old"
        assert store.use("words:best").version in ("v0", "v1")
        for version in versions[1:2]:
            assert (version.path / "deep" / "a.txt").read_bytes() == b"a" * 1000
        assert not store.verify().problems

    def tidy(self) -> None:
        mt.artifacts(self.root).gc()

    def check_done(self) -> None:
        store = mt.artifacts(self.root)
        assert (store.use("words:best").path / "b.txt").read_bytes() == b"b"
        assert (store.use("words").path / "c.txt").read_bytes() == b"c"
        assert not store.verify().problems

    def result(self) -> object:
        return None  # a version may stand there twice: logged, its error, logged again


def pixels(value: int) -> Any:
    import numpy as np

    return np.full((2, 3), value, np.uint8)


def left_half_made(root: Path) -> list[str]:
    """What was being made, and is still there."""
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if is_temporary(path.name))


def assert_no_journal(run: Path) -> None:
    """What could not be removed of it was told to be no part of the run, and goes with the next command."""
    mt.recover(run)
    assert not (run / files.JOURNAL).exists()


ACTS: dict[str, type[Act]] = {
    kind.__name__: kind
    for kind in (
        Log,
        LogDurably,
        LogPacked,
        Resume,
        ResumeCrashed,
        Recover,
        Edit,
        Pack,
        Unpack,
        Collect,
        Compact,
        CompactNew,
        Copy,
        Remote,
        Import,
        ImportMore,
        Follow,
        Artifacts,
    )
}
