"""Values through wandb, offline; read back from what W&B has of the run and from its files."""

from __future__ import annotations

import gc
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import mediatypes as mt

from .contract import STEP, AdapterContract, need, samples

wandb = need("wandb")


class TestWandb(AdapterContract):
    tracker = "wandb"
    summary: dict[str, Any]

    @classmethod
    def log(cls, folder: Path, values: Mapping[str, Any]) -> None:
        settings = wandb.Settings(silent=True, console="off", x_disable_stats=True)
        with wandb.init(mode="offline", dir=str(folder), project="p", settings=settings) as run:
            mt.interop.log("wandb", values, step=STEP)
            run.log({}, step=STEP + 1)  # which commits the step before
            text = json.dumps({key: run.summary[key] for key in values}, default=_plain)
            Path(folder, "summary.json").write_text(text)
            Path(folder, "files").symlink_to(run.dir)

    @classmethod
    def read(cls, folder: Path) -> dict[str, Any]:
        summary = json.loads((folder / "summary.json").read_text())
        return {key: _value(value, mt.DirectoryStore(folder / "files")) for key, value in summary.items()}


def _plain(value: Any) -> Any:
    return dict(value) if hasattr(value, "keys") else value._items if hasattr(value, "_items") else value.tolist()


def _value(logged: Any, store: mt.DirectoryStore) -> Any:
    if isinstance(logged, dict) and logged.get("_type") == "histogram":
        return mt.Histogram(np_histogram=(np.array(logged["values"]), np.array(logged["bins"])))
    if isinstance(logged, dict) and "mediatypes" in logged:
        texts = logged["mediatypes"]
        if isinstance(texts, list):
            return [mt.decode(json.loads(one), store) for one in texts]
        return mt.decode(json.loads(texts), store)
    return logged


def test_boxes_and_masks_are_those_of_wandb(tmp_path: Path) -> None:
    made = mt.interop.to("wandb", samples()["image"])
    assert isinstance(made, wandb.Image)
    [box] = made._boxes["truth"]._val
    assert box["position"] == {"minX": 4, "minY": 5, "maxX": 20, "maxY": 15}
    assert (box["class_id"], box["scores"], box["box_caption"]) == (1, {"score": 0.5}, "one")
    assert made._masks["parts"]._val["class_labels"] == {0: "a", 1: "b"}
    assert np.array_equal(np.asarray(made.image), samples()["image"].to_numpy())


def test_what_is_never_logged_leaves_no_file() -> None:
    made = [mt.interop.to("wandb", samples()[kind]) for kind in ("image", "audio", "tensor", "molecule")]
    paths = [Path(one._path) for one in made]
    assert all(path.is_file() for path in paths)
    del made
    gc.collect()
    assert not any(path.exists() for path in paths)


def test_a_run_feeds_wandb(tmp_path: Path) -> None:
    settings = wandb.Settings(silent=True, console="off", x_disable_stats=True)
    with wandb.init(mode="offline", dir=str(tmp_path), project="p", settings=settings) as theirs:
        with mt.Run(tmp_path / "run", forward_to=[theirs]) as run:
            run.log({"loss": 0.5, "photo": samples()["image"]})
            run.log({"loss": 0.25})
        theirs.log({})
        assert theirs.summary["loss"] == 0.25
        photo = dict(theirs.summary["photo"])
        assert _value(photo, mt.DirectoryStore(theirs.dir)) == samples()["image"]
    assert not run.problems
