"""Histograms of many values, against numpy's."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import mediatypes as mt

from .harness import Contender, benchmark, faster_than, timed

_NUMPY = "np.histogram"


@benchmark("histogram", "Histogram of 10M float32 in 64 bins, equal counts", faster_than(_NUMPY, "CPU ms", 2.2))
def _histogram(scratch: Path) -> list[Contender]:
    data = np.random.default_rng(0).standard_normal(10_000_000, np.float32)
    counts, edges = np.histogram(data, 64)
    ours = mt.Histogram(data)
    if not (np.array_equal(ours.values, counts) and np.array_equal(ours.bins, edges)):
        raise RuntimeError("the histogram differs from numpy's")
    return [
        Contender("mediatypes", timed(lambda: mt.Histogram(data))),
        Contender(_NUMPY, timed(lambda: np.histogram(data, 64))),
    ]
