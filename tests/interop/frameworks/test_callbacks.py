"""What callbacks of frameworks share, without any framework."""

from __future__ import annotations

from pathlib import Path

import mediatypes as mt
from mediatypes.interop._callbacks import CallbackRun


def test_a_training_that_counts_anew_has_rows_of_its_own(tmp_path: Path) -> None:
    logged = CallbackRun(tmp_path / "run", {"quiet": True, "capture": False})
    for first in (0, 0, 2):  # two trainings, and one from a checkpoint
        logged.open()
        for step in range(first, 4):
            logged.log({"loss": 10.0 * first + step}, step)
        logged.log({"late": 1.0}, 3)
        logged.close()
    view = mt.open_run(tmp_path / "run")
    assert [step for step, _ in view.values("loss")] == list(range(10))
    assert [loss for _, loss in view.values("loss")] == [0, 1, 2, 3, 0, 1, 2, 3, 22, 23]
    assert [step for _, step in view.values("global_step")] == [0, 1, 2, 3, 2, 3]
    assert [step for step, _ in view.values("late")] == [3, 7, 9]


def test_a_training_that_goes_on_where_the_run_ends_keeps_its_steps(tmp_path: Path) -> None:
    for first in (0, 4):
        logged = CallbackRun(tmp_path / "run", {"quiet": True, "capture": False})
        logged.open()
        for step in range(first, first + 4):
            logged.log({"loss": step}, step)
        logged.close()
    view = mt.open_run(tmp_path / "run")
    assert list(view.values("loss")) == [(step, step) for step in range(8)]
    assert "global_step" not in dict(view.keys())
