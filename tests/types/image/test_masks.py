from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import mediatypes as mt
from mediatypes import Classes, ImageMask, InputError
from tests.samples import Array, FakeTensor, decoded, encode, image_formats, photograph

LABELS = {0: "table", 1: "cup"}
IDS = (photograph("coffee")[:, :, 0] > 200).astype(np.uint8)  # (400, 600): the bright parts of a photograph


def file(array: Array, format: str = "PNG", mode: str = "") -> bytes:
    image = PIL.Image.fromarray(array)
    buffer = io.BytesIO()
    (image.convert(mode) if mode else image).save(buffer, format)
    return buffer.getvalue()


def palette_file() -> bytes:
    """As annotation tools write masks: class ids are the indices of a palette."""
    image = PIL.Image.fromarray(IDS).convert("P")
    image.putdata(IDS.ravel().tolist())
    image.putpalette([0, 0, 0, 255, 0, 0] + [0] * 762)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def on_image(mask: Any, **options: Any) -> mt.Image:
    return mt.Image(photograph("coffee"), masks={"pred": mask}, **options)


def read_back(mask: Any) -> ImageMask:
    found: ImageMask = decoded(on_image(mask)).masks["pred"]
    return found


FILE = file(IDS)
SPELLINGS: dict[str, Callable[[Path], Any]] = {
    "W&B's dict": lambda tmp: {"mask_data": IDS},
    "int64": lambda tmp: {"mask_data": IDS.astype(np.int64)},
    "uint16": lambda tmp: {"mask_data": IDS.astype(np.uint16)},
    "bool": lambda tmp: {"mask_data": IDS.astype(bool)},
    "a tensor": lambda tmp: {"mask_data": FakeTensor(IDS)},
    "nested lists": lambda tmp: {"mask_data": IDS.tolist()},
    "an array with strides": lambda tmp: {"mask_data": np.repeat(IDS, 2, axis=1)[:, ::2]},
    "in Fortran's order": lambda tmp: {"mask_data": np.asfortranarray(IDS)},
    "a bare array": lambda tmp: IDS,
    "a mask": lambda tmp: ImageMask(IDS),
    "a mask of a mask": lambda tmp: ImageMask(ImageMask(IDS)),
    "bytes": lambda tmp: FILE,
    "BytesIO": lambda tmp: io.BytesIO(FILE),
    "a path": lambda tmp: tmp / "mask.png",
    "W&B's path": lambda tmp: {"path": str(tmp / "mask.png")},
    "a palette": lambda tmp: palette_file(),
    "one bit": lambda tmp: file((IDS * 255).astype(np.uint8), mode="1"),
    "16 bits": lambda tmp: file(IDS.astype(np.uint16)),
    "TIFF": lambda tmp: file(IDS, "TIFF"),
    "BMP": lambda tmp: file(IDS, "BMP"),
}


@pytest.mark.usefixtures("fake_torch")
@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_every_spelling_gives_the_same_class_ids(spelling: Callable[[Path], Any], tmp_path: Path) -> None:
    (tmp_path / "mask.png").write_bytes(FILE)
    found = read_back(spelling(tmp_path))
    np.testing.assert_array_equal(found.to_numpy(), IDS)
    assert (found.width, found.height, found.class_labels) == (600, 400, {0: "class_0", 1: "class_1"})


def test_a_file_is_kept_byte_for_byte() -> None:
    document, store = encode(on_image(palette_file()))
    assert store.open(document["masks"]["pred"]["path"]).read() == palette_file()


def test_a_document_tells_size_depth_and_labels() -> None:
    document, _ = encode(on_image({"mask_data": IDS, "class_labels": LABELS}))
    mask = document["masks"]["pred"]
    assert {name: mask[name] for name in ("width", "height", "bit_depth", "media_type", "class_labels")} == {
        "width": 600,
        "height": 400,
        "bit_depth": 8,
        "media_type": "image/png",
        "class_labels": {"0": "table", "1": "cup"},
    }


def test_more_than_256_classes_need_16_bits() -> None:
    ids = (np.arange(400 * 600) % 300).reshape(400, 600)
    document, _ = encode(on_image(ids))
    assert document["masks"]["pred"]["bit_depth"] == 16
    found = read_back(ids)
    np.testing.assert_array_equal(found.to_numpy(), ids)
    assert found.to_numpy().dtype == np.uint16
    assert len(found.class_labels) == 300


@pytest.mark.parametrize(("highest", "depth"), [(0, 8), (255, 8), (256, 16), (65535, 16)])
def test_the_highest_id_decides_the_depth(highest: int, depth: int) -> None:
    ids = np.full((400, 600), highest)
    assert encode(on_image(ids))[0]["masks"]["pred"]["bit_depth"] == depth
    assert read_back(ids).to_numpy()[0, 0] == highest


@pytest.mark.parametrize(
    "mask",
    [
        {"mask_data": IDS, "class_labels": LABELS},
        {"mask_data": IDS, "class_labels": {"0": "table", "1": "cup"}},
        {"mask_data": IDS, "class_labels": Classes(LABELS)},
        ImageMask(IDS, class_labels=LABELS),
        ImageMask(ImageMask(IDS), class_labels=LABELS),
        ImageMask(ImageMask(IDS, class_labels=LABELS)),
        ImageMask({"mask_data": IDS, "class_labels": {0: "another"}}, class_labels=LABELS),
    ],
)
def test_labels_travel_with_the_mask(mask: Any) -> None:
    assert read_back(mask).class_labels == LABELS


def test_ids_without_a_label_get_one_and_labels_without_an_id_stay() -> None:
    assert read_back(ImageMask(IDS, class_labels={1: "cup", 9: "nine"})).class_labels == {
        0: "class_0",
        1: "cup",
        9: "nine",
    }


def test_an_image_lends_its_classes_to_masks_that_bring_none() -> None:
    given = {"own": ImageMask(IDS, class_labels={1: "own"}), "none": ImageMask(IDS)}
    image = decoded(mt.Image(photograph("coffee"), classes=LABELS, masks=given))
    assert image.masks["own"].class_labels == {0: "class_0", 1: "own"}
    assert image.masks["none"].class_labels == LABELS
    assert given["none"].class_labels == {0: "class_0", 1: "class_1"}


def test_the_callers_arrays_and_dicts_are_not_kept_nor_changed() -> None:
    array = IDS.copy()
    given = {"mask_data": array, "class_labels": dict(LABELS)}
    kept = copy.deepcopy(given)
    image = on_image(given)
    np.testing.assert_array_equal(given["mask_data"], kept["mask_data"])
    assert given["class_labels"] == kept["class_labels"]
    array[:] = 7
    given["class_labels"].clear()  # type: ignore[union-attr]
    assert image.masks["pred"] == ImageMask(IDS, class_labels=LABELS)


def test_it_is_a_value() -> None:
    mask = ImageMask(IDS, class_labels=LABELS)
    assert mask == pickle.loads(pickle.dumps(mask)) == ImageMask(IDS.astype(bool), LABELS)
    assert {mask: 1}[ImageMask(IDS, LABELS)] == 1
    assert mask != ImageMask(IDS)
    for held in (mask, pickle.loads(pickle.dumps(mask)), read_back(mask)):
        assert not held.to_numpy().flags.writeable
    with pytest.raises(AttributeError, match=r"^ImageMask\.class_labels: expected no change"):
        mask.class_labels = {}  # type: ignore[misc]


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(np.int64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.integers(0, 65535)))
def test_any_mask_survives(ids: Array) -> None:
    image = mt.Image(np.zeros((*ids.shape, 3), np.uint8), masks={"m": ids})
    np.testing.assert_array_equal(decoded(image).masks["m"].to_numpy(), ids)


JPEG, LOSSLESS = file(IDS, "JPEG"), "expected a lossless single-channel image of class ids"
RENUMBER = "Renumber the classes."
IGNORED = "Give ignored pixels an id of their own: np.where(mask < 0, 255, mask)."
INTEGERS = "Threshold probabilities (mask > 0.5), take argmax of scores, or astype(np.uint8) of whole numbers."
REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "floats": (
        lambda: ImageMask(IDS / 1.0),
        f"ImageMask: expected integers or bools, got ndarray of shape (400, 600) and dtype float64. {INTEGERS}",
    ),
    "a channel": (
        lambda: ImageMask(IDS[..., None]),
        "ImageMask: expected an array (H, W), got ndarray of shape (400, 600, 1) and dtype uint8. "
        "Drop the channel: mask[..., 0].",
    ),
    "one dimension": (
        lambda: ImageMask(IDS[0]),
        "ImageMask: expected an array (H, W), got ndarray of shape (600,) and dtype uint8. "
        "Pass one class id for each pixel.",
    ),
    "no pixel": (
        lambda: ImageMask(IDS[:0]),
        "ImageMask: expected an array (H, W), got ndarray of shape (0, 600) and dtype uint8. "
        "Pass one class id for each pixel.",
    ),
    "a negative id": (
        lambda: ImageMask(IDS.astype(int) - 1),
        f"ImageMask: expected class ids from 0 to 65535, got -1. {IGNORED}",
    ),
    "65 536 as an id": (
        lambda: ImageMask(IDS.astype(int) + 65535),
        f"ImageMask: expected class ids from 0 to 65535, got 65536. {RENUMBER}",
    ),
    "None": (
        lambda: ImageMask(None),
        "ImageMask: expected an (H, W) array, a path or bytes, got None. Convert it with np.asarray(mask).",
    ),
    "an empty dict": (
        lambda: ImageMask({}),
        "ImageMask: expected a dict with either 'mask_data' or 'path', got []. Pass one.",
    ),
    "both array and path": (
        lambda: ImageMask({"mask_data": IDS, "path": "mask.png"}),
        "ImageMask: expected a dict with either 'mask_data' or 'path', got ['mask_data', 'path']. Pass one.",
    ),
    "None as mask_data": (
        lambda: ImageMask({"mask_data": None}),
        "ImageMask.mask_data: expected an (H, W) array, a path or bytes, got None. Convert it with np.asarray(mask).",
    ),
    "a path to nothing": (
        lambda: ImageMask("missing.png"),
        "ImageMask: expected an existing file, got 'missing.png'. Check the path.",
    ),
    "a JPEG": (lambda: ImageMask(JPEG), f"ImageMask: {LOSSLESS}, got a lossy file (JPEG). Save it as a grey PNG."),
    "a colour file": (
        lambda: ImageMask(file(photograph("coffee"))),
        f"ImageMask: {LOSSLESS}, got png of mode RGB. Save it as a grey PNG.",
    ),
    "a text file": (
        lambda: ImageMask(b"text"),
        f"ImageMask: expected an image file ({image_formats()}), got 4 bytes starting b'text'. Convert it to PNG.",
    ),
    "labels in a list": (
        lambda: ImageMask(IDS, class_labels=["a"]),  # type: ignore[arg-type]
        "ImageMask.class_labels: expected a mapping of class ids to names, got ['a']. Pass dict(enumerate(names)).",
    ),
    "bad labels in W&B's dict": (
        lambda: ImageMask({"mask_data": IDS, "class_labels": {"a": "b"}}),
        "ImageMask.class_labels['a']: expected an integer class id, got 'a'. Use the number that stands in the data.",
    ),
    "another size than the image": (
        lambda: on_image(IDS[:, 1:]),
        'Image.masks["pred"]: expected a mask of the image\'s size 600 x 400, got 599 x 400. Resize it.',
    ),
    "turned": (
        lambda: on_image({"mask_data": IDS.T}),
        'Image.masks["pred"]: expected a mask of the image\'s size 600 x 400, got 400 x 600. Resize it.',
    ),
    "floats in a set": (
        lambda: on_image({"mask_data": IDS / 1.0}),
        'Image.masks["pred"].mask_data: expected integers or bools, got ndarray of shape (400, 600) and dtype float64. '
        f"{INTEGERS}",
    ),
    "a mask without a name": (
        lambda: mt.Image(photograph("coffee"), masks=IDS),  # type: ignore[arg-type]
        "Image.masks: expected a dict of names to layers, got ndarray of shape (400, 600) and dtype uint8. "
        "Name it: {'predictions': ...}.",
    ),
}


@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_names_the_place_and_the_fix(call: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert str(caught.value) == message


def test_a_mask_is_saved_as_a_file_that_others_read_and_read_again(tmp_path: Path) -> None:
    ids = np.array([[0, 300], [7, 0]])
    mask = ImageMask(ids, class_labels={7: "road"})
    path = mask.save(tmp_path / "mask.png")
    np.testing.assert_array_equal(np.asarray(PIL.Image.open(path)), ids)
    assert path.read_bytes() == mask.to_bytes()
    assert ImageMask.from_path(path, class_labels={7: "road"}) == mask
    with pytest.raises(mt.InputError, match=r"ImageMask\.save: expected a name that ends in \.png"):
        mask.save(tmp_path / "mask.jpg")
    named = r"ImageMask\.save: expected a name that ends in \.png, .*imagemask\.png"
    for folder in (".", "..", "/"):
        with pytest.raises(mt.InputError, match=named):
            mask.save(folder)
    assert "data:image/png" in mask._repr_mimebundle_()["text/html"]
    with pytest.raises(mt.InputError, match=r"ImageMask\.from_path: expected a path"):
        ImageMask.from_path(ids)  # type: ignore[arg-type]
