"""Values through Comet, offline; read back from the archive that `comet upload` sends."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mediatypes as mt

from .contract import STEP, AdapterContract, need, read_stored, samples

os.environ["COMET_DISABLE_AUTO_LOGGING"] = "1"
comet_ml = need("comet_ml")


def offline(folder: Path) -> Any:
    return comet_ml.OfflineExperiment(
        offline_directory=str(folder),
        project_name="p",
        log_code=False,
        log_env_details=False,
        log_git_metadata=False,
        display_summary_level=0,
    )


def messages(folder: Path) -> tuple[zipfile.ZipFile, list[dict[str, Any]]]:
    [archive] = folder.glob("*.zip")
    opened = zipfile.ZipFile(archive)
    return opened, [json.loads(line) for line in opened.read("messages.json").splitlines()]


class TestComet(AdapterContract):
    tracker = "comet"

    @classmethod
    def log(cls, folder: Path, values: Mapping[str, Any]) -> None:
        experiment = offline(folder)
        mt.interop.log("comet", values, step=STEP, target=experiment)
        experiment.end()

    @classmethod
    def read(cls, folder: Path) -> Mapping[str, Any]:
        archive, logged = messages(folder)
        back, files = {}, folder / "files"
        for message in (one["payload"] for one in logged):
            if "metric" in message and message["metric"]["step"] == STEP:
                back[message["metric"]["metricName"]] = message["metric"]["metricValue"]
            name = message.get("additional_params", {}).get("fileName", "") or ""
            if name.startswith("mediatypes/"):
                assert message["additional_params"]["step"] == STEP
                (files / name).parent.mkdir(parents=True, exist_ok=True)
                (files / name).write_bytes(archive.read(message["file_path"]))
        return {**back, **read_stored(files / "mediatypes")}


def test_what_comet_shows(tmp_path: Path) -> None:
    kinds = ("image", "audio", "video", "table", "object3d", "string")
    TestComet.log(tmp_path, {f"a/{kind}": samples()[kind] for kind in kinds})
    archive, logged = messages(tmp_path)
    uploads = {
        one["payload"]["upload_type"]: one["payload"]
        for one in logged
        if one["payload"].get("upload_type", "asset") != "asset"
    }
    image = uploads["visualization"]
    assert (image["additional_params"]["figName"], image["additional_params"]["step"]) == ("a/image", STEP)
    [layer] = image["metadata"]["annotations"]
    assert layer == {"name": "truth", "data": [{"boxes": [[4.0, 5.0, 16.0, 10.0]], "label": "one", "score": 0.5}]}
    for upload, kind in (("audio", "audio"), ("video", "video")):
        assert archive.read(uploads[upload]["file_path"]) == samples()[kind].to_bytes()
    assert archive.read(uploads["text-sample"]["file_path"]).decode() == samples()["string"]
    assert uploads["asset-item"]["name"] == "a/object3d"
    assert any(one["payload"].get("additional_params", {}).get("fileName") == "a/table_3.csv" for one in logged)


def test_without_a_step_nothing_is_overwritten(tmp_path: Path) -> None:
    experiment = offline(tmp_path)
    for word in ("one", "two"):
        mt.interop.log("comet", {"word": [1, word]}, target=experiment)
    experiment.end()
    names = [one["payload"].get("additional_params", {}).get("fileName") or "" for one in messages(tmp_path)[1]]
    assert len({name for name in names if name.startswith("mediatypes/word/")}) == 2
