"""What frameworks call by themselves where this package is installed: it does nothing unless it is asked for."""

from __future__ import annotations

import os
from typing import Any


def lightning_callbacks() -> list[Any]:
    """For each Trainer of Lightning: a callback that logs where MEDIATYPES_RUN names the directory of a run."""
    path = os.environ.get("MEDIATYPES_RUN")
    if not path:
        return []
    from .lightning import RunCallback

    return [RunCallback(path)]
