"""Golden documents: encodings of small values, kept so that every later version is shown to read them.

    python tests/golden/make.py

writes `tests/golden/<type>/<version>/<case>/document.json` and its sidecars for cases that have no folder yet. A case
that is there is never written again: what was once written must stay readable.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import skimage.data

import mediatypes as mt
from mediatypes._core import canonical
from mediatypes._core.registry import lookup

ROOT = Path(__file__).parent
Array = np.ndarray[Any, np.dtype[Any]]


def photograph() -> Array:
    """(24, 32, 3) uint8 of a real photograph."""
    crop: Array = skimage.data.coffee()[120:144, 250:282]
    return crop


def image_with_overlays() -> mt.Image:
    pixels = photograph()
    corners = [[1.5, 2, 10, 12], [-3, 4, 40, 20.25], [0, 0, 32, 24]]
    boxes = {
        "detector": mt.BoundingBoxes2D.from_xyxy(
            corners,
            domain="pixel",
            class_ids=[1, 2, 1],
            scores={"score": [0.5, 0.25, 1], "iou": [0, None, 1]},
            labels=["a", None, "Löffel"],
        ),
        "truth": {
            "box_data": [
                {"position": {"minX": 0.1, "maxX": 0.2, "minY": 0.3, "maxY": 0.4}, "class_id": 1},
                {"position": {"middle": [15, 12], "width": 68, "height": 11}, "domain": "pixel", "class_id": 3},
            ],
            "class_labels": {1: "own name"},
        },
        "clipped": mt.BoundingBoxes2D.from_xywh(corners, domain="pixel", clip=True),
        "none": mt.BoundingBoxes2D.from_xyxy([], domain="percentage"),
    }
    masks = {
        "bright": mt.ImageMask(pixels[:, :, 0] > 120, class_labels={0: "dark", 1: "bright"}),
        "many": mt.ImageMask(np.arange(24 * 32).reshape(24, 32)),
    }
    classes = {1: "cup", 2: "spoon"}
    return mt.Image(pixels, caption="Kaffee ☕", grouping=0, classes=classes, boxes=boxes, masks=masks)


def deep() -> Array:
    """(24, 32, 3) uint16 that uses all bits."""
    wide: Array = photograph().astype(np.uint16) * np.uint16(257) ^ np.arange(32, dtype=np.uint16)[:, None]
    return wide


def portable_pixmap() -> bytes:
    """A file as a user may have it, which no codec of ours wrote."""
    return b"P6 32 24 255\n" + photograph().tobytes()


CASES: dict[str, dict[str, Callable[[], Any]]] = {
    "histogram": {
        "photograph": lambda: mt.Histogram(photograph(), num_bins=8, caption="brightness"),
        "non-finite": lambda: mt.Histogram([1, 2.5, np.nan, np.inf, -np.inf, -np.inf], num_bins=2),
        "weights": lambda: mt.Histogram(np_histogram=([0.5, 0, 1e300], [-1e-300, 0.1, 0.2, 1e300])),
        "empty": lambda: mt.Histogram([], num_bins=1),
    },
    "image": {
        "overlays": image_with_overlays,
        "grey": lambda: mt.Image(photograph()[:, :, 0]),
        "alpha": lambda: mt.Image(np.dstack([photograph(), photograph()[:, :, 0]])),
        "16-bit": lambda: mt.Image(deep()),
        "16-bit-grey": lambda: mt.Image(deep()[:, :, 0]),
        "floats": lambda: mt.Image(photograph().astype(np.float32) / 255),
        "value-range": lambda: mt.Image(photograph().astype(np.int64) * 4 - 20, value_range=(-20, 1000)),
        "jpg": lambda: mt.Image(photograph(), file_type="jpg", quality=90),
        "webp-lossless": lambda: mt.Image(photograph(), file_type="webp"),
        "file": lambda: mt.Image(portable_pixmap()),
    },
}


def folder(type: str, case: str) -> Path:
    """Where a case of the current version is kept."""
    return ROOT / type / lookup(type)[1].version / case


def main() -> int:
    for type, cases in CASES.items():
        for case, make in cases.items():
            place = folder(type, case)
            if place.exists():
                print(f"{place.relative_to(ROOT)}: there already")
                continue
            document = mt.encode(make(), mt.DirectoryStore(place))
            place.mkdir(parents=True, exist_ok=True)
            (place / "document.json").write_bytes(canonical.dump_pretty(document))
            print(f"{place.relative_to(ROOT)}: written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
