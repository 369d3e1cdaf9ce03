"""What an Image shows: a file kept as it is, or pixels to be encoded."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np

from ..._core.deps import is_instance, need
from ..._core.errors import CodecError, InputError, Verbatim
from ..._core.inputs import read_blob
from ..._core.sidecar import Blob
from ...columns.arrays import is_array
from ..pictures import files, matplotlib
from ..pictures import pixels as pixel_arrays

_JPEG_QUALITY = 95
_LONGEST_SIDE = {"jpg": 65500, "webp": 16383}


def make_content(
    data: Any, mode: str | None, file_type: str | None, quality: int | None, value_range: Any, encoder: str
) -> dict[str, Any]:
    """The attributes that hold what is seen: a file as it is, or pixels that will be encoded."""
    where = "Image"
    figure = matplotlib.find_figure(data, where)
    if figure is not None:
        data = matplotlib.draw_png(figure, where)
    if not is_instance(data, "PIL.Image", "Image") and not is_array(data):
        blob = read_blob(data, where)
        if blob is None:
            hint = "Pass np.asarray(data)." if isinstance(data, (list, tuple)) else "See help(mediatypes.Image)."
            raise InputError.of(where, "an array, tensor, PIL image, path, bytes, file or figure", data, hint)
        file = files.probe(blob, where, InputError)
        same = (mode in (None, file.mode)) and file_type in (None, file.format) and quality is None
        if same and value_range is None:
            return {"_pixels": None, "_blob": blob, "_file": file, "_source": None, "_quality": None}
        data = files.load(blob.read(), file)
    is_pil = is_instance(data, "PIL.Image", "Image")
    pixels = (pixel_arrays.from_pil if is_pil else pixel_arrays.from_array)(data, where, value_range)
    if mode is not None and mode != pixels.mode:
        pixels = _convert(pixels, mode)
    pixels.array.setflags(write=False)
    height, width = pixels.array.shape[:2]
    files.check_pixels(width, height, where, InputError)
    if file_type in (None, "png"):
        if encoder == "isal":
            need("isal", extra="isal", needed_for="Image(encoder='isal')")
        file = files.ImageFile("png", "image/png", width, height, _png_mode(pixels), pixels.bit_depth)
        return {"_pixels": pixels, "_blob": None, "_file": file, "_source": pixels.source, "_quality": None}
    blob, quality = _encode_with_pillow(pixels, str(file_type), quality)
    file = files.probe(blob, where, InputError, whole=False)
    return {"_pixels": None, "_blob": blob, "_file": file, "_source": pixels.source, "_quality": quality}


def _convert(pixels: pixel_arrays.Pixels, mode: str) -> pixel_arrays.Pixels:
    if pixels.bit_depth == 16:
        raise InputError.of(
            "Image.mode", f"{pixels.mode}, that of the 16-bit pixels", mode, "Pass uint8 pixels to convert."
        )
    import PIL.Image

    converted = np.array(PIL.Image.fromarray(pixels.array).convert(mode))
    source = {"mode": pixels.mode, **(pixels.source or {})}
    return pixel_arrays.Pixels(converted, mode, source)


def _png_mode(pixels: pixel_arrays.Pixels) -> str:
    return "I;16" if pixels.bit_depth == 16 and pixels.mode == "L" else pixels.mode


def _encode_with_pillow(pixels: pixel_arrays.Pixels, file_type: str, quality: int | None) -> tuple[Blob, int | None]:
    where = "Image.file_type"
    if pixels.bit_depth == 16:
        raise InputError.of(
            where, "png for 16-bit pixels", file_type, "Pass value_range=(lo, hi) to make 8-bit pixels."
        )
    height, width = pixels.array.shape[:2]
    longest = _LONGEST_SIDE[file_type]
    if max(height, width) > longest:
        found = Verbatim(f"{width} x {height}")
        raise InputError.of(where, f"sides of at most {longest} pixels", found, "Use png.")
    if file_type == "jpg" and pixels.mode in ("LA", "RGBA"):
        raise InputError.of(where, "png or webp for pixels with alpha", file_type, "Pass mode='RGB' to drop the alpha.")
    import PIL.Image

    options: dict[str, Any] = {"quality": quality} if quality else {"lossless": True}
    if file_type == "jpg":
        quality = quality or _JPEG_QUALITY
        options = {"quality": quality, "subsampling": 0 if quality >= 90 else 2}
    buffer = BytesIO()
    try:
        PIL.Image.fromarray(pixels.array).save(buffer, "JPEG" if file_type == "jpg" else "WEBP", **options)
    except (OSError, ValueError, KeyError) as error:
        raise CodecError(f"Image: expected Pillow to write {file_type}, got an error. {error}") from error
    return Blob(buffer.getvalue()), quality
