"""Sets of bounding boxes, against the JSON that W&B's dict form makes."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import mediatypes as mt

from .harness import Contender, benchmark, load, timed

_LABELS = {id: f"class {id}" for id in range(20)}
_PIXELS = np.zeros((8, 8, 3), np.uint8)  # boxes are encoded with their image: one that costs next to nothing


class _Boxes:
    """The same detections as arrays and in W&B's form."""

    def __init__(self, count: int) -> None:
        random = np.random.default_rng(0)
        corners = random.random((count, 2, 2))
        self.edges = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
        self.class_ids = random.integers(0, len(_LABELS), count)
        self.scores = random.random(count)
        self.dicts = self.to_dicts()

    def to_dicts(self) -> dict[str, Any]:
        rows = zip(self.edges.tolist(), self.class_ids.tolist(), self.scores.tolist(), strict=True)
        boxes = [
            {
                "position": dict(zip(("minX", "minY", "maxX", "maxY"), edges, strict=True)),
                "domain": "percentage",
                "class_id": class_id,
                "scores": {"score": score},
            }
            for edges, class_id, score in rows
        ]
        return {"box_data": boxes, "class_labels": _LABELS}

    def encode_arrays(self) -> object:
        boxes = mt.BoundingBoxes2D.from_xyxy(
            self.edges, domain="percentage", class_ids=self.class_ids, scores=self.scores, class_labels=_LABELS
        )
        return mt.encode(mt.Image(_PIXELS, boxes={"predictions": boxes}), mt.MemoryStore())

    def encode_dicts(self) -> object:
        return mt.encode(mt.Image(_PIXELS, boxes={"predictions": self.dicts}), mt.MemoryStore())

    def make_wandb(self) -> object:
        """Checked by W&B's class and dumped; a run would write the text to a file."""
        boxes = load("wandb").data_types.BoundingBoxes2D(self.dicts, "predictions")
        return json.dumps(boxes._val)


def _from_arrays(count: int, calls: int, scratch: Path) -> list[Contender]:
    boxes = _Boxes(count)
    return [
        Contender("mediatypes, arrays", timed(boxes.encode_arrays, calls)),
        Contender("dicts and json.dumps", timed(lambda: json.dumps(boxes.to_dicts()), calls)),
    ]


def _from_dicts(count: int, calls: int, scratch: Path) -> list[Contender]:
    boxes = _Boxes(count)
    return [
        Contender("mediatypes, W&B dicts", timed(boxes.encode_dicts, calls)),
        Contender("json.dumps, no checks", timed(lambda: json.dumps(boxes.dicts), calls)),
        Contender("wandb.BoundingBoxes2D", timed(boxes.make_wandb, calls), "wandb"),
    ]


for _name, _count, _calls in (("100", 100, 20), ("100k", 100_000, 1)):
    benchmark(f"boxes-{_name}", f"{_name} boxes from arrays, checked and encoded")(
        partial(_from_arrays, _count, _calls)
    )
    benchmark(f"boxes-dicts-{_name}", f"{_name} boxes from W&B's dicts, checked and encoded")(
        partial(_from_dicts, _count, _calls)
    )
