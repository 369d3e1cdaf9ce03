"""Other formats: what is written for other tools, and read from them.

mediatypes.interop.tensorboard.import_logdir("logs", "runs")
mediatypes.interop.log("wandb", {"photo": image}, step=3)
"""

# No import of annotations from __future__: it would stand where the module of that name is looked for.
import importlib
from typing import Any

_FUNCTIONS = ("log", "to")  # of trackers
__all__ = ["annotations", "elsewhere", "layouts", "log", "otel", "tensorboard", "to", "trackers", "wandb"]


def __getattr__(name: str) -> Any:
    if name in (*__all__, *_FRAMEWORKS) and name not in _FUNCTIONS:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _FUNCTIONS:
        return getattr(importlib.import_module(f"{__name__}.trackers"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__


# Modules that need their framework to be imported: they are in no list of all names.
_FRAMEWORKS = (
    "accelerate",
    "fastai",
    "hydra",
    "keras",
    "lightning",
    "optuna",
    "ray",
    "sklearn",
    "transformers",
    "ultralytics",
)
