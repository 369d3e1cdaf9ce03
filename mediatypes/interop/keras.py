"""Keras 3: a callback for `model.fit(callbacks=[MediatypesCallback("runs/demo")])`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .._core.deps import need
from ._callbacks import CallbackRun

if TYPE_CHECKING:
    from ..run import Run

__all__ = ["MediatypesCallback"]

_keras: Any = need("keras", needed_for="mediatypes.interop.keras")


class MediatypesCallback(_keras.callbacks.Callback):  # type: ignore[misc]
    """Logs the metrics of each epoch, and how the model is built, into a run.

    Args:
        run: one that is open, which stays so; or the path of one, which goes on where it exists. Default: what the
            environment variable MEDIATYPES_RUN names, else a new one, as `Run` makes it.
        also: is called with the model after each epoch for what is logged with it, such as pictures of its results:
            `lambda model: {"digits": draw(model.predict(x))}`.
        options: of `Run`, for one that is opened here.
    """

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
    def run(self) -> Run | None:
        """The `Run`, from the beginning of the training to its end."""
        return self._logged.run

    def on_train_begin(self, logs: Any = None) -> None:
        run = self._logged.open()
        lines: list[str] = []
        self.model.summary(print_fn=lambda line, **_: lines.append(line), line_length=100)
        run.config["model"] = {"name": self.model.name, "parameters": self.model.count_params()}
        run.summary["model"] = "\n".join(lines)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        also = self._also(self.model) if self._also else {}
        self._logged.log({"epoch": epoch, **(logs or {}), **also})

    def on_train_end(self, logs: Any = None) -> None:
        self._logged.close()
