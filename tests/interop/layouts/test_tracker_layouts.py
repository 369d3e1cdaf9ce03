"""Runs as MLflow and rerun have them, read by these; skipped where they are not installed, see `make interop`."""

from __future__ import annotations

import importlib.util
import math
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mediatypes as mt
from mediatypes.cli import main
from mediatypes.interop.elsewhere import import_runs
from mediatypes.interop.layouts import Lost
from tests.interop.trackers.contract import need, samples

SHOWN = ("image", "audio", "histogram", "table", "tensor", "object3d", "html")


def written(folder: Path, status: str = "finished") -> mt.RunView:
    """A run with plain data of every kind, media, a list of media, and what is set in the summary."""
    values = samples()
    run = mt.Run(folder, project="proj", notes="note", tags=["a", "b=c"], config={"lr": 0.1, "net": {"depth": 3}})
    run.log({"loss": 1.0, "train/acc": 0.25, "flag": True, "note": "begins"})
    run.log({"loss": math.nan, "big": math.inf, "list": [1, "a"], **{kind: values[kind] for kind in SHOWN}})
    run.log({"loss": 0.5, "photos": [values["image"], mt.Image(np.zeros((2, 3), np.uint8))]})
    run.summary["best"] = 0.75
    run.finish(status)
    return mt.open_run(folder)


@pytest.mark.parametrize(
    ("layout", "module", "package"), [("mlflow", "mlflow", "mlflow"), ("rerun", "rerun", "rerun-sdk")]
)
def test_without_the_package_it_is_named(layout: str, module: str, package: str, tmp_path: Path) -> None:
    if importlib.util.find_spec(module):
        pytest.skip(f"{module} is installed")
    mt.Run(tmp_path / "run").finish()
    with pytest.raises(mt.MissingDependencyError, match=f"pip install {package}"):
        mt.export(tmp_path / "run", layout, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


class TestMlflow:
    def client(self, folder: Path) -> tuple[Any, Any]:
        client = need("mlflow").MlflowClient(f"sqlite:///{folder}/mlflow.db")
        experiment = client.get_experiment_by_name("proj")
        [run] = client.search_runs([experiment.experiment_id])
        return client, run

    def test_its_client_reads_it(self, tmp_path: Path) -> None:
        need("mlflow")
        view = written(tmp_path / "run", "failed")
        report = mt.export(view, "mlflow", tmp_path / "out")
        assert report.rows == 3
        assert report.lost == (Lost("big", "number", 1, "infinity becomes the largest double"),)
        client, run = self.client(report.path)
        assert (run.info.run_name, run.info.status, run.info.start_time) == (
            view.name,
            "FAILED",
            int(view.describe()["started"] * 1000),
        )
        assert run.data.params == {"lr": "0.1", "net/depth": "3"}
        tags = {name: text for name, text in run.data.tags.items() if not name.startswith("mlflow.")}
        assert (tags, run.data.tags["mlflow.note.content"]) == ({"a": "", "b": "c"}, "note")
        losses = client.get_metric_history(run.info.run_id, "loss")
        assert [one.step for one in losses] == [0, 1, 2]
        assert [losses[0].value, losses[2].value, math.isnan(losses[1].value)] == [1.0, 0.5, True]
        stamps = view.history(["_timestamp"]).column("_timestamp").to_pylist()
        assert [one.timestamp for one in losses] == [int(stamp * 1000) for stamp in stamps]
        assert {name: run.data.metrics[name] for name in ("train/acc", "flag", "best")} == {
            "train/acc": 0.25, "flag": 1.0, "best": 0.75
        }  # fmt: skip
        shutil.rmtree(tmp_path / "run")
        file = client.download_artifacts(run.info.run_id, "mediatypes/note/0.json", str(tmp_path))
        assert Path(file).read_text() == '"begins"'
        pictures = [one.path for one in client.list_artifacts(run.info.run_id, "images") if one.path.endswith(".png")]
        assert len(pictures) == 3

    def test_it_comes_back_as_it_was(self, tmp_path: Path) -> None:
        need("mlflow")
        view = written(tmp_path / "run")
        mt.export(view, "mlflow", tmp_path / "out")
        [report] = import_runs(tmp_path / "out" / "mlflow.db", tmp_path / "back").runs
        assert (report.problems, report.notes) == ([], [])
        back = mt.open_run(tmp_path / "back" / report.folder)
        for kind in (*SHOWN, "note", "list"):
            assert list(back.values(kind)) == list(view.values(kind)), kind
        assert list(back.values("photos/1")) == [(2, mt.Image(np.zeros((2, 3), np.uint8)))]
        assert (back.notes, back.status, back.config) == ("note", "finished", {"lr": 0.1, "net/depth": 3})

    def test_odd_names_and_long_texts(self, tmp_path: Path) -> None:
        need("mlflow")
        with mt.Run(tmp_path / "run", project="proj", config={"prompt": "x" * 7000}) as run:
            run.log({"a@b": 1.0, "a#b": 2.0, "../up": 3.0})
        report = mt.export(run.path, "mlflow", tmp_path / "out")
        _, made = self.client(report.path)
        assert {name: made.data.metrics[name] for name in ("a_b", "a_b_", "___up")} == {"a_b": 1, "a_b_": 2, "___up": 3}
        assert {(one.key, one.reason) for one in report.lost} == {
            ("prompt", "longer than 6000 characters"), ("a@b", "the metric is named a_b"),
            ("a#b", "the metric is named a_b_"), ("../up", "the metric is named ___up"),
        }  # fmt: skip

    def test_numbers_and_settings_that_it_changes_are_told(self, tmp_path: Path) -> None:
        need("mlflow")
        config = {"none": None, "list": [1], "flag": True, "lr": 0.5, "name": "x"}
        with mt.Run(tmp_path / "run", project="proj", config=config, tags=["a=1", "a=2", "b=" + "x" * 9000]) as run:
            run.log({"big": 2**60 + 1, "exact": 2**60})
            run.summary["last"] = 2**53 + 1
        report = mt.export(run.path, "mlflow", tmp_path / "out")
        _, made = self.client(report.path)
        assert [made.data.tags[name] for name in ("a", "a_")] == ["1", "2"]
        assert {(one.key, one.reason) for one in report.lost} == {
            *((key, "as JSON: a parameter is text") for key in ("none", "list", "flag")),
            ("big", "rounded to a double"), ("last", "rounded to a double"),
            ("a", "the tag is named a_"), ("b", "longer than 8000 characters"),
        }  # fmt: skip

    def test_what_is_set_in_the_summary_comes_back(self, tmp_path: Path) -> None:
        need("mlflow")
        with mt.Run(tmp_path / "run", project="proj") as run:
            run.log({"loss": 1.0})
            run.summary.update({"list": [1, 2], "text": "x", "picture": mt.Image(np.zeros((2, 3), np.uint8))})
        mt.export(run.path, "mlflow", tmp_path / "out")
        [report] = import_runs(tmp_path / "out" / "mlflow.db", tmp_path / "back").runs
        back = mt.open_run(tmp_path / "back" / report.folder)
        logged = mt.open_run(run.path).summary
        assert {key: back.summary[key] for key in ("list", "text", "picture")} == {
            key: logged[key] for key in ("list", "text", "picture")
        }
        assert list(back.keys()) == ["loss"]

    def test_a_run_that_goes_on_has_no_end(self, tmp_path: Path) -> None:
        need("mlflow")
        with mt.Run(tmp_path / "run", project="proj") as run:
            run.log({"loss": 1.0})
            report = mt.export(run.path, "mlflow", tmp_path / "out")
        _, made = self.client(report.path)
        assert (made.info.status, made.info.end_time) == ("RUNNING", None)

    def test_a_run_that_was_killed_ended_with_its_last_row(self, tmp_path: Path) -> None:
        need("mlflow")
        code = "import mediatypes as mt, os, sys; mt.Run(sys.argv[1], project='proj').log({'a': 1}); os._exit(1)"
        subprocess.run([sys.executable, "-c", code, tmp_path / "run"], check=False)
        report = mt.export(tmp_path / "run", "mlflow", tmp_path / "out")
        _, made = self.client(report.path)
        (stamp,) = mt.open_run(tmp_path / "run").history(["_timestamp"]).column("_timestamp").to_pylist()
        assert (made.info.status, made.info.end_time) == ("FAILED", int(stamp * 1000))

    def test_what_cannot_be_had_is_counted(self, tmp_path: Path) -> None:
        need("mlflow")
        missing_file("mlflow", tmp_path)


class TestRerun:
    def test_its_reader_reads_it(self, tmp_path: Path) -> None:
        reader = need("rerun.chunk").RrdReader
        view = written(tmp_path / "run")
        report = mt.export(view, "rerun", tmp_path / "out")
        assert (report.rows, report.lost) == (3, ())
        points: dict[str, list[Any]] = {}
        for chunk in reader(str(report.path / "run.rrd")).stream():
            batch = chunk.to_record_batch()
            for name in batch.schema.names:
                if name == "Scalars:scalars":
                    steps, cells = batch.column("step").to_pylist(), batch.column(name).to_pylist()
                    points.setdefault(chunk.entity_path, []).extend(zip(steps, cells, strict=True))
                elif (
                    name.endswith((":blob", ":text", ":values", ":data", ":positions")) and "step" in batch.schema.names
                ):
                    points.setdefault(chunk.entity_path, []).extend(batch.column("step").to_pylist())
        assert points["/train/acc"] == [(0, [0.25])]
        assert [point[0] for point in points["/loss"]] == [0, 1, 2]
        assert [point[1][0] for point in points["/loss"]][::2] == [1.0, 0.5]
        assert math.isnan(points["/loss"][1][1][0])
        assert {path: steps for path, steps in points.items() if path in ("/note", "/image", "/photos/1")} == {
            "/note": [0], "/image": [1], "/photos/1": [2]
        }  # fmt: skip
        assert {"/histogram", "/tensor", "/html", "/table", "/object3d", "/list"} <= points.keys()

    def test_what_has_no_place_is_counted(self, tmp_path: Path) -> None:
        need("rerun")
        with mt.Run(tmp_path / "run") as run:
            for _ in range(2):
                run.log({"molecule": samples()["molecule"], "clip": samples()["video"]})
        report = mt.export(run.path, "rerun", tmp_path / "out")
        assert [(one.key, one.count) for one in report.lost] == [("molecule", 2), ("clip", 2)]
        assert "rerun has no type for it" in report.lost[0].reason
        assert main(["export", str(run.path), "--layout", "rerun", "-o", str(tmp_path / "again")]) == 0

    def test_what_cannot_be_had_is_counted(self, tmp_path: Path) -> None:
        need("rerun")
        missing_file("rerun", tmp_path)


def missing_file(layout: str, tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run:
        run.log({"photo": mt.Image(np.zeros((2, 3), np.uint8))})
    next((tmp_path / "run" / "media").rglob("*.png")).unlink()
    report = mt.export(run.path, layout, tmp_path / "out")
    assert report.lost == (Lost("photo", "image", 1, "its file is missing"),)
    assert report.files == 0
