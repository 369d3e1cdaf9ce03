"""DVCLive: metrics and images, all that it has."""

from __future__ import annotations

from typing import Any

from ..importing.names import safe_name
from ._adapter import Adapter, Way, dropped, ways
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


ADAPTER = Adapter(
    title="DVCLive",
    package="dvclive",
    modules=("dvclive",),
    ways=ways(
        dropped("DVCLive has only metrics and images"),
        number=Way("kept", "a metric", as_it_is),
        string=Way("kept", "a metric", as_it_is),
        image=Way("changed", "a PNG of each step, boxes and masks drawn in, no caption", _picture),
        figure=Way("changed", "a picture, of matplotlib's; Plotly's are refused", _picture),
        plot=Way("changed", "a picture of the chart", _picture),
    ),
    send=_send,
    hint="Pass target=dvclive.Live(), or it in forward_to=[...].",
)
