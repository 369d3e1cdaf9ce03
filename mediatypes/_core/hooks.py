"""What a higher layer does for a lower one, by name, so that no import points up."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

_HOOKS = {
    "forward_to": "mediatypes.interop.trackers.forwarding:Forwarder",  # Run(forward_to=)
    "plot_runs": "mediatypes.viewer.plotting:plot_runs",  # RunView.plot, RunSet.plot
    "show_artifacts": "mediatypes.viewer.notebook:artifacts_bundle",  # Artifacts and Artifact in a notebook
    "show_runs": "mediatypes.viewer.notebook:runs_bundle",  # RunView and RunSet in a notebook
    "show_value": "mediatypes.viewer.notebook:value_bundle",  # a value in a notebook
    "sync_tensorboard": "mediatypes.interop.tensorboard.live:attach",  # Run(sync_tensorboard=True)
}


def hook(name: str) -> Callable[..., Any]:
    """The function behind a name; its module is imported now."""
    module, _, function = _HOOKS[name].partition(":")
    return getattr(importlib.import_module(module), function)  # type: ignore[no-any-return]
