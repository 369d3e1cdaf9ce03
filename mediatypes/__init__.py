"""Typed media values for experiment tracking, an open on-disk format, and a run history in Parquet.

    import mediatypes as mt

    with mt.Run("runs/demo", config={"lr": 1e-3}) as run:
        run.log({"loss": 0.3, "img": mt.Image(array, boxes={"pred": boxes})})
    mt.open_run("runs/demo").to_pandas(["loss"])

Importing this package imports no third-party module; each name is loaded when it is first used.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

__version__ = "0.1.0"

_NAMES = {
    "artifact.gathering": ("Reference",),
    "artifact.store": ("Artifacts", "artifacts"),
    "artifact.version": ("Artifact",),
    "_core.codec": ("decode", "encode", "schema", "validate"),
    "_core.errors": (
        "CodecError",
        "DocumentError",
        "HashMismatch",
        "InputError",
        "MediaTypesError",
        "MissingDependencyError",
        "Problem",
        "RunClosed",
        "RunExists",
        "RunLocked",
        "SidecarMissing",
        "StoreError",
        "UnknownTypeError",
        "UnsafePath",
        "UnsupportedVersionError",
        "ValidationError",
    ),
    "_core.registry": ("register",),
    "_core.sidecar": ("Sink", "Source"),
    "_core.value": ("MediaValue",),
    "interop.layouts": ("ExportReport", "export"),
    "interop.importing.report": ("ImportReport",),
    "journal.metrics": ("Metric",),
    "upkeep.packing": ("Moved", "gc", "pack", "unpack"),
    "plot": ("Plot", "plot_table"),
    "upkeep.recover": ("recover",),
    "run": ("Run",),
    "runfolder.lineage": ("RunArtifact",),
    "runfolder.saved_files": ("SavedFile",),
    "runset.runset": ("RunSet", "compact", "open_runs"),
    "store.directory": ("DirectoryStore",),
    "store.memory": ("MemoryStore",),
    "store.packed": ("PackedStore",),
    "store.remote": ("RemoteStore", "open_store"),
    "runset.compact_write": ("Compacted",),
    "upkeep.transfer": ("Copied", "copy"),
    "types.image.boxes": ("BoundingBoxes2D",),
    "types.image.classes": ("Classes",),
    "types.image.masks": ("ImageMask",),
    "types.object3d.boxes3d": ("Box3D",),
    "types.audio.value": ("Audio",),
    "types.figure.value": ("Figure",),
    "types.histogram.value": ("Histogram",),
    "types.html.value": ("Html",),
    "types.image.value": ("Image", "draw"),
    "types.molecule.value": ("Molecule",),
    "types.object3d.value": ("Object3D",),
    "types.table.value": ("Table",),
    "types.tensor.value": ("Tensor",),
    "types.video.value": ("Video",),
    "view": ("RunView", "open_run"),
}
_MODULES = ("declare", "interop", "plot", "testing")
_ELSEWHERE = {  # what W&B has, and where it is here
    "init": "Make a run with run = mediatypes.Run(project=...), or mediatypes.Run(path); a script of W&B's runs "
    "unchanged after: from mediatypes.interop import wandb.",
    **dict.fromkeys(("log", "config", "summary", "finish"), "It is of a run: run = mediatypes.Run(path)."),
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names}
__all__ = ["__version__", *sorted((*_HOMES, *_MODULES))]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"mediatypes.{name}")
    if name not in _HOMES:
        hint = _ELSEWHERE.get(name)
        text = f"module 'mediatypes' has no attribute {name!r}" + (f". {hint}" if hint else "")
        raise AttributeError(text, name=name, obj=sys.modules[__name__])
    value = getattr(importlib.import_module(f"mediatypes.{_HOMES[name]}"), name)
    if isinstance(value, type):
        value.__module__ = __name__  # what users import it from, which is where tracebacks and help() say it is
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
