"""Values into the trackers that people have: `to` makes the tracker's own object, `log` sends a dict of values.

Each tracker is a module here, with a table of what it keeps of each type; `mediatypes interop NAME` prints it.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from ..._core.errors import InputError, Problem
from ...columns.log_cells import make_cell, read_cells
from ._adapter import Adapter
from ._sending import held, hold, make_objects, send

__all__ = ["TRACKERS", "adapter", "log", "to"]

TRACKERS = (
    "tensorboard",
    "wandb",
    "trackio",
    "mlflow",
    "aim",
    "swanlab",
    "comet",
    "clearml",
    "rerun",
    "dvclive",
    "datasets",
)


def adapter(tracker: str) -> Adapter:
    """The adapter of a tracker, whose package need not be installed. Raises `InputError` for one that is not known."""
    if tracker not in TRACKERS:
        raise InputError.of("tracker", f"one of {', '.join(TRACKERS)}", tracker, "mediatypes interop lists them.")
    adapter: Adapter = importlib.import_module(f"{__name__}._{tracker}").ADAPTER
    return adapter


def to(tracker: str, value: Any, key: str = "value") -> Any:
    """A value as a tracker's own object, to be logged with the tracker's own functions.

    Args:
        tracker: one of `mediatypes interop`: "tensorboard"...
        value: a media value, or what `Run.log` takes for one: a PIL image, a figure, a data frame.
        key: the name it will be logged under, for trackers whose objects hold it.

    Raises:
        InputError: the tracker has no place for this type; the message says what it has.
        MissingDependencyError: the tracker is not installed.

    >>> import mediatypes as mt
    >>> mt.interop.to("tensorboard", mt.Html("<b>hello</b>"), key="page").value[0].tag
    'page'
    """
    problems: list[Problem] = []
    made = make_objects(adapter(tracker), [(key, *make_cell(value, key, hold))], held, problems)
    if problems:
        raise InputError(problems)
    return made.get(key, list(made.values()))


def log(tracker: str, data: Mapping[str, Any], step: int | None = None, target: Any = None) -> None:
    """Log a dict of numbers, texts and media through a tracker.

    Args:
        tracker: one of `mediatypes interop`: "tensorboard"...
        data: as for `Run.log`; nested dicts are joined with ".", lists of media become keys `name/0`, `name/1`, where
            the tracker has no lists.
        step: of the tracker; None where it counts by itself.
        target: the tracker's run, writer or client. Default: the one that it has open now.

    Raises:
        InputError: with every value that the tracker has no place for, and everything `Run.log` would refuse; nothing
            is sent. Also if there is no target.
        CodecError: the tracker failed; its exception is the cause.
        MissingDependencyError: the tracker is not installed.

    >>> import tempfile, mediatypes as mt, tensorboardX
    >>> with tensorboardX.SummaryWriter(tempfile.mkdtemp()) as writer:
    ...     mt.interop.log("tensorboard", {"loss": 0.5, "page": mt.Html("<b>hello</b>")}, step=3, target=writer)
    """
    to_tracker = adapter(tracker)
    problems: list[Problem] = []
    cells, _ = read_cells(data, "log", hold, problems, keep_good=True)
    objects = make_objects(to_tracker, cells, held, problems)
    if problems:
        raise InputError(problems)
    send(to_tracker, objects, step, target)
