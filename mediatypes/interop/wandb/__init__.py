"""W&B: scripts that import wandb run on mediatypes, and what wandb has written is read, both without wandb.

    from mediatypes.interop import wandb          # instead of `import wandb`

    with wandb.init(project="faces", config={"lr": 0.1}) as run:
        wandb.log({"loss": 0.5, "photo": wandb.Image(array)})

`python -m mediatypes.interop.wandb script.py` does the same with a script that is not changed at all. Runs are folders
of mediatypes. `import_runs("wandb", "runs")` makes runs of what wandb itself has written, and `decode` a value of one
of its documents. docs/from-wandb.md lists every difference.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .documents import decode as decode
    from .importing import import_runs as import_runs
    from .importing.follow import follow_runs as follow_runs

_FUNCTIONS = {
    "script.session": ("finish", "init", "login", "setup", "teardown", "termerror", "termlog", "termwarn"),
    "script.run": ("Run",),
    "script.settings": ("Settings",),
    "script.artifact": ("Artifact",),
    "script.api": ("Api",),
    "script.values": (
        "Audio",
        "Bokeh",
        "BoundingBoxes2D",
        "Classes",
        "Graph",
        "Histogram",
        "Html",
        "Image",
        "ImageMask",
        "JoinedTable",
        "Molecule",
        "Object3D",
        "PartitionedTable",
        "Plotly",
        "Table",
        "Video",
        "box3d",
    ),
    "plot": ("plot_table",),
    "script.forwarding": ("AlertLevel", "require"),
    "errors": ("CommError", "Error", "UsageError"),
    "documents": ("decode",),
    "importing": ("import_runs",),
    "importing.follow": ("follow_runs",),
}
_HOMES = {name: home for home, names in _FUNCTIONS.items() for name in names}
# What goes to the run that is open.
_OF_RUN = (
    "alert",
    "define_metric",
    "log",
    "log_artifact",
    "log_code",
    "log_model",
    "mark_preempting",
    "restore",
    "save",
    "unwatch",
    "use_artifact",
    "use_model",
    "watch",
)
_MEMBERS = ("config", "summary")
_MODULES = {
    "apis": "sdk",
    "data_types": "script.values",
    "env": "sdk",
    "errors": "errors",
    "keras": "keras",
    "plot": "plot",
    "sdk": "sdk",
    "sklearn": "sklearn",
    "tensorboard": "tensorboard",
    "util": "sdk",
    "wandb_run": "sdk",
}
# What needs wandb's server, and what to do instead.
_ON_A_SERVER = {
    "sweep": "Loop over the configs, a run each; runs compare them.",
    "agent": "Loop over the configs, a run each; runs compare them.",
    "controller": "Loop over the configs, a run each; runs compare them.",
    "Report": "Use `mediatypes report RUNS -o report.html`.",
    "launch": "Start the script yourself.",
    "launch_add": "Start the script yourself.",
    "link_artifact": "Give it an alias: run.log_artifact(artifact, aliases=['production']).",
    "link_model": "Give it an alias: run.log_model(path, aliases=['production']).",
    "sync": "Use `mediatypes import PATH -o RUNS`.",
}

# Without modules that need a package of their own: `from wandb import *` imports what is named here.
__all__ = [*_HOMES, *_OF_RUN, *_MEMBERS, *(name for name in _MODULES if name != "keras"), *_ON_A_SERVER, "run"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    if name == "__version__":
        return "0.31.0"  # whose names and arguments these are
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{_MODULES[name]}")
    if name == "run":
        return importlib.import_module(f"{__name__}.script.session").current()
    if name in _MEMBERS:
        return getattr(importlib.import_module(f"{__name__}.script.session").need(name), name)
    if name in _OF_RUN:
        return importlib.import_module(f"{__name__}.script.forwarding").of_run(name)
    if name in _ON_A_SERVER:
        return importlib.import_module(f"{__name__}.script.server").on_a_server(name, _ON_A_SERVER[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
