"""Runs that the real packages write, imported; each is skipped where its package is not installed."""

from __future__ import annotations

import importlib.util
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import mediatypes as mt
from mediatypes.interop.elsewhere import import_runs

ROOT = Path(__file__).parents[3]
_SECONDS = 240


def imported(package: str, tmp_path: Path) -> tuple[Any, mt.RunView]:
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed; `make interop` has an environment for it")
    source = tmp_path / "source"
    source.mkdir()
    command = [sys.executable, str(Path(__file__).with_name("real_runs.py")), package, str(source)]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    said = tmp_path / "said.txt"
    with open(said, "wb") as file:  # not a pipe, which a helper of the package may hold open
        done = subprocess.run(command, env=variables, stdout=file, stderr=file, timeout=_SECONDS, check=False)
    assert done.returncode == 0, said.read_text("utf-8", "replace")
    if package == "clearml":
        source = source / "offline"
    before = {path: path.read_bytes() for path in source.rglob("*") if path.is_file()}
    (report,) = import_runs(source, tmp_path / "runs").runs
    assert (report.status, report.problems) == ("new", [])
    assert {path: path.read_bytes() for path in source.rglob("*") if path.is_file()} == before
    (again,) = import_runs(source, tmp_path / "runs").runs
    assert again.status == "unchanged"
    return report, mt.open_run(tmp_path / "runs" / report.folder)


def told(view: mt.RunView) -> tuple[Any, ...]:
    return view.name, view.project, view.tags, view.notes, view.status


def rows_of(view: mt.RunView, key: str) -> list[tuple[int, Any]]:
    return list(view.values(key))


def grey(value: Any) -> int:
    return int(value.to_numpy().max())


def test_aim(tmp_path: Path) -> None:
    report, view = imported("aim", tmp_path)
    assert told(view) == ("first", "exp", ["a"], "note", "finished")
    assert view.config == {"hparams": {"lr": 0.1, "net": {"depth": 3}}}
    assert (rows_of(view, "train/loss"), rows_of(view, "fold=1/val/loss")) == ([(0, 1), (1, 0.5)], [(0, 2), (1, 1)])
    assert math.isnan(rows_of(view, "acc")[0][1])
    assert [(image.caption, grey(image)) for _, image in rows_of(view, "img")] == [("c", 50)]
    assert [[grey(image) for image in images] for _, images in rows_of(view, "imgs")] == [[50, 50]]
    assert rows_of(view, "txt") == [(1, "hello")]
    ((_, weights),) = rows_of(view, "weights")
    assert (weights.values.tolist(), weights.bins[[0, -1]].tolist()) == ([1, 1, 1, 2], [1, 4.5])
    assert [(audio.caption, audio.frames) for _, audio in rows_of(view, "snd")] == [("s", 800)]
    assert rows_of(view, "histogram") == [(1, mt.Histogram([1.0, 2.0]))]
    assert all("parameters of the system" in note for note in report.notes)


def test_clearml(tmp_path: Path) -> None:
    report, view = imported("clearml", tmp_path)
    assert report.notes == []
    assert told(view) == ("first", "proj/sub", ["a"], "note", "finished")
    assert view.config == {"lr": 0.1, "net/depth": 3}
    assert (rows_of(view, "loss/train"), view.summary["best"]) == ([(0, 1), (1, 0.5)], 0.75)
    assert [image.width for _, image in rows_of(view, "val/photo")] == [6]
    assert [figure.to_dict()["data"][0]["z"] for _, figure in rows_of(view, "cm")] == [[[1, 0], [0, 1]]]
    assert [audio.frames for _, audio in rows_of(view, "snd/s")] == [800]
    assert "hello text" in [line.text for line in view.console()]
    assert [name for name in view.files() if name.endswith("numbers.json")]


def test_swanlab(tmp_path: Path) -> None:
    report, view = imported("swanlab", tmp_path)
    assert report.notes == []
    assert told(view) == ("first", "proj", ["a"], "note", "finished")
    assert (view.group, view.config) == ("g", {"lr": 0.1, "net": {"depth": 3}})
    assert rows_of(view, "loss") == [(0, 1.0), (1, 0.5)]
    assert [(image.caption, grey(image)) for _, image in rows_of(view, "img")] == [("c", 50)]
    assert [[grey(image) for image in images] for _, images in rows_of(view, "imgs")] == [[50, 50]]
    assert rows_of(view, "txt") == [(1, "hello")]
    assert [page.text for _, page in rows_of(view, "html")] == ["<b>x</b>"]
    assert [cloud.to_numpy()[:, :3].tolist() for _, cloud in rows_of(view, "points")] == [
        [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    ]


def test_pluto(tmp_path: Path) -> None:
    report, view = imported("pluto", tmp_path)
    assert report.notes == []
    assert told(view) == ("first", "proj", ["a"], "note", "finished")
    assert view.config == {"lr": 0.1, "net": {"depth": 3}}
    assert rows_of(view, "loss") == [(0, 1.0), (1, 0.5)]
    assert math.isnan(rows_of(view, "acc")[0][1])
    assert rows_of(view, "phase") == [(1, "warm")]
    assert [(image.caption, grey(image)) for _, image in rows_of(view, "img")] == [("c", 50)]
    ((_, weights),) = rows_of(view, "weights")
    assert (weights.values.tolist(), weights.bins.tolist()) == ([3, 4], [0, 1, 2])
    assert view.system().column("cpu").to_pylist() == [12.5]
