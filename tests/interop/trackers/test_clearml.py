"""Values through ClearML, offline; read back from the session that `Task.import_offline_session` sends."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mediatypes as mt

from .contract import STEP, AdapterContract, need, read_stored, samples

os.environ.update(CLEARML_LOG_LEVEL="ERROR", CLEARML_NO_DEFAULT_SERVER="1", CLEARML_SKIP_PIP_FREEZE="1")
clearml = need("clearml")


def session(folder: Path) -> Path:
    return Path((folder / "session").read_text())


def events(folder: Path) -> list[dict[str, Any]]:
    lines = (session(folder) / "metrics.jsonl").read_text().splitlines()
    return [event for line in lines for event in json.loads(line)]


class TestClearml(AdapterContract):
    tracker = "clearml"

    @classmethod
    def log(cls, folder: Path, values: Mapping[str, Any]) -> None:
        before = dict(os.environ)
        clearml.Task.set_offline(True)
        clearml.Task.force_store_standalone_script()  # and look for no repository
        quiet = {"auto_connect_frameworks": False, "auto_connect_arg_parser": False, "auto_connect_streams": False}
        task = clearml.Task.init("p", "n", reuse_last_task_id=False, auto_resource_monitoring=False, **quiet)
        mt.interop.log("clearml", values, step=STEP)
        task.flush(wait_for_uploads=True)
        (folder / "session").write_text(str(task.get_offline_mode_folder()))
        task.close()
        for name in os.environ.keys() - before.keys():  # by which it would know a process that we start as its own
            del os.environ[name]

    @classmethod
    def read(cls, folder: Path) -> Mapping[str, Any]:
        task = json.loads((session(folder) / "task.json").read_text())
        for artifact in task["execution"]["artifacts"]:
            with zipfile.ZipFile(artifact["uri"]) as archive:
                archive.extractall(folder / "mediatypes")
        numbers = [one for one in events(folder) if one["type"] == "training_stats_scalar"]
        assert {one["iter"] for one in numbers} <= {STEP}
        return {one["metric"]: one["value"] for one in numbers} | read_stored(folder / "mediatypes")


def test_what_clearml_shows(tmp_path: Path) -> None:
    kinds = ("image", "audio", "table", "histogram", "figure", "object3d")
    TestClearml.log(tmp_path, {kind: samples()[kind] for kind in kinds})
    shown = {one["metric"]: one for one in events(tmp_path)}
    assert {kind: shown[kind]["type"] for kind in kinds} == {
        "image": "training_debug_image",
        "audio": "training_debug_image",
        "table": "plot",
        "histogram": "plot",
        "figure": "training_debug_image",
        "object3d": "plot",
    }
    assert Path(shown["audio"]["url"]).read_bytes() == samples()["audio"].to_bytes()
    assert mt.Image(Path(shown["image"]["url"])).height == samples()["image"].height
    assert json.loads(shown["histogram"]["plot_str"])["data"][0]["y"] == [1, 5, 2]
