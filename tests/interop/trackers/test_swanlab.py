"""Values through SwanLab, offline; read by SwanLab's own reader of its run file, which `swanlab sync` uses."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import mediatypes as mt
from mediatypes.interop.trackers._common import drawn

from .contract import STEP, AdapterContract, need, read_stored, samples

swanlab = need("swanlab")
DataStoreReader = need("swanlab.sdk.internal.core_python.store").DataStoreReader
Record = need("swanlab.proto.swanlab.record.v1.record_pb2").Record


def records(folder: Path) -> list[Any]:
    reader = DataStoreReader()
    [file] = folder.rglob("*.swanlab")
    reader.open(file)
    read = [Record.FromString(line) for line in reader]
    reader.close()
    return read


class TestSwanlab(AdapterContract):
    tracker = "swanlab"

    @classmethod
    def log(cls, folder: Path, values: Mapping[str, Any]) -> None:
        os.environ["SWANLAB_SAVE_DIR"] = str(folder / "home")
        with swanlab.init(project="p", mode="offline", logdir=str(folder / "log")):
            mt.interop.log("swanlab", values, step=STEP)

    @classmethod
    def read(cls, folder: Path) -> Mapping[str, Any]:
        back: dict[str, Any] = {}
        for record in records(folder):
            if record.HasField("scalar") and record.scalar.key.startswith("__swanlab__."):
                continue  # what SwanLab measures of the machine, where a run takes long enough
            if record.HasField("scalar"):
                assert record.scalar.step == STEP
                back[record.scalar.key] = record.scalar.value.number
            elif record.HasField("media") and record.media.key.startswith("string"):
                back[record.media.key] = media(folder, record).read_text("utf-8")
        for one in (record.save for record in records(folder) if record.save.name.startswith("mediatypes/")):
            copy = folder / "back" / one.name
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(Path(one.target_path).read_bytes())
        return back | read_stored(folder / "back" / "mediatypes")


def media(folder: Path, record: Any) -> Path:
    """The file of a record with one item."""
    [item] = record.media.value.items
    [file] = folder.glob(f"log/run-*/media/*/{item.filename}")
    return file


def test_what_swanlab_shows(tmp_path: Path) -> None:
    kinds = ("image", "audio", "video", "html", "table", "object3d", "plot")
    TestSwanlab.log(tmp_path, {kind: samples()[kind] for kind in kinds})
    shown = {record.media.key: record for record in records(tmp_path) if record.HasField("media")}
    assert shown.keys() == set(kinds)
    picture = mt.Image(media(tmp_path, shown["image"]))
    assert np.array_equal(picture.to_numpy(), drawn(samples()["image"]).to_numpy())
    assert media(tmp_path, shown["video"]).read_bytes() == samples()["video"].to_bytes()
    assert media(tmp_path, shown["html"]).read_text() == samples()["html"].text
    assert shown["image"].media.value.items[0].caption == "noise"
    rows = json.loads(media(tmp_path, shown["table"]).read_text())["rowData"]
    assert rows == [{"x": "1", "y": "2.5", "name": "a"}, {"x": "2", "y": "0.25", "name": "b"}]
    points = json.loads(media(tmp_path, shown["object3d"]).read_text())["points"]
    assert np.allclose(np.array(points)[:, :3], samples()["object3d"].to_numpy()[:, :3])
