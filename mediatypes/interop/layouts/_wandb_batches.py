"""Lists of media of one type as W&B's documents have them.

Each function takes the documents of W&B, their captions (None if there is no caption), and our documents.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Batch = Callable[[list[dict[str, Any]], list[Any] | None, list[dict[str, Any]]], dict[str, Any]]


def _images(made: list[dict[str, Any]], captions: list[Any] | None, _: list[dict[str, Any]]) -> dict[str, Any]:
    batch = {"_type": "images/separated", **{name: made[0][name] for name in ("width", "height", "format")}}
    batch |= {"count": len(made), "filenames": [one["path"] for one in made]}
    batch |= {"captions": captions} if captions else {}
    overlays = {f"all_{layer}": [one.get(layer) for one in made] for layer in ("masks", "boxes")}
    return batch | {name: layers for name, layers in overlays.items() if any(layers)}


def _sounds(made: list[dict[str, Any]], captions: list[Any] | None, documents: list[dict[str, Any]]) -> dict[str, Any]:
    batch: dict[str, Any] = {"_type": "audio", "count": len(made), "audio": made}
    batch["sampleRates"] = [document["sample_rate"] for document in documents]
    batch["durations"] = [document["duration"] for document in documents]
    return batch | ({"captions": [caption or "" for caption in captions]} if captions else {})


BATCHES: dict[str, Batch] = {
    "image-file": _images,
    "audio-file": _sounds,
    "video-file": lambda made, captions, _: {
        "_type": "videos",
        "count": len(made),
        "videos": made,
        "captions": captions or False,
    },
    "html-file": lambda made, captions, _: {"_type": "html", "count": len(made), "html": made},
    "molecule-file": lambda made, captions, _: {
        "_type": "molecule",
        "filenames": [one["path"] for one in made],
        "count": len(made),
        "captions": captions or False,
    },
    "object3D-file": lambda made, captions, _: {
        "_type": "object3D",
        "filenames": [one["path"].removeprefix("media/object3D/") for one in made],
        "count": len(made),
        "objects": made,
    },
}
