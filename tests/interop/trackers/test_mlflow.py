"""Values through MLflow, into a folder; read by MLflow's client."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import mediatypes as mt
from mediatypes.interop.trackers._common import drawn

from .contract import STEP, AdapterContract, need, read_stored, samples

mlflow = need("mlflow")


def tracked(folder: Path) -> Any:
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    if mlflow.get_experiment_by_name("mine") is None:
        mlflow.create_experiment("mine", (folder / "artifacts").as_uri())
    mlflow.set_experiment("mine")
    return mlflow.MlflowClient()


class TestMlflow(AdapterContract):
    tracker = "mlflow"

    @classmethod
    def log(cls, folder: Path, values: Mapping[str, Any]) -> None:
        tracked(folder)
        with mlflow.start_run() as run:
            mt.interop.log("mlflow", values, step=STEP)
        (folder / "id").write_text(run.info.run_id)

    @classmethod
    def read(cls, folder: Path) -> dict[str, Any]:
        client, run_id = tracked(folder), (folder / "id").read_text()
        back: dict[str, Any] = {}
        for key in client.get_run(run_id).data.metrics:
            [metric] = client.get_metric_history(run_id, key)
            assert metric.step == STEP
            back[key] = metric.value
        return back | read_stored(Path(client.download_artifacts(run_id, "mediatypes", str(folder))))


def test_images_and_tables_are_shown_by_mlflow(tmp_path: Path) -> None:
    client, value = tracked(tmp_path), samples()
    with mlflow.start_run() as run:
        mt.interop.log("mlflow", {"photo/one": value["image"], "table": value["table"]}, step=STEP, target=run)
    [shown] = [one.path for one in client.list_artifacts(run.info.run_id, "images") if one.path.endswith(".png")]
    file = client.download_artifacts(run.info.run_id, shown, str(tmp_path))
    assert np.array_equal(mt.Image(Path(file)).to_numpy(), drawn(value["image"]).to_numpy())
    table = mlflow.load_table(f"tables/table/{STEP}.json", run_ids=[run.info.run_id])
    assert table.to_dict("list") == {"x": [1, 2], "y": [2.5, 0.25], "name": ["a", "b"]}
