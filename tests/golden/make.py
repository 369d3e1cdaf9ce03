"""Golden documents: encodings of small values, kept so that every later version is shown to read them.

    python tests/golden/make.py

writes `tests/golden/<type>/<version>/<case>/document.json` and its sidecars for cases that have no folder yet. A case
that is there is never written again: what was once written must stay readable.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import skimage.data
import tifffile

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


def tiff(pixels: Array) -> bytes:
    """An uncompressed TIFF of one or more pages, as tifffile writes it."""
    buffer = BytesIO()
    tifffile.imwrite(buffer, pixels, photometric="rgb", software=False, metadata=None)
    return buffer.getvalue()


def animated_png() -> bytes:
    first, *others = [PIL.Image.fromarray(frame.transpose(1, 2, 0)) for frame in frames()]
    buffer = BytesIO()
    first.save(buffer, "PNG", save_all=True, append_images=others, duration=[100, 200, 300])
    return buffer.getvalue()


def tone(frames: int = 200) -> Array:
    """(frames,) float64 of a decaying tone of 440 Hz at 8 kHz."""
    time = np.arange(frames) / 8000
    return np.sin(2 * np.pi * 440 * time) * np.exp(-20 * time)


def frames() -> Array:
    """(3, 3, 24, 32) uint8: a pan over the photograph."""
    return np.stack([np.roll(photograph(), shift, axis=1) for shift in (0, 4, 8)]).transpose(0, 3, 1, 2)


GRO = b"""water
    3
    1SOL     OW    1   0.230   0.628   0.113
    1SOL    HW1    2   0.260   0.717   0.113
    1SOL    HW2    3   0.137   0.628   0.150
   1.82060   1.82060   1.82060
"""
STL = b"""solid corner
facet normal 0 0 1
outer loop
vertex 0 0 0
vertex 1 0 0
vertex 0 1 0
endloop
endfacet
endsolid corner
"""


def scene() -> mt.Object3D:
    points = np.linspace(-1, 1, 18).reshape(3, 6) * [1, 1, 1, 0, 0, 0] + [0, 0, 0, 255, 128, 0]
    boxes = [mt.Box3D(center=(0, 0, 0), size=(1, 2, 3), orientation=(1, 0, 0, 0), color=(321, 0, 0))]
    vectors = [{"start": [0, 0, 0], "end": [1, 1, 1]}]
    return mt.Object3D({"type": "lidar/beta", "points": points, "boxes": boxes, "vectors": vectors}, caption="scene")


def brightness() -> mt.Table:
    """Mean brightness of rows of the photograph, in its two halves."""
    rows = [
        [i, ("left", "right")[half], float(row[16 * half : 16 * half + 16].mean())]
        for i, row in enumerate(photograph())
        for half in (0, 1)
    ]
    return mt.Table(columns=["row", "half", "mean"], data=rows[:8])


def many_kinds() -> tuple[list[str], list[list[Any]]]:
    """Names of columns, and two rows of values of as many kinds; the second is of None."""
    moment = datetime(2026, 11, 21, 12, 0, 1, 250)
    cells: dict[str, Any] = {
        "integer": 2**60,
        "number": np.inf,
        "boolean": True,
        "string": "Löffel",
        "binary": b"\x00\xff",
        "datetime": moment,
        "timestamp": moment.replace(tzinfo=UTC),
        "date": moment.date(),
        "duration": timedelta(-1, 0, 5),
        "decimal": Decimal("1.10"),
        "json": {"type": "x", "a": [None, np.nan]},
        "integers": [1, None],
        "numbers": [0.5, np.nan, None],
        "booleans": [True],
        "strings": ["a"],
        "nothing": [],
        "image": mt.Image(photograph()),
        "images": [mt.Image(photograph()), None],
        "media": [mt.Image(photograph(), caption="cup"), mt.Histogram([1, 2], num_bins=2)],
    }
    return list(cells), [list(cells.values()), [None] * len(cells)]


def joined_by_x() -> mt.Plot:
    """A curve as its preset was at first: its order said nothing, so that Vega-Lite joined the points by x."""
    plot = mt.plot.roc_curve([0, 1, 0, 1], [0.125, 0.25, 0.5, 0.75], split_table=True)
    diagonal, curve = plot.spec["layer"]
    curve = {**curve, "encoding": {**curve["encoding"], "order": None}}
    return plot._replace(_spec={**plot.spec, "layer": [diagonal, curve]})


CASES: dict[str, dict[str, Callable[[], Any]]] = {
    "audio": {
        "tone": lambda: mt.Audio(tone(), sample_rate=8000, caption="a decaying tone"),
        "stereo-float": lambda: mt.Audio(
            np.stack([tone(), -tone()], axis=1).astype(np.float32), sample_rate=8000, subtype="FLOAT"
        ),
        "flac": lambda: mt.Audio((tone() * 32767).astype(np.int16), sample_rate=8000, format="flac"),
    },
    "figure": {
        "lines": lambda: mt.Figure({"data": [{"type": "scatter", "x": [1, 2, 3], "y": [0.5, 0.25, 1]}], "layout": {}}),
    },
    "html": {
        "page": lambda: mt.Html("<!doctype html><title>t</title><p>Löffel &amp; <b>cup</b></p>"),
        "as-it-is": lambda: mt.Html("<p>plain</p>", inject=False, caption="no style"),
    },
    "molecule": {
        "gro": lambda: mt.Molecule(GRO, file_type="gro", caption="water"),
        "xyz": lambda: mt.Molecule(b"3\nwater\nO 0 0 0\nH 0.76 0.59 0\nH -0.76 0.59 0\n", file_type="xyz"),
    },
    "object3d": {
        "points": lambda: mt.Object3D(np.linspace(0, 1, 12, dtype=np.float32).reshape(4, 3)),
        "categories": lambda: mt.Object3D(np.array([[0.5, 0, 0, 1], [1, 2, 3, 14]])),
        "scene": scene,
        "stl": lambda: mt.Object3D(STL, file_type="stl"),
    },
    "plot": {
        "line": lambda: mt.plot.line(brightness(), "row", "mean", stroke="half", title="Helligkeit ☀"),
        "roc-curve": joined_by_x,
        "pr-curve": lambda: mt.plot.pr_curve([0, 1, 0, 1], [0.125, 0.75, 0.25, 0.5]),
        "confusion-matrix": lambda: mt.plot.confusion_matrix(y_true=["cup", "spoon"], preds=["cup", "cup"]),
    },
    "table": {
        "plain": lambda: mt.Table(
            ["n", "x", "ok", "name", "tags"], [[1, 0.5, True, "Löffel", ["a", 1]], [None, np.nan, None, None, None]]
        ),
        "pictures": lambda: mt.Table(
            ["picture", "counts"],
            [[mt.Image(photograph(), caption="cup"), mt.Histogram([1, 2], num_bins=2)], [mt.Image(photograph()), None]],
        ),
        "kinds": lambda: mt.Table(many_kinds()[0][:16], [row[:16] for row in many_kinds()[1]]),
        "lists-of-media": lambda: mt.Table(many_kinds()[0][17:], [row[17:] for row in many_kinds()[1]]),
        "mixed": lambda: mt.Table(["any"], [[cell] for cell in many_kinds()[1][0]], allow_mixed_types=True),
        "json": lambda: mt.Table(*many_kinds(), format="json"),
        "json-mixed": lambda: mt.Table(
            ["any"], [[cell] for cell in many_kinds()[1][0]], allow_mixed_types=True, format="json"
        ),
    },
    "tensor": {
        "float32": lambda: mt.Tensor(tone().astype(np.float32).reshape(20, 10), caption="a tone"),
        "non-finite": lambda: mt.Tensor(np.array([1.5, np.nan, -np.inf, np.inf, 0])),
        "scalar": lambda: mt.Tensor(np.int64(2**60)),
    },
    "video": {
        "apng": lambda: mt.Video(animated_png()),
        "tiff": lambda: mt.Video(tiff(frames().transpose(0, 2, 3, 1)), fps=10),
        "gif": lambda: mt.Video(frames(), fps=5, caption="pan"),
        "lossless": lambda: mt.Video(frames(), fps=5, lossless=True),
        "mp4": lambda: mt.Video(frames(), fps=5, format="mp4"),
    },
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
        "16-bit-tiff": lambda: mt.Image(tiff(deep())),
        "float-tiff": lambda: mt.Image(tiff(photograph() / np.float32(128) - 1)),
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
