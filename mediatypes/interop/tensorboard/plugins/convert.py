"""What a value of a summary becomes: a cell of the run's history, by plugin.

Plugins and what they write: tensorboard/plugins/<name>/metadata.py and summary_v2.py; what values without metadata
mean: tensorboard/data_compat.py. Files inside events (PNG, GIF, WAV...) are kept byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...._core import canonical
from ...._core.errors import MediaTypesError
from ...._core.sidecar import Blob, Sink
from ....columns.arrays import Array
from ....columns.classify import EXACT
from ....formats import protobuf
from ..log.events import Metadata, Value
from ..log.tensors import TensorValue, read_tensor
from . import custom_scalars, histogram_json, histograms, hparams, media

_MOST_EDGES = 1024  # kept, of each run
MESH_PARTS = {1: "mesh_vertices", 2: "mesh_faces", 3: "mesh_colors"}  # MeshPluginData.ContentType


class Cell(NamedTuple):
    """One value for events.parquet, and for the history unless `kind` is empty."""

    kind: str  # of the history
    type: str  # of the events
    value: Any  # number, text, document or list of documents
    suffix: str = ""  # of the key, when a value makes several cells


class Rejected(Exception):
    """A value that cannot be what its plugin says; its bytes are kept as a file."""


class Converter:
    """Makes cells of the values that are no plain scalars.

    Args:
        sink: where the sidecars of media go.
        files: where bytes go that are no media.
    """

    def __init__(self, sink: Sink, files: Sink) -> None:
        self.sink, self.files = sink, files
        self._edges: dict[bytes, dict[str, Any]] = {}

    def convert(self, data: bytes, value: Value, plugin: str, metadata: Metadata) -> list[Cell]:
        """The cells of a value; raises `Rejected` where it is malformed."""
        caption = metadata.description or None
        try:
            if plugin == "hparams":  # in the metadata; writers add no value, or an empty one
                return [Cell("", "hparams", hparams.read_hparams(metadata.content))]
            if value.kind == "simple_value":
                return [Cell("number", "float32", value.number)]
            if value.kind == "histo":
                (found,) = histograms.read_protos(data, [value.span])
                if isinstance(found, protobuf.Malformed):
                    raise found
                return self._histogram(found)
            if value.kind == "image":
                return self._images([_bytes_field(data, value, 4)], caption)
            if value.kind == "audio":
                return self._sounds([(_bytes_field(data, value, 4), caption)])
            if value.kind == "tensor" and (tensor := read_tensor(data, *value.span)) is not None:
                convert = _BY_PLUGIN.get(plugin, Converter._tensor)
                return convert(self, tensor, metadata, caption)
        except (protobuf.Malformed, MediaTypesError) as error:
            raise Rejected(str(error)) from error
        raise Rejected("a tensor of a type that only TensorFlow has" if value.kind == "tensor" else "no value")

    def keep_file(self, data: bytes, type: str, suffix: str = ".pb") -> Cell:
        """Bytes that are no media value, as a file of the run."""
        return Cell("", type, Blob(data).place(self.files, suffix, "application/octet-stream"))

    def _scalar(self, tensor: TensorValue, metadata: Metadata, caption: str | None) -> list[Cell]:
        array = tensor.array
        if (
            array is None
            or array.size != 1
            or array.dtype.kind not in "biuf"
            or tensor.dtype.startswith(("bf", "float8"))
        ):
            return self._tensor(tensor, metadata, caption)
        number = array.reshape(-1)[0].item()
        if isinstance(number, int) and abs(number) > EXACT:
            if number >= 2**63:
                return self._tensor(tensor, metadata, caption)
            return [Cell("integer", "integer", number)]
        return [Cell("number", tensor.dtype, float(number))]

    def _histogram_tensor(self, tensor: TensorValue, metadata: Metadata, caption: str | None) -> list[Cell]:
        return self._histogram(histograms.read_tensor(_numeric(tensor)))

    def read_histograms(self, data: bytes, spans: list[tuple[int, int]]) -> list[list[Cell] | Rejected]:
        """The cells of HistogramProto messages, many at once; their documents have arrays in place of lists."""
        found = histograms.read_protos(data, spans)
        documents = iter(
            histogram_json.documents([one.bins for one in found if not isinstance(one, protobuf.Malformed)])
        )
        return [
            Rejected(str(one)) if isinstance(one, protobuf.Malformed) else self._histogram(one, next(documents))
            for one in found
        ]

    def _histogram(self, found: histograms.Found, document: dict[str, Any] | None = None) -> list[Cell]:
        cells = [Cell("histogram", "histogram", document or histogram_json.document(found.bins))]
        if found.limits is not None:
            cells.append(Cell("tensor", "tensor", self._limits(found.limits), ".edges"))
        if found.counts is not None:
            cells.append(Cell("tensor", "tensor", media.tensor(found.counts, self.sink), ".counts"))
        if found.statistics:
            cells.append(Cell("", "histogram_statistics", histogram_json.statistics(found.statistics)))
        return cells

    def _limits(self, limits: Array) -> dict[str, Any]:
        """The edges of a histogram as they were written; they are few, of many histograms."""
        key = limits.tobytes()
        if key not in self._edges:
            if len(self._edges) >= _MOST_EDGES:
                self._edges.clear()
            document = media.tensor(limits, self.sink)
            self._edges[key] = canonical.PreEncodedJson(document, canonical.dumps(document))
        return self._edges[key]

    def _images(self, files: list[bytes], caption: str | None) -> list[Cell]:
        return [_listed([media.picture(data, caption, self.sink) for data in files])]

    def _image_tensor(self, tensor: TensorValue, metadata: Metadata, caption: str | None) -> list[Cell]:
        """Width and height as texts, then the encoded images."""
        _check_strings(tensor, 1)
        return self._images(tensor.strings[2:], caption)

    def _sounds(self, clips: list[tuple[bytes, str | None]]) -> list[Cell]:
        return [_listed([media.sound(data, caption, self.sink) for data, caption in clips])]

    def _audio_tensor(self, tensor: TensorValue, metadata: Metadata, caption: str | None) -> list[Cell]:
        """(k, 2): an encoded clip and its label in Markdown; or (k,) clips."""
        _check_strings(tensor, 1, 2)
        if len(tensor.shape) == 1:
            return self._sounds([(data, caption) for data in tensor.strings])
        width = tensor.shape[1]
        labels = [tensor.strings[i + 1].decode("utf-8", "backslashreplace") if width > 1 else "" for i in _rows(tensor)]
        return self._sounds(
            [(tensor.strings[i], label or caption) for i, label in zip(_rows(tensor), labels, strict=True)]
        )

    def _text(self, tensor: TensorValue, metadata: Metadata, caption: str | None) -> list[Cell]:
        if tensor.array is not None:
            return self._tensor(tensor, metadata, caption)
        texts = [text.decode("utf-8", "backslashreplace") for text in tensor.strings]
        if len(texts) == 1 and len(tensor.shape) < 2:
            return [Cell("string", "text", texts[0])]
        if len(tensor.shape) < 2:
            return [Cell("string_list", "text_list", texts)] if texts else [_listed([])]
        return [Cell("table", "table", media.text_table(texts, tensor.shape[-1], self.sink))]

    def _mesh(self, tensor: TensorValue, metadata: Metadata, caption: str | None) -> list[Cell]:
        content = metadata.content
        found = [at for number, kind, at, _ in protobuf.fields(content, 0, len(content)) if (number, kind) == (3, 0)]
        part = MESH_PARTS.get(found[-1] if found else 0)
        if part is None or tensor.array is None or tensor.array.ndim != 3 or tensor.array.shape[2] != 3:
            return self._tensor(tensor, metadata, caption)
        return [Cell("", part, media.tensor(tensor.array, self.sink))]

    def _pr_curve(self, tensor: TensorValue, metadata: Metadata, caption: str | None) -> list[Cell]:
        array = _numeric(tensor)
        if array.ndim != 2 or array.shape[0] != 6 or not array.shape[1]:
            return self._tensor(tensor, metadata, caption)
        return [Cell("plot", "pr_curve", media.pr_curve(array.astype(np.float64), self.sink))]

    def _tensor(self, tensor: TensorValue, metadata: Metadata, caption: str | None) -> list[Cell]:
        """A tensor that no plugin shows, as it is."""
        if tensor.array is not None:
            return [Cell("tensor", "tensor", media.tensor(tensor.array, self.sink, tensor.dtype))]
        return self._text(tensor, metadata, caption)

    def _layout(self, tensor: TensorValue, metadata: Metadata, caption: str | None) -> list[Cell]:
        """Charts of scalars that have keys of their own; what a Plot shows has to be in its own table."""
        cells = self._file(tensor, metadata, caption)
        if tensor.array is None:
            for cell, data in zip(cells, tensor.strings, strict=True):
                cell.value["layout"] = custom_scalars.read_layout(data)
        return cells

    def _file(self, tensor: TensorValue, metadata: Metadata, caption: str | None) -> list[Cell]:
        """Messages of plugins that show something else than values: graphs, layouts of charts."""
        if tensor.array is not None:
            return self._tensor(tensor, metadata, caption)
        return [self.keep_file(data, metadata.plugin) for data in tensor.strings]


_BY_PLUGIN: dict[str, Callable[[Converter, TensorValue, Metadata, str | None], list[Cell]]] = {
    "scalars": Converter._scalar,
    "histograms": Converter._histogram_tensor,
    "images": Converter._image_tensor,
    "audio": Converter._audio_tensor,
    "text": Converter._text,
    "mesh": Converter._mesh,
    "pr_curves": Converter._pr_curve,
    "custom_scalars": Converter._layout,
    "graphs": Converter._file,
    "graph_run_metadata": Converter._file,
    "graph_run_metadata_graph": Converter._file,
    "graph_keras_model": Converter._file,
    "graph_tagged_run_metadata": Converter._file,
}


def _listed(documents: list[dict[str, Any]]) -> Cell:
    """One document alone; several, or none, as a list."""
    if not documents:
        return Cell("number_list", "empty_list", [])
    if len(documents) > 1:
        return Cell("media_list", "media_list", documents)
    kind = documents[0]["_type"]
    return Cell(kind, kind, documents[0])


def _bytes_field(data: bytes, value: Value, wanted: int) -> bytes:
    found = [
        span for number, kind, *span in protobuf.fields(data, *value.span) if (number, kind) == (wanted, protobuf.BYTES)
    ]
    if not found:
        raise protobuf.Malformed(f"an {value.kind} without its file")
    return data[slice(*found[-1])]


def _check_strings(tensor: TensorValue, *ranks: int) -> None:
    if tensor.array is not None or len(tensor.shape) not in ranks:
        raise protobuf.Malformed(f"a tensor of dtype {tensor.dtype} and shape {tensor.shape}")


def _rows(tensor: TensorValue) -> range:
    width = tensor.shape[1]
    return range(0, len(tensor.strings), width) if width else range(0)


def _numeric(tensor: TensorValue) -> Array:
    if tensor.array is None or tensor.array.dtype.kind not in "biuf":
        raise protobuf.Malformed(f"a tensor of dtype {tensor.dtype}")
    return tensor.array
