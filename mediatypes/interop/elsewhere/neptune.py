"""Exports of neptune-exporter: `data/<project>/<run>_part_<n>.parquet`, and files below `files/`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ...types.histogram.value import Histogram
from ._logged import Later, Logged, Planned, kind_of, media, of_type, plain_name
from ._rows import batches, first_row, schema_of
from ._sources import as_dict, below

_COLUMNS = {"project_id", "run_id", "attribute_path", "attribute_type", "step", "int_value", "string_set_value"}
_FIRST = "_part_0.parquet"
_MICRO = 10**6  # a step of 1, as decimal128(18, 6) keeps it
_SINGLE = {kind: f"{kind}_value" for kind in ("float", "int", "string", "bool", "datetime", "string_set")}
_SERIES = {"float_series": "float_value", "string_series": "string_value"}
_SYS = "sys/"


def find(path: Path) -> Iterator[tuple[Path, Path]]:
    """An export, or its `data`, or that of a project, with the first part of each run; one without is not complete."""
    for pattern in (f"*{_FIRST}", f"*/*{_FIRST}", f"data/*/*{_FIRST}"):
        if listed := sorted(one for one in path.glob(pattern) if not one.is_symlink() and not one.parent.is_symlink()):
            if set(schema_of(listed[0]).names) >= _COLUMNS:
                yield from ((path, first) for first in listed)
            return


def plan(place: tuple[Path, Path], stack: contextlib.ExitStack) -> Iterator[Planned]:
    """The run, by the identifiers of its project and itself."""
    root, first = place
    ids = first_row(first, ["project_id", "run_id"])
    name = plain_name(ids.get("project_id") or first.parent.name, ids.get("run_id") or first.name[: -len(_FIRST)])
    yield Planned(name, partial(_read, root, first, ids.get("project_id")))


def _read(root: Path, first: Path, project: str | None) -> Logged:
    run, base = Logged(project=project), root / "files"
    series: list[tuple[str, int, Any, float | None]] = []
    number, part = 0, first
    while part.is_file() and not part.is_symlink():
        for batch in batches(part):
            _read_batch(run, base, batch, series)
        number += 1
        part = first.with_name(f"{first.name[: -len(_FIRST)]}_part_{number}.parquet")
    scale = _scale({step for _, step, _, _ in series})
    if scale > 1:
        run.said.append(f"steps are {scale} times those of Neptune, some of which are fractions")
    for key, step, value, time in series:
        run.add(key, step * scale // _MICRO, value, time)
    _take_system(run)
    return run


def _read_batch(run: Logged, base: Path, batch: pa.RecordBatch, series: list[tuple[str, int, Any, Any]]) -> None:
    micros = pc.cast(pc.multiply(batch["step"], pa.scalar(_MICRO, pa.decimal128(7, 0))), pa.int64()).to_pylist()
    for row, step in zip(batch.drop_columns(["step"]).to_pylist(), micros, strict=True):
        key, type, time = row["attribute_path"], row["attribute_type"], row.get("timestamp")
        if type in _SINGLE:
            run.config[key] = row.get(_SINGLE[type])
            continue
        if type == "file":
            _add_file(run, base, key, _path(row))
            continue
        value: Any = None
        if type in _SERIES:
            value = row.get(_SERIES[type])
        elif type == "histogram_series":
            value = Later(partial(_histogram, row.get("histogram_value")), "histograms")
        elif type == "file_series" and kind_of(_path(row)):
            value = media(below(base, _path(row)), "files")
        elif type == "file_series" and below(base, _path(row)):
            run.kept[_path(row)] = base
            continue
        if value is None or step is None:
            run.lost[of_type(type)] += 1
        else:
            series.append((key, step, value, time and time.timestamp()))


def _add_file(run: Logged, base: Path, key: str, name: str) -> None:
    """A file of the run: a value of the summary if it is of a media type, else kept with it."""
    file = below(base, name)
    if file is None:
        run.lost["files that are not below files/ of the export"] += 1
    elif kind_of(name):
        run.summary[key] = media(file, "files")
    else:
        run.kept[name] = base


def _path(row: dict[str, Any]) -> str:
    return str(as_dict(row.get("file_value")).get("path") or "")


def _histogram(histogram: dict[str, Any]) -> Histogram:
    return Histogram(np_histogram=(histogram["values"], histogram["edges"]))


def _scale(steps: set[int]) -> int:
    """The power of ten that makes all steps, in millionths, whole."""
    scales = (1, 10, 100, 1000, 10**4, 10**5, _MICRO)
    return next(scale for scale in scales if all(step * scale % _MICRO == 0 for step in steps))


def _take_system(run: Logged) -> None:
    """What Neptune itself noted of the run, out of the config."""
    noted = {name.removeprefix(_SYS): run.config.pop(name) for name in list(run.config) if name.startswith(_SYS)}
    name = noted.pop("name", None) or noted.pop("custom_run_id", None) or noted.get("id")
    run.title, run.notes = name and str(name), noted.pop("description", None) or None
    run.tags = [*(noted.pop("tags", None) or []), *(noted.pop("group_tags", None) or [])]
    if created := noted.pop("creation_time", None):
        run.started = created.timestamp()
    run.status = "failed" if noted.pop("failed", False) else "finished"
    run.config |= {f"{_SYS}{name}": value for name, value in noted.items()}
    run.config = {key: value.isoformat() if hasattr(value, "isoformat") else value for key, value in run.config.items()}
