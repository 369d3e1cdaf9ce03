"""Image: one picture with its caption, boxes and masks."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ..._core.canonical import is_utf8_encodable
from ..._core.declaration import Document, Field, Integer, List, Map, Number, Record, Rule, Text, reference
from ..._core.errors import InputError, Problem, Verbatim, problem
from ..._core.inputs import text
from ..._core.sidecar import Blob, Sink, Source, fetch
from ..._core.value import Value
from ...columns.arrays import Array
from ...formats import png
from ..pictures import files
from ..pictures.pixels import Pixels
from .boxes import BOXES, BoundingBoxes2D, read_boxes
from .classes import CLASSES, Classes, read_classes
from .content import make_content
from .masks import MASK, ImageMask, read_mask

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

FILE_TYPES = ("png", "jpg", "webp")
_MODES = ("L", "LA", "RGB", "RGBA")


def _masks_fit(document: dict[str, Any], where: str) -> Any:
    for name, mask in document.get("masks", {}).items():
        if (mask["width"], mask["height"]) != (document["width"], document["height"]):
            size = Verbatim(f"{mask['width']} x {mask['height']}")
            yield problem(f"{where}masks[{name!r}]", "the size of the image", size, "Restore the document.", "size")


SOURCE = Record(
    "What the values were before they became pixels.",
    (
        Field("dtype", Text(), "dtype of the array.", required=False),
        Field("mode", Text(), "Mode of the PIL image.", required=False),
        Field("value_range", List(Number(), 2, 2), "Values shown as black and as white.", required=False),
    ),
)

IMAGE = Document(
    "image",
    "1.0",
    "A still image, with the boxes and masks drawn over it.",
    (
        *reference("the image file"),
        Field("width", Integer(1), "Width in pixels.", column=True),
        Field("height", Integer(1), "Height in pixels.", column=True),
        Field("format", Text(min_length=1), "File format: png, jpg, webp, gif, bmp, tiff...", column=True),
        Field("mode", Text(min_length=1), "Pixel layout, as Pillow names it: L, RGB, RGBA, P..., of any bit depth."),
        Field("bit_depth", Integer(1, 64), "Bits of one channel."),
        Field("caption", Text(), "Text shown with the image.", required=False),
        Field("grouping", Integer(), "Images of one group are shown together.", required=False),
        Field("classes", CLASSES.fields[0].shape, "Class names that the overlays share.", required=False),
        Field("boxes", Map(BOXES), "Sets of boxes by name.", required=False),
        Field("masks", Map(MASK), "Masks by name.", required=False),
        Field("source", SOURCE, "Present when values were mapped to make the pixels.", required=False),
        Field("quality", Integer(1, 100), "Lossy encoding was asked for, with this quality.", required=False),
    ),
    (Rule("a mask has the size of the image", _masks_fit),),
)


class Image(Value):
    """A picture with caption, boxes and masks, kept losslessly unless asked otherwise.

    Args:
        data_or_path: an (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) array; a torch tensor (H, W) or (C, H, W); a PIL
            image of any mode; a path, bytes, BytesIO or open file, kept byte for byte; a matplotlib figure or axes;
            or another `Image`, whose boxes, masks and options are kept where no new ones are given.
        mode: convert to "L", "LA", "RGB" or "RGBA".
        caption: text shown with the image.
        grouping: images of the same group are shown together.
        classes: `Classes`, `{1: "cat"}` or `[{"id": 1, "name": "cat"}]`, used by overlays that bring no labels.
        boxes: sets of boxes by name: `{"pred": BoundingBoxes2D(...)}` or W&B's `{"pred": {"box_data": [...]}}`.
        masks: masks by name: `{"pred": ImageMask(...)}` or W&B's `{"pred": {"mask_data": array}}`.
        file_type: "png" (default, lossless), "jpg", or "webp" (lossless unless `quality` is given).
        quality: 1..100 for jpg (default 95) and webp.
        value_range: `(lo, hi)`, the values shown as black and as white.
        encoder: "zlib" (default), or "isal", three times as fast with the extra `isal`.

    Pixels: uint8 and uint16 (16-bit PNG) are kept, so are other integers within 0..255; bool becomes 0 and 255; floats
    in [0, 1] are scaled by 255; everything else needs `value_range`. The mapping is recorded in the document.

    Raises:
        InputError: with every problem found: shape, range, NaN, a broken file, boxes, masks.
        MissingDependencyError: `encoder="isal"` without that package; a TIFF that needs the extra `image`.

    >>> import numpy as np
    >>> image = Image(np.zeros((4, 6, 3), np.uint8), caption="black")
    >>> image.width, image.height, image.caption
    (6, 4, 'black')
    """

    declaration = IMAGE
    _pixels: Pixels | None  # encoded to PNG when needed
    _blob: Blob | None  # the file, where one was given or the encoding is lossy
    _file: files.ImageFile
    _grouping: int | None
    _classes: Classes | None
    _boxes: dict[str, BoundingBoxes2D]
    _masks: dict[str, ImageMask]
    _source: dict[str, Any] | None
    _quality: int | None
    _encoder: str

    def __init__(
        self,
        data_or_path: Any,
        mode: str | None = None,
        caption: str | None = None,
        grouping: int | None = None,
        classes: Any = None,
        boxes: Mapping[str, Any] | None = None,
        masks: Mapping[str, Any] | None = None,
        file_type: str | None = None,
        *,
        quality: int | None = None,
        value_range: tuple[float, float] | None = None,
        encoder: str = "zlib",
    ) -> None:
        _check_options(mode, file_type, quality, encoder, grouping)
        if isinstance(data_or_path, Image):
            self._set(**data_or_path.__dict__)
            self.__dict__.pop("_identity_", None)
            if mode or file_type or quality or value_range is not None:
                shown = data_or_path._shown()
                self._set(**make_content(shown, mode, file_type, quality, value_range, encoder))
        else:
            self._set(_caption=None, _grouping=None, _classes=None, _boxes={}, _masks={}, _encoder=encoder)
            self._set(**make_content(data_or_path, mode, file_type, quality, value_range, encoder))
        if caption is not None:
            self._set(_caption=text(caption, "Image.caption"))
        if grouping is not None:
            self._set(_grouping=int(grouping))
        if classes is not None:
            self._set(_classes=read_classes(classes, "Image.classes"))
            boxes, masks = self._boxes if boxes is None else boxes, self._masks if masks is None else masks
        self._attach(boxes, masks)

    def _attach(self, boxes: Any, masks: Any) -> None:
        """Read overlays and check them against the image; all problems of all overlays at once."""
        problems: list[Problem] = []
        labels = self._classes.labels if self._classes else None
        if boxes is not None:
            read = _read_layers(boxes, "Image.boxes", read_boxes, problems)
            self._set(_boxes={name: layer._attached(self.width, self.height, labels) for name, layer in read.items()})
        if masks is not None:
            layers = _read_layers(masks, "Image.masks", read_mask, problems)
            for name, mask in layers.items():
                if (mask.width, mask.height) != (self.width, self.height):
                    expected = f"a mask of the image's size {self.width} x {self.height}"
                    got = f"{mask.width} x {mask.height}"
                    problems.append(
                        Problem(f'Image.masks["{name}"]', f"expected {expected}, got {got}", "size", "Resize it.")
                    )
            self._set(_masks={name: mask._with_labels(labels) for name, mask in layers.items()})
        if problems:
            raise InputError(problems)

    @property
    def width(self) -> int:
        """Width in pixels."""
        return self._file.width

    @property
    def height(self) -> int:
        """Height in pixels."""
        return self._file.height

    @property
    def format(self) -> str:
        """File format: png, jpg, webp..."""
        return self._file.format

    @property
    def mode(self) -> str:
        """Pixel layout as Pillow names it."""
        return self._file.mode

    @property
    def bit_depth(self) -> int:
        """Bits of one channel."""
        return self._file.bit_depth

    @property
    def grouping(self) -> int | None:
        """The group this image is shown with."""
        return self._grouping

    @property
    def classes(self) -> Classes | None:
        """Class names that the overlays share."""
        return self._classes

    @property
    def boxes(self) -> dict[str, BoundingBoxes2D]:
        """Sets of boxes by name."""
        return dict(self._boxes)

    @property
    def masks(self) -> dict[str, ImageMask]:
        """Masks by name."""
        return dict(self._masks)

    def to_numpy(self) -> Array:
        """The pixels: (H, W) or (H, W, C) uint8 or uint16; read-only where they need no decoding.

        A TIFF file gives the values it holds, whatever their dtype. Where Pillow cannot (floats and 16 bits in colour,
        signed bytes, float64...), imageio and tifffile are needed, the extra `image`.
        """
        if self._pixels is not None:
            return self._pixels.array
        return files.to_numpy(self._content_bytes(), self._file)

    def to_pil(self) -> PILImage:
        """A PIL image; 16-bit colour, which Pillow has no mode for, comes with the upper 8 bits.

        Raises:
            InputError: a TIFF file of other values that Pillow has no mode for.
        """
        import PIL.Image

        shown = self._shown()
        if not isinstance(shown, np.ndarray):
            return shown
        if shown.dtype == np.uint16 and shown.ndim == 3:
            return PIL.Image.fromarray((shown >> 8).astype(np.uint8))
        if shown.dtype != np.uint16:
            hint = "Use to_numpy(), or Image(image, value_range=(lo, hi))."
            raise InputError.of("Image.to_pil()", "pixels that Pillow has a mode for", shown, hint, "dtype")
        return PIL.Image.fromarray(shown)

    def _shown(self) -> Array | PILImage:
        """The picture without loss: a PIL image, or an array where Pillow has no mode for it."""
        if self._pixels is None:
            return files.load(self._content_bytes(), self._file)
        import PIL.Image

        array = self._pixels.array
        return array if array.dtype == np.uint16 else PIL.Image.fromarray(array)

    def __repr__(self) -> str:
        parts = [f"{self.width}x{self.height} {self.mode} {self.format}"]
        parts += [f"caption={self._caption!r}"] if self._caption is not None else []
        parts += [f"boxes={{{', '.join(f'{k!r}: {len(v)}' for k, v in self._boxes.items())}}}"] if self._boxes else []
        parts += [f"masks={list(self._masks)}"] if self._masks else []
        return f"Image({', '.join(parts)})"

    def _content_bytes(self) -> bytes:
        if self._blob is not None:
            return self._blob.read()
        return png.encode(self.to_numpy(), encoder=self._encoder)

    def _encode(self, sink: Sink) -> dict[str, Any]:
        file = self._file
        blob = self._blob if self._blob is not None else Blob(self._content_bytes())
        document: dict[str, Any] = blob.place(sink, file.suffix, file.media_type)
        document |= {"width": file.width, "height": file.height, "format": file.format}
        document |= {"mode": file.mode, "bit_depth": file.bit_depth}
        optional = {
            "caption": self._caption,
            "grouping": self._grouping,
            "classes": self._classes and self._classes._to_part(sink)["classes"],
            "boxes": {name: boxes._to_part(sink) for name, boxes in self._boxes.items()} or None,
            "masks": {name: mask._to_part(sink) for name, mask in self._masks.items()} or None,
            "source": copy.deepcopy(self._source),
            "quality": self._quality,
        }
        return document | {name: item for name, item in optional.items() if item is not None}

    @classmethod
    def _decode(cls, document: dict[str, Any], source: Source) -> Self:
        blob = Blob(fetch(source, document, "image"), document["sha256"])
        file = files.check(blob, document, "image")
        boxes = {name: BoundingBoxes2D._from_part(part, source) for name, part in document.get("boxes", {}).items()}
        masks = {name: ImageMask._from_part(part, source) for name, part in document.get("masks", {}).items()}
        image = cls.__new__(cls)
        image._set(
            _pixels=None,
            _blob=blob,
            _file=file._replace(
                format=document["format"],
                mode=document["mode"],
                bit_depth=int(document["bit_depth"]),
                media_type=document["media_type"],
            ),
            _caption=document.get("caption"),
            _grouping=int(document["grouping"]) if "grouping" in document else None,
            _classes=Classes._from_part({"classes": document["classes"]}, source) if "classes" in document else None,
            _boxes=boxes,
            _masks=masks,
            _source=copy.deepcopy(document.get("source")),
            _quality=int(document["quality"]) if "quality" in document else None,
            _encoder="zlib",
        )
        return image


def _check_options(mode: Any, file_type: Any, quality: Any, encoder: Any, grouping: Any) -> None:
    problems = []
    if mode is not None and mode not in _MODES:
        problems.append(problem("Image.mode", f"one of {', '.join(_MODES)}", mode, "Convert the image yourself first."))
    if file_type is not None and file_type not in FILE_TYPES:
        close = str(file_type).lower().lstrip(".").replace("jpeg", "jpg")
        hint = f"Did you mean {close!r}?" if close in FILE_TYPES else "Leave it out for png."
        problems.append(problem("Image.file_type", f"one of {', '.join(FILE_TYPES)}", file_type, hint))
    if quality is not None and (type(quality) is not int or not 1 <= quality <= 100):
        problems.append(problem("Image.quality", "an integer from 1 to 100", quality, "95 is nearly lossless."))
    elif quality is not None and file_type not in ("jpg", "webp"):
        problems.append(problem("Image.quality", "file_type 'jpg' or 'webp' beside it", file_type, "png is lossless."))
    if encoder not in ("zlib", "isal"):
        problems.append(problem("Image.encoder", "zlib or isal", encoder, "Leave it out for zlib."))
    if grouping is not None and (isinstance(grouping, bool) or not hasattr(grouping, "__index__")):
        problems.append(problem("Image.grouping", "an integer", grouping, "Use int(...)."))
    if problems:
        raise InputError(problems)


def _read_layers(layers: Any, where: str, read: Any, problems: list[Problem]) -> dict[str, Any]:
    if not isinstance(layers, Mapping):
        problems.append(problem(where, "a dict of names to layers", layers, "Name it: {'predictions': ...}."))
        return {}
    found = {}
    for name, layer in layers.items():
        if not isinstance(name, str) or not name:
            problems.append(problem(where, "names that are text and not empty", name, "Use str(...)."))
            continue
        if not is_utf8_encodable(name):
            problems.append(problem(where, "names that UTF-8 can hold", name, "Remove the lone surrogates."))
            continue
        try:
            found[name] = read(layer, f'{where}["{name}"]')
        except InputError as error:
            problems += error.problems
    return found
