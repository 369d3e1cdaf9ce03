"""Artifacts: versions by content, aliases, what they hold, and which runs made and used them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.fs
import pytest
from jsonschema import Draft202012Validator

import mediatypes as mt
from mediatypes.artifact.blobs import Blobs
from mediatypes.cli import main
from mediatypes.upkeep.verify import check
from tests.remote import make_bucket

SCHEMAS = Path(__file__).parents[2] / "schemas"


def validate(path: Path, schema: str) -> Any:
    value = json.loads(path.read_bytes())
    Draft202012Validator(json.loads((SCHEMAS / f"{schema}-1.0.json").read_bytes())).validate(value)
    return value


def tree(root: Path) -> dict[str, Any]:
    """What a directory holds: content and whether it may be run; None for directories."""
    return {
        path.relative_to(root).as_posix(): (path.read_bytes(), bool(path.stat().st_mode & stat.S_IXUSR))
        if path.is_file()
        else None
        for path in root.rglob("*")
    }


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A directory with what directories have."""
    folder = tmp_path / "data"
    (folder / "train" / "empty").mkdir(parents=True)
    for name in ("a.txt", "train/b.txt", ".hidden", "train/Größe.txt", "train/same"):
        (folder / name).write_text("same" if name == "train/same" else name)
    (folder / "same").write_text("same")
    (folder / "nothing").write_bytes(b"")
    (folder / "tool").write_text("#!/bin/sh\n")
    (folder / "tool").chmod(0o755)
    return folder


@pytest.fixture
def store(tmp_path: Path) -> mt.Artifacts:
    return mt.artifacts(tmp_path / "runs")


def blobs(store: mt.Artifacts) -> list[Path]:
    return sorted(path for path in (Path(str(store.root)) / "blobs").rglob("*") if path.is_file())


def test_a_directory_comes_back_as_it_was(store: mt.Artifacts, data: Path) -> None:
    artifact = store.log("data", "dataset", data)
    assert tree(artifact.path) == tree(data)
    assert tree(store.use("data").download(data.parent / "copy")) == tree(data)
    assert artifact.size == sum(path.stat().st_size for path in data.rglob("*") if path.is_file())
    contents = {path.read_bytes() for path in data.rglob("*") if path.is_file()}
    assert {path.name for path in blobs(store)} == {hashlib.sha256(content).hexdigest() for content in contents}
    manifest = validate(Path(str(store.root)) / "data" / "v0" / "manifest.json", "artifact")
    assert [entry["path"] for entry in manifest["entries"]] == sorted(
        name for name, content in tree(data).items() if content or name == "train/empty"
    )
    assert store.verify() == ([], 1, len(contents), sum(map(len, contents)))


def test_one_file_comes_back_as_a_file(store: mt.Artifacts, data: Path) -> None:
    artifact = store.log("notes", "text", data / "a.txt")
    assert (artifact.path.name, artifact.path.read_text()) == ("a.txt", "a.txt")
    assert artifact.get("a.txt") == artifact.path
    folder = store.log("folder", "text", {"a.txt": data / "a.txt"})
    assert tree(folder.path) == {"a.txt": (b"a.txt", False)}
    assert folder.digest == artifact.digest


def test_versions_are_made_by_content(store: mt.Artifacts) -> None:
    def log(content: bytes, **told: Any) -> str:
        return store.log("words", "dataset", {"a": content}, **told).version

    assert [log(content) for content in (b"1", b"1", b"2", b"2", b"1")] == ["v0", "v0", "v1", "v1", "v2"]
    assert log(b"1", metadata={"acc": 0.5}) == "v3"
    assert log(b"1", metadata={"acc": np.float32(0.5)}) == "v3"
    assert log(b"1") == "v3"
    assert log(b"1", metadata={"acc": float("nan")}) == log(b"1", metadata={"acc": float("nan")}) == "v4"
    assert log(b"1", description="the first") == "v5"
    assert store.use("words:v3").metadata == {"acc": 0.5}
    assert store.use("words").description == "the first"
    assert len(blobs(store)) == 2
    same = [store.use(f"words:v{number}").path / "a" for number in (0, 2, 5)]
    assert all(os.path.samefile(same[0], path) for path in same)


def test_aliases_mean_versions(store: mt.Artifacts) -> None:
    store.log("m", "model", {"a": b"0"}, aliases=["best", "first"])
    store.log("m", "model", {"a": b"1"}, aliases=("latest", "best"))
    third = store.log("m", "model", {"a": b"2"})
    assert third.aliases == ("latest",)
    means = {alias: store.use(f"m:{alias}").version for alias in ("best", "first", "latest", "v0", "v2")}
    assert means == {"best": "v1", "first": "v0", "latest": "v2", "v0": "v0", "v2": "v2"}
    assert store.use("m").version == "v2"
    assert store.alias("m:v0", "best", "kept").aliases == ("best", "first", "kept")
    assert [version.aliases for version in store.versions("m")] == [("best", "first", "kept"), (), ("latest",)]
    for alias in ("best", "first", "kept"):
        validate(Path(str(store.root)) / "m" / "aliases" / f"{alias}.json", "alias")
    for alias in ("v3", "Best", "a b", "../x", "", 7, "aux", "COM1.x"):
        with pytest.raises(mt.InputError):
            store.alias("m:v0", alias)  # type: ignore[arg-type]
    for name in ("m:worst", "m:v9", "n", "m:v00"):
        with pytest.raises(mt.StoreError, match="expected"):
            store.use(name)
    for name in ("", "m:", "../m", "m:best:v1", None):
        with pytest.raises(mt.InputError):
            store.use(name)  # type: ignore[arg-type]


def test_values_are_kept_and_come_back(store: mt.Artifacts) -> None:
    image = mt.Image(np.arange(48, dtype=np.uint8).reshape(4, 4, 3), caption="ramp")
    boxed = mt.Image(
        np.zeros((8, 8), np.uint8),
        masks={"pred": mt.ImageMask(np.eye(8, dtype=np.uint8))},
        boxes={"gt": mt.BoundingBoxes2D.from_xyxy([[0, 0, 4, 4]], domain="pixel")},
    )
    table = mt.Table(columns=["image", "n"], data=[[image, 1], [boxed, 2]])
    values = {"ramp": image, "deep/boxed": boxed, "table": table, "hist": mt.Histogram([1, 2, 2])}
    artifact = store.log("results", "result", {**values, "bare": np.arange(12.0).reshape(3, 4), "note": b"text"})
    again = store.use("results")
    for name, value in values.items():
        assert again.get(name) == value
        assert again.get(f"{name}.json") == value
    assert again.get("bare").to_numpy().tolist() == np.arange(12.0).reshape(3, 4).tolist()
    assert again.get("note").read_bytes() == b"text"
    # the folder is one that documents can be read from without us knowing of artifacts
    document = json.loads((artifact.path / "deep" / "boxed.json").read_bytes())
    assert mt.decode(document, mt.DirectoryStore(artifact.path)) == boxed
    assert artifact.entries["table.json"].value == "table"
    assert (
        store.log("results", "result", {**values, "bare": np.arange(12.0).reshape(3, 4), "note": b"text"}).number == 0
    )
    assert store.log("one", "result", image).get("image") == image
    with pytest.raises(mt.InputError, match="the name of a file or value"):
        again.get("missing")


def test_all_that_is_wrong_is_said_and_nothing_is_logged(store: mt.Artifacts, tmp_path: Path) -> None:
    store.log("Known", "dataset", {"a": b"1"})
    before = tree(Path(str(store.root)))
    (tmp_path / "odd").mkdir()
    for name in ("CON", "a:b", "Same", "same"):
        (tmp_path / "odd" / name).write_text(name)
    with pytest.raises(mt.InputError) as caught:
        store.log(
            "known",
            "",
            {
                "odd": tmp_path / "odd",
                "none": tmp_path / "none",
                "../up": b"1",
                "x": object(),
                "": b"2",
                "odd/CON": b"3",
            },
            aliases=["v1", "ok", "OK"],
            metadata={"bad": object()},
            description=7,  # type: ignore[arg-type]
        )
    codes = sorted(problem.code for problem in caught.value.problems)
    assert len(codes) == 14, caught.value
    assert codes.count("twins") == 4  # known, OK, same, odd/CON
    assert codes.count("unsafe") == 3  # CON, a:b, ../up
    assert tree(Path(str(store.root))) == before
    for arguments in (
        ("a", "t", {}),
        ("a", "t", b"x"),
        ("a", "t", None),
        ("blobs", "t", {"a": b""}),
        ("con", "t", {"a": b""}),
        ("NUL.txt", "t", {"a": b""}),
        ("ends.", "t", {"a": b""}),
        (7, "t", {"a": b""}),
    ):
        with pytest.raises(mt.InputError):
            store.log(*arguments)  # type: ignore[arg-type]
    with pytest.raises(mt.InputError, match="one type"):
        store.log("Known", "model", {"a": b"1"})
    with pytest.raises(mt.InputError, match="a list of texts"):
        store.log("Known", "dataset", {"a": b"1"}, aliases="best")
    with pytest.raises(mt.InputError, match="a directory without"):
        store.log("all", "dataset", tmp_path)


def test_links_are_followed_inside_only(store: mt.Artifacts, data: Path) -> None:
    (data.parent / "secret").write_text("secret")
    (data / "inside").symlink_to("train/b.txt")
    assert (store.log("data", "dataset", data).path / "inside").read_text() == "train/b.txt"
    (data / "out").symlink_to(data.parent / "secret")
    (data / "up").symlink_to("..")
    (data / "loop").symlink_to("train")
    (data / "gone").symlink_to("nowhere")
    (data / "itself").symlink_to("itself")
    os.mkfifo(data / "pipe")
    with pytest.raises(mt.InputError) as caught:
        store.log("data", "dataset", data)
    assert len(caught.value.problems) == 6
    (data.parent / "named").symlink_to(data.parent / "secret")
    assert store.log("named", "text", data.parent / "named").path.read_text() == "secret"


def test_references_are_not_copied(store: mt.Artifacts, data: Path) -> None:
    there = mt.Reference("s3://bucket/big.bin", size=5, etag="abc")
    artifact = store.log(
        "refs",
        "dataset",
        {"one": (data / "a.txt").as_uri(), "all": data.as_uri(), "big": there, "web": "https://example.org/x.bin?y=1"},
    )
    sha256 = hashlib.sha256(b"a.txt").hexdigest()
    assert artifact.references["one"] == mt.Reference((data / "a.txt").as_uri(), 5, sha256)
    assert artifact.references["all/train/b.txt"].sha256 == hashlib.sha256(b"train/b.txt").hexdigest()
    assert artifact.references["big"] == there
    assert artifact.references["web"] == mt.Reference("https://example.org/x.bin?y=1")
    assert (artifact.size, blobs(store)) == (0, [])
    with pytest.raises(mt.StoreError, match="references"):
        _ = artifact.path
    local = store.log("local", "dataset", {"one": (data / "a.txt").as_uri(), "kept": b"kept"})
    assert tree(local.path) == {"kept": (b"kept", False)}
    fetched = local.download(data.parent / "fetched", references=True)
    assert tree(fetched) == {"kept": (b"kept", False), "one": (b"a.txt", False)}
    (data / "a.txt").write_text("A.txt")
    with pytest.raises(mt.HashMismatch):
        local.download(data.parent / "again", references=True)
    assert not (data.parent / "again").exists()
    assert store.log("local", "dataset", {"one": (data / "a.txt").as_uri(), "kept": b"kept"}).number == 1
    for url in ("https://user:secret@example.org/x", "file:///nowhere/at/all"):
        with pytest.raises(mt.InputError) as caught:
            store.log("bad", "dataset", url)
        assert "secret" not in str(caught.value)


def test_references_to_s3_have_size_and_time(store: mt.Artifacts, s3: dict[str, str], tmp_path: Path) -> None:
    make_bucket("artifacts")
    bucket = "s3://artifacts"
    filesystem = mt.open_store(f"{bucket}/data").root.filesystem  # type: ignore[union-attr]
    path = f"{bucket.removeprefix('s3://')}/data"
    for name in ("a.bin", "deep/b.bin"):
        with filesystem.open_output_stream(f"{path}/{name}") as file:
            file.write(name.encode())
    artifact = store.log("far", "dataset", f"{bucket}/data")
    assert {name: (one.url, one.size) for name, one in artifact.references.items()} == {
        "a.bin": (f"{bucket}/data/a.bin", 5),
        "deep/b.bin": (f"{bucket}/data/deep/b.bin", 10),
    }
    assert all(one.modified for one in artifact.references.values())
    assert store.log("far", "dataset", f"{bucket}/data").number == 0
    one = store.log("one", "dataset", f"{bucket}/data/a.bin")
    assert list(one.references) == ["a.bin"]
    assert (artifact.download(tmp_path / "out", references=True) / "deep" / "b.bin").read_bytes() == b"deep/b.bin"
    with pytest.raises(mt.InputError, match="existing"):
        store.log("none", "dataset", f"{bucket}/nothing")

    # artifacts that were copied there are read, but not logged there
    mt_root = Path(str(store.root))
    for file in (file for file in mt_root.rglob("*") if file.is_file()):
        with filesystem.open_output_stream(f"{path}/runs/artifacts/{file.relative_to(mt_root).as_posix()}") as sink:
            sink.write(file.read_bytes())
    far = mt.artifacts(f"{bucket}/data/runs")
    assert far.names() == store.names()
    assert far.use("far").digest == artifact.digest
    assert far.verify().problems == []


def test_artifacts_elsewhere_are_read(store: mt.Artifacts, data: Path) -> None:
    logged = store.log("data", "dataset", data, aliases=["best"])
    image = mt.Image(np.zeros((2, 2), np.uint8))
    store.log("value", "result", {"image": image})
    root = Path(str(store.root)).parent
    far = mt.artifacts(mt.open_store(str(root), filesystem=pyarrow.fs.LocalFileSystem()))  # type: ignore[arg-type]
    assert far.names() == ["data", "value"]
    assert far.use("data:best").digest == logged.digest
    assert tree(far.use("data:best").download(data.parent / "copy")) == tree(data)
    assert far.use("value").get("image") == image
    assert far.verify().problems == []
    for act in (lambda: far.use("data").path, lambda: far.log("x", "y", data), far.gc, lambda: far.alias("data", "x")):
        with pytest.raises(mt.StoreError, match="of this machine"):
            act()


def test_runs_know_what_they_made_and_used(tmp_path: Path, data: Path) -> None:
    root = tmp_path / "runs"
    with mt.Run(root / "maker", name="the maker") as maker:
        artifact = maker.log_artifact("data", "dataset", data, aliases=["best"], metadata={"rows": 3})
        maker.log_artifact("data", "dataset", data)
    assert artifact.run == {"id": maker.id, "name": "the maker", "path": "maker"}
    with mt.Run(root / "deep" / "user") as user:
        with pytest.raises(mt.StoreError, match="an artifact 'data'"):
            user.use_artifact("data:best")  # those beside it are others
        used = user.use_artifact(mt.artifacts(root).use("data:best"))
        user.use_artifact(used)
        user.log({"n": len(list(used.path.iterdir()))})
    made = mt.open_run(root / "maker").artifacts()
    assert [one[:5] for one in made] == [("data", "v0", "dataset", artifact.digest, "made")]
    assert [one[:5] for one in mt.open_run(user.path).artifacts()] == [
        ("data", "v0", "dataset", artifact.digest, "used")
    ]
    validate(user.path / "artifacts.json", "artifacts")
    store = mt.artifacts(root)
    assert [view.path for view in store.use("data").used_by()] == [user.path]
    with mt.Run(root / "damaged"):
        (root / "damaged" / "artifacts.json").write_text("{")
    users = store.use("data").used_by()
    assert [view.path for view in users] == [user.path]
    assert ["damaged" in str(problem) for problem in users.problems] == [True]
    shutil.rmtree(root / "damaged")
    mt.copy(root, tmp_path / "copies")
    assert mt.open_run(tmp_path / "copies" / "deep" / "user").artifacts() == mt.open_run(user.path).artifacts()
    assert not (tmp_path / "copies" / "artifacts").exists()
    for run in (maker, user):
        assert check(run.path, deep=True).problems == ()
        with pytest.raises(mt.RunClosed):
            run.log_artifact("data", "dataset", data)
        with pytest.raises(mt.RunClosed):
            run.use_artifact("data")
    value = json.loads((user.path / "artifacts.json").read_bytes())
    value["artifacts"][0]["role"] = "stole"
    (user.path / "artifacts.json").write_text(json.dumps(value))
    assert [one.code for one in check(user.path, deep=True).problems] == ["invalid"]
    with pytest.raises(mt.DocumentError):
        mt.open_run(user.path).artifacts()


def test_the_environment_names_the_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIATYPES_DIR", str(tmp_path / "mine"))
    monkeypatch.chdir(tmp_path)
    with mt.Run() as run:
        run.log_artifact("a", "t", {"x": b"1"})
    with mt.Run(tmp_path / "mine" / "sweep" / "seed0") as run:
        run.log_artifact("b", "t", {"x": b"1"})
    with mt.Run("elsewhere/run") as run:
        run.log_artifact("c", "t", {"x": b"1"})
    assert mt.artifacts().names() == ["a", "b"]
    assert mt.artifacts("elsewhere").names() == mt.artifacts("elsewhere/artifacts").names() == ["c"]
    monkeypatch.delenv("MEDIATYPES_DIR")
    assert mt.artifacts().names() == []


def test_artifacts_are_no_runs(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    with mt.Run(root / "one") as run:
        run.log({"loss": 1.0})
    with mt.Run(root / "two") as run:
        run.log_artifact("run", "run", root / "one")
    far = mt.open_store(str(root), filesystem=pyarrow.fs.LocalFileSystem())
    assert mt.open_runs(root).names == mt.open_runs(far).names == ["one", "two"]  # type: ignore[arg-type]
    with mt.Run(tmp_path / "odd" / "artifacts"):
        pass
    with mt.Run(tmp_path / "odd" / "other") as run, pytest.raises(mt.StoreError, match="another name"):
        run.log_artifact("x", "t", {"a": b"1"})
    assert mt.open_runs(tmp_path / "odd").names == ["artifacts", "other"]


def test_without_hard_links_content_is_copied_when_it_is_used(
    store: mt.Artifacts, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: Any, **options: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    artifact = store.log("data", "dataset", data)
    assert not (Path(str(store.root)) / "data" / "v0" / "files").exists()
    assert tree(artifact.path) == tree(data)
    assert tree(store.use("data").path) == tree(data)
    assert store.verify().problems == []


def test_what_is_used_cannot_be_changed_by_accident(store: mt.Artifacts, data: Path) -> None:
    artifact = store.log("data", "dataset", data)
    modes = {path.stat().st_mode & 0o222 for path in artifact.path.rglob("*") if path.is_file()}
    assert modes == {0}
    copy = artifact.download(data.parent / "copy")
    (copy / "a.txt").write_text("changed")
    assert (store.use("data").path / "a.txt").read_text() == "a.txt"
    with pytest.raises(mt.StoreError, match="a folder to be made"):
        artifact.download(copy)


def test_large_files_go_through_in_pieces(store: mt.Artifacts, tmp_path: Path) -> None:
    file = tmp_path / "weights.bin"
    file.write_bytes(bytes(range(256)) * 4096 * 48)  # 48 MiB
    tracemalloc.start()
    try:
        artifact = store.log("model", "model", file)
        store.log("model", "model", file, metadata={"again": True})
        assert artifact.path.stat().st_size == 48 * 2**20
        assert tracemalloc.get_traced_memory()[1] < 12 * 2**20
    finally:
        tracemalloc.stop()
    assert len(blobs(store)) == 1
    assert store.verify().problems == []


def test_a_power_cut_is_waited_for_where_the_run_asks_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mediatypes._core import atomic

    synced: list[str] = []
    monkeypatch.setattr(atomic, "sync", lambda path: synced.append(Path(path).name))
    with mt.Run(tmp_path / "runs" / "one", fsync=60) as run:
        synced.clear()
        artifact = run.log_artifact("a", "t", {"x": b"1"})
        sha256 = artifact.entries["x"].sha256
        assert {"manifest.json", "a", str(sha256)[:2]} <= set(synced)
    with mt.Run(tmp_path / "runs" / "two") as run:
        synced.clear()
        run.log_artifact("b", "t", {"x": b"2"})
        assert synced == []


def test_the_commands(store: mt.Artifacts, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = str(Path(str(store.root)).parent)
    Path(root).mkdir()
    assert main(["artifacts", "ls", root]) == 0
    assert "no artifacts" in capsys.readouterr().out
    store.log("data", "dataset", {"d": data, "ref": "https://example.org/x"}, aliases=["best"])
    store.log("data", "dataset", data)
    assert main(["artifacts", "ls", root]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [["version", "aliases"], ["data:v0", "best"], ["data:v1", "latest"]]
    assert main(["artifacts", "get", root, "data:best", "-o", str(data.parent / "copy")]) == 0
    assert "1 reference left out" in capsys.readouterr().out
    assert tree(data.parent / "copy" / "d") == tree(data)
    assert main(["artifacts", "get", root, "data:worst", "-o", str(data.parent / "other")]) == 2
    assert "worst" in capsys.readouterr().err
    assert main(["artifacts", "verify", root]) == 0
    assert "nothing is wrong" in capsys.readouterr().out
    shutil.rmtree(Path(str(store.root)) / "data" / "v1")
    assert main(["artifacts", "gc", root, "--dry-run"]) == 0
    assert "would remove 0 files" in capsys.readouterr().out
    blob = blobs(store)[0]
    blob.chmod(0o644)
    blob.write_bytes(b"")
    assert main(["artifacts", "verify", root]) == 1
    assert "data:v0/d/" in capsys.readouterr().out


def test_a_version_that_was_removed_lends_its_number_and_aliases_to_no_other(tmp_path: Path) -> None:
    store = mt.artifacts(tmp_path)
    store.log("words", "dataset", {"a.txt": b"one"})
    best = store.log("words", "dataset", {"a.txt": b"two"}, aliases=["best"])
    shutil.rmtree(best.path.parent)
    assert store.log("words", "dataset", {"a.txt": b"three"}).version == "v2"
    with pytest.raises(mt.StoreError, match="a version or an alias"):
        store.use("words:best")


def test_the_file_of_a_value_that_changes_while_it_is_stored_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mediatypes._core.sidecar.READ_WHOLE", 4)
    file, pixels = tmp_path / "photo.png", np.zeros((2, 3), np.uint8)
    file.write_bytes(mt.Image(pixels)._sidecar().read())
    photo, put = mt.Image(file), Blobs.put

    def late(blobs: Blobs, content: Any, *given: Any) -> Any:
        if isinstance(content, Path):
            file.write_bytes(mt.Image(pixels + 9)._sidecar().read())
        return put(blobs, content, *given)

    monkeypatch.setattr(Blobs, "put", late)
    with pytest.raises(mt.HashMismatch, match=r"photo\.png: expected the file as it was"):
        mt.artifacts(tmp_path / "runs").log("photo", "picture", {"photo": photo})
