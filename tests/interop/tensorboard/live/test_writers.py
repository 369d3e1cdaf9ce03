"""Logs by the real writers, compared value by value with TensorBoard's own EventAccumulator."""

from __future__ import annotations

import hashlib
import io
import json
import warnings
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pyarrow.parquet as pq
import pytest

import mediatypes as mt
from mediatypes.interop.tensorboard import import_logdir

Array = np.ndarray[Any, np.dtype[Any]]
STEPS = 12
WRITERS = {"torch": "torch.utils.tensorboard", "tensorboardX": "tensorboardX"}
pytestmark = pytest.mark.skipif(find_spec("tensorboard") is None, reason="tensorboard is not installed: the oracle")


def open_writer(name: str, folder: Path, **options: Any) -> Any:
    if find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = __import__(WRITERS[name], fromlist=["SummaryWriter"])
    return module.SummaryWriter(str(folder), **options)


def need_tensorflow() -> Any:
    if find_spec("tensorflow") is None:
        pytest.skip("tensorflow is not installed")
    import os

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tensorflow

        return tensorflow


def accumulate(folder: Path) -> Any:
    """What TensorBoard reads, everything kept."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        sizes = dict.fromkeys(("scalars", "images", "audio", "histograms", "compressedHistograms", "tensors"), 0)
        return EventAccumulator(str(folder), size_guidance=sizes).Reload()


def make_ndarray(proto: Any) -> Array:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from tensorboard.util import tensor_util

        array: Array = tensor_util.make_ndarray(proto)
        return array


def imported(logs: Path, out: Path) -> mt.RunView:
    report = import_logdir(logs, out)
    assert report.is_complete
    return mt.open_run(out / report.runs[0].folder)


def quietly(call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return call(*arguments, **options)


NUMBERS = np.random.default_rng(0)


@pytest.mark.parametrize("name", WRITERS)
def test_scalars(name: str, tmp_path: Path) -> None:
    writer = open_writer(name, tmp_path / "logs")
    values = {"loss": 0.1, "Loss / train (%)": 1e39, "a/b": float("nan"), "neg": -2.5}
    for step in [*range(STEPS), 2**40]:
        for tag, value in values.items():
            quietly(writer.add_scalar, tag, value * (step + 1), step)
    writer.close()
    view, oracle = imported(tmp_path / "logs", tmp_path / "runs"), accumulate(tmp_path / "logs")
    assert set(view.keys()) == set(oracle.Tags()["scalars"])
    rows = pq.read_table(view.path / "events.parquet").to_pylist()
    for tag in view.keys():  # noqa: SIM118
        expected = [(e.step, e.value, e.wall_time) for e in oracle.Scalars(tag)]
        found = [(row["step"], row["value"], row["wall_time"]) for row in rows if row["tag"] == tag]
        assert np.array_equal(np.array(found), np.array(expected), equal_nan=True), tag
        history = list(view.values(tag))
        assert np.array_equal(np.array(history), np.array(expected)[:, :2], equal_nan=True), tag


def test_scalars_of_torch_in_the_new_style_and_in_double_precision(tmp_path: Path) -> None:
    writer = open_writer("torch", tmp_path / "logs")
    for step in range(STEPS):
        writer.add_scalar("new", 0.1 + step, step, new_style=True)
        writer.add_scalar("double", 0.1 + step * 1e-12, step, new_style=True, double_precision=True)
    writer.close()
    view, oracle = imported(tmp_path / "logs", tmp_path / "runs"), accumulate(tmp_path / "logs")
    for tag in ("new", "double"):
        expected = [(e.step, make_ndarray(e.tensor_proto).item()) for e in oracle.Tensors(tag)]
        assert list(view.values(tag)) == expected
    assert dict(view.values("double"))[3] == 0.1 + 3e-12


@pytest.mark.parametrize("name", WRITERS)
def test_histograms(name: str, tmp_path: Path) -> None:
    writer = open_writer(name, tmp_path / "logs")
    data = {
        "normal": NUMBERS.standard_normal(1000),
        "constant": np.full(10, 2.5),
        "few": np.array([1.0, 2, 3]),
        "wide": NUMBERS.standard_normal(5000),
    }
    bins = {"normal": "tensorflow", "constant": "tensorflow", "few": "auto", "wide": 1500}
    for step in range(3):
        for tag, numbers in data.items():
            writer.add_histogram(tag, numbers * (step + 1), step, bins=bins[tag])
    writer.close()
    view, oracle = imported(tmp_path / "logs", tmp_path / "runs"), accumulate(tmp_path / "logs")
    for tag, numbers in data.items():
        expected = oracle.Histograms(tag)
        found = list(view.values(tag))
        assert [step for step, _ in found] == [e.step for e in expected]
        for (step, histogram), e in zip(found, expected, strict=True):
            assert histogram.values.sum() == sum(e.histogram_value.bucket) == len(numbers)
            assert len(histogram.values) <= 512
            low, high = histogram.bins[0], histogram.bins[-1]
            assert low <= (numbers * (step + 1)).min()
            assert (numbers * (step + 1)).max() <= high + 1e-12
            kept = dict(view.values(f"{tag}.edges")) if f"{tag}.edges" in set(view.keys()) else {}
            if step not in kept:  # as many bins as there were: the same counts in the same order
                assert [n for n in histogram.values if n] == [n for n in e.histogram_value.bucket if n]


@pytest.mark.parametrize("name", WRITERS)
def test_images_are_the_same_bytes(name: str, tmp_path: Path, astronaut: Array) -> None:
    writer = open_writer(name, tmp_path / "logs")
    small = astronaut[::8, ::8]
    for step in range(3):
        writer.add_image("photo", np.roll(small, step, 0), step, dataformats="HWC")
        writer.add_images("batch", np.stack([small, small[::-1]]), step, dataformats="NHWC")
    writer.close()
    view, oracle = imported(tmp_path / "logs", tmp_path / "runs"), accumulate(tmp_path / "logs")
    for tag in ("photo", "batch"):
        expected = [(e.step, e.encoded_image_string, e.width, e.height) for e in oracle.Images(tag)]
        found = []
        for step, image in view.values(tag):
            document = mt.encode(image, mt.MemoryStore())
            with view.store.open({**document, "path": f"media/{document['path']}"}) as file:
                found.append((step, file.read(), image.width, image.height))
        assert found == expected
    assert np.array_equal(next(iter(view.values("photo")))[1].to_numpy(), small)


def test_a_video_of_tensorboardx_is_the_same_gif(tmp_path: Path) -> None:
    if find_spec("moviepy") is None:
        pytest.skip("moviepy is not installed")
    writer = open_writer("tensorboardX", tmp_path / "logs")
    quietly(writer.add_video, "clip", NUMBERS.integers(0, 255, (1, 4, 3, 32, 32)).astype(np.uint8), 1)
    writer.close()
    view, oracle = imported(tmp_path / "logs", tmp_path / "runs"), accumulate(tmp_path / "logs")
    ((step, video),) = view.values("clip")
    assert (step, video.frames, video.width, video.format) == (1, 4, 32, "gif")
    (expected,) = oracle.Images("clip")
    document = view.summary["clip"]
    assert document["sha256"] == hashlib.sha256(expected.encoded_image_string).hexdigest()


@pytest.mark.parametrize("name", WRITERS)
def test_audio_is_the_same_bytes(name: str, tmp_path: Path) -> None:
    if name == "tensorboardX" and find_spec("soundfile") is None:
        pytest.skip("soundfile is not installed")
    writer = open_writer(name, tmp_path / "logs")
    tone = np.sin(np.arange(8000) / 5).astype(np.float32)
    writer.add_audio("tone", tone[None] if name == "torch" else tone, 2, sample_rate=8000)
    writer.close()
    view, oracle = imported(tmp_path / "logs", tmp_path / "runs"), accumulate(tmp_path / "logs")
    ((step, audio),) = view.values("tone")
    (expected,) = oracle.Audio("tone")
    assert (step, audio.sample_rate, audio.frames) == (expected.step, 8000, 8000)
    assert view.summary["tone"]["sha256"] == hashlib.sha256(expected.encoded_audio_string).hexdigest()


@pytest.mark.parametrize("name", WRITERS)
def test_texts_meshes_and_curves(name: str, tmp_path: Path) -> None:
    writer = open_writer(name, tmp_path / "logs")
    vertices = NUMBERS.random((1, 30, 3)).astype(np.float32)
    colors = NUMBERS.integers(0, 255, (1, 30, 3))
    faces = NUMBERS.integers(0, 30, (1, 12, 3))
    for step in range(2):
        writer.add_text("note", f"**step {step}** é", step)
        writer.add_mesh("mesh", vertices=vertices + step, colors=colors, faces=faces, global_step=step)
        writer.add_mesh("cloud", vertices=vertices, colors=colors, global_step=step)
        writer.add_pr_curve("pr", NUMBERS.integers(0, 2, 200), NUMBERS.random(200), step, num_thresholds=51)
    writer.close()
    view, oracle = imported(tmp_path / "logs", tmp_path / "runs"), accumulate(tmp_path / "logs")
    assert list(view.values("note")) == [(0, "**step 0** é"), (1, "**step 1** é")]
    for step, mesh in view.values("mesh"):
        assert (mesh.vertices, mesh.faces) == (30, 12)
        low, high = (vertices[0] + step).min(0), (vertices[0] + step).max(0)
        assert mesh.bounds == (tuple(map(float, low)), tuple(map(float, high)))
    for _, cloud in view.values("cloud"):
        assert np.array_equal(cloud.to_numpy(), np.hstack([vertices[0], colors[0]]).astype(np.float32))
    for (step, plot), e in zip(view.values("pr"), oracle.Tensors("pr"), strict=True):
        array = make_ndarray(e.tensor_proto).astype(np.float64)
        names = ["true_positives", "false_positives", "true_negatives", "false_negatives", "precision", "recall"]
        assert step == e.step
        assert np.array_equal([plot.table.get_column(name) for name in names], array)
        assert plot.preset == "pr_curve"


@pytest.mark.parametrize("name", WRITERS)
def test_hparams_and_sub_writers_belong_to_their_run(name: str, tmp_path: Path) -> None:
    writer = open_writer(name, tmp_path / "logs" / "run")
    writer.add_scalar("loss", 1.0, 0)
    writer.add_scalars("multi", {"a": 1.0, "b": 2.0}, 0)
    writer.add_hparams({"lr": 0.1, "bs": 32, "opt": "adam"}, {"hparam/acc": 0.5})
    writer.close()
    report = import_logdir(tmp_path / "logs", tmp_path / "runs")
    assert [run.name for run in report.runs] == ["run"]
    view = mt.open_run(tmp_path / "runs" / "run")
    assert view.config == {"lr": 0.1, "bs": 32, "opt": "adam"}
    assert view.summary["hparam/acc"] == 0.5
    joined = "multi_{}/multi" if name == "torch" else "multi/{}/multi"
    assert {joined.format("a"), joined.format("b")} <= set(view.keys())
    assert not report.runs[0].problems


@pytest.mark.parametrize("name", WRITERS)
def test_the_rest_is_kept(name: str, tmp_path: Path) -> None:
    """Layouts, embeddings, graphs: nothing is dropped without a line."""
    writer = open_writer(name, tmp_path / "logs")
    quietly(writer.add_custom_scalars, {"Losses": {"both": ["Multiline", ["a", "b"]]}})
    quietly(writer.add_embedding, NUMBERS.random((5, 4)).astype(np.float32), metadata=list("abcde"), tag="emb")
    if name == "torch":
        torch: Any = import_module("torch")
        writer.add_tensor("raw", torch.arange(6.0).reshape(2, 3), 1)
        quietly(writer.add_graph, torch.nn.Linear(4, 3), torch.zeros(1, 4))
    writer.close()
    report = import_logdir(tmp_path / "logs", tmp_path / "runs")
    view = mt.open_run(tmp_path / "runs" / report.runs[0].folder)
    assert report.runs[0].events["custom_scalars"] == 1
    (layout,) = json.loads((view.path / "files" / "custom_scalars.json").read_text())["layouts"]
    both = {"title": "both", "tags": ["a", "b"]}
    assert layout == {"folder": "", "categories": [{"title": "Losses", "closed": False, "charts": [both]}]}
    assert {path.rpartition("/")[2] for path in report.runs[0].attached} == {
        "projector_config.pbtxt",
        "tensors.tsv",
        "metadata.tsv",
    }
    assert report.ignored == []
    if name == "torch":
        ((_, tensor),) = view.values("raw")
        assert tensor.to_numpy().tolist() == [[0, 1, 2], [3, 4, 5]]
        assert report.runs[0].events["graph_def"] == 1


@pytest.mark.parametrize("name", WRITERS)
def test_a_restart_with_purge_step(name: str, tmp_path: Path) -> None:
    import time

    writer = open_writer(name, tmp_path / "logs")
    for step in range(15):
        writer.add_scalar("loss", 1000 + step, step)
    writer.close()
    time.sleep(1.1)  # tensorboardX names its files by the second
    writer = open_writer(name, tmp_path / "logs", purge_step=10)
    for step in range(10, 13):
        writer.add_scalar("loss", step, step)
    writer.close()
    view, oracle = imported(tmp_path / "logs", tmp_path / "runs"), accumulate(tmp_path / "logs")
    assert pq.read_metadata(view.path / "events.parquet").num_rows >= 18
    assert [v for _, v in view.values("loss")] == [*range(1000, 1010), 10, 11, 12, 1013, 1014]
    report = import_logdir(tmp_path / "logs", tmp_path / "purged", purge=True)
    purged = mt.open_run(tmp_path / "purged" / report.runs[0].folder)
    assert list(purged.values("loss")) == [(e.step, e.value) for e in oracle.Scalars("loss")]


def test_summaries_of_tensorflow(tmp_path: Path, astronaut: Array) -> None:
    tf = need_tensorflow()
    small = astronaut[::8, ::8]
    writer = tf.summary.create_file_writer(str(tmp_path / "logs"))
    with writer.as_default():
        for step in range(3):
            tf.summary.scalar("loss", 0.1 * step, step=step)
            tf.summary.histogram("h", NUMBERS.standard_normal(100), step=step)
            tf.summary.histogram("empty", tf.constant([], tf.float32), step=step)
            tf.summary.histogram("constant", tf.constant([2.0, 2.0]), step=step)
            tf.summary.image("batch", np.stack([small, small[::-1]]), step=step, description="a *photo*")
            tf.summary.audio("tone", np.sin(np.arange(800) / 5).astype(np.float32)[None, :, None], 8000, step=step)
            tf.summary.text("note", "hello", step=step)
            tf.summary.write("raw", tf.range(6), step=step)
    writer.close()
    view, oracle = imported(tmp_path / "logs", tmp_path / "runs"), accumulate(tmp_path / "logs")
    arrays = {tag: [make_ndarray(e.tensor_proto) for e in oracle.Tensors(tag)] for tag in oracle.Tags()["tensors"]}
    assert [value for _, value in view.values("loss")] == [array.item() for array in arrays["loss"]]
    for (_, found), array in zip(view.values("h"), arrays["h"], strict=True):
        assert found.values.tolist() == array[:, 2].tolist()
        assert found.bins.tolist() == [array[0, 0], *array[:, 1]]
    assert [found.values.tolist() for _, found in view.values("empty")] == [[0]] * 3
    assert [found.values.tolist() for _, found in view.values("constant")] == [[2]] * 3
    for (_, images), array in zip(view.values("batch"), arrays["batch"], strict=True):
        shown = [np.asarray(PIL.Image.open(io.BytesIO(data))) for data in array[2:]]
        assert [np.array_equal(image.to_numpy(), item) for image, item in zip(images, shown, strict=True)] == [True] * 2
        assert {image.caption for image in images} == {"a *photo*"}
    assert [value for _, value in view.values("note")] == ["hello"] * 3
    assert [found.to_numpy().tolist() for _, found in view.values("raw")] == [[0, 1, 2, 3, 4, 5]] * 3
    assert [sound.frames for _, sound in view.values("tone")] == [800] * 3


def test_the_file_writer_of_tensorflow_1(tmp_path: Path) -> None:
    tf = need_tensorflow().compat.v1
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float32)
        merged = tf.summary.merge([tf.summary.scalar("loss", x), tf.summary.histogram("h", x * tf.range(10.0))])
        writer = tf.summary.FileWriter(str(tmp_path / "logs"), session.graph)
        for step in range(4):
            writer.add_summary(session.run(merged, {x: step / 3 + 1}), step)
        writer.add_session_log(tf.SessionLog(status=tf.SessionLog.START), 4)
        writer.close()
    report = import_logdir(tmp_path / "logs", tmp_path / "runs")
    view, oracle = mt.open_run(tmp_path / "runs" / report.runs[0].folder), accumulate(tmp_path / "logs")
    assert list(view.values("loss")) == [(e.step, e.value) for e in oracle.Scalars("loss")]
    for (_, found), e in zip(view.values("h"), oracle.Histograms("h"), strict=True):
        assert found.values[found.values > 0].tolist() == [n for n in e.histogram_value.bucket if n]
    assert report.runs[0].events["graph_def"] == 1
    assert report.runs[0].events["session_log"] == 1


def test_keras_writes_train_and_validation(tmp_path: Path) -> None:
    tf = need_tensorflow()
    model = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = NUMBERS.random((20, 3)), NUMBERS.random((20, 1))
    callback = tf.keras.callbacks.TensorBoard(str(tmp_path / "logs"), histogram_freq=1)
    fitted = quietly(model.fit, x, y, epochs=2, validation_split=0.5, verbose=0, callbacks=[callback])
    report = import_logdir(tmp_path / "logs", tmp_path / "runs")
    view = mt.open_run(tmp_path / "runs" / report.runs[0].folder)
    assert len(report.runs) == 1
    assert [v for _, v in view.values("train/epoch_loss")] == pytest.approx(fitted.history["loss"])
    assert [v for _, v in view.values("validation/epoch_loss")] == pytest.approx(fitted.history["val_loss"])


def test_gc_and_pack_keep_the_images_that_a_later_one_of_the_step_hides(tmp_path: Path, astronaut: Array) -> None:
    tensorboard_x = pytest.importorskip("tensorboardX")
    with tensorboard_x.SummaryWriter(str(tmp_path / "logs")) as writer:
        for turn in range(3):
            writer.add_image("photo", np.roll(astronaut[::16, ::16], turn, 0), 7, dataformats="HWC")
    mt.interop.tensorboard.import_logdir(tmp_path / "logs", tmp_path / "runs")
    (view,) = mt.open_runs(tmp_path / "runs")
    before = {path.name for path in (view.path / "media").rglob("*.png")}
    assert len(before) == 3
    assert mt.gc(view.path).files == 0
    assert mt.pack(view.path).files == 3
    mt.unpack(view.path)
    assert {path.name for path in (view.path / "media").rglob("*.png")} == before
