"""A run with a directory that is a link: what the link leads to stays as it is, whatever is done to the run."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mediatypes as mt
from mediatypes.runfolder import files
from tests.processes import left_by_a_killed_process

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")

CHANGES: dict[str, Callable[[Path], Any]] = {
    "recover": mt.recover,
    "pack": mt.pack,
    "unpack": mt.unpack,
    "gc": mt.gc,
    "edit": lambda root: mt.open_run(root).edit(name="other"),
    "resume": lambda root: mt.Run(root, mode="resume"),
    "allow": lambda root: mt.Run(root, mode="allow"),
}


def log_images(path: Path, packed: bool = False) -> None:
    with mt.Run(path, packed=packed) as run:
        for i in range(3):
            run.log({"photo": mt.Image(np.full((2, 3), i, np.uint8))})


def tree(root: Path) -> dict[str, bytes | None]:
    """The content of every file; None for directories."""
    return {str(path.relative_to(root)): path.read_bytes() if path.is_file() else None for path in root.rglob("*")}


def fill(outside: Path) -> dict[str, bytes | None]:
    """A directory with all that some command removes where it is in a run."""
    (outside / "ab" / "empty").mkdir(parents=True)
    for name in ("lock", "0001-0.log", left_by_a_killed_process("run.json"), f"ab/{'ab' * 32}.png"):
        (outside / name).write_bytes(b"mine")
    return tree(outside)


@pytest.mark.parametrize("name", files.FOLDERS)
@pytest.mark.parametrize("change", CHANGES)
def test_nothing_is_changed_through_a_linked_folder(tmp_path: Path, change: str, name: str) -> None:
    root, outside = tmp_path / "run", tmp_path / "outside"
    log_images(root, packed=change == "unpack")
    before = fill(outside)
    shutil.rmtree(root / name, ignore_errors=True)
    (root / name).symlink_to(outside)
    if change == "recover" and name != files.JOURNAL:  # of a run that is over: only a journal is to be removed
        run = files.read_json(root / files.RUN)
        files.write_json(root / files.RUN, run | {"status": "running"})
    with pytest.raises(mt.UnsafePath) as caught:
        CHANGES[change](root)
    message = f"{root / name}: expected a directory, got a symbolic link. "
    assert str(caught.value) == message + "Put the directory itself there, or remove the link."
    assert tree(outside) == before


def test_a_sidecar_is_not_unpacked_through_a_link(tmp_path: Path) -> None:
    """Nor is the packed copy removed because an equal file stands elsewhere."""
    log_images(tmp_path / "loose")
    log_images(root := tmp_path / "run", packed=True)
    (root / "media").mkdir(exist_ok=True)
    for folder in (tmp_path / "loose" / "media").iterdir():
        (root / "media" / folder.name).symlink_to(folder)
    before = tree(tmp_path / "loose")
    with pytest.raises(mt.UnsafePath, match="expected no symbolic link inside the store"):
        mt.unpack(root)
    assert tree(tmp_path / "loose") == before
    assert (root / files.PACKED).exists()


@pytest.mark.parametrize("name", ["media", "media/ab", "journal", "checkpoints"])
@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_run_is_not_copied_through_a_link(tmp_path: Path, name: str, scheme: str) -> None:
    log_images(tmp_path / "runs" / "a")
    (tmp_path / "outside").mkdir()
    before = fill(tmp_path / "outside")
    link = tmp_path / "copies" / "a" / name
    link.parent.mkdir(parents=True)
    link.symlink_to(tmp_path / "outside")
    copied = mt.copy(tmp_path / "runs", f"{scheme}{tmp_path}/copies")
    assert copied.runs == []
    assert [str(problem).partition(" expected ")[2] for problem in copied.problems] == [
        "a directory, got a symbolic link. Put the directory itself there, or remove the link."
    ]
    assert str(link) in str(copied.problems[0])
    assert tree(tmp_path / "outside") == before


def test_the_directory_of_a_run_may_be_reached_through_a_link(tmp_path: Path) -> None:
    log_images(tmp_path / "run")
    (tmp_path / "latest").symlink_to("run")
    with mt.Run(tmp_path / "latest", mode="resume") as run:
        run.log({"photo": mt.Image(np.full((2, 3), 9, np.uint8))})
    assert mt.pack(tmp_path / "latest").files == 4
    assert len(list(mt.open_run(tmp_path / "run").values("photo"))) == 4
