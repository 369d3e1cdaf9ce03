"""Opening what a run has logged, wherever it is: in Parquet, or in the journal of a run that is not over."""

from __future__ import annotations

from typing import Any

from .._core.errors import StoreError
from .._core.location import Location
from . import files
from .content import RunContent
from .stored import StoredHistory

History = RunContent | StoredHistory  # both have `specs` and `read`


def open_history(root: Location, run: dict[str, Any]) -> tuple[dict[str, Any], History]:
    """The history of a run, and its `run.json`, which is read again if the run has finished since.

    Raises:
        StoreError: a file is missing.
        DocumentError: a file is damaged or foreign.
    """
    for _ in range(3):  # a run may be finished, resumed and finished between two reads
        try:
            if run.get("status") == "running":
                return run, RunContent(root, run)
            return run, StoredHistory(root / files.HISTORY)
        except StoreError:
            again = files.read_run_json(root)
            if again.get("status") == run.get("status"):
                raise
            run = again
    return run, StoredHistory(root / files.HISTORY)
