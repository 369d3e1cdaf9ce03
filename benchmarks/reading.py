"""Reading one metric of a long run into pandas."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import mediatypes as mt

from .harness import Contender, Figures, Measure, at_most, benchmark, faster_than, timed

_ROWS = 1_000_000
_DEFAULTS = "pyarrow's defaults"
_TARGETS = (
    at_most("wall ms", 10),
    faster_than(_DEFAULTS, "wall ms", 2),
    at_most("file MB", 40),
    faster_than(_DEFAULTS, "file MB", 1.5),
)


@benchmark("read-back", "one metric of 1M rows x 10 metrics into pandas", *_TARGETS, needs=("pandas",))
def _read_back(scratch: Path) -> list[Contender]:
    import pandas as pd
    import pyarrow.parquet as pq

    run = write_run(scratch / "run")
    view = mt.open_run(run)
    ours, defaults = run / "history.parquet", scratch / "defaults.parquet"
    pq.write_table(pq.read_table(ours), defaults)
    columns = ["_step", "loss"]
    return [
        Contender("mediatypes", _with_size(timed(lambda: view.to_pandas(["loss"])), ours)),
        Contender(_DEFAULTS, _with_size(timed(lambda: pd.read_parquet(defaults, columns=columns)), defaults)),
        Contender("pandas, our file", _with_size(timed(lambda: pd.read_parquet(ours, columns=columns)), ours)),
    ]


def _with_size(times: Measure, file: Path) -> Measure:
    size = file.stat().st_size / 1e6

    def measure() -> Figures:
        return {**times(), "file MB": size}

    return measure


def write_run(path: Path) -> Path:
    """A run as training leaves it: single-precision losses, a schedule, rounded and sparse accuracies, and noise."""
    noise = np.random.default_rng(0).standard_normal((7, _ROWS))
    decay = 1.0 / (1.0 + np.arange(_ROWS) / 50_000)
    columns = {
        "loss": (decay * np.exp(0.1 * noise[0])).astype(np.float32),
        "aux_loss": (decay * np.exp(0.2 * noise[1])).astype(np.float32),
        "grad_norm": np.abs(noise[2]).astype(np.float32),
        "acc": np.round((1 - decay) * 0.9 + 0.01 * noise[3], 3),
        "val_acc": np.round((1 - decay) * 0.8 + 0.01 * noise[3], 3),
        "lr": 1e-3 * (1 + np.cos(np.pi * np.arange(_ROWS) / _ROWS)) / 2,
        "epoch": np.arange(_ROWS) // 10_000,
        "memory": np.round(8e9 + 1e8 * noise[4], -6),
        "weight": noise[5],
        "bias": noise[6],
    }
    with mt.Run(path) as run:
        for step, values in enumerate(zip(*(column.tolist() for column in columns.values()), strict=True)):
            row = dict(zip(columns, values, strict=True))
            if step % 100:
                del row["val_acc"]
            run.log(row)
    return path
