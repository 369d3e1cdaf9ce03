"""Runs as SwanLab, ClearML, neptune-exporter and pluto.migrate write them, made by hand."""

from __future__ import annotations

import datetime
import json
import struct
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pyarrow as pa
import pyarrow.parquet as pq

from tests.interop.wandb.wandb_log import append, field, timestamp

BEGAN = 1_796_038_551  # seconds since the epoch


def picture(path: Path, grey: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.fromarray(np.full((4, 6, 3), grey, np.uint8)).save(path)


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


# SwanLab 0.10 --------------------------------------------------------------------------------------------------------


def swanlab_log(*records: bytes) -> bytes:
    return swanlab_frames(
        [field(1, number) + field(2, timestamp(BEGAN)) + record for number, record in enumerate(records, 1)]
    )


def swanlab_frames(records: list[bytes]) -> bytes:
    log = bytearray(b":SWL\xd6\xe1\x02")
    for record in records:
        append(log, record)
    return bytes(log)


def swanlab_scalar(key: str, step: int, value: float, time: float = 0.0) -> bytes:
    number = b"\x09" + struct.pack("<d", value)
    told = field(1, key) + field(2, step) + field(3, 1) + field(4, timestamp(BEGAN + time)) + field(5, number)
    return field(13, told)


def swanlab_media(key: str, step: int, kind: int, *items: tuple[str, str]) -> bytes:
    listed = b"".join(field(1, field(1, name) + (field(4, caption) if caption else b"")) for name, caption in items)
    return field(14, field(1, key) + field(2, step) + field(3, kind) + field(4, timestamp(BEGAN)) + field(5, listed))


def swanlab(root: Path, *further: bytes, is_finished: bool = True) -> Path:
    run = root / "swanlog" / "run-20261130_135011-abc"
    start = b"".join(field(i, text) for i, text in ((1, "proj"), (4, "first"), (5, "note"), (6, "a"), (7, "g")))
    write(run, {
        "files/config.yaml": "lr: {desc: '', sort: 0, value: 0.1}\nnet:\n  desc: ''\n  sort: 1\n  value: {depth: 3}\n",
        "media/text/001-x.txt": "hello",
        "media/echarts/001-e.json": "{}",
        "media/object3d/001-p.swanlab.pts.json": '{"version": "0.1", "points": [[0, 1, 2, 0, 255, 0]], "boxes": []}',
    })  # fmt: skip
    picture(run / "media/image/001-a.png", 50)
    (run / "run-abc.swanlab").write_bytes(swanlab_log(
        field(10, start + field(12, timestamp(BEGAN))),
        field(16, field(1, "printed") + field(3, timestamp(BEGAN))),
        field(12, field(1, 1) + field(2, 1) + field(3, "loss")),
        swanlab_scalar("loss", 0, 1.0, 0.25), swanlab_scalar("loss", 1, 0.5, 0.75),
        swanlab_scalar("train/acc", 1, float("nan"), 0.75),
        field(12, field(1, 2) + field(2, 1) + field(3, "cpu.pct")),
        swanlab_scalar("cpu.pct", 0, 12.5, 0.5),
        swanlab_media("img", 1, 2, ("001-a.png", "c")),
        swanlab_media("imgs", 1, 2, ("001-a.png", ""), ("001-a.png", "")),
        swanlab_media("txt", 1, 4, ("001-x.txt", "t")), swanlab_media("chart", 1, 6, ("001-e.json", "")),
        swanlab_media("points", 1, 7, ("001-p.swanlab.pts.json", "")),
        *further,
        *([field(11, field(1, 1))] if is_finished else []),
    ))  # fmt: skip
    return run.parent


# ClearML 2.1 ---------------------------------------------------------------------------------------------------------


def clearml(root: Path, key: str = "", offline_folder: str = "/elsewhere") -> Path:
    id = f"offline-{'ab' * 16}"
    folder, data = root / "offline" / id, f"p/first.{id}"
    key = key or f"{data}/metrics/val/photo/a.png"
    picture(folder / "data" / data / "metrics/val/photo/a.png", 50)
    picture(folder / "data" / data / "metrics/drawn.png", 60)
    parameter = {"section": "General", "description": ""}
    general = {
        "lr": {**parameter, "name": "lr", "type": "float", "value": "0.1"},
        "flag": {**parameter, "name": "flag", "type": "bool", "value": "True"},
    }
    arguments = {"n": {**parameter, "name": "n", "type": "int", "value": "3"}}
    drawn = {"source": f"{offline_folder}/data/{data}/metrics/drawn.png"}
    at = {"task": id, "timestamp": BEGAN * 1000 + 250, "method": "get"}
    scalar = {**at, "type": "training_stats_scalar"}
    plot = {**at, "type": "plot", "iter": 1, "metric": "cm", "variant": "cm"}
    bar = {"data": [{"type": "bar", "y": [1, 2]}], "layout": {"name": "cm", "texttemplate": "%{z}"}}
    events = [
        [{**scalar, "iter": 0, "metric": "loss", "variant": "train", "value": 1.0}],
        [
            {**scalar, "timestamp": BEGAN * 1000 + 750, "iter": 1, "metric": "loss", "variant": "train", "value": 0.5},
            {**scalar, "iter": 1, "metric": "acc", "variant": "acc", "value": 0.25},
            {**scalar, "iter": -(2**31), "metric": "Summary", "variant": "best", "value": 0.75},
            {
                **at,
                "type": "training_debug_image",
                "iter": 1,
                "metric": "val",
                "variant": "photo",
                "key": key,
                "url": "",
            },
            {**plot, "plot_str": json.dumps(bar)},
            {**plot, "variant": "picture", "plot_str": json.dumps({"data": [], "layout": {"images": [drawn]}})},
            {**scalar, "task": "model", "iter": 1, "metric": "x", "variant": "y", "value": 1},
            {**at, "type": "odd", "iter": 1, "metric": "x", "variant": "y"},
        ],
    ]
    write(folder, {
        "task.json": json.dumps({
            "id": id, "name": "first", "project_name": "proj/sub", "comment": "note", "tags": ["a"],
            "hyperparams": {"General": general, "Args": arguments}, "offline_folder": offline_folder,
            "configuration": {"other": {"name": "other", "type": "dictionary", "value": "x = 1"}},
        }),
        "metrics.jsonl": "".join(f"{json.dumps(line)}\n" for line in events),
        "log.jsonl": json.dumps([{**at, "type": "log", "msg": "one\ntwo"}]) + "\n",
        f"data/{data}/artifacts/numbers/numbers.json": "{}",
    })  # fmt: skip
    return folder


def clearml_zip(root: Path) -> Path:
    folder = clearml(root / "unpacked")
    archive = root / f"{folder.name}.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.rglob("*")):
            file.write(path, path.relative_to(folder).as_posix())
    return archive


# neptune-exporter ----------------------------------------------------------------------------------------------------

_NEPTUNE = pa.schema([
    ("project_id", pa.string()), ("run_id", pa.string()), ("attribute_path", pa.string()),
    ("attribute_type", pa.string()), ("step", pa.decimal128(18, 6)), ("timestamp", pa.timestamp("ms", "UTC")),
    ("int_value", pa.int64()), ("float_value", pa.float64()), ("string_value", pa.string()), ("bool_value", pa.bool_()),
    ("datetime_value", pa.timestamp("ms", "UTC")), ("string_set_value", pa.list_(pa.string())),
    ("file_value", pa.struct([("path", pa.string())])),
    ("histogram_value", pa.struct([
        ("type", pa.string()), ("edges", pa.list_(pa.float64())), ("values", pa.list_(pa.float64())),
    ])),
])  # fmt: skip


def _instant(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(BEGAN + seconds, datetime.UTC)


def neptune(root: Path, steps: tuple[str, str] = ("0", "1"), file: str = "ws_proj_1a/run_2b/notes.txt") -> Path:
    export = root / "exports"
    base = {"project_id": "ws/proj", "run_id": "RUN-1"}
    first, second = map(Decimal, steps)

    def row(path: str, type: str, **values: Any) -> dict[str, Any]:
        return {**base, "attribute_path": path, "attribute_type": type, **values}

    bins = {"type": "COUNTING", "edges": [0.0, 1.0, 2.0], "values": [3.0, 4.0]}
    parts = [
        [
            row("parameters/lr", "float", float_value=0.1), row("parameters/n", "int", int_value=3),
            row("flag", "bool", bool_value=True), row("sys/name", "string", string_value="first"),
            row("sys/tags", "string_set", string_set_value=["a", "b"]), row("sys/failed", "bool", bool_value=True),
            row("sys/description", "string", string_value="note"),
            row("sys/creation_time", "datetime", datetime_value=_instant(0)),
            row("metrics/loss", "float_series", step=first, timestamp=_instant(0.25), float_value=1.0),
            row("metrics/loss", "float_series", step=second, timestamp=_instant(0.75), float_value=0.5),
        ],
        [
            row("metrics/acc", "float_series", step=second, timestamp=_instant(0.75), float_value=float("nan")),
            row("said", "string_series", step=first, timestamp=_instant(0.25), string_value="hello"),
            row("weights", "histogram_series", step=second, timestamp=_instant(0.75), histogram_value=bins),
            row("img", "file_series", step=second, timestamp=_instant(0.75), file_value={"path": "p/img/1.png"}),
            row("notes", "file", file_value={"path": file}), row("photo", "file", file_value={"path": "p/photo.png"}),
            row("odd", "odd"),
        ],
    ]  # fmt: skip
    for number, rows in enumerate(parts):
        path = export / "data" / "ws_proj_1a" / f"RUN-1_2b_part_{number}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows, schema=_NEPTUNE), path)
    picture(export / "files/p/img/1.png", 50)
    picture(export / "files/p/photo.png", 60)
    write(export, {"files/ws_proj_1a/run_2b/notes.txt": "hello"})
    return export


# pluto.migrate -------------------------------------------------------------------------------------------------------

_TEXTS = ("string_value", "file_value", "caption", "annotation_value")
_PLUTO = pa.schema([
    *((name, pa.string()) for name in ("project_id", "run_id", "attribute_path", "attribute_type")),
    ("step", pa.int64()), ("timestamp_ms", pa.int64()), ("float_value", pa.float64()),
    *((name, pa.string()) for name in _TEXTS),
])  # fmt: skip


def pluto(root: Path, image: str = "files/media/images/a.png") -> Path:
    run = root / "pluto" / "me" / "proj" / "runs" / "abc"
    told = {
        "entity": "me", "project": "proj", "run_id": "abc", "name": "first", "notes": "note", "tags": ["a"],
        "state": "crashed", "config": {"lr": 0.1}, "summary": {"loss": 0.5, "best": 0.75}, "createdAt": BEGAN * 1000,
        "sweep": {"id": "s", "name": "search"},
    }  # fmt: skip
    box = {"position": {"minX": 1, "minY": 1, "maxX": 3, "maxY": 2}, "class_id": 1, "domain": "pixel"}
    write(run, {
        "run.json": json.dumps(told),
        "files/media/metadata/boxes2D/b.json": json.dumps({"box_data": [box], "class_labels": {"1": "cat"}}),
        "files/output.log": "printed\n",
        "artifacts/model:v0/model.txt": "model",
    })  # fmt: skip
    picture(run / "files/media/images/a.png", 50)
    boxes = json.dumps({"boxes": {"truth": {"path": "media/metadata/boxes2D/b.json", "_type": "boxes2D"}}})
    bins = json.dumps({"_type": "histogram", "values": [3, 4], "bins": [0, 1, 2]})

    def row(type: str, path: str, step: int, time: int = 250, **values: Any) -> dict[str, Any]:
        at = {"step": step, "timestamp_ms": BEGAN * 1000 + time}
        return {
            "project_id": "me/proj",
            "run_id": "abc",
            "attribute_path": path,
            "attribute_type": type,
            **at,
            **values,
        }

    media = {"string_value": "image-file", "file_value": image}
    parts = [
        [
            row("metric", "loss", 0, float_value=1.0), row("metric", "loss", 1, 750, float_value=0.5),
            row("metric", "acc", 1, 750, float_value=float("nan")),
            row("system_metric", "system.cpu", 0, 500, float_value=12.5),
        ],
        [
            row("string_series", "phase", 1, 750, string_value="warm"),
            row("media", "img", 1, 750, **media, caption="c", annotation_value=boxes),
            row("media", "imgs", 1, 750, **media), row("media", "imgs", 1, 750, **media),
            row("media", "weights", 1, 750, string_value=bins),
            row("media", "odd", 1, 750, string_value="bokeh-file", file_value="files/none"),
            row("console", "console", 1, string_value="printed"),
            row("artifact", "model:v0", 0, string_value="{}", file_value="artifacts/model:v0/model.txt"),
        ],
    ]  # fmt: skip
    for number, rows in enumerate(parts):
        pq.write_table(pa.Table.from_pylist(rows, schema=_PLUTO), run / f"part-{number:05}.parquet")
    return root / "pluto"
