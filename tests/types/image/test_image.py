from __future__ import annotations

import copy
import hashlib
import io
import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import PIL.Image
import PIL.ImageCms
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import mediatypes as mt
from mediatypes import BoundingBoxes2D, Image, ImageMask, InputError
from mediatypes.testing import ValueContract
from tests.samples import Array, FakeTensor, decoded, encode, image_formats, photograph, photograph_file, picture
from tests.strategies import images, pixels

COFFEE, COINS = photograph("coffee"), photograph("coins")  # (400, 600, 3) and (303, 384)
SMALL = COFFEE[100:160, 200:290]
DEEP = SMALL.astype(np.uint16) * np.uint16(257) - np.uint16(3) * (
    SMALL > 9
)  # 16 bits that are no multiples of 8-bit ones
JPEG, PNG = photograph_file("rocket.jpg"), photograph_file("chelsea.png")
BOXES = {"pred": BoundingBoxes2D.from_xyxy([[1, 2, 300, 4]], domain="pixel", class_ids=[1], scores=[0.5], labels=["x"])}
MASKS = {"road": ImageMask(SMALL[:, :, 0] > 99, class_labels={0: "void", 1: "road"})}


def pil(mode: str) -> PIL.Image.Image:
    """The small photograph in a mode of Pillow's."""
    image = PIL.Image.fromarray(SMALL)
    if mode == "F":
        return PIL.Image.fromarray(SMALL[:, :, 0].astype(np.float32) / 255)
    if mode in ("I", "I;16"):
        return PIL.Image.fromarray(DEEP[:, :, 0].astype(np.int32 if mode == "I" else np.uint16))
    if mode == "P with transparency":
        image = image.convert("P", palette=PIL.Image.Palette.ADAPTIVE)
        image.info["transparency"] = 3
        return image
    return image.convert(mode)


class TestImageContract(ValueContract):
    def examples(self) -> dict[str, Image]:
        return {
            "every member": Image(
                SMALL / 255,
                caption="Kaffee ☕",
                grouping=2,
                classes={1: "cup", 2: "spoon"},
                boxes={**BOXES, "mixed": {"box_data": WANDB_BOXES, "class_labels": {1: "own"}}},
                masks={**MASKS, "file": picture(pil("L"), "PNG")},
            ),
            "grey": Image(SMALL[:, :, 0]),
            "alpha": Image(np.dstack([SMALL, SMALL[:, :, 0]])),
            "16 bits": Image(DEEP),
            "16 bits, grey": Image(DEEP[:, :, 0]),
            "a range": Image(SMALL.astype(int) * 9, value_range=(-10, 2295)),
            "PIL": Image(pil("CMYK")),
            "lossy JPEG": Image(SMALL, file_type="jpg", quality=80),
            "lossless WebP": Image(SMALL, file_type="webp"),
            "a file": Image(JPEG),
            "bytes": Image(picture(pil("P with transparency"), "GIF")),
        }

    def bad_documents(self) -> dict[str, tuple[dict[str, Any], str]]:
        return {
            "no width": ({"width": 0}, "width: expected an integer >= 1, got 0."),
            "another width": (
                {"width": 91, "masks": {}},
                "image: expected an image of 91 x 60, got 90 x 60. Restore the document.",
            ),
            "a mask of another size": (
                {"height": 61},
                "2 problems:\n"
                "- masks['road']: expected the size of the image, got 90 x 60. Restore the document.\n"
                "- masks['file']: expected the size of the image, got 90 x 60. Restore the document.",
            ),
            "several": (
                {"caption": 3, "format": "", "grouping": "a"},
                "3 problems:\n"
                "- format: expected text that is not empty, got ''.\n"
                "- caption: expected text, got 3.\n"
                "- grouping: expected an integer, got 'a'.",
            ),
        }


WANDB_BOXES: list[dict[str, Any]] = [
    {"position": {"minX": 0.1, "maxX": 0.2, "minY": 0.3, "maxY": 0.4}, "class_id": 2, "scores": {"acc": 0.1}},
    {"position": {"middle": [15, 20], "width": 6, "height": 12}, "domain": "pixel", "class_id": 1},
]


# Pixels


@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea", "coins", "camera"])
def test_a_photograph_survives(name: str) -> None:
    found = decoded(Image(photograph(name), caption=name))
    np.testing.assert_array_equal(found.to_numpy(), photograph(name))
    assert (found.height, found.width, found.caption) == (*photograph(name).shape[:2], name)


GREY = SMALL[:, :, 0]
SPELLINGS: dict[str, tuple[Callable[[], Any], Array]] = {
    "uint8": (lambda: SMALL, SMALL),
    "int64": (lambda: SMALL.astype(np.int64), SMALL),
    "int16": (lambda: SMALL.astype(np.int16), SMALL),
    "uint32": (lambda: SMALL.astype(np.uint32), SMALL),
    "float64 in [0, 1]": (lambda: SMALL / 255, SMALL),
    "float32 in [0, 1]": (lambda: (SMALL / 255).astype(np.float32), SMALL),
    "float16 in [0, 1]": (lambda: (SMALL / 255).astype(np.float16), SMALL),
    "big-endian floats": (lambda: (SMALL / 255).astype(">f8"), SMALL),
    "strides": (lambda: np.repeat(SMALL, 2, axis=1)[:, ::2], SMALL),
    "mirrored": (lambda: SMALL[:, ::-1], SMALL[:, ::-1]),
    "Fortran's order": (lambda: np.asfortranarray(SMALL), SMALL),
    "grey": (lambda: GREY, GREY),
    "grey with a channel": (lambda: GREY[:, :, None], GREY),
    "grey tensor": (lambda: FakeTensor(GREY), GREY),
    "tensor with one channel": (lambda: FakeTensor(GREY[None]), GREY),
    "tensor CHW": (lambda: FakeTensor(SMALL.transpose(2, 0, 1)), SMALL),
    "float tensor CHW": (lambda: FakeTensor((SMALL / 255).astype(np.float32).transpose(2, 0, 1)), SMALL),
    "TensorFlow's and JAX's HWC": (lambda: Protocol(SMALL), SMALL),
    "PIL": (lambda: PIL.Image.fromarray(SMALL), SMALL),
    "PIL, grey": (lambda: PIL.Image.fromarray(GREY), GREY),
    "an Image": (lambda: Image(SMALL), SMALL),
    "16 bits": (lambda: DEEP, DEEP),
    "16 bits, grey": (lambda: DEEP[:, :, 0], DEEP[:, :, 0]),
    "16 bits, big-endian": (lambda: DEEP.astype(">u2"), DEEP),
    "16 bits, tensor": (lambda: FakeTensor(DEEP.transpose(2, 0, 1)), DEEP),
    "16 bits and alpha": (lambda: np.dstack([DEEP, DEEP[:, :, 0]]), np.dstack([DEEP, DEEP[:, :, 0]])),
}


class Protocol:
    """An array of a framework that is known by the array protocol alone."""

    def __init__(self, array: Array) -> None:
        self.array = array

    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        return self.array


@pytest.mark.usefixtures("fake_torch")
@pytest.mark.parametrize(("spelling", "expected"), SPELLINGS.values(), ids=SPELLINGS)
def test_every_spelling_gives_the_same_pixels(spelling: Callable[[], Any], expected: Array) -> None:
    plain, _ = encode(Image(np.ascontiguousarray(expected)))
    document, store = encode(Image(spelling()))
    document.pop("source", None)
    assert document == plain
    found = mt.decode(document, store).to_numpy()
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == expected.dtype


def test_a_bfloat16_tensor_is_read_as_floats(fake_torch: None) -> None:
    tensor = FakeTensor(np.full((3, 4, 6), 0.5, np.float32), "torch.bfloat16")
    assert (Image(tensor).to_numpy() == 128).all()


def test_tensors_of_torch_itself() -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.tensor(SMALL).permute(2, 0, 1)
    for value in (tensor, (tensor / 255).requires_grad_(), (tensor / 255).to(torch.bfloat16).round(), tensor[:, ::2]):
        assert Image(value).width == 90


MAPPINGS: dict[str, tuple[Array, dict[str, Any], list[int], dict[str, Any] | None]] = {
    "bool": (np.array([[False, True]]), {}, [0, 255], {"dtype": "bool", "value_range": [0.0, 1.0]}),
    "floats": (np.array([[0, 0.25, 1]]), {}, [0, 64, 255], {"dtype": "float64", "value_range": [0.0, 1.0]}),
    "half to even": (np.array([[0.5, 1.5, 2.5]]) / 255, {}, [0, 2, 2], {"dtype": "float64", "value_range": [0.0, 1.0]}),
    "nearly one": (np.array([[1 - 1e-9]]), {}, [255], {"dtype": "float64", "value_range": [0.0, 1.0]}),
    "minus zero": (np.array([[-0.0]]), {}, [0], {"dtype": "float64", "value_range": [0.0, 1.0]}),
    "a range of floats": (
        np.array([[-1, 0, 1]], np.float32),
        {"value_range": (-1, 1)},
        [0, 128, 255],
        {"dtype": "float32", "value_range": [-1.0, 1.0]},
    ),
    "a range of integers": (
        np.array([[0, 500, 1000]]),
        {"value_range": (0, 1000)},
        [0, 128, 255],
        {"dtype": "int64", "value_range": [0.0, 1000.0]},
    ),
    "a range of uint16": (
        np.array([[0, 4095]], np.uint16),
        {"value_range": [0, 4095]},
        [0, 255],
        {"dtype": "uint16", "value_range": [0.0, 4095.0]},
    ),
    "a wide range": (
        np.array([[-1e300, 1e300]]),
        {"value_range": (-1e300, 1e300)},
        [0, 255],
        {"dtype": "float64", "value_range": [-1e300, 1e300]},
    ),
    "uint8": (np.array([[0, 255]], np.uint8), {}, [0, 255], None),
    "uint16": (np.array([[0, 65535]], np.uint16), {}, [0, 65535], None),
}


@pytest.mark.parametrize(("array", "options", "expected", "source"), MAPPINGS.values(), ids=MAPPINGS)
def test_the_mapping_is_exact_and_recorded(
    array: Array, options: dict[str, Any], expected: list[int], source: dict[str, Any] | None
) -> None:
    document, store = encode(Image(array, **options))
    assert document.get("source") == source
    assert mt.decode(document, store).to_numpy()[0].tolist() == expected


PIL_MODES = {  # mode of Pillow: the mode that is stored, and the one to compare with
    "1": ("L", "L"),
    "L": ("L", "L"),
    "LA": ("LA", "LA"),
    "P": ("RGB", "RGB"),
    "P with transparency": ("RGBA", "RGBA"),
    "PA": ("RGBA", "RGBA"),
    "RGB": ("RGB", "RGB"),
    "RGBA": ("RGBA", "RGBA"),
    "CMYK": ("RGB", "RGB"),
    "YCbCr": ("RGB", "RGB"),
    "HSV": ("RGB", "RGB"),
    "LAB": ("RGB", "RGB"),
    "I;16": ("I;16", ""),
    "I": ("I;16", ""),
    "F": ("L", ""),
}


@pytest.mark.parametrize("mode", PIL_MODES)
def test_pil_images_of_any_mode(mode: str) -> None:
    try:
        given = pil("RGB" if mode in ("PA", "LAB") else mode)
        given = (
            PIL.Image.merge("LAB", given.split()) if mode == "LAB" else given.convert("PA") if mode == "PA" else given
        )
    except ValueError as error:
        pytest.skip(f"this Pillow cannot make it: {error}")
    stored, comparable = PIL_MODES[mode]
    document, store = encode(Image(given))
    found = mt.decode(document, store)
    expected = GREY if mode == "F" else DEEP[:, :, 0]
    if comparable:
        expected = np.asarray(given.convert(comparable))
    np.testing.assert_array_equal(found.to_numpy(), expected)
    assert document["mode"] == stored
    assert document["bit_depth"] == (16 if stored == "I;16" else 8)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([np.uint8, np.uint16]).flatmap(pixels))
def test_any_pixels_survive(array: Array) -> None:
    found = decoded(Image(array)).to_numpy()
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(np.float64, (3, 4), elements=st.floats(-1e6, 1e6)), st.floats(-1e6, 0), st.floats(1e-3, 1e6))
def test_a_range_rounds_to_the_nearest_level(array: Array, low: float, width: float) -> None:
    values = np.clip(array, low, low + width)
    levels = Image(values, value_range=(low, low + width)).to_numpy().astype(float)
    assert np.abs(levels - (values - low) / width * 255).max() <= 0.5 + 1e-6


@settings(max_examples=40, deadline=None)
@given(images())
def test_any_image_with_overlays_survives(image: Image) -> None:
    document, store = encode(image)
    found = mt.decode(document, store)
    assert found == image
    assert mt.encode(found, mt.MemoryStore()) == document


# Files


@pytest.mark.parametrize("path", [JPEG, PNG, *map(photograph_file, ["multipage.tif", "no_time_for_that_tiny.gif"])])
def test_a_file_is_kept_byte_for_byte(path: Path) -> None:
    data = path.read_bytes()
    memory = io.BytesIO()
    memory.write(data)  # as after saving into it: its position is the end
    with open(path, "rb") as opened, open(path, "rb", buffering=0) as unbuffered:
        spellings = [path, str(path), data, bytearray(data), memoryview(data), memory, opened, unbuffered]
        values = [Image(spelling) for spelling in spellings]
    for value in values:
        document, store = encode(value)
        assert store.open(document).read() == data
        assert value == values[0]


@pytest.mark.parametrize(
    ("format", "name", "media_type"),
    [
        ("PNG", "png", "image/png"),
        ("JPEG", "jpg", "image/jpeg"),
        ("GIF", "gif", "image/gif"),
        ("WEBP", "webp", "image/webp"),
        ("BMP", "bmp", "image/bmp"),
        ("TIFF", "tiff", "image/tiff"),
        ("PPM", "ppm", "image/x-portable-anymap"),
        ("AVIF", "avif", "image/avif"),
        ("JPEG2000", "jp2", "image/jp2"),
    ],
)
def test_the_content_decides_the_format(format: str, name: str, media_type: str, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"  # whatever its name says
    path.write_bytes(picture(PIL.Image.fromarray(SMALL), format))
    document, store = encode(Image(path))
    assert (document["format"], document["media_type"], document["width"]) == (name, media_type, 90)
    assert document["path"].endswith(f".{name}")
    assert mt.decode(document, store).to_numpy().shape == SMALL.shape


def test_exif_and_profiles_of_a_jpeg_stay() -> None:
    exif = PIL.Image.Exif()
    exif[0x010E] = "A cup of coffee"
    exif[0x0112] = 6  # to be turned when shown
    data = picture(PIL.Image.fromarray(SMALL), "JPEG", exif=exif, icc_profile=b"profile")
    document, store = encode(Image(data))
    kept = PIL.Image.open(store.open(document))
    assert (kept.getexif()[0x010E], kept.getexif()[0x0112], kept.info["icc_profile"]) == (
        "A cup of coffee",
        6,
        b"profile",
    )
    assert (document["width"], document["height"], document["orientation"]) == (60, 90, 6)  # as shown


def test_the_file_may_go_after_the_value_is_made(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(JPEG.read_bytes())
    image = Image(path)
    path.unlink()
    document, store = encode(image)
    assert store.open(document).read() == JPEG.read_bytes()


def test_a_16_bit_file_is_read_with_all_its_bits() -> None:
    document, store = encode(Image(DEEP))
    again = Image(store.open(document).read())
    assert (again.bit_depth, again.mode) == (16, "RGB")
    np.testing.assert_array_equal(again.to_numpy(), DEEP)


def test_a_file_is_encoded_anew_only_when_asked_for() -> None:
    assert encode(Image(JPEG, file_type="jpg"))[0]["sha256"] == encode(Image(JPEG))[0]["sha256"]
    grey = decoded(Image(JPEG, mode="L"))
    np.testing.assert_array_equal(grey.to_numpy(), np.asarray(PIL.Image.open(JPEG).convert("L")))
    assert decoded(Image(JPEG, file_type="png")).format == "png"
    assert encode(Image(PNG, file_type="jpg", quality=50))[0]["quality"] == 50


@pytest.fixture
def pyplot() -> Iterator[Any]:
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    yield plt
    plt.close("all")


def test_a_matplotlib_figure_is_drawn(pyplot: Any) -> None:
    figure, axes = pyplot.subplots(figsize=(4, 3), dpi=50)
    axes.imshow(COFFEE)
    found = [Image(drawn) for drawn in (figure, axes, pyplot)]
    assert (found[0].width, found[0].height, found[0].format) == (200, 150, "png")
    assert found[0] == found[1] == found[2]
    assert len(np.unique(found[0].to_numpy())) > 100
    assert decoded(found[0]) == found[0]


# Options


def test_file_types_and_qualities() -> None:
    sizes = {}
    for file_type, quality in (("jpg", 20), ("jpg", None), ("webp", 20), ("webp", None), ("png", None)):
        document, store = encode(Image(COFFEE, file_type=file_type, quality=quality))
        sizes[file_type, quality] = document["size"]
        assert document["format"] == file_type
        assert document.get("quality") == (95 if (file_type, quality) == ("jpg", None) else quality)
        found = mt.decode(document, store).to_numpy().astype(int)
        assert np.abs(found - COFFEE).mean() < 12
        if (file_type, quality) in (("webp", None), ("png", None)):
            np.testing.assert_array_equal(found, COFFEE)
    assert sizes["jpg", 20] < sizes["jpg", None] < sizes["png", None]
    assert sizes["webp", 20] < sizes["webp", None] < sizes["png", None]


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
@pytest.mark.parametrize("given", ["L", "RGB", "RGBA"])
def test_a_mode_converts(given: str, mode: str) -> None:
    image = pil(given)
    expected = np.asarray(image.convert(mode))
    for value in (Image(image, mode=mode), Image(np.asarray(image), mode=mode), Image(Image(image), mode=mode)):
        assert decoded(value).mode == mode
        np.testing.assert_array_equal(decoded(value).to_numpy(), expected)


def test_the_faster_encoder_gives_the_same_pixels() -> None:
    pytest.importorskip("isal")
    zlib_made, isal_made = encode(Image(COFFEE))[0], encode(Image(COFFEE, encoder="isal"))[0]
    assert zlib_made["sha256"] != isal_made["sha256"]
    found = decoded(Image(COFFEE, encoder="isal"))
    np.testing.assert_array_equal(found.to_numpy(), COFFEE)
    assert found == Image(COFFEE, encoder="isal")


def test_a_missing_encoder_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "isal", None)
    with pytest.raises(mt.MissingDependencyError) as caught:
        Image(COFFEE, encoder="isal")
    assert str(caught.value) == (
        "Image(encoder='isal'): expected the package 'isal', got none. "
        "Install it with: pip install 'mediatypes-ml[isal]'"
    )


@pytest.mark.parametrize("grouping", [0, -3, np.int64(7)])
def test_grouping_is_kept_zero_too(grouping: int) -> None:
    assert decoded(Image(SMALL, grouping=grouping)).grouping == grouping


@pytest.mark.parametrize("caption", ["", "two\nlines", "☕", "\0", "x" * 10_000])
def test_any_caption_is_kept(caption: str) -> None:
    assert decoded(Image(SMALL, caption=caption)).caption == caption


def test_an_image_of_an_image_keeps_everything_that_is_not_given_anew() -> None:
    first = Image(SMALL, caption="first", grouping=1, classes={1: "cup"}, boxes=BOXES, masks=MASKS)
    assert Image(first) == first
    second = Image(first, caption="second")
    assert (second.caption, second.boxes, second.masks, second.classes) == (
        "second",
        first.boxes,
        first.masks,
        first.classes,
    )
    assert first.caption == "first"
    assert Image(first, boxes={"other": BOXES["pred"]}).boxes.keys() == {"other"}
    assert Image(first, boxes={"other": BOXES["pred"]}).masks == first.masks
    assert Image(first, file_type="webp").boxes == first.boxes
    unnamed = Image(SMALL, boxes=BOXES, masks={"road": MASKS["road"].to_numpy()})
    named = Image(unnamed, classes={1: "mug"})
    assert (named.boxes["pred"].class_labels, named.masks["road"].class_labels[1]) == ({1: "mug"}, "mug")


def test_overlays_are_read_by_name_and_copies() -> None:
    image = Image(SMALL, boxes=BOXES, masks=MASKS)
    image.boxes.clear()
    image.masks.clear()
    assert (list(image.boxes), list(image.masks)) == (["pred"], ["road"])
    assert repr(image) == "Image(90x60 RGB png, boxes={'pred': 1}, masks=['road'])"


def test_the_callers_objects_are_not_kept_nor_changed(fake_torch: None) -> None:
    array, floats, deep = SMALL.copy(), SMALL / 255, DEEP.copy()
    made = PIL.Image.fromarray(SMALL.copy())
    tensor = FakeTensor(np.ascontiguousarray(SMALL.transpose(2, 0, 1)))
    given = [array, array[:, :, 0], floats, deep, made, tensor, bytearray(JPEG.read_bytes())]
    values = [Image(item) for item in given]
    identities = [encode(value)[0] for value in values]
    kept = copy.deepcopy(identities)
    array[:], floats[:], deep[:], tensor.array[:] = 0, 0, 0, 0
    made.putpixel((0, 0), (1, 2, 3))
    given[-1][100:200] = bytes(100)  # type: ignore[index]
    fresh = [Image(item) for item in (SMALL, GREY, SMALL / 255, DEEP, PIL.Image.fromarray(SMALL), SMALL, JPEG)]
    assert [encode(value)[0] for value in values] == kept
    assert values == fresh
    assert array.flags.writeable
    options = {"boxes": {"p": {"box_data": copy.deepcopy(WANDB_BOXES)}}, "masks": {"m": {"mask_data": GREY.tolist()}}}
    before = copy.deepcopy(options)
    Image(SMALL, **options)
    assert options == before


def test_pixels_are_handed_out_read_only() -> None:
    for value in (Image(SMALL), decoded(Image(SMALL)), Image(DEEP), Image(JPEG)):
        with pytest.raises(ValueError, match="read-only"):
            value.to_numpy()[:] = 0


def test_to_pil() -> None:
    np.testing.assert_array_equal(np.asarray(Image(SMALL).to_pil()), SMALL)
    np.testing.assert_array_equal(np.asarray(decoded(Image(SMALL)).to_pil()), SMALL)
    np.testing.assert_array_equal(np.asarray(Image(DEEP[:, :, 0]).to_pil()), DEEP[:, :, 0])
    np.testing.assert_array_equal(np.asarray(Image(DEEP).to_pil()), DEEP >> 8)


# Refused


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def claim(width: int, height: int) -> bytes:
    """A grey PNG of a hundred bytes that says it is large."""
    header = chunk(b"IHDR", struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")


SHAPES = "Image: expected an array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)"
CHW = "It looks like (C, H, W): pass array.transpose(1, 2, 0)."
FILES = f"Image: expected an image file ({image_formats()})"
ANYTHING = "Image: expected an array, tensor, PIL image, path, bytes, file or figure"
RANGE = "Pass value_range=(lo, hi), such as (0, 255) or (-1, 1), to say how values map to black and white."
INTEGERS = "Pass value_range=(lo, hi), or array.astype(np.uint16) for 16-bit pixels."
TWO = "Image.value_range: expected two finite numbers lo < hi"
BLACK = "Pass (value shown black, value shown white)."
REAL = "Convert the array to numbers first."
FLOATS = SMALL / 255
REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "CHW": (
        lambda: Image(SMALL.transpose(2, 0, 1)),
        f"{SHAPES}, got ndarray of shape (3, 60, 90) and dtype uint8. {CHW}",
    ),
    "CHW with one channel": (
        lambda: Image(GREY[None]),
        f"{SHAPES}, got ndarray of shape (1, 60, 90) and dtype uint8. {CHW}",
    ),
    "2 channels": (
        lambda: Image(SMALL[:, :, :2]),
        f"{SHAPES}, got ndarray of shape (60, 90, 2) and dtype uint8. Choose the channels to show.",
    ),
    "5 channels": (
        lambda: Image(np.zeros((60, 90, 5))),
        f"{SHAPES}, got ndarray of shape (60, 90, 5) and dtype float64. Choose the channels to show.",
    ),
    "one dimension": (
        lambda: Image(GREY[0]),
        f"{SHAPES}, got ndarray of shape (90,) and dtype uint8. Choose the channels to show.",
    ),
    "a batch": (
        lambda: Image(SMALL[None]),
        f"{SHAPES}, got ndarray of shape (1, 60, 90, 3) and dtype uint8. "
        "Log a batch as a list: [Image(a) for a in batch].",
    ),
    "no pixel": (
        lambda: Image(SMALL[:0]),
        "Image: expected an image with at least one pixel, got ndarray of shape (0, 90, 3) and dtype uint8. "
        "Skip empty images.",
    ),
    "a PIL image without a pixel": (
        lambda: Image(PIL.Image.new("RGB", (0, 0))),
        "Image: expected an image with at least one pixel, got ndarray of shape (0, 0, 3) and dtype uint8. "
        "Skip empty images.",
    ),
    "NaN": (
        lambda: Image(np.where(SMALL > 200, np.nan, FLOATS)),
        "Image: expected finite values, got ndarray of shape (60, 90, 3) and dtype float64. "
        "Replace NaN and infinities, for example with np.nan_to_num.",
    ),
    "infinity": (
        lambda: Image(np.where(SMALL > 200, np.inf, FLOATS), value_range=(0, 1)),
        "Image: expected finite values, got ndarray of shape (60, 90, 3) and dtype float64. "
        "Replace NaN and infinities, for example with np.nan_to_num.",
    ),
    "floats up to 255": (
        lambda: Image(COINS.astype(float)),
        f"Image: expected values from 0 to 1, got float64 values from 1 to 252. {RANGE}",
    ),
    "floats from -1": (
        lambda: Image(np.array([[-1, 1]], np.float32)),
        f"Image: expected values from 0 to 1, got float32 values from -1 to 1. {RANGE}",
    ),
    "a PIL image of floats": (
        lambda: Image(PIL.Image.fromarray(np.array([[2]], np.float32))),
        f"Image: expected values from 0 to 1, got float32 values from 2 to 2. {RANGE}",
    ),
    "a negative integer": (
        lambda: Image(np.array([[-1, 5]])),
        "Image: expected values from 0 to 255, got int64 values from -1 to 5. Pass value_range=(lo, hi).",
    ),
    "a large integer": (
        lambda: Image(np.array([[0, 256]], np.uint32)),
        f"Image: expected values from 0 to 255, got uint32 values from 0 to 256. {INTEGERS}",
    ),
    "a PIL image beyond 16 bits": (
        lambda: Image(PIL.Image.fromarray(np.array([[70000]], np.int32))),
        "Image: expected values from 0 to 65535, got int32 values from 70000 to 70000. "
        "Scale the image, or pass value_range=(lo, hi).",
    ),
    "complex numbers": (
        lambda: Image(FLOATS * 1j),
        f"Image: expected real numbers, got ndarray of shape (60, 90, 3) and dtype complex128. {REAL}",
    ),
    "texts": (
        lambda: Image(np.array([["a"]])),
        f"Image: expected real numbers, got ndarray of shape (1, 1) and dtype <U1. {REAL}",
    ),
    "values outside value_range": (
        lambda: Image(np.array([[0.0, 2.0]]), value_range=(0, 1)),
        "Image: expected values from 0 to 1, got float64 values from 0 to 2. "
        "Widen value_range, or clip with np.clip(array, 0, 1).",
    ),
    "a file outside value_range": (
        lambda: Image(JPEG, value_range=(0, 100)),
        "Image: expected values from 0 to 100, got uint8 values from 0 to 255. "
        "Widen value_range, or clip with np.clip(array, 0, 100).",
    ),
    "a reversed value_range": (lambda: Image(FLOATS, value_range=(1, 0)), f"{TWO}, got (1, 0). {BLACK}"),
    "an empty value_range": (lambda: Image(FLOATS, value_range=(1, 1)), f"{TWO}, got (1, 1). {BLACK}"),
    "three values": (
        lambda: Image(FLOATS, value_range=(0, 1, 2)),  # type: ignore[arg-type]
        f"{TWO}, got (0, 1, 2). {BLACK}",
    ),
    "a NaN range": (lambda: Image(FLOATS, value_range=(0, float("nan"))), f"{TWO}, got (0, nan). {BLACK}"),
    "a number as range": (lambda: Image(FLOATS, value_range=1), f"{TWO}, got 1. {BLACK}"),  # type: ignore[arg-type]
    "a text as range": (lambda: Image(FLOATS, value_range="01"), f"{TWO}, got '01'. {BLACK}"),  # type: ignore[arg-type]
    "a range for an Image": (
        lambda: Image(Image(SMALL), value_range=(0, 100)),
        "Image: expected values from 0 to 100, got uint8 values from 0 to 249. "
        "Widen value_range, or clip with np.clip(array, 0, 100).",
    ),
    "lists": (lambda: Image([[1, 2], [3, 4]]), f"{ANYTHING}, got [[1, 2], [3, 4]]. Pass np.asarray(data)."),
    "None": (lambda: Image(None), f"{ANYTHING}, got None. See help(mediatypes.Image)."),
    "a number": (lambda: Image(3), f"{ANYTHING}, got 3. See help(mediatypes.Image)."),
    "a dict": (lambda: Image({}), f"{ANYTHING}, got {{}}. See help(mediatypes.Image)."),
    "a tensor HWC": (
        lambda: Image(FakeTensor(SMALL)),
        "Image: expected a torch tensor (C, H, W) with 1, 3 or 4 channels, got FakeTensor of shape (60, 90, 3) and "
        "dtype torch.uint8. It looks like (H, W, C): pass tensor.permute(2, 0, 1).",
    ),
    "a tensor with 2 channels": (
        lambda: Image(FakeTensor(np.zeros((2, 60, 90)))),
        "Image: expected a torch tensor (C, H, W) with 1, 3 or 4 channels, got FakeTensor of shape (2, 60, 90) and "
        "dtype torch.float64. Choose the channels to show.",
    ),
    "a tensor of floats up to 255": (
        lambda: Image(FakeTensor(COINS.astype(np.float32))),
        f"Image: expected values from 0 to 1, got float32 values from 1 to 252. {RANGE}",
    ),
    "a path to nothing": (
        lambda: Image("missing.png"),
        "Image: expected an existing file, got 'missing.png'. Check the path.",
    ),
    "an empty path": (lambda: Image(""), "Image: expected an existing file, got ''. Check the path."),
    "a path with a NUL": (lambda: Image("a\0b"), "Image: expected an existing file, got 'a\\x00b'. Check the path."),
    "a directory": (lambda: Image(Path("/")), "Image: expected an existing file, got '/'. Check the path."),
    "a URL": (
        lambda: Image("https://example.com/cat.png"),
        "Image: expected a file on this machine, got 'https://example.com/cat.png'. Download it and pass its path.",
    ),
    "no bytes": (lambda: Image(b""), f"{FILES}, got 0 bytes starting b''. Convert it to PNG."),
    "a text": (
        lambda: Image(b"Hello, this is a text."),
        f"{FILES}, got 22 bytes starting b'Hello, this '. Convert it to PNG.",
    ),
    "a large claim": (
        lambda: Image(claim(60000, 60000)),
        "Image: expected at most 178956970 pixels, 1048576 a side, got more. Log a smaller version.",
    ),
    "a mode": (
        lambda: Image(SMALL, mode="BGR"),
        "Image.mode: expected one of L, LA, RGB, RGBA, got 'BGR'. Convert the image yourself first.",
    ),
    "a mode for 16 bits": (
        lambda: Image(DEEP, mode="L"),
        "Image.mode: expected RGB, that of the 16-bit pixels, got 'L'. Pass uint8 pixels to convert.",
    ),
    "a file type": (
        lambda: Image(SMALL, file_type="bmp"),
        "Image.file_type: expected one of png, jpg, webp, got 'bmp'. Leave it out for png.",
    ),
    "a file type in capitals": (
        lambda: Image(SMALL, file_type="PNG"),
        "Image.file_type: expected one of png, jpg, webp, got 'PNG'. Did you mean 'png'?",
    ),
    "jpeg": (
        lambda: Image(SMALL, file_type="jpeg"),
        "Image.file_type: expected one of png, jpg, webp, got 'jpeg'. Did you mean 'jpg'?",
    ),
    "a quality of png": (
        lambda: Image(SMALL, quality=80),
        "Image.quality: expected file_type 'jpg' or 'webp' beside it, got None. png is lossless.",
    ),
    "quality 0": (
        lambda: Image(SMALL, file_type="jpg", quality=0),
        "Image.quality: expected an integer from 1 to 100, got 0. 95 is nearly lossless.",
    ),
    "a JPEG with alpha": (
        lambda: Image(np.zeros((4, 6, 4), np.uint8), file_type="jpg"),
        "Image.file_type: expected png or webp for pixels with alpha, got 'jpg'. Pass mode='RGB' to drop the alpha.",
    ),
    "a JPEG of 16 bits": (
        lambda: Image(DEEP, file_type="jpg"),
        "Image.file_type: expected png for 16-bit pixels, got 'jpg'. Pass value_range=(lo, hi) to make 8-bit pixels.",
    ),
    "a JPEG of an Image of 16 bits": (
        lambda: Image(Image(DEEP), file_type="jpg"),
        "Image.file_type: expected png for 16-bit pixels, got 'jpg'. Pass value_range=(lo, hi) to make 8-bit pixels.",
    ),
    "an encoder": (
        lambda: Image(SMALL, encoder="zopfli"),
        "Image.encoder: expected zlib or isal, got 'zopfli'. Leave it out for zlib.",
    ),
    "all options at once": (
        lambda: Image(SMALL, mode="X", file_type="gif", quality=0, encoder="no", grouping="a"),  # type: ignore[arg-type]
        "5 problems:\n"
        "- Image.mode: expected one of L, LA, RGB, RGBA, got 'X'. Convert the image yourself first.\n"
        "- Image.file_type: expected one of png, jpg, webp, got 'gif'. Leave it out for png.\n"
        "- Image.quality: expected an integer from 1 to 100, got 0. 95 is nearly lossless.\n"
        "- Image.encoder: expected zlib or isal, got 'no'. Leave it out for zlib.\n"
        "- Image.grouping: expected an integer, got 'a'. Use int(...).",
    ),
    "a caption that is no text": (
        lambda: Image(SMALL, caption=3),  # type: ignore[arg-type]
        "Image.caption: expected text, got 3. Use str(...).",
    ),
    "a caption that UTF-8 cannot hold": (
        lambda: Image(SMALL, caption="\ud800"),
        "Image.caption: expected text that UTF-8 can hold, got '\\ud800'. Remove the lone surrogates.",
    ),
    "a float grouping": (
        lambda: Image(SMALL, grouping=1.0),  # type: ignore[arg-type]
        "Image.grouping: expected an integer, got 1.0. Use int(...).",
    ),
    "boxes in a list": (
        lambda: Image(SMALL, boxes=[1]),  # type: ignore[arg-type]
        "Image.boxes: expected a dict of names to layers, got [1]. Name it: {'predictions': ...}.",
    ),
    "a number as a set's name": (
        lambda: Image(SMALL, boxes={1: {"box_data": []}}),  # type: ignore[dict-item]
        "Image.boxes: expected names that are text and not empty, got 1. Use str(...).",
    ),
    "a set's name that UTF-8 cannot hold": (
        lambda: Image(SMALL, boxes={"\ud800": {"box_data": []}}),
        "Image.boxes: expected names that UTF-8 can hold, got '\\ud800'. Remove the lone surrogates.",
    ),
    "an array as a set": (
        lambda: Image(SMALL, boxes={"pred": np.zeros((2, 4))}),
        "Image.boxes[\"pred\"]: expected a dict with a list 'box_data', got ndarray of shape (2, 4) and dtype float64. "
        "For arrays use BoundingBoxes2D.from_xyxy(array, domain='pixel').",
    ),
    "names alone as classes": (
        lambda: Image(SMALL, classes=["cup"]),
        "Image.classes[0]: expected a dict with 'id' and 'name', got 'cup'. Add both.",
    ),
    "all overlays at once": (
        lambda: Image(
            SMALL,
            boxes={
                "a": {"box_data": [{"position": {"minX": 5, "maxX": 1, "minY": 0, "maxY": 1}}]},
                "b": {"box_data": [{"position": {"minX": 0}}]},
            },
            masks={"m": {"mask_data": GREY[1:]}, "n": {"mask_data": FLOATS[:, :, 0]}},
        ),
        "4 problems:\n"
        '- Image.boxes["a"][0].position: expected minX <= maxX, got minX=5, maxX=1. Swap them.\n'
        '- Image.boxes["b"][0].position: expected numbers minX, minY, maxX, maxY, or middle: [x, y], width and height, '
        "got {'minX': 0}. Give all of them.\n"
        '- Image.masks["n"].mask_data: expected integers or bools, got ndarray of shape (60, 90) and dtype float64. '
        "Threshold probabilities (mask > 0.5), take argmax of scores, or astype(np.uint8) of whole numbers.\n"
        '- Image.masks["m"]: expected a mask of the image\'s size 90 x 60, got 90 x 59. Resize it.',
    ),
}


@pytest.mark.usefixtures("fake_torch")
@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_names_the_place_and_the_fix(call: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert str(caught.value) == message


BROKEN: dict[str, Callable[[], object]] = {  # what the decoder says of these differs between versions of Pillow
    "a PNG cut short": lambda: PNG.read_bytes()[:-20_000],
    "a PNG of its header": lambda: PNG.read_bytes()[:20],
    "a JPEG cut short": lambda: JPEG.read_bytes()[:9999],
    "a JPEG of its header": lambda: JPEG.read_bytes()[:300],
    "a PNG with a damaged row": lambda: damaged(PNG.read_bytes(), -20_000),
    "a GIF cut short": lambda: picture(pil("P"), "GIF")[:900],
    "a TIFF cut short": lambda: photograph_file("multipage.tif").read_bytes()[:99],
    "a WebP cut short": lambda: picture(pil("RGB"), "WEBP")[:500],
    "a BMP cut short": lambda: picture(pil("RGB"), "BMP")[:500],
    "a Photoshop file": lambda: b"8BPS\0\1" + bytes(20),
    "HTML": lambda: b"<html></html>",
}


def damaged(data: bytes, place: int) -> bytes:
    return data[:place] + bytes(8) + data[place + 8 :]


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_refused_when_the_value_is_made(data: Callable[[], Any], tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(data())
    with pytest.raises(InputError, match=r"^Image: expected (a whole image file|an image file \(.*\)), got "):
        Image(path)


@pytest.mark.parametrize(("size", "file_type"), [((1, 17000), "webp"), ((70000, 1), "jpg")])
def test_a_side_that_the_format_cannot_hold_is_refused(size: tuple[int, int], file_type: str) -> None:
    limit = {"webp": 16383, "jpg": 65500}[file_type]
    with pytest.raises(InputError) as caught:
        Image(np.zeros(size, np.uint8), file_type=file_type)
    found = f"got {size[1]} x {size[0]}"
    assert str(caught.value) == f"Image.file_type: expected sides of at most {limit} pixels, {found}. Use png."


def test_a_picture_of_120_million_pixels_is_judged_by_our_limit_alone() -> None:
    """Pillow warns from 89 million on; a warning is nothing that a user of ours should have to handle."""
    with pytest.raises(InputError, match=r"^Image: expected a whole image file"):
        Image(claim(12000, 10000))


def test_an_array_that_could_not_be_read_back_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediatypes.types.pictures.files.MAX_PIXELS", 5000)
    with pytest.raises(InputError) as caught:
        Image(SMALL)
    assert (
        str(caught.value) == "Image: expected at most 5000 pixels, 1048576 a side, got 90 x 60. Log a smaller version."
    )


def test_a_text_file_is_no_image(tmp_path: Path) -> None:
    path = tmp_path / "notes.png"
    path.write_text("not an image")
    with open(path) as opened, pytest.raises(InputError, match=r"^Image: expected a file opened in binary mode, got "):
        Image(opened)
    with pytest.raises(InputError, match=r"^Image: expected a file opened in binary mode, got .* Open it with mode"):
        Image(io.StringIO("text"))


@pytest.mark.parametrize(
    "changes",
    [
        {"classes": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]},
        {"classes": [{"id": 1, "name": "\ud800"}]},
        {"masks": {"road": {"class_labels": {"01": "a", "1": "b"}}}},
        {"masks": {"road": {"class_labels": {"9" * 5000: "a"}}}},
        {"boxes": {"pred": {"count": 10**9}}},
    ],
    ids=["a class twice", "a name that is no Unicode", "an id written twice", "a huge id", "a huge count"],
)
def test_a_document_that_contradicts_itself_is_refused(changes: dict[str, Any]) -> None:
    document, store = encode(Image(SMALL, boxes=BOXES, masks=MASKS))
    for name, change in changes.items():
        if isinstance(change, dict):
            for layer, members in change.items():
                document[name][layer] |= members
        else:
            document[name] = change
    with pytest.raises(mt.DocumentError):
        mt.decode(document, store)


HOSTILE: dict[str, Callable[[], bytes]] = {
    "no image": lambda: b"text",
    "another size": lambda: picture(PIL.Image.fromarray(SMALL[1:]), "PNG"),
    "a large claim": lambda: claim(60000, 60000),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("part", ["image", "mask"])
def test_a_sidecar_that_does_not_fit_is_refused(data: Callable[[], bytes], part: str) -> None:
    document, store = encode(Image(SMALL, masks=MASKS))
    reference = document if part == "image" else document["masks"]["road"]
    content = data()
    sha256 = hashlib.sha256(content).hexdigest()
    reference |= {"sha256": sha256, "size": len(content)}
    reference["path"] = store.put(content, suffix=".png", media_type="image/png", sha256=sha256, size=len(content))
    with pytest.raises(mt.DocumentError):
        mt.decode(document, store)


# Rounding errors, and everything at once


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value_range", [None, (-1, 1)])
def test_a_rounding_error_outside_the_range_is_taken_for_its_end(dtype: Any, value_range: Any) -> None:
    low, high = value_range or (0, 1)
    slack = 0.9e-5 * (high - low)
    array = np.array([[low - slack, low, (low + high) / 2, high, high + slack]], dtype)
    document, store = encode(Image(array, value_range=value_range))
    assert mt.decode(document, store).to_numpy().tolist() == [[0, 0, 128, 255, 255]]
    assert document["source"]["clipped_count"] == 2
    assert "clipped_count" not in encode(Image(array[:, 1:4], value_range=value_range))[0]["source"]
    for wrong in (low - 3e-5, high + 3e-5):
        with pytest.raises(InputError, match=r"^Image: expected values from"):
            Image(np.array([[wrong]], dtype), value_range=value_range)


def test_frames_of_a_video_count_their_rounding_errors_together() -> None:
    frames = np.zeros((3, 1, 8, 8))
    frames[0, 0, 0, :2] = 1.000001
    frames[1, 0, 0, 0] = -0.000001
    document, _ = encode(mt.Video(frames, format="gif"))
    assert document["source"]["clipped_count"] == 3


def test_a_wrong_picture_hides_no_wrong_overlay() -> None:
    with pytest.raises(InputError) as caught:
        Image(
            SMALL[None],
            caption=3,  # type: ignore[arg-type]
            grouping="a",  # type: ignore[arg-type]
            file_type="gif",
            boxes={"p": {"box_data": [{"position": {"minX": 0.5, "maxX": 0.1, "minY": 0, "maxY": 1}}]}},
            masks={"m": FLOATS[:, :, 0]},
            classes={"a": "b"},
        )
    places = ["Image.file_type", "Image", "Image.caption", "Image.grouping", "Image.classes['a']"]
    places += ['Image.boxes["p"][0].position', 'Image.masks["m"]']
    assert [problem.path for problem in caught.value.problems] == places


@pytest.mark.parametrize(
    "make",
    [
        lambda masked: Image(masked / 10),
        lambda masked: ImageMask(masked),
        lambda masked: mt.Histogram(masked),
        lambda masked: mt.Tensor(masked),
        lambda masked: mt.Object3D(masked),
        lambda masked: mt.Video(masked[None, None]),
        lambda masked: mt.Audio(masked[0], 8000),
        lambda masked: BoundingBoxes2D.from_xyxy(masked, domain="pixel"),
        lambda masked: BoundingBoxes2D.from_xyxy([[0, 0, 1, 1]], domain="pixel", scores=masked[0, :1]),
        lambda masked: mt.Figure({"data": [{"type": "scatter", "y": masked[0]}]}),
        lambda masked: ImageMask([masked[0], masked[0]]),
    ],
)
def test_what_a_mask_of_numpy_hides_is_not_shown(make: Callable[[Any], object]) -> None:
    masked = np.ma.masked_array(np.arange(12).reshape(3, 4) % 5, np.arange(12).reshape(3, 4) % 3 == 0)
    with pytest.raises(InputError, match=r"expected an array without masked values, got MaskedArray .*\.filled\("):
        make(masked)


def test_a_file_comes_from_a_path_and_goes_to_one(tmp_path: Path) -> None:
    image = Image.from_path(JPEG, caption="c")
    assert (image, image.to_bytes()) == (Image(JPEG, caption="c"), JPEG.read_bytes())
    assert image.save(tmp_path / "a.jpg").read_bytes() == JPEG.read_bytes()
    made = Image(SMALL)
    np.testing.assert_array_equal(np.asarray(PIL.Image.open(made.save(tmp_path / "a.png"))), SMALL)
    with pytest.raises(InputError, match=r"^Image.save: expected a name that ends in .png"):
        made.save(tmp_path / "a.jpg")


def test_quality_and_grouping_may_be_integers_of_numpy() -> None:
    image = Image(SMALL, file_type="jpg", quality=np.int64(80), grouping=np.array(3))  # type: ignore[arg-type]
    assert (image.quality, image.grouping) == (80, 3)
    assert encode(image)[0]["quality"] == 80


def test_an_image_that_is_encoded_anew_keeps_its_profile_and_source() -> None:
    picture = PIL.Image.fromarray(SMALL)
    picture.info["icc_profile"] = PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")).tobytes()
    again = Image(Image(picture), file_type="jpg")
    assert PIL.Image.open(io.BytesIO(again.to_bytes())).info["icc_profile"] == picture.info["icc_profile"]
    floats = SMALL / 255
    again = Image(Image(floats), file_type="webp")
    assert encode(again)[0] == encode(Image(floats, file_type="webp"))[0]
    assert encode(again)[0]["source"] == {"dtype": "float64", "value_range": [0.0, 1.0]}


@pytest.mark.parametrize("spoil", ["cut", "close"])
def test_a_pil_image_that_cannot_be_read_is_told(spoil: str) -> None:
    buffer = io.BytesIO()
    PIL.Image.fromarray(SMALL).save(buffer, "PNG")
    opened = PIL.Image.open(io.BytesIO(buffer.getvalue()[:3000] if spoil == "cut" else buffer.getvalue()))
    if spoil == "close":
        opened.close()
    with pytest.raises(
        InputError, match=r"^Image: expected a PIL image that can be read, got .*\. Reading it failed: "
    ):
        Image(opened)


def test_a_range_beyond_the_dtype_of_the_values() -> None:
    values = np.array([[0, 1000], [2000, 60000]], np.float16)  # 100 000 is infinite there
    expected = np.rint(values.astype(np.float64) * 255 / 100_000)
    assert Image(values, value_range=(0, 100_000)).to_numpy().tolist() == expected.tolist()
    with pytest.raises(InputError, match="value_range: expected two finite numbers"):
        Image(values, value_range=(-1.5e308, 1.5e308))  # whose difference is none


@pytest.mark.parametrize(("mode", "clear", "expected"), [("RGB", (255, 0, 0), "RGBA"), ("L", 76, "LA"), ("1", 0, "LA")])
def test_a_colour_that_is_transparent_becomes_alpha(mode: str, clear: Any, expected: str) -> None:
    pixels = np.full((2, 3, 3), 255, np.uint8)
    pixels[0, 0] = (255, 0, 0)
    data = picture(PIL.Image.fromarray(pixels).convert(mode, dither=PIL.Image.Dither.NONE), "PNG", transparency=clear)
    reference = np.asarray(PIL.Image.open(io.BytesIO(data)).convert("RGBA"))
    assert reference[..., 3].tolist() == [[0, 255, 255], [255, 255, 255]]
    image = Image(PIL.Image.open(io.BytesIO(data)))
    assert image.mode == expected
    for made in (image, Image(data, file_type="webp"), Image(Image(data), mode="RGBA")):
        assert np.array_equal(np.asarray(made.to_pil().convert("RGBA"))[..., 3], reference[..., 3])
    assert mt.draw(Image(data)).getpixel((0, 0)) == (255, 255, 255)
    assert (Image(data).to_bytes(), Image(data).mode) == (data, mode)  # a file stays what it is
    assert Image(data).to_numpy().shape == pixels.shape[: 3 if mode == "RGB" else 2]


def test_an_image_of_an_image_takes_every_option() -> None:
    image, value_range = Image(SMALL / 255, caption="c"), np.array([0, 510])
    halved: Any = Image
    halved = halved(image, value_range=value_range)
    assert halved.to_numpy().tolist() == np.rint(image.to_numpy() / 2).tolist()
    assert Image(image, mode="RGB", file_type="png") == Image(image) == image
    pytest.importorskip("isal")
    assert Image(image, encoder="isal").to_bytes() == Image(SMALL / 255, encoder="isal").to_bytes() != image.to_bytes()
    assert Image(image, encoder="isal").caption == "c"
