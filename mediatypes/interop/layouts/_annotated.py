"""What the layouts of annotations share: the images of a run, whose files are verified and copied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

from ...types.image.value import Image
from ...view import RunView
from ..annotations.dataset import INSTANCES, TRUTH, Object
from ._content import Content, Item
from ._report import Tally

NO_IMAGE = "no image"
_UNREADABLE = "its document does not follow the format"
NO_CLASS = "a box without a class"
CAPTION, SCORE, REGION = "a caption of a box", "a score", "a region"
_ONE_SET, _NO_OBJECTS = "one set is all that it takes", "it does not say which object a pixel is of"


def images(view: RunView, tally: Tally) -> Iterator[tuple[Item, Image]]:
    """The logged images, with what they were logged as; everything else is lost."""
    content = Content(view)
    content.lose_plain(tally, NO_IMAGE)
    for item in content.items():
        if item.document.get("_type") != "image":
            tally.lose(item.key, item.kind, NO_IMAGE)
            continue
        image = tally.value_of(item.document, item.key, item.kind, is_embedded=False)
        if image is not None:
            yield item, image
            tally.rows += 1


def lose_details(
    objects: Collection[Object], item: Item, tally: Tally, captions: Collection[str], scores: bool, regions: bool
) -> None:
    """Count what a layout does not have of objects: captions but these, scores (with `scores` but the one), regions."""
    for one in objects:
        tally.lose(
            item.key, item.kind, CAPTION, bool(one.caption) and not {*str(one.caption).split(", ")} <= {*captions}
        )
        tally.lose(item.key, item.kind, SCORE, len(one.scores) - (scores and one.score is not None))
        tally.lose(item.key, item.kind, REGION, one.region is not None and not regions)


def chosen_set(view: RunView) -> str:
    """Of a layout that has one set: "ground_truth", else that which most images have; boxes before masks."""
    documents = [item.document for item in Content(view).items() if item.document.get("_type") == "image"]
    for layer in ("boxes", "masks"):
        counts = Counter(
            name.removesuffix(INSTANCES) for document in documents for name in dict(document.get(layer) or {})
        )
        if counts:
            return TRUTH if TRUTH in counts else counts.most_common(1)[0][0]
    return TRUTH


def lose_layers(
    image: Image, item: Item, tally: Tally, chosen: str | None = None, *, keeps_class_masks: bool = False
) -> None:
    """Count the layers of an image that a layout does not have, by name.

    Args:
        chosen: the set of a layout that has one; None of a layout that has all.
        keeps_class_masks: whether a mask of classes is written as such. Else it is carried if it has no boxes, or if a
            mask of instances beside it says which object each of its pixels is of.
    """

    def lose(layer: str, name: str, reason: str) -> None:
        tally.lose(item.key, item.kind, f'the {layer} "{name}": {reason}')

    for name in image.boxes:
        if chosen not in (None, name):
            lose("boxes", name, _ONE_SET)
    for name in image.masks:
        if chosen not in (None, name.removesuffix(INSTANCES)):
            lose("mask", name, _ONE_SET)
        elif name in image.boxes and name + INSTANCES not in image.masks and not keeps_class_masks:
            lose("mask", name, _NO_OBJECTS)
