"""Runs as the commands find them: finished, resumed, killed, and still written."""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import mediatypes as mt
from tests.samples import photograph

ROOT = Path(__file__).parents[2]


def log(run: mt.Run) -> mt.Run:
    """Scalars with statistics, nested references of every sort, and media in the summary."""
    photo = photograph("astronaut")[:64, 100:180]
    boxes = mt.BoundingBoxes2D.from_xyxy([[10, 20, 60, 50]], domain="pixel")
    run.define_metric("loss", summary="min,mean", step_metric="epoch")
    run.log({"loss": 0.5, "epoch": 0, "note": "begins", "options": {}, "words": ["a", None]})
    table = mt.Table(columns=["i", "photo"], data=[[1, mt.Image(photo[::2])]])
    run.log(
        {
            "loss": 0.25,
            "table": table,
            "curve": mt.plot.line(table=mt.Table(columns=["x", "y"], data=[[1, 2]]), x="x", y="y"),
        }
    )
    image = mt.Image(photo, boxes={"pred": boxes}, masks={"pred": mt.ImageMask(photo[..., 0] > 99)})
    run.log({"epoch": 1, "photo": image, "both": [mt.Image(photo), mt.Image(photo[::3])]})
    run.log({"pixels": mt.Histogram(photo), "loss": float("nan")})
    run.summary["thumb"] = mt.Image(photo[::4])
    return run


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run and one that was killed, to be copied."""
    photograph("astronaut")  # here first: without its package the tests are skipped, not failed
    root = tmp_path_factory.mktemp("runs")
    code = """
        import os, sys, mediatypes as mt
        from tests.cli.conftest import log
        log(mt.Run(sys.argv[1] + "/run", config={"lr": 0.1})).finish()
        log(mt.Run(sys.argv[1] + "/killed"))
        os._exit(9)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code), root], cwd=ROOT, check=False)
    assert done.returncode == 9
    return root


@pytest.fixture
def folder(templates: Path, tmp_path: Path) -> Path:
    """A finished run."""
    return Path(shutil.copytree(templates / "run", tmp_path / "run"))


@pytest.fixture
def killed(templates: Path, tmp_path: Path) -> Path:
    """A run whose process is gone."""
    return Path(shutil.copytree(templates / "killed", tmp_path / "killed"))
