"""Keeping the copy of a run that is being written up to date, beside the training."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

from .._core.errors import MediaTypesError, Problem, StoreError, Verbatim, describe
from .transfer import RunCopy


class Uploader:
    """Keeps the copy of a run that is being written up to date, in a thread that disturbs nobody.

    Args:
        copy: the run and its copy.
        every: seconds between two updates.
        timeout: seconds that `finish` waits.
        report: told once of what goes wrong, until an update succeeds again.
    """

    def __init__(self, copy: RunCopy, every: float, timeout: float, report: Callable[[list[Problem]], None]) -> None:
        import pyarrow.fs  # noqa: F401 - what it does at the end of the interpreter has to come after the last upload

        self._copy, self._every, self._timeout, self._report = copy, every, timeout, report
        self._stopped, self._failed = threading.Event(), False
        self._last_error: BaseException | None = None  # of the last update
        self._start(self._work)

    def _start(self, work: Callable[[], None]) -> None:
        self._thread = threading.Thread(target=work, name="mediatypes-upload", daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """End the thread when it has sent what is left; raises `StoreError`. May be called again."""
        if self._stopped.is_set() and not self._thread.is_alive():
            self._start(self._send_rest)
        self._stopped.set()
        self._thread.join(self._timeout)
        error = self._last_error
        if self._thread.is_alive():
            got = Verbatim(f"no end of it within {self._timeout:g} seconds")
        elif error:
            got = Verbatim(str(describe(error)[0]).rstrip("."))
        else:
            return
        hint = f"The run is whole in {self._copy.source}: finish again, or copy it."
        raise StoreError.of(str(self._copy.target), "a copy that is up to date", got, hint) from error

    def _work(self) -> None:
        while not self._stopped.is_set():
            try:
                self._copy.update()
                self._failed = False
            except Exception as error:  # nobody can catch it in a thread; the last update raises what is still wrong
                if not self._failed and not self._stopped.is_set():
                    with contextlib.suppress(MediaTypesError):  # finished just now, or the disk is full
                        self._report([one._replace(path="upload", code="upload") for one in describe(error)])
                self._failed = True
            self._stopped.wait(self._every)
        self._send_rest()

    def _send_rest(self) -> None:
        self._last_error = None
        try:
            self._copy.update()
        except Exception as error:  # whoever waits in `finish` raises it
            self._last_error = error
