"""scikit-learn: `log_classifier(run, model, x, y)` logs how good a classifier is, in plots and numbers.

`LogisticRegression().set_callbacks(MediatypesCallback(run, scoring="accuracy")).fit(x, y)` logs how it learns, of the
estimators that have callbacks (scikit-learn 1.9).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import inf
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .._core.deps import need
from .._core.errors import InputError
from .._core.wording import counted
from ..plot import bar, confusion_matrix, line, pr_curve, roc_curve
from ..types.table.value import Table
from ._callbacks import plain

if TYPE_CHECKING:
    from ..run import Run

__all__ = ["MediatypesCallback", "log_classifier"]

_BINS = 10  # of the calibration curve
_FEATURES = 30  # the most important that are shown


def log_classifier(
    run: Run,
    model: Any,
    x: Any,
    y: Any,
    *,
    labels: Any = None,
    feature_names: Any = None,
    prefix: str = "",
    step: int | None = None,
) -> None:
    """Log what a fitted classifier makes of data that it was not trained on, as one row.

    Keys: `confusion_matrix`, `roc`, `precision_recall` and `calibration` (where the model gives probabilities),
    `classes` (how often each is true and predicted), `features` (where the model has importances or coefficients),
    `predictions` (the first 1 000, as a table), `accuracy`, `precision`, `recall`, `f1` (means of the classes).

    Args:
        run: where to.
        model: a fitted classifier of scikit-learn, or of its interface: `predict`, perhaps `predict_proba`.
        x: (n, features), an array or data frame.
        y: (n,) true classes.
        labels: names of the classes, in the order of `model.classes_`.
        feature_names: names of the columns of x. Default: those of the data frame.
        prefix: put before each key, with a "/": "val".
        step: of the row.

    Raises:
        InputError: the model predicts no classes; x and y differ in length, or labels and classes.
        MissingDependencyError: scikit-learn is not installed.

    >>> import tempfile, mediatypes as mt
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> x, y = load_iris(return_X_y=True)
    >>> with mt.Run(tempfile.mkdtemp() + "/run") as run:
    ...     mt.interop.sklearn.log_classifier(run, DecisionTreeClassifier(max_depth=2).fit(x, y), x, y)
    >>> run.summary["accuracy"] > 0.9
    True
    """
    metrics: Any = need("sklearn.metrics", package="scikit-learn", needed_for="log_classifier")
    if not hasattr(model, "predict") or getattr(model, "classes_", None) is None:
        raise InputError.of("log_classifier.model", "a classifier that was fitted", model, "Call fit(x, y) first.")
    classes, truth = list(model.classes_), np.asarray(y)
    if any(np.ndim(one) for one in classes):
        hint = "Log each output by itself."
        raise InputError.of("log_classifier.model", "a classifier of one output", f"{len(classes)} outputs", hint)
    truth = truth.reshape(-1) if truth.shape[1:] == (1,) else truth  # a column
    if truth.ndim != 1 or not len(truth):
        raise InputError.of("log_classifier.y", "a class for each row of x", y, "Pass the true classes.")
    names = _names("log_classifier.labels", classes if labels is None else labels, len(classes), "class of the model")
    true = _positions(truth, classes)  # before scikit-learn sees what it cannot compare
    predicted = np.asarray(model.predict(x)).reshape(-1)
    if len(truth) != len(predicted):
        expected = f"{counted(len(predicted), 'class', 'classes')}, one for each row of x"
        raise InputError.of("log_classifier.y", expected, len(truth))
    averages = {"average": "macro", "zero_division": 0}
    pairs = zip(truth[:1000].tolist(), predicted[:1000].tolist(), strict=True)
    row: dict[str, Any] = {
        "accuracy": float(metrics.accuracy_score(truth, predicted)),
        "precision": float(metrics.precision_score(truth, predicted, **averages)),
        "recall": float(metrics.recall_score(truth, predicted, **averages)),
        "f1": float(metrics.f1_score(truth, predicted, **averages)),
        "confusion_matrix": confusion_matrix(y_true=true, preds=_positions(predicted, classes), class_names=names),
        "classes": class_counts({"true": truth, "predicted": predicted}, classes, names),
        "predictions": Table(columns=["true", "predicted"], data=list(map(list, pairs))),
    }
    if hasattr(model, "predict_proba"):
        probabilities = np.asarray(model.predict_proba(x))
        present = [name for one, name in zip(classes, names, strict=True) if 0 < np.sum(truth == one) < len(truth)]
        if present:
            scored = (true, probabilities, names, present)
            row |= {"roc": roc_curve(*scored), "precision_recall": pr_curve(*scored)}
        row["calibration"] = calibration(truth, probabilities, classes, names)
    if (features := features_chart(model, x, feature_names)) is not None:
        row["features"] = features
    run.log({f"{prefix}/{key}" if prefix else key: value for key, value in row.items()}, step=step)


def _positions(values: Any, classes: list[Any]) -> Any:
    """The place of each value among the classes."""
    places = {value: i for i, value in enumerate(np.asarray(classes).tolist())}
    try:
        return np.array([places[value] for value in values.tolist()])
    except KeyError as error:
        hint = "Leave out the rows of classes that the model was not trained on."
        raise InputError.of("log_classifier.y", f"some of {list(places)}", error.args[0], hint) from None


def _names(where: str, given: Any, count: int, each: str) -> list[str]:
    """Names that somebody gave, as texts; raises `InputError` if they are not so many, or no list."""
    listed = list(given) if isinstance(given, Iterable) and not isinstance(given, (str, Mapping)) else []
    if len(listed) != count:
        raise InputError.of(where, f"a list of {counted(count, 'name')}, one for each {each}", given, "Leave it out.")
    return [str(name) for name in listed]


def class_counts(sets: Mapping[str, Any], classes: Any, names: list[str]) -> Any:
    """A chart of how often each class is in each set of values."""
    bars = [
        [f"{name}, {kind}", int(np.sum(values == one))]
        for one, name in zip(classes, names, strict=False)
        for kind, values in sets.items()
    ]
    return bar(Table(columns=["class", "count"], data=bars), "class", "count", title="Classes")


def calibration(truth: Any, probabilities: Any, classes: list[Any], names: list[str]) -> Any:
    """How often a class is true where it was given a probability, in bins of equal width; of two the second class."""
    curve = need("sklearn.calibration", package="scikit-learn", needed_for="log_classifier").calibration_curve
    points = [
        [float(given), float(share), names[i]]
        for i in (range(len(classes)) if len(classes) > 2 else [len(classes) - 1])
        for share, given in zip(*curve(truth == classes[i], probabilities[:, i], n_bins=_BINS), strict=True)
    ]
    table = Table(columns=["probability", "share", "class"], data=points)
    return line(table, "probability", "share", stroke="class", title="Calibration")


def features_chart(model: Any, x: Any, feature_names: Any) -> Any:
    """The importance of each feature: of trees, or the mean size of its coefficients."""
    weights = getattr(model, "feature_importances_", None)
    if weights is None and getattr(model, "coef_", None) is not None:
        coefficients = model.coef_.toarray() if hasattr(model.coef_, "toarray") else model.coef_  # of sparse data
        weights = np.abs(np.atleast_2d(np.asarray(coefficients))).mean(axis=0)
    if weights is None:
        return None
    names = feature_names if feature_names is not None else getattr(x, "columns", None)
    names = _names("feature_names", range(len(weights)) if names is None else names, len(weights), "feature")
    order = np.argsort(weights)[::-1][:_FEATURES]
    bars = [[names[i], float(weights[i])] for i in order]
    return bar(Table(columns=["feature", "importance"], data=bars), "feature", "importance", title="Features")


class MediatypesCallback:
    """Logs a score after each step of a fit, as a row, when the outermost fit ends: a search or pipeline around it too.

    Keys: `fit/estimator`, `fit/task` (such as `lbfgs-iter`) and `fit/path`, numbers of the task and of those around it,
    and `fit/<score>`, on the data of the fit; the parameters of the outermost estimator are in the config.

    Args:
        run: where to.
        scoring: as of scikit-learn's `ScoringMonitor`: "accuracy", or several names in a list.

    Raises:
        MissingDependencyError: there is no scikit-learn, or one before 1.9.

    >>> import tempfile, mediatypes as mt
    >>> from sklearn.linear_model import LogisticRegression
    >>> with mt.Run(tempfile.mkdtemp() + "/run") as run:
    ...     callback = mt.interop.sklearn.MediatypesCallback(run, scoring=["accuracy"])
    ...     model = LogisticRegression().set_callbacks(callback).fit([[0], [1], [2], [3]], [0, 0, 1, 1])
    >>> run.summary["fit/accuracy"]
    1.0
    """

    max_propagation_depth: ClassVar[None] = None  # estimators within estimators have it too

    def __init__(self, run: Run, *, scoring: Any) -> None:
        monitor = need("sklearn.callback", package="scikit-learn", needed_for="MediatypesCallback").ScoringMonitor
        self._run, self._monitor = run, monitor(scoring=scoring)

    def setup(self, estimator: Any, context: Any) -> None:
        """Called before the outermost fit."""
        self._run.config[type(estimator).__name__] = plain(estimator.get_params())

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Called before each task."""

    def on_fit_task_end(
        self,
        estimator: Any,
        context: Any,
        *,
        X: Any = None,  # noqa: N803
        y: Any = None,
        metadata: Any = None,
        fitted_estimator: Any = None,
    ) -> None:
        """Called after each task, perhaps in another process, from which the monitor sends the score."""
        if hasattr(fitted_estimator, "predict"):
            given = {"X": X, "y": y, "metadata": metadata, "fitted_estimator": fitted_estimator}
            self._monitor.setup(estimator, context)
            self._monitor.on_fit_task_end(estimator, context, **given)

    def teardown(self, estimator: Any, context: Any) -> None:
        """Called after the outermost fit."""
        known = ("task_id_path", "parent_task_id_path", "estimator_name", "task_name", "task_id", "sequential_subtasks")
        rows = self._monitor.get_logs().data
        for row in sorted(rows, key=lambda row: (*row["task_id_path"], inf)):  # a task after the tasks in it
            path = ".".join(map(str, row["task_id_path"]))
            scores = {name: value for name, value in row.items() if name not in known}
            task = {"estimator": row["estimator_name"], "task": row["task_name"], "path": path}
            self._run.log({f"fit/{name}": value for name, value in {**task, **scores}.items()})

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_run": None}  # rows are logged by the first process
