"""Opening what a run has logged, wherever it is: in Parquet, or in the journal of a run that is not over."""

from __future__ import annotations

from typing import Any, Protocol

import pyarrow as pa

from .._core.errors import StoreError
from .._core.location import Location
from ..journal.metrics import Metrics
from . import files
from .content import RunContent
from .parquet_reader import Steps, StoredHistory
from .schema import ColumnSpec
from .statistics import Statistics

_TRIES = 10  # a run may be finished and resumed while its files are opened


class MediaTable(Protocol):
    """The rows of a `media.parquet` without that file."""

    @property
    def columns(self) -> list[ColumnSpec]:
        """The columns that stand for a key and kind."""
        ...

    def table(self) -> pa.Table:
        """All rows."""
        ...


class OtherHistory(Protocol):
    """A history that is no run folder's, as that of a run in a compacted dataset."""

    @property
    def specs(self) -> list[ColumnSpec]:
        """The columns beside the fixed ones."""
        ...

    def read(self, columns: list[str], steps: Steps | None = None) -> pa.Table:
        """Some columns of the rows, in this order; with `steps` only rows with first <= _step < end."""
        ...

    def media(self) -> MediaTable:
        """What `media.parquet` had."""
        ...


LoggedHistory = RunContent | StoredHistory  # of a run folder
History = LoggedHistory | OtherHistory


def open_history(
    root: Location, run: dict[str, Any], before: RunContent | None = None, **hold: int
) -> tuple[dict[str, Any], LoggedHistory]:
    """The history of a run, and the `run.json` that it belongs to: `run`, or a later one if that changed meanwhile.

    `before` is the content as it stood earlier: of a run that is not over only what is new is read; `hold` is what
    `RunContent` takes.

    Raises:
        StoreError: a file is missing.
        DocumentError: a file is damaged or foreign.
    """
    left = _TRIES
    while True:
        left -= 1
        try:
            if run.get("status") != "running":
                return run, StoredHistory(root / files.HISTORY)
            content: RunContent | StoreError = RunContent(root, run, before, **hold)
        except StoreError as error:
            content = error
        again = files.read_run_json(root)
        if not left or repr(again) == repr(run):  # repr: NaN equals itself
            if isinstance(content, StoreError):
                raise content
            return run, content
        run = again


class LiveStatistics:
    """The statistics of a run that this process writes: each reading goes on where the last one stopped.

    Raises:
        StoreError, DocumentError: as `RunContent`.
    """

    def __init__(self, root: Location, metrics: Metrics) -> None:
        self.metrics, self._root, self._statistics = metrics, root, Statistics(metrics)
        self._content: RunContent | None = None  # holds the journal open

    def read(self) -> dict[str, Any]:
        """By key, of all rows that were logged by now."""
        run = files.read_run_json(self._root)
        if run["status"] == "running" and self._content:
            batches = self._content.reader.read()
        else:
            self._content, history = None, open_history(self._root, run)[1]
            if not isinstance(history, RunContent):
                shown = files.read_json(self._root / files.SUMMARY)
                return {key: value for key, value in shown.items() if self.metrics.statistics(key)}
            self._content, batches = history, history.batches()
            self._statistics = Statistics(self.metrics, history.stored_specs)
            history.forget()
        for batch in batches:
            self._statistics.add(batch)
        return self._statistics.values()
