"""Annotations as data sets have them: COCO, YOLO and Pascal VOC, and the detections of other libraries.

mediatypes.interop.annotations.from_coco("instances_val.json", "val")
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "AnnotatedImages": "dataset",
    "boxes_from": "detections",
    "from_coco": "coco",
    "from_voc": "voc",
    "from_yolo": "yolo",
    "import_annotations": "importing",
    "to_coco": "coco",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
