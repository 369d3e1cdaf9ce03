"""Functions of the module: those that go to the run that is open, and those that need a server."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import wraps
from typing import Any

from ...._core.errors import InputError, Verbatim
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


def on_a_server(name: str, hint: str) -> Callable[..., Any]:
    """A function that says what to do instead."""

    def call(*arguments: Any, **options: Any) -> Any:
        raise InputError.of(f"wandb.{name}", "a call that needs no server", Verbatim("one that does"), hint)

    return call
