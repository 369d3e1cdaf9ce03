"""What needs wandb's server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...._core.errors import InputError, Verbatim


def on_a_server(name: str, hint: str) -> Callable[..., Any]:
    """A function that says what to do instead."""

    def call(*arguments: Any, **options: Any) -> Any:
        raise InputError.of(f"wandb.{name}", "a call that needs no server", Verbatim("one that does"), hint)

    return call
