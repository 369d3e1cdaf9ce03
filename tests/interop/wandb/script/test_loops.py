"""The loops of W&B's documentation that need PyTorch or TensorFlow; `make interop NAME=loops` runs them."""

from __future__ import annotations

import argparse
import glob
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mediatypes as mt
from mediatypes.interop import wandb


@pytest.fixture(autouse=True)
def _apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEDIATYPES_CAPTURE", "none")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path / "written"))
    for name in ("MEDIATYPES_DIR", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    yield
    wandb.teardown()


def logged(run: wandb.Run) -> mt.RunView:
    """What a run wrote, without a problem."""
    run.finish()
    view = mt.open_run(run.run.path)
    assert not view.problems
    return view


def column(view: mt.RunView, key: str) -> list[Any]:
    return [value for _, value in view.values(key)]


def test_a_loop_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    config = {"epochs": 4, "batch_size": 8, "learning_rate": 0.1}
    run = wandb.init(project="my-test-project", config=config)
    x = torch.rand(32, 2)
    truth = (x.sum(1) > 1).float()
    batches = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, truth), config["batch_size"])
    model, criterion = torch.nn.Linear(2, 1), torch.nn.BCEWithLogitsLoss()
    optimizer = torch.optim.SGD(model.parameters(), wandb.config.learning_rate)
    wandb.watch(model, log_freq=4)
    expected = []
    for _ in range(wandb.config.epochs):
        losses = []
        for inputs, labels in batches:
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels.unsqueeze(1))
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        accuracy = ((model(x)[:, 0] > 0).float() == truth).float().mean()
        torch.save(model.state_dict(), "model")
        wandb.log({"accuracy": accuracy, "loss": sum(losses) / len(losses)})
        expected.append((sum(losses) / len(losses), float(accuracy)))
    wandb.save("model")
    view = logged(run)
    assert list(zip(column(view, "loss"), column(view, "accuracy"), strict=True)) == expected
    gradients = column(view, "gradients/weight")
    assert len(gradients) == len(column(view, "gradients/bias")) == 4
    assert {int(counted.values.sum()) for counted in gradients} == {2}
    assert view.files()["model"].read_bytes() == Path("model").read_bytes()
    assert (view.project, view.config) == ("my-test-project", config)


def test_pictures_of_a_test_set_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    run = wandb.init(config=argparse.Namespace(epochs=1))
    data, examples, correct = torch.rand(6, 1, 8, 8), [], 0
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
    with torch.no_grad():
        for picture, target in zip(data, range(6), strict=True):
            predicted = int(model(picture[None]).argmax(1))
            correct += predicted == target
            examples.append(wandb.Image(picture, caption=f"Pred: {predicted} Truth: {target}"))
    wandb.log({"Examples": examples, "Test Accuracy": 100.0 * correct / len(data), "Test Loss": torch.tensor(0.5)})
    view = logged(run)
    ((pictures,), (loss,)) = column(view, "Examples"), column(view, "Test Loss")
    assert loss == 0.5
    assert [picture.caption.rpartition(" ")[2] for picture in pictures] == list("012345")
    for picture, tensor in zip(pictures, data, strict=True):
        assert np.abs(picture.to_numpy().squeeze() / 255 - tensor[0].numpy()).max() <= 0.5 / 255


@pytest.mark.parametrize("is_patched", [False, True])
def test_the_writer_of_pytorch(is_patched: bool) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("tensorboard")
    board = pytest.importorskip("torch.utils.tensorboard")
    if is_patched:
        wandb.tensorboard.patch(root_logdir="logs")
    try:
        run = wandb.init(sync_tensorboard=not is_patched)
        values = np.random.default_rng(0).random((100, 4))
        writer = board.SummaryWriter("logs")
        names = ["Loss/train", "Loss/test", "Accuracy/train", "Accuracy/test"]
        for i in range(100):
            for name, value in zip(names, values[i], strict=True):
                writer.add_scalar(name, value, i)
        writer.flush()
        wandb.log({"custom": 0.8, "global_step": 99})
        writer.close()
        view = logged(run)
    finally:
        wandb.tensorboard.unpatch()
    for name, expected in zip(names, values.T, strict=True):
        assert list(view.values(name)) == list(enumerate(expected.astype(np.float32)))
    assert column(view, "custom") == [0.8]


def test_a_profile_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    with wandb.init(project="my-project", sync_tensorboard=True) as run:
        handler = torch.profiler.tensorboard_trace_handler("runs")
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], on_trace_ready=handler):
            torch.rand(4) @ torch.rand(4)
        (trace,) = glob.glob("runs/*.pt.trace.json")
        run.save(trace, base_path="runs")
    assert mt.open_run(run.run.path).files()[Path(trace).name].read_bytes() == Path(trace).read_bytes()


def test_a_session_of_tensorflow() -> None:
    tensorflow = pytest.importorskip("tensorflow")
    tf = tensorflow.compat.v1
    rng = np.random.default_rng(0)
    run = wandb.init(config=argparse.Namespace(num_steps=4, batch_size=8))
    with tensorflow.Graph().as_default():
        inputs, truth = tf.placeholder("float", [None, 3]), tf.placeholder("float", [None, 2])
        logits = tf.matmul(inputs, tf.Variable(tf.zeros([3, 2])))
        loss_op = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(logits=logits, labels=truth))
        train_op = tf.train.GradientDescentOptimizer(0.5).minimize(loss_op)
        right = tf.equal(tf.argmax(logits, 1), tf.argmax(truth, 1))
        accuracy, init = tf.reduce_mean(tf.cast(right, tf.float32)), tf.global_variables_initializer()
        expected = []
        with tf.Session() as sess:
            sess.run(init)
            for _ in range(1, run.config.num_steps + 1):
                x = rng.random((run.config.batch_size, 3))
                feed = {inputs: x, truth: np.eye(2)[(x[:, 0] > x[:, 1]).astype(int)]}
                sess.run(train_op, feed_dict=feed)
                loss, acc = sess.run([loss_op, accuracy], feed_dict=feed)
                wandb.log({"acc": acc, "loss": loss})
                expected.append((float(acc), float(loss)))
    view = logged(run)
    assert list(zip(column(view, "acc"), column(view, "loss"), strict=True)) == expected


def test_a_writer_of_tensorflow() -> None:
    tf = pytest.importorskip("tensorflow")
    with wandb.init(project="my-project", sync_tensorboard=True) as run:
        writer = tf.summary.create_file_writer("logs")
        with writer.as_default():
            for step in range(5):
                tf.summary.scalar("loss", 1 / (step + 1), step=step)
            tf.summary.image("picture", np.zeros((1, 4, 4, 3), np.uint8), step=4)
        writer.close()
    view = logged(run)
    assert list(view.values("loss")) == [(step, np.float32(1 / (step + 1))) for step in range(5)]
    assert len(column(view, "picture")) == 1


def test_what_is_logged_after_it_was_set_is_in_the_summary(tmp_path: Path) -> None:
    run = wandb.init(dir=tmp_path, mode="offline")
    run.summary.update({"best": 0.0, "kept": 1.0, "refused": 2.0})
    run.log({"best": 0.5, "refused": object()})
    run.log({"best": None})
    assert (run.summary["best"], run.summary["refused"]) == (0.5, 2.0)
    run.summary["best"] = 0.75
    run.finish()
    summary = mt.open_run(run.run.path).summary
    assert (summary["best"], summary["kept"], summary["refused"]) == (0.75, 1.0, 2.0)


def test_rows_of_the_api_are_those_that_were_logged(tmp_path: Path) -> None:
    run = wandb.init(dir=tmp_path, mode="offline")
    rows = [{"x": 1, "m": [[1], [2]], "e": {}}, {"x": "t", "A": 1, "big": 2**60}, {"x": [1.5], "a": 2}]
    for row in rows:
        run.log(row)
    run.finish()
    again = wandb.Api({"dir": str(tmp_path)}).run(run.id)
    read = [{key: value for key, value in row.items() if not key.startswith("_")} for row in again.scan_history()]
    assert read == rows
    assert [row["x"] for row in again.scan_history("x")] == [1, "t", [1.5]]
    assert again.history(keys=["a"], pandas=False) == [{"_step": 2, "a": 2}]
