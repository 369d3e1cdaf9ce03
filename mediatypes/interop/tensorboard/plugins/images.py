"""Images, also those that move; files are recognised by their content and never encoded again.

What a type needs is imported when a value of it comes: most logs are numbers only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...._core.codec import encode
from ...._core.errors import InputError
from ...._core.sidecar import Blob, Sink
from .base import Cell, Given, Plugin, listed, of_file

if TYPE_CHECKING:
    from ....types.pictures.files import ImageFile

_PNG_MODES = {(8, 0): "L", (8, 2): "RGB", (8, 4): "LA", (8, 6): "RGBA"}  # bit depth, colour type: ISO/IEC 15948, 11.2.2
_PNG_CHUNKS = frozenset((b"IHDR", b"IDAT", b"IEND"))  # pixels and nothing that says how to show them


def convert(given: Given) -> list[Cell]:
    """Width and height as texts, then the encoded images."""
    given.tensor.require_strings(1)
    return [listed([picture(data, given.caption, given.sinks.media) for data in given.tensor.strings[2:]])]


def picture(data: bytes, caption: str | None, sink: Sink) -> dict[str, Any]:
    """An image, or a GIF that moves as a video; raises InputError if it is neither."""
    from ....types.image.value import Image
    from ....types.video.value import Video

    if data[:4] == b"GIF8" and _frames(data) > 1:
        return encode(Video(data, caption), sink)
    if (file := _plain_png(data)) is None:
        return encode(Image(data, caption=caption), sink)
    return Image._of(Blob(data), caption=caption, **file._asdict()).__media__(sink)


def _plain_png(data: bytes) -> ImageFile | None:
    """What the header of a PNG says, if that is all there is to know: its record had a sound checksum."""
    from ....formats import png
    from ....types.pictures.decoding import MAX_SIDE
    from ....types.pictures.files import MAX_PIXELS, ImageFile

    header = png.read_header(data)
    mode = _PNG_MODES.get((header.bit_depth, header.color_type)) if header is not None else None
    if header is None or mode is None or not 0 < header.width * header.height <= MAX_PIXELS:
        return None
    if max(header.width, header.height) > MAX_SIDE:
        return None
    names = png.chunk_names(data)
    if names[-1:] != [b"IEND"] or not _PNG_CHUNKS.issuperset(names):
        return None
    return ImageFile("png", header.width, header.height, mode, header.bit_depth)


def _frames(data: bytes) -> int:
    """Frames of a GIF, as far as Pillow can tell."""
    from io import BytesIO

    from PIL import Image as Pillow

    from ....types.pictures.decoding import quiet

    try:
        with quiet(), Pillow.open(BytesIO(data), formats=("GIF",)) as image:
            return int(getattr(image, "n_frames", 1))
    except Exception as error:  # Pillow raises what it likes
        raise InputError.of("image", "a whole GIF", f"{len(data)} bytes", f"Decoding failed: {error}.") from error


PLUGIN = Plugin(convert, "image", of_file(picture))
