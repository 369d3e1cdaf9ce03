"""Paths that no system takes, and pipes where files should be: our errors, at once."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mediatypes as mt
from mediatypes.interop.annotations import from_coco

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
