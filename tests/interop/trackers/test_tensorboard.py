"""Values through the writers of tensorboardX and torch, read by TensorBoard's own accumulator."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mediatypes as mt
from mediatypes.interop.trackers._common import drawn

from .contract import STEP, AdapterContract, need, samples

EventAccumulator = need("tensorboard.backend.event_processing.event_accumulator").EventAccumulator
make_ndarray = need("tensorboard.util.tensor_util").make_ndarray


class Written(AdapterContract):
    tracker = "tensorboard"

    @classmethod
    def writer(cls, folder: Path) -> Any:
        raise NotImplementedError

    @classmethod
    def log(cls, folder: Path, values: Mapping[str, Any]) -> None:
        with cls.writer(folder) as writer:
            mt.interop.log("tensorboard", values, step=STEP, target=writer)

    @classmethod
    def read(cls, folder: Path) -> dict[str, Any]:
        events = EventAccumulator(str(folder), size_guidance={"tensors": 0, "scalars": 0})
        events.Reload()
        back: dict[str, Any] = {}
        for tag in events.Tags()["scalars"]:
            [scalar] = events.Scalars(tag)
            assert scalar.step == STEP
            back[tag] = scalar.value
        for tag in events.Tags()["tensors"]:
            [event] = events.Tensors(tag)
            metadata = events.SummaryMetadata(tag)
            assert event.step == STEP
            back[tag] = _value(metadata.plugin_data.plugin_name, make_ndarray(event.tensor_proto), metadata)
        if "object3d_VERTEX" in back:
            back["object3d"] = back["object3d_VERTEX"]
        return back

    @classmethod
    def changed(cls) -> Mapping[str, Any]:
        value = samples()
        return {
            "number": float(np.float32(0.1)),
            "json": ['[1, null, "a"]'],
            "image": mt.Image(drawn(value["image"]), caption="noise"),
            "figure": mt.Image(value["figure"].to_png(), caption="pets"),
            "html": ["<p>Hello <b>you</b></p>"],
            "table": [["x", "y", "name"], ["1", "2.5", "a"], ["2", "0.25", "b"]],
            "plot": mt.Image(value["plot"].to_png()),
            "object3d": value["object3d"].to_numpy()[None, :, :3],
        }


def _value(plugin: str, array: Any, metadata: Any) -> Any:
    caption = metadata.summary_description or None
    if plugin == "images":
        width, height, file = array
        video = file.startswith(b"GIF")
        image = mt.Video(file, caption=caption) if video else mt.Image(file, caption=caption)
        assert (image.width, image.height) == (int(width), int(height))
        return image
    if plugin == "audio":
        [[file, label]] = array
        return mt.Audio(file, caption=label.decode() or None)
    if plugin == "histograms":
        return mt.Histogram(np_histogram=(array[:, 2].astype(np.int64), np.append(array[:, 0], array[-1, 1])))
    if plugin == "text":
        texts = np.vectorize(bytes.decode, otypes=[object])(array).tolist()
        return texts[0] if texts in ([samples()["string"]], [""]) else texts
    return mt.Tensor(array) if plugin == "tensor" else array


class TestTensorboardX(Written):
    @classmethod
    def writer(cls, folder: Path) -> Any:
        return pytest.importorskip("tensorboardX").SummaryWriter(str(folder))


class TestTorch(Written):
    @classmethod
    def writer(cls, folder: Path) -> Any:
        return pytest.importorskip("torch.utils.tensorboard").SummaryWriter(str(folder))


def test_a_run_feeds_a_writer(tmp_path: Path) -> None:
    writer = need("tensorboardX").SummaryWriter(str(tmp_path / "log"))
    image = mt.Image(np.full((4, 6, 3), 9, np.uint8), caption="dark")
    with writer, mt.Run(tmp_path / "run", forward_to=[writer]) as run:
        run.log({"number": 0.5, "photo": image}, step=STEP)
        run.log({"molecule": samples()["molecule"]}, step=STEP)
    back = TestTensorboardX.read(tmp_path / "log")
    assert back == {"number": 0.5, "photo": image}
    [told] = mt.open_run(run.path).problems
    assert str(told).startswith('forward_to TensorBoard: log["molecule"]: expected a type that TensorBoard has a place')
