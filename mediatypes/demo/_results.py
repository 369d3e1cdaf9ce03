"""What came out of the training, in every type of media that suits it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..columns.arrays import Array
from ..types.audio.value import Audio
from ..types.figure.value import Figure
from ..types.html.value import Html
from ..types.object3d.value import Object3D
from ..types.tensor.value import Tensor
from ..types.video.value import Video
from ._classifier import Classifier
from ._need import demo_package

_FPS = 10
_TINT, _OUTLINE = (0, 200, 255), (255, 220, 0)
_TINT_STRENGTH = 0.6
_RELIEF_EVERY = 3  # pixels, along both axes
_RELIEF_HEIGHT = 30  # pixels, of probability 1
_SAMPLE_RATE = 16_000
_SECONDS = 4
_FADE = 0.02  # seconds; a sudden start or end would click
_PITCH_OF_A_GUESS = 880  # Hz


def of_classifier(classifier: Classifier) -> dict[str, Any]:
    """A film of its learning, its probabilities, and these as a relief."""
    label = classifier.photo.label
    return {
        "film": _film(classifier),
        "probability_map": Tensor(classifier.probability, caption=f"probability of {label!r} at each pixel"),
        "relief": _relief(classifier),
    }


def of_run(classifiers: Mapping[str, Classifier]) -> dict[str, Any]:
    """The losses as a figure and as a sound, and a report of the last measures."""
    return {"curves": _curves(classifiers), "sound": _sound(classifiers), "report": _report(classifiers)}


def _film(classifier: Classifier) -> Video:
    """The photograph with the reference outlined, tinted more and more where an object is found."""
    find_boundaries = demo_package("skimage.segmentation").find_boundaries
    photo = classifier.photo.rgb.copy()
    photo[find_boundaries(classifier.photo.reference)] = _OUTLINE
    tint = _TINT_STRENGTH * (np.array(_TINT) - photo)
    frames = np.stack([(photo + tint * p[..., np.newaxis]).astype(np.uint8) for p in classifier.frames])
    caption = f"{classifier.photo.label!r} over the training: the bluer, the more likely; the reference is outlined"
    return Video(frames.transpose(0, 3, 1, 2), caption, fps=_FPS, format="mp4")


def _relief(classifier: Classifier) -> Object3D:
    """The photograph as a mesh whose height is the probability."""
    trimesh = demo_package("trimesh")
    shown = np.s_[::_RELIEF_EVERY, ::_RELIEF_EVERY]
    rows, columns = np.indices(classifier.probability.shape)[:, *shown]
    heights = _RELIEF_HEIGHT * classifier.probability[shown]
    mesh = trimesh.Trimesh(
        vertices=np.stack([columns, -rows, heights], axis=-1).reshape(-1, 3),
        faces=_grid_faces(*rows.shape),
        vertex_colors=classifier.photo.rgb[shown].reshape(-1, 3),
        process=False,
    )
    caption = f"the photograph, as high as {classifier.photo.label!r} is likely"
    return Object3D.from_file(mesh.export(file_type="glb"), "glb", caption=caption)


def _grid_faces(height: int, width: int) -> Array:
    """(n, 3) two triangles for each cell of a grid of vertices, counter-clockwise where rows go down."""
    vertex = np.arange(height * width).reshape(height, width)
    corner, right, below, across = vertex[:-1, :-1], vertex[:-1, 1:], vertex[1:, :-1], vertex[1:, 1:]
    upper, lower = np.stack([corner, below, right], axis=-1), np.stack([right, below, across], axis=-1)
    return np.concatenate([upper, lower]).reshape(-1, 3)


def _curves(classifiers: Mapping[str, Classifier]) -> Figure:
    """The losses over the steps, as a Plotly figure."""
    traces = [
        {"type": "scatter", "mode": "lines", "name": f"{name}.{curve}", "y": np.array(classifier.curves[curve])}
        for name, classifier in classifiers.items()
        for curve in ("loss", "val_loss")
    ]
    layout = {"xaxis": {"title": {"text": "step"}}, "yaxis": {"title": {"text": "loss (nats)"}, "type": "log"}}
    return Figure({"data": traces, "layout": layout}, caption="losses in training and validation")


def _sound(classifiers: Mapping[str, Classifier]) -> Audio:
    """The losses as falling tones, one channel for each classifier: the frequency is proportional to the loss."""
    tones = np.stack([_tone(classifier.curves["loss"]) for classifier in classifiers.values()], axis=1)
    sides = ", ".join(f"{name} {side}" for name, side in zip(classifiers, ("left", "right"), strict=True))
    return Audio(tones, _SAMPLE_RATE, f"the loss as a sound: half the loss is an octave lower ({sides})")


def _tone(losses: list[float]) -> Array:
    """(n,) samples in -1..1; the loss of a guess, ln 2, sounds at 880 Hz."""
    count = _SECONDS * _SAMPLE_RATE
    loss = np.interp(np.linspace(0, len(losses) - 1, count), np.arange(len(losses)), losses)
    phase = np.cumsum(2 * math.pi * _PITCH_OF_A_GUESS / math.log(2) * loss / _SAMPLE_RATE)
    from_end = np.minimum(np.arange(count), np.arange(count)[::-1])
    volume: Array = 0.5 * np.minimum(1, from_end / (_FADE * _SAMPLE_RATE))
    return volume * np.sin(phase)


def _report(classifiers: Mapping[str, Classifier]) -> Html:
    """A table with a row for each measure and a column for each classifier."""
    measures = list(next(iter(classifiers.values())).curves)
    head = "".join(f"<th>{name}</th>" for name in ("", *classifiers))
    rows = "\n".join(
        f"<tr><th>{measure}</th>{''.join(f'<td>{c.curves[measure][-1]:.4f}</td>' for c in classifiers.values())}</tr>"
        for measure in measures
    )
    steps = len(next(iter(classifiers.values())).curves["loss"])
    page = f"<h1>Pixel classifiers after {steps} steps</h1>\n<table>\n<tr>{head}</tr>\n{rows}\n</table>\n"
    return Html(page, caption="the last measures of the run")
