"""Hugging Face Trainer: a callback, and `report_to="mediatypes"` once this module is imported.

import mediatypes.interop.transformers
TrainingArguments(..., report_to="mediatypes", run_name="demo")
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from .._core.deps import need
from ._callbacks import CallbackRun, plain

if TYPE_CHECKING:
    from ..run import Run

__all__ = ["MediatypesCallback"]

_transformers: Any = need("transformers", needed_for="mediatypes.interop.transformers")


class MediatypesCallback(_transformers.TrainerCallback):  # type: ignore[misc]
    """Logs what the Trainer logs into a run, with its arguments and the model's config; on the first process only.

    Args:
        run: one that is open, which stays so; or the path of one, which goes on where it exists. Default: what the
            environment variable MEDIATYPES_RUN names, else a new one, as `Run` makes it.
        options: of `Run`, for one that is opened here.
    """

    def __init__(self, run: Run | str | os.PathLike[str] | None = None, **options: Any) -> None:
        self._logged = CallbackRun(run, options)

    @property
    def run(self) -> Run | None:
        """The `Run`, from the beginning of a training to its end; log media to it without a step."""
        return self._logged.run

    def _open(self, args: Any) -> Run:
        name = getattr(args, "run_name", None)
        return self._logged.open(**({"name": name} if name else {}))

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        if state.is_world_process_zero:
            run = self._open(args)
            config: Any = getattr(model, "config", None)
            parts = {"trainer": args.to_dict(), "model": config.to_dict() if hasattr(config, "to_dict") else config}
            run.config.update({key: plain(part) for key, part in parts.items() if part is not None})

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        is_alone = self.run is None  # `evaluate()` before or after a training
        if is_alone and state.is_world_process_zero:
            self._open(args)
        self._logged.log(_grouped(logs or {}), step=state.global_step)
        if is_alone:
            self._logged.close()

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._logged.close()


def _grouped(logs: dict[str, Any]) -> dict[str, Any]:
    """As other trackers group them: `eval_loss` is `eval/loss`, `loss` is `train/loss`."""
    grouped = {}
    for key, value in logs.items():
        group = next((group for group in ("eval", "test") if key.startswith(f"{group}_")), "")
        grouped[f"{group}/{key[len(group) + 1 :]}" if group else f"train/{key}"] = value
    return grouped


need("transformers.integrations.integration_utils", needed_for="report_to").INTEGRATION_TO_CALLBACK["mediatypes"] = (
    MediatypesCallback
)
