"""Data sets as runs: what is imported, what is left out, and that nothing half-made is left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

import mediatypes as mt
from mediatypes.cli import main
from mediatypes.interop.annotations import from_coco, import_annotations, importing
from tests.interop.annotations.test_coco import CONTENT, broken, write
from tests.interop.annotations.test_voc import XML
from tests.interop.annotations.test_yolo import YAML


@pytest.fixture
def coco(pictures: Path, tmp_path: Path) -> Path:
    return write(tmp_path / "boxes_val.json", CONTENT)


def test_coco_is_a_run_with_an_image_a_step(coco: Path, pictures: Path, tmp_path: Path) -> None:
    report = import_annotations(coco, tmp_path / "runs", images=pictures, project="p", tags=["t"])
    (made,) = report.runs
    assert (made.name, made.status, made.rows, made.events) == ("boxes_val", "new", 3, {"image": 3, "box": 4})
    assert made.notes == [
        "1 annotation with keypoints, which images do not carry",
    ]
    view = mt.open_run(tmp_path / "runs" / "boxes_val")
    assert [image for _, image in view.values("image")] == list(from_coco(coco, pictures))
    assert (view.status, view.name, view.project, view.tags, view.problems) == ("finished", "boxes_val", "p", ["t"], [])
    assert view.config["annotations"] == {
        "format": "coco",
        "source": "boxes_val.json",
        "classes": {"1": "person", "18": "dog"},
    }
    assert (view.summary["images"], view.summary["boxes"], view.summary["problems"]) == (3, 4, 0)
    assert view.boxes().column("label").to_pylist() == ["person", "dog", "dog", "dog"]


def test_again_leaves_it_as_it_is(coco: Path, pictures: Path, tmp_path: Path) -> None:
    import_annotations(coco, tmp_path / "runs", images=pictures)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("*")}
    (made,) = import_annotations(coco, tmp_path / "runs", images=pictures).runs
    assert (made.status, made.notes) == ("unchanged", ["it is there already: remove it to import it again"])
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("*")} == before


def test_what_is_wrong_is_left_out_and_told(pictures: Path, tmp_path: Path) -> None:
    (made,) = import_annotations(write(pictures / "broken.json", broken()), tmp_path / "runs").runs
    assert (made.status, made.rows, len(made.problems)) == ("new", 3, 20)
    view = mt.open_run(tmp_path / "runs" / "broken")
    assert view.summary["problems"] == 20
    assert str(view.problems[0]) == str(made.problems[0])
    (failed,) = import_annotations(write(tmp_path / "other.json", {}), tmp_path / "runs").runs
    assert (failed.status, "expected a JSON object with the lists" in str(failed.problems[0])) == ("failed", True)
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["broken"]


def test_an_interrupted_import_leaves_nothing(coco: Path, pictures: Path, tmp_path: Path) -> None:
    def stop(done: int, total: int, name: str) -> None:
        assert (total, name) == (3, "boxes_val")
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_annotations(coco, tmp_path / "runs", images=pictures, progress=stop)
    assert list((tmp_path / "runs").iterdir()) == []
    assert import_annotations(coco, tmp_path / "runs", images=pictures).runs[0].rows == 3


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.fromarray(np.zeros((6, 8, 3), np.uint8)).save(path)


@pytest.fixture
def sources(pictures: Path, tmp_path: Path) -> dict[str, Path]:
    """A directory of each format."""
    for name in ("images/train/a.png", "images/val/b.png"):
        picture(tmp_path / "set" / name)
    (tmp_path / "set" / "data.yaml").write_text(YAML)
    picture(tmp_path / "VOC" / "JPEGImages" / "a.png")
    (tmp_path / "VOC" / "Annotations").mkdir()
    (tmp_path / "VOC" / "Annotations" / "a.xml").write_text(XML)
    (tmp_path / "coco" / "annotations").mkdir(parents=True)
    pictures.rename(tmp_path / "coco" / "images")
    for name in ("a", "b"):
        write(tmp_path / "coco" / "annotations" / f"{name}.json", CONTENT)
    return {"yolo": tmp_path / "set", "voc": tmp_path / "VOC", "coco": tmp_path / "coco"}


RUNS = {"yolo": ["set/train", "set/val"], "voc": ["VOC"], "coco": ["a", "b"]}


@pytest.mark.parametrize("format", RUNS)
@pytest.mark.parametrize("is_said", [False, True])
def test_the_command_knows_each_format(
    format: str, is_said: bool, sources: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [format] if is_said else []
    assert importing.recognise(sources[format]) == format
    assert main(["import", *words, str(sources[format]), "-o", str(tmp_path / "runs"), "--project", "p"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:2] == ["run", "status"]
    assert mt.open_runs(tmp_path / "runs").names == RUNS[format]
    assert {view.project for view in mt.open_runs(tmp_path / "runs")} == {"p"}


def test_the_command_takes_pictures_from_elsewhere(coco: Path, pictures: Path, tmp_path: Path) -> None:
    results: Any = [{"image_id": 10, "category_id": 18, "bbox": [3, 4, 5, 6], "score": 0.75}]
    path = write(tmp_path / "results.json", results)
    command = ["import", str(coco), "-o", str(tmp_path / "runs"), "--images", str(pictures), "--results", str(path)]
    assert main(command) == 0
    table = mt.open_run(tmp_path / "runs" / "boxes_val").boxes()
    assert [row["score"] for row in table.to_pylist() if row["set"] == "predictions"] == [0.75]


def test_something_else_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(mt.InputError, match="expected a data set of COCO, YOLO or Pascal VOC, got another directory"):
        import_annotations(tmp_path, tmp_path / "runs")
    with pytest.raises(mt.InputError, match=r"import_annotations.format: expected one of coco, yolo, voc, got 'x'"):
        import_annotations(tmp_path, tmp_path / "runs", format="x")
    assert main(["import", "coco", str(tmp_path / "none"), "-o", str(tmp_path / "runs")]) == 2
    assert "expected a file or directory, got nothing" in capsys.readouterr().err


def test_options_of_another_format_are_refused(tmp_path: Path) -> None:
    (tmp_path / "data.yaml").write_text(YAML)
    with pytest.raises(
        mt.InputError, match=r"import_annotations.results: expected a data set of coco, got one of yolo"
    ):
        import_annotations(tmp_path / "data.yaml", tmp_path / "runs", results="results.json")
    with pytest.raises(mt.InputError, match=r"import_annotations.images: expected a data set of coco or yolo, got one"):
        import_annotations(tmp_path, tmp_path / "runs", format="voc", images=tmp_path)
