"""What W&B's documentation tells users to write (its pages on log, library, TensorBoard), and what is read back."""

from __future__ import annotations

import argparse
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

import mediatypes as mt
from mediatypes.interop import wandb

RNG = np.random.default_rng(0)
PICTURE = RNG.integers(0, 255, (12, 16, 3), dtype=np.uint8)


@pytest.fixture(autouse=True)
def _apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEDIATYPES_CAPTURE", "none")
    for name in ("WANDB_DIR", "MEDIATYPES_DIR", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    yield
    wandb.teardown()


def logged() -> mt.RunView:
    """The run that the script has made, without a problem."""
    wandb.finish()
    (path,) = Path("runs").iterdir()
    view = mt.open_run(path)
    assert not view.problems
    return view


def one(key: str) -> Any:
    """The only value of a key."""
    ((_, value),) = logged().values(key)
    return value


def test_metrics() -> None:
    wandb.init()
    wandb.log({"accuracy": 0.9, "epoch": 5})
    assert logged().to_pandas().to_dict("list") == {"_step": [0], "accuracy": [0.9], "epoch": [5]} | {
        key: values for key, values in logged().to_pandas().to_dict("list").items() if key in ("_timestamp", "_runtime")
    }


def test_histograms_in_history_and_summary() -> None:
    data = RNG.normal(size=1000)
    wandb.init()
    wandb.log({"gradients": wandb.Histogram(data)})
    wandb.run.summary.update({"gradients": wandb.Histogram(np_histogram=np.histogram(data))})
    view = logged()
    assert [value for _, value in view.values("gradients")] == [mt.Histogram(data)]
    assert mt.decode(view.summary["gradients"], view.store) == mt.Histogram(np_histogram=np.histogram(data))


def test_pictures() -> None:
    wandb.init()
    wandb.log({"examples": [wandb.Image(PICTURE, caption="Label"), wandb.Image(PIL.Image.fromarray(PICTURE))]})
    first, second = one("examples")
    assert (first.to_numpy() == PICTURE).all()
    assert (first.caption, second) == ("Label", mt.Image(PICTURE))


def test_masks() -> None:
    labels = {1: "tree", 2: "car", 3: "road"}
    ids = RNG.integers(1, 4, (12, 16))
    wandb.init()
    masks = {
        "predictions": {"mask_data": ids, "class_labels": labels},
        "ground_truth": {"mask_data": np.ones((12, 16), int), "class_labels": labels},
    }
    wandb.log({"mask_img": wandb.Image(PICTURE, masks=masks)})
    image = one("mask_img")
    assert (image.masks["predictions"].to_numpy() == ids).all()
    assert image.masks["ground_truth"].class_labels == labels


def test_boxes() -> None:
    labels = {1: "car", 2: "road", 3: "building"}
    box = {
        "position": {"minX": 0.1, "maxX": 0.2, "minY": 0.3, "maxY": 0.4},
        "class_id": 2,
        "box_caption": "minMax(pixel)",
        "scores": {"acc": 0.1, "loss": 1.2},
    }
    wandb.init()
    boxes = {"predictions": {"box_data": [box], "class_labels": labels}}
    wandb.log({"driving_scene": wandb.Image(PICTURE, boxes=boxes)})
    read = one("driving_scene").boxes["predictions"]
    assert read.to_xyxy().tolist() == [[0.1, 0.3, 0.2, 0.4]]
    assert (list(read.class_ids), list(read.captions), read.class_labels[2]) == ([2], ["minMax(pixel)"], "road")
    assert {name: list(scores) for name, scores in read.scores.items()} == {"acc": [0.1], "loss": [1.2]}


def test_audio_and_video() -> None:
    sound, frames = RNG.uniform(-1, 1, 320), RNG.integers(0, 255, (4, 3, 8, 8), dtype=np.uint8)
    wandb.init()
    wandb.log({"examples": [wandb.Audio(sound, caption="Nice", sample_rate=32)]})
    wandb.log({"video": wandb.Video(frames, fps=4, format="gif")})
    wandb.log({"bytes": wandb.Video(io.BytesIO(mt.Video(frames).to_bytes()), format="gif")})
    view = logged()
    ((_, (clip,)),) = view.values("examples")
    assert (clip.sample_rate, clip.duration, clip.caption) == (32, 10.0, "Nice")
    assert [value.frames for key in ("video", "bytes") for _, value in view.values(key)] == [4, 4]


def test_tables() -> None:
    columns = ["Text", "Predicted Label", "True Label"]
    rows = [["I love my phone", "1", "1"], ["My phone sucks", "0", "-1"]]
    wandb.init()
    wandb.log({"examples": wandb.Table(data=rows, columns=columns)})
    table = wandb.Table(columns=columns)
    for row in rows:
        table.add_data(*row)
    wandb.log({"examples": table})
    import pandas as pd

    wandb.log({"examples": wandb.Table(dataframe=pd.DataFrame(rows, columns=columns))})
    tables = [value for _, value in logged().values("examples")]
    assert [list(map(list, value)) for value in tables] == [rows] * 3
    assert wandb.Table().columns == ["Input", "Output", "Expected"]


def test_html(tmp_path: Path) -> None:
    (tmp_path / "some.html").write_text("<b>file</b>")
    wandb.init()
    with open("some.html") as first, open("some.html") as second:
        wandb.log({"custom_file": wandb.Html(first), "plain": wandb.Html(second, inject=False)})
    wandb.log({"custom_string": wandb.Html('<a href="https://mysite">Link</a>')})
    view = logged()
    texts = {key: value.text for key in view.keys() for _, value in view.values(key)}  # noqa: SIM118
    link = '<a href="https://mysite">Link</a>'
    assert texts == {"custom_file": "<b>file</b>", "plain": "<b>file</b>", "custom_string": link}


def test_molecules(tmp_path: Path) -> None:
    pytest.importorskip("gemmi")
    line = "ATOM      1  CA  GLY A   1      11.104   6.134  -6.504  1.00  0.00           C  \nEND\n"
    (tmp_path / "6lu7.pdb").write_text(line)
    wandb.init()
    with open("6lu7.pdb") as file:
        wandb.log({"protein": wandb.Molecule(file)})
    assert one("protein").atoms == 1


def test_charts() -> None:
    xs, ys, truth = [0, 1, 2, 3], [0.0, 1.0, 4.0, 9.0], RNG.integers(0, 2, 40)
    scores = RNG.dirichlet([1, 1], 40)
    pairs = [[x, y] for x, y in zip(xs, ys, strict=True)]
    wandb.init()
    table = wandb.Table(data=pairs, columns=["x", "y"])
    wandb.log({"line": wandb.plot.line(table, "x", "y", title="Custom Y vs X Line Plot")})
    wandb.log({"scatter": wandb.plot.scatter(table, "x", "y")})
    bars = wandb.Table(data=[["cat", 3], ["dog", 1]], columns=["label", "value"])
    wandb.log({"bar": wandb.plot.bar(bars, "label", "value", title="Custom Bar Chart")})
    values = wandb.Table(data=[[s] for s in scores[:, 1]], columns=["scores"])
    wandb.log({"histogram": wandb.plot.histogram(values, "scores", title=None)})
    wandb.log({"pr": wandb.plot.pr_curve(truth, scores, labels=None, classes_to_plot=None)})
    wandb.log({"roc": wandb.plot.roc_curve(truth, scores, labels=None, classes_to_plot=None)})
    wandb.log({"matrix": wandb.plot.confusion_matrix(y_true=truth, preds=scores.argmax(1), class_names=["a", "b"])})
    view = logged()
    made = {key: value for key in view.keys() for _, value in view.values(key)}  # noqa: SIM118
    assert {key: plot.preset for key, plot in made.items()} == {
        "line": "line",
        "scatter": "scatter",
        "bar": "bar",
        "histogram": "histogram",
        "pr": "pr_curve",
        "roc": "roc_curve",
        "matrix": "confusion_matrix",
    }
    assert [list(row) for row in made["line"].table] == pairs


def test_a_chart_of_a_preset_that_is_on_a_server_keeps_its_table() -> None:
    run = wandb.init()
    table = wandb.Table(data=[[1, 1.5], [2, 1.7]], columns=["step", "height"])
    fields = {"x": "step", "value": "height"}
    chart = wandb.plot_table(vega_spec_name="carey/new_chart", data_table=table, fields=fields)
    wandb.log({"custom": chart, "loss": 1})
    run.finish()
    view = mt.open_run(run.run.path)
    ((_, kept),) = view.values("custom")
    assert [list(row) for row in kept] == [[1, 1.5], [2, 1.7]]
    assert [problem.path for problem in view.problems] == ["Plot.preset"]
    assert view.problems[0].hint == "Register it with mt.plot.register_preset('carey/new_chart', spec)."


def test_matplotlib() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    wandb.init()
    plt.plot([1, 2, 3, 4])
    plt.ylabel("some interesting numbers")
    wandb.log({"chart": plt})
    plt.close("all")
    assert list(one("chart").to_dict()["data"][0]["y"]) == [1, 2, 3, 4]


def test_meshes_and_clouds(tmp_path: Path) -> None:
    trimesh = pytest.importorskip("trimesh")
    box = trimesh.creation.box()
    for suffix in ("obj", "glb"):
        box.export(tmp_path / f"sample.{suffix}")
    for name, data in box.export(file_type="gltf").items():
        (tmp_path / name.replace("model", "sample")).write_bytes(data)
    cloud = np.array([[0, 0, 0, 255, 0, 0], [1, 2, 3, 0, 0, 255]])
    wandb.init()
    with open("sample.obj") as obj, open("sample.gltf") as gltf, open("sample.glb") as glb:
        wandb.log({"generated_samples": [wandb.Object3D(obj), wandb.Object3D(gltf), wandb.Object3D(glb)]})
    wandb.log({"point_cloud": wandb.Object3D(cloud)})
    view = logged()
    ((_, meshes),) = view.values("generated_samples")
    assert [mesh.format for mesh in meshes] == ["obj", "gltf", "glb"]
    ((_, points),) = view.values("point_cloud")
    assert points.points == 2


def test_a_scene_with_boxes() -> None:
    corners = [[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)]
    scene = {
        "type": "lidar/beta",
        "points": np.array([[0.4, 1, 1.3], [1, 1, 1], [1.2, 1, 1.2]]),
        "boxes": np.array([{"corners": corners, "label": "Box", "color": [123, 221, 111]}]),
        "vectors": [{"start": [0, 0, 0], "end": [0.1, 0.2, 0.5]}],
    }
    wandb.init()
    wandb.log({"point_scene": wandb.Object3D(scene)})
    read = one("point_scene")
    assert (read.points, len(read.boxes)) == (3, 1)


def test_steps_and_commits() -> None:
    wandb.init()
    wandb.log({"loss": 0.2}, step=3)
    wandb.log({"more": 1}, step=3)
    wandb.log({"loss": 0.1}, step=7)
    wandb.log({"late": 1}, commit=False)
    wandb.log({"accuracy": 0.8})
    wandb.log({"next": 1})
    rows = logged().to_pandas(["loss", "more", "late", "accuracy", "next"]).set_index("_step")
    assert list(rows.index) == [3, 7, 8]
    assert rows.loc[7].dropna().to_dict() == {"loss": 0.1, "late": 1, "accuracy": 0.8}


def test_the_best_value_in_the_summary_and_arguments_as_config() -> None:
    wandb.init(config=argparse.Namespace(epochs=3, lr=0.1))
    best = 0.0
    for epoch in range(1, wandb.config.epochs + 1):
        accuracy = [0.5, 0.9, 0.7][epoch - 1]
        wandb.log({"epoch": epoch, "val_acc": accuracy})
        if accuracy > best:
            wandb.run.summary["best_accuracy"] = best = accuracy
    view = logged()
    assert (view.summary["best_accuracy"], view.summary["val_acc"], view.config) == (0.9, 0.7, {"epochs": 3, "lr": 0.1})


def test_a_tensor_in_the_summary_of_a_run_that_is_over() -> None:
    values = RNG.random(1000)
    with wandb.init(project="project") as run:
        wandb.log({"loss": 1})
    api = wandb.Api()
    again = api.run(f"username/project/{run.id}")
    again.summary["verdict"] = float(values.mean())
    again.summary.update()
    with wandb.init(id=run.id, resume="must") as resumed:
        resumed.summary["tensor"] = values
    view = mt.open_run(resumed.run.path)
    assert view.summary["verdict"] == values.mean()
    tensor = mt.decode(view.summary["tensor"], view.store)
    assert (tensor.to_numpy() == values).all()
    assert tensor.percentiles["95"] == pytest.approx(np.percentile(values, 95))


def test_the_row_of_the_history() -> None:
    run = wandb.init()
    run.history.row["loss"] = 1
    run.history.row.update(acc=2)
    run.history.add({"epoch": 1})
    wandb.log({"loss": 3})
    assert logged().to_pandas(["loss", "acc", "epoch"]).iloc[0].to_dict() == {
        "_step": 0,
        "loss": 1,
        "acc": 2,
        "epoch": 1,
    }


def test_jpeg_files_and_movies_stay_as_they_are(tmp_path: Path) -> None:
    PIL.Image.fromarray(PICTURE).save("myimage.jpg")
    (tmp_path / "myvideo.gif").write_bytes(mt.Video(RNG.integers(0, 255, (3, 3, 8, 8), dtype=np.uint8)).to_bytes())
    wandb.init()
    wandb.log({"example": wandb.Image("myimage.jpg"), "movie": wandb.Video("myvideo.gif")})
    view = logged()
    for key, name in (("example", "myimage.jpg"), ("movie", "myvideo.gif")):
        ((_, value),) = view.values(key)
        assert value.to_bytes() == Path(name).read_bytes()


def test_a_described_run() -> None:
    config = {"learning_rate": 0.01, "momentum": 0.2, "architecture": "CNN", "dataset_id": "peds-0192", "infra": "AWS"}
    wandb.init(project="detect-pedestrians", notes="tweak baseline", tags=["baseline", "paper1"], config=config)
    view = logged()
    assert (view.project, view.notes, view.tags) == ("detect-pedestrians", "tweak baseline", ["baseline", "paper1"])
    assert view.config == config


def test_tensorboard(tmp_path: Path) -> None:
    board = pytest.importorskip("tensorboardX")
    with wandb.init(project="my-project", sync_tensorboard=True) as run:
        with board.SummaryWriter(str(tmp_path / "logs")) as writer:
            for step in range(3):
                writer.add_scalar("loss", 1 / (step + 1), step)
        run.log({"custom": 0.8, "global_step": 2})
    view = mt.open_run(run.run.path)
    assert [value for _, value in view.values("loss")] == pytest.approx([1, 1 / 2, 1 / 3])
    assert list(view.values("custom")) == [(2, 0.8)]


def test_tensorboard_is_patched_before_the_run(tmp_path: Path) -> None:
    board = pytest.importorskip("tensorboardX")
    wandb.tensorboard.patch(root_logdir=str(tmp_path / "logs"), save=False, tensorboard_x=True)
    try:
        run = wandb.init()
        with board.SummaryWriter(str(tmp_path / "logs")) as writer:
            writer.add_scalar("loss", 0.5, 0)
        run.finish()
    finally:
        wandb.tensorboard.unpatch()
    assert [value for _, value in mt.open_run(run.run.path).values("loss")] == [0.5]
    assert not list((run.run.path / "files").glob("**/*tfevents*"))


def test_a_profile_is_saved(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "host.pt.trace.json").write_text("{}")
    with wandb.init() as run:
        run.save(str(tmp_path / "logs" / "host.pt.trace.json"), base_path=str(tmp_path / "logs"))
    assert mt.open_run(run.run.path).files()["host.pt.trace.json"].read_bytes() == b"{}"
