"""Plots: curves from arrays, and the document they become."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import mediatypes as mt

from .harness import Contender, benchmark, faster_than, load, timed

_ROWS, _CLASSES = 10_000, 10


@benchmark(
    "roc-10k",
    "ROC curves of 10 000 examples of 10 classes",
    faster_than("scikit-learn", "CPU ms", 1.0),
    needs=("sklearn",),
)
def roc(scratch: Path) -> list[Contender]:
    random = np.random.default_rng(0)
    truth = random.integers(0, _CLASSES, _ROWS)
    scores = random.random((_ROWS, _CLASSES))
    metrics = load("sklearn.metrics")

    def ours() -> object:
        return mt.plot.roc_curve(truth, scores)

    def theirs() -> object:
        return [metrics.roc_curve(truth == i, scores[:, i]) for i in range(_CLASSES)]

    return [Contender("plot.roc_curve", timed(ours, 3)), Contender("scikit-learn", timed(theirs, 3))]


@benchmark("confusion-encode", "confusion matrix of 10 000 examples, to its document", rounds=5)
def confusion(scratch: Path) -> list[Contender]:
    random = np.random.default_rng(0)
    truth, predicted = random.integers(0, _CLASSES, (2, _ROWS))

    def encode() -> object:
        return mt.encode(mt.plot.confusion_matrix(y_true=truth, preds=predicted), mt.MemoryStore())

    return [Contender("plot.confusion_matrix", timed(encode, 10))]
