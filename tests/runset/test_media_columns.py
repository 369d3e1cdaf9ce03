"""Boxes and histograms as columns: of a run, of many, in SQL. Right values are computed by hand."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mediatypes as mt

LABELS = {0: "person", 1: "cat"}
GREY = np.zeros((10, 20), np.uint8)  # 20 wide, 10 high


def boxes(**options: Any) -> mt.BoundingBoxes2D:
    return mt.BoundingBoxes2D.from_xyxy([[0, 0, 10, 5], [2, 2, 4, 12]], domain="pixel", **options)


def log_all(path: Path) -> mt.Run:
    """Pixels and fractions, several scores, lists, a summary, boxes without classes, images without boxes."""
    run = mt.Run(path, quiet=True)
    scored = boxes(class_ids=[0, 1], scores=[0.95, 0.5], labels=["a", None], class_labels=LABELS)
    run.log({"photo": mt.Image(GREY, boxes={"pred": scored}), "other": mt.Image(GREY)})
    fractions = mt.BoundingBoxes2D.from_xyxy([[0.25, 0.5, 0.5, 1]], domain="percentage", scores={"a": [1], "b": [0.5]})
    run.log(
        {"many": [mt.Image(GREY, boxes={"truth": boxes(class_ids=[7, None])}), mt.Image(GREY, boxes={"x": fractions})]}
    )
    run.log({"photo": mt.Image(GREY, boxes={"pred": mt.BoundingBoxes2D.from_xyxy([], domain="pixel")})})
    run.log({"weights": mt.Histogram(np_histogram=([1, 2], [0, 1, 3])), "weights2": mt.Histogram([5], num_bins=1)})
    run.summary["best"] = mt.Image(GREY, boxes={"pred": boxes(scores={"a": [1, None], "score": [None, 0.25]})})
    return run


def rows_of(view: mt.RunView, *names: str, key: str | None = None) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in view.boxes(key).select(names).to_pylist()]


@pytest.fixture(params=["live", "finished"])
def view(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    run = log_all(tmp_path / "run")
    if request.param == "finished":
        run.finish()
    yield mt.open_run(run.path)
    run.finish()


def test_a_row_says_which_box_of_which_image(view: mt.RunView) -> None:
    assert sorted(rows_of(view, "key", "step", "item", "set", "box"), key=repr) == sorted(
        [
            ("photo", 0, None, "pred", 0),
            ("photo", 0, None, "pred", 1),
            ("many", 1, 0, "truth", 0),
            ("many", 1, 0, "truth", 1),
            ("many", 1, 1, "x", 0),
            ("best", None, None, "pred", 0),
            ("best", None, None, "pred", 1),
        ],
        key=repr,
    )


def test_what_was_given_stands_in_columns(view: mt.RunView) -> None:
    names = ("class_id", "label", "caption", "score", "scores")
    assert rows_of(view, *names, key="photo") == [
        (0, "person", "a", 0.95, [("score", 0.95)]),
        (1, "cat", None, 0.5, [("score", 0.5)]),
    ]
    assert rows_of(view, *names, key="many") == [
        (7, "class_7", None, None, []),
        (None, None, None, None, []),
        (None, None, None, None, [("a", 1.0), ("b", 0.5)]),
    ]
    assert rows_of(view, "score", "scores", key="best") == [(None, [("a", 1.0)]), (0.25, [("score", 0.25)])]


def test_edges_are_in_pixels_and_in_fractions(view: mt.RunView) -> None:
    pixels = ("xmin", "ymin", "xmax", "ymax", "area")
    assert rows_of(view, *pixels, key="photo") == [(0, 0, 10, 5, 50), (2, 2, 4, 12, 20)]
    assert rows_of(view, *pixels, key="many")[2] == (5, 5, 10, 10, 25)
    fractions = tuple(f"{edge}_fraction" for edge in pixels[:4])
    assert rows_of(view, *fractions, key="photo") == [(0, 0, 0.5, 0.5), (0.1, 0.2, 0.2, 1.2)]
    assert rows_of(view, *fractions, key="many")[2] == (0.25, 0.5, 0.5, 1)


def test_histograms_have_a_row_for_each_bin(view: mt.RunView) -> None:
    table = view.histograms("weights")
    assert table.to_pydict() == {
        "key": ["weights"] * 2,
        "step": [3, 3],
        "item": [None, None],
        "bin": [0, 1],
        "low": [0.0, 1.0],
        "high": [1.0, 3.0],
        "count": [1.0, 2.0],
    }
    assert view.histograms().column("key").to_pylist() == ["weights", "weights", "weights2"]


def test_the_columns_are_there_without_rows(view: mt.RunView) -> None:
    assert view.boxes("other").num_rows == 0
    assert view.boxes("other").schema == view.boxes().schema
    assert view.histograms("photo").schema == view.histograms().schema
    with pytest.raises(mt.InputError, match=r"expected a key of this run, got 'foto'. Did you mean 'photo'\?"):
        view.boxes("foto")


def test_pictures_are_not_read(tmp_path: Path) -> None:
    with log_all(tmp_path / "run") as run:
        pass
    pictures = list((run.path / "media").rglob("*.png"))
    assert pictures
    for path in pictures:
        path.unlink()
    view = mt.open_run(run.path)
    assert set(view.boxes().column("path").to_pylist()) <= {path.relative_to(run.path).as_posix() for path in pictures}
    for path in (run.path / "media").rglob("*.json"):
        path.unlink()
    with pytest.raises(mt.SidecarMissing):
        view.boxes()
    assert view.histograms().num_rows == 3


def test_a_set_of_boxes_that_does_not_fit_its_document_is_refused(tmp_path: Path) -> None:
    with log_all(tmp_path / "run") as run:
        pass
    for path in (run.path / "media").rglob("*.json"):
        path.write_bytes(path.read_bytes().replace(b"5", b"6"))
    with pytest.raises(mt.HashMismatch):
        mt.open_run(run.path).boxes()


@pytest.fixture(params=["loose", "compacted"])
def runs(request: pytest.FixtureRequest, tmp_path: Path) -> mt.RunSet:
    for name in ("a", "b"):
        log_all(tmp_path / "runs" / name).finish()
    mt.Run(tmp_path / "runs" / "empty", quiet=True).finish()
    if request.param == "loose":
        return mt.open_runs(tmp_path / "runs")
    mt.compact(tmp_path / "runs", tmp_path / "all", ThreadPoolExecutor(1))
    return mt.open_runs(tmp_path / "all")


def test_a_set_of_runs_has_the_boxes_of_all(runs: mt.RunSet) -> None:
    table = runs.boxes()
    assert table.column_names[0] == "run"
    assert table.column("run").to_pylist() == ["a"] * 7 + ["b"] * 7
    assert runs.boxes("photo").num_rows == 4
    assert runs.histograms().column("run").to_pylist() == ["a"] * 3 + ["b"] * 3
    assert runs.filter(lambda view: view.name == "empty").boxes().schema.names == table.schema.names
    with pytest.raises(mt.InputError, match="expected a key of this run, got 'foto'"):
        runs.boxes("foto")


def test_images_where_a_person_is_sure_are_one_query(runs: mt.RunSet) -> None:
    asked = "select run, key, step from boxes where label = 'person' and score > 0.9 order by run"
    assert runs.sql(asked).fetchall() == [("a", "photo", 0), ("b", "photo", 0)]
    asked = "select sum(count), max(high) from histograms where key = 'weights' group by run"
    assert runs.sql(asked).fetchall() == [(3.0, 3.0), (3.0, 3.0)]
    asked = "select max(scores['a']) from boxes join media using (run, key, path) where type = 'image'"
    assert runs.sql(asked).fetchall() == [(1.0,)]
    with pytest.raises(mt.InputError, match=r'sql: expected a query that DuckDB takes, got .*"nope"'):
        runs.sql("select nope from boxes")


def test_a_key_of_that_name_costs_no_reading_of_sidecars(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run", quiet=True) as run:
        run.log({"boxes": 3, "photo": mt.Image(GREY, boxes={"pred": boxes()})})
    shutil.rmtree(run.path / "media")
    runs = mt.open_runs(run.path)
    assert runs.sql("select boxes from history").fetchall() == [(3.0,)]
    with pytest.raises(mt.SidecarMissing):
        runs.sql("from boxes")
