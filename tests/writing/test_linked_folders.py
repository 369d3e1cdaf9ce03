"""Links that a writer meets: directories of a run that stand elsewhere, and files that are none of a run."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mediatypes as mt
from mediatypes.runfolder import files
from mediatypes.runfolder.lock import Lock

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")

KILLED = """
    import os, sys, mediatypes as mt
    mt.Run(sys.argv[1]).log({"loss": 0.5})
    os._exit(9)
"""
SECRET = "root:x:0:0:secret"


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("change", [mt.recover, lambda root: mt.Run(root, mode="resume"), Lock])
@pytest.mark.parametrize("name", files.FOLDERS)
def test_nothing_is_changed_through_a_linked_folder(
    tmp_path: Path, start: Any, change: Callable[[Path], Any], name: str
) -> None:
    """Of a killed run whose directory was moved away and linked; when it is back, nothing is lost."""
    root, outside = tmp_path / "run", tmp_path / "outside"
    start(KILLED, root).wait()
    (root / name).mkdir(exist_ok=True)
    (root / name).rename(outside)
    (root / name).symlink_to(outside)
    before = content(outside)
    with pytest.raises(mt.UnsafePath, match=f"{name}: expected a directory, got a symbolic link"):
        change(root)
    assert content(outside) == before
    (root / name).unlink()
    outside.rename(root / name)
    assert list(mt.recover(root).values("loss")) == [(0, 0.5)]


@pytest.mark.parametrize("name", files.FOLDERS)
def test_a_new_run_is_not_made_around_a_link(tmp_path: Path, name: str) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "run" / name).symlink_to(tmp_path / "outside")
    with pytest.raises(mt.UnsafePath, match=f"{name}: expected a directory, got a symbolic link"):
        mt.Run(tmp_path / "run")
    assert content(tmp_path / "outside") == {}
    assert [path.name for path in (tmp_path / "run").iterdir()] == [name]


@pytest.mark.parametrize("name", [files.JOURNAL, files.SIDECARS, files.DAMAGED])
def test_a_run_is_not_finished_through_a_link(tmp_path: Path, name: str) -> None:
    """A directory that became a link while the run was written; when it is one again, the run can be finished."""
    root, outside = tmp_path / "run", tmp_path / "outside"
    run = mt.Run(root)
    run.log({"photo": mt.Image(np.zeros((2, 3), np.uint8))})
    (root / name).mkdir(exist_ok=True)
    (root / name).rename(outside)
    (root / name).symlink_to(outside)
    before = {path.name for path in outside.iterdir()}
    with pytest.raises(mt.UnsafePath, match=f"{name}: expected a directory, got a symbolic link"):
        run.finish()
    assert {path.name for path in outside.iterdir()} == before
    (root / name).unlink()
    outside.rename(root / name)
    run.finish()
    assert [image.width for _, image in mt.open_run(root).values("photo")] == [3]


@pytest.mark.parametrize("text", [SECRET, f'"{SECRET}"', f'["{SECRET}"]', SECRET.encode("utf-16").decode("latin-1")])
@pytest.mark.parametrize("name", [files.RUN, files.SUMMARY, f"{files.JOURNAL}/0001-0.log", files.HISTORY])
def test_a_foreign_file_is_not_quoted(tmp_path: Path, start: Any, name: str, text: str) -> None:
    root, foreign = tmp_path / "run", tmp_path / "foreign"
    if name.startswith(files.JOURNAL):
        start(KILLED, root).wait()
    else:
        mt.Run(root).finish()
    foreign.write_text(text, "latin-1")
    (root / name).unlink()
    (root / name).symlink_to(foreign)
    with pytest.raises(mt.DocumentError) as caught:
        view = mt.open_run(root)
        _ = view.summary, view.history()
    assert str(root / name) in str(caught.value)
    assert "secret" not in str(caught.value).replace("\0", "")
    assert "root" not in str(caught.value).replace(str(tmp_path), "")
    if name != files.HISTORY:  # Arrow says what is wrong with it
        assert f"got {len(text.encode('latin-1')):,} bytes" in str(caught.value)
