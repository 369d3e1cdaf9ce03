"""Other formats: what is written for other tools, and read from them.

mediatypes.interop.tensorboard.import_logdir("logs", "runs")
"""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["annotations", "layouts", "tensorboard"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
