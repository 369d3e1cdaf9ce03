"""Stores elsewhere keep the contract of those on this machine; URLs name what they seem to name."""

from __future__ import annotations

import errno
import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import fsspec
import pyarrow.fs
import pytest

import mediatypes as mt
from mediatypes.store.location import RemotePath
from mediatypes.store.urls import locate
from tests.samples import Array


def put(store: Any, data: Any) -> str:
    content = data if isinstance(data, bytes) else data.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    return str(store.put(data, suffix=".bin", media_type="x/y", sha256=sha256, size=len(content)))


def test_photographs_come_back(elsewhere: str, astronaut: Array) -> None:
    store = mt.open_store(elsewhere)
    image = mt.Image(astronaut, masks={"m": mt.ImageMask(astronaut[..., 0] > 128)})
    document = mt.encode(image, store)
    assert document == mt.encode(image, mt.MemoryStore())
    assert mt.decode(document, mt.open_store(f"{elsewhere}/")) == image


def test_equal_bytes_are_sent_once_and_a_wrong_size_is_mended(elsewhere: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = mt.open_store(elsewhere)
    assert isinstance(store, mt.RemoteStore)
    path = put(store, b"abc")
    assert path == f"{hashlib.sha256(b'abc').hexdigest()[:2]}/{hashlib.sha256(b'abc').hexdigest()}.bin"
    (store.root / path).write([b"ab"])
    put(store, b"abc")
    assert store.open(path).read() == b"abc"
    monkeypatch.setattr(RemotePath, "write", None)
    assert put(store, b"abc") == path


def test_a_large_file_is_sent_in_pieces_and_read_in_ranges(elsewhere: str, tmp_path: Path) -> None:
    data = bytes(range(256)) * 70_000  # 18 MB: several parts of an S3 upload
    (tmp_path / "file").write_bytes(data)
    store = mt.open_store(elsewhere)
    with store.open(put(store, tmp_path / "file")) as file:
        file.seek(17_000_003)
        assert file.read(5) == data[17_000_003:17_000_008]
        assert file.seek(0, 2) == len(data)


def test_a_source_that_fails_leaves_nothing(elsewhere: str) -> None:
    store = mt.open_store(elsewhere)
    assert isinstance(store, mt.RemoteStore)

    def failing() -> Any:
        yield b"abc"
        raise OSError(errno.EIO, "bad disk")

    with pytest.raises(OSError, match="bad disk"):
        (store.root / "a/b").write(failing())
    assert not [name for name, size in store.root.entries(recursive=True).items() if size is not None]


def test_what_is_missing_and_what_leaves_the_store_is_refused(elsewhere: str) -> None:
    store = mt.open_store(elsewhere)
    with pytest.raises(mt.SidecarMissing, match=r"aa/bb\.png: expected to find the sidecar, got 'No such file"):
        store.open("aa/bb.png")
    for path in ("../x", "/etc/passwd", "a//b", "a/..", "s3://other/x", "a\\b", "CON"):
        with pytest.raises(mt.UnsafePath):
            store.open(path)
    with pytest.raises(mt.UnsafePath):
        store.put(b"", suffix="/../x", media_type="x/y", sha256="0" * 64, size=0)
    with pytest.raises(mt.InputError, match="expected a path, a reference or a document with a sidecar"):
        store.open("")


def test_a_missing_bucket_is_a_store_error(s3: dict[str, str]) -> None:
    with pytest.raises(mt.StoreError, match=r"^\[Errno \d+\] s3://no-such-bucket/runs/.*: expected to write a sidecar"):
        put(mt.open_store("s3://no-such-bucket/runs"), b"abc")


class Refusing(fsspec.AbstractFileSystem):  # type: ignore[misc]
    """A file system that raises what only its own library knows."""

    protocol = "odd"

    def info(self, path: str, **_: Any) -> Any:
        raise KeyError("quota\nexceeded")

    def isfile(self, path: str) -> bool:
        return True

    open: Any = info
    mkdir: Any = info


def test_no_error_of_another_library_comes_through() -> None:
    store = mt.open_store("runs", filesystem=Refusing())
    with pytest.raises(mt.StoreError) as caught:
        store.open("a/b")
    assert str(caught.value) == (
        "[Errno 5] odd://runs/a/b: expected to open the sidecar, got \"'quota\\\\nexceeded'\". "
        "Check the URL, the credentials and the network."
    )
    with pytest.raises(mt.StoreError, match="expected to write a sidecar"):
        put(store, b"abc")


# URLs ------------------------------------------------------------------------------------------------------------


def test_directories_are_directories(tmp_path: Path) -> None:
    for url in (str(tmp_path / "a b"), f"file://{tmp_path}/a b", f"file://{tmp_path}/a%20b"):
        store = mt.open_store(url)
        assert isinstance(store, mt.DirectoryStore)
        assert store.root == tmp_path / "a b"


@pytest.mark.parametrize(
    ("url", "shown", "kind"),
    [
        ("s3://b/my runs/50%", "s3://b/my runs/50%", "s3"),
        ("s3://b/x?region=eu-west-1", "s3://b/x", "s3"),
        ("gs://b/x?anonymous=true", "gs://b/x", "gcs"),
        ("az://c/x?account_name=me", "az://c/x", "abfs"),
        ("abfss://c@me.dfs.core.windows.net/x", "abfss://c/x", "abfs"),
        ("memory://x/y", "memory:///x/y", "py::fsspec+memory"),
    ],
)
def test_urls_name_file_systems(url: str, shown: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    found = locate(url)
    assert isinstance(found, RemotePath)
    assert (str(found), found.filesystem.type_name) == (shown, kind)


@pytest.mark.parametrize(("word", "wanted"), [("true", True), ("", True), ("false", False)])
def test_a_url_may_say_that_access_is_not_anonymous(word: str, wanted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    place = locate(f"s3://b/x?region=eu-west-1&anonymous={word}")
    assert isinstance(place, RemotePath)
    assert place.filesystem.__reduce__()[1][0]["anonymous"] is wanted


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (
            "s3://KEY:SECRET@b/x",
            "open_store: expected a URL without a password, got 's3://...@b'. "
            "Set it in the environment; a URL is shown and stored.",
        ),
        (
            "s3:///x",
            "open_store: expected a bucket and a path, got 's3:///x'. Pass a URL such as "
            "s3://bucket/runs, gs://bucket/runs, az://container/runs or file:///runs.",
        ),
        (
            "s3://b/../x",
            "open_store: expected a URL without empty parts, . and .., got 's3://b/../x'. Write the whole path.",
        ),
        (
            "s3://b//x",
            "open_store: expected a URL without empty parts, . and .., got 's3://b//x'. Write the whole path.",
        ),
        (
            "gs://b/x?secret=1",
            "open_store: expected options of anonymous, endpoint_override, project_id, scheme, got ['secret']. "
            "Leave them out.",
        ),
        (
            "what://b/x",
            "open_store: expected a URL such as s3://bucket/runs, gs://bucket/runs, az://container/runs or "
            "file:///runs, got 'what://b/x'. fsspec said: Protocol not known: what.",
        ),
    ],
)
def test_a_bad_url_is_refused(url: str, message: str) -> None:
    with pytest.raises(mt.InputError) as caught:
        mt.open_store(url)
    assert str(caught.value) == message


def test_an_account_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT", raising=False)
    with pytest.raises(mt.InputError) as caught:
        put(mt.open_store("az://c/x"), b"abc")
    assert str(caught.value) == (
        "az: expected the name of the storage account, got ''. Set AZURE_STORAGE_ACCOUNT, or pass "
        "az://container/runs?account_name=..."
    )


def test_file_systems_can_be_handed_in(tmp_path: Path) -> None:
    for system in (pyarrow.fs.LocalFileSystem(), fsspec.filesystem("file")):
        store = mt.open_store(str(tmp_path / "store"), filesystem=system)
        assert store.open(put(store, b"abc")).read() == b"abc"
    assert [path.name for path in tmp_path.rglob("*.bin")] == [f"{hashlib.sha256(b'abc').hexdigest()}.bin"]
    assert not list(tmp_path.rglob("*.tmp"))
    with pytest.raises(mt.InputError) as caught:
        mt.open_store("x", filesystem=5)
    assert str(caught.value) == (
        "open_store.filesystem: expected a file system of pyarrow or fsspec, got 5. Pass its URL alone."
    )


def test_opening_a_store_loads_nothing_and_asks_nobody() -> None:
    code = "import sys, mediatypes as mt; mt.open_store('s3://bucket/runs'); print('pyarrow' in sys.modules)"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_a_server_that_cannot_be_reached_when_the_file_system_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(url: str) -> None:
        raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")

    monkeypatch.setattr(fsspec.core, "url_to_fs", refuse)
    with pytest.raises(mt.StoreError, match="expected to reach the server, got 'Connection refused'"):
        mt.open_store("ftp://localhost/x")
