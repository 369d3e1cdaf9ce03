"""Predictions of a small classifier of handwritten digits: a table with pictures, and a plot of each preset."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import plot
from ..columns.arrays import Array
from ..types.image.value import Image
from ..types.table.value import Table
from ._need import demo_package

_LISTED = 100  # predictions with their picture
_INK = 16  # the darkest pixel of scikit-learn's digits


def predictions() -> dict[str, Any]:
    """What a logistic regression says about digits it has not seen, by key."""
    digits = demo_package("sklearn.datasets").load_digits()
    split = demo_package("sklearn.model_selection").train_test_split
    pictures, test_pictures, truth, test_truth = split(digits.images, digits.target, test_size=0.5, random_state=0)
    model = demo_package("sklearn.linear_model").LogisticRegression(max_iter=200)
    model.fit(pictures.reshape(len(pictures), -1), truth)
    scores = model.predict_proba(test_pictures.reshape(len(test_pictures), -1))
    return {"predictions": _table(test_pictures, test_truth, scores), "plots": _plots(test_truth, scores)}


def _table(pictures: Array, truth: Array, scores: Array) -> Table:
    guesses = scores.argmax(axis=1)
    order = np.argsort(scores[np.arange(len(truth)), truth])[:_LISTED]  # the most wrong first
    rows = [
        [Image(pictures[i], value_range=(0, _INK)), int(truth[i]), int(guesses[i]), float(scores[i, guesses[i]])]
        for i in order
    ]
    return Table(columns=["picture", "truth", "guess", "confidence"], data=rows)


def _plots(truth: Array, scores: Array) -> dict[str, Any]:
    guesses, sure = scores.argmax(axis=1), scores.max(axis=1)
    right = guesses == truth
    of_digit = [
        [str(digit), float(right[truth == digit].mean()), float(sure[truth == digit].mean())] for digit in range(10)
    ]
    accuracy = Table(columns=["digit", "accuracy", "confidence"], data=of_digit)
    least = np.linspace(0.2, 1, 81)  # accuracy of those that are at least so sure, and how many they are
    kept = np.array([sure >= limit for limit in least])
    sure_and_right = [float(right[mask].mean()) if mask.any() else 1.0 for mask in kept]
    risk = Table(
        columns=["limit", "accuracy"], data=[list(row) for row in zip(least.tolist(), sure_and_right, strict=True)]
    )
    names = [str(digit) for digit in range(10)]
    return {
        "line": plot.line(risk, "limit", "accuracy", title="Accuracy of predictions at least so confident"),
        "scatter": plot.scatter(accuracy, "confidence", "accuracy", title="Confidence and accuracy of each digit"),
        "bar": plot.bar(accuracy, "digit", "accuracy", title="Accuracy of each digit"),
        "histogram": plot.histogram(
            Table(columns=["confidence"], data=[[value] for value in sure.tolist()]), "confidence", title="Confidence"
        ),
        "line_series": plot.line_series(
            least,
            [sure_and_right, kept.mean(axis=1)],
            keys=["accuracy", "share kept"],
            xname="limit",
            title="Rejection",
        ),
        "pr_curve": plot.pr_curve(truth, scores, labels=names),
        "roc_curve": plot.roc_curve(truth, scores, labels=names),
        "confusion_matrix": plot.confusion_matrix(y_true=truth, preds=guesses, class_names=names),
    }
