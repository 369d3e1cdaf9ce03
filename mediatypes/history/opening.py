"""Opening what a run has logged, wherever it is: in Parquet, or in the journal of a run that is not over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .._core.errors import StoreError
from . import files
from .content import RunContent
from .metrics import Metrics
from .statistics import statistics
from .stored import StoredHistory

_TRIES = 10  # a run may be finished and resumed while its files are opened
History = RunContent | StoredHistory  # both have `specs` and `read`


def open_history(root: Path, run: dict[str, Any]) -> tuple[dict[str, Any], History]:
    """The history of a run, and the `run.json` that it belongs to: `run`, or a later one if that changed meanwhile.

    Raises:
        StoreError: a file is missing.
        DocumentError: a file is damaged or foreign.
    """
    left = _TRIES
    while True:
        left, failed = left - 1, None
        try:
            if run.get("status") != "running":
                return run, StoredHistory(root / files.HISTORY)
            history = RunContent(root, run)
        except StoreError as error:
            failed = error
        again = files.read_run_json(root)
        if not left or repr(again) == repr(run):  # repr: NaN equals itself
            if failed:
                raise failed
            return run, history
        run = again


def read_statistics(root: Path, metrics: Metrics) -> dict[str, Any]:
    """The statistics in the summary of a run, by key: of the rows that were logged so far."""
    run = files.read_run_json(root)
    if run["status"] == "running":
        run, history = open_history(root, run)
        if isinstance(history, RunContent):
            return statistics(metrics, history.batches())
    return {key: value for key, value in files.read_json(root / files.SUMMARY).items() if metrics.statistics(key)}
