"""Segmentation masks: a class id for each pixel, and the names of the classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from ..._core.declaration import Field, Integer, Record, reference
from ..._core.errors import InputError, Problem, Verbatim, collect, problem, raise_all
from ..._core.inputs import read_blob
from ..._core.sidecar import Blob
from ..._core.value import HasFile
from ...columns.arrays import Array, as_array, is_array
from ...formats import png
from ..pictures import files
from .classes import LABELS, Classes, complete_labels, read_labels

MASK = Record(
    "A segmentation mask: a single-channel lossless image whose stored samples are class ids.",
    (
        *reference("the mask"),
        Field("width", Integer(1), "Width in pixels, that of the image."),
        Field("height", Integer(1), "Height in pixels, that of the image."),
        Field("bit_depth", Integer(1, 64), "Bits of one sample in the file; our own have 8, or 16 for ids beyond 255."),
        Field("orientation", Integer(2, 8), "How the file is turned to be shown: EXIF's value.", False, default=1),
        Field("class_labels", LABELS, "Names by class id; an id without one is shown as class_<id>.", required=False),
    ),
)


class ImageMask(HasFile):
    """A class id for each pixel of an image.

    Args:
        val: an (H, W) integer or bool array with values 0..65535, a path, bytes or open file of a lossless
            single-channel image, or W&B's form `{"mask_data": array or "path": file, "class_labels": {...}}`.
        class_labels: names by class id; ids without one are called `class_<id>`.

    Raises:
        InputError: floats, more than two dimensions, ids beyond 65535, masked values, a lossy or colour file.

    Of a file the ids are the samples as they are stored: 0 to 3 of 2-bit grey, the indices of a palette.

    >>> import numpy as np
    >>> ImageMask(np.array([[0, 2]]), class_labels={2: "road"}).class_labels
    {0: 'class_0', 2: 'road'}
    """

    _declaration = MASK
    width: int
    height: int
    bit_depth: int
    orientation: int
    _class_labels: dict[int, str] | None = None
    _format: str
    _ids: Array | None = None  # (H, W) uint8 or uint16; None until a stored file is read

    def __init__(self, val: Any, class_labels: Mapping[Any, str] | Classes | None = None) -> None:
        self._fill(val, class_labels, "ImageMask")

    def _fill(self, val: Any, class_labels: Any, where: str) -> None:
        if isinstance(val, ImageMask):
            labels = read_labels(class_labels, f"{where}.class_labels")
            self._set(**val._replace(**({} if labels is None else {"_class_labels": labels})).__dict__)
            return
        data, class_labels, at = _of_dict(val, class_labels, where)
        problems: list[Problem] = []
        attributes = collect(problems, _read, data, at)
        labels = collect(problems, read_labels, class_labels, f"{where}.class_labels")
        raise_all(problems)
        self._set(**attributes, _class_labels=labels)

    def __repr__(self) -> str:
        return f"ImageMask({self.width}x{self.height})"

    @property
    def class_labels(self) -> dict[int, str]:
        """Names by class id: those given, and `class_<id>` for the other ids that occur."""
        return complete_labels(self._class_labels, np.unique(self.to_numpy()).tolist())

    def to_numpy(self) -> Array:
        """(H, W) uint8 or uint16 of class ids; read-only."""
        if self._ids is None:
            self._set(_ids=_read_ids(self._sidecar(), self.orientation, "mask"))
        return self._ids  # type: ignore[return-value]

    def _with_labels(self, labels: dict[int, str] | None) -> Self:
        return self if self._class_labels is not None or labels is None else self._replace(_class_labels=labels)

    def _sidecar(self) -> Blob:
        return Blob(png.encode_indexed(self.to_numpy())) if self._blob is None else self._blob

    def _file_type(self) -> tuple[str, str]:
        return f".{self._format}", files.media_type(self._format)

    def _check(self) -> None:
        expected = files.ImageFile("", self.width, self.height, "", self.bit_depth, self.orientation)
        self._set(_format=files.check(self._sidecar(), expected, "mask"))


def read_mask(value: Any, where: str) -> ImageMask:
    """A mask as `Image(masks={name: ...})` takes it."""
    if isinstance(value, ImageMask):
        return value
    mask = ImageMask.__new__(ImageMask)
    mask._fill(value, None, where)
    return mask


def _of_dict(value: Any, class_labels: Any, where: str) -> tuple[Any, Any, str]:
    """Data, labels and the place of the data, also of W&B's form."""
    if not isinstance(value, Mapping):
        return value, class_labels, where
    if ("mask_data" in value) == ("path" in value):
        raise InputError.of(where, "a dict with either 'mask_data' or 'path'", sorted(map(str, value)), "Pass one.")
    member = "mask_data" if "mask_data" in value else "path"
    return value[member], value.get("class_labels") if class_labels is None else class_labels, f"{where}.{member}"


def _read(data: Any, where: str) -> dict[str, Any]:
    """The attributes of what is given as a mask."""
    if is_array(data) or isinstance(data, (list, tuple)):
        ids = _check_ids(as_array(data, where), where)
        height, width = ids.shape
        depth = 8 * ids.itemsize
        return {"_ids": ids, "_blob": None, "_format": "png", "_width": width, "_height": height, "_bit_depth": depth}
    blob = read_blob(data, where)
    if blob is None:
        raise InputError.of(where, "an (H, W) array, a path or bytes", data, "Convert it with np.asarray(mask).")
    file = files.probe(blob, where, InputError)
    if reason := files.lossy_reason(blob):
        raise _no_mask(where, f"a lossy file ({reason})")
    members = {f"_{name}": member for name, member in file._asdict().items() if name != "mode"}
    kind = f"{file.format} of mode {file.mode}"
    return {"_ids": _read_ids(blob, file.orientation, where, kind), "_blob": blob, **members}


def _no_mask(where: str, got: str) -> InputError:
    expected = "a lossless single-channel image of class ids"
    return InputError.of(where, expected, Verbatim(got), "Save it as a grey PNG.", "mode")


def _read_ids(blob: Blob, orientation: int, where: str, kind: str = "several channels") -> Array:
    samples = files.samples(blob, orientation, where, indices=True)
    if samples.ndim != 2:
        raise _no_mask(where, kind)
    return _check_ids(samples, where)


def _check_ids(array: Array, where: str) -> Array:
    problems: list[Problem] = []
    if array.ndim != 2 or array.size == 0:
        hint = _shape_hint(array)
        problems.append(problem(where, "an array (H, W)", array, hint, "shape"))
        if array.size == 0 or _ARGMAX in hint:  # of which other values are made
            raise InputError(problems)
    if array.dtype.kind == "f":
        hint = "Threshold probabilities (mask > 0.5), take argmax of scores, or astype(np.uint8) of whole numbers."
        problems.append(problem(where, "integers or bools", array, hint, "dtype"))
        raise InputError(problems)
    low, high = int(array.min()), int(array.max())
    if low < 0 or high > 65535:
        hint = (
            "Renumber the classes."
            if low >= 0
            else "Give ignored pixels an id of their own: np.where(mask < 0, 255, mask)."
        )
        problems.append(problem(where, "class ids from 0 to 65535", low if low < 0 else high, hint, "range"))
    raise_all(problems)
    return np.array(array, np.uint8 if high <= 255 else np.uint16, order="C")  # always our own copy


_ARGMAX = "Take the class of each pixel: mask.argmax"


def _shape_hint(array: Array) -> str:
    if array.ndim != 3 or array.size == 0:
        return "Pass one class id for each pixel."
    if 1 in (array.shape[0], array.shape[2]):
        return "Drop the channel: mask[0]." if array.shape[0] == 1 else "Drop the channel: mask[..., 0]."
    axis = 0 if array.shape[0] < array.shape[2] else -1
    return f"{_ARGMAX}({axis})."
