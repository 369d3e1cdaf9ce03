"""Exports of pluto.migrate: `<entity>/<project>/runs/<id>` with `run.json`, `part-<n>.parquet` and what W&B had."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from ..wandb.documents import decode
from ._logged import Later, Logged, Planned, plain_name
from ._rows import batches, columns_of
from ._sources import as_dict, below, loads, mapping, regular_files

_MANIFEST, _FILES, _PARTS = "run.json", "files/", "part-*.parquet"
_COLUMNS = {"attribute_path", "attribute_type", "step", "timestamp_ms", "float_value", "annotation_value"}
_KEY = ("attribute_type", "attribute_path", "step", "timestamp_ms")
_STATUS = {"finished": "finished", "killed": "interrupted"}
_SYSTEM_PREFIX = "system."


def is_one(path: Path) -> bool:
    """Whether a directory is an export, or one run of it."""
    folder = next(_folders(path), None)
    return folder is not None and columns_of(min(folder.glob(_PARTS))) >= _COLUMNS


def _folders(path: Path) -> Iterator[Path]:
    for pattern in ("", "runs/*", "*/runs/*", "*/*/runs/*"):
        for folder in sorted(path.glob(pattern)) if pattern else [path]:
            links = (one.is_symlink() for one in (folder, *folder.parents) if one.is_relative_to(path) and one != path)
            if below(folder, _MANIFEST) and next(folder.glob(_PARTS), None) and not any(links):
                yield folder


@contextlib.contextmanager
def opened(path: Path) -> Iterator[list[Planned]]:
    """The runs, by the names of project and run and its identifier."""
    plans = []
    for folder in _folders(path):
        told = mapping(folder / _MANIFEST)
        name = plain_name(told.get("project") or folder.parent.parent.name, f"{told.get('name')}-{folder.name}")
        plans.append(Planned(name, partial(_read, folder, told)))
    yield plans


def _read(folder: Path, told: dict[str, Any]) -> Logged:
    created, sweep = told.get("createdAt"), told.get("sweep")
    run = Logged(
        str(told.get("name")),
        project=told.get("project"),
        notes=told.get("notes") or None,
        tags=[str(tag) for tag in told.get("tags") or []],
        group=str(sweep.get("name") or sweep.get("id")) if isinstance(sweep, dict) else None,
        started=created / 1000 if isinstance(created, (int, float)) else None,
        status=_STATUS.get(told.get("state") or "", "failed"),
    )
    run.config = as_dict(told.get("config"))
    used = set[str]()
    rows = (row for part in sorted(folder.glob(_PARTS)) for batch in batches(part) for row in batch.to_pylist())
    for (type, key, step, time), group in groupby(rows, lambda row: tuple(row[name] for name in _KEY)):
        for value in _values(type, list(group), folder, used, run):
            _add(run, type, key, step, time / 1000 if time is not None else None, value)
    logged = {key for row in run.rows.values() for key in row}
    for key, value in as_dict(told.get("summary")).items():
        if key not in logged:
            run.summary[key] = _document(value, folder) if "_type" in as_dict(value) else value
    run.kept = {name: folder for name in regular_files(folder) if not name.endswith(".parquet") and name not in used}
    return run


def _values(type: str, rows: list[dict[str, Any]], folder: Path, used: set[str], run: Logged) -> list[Any]:
    """What rows of one type, key, step and time say; media of one call are together."""
    if type in ("metric", "system_metric"):
        return [row["float_value"] for row in rows]
    if type in ("string_series", "console"):
        return [row["string_value"] or "" for row in rows]
    if type == "media":
        values = [_media(row, folder, used) for row in rows]
        return values if len(values) == 1 else [values]
    if type != "artifact":  # whose files are kept
        run.lost[f"rows of the type {str(type)[:40]}"] += len(rows)
    return []


def _add(run: Logged, type: str, key: str, step: Any, time: float | None, value: Any) -> None:
    if type == "system_metric":
        run.sample(time, key.removeprefix(_SYSTEM_PREFIX), value)
    elif type == "console":
        run.print(time, value)
    elif step is None:
        run.lost["values without a step"] += 1
    else:
        run.add(key, step, value, time)


def _media(row: dict[str, Any], folder: Path, used: set[str]) -> Later:
    """A value by what W&B wrote of it."""
    written, file = row["string_value"] or "", row["file_value"] or ""
    if written.startswith("{"):
        return _document(loads(written), folder)
    used.add(file)
    overlays = loads(row["annotation_value"])
    used |= {f"{_FILES}{as_dict(one).get('path')}" for parts in overlays.values() for one in parts.values()}
    path = file.removeprefix(_FILES)
    return _document({"_type": written, "path": path, "caption": row["caption"], **overlays}, folder)


def _document(document: dict[str, Any], folder: Path) -> Later:
    return Later(partial(decode, document, folder / _FILES), f"values of the type {str(document.get('_type'))[:40]}")
