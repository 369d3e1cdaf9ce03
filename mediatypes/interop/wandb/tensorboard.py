"""`wandb.tensorboard`: what TensorBoard writers log goes to the run as well."""

from __future__ import annotations

from typing import Any

from ..tensorboard import unpatch
from ..tensorboard.live import patch as _patch

__all__ = ["patch", "unpatch"]


def patch(
    save: bool = True,
    tensorboardX: bool | None = None,  # noqa: N803 - wandb's older spelling
    pytorch: bool | None = None,
    root_logdir: str = "",
    tensorboard_x: bool | None = None,
) -> None:
    """Capture writers from now on; a run that is begun later gets what they log. See `interop.tensorboard.patch`."""
    options: dict[str, Any] = {"tensorboardX": tensorboardX, "tensorboard_x": tensorboard_x, "pytorch": pytorch}
    _patch(root_logdir=str(root_logdir), save=save, **options)
