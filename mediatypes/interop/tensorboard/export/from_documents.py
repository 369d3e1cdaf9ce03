"""From logged media to what TensorBoard shows of them; and what it cannot show, said to whoever counts.

PNG, JPEG, GIF, BMP and WAV files stay as they are: these are what TensorBoard serves to a browser. Of the others images
become PNG and sounds WAV.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np

from ...._core.codec import check
from ...._core.deps import need
from ...._core.errors import CodecError, InputError, MediaTypesError
from ....columns.arrays import Array
from ....formats import npy
from ....types.tensor.data import stored_dtype
from ..._in_memory import decode_from_memory
from . import encode, summaries


class Shape(NamedTuple):
    """A mesh, or without faces a point cloud."""

    vertices: Array  # (n, 3) float32
    faces: Array | None  # (m, 3) int32
    colors: Array | None  # (n, 3) uint8
    lost: tuple[str, ...]  # what is not shown, and why


def shape_of(value: Any) -> Shape:
    """The shape of an `Object3D`; raises InputError without points, CodecError for a mesh that trimesh cannot read."""
    if value.points is None:
        corners, faces, colors, lost = _mesh(value)
    else:
        points = value.to_numpy()
        corners, faces, lost = points[:, :3], None, []
        colors = points[:, 3:].astype(np.uint8) if points.shape[1] == 6 else None
        parts = {"categories": points.shape[1] == 4, "boxes": value.boxes, "vectors": value.vectors}
        lost = [f"without its {name}, which TensorBoard does not show" for name, there in parts.items() if there]
    if not len(corners):
        raise InputError.of("mesh", "at least one point", 0, "TensorBoard shows no empty cloud.")
    with np.errstate(over="ignore"):
        vertices = corners.astype(np.float32)
    if (vertices != corners).any():
        lost.append("its coordinates rounded to float32")
    return Shape(vertices, faces, colors, tuple(lost))


def _mesh(value: Any) -> tuple[Array, Array, Array | None, list[str]]:
    """The triangles of a file as trimesh reads them, all parts of a scene together."""
    need("trimesh", extra="3d", needed_for=f"a mesh of type {value.format} in an event file")
    try:
        with np.errstate(all="ignore"):
            mesh = value._to_trimesh().to_mesh()
        kind = mesh.visual.kind
        colors = np.asarray(mesh.visual.vertex_colors)[:, :3] if kind == "vertex" else None
        faces = np.asarray(mesh.faces, np.int32).reshape(-1, 3)
        lost = ["without its materials, of which TensorBoard shows none"] if kind in ("texture", "face") else []
        return np.asarray(mesh.vertices, np.float64), faces, colors, lost
    except MediaTypesError:
        raise
    except Exception as error:  # trimesh raises whatever its parsers stumble over
        reason = str(error).rstrip(".") or type(error).__name__
        raise CodecError(f"mesh: expected trimesh to read a file of type {value.format}, got {reason}") from error


_COUNTS = ("true_positives", "false_positives", "true_negatives", "false_negatives")  # columns of an imported curve
_EXAMPLES = 1_000_000


def pr_rows(plot: Any) -> dict[str, tuple[Array, bool]]:
    """By class the (6, n) rows of its curve, of so many examples where counts are missing; and if all are there."""
    table, fields = plot.table, plot.fields
    precision, recall = (np.array(table.get_column(fields[name]), np.float64) for name in ("y", "x"))
    complete = set(_COUNTS) <= set(table.columns)
    if complete:
        counts = [np.array(table.get_column(name), np.float64) for name in _COUNTS]
    else:
        share = np.array(table.get_column(fields["baseline"]), np.float64) if "baseline" in fields else 0.5
        positive = np.rint(recall * share * _EXAMPLES)
        false = np.rint(positive * (1 / np.where(precision > 0, precision, 1) - 1))
        missed = np.rint(share * _EXAMPLES) - positive
        counts = [positive, false, np.maximum(_EXAMPLES - positive - false - missed, 0), missed]
    rows = np.stack([*counts, precision, recall])
    classes = table.get_column(fields["class"]) if "class" in fields else ["all"] * table.num_rows
    places: dict[str, list[int]] = {}
    for i, name in enumerate(classes):
        places.setdefault(str(name), []).append(i)
    return {name: (rows[:, chosen], complete) for name, chosen in places.items()}


UNFIT = "TensorBoard does not show it"
TOO_LARGE = "more than an event can hold"
HELD = "in the file as a tensor, which TensorBoard does not show"
BROKEN = (ValueError, TypeError, AttributeError, LookupError, OverflowError)  # what malformed cells end in
_SHOWN = ("png", "jpg", "gif", "bmp")  # img_mime_type_detector.py
_MOVING = ("gif", "apng")
_LOSSLESS = {"PCM_16": "PCM_16", "PCM_24": "PCM_24"}  # of FLAC
Parts = list[tuple[str, bytes]]  # suffixes of the tag, and fields of a Summary.Value


class Counter(Protocol):
    """Gives sidecars, and counts what is not carried."""

    def lose(self, key: str, kind: str, reason: str, count: int = 1) -> None: ...

    def embed(self, reference: dict[str, Any], key: str, kind: str) -> bytes | None: ...


class _Losses:
    """What is lost of one cell, and the sidecars that its documents name; `counter` has them of all cells."""

    def __init__(self, counter: Counter, key: str, kind: str) -> None:
        self._counter, self._of = counter, (key, kind)

    def lose(self, reason: str, count: int = 1) -> None:
        self._counter.lose(*self._of, reason, count)

    def embed(self, reference: dict[str, Any]) -> bytes | None:
        """The bytes of a sidecar; None if it cannot be had, which is counted."""
        if not encode.fits(reference["size"]):
            self.lose(TOO_LARGE)
            return None
        return self._counter.embed(reference, *self._of)

    def decode(self, document: dict[str, Any]) -> Any:
        """The value of a document; None if a sidecar cannot be had, which is counted."""
        return decode_from_memory(document, self.embed)

    def attempt(self, make: Callable[..., Any], *arguments: Any) -> Any:
        """What a call returns; None where it raises an error of ours, which is counted."""
        try:
            return make(*arguments)
        except MediaTypesError as error:
            self.lose(said(error))
            return None


class Converter:
    """Makes values of summaries from cells of a history; `counter` gives the sidecars."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._captions: dict[str, str] = {}  # the first of each tag

    def convert(self, key: str, kind: str, tag: str, cell: Any) -> Parts:
        """The values of a cell that is no number; empty if TensorBoard shows nothing of it."""
        losses = _Losses(self._counter, key, kind)
        try:
            return self._convert(losses, kind, tag, cell)
        except BROKEN:
            losses.lose("its cell is not what its kind says")
            return []

    def _convert(self, losses: _Losses, kind: str, tag: str, cell: Any) -> Parts:
        if kind in ("string", "json"):
            return [("", summaries.texts([cell]))]
        if kind == "string_list":
            return [("", summaries.texts(["null" if item is None else item for item in cell]))]
        if kind == "number_list":
            return _numbers(losses, cell)
        documents = cell if isinstance(cell, list) else [cell]
        valid = [one for one in documents if not check(one)]
        losses.lose("its document does not follow the format", len(documents) - len(valid))
        types = {one["_type"] for one in valid}
        if len(types) == 1 and (type := types.pop()) in _BATCHES and isinstance(cell, list):
            return _BATCHES[type](losses, valid)
        all_parts: Parts = []
        for i, document in enumerate(valid):
            suffix = f"/{i}" if isinstance(cell, list) else ""
            parts = self._document(losses, tag + suffix, document)
            all_parts += [(suffix + inner, value) for inner, value in parts]
        return all_parts

    def _document(self, losses: _Losses, tag: str, document: dict[str, Any]) -> Parts:
        convert = _BY_TYPE.get(document["_type"])
        if convert is None:
            losses.lose(UNFIT)
            return []
        caption = document.get("caption", "")
        if caption != self._captions.setdefault(tag, caption):
            losses.lose("in the file with its caption, of which TensorBoard shows each tag's first")
        return losses.attempt(convert, losses, tag, document) or []


def _numbers(losses: _Losses, cell: list[Any]) -> Parts:
    whole = all(type(item) is int for item in cell)
    array = np.array([np.nan if item is None else item for item in cell], np.int64 if whole else np.float64)
    losses.lose(HELD if None not in cell else f"{HELD}; null is NaN")
    return [("", _held(array))]


def _shown(data: bytes | None, sized: dict[str, Any], caption: str) -> Parts:
    """A picture of the size that a document says."""
    return [("", summaries.images([data], int(sized["width"]), int(sized["height"]), caption))] if data else []


def _image(losses: _Losses, tag: str, document: dict[str, Any]) -> Parts:
    return _shown(_picture(losses, document), document, document.get("caption", ""))


def _images(losses: _Losses, documents: list[dict[str, Any]]) -> Parts:
    files = [data for document in documents if (data := losses.attempt(_picture, losses, document))]
    captions = {document.get("caption", "") for document in documents}
    losses.lose("their captions differ, and one tag has one", len(captions) > 1)
    width, height = (max(int(document[side]) for document in documents) for side in ("width", "height"))
    return [("", summaries.images(files, width, height, captions.pop() if len(captions) == 1 else ""))] if files else []


def _picture(losses: _Losses, document: dict[str, Any]) -> bytes | None:
    """The file of an image, as PNG if TensorBoard does not know its format."""
    overlays = [name for name in ("boxes", "masks") if document.get(name)]
    if overlays:
        losses.lose(f"without its {' and '.join(overlays)}, which TensorBoard does not show")
    if document["format"] in _SHOWN:
        return losses.embed(document)
    from ....types.image.value import Image

    value = losses.decode({name: item for name, item in document.items() if name not in ("boxes", "masks")})
    if value is None:
        return None
    made = Image(value.to_numpy()).to_bytes()
    losses.lose(f"as PNG: TensorBoard does not show {document['format']}")
    return made


def _video(losses: _Losses, tag: str, document: dict[str, Any]) -> Parts:
    if document["format"] not in _MOVING:
        losses.lose("TensorBoard shows no video but gif")
        return []
    return _shown(losses.embed(document), document, document.get("caption", ""))


def _audio(losses: _Losses, tag: str, document: dict[str, Any]) -> Parts:
    data, caption = _wave(losses, document), document.get("caption", "")
    return [("", summaries.sounds([(data, caption)], caption))] if data else []


def _sounds(losses: _Losses, documents: list[dict[str, Any]]) -> Parts:
    clips = [(losses.attempt(_wave, losses, document), document.get("caption", "")) for document in documents]
    files = [(data, caption) for data, caption in clips if data]
    return [("", summaries.sounds(files))] if files else []


def _wave(losses: _Losses, document: dict[str, Any]) -> bytes | None:
    """The file of a sound, as WAV if it is another: TensorBoard calls every file audio/wav."""
    if document["format"] == "wav":
        return losses.embed(document)
    from ....types.audio.value import Audio

    value = losses.decode(document)
    if value is None:
        return None
    subtype, samples = _LOSSLESS.get(value.subtype, "PCM_16"), value.to_numpy()
    made = Audio(samples, value.sample_rate, subtype=subtype, clip=samples.dtype.kind == "f")
    losses.lose(f"as WAV {subtype}: TensorBoard plays no {document['format']}")
    return made.to_bytes()


def _html(losses: _Losses, tag: str, document: dict[str, Any]) -> Parts:
    data = losses.embed(document)
    if data is None:
        return []
    losses.lose("as text: TensorBoard shows Markdown, and removes most HTML")
    return [("", summaries.texts([data.decode("utf-8", "backslashreplace")], caption=document.get("caption", "")))]


def _histogram(losses: _Losses, tag: str, document: dict[str, Any]) -> Parts:
    if any(document.get(f"{name}_count", 0) for name in ("nan", "positive_infinity", "negative_infinity")):
        losses.lose("without its counts of NaN and infinity")
    edges, counts = (np.array(document[name], np.float64) for name in ("bins", "values"))
    return [("", summaries.histogram(edges, counts, document.get("caption", "")))]


def _tensor(losses: _Losses, tag: str, document: dict[str, Any]) -> Parts:
    if document["dtype"] not in summaries.DTYPES:
        losses.lose(f"TensorFlow has no {document['dtype']}")
        return []
    data = losses.embed(document)
    if data is None:
        return []
    bits = npy.read(data, stored_dtype(document["dtype"]), tuple(map(int, document["shape"])), "tensor")
    losses.lose(HELD)
    return [("", _held(bits, document["dtype"]))]


def _figure(losses: _Losses, tag: str, document: dict[str, Any]) -> Parts:
    """The picture of a matplotlib figure, where there is one."""
    picture = document if document["format"] == "png" else document.get("image")
    if picture is None:
        losses.lose("TensorBoard shows no figures but pictures of them")
        return []
    return _shown(losses.embed(picture), picture, document.get("caption", ""))


def _plot(losses: _Losses, tag: str, document: dict[str, Any]) -> Parts:
    if document["preset"] != "pr_curve":
        losses.lose("TensorBoard shows no plots but pr curves")
        return []
    value = losses.decode(document)
    if value is None:
        return []
    rows = pr_rows(value)
    if not all(complete for _, complete in rows.values()):
        losses.lose("its counts made up from shares: the plot has none, and no thresholds")
    single = len(rows) == 1
    return [("" if single else f"/{name}", summaries.pr_curve(curve)) for name, (curve, _) in rows.items()]


def _object3d(losses: _Losses, tag: str, document: dict[str, Any]) -> Parts:
    value = losses.decode(document)
    if value is None:
        return []
    shape = shape_of(value)
    for reason in shape.lost:
        losses.lose(reason)
    return summaries.mesh(tag, shape.vertices, shape.faces, shape.colors, document.get("caption", ""))


def said(error: Exception) -> str:
    """An error as the reason why something is not carried."""
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


def _held(array: Array, dtype: str = "") -> bytes:
    """A tensor that no plugin shows, as torch's `add_tensor` writes it."""
    return summaries.tensor(array, dtype) + summaries.metadata("tensor")


_BY_TYPE: dict[str, Callable[[_Losses, str, dict[str, Any]], Parts]] = {
    "image": _image,
    "video": _video,
    "audio": _audio,
    "html": _html,
    "histogram": _histogram,
    "tensor": _tensor,
    "figure": _figure,
    "plot": _plot,
    "object3d": _object3d,
}
_BATCHES: dict[str, Callable[[_Losses, list[dict[str, Any]]], Parts]] = {"image": _images, "audio": _sounds}
