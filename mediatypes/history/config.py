"""The config of a run that is being written: a mapping whose every change is in the journal when it returns."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from .._core.errors import InputError
from . import cells, frames
from .live import Append, ByAttribute, Lock


def plain_config(config: Any) -> dict[str, Any]:
    """A copy of a mapping of plain data; raises `InputError`."""
    if not isinstance(config, Mapping):
        hint = "Use vars(args) or dataclasses.asdict(config)."
        raise InputError.of("config", "a mapping of plain data", config, hint)
    plain: dict[str, Any] = cells.make_plain(config, "config")
    return plain


class Config(ByAttribute):
    """What the run was started with: `run.config["lr"] = 0.1`, `run.config.lr = 0.1`, `run.config.update(args)`.

    What is read is a copy: set a nested value as a whole, `run.config["model"] = {**run.config["model"], "depth": 9}`.
    """

    def __init__(self, values: dict[str, Any], append: Append, lock: Lock) -> None:
        self._values, self._append, self._lock = values, append, lock

    def update(self, *values: Any, **named: Any) -> None:
        """Merge mappings as `dict.update` does, in one change."""
        new = plain_config(dict(*values, **named))
        with self._lock:
            self._replace({**self._values, **new})

    def __getitem__(self, key: str) -> Any:
        return copy.deepcopy(self._values[key])

    def __setitem__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def __delitem__(self, key: str) -> None:
        with self._lock:
            rest = dict(self._values)
            del rest[key]
            self._replace(rest)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Config({self._values!r})"

    def _replace(self, values: dict[str, Any]) -> None:
        self._append(frames.json_frame(frames.CONFIG, values))
        self._values = values
