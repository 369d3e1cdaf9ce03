"""DVCLive: metrics and images, all that it has."""

from __future__ import annotations

from typing import Any

from ..importing.names import safe_name
from ._adapter import Adapter, Way, dropped
from ._common import as_it_is, drawn


def _picture(value: Any, key: str) -> Any:
    return drawn(value).to_pil()


def _send(live: Any, objects: dict[str, Any], step: int | None) -> None:
    if step is not None:
        live.step = step
    for key, made in objects.items():
        if isinstance(made, (bool, int, float, str)):
            live.log_metric(key, made)
        else:  # a folder of images by step is what DVC's pages show as a slider
            live.log_image(f"{safe_name(key)}/{live.step}.png", made)


_ONLY = "DVCLive has only metrics and images"
ADAPTER = Adapter(
    title="DVCLive",
    package="dvclive",
    modules=("dvclive",),
    ways={
        "number": Way("kept", "a metric", as_it_is),
        "string": Way("kept", "a metric", as_it_is),
        "json": dropped(_ONLY),
        "image": Way("changed", "a PNG of each step, boxes and masks drawn in, no caption", _picture),
        "video": dropped(_ONLY),
        "audio": dropped(_ONLY),
        "html": dropped(_ONLY),
        "histogram": dropped(_ONLY),
        "table": dropped(_ONLY),
        "tensor": dropped(_ONLY),
        "figure": Way("changed", "a picture, of matplotlib's; Plotly's are refused", _picture),
        "plot": Way("changed", "a picture of the chart", _picture),
        "object3d": dropped(_ONLY),
        "molecule": dropped(_ONLY),
    },
    send=_send,
    current=lambda: None,
    hint="Pass target=dvclive.Live().",
)
