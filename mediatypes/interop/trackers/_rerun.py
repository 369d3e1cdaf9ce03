"""rerun: its archetypes, on the timeline `step`."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..._core.deps import need
from ..._core.errors import InputError
from ._adapter import Adapter, Way, dropped, ways
from ._common import as_json, drawn, table_texts

Components = list[tuple[str, Any]]  # below the key, and what is logged there


_rerun = partial(need, "rerun", needed_for="logging to rerun", package="rerun-sdk")


def _number(value: Any, key: str) -> Components:
    return [("", _rerun().Scalars(float(value)))]


def _text(text: str, media_type: str | None = None) -> Components:
    return [("", _rerun().TextDocument(text, media_type=media_type))]


def _image(value: Any, key: str) -> Components:
    rr = _rerun()
    suffix, media_type = value._file_type()
    made: Components = [("", rr.EncodedImage(contents=value.to_bytes(), media_type=media_type))]
    if suffix not in (".png", ".jpg", ".jpeg"):
        made = [("", rr.Image(np.asarray(value.to_pil().convert("RGB"))))]
    if value.caption:
        made.append(("", rr.AnyValues(caption=value.caption)))
    for name, layer in value.boxes.items():
        scale = np.where(layer.is_pixel[:, None], 1.0, [[value.width, value.height] * 2])
        made.append((f"/boxes/{name}", _boxes(layer, layer.to_xyxy() * scale)))
    for name, mask in value.masks.items():
        labels = [rr.AnnotationInfo(id, label) for id, label in mask.class_labels.items()]
        made.append((f"/masks/{name}", rr.AnnotationContext(labels)))
        made.append((f"/masks/{name}", rr.SegmentationImage(mask.to_numpy())))
    return made


def _boxes(layer: Any, edges: Any) -> Any:
    named = zip(layer.class_ids, layer.captions, strict=True)
    names = [layer.class_labels.get(id, "") if caption is None else caption for id, caption in named]
    ids = [0 if id is None else id for id in layer.class_ids]
    return _rerun().Boxes2D(array=edges, array_format=_rerun().Box2DFormat.XYXY, labels=names, class_ids=ids)


def _picture(value: Any, key: str) -> Components:
    return _image(drawn(value), key)


def _video(value: Any, key: str) -> Components:
    if value.format != "mp4":
        raise InputError.of("", "an mp4 video, which rerun plays", value, 'Pass format="mp4" to mt.Video.')
    return [("", _rerun().AssetVideo(contents=value.to_bytes(), media_type="video/mp4"))]


def _histogram(value: Any, key: str) -> Components:
    return [("", _rerun().BarChart(values=value.values)), ("", _rerun().AnyValues(bins=value.bins))]


def _tensor(value: Any, key: str) -> Components:
    if not value.shape:
        raise InputError.of("", "a tensor of at least one dimension, as rerun's are", value, "Log it as a number.")
    return [("", _rerun().Tensor(value.to_numpy()))]


def _table(value: Any, key: str) -> Components:
    head, *rows = table_texts(value)
    lines = [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in (head, ["---"] * len(head), *rows)]
    return _text("\n".join(lines), "text/markdown")


def _audio(value: Any, key: str) -> Components:
    return [("", _rerun().AssetAudio(contents=value.to_bytes(), media_type=value._file_type()[1]))]


def _object3d(value: Any, key: str) -> Components:
    rr = _rerun()
    if value.format == "ply" and value.faces is None:
        rows = value.to_numpy()
        colors = rows[:, 3:6].astype(np.uint8) if rows.shape[1] >= 6 else None
        made: Components = [("", rr.Points3D(rows[:, :3], colors=colors))]
    else:
        made = [("", rr.Asset3D(contents=value.to_bytes(), media_type=value._file_type()[1]))]
    if value.boxes:
        sizes = np.array([box.size for box in value.boxes], np.float32)
        turns = [rr.Quaternion(xyzw=[*box.orientation[1:], box.orientation[0]]) for box in value.boxes]
        centers = [box.center for box in value.boxes]
        made.append(("/boxes", rr.Boxes3D(centers=centers, half_sizes=sizes / 2, quaternions=turns)))
    return made


def _send(recording: Any, objects: dict[str, Any], step: int | None) -> None:
    if step is not None:
        recording.set_time("step", sequence=step)
    for key, made in objects.items():
        for below, archetype in made:
            recording.log(entity_path(key) + below, archetype)


def entity_path(key: str) -> str:
    """Where rerun has a key: each part below the one before."""
    path: str = _rerun().new_entity_path([part for part in key.split("/") if part] or [key])
    return path


ADAPTER = Adapter(
    title="rerun",
    package="rerun-sdk",
    modules=("rerun",),
    ways=ways(
        dropped("rerun has no type for it"),
        number=Way("kept", "Scalars", _number),
        string=Way("kept", "TextDocument", lambda value, key: _text(value)),
        json=Way("changed", "TextDocument, as JSON", lambda value, key: _text(as_json(value))),
        image=Way(
            "changed",
            "EncodedImage of the same file; boxes as Boxes2D without scores, masks as SegmentationImage, below the key",
            _image,
        ),
        video=Way("changed", "AssetVideo of the same file, without caption; mp4 only", _video),
        audio=Way("changed", "AssetAudio of the same file, without caption", _audio),
        html=Way("changed", "TextDocument of the source", lambda value, key: _text(value.text, "text/plain")),
        histogram=Way("kept", "BarChart, with the edges as bins; no counts of NaN and infinity", _histogram),
        table=Way("changed", "TextDocument: the first 100 rows as Markdown", _table),
        tensor=Way("kept", "Tensor", _tensor),
        figure=Way("changed", "EncodedImage of matplotlib's; Plotly's are refused", _picture),
        plot=Way("changed", "EncodedImage of the chart", _picture),
        object3d=Way("changed", "Points3D, or Asset3D of the same file; Boxes3D below the key", _object3d),
    ),
    send=_send,
    current=lambda: _rerun().get_global_data_recording(),
    hint="Call rerun.init(), or pass target=a RecordingStream.",
)
