"""The modules that register entries, in the order in which they are run."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from .harness import ENTRIES

SUBJECTS: Final = (
    "imports",
    "scalars",
    "recorded",
    "memory",
    "crash",
    "png",
    "boxes",
    "histogram",
    "validation",
    "reading",
    "runs",
    "growth",
    "video",
    "audio",
    "molecule",
    "object3d",
    "table",
    "tensor",
    "figure",
    "plots",
    "tensorboard",
    "wandb",
    "follow",
    "capture",
    "viewer",
    "artifacts",
)


def load(entry: str | None = None) -> None:
    """Register all entries, or the one of this name and whatever comes before it."""
    for subject in SUBJECTS:
        if entry is None or entry not in ENTRIES:
            import_module(f"{__package__}.{subject}")
