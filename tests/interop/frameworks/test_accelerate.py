"""Accelerate's own log() into a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import mediatypes as mt

accelerate = pytest.importorskip("accelerate")


def test_a_tracker_of_accelerate(tmp_path: Path) -> None:
    from mediatypes.interop.accelerate import MediatypesTracker

    accelerator = accelerate.Accelerator(cpu=True, log_with=MediatypesTracker(tmp_path / "run"))
    accelerator.init_trackers("demo", config={"lr": 0.1})
    accelerator.log({"loss": 0.5, "note": "begins"}, step=0)
    accelerator.log({"loss": 0.25}, step=1)
    tracker = accelerator.get_tracker("mediatypes")
    tracker.log_images({"photo": np.zeros((2, 3), np.uint8), "both": [np.zeros((2, 3), np.uint8)] * 2}, step=1)
    tracker.log_images({"batch": np.zeros((2, 4, 5, 3), np.uint8)}, step=1)
    tracker.log_table("table", columns=["a"], data=[[1]], step=1)
    accelerator.end_training()
    view = mt.open_run(tmp_path / "run")
    assert (view.status, view.config["lr"]) == ("finished", 0.1)
    assert list(view.values("loss")) == [(0, 0.5), (1, 0.25)]
    image = mt.Image(np.zeros((2, 3), np.uint8))
    assert list(view.values("photo")) == [(1, image)]
    assert list(view.values("both")) == [(1, [image, image])]
    assert [len(images) for _, images in view.values("batch")] == [2]
    assert [table.get_column("a") for _, table in view.values("table")] == [[1]]
