"""Precision-recall and ROC curves, computed exactly: every threshold is a point, nothing is resampled.

A prediction is positive where its score is at least the threshold; each distinct score is a threshold. Definitions as
in Fawcett, "An introduction to ROC analysis" (2006), and as scikit-learn computes them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..columns.arrays import Array


class Counts(NamedTuple):
    """Positive predictions at each threshold, from the highest one down."""

    true: Array  # (k,) int64 of them that are right
    false: Array  # (k,) int64 of them that are wrong


class Curve(NamedTuple):
    """Points (k,) float64 of a curve."""

    x: Array
    y: Array


def count(truth: Array, scores: Array) -> Counts:
    """The counts for (n,) bool truth and (n,) finite scores; equal scores share one threshold."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)  # of each group of equal scores
    true = np.cumsum(truth[order], dtype=np.int64)[last]
    return Counts(true, last + 1 - true)


def precision_recall(truth: Array, scores: Array) -> Curve:
    """Recall (x) falling from 1 to 0, and precision (y); the last point (0, 1) belongs to no threshold.

    There must be at least one positive, else recall has no value.
    """
    counts = count(truth, scores)
    precision = counts.true / (counts.true + counts.false)
    recall = counts.true / counts.true[-1]
    return Curve(np.append(recall[::-1], 0.0), np.append(precision[::-1], 1.0))


def interpolate(curve: Curve, points: int) -> Curve:
    """The curve at `points` recalls evenly spaced from 1 to 0.

    The precision there is the highest one at that recall or a greater one, as in Manning et al., "Introduction to
    Information Retrieval" (2008), 8.4.
    """
    recall = np.linspace(1, 0, points)
    best = np.maximum.accumulate(curve.y)  # the curve starts at recall 1
    return Curve(recall, best[np.searchsorted(-curve.x, -recall, side="right") - 1])


def roc(truth: Array, scores: Array) -> Curve:
    """False positive rate (x) and true positive rate (y), both rising from 0 to 1.

    Points inside a straight piece are left out, which changes no value and no area. There must be at least one
    positive and one negative.
    """
    counts = count(truth, scores)
    true, false = counts.true, counts.false
    corner = np.ones(len(true), bool)
    corner[1:-1] = (np.diff(true, 2) != 0) | (np.diff(false, 2) != 0)
    true, false = (np.insert(column[corner], 0, 0) for column in (true, false))
    return Curve(false / false[-1], true / true[-1])


def confusion(truth: Array, predicted: Array, classes: int) -> Array:
    """(classes, classes) int64: how often each true class (row) was predicted as each class (column)."""
    return np.bincount(truth * classes + predicted, minlength=classes * classes).reshape(classes, classes)
