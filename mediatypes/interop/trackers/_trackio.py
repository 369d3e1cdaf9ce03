"""trackio: its own media, which its pages show; beside each the document and files of the value.

The document is the member `mediatypes` of what trackio stores, as text; its files lie beside trackio's, in a folder
`mediatypes`.
"""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path
from typing import Any

from ..._core import canonical
from ..._core.codec import encode
from ..._core.deps import need
from ...store.directory import DirectoryStore
from ._adapter import Adapter, Way, ways
from ._common import as_it_is, drawn, plain_rows

_SHOWN = {  # types that trackio's pages know, and the suffixes of their files
    "trackio.image": (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".svg"),
    "trackio.video": (".mp4", ".webm", ".gif"),
    "trackio.audio": (".wav", ".mp3"),
    "trackio.html": (".html",),
    "trackio.object3d": (".glb", ".obj", ".stl", ".ply"),
}


_trackio = partial(need, "trackio", needed_for="logging to trackio")


@cache
def _class_of(type_name: str) -> Any:
    """The class of media of this type, which stores a file to show, and the value."""
    base = _trackio().media.TrackioMedia

    def init(self: Any, value: Any, content: bytes, suffix: str) -> None:
        base.__init__(self, content, value.caption)
        self._format, self._mediatypes = suffix.removeprefix("."), value

    def save_media(self: Any, file_path: Path) -> None:
        file_path.write_bytes(self._value)
        self._document = canonical.dumps(encode(self._mediatypes, DirectoryStore(file_path.parent / "mediatypes")))

    def to_dict(self: Any) -> dict[str, Any]:
        return {**base._to_dict(self), "mediatypes": self._document}

    members = {"TYPE": type_name, "__init__": init, "_save_media": save_media, "_to_dict": to_dict}
    return type("MediatypesValue", (base,), members)


def _of_file(type_name: str, value: Any, shown: Any = None) -> Any:
    """A medium of the value, with the file of `shown`, by default its own."""
    picture = value if shown is None else shown
    return _class_of(type_name)(value, picture.to_bytes(), picture._file_type()[0])


def _shown_as(type_name: str) -> Any:
    def make(value: Any, key: str) -> Any:
        is_shown = value._file_type()[0] in _SHOWN[type_name]
        return _of_file(type_name, value) if is_shown else _other(value, key)

    return make


def _image(value: Any, key: str) -> Any:
    return _of_file("trackio.image", value, drawn(value))


def _other(value: Any, key: str) -> Any:
    return _of_file(f"mediatypes.{value._declaration.type}", value)


def _plot(value: Any, key: str) -> Any:
    return _class_of("trackio.html")(value, value.to_html().encode(), ".html")


_OURS = "and the value itself beside it"
ADAPTER = Adapter(
    title="trackio",
    package="trackio",
    modules=("trackio",),
    ways=ways(
        Way("kept", "a file that trackio does not show", _other),
        number=Way("kept", "itself", as_it_is),
        string=Way("kept", "itself", as_it_is),
        json=Way("kept", "itself", as_it_is),
        image=Way("kept", f"Image, boxes and masks drawn in, {_OURS}", _image),
        video=Way("kept", f"Video of the same file (mp4, webm, gif), {_OURS}", _shown_as("trackio.video")),
        audio=Way("kept", f"Audio of the same file (wav, mp3), {_OURS}", _shown_as("trackio.audio")),
        html=Way("kept", f"Html, {_OURS}", _shown_as("trackio.html")),
        histogram=Way(
            "kept",
            "Histogram of the same bins; no counts of NaN and infinity",
            lambda value, key: _trackio().Histogram(np_histogram=(value.values, value.bins)),
        ),
        table=Way(
            "changed",
            "Table of numbers and texts, other cells as texts",
            lambda value, key: _trackio().Table(columns=list(value.columns), data=plain_rows(value)),
        ),
        figure=Way(
            "kept",
            f"Image of matplotlib's; of others a file that is not shown, {_OURS}",
            lambda value, key: (_image if value.has_picture else _other)(value, key),
        ),
        plot=Way("kept", f"Html of the chart, {_OURS}", _plot),
        object3d=Way("kept", f"Object3D of the same file (glb, obj, stl, ply), {_OURS}", _shown_as("trackio.object3d")),
    ),
    send=lambda run, objects, step: run.log(objects, step=step),
    current=lambda: _trackio().context_vars.current_run.get(),
    hint="Call trackio.init(), or pass target=run.",
)
