"""Series, the values of one tag and the key that they get; and cells of the values that are no plain scalars."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ...._core.errors import MediaTypesError, Problem, StoreError
from ...._core.sidecar import Sink
from ....columns.log_cells import RESERVED
from ....formats import protobuf
from ....writing.aligned import GLOBAL_STEP
from ...importing.losses import Losses
from ..log.events import Event, Metadata, Value
from ..log.tensors import read_tensor
from . import BY_MESSAGE, PLUGINS, UNKNOWN, histograms
from .base import Cell, Given, Rejected, Sinks


class Series(NamedTuple):
    """Values of one tag and one type; the history column of `key` and `kind` has them."""

    folder: str  # of the event file, below that of the run; "" for its own
    tag: str
    key: str
    kind: str  # of the history; "" for what is only in events.parquet
    type: str  # float32, int64, histogram, image, graph_def...


class SeriesList:
    """The series of a run, numbered in the order of their first value."""

    def __init__(self) -> None:
        self.all: list[Series] = []
        self._numbers: dict[Series, int] = {}

    def intern(self, series: Series) -> int:
        """The number of a series, which is a new one for one that was not there."""
        number = self._numbers.setdefault(series, len(self.all))
        if number == len(self.all):
            self.all.append(series)
        return number


def plugin_of(value: Value, metadata: Metadata) -> str:
    return metadata.plugin or BY_MESSAGE.get(value.kind, "")


def key_of(folder: str, tag: str, plugin: str = "") -> str:
    """The key of a tag: the names that W&B's `sync_tensorboard` gives, `<folder>/<tag>`.

    What no key can be, the empty tag and the names of the history's own columns, is written `tag:<tag>`; so is
    `global_step`, which is what lines up the rows of a live run.
    """
    tag = PLUGINS.get(plugin, UNKNOWN).key_of(tag)
    key = f"{folder}/{tag}" if folder else tag
    return f"tag:{key}" if not tag or key in (*RESERVED, "_timestamp", GLOBAL_STEP) else key


_SESSION_LOG = protobuf.Message(status=(1, protobuf.UINT))
_SESSIONS = {1: "START", 2: "STOP", 3: "CHECKPOINT"}  # SessionLog.status: event.proto
Ready = dict[tuple[int, int], list[Cell] | Rejected]  # cells by the span of their value


class Converter:
    """Makes cells of the values that are no plain scalars."""

    def __init__(self, media: Sink, files: Sink) -> None:
        self.sinks = Sinks(media, files)

    def convert(self, data: bytes, value: Value, plugin: str, metadata: Metadata) -> list[Cell]:
        """The cells of a value; raises `Rejected` where it is malformed, and what sinks raise."""
        try:
            return self._convert(data, value, plugin, metadata)
        except (Rejected, StoreError):
            raise
        except OSError as error:
            if error.errno is not None:  # of a sink
                raise
            raise Rejected(str(error)) from error
        except (protobuf.Malformed, MediaTypesError) as error:
            raise Rejected(str(error)) from error
        except Exception as error:  # codecs raise what they like; no value may end an import
            raise Rejected(f"{type(error).__name__}: {error}") from error

    def convert_histograms(self, data: bytes, spans: histograms.Spans) -> Ready:
        """The cells of HistogramProto messages, many at once, by their spans; none of them if one is beyond that."""
        try:
            return dict(zip(spans, histograms.convert_messages(data, spans, self.sinks), strict=True))
        except (StoreError, OSError):
            raise
        except Exception:  # `convert` finds out which one it is
            return {}

    def _convert(self, data: bytes, value: Value, name: str, metadata: Metadata) -> list[Cell]:
        plugin = PLUGINS.get(name, UNKNOWN)
        caption = metadata.description or None
        if plugin.convert_metadata is not None:  # whatever the value is: writers add none, or an empty one
            return plugin.convert_metadata(metadata)
        if value.kind == "tensor" and (tensor := read_tensor(data, *value.span)) is not None:
            return plugin.convert(Given(tensor, metadata, caption, self.sinks))
        by_message = PLUGINS.get(BY_MESSAGE.get(value.kind, ""), UNKNOWN)
        if by_message.convert_message is not None:
            return by_message.convert_message(data, value, caption, self.sinks)
        raise Rejected("a tensor of a type that only TensorFlow has" if value.kind == "tensor" else "no value")


class CellReader:
    """Reads the events of one writer; `remembered`, metadata by tag, grows: it may come with a first value only."""

    def __init__(self, converter: Converter, remembered: dict[str, Metadata]) -> None:
        self.converter, self.remembered = converter, remembered
        self.losses = Losses()  # what was malformed
        self.version = ""

    def read(
        self, data: bytes, event: Event, offset: int, ready: Ready | None = None
    ) -> Iterator[tuple[str, str, Cell]]:
        """Tag, plugin and cell of all that an event at `offset` holds; `ready` are cells that were made already."""
        for value in event.values:
            metadata = self.metadata(value)
            plugin = plugin_of(value, metadata)
            for cell in self._cells(data, value, plugin, metadata, offset, ready or {}):
                yield value.tag, plugin, cell
        if event.what == "file_version":
            self.version = protobuf.text(data, *event.span)
        elif event.what not in ("", "summary"):
            yield "", "", self._other(data, event, offset)

    def metadata(self, value: Value) -> Metadata:
        """What is known of a tag: the first that its writer said, as TensorBoard has it."""
        known = self.remembered.get(value.tag)
        if value.metadata is None:
            return known or Metadata()
        if known is None:
            self.remembered[value.tag] = value.metadata
        return value.metadata

    def malformed(self, data: bytes, offset: int, error: protobuf.Malformed) -> Cell:
        """The cell of a record that is no event."""
        self._complain(offset, "malformed", f"expected an event, got {error}")
        return self.converter.sinks.keep_file(data, "malformed")

    def _cells(
        self, data: bytes, value: Value, plugin: str, metadata: Metadata, offset: int, ready: Ready
    ) -> list[Cell]:
        try:
            made = ready.get(value.span) if value.kind == "histo" else None
            if isinstance(made, list) and plugin != "hparams":
                return made
            return self.converter.convert(data, value, plugin, metadata)
        except Rejected as error:
            expected = f"{value.tag!r}: expected a value of the plugin {plugin or 'of no name'!r}, got {error}"
            self._complain(offset, "rejected", expected.rstrip("."))
            return [self.converter.sinks.keep_file(data[slice(*value.span)], "rejected")]

    def _other(self, data: bytes, event: Event, offset: int) -> Cell:
        """What is no summary: sessions as they are, everything else as a file of the run."""
        if event.what != "session_log":
            return self.converter.sinks.keep_file(data[slice(*event.span)], event.what)
        try:
            status = _SESSION_LOG.read(data, *event.span).get("status", 0)
        except protobuf.Malformed as error:
            return self.malformed(data[slice(*event.span)], offset, error)
        return Cell("", "session_log", _SESSIONS.get(status, "UNSPECIFIED"))

    def _complain(self, offset: int, code: str, message: str) -> None:
        self.losses.add(Problem(f"@{offset}", message, code, "Its bytes are kept as a file."))
