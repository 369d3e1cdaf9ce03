"""trackio: a SQLite database for each project, a JSON text for each call, and media beside it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from ..._core.errors import MediaTypesError
from ...types.audio.value import Audio
from ...types.image.value import Image
from ...types.table.value import Table
from ...types.video.value import Video
from ._logged import Later, Logged, Planned, media, of_type, plain_name
from ._sources import below, database, loads, tables_of

_COLUMNS = {"metrics.run_name", "metrics.step", "metrics.metrics", "metrics.timestamp", "configs.config"}
_NOT_FINITE = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
_TYPES: dict[str, Any] = {"trackio.image": Image, "trackio.audio": Audio, "trackio.video": Video}
_FURTHER = ("system_metrics", "traces", "alerts", "artifact_versions")


def find(path: Path) -> Iterator[Path]:
    """The databases of projects: a file, or those in a directory."""
    files = [path] if path.is_file() else sorted(path.glob("*.db"))
    return (file for file in files if not file.is_symlink() and tables_of(file) >= _COLUMNS)


def plan(file: Path, stack: contextlib.ExitStack) -> Iterator[Planned]:
    ask, tables = stack.enter_context(database(file)), tables_of(file)
    id = "run_id" if "metrics.run_id" in tables else "run_name"
    for key, name in ask(f"select {id}, run_name from metrics group by {id} order by min(id)"):
        yield Planned(plain_name(file.stem, name), partial(_read, ask, file, tables, id, key, str(name)))


def _read(ask: Any, path: Path, tables: set[str], id: str, key: Any, name: str) -> Logged:
    run = Logged(name, project=path.stem)
    query = f"select step, timestamp, metrics from metrics where {id} is ? order by step, id"
    for step, timestamp, written in ask(query, key):
        _add(run, step, _seconds(timestamp), written, path.parent / "media")
    for (written,) in ask(f"select config from configs where {id} is ?", key):
        config = loads(written)
        run.group = config["_Group"] if isinstance(config.get("_Group"), str) else None
        run.config = {name: value for name, value in config.items() if not name.startswith("_")}
    for table in _FURTHER:
        owner = {"artifact_versions": "producer_run_id"}.get(table, id)
        if f"{table}.{owner}" in tables:
            run.lost[f"rows of {table}"] += next(ask(f"select count(*) from {table} where {owner} is ?", key))[0]
    return run


def _add(run: Logged, step: Any, time: float | None, written: Any, folder: Path) -> None:
    values = loads(written)
    if type(step) is not int or not values:
        run.lost["calls that cannot be read"] += 1
        return
    for key, value in values.items():
        try:
            run.add(key, step, _value(value, folder), time)
        except RecursionError:
            run.lost["values that are deeply nested"] += 1


def _value(value: Any, folder: Path) -> Any:
    """A value as it was logged. Texts that say NaN are what trackio makes of it."""
    if isinstance(value, str):
        return _NOT_FINITE.get(value, value)
    if not isinstance(value, dict) or "_type" not in value:
        return {key: _value(item, folder) for key, item in value.items()} if isinstance(value, dict) else value
    type, what = str(value["_type"]), of_type(value["_type"])
    if type == "trackio.table":
        return Later(partial(_table, value.get("_value"), folder), what)
    file = below(folder, value.get("file_path")) if type in _TYPES else None
    return media(file, what, _TYPES.get(type), value.get("caption"))


def _table(rows: Any, folder: Path) -> Table:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    return Table(columns=columns, data=[[_cell(row.get(name), folder) for name in columns] for row in rows])


def _cell(value: Any, folder: Path) -> Any:
    """A value in a table, None of media that cannot be had."""
    made = _value(value, folder)
    try:
        return made.make() if isinstance(made, Later) else made
    except MediaTypesError:
        return None


def _seconds(timestamp: Any) -> float | None:
    try:
        return datetime.fromisoformat(timestamp).timestamp()
    except (ValueError, TypeError, OSError, OverflowError):
        return None
