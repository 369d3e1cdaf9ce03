"""A tiny study of Optuna: a run for each trial."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import mediatypes as mt

optuna = pytest.importorskip("optuna")


def test_a_run_for_each_trial(tmp_path: Path) -> None:
    from mediatypes.interop.optuna import MediatypesCallback

    def objective(trial: Any) -> float:
        x = trial.suggest_float("x", -1, 1)
        for step in range(3):
            trial.report(x + step, step)
        if trial.number == 1:
            raise optuna.TrialPruned
        if trial.number == 2:
            raise ValueError("broken")
        return float(x * x)

    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    study = optuna.create_study(study_name="squares", sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(objective, n_trials=4, callbacks=[MediatypesCallback(tmp_path, project="p")], catch=(ValueError,))
    runs = sorted(mt.open_runs(tmp_path), key=lambda view: view.config["trial"])
    assert [view.summary["state"] for view in runs] == ["complete", "pruned", "fail", "complete"]
    assert [view.status for view in runs] == ["finished", "finished", "failed", "finished"]
    for view, trial in zip(runs, study.trials, strict=True):
        assert view.config["params"] == trial.params
        assert list(view.values("intermediate")) == sorted(trial.intermediate_values.items())
        assert view.summary.get("value") == trial.value


@pytest.mark.parametrize("name", ["../../up", "/up", "a/../../up"])
def test_the_name_of_a_study_leads_nowhere_else(name: str, tmp_path: Path) -> None:
    from mediatypes.interop.optuna import MediatypesCallback

    study = optuna.create_study(study_name=name)
    study.optimize(lambda trial: 1.0, n_trials=1, callbacks=[MediatypesCallback(tmp_path / "in" / "runs")])
    (made,) = tmp_path.rglob("run.json")
    assert made.is_relative_to(tmp_path / "in" / "runs")
    assert mt.open_run(made.parent).name == f"{name}-0"


def test_studies_of_one_name_and_objects_as_attributes_end_no_study(tmp_path: Path) -> None:
    from mediatypes.interop.optuna import MediatypesCallback

    def objective(trial: Any) -> float:
        trial.set_user_attr("model", object())  # which a study in memory may hold
        return 1.0

    for _ in range(2):
        study = optuna.create_study(study_name="one")
        study.optimize(objective, n_trials=1, callbacks=[MediatypesCallback(tmp_path)])
    runs = list(mt.open_runs(tmp_path))
    assert [view.path.name for view in runs] == ["one-0", "one-0-2"]
    assert [view.status for view in runs] == ["finished"] * 2
    assert [view.summary["user.model"][:8] for view in runs] == ["<object "] * 2


def test_options_of_a_run_go_together_with_what_a_trial_says(tmp_path: Path) -> None:
    from mediatypes.interop.optuna import MediatypesCallback

    study = optuna.create_study(study_name="search")
    callback = MediatypesCallback(tmp_path, name="mine", config={"model": "small"})
    study.optimize(lambda trial: trial.suggest_float("lr", 0, 1), n_trials=1, callbacks=[callback])
    view = mt.open_run(tmp_path / "search-0")
    assert (view.name, view.config) == (
        "mine",
        {"model": "small", "params": study.trials[0].params, "trial": 0, "study": "search"},
    )
