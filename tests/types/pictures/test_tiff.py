"""TIFF files beyond Pillow: as images, masks and videos; and the other files whose frames are pictures."""

from __future__ import annotations

import sys
from io import BytesIO
from typing import Any

import numpy as np
import PIL.Image
import pytest
import tifffile

import mediatypes as mt
from tests.samples import Array, encode, photograph, photograph_file, picture

SMALL = photograph("coffee")[100:160, 100:190]
DEEP = SMALL.astype(np.uint16) * np.uint16(257) ^ np.arange(90, dtype=np.uint16)[:, None]
FLOATS = (SMALL / np.float32(32)).astype(np.float32) - 1


def tiff(pixels: Array, **options: Any) -> bytes:
    """A file as tifffile, which microscopes' software uses, writes it."""
    buffer = BytesIO()
    colours = {"photometric": "rgb" if pixels.shape[-1] in (3, 4) else "minisblack"}
    tifffile.imwrite(buffer, pixels, **{**colours, **options})
    return buffer.getvalue()


HELD: dict[str, tuple[Array, dict[str, Any], str, int]] = {
    "float colours": (FLOATS, {}, "RGB", 32),
    "compressed": (FLOATS, {"compression": "zlib"}, "RGB", 32),
    "16-bit colours": (DEEP, {}, "RGB", 16),
    "16-bit colours, BigTIFF": (DEEP, {"bigtiff": True}, "RGB", 16),
    "16-bit colours, big-endian": (DEEP, {"byteorder": ">"}, "RGB", 16),
    "16-bit colours and alpha": (np.dstack([DEEP, DEEP[..., :1]]), {"extrasamples": ["unassalpha"]}, "RGBA", 16),
    "float64": (FLOATS[..., 0].astype(np.float64), {}, "L", 64),
    "float16": (FLOATS[..., 0].astype(np.float16), {}, "L", 16),
    "uint32": (SMALL[..., 0].astype(np.uint32) << np.uint32(24), {}, "I", 32),
    "int16": (SMALL[..., 0].astype(np.int16) - np.int16(99), {}, "I", 16),
    "int8": (SMALL[..., 0].astype(np.int8), {}, "L", 8),
    "float32, which Pillow reads": (FLOATS[..., 0], {}, "F", 32),
    **{
        f"{dtype}, big-endian{', predicted' * predicted}": (
            FLOATS[..., 0].astype(dtype),
            {"byteorder": ">", "compression": "zlib", "predictor": predicted},
            "F" if dtype == "float32" else "I",
            8 * np.dtype(dtype).itemsize,
        )
        for dtype in ("int16", "int32", "float32")
        for predicted in (False, True)
    },
    "0 is white": (SMALL[..., 0].astype(np.uint32), {"photometric": "miniswhite"}, "L", 32),
}


@pytest.mark.parametrize("name", HELD)
def test_an_image_keeps_what_a_tiff_holds(name: str) -> None:
    pixels, options, mode, depth = HELD[name]
    data = tiff(pixels, **options)
    document, store = encode(mt.Image(data))
    assert store.open(document).read() == data
    found = {key: document[key] for key in ("width", "height", "format", "media_type", "mode", "bit_depth")}
    expected = {"width": 90, "height": 60, "format": "tiff", "media_type": "image/tiff", "mode": mode}
    assert found == {**expected, "bit_depth": depth}
    decoded = mt.decode(document, store)
    assert decoded == mt.Image(data)
    np.testing.assert_array_equal(decoded.to_numpy(), pixels)
    assert decoded.to_numpy().dtype.kind == pixels.dtype.kind


def test_a_file_of_another_writer_keeps_its_doubles() -> None:
    pytest.importorskip("skimage", minversion="0.25.2")  # whose wheel has the file
    path = photograph_file("multipage_rgb.tif")  # two pages, colours one after another
    image = mt.Image(path)
    assert (image.mode, image.bit_depth, image.width, image.height) == ("RGB", 64, 10, 10)
    np.testing.assert_array_equal(image.to_numpy(), tifffile.imread(path, key=0).transpose(1, 2, 0))


def test_colours_one_after_another_are_put_together() -> None:
    data = tiff(DEEP.transpose(2, 0, 1), photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(mt.Image(data).to_numpy(), DEEP)


def test_channels_that_the_file_does_not_name_are_kept() -> None:
    """Pillow shows the colours of such a file alone: near infrared of an aerial photograph, for example."""
    stored = np.dstack([SMALL, SMALL[..., :1] // 2])
    image = mt.Image(tiff(stored, extrasamples=["unspecified"]))
    np.testing.assert_array_equal(image.to_numpy(), stored)
    np.testing.assert_array_equal(np.asarray(image.to_pil()), SMALL)
    np.testing.assert_array_equal(mt.Image(image, value_range=(0, 255)).to_numpy(), SMALL)
    grey = tiff(stored[..., 2:], photometric="minisblack", planarconfig="contig")
    np.testing.assert_array_equal(mt.Image(grey).to_numpy(), stored[..., 2:])
    with pytest.raises(mt.InputError, match="single-channel image of class ids, got tiff of mode L"):
        mt.ImageMask(grey)


def test_zero_may_be_white() -> None:
    data = tiff(SMALL[..., 0], photometric="miniswhite", byteorder=">", bigtiff=True)  # which Pillow does not open
    np.testing.assert_array_equal(mt.ImageMask(data).to_numpy(), SMALL[..., 0])
    np.testing.assert_array_equal(np.asarray(mt.Image(data).to_pil()), 255 - SMALL[..., 0])


def test_webp_in_tiff_is_read_with_the_packages() -> None:
    pytest.importorskip("imagecodecs")  # which writes it
    data = tiff(SMALL, compression="webp", compressionargs={"lossless": True})
    np.testing.assert_array_equal(mt.Image(data).to_numpy(), SMALL)


def test_a_range_shows_floats() -> None:
    image = mt.Image(tiff(FLOATS), value_range=(-1, 7))
    document, _ = encode(image)
    assert (document["format"], document["source"]) == ("png", {"dtype": "float32", "value_range": [-1, 7]})
    np.testing.assert_array_equal(image.to_numpy(), mt.Image(FLOATS, value_range=(-1, 7)).to_numpy())
    kept = mt.Image(mt.Image(tiff(FLOATS)), value_range=(-1, 7))
    np.testing.assert_array_equal(kept.to_numpy(), image.to_numpy())


def test_pillow_shows_the_upper_bits_and_no_floats() -> None:
    np.testing.assert_array_equal(np.asarray(mt.Image(tiff(DEEP)).to_pil()), DEEP >> 8)
    with pytest.raises(mt.InputError) as caught:
        mt.Image(tiff(FLOATS)).to_pil()
    assert str(caught.value) == (
        "Image.to_pil(): expected pixels that Pillow has a mode for, got ndarray of shape (60, 90, 3) and dtype "
        "float32. Use to_numpy(), or Image(image, value_range=(lo, hi))."
    )


def test_a_mask_of_signed_bytes_has_its_own_values() -> None:
    ids = np.arange(10, dtype=np.int8).reshape(2, 5)
    np.testing.assert_array_equal(mt.ImageMask(tiff(ids)).to_numpy(), ids)
    with pytest.raises(mt.InputError, match="expected class ids from 0 to 65535, got -1"):
        mt.ImageMask(tiff(ids - np.int8(1)))


def hostile() -> bytes:
    """A header of a page with 2^60 bytes."""
    data = tifffile.TiffFile(BytesIO(tiff(FLOATS)))
    broken = bytearray(tiff(FLOATS))
    for name in ("ImageWidth", "ImageLength"):
        offset = data.pages[0].tags[name].valueoffset  # type: ignore[union-attr]
        broken[offset : offset + 4] = (2**28).to_bytes(4, "little")
    return bytes(broken)


def longer(**layout: Any) -> bytes:
    """A file whose header claims 2^20 rows, of which the first 60 are there."""
    data = tiff(SMALL, **layout)
    place = tifffile.TiffFile(BytesIO(data)).pages[0].tags["ImageLength"].valueoffset  # type: ignore[union-attr]
    return data[:place] + (2**20).to_bytes(4, "little") + data[place + 4 :]


def squares(count: int, channels: int, dtype: str = "uint8") -> Array:
    return np.zeros((count, 32, 32, channels), dtype)


BROKEN: dict[str, tuple[bytes, str]] = {
    "cut": (tiff(FLOATS)[:-4], r"Decoding failed: failed to read 64800 bytes, got 64796\."),
    "cut in its compressed part": (tiff(FLOATS, compression="zlib")[:-9], r"Decoding failed: .+\."),
    "only a start": (tiff(FLOATS)[:20], r"Decoding failed: `tifffile` can not handle the given uri\."),
    "a bomb": (hostile(), rf"Decoding failed: a page of {2**28} x {2**28} takes more than 1073741824 bytes\."),
    "tiles that are not there": (longer(tile=(16, 16)), rf"Decoding failed: 24 of its {6 * 2**16} tiles are there\."),
    "strips that are not there": (
        longer(rowsperstrip=8, compression="zlib"),
        rf"Decoding failed: 8 of its {2**17} strips are there\.",
    ),
    "five channels": (
        tiff(squares(1, 5)[0], photometric="minisblack", planarconfig="contig"),
        r"Decoding failed: it has 5 channels\.",
    ),
    "five channels, which Pillow opens": (
        tiff(squares(1, 5)[0], photometric="rgb"),
        r"Decoding failed: it has 5 channels\.",
    ),
    "CMYK": (
        tiff(squares(1, 4, "uint16")[0].astype("float32"), photometric="separated"),
        r"Decoding failed: its colours are SEPARATED, not grey or RGB\.",
    ),
    "complex": (tiff(FLOATS[..., 0].astype(np.complex64)), r"Decoding failed: its samples are of dtype complex64\."),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_or_no_picture_is_refused(name: str) -> None:
    data, reason = BROKEN[name]
    with pytest.raises(mt.InputError, match=rf"^Image: expected a whole image file, got .*\. {reason}$"):
        mt.Image(data)


def test_damaged_bytes_never_give_another_error() -> None:
    chance = np.random.default_rng(0)
    refused = 0
    for data in (tiff(FLOATS[:8, :8]), tiff(np.stack([SMALL[:8, :8]] * 3))):
        for _ in range(60):
            damaged = bytearray(data)
            for position in chance.integers(0, 300, 2):
                damaged[position] = chance.integers(256)
            try:
                mt.Image(bytes(damaged)).to_numpy()
                mt.Video(bytes(damaged)).to_numpy()
            except mt.MediaTypesError:
                refused += 1
    assert refused > 20


@pytest.mark.parametrize("package", ["imageio", "tifffile"])
def test_without_the_packages_stored_images_are_kept_and_samples_name_them(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"deep": mt.Image(tiff(DEEP)), "floats": mt.Image(tiff(FLOATS), caption="c"), "video": mt.Video(stack())}
    stored = {name: encode(value) for name, value in values.items()}
    monkeypatch.setitem(sys.modules, package, None)
    if package == "imageio":
        monkeypatch.setitem(sys.modules, "imageio.v3", None)
    install = f"expected the package '{package}', got none. Install it with: pip install 'mediatypes-ml[image]'"
    for name, (document, store) in stored.items():
        value = mt.decode(document, store)
        assert mt.encode(value, mt.MemoryStore()) == document
        if name == "deep":
            np.testing.assert_array_equal(value.to_numpy(), DEEP)  # Pillow can read it in two halves
            continue
        with pytest.raises(mt.MissingDependencyError) as caught:
            value.to_numpy()
        where = "Video.to_numpy()" if name == "video" else "Image.to_numpy() of this tiff file"
        assert str(caught.value) == f"{where}: {install}"
    assert mt.Image(tiff(DEEP)).bit_depth == 16
    with pytest.raises(mt.MissingDependencyError) as caught:
        mt.Image(tiff(FLOATS))
    assert str(caught.value) == f"Image of this tiff file: {install}"
    with pytest.raises(mt.MissingDependencyError) as caught:
        mt.Video(stack())
    assert str(caught.value) == f"Video of a tiff file: {install}"


# videos


def pan(count: int = 5) -> Array:
    return np.stack([np.roll(SMALL, 5 * t, axis=1) for t in range(count)])


def stack(count: int = 5) -> bytes:
    return tiff(pan(count))


def animated(format: str, durations: list[int], **options: Any) -> bytes:
    first, *others = [PIL.Image.fromarray(frame) for frame in pan(len(durations))]
    return picture(first, format, save_all=True, append_images=others, duration=durations, **options)


ANIMATED = {
    "webp": ("WEBP", {"lossless": True}, "image/webp", "webp"),
    "apng": ("PNG", {}, "image/apng", "apng"),
    "avif": ("AVIF", {"quality": 95}, "image/avif", "av1"),
}


@pytest.mark.parametrize("format", ANIMATED)
def test_animated_pictures_are_videos(format: str) -> None:
    name, options, media_type, codec = ANIMATED[format]
    data = animated(name, [100, 200, 300, 0, 300], **options)
    document, store = encode(mt.Video(data, caption="c"))
    assert store.open(document).read() == data
    assert document["path"].endswith(f".{format}")
    found = {key: document[key] for key in ("frames", "duration", "fps", "width", "height", "media_type", "codec")}
    expected = {"frames": 5, "duration": 1.0, "fps": 5.0, "width": 90, "height": 60, "media_type": media_type}
    assert found == {**expected, "codec": codec}  # no time at all counts as a tenth of a second
    frames = mt.decode(document, store).to_numpy()[:, :3].transpose(0, 2, 3, 1)
    error = np.abs(frames.astype(int) - pan()).mean()
    assert error == 0 if format != "avif" else error < 3


def test_a_picture_that_is_no_frame_of_an_animated_png_is_left_out() -> None:
    data = animated("PNG", [100, 100, 100], default_image=True)
    video = mt.Video(data)
    assert (video.frames, video.duration) == (2, 0.2)
    np.testing.assert_array_equal(video.to_numpy().transpose(0, 2, 3, 1), pan(3)[1:])


def test_alpha_of_an_animated_picture_is_kept() -> None:
    frames = [np.dstack([frame, frame[..., :1]]) for frame in pan(2)]
    first, second = map(PIL.Image.fromarray, frames)
    buffer = BytesIO()
    first.save(buffer, "PNG", save_all=True, append_images=[second], duration=100)
    np.testing.assert_array_equal(mt.Video(buffer).to_numpy().transpose(0, 2, 3, 1), frames)


def test_pages_of_a_tiff_are_frames() -> None:
    path = photograph_file("multipage.tif")
    pages = tifffile.imread(path)
    document, store = encode(mt.Video(path))
    assert store.open(document).read() == path.read_bytes()
    assert (document["fps"], document["duration"], document["frames"]) == (4, len(pages) / 4, len(pages))
    np.testing.assert_array_equal(mt.decode(document, store).to_numpy()[:, 0], pages)
    assert mt.Video(path, fps=10).duration == len(pages) / 10


NO_FRAMES: dict[str, tuple[bytes, str]] = {
    "16 bits": (
        tiff(np.stack([DEEP, DEEP])),
        "a page is uint16 with 3 channels, not uint8 with 1, 3 or 4; read the pages and pass an array",
    ),
    "cut between pages": (stack()[: len(stack()) // 2], "page 2 is not in it"),
    "written by ImageJ": (
        tiff(SMALL[..., 0], description="ImageJ=1.53t\nimages=5\nslices=5"),
        "ImageJ wrote 5 pictures as 1 pages",
    ),
}


@pytest.mark.parametrize("name", NO_FRAMES)
def test_pages_that_are_no_frames_are_refused(name: str) -> None:
    data, reason = NO_FRAMES[name]
    with pytest.raises(mt.InputError) as caught:
        mt.Video(data)
    assert str(caught.value) == f"Video: expected a whole tiff file, got a broken one. Reading it failed: {reason}."


def test_pages_of_two_sizes_are_refused() -> None:
    buffer = BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        for size in (8, 9):
            writer.write(np.zeros((size, 8), np.uint8), photometric="minisblack")
    with pytest.raises(mt.InputError, match=r"Reading it failed: its 2 pages have 2 shapes\.$"):
        mt.Video(buffer)


@pytest.mark.parametrize("format", ["webp", "apng", "avif"])
def test_a_cut_animated_picture_is_refused(format: str) -> None:
    data = animated(ANIMATED[format][0], [100, 100], **ANIMATED[format][1])
    with pytest.raises(mt.InputError, match=f"^Video: expected a whole {format} file, got a broken one"):
        mt.Video(data[: len(data) - 40])


STILL = {"PNG": "a PNG image", "WEBP": "a WebP image", "AVIF": "an AVIF or HEIC image"}


@pytest.mark.parametrize("format", STILL)
def test_a_still_picture_is_no_video(format: str) -> None:
    with pytest.raises(mt.InputError) as caught:
        mt.Video(picture(PIL.Image.fromarray(SMALL), format))
    expected = "a video file (gif, mp4, webm, ogg, webp, apng, avif, tiff)"
    assert str(caught.value) == f"Video: expected {expected}, got {STILL[format]}. Pass it to Image."


def test_compression_without_loss_may_hold_a_mask() -> None:
    ids = np.arange(35, dtype=np.uint8).reshape(5, 7)
    for compression in ("png", "zstd", "lzma", "deflate"):
        np.testing.assert_array_equal(mt.ImageMask(tiff(ids, compression=compression)).to_numpy(), ids)
