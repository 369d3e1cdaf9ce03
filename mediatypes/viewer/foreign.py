"""Logs of other tools, which are imported to be looked at."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from ..runset.discovery import Source, find_runs


def _tensorboard(folder: Path) -> Callable[[Path], object] | None:
    from ..interop.tensorboard import import_logdir
    from ..interop.tensorboard.importing.plan import is_event_file

    if any(is_event_file(path.name) for path in folder.rglob("*")):
        return lambda target: import_logdir(folder, target)
    return None


def _wandb(folder: Path) -> Callable[[Path], object] | None:
    from ..interop.wandb import import_runs
    from ..interop.wandb.importing.plan import is_wandb

    return (lambda target: import_runs(folder, target)) if is_wandb(str(folder)) else None


# Each looks at a folder without runs, and returns what makes runs of its logs in another folder; None if it has none.
_READERS: tuple[Callable[[Path], Callable[[Path], object] | None], ...] = (_wandb, _tensorboard)


def imported(source: Source, temporary: Path) -> Source:
    """A source of runs as it is; a folder of another tool's logs as a folder of runs that are made for the page.

    Args:
        source: as `open_runs` takes it.
        temporary: a folder for what is made.
    """
    if not isinstance(source, (str, os.PathLike)) or not (folder := Path(source)).is_dir() or any(find_runs(folder)):
        return source
    for reader in _READERS:
        if make := reader(folder):
            target = Path(tempfile.mkdtemp(dir=temporary, prefix="imported-"))
            make(target)
            return target
    return source
