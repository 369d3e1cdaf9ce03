"""What a run says about itself while it is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .._core.errors import InputError, Verbatim


class RunDescription:
    """What a run is called and where it is; `RunView.edit` changes it when the run is over.

    Args:
        path: the run's directory.
        described: its `run.json`.
    """

    def __init__(self, path: Path, described: dict[str, Any]) -> None:
        self._path, self._described = path, described

    @property
    def path(self) -> Path:
        """The run's directory, absolute."""
        return self._path

    @property
    def id(self) -> str:
        """Eight letters that no other run has."""
        return str(self._described["id"])

    @property
    def name(self) -> str:
        """The run's name; by default that of its directory."""
        return str(self._described["name"])

    @property
    def project(self) -> str | None:
        """The project it belongs to."""
        return self._described.get("project")

    @property
    def tags(self) -> tuple[str, ...]:
        """Texts to find it by."""
        return tuple(self._described["tags"])

    def __reduce__(self) -> Any:
        hint = "Pass values or run.path instead, and read it with open_run(path)."
        raise InputError.of("Run", "to stay in the process that opened it", Verbatim("pickle or copy"), hint)
