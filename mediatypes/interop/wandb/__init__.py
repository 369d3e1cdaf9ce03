"""W&B: its logs, run directories and documents, read without wandb or protobuf.

mediatypes.interop.wandb.import_runs("wandb", "runs")
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .documents import decode
    from .importing import import_runs
    from .importing.follow import follow_runs

_PLACES = {"decode": "documents", "follow_runs": "importing.follow", "import_runs": "importing"}
__all__ = ["decode", "follow_runs", "import_runs"]


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
