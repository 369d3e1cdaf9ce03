"""Many runs: listed, read, asked and compacted. We write some, and copy them to as many as a sweep makes.

`RUNS=100000 python -m benchmarks runs-compact` compacts as many small runs (2.4 GB of them, for a while).
"""

from __future__ import annotations

import os
import shutil
import tarfile
import time
from pathlib import Path

import numpy as np

import mediatypes as mt

from .harness import Contender, Figures, at_most, benchmark, faster_than, timed

_RUNS, _STEPS, _MODELS = 1000, 10_000, 20  # of the runs, so many are written; the others are copies
_SMALL, _SMALL_STEPS = int(os.environ.get("RUNS", "2000")), 100


def _write_runs(root: Path, runs: int, steps: int) -> Path:
    noise = np.random.default_rng(0).standard_normal((_MODELS, steps)).tolist()
    for i in range(_MODELS):
        with mt.Run(root / f"{i:06}", project="sweep", config={"lr": i / 10, "net": {"depth": i}}, tags=["x"]) as run:
            for step, value in enumerate(noise[i]):
                run.log({"loss": value, "acc": step / steps, "lr": 1e-3, "grad": abs(value)})
    models = [_contents(root / f"{i:06}") for i in range(_MODELS)]
    for i in range(_MODELS, runs):
        (root / f"{i:06}").mkdir()
        for name, content in models[i % _MODELS].items():
            (root / f"{i:06}" / name).write_bytes(content)
    return root


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


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


@benchmark(
    "runs-compact",
    f"{_SMALL} small runs (100 steps x 4) compacted, a run",
    at_most("wall us/run", 600),  # 100 000 within 60 s
    at_most("bytes/run", 50_000),  # and 5 GB
    rounds=2,
)
def _compact(scratch: Path) -> list[Contender]:
    root, destination = _write_runs(scratch / "runs", _SMALL, _SMALL_STEPS), scratch / "all"

    def measure() -> Figures:
        shutil.rmtree(destination, ignore_errors=True)
        cpu, wall = sum(os.times()[:4]), time.perf_counter()  # that of the processes that help included
        mt.compact(root, destination)
        cpu, wall = sum(os.times()[:4]) - cpu, time.perf_counter() - wall
        size = sum(path.stat().st_size for path in destination.rglob("*") if path.is_file())
        return {"CPU us/run": cpu * 1e6 / _SMALL, "wall us/run": wall * 1e6 / _SMALL, "bytes/run": size / _SMALL}

    def again() -> Figures:
        return {"wall us/run": timed(lambda: mt.compact(root, destination))()["wall ms"] * 1e3 / _SMALL}

    def metric() -> Figures:
        return timed(lambda: mt.open_runs(destination).history(["loss"]))()

    return [Contender("mediatypes", measure), Contender("nothing new", again), Contender("one metric of it", metric)]


@benchmark("runs-large", "a run with 10 GB of media listed, and one metric of it", at_most("read kB", 100))
def _large(scratch: Path) -> list[Contender]:
    root = scratch / "runs"
    with mt.Run(root / "large") as run:
        for step in range(1000):
            run.log({"loss": 1 / (step + 1), "page": mt.Html(f"<p>{step % 10}")})
    for sidecar in (root / "large" / "media").rglob("*.html"):
        os.truncate(sidecar, 10**9)  # ten sparse files, which take no room

    def measure() -> Figures:
        before = _bytes_read()
        runs = mt.open_runs(root)
        figures = timed(lambda: (runs.table(), runs.history(["loss"])))()
        return {**figures, "read kB": (_bytes_read() - before) / 1e3}

    return [Contender("mediatypes", measure)]


def _bytes_read() -> int:
    """What this process has read by now; 0 where the system does not say."""
    try:
        return int(Path("/proc/self/io").read_text().split()[1])
    except OSError:
        return 0


@benchmark(
    "pack", "1000 media files of 20 kB packed into one file, and unpacked", faster_than("tarfile", "CPU ms", 0.5)
)
def _pack(scratch: Path) -> list[Contender]:
    noise = np.random.default_rng(0).integers(0, 256, (1000, 80, 80, 3), np.uint8)
    with mt.Run(scratch / "run") as run:
        for picture in noise:
            run.log({"noise": mt.Image(picture)})
    folder = scratch / "tar" / "media"
    shutil.copytree(run.path / "media", folder)

    def there_and_back() -> None:
        mt.pack(run.path)
        mt.unpack(run.path)

    def tar() -> None:
        with tarfile.open(scratch / "media.tar", "w") as archive:
            archive.add(folder, "media")
        shutil.rmtree(folder)
        with tarfile.open(scratch / "media.tar") as archive:
            archive.extractall(folder.parent, filter="data")

    return [Contender("mediatypes", timed(there_and_back)), Contender("tarfile", timed(tar))]


@benchmark("slice", "1000 steps out of 1M steps x 10 metrics", at_most("wall ms", 3))
def _slice(scratch: Path) -> list[Contender]:
    from .reading import write_run

    view = mt.open_run(write_run(scratch / "run"))
    return [Contender("mediatypes", timed(lambda: view.history(["loss"], (500_000, 501_000))))]
