"""Which code, packages and machine made a run: gathered in a thread, written into `run.json` and `files/`."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from .._core.errors import Problem, Verbatim, describe, problem
from ..runfolder import files
from ..writing.hook import WriterHook

_WAIT = 10.0  # seconds that the end of a run waits for the thread
_PAUSE = 0.05  # seconds before it begins, in which the script goes on
_MAX_EARLIER = 20  # environments of earlier sessions that are kept


class EnvironmentCapture:
    """Gathers the environment of a run that has just begun.

    Args:
        hook: of the run.
        chosen: "environment", "git" or both.
        config: of the run: what stands there may be written of arguments too.
        report: is told of what went wrong.
    """

    def __init__(
        self,
        hook: WriterHook,
        chosen: Collection[str],
        config: dict[str, Any],
        report: Callable[[list[Problem]], None],
    ) -> None:
        self._hook, self._chosen, self._report = hook, chosen, report
        self._config = config
        self._error: BaseException | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._work, name="mediatypes-environment", daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Wait until all is written, for a limited time, and write what is known only at the end."""
        self._ending.set()
        self._thread.join(_WAIT)
        error = self._error
        if self._thread.is_alive():
            late = problem("environment", f"it within {_WAIT:g} seconds", Verbatim("nothing"), code="environment")
            self._report([late])
        elif error is None and "environment" in self._chosen:
            try:
                self._keep_cells()
            except Exception as raised:  # the run is worth more than this
                error = raised
        if error:
            self._error = None
            self._report([one._replace(path="environment", code="environment") for one in describe(error)])

    def _work(self) -> None:
        self._ending.wait(_PAUSE)
        try:
            from . import gathering  # which imports much that a run without it does not need

            self._write(gathering.gather(self._chosen, self._config, self._keep))
        except BaseException as error:  # `finish` tells it
            self._error = error

    def _keep_cells(self) -> None:
        """Keep the cells of a notebook that has no name."""
        from .gathering import executed_cells

        if cells := executed_cells():
            self._write({"cells": self._keep("cells.py", cells)}, same_session=True)

    def _keep(self, name: str, data: bytes) -> str:
        """Keep a file in `files/`, beside those of earlier sessions that are others; returns its path in the run."""
        from ..runfolder.saved_files import put_files  # in the thread: nobody waits for what it imports

        folder = self._hook.path / files.ATTACHED
        stem, suffix = os.path.splitext(name)
        names = itertools.chain([name], (f"{stem}.{number}{suffix}" for number in itertools.count(2)))
        name = next(name for name in names if _is_free(folder / name, data))
        put_files(self._hook.path, {name: data}, durable=self._hook.durable)
        return f"{files.ATTACHED}/{name}"

    def _write(self, gathered: dict[str, Any], same_session: bool = False) -> None:
        """Put what was gathered into `run.json`; the environment of an earlier session is kept in `earlier`."""
        gathered = _as_utf8(gathered)
        with self._hook.lock:
            if not self._hook.is_open:
                return
            run = files.read_run_json(self._hook.path)
            before = dict(run.get("environment", {}))
            earlier = before.pop("earlier", [])
            now = (before if same_session else files.environment()) | gathered
            if not same_session and any(now.get(name) != value for name, value in before.items() if name != "argv"):
                earlier = [*earlier, before][-_MAX_EARLIER:]
            run["environment"] = now | ({"earlier": earlier} if earlier else {})
            files.write_json(self._hook.path / files.RUN, run, self._hook.durable)


def _is_free(path: Path, data: bytes) -> bool:
    """Whether a name is not taken, or by a file with this content."""
    try:
        return path.stat().st_size == len(data) and path.read_bytes() == data
    except FileNotFoundError:
        return True


def _as_utf8(value: Any) -> Any:
    """Nested data without text that UTF-8 cannot hold, as names of files and arguments may have."""
    if isinstance(value, dict):
        return {name: _as_utf8(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_as_utf8(item) for item in value]
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace") if isinstance(value, str) else value
