"""Artifacts while several processes log them, and when some are killed."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

import pytest

import mediatypes as mt
from mediatypes._core import atomic
from tests.processes import Start, left_by_a_killed_process

# Dies at the n-th thing that it asks of the file system while it logs, for every n until it comes through.
KILLED = """
    import os, sys
    import mediatypes as mt
    from mediatypes.artifact import gathering, store  # loaded now: what they ask for does not count
    root, content = sys.argv[1], {"a": b"new", "deep/b": b"old", "table": mt.Table(columns=["x"], data=[[1]])}
    mt.artifacts(root + "/warm").log("warm", "dataset", content)
    asked, left = {"open", "os.rename", "os.link", "os.mkdir", "os.remove", "os.rmdir", "os.chmod"}, 0
    def hook(event, arguments):
        global left
        if event in asked and left:
            left -= 1
            if not left:
                os._exit(9)
    sys.addaudithook(hook)
    moments = 0
    while True:
        moments += 1
        if not (child := os.fork()):
            left = moments
            mt.artifacts(f"{root}/{moments}").log("data", "dataset", content, aliases=["best"])
            os._exit(0)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
            print(moments)
            break
"""
SEVERAL = """
    import sys
    import mediatypes as mt
    root, number = sys.argv[1:]
    store = mt.artifacts(root)
    for round in range(4):
        content = {"a": f"{number} {round}".encode(), "b": b"same"}
        print(store.log("different", "dataset", content, aliases=[f"p{number}"]).version, flush=True)
        store.log("equal", "dataset", {"a": b"always"})
"""


def prepare(root: Path, moments: int) -> None:
    with_one = mt.artifacts(root / "1")
    with_one.log("data", "dataset", {"deep/b": b"old"}, aliases=["best"])
    for moment in range(2, moments + 1):
        shutil.copytree(root / "1", root / str(moment))


def test_killed_at_any_moment_it_leaves_a_version_or_none(tmp_path: Path, start: Start) -> None:
    prepare(tmp_path, 120)
    process = start(KILLED, tmp_path)
    out, error = process.communicate(timeout=120)
    assert process.returncode == 0, error
    moments = int(out)
    assert 20 < moments < 120
    outcomes = set[int]()
    for moment in range(1, moments + 1):
        store = mt.artifacts(tmp_path / str(moment))
        assert store.verify().problems == []
        versions = store.versions("data")
        outcomes.add(len(versions))
        assert (versions[0].path / "deep" / "b").read_bytes() == b"old"
        assert store.use("data:best").version in {version.version for version in versions}
        if len(versions) == 2:
            assert (versions[1].path / "a").read_bytes() == b"new"
            assert versions[1].get("table") == mt.Table(columns=["x"], data=[[1]])
        store.gc()
        root = Path(str(store.root))
        assert not [path for path in root.rglob(".*") if path.name.startswith(".")]
        named = {str(entry.sha256) for version in versions for entry in version.entries.values()}
        assert {path.name for path in (root / "blobs").glob("*/*")} == named
        assert store.versions("data")[0].path
    assert outcomes == {1, 2}


def test_versions_of_several_processes_are_all_kept(tmp_path: Path, start: Start) -> None:
    processes = [start(SEVERAL, tmp_path, number) for number in range(4)]
    results = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, results
    store = mt.artifacts(tmp_path)
    said = sorted(int(line[1:]) for out, _ in results for line in out.split())
    assert said == list(range(16))
    versions = store.versions("different")
    assert [version.number for version in versions] == said
    contents = {(version.path / "a").read_text() for version in versions}
    assert contents == {f"{number} {round}" for number in range(4) for round in range(4)}
    for number in range(4):
        assert (store.use(f"different:p{number}").path / "a").read_text() == f"{number} 3"
    assert [version.number for version in store.versions("equal")] == [0]
    assert store.verify().problems == []
    assert store.gc().files == 0


def test_who_collects_and_who_logs_wait_for_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = mt.artifacts(tmp_path)
    store.log("a", "t", {"x": b"1"})
    root = Path(str(store.root))
    logging = root / atomic.temporary_name("logging")
    logging.touch()
    with pytest.raises(mt.StoreError, match="one that is logging"):
        store.gc()
    logging.unlink()
    collecting = root / atomic.temporary_name("collecting")
    collecting.touch()
    logged = threading.Thread(target=lambda: store.log("a", "t", {"x": b"2"}), daemon=True)
    logged.start()
    assert [version.number for version in store.versions("a")] == [0]
    collecting.unlink()
    logged.join(60)
    assert [version.number for version in store.versions("a")] == [0, 1]
    monkeypatch.setattr("mediatypes.artifact.folder._PATIENCE", 0)
    collecting.touch()
    with pytest.raises(mt.StoreError, match="one that is collecting"):
        store.log("a", "t", {"x": b"3"})
    collecting.unlink()
    (root / left_by_a_killed_process("collecting")).touch()
    (root / left_by_a_killed_process("logging")).touch()
    store.log("a", "t", {"x": b"3"})
    assert store.gc().files == 2


def test_what_was_removed_is_collected(tmp_path: Path) -> None:
    store = mt.artifacts(tmp_path)
    for number in range(3):
        store.log("a", "t", {"own": b"%d" % number, "shared": b"shared"})
    root = Path(str(store.root))
    shutil.rmtree(root / "a" / "v1")
    assert store.gc(dry_run=True) == store.gc() == (1, 1, 3)
    assert store.gc().files == 0
    assert [version.number for version in store.versions("a")] == [0, 2]
    assert store.verify().problems == []
    manifest = root / "a" / "v0" / "manifest.json"
    manifest.write_text(json.dumps({"format": "1.0"}))
    with pytest.raises(mt.DocumentError):
        store.gc()
    assert len(list((root / "blobs").glob("*/*"))) == 3
    manifest.unlink()
    with pytest.raises(mt.StoreError):
        store.gc()


def test_a_damaged_version_does_not_keep_others_from_being_logged(tmp_path: Path) -> None:
    store = mt.artifacts(tmp_path)
    store.log("a", "t", {"x": b"1"})
    (Path(str(store.root)) / "a" / "v0" / "manifest.json").write_text("{")
    assert store.log("a", "t", {"x": b"1"}).number == 1
    assert [problem.code for problem in store.verify().problems] == ["not-json"]
