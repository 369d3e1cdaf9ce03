"""A point cloud of a million coloured points, against W&B's path: a JSON list of lists."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

import mediatypes as mt

from .harness import Contender, Figures, Measure, Target, benchmark, faster_than, timed

_JSON = "json.dump(points.tolist())"
_SMALLER = Target("MB", ">= 5x smaller", lambda ours, base: min(base) >= 5 * min(ours), _JSON)


@benchmark("points-1m", "1M x 6 float32 points, made and stored", faster_than(_JSON, "CPU ms", 70), _SMALLER, rounds=3)
def _points(scratch: Path) -> list[Contender]:
    rng = np.random.default_rng(0)
    points = np.empty((1_000_000, 6), np.float32)
    points[:, :3] = 30 * rng.standard_normal((1_000_000, 3))
    points[:, 3:] = rng.integers(0, 256, (1_000_000, 3))
    plain, folders = scratch / "points.pts.json", (mt.DirectoryStore(scratch / str(i)) for i in count())
    size = len(mt.Object3D(points).to_bytes())
    return [
        Contender("mediatypes", _with_size(timed(lambda: mt.encode(mt.Object3D(points), next(folders))), lambda: size)),
        Contender(_JSON, _with_size(timed(lambda: _dump(points, plain)), lambda: plain.stat().st_size)),
    ]


def _with_size(measure: Measure, size: Callable[[], int]) -> Measure:
    def measured() -> Figures:
        return {**measure(), "MB": size() / 1e6}

    return measured


def _dump(points: Any, path: Path) -> None:
    with open(path, "w") as file:
        json.dump(points.tolist(), file)
