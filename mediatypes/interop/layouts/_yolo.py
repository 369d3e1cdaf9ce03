"""`images`, `labels` and `data.yaml`, of one set of boxes; class ids that are not 0, 1, 2... are numbered so.

An id that has several names becomes several classes.

Where an object has a region, all are written as segments, for Ultralytics takes no file with boxes among them. It takes
none with a box that reaches out of its picture either: such a box is trimmed, one that is all outside is left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ...view import RunView
from ..annotations.dataset import Object, box_of, labels_of, sets_of
from ..annotations.naming import ClassIds, Names
from ..annotations.shapes import outline
from ..annotations.yolo import label_file, label_line, segment_line
from ._annotated import NO_CLASS, chosen_set, images, lose_details, lose_layers
from ._content import Item
from ._report import Tally

_BOX = "a box that is not that around its region"
_SCORE = "a score, for which a segment has no room"
_OUTSIDE = "a box outside its picture"
_TRIMMED = "a box that reaches out of its picture, trimmed to it"


class _Line:
    """An object, as a box and, if it has a region, as a segment."""

    def __init__(self, one: Object, ids: Mapping[int, int], width: int, height: int) -> None:
        edges = np.array(one.box) / (width, height, width, height)
        left, top, right, bottom = self.box = tuple(np.clip(edges, 0, 1).tolist())
        self.class_id, self.score = None if one.class_id is None else ids[one.class_id], one.score
        self.is_outside = bool((edges[:2] > 1).any() or (edges[2:] < 0).any())
        self.is_trimmed = self.box != tuple(edges.tolist())
        self.is_other = one.region is not None and not np.allclose(box_of(one.region), one.box, rtol=0, atol=1e-6)
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        self.points = np.array(corners) if one.region is None else outline(one.region) / (width, height)
        self.has_region = one.region is not None


def write(view: RunView, folder: Path, tally: Tally) -> None:
    chosen, names, classes = chosen_set(view), Names(stems=True), ClassIds()
    annotated: list[tuple[Item, str, list[_Line]]] = []
    for item, image in images(view, tally):
        name = names.give(image.caption, image.format)
        tally.copy(item.document, f"images/{name}", item.key, item.kind)
        objects = sets_of(image).get(chosen, [])
        ids = classes.of(labels_of(image).get(chosen, {}))
        lose_details(objects, item, tally, (), scores=True, regions=True)
        lose_layers(image, item, tally, chosen)
        annotated.append((item, name, [_Line(one, ids, image.width, image.height) for one in objects]))
    are_segments = any(line.has_region for _, _, lines in annotated for line in lines)
    labels = dict(sorted(classes.names.items()))
    is_numbered = list(labels) == list(range(len(labels)))
    numbers = {id: id if is_numbered else position for position, id in enumerate(labels)}
    for item, name, lines in annotated:
        written = []
        for line in lines:
            if line.class_id is None:
                tally.lose(item.key, item.kind, NO_CLASS)
                continue
            if line.is_outside and not line.has_region:
                tally.lose(item.key, item.kind, _OUTSIDE)
                continue
            tally.lose(item.key, item.kind, _TRIMMED, line.is_trimmed and not line.has_region)
            if are_segments:
                tally.lose(item.key, item.kind, _BOX, line.is_other)
                tally.lose(item.key, item.kind, _SCORE, line.score is not None)
                written.append(segment_line(numbers[line.class_id], line.points) + "\n")
            else:
                written.append(label_line(numbers[line.class_id], line.box, line.score) + "\n")
        path = folder / label_file(Path("images", name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(written), "utf-8")
    named = "".join(f"  {numbers[id]}: {json.dumps(label)}\n" for id, label in labels.items())
    content = f"path: .\ntrain: images\nval: images\nnames:{'' if named else ' {}'}\n{named}"
    (folder / "data.yaml").write_text(content, "utf-8")
