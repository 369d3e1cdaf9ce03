"""Accelerate: a tracker for `Accelerator(log_with=MediatypesTracker("runs/demo"))`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .._core.deps import need
from ._callbacks import CallbackRun, plain

if TYPE_CHECKING:
    from ..run import Run

__all__ = ["MediatypesTracker"]

_tracking: Any = need("accelerate.tracking", needed_for="mediatypes.interop.accelerate")


class MediatypesTracker(_tracking.GeneralTracker):  # type: ignore[misc]
    """Logs into a run, on the main process; all that `Run.log` takes, media too.

    Args:
        path: the run's directory; one that holds a run goes on. Default: what the environment variable MEDIATYPES_RUN
            names, else a new one, as `Run` makes it.
        options: of `Run`.
    """

    name = "mediatypes"
    requires_logging_directory = False
    main_process_only = True

    def __init__(self, path: str | os.PathLike[str] | None = None, **options: Any) -> None:
        super().__init__()
        self._logged = CallbackRun(path, options)

    @property
    def tracker(self) -> Run:
        """The `Run`; opened when it is first asked for."""
        return self._logged.open()

    @_tracking.on_main_process  # type: ignore[untyped-decorator]
    def store_init_configuration(self, values: dict[str, Any]) -> None:
        self.tracker.config.update(plain(values))

    @_tracking.on_main_process  # type: ignore[untyped-decorator]
    def log(self, values: Mapping[str, Any], step: int | None = None, **kwargs: Any) -> None:
        """Log numbers, texts and media at a step; one before the last row's goes to that row."""
        self._logged.open()
        self._logged.log(values, step)

    def log_images(self, values: Mapping[str, Any], step: int | None = None, **kwargs: Any) -> None:
        """Log images by key: whatever `mediatypes.Image` takes, lists or arrays of it; `kwargs` are its options."""
        from ..types.image.value import Image

        made = {
            key: [Image(one, **kwargs) for one in given] if _is_batch(given) else Image(given, **kwargs)
            for key, given in values.items()
        }
        self.log(made, step)

    def log_table(
        self,
        table_name: str,
        columns: list[str] | None = None,
        data: list[list[Any]] | None = None,
        dataframe: Any = None,
        step: int | None = None,
        **kwargs: Any,
    ) -> None:
        """Log a table of columns and rows, or a data frame."""
        from ..types.table.value import Table

        self.log({table_name: Table(columns=columns, data=data, dataframe=dataframe)}, step)

    @_tracking.on_main_process  # type: ignore[untyped-decorator]
    def finish(self) -> None:
        self._logged.close()


def _is_batch(given: Any) -> bool:
    """Whether these are several images: a list, or an array of four dimensions."""
    return isinstance(given, (list, tuple)) or getattr(given, "ndim", 0) == 4
