"""Weights & Biases: its own media, which its pages show; beside each the document and files of the value.

What W&B stores of a medium is JSON; our document is its member `mediatypes`, as text, since W&B rewrites numbers (4.0
to 4). Its files lie in the run's `media/mediatypes`.
"""

from __future__ import annotations

import sys
import weakref
from functools import cache, partial
from pathlib import Path
from typing import Any

from ..._core import atomic, canonical
from ..._core.codec import encode
from ..._core.deps import need
from ..._core.sidecar import checked_pieces
from ._adapter import Adapter, Way, ways
from ._common import as_it_is, drawn, is_cloud, kept_file, plain_rows

_MOLECULES = (".pdb", ".sdf", ".mol2", ".pqr", ".cif", ".mmtf")  # of those that W&B takes; none gzipped
_SCENES = (".glb", ".gltf", ".obj", ".stl", ".babylon")
_FOLDER = "media/mediatypes"  # below the files of a W&B run


_wandb = partial(need, "wandb", needed_for="logging to W&B")


class _RunFiles:
    """A sink in the files of a W&B run, which uploads them."""

    def __init__(self, run: Any) -> None:
        self._run = run

    def put(self, data: bytes | Path, *, suffix: str, media_type: str, sha256: str, size: int) -> str:
        path = f"{_FOLDER}/{sha256[:2]}/{sha256}{suffix}"
        file = Path(self._run.dir, path)
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            atomic.write(file, checked_pieces(data, sha256, size), "keep a file")
            self._run.save(str(file), base_path=self._run.dir, policy="now")
        return path


def _carrying(native: Any, value: Any) -> Any:
    """W&B's medium, which puts the document of `value` beside its own JSON when it is logged."""
    cls: Any = type(native)
    native.__class__ = _carrier(cls)
    native._mediatypes = value
    return native


@cache
def _carrier(cls: Any) -> Any:
    def bind_to_run(self: Any, run: Any, *arguments: Any, **options: Any) -> None:
        super(made, self).bind_to_run(run, *arguments, **options)
        self._document = canonical.dumps(encode(self._mediatypes, _RunFiles(run)))

    def to_json(self: Any, run: Any) -> dict[str, Any]:
        plain: dict[str, Any] = super(made, self).to_json(run)
        return {**plain, "mediatypes": self._document} if isinstance(run, _wandb().Run) else plain

    def seq_to_json(seq: Any, run: Any, key: str, step: Any) -> dict[str, Any]:
        plain: dict[str, Any] = cls.seq_to_json(seq, run, key, step)
        return {**plain, "mediatypes": [one._document for one in seq]}

    members: dict[str, Any] = {"bind_to_run": bind_to_run, "to_json": to_json}
    if hasattr(cls, "seq_to_json"):
        members["seq_to_json"] = staticmethod(seq_to_json)
    made: Any = type(cls.__name__, (cls,), members)
    return made


@cache
def _other() -> Any:
    """The class of media that W&B has no type for: a file, which its pages do not show."""

    def get_media_subdir(cls: Any) -> str:
        return _FOLDER

    media = need("wandb.sdk.data_types.base_types.media", needed_for="logging to W&B").Media
    return type("MediatypesFile", (media,), {"get_media_subdir": classmethod(get_media_subdir)})


def _image(value: Any, key: str) -> Any:
    boxes = {
        name: {"box_data": [_box(layer, i) for i in range(len(layer))], "class_labels": layer.class_labels}
        for name, layer in value.boxes.items()
    }
    masks = {name: {"mask_data": m.to_numpy(), "class_labels": m.class_labels} for name, m in value.masks.items()}
    return _of_file("Image", value, boxes=boxes or None, masks=masks or None)


def _box(layer: Any, i: int) -> dict[str, Any]:
    left, top, right, bottom = layer.to_xyxy()[i].tolist()
    box: dict[str, Any] = {"position": {"minX": left, "minY": top, "maxX": right, "maxY": bottom}}
    box["class_id"] = layer.class_ids[i] or 0  # which W&B requires
    if layer.is_pixel[i]:
        box["domain"] = "pixel"
    if layer.captions[i] is not None:
        box["box_caption"] = layer.captions[i]
    scores = {name: column[i] for name, column in layer.scores.items() if column[i] is not None}
    return {**box, "scores": scores} if scores else box


def _of_file(name: str, value: Any, shown: Any = None, **options: Any) -> Any:
    """W&B's medium of this name, with the file of `shown`, by default that of the value."""
    file = kept_file(value if shown is None else shown)
    return _carrying(_temporary(getattr(_wandb(), name)(file, caption=value.caption, **options)), value)


def _html(value: Any, key: str) -> Any:
    return _carrying(_wandb().Html(value.text, inject=value.inject, data_is_not_path=True), value)


def _object3d(value: Any, key: str) -> Any:
    if is_cloud(value):
        return _carrying(_wandb().Object3D(value.to_numpy(), caption=value.caption), value)
    return _of_file("Object3D", value) if value._file_type()[0] in _SCENES else _file(value, key)


def _molecule(value: Any, key: str) -> Any:
    return _of_file("Molecule", value) if value._file_type()[0] in _MOLECULES else _file(value, key)


def _table(value: Any, key: str) -> Any:
    return _carrying(_wandb().Table(columns=list(value.columns), data=plain_rows(value)), value)


def _figure(value: Any, key: str) -> Any:
    if value.traces and "plotly" in sys.modules:
        return _carrying(_wandb().Plotly(value.to_plotly()), value)
    return _picture(value, key) if value.has_picture else _file(value, key)


def _picture(value: Any, key: str) -> Any:
    return _of_file("Image", value, drawn(value))


def _file(value: Any, key: str) -> Any:
    made = _other()(caption=value.caption)
    made._set_file(kept_file(value))
    return _carrying(_temporary(made), value)


def _plot(value: Any, key: str) -> Any:
    return _carrying(_wandb().Html(value.to_html(), data_is_not_path=True), value)


def _temporary(made: Any) -> Any:
    made._is_tmp = True  # W&B moves the file instead of copying it; one that is never logged is removed
    weakref.finalize(made, Path.unlink, Path(made._path), missing_ok=True)
    return made


_OURS = "and the value itself beside it"
ADAPTER = Adapter(
    title="W&B",
    package="wandb",
    modules=("wandb",),
    ways=ways(
        Way("kept", "a file that W&B does not show", _file),
        number=Way("kept", "itself", as_it_is),
        string=Way("kept", "itself", as_it_is),
        json=Way("kept", "itself", as_it_is),
        image=Way("kept", f"Image with boxes and masks, {_OURS}", _image),
        video=Way(
            "kept",
            f"Video of the same file, {_OURS}",
            lambda value, key: _of_file("Video", value, format=value.format),
        ),
        audio=Way("kept", f"Audio of the same file, {_OURS}", lambda value, key: _of_file("Audio", value)),
        html=Way("kept", f"Html, {_OURS}", _html),
        histogram=Way(
            "kept",
            "Histogram of the same bins, at most 512; no counts of NaN and infinity",
            lambda value, key: _wandb().Histogram(np_histogram=(value.values, value.bins)),
        ),
        table=Way("kept", f"Table, other cells than numbers and texts as texts, {_OURS}", _table),
        figure=Way("kept", f"Plotly, or the picture of matplotlib's, {_OURS}", _figure),
        plot=Way("kept", f"Html of the chart, {_OURS}", _plot),
        object3d=Way("kept", f"Object3D, {_OURS}", _object3d),
        molecule=Way("kept", f"Molecule, {_OURS}", _molecule),
    ),
    send=lambda run, objects, step: run.log(objects, step=step),
    current=lambda: _wandb().run,
    hint="Call wandb.init(), or pass target=run.",
    lists=True,
)
