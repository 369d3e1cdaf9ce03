"""Artifacts that somebody hostile made, or that were damaged: refused, and nothing outside is touched."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mediatypes as mt
from mediatypes.artifact.manifest import digest_of

SECRET = b"of somebody else"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret").write_bytes(SECRET)
    (folder / "secret").chmod(0o640)
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The directory of an artifact with a file, a value and an alias."""
    store = mt.artifacts(tmp_path)
    store.log("a", "t", {"x": b"content", "page": mt.Html("<p>text")}, aliases=["best"])
    return Path(str(store.root))


def state(folder: Path) -> dict[str, Any]:
    return {str(path): (path.lstat().st_mode, path.is_file() and path.read_bytes()) for path in folder.rglob("*")}


def use_all(root: Path, tmp_path: Path) -> list[type[BaseException]]:
    """Everything that reads; what it raised, which is all ours."""
    raised: list[type[BaseException]] = []
    store = mt.artifacts(root)
    deeds: list[Callable[[], Any]] = [
        lambda: store.use("a:best").path,
        lambda: store.use("a").download(tmp_path / "download"),
        lambda: store.use("a").get("page"),
        lambda: store.use("a").get("x"),
        lambda: store.versions("a"),
        lambda: store.gc(),
    ]
    for deed in deeds:
        try:
            deed()
        except mt.MediaTypesError as error:
            raised.append(type(error))
    assert store.verify().problems
    return raised


def entry(path: str, content: bytes = b"content", **more: Any) -> dict[str, Any]:
    return {"path": path, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)} | more


ENTRIES: dict[str, list[Any]] = {
    "above": [entry("../x")],
    "absolute": [entry("/etc/x")],
    "backslash": [entry("..\\x")],
    "drive": [entry("C:x")],
    "device": [entry("NUL")],
    "empty part": [entry("a//b")],
    "nul": [entry("a\0b")],
    "twins": [entry("A"), entry("a")],
    "twice": [entry("a"), entry("a")],
    "file and directory": [entry("a"), entry("a/b")],
    "unsorted": [entry("b"), entry("a")],
    "no hash": [{"path": "a", "size": 1}],
    "no size": [{"path": "a", "sha256": "0" * 64}],
    "hash that is a path": [{"path": "a", "sha256": "../../../outside/secret", "size": 1}],
    "negative size": [entry("a", size=-1)],
    "two forms": [entry("a", directory=True)],
    "reference and directory": [{"path": "a", "url": "s3://x/y", "directory": True}],
    "no object": ["a"],
}


@pytest.mark.parametrize("name", ENTRIES)
def test_hostile_entries_are_refused(root: Path, tmp_path: Path, outside: Path, name: str) -> None:
    before, path = state(outside), root / "a" / "v0" / "manifest.json"
    value = json.loads(path.read_bytes())
    value |= {"entries": ENTRIES[name], "digest": digest_of(ENTRIES[name])}
    path.write_text(json.dumps(value))
    assert set(use_all(root, tmp_path)) == {mt.DocumentError}
    assert state(outside) == before
    assert not (tmp_path / "download").exists()


MEMBERS: dict[str, Any] = {
    "other name": {"name": "b"},
    "other version": {"version": 1},
    "wrong digest": {"digest": "0" * 64},
    "main that is none": {"main": "y"},
    "main above": {"main": "../x"},
    "newer major": {"format": "2.0"},
    "no format": {"format": None},
    "entries that are none": {"entries": {}},
    "metadata that are none": {"metadata": []},
    "huge number": {"version": 10**400},
}


@pytest.mark.parametrize("name", MEMBERS)
def test_hostile_members_are_refused(root: Path, tmp_path: Path, name: str) -> None:
    path = root / "a" / "v0" / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | MEMBERS[name]))
    raised = set(use_all(root, tmp_path))
    assert len(raised) == 1
    assert issubclass(raised.pop(), mt.DocumentError)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "[]", "null", '{"format": NaN}', '{"a": 1, "a": 2}', "\xff"])
def test_what_is_no_manifest_is_refused(root: Path, tmp_path: Path, text: str) -> None:
    (root / "a" / "v0" / "manifest.json").write_bytes(text.encode("latin-1"))
    assert set(use_all(root, tmp_path)) == {mt.DocumentError}


def test_a_manifest_of_any_size_takes_no_memory(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediatypes.artifact.manifest.LARGEST", 2**16)
    os.truncate(root / "a" / "v0" / "manifest.json", 2**40)
    assert set(use_all(root, tmp_path)) == {mt.DocumentError}


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
@pytest.mark.parametrize(
    "name",
    ["a", "a/v0", "a/v0/files", "a/v0/files/x", "a/aliases", "blobs", "blobs/??", "blobs/??/*", "a/v0/manifest.json"],
)
def test_links_lead_nowhere(root: Path, tmp_path: Path, outside: Path, name: str) -> None:
    """Whatever part of it is a link: what stands elsewhere is not changed, and given only if its hash is right."""
    for path in sorted(root.glob(name)):
        (outside / "moved").mkdir(exist_ok=True)
        target = outside / "moved" / path.name
        path.rename(target)
        if target.is_file():
            target.unlink()  # it may be one with others
            target.write_bytes(SECRET)
        path.symlink_to(target)
    before = state(outside)
    store = mt.artifacts(root)
    for deed in (
        lambda: store.use("a:best").path,
        lambda: store.use("a").download(tmp_path / "download"),
        lambda: store.use("a").get("page"),
        lambda: store.log("a", "t", {"x": b"more"}, aliases=["best"]),
        lambda: store.gc(),
    ):
        try:
            deed()
        except mt.MediaTypesError:
            continue
    for folder in (tmp_path / "download", root / "a"):
        assert SECRET not in [
            path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.is_symlink()
        ]
    after = state(outside)
    assert {path: after.get(path) for path in before} == before
    assert after.keys() == before.keys()


@pytest.mark.parametrize("content", [b"CONTENT", b"", b"content and more"])
@pytest.mark.parametrize("has_files", [True, False])
def test_other_bytes_are_refused(root: Path, tmp_path: Path, content: bytes, has_files: bool) -> None:
    artifact = mt.artifacts(root).use("a")
    blob = root / "blobs" / str(artifact.entries["x"].sha256)[:2] / str(artifact.entries["x"].sha256)
    if not has_files:
        for path in sorted((root / "a" / "v0" / "files").rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        (root / "a" / "v0" / "files").rmdir()
    blob.chmod(0o644)
    blob.write_bytes(content)
    for deed in (lambda: artifact.path, lambda: artifact.download(tmp_path / "download")):
        with pytest.raises(mt.HashMismatch):
            deed()
    assert not (tmp_path / "download").exists()
    assert [problem.path for problem in mt.artifacts(root).verify().problems] == ["a:v0/x"]
    blob.unlink()
    with pytest.raises(mt.StoreError):
        artifact.download(tmp_path / "download")


def test_a_folder_with_more_or_other_files_is_not_given(root: Path) -> None:
    files = root / "a" / "v0" / "files"
    (files / "more").write_bytes(b"more")
    with pytest.raises(mt.StoreError, match="more or fewer, such as 'more'"):
        _ = mt.artifacts(root).use("a").path
    (files / "more").unlink()
    (files / "x").unlink()
    (files / "x").write_bytes(b"CONTENT")
    with pytest.raises(mt.HashMismatch):
        _ = mt.artifacts(root).use("a").path
    (files / "x").unlink()
    with pytest.raises(mt.StoreError, match="such as 'x'"):
        _ = mt.artifacts(root).use("a").path


def test_a_document_reads_only_what_is_in_its_artifact(tmp_path: Path, outside: Path) -> None:
    store = mt.artifacts(tmp_path)
    store.log("other", "t", {"x": SECRET})
    document = mt.encode(mt.Html("<p>text"), mt.MemoryStore())
    secret = {"sha256": hashlib.sha256(SECRET).hexdigest(), "size": len(SECRET)}
    for path in ("../outside/secret", str(outside / "secret"), "artifacts/other/v0/files/x", "media/ab/x.html"):
        content = json.dumps(document | secret | {"path": path}).encode()
        artifact = store.log("evil", "t", {"page.json": content}, metadata={"path": path})
        manifest = Path(str(store.root)) / "evil" / artifact.version / "manifest.json"
        value = json.loads(manifest.read_bytes())
        value["entries"][0]["value"] = "html"
        manifest.write_text(json.dumps(value | {"digest": digest_of(value["entries"])}))
        with pytest.raises(mt.SidecarMissing):
            store.use("evil").get("page")


def test_aliases_that_are_damaged_mean_nothing(root: Path) -> None:
    folder = root / "a" / "aliases"
    (folder / "bad.json").write_text('{"format": "1.0", "version": -1, "time": 0}')
    (folder / "far.json").write_text('{"format": "1.0", "version": 7, "time": 0}')
    (folder / "v0.json").write_text('{"format": "1.0", "version": 7, "time": 0}')
    (folder / "latest.json").write_text('{"format": "1.0", "version": 7, "time": 0}')
    store = mt.artifacts(root)
    for name in ("a:bad", "a:far"):
        with pytest.raises(mt.StoreError):
            store.use(name)
    assert [store.use(name).number for name in ("a:v0", "a:latest", "a:best")] == [0, 0, 0]
    assert [problem.code for problem in store.verify().problems] == ["invalid", "missing"]
