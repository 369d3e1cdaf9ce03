"""`wandb.keras`: callbacks of Keras 3 that log to the run that is open."""

from __future__ import annotations

import os
from abc import abstractmethod
from typing import Any, Literal

from ..._core.deps import need
from .script import session, values

__all__ = ["WandbCallback", "WandbEvalCallback", "WandbMetricsLogger", "WandbModelCheckpoint"]

_callbacks: Any = need("keras", needed_for="wandb.keras").callbacks


class WandbMetricsLogger(_callbacks.Callback):  # type: ignore[misc]
    """Logs metrics and learning rate: as `epoch/...` after each epoch, or as `batch/...` after so many batches.

    Args:
        log_freq: "epoch", "batch", or a number of batches.
        initial_global_step: the batch that counts as the first one.
    """

    def __init__(self, log_freq: Literal["epoch", "batch"] | int = "epoch", initial_global_step: int = 0) -> None:
        super().__init__()
        self._run = session.need("keras.WandbMetricsLogger")
        self._every = 1 if log_freq == "batch" else log_freq if isinstance(log_freq, int) else 0
        self._batch = initial_global_step
        unit, step = ("batch", "batch/batch_step") if self._every else ("epoch", "epoch/epoch")
        self._run.define_metric(step)
        self._run.define_metric(f"{unit}/*", step_metric=step)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._log("epoch", {**(logs or {}), "epoch": epoch})

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self._every and batch % self._every == 0:
            self._log("batch", {**(logs or {}), "batch_step": self._batch})
        self._batch += 1

    def _log(self, unit: str, row: dict[str, Any]) -> None:
        rate = {"learning_rate": float(self.model.optimizer.learning_rate)}
        self._run.log({f"{unit}/{name}": value for name, value in {**row, **rate}.items()})


class WandbModelCheckpoint(_callbacks.ModelCheckpoint):  # type: ignore[misc]
    """Keras' `ModelCheckpoint`, whose files are logged as versions of the artifact `run_<id>_model`."""

    def __init__(self, filepath: Any, *arguments: Any, **options: Any) -> None:
        super().__init__(filepath, *arguments, **options)
        self._run = session.need("keras.WandbModelCheckpoint")

    def _save_model(self, epoch: Any, batch: Any, logs: Any) -> None:
        super()._save_model(epoch, batch, logs)
        path = self._get_file_path(epoch, batch, logs)
        if os.path.exists(path):  # with `save_best_only` not after each epoch
            self._run.log_artifact(path, f"run_{self._run.id}_model", "model", [f"epoch_{epoch}"])


class WandbEvalCallback(_callbacks.Callback):  # type: ignore[misc]
    """Gathers true and predicted values of samples in tables; a class below it says which.

    Args:
        data_table_columns: of what `add_ground_truth` adds to `self.data_table`.
        pred_table_columns: of what `add_model_predictions` adds to `self.pred_table`, after each epoch.
    """

    def __init__(self, data_table_columns: list[str], pred_table_columns: list[str]) -> None:
        super().__init__()
        self._run = session.need("keras.WandbEvalCallback")
        self._columns = pred_table_columns
        self.data_table: Any = values.Table(columns=data_table_columns)
        self.pred_table: Any = None
        self.data_table_ref: Any = self.data_table

    def on_train_begin(self, logs: Any = None) -> None:
        self.add_ground_truth(logs)
        self._run.log({"data": self.data_table})

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.pred_table = values.Table(columns=self._columns)
        self.add_model_predictions(epoch, logs)
        self._run.log({"predictions": self.pred_table})

    @abstractmethod
    def add_ground_truth(self, logs: Any = None) -> None:
        """Add rows to `self.data_table`."""
        raise NotImplementedError("add_ground_truth")

    @abstractmethod
    def add_model_predictions(self, epoch: int, logs: Any = None) -> None:
        """Add rows to `self.pred_table`."""
        raise NotImplementedError("add_model_predictions")


class WandbCallback(_callbacks.Callback):  # type: ignore[misc]
    """Wandb's older callback: logs the metrics of each epoch under their own names, and the best of one of them.

    Args:
        monitor: the metric of which `best_<monitor>` and `best_epoch` are in the summary.
        mode: "min" or "max"; by default "max" of an accuracy.
        options: of saving models and plots: `WandbModelCheckpoint` and `WandbEvalCallback` do that.
    """

    def __init__(self, monitor: str = "val_loss", verbose: int = 0, mode: str = "auto", **options: Any) -> None:
        super().__init__()
        self._run, self._monitor = session.need("keras.WandbCallback"), monitor
        self._sign = -1 if mode == "max" or (mode == "auto" and "acc" in monitor) else 1
        self._best: float | None = None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        row = {"epoch": epoch, **(logs or {})}
        self._run.log(row)
        value = row.get(self._monitor)
        if value is not None and (self._best is None or self._sign * value < self._sign * self._best):
            self._best = float(value)
            self._run.summary.update({f"best_{self._monitor}": self._best, "best_epoch": epoch})
