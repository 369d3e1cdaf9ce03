"""Keras 3: a callback for `model.fit(callbacks=[MediatypesCallback("runs/demo")])`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .._core.deps import need

if TYPE_CHECKING:
    from ..run import Run

__all__ = ["MediatypesCallback"]

_keras: Any = need("keras", needed_for="mediatypes.interop.keras")


class MediatypesCallback(_keras.callbacks.Callback):  # type: ignore[misc]
    """Logs the metrics of each epoch, and how the model is built, into a run.

    Args:
        run: one that is open, which stays so; or the path of one. Default: a new one, as `Run` makes it.
        also: is called with the model after each epoch for what is logged with it, such as pictures of its results:
            `lambda model: {"digits": draw(model.predict(x))}`.
        options: of `Run`, for one that is made here.
    """

    def __init__(
        self,
        run: Run | str | os.PathLike[str] | None = None,
        *,
        also: Callable[[Any], Mapping[str, Any]] | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        self._given, self._also, self._options = run, also, options
        self.run: Run | None = None

    def on_train_begin(self, logs: Any = None) -> None:
        from ..run import Run

        if self.run is None:
            self.run = self._given if isinstance(self._given, Run) else Run(self._given, **self._options)
        lines: list[str] = []
        self.model.summary(print_fn=lambda line, **_: lines.append(line), line_length=100)
        self.run.config["model"] = {"name": self.model.name, "parameters": self.model.count_params()}
        self.run.summary["model"] = "\n".join(lines)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.run is not None:
            also = self._also(self.model) if self._also else {}
            self.run.log({"epoch": epoch, **(logs or {}), **also})

    def on_train_end(self, logs: Any = None) -> None:
        if self.run is not None and self.run is not self._given:
            self.run.finish()
            self._given, self._options = self.run.path, {**self._options, "mode": "resume"}
            self.run = None
