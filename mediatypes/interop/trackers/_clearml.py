"""ClearML: its scalars, debug samples, tables and plots, and every value as an artifact, a ZIP archive.

The artifact `mediatypes/<key>/<step>` holds the document of a value and its files.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

from ..._core.deps import need
from . import _stored
from ._adapter import Adapter, Way, ways
from ._common import as_it_is, drawn, is_cloud, table_texts
from ._stored import Stored, only_if, stored


def _media(value: Any, key: str) -> Stored:
    return _sample(value, value.to_bytes(), value._file_type()[0], key)


def _picture(value: Any, key: str) -> Stored:
    picture = drawn(value)
    return _sample(value, picture.to_bytes(), picture._file_type()[0], key)


def _figure(value: Any, key: str) -> Stored:
    return _picture(value, key) if value.has_picture else _report(value, "plotly", key, figure=value.to_dict())


def _sample(value: Any, content: bytes, suffix: str, key: str) -> Stored:
    """A debug sample; of each key ClearML would keep the last five."""

    given = {"file_extension": suffix.removeprefix("."), "max_history": -1}
    return Stored(value, lambda logger, step: logger.report_media(key, key, step, stream=BytesIO(content), **given))


def _report(value: Any, what: str, key: str, **given: Any) -> Stored:
    def show(logger: Any, step: int) -> None:
        getattr(logger, f"report_{what}")(title=key, series=key, iteration=step, **given)

    return Stored(value, show)


def _histogram(value: Any, key: str) -> Stored:
    edges = [f"{left:.4g} to {right:.4g}" for left, right in zip(value.bins[:-1], value.bins[1:], strict=True)]
    return _report(value, "histogram", key, values=value.values, xlabels=edges)


def _cloud(value: Any, key: str) -> Stored:
    return _report(value, "scatter3d", key, scatter=value.to_numpy()[:, :3], mode="markers")


def _send(task: Any, objects: dict[str, Any], step: int | None) -> None:
    logger = task.get_logger()

    def place(name: str, folder: Path) -> None:
        if not task.upload_artifact(f"{_stored.FOLDER}/{name}", folder):
            raise OSError(f"upload_artifact gave False for {name}")

    _stored.send(
        objects,
        step,
        number=lambda key, value: logger.report_scalar(key, key, float(value), step or 0),
        show=lambda key, call: call(logger, step or 0),
        place=place,
    )


_OURS = "and the value itself as an artifact"
_SAMPLE = f"a debug sample of the same file, {_OURS}"
ADAPTER = Adapter(
    title="ClearML",
    package="clearml",
    modules=("clearml",),
    ways=ways(
        Way("kept", "the value itself as an artifact", stored),
        number=Way("kept", "a scalar", as_it_is),
        string=Way("kept", "an artifact of JSON", stored),
        json=Way("kept", "an artifact of JSON", stored),
        image=Way("kept", f"a debug sample, boxes and masks drawn in, {_OURS}", _picture),
        video=Way("kept", _SAMPLE, _media),
        audio=Way("kept", _SAMPLE, _media),
        html=Way("kept", _SAMPLE, _media),
        histogram=Way("kept", f"report_histogram, {_OURS}", _histogram),
        table=Way(
            "kept",
            f"report_table of the first 100 rows as texts, {_OURS}",
            lambda value, key: _report(value, "table", key, table_plot=table_texts(value)),
        ),
        figure=Way("kept", f"a debug sample of matplotlib's, else report_plotly, {_OURS}", _figure),
        plot=Way("kept", f"a debug sample of the chart, {_OURS}", _picture),
        object3d=Way("kept", f"report_scatter3d of a point cloud, {_OURS}", only_if(is_cloud, _cloud)),
    ),
    send=_send,
    current=lambda: need("clearml", needed_for="logging to ClearML").Task.current_task(),
    hint="Call clearml.Task.init(), or pass target=task.",
)
