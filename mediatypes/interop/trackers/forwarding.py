"""`Run(forward_to=)`: what a run logs also goes to live trackers. Nothing that they do reaches the training."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from ..._core.codec import decode
from ..._core.deps import is_installed
from ..._core.errors import InputError, MissingDependencyError, Problem, StoreError, describe, problem
from ..._core.sidecar import Source
from ...columns.log_cells import Named
from . import TRACKERS, adapter
from ._adapter import Adapter
from ._sending import make_objects, send

Report = Callable[[list[Problem]], None]


_thread = threading.local()


def is_forwarding() -> bool:
    """Whether this thread gives a tracker what a run has logged: a writer that is captured has it from there."""
    return getattr(_thread, "is_forwarding", False)


class Forwarder:
    """Sends the cells of each call to trackers; what goes wrong is reported, once of each key and kind.

    Args:
        targets: names of trackers, whose open run is asked for at each call, or their runs and writers themselves.

    Raises:
        InputError: with every target that is neither, and every name of a tracker that has no open run to ask for.
        MissingDependencyError: a tracker that is named is not installed.
    """

    def __init__(self, targets: Sequence[Any]) -> None:
        if isinstance(targets, str) or not isinstance(targets, Sequence):
            raise InputError.of("Run.forward_to", "a list of trackers", targets, 'Pass ["wandb"], for example.')
        problems: list[Problem] = []
        self._trackers = [known for one in targets if (known := _tracker_of(one, problems)) is not None]
        if problems:
            raise InputError(problems)
        for to_tracker, target in self._trackers:
            if target is None and not any(map(is_installed, to_tracker.modules)):
                raise MissingDependencyError(to_tracker.package, "", "Run.forward_to")
        self._told: set[tuple[str, str, str]] = set()

    def __call__(self, cells: list[Named], step: int, source: Source, report: Report) -> None:
        """Send the cells of a call, whose sidecars are in `source`; problems go to `report`. Raises no Exception."""
        for to_tracker, target in self._trackers:
            problems: list[Problem] = []
            try:
                value_of = partial(decode, source=source)
                objects = make_objects(to_tracker, cells, value_of, problems)
                _thread.is_forwarding = True
                send(to_tracker, objects, step, target)
            except Exception as error:
                problems += describe(error)
            finally:
                _thread.is_forwarding = False
            if new := self._not_told(to_tracker, problems):
                with suppress(StoreError):  # the call is written, and the run tells of this when it is finished
                    report(new)

    def _not_told(self, to_tracker: Adapter, problems: list[Problem]) -> list[Problem]:
        new = {(to_tracker.title, one.path, one.code): one for one in problems}
        new = {key: one for key, one in new.items() if key not in self._told}
        self._told.update(new)
        where = f"forward_to {to_tracker.title}"
        return [one._replace(path=f"{where}: {one.path}" if one.path else where) for one in new.values()]


def _tracker_of(target: Any, problems: list[Problem]) -> tuple[Adapter, Any] | None:
    """The adapter of a name, or of an object by the module of its class."""
    modules = {cls.__module__.partition(".")[0] for cls in type(target).__mro__}
    is_name = isinstance(target, str)
    for name in TRACKERS:
        if name == target if is_name else modules & set(adapter(name).modules):
            if is_name and not adapter(name).current:
                problems.append(
                    problem("Run.forward_to", f"a run of {adapter(name).title}", target, adapter(name).hint)
                )
            return adapter(name), None if is_name else target
    hint = "mediatypes interop lists the names."
    problems.append(
        problem("Run.forward_to", f"a run or writer of a tracker, or one of {', '.join(TRACKERS)}", target, hint)
    )
    return None
