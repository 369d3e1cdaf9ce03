"""A pixel classifier: logistic regression by gradient descent, written out in numpy.

It learns to find the objects of its photograph from what surrounds a pixel. The reference is a segmentation by
classical means. The left part of the photograph is for training, the right part for validation.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..columns.arrays import Array
from ..types.histogram.value import Histogram
from ..types.image.boxes import BoundingBoxes2D
from ..types.image.masks import ImageMask
from ..types.image.value import Image
from ._need import demo_package
from ._photos import Photo, features

_SMALLEST = 50  # pixels of an object that gets a box
_PROBABILITY_BINS = np.linspace(0, 1, 51)


class Classifier:
    """Logistic regression on the pixels of one photograph, and what was measured of it.

    `curves` has a list of values for each measure, one value for each call of `measure`; `frames` has the
    probabilities, (H, W), that were kept.
    """

    def __init__(self, photo: Photo, trained_width: float) -> None:
        self.photo = photo
        self.features = features(photo.pixels)
        self.weights = np.zeros(self.features.shape[-1], np.float32)
        self.split = round(photo.pixels.shape[1] * trained_width)
        self.probability = self._predict()
        self.curves: dict[str, list[float]] = {"loss": [], "val_loss": [], "accuracy": [], "iou": []}
        self.frames: list[Array] = []

    @property
    def predicted(self) -> Array:
        """(H, W) bool: where an object is more likely than not."""
        return self.probability > 0.5

    def _predict(self) -> Array:
        """(H, W) probability of an object at each pixel."""
        probability: Array = 1 / (1 + np.exp(-(self.features @ self.weights)))
        return probability

    def descend(self, rate: float) -> float:
        """One step of gradient descent on the training part; returns the gradient's norm."""
        inputs = self.features[:, : self.split].reshape(-1, len(self.weights))
        error = (self.probability - self.photo.reference)[:, : self.split].ravel()
        gradient = (inputs.T @ error / len(error)).astype(np.float32)
        self.weights -= np.float32(rate) * gradient
        self.probability = self._predict()
        return float(np.linalg.norm(gradient))

    def measure(self) -> dict[str, Any]:
        """The measures of the classifier as it is, which also lengthen `curves`, its weights and probabilities."""
        training, validation = np.s_[:, : self.split], np.s_[:, self.split :]
        predicted, reference = self.predicted[validation], self.photo.reference[validation]
        measures = {
            "loss": _log_loss(self.probability[training], self.photo.reference[training]),
            "val_loss": _log_loss(self.probability[validation], reference),
            "accuracy": float((predicted == reference).mean()),
            "iou": _iou(predicted, reference),
        }
        for name, value in measures.items():
            self.curves[name].append(value)
        histogram = Histogram(self.probability, num_bins=_PROBABILITY_BINS)
        return measures | {"weights": self.weights, "probability": histogram}

    def keep_frame(self) -> None:
        """Keep the probabilities as they are now."""
        self.frames.append(self.probability)

    def show(self) -> Image:
        """The photograph with what was found and what should have been."""
        masks = {"prediction": self.predicted, "reference": self.photo.reference}
        boxes = {name: self._boxes(mask) for name, mask in masks.items()}
        detected, there = len(boxes["prediction"]), len(boxes["reference"])
        return Image(
            self.photo.pixels,
            caption=f"{detected} objects found, {there} in the reference, IoU {self.curves['iou'][-1]:.3f}",
            classes={0: "background", 1: self.photo.label},
            boxes=boxes,
            masks={name: ImageMask(mask) for name, mask in masks.items()},
        )

    def _boxes(self, mask: Array) -> BoundingBoxes2D:
        """A box around each connected object of a mask, scored by its mean probability."""
        measure = demo_package("skimage.measure")
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
