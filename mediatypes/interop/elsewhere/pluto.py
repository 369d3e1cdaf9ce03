"""Exports of pluto.migrate: `<entity>/<project>/runs/<id>` with `run.json`, `part-<n>.parquet` and what W&B had."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from ..wandb.documents import decode
from ._logged import Later, Logged, Planned, of_type, plain_name
from ._rows import batches, schema_of
from ._sources import as_dict, below, has_link, loads, mapping, regular_files, seconds

_MANIFEST, _FILES, _PARTS = "run.json", "files/", "part-*.parquet"
_COLUMNS = {"attribute_path", "attribute_type", "step", "timestamp_ms", "float_value", "annotation_value"}
_KEY = ("attribute_type", "attribute_path", "step", "timestamp_ms")
_STATUS = {"finished": "finished", "killed": "interrupted"}
_SYSTEM_PREFIX = "system."


def find(path: Path) -> Iterator[Path]:
    """The directories of the runs of an export, or one that is a run."""
    listed = [path, *(one for above in ("", "*/", "*/*/") for one in sorted(path.glob(f"{above}runs/*")))]
    folders = [one for one in listed if below(one, _MANIFEST) and any(one.glob(_PARTS)) and not has_link(one, path)]
    if folders and set(schema_of(min(folders[0].glob(_PARTS))).names) >= _COLUMNS:
        yield from folders


def plan(folder: Path, stack: contextlib.ExitStack) -> Iterator[Planned]:
    """The run, by the names of its project and itself and its identifier."""
    manifest = mapping(folder / _MANIFEST)
    name = plain_name(manifest.get("project") or folder.parent.parent.name, f"{manifest.get('name')}-{folder.name}")
    yield Planned(name, partial(_read, folder, manifest))


def _read(folder: Path, manifest: dict[str, Any]) -> Logged:
    sweep = manifest.get("sweep")
    run = Logged(
        str(manifest.get("name")),
        project=manifest.get("project"),
        notes=manifest.get("notes") or None,
        tags=[str(tag) for tag in manifest.get("tags") or []],
        group=str(sweep.get("name") or sweep.get("id")) if isinstance(sweep, dict) else None,
        started=seconds(manifest.get("createdAt")),
        status=_STATUS.get(manifest.get("state") or "", "failed"),
    )
    run.config = as_dict(manifest.get("config"))
    used = set[str]()
    rows = (row for part in sorted(folder.glob(_PARTS)) for batch in batches(part) for row in batch.to_pylist())
    for (type, key, step, time), group in groupby(rows, lambda row: tuple(row[name] for name in _KEY)):
        for value in _values(type, list(group), folder, used, run):
            _add(run, type, key, step, seconds(time), value)
    summary = as_dict(manifest.get("summary"))
    run.summarize({key: _document(one, folder) if "_type" in as_dict(one) else one for key, one in summary.items()})
    run.keep(folder, (name for name in regular_files(folder) if not name.endswith(".parquet") and name not in used))
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
    return Later(partial(decode, document, folder / _FILES), of_type(document.get("_type")))
