"""What `mediatypes demo` logs: the training of two pixel classifiers on photographs that scikit-image brings along.

Each classifier is a logistic regression by gradient descent, written out in numpy. It learns to find the objects of
its photograph (coins on a table, stained tissue under a microscope) from what surrounds a pixel. The reference is
a segmentation by classical means. The left part of the photograph is for training, the right part for validation.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ._core.deps import need
from ._core.errors import RunExists
from .run import Run
from .types._boxes import BoundingBoxes2D
from .types._masks import ImageMask
from .types.histogram import Histogram
from .types.image import Image

STEPS = 200
PHOTO_EVERY = 20
_WARMUP = 20
_PEAK_RATE = 0.3
_TRAINED_WIDTH = 0.6  # of the photograph
_SMALLEST = 50  # pixels of an object that gets a box
_PROBABILITY_BINS = np.linspace(0, 1, 51)

Array = npt.NDArray[Any]


def train(folder: str | os.PathLike[str] = "demo-runs", steps: int = STEPS) -> Path:
    """Train, log every step to a new run below `folder`, and answer the run's folder.

    Raises:
        MissingDependencyError: scikit-image or tqdm is not installed; both are in the extra `demo`.
        StoreError: the folder cannot be written.
    """
    tqdm = _need("tqdm").tqdm
    classifiers = {"coins": _Classifier(*_coins()), "tissue": _Classifier(*_tissue())}
    config = {"steps": steps, "peak_rate": _PEAK_RATE, "warmup": _WARMUP, "trained_width": _TRAINED_WIDTH}
    root = Path(folder)
    with _new_run(root, project="demo", config=config, tags=["segmentation"]) as run:
        for step in tqdm(range(steps), desc=f"training in {root / run.path.name}", unit="step"):
            rate = _learning_rate(step, steps)
            row: dict[str, Any] = {"lr": rate}
            for name, classifier in classifiers.items():
                row[name] = classifier.log_values(with_photo=step % PHOTO_EVERY == 0 or step == steps - 1)
                row[name]["gradient_norm"] = classifier.descend(rate)
            run.log(row)
    return root / run.path.name


def _need(module: str) -> Any:
    return need(module, extra="demo", needed_for="mediatypes demo")


def _new_run(root: Path, **described: Any) -> Run:
    """A run in the first folder `run-001`, `run-002`... that is free."""
    number = 1
    while True:
        try:
            return Run(root / f"run-{number:03}", **described)
        except RunExists:
            number += 1


def _learning_rate(step: int, steps: int) -> float:
    """A linear warm-up, then half a cosine down to 0."""
    warmup = min(1.0, (step + 1) / _WARMUP)
    return _PEAK_RATE * warmup * (1 + math.cos(math.pi * step / steps)) / 2


class _Photo(NamedTuple):
    """A photograph, (H, W) or (H, W, 3) uint8, where its objects are, (H, W) bool, and what they are."""

    pixels: Array
    reference: Array
    label: str


def _coins() -> _Photo:
    """Coins of Pompeii, segmented by a watershed on the edges from sure background and sure coin."""
    filters, segmentation = _need("skimage.filters"), _need("skimage.segmentation")
    pixels = _need("skimage.data").coins()
    markers = np.where(pixels < 30, 1, np.where(pixels > 150, 2, 0))
    return _Photo(pixels, segmentation.watershed(filters.sobel(pixels), markers) == 2, "coin")


def _tissue() -> _Photo:
    """Tissue in which a brown stain marks a protein, segmented by Otsu's threshold on that stain."""
    color, filters = _need("skimage.color"), _need("skimage.filters")
    pixels = _need("skimage.data").immunohistochemistry()
    stain = filters.gaussian(color.rgb2hed(pixels)[..., 2], 2)
    return _Photo(pixels, stain > filters.threshold_otsu(stain), "stained")


def _features(pixels: Array) -> Array:
    """(H, W, 5 C + 1) float32, standardised: of each of C channels the value, two blurs, the difference from
    the surroundings and the local contrast; and a constant."""
    gaussian = _need("skimage.filters").gaussian
    found = []
    for channel in np.moveaxis(np.atleast_3d(pixels) / 255, 2, 0):
        fine, wide = gaussian(channel, 2), gaussian(channel, 40)
        variance = gaussian(channel**2, 4) - gaussian(channel, 4) ** 2
        found += [channel, fine, gaussian(channel, 6), fine - wide, np.sqrt(np.maximum(variance, 0))]
    stacked = np.stack(found, axis=-1)
    stacked = (stacked - stacked.mean((0, 1))) / stacked.std((0, 1))
    return np.concatenate([stacked, np.ones((*pixels.shape[:2], 1))], axis=-1).astype(np.float32)


class _Classifier:
    """Logistic regression on the pixels of one photograph."""

    def __init__(self, pixels: Array, reference: Array, label: str) -> None:
        self.pixels, self.reference = pixels, reference
        self.class_labels = {0: "background", 1: label}
        self.features = _features(pixels)
        self.weights = np.zeros(self.features.shape[-1], np.float32)
        self.split = round(pixels.shape[1] * _TRAINED_WIDTH)
        self.probability = self._predict()

    def _predict(self) -> Array:
        """(H, W) probability of an object at each pixel."""
        probability: Array = 1 / (1 + np.exp(-(self.features @ self.weights)))
        return probability

    def descend(self, rate: float) -> float:
        """One step of gradient descent on the training part; answers the gradient's norm."""
        features = self.features[:, : self.split].reshape(-1, len(self.weights))
        error = (self.probability - self.reference)[:, : self.split].ravel()
        gradient = (features.T @ error / len(error)).astype(np.float32)
        self.weights -= np.float32(rate) * gradient
        self.probability = self._predict()
        return float(np.linalg.norm(gradient))

    def log_values(self, with_photo: bool) -> dict[str, Any]:
        """What a step logs before it descends."""
        training, validation = np.s_[:, : self.split], np.s_[:, self.split :]
        predicted = self.probability > 0.5
        iou = _iou(predicted[validation], self.reference[validation])
        values = {
            "loss": _log_loss(self.probability[training], self.reference[training]),
            "val_loss": _log_loss(self.probability[validation], self.reference[validation]),
            "accuracy": float((predicted == self.reference)[validation].mean()),
            "iou": iou,
            "weights": self.weights,
            "probability": Histogram(self.probability, num_bins=_PROBABILITY_BINS),
        }
        return {**values, "photo": self._photo(predicted, iou)} if with_photo else values

    def _photo(self, predicted: Array, iou: float) -> Image:
        boxes = {"prediction": self._boxes(predicted), "reference": self._boxes(self.reference)}
        masks = {"prediction": ImageMask(predicted), "reference": ImageMask(self.reference)}
        caption = f"{len(boxes['prediction'])} objects found, {len(boxes['reference'])} in the reference, IoU {iou:.3f}"
        return Image(self.pixels, caption=caption, classes=self.class_labels, boxes=boxes, masks=masks)

    def _boxes(self, mask: Array) -> BoundingBoxes2D:
        """A box around each connected object of a mask, scored by its mean probability."""
        measure = _need("skimage.measure")
        regions = [r for r in measure.regionprops(measure.label(mask), self.probability) if r.area >= _SMALLEST]
        corners = [(left, top, right, bottom) for top, left, bottom, right in (r.bbox for r in regions)]
        return BoundingBoxes2D.from_xyxy(
            np.reshape(corners, (-1, 4)),
            domain="pixel",
            class_ids=[1] * len(regions),
            scores={"probability": [float(r.intensity_mean) for r in regions]},
        )


def _log_loss(probability: Array, target: Array) -> float:
    """Mean negative log-likelihood, in nats."""
    likelihood = np.where(target, probability, 1 - probability)
    return float(-np.log(np.maximum(likelihood, 1e-7)).mean())


def _iou(predicted: Array, reference: Array) -> float:
    """Intersection over union of two masks."""
    return float((predicted & reference).sum() / (predicted | reference).sum())
