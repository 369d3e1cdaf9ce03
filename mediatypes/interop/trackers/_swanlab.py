"""SwanLab: its own media, and every value as saved files below `mediatypes`."""

from __future__ import annotations

import glob
import shutil
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..._core.deps import need
from . import _stored
from ._adapter import Adapter, Way, ways
from ._common import as_it_is, drawn, has_picture, is_cloud, passing_file, table_texts
from ._stored import Stored, only_if, stored

_swanlab = partial(need, "swanlab", needed_for="logging to SwanLab")


def _image(value: Any, key: str) -> Stored:
    return Stored(value, _swanlab().Image(drawn(value).to_pil(), caption=value.caption))


def _html(value: Any, key: str) -> Stored:
    return Stored(value, _swanlab().Html(value.text, caption=value.caption))


def _cloud(value: Any, key: str) -> Stored:
    points = value.to_numpy()
    points = points[:, : 6 if points.shape[1] >= 6 else 3]
    return Stored(value, _swanlab().Object3D(points, caption=value.caption))


def _object3d(value: Any, key: str) -> Stored:
    return _cloud(value, key) if is_cloud(value) else _of_file("Object3D", ".glb")(value, key)


def _table(value: Any, key: str) -> Stored:
    head, *rows = table_texts(value)
    return Stored(value, _swanlab().echarts.Table().add(head, rows))


def _of_file(name: str, *suffixes: str) -> Callable[[Any, str], Stored]:
    """SwanLab's medium of a file with one of these suffixes, which it reads when it is made."""

    def make(value: Any, key: str) -> Stored:
        with passing_file(value) as path:
            return Stored(value, getattr(_swanlab(), name)(path, caption=value.caption))

    return only_if(lambda value: value._file_type()[0] in suffixes, make)


_audio = _of_file("Audio", ".wav", ".mp3", ".flac", ".ogg")


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
        string=Way("kept", "Text", lambda value, key: _swanlab().Text(value)),  # whole: it needs no file beside it
        json=Way("kept", "a saved file of JSON", stored),
        image=Way("kept", f"Image, boxes and masks drawn in, {_OURS}", _image),
        video=Way("kept", f"Video of the same file (gif), {_OURS}", _of_file("Video", ".gif")),
        audio=Way(
            "kept",
            f"Audio, if soundfile is installed, {_OURS}",
            only_if(lambda value: find_spec("soundfile") is not None, _audio),
        ),
        html=Way("kept", f"Html, {_OURS}", _html),
        molecule=Way("kept", f"Molecule of the same file (pdb), {_OURS}", _of_file("Molecule", ".pdb")),
        table=Way("kept", f"a table of ECharts of the first 100 rows as texts, {_OURS}", _table),
        figure=Way("kept", f"Image of matplotlib's, {_OURS}", only_if(has_picture, _image)),
        plot=Way("kept", f"Image of the chart, {_OURS}", _image),
        object3d=Way("kept", f"Object3D of a point cloud or the same file (glb), {_OURS}", _object3d),
    ),
    send=_send,
    current=lambda: _swanlab().run,
    hint="Call swanlab.init(), or pass target=run.",
)
