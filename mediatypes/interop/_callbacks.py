"""What callbacks of frameworks share: the run that they log to, and configs of whatever objects."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..columns.plain_data import BAD, make_plain
from ..writing.config import BITS

if TYPE_CHECKING:
    from ..run import Run


class CallbackRun:
    """The run of a callback, from the beginning of a training to its end; a second training goes on with it.

    Args:
        target: a run that is open, which stays so; or the path of one, which goes on where it exists. Default: what the
            environment variable MEDIATYPES_RUN names, else a new one, as `Run` makes it.
        options: of `Run`, for one that is opened here.

    Attributes:
        run: the `Run` while it is open, else None.
        path: of its directory, once that is known.
    """

    def __init__(self, target: Run | str | os.PathLike[str] | None, options: Mapping[str, Any]) -> None:
        from ..run import Run

        self._given: Run | None = None
        path: str | os.PathLike[str] | None
        if isinstance(target, Run):
            self._given, path = target, target.path
        else:
            path = target or os.environ.get("MEDIATYPES_RUN") or None
        self._options = dict(options)
        self.run: Run | None = None
        self.path = None if path is None else os.fspath(path)
        self._ahead: int | None = None  # of the steps of this training its rows are, once there is one

    def open(self, **described: Any) -> Run:
        """The run, opened if it is not; `described` are options of `Run` unless others were given."""
        from ..run import Run

        if self.run is None:
            mode = {} if self.path is None else {"mode": "allow"}
            self.run = self._given or Run(self.path, **{**mode, **described, **self._options})
            self.path, self._ahead = os.fspath(self.run.path), None
            self._options["mode"] = "allow"  # when it is opened again
        return self.run

    def log(self, data: Mapping[str, Any], step: int | None = None) -> None:
        """Log to the run if it is open; a step before the last row's goes to that row.

        A training that begins to count before the end of what the run has goes on behind that; `global_step` is what
        it counts then.
        """
        if self.run is None:
            return
        if step is None:
            self.run.log(data)
            return
        if self._ahead is None:
            self._ahead = max(self.run.step - step, 0)
        counted = {"global_step": step} if self._ahead else {}
        self.run.log({**counted, **data}, step=max(step + self._ahead, self.run.step))

    def close(self, status: str = "finished") -> None:
        """Finish the run, unless it was given open."""
        if self.run is not None and self._given is None:
            self.run.finish(status)
        self.run = None


def plain(value: Any) -> Any:
    """A config of a framework as what `Run.config` takes: other objects, and keys that are no texts, as their text."""
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    made = make_plain(value, "config", [], BITS)
    return str(value) if made is BAD else made
