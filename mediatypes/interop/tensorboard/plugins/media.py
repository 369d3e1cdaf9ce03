"""Documents of the media that events hold; files are recognised by their content and never encoded again.

What a type needs is imported when a value of it comes: most logs are numbers only.
"""

from __future__ import annotations

from struct import unpack_from
from typing import TYPE_CHECKING, Any

import numpy as np

from ...._core.codec import encode
from ...._core.errors import InputError
from ...._core.sidecar import Blob, Sink
from ....columns.arrays import Array

if TYPE_CHECKING:
    from ....types.pictures.files import ImageFile

_PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
_PNG_MODES = {(8, 0): "L", (8, 2): "RGB", (8, 4): "LA", (8, 6): "RGBA"}  # bit depth, colour type: ISO/IEC 15948, 11.2.2


def picture(data: bytes, caption: str | None, sink: Sink) -> dict[str, Any]:
    """An image, or a GIF that moves as a video; raises InputError if it is neither."""
    from ....types.image.value import Image
    from ....types.pictures import files
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
    file = files.probe(blob, "image", InputError)
    image = Image.__new__(Image)
    image._set(_pixels=None, _blob=blob, _file=file, _source=None, _quality=None, _caption=caption)
    image._set(_grouping=None, _classes=None, _boxes={}, _masks={}, _encoder="zlib")
    return image.__media__(sink)


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


def sound(data: bytes, caption: str | None, sink: Sink) -> dict[str, Any]:
    """A clip of sound; raises InputError, or MissingDependencyError for what is no WAV."""
    from ....types.audio.value import Audio

    return encode(Audio(data, caption=caption), sink)


def tensor(array: Array, sink: Sink, dtype: str = "") -> dict[str, Any]:
    """A tensor; `dtype` names one that numpy does not have, of which the array holds the bits."""
    from ....formats import npy
    from ....formats.small_floats import BITS, to_float32
    from ....types.tensor.statistics import describe
    from ....types.tensor.value import Tensor

    if dtype not in BITS:
        return encode(Tensor(array), sink)
    made = Tensor.__new__(Tensor)
    bits = np.ascontiguousarray(array)
    made._set(_blob=Blob(npy.write(bits)), _dtype=dtype, _shape=bits.shape, _caption=None)
    made._set(_statistics=describe(to_float32(bits, dtype)))
    return encode(made, sink)


def text_table(texts: list[str], width: int, sink: Sink) -> dict[str, Any]:
    """Texts that stand in rows of `width`."""
    from ....types.table.value import Table

    rows = [texts[i : i + width] for i in range(0, len(texts), width)] if width else []
    return encode(Table(columns=[str(i) for i in range(width)], data=rows), sink)


def pr_curve(array: Array, sink: Sink) -> dict[str, Any]:
    """A chart of the pr_curves plugin's (6, n): true and false positives, true and false negatives, precision, recall.

    Thresholds are evenly spaced from 0 to 1 (tensorboard/plugins/pr_curve/summary.py).
    """
    from ....plot._value import Plot
    from ....types.table.value import Table

    true_positive, false_positive, true_negative, false_negative, precision, recall = array
    everything = np.maximum(true_positive + false_positive + true_negative + false_negative, 1)
    columns = {
        "class": ["all"] * array.shape[1],
        "threshold": np.linspace(0, 1, array.shape[1]).tolist() if array.shape[1] > 1 else [0.0],
        "true_positives": true_positive.tolist(),
        "false_positives": false_positive.tolist(),
        "true_negatives": true_negative.tolist(),
        "false_negatives": false_negative.tolist(),
        "precision": precision.tolist(),
        "recall": recall.tolist(),
        "prevalence": ((true_positive + false_negative) / everything).tolist(),
    }
    table = Table(columns=list(columns), data=[list(row) for row in zip(*columns.values(), strict=True)])
    fields = {"x": "recall", "y": "precision", "class": "class", "baseline": "prevalence"}
    strings = {"title": "Precision-Recall Curve", "x-axis-title": "Recall", "y-axis-title": "Precision"}
    return encode(Plot("pr_curve", table, fields, strings), sink)


def mesh(vertices: Array, faces: Array | None, colors: Array | None, sink: Sink) -> dict[str, Any]:
    """A point cloud of (n, 3) vertices, or with (m, 3) faces a mesh as binary PLY; colours are 0 to 255."""
    from ....types.object3d.content import Content
    from ....types.object3d.value import Object3D

    if faces is None:
        points = vertices if colors is None else np.hstack([vertices, np.clip(np.rint(colors), 0, 255)])
        return encode(Object3D(points), sink)
    if (colors is not None and colors.shape != vertices.shape) or not np.isfinite(vertices).all() or not len(vertices):
        raise InputError.of("mesh", "finite vertices, and a color for each", vertices, "It is kept as tensors.")
    if faces.size and (faces.min() < 0 or faces.max() >= len(vertices)):
        raise InputError.of("mesh", f"faces of vertices 0 to {len(vertices) - 1}", faces, "It is kept as tensors.")
    blob = Blob(_ply(vertices, faces, colors))
    low, high = ([float(x) for x in found] for found in (vertices.min(axis=0), vertices.max(axis=0)))
    made = Object3D.__new__(Object3D)
    bounds = (tuple(low), tuple(high))
    content = Content(blob, "ply", vertices=len(vertices), faces=len(faces), bounds=bounds)
    made._set(_caption=None, _content=content)
    return encode(made, sink)


def _ply(vertices: Array, faces: Array, colors: Array | None) -> bytes:
    """PLY: http://paulbourke.net/dataformats/ply/."""
    fields = [("xyz", "<f4", 3)] + ([("rgb", "u1", 3)] if colors is not None else [])
    records = np.zeros(len(vertices), fields)
    records["xyz"] = vertices
    if colors is not None:
        records["rgb"] = np.clip(np.rint(colors), 0, 255)
    corners = np.zeros(len(faces), [("n", "u1"), ("at", "<i4", 3)])
    corners["n"], corners["at"] = 3, faces
    color = "property uchar red\nproperty uchar green\nproperty uchar blue\n" if colors is not None else ""
    header = (
        f"ply\nformat binary_little_endian 1.0\nelement vertex {len(vertices)}\n"
        f"property float x\nproperty float y\nproperty float z\n{color}"
        f"element face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    return header.encode() + records.tobytes() + corners.tobytes()
