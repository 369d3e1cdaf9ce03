"""Stores keep bytes by their hash, stay inside their root, and leave nothing half-written."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mediatypes as mt
from mediatypes._core import sidecar
from mediatypes._core.sidecar import Blob, fetch


def reference(data: bytes, path: str) -> dict[str, Any]:
    sha256 = hashlib.sha256(data).hexdigest()
    return {"path": path, "sha256": sha256, "size": len(data), "media_type": "application/octet-stream"}


def put(store: Any, data: Any, suffix: str = ".bin") -> str:
    content = data if isinstance(data, bytes) else data.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    return str(store.put(data, suffix=suffix, media_type="x/y", sha256=sha256, size=len(content)))


def read(store: Any, path: Any) -> bytes:
    with store.open(path) as file:
        return bytes(file.read())


def all_files(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


@pytest.fixture(params=["directory", "memory", "packed"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    makers = {
        "directory": lambda: mt.DirectoryStore(tmp_path / "store"),
        "memory": mt.MemoryStore,
        "packed": lambda: mt.PackedStore(tmp_path / "store.parquet"),
    }
    return makers[request.param]()


def test_equal_bytes_have_one_path_made_of_their_hash(store: Any) -> None:
    sha256 = hashlib.sha256(b"abc").hexdigest()
    assert put(store, b"abc") == put(store, b"abc") == f"{sha256[:2]}/{sha256}.bin"
    assert put(store, b"abd") != put(store, b"abc") != put(store, b"abc", ".png")
    assert read(store, put(store, b"abc")) == b"abc"


def test_a_file_is_stored_by_its_content(store: Any, tmp_path: Path) -> None:
    source = tmp_path / "file.PNG"
    source.write_bytes(b"x" * 3_000_000)
    path = put(store, source)
    source.unlink()
    assert read(store, path) == b"x" * 3_000_000
    assert path == put(store, b"x" * 3_000_000)


def test_open_takes_a_path_a_reference_and_a_document(store: Any) -> None:
    document = mt.encode(mt.Image(np.zeros((2, 2), np.uint8)), store)
    contents = {read(store, found) for found in (document, document["path"], reference(b"", document["path"]))}
    assert len(contents) == 1
    assert mt.decode(document, store) == mt.Image(np.zeros((2, 2), np.uint8))


@pytest.mark.parametrize("path", ["", None, 5, {}, {"path": None}, mt])
def test_open_refuses_what_is_no_path(store: Any, path: Any) -> None:
    with pytest.raises(mt.InputError, match="expected a path, a reference or a document with a sidecar"):
        store.open(path)


def test_a_missing_sidecar_is_named(store: Any) -> None:
    with pytest.raises(mt.SidecarMissing, match="nothing/here"):
        store.open("nothing/here")


@pytest.mark.parametrize(
    ("sha256", "suffix"),
    [("0" * 64, ""), ("0" * 64, "png"), ("0" * 64, "/../x"), ("0" * 63, ".png"), ("../" + "0" * 61, ".png")],
)
def test_a_sidecar_gets_no_other_name_than_its_hash(store: Any, sha256: str, suffix: str) -> None:
    with pytest.raises(mt.UnsafePath):
        store.put(b"", suffix=suffix, media_type="x/y", sha256=sha256, size=0)


UNSAFE = [
    "../x",
    "a/../../x",
    "/etc/passwd",
    "a//b",
    "./a",
    "a/.",
    "C:/x",
    "a\\b",
    "a\0b",
    "a/",
    "..",
    "\ud800",
    "CON",
    "a/nul.txt",
    "a ",
    "a.",
]


@pytest.mark.parametrize("path", UNSAFE)
def test_a_path_out_of_the_directory_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(mt.UnsafePath):
        mt.DirectoryStore(tmp_path).open(path)


@pytest.mark.parametrize("prefix", ["../x", "/abs", "a/../b", "a/"])
def test_a_prefix_out_of_the_directory_is_refused(tmp_path: Path, prefix: str) -> None:
    with pytest.raises(mt.UnsafePath):
        mt.DirectoryStore(tmp_path, prefix)


def test_a_prefix_stands_before_every_path(tmp_path: Path) -> None:
    store = mt.DirectoryStore(tmp_path, "media/2024")
    path = put(store, b"abc")
    assert path.startswith("media/2024/ba/")
    assert all_files(tmp_path) == [path]
    assert read(store, path) == b"abc"


def test_the_root_is_made_when_it_is_first_needed(tmp_path: Path) -> None:
    store = mt.DirectoryStore(tmp_path / "a" / "b")
    assert not (tmp_path / "a").exists()
    put(store, b"abc")
    assert (tmp_path / "a" / "b").is_dir()


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_links_below_the_root_are_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "file").write_bytes(b"secret")
    store = mt.DirectoryStore(tmp_path / "store")
    path = put(store, b"abc")
    (store.root / "link").symlink_to(secret)
    (store.root / "file").symlink_to(secret / "file")
    for found in ("link/file", "file", "link"):
        with pytest.raises(mt.UnsafePath, match="symbolic link"):
            store.open(found)
    (store.root / path).unlink()
    (store.root / path).symlink_to(secret / "file")
    with pytest.raises(mt.UnsafePath):
        put(store, b"abc")
    other = hashlib.sha256(b"other").hexdigest()
    (store.root / other[:2]).symlink_to(secret)
    with pytest.raises(mt.UnsafePath):
        put(store, b"other")
    assert all_files(secret) == ["file"]


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_the_root_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    store = mt.DirectoryStore(tmp_path / "link")
    assert read(store, put(store, b"abc")) == b"abc"


def test_a_file_of_the_wrong_size_under_a_final_name_is_replaced(tmp_path: Path) -> None:
    store = mt.DirectoryStore(tmp_path)
    path = put(store, b"abc")
    (tmp_path / path).write_bytes(b"ab")
    put(store, b"abc")
    assert all_files(tmp_path) == [path]
    assert (tmp_path / path).read_bytes() == b"abc"


@pytest.mark.parametrize("step", ["replace", "fsync"])
def test_a_refused_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(f"os.{step}", refuse)
    with pytest.raises(mt.StoreError, match=r"write a sidecar, got 'No space left on device'") as caught:
        put(mt.DirectoryStore(tmp_path, durable=True), b"abc")
    assert caught.value.errno == 28
    assert all_files(tmp_path) == []


def test_a_root_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = mt.DirectoryStore(tmp_path / "file")
    with pytest.raises(mt.StoreError):
        put(store, b"abc")
    with pytest.raises(mt.SidecarMissing):
        store.open("a/b")


def test_a_directory_where_a_sidecar_should_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dir").mkdir()
    with pytest.raises(mt.StoreError):
        mt.DirectoryStore(tmp_path).open("dir")


def test_a_large_file_is_kept_by_path_and_checked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sidecar, "READ_WHOLE", 10)
    file = tmp_path / "big.bin"
    file.write_bytes(b"x" * 100)
    blob = Blob.from_path(file, "test")
    with blob.open() as opened:
        assert blob.read() == opened.read() == b"x" * 100
    store = mt.DirectoryStore(tmp_path / "store")
    placed = blob.place(store, ".bin", "x/y")
    assert placed == {**reference(b"x" * 100, placed["path"]), "media_type": "x/y"}
    assert fetch(store, placed, "test") == b"x" * 100
    file.write_bytes(b"y" * 100)
    for use in (blob.read, blob.open, lambda: blob.place(store, ".bin", "x/y")):
        with pytest.raises(mt.HashMismatch, match=r"big\.bin: expected the file as it was"):
            use()
    file.unlink()
    with pytest.raises(mt.StoreError, match=r"big\.bin: expected to read the file again"):
        blob.read()
    assert all_files(tmp_path / "store") == [placed["path"]]


def test_a_small_file_is_read_when_the_value_is_made(tmp_path: Path) -> None:
    file = tmp_path / "small.bin"
    file.write_bytes(b"abc")
    blob = Blob.from_path(file, "test")
    file.unlink()
    assert blob.read() == b"abc"


@pytest.mark.parametrize("size", [2**40, 2**63, 2**200])
def test_a_claimed_size_is_not_allocated(store: Any, size: int) -> None:
    claimed = {**reference(b"abc", put(store, b"abc")), "size": size}
    with pytest.raises(mt.HashMismatch, match="got 3"):
        fetch(store, claimed, "test")


def test_fetch_refuses_other_bytes(store: Any) -> None:
    path = put(store, b"abc")
    assert fetch(store, reference(b"abc", path), "test") == b"abc"
    for other in (b"ab", b"abcd", b"abd"):
        with pytest.raises(mt.HashMismatch, match=r"^test: expected"):
            fetch(store, reference(other, path), "test")


@pytest.mark.parametrize("answer", [None, "", 5, b"path"])
def test_a_sink_that_answers_no_path_is_refused(answer: Any) -> None:
    class Sink:
        def put(self, data: Any, **_: Any) -> Any:
            return answer

    with pytest.raises(mt.StoreError, match=r"Sink\.put: expected the path or URL of the sidecar"):
        mt.encode(mt.Image(np.zeros((2, 2), np.uint8)), Sink())


def test_a_file_of_other_bytes_than_its_hash_is_not_stored(store: Any, tmp_path: Path) -> None:
    file = tmp_path / "big.bin"
    file.write_bytes(b"x" * 3_000_000)
    said = {**reference(b"y" * 3_000_000, ""), "suffix": ".bin", "media_type": "x/y"}
    del said["path"]
    with pytest.raises(mt.HashMismatch, match=r"big\.bin: expected the file as it was"):
        store.put(file, **said)
    path = put(store, b"y" * 3_000_000)
    assert read(store, path) == b"y" * 3_000_000
