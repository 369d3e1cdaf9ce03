"""`config` and `summary` of a run as scripts of wandb use them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any

from ...._core.errors import InputError
from ....writing.config import plain_config
from ....writing.live import ByAttribute


class Config(ByAttribute):
    """The config of a run: a value that was set may change only with `allow_val_change=True`, as in wandb."""

    def __init__(self, config: Any, allow_val_change: bool = False) -> None:
        self._config, self._allowed = config, allow_val_change

    def update(self, values: Any = None, /, allow_val_change: bool | None = None, **named: Any) -> None:
        """Merge a mapping, argparse namespace, absl flags, dataclass, or a YAML or JSON file.

        Raises:
            InputError: a key has another value, and `allow_val_change` is not true.
        """
        if not (self._allowed if allow_val_change is None else allow_val_change):
            new = _plain(values) | _plain(named)
            for key, value in new.items():
                if key in self._config and self._config[key] != value:
                    got = f"{self._config[key]!r} -> {value!r}"
                    hint = "Pass allow_val_change=True to update() or init()."
                    raise InputError.of(f"wandb.config.{key}", "the value that was set", got, hint)
        self._config.update(values, **named)

    def setdefaults(self, values: Any) -> dict[str, Any]:
        """Set the keys that are not set yet."""
        new = _plain(values)
        self._config.update({key: value for key, value in new.items() if key not in self._config})
        return self.as_dict()

    def as_dict(self) -> dict[str, Any]:
        """A copy as a plain dict."""
        return dict(self._config)

    def __getitem__(self, key: str) -> Any:
        return self._config[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def __delitem__(self, key: str) -> None:
        del self._config[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._config)

    def __len__(self) -> int:
        return len(self._config)

    def __repr__(self) -> str:
        return repr(self.as_dict())


def _plain(values: Any) -> dict[str, Any]:
    """A config as plain data; what is wrong with it is left for whoever takes it."""
    return plain_config(values, lambda problems: None)


class History:
    """`run.history`: the row that is being filled."""

    def __init__(self, log: Any) -> None:
        self.row: dict[str, Any] = {}
        self._log, self._lock = log, threading.Lock()

    def add(self, row: Mapping[str, Any] | None = None, step: int | None = None) -> None:
        """Log the row with these values, and begin a new one."""
        self._log(dict(row or {}), step=step)

    def take(self) -> dict[str, Any]:
        """The row so far, which is empty afterwards."""
        with self._lock:
            row, self.row = self.row, {}
        return row
