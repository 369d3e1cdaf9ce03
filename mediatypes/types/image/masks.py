"""Segmentation masks: a class id for each pixel, and the names of the classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from ..._core.declaration import Field, Integer, Record, reference
from ..._core.errors import InputError, Verbatim, problem
from ..._core.inputs import read_blob
from ..._core.sidecar import Blob, Sink, Source, fetch
from ..._core.value import Frozen
from ...columns.arrays import Array, as_array, is_array
from ..pictures import files
from .classes import LABELS, Classes, complete_labels, labels_from_json, labels_to_json, read_labels

MASK = Record(
    "A segmentation mask: a single-channel lossless image whose pixel values are class ids.",
    (
        *reference("the mask"),
        Field("width", Integer(1), "Width in pixels, that of the image."),
        Field("height", Integer(1), "Height in pixels, that of the image."),
        Field("bit_depth", Integer(1, 16), "Bits of a pixel: 8, or 16 when an id is beyond 255."),
        Field("class_labels", LABELS, "Names by class id; an id without one is shown as class_<id>.", required=False),
    ),
)


class ImageMask(Frozen):
    """A class id for each pixel of an image.

    Args:
        val: an (H, W) integer or bool array with values 0..65535, a path, bytes or open file of a lossless
            single-channel image, or W&B's form `{"mask_data": array or "path": file, "class_labels": {...}}`.
        class_labels: names by class id; ids without one are called `class_<id>`.

    Raises:
        InputError: floats, more than two dimensions, ids beyond 65535, a lossy or colour file.

    >>> import numpy as np
    >>> ImageMask(np.array([[0, 2]]), class_labels={2: "road"}).class_labels
    {0: 'class_0', 2: 'road'}
    """

    declaration = MASK
    _ids: Array | None  # (H, W) uint8 or uint16; None where a file was given
    _blob: Blob | None
    _file: files.ImageFile | None
    _labels: dict[int, str] | None

    def __init__(self, val: Any, class_labels: Mapping[Any, str] | Classes | None = None) -> None:
        self._set(**_read(val, class_labels, "ImageMask"))

    def __repr__(self) -> str:
        return f"ImageMask({self.width}x{self.height})"

    @property
    def width(self) -> int:
        """Width in pixels."""
        return self._file.width if self._file else int(self._pixels.shape[1])

    @property
    def height(self) -> int:
        """Height in pixels."""
        return self._file.height if self._file else int(self._pixels.shape[0])

    @property
    def class_labels(self) -> dict[int, str]:
        """Names by class id: those given, and `class_<id>` for the other ids that occur."""
        return complete_labels(self._labels, np.unique(self.to_numpy()).tolist())

    def to_numpy(self) -> Array:
        """(H, W) uint8 or uint16 of class ids; read-only."""
        return self._pixels

    @property
    def _pixels(self) -> Array:
        if self._ids is None:
            self._set(_ids=_read_ids(self._blob.read(), self._file, "mask"))  # type: ignore[union-attr, arg-type]
        return self._ids  # type: ignore[return-value]

    def _with_labels(self, labels: dict[int, str] | None) -> Self:
        return self if self._labels is not None or labels is None else self._replace(_labels=labels)

    def _encode(self, sink: Sink) -> dict[str, Any]:
        if self._blob is not None and self._file is not None:
            document = self._blob.place(sink, self._file.suffix, self._file.media_type)
            bit_depth = self._file.bit_depth
        else:
            from ...formats import png

            bit_depth = self._pixels.dtype.itemsize * 8
            document = Blob(png.encode_indexed(self._pixels)).place(sink, ".png", "image/png")
        document |= {"width": self.width, "height": self.height, "bit_depth": bit_depth}
        if self._labels is not None:
            document["class_labels"] = labels_to_json(self._labels)
        return document

    @classmethod
    def _decode(cls, document: dict[str, Any], source: Source) -> Self:
        blob = Blob(fetch(source, document, "mask"), document["sha256"])
        file = files.check(blob, document, "mask")
        mask = cls.__new__(cls)
        mask._set(_ids=None, _blob=blob, _file=file, _labels=labels_from_json(document.get("class_labels")))
        return mask


def read_mask(value: Any, where: str) -> ImageMask:
    """A mask as `Image(masks={name: ...})` takes it."""
    if isinstance(value, ImageMask):
        return value
    mask = ImageMask.__new__(ImageMask)
    mask._set(**_read(value, None, where))
    return mask


def _read(value: Any, class_labels: Any, where: str) -> dict[str, Any]:
    if isinstance(value, ImageMask):
        labels = read_labels(class_labels, f"{where}.class_labels") or value._labels
        return {**value.__dict__, "_labels": labels}
    if isinstance(value, Mapping):
        if ("mask_data" in value) == ("path" in value):
            raise InputError.of(where, "a dict with either 'mask_data' or 'path'", sorted(map(str, value)), "Pass one.")
        class_labels = value.get("class_labels") if class_labels is None else class_labels
        labels = read_labels(class_labels, f"{where}.class_labels")
        member = "mask_data" if "mask_data" in value else "path"
        where, value = f"{where}.{member}", value[member]
    else:
        labels = read_labels(class_labels, f"{where}.class_labels")
    if is_array(value) or isinstance(value, (list, tuple)):
        return {"_ids": _check_ids(as_array(value, where), where), "_blob": None, "_file": None, "_labels": labels}
    blob = read_blob(value, where)
    if blob is None:
        raise InputError.of(where, "an (H, W) array, a path or bytes", value, "Convert it with np.asarray(mask).")
    file = files.probe(blob, where, InputError)
    ids = _read_ids(blob.read(), file, where)
    return {"_ids": ids, "_blob": blob, "_file": file, "_labels": labels}


def _check_ids(array: Array, where: str) -> Array:
    if array.ndim != 2 or array.size == 0:
        raise InputError.of(where, "an array (H, W)", array, _shape_hint(array), "shape")
    if array.dtype.kind == "f":
        hint = "Threshold probabilities (mask > 0.5), take argmax of scores, or astype(np.uint8) of whole numbers."
        raise InputError.of(where, "integers or bools", array, hint, "dtype")
    low, high = int(array.min()), int(array.max())
    if low < 0 or high > 65535:
        hint = (
            "Renumber the classes."
            if low >= 0
            else "Give ignored pixels an id of their own: np.where(mask < 0, 255, mask)."
        )
        raise InputError([problem(where, "class ids from 0 to 65535", low if low < 0 else high, hint, "range")])
    return np.array(array, np.uint8 if high <= 255 else np.uint16, order="C")  # always our own copy


def _shape_hint(array: Array) -> str:
    if array.ndim != 3 or array.size == 0:
        return "Pass one class id for each pixel."
    if 1 in (array.shape[0], array.shape[2]):
        return "Drop the channel: mask[0]." if array.shape[0] == 1 else "Drop the channel: mask[..., 0]."
    axis = 0 if array.shape[0] < array.shape[2] else -1
    return f"Take the class of each pixel: mask.argmax({axis})."


def _read_ids(data: bytes, file: files.ImageFile, where: str) -> Array:
    image = files.load(data, file)
    if isinstance(image, np.ndarray):
        return _check_ids(image, where)
    if image.mode not in ("1", "L", "P", "I", "I;16", "I;16B") or image.format in ("JPEG", "MPO"):
        found = Verbatim(f"{image.format} of mode {image.mode}")
        raise InputError.of(
            where, "a lossless single-channel image of class ids", found, "Save it as a grey PNG.", "mode"
        )
    return _check_ids(np.asarray(image), where)
