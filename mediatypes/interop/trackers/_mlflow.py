"""MLflow: metrics, image charts and tables as it has them, and every value as an artifact below `mediatypes`."""

from __future__ import annotations

import importlib.util
import re
from functools import partial
from typing import Any

from ..._core.deps import need
from ..importing.names import safe_name
from . import _stored
from ._adapter import Adapter, Way, ways
from ._common import as_it_is, drawn, has_picture, plain_columns
from ._stored import Stored, only_if, stored

_KEY = re.compile(r"[^a-zA-Z0-9_\-./ ]")  # what MLflow does not take in the key of an image


_mlflow = partial(need, "mlflow", needed_for="logging to MLflow")


def _picture(value: Any, key: str) -> Stored:
    picture = drawn(value).to_pil()
    return Stored(value, lambda client, run, step: client.log_image(run, picture, key=_KEY.sub("_", key), step=step))


def _table(value: Any, key: str) -> Stored:
    if not importlib.util.find_spec("pandas"):  # which MLflow's tables need
        return Stored(value)
    columns, name = plain_columns(value), f"tables/{safe_name(key)}"
    return Stored(value, lambda client, run, step: client.log_table(run, columns, f"{name}/{step}.json"))


def _send(run: Any, objects: dict[str, Any], step: int | None) -> None:
    send_to(_mlflow().MlflowClient(), run if isinstance(run, str) else run.info.run_id, objects, step)


def send_to(client: Any, run_id: str, objects: dict[str, Any], step: int | None) -> None:
    """Log what the adapter made of values to a run of a client."""
    _stored.send(
        objects,
        step,
        number=lambda key, value: client.log_metric(run_id, key, float(value), step=step or 0),
        show=lambda key, call: call(client, run_id, step or 0),
        place=lambda name, folder: client.log_artifacts(run_id, str(folder), _stored.FOLDER),
    )


_OURS = "and the value itself as an artifact"
ADAPTER = Adapter(
    title="MLflow",
    package="mlflow",
    modules=("mlflow",),
    ways=ways(
        Way("kept", "the value itself as an artifact", stored),
        number=Way("kept", "a metric; infinity becomes the largest double", as_it_is),
        string=Way("kept", "an artifact of JSON", stored),
        json=Way("kept", "an artifact of JSON", stored),
        image=Way("kept", f"log_image, boxes and masks drawn in, {_OURS}", _picture),
        table=Way("kept", f"log_table, other cells than numbers and texts as texts, {_OURS}", _table),
        figure=Way("kept", f"log_image of matplotlib's, {_OURS}", only_if(has_picture, _picture)),
        plot=Way("kept", f"log_image of the chart, {_OURS}", _picture),
    ),
    send=_send,
    current=lambda: _mlflow().active_run(),
    hint="Call mlflow.start_run(), or pass target=run.",
)
