"""SwanLab: its own media, and every value as saved files below `mediatypes`."""

from __future__ import annotations

import glob
import importlib.util
import shutil
from pathlib import Path
from typing import Any

from ..._core.deps import need
from . import _stored
from ._adapter import Adapter, Way, ways
from ._common import as_it_is, drawn, kept_file, table_texts
from ._stored import Stored, stored


def _swanlab() -> Any:
    return need("swanlab", needed_for="logging to SwanLab")


def _string(value: str, key: str) -> Any:
    return _swanlab().Text(value)  # kept whole, so it needs no file beside it


def _image(value: Any, key: str) -> Stored:
    return Stored(value, _swanlab().Image(drawn(value).to_pil(), caption=value.caption))


def _figure(value: Any, key: str) -> Stored:
    return _image(value, key) if value.has_picture else Stored(value)


def _audio(value: Any, key: str) -> Stored:
    return _of_file("Audio", value, key) if importlib.util.find_spec("soundfile") else Stored(value)


def _video(value: Any, key: str) -> Stored:
    return _of_file("Video", value, key) if value.format == "gif" else Stored(value)


def _html(value: Any, key: str) -> Stored:
    return Stored(value, _swanlab().Html(value.text, caption=value.caption))


def _molecule(value: Any, key: str) -> Stored:
    return _of_file("Molecule", value, key) if value.format == "pdb" else Stored(value)


def _object3d(value: Any, key: str) -> Stored:
    if value.format == "glb":
        return _of_file("Object3D", value, key)
    if value.format != "ply" or value.faces is not None:
        return Stored(value)
    points = value.to_numpy()
    points = points[:, : 6 if points.shape[1] >= 6 else 3]
    return Stored(value, _swanlab().Object3D(points, caption=value.caption))


def _table(value: Any, key: str) -> Stored:
    head, *rows = table_texts(value)
    return Stored(value, _swanlab().echarts.Table().add(head, rows))


def _of_file(name: str, value: Any, key: str) -> Stored:
    """SwanLab's medium of a file, which it reads when it is made."""
    path = kept_file(value)
    try:
        return Stored(value, getattr(_swanlab(), name)(path, caption=value.caption))
    finally:
        Path(path).unlink()


def _send(run: Any, objects: dict[str, Any], step: int | None) -> None:
    row: dict[str, Any] = {}

    def place(name: str, folder: Path) -> None:
        for path, file in _stored.files(folder):
            kept = Path(run.dir, path)  # SwanLab reads it later
            if not kept.exists():
                kept.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(file, kept)
                run.save(glob.escape(str(kept)), base_path=run.dir, policy="now")

    _stored.send(objects, step, number=row.__setitem__, show=row.__setitem__, place=place)
    if row:
        run.log(row, step=step)


_OURS = "and the value itself as saved files"
ADAPTER = Adapter(
    title="SwanLab",
    package="swanlab",
    modules=("swanlab",),
    ways=ways(
        Way("kept", "the value itself as saved files", stored),
        number=Way("kept", "itself", as_it_is),
        string=Way("kept", "Text", _string),
        json=Way("kept", "a saved file of JSON", stored),
        image=Way("kept", f"Image, boxes and masks drawn in, {_OURS}", _image),
        video=Way("kept", f"Video of the same file (gif), {_OURS}", _video),
        audio=Way("kept", f"Audio, if soundfile is installed, {_OURS}", _audio),
        html=Way("kept", f"Html, {_OURS}", _html),
        molecule=Way("kept", f"Molecule of the same file (pdb), {_OURS}", _molecule),
        table=Way("kept", f"a table of ECharts of the first 100 rows as texts, {_OURS}", _table),
        figure=Way("kept", f"Image of matplotlib's, {_OURS}", _figure),
        plot=Way("kept", f"Image of the chart, {_OURS}", _image),
        object3d=Way("kept", f"Object3D of a point cloud or the same file (glb), {_OURS}", _object3d),
    ),
    send=_send,
    current=lambda: _swanlab().run,
    hint="Call swanlab.init(), or pass target=run.",
)
