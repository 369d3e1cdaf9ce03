"""YOLO: boxes and segments in fractions, splits, and files that lead elsewhere. Right values are computed by hand."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

import mediatypes as mt
from mediatypes.interop.annotations import from_yolo

YAML = """
path: ../datasets/elsewhere   # of the machine where it was made
train: images/train
val: [images/val]
names:
  0: person
  2: dog
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Pictures of 40 x 20; the first has boxes, the second a segment, the third no file."""
    root = tmp_path / "set"
    for name in ("train/a.png", "train/deep/b.jpg", "val/c.png"):
        path = root / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.fromarray(np.zeros((20, 40), np.uint8)).save(path)
    (root / "labels/train/deep").mkdir(parents=True)
    (root / "labels/train/a.txt").write_text("0 0.5 0.5 0.25 0.5\n\n2 0.1 0.25 0.2 0.5 0.875\n")
    (root / "labels/train/deep/b.txt").write_text("2 0.25 0.25 0.75 0.25 0.75 0.75 0.25 0.75\n")
    (root / "data.yaml").write_text(YAML)
    return root


def test_boxes_are_in_fractions(root: Path) -> None:
    dataset = from_yolo(root / "data.yaml")
    assert (len(dataset), dataset.classes) == (2, {0: "person", 2: "dog"})
    first = next(iter(dataset))
    boxes = first.boxes["ground_truth"]
    assert (first.caption, boxes.domain, boxes.class_ids) == ("a.png", "percentage", [0, 2])
    assert boxes.to_xyxy().tolist() == [[0.375, 0.25, 0.625, 0.75], [0.0, 0.0, 0.2, 0.5]]
    assert boxes.scores == {"score": [None, 0.875]}
    assert first.masks == {}


def test_segments_are_masks_too(root: Path) -> None:
    _, image = from_yolo(root / "data.yaml")
    expected = np.zeros((20, 40), np.uint8)
    expected[5:15, 10:30] = 2
    assert image.caption == "deep/b.jpg"
    classes = np.where(expected == 2, 2, 255)  # 0 is a person
    assert np.array_equal(image.masks["ground_truth"].to_numpy(), classes)
    assert np.array_equal(image.masks["ground_truth_instances"].to_numpy(), expected // 2)
    assert image.boxes["ground_truth"].to_xyxy().tolist() == [[0.25, 0.25, 0.75, 0.75]]


def test_a_picture_without_a_file_has_no_objects(root: Path) -> None:
    (image,) = from_yolo(root / "data.yaml", "val")
    assert len(image.boxes["ground_truth"]) == 0
    with pytest.raises(mt.InputError, match=r"expected a split that data.yaml has: train, val, got 'test'"):
        from_yolo(root / "data.yaml", "test")


def test_a_split_may_be_a_list_of_pictures(root: Path) -> None:
    (root / "some.txt").write_text("./images/train/a.png\nimages/train/deep/b.jpg\n")
    (root / "data.yaml").write_text("train: some.txt\nnames: [person, cat, dog]")
    assert [len(image.boxes["ground_truth"]) for image in from_yolo(root / "data.yaml")] == [2, 1]


def test_all_problems_are_raised_at_once(root: Path) -> None:
    lines = ["1 0.5 0.5 0.1 0.1", "0 0.5 0.5", "x 1 1 1 1", "0 9 0.5 0.1 0.1", "0 nan 0 0 0", "0 0.5 0.5 -0.1 0.1"]
    (root / "labels/train/a.txt").write_text("\n".join(lines))
    (root / "labels/train/deep/b.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(mt.InputError) as raised:
        from_yolo(root / "data.yaml")
    assert [str(problem) for problem in raised.value.problems[:6]] == [
        "labels/train/a.txt:1: expected a class of data.yaml, got '1'. Add its name.",
        "labels/train/a.txt:2: expected a class and 4 numbers of a box, 5 with its score, or the points of a segment, "
        "got '0 0.5 0.5'. Correct the line.",
        "labels/train/a.txt:3: expected a class and 4 numbers of a box, 5 with its score, or the points of a segment, "
        "got 'x 1 1 1 1'. Correct the line.",
        "labels/train/a.txt:4: expected fractions of the picture, 0 to 1, got '9 0.5 0.1 0.1'. Divide by its size.",
        "labels/train/a.txt:5: expected fractions of the picture, 0 to 1, got 'nan 0 0 0'. Divide by its size.",
        "labels/train/a.txt:6: expected a width and a height, not below 0, got '-0.1 0.1'. Drop the box.",
    ]
    assert "expected a readable text file, got bytes that are not UTF-8" in str(raised.value.problems[6])
    dataset = from_yolo(root / "data.yaml", on_error="record")
    assert ([len(image.boxes["ground_truth"]) for image in dataset], dataset.problem_count) == ([0, 0], 7)


@pytest.mark.parametrize("place", ["../../outside", "/outside", "images/../../outside", "nowhere", 3, "linked"])
def test_nothing_leads_elsewhere(root: Path, tmp_path: Path, place: object) -> None:
    (tmp_path / "outside").mkdir()
    PIL.Image.fromarray(np.zeros((20, 40), np.uint8)).save(tmp_path / "outside" / "secret.png")
    if os.name != "nt":
        (root / "linked").symlink_to(tmp_path / "outside")
    (root / "data.yaml").write_text(f"path: {tmp_path}\ntrain: [{place}]\nnames: [person, cat, dog]")
    with pytest.raises(mt.InputError, match="train: expected a directory below set, or a list of pictures, got"):
        from_yolo(root / "data.yaml")
    (root / "some.txt").write_text("../outside/secret.png\n")
    (root / "data.yaml").write_text("train: some.txt\nnames: [person]")
    with pytest.raises(mt.InputError, match=r"expected the name of a file below set, got '../outside/secret.png'"):
        from_yolo(root / "data.yaml")


@pytest.mark.skipif(os.name == "nt", reason="needs symbolic links")
def test_links_of_files_are_not_followed(root: Path, tmp_path: Path) -> None:
    for name in ("labels/train/a.txt", "images/train/deep/b.jpg"):
        (root / name).rename(tmp_path / Path(name).name)
        (root / name).symlink_to(tmp_path / Path(name).name)
    with pytest.raises(mt.InputError) as raised:
        from_yolo(root / "data.yaml")
    assert ["a link" in str(problem) for problem in raised.value.problems] == [True, True]


@pytest.mark.parametrize(
    "text", ["", "names: [", "[1]", "train: x", "names: 3", "names: {a: b}", "!!python/object:x {}"]
)
def test_another_file_is_refused(root: Path, text: str) -> None:
    (root / "data.yaml").write_text(text)
    with pytest.raises(mt.InputError, match=r"data.yaml"):
        from_yolo(root / "data.yaml")


def test_roboflow_puts_data_yaml_beside_the_splits(root: Path) -> None:
    (root / "data.yaml").write_text("train: ../images/train\nnames: [person, cat, dog]")
    assert len(from_yolo(root / "data.yaml")) == 2
    (root / "data.yaml").rename(root.parent / "data.yaml")
    assert len(from_yolo(root.parent / "data.yaml", root=root)) == 2


def test_keypoints_are_counted_and_their_boxes_kept(root: Path) -> None:
    (root / "data.yaml").write_text(f"{YAML}kpt_shape: [2, 3]\n")
    (root / "labels/train/a.txt").write_text("0 0.5 0.5 0.25 0.5 0.5 0.5 2 0.25 0.25 1\n2 0.5 0.5 0.5 0.5\n")
    dataset = from_yolo(root / "data.yaml")
    assert next(iter(dataset)).boxes["ground_truth"].to_xyxy().tolist() == [
        [0.375, 0.25, 0.625, 0.75],
        [0.25, 0.25, 0.75, 0.75],
    ]
    assert next(iter(dataset)).masks == {}
    assert dataset.lost == {"keypoints": 1}
    (root / "data.yaml").write_text(f"{YAML}kpt_shape: seventeen\n")
    with pytest.raises(mt.InputError, match=r"data.yaml: kpt_shape: expected a list of how many keypoints there are"):
        from_yolo(root / "data.yaml")
