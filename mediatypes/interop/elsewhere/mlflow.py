"""MLflow: the file store `mlruns` (a file for each metric, parameter and tag), and the SQLite database."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from ..._core.errors import MediaTypesError, MissingDependencyError
from ...types.image.value import Image
from ..trackers._stored import FOLDER as STORED
from ..trackers._stored import read as read_stored
from ._logged import Later, Logged, Planned, media, plain_name
from ._sources import database, has_link, mapping, number, regular_files, seconds, tables_of, text

_META, _ARTIFACTS = "meta.yaml", "artifacts"
_TABLES = {"experiments.experiment_id", "runs.run_uuid", "metrics.run_uuid", "metrics.is_nan", "params.run_uuid"}
_STATUS = {1: "failed", 3: "finished", 4: "failed", 5: "interrupted"}
_NAMED = {"RUNNING": 1, "FINISHED": 3, "FAILED": 4, "KILLED": 5}
_OWN = "mlflow."
_IMAGE = re.compile(r"images/(?P<key>.+?)[+%](?:step)[+%](?P<step>\d+)[+%].*?(?P<small>compressed)?\.\w+")


def find(path: Path) -> Iterator[Path]:
    """A directory that is a file store of MLflow, or a file that is its database."""
    metas = path.glob(f"*/{_META}") if path.is_dir() else ()
    if tables_of(path) >= _TABLES or any("experiment_id" in _text(meta)[:2000] for meta in metas):
        yield path


def plan(path: Path, stack: contextlib.ExitStack) -> Iterator[Planned]:
    """Its runs that were not deleted."""
    if not path.is_file():
        yield from _plan_files(path)
        return
    ask = stack.enter_context(database(path))
    query = (
        "select r.run_uuid, e.name, r.name, r.status, r.start_time, r.artifact_uri from runs r"
        " join experiments e using (experiment_id) where r.lifecycle_stage = 'active' order by r.start_time"
    )
    for id, experiment, name, *rest in ask(query):
        read = partial(_read_database, ask, path.parent, id, experiment, name or id, *rest)
        yield Planned(_name(experiment, name or id, id), read)


def _plan_files(path: Path) -> Iterator[Planned]:
    for meta in sorted(path.glob(f"*/*/{_META}")):
        folder = meta.parent
        if folder.is_symlink() or folder.parent.is_symlink():
            continue
        experiment = _yaml(folder.parent / _META).get("name", folder.parent.name)
        try:
            described = mapping(meta)
        except MissingDependencyError:
            raise
        except MediaTypesError as error:
            yield Planned(_name(experiment, folder.name, folder.name), partial(_refuse, error))
            continue
        if described.get("lifecycle_stage") == "deleted":
            continue
        if "run_id" in described or "run_uuid" in described:
            name = described.get("run_name") or _text(folder / "tags" / f"{_OWN}runName") or folder.name
            yield Planned(
                _name(experiment, name, folder.name), partial(_read_files, folder, experiment, name, described)
            )


def _refuse(error: MediaTypesError) -> Logged:
    raise error


def _name(experiment: Any, name: Any, id: str) -> str:
    return plain_name(experiment, f"{name}-{id[:8]}")


def _read_files(folder: Path, experiment: Any, name: Any, described: dict[str, Any]) -> Logged:
    tags, params = (
        {name: _text(folder / kind / name) for name in regular_files(folder / kind)} for kind in ("tags", "params")
    )
    run = _run(experiment, name, tags, described.get("status"), described.get("start_time"))
    run.config = {name: number(written) for name, written in params.items()}
    for key in regular_files(folder / "metrics"):
        with open(folder / "metrics" / key, encoding="utf-8", errors="replace") as file:
            for line in file:
                time, value, step, *_ = [*line.split(), "", "", ""]
                _add(run, key, value, step or 0, time)
    _artifacts(run, folder / _ARTIFACTS)
    return run


def _read_database(
    ask: Any, base: Path, id: str, experiment: Any, name: Any, status: Any, started: Any, artifacts: Any
) -> Logged:
    tags, params = (
        {str(key): str(value) for key, value in ask(f"select key, value from {table} where run_uuid = ?", id)}
        for table in ("tags", "params")
    )
    run = _run(experiment, name, tags, _NAMED.get(status, 3), started)
    run.config = {key: number(value) for key, value in params.items()}
    if folder := _folder_below(base, str(artifacts)):
        _artifacts(run, folder)
    else:
        run.lost["directories of artifacts that are elsewhere"] += 1
    query = "select key, value, is_nan, timestamp, step from metrics where run_uuid = ? order by timestamp"
    for key, value, is_nan, time, step in ask(query, id):
        _add(run, str(key), "nan" if is_nan else value, step, time)
    return run


def _add(run: Logged, key: str, value: Any, step: Any, time: Any) -> None:
    """A value, whose time is in ms, as the store has it."""
    try:
        run.add(key, int(step), float(value), int(time) / 1000)
    except (TypeError, ValueError, OverflowError):
        run.lost["values of metrics that cannot be read"] += 1


def _folder_below(base: Path, uri: str) -> Path | None:
    """The directory that a database names, if it is below its own, and no part of the way is a link."""
    parsed = urlsplit(uri)
    folder = base / unquote(parsed.path)
    if parsed.scheme not in ("", "file") or ".." in folder.parts or not folder.is_relative_to(base):
        return None
    return None if has_link(folder, base) else folder


def _run(experiment: Any, name: Any, tags: dict[str, str], status: Any, started: Any) -> Logged:
    return Logged(
        str(name),
        project=str(experiment),
        tags=[f"{key}={value}" for key, value in sorted(tags.items()) if not key.startswith(_OWN)],
        notes=tags.get(f"{_OWN}note.content"),
        started=seconds(started),
        status=_STATUS.get(status, "finished") if type(status) is int else "finished",
    )


def _artifacts(run: Logged, folder: Path) -> None:
    """Values that `mt.interop.log` stored, images that were logged by key and step; other files are kept with it."""
    names, stored = [*regular_files(folder)], set[tuple[str, int]]()
    for key, step, make in read_stored(folder, names):
        value = Later(make, "values of mediatypes")
        stored.add((key, step or 0))
        if step is not None:
            run.add(key, step, value, None)
        elif run.summary.setdefault(key, value) is not value:
            run.lost["values without a step, of which the summary has one of each key,"] += 1
    for name in names:
        matched = _IMAGE.fullmatch(name)
        if matched is None:
            if not name.startswith((f"{STORED}/", "tables/")) or not stored:
                run.kept[name] = folder
        elif not matched["small"]:  # MLflow keeps a smaller copy beside each
            key, step = matched["key"].replace("~", "/").replace("#", "/"), int(matched["step"])
            if (key, step) not in stored:
                run.add(key, step, media(folder / name, "images", Image), None)


def _yaml(path: Path) -> dict[str, Any]:
    try:
        return mapping(path)
    except MissingDependencyError:
        raise
    except MediaTypesError:
        return {}


def _text(path: Path) -> str:
    """A small file of the store; what cannot be read is empty."""
    try:
        return text(path)
    except MediaTypesError:
        return ""
