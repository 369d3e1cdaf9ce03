"""`mlflow.db` and `artifacts`: a run of MLflow, written by its client; each value itself is an artifact too."""

from __future__ import annotations

import contextlib
import json
import math
import re
import sqlite3
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from ..._core.deps import need
from ..._core.errors import MediaTypesError, StoreError, Verbatim
from ...columns.cells import is_media_kind
from ...view import RunView
from ..importing.names import flat
from ..trackers import adapter
from ..trackers._mlflow import send_to
from ..trackers._sending import held, hold, make_objects
from ._content import NUMBERS, Content
from ._report import Tally

_STATUS = {"finished": "FINISHED", "failed": "FAILED", "interrupted": "KILLED"}
_ODD = re.compile(r"[^\w\-. :/]")  # what MLflow does not take in a name
_BATCH, _PARAMS = 1000, 100  # metrics and parameters in one call
_LONGEST_PARAM, _LONGEST_TAG, _LONGEST_NAME = 6000, 8000, 250


def write(view: RunView, folder: Path, tally: Tally) -> None:
    mlflow = need("mlflow", needed_for="the layout mlflow")
    content, database, artifacts = Content(view), folder / "mlflow.db", folder / "artifacts"
    try:
        client = mlflow.MlflowClient(f"sqlite:///{database.as_posix()}")
        try:
            experiment = client.create_experiment(view.project or "mediatypes", artifacts.as_uri())
            _write_run(client, experiment, view, content, tally)
        finally:
            client._tracking_client.store.engine.dispose()
    except MediaTypesError:
        raise
    except Exception as error:
        said = Verbatim(f"{type(error).__name__}: {error}")
        raise StoreError.of(str(folder), "MLflow to take the run", said, "See its message.") from error
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:  # where the folder will be
        for table, column in (("experiments", "artifact_location"), ("runs", "artifact_uri")):
            query = f"update {table} set {column} = replace({column}, ?, ?)"
            connection.execute(query, (artifacts.as_uri(), (tally.target.absolute() / "artifacts").as_uri()))
    tally.rows = content.read(["_step"]).num_rows


def _write_run(client: Any, experiment: str, view: RunView, content: Content, tally: Tally) -> None:
    entities, names = need("mlflow.entities", needed_for="the layout mlflow"), _Names(tally)
    described = content.described
    listed = [tag.partition("=")[::2] for tag in described.get("tags", [])]
    tags = {names.give(name, "tag", "tag"): value[:_LONGEST_TAG] for name, value in listed}
    for name, value in listed:
        tally.lose(name, "tag", f"longer than {_LONGEST_TAG} characters", len(value) > _LONGEST_TAG)
    if described.get("notes"):
        tags["mlflow.note.content"] = described["notes"]
    started = int(float(described["started"]) * 1000)
    run_id = client.create_run(experiment, started, tags, view.name).info.run_id
    params = []
    for key, value in flat(described.get("config", {})).items():
        text = value if isinstance(value, str) else json.dumps(value)
        tally.lose(key, "config", "as JSON: a parameter is text", type(value) not in (str, int, float))
        tally.lose(key, "config", f"longer than {_LONGEST_PARAM} characters", len(text) > _LONGEST_PARAM)
        params.append(entities.Param(names.give(key, "config", "parameter"), text[:_LONGEST_PARAM]))
    for i in range(0, len(params), _PARAMS):
        client.log_batch(run_id, params=params[i : i + _PARAMS])
    for spec, key, table in content.plain_cells():
        steps, stamps, cells = (table.column(i).to_pylist() for i in range(3))
        if spec.kind in NUMBERS:
            name = names.give(key, spec.kind, "metric")
            metrics = [
                entities.Metric(name, _double(spec.key, spec.kind, cell, tally), int(stamp * 1000), step)
                for step, stamp, cell in zip(steps, stamps, cells, strict=True)
            ]
            for i in range(0, len(metrics), _BATCH):
                client.log_batch(run_id, metrics=metrics[i : i + _BATCH])
        else:
            for step, cell in zip(steps, cells, strict=True):
                _send(client, run_id, key, spec.kind, cell, step, tally)
    for item in content.items():
        value = tally.value_of(item.document, item.key, item.kind, is_embedded=True)
        if value is not None:
            _send(client, run_id, item.name, item.document["_type"], hold(value), item.step, tally)
    for key, (kind, cell) in content.overrides().items():
        if kind in NUMBERS:
            client.log_metric(run_id, names.give(key, kind, "metric"), _double(key, kind, cell, tally), step=0)
        elif not is_media_kind(kind):
            _send(client, run_id, key, kind, cell, None, tally)
    if view.status != "running":
        last = pc.max(content.read(["_timestamp"]).column(0)).as_py()  # of a run that crashed
        ended = next(time for time in (described.get("finished"), last, described["started"]) if time is not None)
        client.set_terminated(run_id, _STATUS.get(view.status, "FAILED"), int(float(ended) * 1000))


def _double(key: str, kind: str, cell: Any, tally: Tally) -> float:
    """A number as MLflow has it."""
    number = float(cell)
    tally.lose(key, kind, "infinity becomes the largest double", math.isinf(number))
    tally.lose(key, kind, "rounded to a double", kind == "integer" and int(number) != cell)
    return number


def _send(client: Any, run_id: str, key: str, kind: str, plain: Any, step: int | None, tally: Tally) -> None:
    problems: list[Any] = []
    objects = make_objects(adapter("mlflow"), [(key, kind, plain)], held, problems)
    for one in problems:
        tally.lose(key, kind, one.message.partition(", got ")[0])
    send_to(client, run_id, objects, step)


class _Names:
    """Names that MLflow takes; one that had to be changed is told."""

    def __init__(self, tally: Tally) -> None:
        self._tally, self._taken = tally, set[tuple[str, str]]()

    def give(self, key: str, kind: str, what: str) -> str:
        """A name for a metric, parameter or tag that no other has."""
        name = _ODD.sub("_", key)[:_LONGEST_NAME]
        if any(part in ("", ".", "..") for part in name.split("/")):
            name = name.replace("/", "_").replace("..", "__") or "_"
        while (what, name) in self._taken:
            name += "_"
        self._taken.add((what, name))
        self._tally.lose(key, kind, f"the {what} is named {name}", name != key)
        return name
