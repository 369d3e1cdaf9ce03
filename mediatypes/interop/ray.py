"""Ray Tune: a run for each trial.

    RunConfig(callbacks=[MediatypesCallback("runs")])

Without a line of code, in a program that uses Tune: `RAY_TUNE_CALLBACKS=mediatypes.interop.ray.MediatypesCallback`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._core.deps import need
from ._callbacks import plain

if TYPE_CHECKING:
    from ..run import Run

__all__ = ["MediatypesCallback"]

_logger: Any = need("ray.tune.logger", package="ray[tune]", needed_for="mediatypes.interop.ray")
_LEFT_OUT = ("config", "done", "trial_id", "date", "hostname", "node_ip", "pid", "timestamp", "experiment_tag")


class MediatypesCallback(_logger.LoggerCallback):  # type: ignore[misc]
    """Writes a run for each trial: its config, each result that it reports, and how it ended.

    Args:
        root: the directory that the runs go to, named as the trials. Default: MEDIATYPES_DIR, or `runs`.
        options: of `Run`, for all of them: project, tags...
    """

    def __init__(self, root: str | os.PathLike[str] | None = None, **options: Any) -> None:
        self._root = Path(root or os.environ.get("MEDIATYPES_DIR") or "runs").absolute()
        self._options = options
        self._runs: dict[Any, Run] = {}

    def log_trial_start(self, trial: Any) -> None:
        from ..run import Run

        if trial not in self._runs:
            name = str(trial)
            options = {"name": name, "group": trial.experiment_dir_name, "job_type": "trial", "quiet": True}
            options |= {"mode": "allow", "on_error": "record", **self._options}
            run = self._runs[trial] = Run(self._root / name, **options)
            run.config.update(plain(trial.config))

    def log_trial_result(self, iteration: int, trial: Any, result: dict[str, Any]) -> None:
        self.log_trial_start(trial)
        self._runs[trial].log({key: value for key, value in result.items() if key not in _LEFT_OUT})

    def log_trial_end(self, trial: Any, failed: bool = False) -> None:
        if (ended := self._runs.pop(trial, None)) is not None:
            ended.finish("failed" if failed else "finished")
