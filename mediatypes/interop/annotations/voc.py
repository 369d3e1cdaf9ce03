"""Pascal VOC: an XML file for each picture, and masks as PNG files."""

from __future__ import annotations

import math
import os
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..._core.errors import InputError, Verbatim
from ..._core.location import local_path
from .dataset import INSTANCES, TRUTH, AnnotatedImages, Annotation, Entry, Problems, inside

XML, PICTURES, SETS = "Annotations", "JPEGImages", "ImageSets"
CLASS_LIST = "classes.txt"  # of ours: the name of class n in line n
CLASS_MASKS, OBJECT_MASKS = "SegmentationClass", "SegmentationObject"
CLASSES = [  # of the challenge: 1 to 20 in masks
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
]
FLAGS = ("difficult", "truncated", "occluded")
_EDGES = ("xmin", "ymin", "xmax", "ymax")
_LARGEST = 16 * 1024 * 1024  # bytes of an XML file


def from_voc(
    root: str | os.PathLike[str],
    image_set: str | None = None,
    *,
    classes: Iterable[str] | None = None,
    first_pixel: int = 1,
    on_error: str = "raise",
) -> AnnotatedImages:
    """Read a data set of Pascal VOC's format.

    Args:
        root: the directory with `Annotations` and `JPEGImages`, and perhaps `SegmentationClass` and
            `SegmentationObject`.
        image_set: a list in `ImageSets`, such as "Main/train". Default: every file in `Annotations`.
        classes: names in the order of their ids, from 1. Default: the lines of `classes.txt`; without that file those
            of the challenge, if there are no others, else the names that occur, sorted.
        first_pixel: the number that the files give the first pixel: 1 (default) as in the challenge, where xmax is the
            last pixel of the box; or 0 for tools that write edges.
        on_error: "raise" (default) with all problems at once, or "record": what is wrong is left out and `.problems`.

    Returns:
        An iterable of `Image` with the boxes "ground_truth" in pixels, whose captions say difficult, truncated and
        occluded; masks become "ground_truth" and "ground_truth_instances" (the n-th object of the file has the id n),
        as in `from_coco`. Poses and parts are counted in `.lost`.

    Raises:
        InputError: no such directory; XML, numbers, names of files that leave the directory.

    >>> import tempfile, numpy as np, mediatypes as mt
    >>> root = Path(tempfile.mkdtemp())
    >>> for name in ("Annotations", "JPEGImages"):
    ...     (root / name).mkdir()
    >>> mt.Image(np.zeros((4, 8), np.uint8)).to_pil().save(root / "JPEGImages" / "a.png")
    >>> _ = (root / "Annotations" / "a.xml").write_text(
    ...     "<annotation><filename>a.png</filename><object><name>cat</name><bndbox><xmin>1</xmin><ymin>1</ymin>"
    ...     "<xmax>2</xmax><ymax>3</ymax></bndbox></object></annotation>")
    >>> [image.boxes["ground_truth"].to_xyxy().tolist() for image in from_voc(root)]
    [[[0.0, 0.0, 2.0, 3.0]]]
    """
    folder, problems, lost = local_path(root, "from_voc"), Problems(on_error), dict[str, int]()
    if not (folder / XML).is_dir():
        raise InputError.of(str(folder), f"a directory with {XML}", Verbatim("another"), "Check the path.", "not-voc")
    if first_pixel not in (0, 1):
        raise InputError.of("from_voc.first_pixel", "0 or 1", first_pixel, "Leave it out for 1.")
    trees = [(name, tree) for name in _names(folder, image_set) if (tree := _read(folder, name, problems)) is not None]
    named = sorted({_text(one, "name") for _, tree in trees for one in tree.iter("object")} - {""})
    listed = list(classes) if classes is not None else _class_list(folder)
    listed = listed or (CLASSES if set(named) <= set(CLASSES) else named)
    named_classes = {id: name for id, name in enumerate(listed, 1) if name}
    ids = {name: id for id, name in reversed(named_classes.items())}  # of two that are called the same the first
    entries = []
    for name, tree in trees:
        where = f"{name}.xml"
        picture = inside(folder / PICTURES, _text(tree, "filename") or f"{name}.jpg", f"{where}: filename", problems)
        objects = [
            _object(one, f"{where}: object[{i}]", ids, first_pixel, problems, lost)
            for i, one in enumerate(tree.findall("object"))
        ]
        if picture is not None:
            size = _size(tree, where, problems)
            masks = {
                set_name: mask
                for set_name, place in ((TRUTH, CLASS_MASKS), (TRUTH + INSTANCES, OBJECT_MASKS))
                if (folder / place / f"{name}.png").is_file()
                and (mask := inside(folder / place, f"{name}.png", where, problems))
            }
            kept = [one for one in objects if one is not None]
            entries.append(
                Entry(picture, picture.relative_to(folder / PICTURES).as_posix(), {TRUTH: kept}, size, masks)
            )
    problems.settle()
    return AnnotatedImages(named_classes, entries, problems, lost, fractions=False)


def _names(folder: Path, image_set: str | None) -> list[str]:
    """The names of the pictures, without suffix."""
    if image_set is None:
        return sorted(path.stem for path in (folder / XML).glob("*.xml"))
    problems = Problems()
    path = inside(folder / SETS, f"{image_set}.txt", "from_voc.image_set", problems)
    problems.settle()
    lines = Path(str(path)).read_text("utf-8", "replace").splitlines()
    return [name for line in lines if line.strip() and (name := _listed(folder, line.strip()))]


def _listed(folder: Path, line: str) -> str:
    """The picture that a line names, which may say 1, 0 or -1 behind it; empty for -1, which means no such object."""
    name, _, flag = line.rpartition(" ")
    is_flagged = flag in ("-1", "0", "1") and name and not (folder / XML / f"{line}.xml").is_file()
    return line if not is_flagged else "" if flag == "-1" else name.strip()


def _class_list(folder: Path) -> list[str]:
    path = folder / CLASS_LIST
    if not path.is_file() or path.is_symlink():
        return []
    return [line.strip() for line in path.read_text("utf-8", "replace").splitlines()]


class _Builder(ET.TreeBuilder):
    def doctype(self, name: str, public: str | None, system: str | None) -> None:
        """Entities, which may grow without end, are declared here."""
        raise ValueError("a document type, which annotations do not have")


def _read(folder: Path, name: str, problems: Problems) -> Any:
    path = inside(folder / XML, f"{name}.xml", f"{name}.xml", problems)
    if path is None:
        return None
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError(f"more than {_LARGEST} bytes")
        parser = ET.XMLParser(target=_Builder())
        parser.feed(path.read_bytes())
        tree = parser.close()
        if tree.tag != "annotation":
            raise ValueError(f"<{tree.tag}>")
    except (OSError, ValueError, ET.ParseError, RecursionError, LookupError) as error:
        problems.add(f"{name}.xml", "an XML file with an <annotation>", Verbatim(str(error)), "Correct it.", "not-xml")
        return None
    return tree


def _text(tree: Any, name: str) -> str:
    return (tree.findtext(name) or "").strip()


def _size(tree: Any, where: str, problems: Problems) -> tuple[int, int] | None:
    """Width and height, if they are said; zeros, which some tools write, say nothing."""
    words = [_text(tree, f"size/{side}") for side in ("width", "height")]
    if not any(words) or set(words) == {"0"}:
        return None
    if not all(word.isascii() and word.isdigit() and int(word[:9]) > 0 for word in words):
        problems.add(f"{where}: size", "width and height, integers above 0", words, "Correct them.", "size")
        return None
    return int(words[0][:9]), int(words[1][:9])


def _object(
    one: Any, where: str, ids: dict[str, int], first_pixel: int, problems: Problems, lost: dict[str, int]
) -> Annotation | None:
    name, words = _text(one, "name"), [_text(one, f"bndbox/{edge}") for edge in _EDGES]
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        numbers = [math.nan] * 4
    left, top, right, bottom = numbers[0] - first_pixel, numbers[1] - first_pixel, *numbers[2:]
    if name not in ids:
        problems.add(f"{where}.name", f"one of the {len(ids)} classes", name, "Pass classes=.", "class")
    elif not all(map(math.isfinite, numbers)):
        problems.add(f"{where}.bndbox", "numbers xmin, ymin, xmax, ymax", words, "Drop the box.", "box")
    elif left > right or top > bottom:
        problems.add(f"{where}.bndbox", "xmin <= xmax and ymin <= ymax", words, "Swap them.", "inverted")
    else:
        for member in ("pose", "part"):
            words = [word for part in one.findall(member) if (word := (part.text or " ").strip()) != "Unspecified"]
            if words:
                lost[member] = lost.get(member, 0) + len(words)
        caption = ", ".join(flag for flag in FLAGS if _text(one, flag) == "1") or None
        return Annotation(ids[name], (left, top, right, bottom), caption=caption)
    return None


def plain(name: str) -> str:
    """A name in one line that XML can hold, without spaces around it, which are not read."""
    return "".join(letter if letter.isprintable() else "_" for letter in name).strip() or "_"


def to_xml(
    name: str, size: tuple[int, int, int], objects: Iterable[tuple[str, tuple[float, ...], str | None]], masks: bool
) -> bytes:
    """The file of a picture: name; width, height and channels; class, edges in pixels and caption of each object."""
    tree = ET.Element("annotation")
    ET.SubElement(tree, "folder").text = PICTURES
    ET.SubElement(tree, "filename").text = name
    sides = ET.SubElement(tree, "size")
    for side, value in zip(("width", "height", "depth"), size, strict=True):
        ET.SubElement(sides, side).text = str(value)
    ET.SubElement(tree, "segmented").text = str(int(masks))
    for label, edges, caption in objects:
        one = ET.SubElement(tree, "object")
        ET.SubElement(one, "name").text = plain(label)
        said = (caption or "").split(", ")
        for flag in FLAGS:
            ET.SubElement(one, flag).text = str(int(flag in said))
        box = ET.SubElement(one, "bndbox")
        numbers = (edges[0] + 1, edges[1] + 1, edges[2], edges[3])  # the first pixel is 1, and the last one inside
        for edge, number in zip(_EDGES, numbers, strict=True):
            ET.SubElement(box, edge).text = f"{number:.10g}"
    ET.indent(tree)
    return bytes(ET.tostring(tree, encoding="utf-8")) + b"\n"
