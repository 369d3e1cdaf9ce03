"""Pascal VOC: XML files and masks; Pillow reads what is written. Right values are computed by hand."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

import mediatypes as mt
from mediatypes.interop.annotations import from_voc

XML = """<annotation><folder>VOC</folder><filename>a.png</filename>
<size><width>8</width><height>6</height><depth>3</depth></size><segmented>1</segmented>
<object><name>dog</name><pose>Left</pose><truncated>1</truncated><difficult>1</difficult>
<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>4</xmax><ymax>6</ymax></bndbox></object>
<object><name>person</name><pose>Unspecified</pose><bndbox><ymax>3</ymax><xmax>8.5</xmax><xmin>5</xmin><ymin>1</ymin></bndbox>
<part><name>head</name></part></object></annotation>"""
IDS = np.zeros((6, 8), np.uint8)
IDS[1:, :4], IDS[:3, 4:], IDS[3, 4:] = 12, 15, 255


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "VOC"
    for name in ("Annotations", "JPEGImages", "SegmentationClass", "SegmentationObject", "ImageSets/Main"):
        (root / name).mkdir(parents=True)
    for name in ("a.png", "b.jpg"):
        PIL.Image.fromarray(np.zeros((6, 8, 3), np.uint8)).save(root / "JPEGImages" / name)
    (root / "Annotations/a.xml").write_text(XML)
    (root / "Annotations/b.xml").write_text("<annotation><size><width>0</width><height>0</height></size></annotation>")
    for place, ids in (("Class", IDS), ("Object", np.where(IDS == 12, 1, np.where(IDS == 15, 2, 0)).astype(np.uint8))):
        picture = PIL.Image.fromarray(ids)
        picture.putpalette(list(range(256)) * 3)
        picture.save(root / f"Segmentation{place}/a.png")
    (root / "ImageSets/Main/dog_train.txt").write_text("a  1\nb -1\n")
    return root


def test_the_first_pixel_is_1_and_the_last_is_inside(root: Path) -> None:
    dataset = from_voc(root)
    assert dataset.lost == {"pose": 1, "part": 1}
    first, second = dataset
    boxes = first.boxes["ground_truth"]
    assert (boxes.to_xyxy().tolist(), boxes.domain) == ([[0, 1, 4, 6], [4, 0, 8.5, 3]], "pixel")
    assert (boxes.class_ids, boxes.captions) == ([12, 15], ["difficult, truncated", None])
    assert (boxes.class_labels[12], boxes.class_labels[15]) == ("dog", "person")
    assert (second.caption, len(second.boxes["ground_truth"]), second.masks) == ("b.jpg", 0, {})
    edges = next(iter(from_voc(root, first_pixel=0))).boxes["ground_truth"].to_xyxy()
    assert edges.tolist() == [[1, 2, 4, 6], [5, 1, 8.5, 3]]


def test_masks_are_the_indices_of_the_palette(root: Path) -> None:
    image = next(iter(from_voc(root)))
    assert np.array_equal(image.masks["ground_truth"].to_numpy(), IDS)
    assert image.masks["ground_truth"].class_labels[12] == "dog"
    assert set(np.unique(image.masks["ground_truth_instances"].to_numpy())) == {0, 1, 2}


def test_classes_are_those_of_the_challenge_or_sorted_or_given(root: Path) -> None:
    (root / "Annotations/b.xml").write_text(XML.replace("dog", "zebra").replace("a.png", "b.jpg"))
    assert from_voc(root).classes == {1: "dog", 2: "person", 3: "zebra"}
    assert from_voc(root, classes=["zebra", "person", "dog"]).classes == {1: "zebra", 2: "person", 3: "dog"}
    with pytest.raises(mt.InputError, match=r"b.xml: object\[0\].name: expected one of the 2 classes, got 'zebra'"):
        from_voc(root, classes=["person", "dog"])
    (root / "classes.txt").write_text("person\n\nzebra\ndog\n")
    assert from_voc(root).classes == {1: "person", 3: "zebra", 4: "dog"}


def test_a_list_of_images_chooses(root: Path) -> None:
    assert [image.caption for image in from_voc(root, "Main/dog_train")] == ["a.png"]
    for name in ("../Main/dog_train", "/etc/passwd", "none"):
        with pytest.raises(mt.InputError, match=r"from_voc.image_set: expected the name of a file below ImageSets"):
            from_voc(root, name)


def test_all_problems_are_raised_at_once(root: Path) -> None:
    for name, text in {
        "c": XML.replace("a.png", "../../secret.png"),
        "d": "<annotation>",
        "e": "<other/>",
        "f": '<!DOCTYPE a [<!ENTITY b "b">]><annotation><filename>&b;</filename></annotation>',
        "g": XML.replace("<xmin>1<", "<xmin>x<").replace("<xmax>8.5<", "<xmax>3<").replace("<width>8<", "<width>-8<"),
    }.items():
        (root / f"Annotations/{name}.xml").write_text(text)
    with pytest.raises(mt.InputError) as raised:
        from_voc(root)
    said = [str(problem).split(", got")[0] for problem in raised.value.problems]
    assert said == [
        "d.xml: expected an XML file with an <annotation>",
        "e.xml: expected an XML file with an <annotation>",
        "f.xml: expected an XML file with an <annotation>",
        "c.xml: filename: expected the name of a file below JPEGImages",
        "g.xml: object[0].bndbox: expected numbers xmin, ymin, xmax, ymax",
        "g.xml: object[1].bndbox: expected xmin <= xmax and ymin <= ymax",
        "g.xml: size: expected width and height, integers above 0",
    ]
    assert "a document type, which annotations do not have" in str(raised.value.problems[2])
    dataset = from_voc(root, on_error="record")
    assert [len(image.boxes["ground_truth"]) for image in dataset] == [2, 0, 0]


@pytest.mark.skipif(os.name == "nt", reason="needs symbolic links")
def test_links_are_not_followed(root: Path, tmp_path: Path) -> None:
    for name in ("JPEGImages/b.jpg", "SegmentationClass/a.png"):
        (root / name).rename(tmp_path / "outside")
        (root / name).symlink_to(tmp_path / "outside")
    with pytest.raises(mt.InputError) as raised:
        from_voc(root)
    assert ["a link" in str(problem) for problem in raised.value.problems] == [True, True]


def test_a_mask_of_another_size_is_said_when_its_turn_comes(root: Path) -> None:
    PIL.Image.fromarray(np.zeros((3, 3), np.uint8)).save(root / "SegmentationClass/a.png")
    with pytest.raises(mt.InputError, match=r'a.png: Image.masks\["ground_truth"\]: expected a mask of the image'):
        list(from_voc(root))


def test_another_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(mt.InputError, match="expected a directory with Annotations"):
        from_voc(tmp_path)
