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
        rank: of this process.
    """

    def __init__(self, path: Path, described: dict[str, Any], rank: int = 0) -> None:
        self._path, self._described, self._rank = path, described, rank

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
    def rank(self) -> int:
        """The number of this process among those that log to the run; 0 owns it."""
        return self._rank

    @property
    def tags(self) -> tuple[str, ...]:
        """Texts to find it by."""
        return tuple(self._described["tags"])

    def __copy__(self) -> Any:
        hint = "Use run.child() in other processes."
        raise InputError.of("Run", "to stay the only one of its kind", Verbatim("a copy"), hint)

    def __deepcopy__(self, memo: Any) -> Any:
        return self.__copy__()
