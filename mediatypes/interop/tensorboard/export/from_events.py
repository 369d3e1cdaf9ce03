"""Values of summaries from the rows of `events.parquet`, by type: `plugins` of the importer, undone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...._core.codec import check
from ...._core.errors import MediaTypesError
from ....columns.arrays import Array
from ....formats import npy
from ....types.tensor.data import stored_dtype
from ..._in_memory import decode_from_memory
from ..log.events import WHAT, Metadata
from ..plugins import MESSAGES
from ..plugins.convert import Series
from ..plugins.hparams import read_hparams
from . import encode, sessions, summaries
from .from_documents import BROKEN, TOO_LARGE, Counter, pr_rows, said
from .records import Form, scalar_form

_SESSIONS = {"START": 1, "STOP": 2, "CHECKPOINT": 3}  # SessionLog.status: event.proto
_FIELDS = {name: number for number, name in WHAT.items()}
_SESSION_LOG = _FIELDS["session_log"]
_LOST = {
    "rejected": "no value of its plugin; it is kept as a file of the run",
    "malformed": "no event; it is kept as a file of the run",
}
_NOTHING = Metadata()
Cells = list[tuple[Series, Any]]


class Group(NamedTuple):
    """The rows of one value."""

    series: Series
    cell: Any
    more: Cells


class Restorer:
    """Makes events of one file: `known` is its metadata by tag; `counter` gives sidecars, and counts what is not."""

    def __init__(self, known: dict[str, Metadata], counter: Counter) -> None:
        self._known, self._counter = known, counter

    def metadata(self, tag: str, caption: str | None = None) -> bytes:
        """The metadata of a tag, with another description if the value has one of its own."""
        known = self._known.get(tag, _NOTHING)
        description = known.description if caption is None else caption
        return summaries.metadata(known.plugin, known.content, description, known.display_name)

    def scalar_form(self, series: Series) -> Form:
        """How the numbers of a tag are written."""
        as_tensor = series.type == "float64" or self._known.get(series.tag, _NOTHING).plugin == "scalars"
        return scalar_form(series.tag, series.type if as_tensor else "simple_value", self.metadata(series.tag))

    def event(self, group: Group) -> bytes | None:
        """What the event says; None if that cannot be known, which is counted."""
        type, tag = group.series.type, group.series.tag
        if type == "session_log":
            status = encode.integer(1, _SESSIONS.get(group.cell, 0))
            return encode.field(_SESSION_LOG, status)
        try:
            if type in _FIELDS:
                message = self._read(group.series, group.cell)
                return None if message is None else encode.field(_FIELDS[type], message)
            value = self._value(group)
        except MediaTypesError as error:
            return self._lose(group.series, said(error))
        except BROKEN:
            return self._lose(group.series, "its cell is not what its type says")
        if value is None or encode.fits(len(value)):
            return None if value is None else encode.summary(tag, value)
        return self._lose(group.series, TOO_LARGE)

    def _lose(self, series: Series, reason: str) -> bytes | None:
        self._counter.lose(series.key, series.kind or series.type, reason)
        return None

    def _value(self, group: Group) -> bytes | None:
        series, cell = group.series, group.cell
        type, known = series.type, self._known.get(series.tag, _NOTHING)
        if type in _LOST:
            return self._lose(series, _LOST[type])
        if series.kind in ("number", "integer"):
            array = np.array(cell, "int64" if type == "integer" else type)
            return summaries.tensor(array) + self.metadata(series.tag)
        if type == "hparams":
            return sessions.raw(known.content) if read_hparams(known.content) == cell else _session(cell)
        if type == "histogram":
            return self._histogram(group)
        if type in MESSAGES:
            messages = [self._read(series, one) for one in (cell, *(cell for _, cell in group.more))]
            files = [data for data in messages if data is not None]
            return (
                summaries.strings(files, (len(files),) if len(files) > 1 else ()) + self.metadata(series.tag)
                if files
                else None
            )
        if type == "text" or type == "text_list":
            texts = [text.encode("utf-8", "backslashreplace") for text in ([cell] if type == "text" else cell)]
            return summaries.strings(texts, (len(texts),)) + self.metadata(series.tag)
        if type == "empty_list":
            items = [b"0", b"0"] if known.plugin == "images" else []
            shape = (0, 2) if known.plugin == "audio" else (len(items),)
            return summaries.strings(items, shape) + self.metadata(series.tag)
        documents = cell if isinstance(cell, list) else [cell]
        if any(check(document) for document in documents):
            return self._lose(series, "its document does not follow the format")
        convert = _BY_TYPE.get(documents[0]["_type"])
        return convert(self, series, documents) if convert else self._lose(series, f"no value of type {type}")

    def _read(self, series: Series, reference: Any) -> bytes | None:
        if not encode.fits(reference["size"]):
            return self._lose(series, TOO_LARGE)
        return self._counter.embed(reference, series.key, series.kind or series.type)

    def _array(self, series: Series, document: dict[str, Any]) -> Array | None:
        """The elements of a tensor, or their bits."""
        data = self._read(series, document)
        shape = tuple(int(size) for size in document["shape"])
        return None if data is None else npy.read(data, stored_dtype(document["dtype"]), shape, "tensor")

    def _histogram(self, group: Group) -> bytes | None:
        """As a HistogramProto if there are its statistics, else as a tensor of its bins."""
        edges, counts = (np.array(group.cell[name], np.float64) for name in ("bins", "values"))
        tensors = [(series, cell) for series, cell in group.more if series.type == "tensor"]
        kept = {series.key.removeprefix(group.series.key): self._array(series, cell) for series, cell in tensors}
        statistics = next((cell for series, cell in group.more if series.type == "histogram_statistics"), None)
        limits, exact = kept.get(".edges"), kept.get(".counts")
        if statistics is None:
            if limits is not None and exact is not None:
                edges, counts = np.concatenate([edges[:1], limits]), exact
            return summaries.histogram_rows(edges, counts) + self.metadata(group.series.tag)
        if limits is None:
            limits, exact = edges, np.append(0.0, counts)
        elif exact is None:  # only empty bins were joined; both outer edges were replaced
            places = np.searchsorted(limits, [edges[1], *edges[1:-1]]) + np.arange(len(counts)).clip(max=1)
            exact = np.zeros(len(limits))
            np.add.at(exact, places.clip(max=len(limits) - 1), counts)
        return summaries.histo(limits, exact, statistics) + self.metadata(group.series.tag)

    def _images(self, series: Series, documents: list[dict[str, Any]]) -> bytes | None:
        files = [self._read(series, document) for document in documents]
        if None in files:
            return None
        width, height = (int(documents[0][name]) for name in ("width", "height"))
        metadata = self.metadata(series.tag, documents[0].get("caption"))
        if self._known.get(series.tag, _NOTHING).plugin == "images":
            items = [str(width).encode(), str(height).encode(), *[data for data in files if data is not None]]
            return summaries.strings(items, (len(items),)) + metadata
        return summaries.image_message(files[0] or b"", width, height, documents[0].get("mode", "RGB")) + metadata

    def _sounds(self, series: Series, documents: list[dict[str, Any]]) -> bytes | None:
        files = [self._read(series, document) for document in documents]
        if None in files:
            return None
        known, first = self._known.get(series.tag, _NOTHING), documents[0]
        if known.plugin != "audio":
            rate, channels, frames = (int(first[name]) for name in ("sample_rate", "channels", "frames"))
            made = summaries.sound_message(files[0] or b"", rate, channels, frames, first["media_type"])
            return made + self.metadata(series.tag, first.get("caption"))
        captions = [document.get("caption", "") for document in documents]
        labels = ["" if caption == known.description else caption for caption in captions]
        pairs = zip([data for data in files if data is not None], labels, strict=True)
        items = [item for data, label in pairs for item in (data, label.encode("utf-8", "backslashreplace"))]
        return summaries.strings(items, (len(documents), 2)) + self.metadata(series.tag)

    def _tensor(self, series: Series, documents: list[dict[str, Any]]) -> bytes | None:
        (document,) = documents
        array = self._array(series, document)
        if array is None:
            return None
        return summaries.tensor(array, document["dtype"]) + self.metadata(series.tag)

    def _table(self, series: Series, documents: list[dict[str, Any]]) -> bytes | None:
        """Texts in rows."""
        value = self._decode(series, documents[0])
        if value is None:
            return None
        columns = [value.get_column(name) for name in value.columns]
        texts = [text.encode("utf-8", "backslashreplace") for row in zip(*columns, strict=True) for text in row]
        return summaries.strings(texts, (value.num_rows, len(columns))) + self.metadata(series.tag)

    def _plot(self, series: Series, documents: list[dict[str, Any]]) -> bytes | None:
        value = self._decode(series, documents[0])
        if value is None:
            return None
        ((rows, _),) = pr_rows(value).values()
        single = rows.astype(np.float32)
        return summaries.tensor(single if (single == rows).all() else rows) + self.metadata(series.tag)

    def _decode(self, series: Series, document: dict[str, Any]) -> Any:
        return decode_from_memory(document, lambda reference: self._read(series, reference))


def _session(cell: dict[str, Any]) -> bytes:
    """A message of the hparams plugin, from what the importer read of it."""
    if "end" in cell:
        return sessions.end(cell["end"].get("status", ""), cell["end"].get("end_time", 0.0))
    start = cell.get("start", {})
    return sessions.start(start.get("hparams", {}), start.get("start_time", 0.0), start)


_BY_TYPE: dict[str, Callable[[Restorer, Series, list[dict[str, Any]]], bytes | None]] = {
    "image": Restorer._images,
    "video": Restorer._images,
    "audio": Restorer._sounds,
    "tensor": Restorer._tensor,
    "table": Restorer._table,
    "plot": Restorer._plot,
}
