"""Functions of the module that go to the run that is open."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import wraps
from typing import Any

from .run import Run
from .session import need


class AlertLevel(Enum):
    """How much an alert matters."""

    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


def require(*arguments: Any, **options: Any) -> None:
    """Nothing: there are no experimental features to ask for."""


def of_run(name: str) -> Callable[..., Any]:
    """The method of the open run as a function."""
    method = getattr(Run, name)

    @wraps(method)
    def call(*arguments: Any, **options: Any) -> Any:
        return method(need(name), *arguments, **options)

    return call
