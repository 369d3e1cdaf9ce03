"""A tiny training with ultralytics: two pictures of 64 pixels, a model of random weights."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mediatypes as mt

pytest.importorskip("torchvision")
os.environ.setdefault("YOLO_OFFLINE", "true")
os.environ.setdefault("YOLO_AUTOINSTALL", "false")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path))
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    for i in range(2):
        picture = np.full((64, 64, 3), 40, np.uint8)
        picture[16:48, 8:40] = 255
        mt.Image(picture).to_pil().save(tmp_path / "images" / f"{i}.png")
        (tmp_path / "labels" / f"{i}.txt").write_text(f"{i} 0.375 0.5 0.5 0.5\n")
    (tmp_path / "data.yaml").write_text(f"path: {tmp_path}\ntrain: images\nval: images\nnames: [cat, dog]\n")
    return tmp_path / "data.yaml"


def train(model: Any, data: Path, **options: Any) -> Any:
    given = {"epochs": 2, "imgsz": 64, "batch": 2, "workers": 0, "device": "cpu", "plots": False, "verbose": False}
    return model.train(data=str(data), project=str(data.parent / "out"), **given, **options)


def test_metrics_and_pictures_with_boxes(tmp_path: Path, data: Path) -> None:
    yolo = pytest.importorskip("ultralytics").YOLO
    model = yolo("yolo11n.yaml")
    mt.interop.ultralytics.add_to(model, tmp_path / "run", confidence=0, project="p")
    train(model, data)
    view = mt.open_run(tmp_path / "run")
    assert (view.status, view.project, view.config["imgsz"]) == ("finished", "p", 64)
    assert [epoch for _, epoch in view.values("epoch")] == [1, 2, 3]  # the best model after the last
    [results] = (tmp_path / "out").rglob("results.csv")
    rows = list(csv.DictReader(results.read_text().splitlines()))
    for key in ("train/box_loss", "val/cls_loss", "lr/pg0", "metrics/mAP50(B)"):
        assert [value for _, value in view.values(key)][:2] == pytest.approx(
            [float(row[key]) for row in rows], rel=1e-3
        )
    for _, pictures in view.values("val/pictures"):
        assert [picture.caption for picture in pictures] == ["0.png", "1.png"]
        for i, picture in enumerate(pictures):
            truth = picture.boxes["truth"]
            assert truth.class_ids == [i]
            down, across = np.nonzero(picture.to_numpy()[:, :, 0] == 255)  # the square, which they may scale and pad
            square = [across.min(), down.min(), across.max() + 1, down.max() + 1]
            assert np.allclose(truth.to_xyxy() * ([picture.width, picture.height] * 2), [square], atol=1)
            assert len(picture.boxes["predicted"]) > 0
            assert picture.boxes["predicted"].class_labels == {0: "cat", 1: "dog"}
    assert Path(view.summary["best"]).is_file()


def test_a_training_that_breaks_leaves_a_failed_run(tmp_path: Path, data: Path) -> None:
    yolo = pytest.importorskip("ultralytics").YOLO
    model = yolo("yolo11n.yaml")
    mt.interop.ultralytics.add_to(model, tmp_path / "run")

    def fail(trainer: Any) -> None:
        raise ValueError("broken")

    model.add_callback("on_train_epoch_end", fail)
    with pytest.raises(ValueError, match="broken"):
        train(model, data)
    assert mt.open_run(tmp_path / "run").status == "failed"
