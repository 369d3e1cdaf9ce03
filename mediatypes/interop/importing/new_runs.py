"""Runs that are made once, of what other tools keep: each beside its place, and moved there when it is whole."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..._core.atomic import replacing
from ..._core.errors import MediaTypesError, describe
from ...run import Run
from .report import RunReport
from .staging import make_parent


def make_once(name: str, dest: Path, make: Callable[[Path, RunReport], RunReport]) -> RunReport:
    """The report of a run that `make` makes in the folder `dest/name`.

    `make` is called with the folder and a report to complete. A run that is there already stays as it is, and one that
    raises a `MediaTypesError` has failed.
    """
    target, report = dest / name, RunReport.of(name)
    if os.path.lexists(target):
        return report._replace(status="unchanged", notes=["it is there already: remove it to import it again"])
    try:
        return make(target, report)
    except MediaTypesError as error:
        return report._replace(problems=list(describe(error)))


@contextlib.contextmanager
def new_run(target: Path, **options: Any) -> Iterator[Run]:
    """A run to log to, which takes its place when the block ends without an error; `options` are those of `Run`."""
    make_parent(target)
    with replacing(target, "import the run") as temporary, Run(temporary, quiet=True, capture=False, **options) as run:
        yield run
