"""`images`, `labels` and `data.yaml`, of one set of boxes; class ids that are not 0, 1, 2... are numbered so."""

from __future__ import annotations

import json
from pathlib import Path

from ...view import RunView
from ..annotations.dataset import Object, labels_of, sets_of
from ..annotations.naming import Names
from ..annotations.yolo import label_line
from ._annotated import NO_CLASS, OTHER_SET, chosen_set, images, lose_details, other_sets
from ._content import Item
from ._report import Tally


def write(view: RunView, folder: Path, tally: Tally) -> None:
    """Write the layout into a folder that is there."""
    chosen, names, classes = chosen_set(view), Names(stems=True), dict[int, str]()
    annotated: list[tuple[Item, str, tuple[int, int], list[Object]]] = []
    for item, image in images(view, tally):
        name = names.give(image.caption, image.format)
        tally.copy(item.document, f"images/{name}", item.key, item.kind)
        objects = sets_of(image).get(chosen, []) if chosen in image.boxes else []
        classes |= labels_of(image).get(chosen, {})
        lose_details(objects, item, tally, (), scores=True, regions=False)
        tally.lose(item.key, item.kind, OTHER_SET, other_sets(image, chosen))
        annotated.append((item, name, (image.width, image.height), [one._replace(region=None) for one in objects]))
    labels = dict(sorted(classes.items()))
    is_numbered = list(labels) == list(range(len(labels)))
    numbers = {id: id if is_numbered else position for position, id in enumerate(labels)}
    for item, name, (width, height), objects in annotated:
        lines = []
        for one in objects:
            if one.class_id is None:
                tally.lose(item.key, item.kind, NO_CLASS)
                continue
            left, top, right, bottom = one.box
            edges = (left / width, top / height, right / width, bottom / height)
            lines.append(label_line(numbers[one.class_id], edges, one.score) + "\n")
        path = (folder / "labels" / name).with_suffix(".txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(lines), "utf-8")
    lines = [f"  {numbers[id]}: {json.dumps(label)}\n" for id, label in labels.items()]
    content = f"path: .\ntrain: images\nval: images\nnames:{'' if lines else ' {}'}\n{''.join(lines)}"
    (folder / "data.yaml").write_text(content, "utf-8")
