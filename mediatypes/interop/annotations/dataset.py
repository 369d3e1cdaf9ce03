"""What COCO, YOLO and Pascal VOC have in common: images, and objects in them, as `Image` with boxes and masks and back.

A set of objects, such as "ground_truth", becomes the boxes of that name; their regions become two masks: one of that
name with the class of each pixel, and `<name>_instances` with the number of the object, 1 for the first box.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..._core.errors import InputError, MediaTypesError, Problem, Verbatim, describe, problem
from ..._core.sidecar import safe_parts
from ..._core.wording import counted
from ...columns.arrays import Array
from ...types.image.boxes import BoundingBoxes2D
from ...types.image.masks import ImageMask
from ...types.image.value import Image

TRUTH, PREDICTIONS = "ground_truth", "predictions"
INSTANCES = "_instances"
BACKGROUND = "background"
_NO_CLASS = (BACKGROUND, "void")
_MOST_PROBLEMS = 1000  # kept
_LARGEST_ID = 65535  # of a mask

Region = Callable[[int, int], Array]  # (height, width) -> (height, width) bool; raises ValueError


class Annotation(NamedTuple):
    """An object in an image. Its box is in pixels or fractions, None where only its region is known."""

    class_id: int
    box: tuple[float, float, float, float] | None
    score: float | None = None
    caption: str | None = None
    region: Region | None = None


class Entry(NamedTuple):
    """An image of a data set: its file, its name there, and its sets of annotations."""

    path: Path
    name: str
    sets: Mapping[str, list[Annotation]]
    size: tuple[int, int] | None = None  # width and height, where the data set says them
    masks: Mapping[str, Path] = {}  # ready files of masks


class Problems:
    """What is wrong with a data set: raised all at once, or recorded while the rest is read.

    Args:
        on_error: "raise" (default) or "record".

    Raises:
        InputError: `on_error` is something else.
    """

    def __init__(self, on_error: str = "raise") -> None:
        if on_error not in ("raise", "record"):
            raise InputError.of("on_error", "raise or record", on_error, "Leave it out for raise.")
        self.recorded, self.count, self._raises = list[Problem](), 0, on_error == "raise"

    def add(self, where: str, expected: str, got: object, hint: str = "", code: str = "invalid") -> None:
        """Note a problem."""
        self.extend((problem(where, expected, got, hint, code),))

    def extend(self, problems: Iterable[Problem]) -> None:
        """Note problems; only the first thousand are kept."""
        for one in problems:
            self.count += 1
            if len(self.recorded) < _MOST_PROBLEMS:
                self.recorded.append(one)

    def settle(self) -> None:
        """Raise what was noted, unless it is only to be recorded."""
        if self._raises and self.recorded:
            raise InputError(self.recorded)


class AnnotatedImages:
    """The images of a data set with their annotations. Iterating makes one `Image` at a time.

    What is wrong with the files of annotations is known before the first image; a picture is read when its turn comes.
    """

    def __init__(
        self, classes: dict[int, str], entries: list[Entry], problems: Problems, lost: dict[str, int], fractions: bool
    ) -> None:
        self._classes, self._entries, self._problems, self._lost = classes, entries, problems, lost
        self._domain = "percentage" if fractions else "pixel"

    @property
    def classes(self) -> dict[int, str]:
        """Names by class id."""
        return dict(self._classes)

    @property
    def problems(self) -> list[Problem]:
        """What was wrong and left out, with `on_error="record"`: the first thousand of `problem_count`."""
        return list(self._problems.recorded)

    @property
    def problem_count(self) -> int:
        """How many problems there were by now."""
        return self._problems.count

    @property
    def lost(self) -> dict[str, int]:
        """What the images do not carry, such as keypoints, and of how many annotations."""
        return dict(self._lost)

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Image]:
        for entry in self._entries:
            try:
                yield self._image(entry)
            except MediaTypesError as error:
                self._problems.extend(p._replace(path=f"{entry.name}: {p.path}") for p in describe(error))
                self._problems.settle()

    def __repr__(self) -> str:
        return f"AnnotatedImages({counted(len(self), 'image')}, {counted(len(self._classes), 'class', 'classes')})"

    def _image(self, entry: Entry) -> Image:
        image, problems = Image(entry.path, caption=entry.name), Problems()
        size = (image.width, image.height)
        if entry.size not in (None, size):
            expected = f"a picture of {entry.size[0]} x {entry.size[1]}" if entry.size else ""
            got = Verbatim(f"{size[0]} x {size[1]}")
            raise InputError.of("size", expected, got, "Correct the annotations, or the picture.", "size")
        boxes, masks = dict[str, BoundingBoxes2D](), dict[str, ImageMask]()
        for name, objects in entry.sets.items():
            regions = [_region(one, i, name, size, problems) for i, one in enumerate(objects)]
            edges = [_edges(*pair, size, self._domain) for pair in zip(objects, regions, strict=True)]
            boxes[name] = self._boxes(objects, edges)
            if any(region is not None for region in regions):
                masks |= self._masks(name, objects, edges, regions, size)
        problems.settle()
        for name, path in entry.masks.items():
            masks[name] = ImageMask(path, None if name.endswith(INSTANCES) else self._mask_labels()[1])
        return Image(image, boxes=boxes, masks=masks)

    def _boxes(self, annotations: list[Annotation], edges: list[Any]) -> BoundingBoxes2D:
        scores = [one.score for one in annotations]
        return BoundingBoxes2D.from_xyxy(
            np.array(edges, np.float64).reshape(-1, 4),
            domain=self._domain,
            class_ids=[one.class_id for one in annotations],
            scores={"score": scores} if any(score is not None for score in scores) else None,
            labels=[one.caption for one in annotations],
            class_labels=self._classes,
        )

    def _masks(
        self,
        name: str,
        annotations: list[Annotation],
        edges: list[Any],
        regions: list[Array | None],
        size: tuple[int, int],
    ) -> dict[str, ImageMask]:
        """Class and number of the object of each pixel. Larger boxes come first: none hides a smaller."""
        background, labels = self._mask_labels()
        if len(annotations) > _LARGEST_ID or not all(0 <= one.class_id <= _LARGEST_ID for one in annotations):
            got = Verbatim("more, or others")
            raise InputError.of(name, f"at most {_LARGEST_ID} objects and class ids to that", got, "Renumber them.")
        classes = np.full(size[::-1], background, np.uint16)
        instances = np.zeros(size[::-1], np.uint16)
        areas = [(edge[2] - edge[0]) * (edge[3] - edge[1]) for edge in edges]
        for i in sorted(range(len(areas)), key=lambda i: -areas[i]):
            region = regions[i]
            if region is not None:
                classes[region], instances[region] = annotations[i].class_id, i + 1
        numbered = {0: BACKGROUND}
        numbered |= {i + 1: f"{self._classes[one.class_id]} {i + 1}" for i, one in enumerate(annotations)}
        return {name: ImageMask(classes, labels), name + INSTANCES: ImageMask(instances, numbered)}

    def _mask_labels(self) -> tuple[int, dict[int, str]]:
        """The id of pixels without a class, 0 if no class has it, and the names with it."""
        background = next(id for id in chain((0, 255), range(1, _LARGEST_ID + 1)) if id not in self._classes)
        return background, {background: BACKGROUND, **self._classes}


def _region(one: Annotation, index: int, name: str, size: tuple[int, int], problems: Problems) -> Array | None:
    """The pixels of an object, if it has a region; of what is no region a problem."""
    if one.region is None:
        return None
    try:
        return one.region(size[1], size[0])
    except ValueError as error:
        expected = f"a region of the picture's {size[0]} x {size[1]} pixels"
        problems.add(f"{name}[{index}].segmentation", expected, Verbatim(str(error)), "Drop it.", "region")
        return None


def _edges(one: Annotation, region: Array | None, size: tuple[int, int], domain: str) -> tuple[float, ...]:
    """The box of an object, or that of its region."""
    if one.box is not None:
        return one.box
    if region is None or not region.any():
        return (0.0, 0.0, 0.0, 0.0)
    pixels = box_of(region)
    return pixels if domain == "pixel" else tuple(np.array(pixels) / (*size, *size))


def box_of(region: Array) -> tuple[float, float, float, float]:
    """The edges around the pixels of a region that has some."""
    columns, rows = np.flatnonzero(region.any(axis=0)), np.flatnonzero(region.any(axis=1))
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


class Object(NamedTuple):
    """An object of an image, as a file of annotations is written from it; edges in pixels."""

    class_id: int | None
    box: tuple[float, float, float, float]
    caption: str | None
    scores: Mapping[str, float]
    region: Array | None

    @property
    def score(self) -> float | None:
        """The one that is called "score", or the only one: files of annotations have room for one."""
        return self.scores.get("score", next(iter(self.scores.values())) if len(self.scores) == 1 else None)


def sets_of(image: Image) -> dict[str, list[Object]]:
    """The objects of an image by set: its boxes with their instance masks; classes of masks that have no boxes."""
    sets = {}
    for name, boxes in image.boxes.items():
        sides = np.array([image.width, image.height] * 2, np.float64)
        edges = np.where(boxes.is_pixel[:, None], boxes.to_xyxy(), boxes.to_xyxy() * sides).tolist()
        mask = image.masks.get(name + INSTANCES)
        instances = mask.to_numpy() if mask else None
        scores = boxes.scores
        sets[name] = [
            Object(id, tuple(edge), caption, given(scores, i), region_of(instances, i + 1))
            for i, (id, edge, caption) in enumerate(zip(boxes.class_ids, edges, boxes.captions, strict=True))
        ]
    for name, mask in image.masks.items():
        if name not in image.boxes and name.removesuffix(INSTANCES) not in image.boxes:
            ids, named = mask.to_numpy(), classes_of(mask)
            regions = {id: ids == id for id in np.unique(ids).tolist() if id in named}
            sets[name] = [Object(id, box_of(region), None, {}, region) for id, region in regions.items()]
    return sets


def given(scores: Mapping[str, list[float | None]], index: int) -> dict[str, float]:
    return {name: score for name, column in scores.items() if (score := column[index]) is not None}


def region_of(instances: Array | None, number: int) -> Array | None:
    """The pixels of an object in a mask of instances, if it has any."""
    region = None if instances is None else instances == number
    return region if region is not None and region.any() else None


def labels_of(image: Image) -> dict[str, dict[int, str]]:
    """The class names of each set of an image: of its boxes, and those that its mask has beside."""
    labels = {name: classes_of(mask) for name, mask in image.masks.items()}
    for name, boxes in image.boxes.items():
        used = set(boxes.class_ids)
        named = {id: label for id, label in boxes.class_labels.items() if id in used or label not in _NO_CLASS}
        labels[name] = labels.get(name, {}) | named
    return labels


def classes_of(mask: ImageMask) -> dict[int, str]:
    """The classes of a mask, without ids that mean none: by their names, or 0 and 255 without a name."""
    own = mask._class_labels or {}
    named = {id: label for id, label in mask.class_labels.items() if label not in _NO_CLASS}
    return {id: label for id, label in named.items() if id in own or id not in (0, 255)}


def inside(root: Path, name: Any, where: str, problems: Problems) -> Path | None:
    """The file that a data set names, below its directory; a problem if it leaves that, is a link or is not there."""
    expected = f"the name of a file below {root.name or root}"
    try:
        parts = safe_parts(name) if isinstance(name, str) else ()
    except MediaTypesError:
        parts = ()
    if not parts:
        problems.add(where, expected, name, "Give relative names, without '..'.", "path")
        return None
    path = root
    for part in parts:
        path = path / part
        if os.path.islink(path):
            problems.add(where, expected, Verbatim(f"{name}, a link"), "Put the file there itself.", "path")
            return None
    if not os.path.isfile(path):  # also of a name that no system takes
        hint = "Name the directory of the pictures: image_dir=, or --images on the command line."
        problems.add(where, expected, Verbatim(f"{name}, which is not there"), hint, "no-file")
        return None
    return path


def is_number(value: object) -> bool:
    """Whether a member of JSON is a finite number."""
    return type(value) in (int, float) and abs(value) < math.inf and abs(value) <= sys.float_info.max  # type: ignore[arg-type]


def are_numbers(values: object, count: int | None = None) -> bool:
    """Whether a member of JSON is a list of finite numbers, of so many."""
    return isinstance(values, list) and (count is None or len(values) == count) and all(map(is_number, values))
