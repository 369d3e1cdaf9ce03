"""Lightning: a logger for `Trainer(logger=)`, and a callback that brings it when MEDIATYPES_RUN is set.

    Trainer(logger=MediatypesLogger("runs/demo", project="drive"))

Without a line of code: `MEDIATYPES_RUN=runs/demo python train.py` logs what every Trainer logs.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from .._core.deps import need
from .._core.errors import InputError
from .._core.wording import counted
from ._callbacks import CallbackRun, plain

if TYPE_CHECKING:
    from ..run import Run

__all__ = ["MediatypesLogger", "RunCallback"]

# One package under two names, whose classes are not each other's: that which the script has imported.
_PACKAGE = "pytorch_lightning" if {"pytorch_lightning", "lightning"} & {*sys.modules} == {"pytorch_lightning"} else ""
_PACKAGE = _PACKAGE or "lightning.pytorch"


def _lightning(module: str) -> Any:
    return need(f"{_PACKAGE}.{module}", needed_for="mediatypes.interop.lightning")


_Logger: Any = _lightning("loggers").Logger
_Callback: Any = _lightning("callbacks").Callback
_F = TypeVar("_F", bound=Callable[..., Any])


def _rank_zero_only(method: _F) -> _F:
    """Call the method on the first process only."""
    return cast(_F, _lightning("utilities.rank_zero").rank_zero_only(method))


def _rank_zero_experiment(method: _F) -> _F:
    """What the method returns on the first process; on others an object that takes every call."""
    return cast(_F, _lightning("loggers.logger").rank_zero_experiment(method))


class MediatypesLogger(_Logger):  # type: ignore[misc]
    """Logs what a Trainer logs into a run, which is made when the first value comes, on the first process only.

    Args:
        path: the run's directory; one that holds a run goes on. Default: what the environment variable MEDIATYPES_RUN
            names, else a new one, as `Run` makes it.
        prefix: put before the key of each metric, with a "/".
        options: of `Run`: project, name, config, tags...

    What the Trainer logs at a step before the last row's goes to that row. When a fit or test ends, the run is
    finished; the next one goes on with it, in rows of its own, which have the Trainer's step as `global_step` if it
    begins before theirs.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None, *, prefix: str = "", **options: Any) -> None:
        super().__init__()
        self._logged, self._prefix = CallbackRun(path, options), prefix and f"{prefix}/"

    @property
    @_rank_zero_experiment
    def experiment(self) -> Run:
        """The `Run`."""
        return self._logged.open()

    @property
    def name(self) -> str | None:
        """The name of the run's directory; checkpoints go beside it."""
        return None if self._logged.path is None else f"{Path(self._logged.path).name}-lightning"

    @property
    def version(self) -> str:
        """Empty: each run has a directory of its own."""
        return ""

    @property
    def save_dir(self) -> str | None:
        """The directory that the run's is in."""
        return None if self._logged.path is None else str(Path(self._logged.path).parent)

    @_rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log numbers at a step."""
        self._log({f"{self._prefix}{key}": value for key, value in metrics.items()}, step)

    @_rank_zero_only
    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Put hyperparameters into the config; those that are no plain data as texts."""
        self.experiment.config.update(plain(vars(params) if isinstance(params, argparse.Namespace) else params or {}))

    @_rank_zero_only
    def log_image(self, key: str, images: Sequence[Any], step: int | None = None, **options: Any) -> None:
        """Log images; `options` are lists, an item for each image: `caption`, `boxes`, `masks`..."""
        from ..types.image.value import Image

        self._log_values(Image, key, images, step, options)

    @_rank_zero_only
    def log_audio(self, key: str, audios: Sequence[Any], step: int | None = None, **options: Any) -> None:
        """Log sounds; `options` are lists, an item for each: `sample_rate`, `caption`..."""
        from ..types.audio.value import Audio

        self._log_values(Audio, key, audios, step, options)

    @_rank_zero_only
    def log_video(self, key: str, videos: Sequence[Any], step: int | None = None, **options: Any) -> None:
        """Log videos; `options` are lists, an item for each: `fps`, `format`, `caption`..."""
        from ..types.video.value import Video

        self._log_values(Video, key, videos, step, options)

    @_rank_zero_only
    def log_table(
        self, key: str, columns: Any = None, data: Any = None, dataframe: Any = None, step: int | None = None
    ) -> None:
        """Log a table of columns and rows, or a data frame."""
        from ..types.table.value import Table

        self._log({key: Table(columns=columns, data=data, dataframe=dataframe)}, step)

    @_rank_zero_only
    def after_save_checkpoint(self, checkpoint_callback: Any) -> None:
        """Note in the summary where the best and the last checkpoint are."""
        score = getattr(checkpoint_callback, "best_model_score", None)
        noted = {
            "checkpoint.best": getattr(checkpoint_callback, "best_model_path", None) or None,
            "checkpoint.best_score": None if score is None else float(score),
            "checkpoint.last": getattr(checkpoint_callback, "last_model_path", None) or None,
        }
        self.experiment.summary.update({key: value for key, value in noted.items() if value is not None})

    @_rank_zero_only
    def finalize(self, status: str) -> None:
        """Finish the run; what is logged later goes on with it."""
        self._logged.close("finished" if status in ("success", "finished") else "failed")

    def _log_values(self, cls: Any, key: str, items: Sequence[Any], step: int | None, options: dict[str, Any]) -> None:
        for name, listed in options.items():
            if not isinstance(listed, Sequence) or isinstance(listed, str) or len(listed) != len(items):
                expected = f"a list of {counted(len(items), 'item')}, as there are values"
                raise InputError.of(f"{key}.{name}", expected, listed, "Pass a list, also for one.")
        values = [cls(item, **{name: listed[i] for name, listed in options.items()}) for i, item in enumerate(items)]
        self._log({key: values[0] if len(values) == 1 else values}, step)

    def _log(self, data: dict[str, Any], step: int | None) -> None:
        self._logged.open()
        self._logged.log(data, step)


class RunCallback(_Callback):  # type: ignore[misc]
    """Adds a `MediatypesLogger` to a Trainer or Fabric that has none, beside its other loggers.

    Args:
        path, options: of the logger.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None, **options: Any) -> None:
        super().__init__()
        self._logger = MediatypesLogger(path, **options)

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        trainer.loggers = self._beside(trainer.loggers)

    def on_after_setup(self, fabric: Any) -> None:
        """What Fabric calls when a model is set up."""
        fabric.loggers[:] = self._beside(fabric.loggers)

    def _beside(self, loggers: list[Any]) -> list[Any]:
        has_one = any(isinstance(logger, MediatypesLogger) for logger in loggers)
        return loggers if has_one else [*loggers, self._logger]
