"""What a first user does, one function a job: `python jobs.py NAME` runs it in the directory where one stands.

Nothing of the tests is imported: the script runs in an environment that has mediatypes and its extras only. A job ends
with an error if something is not as a user would expect it.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import datetime as dt
import decimal
import enum
import io
import json
import multiprocessing
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable
from typing import Any

import numpy as np

import mediatypes as mt

Array = np.ndarray[Any, np.dtype[Any]]
JOBS: dict[str, Callable[[], None]] = {}


def job(function: Callable[[], None]) -> Callable[[], None]:
    JOBS[function.__name__] = function
    return function


def picture(seed: int, height: int = 24, width: int = 32) -> tuple[Array, Array, list[int]]:
    """(H, W, 3) uint8 noise with a bright rectangle, its mask, and its corners (left, top, right, bottom)."""
    random = np.random.default_rng(seed)
    top, left = int(random.integers(2, 8)), int(random.integers(2, 12))
    pixels = random.integers(0, 90, (height, width, 3), dtype=np.uint8)
    mask = np.zeros((height, width), np.uint8)
    mask[top : top + 10, left : left + 14] = 1
    pixels[mask == 1] += 120
    return pixels, mask, [left, top, left + 14, top + 10]


def command(*arguments: object) -> str:
    """Run `mediatypes ...` in this process, which must succeed, and return what it prints."""
    from mediatypes.cli import main

    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(out):
        code = main([str(argument) for argument in arguments])
    assert code == 0, f"{arguments}: {code}\n{out.getvalue()}"
    return out.getvalue()


def message_of(error: type[mt.MediaTypesError], doing: Callable[[], Any]) -> str:
    """What an error says that has to come."""
    try:
        doing()
    except error as caught:
        return str(caught)
    raise AssertionError(f"{error.__name__} was not raised")


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE, text=True)


@job
def train() -> None:
    """Train a small convolutional net that finds the rectangle, and log its curve, masks and boxes."""
    kernel, bias = np.zeros((3, 3, 3)), 0.0
    with mt.Run("runs/train", project="boxes", config={"rate": 2.0, "kernel": [3, 3]}) as run:
        for step in range(40):
            pixels, mask, corners = picture(step)
            padded = np.pad(pixels / 255, ((1, 1), (1, 1), (0, 0)))
            windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (0, 1))
            probability = 1 / (1 + np.exp(-(np.einsum("hwcij,ijc->hw", windows, kernel) + bias)))
            error = probability - mask
            kernel -= 2.0 * np.einsum("hwcij,hw->ijc", windows, error) / mask.size
            bias -= 2.0 * float(error.mean())
            likelihood = np.maximum(np.where(mask, probability, 1 - probability), 1e-7)
            row: dict[str, Any] = {"loss": float(-np.log(likelihood).mean()), "kernel": mt.Histogram(kernel)}
            if step % 10 == 9:
                truth = mt.BoundingBoxes2D.from_xyxy([corners], domain="pixel", class_ids=[1], class_labels={1: "box"})
                found = mt.ImageMask((probability > 0.5).astype(np.uint8), class_labels={0: "none", 1: "box"})
                row["photo"] = mt.Image(pixels, caption=f"step {step}", boxes={"truth": truth}, masks={"found": found})
            run.log(row)
    losses = [loss for _, loss in mt.open_run("runs/train").values("loss")]
    assert losses[-1] < losses[0] / 2
    step, image = list(mt.open_run("runs/train").values("photo"))[-1]
    assert (step, image.caption, image.boxes["truth"].class_labels) == (39, "step 39", {1: "box"})
    assert image.masks["found"].to_numpy().shape == (24, 32)


@job
def read_back() -> None:
    """Read a run with pandas, Polars and DuckDB, without mediatypes."""
    with mt.Run("runs/read") as run:
        for step in range(100):
            run.log({"loss": 1 / (step + 1), "img": mt.Image(picture(step)[0])} if step % 50 == 0 else {"loss": 0.5})
    history, media = "runs/read/history.parquet", "runs/read/media.parquet"
    import duckdb
    import pandas as pd
    import polars as pl

    assert pd.read_parquet(history, columns=["loss"]).loss.sum() == 1 + 1 / 51 + 98 * 0.5
    assert pl.read_parquet(history)["loss"].len() == 100
    assert duckdb.execute(f"select count(*) from '{history}' where loss = 0.5").fetchall() == [(98,)]
    paths = pd.read_parquet(media).path
    assert all(pathlib.Path("runs/read", path).is_file() for path in paths)
    assert mt.open_run("runs/read").to_pandas(["loss"]).shape == (100, 2)


@job
def own_tracker() -> None:
    """A tracker of one's own stores values without importing mediatypes."""

    class Bucket:
        def __init__(self) -> None:
            self.files: dict[str, bytes] = {}

        def put(self, data: Any, *, suffix: str, media_type: str, sha256: str, size: int) -> str:
            self.files[sha256 + suffix] = data if isinstance(data, bytes) else data.read_bytes()
            return sha256 + suffix

        def open(self, path: str) -> Any:
            return io.BytesIO(self.files[path])

    bucket = Bucket()
    image = mt.Image(picture(0)[0], caption="mine")
    document = json.loads(json.dumps(image.__media__(bucket)))
    mt.validate(document)
    assert mt.decode(document, bucket) == image


def _worker(rank: int) -> None:
    with mt.Run(f"runs/ranks/{rank}", config={"rank": rank}) as run:
        for step in range(10):
            run.log({"loss": step / (rank + 1)})


@job
def threads_workers_ranks() -> None:
    """Threads share a run, each process has its own; of two that want the same one the second gets a clear error."""
    with mt.Run("runs/threads") as run:
        threads = [threading.Thread(target=lambda n=n: [run.log({f"t{n}": i}) for i in range(50)]) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    view = mt.open_run("runs/threads")
    assert all(sorted(value for _, value in view.values(f"t{n}")) == list(range(50)) for n in range(4))
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.map(_worker, range(4))
    assert len(mt.open_runs("runs/ranks")) == 4
    code = "import sys, mediatypes as mt; run = mt.Run('runs/race'); print('ready', flush=True); sys.stdin.read()"
    first = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert first.stdout is not None
    first.stdout.readline()
    try:
        assert str(first.pid) in message_of(mt.RunLocked, lambda: mt.Run("runs/race", mode="allow"))
    finally:
        first.communicate("")


@job
def crash_and_resume() -> None:
    """A training is killed; what was logged is there; it goes on from its checkpoint."""
    code = """
import os, signal, sys, mediatypes as mt
run = mt.Run("runs/crash", mode="allow")
for step in range(int(sys.argv[1]), 50):
    run.log({"loss": 1 / (step + 1)}, step=step)
    if step == int(sys.argv[2]): os.kill(os.getpid(), signal.SIGKILL)
run.finish()
"""
    assert python(code, 0, 29).wait() < 0
    view = mt.open_run("runs/crash")
    assert view.status != "finished"
    assert [step for step, _ in view.values("loss")] == list(range(30))
    assert python(code, 30, -1).wait() == 0
    view = mt.open_run("runs/crash")
    assert view.status == "finished"
    assert [step for step, _ in view.values("loss")] == list(range(50))


@job
def notebook() -> None:
    """Values show themselves in a cell; a cell that makes a run, executed twice, says what to do."""
    assert "<iframe" in mt.Html("<b>x</b>")._repr_mimebundle_()["text/html"]
    run = mt.Run("runs/cell")
    assert "runs/cell" in message_of(mt.StoreError, lambda: mt.Run("runs/cell"))
    run.log({"a": 1})
    run.finish()
    assert mt.open_run("runs/cell").to_pandas().a.tolist() == [1]
    assert repr(mt.Image(picture(0)[0])).startswith("Image(")


@job
def grid_search() -> None:
    """Twenty runs; which was best?"""
    for number in range(20):
        rate = 10 ** -(number / 5)
        with mt.Run(f"runs/grid/{number:02}", config={"rate": rate}, tags=["grid"]) as run:
            for step in range(20):
                run.log({"acc": 1 - abs(np.log10(rate) + 2) / 5 - 1 / (step + 1)})
    runs = mt.open_runs("runs/grid")
    table = runs.table().to_pandas()
    assert table.loc[table["summary.acc"].idxmax(), "run"] == "10"
    assert runs.sql("select run from history group by run order by max(acc) desc limit 1").fetchall() == [("10",)]
    lines = command("ls", "runs/grid", "--keys", "acc").splitlines()
    assert len(lines) == 21
    mt.compact("runs/grid", "all")
    assert len(mt.open_runs("all")) == 20


@job
def tensorboard() -> None:
    """Runs out of TensorBoard logs, and logs out of runs."""
    with mt.Run("runs/tb") as run:
        for step in range(5):
            run.log({"loss": step / 4, "img": mt.Image(picture(step)[0])})
    mt.export("runs/tb", "tensorboard", "logs/tb")
    assert "1 run" in command("import", "logs", "-o", "imported") or mt.open_runs("imported")
    (view,) = mt.open_runs("imported")
    assert [value for _, value in view.values("loss")] == [0, 0.25, 0.5, 0.75, 1]
    assert next(view.values("img"))[1] == mt.Image(picture(0)[0])


class Phase(enum.Enum):
    TRAIN = "train"


@dataclasses.dataclass
class Options:
    rate: float = 0.1
    name: str = "x"


@job
def every_kind_of_object() -> None:
    """What people pass, in one row."""
    import pandas as pd
    import plotly.graph_objects as go

    pixels, mask, corners = picture(0)
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
    row = {
        "python": {"int": 3, "float": 0.5, "bool": True, "text": "é", "none": None, "list": [1, 2], "empty": {}},
        "numpy": {"float32": np.float32(0.5), "int64": np.int64(7), "one": np.array([[0.5]]), "row": np.arange(5)},
        "more": {"enum": Phase.TRAIN, "path": pathlib.Path("a/b"), "uuid": uuid.UUID(int=1), "options": Options()},
        "time": {"date": dt.date(2024, 2, 29), "time": dt.datetime(2024, 2, 29, 12), "took": dt.timedelta(seconds=3)},
        "decimal": decimal.Decimal("1.5"),
        "image": mt.Image(pixels, boxes={"b": mt.BoundingBoxes2D.from_xyxy([corners], domain="pixel")}),
        "masked": mt.Image(pixels, masks={"m": mt.ImageMask(mask)}),
        "histogram": mt.Histogram(pixels),
        "video": mt.Video(np.stack([pixels.transpose(2, 0, 1)] * 3), fps=4),
        "audio": mt.Audio(np.zeros(800, np.float32), 8000),
        "html": mt.Html("<p>hello</p>"),
        "molecule": mt.Molecule.from_smiles("CCO"),
        "cloud": mt.Object3D.from_point_cloud(np.random.default_rng(0).normal(size=(10, 3))),
        "table": mt.Table(dataframe=frame),
        "frame": frame,
        "tensor": mt.Tensor(np.zeros((2, 3, 4), np.float16)),
        "figure": mt.Figure(go.Figure(data=go.Scatter(y=[1, 3, 2]))),
        "plot": mt.plot.line(mt.Table(columns=["x", "y"], data=[[0, 1], [1, 2]]), "x", "y"),
    }
    with mt.Run("runs/objects", config={"options": Options(), "phase": Phase.TRAIN, 3: "three"}) as run:
        run.log(row)
    view = mt.open_run("runs/objects")
    assert next(view.values("image"))[1] == row["image"]
    assert next(view.values("numpy.float32"))[1] == 0.5
    assert next(view.values("frame"))[1].get_dataframe().a.tolist() == [1, 2]
    assert view.config["phase"] == "train"
    command("verify", "runs/objects")


@job
def mistakes() -> None:
    """Thirty mistakes: each is one of our errors, and says what was expected."""
    pixels, mask, corners = picture(0)
    run = mt.Run("runs/mistakes")
    boxes = mt.BoundingBoxes2D
    wrong: list[Callable[[], Any]] = [
        lambda: mt.Image("no-such-file.png"),
        lambda: mt.Image(np.zeros((3, 3, 7))),
        lambda: mt.Image(pixels / 100.0),
        lambda: mt.Image(np.full((2, 2), np.nan)),
        lambda: mt.Image(None),
        lambda: mt.Image(b"not an image"),
        lambda: mt.Image(pixels, masks={"m": mt.ImageMask(mask[:5])}),
        lambda: mt.Image(pixels, boxes={"b": corners}),
        lambda: mt.ImageMask(mask + 0.5),
        lambda: boxes.from_xyxy([[5, 5, 1, 1]], domain="pixel"),
        lambda: boxes.from_xyxy([corners], domain="pixels"),
        lambda: boxes.from_xyxy([[0, 0, np.inf, 1]], domain="pixel"),
        lambda: boxes.from_xyxy([corners], domain="pixel", class_ids=[1, 2]),
        lambda: mt.Histogram(np.array([1 + 2j])),
        lambda: mt.Histogram(["a"]),
        lambda: mt.Video(np.zeros((3, 3, 8, 8), np.float64) + 7),
        lambda: mt.Video(pixels),
        lambda: mt.Audio(np.zeros((2, 2, 2)), 8000),
        lambda: mt.Audio(np.zeros(10), -1),
        lambda: mt.Molecule("no-such-file.pdb"),
        lambda: mt.Molecule.from_smiles("not a molecule"),
        lambda: mt.Object3D(np.zeros((3, 2))),
        lambda: mt.Table(columns=["a"], data=[[1, 2]]),
        lambda: mt.Tensor(object()),
        lambda: mt.Figure(3),
        lambda: run.log([1, 2]),  # pyright: ignore[reportArgumentType]
        lambda: run.log({"a": object()}),
        lambda: run.log({"": 1}),
        lambda: run.log({"a": 1}, step=-5),
        lambda: run.define_metric("a", goal="best"),  # pyright: ignore[reportArgumentType]
        lambda: mt.Run("runs/mistakes"),
        lambda: mt.open_run("runs/nothing"),
        lambda: mt.open_runs("nowhere").table(),
        lambda: mt.export("runs/mistakes", "excel", "out"),
        lambda: mt.decode({"_type": "imagine"}, mt.MemoryStore()),
    ]
    complaints = []
    for number, make in enumerate(wrong):
        try:
            complaints.append(f"{number} was accepted: {make()!r}")
        except mt.MediaTypesError as error:
            if "expected" not in str(error) or len(str(error)) > 1000:
                complaints.append(f"{number}: {error}")
        except Exception as error:  # not one of ours
            complaints.append(f"{number}: {error!r}")
    assert not complaints, "\n".join(complaints)
    run.log({"a": 1})
    run.finish()
    assert list(mt.open_run("runs/mistakes").values("a")) == [(0, 1)]


@job
def every_command() -> None:
    """Every command of `mediatypes`, as its help shows it."""
    with mt.Run("runs/demo", config={"lr": 0.1}) as run:
        for step in range(3):
            run.log({"loss": 1 / (step + 1), "img": mt.Image(picture(step)[0])})
    document = mt.encode(mt.Html("<p>"), mt.DirectoryStore("media"))
    pathlib.Path("document.json").write_text(json.dumps(document))
    assert "runs/demo" in command("validate", "runs/demo", "document.json")
    assert "finished" in command("ls", "runs")
    assert "loss" in command("show", "runs/demo")
    assert "step 2" in command("watch", "runs/demo")
    assert "0.333" in command("query", "runs", "select min(loss) from history")
    assert "nothing is wrong" in command("verify", "runs")
    assert "3 files" in command("pack", "runs/demo")
    assert "3 files" in command("unpack", "runs/demo")
    assert "0 files" in command("gc", "runs")
    assert "over already" in command("recover", "runs/demo")
    for layout in ("csv", "jsonl", "long", "huggingface", "tensorboard"):
        command("export", "runs/demo", "--layout", layout, "-o", f"out/{layout}")
    command("import", "out/tensorboard", "-o", "imported")
    command("sync", "out/tensorboard", "-o", "synced")
    assert "1 added" in command("compact", "runs", "all")
    command("copy", "runs", "elsewhere")
    assert mt.open_run("elsewhere/demo").to_pandas(["loss"]).shape == (3, 2)
    from mediatypes.cli import COMMANDS

    line = [sys.executable, "-m", "mediatypes", "--help"]
    shown = subprocess.run(line, capture_output=True, text=True, timeout=60, check=True).stdout
    assert all(one.example in shown for one in COMMANDS)


@job
def move_copy_rename_delete() -> None:
    """A run folder is only a folder."""
    with mt.Run("runs/first") as run:
        run.log({"img": mt.Image(picture(0)[0])})
    image = mt.Image(picture(0)[0])
    assert "mediatypes show" in pathlib.Path("runs/first/README.txt").read_text()
    shutil.move("runs/first", "moved")
    assert next(mt.open_run("moved").values("img"))[1] == image
    os.makedirs("many")
    shutil.copytree("moved", "many/a")
    shutil.copytree("moved", "many/b")
    assert "the same run" in command("ls", "many")
    os.rename("many/a", "many/renamed")
    assert "first" in command("ls", "many")  # the name that the run has
    pathlib.Path("many/b/run.json").unlink()
    assert "made again" in command("recover", "many/b")
    assert next(mt.open_run("many/b").values("img"))[1] == image
    shutil.rmtree("many/b")
    assert [view.path.name for view in mt.open_runs("many")] == ["renamed"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("job", choices=JOBS)
    JOBS[parser.parse_args().job]()
