"""COCO, compared with pycocotools: what it reads is what we read, and it reads what we write."""

# ruff: noqa: E501  (messages are compared whole)

from __future__ import annotations

import contextlib
import copy
import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

import mediatypes as mt
from mediatypes.interop.annotations import from_coco, import_annotations, to_coco

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of pycocotools 2.0.11
TRIANGLE = [[5.0, 5, 20.5, 6, 9, 22]]
CONTENT: dict[str, Any] = {
    "info": {"year": 2026},
    "images": [
        {"id": 30, "file_name": "a.png", "width": 40, "height": 30},
        {"id": 10, "file_name": "sub/b.jpg", "width": 24, "height": 32},
        {"id": 20, "file_name": "c.png"},
    ],
    "categories": [{"id": 1, "name": "person", "supercategory": "x"}, {"id": 18, "name": "dog"}],
    "annotations": [
        {"id": 1, "image_id": 30, "category_id": 1, "bbox": [5.1, 5.2, 15.3, 17.4], "iscrowd": 0, "area": 1,
         "segmentation": TRIANGLE, "keypoints": [1, 2, 2], "num_keypoints": 1},
        {"id": 2, "image_id": 30, "category_id": 18, "bbox": [0, 0, 38, 29], "iscrowd": 1,
         "segmentation": {"size": [30, 40], "counts": [100, 500, 600]}},
        {"id": 3, "image_id": 10, "category_id": 18, "bbox": [3, 4, 5, 6]},
        {"id": 4, "image_id": 10, "category_id": 18, "segmentation": [[2, 2, 8, 2, 8, 8, 2, 8], [10.0, 10, 20, 10, 20, 20]]},
    ],
}  # fmt: skip


def write(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def coco_api() -> Any:
    return pytest.importorskip("pycocotools.coco")


@pytest.fixture
def annotated(pictures: Path) -> Path:
    return write(pictures.parent / "boxes_val.json", CONTENT)


def quietly(call: Any, *arguments: Any) -> Any:
    with contextlib.redirect_stdout(io.StringIO()):
        return call(*arguments)


def test_images_come_with_boxes_in_pixels(annotated: Path, pictures: Path) -> None:
    dataset = from_coco(annotated, pictures)
    assert (len(dataset), dataset.classes, dataset.problems) == (3, {1: "person", 18: "dog"}, [])
    assert dataset.lost == {"keypoints": 1}
    first, second, third = dataset
    assert [image.caption for image in (first, second, third)] == ["a.png", "sub/b.jpg", "c.png"]
    boxes = first.boxes["ground_truth"]
    assert np.allclose(boxes.to_xyxy(), [[5.1, 5.2, 20.4, 22.6], [0, 0, 38, 29]], rtol=0, atol=1e-12)
    assert (boxes.class_ids, boxes.captions, boxes.domain) == ([1, 18], [None, "crowd"], "pixel")
    assert second.boxes["ground_truth"].to_xyxy().tolist() == [[3, 4, 8, 10], [2, 2, 20, 19]]
    assert (len(third.boxes["ground_truth"]), third.masks) == (0, {})


def test_masks_are_those_of_pycocotools(coco_api: Any, annotated: Path, pictures: Path) -> None:
    coco = quietly(coco_api.COCO, str(annotated))
    image = next(iter(from_coco(annotated, pictures)))
    person, dog = (coco.annToMask(coco.anns[id]).astype(bool) for id in (1, 2))
    assert np.array_equal(image.masks["ground_truth"].to_numpy(), np.where(person, 1, np.where(dog, 18, 0)))
    assert np.array_equal(image.masks["ground_truth_instances"].to_numpy(), np.where(person, 1, np.where(dog, 2, 0)))
    assert image.masks["ground_truth"].class_labels == {0: "background", 1: "person", 18: "dog"}
    assert image.masks["ground_truth_instances"].class_labels == {0: "background", 1: "person 1", 2: "dog 2"}


def test_what_is_written_pycocotools_reads(coco_api: Any, annotated: Path, pictures: Path, tmp_path: Path) -> None:
    images = list(from_coco(annotated, pictures))
    written = to_coco(images)
    again = quietly(coco_api.COCO, str(write(tmp_path / "again.json", written)))
    before = quietly(coco_api.COCO, str(annotated))
    assert [image["file_name"] for image in again.dataset["images"]] == ["a.png", "sub/b.jpg", "c.png"]
    assert {one["id"]: one["name"] for one in again.dataset["categories"]} == {1: "person", 18: "dog"}
    for old, new in zip(before.dataset["annotations"], again.dataset["annotations"], strict=True):
        assert new["bbox"] == old.get("bbox", [2, 2, 18, 17])
        assert (new["category_id"], new["iscrowd"]) == (old["category_id"], old.get("iscrowd", 0))
    visible = before.annToMask(before.anns[2]) & ~before.annToMask(before.anns[1])
    assert np.array_equal(again.annToMask(again.anns[2]), visible)  # where they overlap the smaller box is seen
    assert again.anns[2]["area"] == visible.sum()
    assert np.array_equal(again.annToMask(again.anns[4]), before.annToMask(before.anns[4]))
    assert list(from_coco(tmp_path / "again.json", pictures)) == images


def test_results_are_predictions_and_go_back_to_be_evaluated(
    coco_api: Any, annotated: Path, pictures: Path, tmp_path: Path
) -> None:
    from pycocotools.cocoeval import COCOeval

    results = [
        {"image_id": 10, "category_id": 18, "bbox": [3, 4, 5, 6.25], "score": 0.75},
        {"image_id": 30, "category_id": 1, "bbox": [5, 5, 15.5, 17], "score": 0.5},
    ]
    images = list(from_coco(annotated, pictures, results=write(tmp_path / "results.json", results)))
    predicted = images[1].boxes["predictions"]
    assert (predicted.to_xyxy().tolist(), predicted.scores) == ([[3, 4, 8, 10.25]], {"score": [0.75]})
    assert len(images[2].boxes["predictions"]) == 0

    truth = quietly(coco_api.COCO, str(write(tmp_path / "truth.json", to_coco(images))))
    found = quietly(truth.loadRes, to_coco(images, "predictions")["annotations"])
    assert [(one["bbox"], one["score"]) for one in found.dataset["annotations"]] == [
        ([5, 5, 15.5, 17], 0.5),
        ([3, 4, 5, 6.25], 0.75),
    ]
    before = quietly(coco_api.COCO, str(annotated))
    for one in before.dataset["annotations"]:
        one.setdefault("bbox", [2, 2, 18, 17])
        one["area"], one["iscrowd"] = one["bbox"][2] * one["bbox"][3], one.get("iscrowd", 0)
    before.createIndex = None
    expected = quietly(before.loadRes, results)

    def precision(truth: Any, found: Any) -> Any:
        evaluation = COCOeval(truth, found, "bbox")
        for step in (evaluation.evaluate, evaluation.accumulate, evaluation.summarize):
            quietly(step)
        return evaluation.stats[0]

    assert precision(truth, found) == precision(before, expected) > 0


def test_a_run_is_written_as_its_images_are(annotated: Path, pictures: Path, tmp_path: Path) -> None:
    images = list(from_coco(annotated, pictures))
    with mt.Run(tmp_path / "run", quiet=True) as run:
        run.log({"loss": 0.5})
        for image in images[:2]:
            run.log({"image": image})
        run.log({"image": [images[2]]})
    assert to_coco(run.path) == to_coco(mt.open_run(run.path)) == to_coco(images)


def test_masks_without_boxes_are_an_annotation_for_each_class() -> None:
    ids = np.array([[0, 3, 3], [255, 0, 4]])
    image = mt.Image(np.zeros((2, 3), np.uint8), masks={"truth": mt.ImageMask(ids, {3: "road"})})
    written = to_coco([image])
    assert [(one["category_id"], one["bbox"], one["area"]) for one in written["annotations"]] == [
        (3, [1, 0, 2, 1], 2),
        (4, [2, 1, 1, 1], 1),
    ]
    assert written["categories"] == [{"id": 3, "name": "road"}, {"id": 4, "name": "class_4"}]


def test_a_class_with_the_id_0_is_no_background(pictures: Path) -> None:
    content = copy.deepcopy(CONTENT)
    content["categories"][0]["id"] = content["annotations"][0]["category_id"] = 0
    image = next(iter(from_coco(write(pictures / "zero.json", content))))
    assert set(np.unique(image.masks["ground_truth"].to_numpy())) == {0, 18, 255}
    assert image.masks["ground_truth"].class_labels[255] == "background"
    assert [one["category_id"] for one in to_coco([image])["annotations"]] == [0, 18]


def broken() -> dict[str, Any]:
    content = copy.deepcopy(CONTENT)
    content["images"] += [
        {"id": 30, "file_name": "a.png"},
        {"id": 31, "file_name": "../secret.png"},
        {"id": 32, "file_name": "/etc/passwd"},
        {"id": 33, "file_name": "none.png"},
        {"id": 34, "file_name": "a.png", "width": 0, "height": 3},
        "x",
    ]
    content["categories"] += [{"id": 1, "name": "again"}, {"id": "2", "name": "text"}]
    content["annotations"] += [
        {"id": 1, "image_id": 30, "category_id": 1, "bbox": [0, 0, 1, 1]},
        {"id": 11, "image_id": 99, "category_id": [1], "bbox": [0, 0, 1, 1]},
        {"id": 12, "image_id": 30, "category_id": 1, "bbox": [0, 0, -1, 1]},
        {"id": 13, "image_id": 30, "category_id": 1, "bbox": [0, float("nan"), 1, 1]},
        {"id": 14, "image_id": 30, "category_id": 1},
        {"id": 15, "image_id": 30, "category_id": 1, "segmentation": [[1, 2, 3, 4]]},
        {"id": 16, "image_id": 30, "category_id": 1, "segmentation": {"size": [40, 30], "counts": "1"}},
        {"id": 17, "image_id": 30, "category_id": 1, "segmentation": {"size": [30, 40], "counts": [5]}},
        {"id": 18, "image_id": 30, "category_id": 1, "segmentation": [[0, 0, 1e300, 0, 1, 1]]},
        {"id": 19, "image_id": 30, "category_id": 1, "bbox": [0, 0, 1, 1], "iscrowd": 2, "score": "high"},
    ]
    return content


def test_all_problems_are_raised_at_once(pictures: Path) -> None:
    path = write(pictures / "broken.json", broken())
    with pytest.raises(mt.InputError) as raised:
        from_coco(path)
    assert [str(problem) for problem in raised.value.problems] == [
        "categories[2].id: expected an id that no other category has, got 1. Renumber one of them.",
        "categories[3]: expected an object with an integer id and a name, got {'id': '2', 'name': 'text'}. Add both.",
        "images[3].id: expected an id that no other image has, got 30. Renumber one of them.",
        "images[4].file_name: expected the name of a file below pictures, got '../secret.png'. Give relative names, without '..'.",
        "images[5].file_name: expected the name of a file below pictures, got '/etc/passwd'. Give relative names, without '..'.",
        "images[6].file_name: expected the name of a file below pictures, got none.png, which is not there. Name the directory of the pictures: image_dir=, or --images on the command line.",
        "images[7].width, height: expected integers above 0, got [0, 3]. Leave both out, or correct them.",
        "images[8]: expected an object with an integer id, got 'x'. Number the images.",
        "annotations[4].id (id 1): expected an id that no other annotation has, got 1.",
        "annotations[5].image_id (id 11): expected the id of an image, got 99.",
        "annotations[5].category_id (id 11): expected the id of a category, got [1].",
        "annotations[6].bbox (id 12): expected x, y, width and height, finite and not below 0, got [0, 0, -1, 1]. Drop the box.",
        "annotations[7].bbox (id 13): expected x, y, width and height, finite and not below 0, got [0, nan, 1, 1]. Drop the box.",
        "annotations[8] (id 14): expected a bbox or a segmentation, got neither. Remove it.",
        "annotations[9].segmentation (id 15): expected polygons of three points or more: x, y, x, y, x, y..., got [1, 2, 3, 4]. Drop it.",
        "annotations[10].segmentation.size (id 16): expected a size of the image: height 30, width 40, got [40, 30]. Correct it.",
        "annotations[11].segmentation.counts (id 17): expected lengths that sum up to 1200 pixels, got 5. Drop it.",
        "annotations[12].segmentation (id 18): expected points near the image of 40 x 30, got [[0, 0, 1e+300, 0, 1, 1]]. Clip it.",
        "annotations[13].score (id 19): expected a finite number, got 'high'. Leave it out.",
        "annotations[13].iscrowd (id 19): expected 0 or 1, got 2. Leave it out for 0.",
    ]  # fmt: skip


def test_recorded_problems_leave_the_rest(pictures: Path, annotated: Path) -> None:
    dataset = from_coco(write(pictures / "broken.json", broken()), on_error="record")
    assert dataset.problem_count == 20
    assert list(dataset) == list(from_coco(annotated, pictures))


@pytest.mark.skipif(not hasattr(os, "symlink") or os.name == "nt", reason="needs symbolic links")
def test_links_are_not_followed(pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (pictures / "a.png").rename(tmp_path / "outside" / "a.png")
    (pictures / "a.png").symlink_to(tmp_path / "outside" / "a.png")
    (pictures / "linked").symlink_to(tmp_path / "outside")
    content = {**CONTENT, "images": [CONTENT["images"][0], {"id": 10, "file_name": "linked/a.png"}], "annotations": []}
    with pytest.raises(mt.InputError) as raised:
        from_coco(write(pictures / "links.json", content))
    assert ["a link" in str(problem) for problem in raised.value.problems] == [True, True]


def test_a_picture_of_another_size_is_said_when_its_turn_comes(pictures: Path) -> None:
    content = copy.deepcopy(CONTENT)
    content["images"][1]["width"] = 25
    images = iter(from_coco(write(pictures / "sizes.json", content)))
    next(images)
    expected = r"sub/b.jpg: size: expected a picture of 25 x 32, got 24 x 32. Correct the annotations, or the picture."
    with pytest.raises(mt.InputError, match=expected):
        next(images)
    (pictures / "a.png").write_bytes(b"no picture")
    dataset = from_coco(write(pictures / "sizes.json", content), on_error="record")
    assert [image.caption for image in dataset] == ["c.png"]
    assert [problem.path for problem in dataset.problems] == ["a.png: Image", "sub/b.jpg: size"]


@pytest.mark.parametrize("text", ["", "[]", "{}", "[" * 5000, '{"images": 1, "annotations": [], "categories": []}'])
def test_another_file_is_refused(pictures: Path, text: str) -> None:
    (pictures / "other.json").write_text(text)
    with pytest.raises(mt.InputError, match=r"other.json: expected a JSON"):
        from_coco(pictures / "other.json")
    with pytest.raises(mt.InputError, match=r"none.json: expected a readable file, got No such file"):
        from_coco(pictures / "none.json")


@pytest.mark.parametrize("place", ["val2017", "images", "annotations/images"])
def test_the_pictures_are_looked_for_where_data_sets_have_them(pictures: Path, tmp_path: Path, place: str) -> None:
    path = tmp_path / "coco" / "annotations" / "instances_val2017.json"
    path.parent.mkdir(parents=True)
    pictures.rename(tmp_path / "coco" / place)
    assert len(from_coco(write(path, CONTENT))) == 3


def test_a_set_is_chosen_by_name_and_what_has_no_class_is_said() -> None:
    boxes = mt.BoundingBoxes2D.from_xyxy([[0, 0, 1, 1], [0, 0, 1, 1]], domain="pixel", class_ids=[1, None])
    one = mt.Image(np.zeros((2, 3), np.uint8), boxes={"a": boxes, "b": boxes})
    with pytest.raises(mt.InputError, match=r"to_coco.name: expected one of the sets a, b, got None. Pass its name."):
        to_coco([one])
    with pytest.raises(mt.InputError, match=r"000001.png: a\[1\]: expected a class id, got None"):
        to_coco([one], "a")
    with pytest.raises(mt.InputError, match=r"one of the sets \(no image has any\), got None"):
        to_coco([mt.Image(np.zeros((2, 3), np.uint8))])


def test_an_import_without_a_picture_leaves_nothing_behind(tmp_path: Path) -> None:
    data = {"images": [{"id": 1, "file_name": "a.png", "width": 4, "height": 4}], "annotations": [], "categories": []}
    (tmp_path / "tiny.json").write_text(json.dumps(data))
    report = import_annotations(tmp_path / "tiny.json", tmp_path / "runs")
    assert [run.status for run in report.runs] == ["failed"]
    assert "--images" in report.runs[0].problems[0].hint
    (tmp_path / "img").mkdir()
    PIL.Image.new("RGB", (4, 4)).save(tmp_path / "img" / "a.png")
    assert (
        import_annotations(tmp_path / "tiny.json", tmp_path / "runs", images=tmp_path / "img").runs[0].status == "new"
    )
