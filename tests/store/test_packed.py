"""The packed store: written whole, added to, read a sidecar at a time, damage said."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import mediatypes as mt
from mediatypes._core.sidecar import fetch
from tests.samples import photograph


def put(store: mt.PackedStore, data: bytes | Path, media_type: str = "image/png", suffix: str = ".png") -> str:
    content = data if isinstance(data, bytes) else data.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    return store.put(data, suffix=suffix, media_type=media_type, sha256=sha256, size=len(content))


def test_values_are_decoded_from_the_file(tmp_path: Path) -> None:
    photo = mt.Image(photograph("coffee"), masks={"m": mt.ImageMask(photograph("coffee")[..., 0] > 99)})
    table = mt.Table(["photo", "n"], [[photo, 1], [photo, 2]])
    with mt.PackedStore(tmp_path / "media.parquet") as store:
        documents = [mt.encode(value, store) for value in (photo, table)]
        assert mt.decode(documents[0], store) == photo  # before it is written, too
        assert not (tmp_path / "media.parquet").exists()
    again = mt.PackedStore(tmp_path / "media.parquet")
    assert [mt.decode(document, again) for document in documents] == [photo, table]
    assert sorted(again) == sorted(store)
    assert documents[0]["path"] in again
    assert "other" not in again
    assert [path.name for path in tmp_path.iterdir()] == ["media.parquet"]


def test_a_file_is_added_to(tmp_path: Path) -> None:
    paths = []
    for content in (b"one", b"two", b"one"):
        with mt.PackedStore(tmp_path / "media.parquet") as store:
            paths.append(put(store, content))
    store = mt.PackedStore(tmp_path / "media.parquet")
    assert list(store) == paths[:2]
    assert [store.open(path).read() for path in paths] == [b"one", b"two", b"one"]


def test_two_stores_of_one_file_see_what_the_other_wrote(tmp_path: Path) -> None:
    first, second = (mt.PackedStore(tmp_path / "media.parquet") for _ in range(2))
    path = put(first, b"abc")
    with pytest.raises(mt.SidecarMissing, match=r"expected a packed store with .*, got 'no such file'"):
        second.open(path)
    first.write()
    assert second.open(path).read() == b"abc"


def test_nothing_is_written_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), mt.PackedStore(tmp_path / "media.parquet") as store:
        put(store, b"abc")
        _ = 1 / 0
    assert not list(tmp_path.iterdir())


def test_an_empty_store_is_a_file_too(tmp_path: Path) -> None:
    with mt.PackedStore(tmp_path / "media.parquet"):
        pass
    assert list(mt.PackedStore(tmp_path / "media.parquet")) == []
    assert pq.read_table(tmp_path / "media.parquet").num_rows == 0


def test_a_sidecar_that_is_too_large_is_refused_when_it_is_put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediatypes.store._packed_file.LARGEST", 3)
    store = mt.PackedStore(tmp_path / "media.parquet")
    with pytest.raises(mt.StoreError, match=r"put: expected at most 3 bytes, got 4\. Use a DirectoryStore for it\."):
        put(store, b"four")


def test_a_directory_that_is_not_there_is_said(tmp_path: Path) -> None:
    store = mt.PackedStore(tmp_path / "none" / "media.parquet")
    path = put(store, b"abc")
    with pytest.raises(mt.StoreError, match=r"expected to write the packed store, got .*No such file or directory"):
        store.write()
    assert store.open(path).read() == b"abc"  # nothing is lost


def test_bytes_that_changed_in_the_file_are_refused(tmp_path: Path) -> None:
    file, content = tmp_path / "media.parquet", np.random.default_rng(0).bytes(3000)
    with mt.PackedStore(file) as store:
        path = put(store, content)
    data = file.read_bytes()
    at = data.index(content[:64])
    file.write_bytes(data[: at + 9] + b"?" + data[at + 10 :])
    reference = {"path": path, "sha256": hashlib.sha256(content).hexdigest(), "size": 3000}
    with pytest.raises(mt.StoreError):  # the page's checksum, or the hash
        fetch(mt.PackedStore(file), reference, "here")
    with pytest.raises(mt.StoreError), mt.PackedStore(file) as again:
        put(again, b"more")
    assert file.read_bytes() != data


def test_a_foreign_file_is_refused_and_stays(tmp_path: Path) -> None:
    file = tmp_path / "media.parquet"
    file.write_bytes(b"PAR1 not really")
    with pytest.raises(mt.StoreError, match=r"expected a whole packed store, got .+\. Restore the file from a copy\."):
        mt.PackedStore(file).open("ab/x.png")
    assert file.read_bytes() == b"PAR1 not really"


def test_threads_share_a_store(tmp_path: Path) -> None:
    contents = [np.random.default_rng(i).bytes(40_000) for i in range(60)]
    with mt.PackedStore(tmp_path / "media.parquet") as store:
        paths = [put(store, content) for content in contents]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda path: store.open(path).read(), paths * 3)) == contents * 3
