"""COCO: one JSON file for all images, with boxes, polygons and run lengths; and files of results."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ..._core.errors import InputError, Problem, Verbatim, problem
from ..._core.location import local_path
from ...columns.arrays import Array
from ...types.image.value import Image
from ...view import RunView, open_run
from . import shapes
from .dataset import (
    PREDICTIONS,
    TRUTH,
    AnnotatedImages,
    Annotation,
    Entry,
    Object,
    Problems,
    Region,
    are_numbers,
    inside,
    is_number,
    labels_of,
    sets_of,
)
from .naming import ClassIds, Names

CROWD = "crowd"  # the caption of a box around many
_READ = frozenset(
    {"id", "image_id", "category_id", "bbox", "area", "iscrowd", "segmentation", "score", "num_keypoints"},
)
_DIGITS = 6  # of a pixel, which a box is rounded to: floats of its edges give back the numbers that were read


def from_coco(
    json_path: str | os.PathLike[str],
    image_dir: str | os.PathLike[str] | None = None,
    *,
    results: str | os.PathLike[str] | None = None,
    on_error: str = "raise",
) -> AnnotatedImages:
    """Read a data set of COCO's format.

    Args:
        json_path: the annotations, such as `instances_val2017.json`.
        image_dir: the directory that `file_name` is below. Default: that of the annotations, `images` in it or beside
            it, or one beside it that is called as their last word (`val2017`): the first that has the first image.
        results: a file of results: a list of `image_id, category_id, bbox, score` and perhaps `segmentation`.
        on_error: "raise" (default) with all problems at once, or "record": what is wrong is left out and `.problems`.

    Returns:
        An iterable of `Image`, each read when its turn comes; `len()`, `.classes`, `.problems` and `.lost`. The caption
        is the file's name. Boxes, in pixels, are the sets "ground_truth" and "predictions"; one of a crowd has the
        caption "crowd". Polygons and run lengths become two masks of each set: "ground_truth" has the class of each
        pixel (where there is none 0, or 255 if 0 is a class), "ground_truth_instances" the number of the object, 1 for
        the first box. Where objects overlap the one with the smaller box is seen. Keypoints and other members are
        counted in `.lost`; ids of annotations are not kept.

    Raises:
        InputError: no such file or directory; ids, sizes, ranges, names of files that leave the directory.

    >>> import json, tempfile, numpy as np, mediatypes as mt
    >>> root = Path(tempfile.mkdtemp())
    >>> _ = mt.Image(np.zeros((4, 6), np.uint8)).to_pil().save(root / "a.png")
    >>> _ = (root / "boxes.json").write_text(json.dumps({
    ...     "images": [{"id": 7, "file_name": "a.png", "width": 6, "height": 4}],
    ...     "categories": [{"id": 1, "name": "cat"}],
    ...     "annotations": [{"id": 1, "image_id": 7, "category_id": 1, "bbox": [1, 1, 2, 2]}]}))
    >>> [image.boxes["ground_truth"].to_xyxy().tolist() for image in from_coco(root / "boxes.json")]
    [[[1.0, 1.0, 3.0, 3.0]]]
    """
    path, problems, lost = local_path(json_path, "from_coco"), Problems(on_error), dict[str, int]()
    content = read_json(path)
    if not isinstance(content, dict) or not all(isinstance(content.get(name), list) for name in _LISTS):
        got = sorted(content) if isinstance(content, dict) else content
        raise InputError.of(str(path), f"a JSON object with the lists {', '.join(_LISTS)}", got, "", "not-coco")
    classes = _classes(content["categories"], problems)
    names = [image.get("file_name") if isinstance(image, dict) else None for image in content["images"]]
    root = _image_dir(path, image_dir, names)
    entries = _images(content["images"], root, problems)
    _add(TRUTH, content["annotations"], "annotations", entries, classes, problems, lost)
    if results is not None:
        listed = read_json(local_path(results, "from_coco.results"))
        if not isinstance(listed, list):
            raise InputError.of(str(results), "a JSON list of results", listed, "Pass what COCOeval loads.", "not-coco")
        _add(PREDICTIONS, listed, "results", entries, classes, problems, lost)
    problems.settle()
    return AnnotatedImages(classes, [entry for entry in entries.values() if entry], problems, lost, fractions=False)


_LISTS = ("images", "annotations", "categories")


def read_json(path: Path) -> Any:
    """The content of a JSON file; raises InputError."""
    if path.exists() and not path.is_file():
        raise InputError.of(str(path), "a file", Verbatim("a directory, or something else"), "", "no-file")
    try:
        with open(path, "rb") as file:
            return json.load(file)
    except OSError as error:
        raise InputError.of(str(path), "a readable file", Verbatim(str(error.strerror)), "", "no-file") from error
    except (ValueError, RecursionError) as error:
        raise InputError.of(str(path), "a JSON file", Verbatim(str(error)), "Download it again.", "not-json") from error


def _classes(categories: list[Any], problems: Problems) -> dict[int, str]:
    classes: dict[int, str] = {}
    for i, one in enumerate(categories):
        where = f"categories[{i}]"
        id, name = (one.get("id"), one.get("name")) if isinstance(one, dict) else (None, None)
        if type(id) is not int or not -(2**63) <= id < 2**63 or not isinstance(name, str):
            problems.add(where, "an object with an integer id and a name", one, "Add both.")
        elif id in classes:
            problems.add(f"{where}.id", "an id that no other category has", id, "Renumber one of them.", "duplicate")
        else:
            classes[id] = name
    return classes


def _images(images: list[Any], root: Path, problems: Problems) -> dict[int, Entry | None]:
    """The images by id; None for one that is left out."""
    entries: dict[int, Entry | None] = {}
    for i, one in enumerate(images):
        where = f"images[{i}]"
        if not isinstance(one, dict) or type(one.get("id")) is not int:
            problems.add(where, "an object with an integer id", one, "Number the images.")
            continue
        id, size = one["id"], (one.get("width"), one.get("height"))
        if id in entries:
            problems.add(f"{where}.id", "an id that no other image has", id, "Renumber one of them.", "duplicate")
            continue
        entries[id] = None
        is_told = any(side is not None for side in size)
        if is_told and not all(type(side) is int and side > 0 for side in size):
            problems.add(f"{where}.width, height", "integers above 0", list(size), "Leave both out, or correct them.")
        elif path := inside(root, one.get("file_name"), f"{where}.file_name", problems):
            entries[id] = Entry(path, one["file_name"], {TRUTH: []}, size if is_told else None)  # type: ignore[arg-type]
    return entries


def _add(
    name: str,
    annotations: list[Any],
    where: str,
    entries: Mapping[int, Entry | None],
    classes: Mapping[int, str],
    problems: Problems,
    lost: dict[str, int],
) -> None:
    """Hand the annotations out to their images."""
    for entry in entries.values():
        if entry is not None:
            entry.sets[name] = []  # type: ignore[index]
    ids = set[int]()
    for i, one in enumerate(annotations):
        at, own = f"{where}[{i}]", Problems()
        if not isinstance(one, dict):
            problems.add(at, "an object", one, "Remove it.")
            continue
        if type(one.get("image_id")) is not int or one["image_id"] not in entries:
            own.add(f"{at}.image_id", "the id of an image", one.get("image_id"), "", "id")
        if type(one.get("category_id")) is not int or one["category_id"] not in classes:
            own.add(f"{at}.category_id", "the id of a category", one.get("category_id"), "", "id")
        if type(id := one.get("id")) is int:
            if id in ids:
                own.add(f"{at}.id", "an id that no other annotation has", id, "", "duplicate")
            ids.add(id)
        entry = None if own.count else entries[one["image_id"]]
        annotation = _annotation(one, at, entry.size if entry else None, own)
        if annotation is not None and entry is not None:
            entry.sets[name].append(annotation)
            for member in sorted(one.keys() - _READ):
                if one[member] not in (None, [], {}, 0):
                    lost[member] = lost.get(member, 0) + 1
        named = f" (id {id})" if type(id) is int else ""
        problems.extend(one._replace(path=one.path + named) for one in own.recorded)


def _annotation(one: dict[str, Any], at: str, size: tuple[int, int] | None, own: Problems) -> Annotation | None:
    """An annotation; None if anything is wrong with it."""
    box, score, crowd = one.get("bbox"), one.get("score"), one.get("iscrowd", 0)
    region = _region(one.get("segmentation"), f"{at}.segmentation", size, own)
    if box is not None and not (are_numbers(box, 4) and box[2] >= 0 and box[3] >= 0):
        own.add(f"{at}.bbox", "x, y, width and height, finite and not below 0", box, "Drop the box.", "box")
    elif box is None and one.get("segmentation") in (None, []):
        own.add(at, "a bbox or a segmentation", Verbatim("neither"), "Remove it.", "box")
    if score is not None and not is_number(score):
        own.add(f"{at}.score", "a finite number", score, "Leave it out.")
    if crowd not in (0, 1):
        own.add(f"{at}.iscrowd", "0 or 1", crowd, "Leave it out for 0.")
    if own.count:
        return None
    edges = None if box is None else (box[0], box[1], box[0] + box[2], box[1] + box[3])
    return Annotation(one["category_id"], edges, score, CROWD if crowd else None, region)


def _region(value: Any, at: str, size: tuple[int, int] | None, own: Problems) -> Region | None:
    """What makes the pixels of a segmentation, when they are needed; None where there is none."""
    if value is None or value == []:
        return None
    if isinstance(value, list):
        odd = [one for one in value if not (are_numbers(one) and len(one) >= 6 and len(one) % 2 == 0)]
        if odd:
            own.add(at, "polygons of three points or more: x, y, x, y, x, y...", odd[0], "Drop it.", "region")
        elif size and max(abs(number) for polygon in value for number in polygon) > 2 * max(size):
            own.add(at, f"points near the image of {size[0]} x {size[1]}", value, "Clip it.", "region")
        else:
            return partial(_fill, value)
    elif not isinstance(value, dict) or not are_numbers(value.get("size"), 2):
        own.add(at, "polygons, or run lengths with size and counts", value, "Drop it.", "region")
    elif size and tuple(value["size"]) != size[::-1]:
        expected = f"a size of the image: height {size[1]}, width {size[0]}"
        own.add(f"{at}.size", expected, value["size"], "Correct it.", "size")
    else:
        pixels = value["size"][0] * value["size"][1]
        try:
            runs = shapes.read_runs(value.get("counts"))
        except ValueError as error:
            own.add(f"{at}.counts", "run lengths of COCO", Verbatim(str(error)), "Drop it.", "region")
            return None
        if sum(runs) == pixels:
            return partial(_decode, runs)
        own.add(f"{at}.counts", f"lengths that sum up to {pixels} pixels", sum(runs), "Drop it.", "region")
    return None


def _fill(polygons: list[list[float]], height: int, width: int) -> Array:
    if max(abs(number) for polygon in polygons for number in polygon) > 2 * max(height, width):
        raise ValueError("points far outside it")
    return shapes.fill_polygons(polygons, height, width)


def _decode(runs: list[int], height: int, width: int) -> Array:
    if sum(runs) != height * width:
        raise ValueError(f"one of {sum(runs)} pixels")
    return shapes.decode_rle(runs, height, width)


def _image_dir(path: Path, given: Any, names: list[Any]) -> Path:
    if given is not None:
        root = local_path(given, "from_coco.image_dir")
        if not root.is_dir():
            raise InputError.of("from_coco.image_dir", "a directory", str(root), "Check the path.", "no-file")
        return root
    first = next((name for name in names if isinstance(name, str)), "")
    word = path.stem.rpartition("_")[2]
    for root in (path.parent, path.parent / "images", path.parent.parent / "images", path.parent.parent / word):
        if first and (root / first).is_file():
            return root
    return path.parent


def to_coco(images: Iterable[Image] | RunView | str | os.PathLike[str], name: str | None = None) -> dict[str, Any]:
    """The annotations of images as COCO's JSON has them.

    Args:
        images: images, or a run (or its path), of which all logged images are taken.
        name: of the set of boxes, or of masks without boxes. Default: "ground_truth" if an image has it, else the only
            one that there is.

    Returns:
        A dict for `json.dump`: images, annotations, categories. `file_name` is the caption where that names such a
        file. A box with a mask `<name>_instances` gets its region, as run lengths; of a mask without boxes each class
        is an annotation. The score "score", or the only one, is `score`: `["annotations"]` is then a file of results.

    Raises:
        InputError: several sets, none of that name; boxes without a class; an id with two names.

    >>> import numpy as np, mediatypes as mt
    >>> boxes = mt.BoundingBoxes2D.from_xywh([[1, 1, 2, 2]], domain="pixel", class_ids=[1], class_labels={1: "cat"})
    >>> image = mt.Image(np.zeros((4, 6), np.uint8), caption="a.png", boxes={"ground_truth": boxes})
    >>> to_coco([image])["annotations"]
    [{'id': 1, 'image_id': 1, 'category_id': 1, 'bbox': [1.0, 1.0, 2.0, 2.0], 'area': 4.0, 'iscrowd': 0}]
    """
    writer = CocoWriter()
    for image in images_of(images):
        writer.add(image, sets_of(image))
    chosen = choose(name, writer.sets, "to_coco.name")
    if problems := writer.problems.get(chosen):
        raise InputError(problems)
    return writer.sets[chosen]


def images_of(source: Any) -> Iterable[Image]:
    """Images, or all that were logged to a run."""
    if isinstance(source, (str, os.PathLike)):
        source = open_run(source)
    if not isinstance(source, RunView):
        return source  # type: ignore[no-any-return]
    kinds = source.keys()
    logged = (value for key in kinds if {"image", "media_list"} & {*kinds[key]} for _, value in source.values(key))
    return (
        one for value in logged for one in (value if isinstance(value, list) else [value]) if isinstance(one, Image)
    )


def choose(name: str | None, sets: Mapping[str, Any], where: str) -> str:
    """The set that is meant; raises InputError."""
    if name is None:
        name = TRUTH if TRUTH in sets else next(iter(sets), None) if len(sets) == 1 else None
    if name is None or name not in sets:
        raise InputError.of(where, f"one of the sets {', '.join(sets) or '(no image has any)'}", name, "Pass its name.")
    return name


class CocoWriter:
    """Gathers images: for each set of boxes or masks the JSON, and what is wrong with it."""

    def __init__(self) -> None:
        self.sets: dict[str, dict[str, Any]] = {}
        self.problems: dict[str, list[Problem]] = {}
        self._images: list[dict[str, Any]] = []
        self._names = Names()
        self._classes = dict[str, ClassIds]()

    def empty(self) -> dict[str, Any]:
        """The JSON without annotations."""
        return {"images": self._images, "annotations": list[Any](), "categories": list[Any]()}

    def add(self, image: Image, sets: Mapping[str, list[Object]]) -> tuple[str, list[Problem]]:
        """Add an image with its sets of objects; returns the name of its file, and what is wrong with it."""
        problems = list[Problem]()
        name, number = self._names.give(image.caption, image.format), len(self._images) + 1
        self._images.append({"id": number, "file_name": name, "width": image.width, "height": image.height})
        labels = labels_of(image)
        for set_name, objects in sets.items():
            content, own = self.sets.setdefault(set_name, self.empty()), list[Problem]()
            classes = self._classes.setdefault(set_name, ClassIds())
            ids = classes.of(labels[set_name])
            for id in (id for id, number in ids.items() if id != number):
                got = Verbatim(f"{classes.names[id]} and {labels[set_name][id]}")
                own.append(problem(f"{name}: class {id}", "one name", got, "Renumber one of them.", "label"))
            content["categories"] = [{"id": id, "name": label} for id, label in classes.names.items()]
            for i, one in enumerate(objects):
                if one.class_id is None:
                    where = f"{name}: {set_name}[{i}]"
                    own.append(problem(where, "a class id", None, "COCO has no objects without one.", "class"))
                else:
                    one = one._replace(class_id=ids[one.class_id])
                    content["annotations"].append(_to_json(one, len(content["annotations"]) + 1, number))
            self.problems.setdefault(set_name, []).extend(own)
            problems += own
        return name, problems


def _to_json(one: Object, id: int, image_id: int) -> dict[str, Any]:
    left, top, right, bottom = one.box
    box = [round(number, _DIGITS) for number in (left, top, right - left, bottom - top)]
    area = round(box[2] * box[3], _DIGITS) if one.region is None else int(one.region.sum())
    crowd = int(one.caption == CROWD)
    made: dict[str, Any] = {
        "id": id,
        "image_id": image_id,
        "category_id": one.class_id,
        "bbox": box,
        "area": area,
        "iscrowd": crowd,
    }
    if one.region is not None:
        made["segmentation"] = shapes.encode_rle(one.region)
    score = one.score
    return made if score is None else {**made, "score": score}
