"""`JPEGImages`, `Annotations`, masks as PNG files with VOC's palette, and `classes.txt`, of one set of boxes.

Classes go by their names. In masks they have their ids, but 0 means no class there: one whose id that is, is not from 1
to 65535, or has another name too, gets a free one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ...columns.arrays import Array
from ...view import RunView
from ..annotations import voc
from ..annotations.dataset import INSTANCES, classes_of, labels_of, sets_of
from ..annotations.naming import ClassIds, Names
from ._annotated import NO_CLASS, chosen_set, images, lose_details, lose_layers
from ._report import Tally

_MOST_CLASSES = 65535


def write(view: RunView, folder: Path, tally: Tally) -> None:
    chosen, names, stems = chosen_set(view), Names(stems=True, flat=True), list[str]()
    classes = ClassIds(1, _MOST_CLASSES)
    for place in (voc.XML, f"{voc.SETS}/Main"):
        (folder / place).mkdir(parents=True)
    for item, image in images(view, tally):
        name = names.give(image.caption, image.format)
        stem = name.rpartition(".")[0]
        stems.append(stem)
        tally.copy(item.document, f"{voc.PICTURES}/{name}", item.key, item.kind)
        labels = {id: voc.plain(label) for id, label in labels_of(image).get(chosen, {}).items()}
        ids = classes.of(labels)
        objects = sets_of(image).get(chosen, []) if chosen in image.boxes else []
        lose_details(objects, item, tally, voc.FLAGS, scores=False, regions=True)
        tally.lose(item.key, item.kind, NO_CLASS, sum(one.class_id is None for one in objects))
        lose_layers(image, item, tally, chosen, keeps_class_masks=True)
        places = {voc.CLASS_MASKS: chosen, voc.OBJECT_MASKS: chosen + INSTANCES}
        masks = {place: image.masks.get(name) for place, name in places.items()}
        for place, mask in masks.items():
            if mask is not None:
                numbers = {id: ids[id] for id in classes_of(mask)} if place == voc.CLASS_MASKS else {}
                _write_mask(folder / place / f"{stem}.png", _renumbered(mask.to_numpy(), numbers))
        named = [(labels[one.class_id], one.box, one.caption) for one in objects if one.class_id is not None]
        size = (image.width, image.height, len(image.mode) if image.mode in ("RGB", "RGBA", "LA") else 1)
        xml = voc.to_xml(name, size, named, any(mask is not None for mask in masks.values()))
        (folder / voc.XML / f"{stem}.xml").write_bytes(xml)
    (folder / voc.SETS / "Main" / "all.txt").write_text("".join(f"{stem}\n" for stem in stems), "utf-8")
    lines = [classes.names.get(id, "") + "\n" for id in range(1, max(classes.names, default=0) + 1)]
    (folder / voc.CLASS_LIST).write_text("".join(lines), "utf-8")


def _renumbered(ids: Array, numbers: Mapping[int, int]) -> Array:
    """Class ids, those with another number as that."""
    if all(id == number for id, number in numbers.items()):
        return ids
    known = np.arange(_MOST_CLASSES + 1, dtype=np.uint16)
    moved = {id: number for id, number in numbers.items() if 0 <= id <= _MOST_CLASSES}
    known[[*moved]] = [*moved.values()]
    made: Array = known[ids]
    return made.astype(np.uint8) if made.max() <= 255 else made


def _write_mask(path: Path, ids: Array) -> None:
    """Class ids as a PNG: with VOC's colours up to 255, else grey of 16 bits."""
    import PIL.Image

    path.parent.mkdir(exist_ok=True)
    picture = PIL.Image.fromarray(ids)
    if ids.dtype == np.uint8:
        picture = PIL.Image.fromarray(ids).convert("L")
        picture.putpalette(_palette())
    picture.save(path)


def _palette() -> list[int]:
    """VOC's colours: the bits of the id, spread over red, green and blue from the highest bit down."""
    colors = np.zeros((256, 3), np.int64)
    for id in range(256):
        left = id
        for bit in range(7, -1, -1):
            for channel in range(3):
                colors[id, channel] |= (left >> channel & 1) << bit
            left >>= 3
    return colors.ravel().tolist()
