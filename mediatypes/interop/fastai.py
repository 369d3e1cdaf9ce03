"""fastai: a callback for `Learner(cbs=MediatypesCallback("runs/demo"))` or `learn.fit(1, cbs=...)`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .._core.deps import need
from ._callbacks import CallbackRun

if TYPE_CHECKING:
    from ..run import Run

__all__ = ["MediatypesCallback"]

_callback: Any = need("fastai.callback.core", package="fastai", needed_for="mediatypes.interop.fastai")


class MediatypesCallback(_callback.Callback):  # type: ignore[misc]
    """Logs into a run: the training loss and hyperparameters of each batch, and what the Recorder has of each epoch.

    What is no training is not logged: `lr_find`, `validate`, `get_preds`.

    Args:
        run: one that is open, which stays so; or the path of one, which goes on where it exists. Default: what the
            environment variable MEDIATYPES_RUN names, else a new one, as `Run` makes it.
        also: is called with the learner after each epoch for what is logged with it, such as pictures of its results.
        options: of `Run`, for one that is opened here.
    """

    order = 55  # after the Recorder, whose values are logged

    def __init__(
        self,
        run: Run | str | os.PathLike[str] | None = None,
        *,
        also: Callable[[Any], Mapping[str, Any]] | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        self._logged, self._also = CallbackRun(run, options), also

    @property
    def logged(self) -> Run | None:
        """The `Run`, from the beginning of a training to its end; `run` is a name of fastai's."""
        return self._logged.run

    def before_train(self) -> None:  # which `validate` and `get_preds` do not come to
        learner = self.learn
        if self._logged.run is not None or hasattr(learner, "lr_finder"):
            return
        self._logged.open().config["fit"] = {
            "epochs": learner.n_epoch,
            "batches": len(learner.dls.train),
            "batch_size": learner.dls.bs,
            "loss": type(learner.loss_func).__name__,
            "parameters": sum(part.numel() for part in learner.model.parameters()),
        }

    def after_batch(self) -> None:
        if self.learn.training and self._logged.run is not None:
            hypers = {f"opt/{name}": value for name, value in self.learn.opt.hypers[-1].items()}
            self._logged.log({"train/loss": float(self.learn.loss.detach()), **hypers})

    def after_epoch(self) -> None:
        if self._logged.run is None:
            return
        names, values = self.learn.recorder.metric_names, self.learn.recorder.log
        row = {name: value for name, value in zip(names, values, strict=False) if name not in ("epoch", "time")}
        self._logged.log({"epoch": self.learn.epoch, **row, **(self._also(self.learn) if self._also else {})})

    def after_fit(self) -> None:
        self._logged.close()
