"""What a process has left that was killed while it copied a run."""

from __future__ import annotations

from pathlib import Path

import mediatypes as mt

from ..processes import left_by_a_killed_process


def test_what_a_killed_copy_has_left_is_removed_by_the_next(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "runs" / "demo") as run:
        run.log({"loss": 0.5})
    half = tmp_path / "copies" / "demo" / left_by_a_killed_process("history.parquet")
    half.parent.mkdir(parents=True)
    half.write_bytes(b"PAR1")
    mt.copy(tmp_path / "runs", tmp_path / "copies")
    assert {path.name for path in half.parent.iterdir()} == {path.name for path in run.path.iterdir()}
