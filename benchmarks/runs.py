"""Many runs: listed, read, asked and compacted. We write some, and copy them to as many as a sweep makes."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

import mediatypes as mt

from .harness import Contender, Figures, Measure, at_most, benchmark, timed

_RUNS, _STEPS, _MODELS = 1000, 10_000, 20  # of the runs, so many are written; the others are copies
_SMALL, _SMALL_STEPS = 2000, 100


def _write_runs(root: Path, runs: int, steps: int) -> Path:
    noise = np.random.default_rng(0).standard_normal((_MODELS, steps)).tolist()
    for i in range(_MODELS):
        with mt.Run(root / f"{i:06}", project="sweep", config={"lr": i / 10, "net": {"depth": i}}, tags=["x"]) as run:
            for step, value in enumerate(noise[i]):
                run.log({"loss": value, "acc": step / steps, "lr": 1e-3, "grad": abs(value)})
    for i in range(_MODELS, runs):
        shutil.copytree(root / f"{i % _MODELS:06}", root / f"{i:06}")
    return root


@benchmark("runs-list", "1000 finished runs found and listed with config and summary", at_most("wall ms", 100))
def _list(scratch: Path) -> list[Contender]:
    root = _write_runs(scratch / "runs", _RUNS, 10)
    return [Contender("mediatypes", timed(lambda: mt.open_runs(root).table()))]


@benchmark("runs-metric", "one metric of 1000 runs x 10 000 steps as Arrow", at_most("wall ms", 200), rounds=5)
def _metric(scratch: Path) -> list[Contender]:
    import pyarrow.parquet as pq

    root = _write_runs(scratch / "runs", _RUNS, _STEPS)
    runs, columns = mt.open_runs(root), ["_step", "loss"]
    paths = [view.path / "history.parquet" for view in runs]
    mt.compact(root, scratch / "all")
    compacted = mt.open_runs(scratch / "all")
    return [
        Contender("mediatypes", timed(lambda: runs.history(["loss"]))),
        Contender("compacted", timed(lambda: compacted.history(["loss"]))),
        Contender("pq.read_table of each", timed(lambda: [pq.read_table(path, columns=columns) for path in paths])),
        Contender("sql", timed(lambda: runs.sql("select run, max(acc) from history group by run").fetchall())),
        Contender(
            "sql, compacted", timed(lambda: compacted.sql("select run, max(acc) from history group by run").fetchall())
        ),
    ]


@benchmark("runs-compact", "small runs (100 steps x 4) compacted, a run", at_most("wall us/run", 600), rounds=2)
def _compact(scratch: Path) -> list[Contender]:
    root = _write_runs(scratch / "runs", _SMALL, _SMALL_STEPS)
    return [Contender("mediatypes", _compacting(root, scratch / "all"))]


def _compacting(root: Path, destination: Path) -> Measure:
    """100 000 of them within 60 s are 600 us each."""

    def measure() -> Figures:
        shutil.rmtree(destination, ignore_errors=True)
        figures = timed(lambda: mt.compact(root, destination))()
        size = sum(path.stat().st_size for path in destination.rglob("*") if path.is_file())
        return {"wall us/run": figures["wall ms"] * 1e3 / _SMALL, "bytes/run": size / _SMALL}

    return measure


@benchmark("slice", "1000 steps out of 1M steps x 10 metrics", at_most("wall ms", 3))
def _slice(scratch: Path) -> list[Contender]:
    from .reading import write_run

    view = mt.open_run(write_run(scratch / "run"))
    return [Contender("mediatypes", timed(lambda: view.history(["loss"], (500_000, 501_000))))]
