"""What `mediatypes demo` logs: the training of two pixel classifiers on photographs that scikit-image brings along.

Each step has its scalars and histograms, some have the photographs with masks and boxes. The first step also has two
samples that no training changes, a scene and a molecule; the last one shows what came out in every other type. The
weights of half the training and of all of it are two versions of an artifact. The run records
its environment, its console and what the machine does as well.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

from .._core.errors import RunExists
from ..run import Run
from ..types.tensor.value import Tensor
from . import _digits, _results, _samples
from ._classifier import Classifier
from ._need import demo_package
from ._photos import coins, tissue

STEPS = 200
PHOTO_EVERY = 20
FRAME_EVERY = 4
_WARMUP = 20
_PEAK_RATE = 0.3
_TRAINED_WIDTH = 0.6  # of the photograph
_PACKAGES = ("av", "gemmi", "psutil", "rdkit", "skimage", "sklearn", "tqdm", "trimesh")


def train(dest: str | os.PathLike[str] = "demo-runs", steps: int = STEPS) -> Path:
    """Train, log every step to a new run below `dest`, and return the run's folder.

    Raises:
        MissingDependencyError: a package of the extra `demo` is not installed.
        StoreError: the folder cannot be written.
    """
    for package in _PACKAGES:  # before the run, which would else end without what the missing one makes
        demo_package(package)
    tqdm = demo_package("tqdm").tqdm
    samples = {"motorcycle": _samples.motorcycle(), "caffeine": _samples.caffeine()}
    digits = _digits.predictions()
    classifiers = {"coins": Classifier(coins(), _TRAINED_WIDTH), "tissue": Classifier(tissue(), _TRAINED_WIDTH)}
    config = {"steps": steps, "peak_rate": _PEAK_RATE, "warmup": _WARMUP, "trained_width": _TRAINED_WIDTH}
    root = Path(dest)
    recorded: dict[str, Any] = {"capture": True, "system_every": 1}
    with _new_run(root, project="demo", config=config, tags=["segmentation"], **recorded) as run:
        for step in tqdm(range(steps), desc=f"training in {root / run.path.name}", unit="step"):
            row = _step(classifiers, step, steps)
            run.log(row if step else row | {"samples": samples, "digits": digits})
            if step in (steps // 2, steps - 1):
                weights = {name: Tensor(classifier.weights) for name, classifier in classifiers.items()}
                run.log_artifact("classifiers", "model", weights, ["trained"] if step == steps - 1 else [])
    return root / run.path.name


def _new_run(root: Path, **described: Any) -> Run:
    """A run in the first folder `run-001`, `run-002`... that is free."""
    number = 1
    while True:
        try:
            return Run(root / f"run-{number:03}", **described)
        except RunExists:
            number += 1


def _step(classifiers: dict[str, Classifier], step: int, steps: int) -> dict[str, Any]:
    """Measure and show the classifiers, then let each of them descend."""
    rate, is_last = _learning_rate(step, steps), step == steps - 1
    row: dict[str, Any] = {"lr": rate}
    for name, classifier in classifiers.items():
        row[name] = classifier.measure()
        if step % FRAME_EVERY == 0 or is_last:
            classifier.keep_frame()
        if step % PHOTO_EVERY == 0 or is_last:
            row[name]["photo"] = classifier.show()
        if is_last:
            row[name] |= _results.of_classifier(classifier)
    if is_last:
        row |= _results.of_run(classifiers)
    for name, classifier in classifiers.items():
        row[name]["gradient_norm"] = classifier.descend(rate)
    return row


def _learning_rate(step: int, steps: int) -> float:
    """A linear warm-up, then half a cosine down to 0."""
    warmup = min(1.0, (step + 1) / _WARMUP)
    return _PEAK_RATE * warmup * (1 + math.cos(math.pi * step / steps)) / 2
