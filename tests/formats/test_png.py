from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from skimage import data

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


def predict(kind: int, a: int, b: int, c: int) -> int:
    """The reference of the specification, section 9.2 to 9.4, for one byte."""
    if kind == 4:
        p = a + b - c
        return min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
    return (0, a, b, (a + b) // 2)[kind]


def filtered(pixels: Array, filters: list[int]) -> bytes:
    _, width, channels = pixels.shape
    rows = [bytes(width * channels * 2), *(row.astype(">u2").tobytes() for row in pixels)]
    size, out = channels * 2, bytearray()
    for kind, above, row in zip(filters, rows, rows[1:], strict=False):
        out.append(kind)
        for i, x in enumerate(row):
            a, c = (row[i - size], above[i - size]) if i >= size else (0, 0)
            out.append((x - predict(kind, a, above[i], c)) % 256)
    return bytes(out)


def png16(pixels: Array, filters: list[int], pieces: int = 1) -> bytes:
    height, width, channels = pixels.shape
    stream = zlib.compress(filtered(pixels, filters))
    cuts = [len(stream) * i // pieces for i in range(pieces + 1)]
    image = [chunk(b"IDAT", stream[cuts[i] : cuts[i + 1]]) for i in range(pieces)]
    return png(header(width, height, 16, (0, 4, 2, 6)[channels - 1]), *image, chunk(b"IEND", b""))


SMALL = png16(random((3, 4, 3)), [4, 3, 2])


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
    decoded = pillow(file) if dtype == np.uint8 else png_format.decode16(file)
    assert np.array_equal(decoded.reshape(pixels.shape), pixels)
    assert decoded.ndim == (2 if channels == 1 else 3)


def test_sixteen_bits_of_grey_agree_with_pillow() -> None:
    pixels = random((40, 50))
    for file in (png_format.encode(pixels), png_format.encode_indexed(pixels)):
        assert np.array_equal(pillow(file), pixels)
        assert np.array_equal(png_format.decode16(file), pixels)


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
    assert np.array_equal(png_format._average(*triples), (a + b) // 2)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(1, 4))
def test_any_mixture_of_filters_is_decoded(draws: st.DataObject, channels: int) -> None:
    size = st.integers(1, 7)
    pixels = draws.draw(hnp.arrays(np.uint16, st.tuples(size, size, st.just(channels))))
    filters = draws.draw(st.lists(st.integers(0, 4), min_size=len(pixels), max_size=len(pixels)))
    decoded = png_format.decode16(png16(pixels, filters, pieces=draws.draw(size)))
    assert decoded.dtype == np.uint16
    assert np.array_equal(decoded, pixels[..., 0] if channels == 1 else pixels)


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(st.sampled_from(DTYPES), hnp.array_shapes(min_dims=2, max_dims=2, max_side=20)),
    st.integers(1, 4),
)
def test_any_pixels_read_back(plane: Array, channels: int) -> None:
    pixels = np.stack([plane + np.array(i, plane.dtype) for i in range(channels)], axis=-1)
    file = png_format.encode(pixels)
    decoded = pillow(file) if plane.dtype == np.uint8 else png_format.decode16(file)
    assert np.array_equal(decoded.reshape(pixels.shape), pixels)


@pytest.mark.parametrize("filters", [[1] * 300, [2] * 300, [0, 1, 2, 2, 1] * 60, [3, 4, 0, 1, 2] * 60])
def test_a_photograph_of_16_bits_is_decoded(filters: list[int]) -> None:
    pixels = (photograph("chelsea")[:, :40] / 255.0) ** 2.2 * 65535
    pixels = pixels.astype(np.uint16)
    assert np.array_equal(png_format.decode16(png16(pixels, filters)), pixels)


def test_grey_of_16_bits_written_by_pillow_is_decoded() -> None:
    pixels = photograph("camera").astype(np.uint16) * 200
    Image.fromarray(pixels).save(buffer := io.BytesIO(), "PNG", optimize=True)
    assert np.array_equal(png_format.decode16(buffer.getvalue()), pixels)


def test_every_truncation_is_a_value_error() -> None:
    for end in range(len(SMALL)):
        with pytest.raises(ValueError, match="PNG"):
            png_format.decode16(SMALL[:end])


def test_every_flipped_byte_is_noticed() -> None:
    for i in range(len(SMALL)):
        for flip in (1, 0x80, 0xFF):
            with pytest.raises(ValueError, match="PNG"):
                png_format.decode16(SMALL[:i] + bytes([SMALL[i] ^ flip]) + SMALL[i + 1 :])


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damage_behind_a_valid_crc_is_a_value_error_or_an_array(draws: st.DataObject) -> None:
    head = bytearray(struct.pack(">2I5B", 4, 3, 16, 2, 0, 0, 0))
    body = bytearray(zlib.compress(filtered(random((3, 4, 3)), [4, 3, 2])))
    for part in (head, body):
        for _ in range(draws.draw(st.integers(0, 2))):
            part[draws.draw(st.integers(0, len(part) - 1))] = draws.draw(st.integers(0, 255))
    file = png(chunk(b"IHDR", bytes(head)), chunk(b"IDAT", bytes(body)), chunk(b"IEND", b""))
    try:
        decoded = png_format.decode16(file)
    except ValueError:
        return
    width, height = struct.unpack_from(">2I", head)
    assert decoded.shape[:2] == (height, width)


IMAGE = chunk(b"IDAT", zlib.compress(bytes(25)))  # 4 x 1 pixels of 16-bit RGB
END = chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("file", "match"),
    [
        (b"GIF89a", "signature"),
        (png(IMAGE, END), "not IHDR"),
        (png(END), "not IHDR"),
        (png(chunk(b"IHDR", b"\0" * 12), IMAGE, END), "12 bytes"),
        (png(header(4, 1), header(4, 1), IMAGE, END), "critical chunk b'IHDR'"),
        (png(header(4, 1), chunk(b"ABCD", b""), IMAGE, END), "critical"),
        (png(header(4, 1), IMAGE, chunk(b"tEXt", b"a\0b"), IMAGE, END), "interrupted"),
        (png(header(4, 1), END), "more than its image data"),
        (png(header(4, 1, 8), IMAGE, END), "bit depth 8"),
        (png(header(4, 1, 16, 3), IMAGE, END), "colour type 3"),
        (png(header(4, 1, 16, 2, 0, 0, 1), IMAGE, END), "interlaced"),
        (png(header(4, 1, 16, 2, 1, 0, 0), IMAGE, END), "compression 1"),
        (png(header(4, 1, 16, 2, 0, 1, 0), IMAGE, END), "filter method 1"),
        (png(header(0, 1), IMAGE, END), "0 x 1 pixels"),
        (png(header(2**31, 2**31), IMAGE, END), "expected 1 to"),
        (png(header(2**14, 2**13), IMAGE, END), "more than its image data"),
        (png(header(3, 1), IMAGE, END), "whole stream of 19"),
        (png(header(5, 1), IMAGE, END), "whole stream of 31"),
        (png(header(4, 1), chunk(b"IDAT", zlib.compress(b"\5" + bytes(24))), END), "filter type 5"),
        (png(header(4, 1), chunk(b"IDAT", zlib.compress(bytes(25))[:-1]), END), "whole stream"),
        (png(header(4, 1), chunk(b"IDAT", b"no stream"), END), "damaged"),
        (png(header(4, 1), chunk(b"IDAT", zlib.compress(bytes(10**7))), END), "whole stream of 25"),
        (
            png(header(2**20, 1), chunk(b"IDAT", zlib.compress(b"\4" + bytes(6 * 2**20))), END),
            "too long for its filters",
        ),
    ],
)
def test_malformed_files_are_refused(file: bytes, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        png_format.decode16(file)


def test_harmless_chunks_are_skipped() -> None:
    pixels = png_format.decode16(png(header(4, 1), chunk(b"PLTE", bytes(3)), IMAGE, chunk(b"tEXt", b"a\0b"), END))
    assert np.array_equal(pixels, np.zeros((1, 4, 3)))


def test_pixel_limit() -> None:
    assert png_format.decode16(SMALL, max_pixels=12).shape == (3, 4, 3)
    with pytest.raises(ValueError, match="expected 1 to 11 in all"):
        png_format.decode16(SMALL, max_pixels=11)
