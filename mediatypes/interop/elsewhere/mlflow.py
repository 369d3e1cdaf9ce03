"""MLflow: the file store `mlruns` (a file for each metric, parameter and tag), and the SQLite database."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from ..._core.deps import need
from ..._core.errors import MediaTypesError
from ...types.image.value import Image
from ._logged import Logged, database, nested, plain_name, regular_files, tables_of

_META, _ARTIFACTS = "meta.yaml", "artifacts"
_TABLES = {"experiments.experiment_id", "runs.run_uuid", "metrics.run_uuid", "metrics.is_nan", "params.run_uuid"}
_STATUS = {1: "failed", 3: "finished", 4: "failed", 5: "interrupted"}
_NAMED = {"RUNNING": 1, "FINISHED": 3, "FAILED": 4, "KILLED": 5}
_OWN = "mlflow."
_IMAGE = re.compile(r"images/(?P<key>.+?)[+%](?:step)[+%](?P<step>\d+)[+%].*?(?P<small>compressed)?\.\w+")
_LARGEST = 16 * 1024 * 1024  # bytes of a parameter or a tag


def is_one(path: Path) -> bool:
    """Whether a directory is a file store of MLflow, or a file its database."""
    if path.is_file():
        return tables_of(path) >= _TABLES
    metas = path.glob(f"*/{_META}") if path.is_dir() else ()
    return any("experiment_id" in _text(meta)[:2000] for meta in metas)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[list[Logged]]:
    """Its runs that were not deleted."""
    yield _of_database(path) if path.is_file() else _of_files(path)


def _of_files(path: Path) -> list[Logged]:
    runs = []
    for meta in sorted(path.glob(f"*/*/{_META}")):
        folder = meta.parent
        told, experiment = _yaml(meta), _yaml(folder.parent / _META)
        if folder.is_symlink() or folder.parent.is_symlink() or told.get("lifecycle_stage") == "deleted":
            continue
        if "run_id" not in told and "run_uuid" not in told:
            continue
        tags = {name: _text(folder / "tags" / name) for name in regular_files(folder / "tags")}
        run = _run(folder.name, experiment.get("name", folder.parent.name), tags, told)
        run.config = nested({name: _text(folder / "params" / name) for name in regular_files(folder / "params")})
        for name in regular_files(folder / "metrics"):
            _metric(run, name, folder / "metrics" / name)
        _artifacts(run, folder / _ARTIFACTS)
        runs.append(run)
    return runs


def _metric(run: Logged, name: str, path: Path) -> None:
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            words = line.split()
            try:
                time, value, step = int(words[0]), float(words[1]), int(words[2]) if len(words) > 2 else 0
            except (ValueError, IndexError):
                run.lost["lines of metrics"] += 1
            else:
                run.add(name, step, value, time / 1000)


def _of_database(path: Path) -> list[Logged]:
    runs: dict[str, Logged] = {}
    with database(path) as ask:
        tags: dict[str, dict[str, str]] = {}
        for id, name, text in ask("select run_uuid, key, value from tags"):
            tags.setdefault(id, {})[str(name)] = str(text)
        query = (
            "select r.run_uuid, e.name, r.name, r.status, r.start_time, r.artifact_uri from runs r"
            " join experiments e using (experiment_id) where r.lifecycle_stage = 'active' order by r.start_time"
        )
        for id, experiment, name, status, started, artifacts in ask(query):
            told = {"run_name": name, "status": _NAMED.get(status, 3), "start_time": started}
            runs[id] = _run(id, experiment, tags.get(id, {}), told)
            if folder := _folder_below(path.parent, str(artifacts)):
                _artifacts(runs[id], folder)
            else:
                runs[id].lost["directories of artifacts that are elsewhere"] += 1
        for id, name, text in ask("select run_uuid, key, value from params"):
            if id in runs:
                runs[id].config |= nested({str(name): str(text)})
        query = "select run_uuid, key, value, is_nan, timestamp, step from metrics order by timestamp"
        for id, name, value, is_nan, time, step in ask(query):
            if id in runs:
                try:
                    runs[id].add(str(name), int(step), float("nan") if is_nan else float(value), int(time) / 1000)
                except (TypeError, ValueError, OverflowError):
                    runs[id].lost["rows of metrics"] += 1
    return list(runs.values())


def _folder_below(base: Path, uri: str) -> Path | None:
    """The directory that a database names, if it is below its own, and no part of the way is a link."""
    told = urlsplit(uri)
    folder = Path(unquote(told.path))
    if told.scheme not in ("", "file") or ".." in folder.parts or not folder.is_relative_to(base):
        return None
    links = (one.is_symlink() for one in (folder, *folder.parents) if one != base and one.is_relative_to(base))
    return None if any(links) else folder


def _run(id: str, experiment: Any, tags: dict[str, str], told: dict[str, Any]) -> Logged:
    name = told.get("run_name") or tags.get(f"{_OWN}runName") or id
    started, status = told.get("start_time"), told.get("status")
    return Logged(
        plain_name(experiment, f"{name}-{id[:8]}"),
        str(name),
        project=str(experiment),
        tags=[f"{key}={text}" for key, text in sorted(tags.items()) if not key.startswith(_OWN)],
        notes=tags.get(f"{_OWN}note.content"),
        started=started / 1000 if type(started) is int else None,
        status=_STATUS.get(status, "finished") if type(status) is int else "finished",
    )


def _artifacts(run: Logged, folder: Path) -> None:
    """Images that were logged by key and step are images of the run; other files are kept with it."""
    for name in regular_files(folder):
        found = _IMAGE.fullmatch(name)
        if found is None:
            run.kept[name] = folder
        elif not found["small"]:  # MLflow keeps a smaller copy beside each
            key = found["key"].replace("~", "/").replace("#", "/")
            try:
                run.add(key, int(found["step"]), Image(folder / name), None)
            except MediaTypesError:
                run.lost["images"] += 1


def _yaml(path: Path) -> dict[str, Any]:
    yaml = need("yaml", extra="yaml", needed_for="meta.yaml of MLflow")
    try:
        found = yaml.safe_load(_text(path))
    except (yaml.YAMLError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(path: Path) -> str:
    """A small file of the store; what cannot be read is empty."""
    try:
        if path.is_symlink() or path.stat().st_size > _LARGEST:
            return ""
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
