"""Image files: recognised by content, probed without being changed, read back losslessly."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, NamedTuple

from ..._core.errors import (
    CodecError,
    DocumentError,
    MediaTypesError,
    MissingDependencyError,
    Problem,
    ValidationError,
    Verbatim,
    problem,
    show,
    translated,
)
from ..._core.sidecar import Blob
from ..._core.wording import counted
from ...formats import exif, png, tiff
from . import decoding
from .decoding import quiet
from .pixels import MODES

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

    from ...columns.arrays import Array

MAX_PIXELS = 178_956_970  # where Pillow refuses too: a larger claim is a decompression bomb
_MAX_SCANNED = 2**32  # pixels of a JPEG times its scans, each of which goes over all of them
_MEDIA_TYPES = {"jpg": "image/jpeg", "ppm": "image/x-portable-anymap"}  # of the others it is image/ and the format
# Pixels that a byte can stand for: of a GIF by its longest string, of the others twice what one colour alone gives
_MOST_PIXELS = {"GIF": 2**12, "AVIF": 2**17, "JPEG2000": 2**19}


class ImageFile(NamedTuple):
    """What probing an image file tells."""

    format: str
    width: int  # of the picture as shown, as is the height
    height: int
    mode: str
    bit_depth: int
    orientation: int = 1

    def turned(self, orientation: int) -> ImageFile:
        """The same of a stored picture that is turned when it is shown."""
        sides = (self.height, self.width) if exif.swaps_sides(orientation) else (self.width, self.height)
        return self._replace(width=sides[0], height=sides[1], orientation=orientation)


def media_type(format: str) -> str:
    """The media type of a format."""
    return _MEDIA_TYPES.get(format, f"image/{format}")


def probe(blob: Blob, where: str, error: type[ValidationError], *, whole: bool = True) -> ImageFile:
    """Recognise an image by its content; with `whole` it is decoded once, so that a cut file is refused, as `error`.

    Without `whole` only a TIFF tells its orientation. One that Pillow cannot read needs imageio and tifffile.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with quiet(), blob.open() as file:
            head = file.read(decoding.HEAD)
            file.seek(0)
            image = decoding.open_image(file)
            if image is None:
                return _probe_tiff(blob, where, error, whole)
            return _probe(image, head, blob, where, error, whole)
    except UnidentifiedImageError:
        known = ", ".join(sorted({decoding.FORMATS[name] for name in decoding.readable()}))
        raise error.of(where, f"an image file ({known})", _start(blob), "Convert it to PNG.", "not-an-image") from None
    except Image.DecompressionBombError as bomb:
        raise error(_too_large(where, Verbatim("more"))) from bomb
    except MediaTypesError:
        raise
    except Exception as broken:  # codecs raise what they like
        hint = f"Decoding failed: {str(broken).rstrip('.') or type(broken).__name__}."
        raise error.of(where, "a whole image file", _start(blob), hint, "broken") from broken


def _probe(image: Any, head: bytes, blob: Blob, where: str, error: type[ValidationError], whole: bool) -> ImageFile:
    is_tiff = image.format == "TIFF"
    width, height = tiff.stored_size(image) if is_tiff else image.size
    check_pixels(width, height, where, error)
    if width * height > _MOST_PIXELS.get(image.format, MAX_PIXELS) * blob.size:
        raise ValueError(f"{width} x {height} pixels are more than so few bytes can hold")
    if image.format in ("JPEG", "MPO") and (scans := blob.read().count(b"\xff\xda")) * width * height > _MAX_SCANNED:
        raise ValueError(f"{width} x {height} pixels are too many for {scans} scans")
    header = png.read_header(head)
    mode = "LA" if header is not None and header.channels == 2 else image.mode
    mode = "RGB" if mode == "RGBX" else mode  # of Pillow before 11: a channel that is not shown
    depth = decoding.bit_depth(image, head)
    probed = ImageFile(decoding.FORMATS[image.format], width, height, mode, depth)
    if is_tiff:
        tiff.check_parts(image)
        tiff.extra_channels(image)  # which raises for too many
        probed = probed.turned(exif.orientation_of(image))
    if not whole:
        return probed
    if image.format not in ("TIFF", "PPM") or decoding.decode_exactly(image, blob.read(), where) is None:
        image.load()
    if image.format == "PNG":
        with blob.open() as file:
            png.check_image_data(file)
    return probed if is_tiff else probed.turned(exif.orientation_of(image))


def _probe_tiff(blob: Blob, where: str, error: type[ValidationError], whole: bool) -> ImageFile:
    with tiff.open_pages(blob.read(), f"{where} of this tiff file") as pages:
        page = next(pages)
        check_pixels(page.width, page.height, where, error)
        if whole:
            page.read()
    return ImageFile("tiff", page.width, page.height, MODES[page.channels], page.bits).turned(page.orientation)


def check_pixels(width: int, height: int, where: str, error: type[ValidationError]) -> None:
    """Refuse an image that could not be read back."""
    if width * height > MAX_PIXELS or max(width, height) > decoding.MAX_SIDE:
        raise error(_too_large(where, Verbatim(f"{width} x {height}")))


def _too_large(where: str, got: str) -> Problem:
    return problem(
        where, f"at most {MAX_PIXELS} pixels, {decoding.MAX_SIDE} a side", got, "Log a smaller version.", "too-large"
    )


def check(blob: Blob, document: ImageFile, where: str) -> str:
    """The format of a sidecar; raises `DocumentError` where it is not the image that its document describes.

    A document is believed where an optional package is missing: it is needed, and named, when pixels are asked for.
    """
    try:
        file = probe(blob, where, DocumentError, whole=False)
        if document.orientation != file.orientation and file.format != "tiff":
            with quiet(), blob.open() as opened:
                file = file.turned(exif.orientation_of(decoding.open_image(opened)))
    except MissingDependencyError:
        return document.format or "tiff"
    for name in ("size", "orientation", *(["format"] if document.format else [])):
        expected_words, words = (_described(one, name) for one in (document, file))
        if words != expected_words:
            raise DocumentError.of(
                where, f"an image of {expected_words}", Verbatim(words), "Restore the document.", name
            )
    return file.format


def _described(file: ImageFile, name: str) -> str:
    return f"{file.width} x {file.height}" if name == "size" else f"the {name} {getattr(file, name)}"


def samples(blob: Blob, orientation: int, where: str, *, indices: bool = False) -> Array:
    """The samples that a file holds, turned as they are shown; see `decoding.samples`."""
    data = blob.read()
    with _readable(data):
        return decoding.samples(data, orientation, where, indices=indices)


def shown(blob: Blob, orientation: int, where: str) -> PILImage | Array:
    """The picture with all the depth that it has; see `decoding.shown`."""
    data = blob.read()
    with _readable(data):
        return decoding.shown(data, orientation, where)


def lossy_reason(blob: Blob) -> str:
    """Why a file may hold other values than those that were saved into it; empty if it cannot."""
    with quiet():
        return decoding.lossy_reason(blob.read())


def profile(blob: Blob) -> bytes:
    """The ICC profile of a file that Pillow reads; empty where it has none."""
    with quiet(), blob.open() as file:
        image = decoding.open_image(file)
        return b"" if image is None else image.info.get("icc_profile") or b""


def _readable(data: bytes) -> AbstractContextManager[None]:
    return translated(lambda error: CodecError(f"image: expected a readable file, got {show(data[:16])}. {error}"))


def _start(blob: Blob) -> str:
    with blob.open() as file:
        return Verbatim(f"{counted(blob.size, 'byte')} starting {file.read(12)!r}")
