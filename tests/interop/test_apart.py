"""No import writes into what it reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mediatypes as mt
from mediatypes.cli import main
from mediatypes.interop.annotations.importing import import_annotations
from mediatypes.interop.elsewhere import import_runs as import_elsewhere
from mediatypes.interop.tensorboard import follow_logdir, import_logdir
from mediatypes.interop.wandb import follow_runs
from mediatypes.interop.wandb import import_runs as import_wandb
from tests.interop.elsewhere.written import swanlab
from tests.interop.tensorboard.event_files import scalar, write
from tests.interop.wandb.test_import import Folder
from tests.interop.wandb.wandb_log import Log


def events(root: Path) -> Path:
    return write(root / "logs", scalar("loss", 1, 1)).parent


def wandb(root: Path) -> Path:
    folder, log = Folder(root), Log(config={"lr": 1})
    log.log({"x": 0}, 0)
    log.write(folder.root)
    return folder.root


def dvclive(root: Path) -> Path:
    (root / "dv/plots/metrics").mkdir(parents=True)
    (root / "dv/plots/metrics/loss.tsv").write_text("step\tloss\n0\t0.5\n")
    return root / "dv"


def annotated(layout: str, root: Path) -> Path:
    boxes = mt.BoundingBoxes2D.from_xyxy([[0, 0, 2, 2]], domain="pixel", class_ids=[1], class_labels={1: "cat"})
    with mt.Run(root / "run", quiet=True) as run:
        run.log({"photo": mt.Image(np.zeros((4, 4), np.uint8), boxes={"truth": boxes})})
    mt.export(run.path, layout, root / "data")
    return root / "data"


ONCE: dict[str, Any] = {"idle": 0, "interval": 0}
IMPORTERS: dict[str, tuple[Callable[[Path], Path], Callable[[Path, Path], Any]]] = {
    "tensorboard": (events, import_logdir),
    "tensorboard, followed": (events, lambda source, dest: follow_logdir(source, dest, **ONCE)),
    "one event file": (lambda root: next(events(root).iterdir()), import_logdir),
    "wandb": (wandb, import_wandb),
    "wandb, followed": (wandb, lambda source, dest: follow_runs(source, dest, **ONCE)),
    "dvclive": (dvclive, import_elsewhere),
    "swanlab": (swanlab, import_elsewhere),
    "coco": (lambda root: annotated("coco", root), import_annotations),
    "yolo": (lambda root: annotated("yolo", root), import_annotations),
    "voc": (lambda root: annotated("voc", root), import_annotations),
}


def content(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def folder_of(source: Path) -> Path:
    return source if source.is_dir() else source.parent


@pytest.mark.parametrize("name", IMPORTERS)
@pytest.mark.parametrize("where", ["itself", "within it", "by another name"])
def test_a_destination_in_the_source_is_refused(name: str, where: str, tmp_path: Path) -> None:
    make, imports = IMPORTERS[name]
    source = make(tmp_path)
    if source.is_file():
        pytest.skip("a file holds no runs")
    (tmp_path / "link").symlink_to(source)
    dest = {"itself": source, "within it": source / "a" / "b", "by another name": tmp_path / "link" / "runs"}[where]
    before = content(tmp_path)
    with pytest.raises(
        mt.InputError, match=rf"dest: expected a folder apart from .*{source.name}, which is read"
    ) as error:
        imports(source, dest)
    assert f"Choose another folder, such as {source}-runs." in str(error.value)
    assert content(tmp_path) == before
    assert imports(source, source.with_name(f"{source.name}-runs")).is_complete  # as it says
    assert {name: data for name, data in content(tmp_path).items() if name in before} == before


@pytest.mark.parametrize("name", [name for name in IMPORTERS if name not in ("coco", "yolo", "swanlab")])
def test_a_run_folder_that_would_be_the_source_is_refused(name: str, tmp_path: Path) -> None:
    """The folder above it, where the run is called as the source is."""
    make, imports = IMPORTERS[name]
    source, before = make(tmp_path), content(tmp_path)
    folder = folder_of(source)
    with pytest.raises(mt.InputError, match=f"where the run folder would be {folder}"):
        imports(source, folder.parent)
    assert content(tmp_path) == before


def test_the_folder_above_is_fine_where_no_run_is_called_so(tmp_path: Path) -> None:
    write(tmp_path / "logs" / "a", scalar("loss", 1, 1))
    assert [run.folder for run in import_logdir(tmp_path / "logs", tmp_path).runs] == ["a"]
    assert mt.open_run(tmp_path / "a").summary["loss"] == 1


def test_a_project_may_hold_both_what_wandb_left_and_the_runs(tmp_path: Path) -> None:
    wandb(tmp_path)
    assert import_wandb(tmp_path, tmp_path / "runs").is_complete
    with pytest.raises(mt.InputError, match=r"a folder apart from .*wandb, which is read"):
        import_wandb(tmp_path, tmp_path / "wandb" / "runs")


def test_pictures_of_a_data_set_are_read_as_well(tmp_path: Path) -> None:
    data = annotated("coco", tmp_path)
    (file,) = (data / "annotations").iterdir()
    with pytest.raises(mt.InputError, match=r"a folder apart from .*images, which is read"):
        import_annotations(file, data / "images" / "runs", images=data / "images")


def test_the_command_says_what_to_type(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = dvclive(tmp_path)
    assert main(["import", str(source), "-o", str(source)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"mediatypes: dest: expected a folder apart from {source}, which is read, got {source}.")
    assert not (source / "dv").exists()
