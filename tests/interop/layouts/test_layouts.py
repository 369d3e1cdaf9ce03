"""Exports: other tools read them, nothing is lost in silence, and a folder appears whole or not at all."""

from __future__ import annotations

import csv
import importlib
import json
import math
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import mediatypes as mt
from mediatypes._core.references import LIST_TYPE, references
from mediatypes.cli import main
from mediatypes.interop.layouts import LAYOUTS, ExportReport, Lost
from mediatypes.interop.layouts._content import Content
from mediatypes.interop.layouts._report import Tally
from tests.samples import photograph

TONE = np.sin(np.arange(800) / 9).astype("f4")


class StandIn(ModuleType):
    """A module that has a class of any name, and a module of any in small letters."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return StandIn(name) if name.islower() else type(name, (), {})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with every kind of value."""
    astronaut = photograph("astronaut")
    boxes = mt.BoundingBoxes2D.from_xyxy([[10, 20, 60, 80]], domain="pixel", class_ids=[3], class_labels={3: "face"})
    mask = mt.ImageMask(astronaut[:90, :120, 0] > 128)
    with mt.Run(tmp_path_factory.mktemp("export") / "run", config={"lr": 0.1}, tags=["a"]) as run:
        run.log({"loss": 0.1 + 0.2, "epoch": 1, "note": 'a "b", c\nd', "flag": True, "big": 2**60})
        run.log({"photo": mt.Image(astronaut[:90, :120], caption="Grüße", masks={"m": mask}, boxes={"pred": boxes})})
        run.log({"photo": mt.Image(astronaut[9:99, :120]), "loss": math.nan, "empty": "", "list": [1, 2, None]})
        run.log({"gallery": [mt.Image(astronaut[:9, :9]), mt.Image(astronaut[:9, :7])], "loss": -math.inf})
        run.log({"tone": mt.Audio(TONE, sample_rate=8000, caption="la"), "loss": "diverged", "Loss": 5e-324})
        run.log({"histogram": mt.Histogram(astronaut), "json": [{"a": math.nan}], "names": ["x", "y"]})
        run.log({"weights": mt.Tensor(np.arange(4.0)), "floats": [0.5, math.inf], "nothing": None})
        run.summary["best"] = mt.Image(astronaut[200:220, :30], caption="chosen")
    return run.path


OWN = [layout for layout in LAYOUTS if layout not in ("mlflow", "rerun")]  # these need packages; see beside this file


def files(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def media_of(root: Path) -> int:
    return len(files(root / "media"))


def decode_all(rows: list[Any], root: Path) -> None:
    """Each document of an export can be decoded from the export itself."""
    assert rows
    for row in rows:
        document = row["document"]
        mt.decode(json.loads(document) if isinstance(document, str) else document, mt.DirectoryStore(root))


def test_csv(folder: Path, tmp_path: Path) -> None:
    report = mt.export(folder, "csv", tmp_path / "csv")
    assert (report.rows, report.files, report.lost) == (7, media_of(folder), ())
    assert report.size == sum(path.stat().st_size for path in (folder / "media").rglob("*.*"))
    names = [name for name in files(tmp_path / "csv") if not name.startswith("media/")]
    assert names == ["history.csv", "media.csv", "run.json", "summary.json"]
    view = mt.open_run(folder)
    table = pd.read_csv(tmp_path / "csv" / "history.csv")
    assert list(table) == view.history().schema.names
    assert table["loss"].iloc[3] == -math.inf
    assert table["loss#string"].iloc[4] == "diverged"
    assert table["note"].iloc[0] == 'a "b", c\nd'
    assert json.loads(table["list"].iloc[2]) == [1, 2, None]
    assert (tmp_path / "csv" / table["photo"].iloc[1]).read_bytes()[:4] == b"\x89PNG"
    assert len(json.loads(table["gallery"].iloc[3])) == 2
    assert json.loads(table["histogram"].iloc[5])["_type"] == "histogram"
    with open(tmp_path / "csv" / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert float(rows[0]["loss"]) == 0.1 + 0.2  # pandas of some ages rounds what it reads
    assert float(rows[4]["Loss#2"]) == 5e-324
    assert rows[0]["big"] == str(2**60)
    assert rows[0]["epoch"] == "1"
    media = pd.read_csv(tmp_path / "csv" / "media.csv")
    assert media["key"].tolist() == ["photo", "photo", "gallery", "gallery", "tone", "histogram", "weights", "best"]
    assert media["caption"].dropna().tolist() == ["Grüße", "la", "chosen"]
    assert media["step"].isna().tolist() == [False] * 7 + [True]
    decode_all(media.to_dict("records"), tmp_path / "csv")
    assert json.loads((tmp_path / "csv" / "run.json").read_text())["config"] == {"lr": 0.1}
    assert json.loads((tmp_path / "csv" / "summary.json").read_text())["best"]["caption"] == "chosen"


def test_a_null_and_an_empty_text_differ_in_csv(folder: Path, tmp_path: Path) -> None:
    mt.export(folder, "csv", tmp_path / "csv")
    lines = (tmp_path / "csv" / "history.csv").read_text().split("\n")
    assert any(',"",' in line for line in lines[1:])
    assert any(",," in line for line in lines[1:])


def test_jsonl(folder: Path, tmp_path: Path) -> None:
    report = mt.export(folder, "jsonl", tmp_path / "jsonl")
    assert report.lost == (
        Lost("loss", "number", 2, "not finite, null in JSON"),
        Lost("floats", "number_list", 1, "not finite, null in JSON"),
    )

    def strict(text: str) -> Any:
        return json.loads(text, parse_constant=lambda name: pytest.fail(name))

    rows = [strict(line) for line in (tmp_path / "jsonl" / "history.jsonl").read_text().splitlines()]
    assert len(rows) == 7
    assert {key: rows[0][key] for key in ("_step", "loss", "epoch", "flag", "big")} == {
        "_step": 0,
        "loss": 0.1 + 0.2,
        "epoch": 1,
        "flag": True,
        "big": 2**60,
    }
    assert rows[2]["loss"] is None
    assert "loss" not in rows[1]  # not logged
    assert rows[2]["list"] == [1, 2, None]
    assert rows[5]["json"] == [{"a": {"_type": "float", "value": "nan"}}]
    assert rows[5]["histogram"]["_type"] == "histogram"
    assert all((tmp_path / "jsonl" / path).is_file() for path in [rows[1]["photo"], *rows[3]["gallery"]])
    media = [strict(line) for line in (tmp_path / "jsonl" / "media.jsonl").read_text().splitlines()]
    decode_all(media, tmp_path / "jsonl")
    assert pd.read_json(tmp_path / "jsonl" / "history.jsonl", lines=True).shape[0] == 7


def test_long(folder: Path, tmp_path: Path) -> None:
    report = mt.export(folder, "long", tmp_path / "long")
    table = pd.read_parquet(tmp_path / "long" / "values.parquet")
    assert report.lost == ()
    assert report.rows == len(table)
    assert set(table["run"]) == {"run"}
    loss = table[table["key"] == "loss"]
    assert loss["kind"].tolist() == ["number"] * 3 + ["string"]
    assert loss["step"].tolist() == [0, 2, 3, 4]
    assert np.array_equal(loss["number"][:3], [0.1 + 0.2, math.nan, -math.inf], equal_nan=True)
    assert loss["text"].iloc[3] == "diverged"

    def cell(key: str, column: str) -> Any:
        return table[table["key"] == key][column].tolist()

    assert cell("flag", "boolean") == [True]
    assert [int(value) for value in cell("big", "integer")] == [2**60]
    assert cell("list", "json") == ["[1,2,null]"]
    assert cell("floats", "json") == ['[0.5,{"_type":"float","value":"inf"}]']
    assert cell("gallery", "index") == [0, 1]
    assert cell("best", "kind") == ["image"]
    assert table[table["key"] == "best"]["step"].isna().all()
    assert all((tmp_path / "long" / path).is_file() for path in table["path"].dropna())
    media = table[table["kind"].isin(["image", "media_list", "audio", "histogram", "tensor"])]
    assert len(media) == 8
    decode_all([{"document": text} for text in media["json"]], tmp_path / "long")


def test_datasets_decodes_the_folder_of_images(folder: Path, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="the package datasets is not installed")
    report = mt.export(folder, "huggingface", tmp_path / "hf")
    assert sorted(path.name for path in (tmp_path / "hf").iterdir()) == ["audio", "images"]
    loaded = datasets.load_dataset(
        "imagefolder", data_dir=str(tmp_path / "hf" / "images"), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert [(row["key"], row["step"], row["index"], row["caption"]) for row in loaded] == [
        ("photo", 1, None, "Grüße"),
        ("photo", 2, None, None),
        ("gallery", 3, 0, None),
        ("gallery", 3, 1, None),
        ("best", None, None, "chosen"),
    ]
    photos = [photo for _, photo in mt.open_run(folder).values("photo")]
    for row, photo in zip(loaded, photos, strict=False):
        assert np.array_equal(np.asarray(row["image"]), photo.to_numpy())
    assert np.array_equal(np.asarray(loaded[0]["mask_m"]), photos[0].masks["m"].to_numpy())
    assert loaded[1]["mask_m"] is None
    boxes = json.loads(loaded[0]["boxes"])["pred"]
    assert (boxes["xmin"], boxes["class_id"], boxes["domain"]) == ([10], [3], "pixel")
    assert "label" not in loaded.features
    assert {(lost.key, lost.kind): lost.count for lost in report.lost} == {
        ("loss", "number"): 3,
        ("loss", "string"): 1,
        ("epoch", "number"): 1,
        ("note", "string"): 1,
        ("flag", "boolean"): 1,
        ("big", "integer"): 1,
        ("empty", "string"): 1,
        ("list", "number_list"): 1,
        ("Loss", "number"): 1,
        ("json", "json"): 1,
        ("names", "string_list"): 1,
        ("floats", "number_list"): 1,
        ("histogram", "histogram"): 1,
        ("weights", "tensor"): 1,
    }
    assert {lost.reason for lost in report.lost} == {"neither image, audio nor video"}


def test_datasets_finds_the_folder_of_sounds(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its decoder needs torchcodec, and merely loading imports it: what is not installed is stood in for."""
    datasets = pytest.importorskip("datasets", reason="the package datasets is not installed")
    mt.export(folder, "huggingface", tmp_path / "hf")
    try:
        importlib.import_module("torchcodec")
        real = True
    except ImportError:
        real = False
        for name in ("torch", "torchcodec", "torchcodec.encoders"):
            monkeypatch.setitem(sys.modules, name, StandIn(name))
    loaded = datasets.load_dataset(
        "audiofolder", data_dir=str(tmp_path / "hf" / "audio"), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert isinstance(loaded.features["audio"], datasets.Audio)
    if real:
        assert np.allclose(loaded[0]["audio"].get_all_samples().data, TONE, atol=1e-3)
    row = loaded.cast_column("audio", datasets.Audio(decode=False))[0]
    assert (row["caption"], row["key"], row["step"], row["sample_rate"]) == ("la", "tone", 4, 8000)
    ((_, sound),) = mt.open_run(folder).values("tone")
    assert Path(row["audio"]["path"]).read_bytes()[:4] == b"RIFF"
    assert np.array_equal(mt.Audio(row["audio"]["path"]).to_numpy(), sound.to_numpy())


@pytest.mark.parametrize("layout", OWN)
def test_a_packed_run_and_a_live_one_export_alike(layout: str, tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    run.log({"photo": mt.Image(photograph("coffee")[:20, :30]), "loss": 1})
    run.summary["best"] = mt.Image(photograph("coffee")[:20, :31])
    exports = [mt.export(run.path, layout, tmp_path / "live")]
    run.finish()
    exports.append(mt.export(run.path, layout, tmp_path / "finished"))
    mt.pack(run.path)
    exports.append(mt.export(mt.open_run(run.path), layout, tmp_path / "packed"))
    assert len({(report.rows, report.files, report.size, report.lost) for report in exports}) == 1
    assert exports[0].files == 2
    names = [files(report.path) for report in exports]
    assert names[0] == names[1] == names[2]


@pytest.mark.parametrize("layout", OWN)
def test_sidecars_that_cannot_be_had_are_counted(layout: str, tmp_path: Path) -> None:
    class Linked:
        def __media__(self, sink: mt.Sink) -> dict[str, Any]:
            document = mt.Image(photograph("coffee")[:5, :5]).__media__(mt.MemoryStore())
            return {**document, "path": "https://media.example/x.png"}

    class Escaping:
        def __media__(self, sink: mt.Sink) -> dict[str, Any]:
            return {**mt.Image(photograph("coffee")[:5, :6]).__media__(mt.MemoryStore()), "path": "../secret.png"}

    (tmp_path / "secret.png").write_bytes(b"secret")
    with mt.Run(tmp_path / "run") as run:
        for i in range(4):
            run.log({"photo": mt.Image(photograph("coffee")[i : i + 20, :30])})
        run.log({"linked": Linked(), "escaping": Escaping()})
    paths = [json.loads(row["_doc"])["path"] for row in pq.read_table(run.path / "media.parquet").to_pylist()]
    (run.path / paths[0]).unlink()
    data = (run.path / paths[1]).read_bytes()
    (run.path / paths[1]).write_bytes(data[:-1] + b"?")
    (run.path / paths[2]).write_bytes(data + b"more")
    report = mt.export(run.path, layout, tmp_path / "out")
    assert set(report.lost) == {
        Lost("photo", "image", 1, "its file is missing"),
        Lost("photo", "image", 2, "its file is not the one it was"),
        Lost("linked", "image", 1, "it is behind a URL, which is not fetched"),
        Lost("escaping", "image", 1, "its path leaves the run"),
    }
    assert report.files == 1
    assert b"secret" not in b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*.png"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "run", "secret.png"]


def test_a_run_without_rows_exports(tmp_path: Path) -> None:
    mt.Run(tmp_path / "run").finish()
    for layout in OWN:
        report = mt.export(tmp_path / "run", layout, tmp_path / layout)
        assert (report.rows, report.files, report.lost) == (0, 0, ())
        assert (tmp_path / layout).is_dir()


def test_a_place_that_is_taken_and_a_layout_that_is_none_are_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    message = r"taken: expected a folder to be made, got one that is there\. Choose another name\."
    with pytest.raises(mt.StoreError, match=message):
        mt.export(folder, "csv", tmp_path / "taken")
    layouts = ", ".join(LAYOUTS)
    message = rf"export\.layout: expected one of {layouts}, got 'xls'\. Pass 'csv' for spreadsheets\."
    with pytest.raises(mt.InputError, match=message):
        mt.export(folder, "xls", tmp_path / "new")
    with pytest.raises(mt.StoreError, match="expected a run folder"):
        mt.export(tmp_path / "none", "csv", tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


@pytest.mark.parametrize("layout", OWN)
def test_what_fails_leaves_nothing(layout: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mediatypes.interop.layouts._report.Tally._try", full)
    monkeypatch.setattr("mediatypes.interop.tensorboard.export.file.EventFile._flush", full)
    with pytest.raises(mt.StoreError, match="out: expected to write the export, got 'No space left on device'"):
        mt.export(folder, layout, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_damaged_document_is_said(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run:
        run.log({"pixels": mt.Histogram([1, 2, 3])})
    table = pq.read_table(run.path / "history.parquet")
    cells = table["pixels"].to_pylist()
    cells[0]["_doc"] = "[" * 9
    import pyarrow as pa

    column = pa.array(cells, table.schema.field("pixels").type)
    pq.write_table(table.set_column(3, table.schema.field("pixels"), column), run.path / "history.parquet")
    for layout in OWN:
        with pytest.raises(
            mt.DocumentError, match=r"pixels: expected a document, got '\[+'\. Restore history\.parquet"
        ):
            mt.export(run.path, layout, tmp_path / layout)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_the_command_prints_what_was_not_carried(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dest = tmp_path / "out"
    assert main(["export", str(folder), "--layout", "jsonl", "-o", str(dest)]) == 0
    out = capsys.readouterr().out.splitlines()
    assert re.fullmatch(rf"{dest}: 7 rows and {media_of(folder)} media files, [\d.]+ kB", out[0])
    assert out[1:] == [
        "jsonl did not carry:",
        "- loss (number): 2 values, not finite, null in JSON",
        "- floats (number_list): 1 value, not finite, null in JSON",
    ]
    assert main(["export", str(folder), "--layout", "csv", "-o", str(dest)]) == 2
    assert "expected a folder to be made" in capsys.readouterr().err


def test_keys_that_lose_the_same_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with mt.Run(tmp_path / "run", quiet=True) as run:
        for step in range(2):
            run.log({f"loss/{name}": float("nan") for name in "abcde"} | {"floats": [float("inf")] * (step + 1)})
    report = mt.export(run.path, "jsonl", tmp_path / "report")
    lines = [
        "jsonl did not carry:",
        "- 5 keys (number): 10 values, not finite, null in JSON: loss/a, loss/b, loss/c and 2 more",
        "- floats (number_list): 3 values, not finite, null in JSON",
    ]
    assert str(report).splitlines()[1:] == lines
    assert len(report.lost) == 6
    assert main(["export", str(run.path), "--layout", "jsonl", "-o", str(tmp_path / "command")]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == lines


def test_reasons_beyond_twenty_are_counted(tmp_path: Path) -> None:
    lost = tuple(Lost(f"key {i}", "config", 1, f"is named {i}") for i in range(23))
    *shown, last = str(ExportReport(tmp_path, "mlflow", 1, 1, 1, lost)).splitlines()[2:]
    assert shown == [f"- key {i} (config): 1 value, is named {i}" for i in range(20)]
    assert last == "- and 3 more reasons"


class Foreign:
    """Somebody's object, whose document says what it likes."""

    def __init__(self, **members: Any) -> None:
        self.members = members

    def __media__(self, sink: Any) -> dict[str, Any]:
        return {"_type": "vendor_thing", "_version": "1.0", **self.members}


@pytest.mark.parametrize("layout", ["csv", "jsonl", "long"])
def test_documents_that_say_what_they_like_are_exported(tmp_path: Path, layout: str) -> None:
    with mt.Run(tmp_path / "run") as run:
        run.log({"thing": Foreign(size=2**70, width=0.5)})
        run.log({"thing": Foreign(size=5)})
    report = mt.export(run.path, layout, tmp_path / layout)
    assert report.rows > 0
    if layout == "csv":
        with open(tmp_path / "csv" / "media.csv", newline="") as file:
            assert [row["size"] for row in csv.DictReader(file)] == [str(2**70), "5"]


def test_a_time_that_is_no_number_is_null_in_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = mt.Run(tmp_path / "run")
    monkeypatch.setattr("time.time", lambda: math.nan)
    run.log({"loss": 1.0})
    monkeypatch.undo()
    report = mt.export(run.path, "jsonl", tmp_path / "jsonl")
    run.finish()
    (row,) = [json.loads(line) for line in (tmp_path / "jsonl" / "history.jsonl").read_text().splitlines()]
    assert row["_timestamp"] is None
    assert "_timestamp" in [lost.key for lost in report.lost]


def test_files_that_were_saved_are_said_to_stay(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"weights")
    with mt.Run(tmp_path / "run") as run:
        run.log({"loss": 1})
        run.save(tmp_path / "model.bin")
    lost = mt.export(run.path, "csv", tmp_path / "csv").lost
    assert [(one.key, one.kind, one.count, one.reason) for one in lost] == [("files", "file", 1, "saved with the run")]


def test_a_table_whose_list_of_files_is_gone_is_lost_and_the_export_goes_on(tmp_path: Path) -> None:
    picture = mt.Image(np.zeros((2, 3), np.uint8))
    with mt.Run(tmp_path / "run") as run:
        run.log({"t": mt.Table(columns=["picture"], data=[[picture]])})
    view = mt.open_run(run.path)
    (item,) = Content(view).items()
    (listed,) = (reference for _, reference in references(item.document) if reference["media_type"] == LIST_TYPE)
    (view.path / listed["path"]).unlink()
    tally = Tally(view.store, tmp_path / "made", tmp_path / "made")
    assert tally.value_of(item.document, "t", "table", is_embedded=True) is None
    assert tally.report(tmp_path, "x").lost == (Lost("t", "table", 1, "its file is missing"),)


def test_a_run_that_is_still_written_is_described_as_one_that_is_over(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run", config={"lr": 0.5}, capture=[])
    run.define_metric("loss", summary=["min"])
    run.log({"loss": 1.0})
    run.summary["verdict"] = "good"
    mt.export(run.path, "jsonl", tmp_path / "live")
    run.finish()
    mt.export(run.path, "jsonl", tmp_path / "over")
    live, over = (json.loads((tmp_path / name / "run.json").read_text()) for name in ("live", "over"))
    assert {**live, "status": "finished", "finished": over["finished"]} == over
    assert over["summary_overrides"] == {"verdict": ["string", "good"]}
