"""The detections of other libraries, by stand-ins with their attributes: the libraries themselves are large."""

from __future__ import annotations

from types import SimpleNamespace as Made
from typing import Any

import numpy as np
import pytest

import mediatypes as mt
from mediatypes.interop.annotations import boxes_from

EDGES = np.array([[1, 2, 3, 4], [5, 6, 7.5, 8]], np.float32)
NAMES = {0: "person", 16: "dog"}
RESULTS = Made(boxes=Made(xyxy=EDGES, cls=np.array([16.0, 0.0], np.float32), conf=np.array([0.5, 0.25])), names=NAMES)
DETECTIONS = {
    "supervision": Made(
        xyxy=EDGES,
        class_id=np.array([16, 0]),
        confidence=np.array([0.5, 0.25]),
        data={"class_name": np.array(["dog", "person"])},
    ),
    "ultralytics": RESULTS,
    "ultralytics boxes": RESULTS.boxes,
    "torchvision": {"boxes": EDGES, "labels": np.array([16, 0]), "scores": np.array([0.5, 0.25])},
    "detectron2": Made(pred_boxes=Made(tensor=EDGES), pred_classes=np.array([16, 0]), scores=np.array([0.5, 0.25])),
    "transformers": [
        {"score": score, "label": label, "box": dict(zip(("xmin", "ymin", "xmax", "ymax"), edges, strict=True))}
        for score, label, edges in zip((0.5, 0.25), ("dog", "person"), EDGES.tolist(), strict=True)
    ],
}  # fmt: skip


@pytest.mark.parametrize("library", DETECTIONS)
def test_each_library_is_understood(library: str) -> None:
    boxes = boxes_from(DETECTIONS[library], NAMES)
    assert boxes.to_xyxy().tolist() == EDGES.tolist()
    assert (boxes.domain, boxes.class_ids, boxes.scores) == ("pixel", [16, 0], {"score": [0.5, 0.25]})
    assert [boxes.class_labels[id] for id in (16, 0)] == ["dog", "person"]
    assert mt.Image(np.zeros((9, 9), np.uint8), boxes={"pred": boxes}).boxes["pred"] == boxes


@pytest.mark.parametrize(
    ("library", "labels"), [("supervision", NAMES), ("ultralytics", NAMES), ("transformers", {0: "dog", 1: "person"})]
)
def test_names_that_come_along_are_kept(library: str, labels: Any) -> None:
    assert boxes_from(DETECTIONS[library]).class_labels == labels


def test_fiftyone_has_fractions_and_names() -> None:
    items = [
        Made(label="cat", bounding_box=[0.1, 0.2, 0.3, 0.4], confidence=None),
        Made(label="dog", bounding_box=[0, 0, 1, 1], confidence=0.5),
    ]
    boxes = boxes_from(Made(detections=items))
    assert np.allclose(boxes.to_xyxy(), [[0.1, 0.2, 0.4, 0.6], [0, 0, 1, 1]])
    assert (boxes.domain, boxes.class_ids, boxes.class_labels) == ("percentage", [0, 1], {0: "cat", 1: "dog"})
    assert boxes.scores == {"score": [None, 0.5]}
    with pytest.raises(mt.InputError, match=r"boxes_from.class_labels: expected a name for each class: cat, got 'dog'"):
        boxes_from(Made(detections=items), {3: "cat"})


def test_no_detections_are_no_boxes() -> None:
    assert len(boxes_from({"boxes": np.zeros((0, 4)), "labels": np.zeros(0, int), "scores": np.zeros(0)})) == 0
    assert len(boxes_from([])) == len(boxes_from(Made(detections=[]))) == 0


@pytest.mark.parametrize("value", [None, 3, {"a": 1}, np.zeros((2, 4)), [1], Made()])
def test_something_else_is_refused(value: Any) -> None:
    with pytest.raises(mt.InputError, match=r"boxes_from: expected the detections of one image, got .* Use Bounding"):
        boxes_from(value)
    with pytest.raises(mt.InputError, match=r"expected an array \(n, 4\)"):
        boxes_from({"boxes": np.zeros(3)})


def test_the_real_supervision() -> None:
    """Its own class, as a model's output becomes; `make interop` has an environment for it."""
    supervision = pytest.importorskip("supervision", reason="supervision is not installed; see make interop")
    detections = supervision.Detections(
        xyxy=EDGES,
        mask=np.zeros((2, 9, 9), bool),
        confidence=np.array([0.5, 0.25]),
        class_id=np.array([16, 0]),
        tracker_id=np.array([7, 8]),
        data={"class_name": np.array(["dog", "person"])},
    )
    boxes = boxes_from(detections)
    assert boxes.to_xyxy().tolist() == EDGES.tolist()
    assert (boxes.domain, boxes.class_ids, boxes.scores) == ("pixel", [16, 0], {"score": [0.5, 0.25]})
    assert boxes.class_labels == NAMES
    assert boxes_from(detections[detections.confidence > 0.3]).class_ids == [16]
    assert len(boxes_from(supervision.Detections.empty())) == 0


@pytest.mark.parametrize(
    "labels",
    [
        {"labels": ["a cat", "a dog"]},  # zero-shot models of transformers
        {"labels": ["a cat", "a dog"], "text_labels": ["a cat", "a dog"]},
        {"labels": [0, 1], "text_labels": ["a cat", "a dog"]},
    ],
)
def test_labels_may_be_texts(labels: dict[str, Any]) -> None:
    boxes = boxes_from({"boxes": EDGES, **labels, "scores": np.array([0.5, 0.25])})
    assert (boxes.class_ids, boxes.class_labels) == ([0, 1], {0: "a cat", 1: "a dog"})


@pytest.mark.parametrize("labels", [[1.5, 2], [1, np.nan], 1, [[1, 2]]])
def test_class_ids_that_are_no_whole_numbers_are_refused(labels: Any) -> None:
    with pytest.raises(mt.InputError, match=r"boxes_from.class_ids: expected a whole number for each box"):
        boxes_from({"boxes": EDGES, "labels": np.array(labels)})


def test_boxes_of_another_shape_are_refused() -> None:
    with pytest.raises(mt.InputError, match="expected the detections of one image"):
        boxes_from([{"box": [1, 2, 3, 4], "label": "cat", "score": 0.5}])
