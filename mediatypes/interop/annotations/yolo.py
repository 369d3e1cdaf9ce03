"""YOLO, as Ultralytics has it: a text file for each picture, a line for each object, and `data.yaml`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..._core.deps import need
from ..._core.errors import InputError, Verbatim
from ..._core.location import local_path
from ...columns.arrays import Array
from .dataset import TRUTH, AnnotatedImages, Annotation, Entry, Problems, inside
from .shapes import fill_polygons

_SUFFIXES = (".avif", ".bmp", ".gif", ".heic", ".jp2", ".jpeg", ".jpg", ".mpo", ".png", ".tif", ".tiff", ".webp")
SPLITS = ("train", "val", "test")
_LARGEST = 16 * 1024 * 1024  # bytes of a text file
_NEAR = 2.0  # a coordinate of a picture, of which it is a fraction


def from_yolo(
    data_yaml: str | os.PathLike[str],
    split: str = "train",
    *,
    root: str | os.PathLike[str] | None = None,
    on_error: str = "raise",
) -> AnnotatedImages:
    """Read one split of a data set of YOLO's format, boxes or segments.

    Args:
        data_yaml: `data.yaml` with `names` and the directories (or lists of pictures) of the splits.
        split: "train", "val" or "test".
        root: the directory of the data set. Default: that of `data.yaml`. `path` in the file is followed if it is
            below; nothing that the file says leads elsewhere.
        on_error: "raise" (default) with all problems at once, or "record": what is wrong is left out and `.problems`.

    Returns:
        An iterable of `Image` with the boxes "ground_truth" in fractions of the picture, as the files have them; the
        caption is the name of the picture. A sixth number is the score. Of a segment the box is that around its points,
        and its pixels become the masks "ground_truth" and "ground_truth_instances", as in `from_coco`. A picture
        without a text file has no objects. Keypoints (`kpt_shape` in the file) are counted in `.lost`.

    Raises:
        InputError: no such file or split; numbers, classes, names of files that leave the directory.
        MissingDependencyError: reading YAML needs the extra `yaml`.

    >>> import tempfile, numpy as np, mediatypes as mt
    >>> root = Path(tempfile.mkdtemp())
    >>> for name in ("images", "labels"):
    ...     (root / name).mkdir()
    >>> mt.Image(np.zeros((4, 8), np.uint8)).to_pil().save(root / "images" / "a.png")
    >>> _ = (root / "labels" / "a.txt").write_text("0 0.5 0.5 0.25 0.5")
    >>> _ = (root / "data.yaml").write_text("train: images\\nnames: [cat]")
    >>> [image.boxes["ground_truth"].to_xyxy().tolist() for image in from_yolo(root / "data.yaml")]
    [[[0.375, 0.25, 0.625, 0.75]]]
    """
    path, problems, lost = local_path(data_yaml, "from_yolo"), Problems(on_error), dict[str, int]()
    content = read_yaml(path)
    classes, joints = _classes(content, path), _joints(content, path)
    if not isinstance(content.get(split), (str, list)):
        got = Verbatim(", ".join(splits_of(content)) or "no split")
        raise InputError.of("from_yolo.split", f"a split that {path.name} has: {got}", split, "", "split")
    base = path.parent if root is None else local_path(root, "from_yolo.root")
    base = _below(base, content.get("path")) or base
    entries = []
    for place in [content[split]] if isinstance(content[split], str) else content[split]:
        for folder, name in _pictures(base, place, f"{path.name}: {split}", problems):
            picture = inside(folder, name, f"{split}: {name}", problems)
            if picture is not None:
                objects = _read_labels(base, label_file(picture.relative_to(base)), classes, joints, lost, problems)
                entries.append(Entry(picture, name, {TRUTH: objects}))
    problems.settle()
    return AnnotatedImages(classes, entries, problems, lost, fractions=True)


def read_yaml(path: Path) -> dict[str, Any]:
    """The content of `data.yaml`; raises InputError."""
    yaml = need("yaml", extra="yaml", needed_for="from_yolo()")
    try:
        content = yaml.safe_load(_text(path))
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: a number or date that cannot be
        said = Verbatim(" ".join(str(error).split()))
        raise InputError.of(str(path), "a YAML file", said, "Correct it.", "not-yaml") from error
    if not isinstance(content, dict) or "names" not in content:
        raise InputError.of(
            str(path), "a mapping with names, train and val", content, "See YOLO's data.yaml.", "not-yolo"
        )
    return content


def splits_of(content: dict[str, Any]) -> list[str]:
    return [split for split in SPLITS if isinstance(content.get(split), (str, list)) and content[split]]


def _classes(content: dict[str, Any], path: Path) -> dict[int, str]:
    names = content["names"]
    named = dict(enumerate(names)) if isinstance(names, list) else names
    if not isinstance(named, dict) or not all(
        type(id) is int and 0 <= id < 2**31 and isinstance(name, (str, int)) for id, name in named.items()
    ):
        raise InputError.of(f"{path}: names", "a list of names, or a mapping of numbers to them", names, "", "classes")
    return {id: str(name) for id, name in named.items()}


def _joints(content: dict[str, Any], path: Path) -> int:
    """How many numbers each line has for keypoints, behind the box."""
    shape = content.get("kpt_shape")
    if shape is None:
        return 0
    if not isinstance(shape, list) or [type(side) for side in shape] != [int, int] or not 0 < shape[0] < 2**16:
        expected = "a list of how many keypoints there are, and 2 or 3 numbers for each"
        raise InputError.of(f"{path}: kpt_shape", expected, shape, "Correct it.", "kpt_shape")
    return int(shape[0] * shape[1])


def _below(base: Path, place: Any) -> Path | None:
    """What a data set names, if it is there and below its directory; Roboflow's "../" at the start is left out."""
    if not isinstance(place, str):
        return None
    path, parts = base, [part for part in place.removeprefix("../").split("/") if part not in ("", ".")]
    for part in parts:
        path = path / part
        if part == ".." or path.is_symlink():
            return None
    return path if not place.startswith("/") and path.is_relative_to(base) and path.exists() else None


def _pictures(base: Path, place: Any, where: str, problems: Problems) -> Iterator[tuple[Path, str]]:
    """The pictures of a split: the directory of each, and its name below that."""
    listed = _below(base, place)
    if listed is not None and listed.is_dir():
        named = (file for file in listed.rglob("*") if file.suffix.lower() in _SUFFIXES)
        files = (file for file in named if file.is_symlink() or not file.is_dir())
        yield from ((listed, name) for name in sorted(file.relative_to(listed).as_posix() for file in files))
    elif listed is not None and listed.suffix == ".txt":
        for line in filter(None, map(str.strip, _text(listed).splitlines())):
            yield listed.parent, line.removeprefix("./")
    else:
        expected = f"a directory below {base.name}, or a list of pictures"
        problems.add(where, expected, place, "Correct it, or pass root=.", "no-file")


def label_file(picture: Path) -> Path:
    """The text file of a picture: in `labels` where that is in `images`, else beside it."""
    for i in range(len(picture.parts) - 2, -1, -1):
        if picture.parts[i] == "images":
            return Path(*picture.parts[:i], "labels", *picture.parts[i + 1 :]).with_suffix(".txt")
    return picture.with_suffix(".txt")


def _read_labels(
    base: Path, name: Path, classes: dict[int, str], joints: int, lost: dict[str, int], problems: Problems
) -> list[Annotation]:
    path = base / name
    if any(folder.is_symlink() for folder in (path, *(base / parent for parent in name.parents[:-1]))):
        problems.add(name.as_posix(), "a text file", Verbatim("a link"), "Put the file there itself.", "path")
        return []
    if not path.exists():
        return []
    try:
        lines = _text(path).splitlines()
    except InputError as error:
        problems.extend(error.problems)
        return []
    objects = []
    for i, line in enumerate(lines, 1):
        words = line.split()
        if joints and len(words) == 5 + joints:  # class and box, then keypoints
            words = words[:5]
            lost["keypoints"] = lost.get("keypoints", 0) + 1
        objects.append(_object(words, f"{name.as_posix()}:{i}", classes, problems))
    return [one for one in objects if one is not None]


def _object(words: list[str], where: str, classes: dict[int, str], problems: Problems) -> Annotation | None:
    """A line: class, then center and size of a box and perhaps a score, or the points of a segment."""
    if not words:
        return None
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        numbers = []
    is_box = len(numbers) in (5, 6)
    if not is_box and not (len(numbers) >= 7 and len(numbers) % 2 == 1):
        expected = "a class and 4 numbers of a box, 5 with its score, or the points of a segment"
        problems.add(where, expected, " ".join(words), "Correct the line.", "line")
    elif numbers[0] not in classes:
        problems.add(where, "a class of data.yaml", words[0], "Add its name.", "class")
    elif not all(abs(number) <= _NEAR for number in numbers[1:]):  # NaN too
        problems.add(where, "fractions of the picture, 0 to 1", " ".join(words[1:]), "Divide by its size.", "range")
    elif not is_box:
        points = np.array(numbers[1:]).reshape(-1, 2)
        edges = (*points.min(axis=0).tolist(), *points.max(axis=0).tolist())
        return Annotation(int(numbers[0]), edges, region=partial(_fill, points))
    elif numbers[3] < 0 or numbers[4] < 0:
        problems.add(where, "a width and a height, not below 0", " ".join(words[3:5]), "Drop the box.", "range")
    else:
        x, y, width, height = numbers[1:5]
        edges = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        return Annotation(int(numbers[0]), edges, numbers[5] if len(numbers) == 6 else None)
    return None


def _fill(points: Array, height: int, width: int) -> Array:
    return fill_polygons([(points * (width, height)).ravel().tolist()], height, width)


def _text(path: Path) -> str:
    """A small text file; raises InputError."""
    try:
        if path.stat().st_size > _LARGEST or not path.is_file():
            raise InputError.of(str(path), f"a file of at most {_LARGEST} bytes", Verbatim("another"), "", "size")
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        said = Verbatim(getattr(error, "strerror", None) or "bytes that are not UTF-8")
        raise InputError.of(str(path), "a readable text file", said, "Check the path.", "no-file") from error


def segment_line(class_id: int, points: Array) -> str:
    """The line of a segment, whose points are fractions."""
    return " ".join([str(class_id), *(f"{number:.10g}" for number in points.ravel().tolist())])


def label_line(class_id: int, box: tuple[float, float, float, float], score: float | None) -> str:
    """The line of a box, whose edges are fractions."""
    left, top, right, bottom = box
    numbers = [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top, *([] if score is None else [score])]
    return " ".join([str(class_id), *(f"{number:.10g}" for number in numbers)])
