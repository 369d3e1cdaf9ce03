"""`images`, and `annotations/<set>.json` for each set of boxes, or of masks without boxes."""

from __future__ import annotations

from pathlib import Path

from ...runfolder import files
from ...view import RunView
from ..annotations.coco import CROWD, CocoWriter
from ..annotations.dataset import sets_of
from ..annotations.naming import file_stem
from ._annotated import NO_CLASS, images, lose_details, lose_layers
from ._report import Tally

_MOVED = "the id of a class, which has another name elsewhere"


def write(view: RunView, folder: Path, tally: Tally) -> None:
    writer = CocoWriter()
    for item, image in images(view, tally):
        sets = sets_of(image)
        name, problems = writer.add(image, sets)
        tally.copy(item.document, f"images/{name}", item.key, item.kind)
        lose_layers(image, item, tally)
        for objects in sets.values():
            lose_details(objects, item, tally, (CROWD,), scores=True, regions=True)
        for problem in problems:
            tally.lose(item.key, item.kind, NO_CLASS if problem.code == "class" else _MOVED)
    taken = set[str]()
    (folder / "annotations").mkdir()
    for set_name, content in (writer.sets or {"images": writer.empty()}).items():
        files.write_json(folder / "annotations" / f"{file_stem(set_name, taken)}.json", content)
