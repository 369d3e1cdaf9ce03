"""Logs of other tools, which are imported to be looked at, and followed while they grow."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from .._core.errors import MediaTypesError
from ..runset.discovery import Source, find_runs


class _Reader(NamedTuple):
    """Makes runs of a folder of logs in another folder: once, or for as long as they grow."""

    make: Callable[[Path, Path], Any]
    follow: Callable[..., Any]


def _tensorboard(folder: Path) -> _Reader | None:
    from ..interop.tensorboard import follow_logdir, import_logdir
    from ..interop.tensorboard.importing.plan import is_event_file

    is_logdir = any(is_event_file(path.name) for path in folder.rglob("*"))
    return _Reader(import_logdir, follow_logdir) if is_logdir else None


def _wandb(folder: Path) -> _Reader | None:
    from ..interop.wandb import follow_runs, import_runs
    from ..interop.wandb.importing.plan import is_wandb

    return _Reader(import_runs, follow_runs) if is_wandb(str(folder)) else None


class Imports:
    """Runs that are made of logs for the time in which they are looked at.

    Args:
        follow: whether they go on when their logs do, each folder in a thread.
    """

    def __init__(self, *, follow: bool) -> None:
        self._follow, self._stop = follow, threading.Event()
        self._threads: list[threading.Thread] = []
        self.making = threading.Lock()  # is held by whoever writes into `folder`; after `close` it is gone
        self.folder = Path(tempfile.mkdtemp(prefix="mediatypes-view-"))  # for whatever is made

    def runs_of(self, source: Source) -> Source:
        """A source of runs as it is, as `open_runs` takes it; for a folder of another tool's logs a folder of runs."""
        if self._stop.is_set():
            return source
        if not isinstance(source, (str, os.PathLike)) or not (logs := Path(source)).is_dir() or any(find_runs(logs)):
            return source
        reader = next((reader for look in (_wandb, _tensorboard) if (reader := look(logs))), None)
        if reader is None:
            return source
        target = Path(tempfile.mkdtemp(dir=self.folder, prefix="imported-"))
        reader.make(logs, target)
        if self._follow:
            thread = threading.Thread(
                target=self._go_on, args=(reader, logs, target), daemon=True, name=f"follow {logs}"
            )
            thread.start()
            self._threads.append(thread)
        return target

    def _go_on(self, reader: _Reader, logs: Path, target: Path) -> None:
        with suppress(MediaTypesError, OSError):  # what was imported is still shown
            reader.follow(logs, target, stop=self._stop.is_set)

    def close(self) -> None:
        """Follow no more, and remove what was made."""
        self._stop.set()
        with self.making:
            for thread in self._threads:
                thread.join()
            shutil.rmtree(self.folder, ignore_errors=True)
