"""How cost grows with rows, columns, media and runs: each size is a contender, the largest first.

`GROWTH=all python -m benchmarks growth` adds the largest size of each, which takes some minutes.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

import mediatypes as mt

from .harness import Contender, Figures, benchmark, no_larger_than

_ALL = bool(os.environ.get("GROWTH"))


def _grows(
    name: str, title: str, sizes: list[int], measure: Callable[[int, Path], Figures], figures: list[str]
) -> None:
    """Register an entry; no figure of the largest size is more than 1.5 times that of another one."""
    if not _ALL:
        sizes = sizes[:-1]
    labels = {size: f"{size:,}" for size in reversed(sizes)}
    targets = [no_larger_than(labels[size], figure, 1.5) for size in sizes[:-1] for figure in figures]

    @benchmark(name, title, *targets, rounds=2)
    def _prepare(scratch: Path) -> list[Contender]:
        return [Contender(label, partial(measure, size, scratch)) for size, label in labels.items()]


def _rows(count: int, scratch: Path) -> Figures:
    values = np.random.default_rng(0).standard_normal(1000).tolist()
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        begin = time.process_time()
        with mt.Run(Path(folder, "run"), capture=False) as run:
            for i in range(count):
                run.log({"loss": values[i % 1000], "step": i})
        logged = time.process_time()
        mt.open_run(run.path).history(["loss"])
        size = (run.path / "history.parquet").stat().st_size
        done = time.process_time()
    return {
        "log CPU us/row": (logged - begin) / count * 1e6,
        "read CPU us/row": (done - logged) / count * 1e6,
        "bytes/row": size / count,
    }


def _columns(count: int, scratch: Path) -> Figures:
    row = {f"metric_{i}": float(i) for i in range(count)}
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        begin = time.process_time()
        with mt.Run(Path(folder, "run"), capture=False) as run:
            for _ in range(20):
                run.log(row)
        logged = time.process_time()
        mt.open_run(run.path).history()
        done = time.process_time()
    return {"log CPU us/column": (logged - begin) / count * 1e6, "read CPU us/column": (done - logged) / count * 1e6}


def _media(count: int, scratch: Path) -> Figures:
    pixels = np.zeros((8, 8, 3), np.uint8)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        begin = time.process_time()
        with mt.Run(Path(folder, "run"), capture=False) as run:
            for i in range(count):
                pixels[0, 0], pixels[0, 1, 0] = i % 256, i // 256 % 256
                run.log({"image": mt.Image(pixels)})
        logged = time.process_time()
        read = sum(1 for _ in mt.open_run(run.path).values("image"))
        done = time.process_time()
    if read != count:
        raise RuntimeError(f"{read} of {count} pictures were read")
    return {"log CPU us each": (logged - begin) / count * 1e6, "read CPU us each": (done - logged) / count * 1e6}


def _runs(count: int, scratch: Path) -> Figures:
    folder = scratch / str(count)
    for i in range(0 if folder.exists() else count):
        with mt.Run(folder / f"{i:06}", config={"i": i}, capture=False) as run:
            run.log({"loss": i / count})
    begin = time.process_time()
    listed = mt.open_runs(folder).table().num_rows
    done = time.process_time()
    if listed != count:
        raise RuntimeError(f"{listed} of {count} runs were listed")
    return {"list CPU us/run": (done - begin) / count * 1e6}


_grows("growth-rows", "rows logged and read", [10**4, 10**5, 10**6, 10**7], _rows, ["log CPU us/row", "bytes/row"])
_grows(
    *("growth-columns", "columns of a run of 20 rows", [10, 100, 1000, 10_000]),
    *(_columns, ["log CPU us/column", "read CPU us/column"]),
)
_grows("growth-media", "pictures logged and read", [100, 1000, 10**4, 10**5], _media, ["log CPU us each"])
_grows("growth-runs", "runs listed", [10, 100, 1000, 10**4, 10**5], _runs, ["list CPU us/run"])
