"""Tensor: statistics and npy file, against numpy's own on a float64 copy."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np

import mediatypes as mt

from .harness import Contender, benchmark, faster_than, timed

_PERCENTILES = (5, 25, 50, 75, 95)


@benchmark("tensor-1m", "Tensor of 1M float32 with statistics, encoded", faster_than("numpy", "CPU ms", 0.7))
def tensor(scratch: Path) -> list[Contender]:
    values = np.random.default_rng(0).normal(size=1_000_000).astype(np.float32)

    def ours() -> None:
        mt.encode(mt.Tensor(values), mt.MemoryStore())

    def numpy() -> None:
        wide = values.astype(np.float64)
        wide.min(), wide.max(), wide.mean(), wide.var(), np.percentile(wide, _PERCENTILES)
        file = io.BytesIO()
        np.save(file, values)
        hashlib.sha256(file.getvalue()).hexdigest()

    return [Contender("Tensor", timed(ours)), Contender("numpy", timed(numpy))]
