"""trackio: a SQLite database for each project, a JSON text for each call, and media beside it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from ..._core.errors import MediaTypesError
from ...types.audio.value import Audio
from ...types.image.value import Image
from ...types.table.value import Table
from ...types.video.value import Video
from ._logged import Logged, below, database, plain_name, tables_of

_COLUMNS = ("metrics.run_name", "metrics.step", "metrics.metrics", "metrics.timestamp", "configs.config")
_NOT_FINITE = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
_TYPES: dict[str, Any] = {"trackio.image": Image, "trackio.audio": Audio, "trackio.video": Video}
_FURTHER = ("system_metrics", "traces", "alerts", "artifact_versions")


def is_one(path: Path) -> bool:
    """Whether a file is a database of trackio, or a directory has one."""
    return any(tables_of(file) >= set(_COLUMNS) for file in _databases(path))


def _databases(path: Path) -> list[Path]:
    found = [path] if path.is_file() else sorted(path.glob("*.db")) if path.is_dir() else []
    return [file for file in found if not file.is_symlink()]


@contextlib.contextmanager
def opened(path: Path) -> Iterator[list[Logged]]:
    """The runs of all projects."""
    runs: list[Logged] = []
    for file in _databases(path):
        if (tables := tables_of(file)) >= set(_COLUMNS):
            runs += _read(file, tables)
    yield runs


def _read(path: Path, tables: set[str]) -> list[Logged]:
    runs: dict[str, Logged] = {}
    taken = set[str]()
    with database(path) as ask:
        id = "run_id" if "metrics.run_id" in tables else "run_name"
        query = f"select {id}, run_name, step, timestamp, metrics from metrics order by step, id"
        for key, name, step, timestamp, text in ask(query):
            run = runs.setdefault(str(key), Logged("", project=path.stem))
            if not run.name:
                run.name, run.title = _free(plain_name(path.stem, name), taken), str(name)
            _add(run, step, _seconds(timestamp), text, path.parent / "media")
        for key, text in ask(f"select {id}, config from configs"):
            if str(key) in runs:
                config = _json(text)
                run = runs[str(key)]
                run.group = config["_Group"] if isinstance(config.get("_Group"), str) else None
                run.config = {name: value for name, value in config.items() if not name.startswith("_")}
        for table in _FURTHER:
            owner = {"artifact_versions": "producer_run_id"}.get(table, id)
            if f"{table}.{owner}" in tables:
                for key, count in ask(f"select {owner}, count(*) from {table} group by 1"):
                    if str(key) in runs:
                        runs[str(key)].lost[f"rows of {table}"] += count
    return list(runs.values())


def _add(run: Logged, step: Any, time: float | None, text: Any, media: Path) -> None:
    """The values of one call."""
    values = _json(text)
    if type(step) is not int or not values:
        run.lost["calls that cannot be read"] += 1
        return
    for key, value in values.items():
        try:
            typed = _value(value, media)
        except RecursionError:
            typed, value = None, {"_type": "deeply nested"}
        if typed is None and isinstance(value, dict) and "_type" in value:
            run.lost[f"values of the type {str(value['_type'])[:40]}"] += 1
        else:
            run.add(key, step, typed, time)


def _value(value: Any, media: Path) -> Any:
    """A value as it was logged; None of media that cannot be had. Texts that say NaN are what trackio makes of it."""
    if isinstance(value, str):
        return _NOT_FINITE.get(value, value)
    if not isinstance(value, dict) or "_type" not in value:
        return {key: _value(item, media) for key, item in value.items()} if isinstance(value, dict) else value
    try:
        if value["_type"] == "trackio.table":
            rows: Any = value.get("_value")
            columns = list(dict.fromkeys(key for row in rows for key in row))
            return Table(columns=columns, data=[[_value(row.get(name), media) for name in columns] for row in rows])
        file = below(media, value.get("file_path"))
        caption = value.get("caption")
        return _TYPES[value["_type"]](str(file), caption=caption) if file and value["_type"] in _TYPES else None
    except (MediaTypesError, TypeError, AttributeError):
        return None


def _json(text: Any) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _seconds(timestamp: Any) -> float | None:
    try:
        return datetime.fromisoformat(timestamp).timestamp()
    except (ValueError, TypeError, OSError, OverflowError):
        return None


def _free(name: str, taken: set[str]) -> str:
    number, first = 1, name
    while name.lower() in taken:
        number += 1
        name = f"{first}-{number}"
    taken.add(name.lower())
    return name
