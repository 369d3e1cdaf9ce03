"""Hugging Face Trainer: a callback, and `report_to="mediatypes"` once this module is imported.

import mediatypes.interop.transformers
TrainingArguments(..., report_to="mediatypes", run_name="demo")
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from .._core.deps import need

if TYPE_CHECKING:
    from ..run import Run

__all__ = ["MediatypesCallback"]

_transformers: Any = need("transformers", needed_for="mediatypes.interop.transformers")


class MediatypesCallback(_transformers.TrainerCallback):  # type: ignore[misc]
    """Logs what the Trainer logs into a run, with its arguments and the model's config; on the first process only.

    Args:
        run: one that is open, which stays so; or the path of one. Default: what the environment variable MEDIATYPES_RUN
            names, else a new one, as `Run` makes it.
        options: of `Run`, for one that is made here.

    Attributes:
        run: the `Run`, once training has begun; log media to it from callbacks of yours, without a step.
    """

    def __init__(self, run: Run | str | os.PathLike[str] | None = None, **options: Any) -> None:
        self._given, self._options = run, options
        self.run: Run | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        if self.run is None and state.is_world_process_zero:
            self.run = self._open(args)
            config: Any = getattr(model, "config", None)
            plain = {"trainer": args.to_dict(), "model": config.to_dict() if hasattr(config, "to_dict") else config}
            for name, part in plain.items():
                if part is not None:
                    self.run.config[name] = _plain(part)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        if self.run is not None and logs:
            self.run.log(_grouped(logs), step=max(state.global_step, self.run.step))

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.run is not None and self.run is not self._given:
            self.run.finish()
            self._given, self.run = self.run.path, None
            self._options = {**self._options, "mode": "resume"}

    def _open(self, args: Any) -> Run:
        from ..run import Run

        if isinstance(self._given, Run):
            return self._given
        path = self._given or os.environ.get("MEDIATYPES_RUN") or None
        options = {"mode": "allow"} if path is not None else {}
        name = getattr(args, "run_name", None)
        return Run(path, **{**options, **({"name": name} if name else {}), **self._options})


def _grouped(logs: dict[str, Any]) -> dict[str, Any]:
    """As other trackers group them: `eval_loss` is `eval/loss`, `loss` is `train/loss`."""
    grouped = {}
    for key, value in logs.items():
        group = next((group for group in ("eval", "test") if key.startswith(f"{group}_")), "")
        grouped[f"{group}/{key[len(group) + 1 :]}" if group else f"train/{key}"] = value
    return grouped


def _plain(part: Any) -> Any:
    """Plain data of a config; what is none as its text, a key that is no text too."""
    if isinstance(part, dict):
        return {str(key): _plain(value) for key, value in part.items()}
    if isinstance(part, (list, tuple)):
        return [_plain(value) for value in part]
    return part if isinstance(part, (str, int, float, bool, type(None))) else str(part)


need("transformers.integrations.integration_utils", needed_for="report_to").INTEGRATION_TO_CALLBACK["mediatypes"] = (
    MediatypesCallback
)
