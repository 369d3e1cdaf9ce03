"""Checking a document, against a JSON Schema validator."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import mediatypes as mt

from .harness import Contender, at_most, benchmark, load, timed

_CALLS = 200


@benchmark(
    "validate",
    "validate() of an image document of 2 kB with boxes and masks",
    at_most("CPU us", 50),
    needs=("jsonschema",),
)
def _validate(scratch: Path) -> list[Contender]:
    labels = {id: f"class {id}" for id in range(10)}
    ids = np.arange(50) % len(labels)
    edges = np.tile([0.1, 0.2, 0.6, 0.8], (len(ids), 1))
    boxes = mt.BoundingBoxes2D.from_xyxy(edges, domain="percentage", class_ids=ids, class_labels=labels)
    mask = {"mask_data": np.zeros((64, 64), np.uint8), "class_labels": labels}
    image = mt.Image(
        np.zeros((64, 64, 3), np.uint8),
        caption="val 7",
        boxes={"predictions": boxes, "ground_truth": boxes},
        masks={"predictions": mask, "ground_truth": mask},
    )
    document = mt.encode(image, mt.MemoryStore())
    validator = load("jsonschema").Draft202012Validator(mt.schema("image"))
    return [
        Contender("mediatypes", timed(lambda: mt.validate(document), _CALLS, "us")),
        Contender("jsonschema", timed(lambda: list(validator.iter_errors(document)), _CALLS, "us")),
    ]
