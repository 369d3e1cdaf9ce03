"""Values as TensorBoard's plugins read them: the fields of a Summary.Value beside its tag.

Fields: tensorflow/core/framework/summary.proto, tensor.proto and types.proto; what each plugin stands for:
tensorboard/plugins/<name>/metadata.py and plugin_data.proto.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ....columns.arrays import Array
from ....formats.protobuf import encode_varint
from . import encode

DTYPES = {  # TensorFlow's DataType by the name of a tensor's dtype
    "float32": 1,
    "float64": 2,
    "int32": 3,
    "uint8": 4,
    "int16": 5,
    "int8": 6,
    "complex64": 8,
    "int64": 9,
    "bool": 10,
    "bfloat16": 14,
    "uint16": 17,
    "complex128": 18,
    "float16": 19,
    "uint32": 22,
    "uint64": 23,
    "float8_e5m2": 24,
    "float8_e4m3fn": 25,
}
_STRING = 7
_COLORS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}  # Summary.Image.colorspace by the mode of an image
_WAV = 11  # AudioPluginData.Encoding
VERTEX, FACE, COLOR = 1, 2, 3  # MeshPluginData.ContentType
MESH_SUFFIXES = {VERTEX: "_VERTEX", FACE: "_FACE", COLOR: "_COLOR"}  # of tags, as TensorFlow names them


@lru_cache(256)  # most values of a tag have the same
def metadata(plugin: str, content: bytes = b"", description: str = "", display_name: str = "") -> bytes:
    """metadata = 9 {plugin_data = 1 {plugin_name = 1, content = 2}, display_name = 2, summary_description = 3}."""
    data = encode.field(1, encode.text(1, plugin) + encode.text(2, content)) if plugin or content else b""
    return encode.text(9, data + encode.text(2, display_name) + encode.text(3, description))


def tensor(array: Array, dtype: str = "") -> bytes:
    """tensor = 8 {dtype = 1, shape = 2, content = 4}; `dtype` names one of which the array holds the bits."""
    plain = np.asarray(array)
    content = plain.astype(plain.dtype.newbyteorder("<"), copy=False).tobytes()
    code = encode.integer(1, DTYPES[dtype or plain.dtype.name])
    return encode.field(8, code + _shape(plain.shape) + encode.text(4, content))


def strings(items: list[bytes], shape: tuple[int, ...]) -> bytes:
    """tensor = 8 {dtype = 1, shape = 2, string_val = 8}: texts or files, in C order."""
    return encode.field(8, encode.integer(1, _STRING) + _shape(shape) + b"".join(encode.field(8, one) for one in items))


def _shape(shape: tuple[int, ...]) -> bytes:
    """TensorShapeProto: dim = 2 {size = 1}."""
    return encode.field(2, b"".join(encode.field(2, encode.integer(1, size)) for size in shape))


def texts(items: list[str], shape: tuple[int, ...] | None = None, caption: str = "") -> bytes:
    """Texts, which TensorBoard shows as Markdown: one, a list, or rows of a table."""
    encoded = [item.encode("utf-8", "backslashreplace") for item in items]
    return strings(encoded, (len(items),) if shape is None else shape) + metadata("text", b"", caption)


def image_message(data: bytes, width: int, height: int, mode: str) -> bytes:
    """image = 4 {height = 1, width = 2, colorspace = 3, encoded_image_string = 4}."""
    size = encode.integer(1, height) + encode.integer(2, width) + encode.integer(3, _COLORS.get(mode, 3))
    return encode.field(4, size + encode.field(4, data))


def images(files: list[bytes], width: int, height: int, caption: str = "") -> bytes:
    """Pictures as a tensor: width and height as texts, then files. Its caption is shown, unlike that of `image`."""
    items = [str(width).encode(), str(height).encode(), *files]
    return strings(items, (len(items),)) + metadata("images", b"", caption)


def sound_message(data: bytes, rate: int, channels: int, frames: int, media_type: str = "audio/wav") -> bytes:
    """audio = 6 {sample_rate = 1, num_channels = 2, length_frames = 3, encoded_audio_string = 4, content_type = 5}."""
    numbers = encode.single(1, rate) + encode.integer(2, channels) + encode.integer(3, frames)
    return encode.field(6, numbers + encode.field(4, data) + encode.field(5, media_type))


def sounds(files: list[tuple[bytes, str]], caption: str = "") -> bytes:
    """WAV files with labels, a (k, 2) tensor; captions are shown, unlike of `audio`. AudioPluginData: encoding = 2."""
    items = [item for data, label in files for item in (data, label.encode("utf-8", "backslashreplace"))]
    return strings(items, (len(files), 2)) + metadata("audio", encode.integer(2, _WAV), caption)


def histogram(edges: Array, counts: Array, caption: str = "") -> bytes:
    """Bins between edges, shown as they are."""
    return histogram_rows(edges, counts) + metadata("histograms", b"", caption)


def histogram_rows(edges: Array, counts: Array) -> bytes:
    """A (k, 3) tensor of left edge, right edge and count."""
    return tensor(np.stack([edges[:-1], edges[1:], counts], axis=1).astype(np.float64))


def pr_curve(rows: Array) -> bytes:
    """(6, n): true and false positives, true and false negatives, precision, recall. num_thresholds = 2."""
    return tensor(rows.astype(np.float32)) + metadata("pr_curves", encode.integer(2, rows.shape[1]))


def mesh(
    name: str, vertices: Array, faces: Array | None, colors: Array | None, caption: str
) -> list[tuple[str, bytes]]:
    """The parts of a mesh with the suffixes of their tags: (n, 3) vertices, (m, 3) faces, (n, 3) colors 0 to 255.

    MeshPluginData: name = 2, content_type = 3, json_config = 5, shape = 6, components = 7, a bit for each part.
    """
    parts = {VERTEX: (vertices, np.float32), FACE: (faces, np.int32), COLOR: (colors, np.uint8)}
    given = {part: array.astype(dtype)[None] for part, (array, dtype) in parts.items() if array is not None}
    components = sum(1 << part for part in given)
    tagged = []
    for part, array in given.items():
        shape = encode.field(6, b"".join(map(encode_varint, array.shape)))
        content = encode.text(2, name) + encode.integer(3, part) + encode.field(5, "{}") + shape
        content += encode.integer(7, components)
        tagged.append((MESH_SUFFIXES[part], tensor(array) + metadata("mesh", content, caption)))
    return tagged


def histo(limits: Array, counts: Array, statistics: dict[str, float]) -> bytes:
    """histo = 5: a HistogramProto {min = 1, max, num, sum, sum_squares = 5, bucket_limit = 6, bucket = 7}."""
    names = ("min", "max", "num", "sum", "sum_squares")
    numbers = [encode.double(i, statistics[name]) for i, name in enumerate(names, 1) if name in statistics]
    packed = [encode.field(i, np.asarray(part, "<f8").tobytes()) for i, part in ((6, limits), (7, counts))]
    return encode.field(5, b"".join([*numbers, *packed]))
