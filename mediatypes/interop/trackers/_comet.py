"""Comet: its images with boxes, sounds, videos, tables and clouds, and every value as an asset below `mediatypes`."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

from ..._core.deps import need
from . import _stored
from ._adapter import Adapter, Way, ways
from ._common import as_it_is, drawn, has_picture, is_cloud, passing_file, plain_rows
from ._stored import Stored, only_if, stored

_SHOWN = ("mp4", "gif", "wav", "mp3", "ogg")


def _string(value: str, key: str) -> Stored:
    return Stored(value, lambda experiment, step: experiment.log_text(value, step=step, metadata={"key": key}))


def _image(value: Any, key: str) -> Stored:
    """Boxes are shown over the picture and can be hidden; masks are drawn in."""
    layers = [
        {"name": name, "data": [_box(layer, i, value) for i in range(len(layer))]}
        for name, layer in value.boxes.items()
    ]
    return _shown(value, drawn(value._replace(_boxes={})), key, layers)


def _box(layer: Any, i: int, image: Any) -> dict[str, Any]:
    left, top, right, bottom = layer.to_xyxy()[i].tolist()
    across, down = (1, 1) if layer.is_pixel[i] else (image.width, image.height)
    edges = [left * across, top * down, (right - left) * across, (bottom - top) * down]
    label = layer.captions[i] or layer.class_labels.get(layer.class_ids[i]) or "box"
    score = next((column[i] for column in layer.scores.values() if column[i] is not None), None)
    return {"boxes": [edges], "label": label, "score": score}


def _picture(value: Any, key: str) -> Stored:
    return _shown(value, drawn(value), key)


def _shown(value: Any, picture: Any, key: str, annotations: Any = None) -> Stored:
    metadata = {"caption": value.caption} if value.caption else None

    def show(experiment: Any, step: int | None) -> None:
        content = BytesIO(picture.to_bytes())
        experiment.log_image(content, name=key, step=step, annotations=annotations, metadata=metadata)

    return Stored(value, show)


def _audio(value: Any, key: str) -> Stored:
    if value.format not in _SHOWN:
        return Stored(value)

    def show(experiment: Any, step: int | None) -> None:
        with passing_file(value) as path:  # which Comet copies
            experiment.log_audio(path, file_name=key + Path(path).suffix, step=step)

    return Stored(value, show)


def _video(value: Any, key: str) -> Stored:
    if value.format not in _SHOWN:
        return Stored(value)

    def show(experiment: Any, step: int | None) -> None:
        experiment.log_video(BytesIO(value.to_bytes()), name=key, format=value.format, step=step)

    return Stored(value, show)


def _table(value: Any, key: str) -> Stored:
    rows, names = plain_rows(value), list(value.columns)
    if not rows:  # Comet stumbles over none
        return Stored(value)
    return Stored(value, lambda experiment, step: experiment.log_table(f"{key}_{step}.csv", rows, names))


def _object3d(value: Any, key: str) -> Stored:
    points = value.to_numpy()
    rows = points[:, :3] if points.shape[1] < 6 else points[:, :6] / [1, 1, 1, 255, 255, 255]
    return Stored(value, lambda experiment, step: experiment.log_points_3d(key, rows.tolist(), step=step))


def _send(experiment: Any, objects: dict[str, Any], step: int | None) -> None:
    def place(name: str, folder: Path) -> None:
        for path, file in _stored.files(folder):
            experiment.log_asset_data(file.read_bytes(), name=path, step=step)

    _stored.send(
        objects,
        step,
        number=lambda key, value: experiment.log_metric(key, float(value), step=step),
        show=lambda key, call: call(experiment, step),
        place=place,
    )


_OURS = "and the value itself as an asset"
ADAPTER = Adapter(
    title="Comet",
    package="comet_ml",
    modules=("comet_ml",),
    ways=ways(
        Way("kept", "the value itself as an asset", stored),
        number=Way("kept", "a metric", as_it_is),
        string=Way("kept", "log_text, and an asset of JSON", _string),
        json=Way("kept", "an asset of JSON", stored),
        image=Way("kept", f"log_image with boxes as annotations, masks drawn in, {_OURS}", _image),
        video=Way("kept", f"log_video of the same file (mp4, gif), {_OURS}", _video),
        audio=Way("kept", f"log_audio of the same file (wav, mp3, ogg), {_OURS}", _audio),
        table=Way("kept", f"log_table of its rows, cells that are no numbers as texts, {_OURS}", _table),
        figure=Way("kept", f"log_image of matplotlib's, {_OURS}", only_if(has_picture, _picture)),
        plot=Way("kept", f"log_image of the chart, {_OURS}", _picture),
        object3d=Way("kept", f"log_points_3d of a point cloud, {_OURS}", only_if(is_cloud, _object3d)),
    ),
    send=_send,
    current=lambda: need("comet_ml", needed_for="logging to Comet").get_running_experiment(),
    hint="Call comet_ml.start(), or pass target=comet_ml.OfflineExperiment().",
)
