"""A compacted dataset outlives the folders of its runs: it gives what it has of them."""

from __future__ import annotations

import json
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mediatypes as mt

_DESCRIBED = ("id", "name", "project", "group", "job_type", "notes", "tags", "status", "started", "finished", "config")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Runs whose columns have other names in the dataset than in their folders, and keys with dots."""
    base = tmp_path / "runs"
    config = {"lr": 0.1, "net": {"depth": 4, "widths": [8, 16], "more": {}}}
    pixels = np.arange(300 * 300 * 3).astype(np.uint16).reshape(300, 300, 3)
    with mt.Run(base / "a", project="p", tags=["x", "y"], config=config, group="g", notes="n", job_type="j") as run:
        run.define_metric("v.x", summary="min,max")
        for i in range(4):
            run.log({"acc": i / 4, "v.x": i, "img": mt.Image(pixels + i, caption=f"step {i}")})
    with mt.Run(base / "deep" / "b", project="q", tags=["x"], config={"lr": "auto"}) as run:
        run.log({"acc": "diverged"})
        run.log({"Acc": 3, "n": 2**60, "words": ["a", None], "h": mt.Histogram([1, 2, 3])})
        run.log({"Acc": 4}, step=9)
    mt.Run(base / "empty").finish()
    mt.compact(base, tmp_path / "all", ThreadPoolExecutor(1))
    return base


def content(view: mt.RunView) -> dict[str, Any]:
    described = view.describe()
    histories = [view.history(), view.history(steps=(1, 3)), view.scan().to_table()]
    tables = [(table.column_names, table.to_pydict()) for table in histories]
    told = {name: described.get(name) for name in _DESCRIBED}
    return told | {
        "keys": view.keys(),
        "summary": view.summary,
        "rows": tables,
        "tags": view.tags,
        "status": view.status,
    }


def answers(runs: mt.RunSet) -> list[Any]:
    queries = (
        "select run, count(*), max(_step) from history group by run order by run",
        "select run, step, caption, type, key from media order by all",
    )
    tables = [table.to_pydict() for table in (runs.table(), runs.history(["acc", "Acc"]), runs.history(steps=(0, 3)))]
    return [runs.names, len(runs), tables, [runs.sql(query).fetchall() for query in queries]]


def test_runs_without_folders_are_what_they_were(root: Path, tmp_path: Path) -> None:
    there = mt.open_runs(root)
    expected = {name: content(there[name]) for name in there.names}
    chosen = there.filter(tags="x")
    subset = answers(chosen)
    shutil.rmtree(root)
    gone = mt.open_runs(tmp_path / "all")
    assert len(gone) == len(list(gone)) == 3
    for name, before in expected.items():
        assert content(gone[name]) == before
    assert answers(gone.filter(tags="x")) == subset
    assert gone.filter(project="p", config={"net.depth": 4}).names == ["a"]
    assert gone.filter(lambda view: "Acc" in view.keys()).names == ["deep/b"]  # noqa: SIM118 - a method
    assert gone[1:].names == ["deep/b", "empty"]
    assert gone[gone["a"].id].name == "a"


def test_a_subset_of_a_dataset_keeps_the_names_of_its_runs(root: Path, tmp_path: Path) -> None:
    runs = mt.open_runs(tmp_path / "all")
    assert runs.filter(tags="x").names == runs[:2].names == ["a", "deep/b"]
    assert runs.filter(tags="x").table().column("run").to_pylist() == ["a", "deep/b"]


def test_only_what_was_in_the_folder_is_missing(root: Path, tmp_path: Path) -> None:
    shutil.rmtree(root / "a")
    runs = mt.open_runs(tmp_path / "all")
    view = runs["a"]
    with pytest.raises(mt.SidecarMissing):
        list(view.values("img"))
    assert [value for _, value in view.values("acc")] == [0, 0.25, 0.5, 0.75]
    assert list(runs["deep/b"].values("h")) == [(1, mt.Histogram([1, 2, 3]))]
    assert [problem.path for problem in view.problems] == [str(root / "a")]
    assert "no such directory" in view.problems[0].message
    with pytest.raises(mt.StoreError):
        view.edit(name="other")
    assert not (root / "a").exists()


def test_a_damaged_folder_does_not_hide_the_other_runs(root: Path, tmp_path: Path) -> None:
    (root / "a" / "run.json").write_text("{")
    runs = mt.open_runs(tmp_path / "all")
    assert [view.name for view in runs] == ["a", "b", "empty"]
    assert "run.json" in runs["a"].problems[0].path


def test_members_whose_names_have_dots_are_told_from_nested_ones(tmp_path: Path) -> None:
    config = {"a.b": 1, "a": 2, "x": {"y": 3}, "a.c.d": {"e": 4}}
    with mt.Run(tmp_path / "runs" / "one", config=config) as run:
        run.summary.update({"best.step": 5, "best": 6})
    mt.compact(tmp_path / "runs", tmp_path / "all", ThreadPoolExecutor(1))
    shutil.rmtree(tmp_path / "runs")
    (view,) = mt.open_runs(tmp_path / "all")
    assert view.config == {"a.b": 1, "a": 2, "x": {"y": 3}, "a.c.d.e": 4}
    assert view.summary == {"best.step": 5, "best": 6}


def test_a_dataset_of_a_later_minor_version_is_read(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "all" / "compact.json"
    content = json.loads(file.read_text())
    for column in (column for columns in content["columns"].values() for column in columns):
        column["unit"] = "new"
    for stamps in content["parts"].values():
        for stamp in stamps.values():
            stamp.append(7)
    file.write_text(json.dumps(content | {"more": 1, "format": "1.9"}))
    assert mt.open_runs(tmp_path / "all").history(["acc"]).num_rows == 5
    assert mt.compact(root, tmp_path / "all", ThreadPoolExecutor(1)).unchanged == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"columns": {"history": []}}, "columns: expected the field 'media', got none"),
        ({"parts": {"x": {}}}, "parts['x']: expected a name matching"),
        ({"parts": {"1": {"a": [1, 2]}}}, "parts['1']['a']: expected a list of at least 4"),
        ({"parts": {"9": {"a": [1, 2, 3, 4]}}}, "part-00009.parquet"),
        ({"kind": "image"}, "expected a column of struct"),
        ({"name": "none"}, "expected a column of double for the kind number, got no such column"),
    ],
)
def test_a_damaged_list_of_a_dataset_is_said(root: Path, tmp_path: Path, change: dict[str, Any], message: str) -> None:
    file = tmp_path / "all" / "compact.json"
    content = json.loads(file.read_text())
    if change.keys() <= content.keys():
        content |= change
    else:
        content["columns"]["history"][0] |= change
    file.write_text(json.dumps(content))
    with pytest.raises((mt.DocumentError, mt.StoreError), match=re.escape(message)):
        mt.open_runs(tmp_path / "all").history()
    if "9" in change.get("parts", {}):
        with pytest.raises(mt.DocumentError, match=re.escape(message)):
            mt.open_runs(tmp_path / "all").sql("select * from history")
