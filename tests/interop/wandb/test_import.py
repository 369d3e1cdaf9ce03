"""Logs made by hand, as W&B writes them, imported."""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import shutil
import struct
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

import mediatypes as mt
from mediatypes.interop.wandb import import_runs
from mediatypes.interop.wandb.importing import spool
from mediatypes.runfolder import files
from mediatypes.upkeep.verify import check
from mediatypes.viewer.foreign import Imports
from tests.interop.wandb import wandb_log
from tests.interop.wandb.wandb_log import Log, field, items, leaves

RUN = "offline-run-20240101_120000-abc123"


class Folder:
    """A run directory in the making."""

    def __init__(self, root: Path) -> None:
        self.root = root / "wandb" / RUN
        (self.root / "files").mkdir(parents=True)

    def put(self, path: str, data: bytes) -> dict[str, Any]:
        """A file of the run, and what refers to it."""
        place = self.root / "files" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        return {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "path": path}

    def image(self, name: str, pixels: Any, **more: Any) -> dict[str, Any]:
        data = png(pixels)
        reference = self.put(f"media/images/{name}_{hashlib.sha256(data).hexdigest()[:20]}.png", data)
        return {"_type": "image-file", **reference, "format": "png", "width": 4, "height": 2, **more}


def png(pixels: Any) -> bytes:
    file = io.BytesIO()
    Pillow.fromarray(np.asarray(pixels, np.uint8)).save(file, "PNG")
    return file.getvalue()


def wav(samples: list[int], rate: int = 8000) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return file.getvalue()


PIXELS = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def imported(log: Log, folder: Folder, tmp_path: Path, **options: Any) -> mt.RunView:
    """The run of a log, imported without any problem but those that the test looks at."""
    log.write(folder.root)
    report = import_runs(folder.root.parent, tmp_path / "runs", **options)
    assert report.is_complete, str(report)
    assert check(tmp_path / "runs" / RUN).code == 0
    return mt.open_run(tmp_path / "runs" / RUN)


def test_a_key_of_every_kind_keeps_its_values(folder: Folder, tmp_path: Path) -> None:
    log = Log()
    values = ["text", "é", True, 0.5, [1.5, 2.0], [1, None], [], ["a"], False, 2**60, 2, [[1]], [2.5], 2**53, {}, "end"]
    for step, value in enumerate(values):
        log.log({"k": value, "none": None}, step)
    run = imported(log, folder, tmp_path)
    assert list(run.values("k")) == list(enumerate(values))


def test_a_key_that_rows_have_themselves_is_said(folder: Folder, tmp_path: Path) -> None:
    log = Log()
    log.log({"_rank": 3, "k": 1}, 0)
    log.write(folder.root)
    (report,) = import_runs(folder.root.parent, tmp_path / "runs").runs
    expected = "step 0[\"_rank\"]: expected a key of your own, got '_rank'. Every row and summary has it."
    assert [str(problem) for problem in report.problems] == [expected]
    assert mt.open_run(tmp_path / "runs" / RUN).history().to_pydict()["k"] == [1]


def test_artifacts_are_versions_beside_the_runs(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    staging = tmp_path / "data" / "artifacts" / "staging"
    staging.mkdir(parents=True)
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path / "data"))
    for name, data in (("a", b"one"), ("b", b"two!")):
        (staging / name).write_bytes(data)
    log = Log(name="maker")
    first: dict[str, Any] = {"w.bin": (b"one", staging / "a"), "far": "s3://bucket/key"}
    log.artifact("id1", first, "model", "model", ("best",), '{"acc": 0.5}')
    log.artifact("id2", {"sub/w.bin": (b"two!", staging / "b")}, "model", "model")
    log.artifact("id3", {"x": (b"gone", staging / "c")}, "lost", "model")
    log.artifact("id4", {"x": (b"one", tmp_path / "elsewhere")}, "hostile", "model")
    log.artifact("id5", {"t.table.json": (b"{}", staging / "d")})
    log.log({"x": 1}, 0)
    log.add(10, field(1, "title") + field(2, "text") + field(3, "WARN"))
    path = log.write(folder.root)
    (report,) = import_runs(folder.root.parent, tmp_path / "runs").runs
    assert report.notes == ["alert: WARN: title: text"]
    assert [problem.path for problem in report.problems] == ["artifact lost", "artifact hostile"]
    store = mt.artifacts(tmp_path / "runs")
    assert store.names() == ["model"]
    old, new = store.versions("model")
    assert (old.aliases, new.aliases) == (("best",), ("latest",))
    assert (old.type, old.metadata, old.description) == ("model", {"acc": 0.5}, None)
    assert (old.path / "w.bin").read_bytes() == b"one"
    assert (new.path / "sub/w.bin").read_bytes() == b"two!"
    assert {entry.url for entry in old.entries.values()} == {None, "s3://bucket/key"}
    assert old.run == {"id": "abc123", "name": "maker", "path": RUN}
    made = mt.open_run(tmp_path / "runs" / RUN).artifacts()
    assert [(one.name, one.version, one.role) for one in made] == [("model", "v0", "made"), ("model", "v1", "made")]
    shutil.rmtree(tmp_path / "data")  # as wandb does when it has sent them
    log.log({"x": 2}, 1)
    path.write_bytes(log.bytes())
    assert import_runs(folder.root.parent, tmp_path / "runs").runs[0].status == "updated"
    assert [version.version for version in store.versions("model")] == ["v0", "v1"]
    assert len(mt.open_run(tmp_path / "runs" / RUN).artifacts()) == 2


def test_rows_are_what_was_logged(folder: Folder, tmp_path: Path) -> None:
    log = Log(project="p", name="n", notes="notes", tags=["a"], group="g", job_type="train", config={"lr": 0.1})
    values = [1.5, 2, -3e-300, 1e300, 2**60, -(2**53) - 1, 0.1, math.nan, math.inf, -math.inf]
    for step, value in enumerate(values):
        log.log({"v": value, "whole": step, "nest": {"deep": {"x": step / 8}}, "text": f"t{step} é"}, step, step * 0.5)
    log.log({"flag": True, "none": None, "list": [1, 2.5], "words": ["a", "b"], "deep": [[1], {"k": 2}]}, 20, 9)
    log.exit(0)
    run = imported(log, folder, tmp_path)
    frame = run.history(["_step", "_timestamp", "_runtime", "nest.deep.x", "whole"]).to_pydict()
    assert frame["_step"] == [*range(10), 20]
    assert frame["_timestamp"] == [1.7e9 + 0.5 * i for i in range(10)] + [1.7e9 + 9]
    assert frame["_runtime"] == [0.5 * i for i in range(10)] + [9]
    assert frame["nest.deep.x"] == [i / 8 for i in range(10)] + [None]
    assert [type(value) for _, value in run.values("whole")] == [int] * 10
    read = [value for _, value in run.values("v")]
    assert read[:7] == values[:7]
    assert math.isnan(read[7])
    assert read[8:] == values[8:]
    assert [value for _, value in run.values("text")] == [f"t{i} é" for i in range(10)]
    last = {key: [value for _, value in run.values(key)] for key in ("flag", "list", "words", "deep")}
    assert last == {"flag": [True], "list": [[1, 2.5]], "words": [["a", "b"]], "deep": [[[1], {"k": 2}]]}
    described = json.loads((tmp_path / "runs" / RUN / "run.json").read_text())
    said = {name: described[name] for name in ("id", "project", "name", "notes", "tags", "group", "job_type", "status")}
    assert said == {
        "id": "abc123",
        "project": "p",
        "name": "n",
        "notes": "notes",
        "tags": ["a"],
        "group": "g",
        "job_type": "train",
        "status": "finished",
    }
    assert described["config"] == {"lr": 0.1}
    assert described["environment"]["wandb"] == "0.31.0"


def test_how_a_run_ended(folder: Folder, tmp_path: Path) -> None:
    log = Log()
    log.log({"x": 1}, 0)
    assert imported(log, folder, tmp_path).status == "crashed"
    log.exit(1)
    assert imported(log, folder, tmp_path).status == "failed"


def test_summary_and_metrics(folder: Folder, tmp_path: Path) -> None:
    log = Log()
    log.add(12, field(2, "val/*") + field(4, "epoch") + field(6, field(1, 1) + field(3, 1)) + field(7, field(1, 1)))
    log.add(12, field(1, "loss") + field(6, field(3, 1)) + field(7, field(3, 1) + field(2, 1)))
    log.log({"loss": 2.0, "epoch": 0, "val/a": 3}, 0, summary=False)
    log.log({"loss": 4.0, "gone": 1}, 1, summary=False)
    log.add(3, items(1, {("loss",): {"mean": 3.0, "max": 4.0}, ("val/a",): {"min": 3}, ("epoch",): 0, ("gone",): 1}))
    log.summary({"best": 0.5, "nested": {"q": [1, 2]}, "loss2": math.nan})
    log.add(3, field(2, field(1, "gone")))
    run = imported(log, folder, tmp_path)
    shown = {key: value for key, value in run.summary.items() if not key.startswith("_") and key != "loss2"}
    assert shown == {
        "loss": {"mean": 3, "max": 4},
        "val/a": {"min": 3},
        "epoch": 0,
        "gone": 1,  # of the last row
        "best": 0.5,
        "nested.q": [1, 2],
    }
    assert math.isnan(run.summary["loss2"])
    metrics = json.loads((tmp_path / "runs" / RUN / "run.json").read_text())["metrics"]
    assert metrics == [
        {"name": "val/*", "step_metric": "epoch", "summary": ["min"]},
        {"name": "loss", "summary": ["max", "mean"]},
    ]


def test_images_with_captions_boxes_masks_and_labels(folder: Folder, tmp_path: Path) -> None:
    boxes = {
        "box_data": [
            {"position": {"minX": 0.1, "maxX": 0.2, "minY": 0.3, "maxY": 0.4}, "class_id": 1, "scores": {"p": 0.5}},
            {"position": {"middle": [2, 1], "width": 2, "height": 1}, "class_id": 2, "domain": "pixel"},
            {"position": {"minX": 0.9, "maxX": 0.2, "minY": 0.3, "maxY": 0.4}, "class_id": 1},
        ]
    }
    box = {"_type": "boxes2D", **folder.put("media/metadata/boxes2D/b.json", json.dumps(boxes).encode())}
    mask = {"_type": "mask", **folder.put("media/images/mask/m.png", png([[0, 1, 1, 2]] * 2))}
    log = Log()
    labels = {"img_wandb_delimeter_pred": {"type": "mask/class_labels", "value": {"0": "road", "1": "car"}}}
    names = {"img_wandb_delimeter_pred": {"value": {"1": "cat", "2": "dog"}}}
    log.config({"_wandb": {"mask/class_labels": labels, "bounding_box/class_labels": names}})
    image = folder.image("img", PIXELS, caption="c", grouping=3, boxes={"pred": box}, masks={"pred": mask})
    log.log({"img": image}, 0)
    first, second = folder.image("a", PIXELS), folder.image("b", PIXELS[::-1])
    batch = {"_type": "images/separated", "width": 4, "height": 2, "format": "png", "count": 2}
    paths = [first["path"], second["path"]]
    log.log({"many": {**batch, "filenames": paths, "captions": ["x", None], "all_masks": [None, {"pred": mask}]}}, 1)
    run = imported(log, folder, tmp_path)
    ((_, value),) = run.values("img")
    assert np.array_equal(value.to_numpy(), PIXELS)
    assert value.caption == "c"
    assert value.masks["pred"].to_numpy().tolist() == [[0, 1, 1, 2]] * 2
    assert dict(value.masks["pred"].class_labels) == {0: "road", 1: "car", 2: "class_2"}
    assert dict(value.boxes["pred"].class_labels) == {1: "cat", 2: "dog"}
    assert len(value.boxes["pred"]) == 2
    ((_, pair),) = run.values("many")
    assert [one.caption for one in pair] == ["x", None]
    assert [list(one.masks or ()) for one in pair] == [[], ["pred"]]
    problems = [str(problem) for problem in run.problems]
    assert problems == [
        "step 0: img: boxes['pred']: expected 3 boxes, got 2 that can be drawn (BoundingBoxes2D[2].position: expected "
        "minX <= maxX, got minX=0.9, maxX=0.2). The others are left out."
    ]
    stored = {path.name for path in (tmp_path / "runs" / RUN / "media").rglob("*.png")}
    assert {f"{first['sha256']}.png", f"{second['sha256']}.png", f"{mask['sha256']}.png"} <= stored


def test_the_summary_has_the_last_image(folder: Folder, tmp_path: Path) -> None:
    log = Log()
    log.log({"img": folder.image("img", PIXELS, caption="old")}, 0)
    log.log({"img": folder.image("img", PIXELS[::-1])}, 1)  # W&B's summary still has the caption
    run = imported(log, folder, tmp_path)
    assert "caption" not in run.summary["img"]
    assert run.summary["img"]["sha256"] == hashlib.sha256(png(PIXELS[::-1])).hexdigest()
    assert "summary_overrides" not in json.loads((tmp_path / "runs" / RUN / "run.json").read_text())


def test_what_a_reader_added_stays_when_the_log_grows(folder: Folder, tmp_path: Path) -> None:
    log = Log()
    log.log({"loss": 1.0, "nest": {"a": 1}}, 0)
    log.summary({"loss": 1.0, "nest": {"a": 5}, "best": 3})
    view = imported(log, folder, tmp_path)
    view.edit(name="renamed", summary={"verdict": "good"})
    log.log({"loss": 0.5}, 1)
    log.summary({"loss": 0.5, "nest": {"a": 6}, "best": 4})
    view = imported(log, folder, tmp_path)
    assert view.name == "renamed"
    expected = {"_step": 1, "loss": 0.5, "nest.a": 6, "best": 4, "verdict": "good"}
    assert {key: view.summary[key] for key in expected} == expected


def test_other_media(folder: Folder, tmp_path: Path) -> None:
    log = Log()
    sound = folder.put("media/audio/a.wav", wav([1, -2, 300]))
    page = folder.put("media/html/h.html", b"<p>\xc3\xa9</p>")
    cloud = folder.put("media/object3D/p.pts.json", b"[[0,1,2],[3,4,5.5]]")
    figure = folder.put("media/plotly/f.plotly.json", b'{"data":[{"type":"scatter","y":[1,2]}],"layout":{}}')
    log.log(
        {
            "sound": {"_type": "audio-file", **sound, "caption": "s"},
            "sounds": {"_type": "audio", "count": 1, "audio": [{"_type": "audio-file", **sound}], "captions": ["k"]},
            "page": {"_type": "html-file", **page},
            "cloud": {"_type": "object3D-file", **cloud},
            "figure": {"_type": "plotly-file", **figure},
            "histogram": {"_type": "histogram", "values": [1, 2], "bins": [0, 1, 3]},
            "packed": {"_type": "histogram", "values": [4, 5], "packedBins": {"min": 1, "size": 0.5, "count": 2}},
            "list": [{"_type": "histogram", "values": [1], "bins": [0, 1]}],
            "graph": {"_type": "graph-file", **folder.put("media/graph/g.graph.json", b"{}")},
            "lost": {"_type": "html-file", "path": "media/html/none.html", "sha256": "0" * 64, "size": 3},
        },
        0,
    )
    run = imported(log, folder, tmp_path)
    value = {key: next(iter(run.values(key)))[1] for key in dict(run.keys())}
    assert value["sound"].to_bytes() == wav([1, -2, 300])
    assert value["sound"].caption == "s"
    assert [one.caption for one in value["sounds"]] == ["k"]
    assert value["page"].to_bytes() == b"<p>\xc3\xa9</p>"
    assert value["cloud"].to_bytes() == b"[[0,1,2],[3,4,5.5]]"
    assert value["figure"].to_dict()["data"] == [{"type": "scatter", "y": [1, 2]}]
    assert (value["histogram"].values.tolist(), value["histogram"].bins.tolist()) == ([1, 2], [0, 1, 3])
    assert (value["packed"].values.tolist(), value["packed"].bins.tolist()) == ([4, 5], [1, 1.5, 2])
    assert value["list"][0].values.tolist() == [1]
    assert json.loads(value["graph"])["_type"] == "graph-file"
    assert [problem.path for problem in run.problems] == ["step 0: graph", "step 0: lost"]
    assert "Its JSON is kept as text, its file is files/" in run.problems[0].hint
    assert [file.read_bytes() for file in run.files().values()] == [b"{}"]


def table(columns: list[str], rows: list[list[Any]], types: dict[str, Any] | None = None) -> bytes:
    content: dict[str, Any] = {"columns": columns, "data": rows}
    if types:
        content |= {"_type": "table", "column_types": {"wb_type": "typedDict", "params": {"type_map": types}}}
    return json.dumps(content).encode()


def test_tables_are_completed_from_the_staging_folder(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    staging = data / "artifacts" / "staging"
    staging.mkdir(parents=True)
    monkeypatch.setenv("WANDB_DATA_DIR", str(data))
    picture = png(PIXELS)
    cell = {"_type": "image-file", "path": "media/images/x.png", "size": len(picture), "caption": "c"}
    rows = [[1, 975628800000, cell, None], [2, None, cell, 2.5]]
    whole = table(["a", "when", "img", "f"], rows, {"when": {"wb_type": "timestamp"}})
    (staging / "one").write_bytes(whole)
    (staging / "two").write_bytes(picture)
    own = table(["a", "when", "img", "f"], [[1, "2000-12-01T00:00:00", "Image", math.nan], [2, None, "Image", 2.5]])
    log = Log()
    log.artifact("id", {"t.table.json": (whole, staging / "one"), "media/images/x.png": (picture, staging / "two")})
    document = {"_type": "table-file", **folder.put("media/table/t.json", own), "ncols": 4, "nrows": 2}
    log.log({"t": {**document, "artifact_path": "wandb-client-artifact://id/t.table.json"}}, 0)
    run = imported(log, folder, tmp_path)
    ((_, value),) = run.values("t")
    assert [str(one) for one in value.get_column("when")] == ["2000-12-01 00:00:00+00:00", "None"]
    assert all(np.array_equal(one.to_numpy(), PIXELS) and one.caption == "c" for one in value.get_column("img"))
    assert math.isnan(value.get_column("f")[0])
    assert value.get_column("f")[1] == 2.5
    assert not run.problems
    (staging / "two").write_bytes(picture[:-1] + b"!")  # not what the manifest names
    shutil.rmtree(tmp_path / "runs")
    run = imported(log, folder, tmp_path)
    assert [str(one).partition(", got")[0] for one in run.problems] == ["step 0: t: expected 2 cells of img to be read"]
    (staging / "one").unlink()
    shutil.rmtree(tmp_path / "runs")
    run = imported(log, folder, tmp_path)
    ((_, value),) = run.values("t")
    assert list(value.get_column("img")) == ["Image", "Image"]
    assert [str(one) for one in run.problems] == [
        "step 0: t: expected the media of 2 cells (2 of img), got the name of their class. Their files were in the "
        "staging folder of the machine that logged them."
    ]


def test_nothing_outside_the_staging_folder_is_read(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    staging = tmp_path / "data" / "artifacts" / "staging"
    staging.mkdir(parents=True)
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path / "data"))
    secret = table(["a"], [["secret"]])
    (tmp_path / "secret").write_bytes(secret)
    (staging / "link").symlink_to(tmp_path / "secret")
    own = table(["a"], [["own"]])
    for place in (tmp_path / "secret", staging / "link", staging / ".." / ".." / ".." / "secret"):
        log = Log()
        log.artifact("id", {"t.table.json": (secret, place)})
        document = {"_type": "table-file", **folder.put("media/table/t.json", own)}
        log.log({"t": {**document, "artifact_path": "wandb-client-artifact://id/t.table.json"}}, 0)
        run = imported(log, folder, tmp_path)
        assert list(next(iter(run.values("t")))[1].get_column("a")) == ["own"]
        shutil.rmtree(tmp_path / "runs")


def test_incremental_tables_and_charts(folder: Folder, tmp_path: Path) -> None:
    log = Log()
    urls = [f"wandb-client-artifact://id{i}/{i}.inc.table.json" for i in range(3)]
    for i, url in enumerate(urls):
        reference = folder.put(f"media/table/inc{i}.json", table(["n"], [[i]]))
        document = {"_type": "incremental-table-file", **reference, "nrows": i + 1, "increment_num": i}
        log.log({"inc": {**document, "artifact_path": url, "previous_increments_paths": urls[:i]}}, i)
    config = {"panelDefId": "wandb/line/v0", "fieldSettings": {"x": "x", "y": "y", "stroke": None}}
    settings = {"panel_type": "Vega2", "panel_config": {**config, "stringSettings": {"title": "T"}}}
    other = {"panel_config": {**config, "panelDefId": "me/own"}}
    log.config({"_wandb": {"visualize": {"line": settings, "split": settings, "own": other}}})
    points = {"_type": "table-file", **folder.put("media/table/p.json", table(["x", "y"], [[1, 2], [2, 3]]))}
    log.log({"line_table": points, "Custom Chart Tables/split_table": points, "own_table": points}, 3)
    run = imported(log, folder, tmp_path)
    assert [list(value.get_column("n")) for _, value in run.values("inc")] == [[0], [0, 1], [0, 1, 2]]
    ((_, line),) = run.values("line")
    assert (line.preset, line.fields, line.strings) == ("line", {"x": "x", "y": "y"}, {"title": "T"})
    assert next(iter(run.values("split")))[1].split_table
    assert next(iter(run.values("own_table")))[1].columns == ["x", "y"]
    notes = json.loads((tmp_path / "runs" / RUN / "import.json").read_text())["notes"]
    assert [note.partition(":")[0] for note in notes] == ["chart 'own' is kept as its table", "3 artifacts"][:1]


def test_importing_again_changes_nothing_and_more_is_added(folder: Folder, tmp_path: Path) -> None:
    log = Log()
    for step in range(50):
        log.log({"x": step}, step)
    log.log({"img": folder.image("img", PIXELS)}, 50)
    imported(log, folder, tmp_path)
    before = content(tmp_path / "runs")
    report = import_runs(folder.root, tmp_path / "runs")
    assert [run.status for run in report.runs] == ["unchanged"]
    assert content(tmp_path / "runs") == before
    for step in range(51, 60):
        log.log({"x": step, "late": 1}, step)
    log.exit()
    shutil.rmtree(folder.root / "files" / "media")  # of what was imported the copy is kept
    log.write(folder.root)
    report = import_runs(folder.root, tmp_path / "runs")
    assert [(run.status, run.added, run.rows) for run in report.runs] == [("updated", 9, 60)]
    run = mt.open_run(tmp_path / "runs" / RUN)
    assert np.array_equal(next(iter(run.values("img")))[1].to_numpy(), PIXELS)
    assert not run.problems
    (folder.root / "run-abc123.wandb").write_bytes(log.bytes()[:3000])
    report = import_runs(folder.root, tmp_path / "runs")
    assert [(run.status, run.rows, run.problems[-1].code) for run in report.runs] == [("unchanged", 60, "shorter")]


@pytest.mark.parametrize("last", ["history.parquet", "summary.json", "run.json", "import.json"])
def test_an_import_that_was_killed_is_made_again(
    last: str, folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Died(BaseException):
        pass

    def replace(source: Path, target: Path) -> None:
        if Path(target) == tmp_path / "runs" / RUN / last:
            raise Died
        real(source, target)

    log, real = Log(), os.replace
    log.log({"x": 0}, 0)
    imported(log, folder, tmp_path)
    log.log({"x": 1}, 1)
    log.write(folder.root)
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace)
        with pytest.raises(Died):
            import_runs(folder.root, tmp_path / "runs")
    (report,) = import_runs(folder.root, tmp_path / "runs").runs
    assert (report.status, report.rows, report.problems) == ("updated", 2, [])
    assert list(mt.open_run(tmp_path / "runs" / RUN).values("x")) == [(0, 0), (1, 1)]
    assert [run.status for run in import_runs(folder.root, tmp_path / "runs").runs] == ["unchanged"]


def content(root: Path) -> dict[str, tuple[bytes, int]]:
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in root.rglob("*") if path.is_file()}


def test_another_run_is_not_replaced(folder: Folder, tmp_path: Path) -> None:
    with mt.Run(tmp_path / "runs" / RUN) as run:
        run.log({"mine": 1})
    log = Log()
    log.log({"x": 1}, 0)
    log.write(folder.root)
    (report,) = import_runs(folder.root, tmp_path / "runs").runs
    assert report.status == "failed"
    assert "expected no run or an imported one" in str(report.problems[0])
    assert mt.open_run(tmp_path / "runs" / RUN).summary["mine"] == 1


def test_files_and_names(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("no")
    folder.put("output.log", b"hello\n")
    folder.put("requirements.txt", b"numpy==2\n")
    folder.put("model/w.bin", b"\0\1")
    (folder.root / "files" / "link.txt").symlink_to(tmp_path / "secret")
    (folder.root / "files" / "dangling").symlink_to(tmp_path / "nowhere")
    (folder.root.parent / "latest-run").symlink_to(folder.root)
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder.root / "files" / "pipe")
    log = Log()
    log.log({"x": 1}, 0)
    run = imported(log, folder, tmp_path)
    assert len(list((tmp_path / "runs").iterdir())) == 1
    listed = json.loads((tmp_path / "runs" / RUN / files.LISTED).read_text())["files"]
    assert [file["name"] for file in listed] == ["model/w.bin", "output.log", "requirements.txt"]
    assert (tmp_path / "runs" / RUN / "files" / "model" / "w.bin").read_bytes() == b"\0\1"
    assert {problem.path for problem in run.problems} >= {"files/link.txt", "files/dangling"}
    assert not any(path.read_bytes() == b"no" for path in (tmp_path / "runs").rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "path",
    ["../../../secret", "/etc/passwd", "media/../../../../secret", "", ".", "a//b", "media/out", "x\0y", 5, None],
)
def test_paths_cannot_leave_the_run(path: Any, folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"<p>secret</p>")
    (folder.root / "files" / "media").mkdir()
    (folder.root / "files" / "media" / "out").symlink_to(tmp_path / "secret")
    log = Log()
    log.log({"page": {"_type": "html-file", "path": path}, "x": 1}, 0)
    run = imported(log, folder, tmp_path)
    assert run.summary["x"] == 1
    assert len(run.problems) == 1
    assert run.problems[0].code == "media"
    assert not any(b"secret</p>" in one.read_bytes() for one in (tmp_path / "runs").rglob("*.html"))


def test_odd_rows_are_said_and_the_others_are_kept(folder: Folder, tmp_path: Path) -> None:
    log = Log()
    stamps = {("_timestamp",): 1.7e9, ("_step",): 0}
    log.add(2, items(1, {("ok",): 1, **stamps}) + field(1, field(2, "bad") + field(16, "{nope")))
    log.add(
        2,
        items(1, {("ok",): 2, ("_timestamp",): 1.7e9, ("_step",): 1})
        + field(1, field(2, "deep") + field(16, "[" * 9999)),
    )
    log.add(2, items(1, {("ok",): 3, ("_timestamp",): 1.7e9, ("_step",): 2, ("",): 4, ("a",) * 70: 5}))
    log.add(2, items(1, {("ok",): 4, ("_timestamp",): 1.7e9, ("_step",): 3, ("k.a",): 5, ("k", "a"): 6}))
    log.add(2, b"\x0a\xff\xff\xff\xff\x0f")
    log.add(2, items(1, {("ok",): 5, ("_step",): 1e300, ("huge",): 10**40}))
    log.add(5, b"\xff")
    log.add(12, field(7, 3))
    log.add(999, b"what")
    log.log({"ok": 6}, 10)
    run = imported(log, folder, tmp_path)
    assert [value for _, value in run.values("ok")] == [1, 2, 3, 4, 5, 6]
    assert len(run.problems) >= 6
    assert [step for step, _ in run.values("ok")] == [0, 1, 2, 3, 5, 10]


def test_rows_out_of_order_are_sorted(folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "_KEPT_BYTES", 1000)
    log = Log()
    for step in [0, 5, 2, 7, 2, 9]:
        log.log({"x": step * 10 + len(log.records), "t": str(step)}, step)
    run = imported(log, folder, tmp_path)
    assert run.history(["_step"]).column("_step").to_pylist() == [0, 2, 5, 7, 9]
    assert [value for _, value in run.values("t")] == ["0", "2", "5", "7", "9"]


def test_damage_is_reported(folder: Folder, tmp_path: Path) -> None:
    log = Log()
    for step in range(300):
        log.log({"x": step}, step, summary=False)
    path = log.write(folder.root)
    data = bytearray(path.read_bytes())
    data[9000] ^= 0xFF
    path.write_bytes(bytes(data[:-10]))
    (report,) = import_runs(folder.root, tmp_path / "runs").runs
    assert report.rows == 298
    assert [one["kind"] for one in report.files[0].damage] == ["checksum", "torn"]


def test_no_log_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(mt.InputError, match="expected logs of W&B, got none below"):
        import_runs(tmp_path, tmp_path / "runs")
    with pytest.raises(mt.InputError, match="expected an existing file or directory"):
        import_runs(tmp_path / "none", tmp_path / "runs")
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "x.wandb").write_bytes(b"something else")
    (report,) = import_runs(tmp_path / "logs", tmp_path / "runs").runs
    assert report.status == "failed"
    assert "expected a log of W&B" in str(report.problems[0])
    assert not any((tmp_path / "runs").glob("*"))


def test_values_in_pieces_are_those_of_one(folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log()
    for step in range(2000):
        log.log({"x": step / 3, **({"rare": "é" * 500} if step % 100 == 7 else {})}, step)
    run = imported(log, folder, tmp_path)
    whole = run.history().to_pydict()
    monkeypatch.setattr("mediatypes.interop.wandb.run_log.framing._PIECE_BYTES", 32768)
    monkeypatch.setattr(spool, "_KEPT_BYTES", 10_000)
    shutil.rmtree(tmp_path / "runs")
    assert imported(log, folder, tmp_path).history().to_pydict() == whole
    assert whole["x"] == [step / 3 for step in range(2000)]


def test_leaves_of_the_writer() -> None:
    assert leaves({"a": {"b": 1, "c": {}}, "d": 2}) == {("a", "b"): 1, ("a", "c"): {}, ("d",): 2}


def test_console_and_environment(folder: Folder, tmp_path: Path) -> None:
    log = Log()
    for i, (stream, text) in enumerate(
        [(1, "one"), (1, " line\n"), (0, "an error\n"), (1, "\r10%"), (1, "\r20%\n"), (1, "e")]
    ):
        seconds = field(2, field(1, 1_700_000_000 + i))
        log.add(13, (field(1, stream) if stream else b"") + seconds + field(3, text))
    log.add(
        26,
        field(1, "Linux-6.1")
        + field(2, "CPython 3.11.7")
        + field(5, "--lr")
        + field(5, "1")
        + field(6, "train.py")
        + field(9, field(1, "git@host:x") + field(2, "abc"))
        + field(12, "host")
        + field(17, 8)
        + field(18, "H100")
        + field(19, 2)
        + field(21, field(1, 1 << 30))
        + field(22, field(3, "Xeon")),
    )
    log.log({"x": 1}, 0)
    run = imported(log, folder, tmp_path)
    assert [(line.time, line.stream, line.text) for line in run.console()] == [
        (1.7e9 + 1, "out", "one line"),
        (1.7e9 + 2, "err", "an error"),
        (1.7e9 + 4, "out", "20%"),
        (1.7e9 + 5, "out", "e"),
    ]
    environment = json.loads((tmp_path / "runs" / RUN / "run.json").read_text())["environment"]
    assert {name: value for name, value in environment.items() if name not in ("mediatypes", "wandb")} == {
        "os": "Linux-6.1",
        "python": "3.11.7",
        "implementation": "CPython",
        "script": "train.py",
        "argv": ["train.py", "--lr", "1"],
        "git": {"remote": "git@host:x", "commit": "abc"},
        "host": "host",
        "cpu": {"count": 8, "model": "Xeon"},
        "gpus": [{"name": "H100"}, {"name": "H100"}],
        "memory": 1 << 30,
    }


def test_progress_is_that_of_the_bytes(folder: Folder, tmp_path: Path) -> None:
    log = Log()
    log.log({"x": 1}, 0)
    size = log.write(folder.root).stat().st_size
    seen: list[tuple[int, int, str]] = []
    import_runs(folder.root, tmp_path / "runs", progress=lambda *state: seen.append(state))
    assert seen == [(size, size, RUN), (size, size, RUN)]


def test_documents_in_each_other_end_somewhere(folder: Folder, tmp_path: Path) -> None:
    cell: Any = 1
    for _ in range(300):
        cell = {"_type": "table", "columns": ["a"], "data": [[cell]]}
    reference = folder.put("media/table/t.json", json.dumps({"columns": ["a"], "data": [[cell]]}).encode())
    log = Log()
    log.log({"t": {"_type": "table-file", **reference}, "x": 1}, 0)
    run = imported(log, folder, tmp_path)
    assert run.summary["x"] == 1
    assert run.problems


@pytest.mark.parametrize("part", ["path", "caption", "sha256"])
def test_a_lone_surrogate_costs_one_record(
    folder: Folder, tmp_path: Path, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_json = wandb_log.go_json
    monkeypatch.setattr(wandb_log, "go_json", lambda value: go_json(value).replace("LONE", "\\ud800"))
    reference = folder.put("media/images/a.png", png([[0, 1], [1, 0]]))
    document = {"_type": "image-file", "format": "png", "width": 2, "height": 2, "caption": "c", **reference}
    log = Log()
    log.log({"bad": {**document, part: "media/images/LONE.png"}, "good": 1}, 0)
    log.log({"good": 2}, 1)
    run = imported(log, folder, tmp_path)
    assert list(run.values("good")) == [(0, 1), (1, 2)]
    assert run.problems


def test_a_full_disk_ends_the_import(folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def put(*_: object, **__: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mediatypes.interop.importing.staging.StagingSink.put", put)
    log = Log()
    log.log({"img": folder.image("img", PIXELS)}, 0)
    log.write(folder.root)
    (report,) = import_runs(folder.root, tmp_path / "runs").runs
    assert report.status == "failed"
    assert "No space left" in str(report.problems[0])
    assert not list((tmp_path / "runs").iterdir())


def test_system_metrics(folder: Folder, tmp_path: Path) -> None:
    log = Log(started=1.7e9)
    for i in range(3):
        values = {
            "memory_percent": 5.5 + i,
            "proc.memory.rssMB": 2.0,
            "gpu.0.temp": 40,
            "disk./.usageGB": 26.75,
            "bad": "x",
        }
        own = b"".join(field(3, field(1, name) + field(16, json.dumps(value))) for name, value in values.items())
        log.add(7, field(2, field(1, 1_700_000_010 + 10 * (i // 2))) + own)
    log.log({"x": 1}, 0)
    run = imported(log, folder, tmp_path)
    table = run.system().to_pydict()
    assert [round(time, 3) for time in table.pop("_timestamp")] == [1.7e9 + 10, 1.7e9 + 10, 1.7e9 + 20]
    assert [round(time, 3) for time in table.pop("_runtime")] == [10, 10, 20]
    assert table == {
        "memory.percent": [5.5, 6.5, 7.5],
        "process.memory_bytes": [2 * 2**20] * 3,
        "gpu.0.temperature_celsius": [40] * 3,
        "disk./.usageGB": [26.75] * 3,
    }


def test_a_directory_of_wandb_is_shown_as_runs(folder: Folder) -> None:
    log = Log()
    log.log({"x": 1}, 0)
    log.write(folder.root)
    imports = Imports(follow=False)
    try:
        for source in (folder.root, folder.root.parent):
            assert [run.summary["x"] for run in mt.open_runs(imports.runs_of(source))] == [1]
    finally:
        imports.close()
