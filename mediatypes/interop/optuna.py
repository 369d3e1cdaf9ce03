"""Optuna: `study.optimize(objective, callbacks=[MediatypesCallback("runs")])` makes a run of each trial."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from .._core.errors import RunExists
from ._callbacks import plain

__all__ = ["MediatypesCallback"]


class MediatypesCallback:
    """Writes a run for each trial that ends: its parameters, intermediate values and result.

    Args:
        root: the directory that the runs go to, `<study>-<number of the trial>` each; names are made safe for files.
        metrics: names of the objective's values. Default: the study's own metric names, else `value`.
        options: of `Run`, for all of them: project, tags...
    """

    def __init__(
        self, root: str | os.PathLike[str] = "runs", *, metrics: list[str] | None = None, **options: Any
    ) -> None:
        self._root, self._metrics, self._options = Path(root), metrics, options

    def __call__(self, study: Any, trial: Any) -> None:
        from ..run import Run
        from .importing.names import folder_of, free_name

        state = trial.state.name.lower()
        name = f"{study.study_name}-{trial.number}"
        config = {"params": dict(trial.params), "trial": trial.number, "study": study.study_name}
        options = {"name": name, "group": study.study_name, "job_type": "trial", "quiet": True, **self._options}
        folder, taken = folder_of(name), set[str]()
        while True:
            try:
                run = Run(self._root / free_name(folder, taken), **options)
                break
            except RunExists:  # of an earlier study of this name, which was kept in memory
                continue
        names = self._metrics or getattr(study, "metric_names", None) or []
        with run:
            run.config.update(config)
            for step, value in sorted(trial.intermediate_values.items()):
                run.log({"intermediate": value}, step=max(step, run.step))
            for i, value in enumerate(trial.values or ()):
                run.summary[names[i] if i < len(names) else "value" if len(trial.values) == 1 else f"value_{i}"] = value
            run.summary.update({"state": state, **({"user": plain(trial.user_attrs)} if trial.user_attrs else {})})
            run.finish("failed" if state == "fail" else "finished")
