"""Saying what a key is plotted against, and what the summary has of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from ..journal.metrics import Metric
from .live import LiveMetrics


class MetricDefinitions:
    """The part of a run that defines metrics."""

    _metrics: LiveMetrics

    def define_metric(
        self,
        name: str,
        step_metric: str | Metric | None = None,
        *,
        summary: str | Iterable[str] | None = None,
        goal: Literal["minimize", "maximize"] | None = None,
        step_sync: bool | None = None,
        overwrite: bool = False,
    ) -> Metric:
        """Say what a key, or every key that matches a pattern, is plotted against, and what the summary has of it.

        It may be said at any time: statistics are of all rows. The definition of the key's own name applies, else the
        longest pattern that matches; no pattern matches a key that begins with "_". Said again, the two are united.

        Args:
            name: a key, or a pattern in which `*` stands for any text: `val/*`.
            step_metric: the key that is the x-axis; it becomes an index column of `media.parquet` as well.
            summary: "min", "max", "mean", "first", "last", "best" (with the step, needs `goal`): several in a list or
                separated by commas make an object of them, "last" alone the plain value (the default). "none" leaves
                the key out. Of the values of a row the last counts; NaN only if there is nothing else.
            goal: "minimize" or "maximize": which values are better.
            step_sync: True (default): a media row without a value of the step metric gets the last one before it.
            overwrite: forget what was said of this name before.

        Raises:
            InputError: with every problem.

        >>> import tempfile, mediatypes as mt
        >>> with mt.Run(tempfile.mkdtemp() + "/run") as run:
        ...     _ = run.define_metric("val/*", "epoch", summary="max,best", goal="maximize")
        ...     for epoch, acc in enumerate((0.5, 0.75, 0.625)):
        ...         run.log({"val/acc": acc, "epoch": epoch})
        >>> mt.open_run(run.path).summary["val/acc"]
        {'max': 0.75, 'best': 0.75, 'best_step': 1}
        """
        return self._metrics.define(name, step_metric, summary, goal, step_sync, overwrite)
