"""What image files hold, whatever shows them: stored samples, orientation, depth; and files that are refused."""

from __future__ import annotations

import io
import struct
import sys
import time
import zlib
from collections.abc import Callable
from functools import cache
from typing import Any, Literal

import numpy as np
import PIL.Image
import PIL.ImageCms
import PIL.ImageOps
import pytest
import tifffile

import mediatypes as mt
from mediatypes import Image, ImageMask, InputError
from mediatypes.types.pictures import decoding
from tests.samples import Array, decoded, encode, photograph, picture

SMALL = photograph("coffee")[100:160, 200:290]
IDS = np.arange(40 * 30).reshape(40, 30) % 5


def tiff(array: Array, **options: Any) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, **options)
    return buffer.getvalue()


def packed(samples: Array, bits: int) -> list[bytes]:
    """Rows of samples of a few bits, the first in the highest bits."""
    digits = np.unpackbits(samples.astype(np.uint8)[..., None], axis=2)[..., -bits:]
    return [row.tobytes() for row in np.packbits(digits.reshape(len(samples), -1), axis=1)]


def png(samples: Array, bits: int, color: int = 0, palette: bytes = b"") -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = packed(samples, bits) if bits < 8 else [row.astype(f">u{bits // 8}").tobytes() for row in samples]
    header = struct.pack(">2I5B", samples.shape[1], samples.shape[0], bits, color, 0, 0, 0)
    parts = [chunk(b"IHDR", header), *([chunk(b"PLTE", palette)] if palette else [])]
    parts += [chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows))), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def tiff_of_bits(samples: Array, bits: int, photometric: int = 1) -> bytes:
    """A TIFF of grey samples of a few bits, as scanners write it (TIFF 6.0)."""
    data, (height, width) = b"".join(packed(samples, bits)), samples.shape
    entries = [(256, 4, width), (257, 4, height), (258, 3, bits), (259, 3, 1), (262, 3, photometric)]
    entries += [(273, 4, 8), (277, 3, 1), (278, 4, height), (279, 4, len(data))]
    data += b"\0" * (len(data) % 2)
    tags = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    return b"II*\0" + struct.pack("<I", 8 + len(data)) + data + struct.pack("<H", len(entries)) + tags + bytes(4)


def anymap(samples: Array, largest: int, *, text: bool = False) -> bytes:
    kind = (2 if samples.ndim == 2 else 3) + (0 if text else 3)
    header = f"P{kind}\n# written by a test\n{samples.shape[1]} {samples.shape[0]}\n{largest}\n".encode()
    if text:
        return header + b" ".join(b"%d" % value for value in samples.ravel().tolist())
    return header + samples.astype(">u2" if largest > 255 else np.uint8).tobytes()


def up_to(largest: int) -> Array:
    return IDS * largest // 4


PALETTE = np.random.default_rng(0).integers(0, 256, 768, dtype=np.uint8).tobytes()
GREY: dict[str, tuple[bytes, Array, int]] = {
    **{f"PNG of {bits} bits": (png(up_to(2**bits - 1), bits), up_to(2**bits - 1), bits) for bits in (1, 2, 4, 8, 16)},
    **{f"TIFF of {b} bits": (tiff_of_bits(up_to(2**b - 1), b), up_to(2**b - 1), b) for b in (1, 2, 4, 8)},
    **{f"TIFF of {b} bits, 0 white": (tiff_of_bits(IDS % 2**b, b, 0), IDS % 2**b, b) for b in (1, 2, 4, 8)},
    "TIFF of 16 bits, 0 white": (tiff(IDS.astype(np.uint16), photometric="miniswhite"), IDS, 16),
    **{f"PGM up to {most}": (anymap(up_to(most), most), up_to(most), most.bit_length()) for most in (3, 5, 255, 1023)},
    "PGM up to 65535": (anymap(up_to(65535), 65535), up_to(65535), 16),
    "PGM in text": (anymap(up_to(999), 999, text=True), up_to(999), 10),
    "PBM": (b"P4 30 40\n" + b"".join(packed(IDS % 2, 1)), IDS % 2, 1),
    "PBM in text": (b"P1 30 40\n" + b"\n".join(bytes(48 + row) for row in (IDS % 2).astype(np.uint8)), IDS % 2, 1),
    "JPEG 2000 of 12 bits": (b"", up_to(4095), 12),
    "BMP": (picture(PIL.Image.fromarray(IDS.astype(np.uint8)), "BMP"), IDS, 8),
}
INDICES: dict[str, tuple[bytes, int]] = {
    **{f"PNG of {bits} bits": (png(IDS % 2**bits, bits, 3, PALETTE[: 3 << bits]), bits) for bits in (1, 2, 4, 8)},
    "GIF": (b"", 8),
    "BMP": (b"", 8),
    "TIFF": (b"", 8),
}


def with_palette(format: str) -> bytes:
    image = PIL.Image.fromarray(IDS.astype(np.uint8))
    image = PIL.Image.frombytes("P", image.size, image.tobytes())
    image.putpalette(PALETTE)
    return picture(image, format)


@pytest.mark.parametrize("name", GREY)
def test_images_and_masks_of_a_grey_file_have_its_samples(name: str) -> None:
    data, samples, bits = GREY[name]
    if name.startswith("JPEG 2000"):
        data = pytest.importorskip("imagecodecs").jpeg2k_encode(samples.astype(np.uint16), bitspersample=12)
    image = Image(data, masks={} if name.startswith("JPEG") else {"ids": data})
    document, store = encode(image)
    assert (document["bit_depth"], document["width"], document["height"]) == (bits, 30, 40)
    for value in (image, mt.decode(document, store)):
        np.testing.assert_array_equal(value.to_numpy(), samples)
        for mask in value.masks.values():
            np.testing.assert_array_equal(mask.to_numpy(), samples)
    assert all(mask["bit_depth"] == bits for mask in document.get("masks", {}).values())


def test_signed_samples_of_jpeg_2000_are_signed() -> None:
    samples = np.arange(-300, 900, dtype=np.int16).reshape(40, 30)
    image = Image(pytest.importorskip("imagecodecs").jpeg2k_encode(samples, level=0, reversible=True))
    np.testing.assert_array_equal(decoded(image).to_numpy(), samples)


@pytest.mark.parametrize("name", INDICES)
def test_ids_of_a_palette_are_indices_and_its_image_has_colours(name: str) -> None:
    data, bits = INDICES[name]
    data = data or with_palette(name)
    ids = IDS % 2**bits
    np.testing.assert_array_equal(ImageMask(data).to_numpy(), ids)
    colors = np.frombuffer(PALETTE, np.uint8).reshape(-1, 3)[ids]
    np.testing.assert_array_equal(Image(data).to_numpy(), colors)
    assert encode(Image(data))[0]["bit_depth"] == bits


@pytest.mark.parametrize("largest", [255, 300, 1023, 65535])
@pytest.mark.parametrize("text", [False, True])
def test_colours_of_a_ppm_keep_their_bits(largest: int, text: bool) -> None:
    samples = (SMALL.astype(np.int64) * largest) // 255
    image = Image(anymap(samples, largest, text=text))
    np.testing.assert_array_equal(image.to_numpy(), samples)
    assert (image.bit_depth, image.mode) == (largest.bit_length(), "RGB")
    np.testing.assert_allclose(np.asarray(image.to_pil()), SMALL, atol=1)
    made = Image(image, file_type="png")
    np.testing.assert_allclose(made.to_numpy() * (255 / (2**made.bit_depth - 1)), samples * (255 / largest), atol=1)
    assert made.bit_depth == (16 if largest > 255 else 8)


@pytest.mark.parametrize(
    "data",
    [b"P6 5 4 65535\n" + bytes(119), b"P5 4 4 255\n" + bytes(15), b"P5 2 1 3\n\0\5", b"P2 2 1 3\n0 5", b"P1 2 1\n0",
     b"P4 9 2\n\0\0\0", b"P5 2 2 0\n" + bytes(4), b"P5 2 1 70000\n" + bytes(4), b"P3 1 1 9\n1 2 x"],
)  # fmt: skip
def test_an_anymap_that_is_not_whole_is_refused(data: bytes) -> None:
    with pytest.raises(InputError, match=r"^Image: expected (a whole image file|an image file)"):
        Image(data)


LAYOUTS: dict[str, dict[str, Any]] = {
    "strips": {},
    "big-endian": {"byteorder": ">"},
    "deflate": {"compression": "zlib"},
    "predictor": {"compression": "zlib", "predictor": True},
    "big-endian and deflate": {"compression": "zlib", "byteorder": ">"},
    "tiles": {"tile": (16, 16)},
    "BigTIFF": {"bigtiff": True},
    "one after another": {"planarconfig": "separate"},
}


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("channels", [3, 4])
def test_every_layout_of_16_bit_colours_in_a_tiff_is_read(name: str, channels: int) -> None:
    samples = np.random.default_rng(0).integers(0, 65536, (37, 29, channels), dtype=np.uint16)
    if name == "one after another":
        stored = tiff(samples.transpose(2, 0, 1), photometric="rgb", **LAYOUTS[name])
    else:
        extra = {"extrasamples": ["unassalpha"]} if channels == 4 else {}
        stored = tiff(samples, photometric="rgb", **extra, **LAYOUTS[name])
    np.testing.assert_array_equal(decoded(Image(stored)).to_numpy(), samples)


def test_16_bit_colours_need_no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of LZW neither, which tifffile reads with imagecodecs only."""
    samples = np.random.default_rng(0).integers(0, 65536, (37, 29, 3), dtype=np.uint16)
    file = picture(PIL.Image.fromarray((samples >> 8).astype(np.uint8)), "TIFF", compression="tiff_lzw")
    assert Image(file).to_numpy().dtype == np.uint8
    deep = tiff(samples, photometric="rgb", compression="zlib")
    for package in ("imageio", "imageio.v3", "tifffile", "imagecodecs"):
        monkeypatch.setitem(sys.modules, package, None)
    np.testing.assert_array_equal(Image(deep).to_numpy(), samples)


def test_lzw_of_16_bit_colours_is_read() -> None:
    pytest.importorskip("imagecodecs")  # which writes it
    samples = np.random.default_rng(0).integers(0, 65536, (37, 29, 3), dtype=np.uint16)
    data = tiff(samples, photometric="rgb", compression="lzw")
    np.testing.assert_array_equal(decoded(Image(data)).to_numpy(), samples)
    np.testing.assert_array_equal(np.asarray(Image(data).to_pil()), samples >> 8)


def test_floats_in_lzw_are_refused_when_made_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("imagecodecs")
    data = tiff((SMALL / 255).astype(np.float32), photometric="rgb", compression="lzw")
    np.testing.assert_array_equal(Image(data).to_numpy(), (SMALL / 255).astype(np.float32))
    reason = "<COMPRESSION.LZW: 5> requires the 'imagecodecs' package"

    def read(*arguments: Any, **options: Any) -> None:
        raise ValueError(reason)

    monkeypatch.setattr(tifffile.TiffPage, "asarray", read)
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    with pytest.raises(mt.MissingDependencyError, match=r"expected the package 'imagecodecs', got none"):
        Image(data)


# Orientation

TURNED = [(format, orientation) for format in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF") for orientation in range(1, 9)]


def with_orientation(format: str, orientation: int, image: PIL.Image.Image | None = None) -> bytes:
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if format == "WEBP" else {"quality": 95} if format in ("JPEG", "AVIF") else {}
    return picture(image or PIL.Image.fromarray(SMALL), format, exif=exif, **options)


@pytest.mark.parametrize(("format", "orientation"), TURNED)
def test_an_image_means_the_picture_as_it_is_shown(format: str, orientation: int) -> None:
    data = with_orientation(format, orientation)
    with PIL.Image.open(io.BytesIO(data)) as opened:
        shown = np.asarray(PIL.ImageOps.exif_transpose(opened).convert("RGB"))
    height, width = shown.shape[:2]
    box = mt.BoundingBoxes2D.from_xyxy([[width - 10, 0, width, 10]], domain="pixel")
    image = Image(data, boxes={"corner": box}, masks={"all": np.ones((height, width), np.uint8)})
    document, store = encode(image)
    assert store.open(document).read() == data
    assert (document["width"], document["height"]) == (width, height) == ((60, 90) if orientation > 4 else (90, 60))
    assert document.get("orientation", 1) == orientation
    for value in (image, mt.decode(document, store)):
        np.testing.assert_array_equal(value.to_numpy(), shown)
        np.testing.assert_array_equal(np.asarray(value.to_pil()), shown)
        assert value.to_pil().getexif().get(0x0112, 1) == 1
        assert value.orientation == orientation
        assert value.boxes["corner"].outside_count == 0
        assert mt.encode(value, mt.MemoryStore()) == document
    turned = Image(image, file_type="png") if format != "PNG" else Image(image, file_type="webp")
    again, store = encode(turned)
    assert "orientation" not in again
    np.testing.assert_array_equal(mt.decode(again, store).to_numpy(), shown)
    grey = np.asarray(PIL.Image.fromarray(shown).convert("L"))
    np.testing.assert_array_equal(Image(data, mode="L", masks=image.masks).to_numpy(), grey)


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_mask_is_turned_as_it_is_shown(format: str, orientation: int) -> None:
    image = PIL.Image.fromarray(IDS.astype(np.uint8))
    data = with_orientation(format, orientation, image)
    with PIL.Image.open(io.BytesIO(data)) as opened:
        ids = np.asarray(PIL.ImageOps.exif_transpose(opened))
    mask = decoded(Image(np.zeros(ids.shape, np.uint8), masks={"m": data})).masks["m"]
    np.testing.assert_array_equal(mask.to_numpy(), ids)
    assert (mask.orientation, mask.width, mask.height) == (orientation, *ids.shape[::-1])


@pytest.mark.parametrize("dtype", [np.float32, np.uint16])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_tiff_beyond_pillow_is_turned_too(dtype: Any, orientation: int) -> None:
    """The oracle is Pillow's turning of the same pixels in 8 bits."""
    data = tiff(SMALL.astype(dtype), photometric="rgb", extratags=[(274, "H", 1, orientation, True)])
    with PIL.Image.open(io.BytesIO(with_orientation("PNG", orientation))) as opened:
        shown = np.asarray(PIL.ImageOps.exif_transpose(opened))
    image = decoded(Image(data))
    np.testing.assert_array_equal(image.to_numpy(), shown)
    assert (image.width, image.height) == shown.shape[1::-1]


def test_what_cannot_be_an_orientation_is_none() -> None:
    exif = PIL.Image.Exif()
    for wrong in (0, 9, 255):
        exif[0x0112] = wrong
        data = picture(PIL.Image.fromarray(SMALL), "JPEG", exif=exif)
        assert (Image(data).orientation, Image(data).width) == (1, 90)
    whole = with_orientation("JPEG", 6)
    damaged = whole.replace(b"Exif\0\0MM", b"Exif\0\0XY", 1)
    assert damaged != whole
    assert Image(damaged).orientation == 1


@pytest.mark.parametrize("said", [1, 3, 8])
@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_a_document_that_says_another_orientation_is_refused(format: str, said: int) -> None:
    document, store = encode(Image(with_orientation(format, 6)))
    document["orientation"] = said
    if said == 1:
        del document["orientation"]
    with pytest.raises(mt.DocumentError):
        mt.decode(document, store)


def test_pixels_of_a_pil_image_are_taken_as_they_are() -> None:
    with PIL.Image.open(io.BytesIO(with_orientation("JPEG", 6))) as opened:
        assert (Image(opened).width, Image(opened).height) == opened.size == (90, 60)


# Profiles


@cache  # the second at which it is made stands in it
def profile(space: Literal["LAB", "XYZ", "sRGB"]) -> bytes:
    return PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile(space)).tobytes()


@pytest.mark.parametrize("file_type", ["png", "jpg", "webp"])
def test_a_converted_file_keeps_its_profile(file_type: str) -> None:
    data = picture(PIL.Image.fromarray(SMALL), "TIFF", icc_profile=profile("sRGB"))
    for value in (Image(data, file_type=file_type), Image(PIL.Image.open(io.BytesIO(data)), file_type=file_type)):
        document, store = encode(value)
        with PIL.Image.open(store.open(document)) as image:
            assert image.info["icc_profile"] == profile("sRGB")
    document, store = encode(Image(data, file_type=file_type, mode="L"))
    with PIL.Image.open(store.open(document)) as image:
        assert "icc_profile" not in image.info  # it describes no grey


def test_a_profile_of_something_else_than_colours_is_left_out() -> None:
    data = picture(PIL.Image.fromarray(SMALL), "TIFF", icc_profile=profile("LAB"))
    document, store = encode(Image(data, file_type="png"))
    with PIL.Image.open(store.open(document)) as image:
        assert "icc_profile" not in image.info


# Masks of lossy files

FIVE = PIL.Image.fromarray((IDS * 50).astype(np.uint8))
LOSSY: dict[str, Callable[[], bytes]] = {
    "JPEG": lambda: picture(FIVE, "JPEG"),
    "JPEG in TIFF": lambda: picture(FIVE, "TIFF", compression="jpeg"),
    "AVIF": lambda: picture(FIVE, "AVIF"),
    "WebP": lambda: picture(FIVE, "WEBP"),
    "JPEG 2000": lambda: picture(FIVE, "JPEG2000", irreversible=True),
    "JPEG 2000 that is cut": lambda: picture(FIVE, "JPEG2000", quality_mode="rates", quality_layers=[20]),
    "JPEG 2000 that is hardly cut": lambda: picture(FIVE, "JPEG2000", quality_mode="rates", quality_layers=[4]),
}


@pytest.mark.parametrize("name", LOSSY)
def test_a_lossy_file_is_no_mask(name: str) -> None:
    with pytest.raises(
        InputError, match=r"^ImageMask: expected a lossless single-channel image of class ids, got a lo"
    ):
        ImageMask(LOSSY[name]())


LOSSLESS: dict[str, Callable[[], bytes]] = {
    "JPEG 2000": lambda: picture(FIVE, "JPEG2000"),
    "JPEG 2000 in tiles": lambda: picture(FIVE, "JPEG2000", tile_size=(32, 32), num_resolutions=3, progression="CPRL"),
    **{
        f"TIFF, {compression}": lambda compression=compression: picture(FIVE, "TIFF", compression=compression)  # type: ignore[misc]
        for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "zstd", "lzma")
    },
    "GIF": lambda: picture(FIVE, "GIF"),
}


@pytest.mark.parametrize("name", LOSSLESS)
def test_a_lossless_file_is_a_mask(name: str) -> None:
    try:
        data = LOSSLESS[name]()
    except (OSError, RuntimeError) as error:
        pytest.skip(f"this Pillow cannot write it: {error}")
    np.testing.assert_array_equal(ImageMask(data).to_numpy() % 50, 0 if name != "GIF" else ImageMask(data).to_numpy())
    assert len(np.unique(ImageMask(data).to_numpy())) == 5


# Depth of which Pillow decodes a part


def test_avif_of_10_bits_is_kept_and_its_samples_are_not_cut() -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    data = imagecodecs.avif_encode(SMALL.astype(np.uint16) * 4, bitspersample=10, level=95)
    document, store = encode(Image(data))
    assert (document["bit_depth"], document["mode"]) == (10, "RGB")
    image = mt.decode(document, store)
    assert np.asarray(image.to_pil()).shape == (60, 90, 3)
    samples = imagecodecs.avif_decode(data)
    np.testing.assert_array_equal(image.to_numpy(), samples)
    ranged = Image(image, value_range=(0, 1023)).to_numpy()
    np.testing.assert_array_equal(ranged, np.rint(samples * (255 / 1023)))
    hint = r"Pass value_range=\(0, 1023\), or take the 8 bits"
    for call in (lambda: Image(image, mode="L"), lambda: Image(data, file_type="png")):
        with pytest.raises(InputError, match=rf"expected samples of 8 bits in avif to convert, got 10 bits. {hint}"):
            call()
    assert Image(image.to_pil()).width == 90


def test_jpeg2000_colours_of_16_bits_are_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    samples = SMALL.astype(np.uint16) * 257
    image = Image(imagecodecs.jpeg2k_encode(samples, level=0, reversible=True))
    assert image.bit_depth == 16
    np.testing.assert_array_equal(decoded(image).to_numpy(), samples)
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    with pytest.raises(mt.MissingDependencyError, match=r"Image.to_numpy\(\) of more than 8 bits in jp2"):
        image.to_numpy()


def test_avif_needs_a_pillow_that_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    without = tuple(name for name in decoding.readable() if name != "AVIF")
    still, moving = picture(FIVE, "AVIF"), picture(FIVE, "AVIF", save_all=True, append_images=[FIVE.rotate(90)])
    document, store = encode(Image(still))
    monkeypatch.setattr(decoding, "readable", lambda: without)
    image = mt.decode(document, store)
    assert image.to_bytes() == still
    for call in (image.to_numpy, lambda: Image(still), lambda: mt.Video(moving)):
        with pytest.raises(mt.MissingDependencyError) as caught:
            call()
        assert str(caught.value) == (
            "An AVIF file: expected the package 'pillow' with AVIF, got one without it. "
            "Install a newer one: pip install --upgrade pillow"
        )
    with pytest.raises(InputError, match=r"an image file \(bmp, gif, jp2, jpg, png, ppm, tiff, webp\), got 4 bytes"):
        Image(b"text")


# Damage and claims


def test_a_damaged_avif_is_refused_with_our_error() -> None:
    whole = picture(PIL.Image.fromarray(SMALL), "AVIF")
    refused = 0
    for place in range(0, len(whole), 7):
        broken = whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :]
        try:
            Image(broken).to_numpy()
        except InputError:
            refused += 1
    assert refused > 20


@pytest.mark.parametrize("bits", [8, 16])
def test_every_flipped_bit_of_a_png_is_refused_or_read(bits: int) -> None:
    whole = png(SMALL[:5, :6, 0].astype(np.int64) * (257 if bits == 16 else 1), bits)
    assert Image(whole).bit_depth == bits
    colors = encode(Image(SMALL[:5, :6].astype(np.uint16) * np.uint16(257)))
    for data in (whole, colors[1].open(colors[0]).read()):
        for place in range(len(data)):
            broken = data[:place] + bytes([data[place] ^ (1 << place % 8)]) + data[place + 1 :]
            try:
                image = Image(broken)
            except InputError:
                continue
            assert image.to_numpy().shape[:2] == (image.height, image.width)
            assert image.to_pil().size == (image.width, image.height)


def test_a_wrong_checksum_of_image_data_is_refused() -> None:
    document, store = encode(Image(SMALL.astype(np.uint16)))
    data = bytearray(store.open(document).read())
    end = data.index(b"IEND") - 8
    data[end] ^= 1
    with pytest.raises(InputError, match=r"its image data are damaged: a checksum does not match\.$"):
        Image(bytes(data))


CLAIMS = {
    "GIF": b"GIF89a\xc8\x32\xc8\x32\x80\0\0" + b"\0\0\0\xff\xff\xff" + b",\0\0\0\0\1\0\1\0\0\2\2D\1\0;",
}


@pytest.mark.parametrize("name", ["GIF", "AVIF"])
def test_a_claim_beyond_what_its_bytes_can_hold_is_refused_before_it_is_decoded(name: str) -> None:
    if name == "AVIF":
        data = picture(PIL.Image.new("L", (64, 64)), "AVIF")
        place = data.index(b"ispe") + 8
        data = data[:place] + struct.pack(">2I", 13000, 13000) + data[place + 8 :]
    else:
        data = CLAIMS[name]
    start = time.process_time()
    with pytest.raises(InputError, match=r"^Image: expected a whole image file, got "):
        Image(data)
    assert time.process_time() - start < 2


def test_a_large_picture_of_one_colour_is_no_claim() -> None:
    white = PIL.Image.new("P", (3000, 3000))
    assert Image(picture(white, "GIF")).width == 3000


@pytest.mark.parametrize("sides", [(1, 2**20 + 1), (2**20 + 1, 1)])
def test_a_row_takes_its_time_however_short_it_is(sides: tuple[int, int]) -> None:
    data = picture(PIL.Image.new("1", sides), "PNG")
    with pytest.raises(InputError, match=rf"expected at most 178956970 pixels, 1048576 a side, got {sides[0]} x "):
        Image(data)
    assert Image(picture(PIL.Image.new("1", (1, 2**20)), "PNG")).height == 2**20


def test_every_scan_of_a_jpeg_goes_over_all_pixels() -> None:
    data = picture(PIL.Image.new("L", (3000, 3000)), "JPEG", progressive=True)
    scan = data[data.rindex(b"\xff\xda") : -2]
    with pytest.raises(InputError, match=r"3000 x 3000 pixels are too many for \d+ scans\.$"):
        Image(data[:-2] + scan * 500 + data[-2:])
    assert Image(data[:-2] + scan * 5 + data[-2:]).width == 3000


def test_the_header_of_an_anymap_ends_soon() -> None:
    """Pillow reads it byte by byte, and a search through all of it took its 240-fold in memory."""
    comment = b"#" + b"a" * 60_000 + b"\n"
    image = Image(b"P5 " + comment + b"2 1 1023\n\3\xff\0\1")
    assert (image.bit_depth, image.to_numpy().tolist()) == (10, [[1023, 1]])
    for gap in (comment * 2, b" " * 70_000):
        with pytest.raises(InputError, match=r"its header does not end within 65536 bytes\.$"):
            Image(b"P2 " + gap + b"1 1 255 1")
