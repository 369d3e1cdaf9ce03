"""Images, also those that move; files are recognised by their content and never encoded again.

What a type needs is imported when a value of it comes: most logs are numbers only.
"""

from __future__ import annotations

from struct import unpack_from
from typing import TYPE_CHECKING, Any

from ...._core.codec import encode
from ...._core.errors import InputError
from ...._core.sidecar import Blob, Sink
from ....formats import protobuf
from ..log.events import Value
from .base import Cell, Given, Plugin, Sinks, listed

if TYPE_CHECKING:
    from ....types.pictures.files import ImageFile

_FILE = 4  # Summary.Image.encoded_image_string
_PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
_PNG_MODES = {(8, 0): "L", (8, 2): "RGB", (8, 4): "LA", (8, 6): "RGBA"}  # bit depth, colour type: ISO/IEC 15948, 11.2.2


def convert(given: Given) -> list[Cell]:
    """Width and height as texts, then the encoded images."""
    given.tensor.require_strings(1)
    return [listed([picture(data, given.caption, given.sinks.media) for data in given.tensor.strings[2:]])]


def _convert_message(data: bytes, value: Value, caption: str | None, sinks: Sinks) -> list[Cell]:
    return [listed([picture(protobuf.last_bytes(data, value.span, _FILE), caption, sinks.media)])]


def picture(data: bytes, caption: str | None, sink: Sink) -> dict[str, Any]:
    """An image, or a GIF that moves as a video; raises InputError if it is neither."""
    from ....types.image.value import Image
    from ....types.video.value import Video

    if data[:4] == b"GIF8" and _frames(data) > 1:
        return encode(Video(data, caption), sink)
    blob = Blob(data)
    if (png := _png_file(data)) is not None:  # what the image would write, without making one
        document: dict[str, Any] = {"_type": "image", "_version": Image.declaration.version}
        document |= blob.place(sink, png.suffix, png.media_type)
        document |= {"width": png.width, "height": png.height, "format": png.format}
        document |= {"mode": png.mode, "bit_depth": png.bit_depth}
        return document if caption is None else document | {"caption": caption}
    return encode(Image(data, caption=caption), sink)


def _png_file(data: bytes) -> ImageFile | None:
    """What the header of a PNG says, if that is all there is to know: its record had a sound checksum."""
    from ....types.pictures.files import MAX_PIXELS, ImageFile

    if data[:16] != _PNG or data[-12:] != _PNG_END:
        return None
    width, height, depth, color = unpack_from(">IIBB", data, 16)
    mode = _PNG_MODES.get((depth, color))
    if mode is None or not 0 < width * height <= MAX_PIXELS:
        return None
    return ImageFile("png", "image/png", width, height, mode, depth)


def _frames(data: bytes) -> int:
    """Frames of a GIF, as far as Pillow can tell."""
    from io import BytesIO

    from PIL import Image as Pillow

    from ....types.pictures.files import quiet

    try:
        with quiet(), Pillow.open(BytesIO(data), formats=("GIF",)) as image:
            return int(getattr(image, "n_frames", 1))
    except Exception as error:  # Pillow raises what it likes
        raise InputError.of("image", "a whole GIF", f"{len(data)} bytes", f"Decoding failed: {error}.") from error


PLUGIN = Plugin(convert, "image", _convert_message)
