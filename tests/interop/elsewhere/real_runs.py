"""Writes a run with a real package, without a network: `real_runs.py PACKAGE FOLDER`; started by `test_real.py`."""

from __future__ import annotations

import importlib
import io
import json
import os
import sys
import wave
from pathlib import Path
from typing import Any

import numpy as np

PHOTO = np.full((4, 6, 3), 50, np.uint8)
CONFIG = {"lr": 0.1, "net": {"depth": 3}}


def sound() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(8000)
        writer.writeframes(bytes(1600))
    return file.getvalue()


def aim(root: Path) -> None:
    aim: Any = importlib.import_module("aim")
    mt: Any = importlib.import_module("mediatypes")
    run = aim.Run(repo=str(root), experiment="exp", system_tracking_interval=None, capture_terminal_logs=False)
    run.name, run.description = "first", "note"
    run.add_tag("a")
    run["hparams"] = CONFIG
    for step, loss in enumerate((1.0, 0.5)):
        run.track(loss, name="loss", step=step, context={"subset": "train"})
        run.track(loss * 2, name="loss", step=step, context={"subset": "val", "fold": 1})
    run.track(float("nan"), name="acc", step=1)
    pictures = importlib.import_module("PIL.Image")
    image = aim.Image(pictures.fromarray(PHOTO), caption="c")
    run.track(image, name="img", step=1)
    run.track([image, image], name="imgs", step=1)
    run.track(aim.Text("hello"), name="txt", step=1)
    run.track(aim.Distribution([1, 2, 3, 4, 4.5], bin_count=4), name="weights", step=1)
    run.track(aim.Audio(sound(), format="wav", caption="s"), name="snd", step=1)
    mt.interop.log("aim", {"histogram": mt.Histogram([1.0, 2.0])}, step=1, target=run)
    run.close()


def clearml(root: Path) -> None:
    os.environ["CLEARML_CACHE_DIR"] = str(root)
    task_class: Any = importlib.import_module("clearml").Task
    task_class.set_offline(True)
    task_class.force_store_standalone_script()  # and look for no repository, which may hang
    options: dict[str, Any] = {"auto_connect_frameworks": False, "auto_resource_monitoring": False}
    task = task_class.init(project_name="proj/sub", task_name="first", tags=["a"], **options)
    task.connect(dict(CONFIG))
    task.set_comment("note")
    logger = task.get_logger()
    for step, loss in enumerate((1.0, 0.5)):
        logger.report_scalar("loss", "train", loss, step)
    logger.report_single_value("best", 0.75)
    logger.report_image("val", "photo", iteration=1, image=PHOTO)
    logger.report_confusion_matrix("cm", "cm", iteration=1, matrix=np.eye(2))
    (root / "a.wav").write_bytes(sound())
    logger.report_media("snd", "s", iteration=1, local_path=str(root / "a.wav"))
    logger.report_text("hello text")
    task.upload_artifact("numbers", {"a": 1})
    task.close()


def swanlab(root: Path) -> None:
    swanlab: Any = importlib.import_module("swanlab")
    named = {"project": "proj", "name": "first", "description": "note", "tags": ["a"], "group": "g"}
    swanlab.init(mode="offline", logdir=str(root), config=CONFIG, **named)
    image = swanlab.Image(PHOTO, caption="c")
    swanlab.log({"loss": 1.0}, step=0)
    swanlab.log({"loss": 0.5, "img": image, "imgs": [image, image], "txt": swanlab.Text("hello")}, step=1)
    swanlab.log({"html": swanlab.Html("<b>x</b>"), "points": swanlab.Object3D(np.eye(3))}, step=2)
    swanlab.finish()


def pluto(root: Path) -> None:
    """With the exporter, which is given a run of W&B that is made here."""
    exporter: Any = importlib.import_module("pluto.migrate.wandb_export").WandbExporter
    pictures = importlib.import_module("PIL.Image")

    class File:
        name = "media/images/a.png"

        def download(self, root: str, exist_ok: bool) -> None:
            path = Path(root) / self.name
            path.parent.mkdir(parents=True, exist_ok=True)
            pictures.fromarray(PHOTO).save(path)

    class Api:
        id, name, notes, tags, state, config, sweep = "abc", "first", "note", ["a"], "finished", CONFIG, None
        created_at, heartbeat_at = "2026-11-30T00:00:00", "2026-11-30T01:00:00"
        url, metadata, json_config, summary = "", {}, None, None

        def runs(self, path: str) -> list[Any]:
            return [self]

        def scan_history(self, page_size: int) -> list[dict[str, Any]]:
            image = {"_type": "image-file", "path": File.name, "caption": "c"}
            bins = {"_type": "histogram", "values": [3, 4], "packedBins": {"min": 0, "size": 1, "count": 2}}
            at = {"_timestamp": 1_796_038_551.25}
            return [
                {"_step": 0, **at, "loss": 1.0},
                {"_step": 1, **at, "loss": 0.5, "acc": "NaN", "phase": "warm", "img": image, "weights": bins},
            ]

        def history(self, stream: str, pandas: bool, samples: int) -> list[dict[str, Any]]:
            return [{"_timestamp": 1_796_038_551.5, "system.cpu": 12.5}]

        def files(self) -> list[Any]:
            return [File()]

        def logged_artifacts(self) -> list[Any]:
            return []

        def used_artifacts(self) -> list[Any]:
            return []

    print(json.dumps(exporter("me", "proj", root, api=Api()).export()))


if __name__ == "__main__":
    {"aim": aim, "clearml": clearml, "swanlab": swanlab, "pluto": pluto}[sys.argv[1]](Path(sys.argv[2]))
