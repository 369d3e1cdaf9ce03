"""DVCLive: `plots/metrics/<key>.tsv`, `plots/images`, `metrics.json`, `params.yaml`."""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from ...types.image.value import Image
from ..importing.names import flat
from ._logged import Logged, Planned, media, plain_name
from ._sources import below, mapping, number, regular_files, seconds, whole

_METRICS, _IMAGES = "plots/metrics", "plots/images"


def find(path: Path) -> Iterator[Path]:
    """A directory that is one of DVCLive."""
    if (path / _METRICS).is_dir() or ((path / "metrics.json").is_file() and (path / "plots").is_dir()):
        yield path


def plan(path: Path, stack: contextlib.ExitStack) -> Iterator[Planned]:
    place = path.resolve()
    yield Planned(plain_name(place.parent.name if place.name == "dvclive" else place.name), partial(_read, path))


def _read(path: Path) -> Logged:
    run = Logged()
    for name in regular_files(path / _METRICS):
        if name.endswith(".tsv"):
            _read_metric(path / _METRICS / name, name.removesuffix(".tsv"), run)
    for name in regular_files(path / _IMAGES):
        _read_image(path / _IMAGES / name, name, run)
    if params := below(path, "params.yaml"):
        run.config = mapping(params)
    if metrics := below(path, "metrics.json"):
        run.summarize({key: value for key, value in flat(mapping(metrics)).items() if key != "step"})
    values = (f"{_METRICS}/", f"{_IMAGES}/")
    run.keep(path, (name for name in regular_files(path) if not name.startswith(values)))
    return run


def _read_metric(path: Path, key: str, run: Logged) -> None:
    with open(path, encoding="utf-8", errors="replace", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            step, value = whole(row.get("step")), row.get(key.rpartition("/")[2])
            if step is None or value is None:
                run.lost["lines of metrics"] += 1
            else:
                run.add(key, step, number(value), seconds(whole(row.get("timestamp"))))


def _read_image(path: Path, name: str, run: Logged) -> None:
    """An image; one whose name is a number is that of a step."""
    key, _, own = name.rpartition("/")
    step = whole(own.rpartition(".")[0])
    if key and step is not None:
        run.add(key, step, media(path, "images", Image), None)
    else:
        run.summary[name.rpartition(".")[0]] = media(path, "images", Image)
