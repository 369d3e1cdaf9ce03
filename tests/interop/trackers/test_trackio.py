"""Values through trackio, in its local database; read by trackio's own storage class."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import mediatypes as mt

from .contract import STEP, AdapterContract, need

os.environ.setdefault("TRACKIO_DIR", tempfile.mkdtemp())  # trackio reads it when it is imported
trackio = need("trackio")
SQLiteStorage = need("trackio.sqlite_storage").SQLiteStorage
MEDIA_DIR = need("trackio.utils").MEDIA_DIR


class TestTrackio(AdapterContract):
    tracker = "trackio"

    @classmethod
    def log(cls, folder: Path, values: Mapping[str, Any]) -> None:
        trackio.init(project=folder.name, name="run", embed=False)
        mt.interop.log("trackio", values, step=STEP)
        trackio.finish()

    @classmethod
    def read(cls, folder: Path) -> dict[str, Any]:
        [row] = SQLiteStorage.get_logs(folder.name, "run")
        assert row.pop("step") == STEP
        return {key: _value(value) for key, value in row.items() if key != "timestamp"}

    @classmethod
    def changed(cls) -> Mapping[str, Any]:
        return {"table": [{"x": 1, "y": 2.5, "name": "a"}, {"x": 2, "y": 0.25, "name": "b"}]}


def _value(logged: Any) -> Any:
    if not isinstance(logged, dict):
        return logged
    if logged["_type"] == "trackio.histogram":
        return mt.Histogram(np_histogram=(np.array(logged["values"]), np.array(logged["bins"])))
    if logged["_type"] == "trackio.table":
        return logged["_value"]
    store = mt.DirectoryStore(MEDIA_DIR / Path(logged["file_path"]).parent / "mediatypes")
    return mt.decode(json.loads(logged["mediatypes"]), store)
