"""What TensorBoard itself shows of exported runs, value by value: its servers over HTTP, and its EventAccumulator."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import mediatypes as mt
from mediatypes.interop.tensorboard import import_logdir
from tests.interop.tensorboard.live.test_writers import WRITERS, accumulate, make_ndarray, open_writer, quietly
from tests.samples import photograph, photograph_file

Array = np.ndarray[Any, np.dtype[Any]]
pytestmark = pytest.mark.skipif(find_spec("tensorboard") is None, reason="tensorboard is not installed: the oracle")
STEPS = 4
NUMBERS = np.random.default_rng(0)
CONFIG = {"lr": 0.1, "model": {"depth": 4, "bias": True}, "optimizer": "adam"}
POINTS = NUMBERS.random((10, 3)).astype(np.float32)
COLORS = NUMBERS.integers(0, 255, (10, 3))


class Row(NamedTuple):
    """What was logged at a step."""

    numbers: dict[str, float]
    media: dict[str, Any]


def make_row(step: int) -> Row:
    numbers = {
        "loss": 0.1 * step,
        "a/b": -(2.0**30) * step,
        "big": 2**24 + 1 + step,
        "é中文 %": step,
        "y" * 500: 1.5,
        "odd": [math.nan, math.inf, -math.inf, 1e39][step],
    }
    tone = (9999 * np.sin(np.arange(800 + step) / 9)).astype(np.int16)
    cat = photograph("chelsea")[: 20 + step, :30]
    media = {
        "photo": mt.Image(cat, caption="a *cat*"),
        "jpeg": mt.Image(photograph_file("rocket.jpg")),
        "gallery": [mt.Image(cat), mt.Image(cat[::-1])],
        "clip": mt.Video(NUMBERS.integers(0, 255, (3, 3, 8, 8), np.uint8), fps=4),
        "tone": mt.Audio(tone, 8000, caption="la"),
        "tones": [mt.Audio(tone, 8000), mt.Audio(tone[::-1].copy(), 16000)],
        "pixels": mt.Histogram(NUMBERS.standard_normal(500), num_bins=7 + step),
        "note": f"step *{step}*",
        "cloud": mt.Object3D(np.hstack([POINTS + np.float32(step), COLORS]).astype(np.float32)),
        "pr": mt.plot.pr_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]),
        "weights": mt.Tensor(NUMBERS.standard_normal((2, 3))),
    }
    return Row(numbers, media)


ROWS = [make_row(step) for step in range(STEPS)]


class Server:
    """A TensorBoard on the loopback interface."""

    def __init__(self, logdir: Path, fast: str, said: Path) -> None:
        options = ["--logdir", str(logdir), "--host", "127.0.0.1", "--port", "0", f"--load_fast={fast}"]
        command = [sys.executable, "-W", "ignore", "-m", "tensorboard.main", *options]
        self.said = said
        with open(said, "wb") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output)
        end = time.monotonic() + 60
        while not (found := re.search(r"http://\S+:\d+/", said.read_text())):
            assert self.process.poll() is None, said.read_text()
            assert time.monotonic() < end, said.read_text()
            time.sleep(0.1)
        self.url = found[0]

    def get(self, plugin: str, post: Any = None, **query: Any) -> Any:
        url = f"{self.url}data/{plugin}?{urllib.parse.urlencode(query)}"
        headers = {"Content-Type": "application/json"} if post is not None else {}
        request = urllib.request.Request(url, post and json.dumps(post).encode(), headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            data = answer.read()
            return json.loads(data) if "json" in answer.headers["Content-Type"] else data

    def wait(self, runs: set[str]) -> None:
        """StopCondition all was read."""
        end = time.monotonic() + 60
        while set(self.get("runs")) != runs or not self.get("plugin/hparams/experiment", {"experimentName": ""}):
            assert time.monotonic() < end, self.get("runs")
            time.sleep(0.1)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)


@pytest.fixture(scope="module", params=["false", "true"])
def shown(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Two runs in one log directory, shown by the backend in Python, and by the data server in Rust."""
    if request.param == "true" and find_spec("tensorboard_data_server") is None:
        pytest.skip("tensorboard-data-server is not installed")
    folder = tmp_path_factory.mktemp("shown")
    with mt.Run(folder / "runs" / "one", config=CONFIG) as run:
        for row in ROWS:
            run.log(row.numbers | row.media)
        run.summary["best"] = 0.75
    with mt.Run(folder / "runs" / "two", config={"lr": 0.2, "seed": 7}) as other:
        other.log({"acc": 0.5}, step=2**31 - 1)
    for path in (run.path, other.path):
        mt.export(path, "tensorboard", folder / "logs" / path.name)
    server = Server(folder / "logs", request.param, folder / "said")
    try:
        server.wait({"one", "two"})
        yield server
    finally:
        server.stop()


def test_scalars(shown: Server) -> None:
    tags = shown.get("plugin/scalars/tags")
    assert set(tags["one"]) == {*ROWS[0].numbers, "summary/best"}
    for key in ROWS[0].numbers:
        found = shown.get("plugin/scalars/scalars", run="one", tag=key)
        with np.errstate(over="ignore"):
            expected = np.array([row.numbers[key] for row in ROWS], np.float32)
        assert [step for _, step, _ in found] == list(range(STEPS))
        assert np.array_equal(np.array([float(value) for *_, value in found], np.float32), expected, equal_nan=True)
    assert [step for _, step, _ in shown.get("plugin/scalars/scalars", run="two", tag="acc")] == [2**31 - 1]


def file_of(value: Any) -> bytes:
    """The file that an image or clip is kept as."""
    document = mt.encode(value, store := mt.MemoryStore())
    with store.open(document["path"]) as file:
        return file.read()


def test_images_and_clips_are_the_files(shown: Server) -> None:
    tags = shown.get("plugin/images/tags")["one"]
    assert {tag: found["samples"] for tag, found in tags.items()} == {"photo": 1, "jpeg": 1, "gallery": 2, "clip": 1}
    assert tags["photo"]["description"] == "<p>a <em>cat</em></p>"
    for key, described in tags.items():
        for sample in range(described["samples"]):
            found = shown.get("plugin/images/images", run="one", tag=key, sample=sample)
            assert [one["step"] for one in found] == list(range(STEPS))
            for one, row in zip(found, ROWS, strict=True):
                value = row.media[key][sample] if key == "gallery" else row.media[key]
                query = dict(urllib.parse.parse_qsl(one["query"]))
                assert shown.get("plugin/images/individualImage", **query) == file_of(value)


def test_sounds_are_the_files(shown: Server) -> None:
    tags = shown.get("plugin/audio/tags")["one"]
    assert {tag: found["samples"] for tag, found in tags.items()} == {"tone": 1, "tones": 2}
    assert tags["tone"]["description"] == "<p>la</p>"
    for key, described in tags.items():
        for sample in range(described["samples"]):
            found = shown.get("plugin/audio/audio", run="one", tag=key, sample=sample)
            assert [(one["step"], one["contentType"]) for one in found] == [(i, "audio/wav") for i in range(STEPS)]
            for one, row in zip(found, ROWS, strict=True):
                value = row.media[key][sample] if key == "tones" else row.media[key]
                query = dict(urllib.parse.parse_qsl(one["query"]))
                assert shown.get("plugin/audio/individualAudio", **query) == value.to_bytes()


def test_histograms(shown: Server) -> None:
    found = shown.get("plugin/histograms/histograms", run="one", tag="pixels")
    assert [step for _, step, _ in found] == list(range(STEPS))
    for (_, _, bins), row in zip(found, ROWS, strict=True):
        value = row.media["pixels"]
        assert bins == [list(one) for one in zip(value.bins[:-1], value.bins[1:], value.values, strict=True)]


def test_texts(shown: Server) -> None:
    found = shown.get("plugin/text/text", run="one", tag="note")
    assert [one["step"] for one in found] == list(range(STEPS))
    for step, one in enumerate(found):
        assert f"<p>step <em>{step}</em></p>" in one["text"]


def test_point_clouds(shown: Server) -> None:
    assert shown.get("plugin/mesh/tags")["one"] == {"cloud": {"samples": 1}}
    parts = shown.get("plugin/mesh/meshes", run="one", tag="cloud")
    assert {(one["step"], one["content_type"]) for one in parts} == {(i, part) for i in range(STEPS) for part in (1, 3)}
    assert {tuple(one["data_shape"]) for one in parts} == {(1, 10, 3)}
    for step in range(STEPS):
        query = {"run": "one", "tag": "cloud", "step": step, "sample": 0}
        vertices = shown.get("plugin/mesh/data", content_type="VERTEX", **query)
        assert vertices == (POINTS + np.float32(step)).tobytes()
        colors = shown.get("plugin/mesh/data", content_type="COLOR", **query)
        assert colors == COLORS.astype(np.uint8).tobytes()


def test_pr_curves(shown: Server) -> None:
    found = shown.get("plugin/pr_curves/pr_curves", run="one", tag="pr")["one"]
    assert [one["step"] for one in found] == list(range(STEPS))
    table = ROWS[0].media["pr"].table
    for one in found:  # the last point, of no prediction, is left out by TensorBoard
        assert one["recall"] == table.get_column("recall")[:-1]
        assert np.allclose(one["precision"], table.get_column("precision")[:-1], rtol=1e-6)
        assert one["true_positives"] == [500_000, 500_000, 250_000, 250_000]
        assert one["false_negatives"] == [0, 0, 250_000, 250_000]


def test_runs_of_different_configs_are_one_table_of_hyperparameters(shown: Server) -> None:
    experiment = shown.get("plugin/hparams/experiment", {"experimentName": ""})
    names = {one["name"] for one in experiment["hparamInfos"]}
    assert names == {"lr", "model.depth", "model.bias", "optimizer", "seed"}
    metrics = {one["name"]["tag"]: one["name"]["group"] for one in experiment["metricInfos"]}
    assert metrics == dict.fromkeys([*ROWS[0].numbers, "summary/best", "acc"], "")
    statuses = ["STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING", "STATUS_UNKNOWN"]
    columns = [{"metric": {"tag": tag, "group": ""}} for tag in ("big", "acc", "summary/best")]
    columns += [{"hparam": name} for name in sorted(names)]
    request = {
        "experimentName": "",
        "allowedStatuses": statuses,
        "colParams": columns,
        "startIndex": 0,
        "sliceSize": 10,
    }
    answer = shown.get("plugin/hparams/session_groups", request)
    groups = {group["name"]: group for group in answer["sessionGroups"]}
    assert groups["one"]["hparams"] == {"lr": 0.1, "model.depth": 4, "model.bias": True, "optimizer": "adam"}
    assert groups["two"]["hparams"] == {"lr": 0.2, "seed": 7}
    values = {one["name"]["tag"]: np.float32(one["value"]) for one in groups["one"]["metricValues"]}
    with np.errstate(over="ignore"):
        assert values == {key: np.float32(number) for key, number in {**ROWS[-1].numbers, "summary/best": 0.75}.items()}
    (session,) = groups["one"]["sessions"]
    assert (session["status"], session["startTimeSecs"] <= session["endTimeSecs"]) == ("STATUS_SUCCESS", True)


def test_tensors_are_in_the_file(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run:
        for row in ROWS:
            run.log({"weights": row.media["weights"], "list": [0.5, 0.25]})
    mt.export(run.path, "tensorboard", tmp_path / "logs")
    oracle = accumulate(tmp_path / "logs")
    for e, row in zip(oracle.Tensors("weights"), ROWS, strict=True):
        assert np.array_equal(make_ndarray(e.tensor_proto), row.media["weights"].to_numpy())
    assert [make_ndarray(e.tensor_proto).tolist() for e in oracle.Tensors("list")] == [[0.5, 0.25]] * STEPS


@pytest.mark.parametrize("name", WRITERS)
def test_what_another_writer_wrote_is_the_same_after_import_and_export(name: str, tmp_path: Path) -> None:
    """Every tag, and of each every step, time and value."""
    writer = open_writer(name, tmp_path / "logs")
    vertices, colors = NUMBERS.random((1, 9, 3)), NUMBERS.integers(0, 255, (1, 9, 3))
    for step in range(STEPS):
        quietly(writer.add_scalar, "loss", [0.1, math.nan, math.inf, -1e30][step], step)
        writer.add_histogram("h", NUMBERS.standard_normal(1000), step)
        writer.add_histogram("few", np.array([1.0, 2, 2]), step, bins="auto")
        writer.add_image("photo", photograph("chelsea")[:20, :30], step, dataformats="HWC")
        writer.add_text("note", f"step {step}", step)
        writer.add_mesh("cloud", vertices=vertices, colors=colors, global_step=step)
        writer.add_pr_curve("pr", NUMBERS.integers(0, 2, 99), NUMBERS.random(99), step, num_thresholds=9)
    quietly(writer.add_custom_scalars, {"Losses": {"both": ["Multiline", ["a", "b"]]}})
    writer.add_hparams({"lr": 0.1}, {"acc": 0.5})
    writer.close()
    report = import_logdir(tmp_path / "logs", tmp_path / "runs")
    exported = mt.export(tmp_path / "runs" / report.runs[0].folder, "tensorboard", tmp_path / "out")
    assert exported.lost == ()
    folders = sorted({path.parent.relative_to(tmp_path / "logs") for path in (tmp_path / "logs").rglob("*tfevents*")})
    assert len(folders) == 2
    for folder in folders:
        before, after = accumulate(tmp_path / "logs" / folder), accumulate(tmp_path / "out" / folder)
        added = {"_hparams_/experiment", "_hparams_/session_start_info", "_hparams_/session_end_info"}
        tags = {kind: set(found) if isinstance(found, list) else found for kind, found in after.Tags().items()}
        tags["tensors"] -= added  # a tag that has only metadata gets an empty tensor, as TensorFlow writes it
        assert tags == {kind: set(one) if isinstance(one, list) else one for kind, one in before.Tags().items()}
        for tag in before.Tags()["scalars"]:
            assert repr(after.Scalars(tag)) == repr(before.Scalars(tag))
        for tag in before.Tags()["images"]:
            assert after.Images(tag) == before.Images(tag)
        for tag in before.Tags()["tensors"]:
            for found, expected in zip(after.Tensors(tag), before.Tensors(tag), strict=True):
                assert (found.step, found.wall_time) == (expected.step, expected.wall_time)
                assert np.array_equal(make_ndarray(found.tensor_proto), make_ndarray(expected.tensor_proto))
            assert after.SummaryMetadata(tag) == before.SummaryMetadata(tag)
        for tag in before.Tags()["histograms"]:
            for found, expected in zip(after.Histograms(tag), before.Histograms(tag), strict=True):
                one, other = found.histogram_value, expected.histogram_value
                assert (found.step, found.wall_time) == (expected.step, expected.wall_time)
                for name in ("min", "max", "num", "sum", "sum_squares"):
                    assert getattr(one, name) == getattr(other, name)
                assert [n for n in one.bucket if n] == [n for n in other.bucket if n]
                limits = {limit for limit, n in zip(one.bucket_limit, one.bucket, strict=True) if n}
                assert len(limits - set(other.bucket_limit)) <= 1  # the last is the largest value
