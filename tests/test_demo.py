"""`mediatypes demo`: a real training on photographs, and what its run holds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skimage.data

import mediatypes as mt
from mediatypes.cli import main
from mediatypes.demo import train

STEPS = 41


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> mt.RunView:
    return mt.open_run(train(tmp_path_factory.mktemp("demo"), steps=STEPS))


def test_every_step_has_its_scalars(view: mt.RunView) -> None:
    history = view.to_pandas()
    assert history["_step"].tolist() == list(range(STEPS))
    measures = ["loss", "val_loss", "accuracy", "iou", "gradient_norm"]
    scalars = history[["lr", *(f"{photo}.{name}" for photo in ("coins", "tissue") for name in measures)]]
    assert np.isfinite(scalars.to_numpy()).all()


@pytest.mark.parametrize(("photo", "iou"), [("coins", 0.95), ("tissue", 0.85)])
def test_the_classifiers_learn(photo: str, iou: float, view: mt.RunView) -> None:
    history = view.to_pandas([f"{photo}.loss", f"{photo}.iou"])
    loss = history[f"{photo}.loss"]
    assert loss.iloc[0] == pytest.approx(np.log(2))
    assert (loss.diff().dropna() < 0).all()
    assert history[f"{photo}.iou"].iloc[-1] > iou


@pytest.mark.parametrize(("photo", "count"), [("coins", 24), ("tissue", 3)])
def test_photographs_carry_masks_boxes_and_captions(photo: str, count: int, view: mt.RunView) -> None:
    images = dict(view.values(f"{photo}.photo"))
    assert list(images) == [0, 20, 40]
    last = images[40]
    original = {"coins": skimage.data.coins, "tissue": skimage.data.immunohistochemistry}[photo]()
    np.testing.assert_array_equal(last.to_numpy(), original)
    assert set(last.masks) == set(last.boxes) == {"prediction", "reference"}
    assert last.masks["prediction"].class_labels[0] == "background"
    assert len(last.boxes["reference"]) == count
    assert f"{len(last.boxes['prediction'])} objects found, {count} in the reference, IoU 0." in last.caption
    assert len(images[0].boxes["prediction"]) == 0


def test_histograms_count_every_pixel(view: mt.RunView) -> None:
    histograms = dict(view.values("coins.probability"))
    assert len(histograms) == STEPS
    assert {int(h.values.sum()) for h in histograms.values()} == {skimage.data.coins().size}


def test_the_run_is_valid(view: mt.RunView, capsys: pytest.CaptureFixture[str]) -> None:
    assert view.status == "finished"
    assert view.problems == []
    assert main(["validate", str(view.path)]) == 0


def test_each_run_gets_a_folder_of_its_own(tmp_path: Path) -> None:
    assert [train(tmp_path, steps=1).name for _ in range(3)] == ["run-001", "run-002", "run-003"]


def test_the_command_prints_lines_that_work_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "-o", "some runs"]) == 0
    out = capsys.readouterr().out
    assert f"The run is in {Path('some runs', 'run-001')}." in out
    assert out.endswith(f"    mediatypes show '{Path('some runs', 'run-001')}'\n")
    code = [line.strip() for line in out.splitlines() if line.startswith("    ")][:3]
    done = subprocess.run([sys.executable, "-c", "\n".join(code)], capture_output=True, text=True, check=True)
    assert "coins.iou" in done.stdout
    assert done.stdout in out
    assert len(pd.read_parquet(tmp_path / "some runs" / "run-001" / "history.parquet")) == 200


def test_a_missing_package_is_named_with_its_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert main(["demo", "-o", str(tmp_path)]) == 2
    message = "mediatypes: mediatypes demo: expected the package 'tqdm', got none. Install it with: pip install"
    assert capsys.readouterr().err == f"{message} 'mediatypes[demo]'\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="modes of directories are POSIX")
def test_a_folder_that_cannot_be_written_exits_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    assert main(["demo", "-o", str(blocked)]) == 2
    assert "expected to make the run's directory, got 'Not a directory'." in capsys.readouterr().err
