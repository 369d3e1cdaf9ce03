"""Runs that the real wandb writes, imported and compared with what was logged; skipped where there is none.

MEDIATYPES_WANDB_PYTHON names a Python that has wandb, which this environment need not have.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mediatypes as mt
from mediatypes.formats.protobuf import fields
from mediatypes.interop.wandb import import_runs
from mediatypes.interop.wandb.run_log.framing import RecordReader
from mediatypes.interop.wandb.run_log.items import read_items
from mediatypes.upkeep.verify import check
from tests.interop.wandb.wandb_log import field, frame, items

PYTHON = os.environ.get("MEDIATYPES_WANDB_PYTHON") or (sys.executable if importlib.util.find_spec("wandb") else "")
pytestmark = pytest.mark.skipif(not PYTHON, reason="wandb is not installed; MEDIATYPES_WANDB_PYTHON may name a Python")
_SECONDS = 240


class Real:
    """What wandb wrote, and what was imported."""

    def __init__(self, root: Path) -> None:
        script = Path(__file__).with_name("real_runs.py")
        subprocess.run([PYTHON, str(script), str(root)], check=True, timeout=_SECONDS, capture_output=True)
        (self.directory,) = (root / "wandb").glob("offline-run-*")
        (self.log,) = self.directory.glob("*.wandb")
        self.expected = json.loads((root / "expected.json").read_text())
        self.root = root
        self.wait()
        self.report = import_runs(root / "wandb", root / "runs")
        self.run = mt.open_run(root / "runs" / self.directory.name)

    def wait(self) -> None:
        """`finish()` of wandb may return before the log is whole."""
        until = time.monotonic() + _SECONDS
        while b"\x92\x01" not in self.records()[-1] and time.monotonic() < until:  # the exit record
            time.sleep(0.05)

    def records(self) -> list[bytes]:
        with open(self.log, "rb") as file:
            pieces = list(RecordReader(file, self.log.stat().st_size))
        return [
            piece.data[start:end] for piece in pieces for start, end in zip(piece.starts, piece.ends, strict=True)
        ] or [b""]

    def value(self, key: str) -> Any:
        return list(self.run.values(key))[-1][1]


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    root = tmp_path_factory.mktemp("real")
    before = os.environ.get("WANDB_DATA_DIR")
    os.environ["WANDB_DATA_DIR"] = str(root / "data")
    try:
        yield Real(root)
    finally:
        if before is None:
            del os.environ["WANDB_DATA_DIR"]
        else:
            os.environ["WANDB_DATA_DIR"] = before


def test_our_writer_frames_as_wandb_does(real: Real) -> None:
    assert frame(real.records()) == real.log.read_bytes()


def test_our_writer_writes_rows_as_wandb_does(real: Real) -> None:
    messages = [
        record[start:end]
        for record in real.records()
        for number, wire, start, end in fields(record, 0, len(record))
        if (number, wire) == (2, 2)
    ]
    assert len(messages) > 200
    for step, message in enumerate(messages[:200]):
        paths = {item.path: json.loads(item.json or b"") for item in read_items(message, 0, len(message))}
        assert message == items(1, paths) + field(2, field(1, step) if step else b"")


def test_scalars_are_those_that_were_logged(real: Real) -> None:
    assert real.report.is_complete
    rows = real.expected["rows"]
    for key in ("loss", "acc", "epoch", "val/x", "int", "big", "tiny", "huge", "flag", "text", "list"):
        assert list(real.run.values(key)) == [(step, row[key]) for step, row in enumerate(rows)], key
    assert [value for _, value in real.run.values("nest.deep.x")] == [row["nest"]["deep"]["x"] for row in rows]
    assert all(type(value) is int for key in ("int", "big", "nest.deep.y.z") for _, value in real.run.values(key))
    ((step, value),) = real.run.values("nan")
    assert step == 1000
    assert math.isnan(value)
    assert [real.value(key) for key in ("inf", "ninf", "arr", "words", "deep")] == [
        math.inf,
        -math.inf,
        [0, 1],
        ["a", "b"],
        [[1], [2]],
    ]


def test_every_file_is_there_byte_for_byte(real: Real) -> None:
    kept = {path.name.partition(".")[0] for path in Path(str(real.run.path)).joinpath("media").rglob("*.*")}
    files = [path for path in (real.directory / "files" / "media").rglob("*") if path.is_file()]
    assert len(files) > 20
    for path in files:
        if path.suffix != ".json" or path.name.endswith(".pts.json"):  # tables, boxes and figures are written anew
            assert hashlib.sha256(path.read_bytes()).hexdigest() in kept, path
    assert check(str(real.run.path)).code == 0


def test_media_are_those_that_were_logged(real: Real) -> None:
    image, mask = np.load(real.root / "image.npy"), np.load(real.root / "mask.npy")
    read = real.value("img")
    assert np.array_equal(read.to_numpy(), image)
    assert read.caption == "cap"
    assert np.array_equal(read.masks["pred"].to_numpy(), mask)
    assert dict(read.masks["pred"].class_labels) == {0: "bg", 1: "a", 2: "b"}
    boxes = read.boxes["pred"]
    assert (len(boxes), dict(boxes.class_labels)) == (2, {1: "cat", 2: "dog"})
    assert [one.caption for one in real.value("imgs")] == ["x", None]
    assert np.array_equal(real.value("imgs")[1].to_numpy(), image[::-1])
    assert np.array_equal(real.value("a/b").to_numpy(), image[:, ::-1])
    assert (real.value("audio").sample_rate, real.value("audio").frames, real.value("audio").caption) == (
        8000,
        800,
        "s",
    )
    assert [one.caption for one in real.value("audios")] == [None, "k"]
    assert (real.value("video").frames, real.value("video").caption) == (4, "v")
    assert real.value("htmls")[1].to_bytes() == b"<b>2</b>"
    assert len(real.value("scene").boxes) == 1
    assert np.array_equal(np.asarray(json.loads(real.value("pc").to_bytes())), np.load(real.root / "points.npy"))
    assert [one.caption for one in real.value("pcs")] == [None, "q"]
    counts, edges = np.histogram([1, 2, 3, 3.5], 64)
    assert np.array_equal(real.value("hist").values, counts)
    assert np.array_equal(real.value("hist").bins, edges)
    counts, edges = np.histogram(np.arange(100.0), 32)
    assert np.array_equal(real.value("hist32").values, counts)
    assert real.value("hists")[1].bins.tolist() == [0, 1, 2]


def test_tables_and_charts_are_those_that_were_logged(real: Real) -> None:
    image = np.load(real.root / "image.npy")
    table = real.value("table")
    assert list(table.get_column("a")) == [1, 2]
    assert [None if one is None else str(one) for one in table.get_column("when")] == [
        "2000-12-01 01:02:03.456000+00:00",
        None,
    ]
    assert np.array_equal(table.get_column("img")[0].to_numpy(), image)
    assert table.get_column("img")[1].caption == "zz"
    n, s = real.value("plain").get_column("n"), real.value("plain").get_column("s")
    assert n[0] == 1.5
    assert math.isnan(n[1])
    assert list(s) == ["x", None]
    assert [list(value.get_column("n")) for _, value in real.run.values("inc")] == [[0], [0, 1], [0, 1, 2]]
    line = real.value("line")
    assert (line.preset, line.fields, line.strings) == ("line", {"x": "x", "y": "y"}, {"title": "T"})
    assert real.value("split").split_table


def test_what_the_run_was(real: Real) -> None:
    run = json.loads((Path(str(real.run.path)) / "run.json").read_text())
    assert {name: run[name] for name in ("id", "project", "name", "notes", "tags", "group", "job_type", "status")} == {
        "id": real.expected["id"],
        "project": "proj",
        "name": "my run",
        "notes": "some notes",
        "tags": ["a", "b"],
        "group": "grp",
        "job_type": "train",
        "status": "failed",
    }
    assert run["config"] == {
        "lr": 1e-3,
        "layers": [1, 2],
        "nest": {"a": 1, "b": None},
        "f": 2.0,
        "late": [1, {"z": 2}],
    }
    assert run["environment"]["exit_code"] == 3
    rows = real.expected["rows"]
    summary = real.run.summary
    assert summary["best"] == 0.9
    assert summary["nested.q"] == 1
    assert summary["loss"]["mean"] == pytest.approx(sum(row["loss"] for row in rows) / len(rows))
    assert summary["val/x"] == {"min": 0, "max": 199 / 3}
    assert summary["simg"]["_type"] == "image"
    assert "requirements.txt" in real.run.files()
    assert not [str(problem) for problem in real.run.problems]


def test_artifacts_are_versions_beside_the_runs(real: Real) -> None:
    (version,) = mt.artifacts(real.root / "runs").versions("model")
    assert (version.type, version.description, version.metadata) == ("model", "words", {"acc": 0.5})
    assert version.aliases == ("best", "latest")
    assert (version.path / "w.bin").read_bytes() == b"weights"
    assert version.entries["far"].url == "https://example.org/w.bin"
    assert [one.name for one in real.run.artifacts()] == ["model"]
    assert "alert: INFO: title: text" in real.report.runs[0].notes


def test_an_export_has_the_documents_that_wandb_wrote(real: Real) -> None:
    mt.export(real.run, "wandb-json", real.root / "exported")
    ours: dict[str, Any] = {}
    for line in (real.root / "exported" / "history.jsonl").read_text().splitlines():
        ours |= json.loads(line)
    theirs = wandb_documents(real)
    for key, document in theirs.items():
        if key not in ("inc", "line_table", "Custom Chart Tables/split_table"):
            assert shape(ours[key]) == shape(document), key
    for key in ("img", "a/b", "audio", "video", "html", "mol", "pc", "scene"):
        assert [ours[key][name] for name in ("sha256", "size")] == [theirs[key][name] for name in ("sha256", "size")], (
            key
        )
    config = json.loads((real.root / "exported" / "config.json").read_text())["_wandb"]
    labels = {"1": "cat", "2": "dog"}
    assert config["bounding_box/class_labels"]["img_wandb_delimeter_pred"]["value"] == labels
    panels = wandb_panels()
    for name, panel in config["visualize"].items():
        fields = {
            key: field for key, field in panels[name]["panel_config"]["fieldSettings"].items() if field is not None
        }
        panels[name]["panel_config"]["fieldSettings"] = fields  # we leave those without a column out
        strings = {key: text for key, text in panels[name]["panel_config"]["stringSettings"].items() if text}
        panels[name]["panel_config"]["stringSettings"] = strings
        assert panel == panels[name], name
    assert {"line_table", "Custom Chart Tables/split_table"} <= ours.keys()


def wandb_panels() -> dict[str, Any]:
    """How wandb says in a config that charts are drawn, by their key."""
    script = "import json, sys, wandb; t = wandb.Table(columns=['x', 'y'], data=[[1, 2]]); panels = {}\n"
    for name, call in {
        "line": "line(t, 'x', 'y', title='T')",
        "split": "scatter(t, 'x', 'y', split_table=True)",
    }.items():
        script += f"c = wandb.plot.{call}; c.set_key({name!r}); panels[{name!r}] = c.spec.config_value\n"
    made = subprocess.run(
        [PYTHON, "-c", script + "print(json.dumps(panels))"], check=True, timeout=_SECONDS, capture_output=True
    )
    return dict(json.loads(made.stdout))


def wandb_documents(real: Real) -> dict[str, Any]:
    """The documents of the rows in wandb's log, the last of each key."""
    documents: dict[str, Any] = {}
    for record in real.records():
        for number, wire, start, end in fields(record, 0, len(record)):
            if (number, wire) != (2, 2):
                continue
            for item in read_items(record[start:end], 0, end - start):
                value, (key, *inside) = json.loads(item.json or b"null"), item.path
                place = documents.setdefault(key, {}) if inside else documents
                for name in inside[:-1]:
                    place = place.setdefault(name, {})
                place[inside[-1] if inside else key] = value
    return {key: one for key, one in documents.items() if isinstance(one, dict) and "_type" in one}


def shape(document: Any) -> Any:
    """The members of a document and the types of their values, without what only artifacts and our overlays have."""
    if isinstance(document, list):
        return [shape(one) for one in document]
    if isinstance(document, dict):
        beside = ("artifact_path", "_latest_artifact_path", "class_labels")
        return {name: shape(one) for name, one in sorted(document.items()) if name not in beside}
    return float if type(document) is int else type(document)
