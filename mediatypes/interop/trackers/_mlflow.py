"""MLflow: metrics, image charts and tables as it has them, and every value as an artifact.

The artifact `mediatypes/<key>/<step>.json` is the document of a value, or the text or list itself; the files that
documents name are in `mediatypes/media`.
"""

from __future__ import annotations

import importlib.util
import re
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from ..._core import canonical
from ..._core.codec import encode
from ..._core.deps import need
from ...store.directory import DirectoryStore
from ..importing.names import safe_name
from ._adapter import Adapter, Way
from ._common import as_it_is, drawn, plain_columns

_FOLDER = "mediatypes"
_KEY = re.compile(r"[^a-zA-Z0-9_\-./ ]")  # what MLflow takes in the key of an image


class Artifact(NamedTuple):
    """What is logged of a value: plain data or the value, and what MLflow shows of it."""

    value: Any
    picture: Any = None  # a PIL image, for log_image
    table: dict[str, list[Any]] | None = None  # for log_table


def _mlflow() -> Any:
    return need("mlflow", needed_for="logging to MLflow")


def _picture(value: Any, key: str) -> Artifact:
    return Artifact(value, drawn(value).to_pil())


def _figure(value: Any, key: str) -> Artifact:
    return _picture(value, key) if value.has_picture else Artifact(value)


def _table(value: Any, key: str) -> Artifact:
    return Artifact(value, table=plain_columns(value) if importlib.util.find_spec("pandas") else None)


def _artifact(value: Any, key: str) -> Artifact:
    return Artifact(value)


def _send(run: Any, objects: dict[str, Any], step: int | None) -> None:
    client, run_id, step = _mlflow().MlflowClient(), run if isinstance(run, str) else run.info.run_id, step or 0
    with tempfile.TemporaryDirectory() as folder:
        for key, made in objects.items():
            if not isinstance(made, Artifact):
                client.log_metric(run_id, key, float(made), step=step)
                continue
            _write(Path(folder), key, step, made.value)
            if made.picture is not None:
                client.log_image(run_id, made.picture, key=_KEY.sub("_", key), step=step)
            if made.table is not None:
                client.log_table(run_id, made.table, f"tables/{safe_name(key)}/{step}.json")
        if any(Path(folder).iterdir()):
            client.log_artifacts(run_id, folder, _FOLDER)


def _write(folder: Path, key: str, step: int, value: Any) -> None:
    is_medium = hasattr(type(value), "__media__")
    plain = encode(value, DirectoryStore(folder, "media")) if is_medium else value
    file = folder / safe_name(key) / f"{step}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(canonical.dumps(plain), "utf-8")


_OURS = "and the value itself as an artifact"
_ITSELF = "the value itself as an artifact"
ADAPTER = Adapter(
    title="MLflow",
    package="mlflow",
    modules=("mlflow",),
    ways={
        "number": Way("kept", "a metric; infinity becomes the largest double", as_it_is),
        "string": Way("kept", "an artifact of JSON", _artifact),
        "json": Way("kept", "an artifact of JSON", _artifact),
        "image": Way("kept", f"log_image, boxes and masks drawn in, {_OURS}", _picture),
        "video": Way("kept", _ITSELF, _artifact),
        "audio": Way("kept", _ITSELF, _artifact),
        "html": Way("kept", _ITSELF, _artifact),
        "histogram": Way("kept", _ITSELF, _artifact),
        "table": Way("kept", f"log_table, other cells than numbers and texts as texts, {_OURS}", _table),
        "tensor": Way("kept", _ITSELF, _artifact),
        "figure": Way("kept", f"log_image of matplotlib's, {_OURS}", _figure),
        "plot": Way("kept", f"log_image of the chart, {_OURS}", _picture),
        "object3d": Way("kept", _ITSELF, _artifact),
        "molecule": Way("kept", _ITSELF, _artifact),
    },
    send=_send,
    current=lambda: _mlflow().active_run(),
    hint="Call mlflow.start_run(), or pass target=run.",
)
