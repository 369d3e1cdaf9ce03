"""Exports of a run with several ranks: no layout takes the values of one for those of another."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import mediatypes as mt
from mediatypes.interop.layouts._content import Content, named

LOSS = {(step, rank): 1 / (1 + step + 10 * rank) for step in range(3) for rank in (0, 2)}


def picture(step: int, rank: int) -> mt.Image:
    return mt.Image(np.full((4, 5), 20 * rank + step, np.uint8), caption=f"{rank}-{step}.png")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ranks 0 and 2 log the same keys at the same steps; only rank 2 logs a text."""
    path = tmp_path_factory.mktemp("ranks") / "job"
    runs = [mt.Run(path, rank=rank, config={"lr": 0.5}, quiet=True) for rank in (0, 2)]
    for step in range(3):
        for run in runs:
            run.log({"loss": LOSS[step, run.rank], "photo": picture(step, run.rank)}, step=step)
    runs[1].log({"note": "rank 2 alone"}, step=3)
    for run in reversed(runs):
        run.finish()
    return path


def test_tensorboard_shows_each_rank_as_a_run(folder: Path, tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator").EventAccumulator
    report = mt.export(folder, "tensorboard", tmp_path / "tb")
    assert sorted(path.parent.name for path in (tmp_path / "tb").rglob("*tfevents*")) == ["rank-0", "rank-2"]
    assert report.rows == 13
    for rank in (0, 2):
        events = accumulator(str(tmp_path / "tb" / f"rank-{rank}"))
        events.Reload()
        scalars = {event.step: event.value for event in events.Scalars("loss")}
        assert scalars == {step: float(np.float32(LOSS[step, rank])) for step in range(3)}
        assert ("note" in events.Tags()["tensors"]) == (rank == 2)
        assert ("hparams" in {data.plugin_data.plugin_name for data in events.summary_metadata.values()}) == (rank == 0)


@pytest.mark.parametrize("layout", ["csv", "jsonl", "wandb-json"])
def test_a_row_says_whose_it_is(layout: str, folder: Path, tmp_path: Path) -> None:
    mt.export(folder, layout, tmp_path / "out")
    if layout == "csv":
        rows: list[Any] = list(csv.DictReader((tmp_path / "out/history.csv").read_text().splitlines()))
    else:
        rows = [json.loads(line) for line in (tmp_path / "out/history.jsonl").read_text().splitlines()]
    told = {(int(row["_step"]), int(row["_rank"])): float(row["loss"]) for row in rows if row.get("loss")}
    assert told == LOSS


@pytest.mark.parametrize("layout", ["csv", "jsonl"])
def test_a_medium_says_whose_it_is(layout: str, folder: Path, tmp_path: Path) -> None:
    mt.export(folder, layout, tmp_path / "out")
    if layout == "csv":
        rows: list[Any] = list(csv.DictReader((tmp_path / "out/media.csv").read_text().splitlines()))
    else:
        rows = [json.loads(line) for line in (tmp_path / "out/media.jsonl").read_text().splitlines()]
    assert {(row["caption"], int(row["rank"])) for row in rows} == {(f"{r}-{s}.png", r) for s, r in LOSS}


def test_values_of_the_long_layout_have_a_rank(folder: Path, tmp_path: Path) -> None:
    mt.export(folder, "long", tmp_path / "out")
    rows = pq.read_table(tmp_path / "out/values.parquet").to_pylist()
    assert {row["key"] for row in rows} == {"loss", "photo", "note"}
    assert {(row["step"], row["rank"]): row["number"] for row in rows if row["key"] == "loss"} == LOSS
    photos = {(json.loads(row["json"])["caption"], row["rank"]) for row in rows if row["key"] == "photo"}
    assert photos == {(f"{rank}-{step}.png", rank) for step, rank in LOSS}


def test_metadata_of_hugging_face_have_a_rank(folder: Path, tmp_path: Path) -> None:
    mt.export(folder, "huggingface", tmp_path / "out")
    rows = pq.read_table(tmp_path / "out/images/metadata.parquet").to_pylist()
    assert {(row["caption"], row["rank"]) for row in rows} == {(f"{rank}-{step}.png", rank) for step, rank in LOSS}


@pytest.mark.parametrize("layout", ["coco", "yolo", "voc"])
def test_data_sets_have_the_images_of_all_ranks(layout: str, folder: Path, tmp_path: Path) -> None:
    report = mt.export(folder, layout, tmp_path / "out")
    names = {path.name for path in (tmp_path / "out").rglob("*.png")}
    assert names == {f"{rank}-{step}.png" for step, rank in LOSS}
    assert {lost.key for lost in report.lost} == {"loss", "note"}


def test_ranks_above_0_have_keys_of_their_own_where_ranks_are_not_known(folder: Path) -> None:
    content = Content(mt.open_run(folder))
    told = {
        (key, step): value
        for spec, key, table in content.plain_cells()
        if spec.key == "loss"
        for step, value in zip(table.column("_step").to_pylist(), table.column("loss").to_pylist(), strict=True)
    }
    assert told == {(named("loss", rank), step): loss for (step, rank), loss in LOSS.items()}
    assert {named("loss", rank) for rank in (None, 0, 2, 1_000_003)} == {"loss", "rank-2/loss", "worker-3/loss"}
    assert {(item.name, item.document["caption"]) for item in content.items()} == {
        ("photo" if rank == 0 else "rank-2/photo", f"{rank}-{step}.png") for step, rank in LOSS
    }
