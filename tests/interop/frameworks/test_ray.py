"""A tiny study of Ray Tune: a run for each trial. In a process of its own, which Ray needs for its workers."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import mediatypes as mt

pytest.importorskip("ray.tune")
PROGRAM = """
    import sys
    from ray import tune
    from mediatypes.interop.ray import MediatypesCallback

    def train(config):
        for i in range(3):
            tune.report({"loss": config["x"] + i})
        if config["x"] == 2:
            raise ValueError("broken")

    callbacks = [MediatypesCallback(sys.argv[1] + "/runs", project="p")]
    run_config = tune.RunConfig(name="study", storage_path=sys.argv[1] + "/ray", callbacks=callbacks, verbose=0)
    tune.Tuner(train, param_space={"x": tune.grid_search([1, 2])}, run_config=run_config).fit()
    """


def test_a_run_for_each_trial(tmp_path: Path) -> None:
    environment = {**os.environ, "RAY_AIR_NEW_OUTPUT": "0", "RAY_USAGE_STATS_ENABLED": "0"}
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), str(tmp_path)]
    root = Path(__file__).parents[3]
    subprocess.run(command, cwd=root, env=environment, capture_output=True, check=True, timeout=300)
    views = sorted(mt.open_runs(tmp_path / "runs"), key=lambda view: view.config["x"])
    assert [view.config["x"] for view in views] == [1, 2]
    assert [[loss for _, loss in view.values("loss")] for view in views] == [[1, 2, 3], [2, 3, 4]]
    assert [view.status for view in views] == ["finished", "failed"]
    assert {view.project for view in views} == {"p"}
