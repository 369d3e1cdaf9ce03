"""The packages of the extra `demo`, imported when the demo runs."""

from __future__ import annotations

from typing import Any

from .._core.deps import need


def demo_package(module: str) -> Any:
    """Import `module`, or raise `MissingDependencyError` with the command that installs the extra."""
    return need(module, extra="demo", needed_for="mediatypes demo")
