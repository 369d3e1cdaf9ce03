"""What an Image shows: a file kept as it is, or pixels to be encoded."""

from __future__ import annotations

from io import BytesIO
from typing import Any, NamedTuple

import numpy as np

from ..._core.deps import is_instance, need
from ..._core.errors import CodecError, InputError, Verbatim
from ..._core.inputs import read_blob
from ..._core.sidecar import Blob
from ...columns.arrays import is_array
from ..pictures import files, matplotlib
from ..pictures import pixels as pixel_arrays
from ..pictures.decoding import is_cut
from ..pictures.files import ImageFile
from ..pictures.pixels import Pixels

_JPEG_QUALITY = 95
_LONGEST_SIDE = {"jpg": 65500, "webp": 16383}


class Content(NamedTuple):
    """A picture, and how it came to be."""

    file: ImageFile
    blob: Blob | None = None  # the file, where one was given or the encoding is lossy
    pixels: Pixels | None = None  # encoded to PNG when needed
    source: dict[str, Any] | None = None
    quality: int | None = None


class Options(NamedTuple):
    """What a user asks of the encoding."""

    mode: str | None = None
    file_type: str | None = None
    quality: int | None = None
    value_range: Any = None
    encoder: str = "zlib"

    def keep(self, file: ImageFile) -> bool:
        """Whether a file is already as asked for."""
        as_is = self.mode in (None, file.mode) and self.file_type in (None, file.format)
        return as_is and self.quality is None and self.value_range is None


def make_content(data: Any, options: Options) -> Content:
    """The picture of whatever a user passes."""
    where = "Image"
    figure = matplotlib.find_figure(data, where)
    if figure is not None:
        data = matplotlib.draw_png(figure, where)
    if is_instance(data, "PIL.Image", "Image"):
        return encode_pixels(pixel_arrays.from_pil(data, where, options.value_range), options)
    if is_array(data):
        return encode_pixels(pixel_arrays.from_array(data, where, options.value_range), options)
    blob = read_blob(data, where)
    if blob is None:
        hint = "Pass np.asarray(data)." if isinstance(data, (list, tuple)) else "See help(mediatypes.Image)."
        raise InputError.of(where, "an array, tensor, PIL image, path, bytes, file or figure", data, hint)
    file = files.probe(blob, where, InputError)
    if options.keep(file):
        return Content(file, blob)
    return encode_pixels(pixels_of_file(blob, file, options.value_range), options)


def pixels_of_file(blob: Blob, file: ImageFile, value_range: Any) -> Pixels:
    """The pixels of a file that is to be encoded anew: as they are shown, or with a range the samples it holds."""
    where = "Image"
    if value_range is None and is_cut(file.format, file.mode, file.bit_depth):
        hint = f"Pass value_range=(0, {2**file.bit_depth - 1}), or take the 8 bits that are shown: image.to_pil()."
        got = Verbatim(f"{file.bit_depth} bits")
        raise InputError.of(where, f"samples of 8 bits in {file.format} to convert", got, hint, "bits")
    if value_range is not None:
        samples = files.samples(blob, file.orientation, where)
        if samples.ndim == 3 and file.mode in pixel_arrays.MODES.values():  # without channels that are not shown
            samples = samples[..., : len(file.mode)] if len(file.mode) > 1 else samples[..., 0]
        return pixel_arrays.from_samples(samples, where, value_range)
    picture = files.shown(blob, file.orientation, where)
    if not isinstance(picture, np.ndarray):
        return pixel_arrays.from_pil(picture, where)
    return pixel_arrays.keep_profile(pixel_arrays.from_samples(picture, where), files.profile(blob))


def encode_pixels(pixels: Pixels, options: Options) -> Content:
    """The picture of pixels: a PNG that is encoded when it is needed, or a file of another type."""
    mode, file_type = options.mode, options.file_type
    if mode is not None and mode != pixels.mode:
        pixels = _convert(pixels, mode)
    pixels.array.setflags(write=False)
    height, width = pixels.array.shape[:2]
    files.check_pixels(width, height, "Image", InputError)
    if file_type in (None, "png"):
        if options.encoder == "isal":
            need("isal", extra="isal", needed_for="Image(encoder='isal')")
        png_mode = "I;16" if pixels.bit_depth == 16 and pixels.mode == "L" else pixels.mode
        return Content(ImageFile("png", width, height, png_mode, pixels.bit_depth), None, pixels, pixels.source)
    blob, quality = _encode_with_pillow(pixels, str(file_type), options.quality)
    return Content(files.probe(blob, "Image", InputError, whole=False), blob, None, pixels.source, quality)


def _convert(pixels: Pixels, mode: str) -> Pixels:
    if pixels.bit_depth == 16:
        raise InputError.of(
            "Image.mode", f"{pixels.mode}, that of the 16-bit pixels", mode, "Pass uint8 pixels to convert."
        )
    import PIL.Image

    converted = np.array(PIL.Image.fromarray(pixels.array).convert(mode))
    source = {"mode": pixels.mode, **(pixels.source or {})}
    return pixel_arrays.keep_profile(Pixels(converted, mode, source), pixels.profile)


def _encode_with_pillow(pixels: Pixels, file_type: str, quality: int | None) -> tuple[Blob, int | None]:
    where = "Image.file_type"
    if pixels.bit_depth == 16:
        raise InputError.of(
            where, "png for 16-bit pixels", file_type, "Pass value_range=(lo, hi) to make 8-bit pixels."
        )
    height, width = pixels.array.shape[:2]
    longest = _LONGEST_SIDE[file_type]
    if max(height, width) > longest:
        size = Verbatim(f"{width} x {height}")
        raise InputError.of(where, f"sides of at most {longest} pixels", size, "Use png.")
    if file_type == "jpg" and pixels.mode in ("LA", "RGBA"):
        raise InputError.of(where, "png or webp for pixels with alpha", file_type, "Pass mode='RGB' to drop the alpha.")
    import PIL.Image

    options: dict[str, Any] = {"quality": quality} if quality else {"lossless": True}
    if file_type == "jpg":
        quality = quality or _JPEG_QUALITY
        options = {"quality": quality, "subsampling": 0 if quality >= 90 else 2}
    if pixels.profile:
        options["icc_profile"] = pixels.profile
    buffer = BytesIO()
    try:
        PIL.Image.fromarray(pixels.array).save(buffer, "JPEG" if file_type == "jpg" else "WEBP", **options)
    except (OSError, ValueError, KeyError) as error:
        raise CodecError(f"Image: expected Pillow to write {file_type}, got an error. {error}") from error
    return Blob(buffer.getvalue()), quality
