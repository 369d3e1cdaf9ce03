"""DVCLive: `plots/metrics/<key>.tsv`, `plots/images`, `metrics.json`, `params.yaml`."""

from __future__ import annotations

import contextlib
import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..._core.deps import need
from ..._core.errors import InputError, MediaTypesError, Verbatim
from ...types.image.value import Image
from ._logged import Logged, below, number, plain_name, regular_files

_METRICS, _IMAGES = "plots/metrics", "plots/images"
_LARGEST = 64 * 1024 * 1024  # bytes of metrics.json and params.yaml


def is_one(path: Path) -> bool:
    """Whether a directory is one of DVCLive."""
    return (path / _METRICS).is_dir() or ((path / "metrics.json").is_file() and (path / "plots").is_dir())


@contextlib.contextmanager
def opened(path: Path) -> Iterator[list[Logged]]:
    """Its run."""
    place = path.resolve()
    run = Logged(plain_name(place.parent.name if place.name == "dvclive" else place.name))
    for name in regular_files(path / _METRICS):
        if name.endswith(".tsv"):
            _read_metric(path / _METRICS / name, name.removesuffix(".tsv"), run)
    for name in regular_files(path / _IMAGES):
        _read_image(path / _IMAGES / name, name, run)
    if below(path, "params.yaml"):
        yaml = need("yaml", extra="yaml", needed_for="params.yaml of DVCLive")
        with _errors(path / "params.yaml", yaml.YAMLError):
            run.config = _mapping(yaml.safe_load(_text(path / "params.yaml")))
    if below(path, "metrics.json"):
        with _errors(path / "metrics.json", ValueError):
            values = _flat(_mapping(json.loads(_text(path / "metrics.json"))))
        logged = {key for row in run.rows.values() for key in row}
        run.summary |= {key: value for key, value in values.items() if key not in logged and key != "step"}
    run.kept = {name: path for name in regular_files(path) if not name.startswith((f"{_METRICS}/", f"{_IMAGES}/"))}
    yield [run]


def _read_metric(path: Path, key: str, run: Logged) -> None:
    with open(path, encoding="utf-8", errors="replace", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            step, value, time = row.get("step"), row.get(key.rpartition("/")[2]), row.get("timestamp")
            if not step or not str(step).isdigit() or value is None:
                run.lost["lines of metrics"] += 1
            else:
                is_time = bool(time) and str(time).isdigit()
                run.add(key, int(str(step)), number(value), int(str(time)) / 1000 if is_time else None)


def _read_image(path: Path, name: str, run: Logged) -> None:
    """An image; one whose name is a number is that of a step."""
    key, _, own = name.rpartition("/")
    stem = own.rpartition(".")[0]
    try:
        image = Image(path)
    except MediaTypesError:
        run.lost["images"] += 1
        return
    if key and stem.isdigit():
        run.add(key, int(stem), image, None)
    else:
        run.summary[name.rpartition(".")[0]] = image


def _text(path: Path) -> str:
    if path.stat().st_size > _LARGEST:
        raise ValueError(f"more than {_LARGEST} bytes")
    return path.read_text("utf-8")


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("no mapping")
    return {str(key): item for key, item in value.items()}


def _flat(values: dict[str, Any], before: str = "") -> dict[str, Any]:
    """Nested members by keys joined with "/", as metrics are named."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= _flat(value, f"{before}{key}/") if isinstance(value, dict) else {f"{before}{key}": value}
    return found


@contextlib.contextmanager
def _errors(path: Path, error: type[Exception]) -> Iterator[None]:
    try:
        yield
    except (error, ValueError, OSError, RecursionError) as raised:
        said = Verbatim(" ".join(str(raised).split()))
        raise InputError.of(str(path), "a readable file of DVCLive", said, "Restore it.", "damaged") from raised
