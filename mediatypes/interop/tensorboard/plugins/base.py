"""What the module of a plugin is given, and what it gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ...._core.sidecar import Blob, Sink
from ....formats import protobuf
from ..log.events import Metadata, Value
from ..log.tensors import TensorValue

_FILE = 4  # the field of a message that holds one


class Cell(NamedTuple):
    """One value for events.parquet, and for the history unless `kind` is empty."""

    kind: str  # of the history
    type: str  # of the events
    value: Any  # number, text, document or list of documents
    suffix: str = ""  # of the key, when a value makes several cells


class Rejected(Exception):
    """A value that cannot be what its plugin says; its bytes are kept as a file."""


class Sinks:
    """Where the bytes of a run's values go: sidecars of media to one sink, what is no media to the other."""

    def __init__(self, media: Sink, files: Sink) -> None:
        self.media, self.files = media, files
        self.shared: dict[bytes, dict[str, Any]] = {}  # documents that many values have, by their content

    def keep_file(self, data: bytes, type: str) -> Cell:
        """Bytes that are no media value, as a file of the run."""
        return Cell("", type, Blob(data).place(self.files, ".pb", "application/octet-stream"))


class Given(NamedTuple):
    """A value that is a tensor."""

    tensor: TensorValue
    metadata: Metadata  # of its tag
    caption: str | None
    sinks: Sinks


Convert = Callable[[Given], list[Cell]]
ConvertMessage = Callable[[bytes, Value, str | None, Sinks], list[Cell]]  # data that the span of a value points into
ConvertMetadata = Callable[[Metadata], list[Cell]]


class Plugin(NamedTuple):
    """How the values of one plugin become cells. Malformed ones raise `protobuf.Malformed` or a `MediaTypesError`."""

    convert: Convert  # a tensor
    message: str = ""  # the kind of value that is this plugin's without metadata, one of `log.events.KINDS`
    convert_message: ConvertMessage | None = None  # a value of that kind
    convert_metadata: ConvertMetadata | None = None  # of plugins whose values stand in the metadata of their tags
    key_of: Callable[[str], str] = str  # the key of a tag, where writers add to what the user called it
    shown_otherwise: tuple[str, ...] = ()  # types of cells without a kind that the run shows all the same
    holds_messages: bool = False  # strings of tensors are messages, which are kept as files


def listed(documents: list[dict[str, Any]]) -> Cell:
    """One document alone; several, or none, as a list."""
    if not documents:
        return Cell("number_list", "empty_list", [])
    if len(documents) > 1:
        return Cell("media_list", "media_list", documents)
    kind = documents[0]["_type"]
    return Cell(kind, kind, documents[0])


def of_file(make: Callable[[bytes, str | None, Sink], dict[str, Any]]) -> ConvertMessage:
    """How messages become cells that hold one file: Summary.Image.encoded_image_string, Audio.encoded_audio_string."""

    def convert(data: bytes, value: Value, caption: str | None, sinks: Sinks) -> list[Cell]:
        return [listed([make(protobuf.last_bytes(data, value.span, _FILE), caption, sinks.media)])]

    return convert


def files_of(given: Given) -> list[Cell]:
    """The messages of a tensor of strings, each as a file of the run."""
    return [given.sinks.keep_file(data, given.metadata.plugin) for data in given.tensor.strings]
