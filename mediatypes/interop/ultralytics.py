"""ultralytics: `add_to(model, "runs/demo")` before `model.train()`: metrics, and validation pictures with boxes."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..types.image.boxes import BoundingBoxes2D
from ..types.image.value import Image
from ._callbacks import CallbackRun, plain

if TYPE_CHECKING:
    from ..run import Run

__all__ = ["add_to"]


def add_to(
    model: Any,
    run: Run | str | os.PathLike[str] | None = None,
    *,
    pictures: int = 8,
    confidence: float = 0.25,
    **options: Any,
) -> None:
    """Log the trainings of a model into a run: a row for each epoch, and one for the best model at the end.

    Keys: losses, learning rates and metrics by ultralytics' names, `epoch` from 1, and `val/pictures`, the first
    pictures of the validation as the model gets them, with boxes `truth` and `predicted`. The arguments of the training
    are in the config, the path of the best weights in the summary.

    Args:
        model: a `YOLO` or another model of ultralytics.
        run: one that is open, which stays so; or the path of one, which goes on where it exists. Default: what the
            environment variable MEDIATYPES_RUN names, else a new one, as `Run` makes it.
        pictures: how many are logged of each validation; of models that predict upright boxes.
        confidence: of the predicted boxes that are logged, the least.
        options: of `Run`, for one that is opened here.
    """
    callback = _Callback(CallbackRun(run, options), pictures, confidence)
    for event in (*(f"on_{event}" for event in _EVENTS), "teardown"):
        model.add_callback(event, getattr(callback, event))


_EVENTS = ("train_start", "train_epoch_end", "val_start", "val_end", "fit_epoch_end", "train_end")


class _Callback:
    def __init__(self, logged: CallbackRun, pictures: int, confidence: float) -> None:
        self._logged, self._most, self._confidence = logged, pictures, confidence
        self._row: dict[str, Any] = {}  # of the epoch at hand
        self._pictures: list[Image] = []
        self._restore: Callable[[], None] = lambda: None

    def on_train_start(self, trainer: Any) -> None:
        self._row = {}
        self._logged.open().config.update(plain(vars(trainer.args)))

    def on_train_epoch_end(self, trainer: Any) -> None:
        self._row = {**trainer.label_loss_items(trainer.tloss, prefix="train"), **trainer.lr}

    def on_val_start(self, validator: Any) -> None:
        """Look at batches and predictions, which the validator gives to no callback."""
        if self._logged.run is None:  # model.val() of its own
            return
        self._pictures, update = [], validator.update_metrics

        def look(predictions: Any, batch: Any) -> None:
            if validator.args.task in ("detect", "segment", "pose"):
                left = range(len(predictions))[: self._most - len(self._pictures)]
                self._pictures += [self._picture(predictions[i], batch, i, validator.names) for i in left]
            update(predictions, batch)

        validator.update_metrics = look
        self._restore = lambda: setattr(validator, "update_metrics", update)

    def on_val_end(self, validator: Any) -> None:
        self._restore()

    def on_fit_epoch_end(self, trainer: Any) -> None:
        pictures = {"val/pictures": self._pictures} if self._pictures else {}
        self._logged.log({"epoch": trainer.epoch + 1, **self._row, **trainer.metrics, **pictures})
        self._row, self._pictures = {}, []

    def on_train_end(self, trainer: Any) -> None:
        if self._logged.run is not None and trainer.best.exists():
            self._logged.run.summary["best"] = str(trainer.best)
        self._logged.close()

    def teardown(self, trainer: Any) -> None:
        self._logged.close("failed")  # which it is unless the training has ended

    def _picture(self, prediction: Mapping[str, Any], batch: Mapping[str, Any], i: int, names: Any) -> Image:
        here, sure = batch["batch_idx"] == i, prediction["conf"] >= self._confidence
        labels = dict(enumerate(names)) if isinstance(names, list) else dict(names)
        truth = BoundingBoxes2D.from_cxcywh(
            batch["bboxes"][here].cpu().numpy(),
            domain="percentage",
            class_ids=batch["cls"][here].reshape(-1).int().tolist(),
            class_labels=labels,
        )
        predicted = BoundingBoxes2D.from_xyxy(
            prediction["bboxes"][sure].float().cpu().numpy(),
            domain="pixel",
            class_ids=prediction["cls"][sure].int().tolist(),
            scores=prediction["conf"][sure].float().cpu().numpy(),
            class_labels=labels,
        )
        pixels = (batch["img"][i].float().cpu().clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
        caption = os.path.basename(batch["im_file"][i])
        return Image(pixels, caption=caption, boxes={"truth": truth, "predicted": predicted})
