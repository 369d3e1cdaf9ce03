"""Image: one picture with its caption, boxes and masks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ..._core.canonical import is_utf8_encodable
from ..._core.declaration import Document, Field, Integer, List, Map, Number, Record, Rule, Text, reference
from ..._core.errors import InputError, Problem, Verbatim, collect, problem, raise_all
from ..._core.inputs import flag, is_among, text
from ..._core.sidecar import Blob
from ..._core.value import FileValue
from ...columns.arrays import Array, as_integer
from ...formats import png
from ..pictures import files
from ..pictures.pixels import Pixels, from_samples, keep_profile
from .boxes import BOXES, BoundingBoxes2D, read_boxes
from .classes import CLASS_LIST, Classes, read_classes
from .content import Content, Options, encode_pixels, make_content, pixels_of_file
from .masks import MASK, ImageMask, read_mask

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

FILE_TYPES = ("png", "jpg", "webp")
_MODES = ("L", "LA", "RGB", "RGBA")


def _masks_fit(document: dict[str, Any], where: str) -> Iterator[Problem]:
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
        Field("clipped_count", Integer(1), "Values outside that range by a rounding error.", required=False),
    ),
)

IMAGE = Document(
    "image",
    "1.0",
    "A still image, with the boxes and masks drawn over it. Sizes, boxes and masks mean the picture as it is shown.",
    (
        *reference("the image file"),
        Field("width", Integer(1), "Width in pixels, as shown.", column=True),
        Field("height", Integer(1), "Height in pixels, as shown.", column=True),
        Field("format", Text(min_length=1), "File format: png, jpg, webp, gif, bmp, tiff...", column=True),
        Field("mode", Text(min_length=1), "Pixel layout, as Pillow names it: L, RGB, RGBA, P..., of any bit depth."),
        Field("bit_depth", Integer(1, 64), "Bits of one sample in the file."),
        Field("orientation", Integer(2, 8), "How the file is turned to be shown: EXIF's value.", False, default=1),
        Field("caption", Text(), "Text shown with the image.", required=False),
        Field("grouping", Integer(), "Images of one group are shown together.", required=False),
        Field("classes", CLASS_LIST, "Class names that the overlays share.", required=False),
        Field("boxes", Map(BOXES), "Sets of boxes by name.", False, default={}),
        Field("masks", Map(MASK), "Masks by name.", False, default={}),
        Field("source", SOURCE, "Present when values were mapped to make the pixels.", required=False),
        Field("quality", Integer(1, 100), "Lossy encoding was asked for, with this quality.", required=False),
    ),
    (Rule("a mask has the size of the image", _masks_fit),),
)


class Image(FileValue):
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
    in [0, 1], give or take a rounding error of 1e-5, are scaled by 255; everything else needs `value_range`. The
    mapping is recorded in the document. An ICC profile is kept where it describes the new pixels.

    Sizes, boxes and masks mean the picture as it is shown: a file with an EXIF `orientation` is turned when it is read,
    and stays as it is. A file that is converted holds the turned pixels. A PIL image is taken as its pixels are.

    Raises:
        InputError: with every problem found: shape, range, NaN, masked values, a broken file, boxes, masks.
        MissingDependencyError: `encoder="isal"` without that package; a TIFF that needs the extra `image`.

    >>> import numpy as np
    >>> image = Image(np.zeros((4, 6, 3), np.uint8), caption="black")
    >>> image.width, image.height, image.caption
    (6, 4, 'black')
    """

    _declaration = IMAGE
    width: int
    height: int
    format: str
    mode: str
    bit_depth: int
    orientation: int
    grouping: int | None
    classes: Classes | None
    boxes: dict[str, BoundingBoxes2D]
    masks: dict[str, ImageMask]
    quality: int | None
    _pixels: Pixels | None = None  # encoded to PNG when needed
    _encoder: str = "zlib"

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
        problems: list[Problem] = []
        asked = Options(mode, file_type, quality, value_range, encoder)
        options = collect(problems, _checked_options, asked) or Options()
        content = collect(problems, self._content, data_or_path, options)
        if isinstance(data_or_path, Image):
            self._set(**data_or_path.__dict__)
        if content is not None:
            self._set_content(content, options.encoder)
        if caption is not None:
            self._set(_caption=collect(problems, text, caption, "Image.caption"))
        if grouping is not None:
            self._set(_grouping=collect(problems, _integer, grouping, "Image.grouping"))
        if classes is not None:
            self._set(_classes=collect(problems, read_classes, classes, "Image.classes"))
            boxes, masks = self.boxes if boxes is None else boxes, self.masks if masks is None else masks
        self._attach(boxes, masks, problems)
        raise_all(problems)

    @staticmethod
    def _content(data: Any, options: Options) -> Content | None:
        """The picture of what is given; None where it is that of another image, unchanged."""
        if not isinstance(data, Image):
            return make_content(data, options)
        if options.keep(data._file()) and (data._pixels is None or options.encoder == "zlib"):
            return None
        if (pixels := data._pixels) is not None:
            if options.value_range is not None:
                pixels = keep_profile(from_samples(pixels.array, "Image", options.value_range), pixels.profile)
            return encode_pixels(pixels, options)
        return encode_pixels(pixels_of_file(data._sidecar(), data._file(), options.value_range), options)

    def _set_content(self, content: Content, encoder: str) -> None:
        members = {f"_{name}": member for name, member in content.file._asdict().items()}
        self._set(_blob=content.blob, _pixels=content.pixels, _encoder=encoder, **members)
        self._set(_source=content.source, _quality=content.quality)

    def _attach(self, boxes: Any, masks: Any, problems: list[Problem]) -> None:
        """Read overlays and check them against the image, whose size is unknown where it has problems itself."""
        labels = self.classes.labels if self.classes else None
        size = (self.width, self.height) if "_width" in self.__dict__ else None
        if boxes is not None:
            layers = _read_layers(boxes, "Image.boxes", read_boxes, problems)
            if size is not None:
                self._set(_boxes={name: layer._attached(*size, labels) for name, layer in layers.items()})
        if masks is not None:
            layers = _read_layers(masks, "Image.masks", read_mask, problems)
            for name, mask in layers.items():
                if size not in (None, (mask.width, mask.height)):
                    expected = f"a mask of the image's size {self.width} x {self.height}"
                    got = Verbatim(f"{mask.width} x {mask.height}")
                    problems.append(problem(f'Image.masks["{name}"]', expected, got, "Resize it.", "size"))
            self._set(_masks={name: mask._with_labels(labels) for name, mask in layers.items()})

    def to_numpy(self) -> Array:
        """The samples that the image holds, (H, W) or (H, W, C), as it is turned to be shown; read-only.

        Grey of any depth has the numbers of the file, 0 to 2^bit_depth - 1, and so have 16 bits in colour. Palettes are
        resolved, CMYK, YCbCr and LAB become RGB: uint8 or uint16. A TIFF file gives the values it holds, whatever their
        dtype; for floats in colour, signed bytes, float64... imageio and tifffile are needed, the extra `image`.

        Raises:
            MissingDependencyError: AVIF or JPEG 2000 colours of more than 8 bits without imagecodecs.
        """
        if self._pixels is not None:
            return self._pixels.array
        return files.samples(self._sidecar(), self.orientation, "Image.to_numpy()")

    def to_pil(self, *, overlays: bool = False) -> PILImage:
        """A PIL image of what is shown; 16-bit colour, which Pillow has no mode for, comes with the upper 8 bits.

        Args:
            overlays: draw masks, boxes and their labels over it, as `mediatypes.draw(image)` does.

        Raises:
            InputError: a TIFF file of other values that Pillow has no mode for.
        """
        import PIL.Image

        if flag(overlays, "Image.to_pil.overlays"):
            return draw(self)
        if self._pixels is not None:
            picture: Any = self._pixels.array
        else:
            picture = files.shown(self._sidecar(), self.orientation, "Image.to_pil()")
        if not isinstance(picture, np.ndarray):
            return picture  # type: ignore[no-any-return]
        if picture.dtype == np.uint16 and picture.ndim == 3:
            return PIL.Image.fromarray((picture >> 8).astype(np.uint8))
        if picture.dtype not in (np.uint8, np.uint16):
            hint = "Use to_numpy(), or Image(image, value_range=(lo, hi))."
            raise InputError.of("Image.to_pil()", "pixels that Pillow has a mode for", picture, hint, "dtype")
        return PIL.Image.fromarray(picture)

    def _facts(self) -> list[str]:
        facts = [f"{self.width}x{self.height} {self.mode} {self.format}"]
        facts += [f"boxes={{{', '.join(f'{k!r}: {len(v)}' for k, v in self.boxes.items())}}}"] if self.boxes else []
        return facts + ([f"masks={list(self.masks)}"] if self.masks else [])

    def _file(self) -> files.ImageFile:
        return files.ImageFile(self.format, self.width, self.height, self.mode, self.bit_depth, self.orientation)

    def _sidecar(self) -> Blob:
        if self._pixels is None:
            return super()._sidecar()
        return Blob(png.encode(self._pixels.array, encoder=self._encoder, profile=self._pixels.profile))

    def _file_type(self) -> tuple[str, str]:
        return f".{self.format}", files.media_type(self.format)

    def _check(self) -> None:
        files.check(self._sidecar(), self._file(), "image")


def draw(image: Image, *, scale: int = 1, opacity: float = 0.45) -> PILImage:
    """An RGB picture of an image with its masks and boxes, and the names and scores of both, drawn over it.

    A class has the same color in every picture. Frames of a second set of boxes are dashed, of further ones dotted.
    Pixels without a class stay clear: ids 0 and 255 where nobody named them, and classes called background or void.

    Args:
        image: an `Image`.
        scale: how many times as large to draw, 1 to 100, so that labels find room on a small image.
        opacity: of masks, 0 to 1.

    Raises:
        InputError: not an `Image`; a scale or opacity out of range; a TIFF file that Pillow has no mode for.

    >>> import numpy as np
    >>> boxes = BoundingBoxes2D.from_xyxy([[2, 2, 9, 9]], domain="pixel", class_ids=[1], class_labels={1: "cat"})
    >>> draw(Image(np.zeros((12, 16), np.uint8), boxes={"pred": boxes}), scale=10).size
    (160, 120)
    """
    from .drawing import draw_overlays

    problems, given = list[Problem](), cast("object", image)
    if not isinstance(given, Image):
        problems.append(problem("draw.image", "an Image", given, "Wrap it: draw(Image(data, boxes=..., masks=...))."))
    times = as_integer(scale) or 0
    if not 1 <= times <= 100:
        problems.append(problem("draw.scale", "an integer from 1 to 100", scale, "1 is the size of the image."))
    if not isinstance(opacity, (int, float)) or not 0 <= opacity <= 1:
        problems.append(problem("draw.opacity", "a number from 0 to 1", opacity, "0.45 shows both."))
    raise_all(problems)
    files.check_pixels(image.width * times, image.height * times, "draw.scale", InputError)
    return draw_overlays(image.to_pil(), image.boxes, image.masks, scale=times, opacity=opacity)


def _integer(value: Any, where: str) -> int:
    number = as_integer(value)
    if number is None:
        raise InputError.of(where, "an integer", value, "Use int(...).")
    return number


def _checked_options(asked: Options) -> Options:
    problems = []
    mode, file_type, quality, _, encoder = asked
    if mode is not None and not is_among(mode, _MODES):
        problems.append(problem("Image.mode", f"one of {', '.join(_MODES)}", mode, "Convert the image yourself first."))
    if file_type is not None and not is_among(file_type, FILE_TYPES):
        close = str(file_type).lower().lstrip(".").replace("jpeg", "jpg")
        hint = f"Did you mean {close!r}?" if close in FILE_TYPES else "Leave it out for png."
        problems.append(problem("Image.file_type", f"one of {', '.join(FILE_TYPES)}", file_type, hint))
    if quality is not None:
        asked = asked._replace(quality=as_integer(quality))
        if not 1 <= (asked.quality or 0) <= 100:
            problems.append(problem("Image.quality", "an integer from 1 to 100", quality, "95 is nearly lossless."))
        elif not is_among(file_type, ("jpg", "webp")):
            expected = "file_type 'jpg' or 'webp' beside it"
            problems.append(problem("Image.quality", expected, file_type, "png is lossless."))
    if not is_among(encoder, ("zlib", "isal")):
        problems.append(problem("Image.encoder", "zlib or isal", encoder, "Leave it out for zlib."))
    raise_all(problems)
    return asked


def _read_layers(layers: Any, where: str, read: Any, problems: list[Problem]) -> dict[str, Any]:
    if not isinstance(layers, Mapping):
        problems.append(problem(where, "a dict of names to layers", layers, "Name it: {'predictions': ...}."))
        return {}
    read_layers = {}
    for name, layer in layers.items():
        if not isinstance(name, str) or not name:
            problems.append(problem(where, "names that are text and not empty", name, "Use str(...)."))
        elif not is_utf8_encodable(name):
            problems.append(problem(where, "names that UTF-8 can hold", name, "Remove the lone surrogates."))
        elif (read_layer := collect(problems, read, layer, f'{where}["{name}"]')) is not None:
            read_layers[str.__str__(name)] = read_layer
    return read_layers
