"""Exported histories of W&B: what was logged is what the run has."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image as Pillow

import mediatypes as mt
from mediatypes.interop.elsewhere import import_runs, recognise


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    keys = {key: None for row in rows for key in row}
    pq.write_table(pa.table({key: [row.get(key) for row in rows] for key in keys}), path)


def picture(folder: Path) -> dict[str, Any]:
    file = io.BytesIO()
    Pillow.fromarray(np.arange(24, dtype=np.uint8).reshape(2, 4, 3)).save(file, "PNG")
    data = file.getvalue()
    name = f"media/images/img_{hashlib.sha256(data).hexdigest()[:20]}.png"
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)
    return {"_type": "image-file", "path": name, "sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}


def test_an_exported_history_is_a_run(tmp_path: Path) -> None:
    image = picture(tmp_path / "files")
    first = {"_step": 0.0, "_timestamp": 1.7e9, "_runtime": 0.0, "loss": 0.5, "nest": {"a": 1, "b": None}, "text": "x"}
    first |= {"img": {**image, "caption": "one"}, "flag": True, "list": [1.0, 2.0]}
    histogram = {"_type": "histogram", "values": [1, 2], "packedBins": {"min": 0.0, "size": 0.5, "count": 2}}
    second = {"_step": 3.0, "_timestamp": 1.7e9 + 1, "_runtime": 1.0, "nest": {"a": None, "b": 2}, "hist": histogram}
    second |= {"json": json.dumps({"deep": [1, {"k": 2}]}).encode(), "lost": {**image, "path": "media/gone.png"}}
    third = {"_step": 4.0, "_timestamp": 1.7e9 + 2, "imgs": [image, image], "loss": float("nan")}
    write(tmp_path / "me_proj_abc_0.runhistory.parquet", [first, second])
    write(tmp_path / "me_proj_abc_1.runhistory.parquet", [third])
    assert recognise(tmp_path) == "wandb_export"
    dest = tmp_path.with_name(f"{tmp_path.name}-runs")
    (report,) = import_runs(tmp_path, dest).runs
    assert (report.status, report.problems) == ("new", [])
    assert report.notes == ["media, whose JSON is kept as text, could not be carried: 1"]
    run = mt.open_run(dest / "me_proj_abc")
    loss = dict(run.values("loss"))
    assert loss[0] == 0.5
    assert np.isnan(loss[4])
    assert list(run.values("nest.a")) == [(0, 1)]
    assert list(run.values("nest.b")) == [(3, 2)]
    assert (list(run.values("text")), list(run.values("flag"))) == ([(0, "x")], [(0, True)])
    assert list(run.values("list")) == [(0, [1.0, 2.0])]
    ((_, made),) = run.values("img")
    assert made.caption == "one"
    assert (made.to_numpy() == np.arange(24).reshape(2, 4, 3)).all()
    ((_, counted),) = run.values("hist")
    assert (counted.values.tolist(), counted.bins.tolist()) == ([1, 2], [0.0, 0.5, 1.0])
    assert list(run.values("json.deep")) == [(3, [1, {"k": 2}])]
    assert json.loads(next(run.values("lost"))[1])["path"] == "media/gone.png"
    assert len(next(run.values("imgs"))[1]) == 2
    assert run.history(["_timestamp"]).to_pydict()["_timestamp"] == [1.7e9, 1.7e9 + 1, 1.7e9 + 2]


def test_our_own_histories_and_other_tables_are_none(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run:
        run.log({"x": 1})
    write(tmp_path / "table.parquet", [{"x": 1}])
    (tmp_path / "broken.parquet").write_bytes(b"PAR1")
    for file in (tmp_path / "run" / "history.parquet", tmp_path / "table.parquet", tmp_path / "broken.parquet"):
        assert recognise(file) is None


def test_steps_that_cannot_be_cost_no_row_and_times_may_be_integers(tmp_path: Path) -> None:
    rows = [{"_step": 2.0, "_timestamp": 1_700_000_000, "loss": 0.5}, {"_step": float("inf"), "loss": 0.25}]
    write(tmp_path / "run.parquet", rows)
    (report,) = import_runs(tmp_path / "run.parquet", tmp_path / "runs").runs
    assert (report.status, report.problems) == ("new", [])
    run = mt.open_run(tmp_path / "runs" / "run")
    assert list(run.values("loss")) == [(2, 0.5), (3, 0.25)]
    assert run.history(["_timestamp"]).column("_timestamp").to_pylist()[0] == 1_700_000_000
