"""`wandb.sklearn`: plots of scikit-learn's models, logged to the run that is open under wandb's keys."""

# ruff: noqa: N803 - wandb's names of arguments

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..._core.deps import need
from ..._core.errors import InputError, Verbatim
from ...plot import bar, confusion_matrix, line, pr_curve, roc_curve, scatter
from ...types.table.value import Table
from .. import sklearn as ours
from .script import session

__all__ = [
    "plot_calibration_curve",
    "plot_class_proportions",
    "plot_classifier",
    "plot_clusterer",
    "plot_confusion_matrix",
    "plot_elbow_curve",
    "plot_feature_importances",
    "plot_learning_curve",
    "plot_outlier_candidates",
    "plot_precision_recall",
    "plot_regressor",
    "plot_residuals",
    "plot_roc",
    "plot_silhouette",
    "plot_summary_metrics",
]


def plot_classifier(
    model: Any,
    X_train: Any,
    X_test: Any,
    y_train: Any,
    y_test: Any,
    y_pred: Any,
    y_probas: Any,
    labels: Any,
    is_binary: bool = False,
    model_name: str = "Classifier",
    feature_names: Any = None,
    log_learning_curve: bool = False,
) -> None:
    """Log all plots of a classifier that was fitted."""
    plot_feature_importances(model, feature_names)
    if log_learning_curve:
        plot_learning_curve(model, X_train, y_train)
    plot_confusion_matrix(y_test, y_pred, labels)
    plot_summary_metrics(model, X_train, y_train, X_test, y_test)
    plot_class_proportions(y_train, y_test, labels)
    if hasattr(model, "predict_proba"):
        plot_calibration_curve(model, X_test, y_test, model_name)
    if y_probas is not None:
        plot_roc(y_test, y_probas, labels)
        plot_precision_recall(y_test, y_probas, labels)


def plot_regressor(
    model: Any, X_train: Any, X_test: Any, y_train: Any, y_test: Any, model_name: str = "Regressor"
) -> None:
    """Log all plots of a regressor that was fitted."""
    plot_summary_metrics(model, X_train, y_train, X_test, y_test)
    plot_residuals(model, X_train, y_train)


def plot_roc(y_true: Any = None, y_probas: Any = None, labels: Any = None, *options: Any, **more: Any) -> None:
    """Log `roc`: a curve for each class."""
    _log("roc", roc_curve(_places(y_true), np.asarray(y_probas), _names(labels)))


def plot_precision_recall(
    y_true: Any = None, y_probas: Any = None, labels: Any = None, *options: Any, **more: Any
) -> None:
    """Log `precision_recall`: a curve for each class."""
    _log("precision_recall", pr_curve(_places(y_true), np.asarray(y_probas), _names(labels)))


def plot_confusion_matrix(
    y_true: Any = None, y_pred: Any = None, labels: Any = None, *options: Any, **more: Any
) -> None:
    """Log `confusion_matrix`: how often each class was taken for each."""
    classes, names = _classes(labels, y_true, y_pred)
    true, predicted = np.searchsorted(classes, y_true), np.searchsorted(classes, y_pred)
    _log("confusion_matrix", confusion_matrix(y_true=true, preds=predicted, class_names=names))


def plot_feature_importances(
    model: Any = None, feature_names: Any = None, title: str = "Feature Importance", max_num_features: int = 50
) -> None:
    """Log `feature_importances`, of a model that has some."""
    chart = ours.features_chart(model, None, feature_names)
    if chart is not None:
        _log("feature_importances", chart)


def plot_class_proportions(y_train: Any = None, y_test: Any = None, labels: Any = None) -> None:
    """Log `class_proportions`: how often each class is in both sets."""
    sets = {"train": np.asarray(y_train), "test": np.asarray(y_test)}
    classes, names = _classes(labels, *sets.values())
    _log("class_proportions", ours.class_counts(sets, classes, names))


def plot_calibration_curve(clf: Any = None, X: Any = None, y: Any = None, clf_name: str = "Classifier") -> None:
    """Log `calibration_curve` of a classifier that was fitted."""
    classes = list(clf.classes_)
    names = [str(name) for name in classes]
    _log("calibration_curve", ours.calibration(np.asarray(y), np.asarray(clf.predict_proba(X)), classes, names))


def plot_summary_metrics(
    model: Any = None, X: Any = None, y: Any = None, X_test: Any = None, y_test: Any = None
) -> None:
    """Log `summary_metrics`: of a classifier accuracy, precision, recall and F1, of a regressor errors and R2."""
    metrics: Any = need("sklearn.metrics", package="scikit-learn", needed_for="wandb.sklearn")
    predicted = model.predict(X_test)
    if hasattr(model, "classes_"):
        averages = {"average": "weighted", "zero_division": 0}
        scores = {"accuracy_score": metrics.accuracy_score(y_test, predicted)}
        scores |= {name: getattr(metrics, name)(y_test, predicted, **averages) for name in _OF_CLASSES}
    else:
        scores = {name: getattr(metrics, name)(y_test, predicted) for name in _OF_NUMBERS}
    rows = [[name, float(value)] for name, value in scores.items()]
    _log("summary_metrics", bar(Table(columns=["metric", "score"], data=rows), "metric", "score", title="Scores"))


_OF_CLASSES = ("f1_score", "precision_score", "recall_score")
_OF_NUMBERS = ("mean_absolute_error", "mean_squared_error", "r2_score")


def plot_learning_curve(
    model: Any = None,
    X: Any = None,
    y: Any = None,
    cv: Any = None,
    shuffle: bool = False,
    random_state: Any = None,
    train_sizes: Any = None,
    n_jobs: int = 1,
    scoring: Any = None,
) -> None:
    """Log `learning_curve`: the model is fitted anew on growing parts of the data."""
    selection: Any = need("sklearn.model_selection", package="scikit-learn", needed_for="wandb.sklearn")
    parts = {} if train_sizes is None else {"train_sizes": train_sizes}
    options = {"cv": cv, "shuffle": shuffle, "random_state": random_state, "n_jobs": n_jobs, "scoring": scoring}
    sizes, train, test = selection.learning_curve(model, X, y, **options, **parts)
    rows = [
        [int(size), float(score), kind]
        for kind, scores in (("train", train), ("test", test))
        for size, score in zip(sizes, scores.mean(axis=1), strict=True)
    ]
    table = Table(columns=["rows", "score", "set"], data=rows)
    _log("learning_curve", line(table, "rows", "score", stroke="set", title="Learning curve"))


def plot_residuals(regressor: Any = None, X: Any = None, y: Any = None) -> None:
    """Log `residuals`: what a regressor that was fitted predicts, and by how much that is wrong."""
    predicted = np.asarray(regressor.predict(X), float)
    rows = np.stack([predicted, np.asarray(y, float) - predicted], axis=1).tolist()
    table = Table(columns=["predicted", "residual"], data=rows)
    _log("residuals", scatter(table, "predicted", "residual", title="Residuals"))


def _refuse(name: str, *arguments: Any, **options: Any) -> None:
    hint = "Draw it with matplotlib, and log the figure."
    raise InputError.of(f"wandb.sklearn.{name}", "a plot that mediatypes has", Verbatim(name), hint)


plot_clusterer, plot_elbow_curve = partial(_refuse, "plot_clusterer"), partial(_refuse, "plot_elbow_curve")
plot_outlier_candidates = partial(_refuse, "plot_outlier_candidates")
plot_silhouette = partial(_refuse, "plot_silhouette")


def _log(key: str, chart: Any) -> None:
    session.need(f"sklearn.plot_{key}").log({key: chart})


def _names(labels: Any) -> list[str] | None:
    return None if labels is None else [str(one) for one in labels]


def _classes(labels: Any, *values: Any) -> tuple[Any, list[str]]:
    """The classes that occur, in order, and their names."""
    classes = np.unique(np.concatenate([np.asarray(one) for one in values]))
    return classes, _names(labels) or [str(one) for one in classes.tolist()]


def _places(truth: Any) -> Any:
    """Classes by their places in order, as probabilities have them."""
    values = np.asarray(truth)
    return np.searchsorted(np.unique(values), values)
