"""`export --layout wandb-json`: what the decoder of W&B's documents reads back, and how the files are named."""

from __future__ import annotations

import datetime
import hashlib
import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

import mediatypes as mt
from mediatypes.interop.wandb import decode
from tests.samples import photograph

PHOTO = np.ascontiguousarray(photograph("astronaut")[:24, :32])
FRAMES = np.stack([PHOTO, PHOTO[::-1]]).transpose(0, 3, 1, 2)
SDF = (
    "water\n  x\n\n  3  2  0  0  0  0  0  0  0  0999 V2000\n"
    + "".join(f"    {x:.4f}    0.0000    0.0000 {name}   0  0\n" for x, name in ((0, "O"), (0.9, "H"), (-0.9, "H")))
    + "  1  2  1  0\n  1  3  1  0\nM  END\n$$$$\n"
)


def annotated(names: dict[int, str] | None) -> mt.Image:
    boxes = mt.BoundingBoxes2D(
        {
            "box_data": [
                {"position": {"minX": 1, "maxX": 9, "minY": 2, "maxY": 8}, "class_id": 3, "domain": "pixel"},
                {
                    "position": {"minX": 0.25, "maxX": 0.5, "minY": 0, "maxY": 1},
                    "class_id": 4,
                    "box_caption": "Ü",
                    "scores": {"p": 0.75},
                },
            ],
            **({"class_labels": names} if names else {}),
        }
    )
    mask = mt.ImageMask((PHOTO[..., 0] > 128).astype(np.uint8), names)
    return mt.Image(PHOTO, caption="all", grouping=2, boxes={"pred": boxes}, masks={"m": mask})


def preset_of_ones_own() -> mt.Plot:
    spec = {"mark": "point", "data": {"name": "table"}, "encoding": {"x": {"field": "${field:x}"}}}
    mt.plot.register_preset("exported_preset", spec)
    return mt.Plot("exported_preset", mt.Table(["x"], [[1]]), {"x": "x"})


def webp() -> bytes:
    """An animated picture."""
    first, second = (PIL.Image.fromarray(PHOTO[i:, :]).resize((32, 24)) for i in (0, 9))
    first.save(file := io.BytesIO(), "webp", save_all=True, append_images=[second], duration=100)
    return file.getvalue()


class Exported:
    """Values, logged and exported."""

    def __init__(self, tmp_path: Path, *rows: dict[str, Any], **options: Any) -> None:
        with mt.Run(tmp_path / "run", **options) as run:
            for row in rows:
                run.log(row)
            run.summary["best"] = mt.Image(PHOTO[:5, :5])
        self.run, self.root = run, tmp_path / "out"
        self.report = mt.export(run.path, "wandb-json", self.root)
        self.rows = [json.loads(line) for line in (self.root / "history.jsonl").read_text("utf-8").splitlines()]
        self.summary, self.config = (
            json.loads((self.root / f"{name}.json").read_text()) for name in ("summary", "config")
        )

    @property
    def lost(self) -> set[tuple[str, str, int]]:
        return {(lost.key, lost.reason, lost.count) for lost in self.report.lost}

    def documents(self, of: Any = None) -> list[dict[str, Any]]:
        """All documents that have a file."""
        of = self.rows if of is None else of
        if isinstance(of, list):
            return [one for item in of for one in self.documents(item)]
        if not isinstance(of, dict):
            return []
        return ([of] if "path" in of else []) + [one for item in of.values() for one in self.documents(item or 0)]


def test_numbers_texts_and_lists_are_rows_of_json(tmp_path: Path) -> None:
    out = Exported(
        tmp_path,
        {"loss": 0.1 + 0.2, "epoch": 1, "big": 2**60, "flag": True, "nested": {"a": "é"}},
        {"loss": math.nan, "list": [1, 2, None], "json": [{"a": math.inf}]},
        {"loss": "diverged", "floats": [0.5, -math.inf]},
        config={"lr": 0.1},
    )
    assert [row["_step"] for row in out.rows] == [0, 1, 2]
    assert all(row["_timestamp"] > 1.7e9 and row["_runtime"] >= 0 for row in out.rows)
    plain = [{name: value for name, value in row.items() if name[0] != "_"} for row in out.rows]
    assert plain[0] == {"loss": 0.1 + 0.2, "epoch": 1, "big": 2**60, "flag": True, "nested.a": "é"}
    assert (type(out.rows[0]["epoch"]), type(out.rows[0]["big"])) == (int, int)
    assert math.isnan(plain[1].pop("loss"))
    assert plain[1:] == [
        {"list": [1, 2, None], "json": [{"a": math.inf}]},
        {"loss": "diverged", "floats": [0.5, -math.inf]},
    ]
    assert out.summary["_step"] == 2
    assert (out.summary["loss"], out.summary["epoch"], out.config) == ("diverged", 1, {"lr": 0.1})
    assert (out.report.rows, out.report.lost) == (3, ())


def test_media_are_read_back_as_they_were(tmp_path: Path) -> None:
    tone = mt.Audio(np.sin(np.arange(800) / 9), sample_rate=8000)
    values: dict[str, Any] = {
        "photo": annotated({3: "cat", 4: "dog"}),
        "tone": mt.Audio(tone.to_bytes(), caption="la"),
        "clip": mt.Video(FRAMES, fps=4, format="gif", caption="v"),
        "page": mt.Html("<p>hi</p>", inject=False, caption="h"),
        "water": mt.Molecule(SDF.encode(), "w", "sdf"),
        "cloud": mt.Object3D(b"[[0,0,1],[1,2,3]]", "c", file_type="pts.json"),
        "counts": mt.Histogram([1, 2, 2, 5], num_bins=3),
        "figure": mt.Figure({"data": [{"type": "bar", "x": ["a", "b"], "y": [3, 1]}], "layout": {}}),
        "rows": mt.Table(["n", "x", "s", "flag"], [[1, 0.5, "é", True], [2, math.nan, None, False]]),
    }
    out = Exported(tmp_path, values)
    assert out.report.lost == ()
    for key, value in values.items():
        assert decode(out.rows[0][key], out.root) == value, key
        assert out.summary[key] == out.rows[0][key]
    assert decode(out.summary["best"], out.root) == mt.Image(PHOTO[:5, :5])
    files = [path for path in (out.root / "media").rglob("*") if path.is_file()]
    assert out.report.files == len(files)
    assert out.report.size == sum(path.stat().st_size for path in files)


def test_files_are_named_as_wandb_names_them(tmp_path: Path) -> None:
    keys = ("photo", "a/b", "/../c//d", "x: ü?", "con", "k" * 400)
    out = Exported(tmp_path, *({key: mt.Image(np.full((2, 3), i, np.uint8))} for i, key in enumerate(keys)))
    assert len(out.documents()) == len(keys)
    for document in [*out.documents(), out.summary["best"]]:
        content = (out.root / document["path"]).read_bytes()
        assert (document["sha256"], document["size"]) == (hashlib.sha256(content).hexdigest(), len(content))
        assert document["path"].endswith(f"_{document['sha256'][:20]}.png")
    stems = [document["path"][:-25] for document in out.documents()]
    assert stems[:5] == [f"media/images/{name}" for name in ("photo_0", "a/b_1", "__/c/d_2", "x_ ü__3", "_con__4")]
    assert out.summary["best"]["path"].startswith("media/images/best_summary_")


def test_lists_are_batches(tmp_path: Path) -> None:
    sounds = [
        mt.Audio(mt.Audio(np.full(n, 0.5), sample_rate=8000).to_bytes(), caption=c) for n, c in ((80, None), (40, "k"))
    ]
    values: dict[str, Any] = {
        "photos": [mt.Image(PHOTO, caption="x"), mt.Image(PHOTO[:9])],
        "sounds": sounds,
        "clips": [mt.Video(FRAMES, fps=4, format="gif")],
        "pages": [mt.Html("<b>1</b>", inject=False), mt.Html("<b>2</b>", inject=False)],
        "molecules": [mt.Molecule(SDF.encode(), c, "sdf") for c in ("w", None)],
        "clouds": [mt.Object3D(b"[[0,0,1]]", c, file_type="pts.json") for c in (None, "q")],
        "counts": [mt.Histogram([1, 2]), mt.Histogram([1, 3])],
        "mixed": [mt.Image(PHOTO), mt.Histogram([1, 2])],
        "empty": [],
    }
    out = Exported(tmp_path, values)
    row = out.rows[0]
    assert out.report.lost == ()
    for key, value in values.items():
        assert decode(row[key], out.root) == value, key
    assert {name: row["photos"][name] for name in ("_type", "count", "captions", "width", "height", "format")} == {
        "_type": "images/separated",
        "count": 2,
        "captions": ["x", None],
        "width": 32,
        "height": 24,
        "format": "png",
    }
    assert (row["sounds"]["sampleRates"], row["sounds"]["durations"], row["sounds"]["captions"]) == (
        [8000, 8000],
        [0.01, 0.005],
        ["", "k"],
    )
    assert (row["clips"]["captions"], row["molecules"]["captions"]) == (False, ["w", None])
    assert row["clouds"]["filenames"][0] == row["clouds"]["objects"][0]["path"].removeprefix("media/object3D/")


def test_boxes_and_masks_of_a_list_and_their_labels(tmp_path: Path) -> None:
    named, bare = annotated({3: "cat", 4: "dog"}), annotated(None)
    out = Exported(tmp_path, {"photos": [named, mt.Image(PHOTO[:3])], "bare": bare})
    first, second = decode(out.rows[0]["photos"], out.root)
    assert (dict(first.boxes), dict(first.masks)) == (dict(named.boxes), dict(named.masks))
    assert (second.boxes, second.masks) == ({}, {})
    assert out.rows[0]["photos"]["all_boxes"][1] is None
    assert decode(out.rows[0]["bare"], out.root) == bare
    boxes, masks = (out.config["_wandb"][f"{name}/class_labels"] for name in ("bounding_box", "mask"))
    assert boxes["photos_wandb_delimeter_pred"] == {
        "type": "bounding_box/class_labels",
        "key": "photos_wandb_delimeter_pred",
        "value": {"3": "cat", "4": "dog"},
    }
    assert boxes["bare_wandb_delimeter_pred"]["value"] == {"3": "class_3", "4": "class_4"}
    assert masks["bare_wandb_delimeter_m"]["value"] == {"0": "class_0", "1": "class_1"}
    assert out.lost == {("photos", "a grouping in a list", 1)}


def test_tables_have_media_and_times(tmp_path: Path) -> None:
    when = datetime.datetime(2024, 2, 3, 4, 5, 6, 789123, datetime.UTC)
    rows = [[when, mt.Image(PHOTO, caption="c"), {"a": [1]}], [None, None, None]]
    out = Exported(tmp_path, {"table": mt.Table(["when", "photo", "json"], rows)})
    assert decode(out.rows[0]["table"], out.root) == mt.Table(["when", "photo", "json"], rows)
    assert (out.rows[0]["table"]["nrows"], out.rows[0]["table"]["ncols"], out.report.lost) == (2, 3, ())
    content = json.loads((out.root / out.rows[0]["table"]["path"]).read_text())
    assert content["data"][0][0] == 1706933106789.123
    assert (out.root / content["data"][0][1]["path"]).is_file()


def test_plots_are_tables_that_the_config_draws(tmp_path: Path) -> None:
    table = mt.Table(["x", "y"], [[1, 2.5], [2, 3.5]])
    out = Exported(
        tmp_path,
        {"chart": mt.plot.line(table, "x", "y", title="T"), "split": mt.plot.bar(table, "x", "y", split_table=True)},
    )
    assert {*out.rows[0]} - {"_step", "_timestamp", "_runtime"} == {"chart_table", "Custom Chart Tables/split_table"}
    assert decode(out.rows[0]["chart_table"], out.root) == table
    panel = out.config["_wandb"]["visualize"]["chart"]["panel_config"]
    assert (panel["panelDefId"], panel["fieldSettings"]) == ("wandb/line/v0", {"x": "x", "y": "y"})
    assert panel["stringSettings"] == {"title": "T"}
    assert out.summary["chart_table"] == out.rows[0]["chart_table"]
    assert out.report.lost == ()


def test_what_wandb_cannot_hold_is_counted(tmp_path: Path) -> None:
    far = np.full((24, 32), 300, np.uint16)
    out = Exported(
        tmp_path,
        {
            "tensor": mt.Tensor(np.arange(4.0)),
            "page": mt.Html("<p>"),
            "counts": mt.Histogram([1, math.nan], caption="c"),
            "cloud": mt.Object3D(np.eye(3), intensity=[1, 2, 3]),
            "scene": mt.Object3D.from_point_cloud(np.eye(3), [mt.Box3D(center=(1, 1, 1), size=(2, 2, 2))]),
            "odd": mt.Video(FRAMES[:, :, :23, :31], fps=4, format="mp4"),
            "webp": mt.Video(webp()),
            "photo": mt.Image(PHOTO, masks={"m": mt.ImageMask(far)}),
            "list": [mt.Image(PHOTO, caption="x"), mt.Image(PHOTO, caption=""), mt.Tensor(np.arange(4.0))],
            "table": mt.Table(["b", "d"], [[b"x", datetime.date(2024, 1, 1)]]),
            "chart": preset_of_ones_own(),
            "own": mt.Plot("line", mt.Table(["x", "y"], [[1, 2]]), {"x": "x", "y": "y"}),
        },
        {"own": mt.Plot("line", mt.Table(["a", "y"], [[1, 2]]), {"x": "a", "y": "y"}), "own_table": 3},
        {"photo": annotated({3: "cat"})},
        {"photo": annotated({3: "dog"})},
    )
    assert out.lost == {
        ("tensor", "W&B has no type for it", 1),
        ("page", "its inject: W&B has none", 1),
        ("counts", "its nan_count: W&B has none", 1),
        ("counts", "its caption: W&B has none", 1),
        ("cloud", "its intensity: W&B has none", 1),
        ("scene", "how boxes are placed: W&B has corners", 1),
        ("odd", "its size: that of the file is even", 1),
        ("webp", "W&B takes no webp video", 1),
        ("photo", "a mask with class ids beyond 255", 1),
        ("photo", "labels that change: W&B's config has the last", 2),
        ("list", "W&B has no type for it", 1),
        ("list", "an empty caption in a list", 1),
        ("table", "bytes, or media in a list, in a cell of a table", 1),
        ("table", "a day is its midnight, UTC, in W&B", 1),
        ("chart", "how it is drawn, by a preset of your own: W&B has its table alone", 1),
        ("own", "a chart that changes: W&B's config has the last", 1),
        ("own_table", "a key that another value of the row has in W&B", 1),
    }
    assert np.array_equal(decode(out.rows[0]["cloud"], out.root).to_numpy()[:, :3], np.eye(3))


@pytest.mark.parametrize("damage", ["missing", "changed"])
def test_a_file_that_is_gone_or_changed_is_counted(tmp_path: Path, damage: str) -> None:
    with mt.Run(tmp_path / "run") as run:
        run.log({"photo": mt.Image(PHOTO), "rows": mt.Table(["n"], [[1]]), "loss": 0.5})
    for path in (run.path / "media").rglob("*.*"):
        path.write_bytes(path.read_bytes()[:-1] + b"!") if damage == "changed" else path.unlink()
    report = mt.export(run.path, "wandb-json", tmp_path / "out")
    assert [(lost.key, lost.count) for lost in report.lost] == [("photo", 1), ("rows", 1)]
    (row,) = [json.loads(line) for line in (tmp_path / "out" / "history.jsonl").read_text().splitlines()]
    assert {*row} == {"_step", "_timestamp", "_runtime", "loss"}
    assert [path.name for path in sorted((tmp_path / "out").rglob("*")) if path.is_file()] == [
        "config.json",
        "history.jsonl",
        "summary.json",
    ]
