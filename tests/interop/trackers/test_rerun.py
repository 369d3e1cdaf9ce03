"""Values through rerun, into an .rrd file; read by rerun's own reader."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import mediatypes as mt

from .contract import STEP, AdapterContract, need, samples

rr = need("rerun")
RrdReader = need("rerun.chunk").RrdReader


@cache
def _mp4() -> mt.Video:
    need("av")
    return mt.Video(np.zeros((3, 3, 16, 24), np.uint8), fps=4, format="mp4", caption="three")


class TestRerun(AdapterContract):
    tracker = "rerun"
    refused = ("tensor_scalar",)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        return {**samples(), "video": _mp4()}

    @classmethod
    def log(cls, folder: Path, values: Mapping[str, Any]) -> None:
        with rr.RecordingStream("test") as recording:
            recording.save(str(folder / "run.rrd"))
            mt.interop.log("rerun", values, step=STEP, target=recording)

    @classmethod
    def read(cls, folder: Path) -> dict[str, Any]:
        entities: dict[str, dict[str, Any]] = {}
        for chunk in RrdReader(str(folder / "run.rrd")).stream():
            batch = chunk.to_record_batch()
            columns = {name: batch.column(name) for name in batch.schema.names if not name.startswith("log_")}
            if "step" in columns:
                assert columns.pop("step").to_pylist() == [STEP] * batch.num_rows
                parts = entities.setdefault(chunk.entity_path.strip("/").replace("\\", ""), {})
                for name, column in columns.items():
                    if name in ("Tensor:data", "BarChart:values"):
                        column = column.flatten()
                        parts[name] = _array(column)
                        continue
                    parts.update((name, cell) for cell in column.to_pylist() if cell is not None)
        return {key: _value(key, parts, entities) for key, parts in entities.items() if parts}

    @classmethod
    def changed(cls) -> Mapping[str, Any]:
        value = cls.examples()
        image = value["image"]
        return {
            "json": '[1, null, "a"]',
            "image": (mt.Image(image.to_bytes(), caption="noise"), [[12.0, 10.0]], [[8.0, 5.0]], ["one"], [1]),
            "video": value["video"].to_bytes(),
            "audio": value["audio"].to_bytes(),
            "html": "<p>Hello <b>you</b></p>",
            "table": "| x | y | name |\n| --- | --- | --- |\n| 1 | 2.5 | a |\n| 2 | 0.25 | b |",
            "figure": mt.Image(value["figure"].to_png(), caption="pets"),
            "plot": mt.Image(value["plot"].to_png()),
            "object3d": (value["object3d"].to_numpy().tolist(), [[0.5, 0.5, 0.5]]),
        }


def _value(key: str, parts: dict[str, Any], entities: dict[str, Any]) -> Any:
    first = {name.partition(":")[2] or name: cell[0] for name, cell in parts.items() if name.count(":") and len(cell)}
    caption = parts.get("caption", [None])[0]
    if "scalars" in first:
        return first["scalars"]
    if "text" in first:
        return first["text"]
    if "EncodedImage:blob" in parts:
        image = mt.Image(bytes(first["blob"]), caption=caption)
        boxes = entities.get(f"{key}/boxes/truth")
        return image if boxes is None else (image, *(boxes[f"Boxes2D:{name}"] for name in _BOXES))
    if "blob" in first:
        return bytes(first["blob"])
    if "BarChart:values" in parts:
        return mt.Histogram(np_histogram=(parts["BarChart:values"], np.array(parts["bins"])))
    if "Points3D:positions" in parts:
        return parts["Points3D:positions"], entities[f"{key}/boxes"]["Boxes3D:half_sizes"]
    if "Tensor:data" in parts:
        return mt.Tensor(parts["Tensor:data"])
    return None


_BOXES = ("centers", "half_sizes", "labels", "class_ids")


def _array(column: Any) -> Any:
    """The array of rerun's TensorData: a struct of its shape and a union of lists, one for each dtype."""
    buffer = column.field("buffer")
    return buffer.field(buffer.type_codes[0].as_py()).values.to_numpy().reshape(column.field("shape")[0].as_py())


def test_rerun_shows_a_run(tmp_path: Path) -> None:
    """The program that `rerun RUN` calls: its output is a recording; what is no run it leaves to others."""
    with mt.Run(tmp_path / "run") as run:
        run.log({"loss": 0.5, "val/note": "begins", "photo": samples()["image"]}, step=STEP)
        run.log({"molecule": samples()["molecule"]}, step=STEP)
    code = "import sys; from mediatypes.interop._entry_points import rerun_importer; sys.exit(rerun_importer())"
    command = [sys.executable, "-c", code, "--application-id", "mine", "--recording-id", "one"]
    done = subprocess.run([*command, str(run.path)], capture_output=True, check=True, timeout=120)
    assert b"expected a type that rerun has a place for" in done.stderr
    (tmp_path / "run.rrd").write_bytes(done.stdout)
    back = TestRerun.read(tmp_path)
    assert (back["loss"], back["val/note"]) == (0.5, "begins")
    assert back["photo"] == TestRerun.changed()["image"]
    other = subprocess.run([*command, str(tmp_path)], capture_output=True, check=False, timeout=120)
    assert (other.returncode, other.stdout) == (rr.EXTERNAL_IMPORTER_INCOMPATIBLE_EXIT_CODE, b"")
