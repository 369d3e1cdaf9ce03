"""`mediatypes show`: what it says of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

import mediatypes as mt
from mediatypes.cli import main


def test_what_was_set_in_the_summary_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with mt.Run(tmp_path / "run", quiet=True, capture=False) as run:
        run.log({"loss": 0.5, "acc": 0.5})
        run.summary["best"] = 0.25
        run.summary["acc"] = 0.75  # also logged, and so in the table with another last value
        run.summary["note"] = "early"
    assert main(["show", str(tmp_path / "run")]) == 0
    lines = capsys.readouterr().out.splitlines()
    shown = sorted(line.strip() for line in lines if "summary." in line)
    assert shown == ["summary.acc: 0.75", "summary.best: 0.25", "summary.note: early"]
