"""Clips of sound; files are never encoded again."""

from __future__ import annotations

from typing import Any

from ...._core.codec import encode
from ...._core.sidecar import Sink
from .base import Cell, Given, Plugin, listed, of_file


def convert(given: Given) -> list[Cell]:
    """(k, 2): an encoded clip and its label in Markdown; or (k,) clips."""
    tensor = given.tensor
    tensor.require_strings(1, 2)
    width = tensor.shape[1] if len(tensor.shape) > 1 else 1
    clips = tensor.strings[::width] if width else []
    labels = [item.decode("utf-8", "backslashreplace") for item in tensor.strings[1::width]] if width > 1 else []
    captions = [label or given.caption for label in labels] or [given.caption] * len(clips)
    pairs = zip(clips, captions, strict=True)
    return [listed([_document(data, caption, given.sinks.media) for data, caption in pairs])]


def _document(data: bytes, caption: str | None, sink: Sink) -> dict[str, Any]:
    """A clip of sound; raises InputError, or MissingDependencyError for what is no WAV."""
    from ....types.audio.value import Audio

    return encode(Audio(data, caption=caption), sink)


PLUGIN = Plugin(convert, "audio", of_file(_document))
