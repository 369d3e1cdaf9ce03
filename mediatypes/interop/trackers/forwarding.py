"""`Run(forward_to=)`: what a run logs also goes to live trackers. Nothing that they do reaches the training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..._core.codec import decode
from ..._core.errors import InputError, Problem, describe, problem
from ..._core.sidecar import Source
from ...columns.log_cells import Named
from . import TRACKERS, adapter
from ._adapter import Adapter
from ._sending import make_objects, send

Report = Callable[[list[Problem]], None]


class Forwarder:
    """Sends the cells of each call to trackers; what goes wrong is reported, once of each key and kind.

    Args:
        targets: names of trackers, whose open run is asked for at each call, or their runs and writers themselves.
        source: of the sidecars of the run.
        report: keeps problems in the run.

    Raises:
        InputError: with everything that is neither.
    """

    def __init__(self, targets: Sequence[Any], source: Source, report: Report) -> None:
        if isinstance(targets, str) or not isinstance(targets, Sequence):
            raise InputError.of("Run.forward_to", "a list of trackers", targets, 'Pass ["wandb"], for example.')
        problems: list[Problem] = []
        self._trackers = [found for one in targets if (found := _tracker_of(one, problems)) is not None]
        if problems:
            raise InputError(problems)
        self._source, self._report = source, report
        self._told: set[tuple[str, str, str]] = set()

    def __call__(self, cells: list[Named], step: int) -> None:
        """Send the cells of a call. Never raises an Exception."""
        for to_tracker, target in self._trackers:
            problems: list[Problem] = []
            try:
                send(to_tracker, make_objects(to_tracker, cells, self._value, problems), step, target)
            except Exception as error:
                problems += describe(error)
            self._tell(to_tracker, problems)

    def _value(self, document: dict[str, Any]) -> Any:
        return decode(document, self._source)

    def _tell(self, to_tracker: Adapter, problems: list[Problem]) -> None:
        new = [one for one in problems if (to_tracker.title, one.path, one.code) not in self._told]
        self._told.update((to_tracker.title, one.path, one.code) for one in new)
        if new:
            self._report([one._replace(path=f"forward_to {to_tracker.title}: {one.path}".rstrip(": ")) for one in new])


def _tracker_of(target: Any, problems: list[Problem]) -> tuple[Adapter, Any] | None:
    """The adapter of a name, or of an object by the module of its class."""
    if target in TRACKERS if isinstance(target, str) else False:
        return adapter(target), None
    modules = {cls.__module__.partition(".")[0] for cls in type(target).__mro__}
    for name in () if isinstance(target, str) else TRACKERS:
        if modules & set(adapter(name).modules):
            return adapter(name), target
    hint = "mediatypes interop lists the names."
    problems.append(problem("Run.forward_to", f"a run or writer of a tracker, or one of {', '.join(TRACKERS)}", target, hint))
    return None
