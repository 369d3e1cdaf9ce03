"""Runs as data sets of COCO, YOLO and VOC: they are read back, by pycocotools and Pillow too, and say what is lost."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import unicodedata
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

import mediatypes as mt
from mediatypes.interop.annotations import from_coco, from_voc, from_yolo

SAMPLES = np.random.default_rng(3).integers(0, 256, (12, 16, 3), np.uint8)
LABELS = {1: "person", 3: "dog"}
INSTANCES = np.zeros((12, 16), np.uint8)
INSTANCES[2:6, 1:5], INSTANCES[8:, 8:] = 1, 2


def image(caption: str | None, **options: object) -> mt.Image:
    boxes = mt.BoundingBoxes2D.from_xyxy(
        [[1, 2, 5, 6], [8, 8, 16, 12]], domain="pixel", class_ids=[1, 3], class_labels=LABELS
    )
    classes = np.where(INSTANCES == 1, 1, np.where(INSTANCES == 2, 3, 0))
    masks = {"truth": mt.ImageMask(classes, LABELS), "truth_instances": mt.ImageMask(INSTANCES)}
    return mt.Image(SAMPLES, caption=caption, boxes={"truth": boxes}, masks=masks, **options)  # type: ignore[arg-type]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Two images with boxes and masks, one with predictions beside, one with nothing."""
    scored = mt.BoundingBoxes2D.from_xyxy(
        [[0.5, 0.5, 1, 1]], domain="percentage", class_ids=[3], scores=[0.75], labels=["sure"], class_labels=LABELS
    )
    with mt.Run(tmp_path / "run", quiet=True) as run:
        run.log({"loss": 0.5, "photo": image("val/a.png")})
        run.log({"photo": mt.Image(image("a dog"), boxes={**image("").boxes, "pred": scored})})
        run.log({"photo": [mt.Image(SAMPLES, caption="val/a.png")], "note": mt.Html("x")})
    return run.path


def files(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def lost_of(report: mt.ExportReport) -> set[tuple[str, str, int]]:
    return {(lost.key, lost.reason, lost.count) for lost in report.lost}


OTHERS = {("loss", "no image", 1), ("note", "no image", 1)}


def test_coco(run: Path, tmp_path: Path) -> None:
    report = mt.export(run, "coco", tmp_path / "coco")
    assert (report.rows, report.files) == (3, 3)
    assert lost_of(report) == {*OTHERS, ("photo", "a caption of a box", 1)}
    assert files(tmp_path / "coco") == [
        "annotations/pred.json",
        "annotations/truth.json",
        "images/000002.png",
        "images/val/a.png",
        "images/val/a_3.png",
    ]
    first, second, third = from_coco(tmp_path / "coco/annotations/truth.json")
    assert np.array_equal(first.to_numpy(), SAMPLES)
    logged = image("val/a.png")
    assert first.boxes["ground_truth"].to_xyxy().tolist() == logged.boxes["truth"].to_xyxy().tolist()
    assert first.boxes["ground_truth"].class_labels == LABELS
    for name in ("", "_instances"):
        assert np.array_equal(first.masks[f"ground_truth{name}"].to_numpy(), logged.masks[f"truth{name}"].to_numpy())
    assert (len(second.boxes["ground_truth"]), len(third.boxes["ground_truth"])) == (2, 0)
    predicted = json.loads((tmp_path / "coco/annotations/pred.json").read_text())["annotations"]
    assert [(one["image_id"], one["bbox"], one["score"]) for one in predicted] == [(2, [8, 6, 8, 6], 0.75)]

    api = pytest.importorskip("pycocotools.coco")
    with contextlib.redirect_stdout(io.StringIO()):
        assert len(api.COCO(str(tmp_path / "coco/annotations/truth.json")).loadRes(predicted).anns) == 1


def test_yolo(run: Path, tmp_path: Path) -> None:
    report = mt.export(run, "yolo", tmp_path / "yolo")
    assert lost_of(report) == {*OTHERS, ("photo", 'the boxes "pred": one set is all that it takes', 1)}
    assert files(tmp_path / "yolo") == [
        "data.yaml",
        *(f"images/{name}.png" for name in ("000002", "val/a", "val/a_3")),
        *(f"labels/{name}.txt" for name in ("000002", "val/a", "val/a_3")),
    ]
    first, second = (tmp_path / "yolo/labels/val/a.txt").read_text().splitlines()
    assert first == "0 0.0625 0.1666666667 0.3125 0.1666666667 0.3125 0.5 0.0625 0.5"
    assert second == "1 0.5 0.6666666667 1 0.6666666667 1 1 0.5 1"
    dataset = from_yolo(tmp_path / "yolo/data.yaml")
    assert dataset.classes == {0: "person", 1: "dog"}
    read = {one.caption: one for one in dataset}
    assert list(read) == ["000002.png", "val/a.png", "val/a_3.png"]
    edges = read["val/a.png"].boxes["ground_truth"].to_xyxy() * [16, 12, 16, 12]
    assert np.allclose(edges, [[1, 2, 5, 6], [8, 8, 16, 12]], rtol=0, atol=1e-7)
    assert np.array_equal(read["val/a.png"].masks["ground_truth_instances"].to_numpy(), INSTANCES)
    assert len(read["val/a_3.png"].boxes["ground_truth"]) == 0


def test_segments_of_yolo_with_parts_and_holes_come_back(tmp_path: Path) -> None:
    instances = np.zeros((12, 16), np.uint8)
    instances[1:8, 1:8] = 1
    instances[3:5, 3:5] = instances[10:, 12:] = 0
    instances[10:, 12:] = 1
    edges = [[1, 1, 16, 12], [9, 2, 12, 5]]  # the second has no region left
    boxes = mt.BoundingBoxes2D.from_xyxy(
        edges, domain="pixel", class_ids=[1, 3], scores=[0.5, 0.25], class_labels=LABELS
    )
    with mt.Run(tmp_path / "run") as run:
        masks = {"truth_instances": mt.ImageMask(instances)}
        run.log({"photo": mt.Image(SAMPLES, boxes={"truth": boxes}, masks=masks)})
    report = mt.export(run.path, "yolo", tmp_path / "yolo")
    assert lost_of(report) == {("photo", "a score, for which a segment has no room", 2)}
    (image,) = from_yolo(tmp_path / "yolo/data.yaml")
    found = image.masks["ground_truth_instances"].to_numpy()
    assert np.array_equal(found == 1, instances == 1)
    assert np.array_equal(np.argwhere(found == 2)[[0, -1]], [[2, 9], [4, 11]])
    assert np.allclose(image.boxes["ground_truth"].to_xyxy() * [16, 12, 16, 12], edges)


def test_yolo_of_boxes_alone(tmp_path: Path) -> None:
    boxes = mt.BoundingBoxes2D.from_xyxy(
        [[1, 2, 5, 6]], domain="pixel", class_ids=[1], scores=[0.5], class_labels=LABELS
    )
    with mt.Run(tmp_path / "run") as run:
        run.log({"photo": mt.Image(SAMPLES, caption="a.png", boxes={"truth": boxes})})
    assert mt.export(run.path, "yolo", tmp_path / "yolo").lost == ()
    assert (tmp_path / "yolo/labels/a.txt").read_text() == "0 0.1875 0.3333333333 0.25 0.3333333333 0.5\n"


def test_yolo_of_boxes_that_reach_out_of_their_picture(tmp_path: Path) -> None:
    """Ultralytics passes over a picture with a number below 0 or above 1, and so over its other boxes."""
    edges = [[4, 3, 12, 9], [-4, -3, 4, 3], [-2, -2, 18, 14], [20, 2, 24, 6], [2, -6, 4, -1]]
    boxes = mt.BoundingBoxes2D.from_xyxy(edges, domain="pixel", class_ids=[0] * 5)
    assert mt.Image(SAMPLES, boxes={"truth": boxes}).boxes["truth"].outside_count == 4
    with mt.Run(tmp_path / "run", quiet=True) as run:
        run.log({"photo": mt.Image(SAMPLES, caption="a.png", boxes={"truth": boxes})})
    report = mt.export(run.path, "yolo", tmp_path / "yolo")
    assert (tmp_path / "yolo" / "labels" / "a.txt").read_text().splitlines() == [
        "0 0.5 0.5 0.5 0.5",
        "0 0.125 0.125 0.25 0.25",
        "0 0.5 0.5 1 1",
    ]
    assert lost_of(report) == {
        ("photo", "a box that reaches out of its picture, trimmed to it", 2),
        ("photo", "a box outside its picture", 2),
    }


def test_voc(run: Path, tmp_path: Path) -> None:
    report = mt.export(run, "voc", tmp_path / "voc")
    assert lost_of(report) == {*OTHERS, ("photo", 'the boxes "pred": one set is all that it takes', 1)}
    names = ("000002", "val_a", "val_a_3")
    assert files(tmp_path / "voc") == [
        *(f"Annotations/{name}.xml" for name in names),
        "ImageSets/Main/all.txt",
        *(f"JPEGImages/{name}.png" for name in names),
        *(f"SegmentationClass/{name}.png" for name in names[:2]),
        *(f"SegmentationObject/{name}.png" for name in names[:2]),
        "classes.txt",
    ]
    mask = PIL.Image.open(tmp_path / "voc/SegmentationClass/val_a.png")
    assert mask.mode == "P"
    assert np.array_equal(np.array(mask), image("").masks["truth"].to_numpy())
    assert np.array(mask.convert("RGB"))[2, 1].tolist() == [128, 0, 0]  # the colour of class 1
    assert np.array(mask.convert("RGB"))[8, 8].tolist() == [128, 128, 0]  # and of 3
    found = {one.caption: one for one in from_voc(tmp_path / "voc", "Main/all")}
    first = found["val_a.png"]
    assert first.boxes["ground_truth"].to_xyxy().tolist() == [[1, 2, 5, 6], [8, 8, 16, 12]]
    assert first.boxes["ground_truth"].class_ids == [1, 3]
    assert np.array_equal(first.masks["ground_truth_instances"].to_numpy(), INSTANCES)


@pytest.mark.parametrize("layout", ["coco", "yolo", "voc"])
def test_what_cannot_be_carried_is_counted(layout: str, tmp_path: Path) -> None:
    boxes = mt.BoundingBoxes2D.from_xyxy(
        [[0, 0, 1, 1], [0, 0, 2, 2]], domain="pixel", class_ids=[None, 7], scores={"a": [1, 2], "b": [1, None]},
        labels=["difficult", "x"], class_labels={7: 'a "b"\x07\n<c>'},
    )  # fmt: skip
    with mt.Run(tmp_path / "run", quiet=True) as run:
        run.log({"photo": mt.Image(SAMPLES, boxes={"../x": boxes})})
        run.log({"gone": mt.Image(SAMPLES[:5])})
    view = mt.open_run(run.path)
    shutil.move(run.path / view.summary["gone"]["path"], tmp_path / "aside.png")
    report = mt.export(run.path, layout, tmp_path / layout)
    captions = 1 if layout == "voc" else 2
    scores = {"coco": 2, "yolo": 2, "voc": 3}[layout]
    assert lost_of(report) == {
        ("photo", "a box without a class", 1),
        ("photo", "a caption of a box", captions),
        ("photo", "a score", scores),
        ("gone", "its file is missing", 1),
    }
    read = {
        "coco": lambda: from_coco(tmp_path / "coco/annotations/___x.json"),
        "yolo": lambda: from_yolo(tmp_path / "yolo/data.yaml"),
        "voc": lambda: from_voc(tmp_path / "voc"),
    }[layout]
    (one,) = read()
    label = 'a "b"__<c>' if layout == "voc" else 'a "b"\x07\n<c>'
    assert list(one.boxes["ground_truth"].class_labels.values())[-1] == label
    assert len(one.boxes["ground_truth"]) == 1


@pytest.mark.parametrize("layout", ["coco", "yolo", "voc"])
def test_layers_that_are_not_carried_are_told_by_name(layout: str, tmp_path: Path) -> None:
    truth = image("").boxes["truth"]
    classes = mt.ImageMask(np.where(INSTANCES == 1, 1, 0), LABELS)
    with mt.Run(tmp_path / "run", quiet=True) as run:
        run.log({"photo": mt.Image(SAMPLES, boxes={"truth": truth}, masks={"truth": classes, "lesion": classes})})
        run.log({"photo": mt.Image(SAMPLES, boxes={"truth": truth, "pred": truth}, masks={"lesion": classes})})
    others = {("photo", 'the boxes "pred": one set is all that it takes', 1)}
    others |= {("photo", 'the mask "lesion": one set is all that it takes', 2)}
    no_objects = {("photo", 'the mask "truth": it does not say which object a pixel is of', 1)}
    expected = {"coco": no_objects, "yolo": others | no_objects, "voc": others}  # VOC has files of such masks
    assert lost_of(mt.export(run.path, layout, tmp_path / layout)) == expected[layout]


@pytest.mark.parametrize("layout", ["coco", "yolo", "voc"])
def test_a_run_without_images_is_an_empty_data_set(layout: str, tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run", quiet=True) as run:
        run.log({"loss": 1})
    report = mt.export(run.path, layout, tmp_path / layout)
    assert (report.rows, report.files, lost_of(report)) == (0, 0, {("loss", "no image", 1)})
    if layout == "coco":
        assert len(from_coco(tmp_path / "coco/annotations/images.json")) == 0


def labelled(caption: str, names: dict[int, str], **options: object) -> mt.Image:
    """An image with a box of each class."""
    boxes = mt.BoundingBoxes2D.from_xyxy(
        [[1, 2, 5, 6]] * len(names), domain="pixel", class_ids=[*names], class_labels=names
    )
    return mt.Image(SAMPLES, caption=caption, boxes={"ground_truth": boxes}, **options)  # type: ignore[arg-type]


def export_and_read(images: list[mt.Image], layout: str, folder: Path) -> tuple[mt.ExportReport, list[mt.Image]]:
    with mt.Run(folder / "run", quiet=True) as run:
        for one in images:
            run.log({"photo": one})
    report = mt.export(run.path, layout, folder / layout)
    if layout == "coco":
        return report, [*from_coco(next((folder / "coco/annotations").iterdir()), folder / "coco/images")]
    return report, [*(from_yolo(folder / "yolo/data.yaml") if layout == "yolo" else from_voc(folder / "voc"))]


def names_of(image: mt.Image) -> list[str]:
    boxes = image.boxes["ground_truth"]
    return [boxes.class_labels[id] for id in boxes.class_ids if id is not None]


@pytest.mark.parametrize("layout", ["coco", "yolo", "voc"])
@pytest.mark.parametrize(
    "names",
    [
        [{0: "background", 1: "cat"}],  # boxes of a class that masks have for none
        [{0: "cat", 1: "dog"}, {0: "dog", 1: "bird"}, {0: "dog", 7: "fox"}],  # of names, numbered in each image
        [{-5: "cat", 0: "dog", 2**40: "bird"}],
        [{1: "cat", 2: "cat"}, {2: "dog"}],
    ],
)
def test_each_box_keeps_the_name_of_its_class(names: list[dict[int, str]], layout: str, tmp_path: Path) -> None:
    report, read = export_and_read([labelled(f"{i}.png", one) for i, one in enumerate(names)], layout, tmp_path)
    assert [names_of(one) for one in read] == [[*one.values()] for one in names]
    if layout != "coco":
        assert report.lost == ()


def test_class_ids_that_coco_changes_are_counted(tmp_path: Path) -> None:
    images = [labelled("a.png", {0: "cat", 1: "dog"}), labelled("b.png", {0: "dog", 1: "bird"})]
    report, (_, second) = export_and_read(images, "coco", tmp_path)
    assert second.boxes["ground_truth"].class_ids == [1, 2]
    assert lost_of(report) == {("photo", "the id of a class, which has another name elsewhere", 2)}


def test_classes_of_masks_have_names_in_voc_where_boxes_have_none_of_them(tmp_path: Path) -> None:
    """0 means no class there, so that a class of this id gets another; names of masks stand beside those of boxes."""
    ids = np.zeros((12, 16), np.uint8)
    ids[2:6], ids[8:] = 1, 2
    masks = {"ground_truth": mt.ImageMask(ids, {0: "road", 2: "sky"})}
    report, (read,) = export_and_read([labelled("a.png", {1: "cat"}, masks=masks)], "voc", tmp_path)
    mask = read.masks["ground_truth"]
    pixels = [mask.class_labels[mask.to_numpy()[row, 0]] for row in (0, 3, 9)]
    assert (names_of(read), pixels, report.lost) == (["cat"], ["road", "cat", "sky"], ())
    assert np.array(PIL.Image.open(tmp_path / "voc/SegmentationClass/a.png"))[:, 0].tolist().count(0) == 0


@pytest.mark.parametrize("layout", ["coco", "yolo", "voc"])
def test_names_of_pictures_that_meet(layout: str, tmp_path: Path) -> None:
    """A picture in a folder that another one is called, or `images`; one whose name differs in case; with spaces."""
    given = [
        "images/a.png",
        "a.png",
        "a.png/b.png",
        "c/d.png/e.png",
        "c/d.png",
        "A.PNG",
        "caf\u00e9.png",
        "cafe\u0301.png",
    ]
    given += ["val 7.png", "val 1.png", " f.png"]
    images = [labelled(name, {1: f"class of {name}"}) for name in given]
    _, read = export_and_read(images, layout, tmp_path)
    assert sorted(names_of(one)[0].strip() for one in read) == sorted(f"class of {name}" for name in given)
    names = [str(one.caption) for one in read]
    assert len({unicodedata.normalize("NFC", name).casefold() for name in names}) == len(names)
    assert not {str(parent) for name in names for parent in Path(name).parents} & {*names}
    if layout == "voc":
        assert sorted(one.caption for one in from_voc(tmp_path / "voc", "Main/all")) == sorted(names)  # type: ignore[type-var]
