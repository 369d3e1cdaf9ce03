"""A power cut takes what was not synced: a disk that remembers only what fsync was called for."""

# pyright: reportPossiblyUnboundVariable=false
from __future__ import annotations

import contextlib
import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import mediatypes as mt

from .crashes import abandon, call

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="finds files by their descriptors in /proc")

Names = dict[str, int]  # of a directory: inode of each name


class Disk:
    """What of the files below `base` is on the disk. Descriptors are kept, so that no inode is used twice."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.content: dict[int, bytes] = {}  # of files, by inode
        self.names: dict[int, Names] = {}  # of directories
        self._kept: list[int] = []

    def sync(self, descriptor: int) -> None:
        """Remember a file's content or a directory's names, as fsync does."""
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        if path.is_relative_to(self.base):
            self._kept.append(os.dup(descriptor))
            inode = os.fstat(descriptor).st_ino
            if path.is_dir():
                self.names[inode] = names(path)
            else:
                self.content[inode] = Path(f"/proc/self/fd/{descriptor}").read_bytes()

    def cut(self, copy: Path, survives: Callable[[], bool]) -> None:
        """Put into `copy` what is left; what was not synced is there as `survives` says."""
        now = {path.lstat().st_ino: path for path in self.base.rglob("*")}
        self._restore(self.base.stat().st_ino, now | {self.base.stat().st_ino: self.base}, copy, survives)

    def _restore(self, inode: int, now: dict[int, Path], copy: Path, survives: Callable[[], bool]) -> None:
        copy.mkdir(exist_ok=True)
        synced, current = self.names.get(inode, {}), names(now[inode]) if inode in now else {}
        for name in synced.keys() | current.keys():
            entry = current.get(name) if survives() else synced.get(name)
            if entry is None:
                continue
            if entry in self.names or (entry in now and now[entry].is_dir()):
                self._restore(entry, now, copy / name, survives)
            else:
                found = now[entry].read_bytes() if entry in now and survives() else self.content.get(entry, b"")
                (copy / name).write_bytes(found)

    def close(self) -> None:
        for descriptor in self._kept:
            os.close(descriptor)


def names(folder: Path) -> Names:
    return {path.name: path.lstat().st_ino for path in folder.iterdir()}


class Power:
    """Cuts it before every call of the system that matters, and looks at what is left."""

    def __init__(self, base: Path, copy: Path, patch: pytest.MonkeyPatch) -> None:
        self.disk, self.copy, self.cuts = Disk(base), copy, 0
        self.returned, self.best = 0, -1  # calls that returned, and the value that was set
        self._chance, self.busy = random.Random(3), False
        self.may_be_lost = True  # until the run was made
        self.often = 1  # looks of which each sees another part on the disk
        self.config = {"seed": 1}
        for name in ("replace", "unlink", "write"):
            patch.setattr(os, name, self._cutting(getattr(os, name)))
        patch.setattr(os, "fsync", self._cutting(self.disk.sync, 0.5))

    def _cutting(self, real: Callable[..., Any], likely: float = 0.0) -> Callable[..., Any]:
        def before(*arguments: Any, **named: Any) -> Any:
            self.cut(likely)
            return real(*arguments, **named)

        return before

    def cut(self, likely: float = 0.0) -> None:
        """Look at what is left if of the rest a share is on the disk: of names and contents, each for itself."""
        if self.busy:
            return
        self.busy, self.cuts = True, self.cuts + 1
        try:
            for _ in range(self.often if likely else 1):
                shutil.rmtree(self.copy, ignore_errors=True)
                self.disk.cut(self.copy, lambda: self._chance.random() < likely)
                self.check()
        finally:
            self.busy = False

    def check(self) -> None:
        root = self.copy / "deep" / "run"
        if self.may_be_lost and not (root / "run.json").exists():
            return
        view = mt.open_run(root)
        found = [n for _, n in view.values("n")] if self.returned else []
        for key in {"img", "table"} & view.keys().keys():
            assert list(view.values(key))
        assert found in (list(range(self.returned)), list(range(self.returned + 1)))
        assert self.config.items() <= view.config.items()
        assert [problem for problem in view.problems if problem.code != "torn"] == []
        assert view.summary.get("best", -1) >= self.best


@pytest.fixture
def power(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Power]:
    (tmp_path / "disk").mkdir()
    found = Power(tmp_path / "disk", tmp_path / "copy", monkeypatch)
    yield found
    monkeypatch.undo()
    found.disk.close()


@pytest.mark.parametrize("fsync", [0, None])
def test_a_power_cut_takes_nothing_that_was_promised(power: Power, fsync: float | None) -> None:
    root = power.disk.base / "deep" / "run"

    def log(run: mt.Run, count: int) -> None:
        for _ in range(count):
            run.log(call(0, power.returned))
            power.returned += 1
            power.cut()
            run.summary["best"] = power.returned - 1
            power.best = power.returned - 1

    run = mt.Run(root, config={"seed": 1}, fsync=0)
    power.may_be_lost = False
    log(run, 4)
    run.finish()
    run = mt.Run(root, mode="resume", fsync=fsync)
    if fsync == 0:
        log(run, 2)
        run.config["deep"] = {"b": 1}
        power.config = {"seed": 1, "deep": {"b": 1}}
        abandon(run)
        run = mt.Run(root, mode="resume", fsync=0, config={"again": 2})
        power.config |= {"again": 2}
        log(run, 1)
    power.often = 6
    run.finish()
    power.cut()
    mt.open_run(root).edit(notes="x", summary={"best": 99})
    power.cut()
    assert power.cuts > 40


def test_a_run_that_did_not_sync_is_on_the_disk_before_its_journal_goes(power: Power) -> None:
    power.busy = True
    run = mt.Run(power.disk.base / "deep" / "run", config={"seed": 1})
    for name in ("", "deep", "deep/run"):  # as the system does after a while
        folder = os.open(power.disk.base / name, os.O_RDONLY)
        power.disk.sync(folder)
        os.close(folder)
    for n in (0, 2, 4, 7):  # without files of their own, which nobody waited for
        run.log({"thread": 0, **call(0, n)})
    unlink, seen = os.unlink, []

    def look(path: Any, **named: Any) -> None:
        if str(path).endswith(".log"):
            shutil.rmtree(power.copy, ignore_errors=True)
            power.disk.cut(power.copy, lambda: False)
            seen.append(mt.open_run(power.copy / "deep" / "run"))
            assert seen[-1].status == "finished"
            assert [value for _, value in seen[-1].values("n")] == [0, 2, 4, 7]
        unlink(path, **named)

    os.unlink = look
    run.finish()
    assert len(seen) == 1


def _refusing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", refuse)


def test_a_call_that_waits_for_the_disk_says_that_the_disk_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = mt.Run(tmp_path / "run", fsync=0)
    with monkeypatch.context() as patch:
        _refusing(patch)
        with pytest.raises(
            mt.StoreError, match=r"expected to sync the journal, got 'Input/output error'\. Check the disk"
        ):
            run.log({"a": 1})
    run.log({"a": 2})
    run.finish()
    assert list(mt.open_run(run.path).values("a")) == [(0, 1), (1, 2)]


def test_a_sync_that_failed_in_the_background_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = mt.Run(tmp_path / "run", fsync=0.001)
    told = 0
    with monkeypatch.context() as patch:
        _refusing(patch)
        for n in range(1000):
            try:
                run.log({"a": n})
            except mt.StoreError as error:
                told += "sync the journal" in str(error)
                break
            time.sleep(0.005)
    assert told == 1
    time.sleep(0.05)
    with contextlib.suppress(mt.StoreError):
        run.log({"a": n + 1})
    time.sleep(0.05)
    run.log({"a": n + 2})
    with monkeypatch.context() as patch:
        _refusing(patch)
        with pytest.raises(mt.StoreError):
            run.finish()
    run.finish()
    assert [value for _, value in mt.open_run(run.path).values("a")] == list(range(n + 3))


def test_a_sidecar_that_was_there_before_is_synced_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with mt.Run(tmp_path / "run") as run:
        run.log(call(0, 1))
    synced: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.readlink(f"/proc/self/fd/{fd}")))
    (sidecar,) = (path for path in (run.path / "media").rglob("*") if path.is_file())
    with mt.Run(run.path, mode="resume", fsync=0) as run:
        synced.clear()
        run.log(call(0, 1))
        expected = [sidecar, sidecar.parent, run.path / "media", run.path, run.path / "journal" / "0001-1.log"]
        assert [Path(path) for path in synced] == expected
