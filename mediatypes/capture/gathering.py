"""Gathering what made a run; this imports what only the thread needs that does it."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

from . import process
from .git import read_state
from .machine import describe_machine
from .packages import requirements
from .secrets import SecretValues

Keep = Callable[[str, bytes], str]  # keeps a file: name, content -> its path in the run


def gather(chosen: Collection[str], config: dict[str, Any], keep: Keep) -> dict[str, Any]:
    """What `environment` of run.json says.

    Args:
        chosen: "environment", "git" or both.
        config: of the run: what stands there may be written of arguments too.
        keep: keeps a file with the run.
    """
    gathered: dict[str, Any] = {}
    if "environment" in chosen:
        gathered |= process.describe_process(frozenset(_texts(config))) | describe_machine()
        gathered["requirements"] = keep("requirements.txt", requirements().encode())
    if "git" in chosen and (git := _git(keep)):
        gathered["git"] = git
    return gathered


def executed_cells() -> bytes | None:
    """The cells of a notebook that has no name; None elsewhere."""
    cells = None if process.notebook_name() else process.notebook_cells()
    return None if cells is None else SecretValues(os.environ).clean_text(cells).encode()


def _git(keep: Keep) -> dict[str, Any] | None:
    """The state of the script's work tree, else of the working directory's."""
    script, secrets = process.script_path(), SecretValues(os.environ)
    for folder in ([script.parent] if script else []) + [Path()]:
        if state := read_state(folder, secrets):
            if state.diff:
                state.described["diff"] = keep("diff.patch", state.diff)
            return state.described
    return None


def _texts(value: Any) -> Iterator[str]:
    """All that stands in nested data, as text."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)
    else:
        yield str(value)
