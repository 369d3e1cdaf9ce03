"""Writes runs of every type with the real wandb, offline, and what was logged; started by `test_real.py`."""

from __future__ import annotations

import datetime
import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

SDF = """ethanol
  x

  3  2  0  0  0  0  0  0  0  0999 V2000
    0.0000    0.0000    0.0000 C   0  0  0  0  0  0  0  0  0  0  0  0
    1.5000    0.0000    0.0000 C   0  0  0  0  0  0  0  0  0  0  0  0
    2.0000    1.3000    0.0000 O   0  0  0  0  0  0  0  0  0  0  0  0
  1  2  1  0
  2  3  1  0
M  END
$$$$
"""


def main(root: Path) -> None:
    os.environ |= {"WANDB_MODE": "offline", "WANDB_SILENT": "true", "WANDB_ERROR_REPORTING": "false"}
    os.environ |= {"WANDB_DATA_DIR": str(root / "data"), "WANDB_CACHE_DIR": str(root / "cache")}
    os.environ |= {"WANDB_CONFIG_DIR": str(root / "config")}
    wandb: Any = importlib.import_module("wandb")
    settings = wandb.Settings(x_disable_stats=False)
    run = wandb.init(
        project="proj",
        name="my run",
        notes="some notes",
        tags=["a", "b"],
        group="grp",
        job_type="train",
        dir=str(root),
        config={"lr": 1e-3, "layers": [1, 2], "nest": {"a": 1, "b": None}, "f": 2.0},
        settings=settings,
    )
    run.define_metric("epoch")
    run.define_metric("val/*", step_metric="epoch", summary="min,max")
    run.define_metric("loss", summary="mean")
    rng = np.random.default_rng(0)
    rows: list[dict[str, Any]] = []
    for i in range(200):
        row = {"loss": float(rng.standard_normal()), "acc": i * 0.5, "epoch": i // 50, "val/x": float(i) / 3, "int": i}
        row |= {"big": 2**60 + i, "tiny": 1e-300 * i, "huge": 1e300 * i, "flag": i % 2 == 0, "text": f"t{i} é"}
        row |= {"nest": {"deep": {"x": i, "y.z": 3}}, "list": [1, 2, 3.5]}
        rows.append(row)
        run.log(row)
    last = {"nan": float("nan"), "inf": float("inf"), "ninf": -float("inf"), "arr": [0.0, 1.0], "words": ["a", "b"]}
    run.log({**last, "hist32": np.arange(100.0), "deep": [[1], [2]]}, step=1000)
    log_media(run, wandb, rng, root)
    artifact = wandb.Artifact("model", "model", description="words", metadata={"acc": 0.5})
    with artifact.new_file("w.bin", "wb") as file:
        file.write(b"weights")
    artifact.add_reference("https://example.org/w.bin", "far", checksum=False)
    run.log_artifact(artifact, aliases=["best"])
    run.alert("title", "text")
    run.summary["best"] = 0.9
    run.summary["simg"] = wandb.Image(np.zeros((2, 3), np.uint8))
    run.summary["nested"] = {"q": 1}
    run.config.update({"late": [1, {"z": 2}]})
    print("a line of output")
    (root / "expected.json").write_text(json.dumps({"rows": rows, "last": last, "id": run.id}))
    run.finish(exit_code=3)


def log_media(run: Any, wandb: Any, rng: np.random.Generator, root: Path) -> None:
    image = rng.integers(0, 255, (6, 8, 3), dtype=np.uint8)
    np.save(root / "image.npy", image)
    boxes = {
        "box_data": [
            {
                "position": {"minX": 0.1, "maxX": 0.2, "minY": 0.3, "maxY": 0.4},
                "class_id": 1,
                "box_caption": "c",
                "scores": {"acc": 0.5},
            },
            {"position": {"middle": [4, 3], "width": 2, "height": 2}, "class_id": 2, "domain": "pixel"},
        ],
        "class_labels": {1: "cat", 2: "dog"},
    }
    mask = np.array([[0, 1], [2, 2]], np.uint8).repeat(3, 0).repeat(4, 1)
    np.save(root / "mask.npy", mask)
    masks = {"pred": {"mask_data": mask, "class_labels": {0: "bg", 1: "a", 2: "b"}}}
    run.log({"img": wandb.Image(image, caption="cap", boxes={"pred": boxes}, masks=masks)})
    run.log({"imgs": [wandb.Image(image, caption="x"), wandb.Image(image[::-1])], "a/b": wandb.Image(image[:, ::-1])})
    samples = np.sin(np.arange(800) / 10).astype(np.float32)
    clips = [wandb.Audio(np.zeros(80), sample_rate=8000), wandb.Audio(np.zeros(90), sample_rate=8000, caption="k")]
    run.log({"audio": wandb.Audio(samples, sample_rate=8000, caption="s"), "audios": clips})
    frames = rng.integers(0, 255, (4, 3, 16, 16), dtype=np.uint8)
    run.log({"video": wandb.Video(frames, fps=4, format="gif", caption="v")})
    run.log({"videos": [wandb.Video(frames, fps=4, format="gif")]})
    run.log({"html": wandb.Html("<p>hi</p>"), "htmls": [wandb.Html("<b>1</b>"), wandb.Html("<b>2</b>", inject=False)]})
    (root / "m.sdf").write_text(SDF)
    molecule = str(root / "m.sdf")
    run.log({"mol": wandb.Molecule(molecule, caption="eth"), "mols": [wandb.Molecule(molecule)]})
    points = rng.random((5, 3))
    np.save(root / "points.npy", points)
    corners = [[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)]
    scene = {
        "type": "lidar/beta",
        "points": points,
        "boxes": np.array([{"corners": corners, "label": "box", "color": [1, 2, 3], "score": 0.5}]),
        "vectors": np.array([{"start": [0, 0, 0], "end": [1, 1, 1]}]),
    }
    run.log({"pc": wandb.Object3D(points), "pc6": wandb.Object3D(np.c_[points, np.full((5, 3), 100.0)])})
    run.log({"scene": wandb.Object3D(scene), "pcs": [wandb.Object3D(points), wandb.Object3D(points, caption="q")]})
    counts = wandb.Histogram(np_histogram=([1, 2], [0, 1, 2]))
    run.log({"hist": wandb.Histogram([1, 2, 3, 3.5]), "hists": [wandb.Histogram([1, 2]), counts]})
    when = datetime.datetime(2000, 12, 1, 1, 2, 3, 456000)
    data = [[1, "x", when, wandb.Image(image)], [2, "y", None, wandb.Image(image[::-1], caption="zz")]]
    run.log({"table": wandb.Table(columns=["a", "b", "when", "img"], data=data)})
    run.log({"plain": wandb.Table(columns=["n", "s"], data=[[1.5, "x"], [float("nan"), None]])})
    growing = wandb.Table(columns=["n"], log_mode="INCREMENTAL")
    for k in range(3):
        growing.add_data(k)
        run.log({"inc": growing})
    points_table = wandb.Table(columns=["x", "y"], data=[[1, 2], [2, 3]])
    run.log({"line": wandb.plot.line(points_table, "x", "y", title="T")})
    run.log({"split": wandb.plot.scatter(points_table, "x", "y", split_table=True)})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
