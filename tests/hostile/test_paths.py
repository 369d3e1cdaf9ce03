"""Paths that no system takes, and pipes where files should be: our errors, at once."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mediatypes as mt
from mediatypes.interop.annotations import from_coco
from mediatypes.runfolder.follower import Follower
from mediatypes.upkeep.verify import check
from tests.writing.crashes import abandon

TAKE_PATHS: dict[str, Callable[[Any], Any]] = {
    "Run": mt.Run,
    "open_run": mt.open_run,
    "open_runs": mt.open_runs,
    "recover": mt.recover,
    "gc": mt.gc,
    "pack": mt.pack,
}


@pytest.mark.parametrize("name", TAKE_PATHS)
@pytest.mark.parametrize("part", ["\ud800", "n" * 300], ids=["lone surrogate", "too long"])
def test_a_path_that_no_system_takes(tmp_path: Path, name: str, part: str) -> None:
    with pytest.raises(mt.InputError, match=rf"^{name}(\.path)?: expected a path"):
        TAKE_PATHS[name](f"{tmp_path}/{part}")


@pytest.mark.parametrize("name", ["history.parquet", "summary.json", "files.json", "console.log"])
def test_a_pipe_in_a_run_is_not_waited_for_when_it_is_copied(tmp_path: Path, name: str) -> None:
    with mt.Run(tmp_path / "run") as run:
        run.log({"a": 1})
    (run.path / name).unlink(missing_ok=True)
    os.mkfifo(run.path / name)
    copied = mt.copy(run.path, tmp_path / "copy")
    assert "not a regular file" in str(copied.problems[0])


def test_a_pipe_in_the_place_of_the_lock_is_not_waited_for(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run:
        run.log({"a": 1})
    (run.path / "journal").mkdir()
    os.mkfifo(run.path / "journal" / "lock")
    with pytest.raises(mt.StoreError, match="not a regular file"):
        mt.Run(run.path, mode="resume")


def test_annotations_of_coco_that_cannot_be(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.raises(mt.InputError, match="expected a file"):
        from_coco(tmp_path / "pipe.json", tmp_path)
    data = {
        "images": [{"id": 1, "file_name": "n" * 5000, "width": 4, "height": 4}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [10**400, 0, 1, 1]}],
        "categories": [{"id": 1, "name": "a"}],
    }
    (tmp_path / "bad.json").write_text(json.dumps(data))
    with pytest.raises(mt.InputError):
        list(from_coco(tmp_path / "bad.json", tmp_path))
    dataset = from_coco(tmp_path / "bad.json", tmp_path, on_error="record")
    assert list(dataset) == []
    assert dataset.problems


@pytest.mark.parametrize(
    "wrong", [{"size": -1}, {"size": 10**400}, {"modified": float("nan")}, {"sha256": "zz"}, {"etag": 5}], ids=str
)
def test_a_reference_that_cannot_be_is_refused_when_it_is_logged(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(mt.InputError, match=rf"\.{next(iter(wrong))}: expected "):
        mt.artifacts(tmp_path).log("x", "t", {"r": mt.Reference("s3://b/x", **wrong)})
    assert mt.artifacts(tmp_path).log("x", "t", {"r": mt.Reference("s3://b/x", size=5)}).version == "v0"


PIPES = ("rank-0001.0001-0.log", "rank-0009.0001-0.log", "rank-0001.lock", "closed")
READ_JOURNALS: dict[str, Callable[[Path], Any]] = {
    "recover": lambda path: mt.recover(path, force=True),
    "open_run": lambda path: mt.open_run(path).history(),
    "resume": lambda path: mt.Run(path, mode="resume").finish(),
    "copy": lambda path: mt.copy(path, path.parent / "copies"),
    "Follower": lambda path: Follower(path).poll(),
    "verify": check,
}


@pytest.mark.parametrize("reader", READ_JOURNALS)
@pytest.mark.parametrize("name", PIPES)
def test_a_pipe_among_the_journals_is_not_waited_for(tmp_path: Path, name: str, reader: str) -> None:
    for run in [mt.Run(tmp_path / "run", rank=rank, capture=False) for rank in range(2)]:
        run.log({"a": 1})
        abandon(run)
    (tmp_path / "run" / "journal" / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / "run" / "journal" / name)
    with contextlib.suppress(mt.MediaTypesError):
        READ_JOURNALS[reader](tmp_path / "run")
    with contextlib.suppress(mt.MediaTypesError):
        check(tmp_path / "run", deep=True)


def test_a_pipe_where_a_run_begins_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "run" / "journal").mkdir(parents=True)
    os.mkfifo(tmp_path / "run" / "journal" / "0001-0.log")
    with pytest.raises(mt.MediaTypesError):
        mt.Run(tmp_path / "run")


LINES = {
    "escaped surrogate": b'{"_timestamp": 1, "\\ud800": 1}',
    "surrogate": b'{"_timestamp": 1, "\xed\xa0\x80": 1}',
    "no UTF-8": b'{"_timestamp": 1, "\xff": 1}',
    "other encoding": '{"_timestamp": 1, "a": 1}'.encode("utf-16"),
    "large time": b'{"_timestamp": 1' + b"0" * 400 + b', "a": 1}',
    "large number": b'{"_timestamp": 1, "a": 1' + b"0" * 400 + b"}",
    "deep": b"[" * 60_000,
    "no time": b'{"a": 1}',
}


@pytest.mark.parametrize("line", LINES)
def test_a_forged_line_of_the_machine_does_not_count(tmp_path: Path, line: str) -> None:
    with mt.Run(tmp_path / "run", capture=False) as run:
        (run.path / "system.jsonl").write_bytes(LINES[line] + b'\n{"_timestamp": 2, "cpu.percent": 5}\n')
        table = mt.open_run(run.path).system()
        assert table.select(["_timestamp", "cpu.percent"]).to_pydict() == {"_timestamp": [2], "cpu.percent": [5]}
    assert mt.open_run(run.path).system().num_rows == 1


ONES = pa.array([1.0, 2.0])
FORGED = {
    "no time": pa.table({"cpu.percent": ONES}),
    "a text as time": pa.table({"_timestamp": pa.array(["a", "b"]), "_runtime": ONES}),
    "texts": pa.table({"_timestamp": ONES, "_runtime": ONES, "cpu.percent": pa.array(["a", "b"])}),
    "two of a name": pa.Table.from_arrays([ONES] * 4, names=["_timestamp", "_runtime", "a", "a"]),
    "no UTF-8": pa.table({"_timestamp": ONES, "_runtime": ONES, "cpu.xxxx": ONES}),
}


@pytest.mark.parametrize("forged", FORGED)
def test_a_forged_table_of_the_machine_is_refused_and_costs_nothing_else(tmp_path: Path, forged: str) -> None:
    run = mt.Run(tmp_path / "run", capture=False)
    run.log({"a": 1})
    path = run.path / "system.parquet"
    footer = {b"mediatypes": json.dumps({"columns": [], "format": "1.0", "id": run.id}).encode()}
    pq.write_table(FORGED[forged].replace_schema_metadata(footer), path)
    path.write_bytes(path.read_bytes().replace(b"cpu.xxxx", b"cpu.\xff\xfe\xff\xfe"))
    (run.path / "system.jsonl").write_text('{"_timestamp": 3, "cpu.percent": 5}\n')
    for _ in range(2):
        with pytest.raises(mt.DocumentError, match=r"system\.parquet"):
            mt.open_run(run.path).system()
        assert [problem.path.rpartition("/")[2][:14] for problem in check(run.path, deep=True).problems] == [path.name]
        run.finish()
    assert list(mt.open_run(run.path).values("a")) == [(0, 1)]


def test_a_time_that_is_missing_in_the_table_of_the_machine(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run", capture=False)
    footer = {b"mediatypes": json.dumps({"columns": [], "format": "1.0", "id": run.id}).encode()}
    table = pa.table({"_timestamp": pa.array([1.0, None]), "_runtime": ONES})
    pq.write_table(table.replace_schema_metadata(footer), run.path / "system.parquet")
    (run.path / "system.jsonl").write_text('{"_timestamp": 3, "cpu.percent": 5}\n')
    run.finish()
    assert mt.open_run(run.path).system().column("_timestamp").to_pylist() == [1, None, 3]


USE_ARTIFACTS: dict[str, Callable[[Path], Any]] = {
    "log": lambda runs: mt.artifacts(runs).log("x", "t", {"a": b"1"}),
    "gc": lambda runs: mt.artifacts(runs).gc(),
    "alias": lambda runs: mt.artifacts(runs).alias("words:v0", "best"),
    "path": lambda runs: mt.artifacts(runs).use("words").path,
    "log_artifact": lambda runs: mt.Run(runs / "run", capture=False).log_artifact("x", "t", {"a": b"1"}),
}


@pytest.mark.parametrize("use", USE_ARTIFACTS)
def test_artifacts_beside_runs_that_are_a_link_are_not_written_to(tmp_path: Path, use: str) -> None:
    """A folder of runs that somebody gave us may have one to any directory of ours."""
    mt.artifacts(tmp_path / "ours").log("words", "t", {"a": b"one"})
    target = tmp_path / "ours" / "artifacts"
    shutil.rmtree(target / "words" / "v0" / "files")
    stray = target / "blobs" / "ab" / f"ab{'0' * 62}"
    stray.parent.mkdir()
    stray.write_text("precious")
    before = sorted(target.rglob("*"))
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "artifacts").symlink_to(target)
    with pytest.raises(mt.UnsafePath, match=r"artifacts: expected a directory, got a symbolic link\."):
        USE_ARTIFACTS[use](tmp_path / "runs")
    assert sorted(target.rglob("*")) == before


IMAGE = mt.Image(np.zeros((2, 2), np.uint8))
WRITE: dict[str, Callable[[Any], Any]] = {
    "Image.save": IMAGE.save,
    "download": lambda path: mt.artifacts(TEMPORARY).log("words", "t", {"a": b"one"}).download(path),
    "export": lambda path: mt.export(mt.Run(f"{TEMPORARY}/run", mode="allow", capture=False).path, "csv", path),
    "Table.to_parquet": lambda path: mt.Table(columns=["a"], data=[[1]]).to_parquet(path),
}
TEMPORARY = ""


@pytest.mark.parametrize("name", WRITE)
@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("\ud800.png", "Remove the lone surrogates."),
        (f"{'n' * 300}.png", "Choose a shorter name."),
        ("a\0.png", "Pass a text such as"),
        ("", "Pass a text such as"),
        (5, "Pass a text such as"),
    ],
    ids=["lone surrogate", "too long", "NUL", "empty", "number"],
)
def test_a_path_that_nobody_can_write_to(
    tmp_path: Path, name: str, path: Any, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{__name__}.TEMPORARY", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(mt.InputError, match=rf"^{name.replace('.', '[.]')}: expected .*{hint}"):
        WRITE[name](path)
