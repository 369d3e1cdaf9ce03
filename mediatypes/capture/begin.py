"""What a run records by itself, begun with the run and ended before it is finished."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from .._core.errors import Problem
from ..writing.hook import WriterHook


def begin(
    hook: WriterHook,
    chosen: Collection[str],
    config: dict[str, Any],
    system_every: float,
    report: Callable[[list[Problem]], None],
) -> None:
    """Begin to record what was chosen.

    Args:
        hook: of the run.
        chosen: names of `CAPTURES`.
        config: of the run.
        system_every: seconds between two samples of the machine.
        report: is told of what could not be recorded.
    """
    if "environment" in chosen or "git" in chosen:
        from .environment import EnvironmentCapture

        hook.before_finish(EnvironmentCapture(hook, chosen, config, report).finish, last=True)
    if "system" in chosen:
        from .system import SystemMetrics

        hook.before_finish(SystemMetrics(hook, system_every, report).finish)
    if "console" in chosen:
        from .console import capture_console

        capture_console(hook)
