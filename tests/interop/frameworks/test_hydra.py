"""Hydra's own program, with two jobs of a sweep and one that fails."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import mediatypes as mt

pytest.importorskip("hydra")
PROGRAM = """
    import hydra
    from mediatypes.interop.hydra import run

    @hydra.main(version_base=None, config_path=".", config_name="config")
    def main(config):
        if config.lr > 1:
            raise ValueError("too fast")
        run().log({"loss": config.lr * 2})
        return config.lr

    main()
    """
CONFIG = """
    lr: 0.25
    model: {width: 3, 5: five, unknown: "${oc.env:NO_SUCH_VARIABLE_OF_OURS}", missing: "???"}
    hydra:
      callbacks:
        mediatypes:
          _target_: mediatypes.interop.hydra.MediatypesCallback
          project: lines
    """


def test_a_run_for_each_job(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(textwrap.dedent(PROGRAM))
    (tmp_path / "config.yaml").write_text(textwrap.dedent(CONFIG))
    command = [
        sys.executable,
        "program.py",
        "-m",
        "lr=0.25,0.5,2",
        "hydra.sweep.dir=out",
        "hydra.sweep.subdir=${hydra.job.num}",
    ]
    root = str(Path(__file__).parents[3])
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={"PYTHONPATH": root, "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "too fast" in done.stderr
    views = [mt.open_run(tmp_path / "out" / str(number) / "run") for number in range(3)]
    assert [view.status for view in views] == ["finished", "finished", "failed"]
    written = {"width": 3, "5": "five", "unknown": "${oc.env:NO_SUCH_VARIABLE_OF_OURS}", "missing": "???"}
    assert [view.config for view in views] == [{"lr": lr, "model": written} for lr in (0.25, 0.5, 2)]
    assert [view.summary.get("loss") for view in views] == [0.5, 1.0, None]
    assert [view.summary.get("result") for view in views] == [0.25, 0.5, None]
    assert {view.project for view in views} == {"lines"}
    assert views[1].notes == "lr=0.5"
