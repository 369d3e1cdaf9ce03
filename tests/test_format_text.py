"""schemas/README.md is enough to read a run: the readers below were made from it and import nothing of mediatypes."""

from __future__ import annotations

import hashlib
import json
import math
import re
import shutil
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image as PILImage

FLOATS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
Rows = dict[int, dict[str, Any]]  # by step: key to value


# Section 1


def parse(text: str | bytes) -> Any:
    return json.loads(text, object_hook=lambda o: FLOATS[o["value"]] if o.get("_type") == "float" else o)


# Section 7


def frames(data: bytes) -> Iterator[tuple[int, bytes]]:
    assert data[:8] == b"MTJRNL1\n"
    at = 8
    while at + 9 <= len(data):
        size, kind = struct.unpack_from("<IB", data, at)
        if not 9 <= size <= 2**26 or at + size > len(data):
            return
        if zlib.crc32(data[at : at + size - 4]) == struct.unpack_from("<I", data, at + size - 4)[0]:
            yield kind, data[at + 5 : at + size - 4]
        at += size


Call = tuple[int, int, float, list[tuple[str, str, Any]]]  # number, step, timestamp, cells


def calls(data: bytes, number: int) -> Iterator[Call]:
    layouts: dict[int, list[tuple[str, str]]] = {}
    for kind, payload in frames(data):
        if kind == 2:
            layouts[struct.unpack_from("<I", payload)[0]] = parse(payload[4:])
        elif kind == 3:
            id, step, timestamp = struct.unpack_from("<Iqd", payload)
            values = struct.unpack_from("<" + "".join(code for _, code in layouts[id]), payload, 20)
            cells = [(key, code, v) for (key, code), v in zip(layouts[id], values, strict=True)]
            yield number, step, timestamp, cells
            number += 1
        elif kind == 4:
            step, timestamp = struct.unpack_from("<qd", payload)
            yield number, step, timestamp, parse(payload[16:])
            number += 1


# Sections 6 and 8


def read_running(folder: Path) -> Rows:
    """Rows of a run with status running: of earlier sessions from Parquet, and the calls of the journals."""
    rows: Rows = {}
    following = 0  # number of the next call
    if (folder / "history.parquet").exists():
        rows = read_history(folder)
        following = parse(pq.read_schema(folder / "history.parquet").metadata[b"mediatypes"])["calls"]
    journals = sorted(tuple(map(int, path.stem.split("-"))) for path in (folder / "journal").glob("*.log"))
    for place, base in journals:
        data = (folder / "journal" / f"{place:04}-{base}.log").read_bytes()
        for number, step, timestamp, cells in calls(data, base):
            if number >= following:
                row = rows.setdefault(step, {})
                row["_timestamp"] = timestamp
                row |= {key: parse(v) if kind == "json" else v for key, kind, v in cells if kind != "null"}
                following = number + 1
    return rows


# Section 9


def read_history(folder: Path) -> Rows:
    table = pq.read_table(folder / "history.parquet")
    rows: Rows = {
        step: {"_timestamp": time}
        for step, time in zip(table["_step"].to_pylist(), table["_timestamp"].to_pylist(), strict=True)
    }
    for column in columns_of(folder / "history.parquet"):
        for row, cell in zip(rows.values(), table[column["name"]].to_pylist(), strict=True):
            if cell is not None:
                row[column["key"]] = read_cell(column["kind"], cell, column["integral"])
    return rows


def columns_of(path: Path) -> list[dict[str, Any]]:
    return parse(pq.read_metadata(path).metadata[b"mediatypes"])["columns"]  # type: ignore[no-any-return]


def read_cell(kind: str, cell: Any, integer: bool) -> Any:
    if isinstance(cell, list):
        return [read_cell(kind.removesuffix("_list"), item, integer) for item in cell]
    if isinstance(cell, dict):
        return parse(cell["_doc"])
    if kind == "json":
        return parse(cell)
    return int(cell) if integer and cell is not None else cell


# Section 3


def read_sidecar(root: Path, reference: dict[str, Any]) -> Path:
    path = root / str(reference["path"])
    data = path.read_bytes()
    assert (len(data), hashlib.sha256(data).hexdigest()) == (reference["size"], reference["sha256"])
    assert re.fullmatch(r"media/([0-9a-f]{2})/\1[0-9a-f]{62}(\.[a-z0-9]{1,10}){1,2}", reference["path"])
    return path


LOGGED: Rows = {
    0: {"loss": 1, "ok": True, "huge": 2**60, "words": ["a", None, "ü"]},
    1: {"loss": 2, "train.acc": 0.5, "numbers": [1, None, 3], "curve": [0.5, math.inf]},
    5: {"loss": 3, "Loss": -math.inf, "note": "x\ny", "mixed": [1, "a", {"b": [math.nan]}], "empty": {}},
    6: {"loss": "diverged"},
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Runs with the same calls: being written, over, resumed when over and when killed, and cut while finishing."""
    from skimage import data

    import mediatypes as mt
    from tests.writing.crashes import abandon

    edges, mask = [[1.5, 2, 30, 40], [-5, 0, 600, 10]], np.zeros((512, 512), np.uint16)
    mask[100:200, 50:90] = 300
    boxes = mt.BoundingBoxes2D.from_xyxy(edges, domain="pixel", class_ids=[1, 2], scores=[0.25, 0.5])
    photo = mt.Image(data.astronaut(), caption="Eileen", boxes={"pred": boxes}, masks={"seg": mt.ImageMask(mask)})
    counts = mt.Histogram([1, 2, 2, math.nan], num_bins=2)
    several = {"several": [counts, mt.Histogram([0, 4], num_bins=1)], "both": [counts, photo]}

    def first(run: mt.Run) -> None:
        run.log({"loss": 1, "ok": True, "huge": 2**60, "words": ["a", None, "ü"]})
        run.log({"loss": 7, "train": {"acc": 0.5}, "curve": [0.5, math.inf]}, commit=False)
        run.log({"loss": 2, "ok": None, "numbers": [1, None, 3]})

    def second(run: mt.Run) -> None:
        run.log(LOGGED[5], step=5)
        run.log({"loss": "diverged"}, step=6, commit=True)
        run.log({"photo": photo, **several})

    def third(run: mt.Run) -> None:
        for i in range(40):  # many rows of one layout
            run.log({"loss": i, "lr": i / 8})

    def run_of(name: str, mode: Any = "create") -> mt.Run:
        made.setdefault(name, tmp_path_factory.mktemp(name) / "run")
        return mt.Run(made[name], config={"lr": 0.1}, mode=mode)

    made: dict[str, Path] = {}
    for name in ("live", "over", "cut"):
        run = run_of(name)
        for part in (first, second, third):
            part(run)
        if name == "over":
            run.summary["best"] = photo
            run.finish()
        else:
            abandon(run)
    for name, leave in (("resumed", mt.Run.finish), ("killed", abandon)):
        run = run_of(name)
        first(run)
        leave(run)
        run = run_of(name, "resume")
        second(run)
        abandon(run)
        run = run_of(name, "resume")
        third(run)
        abandon(run)
    whole = shutil.copytree(made["cut"], made["cut"].with_name("whole"))
    mt.recover(whole)
    shutil.copy(whole / "history.parquet", made["cut"])  # died while it finished
    return made


RUNNING = ["live", "resumed", "killed", "cut"]


def same(one: Any, other: Any) -> bool:
    return repr(one) == repr(other)  # NaN equals NaN, and 1 is not 1.0


@pytest.mark.parametrize(("name", "read"), [*((name, read_running) for name in RUNNING), ("over", read_history)])
def test_readers_made_from_the_text_alone_give_what_was_logged(folders: dict[str, Path], name: str, read: Any) -> None:
    rows = read(folders[name])
    assert list(rows) == [0, 1, 5, *range(6, 48)]
    for row in rows.values():
        assert isinstance(row.pop("_timestamp"), float)
    for step, expected in LOGGED.items():
        assert same(
            {key: rows[step][key] for key in sorted(rows[step])}, {key: expected[key] for key in sorted(expected)}
        )
    assert [(rows[step]["loss"], rows[step]["lr"]) for step in range(8, 48)] == [(i, i / 8) for i in range(40)]
    assert [one["values"] for one in rows[7]["several"]] == [[1, 2], [2]]
    assert [one["_type"] for one in rows[7]["both"]] == ["histogram", "image"]
    assert rows[7]["several"][0] == {
        "_type": "histogram",
        "_version": "1.0",
        "bins": [1.0, 1.5, 2.0],
        "nan_count": 1,
        "values": [1, 2],
    }


@pytest.mark.parametrize(("name", "read"), [*((name, read_running) for name in RUNNING), ("over", read_history)])
def test_sidecars_are_as_the_text_says(folders: dict[str, Path], name: str, read: Any) -> None:
    from skimage import data

    photo = read(folders[name])[7]["photo"]
    with PILImage.open(read_sidecar(folders[name], photo)) as image:
        np.testing.assert_array_equal(np.asarray(image), data.astronaut())
    boxes = photo["boxes"]["pred"]
    columns = parse(read_sidecar(folders[name], boxes).read_bytes())
    assert columns == {
        "xmin": [1.5, -5],
        "ymin": [2, 0],
        "xmax": [30, 600],
        "ymax": [40, 10],
        "class_id": [1, 2],
        "scores": {"score": [0.25, 0.5]},
    }
    assert (boxes["count"], boxes["outside_count"], boxes["class_counts"]) == (2, 1, {"1": 1, "2": 1})
    with PILImage.open(read_sidecar(folders[name], photo["masks"]["seg"])) as mask:
        assert np.unique(np.asarray(mask), return_counts=True)[1].tolist() == [512 * 512 - 4000, 4000]
        assert np.asarray(mask).max() == 300


def test_an_index_of_the_media_lists_every_item_and_the_summary(folders: dict[str, Path]) -> None:
    rows = pq.read_table(folders["over"] / "media.parquet").to_pylist()
    found = {(row["key"], row["step"], row["index"], row["type"]) for row in rows}
    assert found == {
        ("photo", 7, None, "image"),
        ("several", 7, 0, "histogram"),
        ("several", 7, 1, "histogram"),
        ("both", 7, 0, "histogram"),
        ("both", 7, 1, "image"),
        ("best", None, None, "image"),
    }
    for row in rows:
        document = parse(row["_doc"])
        for name in ("path", "sha256", "size", "media_type", "caption", "width", "height", "format", "nan_count"):
            assert row[name] == document.get(name)


def test_the_folder_says_who_is_the_authority(folders: dict[str, Path]) -> None:
    live, over = (parse((folders[name] / "run.json").read_bytes()) for name in ("live", "over"))
    assert (live["status"], over["status"]) == ("running", "finished")
    assert set(live["writer"]) == {"host", "pid", "began"}
    assert set(over) == set(live) - {"writer"} | {"finished", "summary_overrides", "problems"}
    assert sorted(path.name for path in folders["live"].iterdir()) == ["README.txt", "journal", "media", "run.json"]
    assert sorted(path.name for path in (folders["resumed"] / "journal").glob("*.log")) == ["0001-3.log", "0002-6.log"]
    assert sorted(path.name for path in (folders["killed"] / "journal").glob("*.log"))[-1] == "0003-6.log"
    names = ["README.txt", "history.parquet", "journal", "media", "run.json"]
    assert sorted(path.name for path in folders["cut"].iterdir()) == names
    files = ["README.txt", "history.parquet", "media", "media.parquet", "run.json", "summary.json"]
    assert sorted(path.name for path in folders["over"].iterdir()) == files
    summary = parse((folders["over"] / "summary.json").read_bytes())
    assert (summary["loss"], summary["note"], summary["_step"], summary["best"]["caption"]) == (
        39,
        "x\ny",
        47,
        "Eileen",
    )
    footer = parse(pq.read_schema(folders["over"] / "history.parquet").metadata[b"mediatypes"])
    columns = footer.pop("columns")
    assert footer == {**over, "summary": summary, "calls": 46}
    names = pq.read_schema(folders["over"] / "history.parquet").names
    assert [column["name"] for column in columns] == [name for name in names if name[0] != "_"]
    assert {column["key"] for column in columns if column["integral"]} == {"loss", "numbers", "Loss"} - {"Loss"}
    assert not any(field.metadata for field in pq.read_schema(folders["over"] / "history.parquet"))
    assert b"ARROW:schema" not in pq.read_metadata(folders["over"] / "history.parquet").metadata


def test_a_header_begins_the_journal(folders: dict[str, Path]) -> None:
    kind, payload = next(frames((folders["live"] / "journal" / "0001-0.log").read_bytes()))
    header, run = parse(payload), parse((folders["live"] / "run.json").read_bytes())
    assert kind == 1
    expected = {"format": "1.0", "run": run["id"], "started": run["started"], **run["writer"]}
    assert header == expected


def test_columns_are_named_and_typed_as_the_text_says(folders: dict[str, Path]) -> None:
    schema = pq.read_schema(folders["over"] / "history.parquet")
    plain = {f.name: str(f.type) for f in schema if not str(f.type).startswith(("struct", "list<element: struct"))}
    assert plain == {
        "_step": "int64",
        "_timestamp": "double",
        "_runtime": "double",
        "loss": "double",
        "loss#string": "string",
        "ok": "bool",
        "huge": "int64",
        "words": "list<element: string>",
        "train.acc": "double",
        "curve": "list<element: double>",
        "numbers": "list<element: double>",
        "Loss#2": "double",
        "note": "string",
        "mixed": "string",
        "empty": "string",
        "lr": "double",
    }
    members = ["_type", "path", "sha256", "size", "media_type", "caption", "_doc"]
    assert [field.name for field in schema.field("photo").type] == members
    assert schema.field("both").type.value_type == schema.field("photo").type
    kinds = {column["key"]: column["kind"] for column in columns_of(folders["over"] / "history.parquet")}
    assert (kinds["photo"], kinds["both"], kinds["several"]) == ("image", "media_list", "media_list")


def test_a_name_that_spells_the_inside_of_a_column_is_taken(tmp_path: Path) -> None:
    import mediatypes as mt

    with mt.Run(tmp_path / "run") as run:
        run.log({"h": mt.Histogram([1]), "w": [1], "W.list.element": 1, "h.caption": "a", "h.x": 2, "_STEP": 3})
    columns = columns_of(run.path / "history.parquet")
    assert sorted((column["name"], column["key"]) for column in columns) == [
        ("W.list.element#2", "W.list.element"),
        ("_STEP#2", "_STEP"),
        ("h#2", "h"),
        ("h.caption", "h.caption"),
        ("h.x", "h.x"),
        ("w", "w"),
    ]


def test_encodings_are_those_of_the_text(folders: dict[str, Path]) -> None:
    group = pq.read_metadata(folders["over"] / "history.parquet").row_group(0)
    columns = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
    assert {column.compression for column in columns.values()} == {"SNAPPY"}
    assert "DELTA_BINARY_PACKED" in columns["_step"].encodings
    assert "BYTE_STREAM_SPLIT" in columns["loss"].encodings
    assert "BYTE_STREAM_SPLIT" in columns["curve.list.element"].encodings
    assert "RLE_DICTIONARY" in columns["note"].encodings
    assert "RLE_DICTIONARY" not in columns["photo._doc"].encodings
    assert all(column.has_offset_index for column in columns.values())
    without = {name for name, column in columns.items() if not column.is_stats_set}
    assert without == {"curve.list.element", "numbers.list.element"}
    assert {name for name, column in columns.items() if not column.has_column_index} == without


@pytest.mark.parametrize("name", ["history.parquet", "media.parquet"])
def test_a_checksum_stands_before_the_footer(folders: dict[str, Path], tmp_path: Path, name: str) -> None:
    import mediatypes as mt

    data = (folders["over"] / name).read_bytes()
    start = len(data) - 8 - struct.unpack_from("<I", data, len(data) - 8)[0]
    assert data[start - 8 : start] == b"MTFC" + struct.pack("<I", zlib.crc32(data[start:-8]))
    if name == "history.parquet":
        root = shutil.copytree(folders["over"], tmp_path / "run")
        whole = mt.open_run(root).history().to_pylist()
        at = data.index(b"train.acc", start) + 1
        (root / name).write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(
            mt.DocumentError, match=r"history\.parquet: expected a whole Parquet file, got .a footer that"
        ):
            mt.open_run(root).history()
        (root / name).write_bytes(data[: start - 8] + data[start:])  # of other writers, who know nothing of it
        assert mt.open_run(root).history().to_pylist() == whole


@pytest.mark.parametrize("keep", [0.3, 0.81, 0.999])
@pytest.mark.parametrize("flip", [None, 0.2, 0.5, 0.79])
def test_a_damaged_journal_gives_the_rows_that_the_text_promises(
    folders: dict[str, Path], tmp_path: Path, keep: float, flip: float | None
) -> None:
    import mediatypes as mt

    root = shutil.copytree(folders["live"], tmp_path / "run")
    journal = root / "journal" / "0001-0.log"
    data = bytearray(journal.read_bytes())
    if flip is not None:
        sizes = [len(payload) + 9 for _, payload in frames(bytes(data))]
        data[8 + sum(sizes[: int(len(sizes) * flip)]) + 12] ^= 0xFF  # in a payload, so that framing is kept
    journal.write_bytes(data[: int(len(data) * keep)])
    view, expected = mt.open_run(root), read_running(root)
    keys = view.keys()
    found: Rows = {step: {} for step in view.history([])["_step"].to_pylist()}
    for key in ("loss", "lr", "note", "ok"):
        for step, value in view.values(key) if key in keys else ():
            found[step][key] = value
    wanted = {s: {k: v for k, v in row.items() if k in ("loss", "lr", "note", "ok")} for s, row in expected.items()}
    assert same([(s, sorted(r.items())) for s, r in found.items()], [(s, sorted(r.items())) for s, r in wanted.items()])
    assert view.problems, "damage is reported"


def test_a_call_that_fits_no_frame_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader takes a larger frame for damage, and loses all that follows it."""
    import mediatypes as mt
    from mediatypes.journal import frames as ours

    with mt.Run(tmp_path / "run") as run:
        run.log({"text": "short"})
        monkeypatch.setattr(ours, "MAX_FRAME", 1000)
        with pytest.raises(mt.InputError):
            run.log({"text": "x" * 1000})
        run.log({"text": "later"})
        assert [row["text"] for row in read_running(run.path).values()] == ["short", "later"]
    assert list(mt.open_run(run.path).values("text")) == [(0, "short"), (1, "later")]


# Section 13


def applies(metrics: list[dict[str, Any]], key: str) -> dict[str, Any]:
    """The metric that applies to a key."""
    named = [metric for metric in metrics if metric["name"] == key]
    patterns = [metric for metric in metrics if "*" in metric["name"] and not key.startswith("_")]
    matching = [
        metric
        for metric in patterns
        if re.fullmatch(".*".join(map(re.escape, metric["name"].split("*"))), key, re.DOTALL)
    ]
    ranked = sorted(matching, key=lambda metric: len(metric["name"].replace("*", "")))  # stable: the latest is last
    return [{}, *ranked, *named][-1]


def summary_of(rows: Rows, metric: dict[str, Any], key: str) -> Any:
    values = [(step, row[key]) for step, row in rows.items() if key in row]
    numbers = [(step, value) for step, value in values if type(value) in (int, float)]
    real = [(step, value) for step, value in numbers if value == value]
    asked = metric.get("summary", ["last"])
    found: dict[str, Any] = {}
    if numbers:
        low, high = (pick([value for _, value in real], default=math.nan) for pick in (min, max))
        mean = math.fsum(value for _, value in real) / len(real) if real else math.nan
        found = {"min": low, "max": high, "mean": mean}
    found |= {"first": values[0][1], "last": values[-1][1]}
    if numbers and "best" in asked:
        found["best"] = found["min" if metric["goal"] == "minimize" else "max"]
        best = [step for step, value in real if value == found["best"]]
        found |= {"best_step": best[0]} if best else {}
    found = {name: value for name, value in found.items() if name.removesuffix("_step") in asked}
    return found if found and asked != ["last"] else values[-1][1]


def test_the_summary_and_the_index_columns_can_be_made_from_the_text(tmp_path: Path) -> None:
    import mediatypes as mt

    with mt.Run(tmp_path / "run") as run:
        run.define_metric("*", "epoch", summary="min,max")
        run.define_metric("val/*", "epoch", summary="best,mean", goal="maximize")
        run.define_metric("val/h*", "sample", summary="none", step_sync=False)
        run.define_metric("epoch", summary="last")
        for epoch in range(4):
            run.log({"epoch": epoch, "val/acc": [0.25, 0.75, math.nan, 0.75][epoch], "note": "a", "x": epoch})
            run.log({"val/hist": mt.Histogram([epoch, epoch + 1], num_bins=1), "x": 100}, commit=False)
            run.log({"x": epoch / 2, "sample": epoch} if epoch % 2 else {"x": math.nan})
            run.log({"h": mt.Histogram([epoch, epoch + 1], num_bins=1), "_private": epoch})
        run.define_metric("x", summary="first,last,min,max,mean")
    rows, metrics = read_history(run.path), parse((run.path / "run.json").read_bytes())["metrics"]
    summary = parse((run.path / "summary.json").read_bytes())
    keys = {key for row in rows.values() for key in row} - {"_timestamp"}
    expected = {
        key: summary_of(rows, metric, key)
        for key in sorted(keys)
        if (metric := applies(metrics, key)).get("summary") != ["none"]
    }
    assert expected["val/acc"] == {"mean": 1.75 / 3, "best": 0.75, "best_step": 3}
    assert (expected["note"], expected["epoch"], expected["_private"]) == ("a", 3, 3)
    found = {key: summary[key] for key in sorted(summary) if key not in ("_step", "_timestamp", "_runtime")}
    assert repr(found) == repr(expected)

    for item in pq.read_table(run.path / "media.parquet").to_pylist():
        for index in ("epoch", "sample"):
            own = applies(metrics, item["key"])
            about = [metric for metric in metrics if metric.get("step_metric") == index]
            chosen = own if own.get("step_metric") == index else about[-1]
            before = [row[index] for step, row in rows.items() if step <= item["step"] and index in row]
            here = rows[item["step"]].get(index)
            assert item[index] == (before[-1] if before and chosen.get("step_sync", True) else here)
