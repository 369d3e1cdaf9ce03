"""Sidecars: hashed once, verified when read, and never outside their store."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

import mediatypes as mt
from mediatypes._core import sidecar
from mediatypes._core.sidecar import Blob, HashingSink, content_path, fetch, hash_file, safe_parts

DATA = b"some bytes"
SHA = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "data.bin"
    path.write_bytes(DATA)
    return path


@pytest.fixture
def large(file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that counts as too large to be read whole."""
    monkeypatch.setattr(sidecar, "READ_WHOLE", 4)
    return file


def test_bytes_are_hashed_when_the_blob_is_made() -> None:
    blob = Blob(DATA)
    assert (blob.sha256, blob.size, blob.read(), blob.open().read()) == (SHA, len(DATA), DATA, DATA)


def test_a_file_is_read_when_the_blob_is_made(file: Path) -> None:
    blob = Blob.from_path(file, "x")
    file.write_bytes(b"something else")
    assert (blob.read(), blob.sha256) == (DATA, SHA)


def test_a_large_file_is_kept_by_path_and_hash(large: Path) -> None:
    blob = Blob.from_path(str(large), "x")
    assert (blob.sha256, blob.size, blob.read()) == (SHA, len(DATA), DATA)
    with blob.open() as opened:
        assert opened.read() == DATA


@pytest.mark.parametrize("use", [Blob.read, Blob.open, lambda blob: blob.place(mt.MemoryStore(), ".bin", "x/y")])
def test_a_large_file_that_changed_is_refused(large: Path, use: Any) -> None:
    blob = Blob.from_path(large, "x")
    large.write_bytes(b"other data")
    with pytest.raises(mt.HashMismatch) as error:
        use(blob)
    assert str(error.value) == (
        f"{large}: expected the file as it was when the value was made, got other bytes. Log it again."
    )


def test_a_large_file_that_is_gone_is_an_error_that_keeps_the_reason(large: Path) -> None:
    blob = Blob.from_path(large, "x")
    large.unlink()
    with pytest.raises(mt.StoreError) as error:
        blob.read()
    assert str(error.value).endswith(
        f"{large}: expected to read the file again, got 'No such file or directory'. Keep it until it is logged."
    )


@pytest.mark.parametrize("path", ["missing.png", "", ".", "a\0b"])
def test_a_path_without_a_file_is_refused(path: str) -> None:
    with pytest.raises(mt.InputError) as error:
        Blob.from_path(path, "Image")
    assert error.value.problems[0].code == "no-file"
    assert str(error.value).startswith("Image: expected ")


def test_an_unreadable_file_says_what_the_system_said(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(mt.InputError, match=r"^Image: expected a readable file, got .*Permission denied"):
        Blob.from_path(file, "Image")


def test_placing_gives_the_whole_reference() -> None:
    store = mt.MemoryStore()
    reference = Blob(DATA).place(store, ".bin", "application/octet-stream")
    path = f"{SHA[:2]}/{SHA}.bin"
    assert reference == {"path": path, "sha256": SHA, "size": len(DATA), "media_type": "application/octet-stream"}
    assert store.files == {path: DATA}


@pytest.mark.parametrize("answer", [None, "", 3, Path("x")])
def test_a_sink_that_answers_no_path_is_refused(answer: Any) -> None:
    class Bad:
        def put(self, data: Any, **about: Any) -> Any:
            return answer

    with pytest.raises(mt.StoreError) as error:
        Blob(DATA).place(Bad(), ".bin", "x/y")
    assert str(error.value) == f"Bad.put: expected the path or URL of the sidecar, got {answer!r}. Return text."


def test_a_sink_may_answer_a_url_and_cannot_change_the_hash() -> None:
    class Bucket:
        def put(self, data: Any, *, suffix: str, media_type: str, sha256: str, size: int) -> str:
            return f"https://media.example/{sha256}{suffix}"

    reference = Blob(DATA).place(Bucket(), ".bin", "x/y")
    assert (reference["path"], reference["sha256"]) == (f"https://media.example/{SHA}.bin", SHA)


@pytest.fixture
def placed() -> tuple[mt.MemoryStore, dict[str, Any]]:
    store = mt.MemoryStore()
    return store, Blob(DATA).place(store, ".bin", "x/y")


def test_fetching_gives_the_bytes(placed: tuple[mt.MemoryStore, dict[str, Any]]) -> None:
    assert fetch(*placed, "image") == DATA


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (DATA[:-1], "image: expected 10 bytes, got 9."),
        (b"", "image: expected 10 bytes, got 0."),
        (DATA + b"x" * 9, "image: expected 10 bytes, got more."),
        (b"other byte", "image: expected the bytes it was written for, got others."),
    ],
)
def test_fetching_other_bytes_is_refused(
    placed: tuple[mt.MemoryStore, dict[str, Any]], found: bytes, text: str
) -> None:
    store, reference = placed
    store.files[reference["path"]] = found
    with pytest.raises(mt.HashMismatch) as error:
        fetch(store, reference, "image")
    assert str(error.value) == f"{text} Restore {reference['path']} (sha256 {SHA})."


def test_fetching_reads_no_more_than_one_byte_too_many(placed: tuple[mt.MemoryStore, dict[str, Any]]) -> None:
    reference = placed[1]
    asked: list[int] = []

    class Endless:
        def __enter__(self) -> Endless:
            return self

        def __exit__(self, *error: object) -> None:
            pass

        def read(self, size: int) -> bytes:
            asked.append(size)
            return b"x" * size

    class Hostile:
        def open(self, path: str) -> Any:
            return Endless()

    with pytest.raises(mt.HashMismatch):
        fetch(Hostile(), reference, "image")
    assert asked == [len(DATA) + 1]


def test_fetching_what_is_not_there_says_so(placed: tuple[mt.MemoryStore, dict[str, Any]]) -> None:
    store, reference = placed
    store.files.clear()
    with pytest.raises(mt.SidecarMissing):
        fetch(store, reference, "image")


MISSING = "image: expected its sidecar, got 'a/b.png'. Restore it."
UNREAD = "image: expected to read a/b.png, got"


@pytest.mark.parametrize(
    ("raised", "kind", "message"),
    [
        (FileNotFoundError(2, "No such file"), mt.SidecarMissing, MISSING),
        (FileNotFoundError("gone"), mt.SidecarMissing, MISSING),
        (PermissionError(13, "denied"), mt.StoreError, f"[Errno 13] {UNREAD} 'denied'. Check the source."),
        (TimeoutError(), mt.StoreError, f"{UNREAD} 'TimeoutError'. Check the source."),
        (KeyError("a/b.png"), mt.StoreError, f"{UNREAD} KeyError: 'a/b.png'. Check the source."),
        (RuntimeError(), mt.StoreError, f"{UNREAD} RuntimeError. Check the source."),
    ],
    ids=["no file", "no file and no number", "not allowed", "no number", "no system error", "no text"],
)
def test_what_other_sources_raise_is_an_error_of_the_store(
    raised: Exception, kind: type[Exception], message: str
) -> None:
    class Other:
        def open(self, path: str) -> Any:
            raise raised

    with pytest.raises(mt.StoreError) as error:
        fetch(Other(), {"path": "a/b.png", "sha256": "0" * 64, "size": 1}, "image")
    assert (type(error.value), str(error.value)) == (kind, message)
    assert error.value.__cause__ is raised


def test_hashing_a_file_goes_in_chunks(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sidecar, "_CHUNK", 3)
    assert hash_file(file) == (SHA, len(DATA))


@pytest.mark.parametrize("suffix", [".png", ".tar.gz", ".0", ".abcdefghij"])
def test_content_has_one_name(suffix: str) -> None:
    path = content_path(SHA, suffix)
    assert path == f"{SHA[:2]}/{SHA}{suffix}"
    assert safe_parts(path) == (SHA[:2], SHA + suffix)
    about: dict[str, Any] = {"media_type": "x/y", "sha256": SHA, "size": len(DATA)}
    assert HashingSink().put(DATA, suffix=suffix, **about) == path


BAD_SUFFIXES = ["", "png", ".", ".PNG", "./../x", ".p ng", ".abcdefghijk", ".a.b.c", ".png\n", ".\u0661"]


@pytest.mark.parametrize("suffix", BAD_SUFFIXES, ids=repr)
def test_a_suffix_that_is_no_suffix_is_refused(suffix: str) -> None:
    with pytest.raises(mt.UnsafePath):
        content_path(SHA, suffix)


@pytest.mark.parametrize("sha256", ["", SHA[:-1], SHA.upper(), SHA + "\n", "../" + SHA[3:], "g" * 64], ids=repr)
def test_a_hash_that_is_no_hash_is_refused(sha256: str) -> None:
    with pytest.raises(mt.UnsafePath):
        content_path(sha256, ".png")


@pytest.mark.parametrize(
    "path", ["a", "a/b/c.png", ".hidden/x", "ü/\U0001f600", "a..b", "CONE/console.txt", "com10", "a b", "-"]
)
def test_a_path_inside_the_store_is_split(path: str) -> None:
    assert "/".join(safe_parts(path)) == path


HOSTILE = [
    "", "/", "/etc/passwd", "a/", "a//b", ".", "..", "./a", "a/.", "../a", "a/../b", "a/b/..",  # POSIX
    "\\x", "a\\b", "..\\x", "C:\\x", "C:x", "C:/x", "\\\\server\\share", "//server/share", "\\\\?\\C:\\x",  # Windows
    "a:stream", "a\0b", "a<b", "a>b", 'a"b', "a|b", "a?b", "a*b",
    "CON", "con", "a/NUL", "nul.txt", "aux.tar.gz", "PRN", "COM1", "com9.png", "LPT1", "a/lpt9.x/b",  # devices
    "..  ", "a./b", "a /b", "x.", "x ", "... ", " .. ",  # trailing dots and spaces vanish there
    "a\nb", "\x7f", "a/\ud800", "\u202egnp.exe",  # not printable
    "file:///etc/passwd", "https://host/x",
]  # fmt: skip


@pytest.mark.parametrize("path", HOSTILE, ids=repr)
def test_a_path_that_leaves_the_store_on_any_system_is_refused(path: str) -> None:
    with pytest.raises(mt.UnsafePath) as error:
        safe_parts(path)
    assert str(error.value) == (
        f"path: expected a relative path inside the store, got {path!r}. Do not trust this document."
    )


def test_the_protocols_of_stores_are_checked_by_their_methods() -> None:
    assert isinstance(mt.MemoryStore(), mt.Sink)
    assert isinstance(mt.MemoryStore(), mt.Source)
    assert isinstance(mt.DirectoryStore("x"), mt.Source)
    assert not isinstance(object(), mt.Sink)


@pytest.mark.parametrize("raised", [RuntimeError("full"), OSError(28, "full"), FileNotFoundError(2, "full")])
def test_what_other_sinks_raise_is_an_error_of_the_store(raised: Exception) -> None:
    class Bucket:
        def put(self, data: Any, **_: Any) -> str:
            raise raised

    with pytest.raises(mt.StoreError, match=r"Bucket\.put: expected to keep a sidecar, got .*full") as error:
        mt.encode(mt.Html("x"), Bucket())
    assert error.value.__cause__ is raised
    assert type(error.value) is mt.StoreError


def test_a_large_file_that_changes_between_its_check_and_its_copy_is_stored_nowhere(large: Path) -> None:
    class Late(mt.MemoryStore):
        """A sink that is given the file when it was checked, and copies it after it was changed."""

        def put(self, data: bytes | Path, **given: Any) -> str:
            large.write_bytes(DATA[::-1])
            return super().put(data, **given)

    store = Late()
    with pytest.raises(mt.HashMismatch, match=r"data\.bin: expected the file as it was when the value was made"):
        Blob.from_path(large, "x").place(store, ".bin", "x/y")
    assert store.files == {}
