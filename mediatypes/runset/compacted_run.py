"""A run whose folder is gone, as a compacted dataset still has it."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from .._core import canonical
from .._core.errors import MediaTypesError, Problem, describe
from ..view import RunView
from .compact_read import Compacted, CompactedHistory
from .listing import FIXED


class CompactedRun(RunView):
    """A run of a compacted dataset without its folder: what it says about itself, config, summary and rows.

    What the dataset does not have, such as files of media and definitions of metrics, is gone with the folder.

    Args:
        data: the dataset.
        run: the run's name there.
        row: its row of the table of runs.
        reason: why its folder cannot be opened; `problems` has it.
    """

    def __init__(self, data: Compacted, run: str, row: dict[str, Any], reason: MediaTypesError) -> None:
        self.path = Path(row["path"])
        self._data, self._name, self._reason = data, run, reason
        self._run = {name: row[name] for name in FIXED if row[name] is not None and name not in ("run", "path")}
        cells: dict[str, list[tuple[str, Any]]] = {"config": [], "summary": []}
        for spec in data.columns["runs"]:
            part, _, key = spec.key.partition(".")
            if row[spec.name] is not None:
                value = row[spec.name]
                cells[part].append((key, canonical.loads(value) if spec.kind == "json" else value))
        self._run["config"] = _nested(cells["config"], set())
        self._summary_cells = cells["summary"]

    @property
    def problems(self) -> list[Problem]:
        """Why the run's folder cannot be opened."""
        return [problem._replace(path=problem.path or str(self.path)) for problem in describe(self._reason)]

    def _summary(self) -> dict[str, Any]:
        return _nested(self._summary_cells, {spec.key for spec in self._data.columns["history"]})

    @cached_property
    def _rows(self) -> CompactedHistory:
        return CompactedHistory(self._data, self._name)

    def _history(self) -> CompactedHistory:
        return self._rows


def _nested(cells: list[tuple[str, Any]], whole: set[str]) -> dict[str, Any]:
    """Members by keys that were joined with "."; keys of `whole` are one name, though they have dots."""
    found: dict[str, Any] = {}
    for key, value in cells:
        first = max((name for name in whole if f"{key}.".startswith(f"{name}.")), key=len, default="")
        names = [first, *filter(None, key[len(first) + 1 :].split("."))] if first else key.split(".")
        inside = found
        for name in names[:-1]:
            inside = inside.setdefault(name, {})
        inside[names[-1]] = value
    return found
