"""The detections of other libraries as boxes, told by what they have; none of these libraries is imported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._core.errors import InputError
from ...columns.arrays import as_array
from ...types.image.boxes import BoundingBoxes2D

_CORNERS = ("xmin", "ymin", "xmax", "ymax")


def boxes_from(detections: Any, class_labels: Mapping[Any, str] | None = None) -> BoundingBoxes2D:
    """The boxes that a library for detection returned for one image.

    Args:
        detections: `supervision.Detections`; an Ultralytics `Results` or its `.boxes`; `fiftyone.Detections`;
            `Instances` of Detectron2; the dict of torchvision and transformers with boxes (minX, minY, maxX, maxY in
            pixels), labels (or text_labels) and scores; the list that a transformers pipeline returns.
        class_labels: names by class id. Default: those that the detections bring; where they bring only names, the
            names get ids from 0, in their order here.

    Returns:
        Boxes with class ids, and the confidence as the score "score"; in pixels, of FiftyOne in fractions.

    Raises:
        InputError: something else, or boxes that cannot be.

    >>> import numpy as np
    >>> boxes_from({"boxes": np.array([[1, 2, 3, 4]]), "labels": [1], "scores": [0.5]}, {1: "cat"}).class_labels
    {1: 'cat'}
    """
    if isinstance(detections, Mapping) and "boxes" in detections:
        edges, ids, scores = (detections.get(name) for name in ("boxes", "labels", "scores"))
        words = detections.get("text_labels")
        if isinstance(ids, (list, tuple)) and all(isinstance(id, str) for id in ids):
            ids, words = None, ids
        return _of_columns(edges, ids, scores, words, class_labels)
    if isinstance(detections, (list, tuple)) and all(
        isinstance(one, Mapping) and isinstance(one.get("box"), Mapping) for one in detections
    ):
        edges = [[one["box"].get(corner) for corner in _CORNERS] for one in detections]
        return _of_columns(edges, None, _all(detections, "score"), _all(detections, "label"), class_labels)
    made: Any = detections  # by classes that are not known here
    if isinstance(items := getattr(detections, "detections", None), (list, tuple)):  # FiftyOne
        rows = [{name: getattr(one, name, None) for name in ("bounding_box", "confidence", "label")} for one in items]
        ids, labels = _ids_of(_all(rows, "label"), class_labels)
        scores = _all(rows, "confidence")
        return BoundingBoxes2D.from_xywh(
            [row["bounding_box"] for row in rows],
            domain="percentage",
            class_ids=ids,
            scores=scores,
            class_labels=labels,
        )
    if hasattr(made, "pred_boxes"):  # Detectron2
        edges = getattr(made.pred_boxes, "tensor", made.pred_boxes)
        ids, scores = getattr(made, "pred_classes", None), getattr(made, "scores", None)
        return _of_columns(edges, ids, scores, None, class_labels)
    inner = made.boxes if hasattr(getattr(made, "boxes", None), "xyxy") else made  # Ultralytics
    if hasattr(inner, "xyxy"):
        ids = getattr(inner, "cls", getattr(inner, "class_id", None))
        scores = getattr(inner, "conf", getattr(inner, "confidence", None))
        names = getattr(made, "names", None)
        if class_labels is None and isinstance(names, Mapping):
            class_labels = names
        data = getattr(made, "data", None)
        words = data.get("class_name") if isinstance(data, Mapping) else None  # supervision
        return _of_columns(inner.xyxy, ids, scores, words, class_labels)
    hint = "Use BoundingBoxes2D.from_xyxy(array, domain='pixel', class_ids=..., scores=...)."
    raise InputError.of("boxes_from", "the detections of one image", detections, hint)


def _of_columns(edges: Any, ids: Any, scores: Any, words: Any, class_labels: Any) -> BoundingBoxes2D:
    """Boxes in pixels; class ids are whole numbers, whatever their dtype, or come from names."""
    class_ids: list[int | None] | None = None
    if ids is not None:
        given = as_array(ids, "boxes_from.class_ids")
        if given.ndim != 1 or not all(float(id).is_integer() for id in given.tolist()):
            raise InputError.of("boxes_from.class_ids", "a whole number for each box", ids, "")
        class_ids = [int(id) for id in given.tolist()]
    names = None if words is None else [str(word) for word in words]
    if names is not None and class_ids is not None:
        class_labels = class_labels or dict(zip(class_ids, names, strict=True))
    elif names is not None:
        class_ids, class_labels = _ids_of(names, class_labels)
    labelled = {"class_ids": class_ids, "class_labels": class_labels}
    return BoundingBoxes2D.from_xyxy(edges, domain="pixel", scores=scores, **labelled)


def _ids_of(names: list[Any] | None, class_labels: Any) -> tuple[list[int | None] | None, Any]:
    """Class ids of names, and the names by id."""
    if names is None:
        return None, class_labels
    known = {name: id for id, name in (class_labels or {}).items()}
    if class_labels is None:
        known = {name: id for id, name in enumerate(dict.fromkeys(name for name in names if name is not None))}
    if missing := [name for name in names if name is not None and name not in known]:
        raise InputError.of(
            "boxes_from.class_labels", f"a name for each class: {', '.join(known)}", missing[0], "Add it."
        )
    return [None if name is None else known[name] for name in names], {id: name for name, id in known.items()}


def _all(rows: Any, name: str) -> list[Any] | None:
    """A column; None where no row has it."""
    column = [row.get(name) for row in rows]
    return column if any(value is not None for value in column) else None
