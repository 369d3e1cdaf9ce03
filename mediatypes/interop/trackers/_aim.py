"""Aim: its own objects, which its pages show; in the storage of each also the document and files of the value.

Aim keeps what an object's storage holds, whatever its class knows of it: `storage["mediatypes"]` is the document as
text, `storage["mediatypes_files"]` the files by path.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

from ..._core import canonical
from ..._core.codec import encode
from ..._core.deps import need
from ...store.memory import MemoryStore
from ._adapter import Adapter, Way, ways
from ._common import as_it_is, as_json, drawn

_SOUNDS = ("wav", "mp3", "flac")


_aim = partial(need, "aim", needed_for="logging to Aim")


def _carrying(native: Any, value: Any) -> Any:
    blob = need("aim.storage.types", needed_for="logging to Aim").BLOB
    store = MemoryStore()
    native.storage["mediatypes"] = canonical.dumps(encode(value, store))
    native.storage["mediatypes_files"] = {path: blob(data=content) for path, content in store.files.items()}
    return native


def _image(value: Any, key: str) -> Any:
    return _carrying(_aim().Image(drawn(value).to_pil(), caption=value.caption or ""), value)


def _figure(value: Any, key: str) -> Any:
    if value.traces and "plotly" in sys.modules:
        return _carrying(_aim().Figure(value.to_plotly()), value)
    return _image(value, key) if value.has_picture else _other(value, key)


def _audio(value: Any, key: str) -> Any:
    if value.format not in _SOUNDS:
        return _other(value, key)
    return _carrying(_aim().Audio(value.to_bytes(), format=value.format, caption=value.caption or ""), value)


def _other(value: Any, key: str) -> Any:
    """A line of text, for types that Aim does not show."""
    return _carrying(_aim().Text(repr(value)), value)


def _send(run: Any, objects: dict[str, Any], step: int | None) -> None:
    for key, made in objects.items():
        run.track(made, name=key, step=step)


_OURS = "and the value itself in its storage"
ADAPTER = Adapter(
    title="Aim",
    package="aim",
    modules=("aim",),
    ways=ways(
        Way("kept", "one line of Text, with the value itself in its storage", _other),
        number=Way("kept", "itself", as_it_is),
        string=Way("kept", "Text", lambda value, key: _aim().Text(value)),
        json=Way("changed", "Text, as JSON", lambda value, key: _aim().Text(as_json(value))),
        image=Way("kept", f"Image, boxes and masks drawn in, {_OURS}", _image),
        audio=Way("kept", f"Audio of the same file (wav, mp3, flac), {_OURS}", _audio),
        figure=Way("kept", f"Figure of Plotly's, Image of matplotlib's, {_OURS}", _figure),
        plot=Way("kept", f"Image of the chart, {_OURS}", _image),
    ),
    send=_send,
    hint="Pass target=aim.Run(), or it in forward_to=[...].",
    lists=True,
)
