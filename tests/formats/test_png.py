from __future__ import annotations

import io
import struct
import time
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageCms
from skimage import data

from mediatypes.formats import deep_colors
from mediatypes.formats import png as png_format

Array = np.ndarray[Any, np.dtype[Any]]
PHOTOGRAPHS = ("astronaut", "rocket", "chelsea", "coffee", "camera", "moon")
DTYPES = (np.uint8, np.uint16)


def photograph(name: str) -> Array:
    pixels: Array = getattr(data, name)()
    return pixels


def pillow(file: bytes) -> Array:
    """What an independent decoder, which checks every CRC, reads."""
    with Image.open(io.BytesIO(file)) as image:
        image.verify()
    with Image.open(io.BytesIO(file)) as image:
        return np.asarray(image)


def random(shape: tuple[int, ...], dtype: Any = np.uint16, seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max + 1, shape, dtype)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def header(width: int, height: int, depth: int = 16, color: int = 2, *rest: int) -> bytes:
    return chunk(b"IHDR", struct.pack(">2I5B", width, height, depth, color, *(rest or (0, 0, 0))))


def png(*chunks: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def decode16(file: bytes) -> Array:
    return deep_colors.decode(lambda: Image.open(io.BytesIO(file)))


@pytest.mark.parametrize("encoder", ["zlib", "isal"])
@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_photographs_read_back_in_pillow(name: str, encoder: str) -> None:
    if encoder == "isal":
        pytest.importorskip("isal")
    pixels = photograph(name)
    file = png_format.encode(pixels, encoder=encoder)
    assert np.array_equal(pillow(file), pixels)
    assert file == png_format.encode(pixels, encoder=encoder)


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_photographs_are_hardly_larger_than_pillow_writes_them(name: str) -> None:
    pixels = photograph(name)
    Image.fromarray(pixels).save(buffer := io.BytesIO(), "PNG")
    assert len(png_format.encode(pixels)) <= 1.08 * buffer.tell()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1), (2, 60_000), (401, 83)])
def test_every_layout_reads_back(size: tuple[int, int], channels: int, dtype: Any) -> None:
    pixels = random((*size, channels), dtype)
    file = png_format.encode(pixels)
    decoded = pillow(file) if dtype == np.uint8 or channels == 1 else decode16(file)
    assert np.array_equal(decoded.reshape(pixels.shape), pixels)
    assert decoded.ndim == (2 if channels == 1 else 3)
    header = png_format.read_header(file)
    assert header is not None
    assert (header.width, header.height, header.channels) == (size[1], size[0], channels)
    assert header.bit_depth == 8 * pixels.itemsize


def test_sixteen_bits_of_grey_agree_with_pillow() -> None:
    pixels = random((40, 50))
    for file in (png_format.encode(pixels), png_format.encode_indexed(pixels)):
        assert np.array_equal(pillow(file), pixels)


def test_memory_layout_and_byte_order_do_not_matter() -> None:
    pixels = random((30, 20, 3))
    expected = png_format.encode(pixels)
    padded = np.zeros((60, 40, 3), np.uint16)
    padded[::2, ::2] = pixels
    assert png_format.encode(padded[::2, ::2]) == expected
    assert png_format.encode(np.asfortranarray(pixels)) == expected
    assert png_format.encode(pixels.astype(">u2")) == expected


@pytest.mark.parametrize("dtype", DTYPES)
def test_labels_read_back(dtype: Any) -> None:
    labels = (photograph("camera") // 50).astype(dtype)
    file = png_format.encode_indexed(labels)
    assert np.array_equal(pillow(file), labels)
    Image.fromarray(labels).save(buffer := io.BytesIO(), "PNG")
    assert len(file) < 1.1 * buffer.tell()


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((0, 4), np.uint8),
        np.zeros((4, 0, 3), np.uint8),
        np.zeros(4, np.uint8),
        np.zeros((2, 2, 0), np.uint8),
        np.zeros((2, 2, 5), np.uint8),
        np.zeros((1, 2, 2, 3), np.uint8),
        np.zeros((2, 2), np.float32),
        np.zeros((2, 2), bool),
        np.zeros((2, 2), np.int16),
    ],
)
def test_other_arrays_are_refused(pixels: Array) -> None:
    with pytest.raises(ValueError, match="expected pixels of"):
        png_format.encode(pixels)
    with pytest.raises(ValueError, match="expected"):
        png_format.encode_indexed(pixels)


def test_unknown_encoder_is_refused() -> None:
    with pytest.raises(ValueError, match="'zlib' or 'isal'"):
        png_format.encode(np.zeros((2, 2), np.uint8), encoder="zopfli")


def test_missing_isal_is_an_import_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "isal", None)
    with pytest.raises(ImportError):
        png_format.encode(np.zeros((2, 2), np.uint8), encoder="isal")


def test_predictors_are_those_of_the_specification() -> None:
    triples = np.array(np.meshgrid(*[np.r_[0:256:5, 1, 127, 128, 254]] * 3), np.uint8).reshape(3, -1)
    a, b, c = triples.astype(int)
    distances = np.stack([abs(b - c), abs(a - c), abs(a + b - 2 * c)])
    paeth = np.take_along_axis(triples, distances.argmin(0)[None], 0)[0]
    assert np.array_equal(png_format._paeth(*triples), paeth)


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(st.sampled_from(DTYPES), hnp.array_shapes(min_dims=2, max_dims=2, max_side=20)),
    st.integers(1, 4),
)
def test_any_pixels_read_back(plane: Array, channels: int) -> None:
    pixels = np.stack([plane + np.array(i, plane.dtype) for i in range(channels)], axis=-1)
    file = png_format.encode(pixels)
    decoded = pillow(file) if plane.dtype == np.uint8 or channels == 1 else decode16(file)
    assert np.array_equal(decoded.reshape(pixels.shape), pixels)


def adam7(pixels: Array) -> bytes:
    """An interlaced file of 16 bits, its rows unfiltered (PNG 8.1)."""
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    rows = [row for top, left, down, right in passes for row in pixels[top::down, left::right]]
    data = b"".join(b"\0" + row.astype(">u2").tobytes() for row in rows if row.size)
    head = header(pixels.shape[1], pixels.shape[0], 16, {2: 4, 3: 2, 4: 6}[pixels.shape[2]], 0, 0, 1)
    return png(head, chunk(b"IDAT", zlib.compress(data)), chunk(b"IEND", b""))


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_interlaced_colours_of_16_bits_are_decoded(channels: int) -> None:
    pixels = random((19, 13, channels))
    assert np.array_equal(decode16(adam7(pixels)), pixels)


def test_a_row_of_a_million_pixels_with_the_slowest_filter_takes_no_time() -> None:
    row = np.zeros((1, 1 + 6 * 10**6), np.uint8)
    row[0, 0] = 4
    file = png(header(10**6, 1), chunk(b"IDAT", zlib.compress(row.tobytes())), chunk(b"IEND", b""))
    start = time.process_time()
    assert not decode16(file).any()
    assert time.process_time() - start < 3


def test_a_profile_is_kept() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    file = png_format.encode(random((3, 4, 3), np.uint8), profile=profile)
    with Image.open(io.BytesIO(file)) as image:
        assert image.info["icc_profile"] == profile
    assert png_format.chunk_names(file) == [b"IHDR", b"iCCP", b"IDAT", b"IEND"]


def test_wrong_checksums_of_image_data_are_noticed() -> None:
    file = png_format.encode(random((30, 40, 3), np.uint8))
    png_format.check_image_data(io.BytesIO(file))
    start = file.index(b"IDAT")
    for place in range(start + 4, len(file) - 16, 97):
        broken = file[:place] + bytes([file[place] ^ 1]) + file[place + 1 :]
        with pytest.raises(ValueError, match="a checksum does not match"):
            png_format.check_image_data(io.BytesIO(broken))


@pytest.mark.parametrize("data", [b"", b"GIF89a" + bytes(40), png(), png(header(4, 1, 8, 7)), png(header(4, 1))[:28]])
def test_the_header_of_something_else_is_none(data: bytes) -> None:
    assert png_format.read_header(data) is None
