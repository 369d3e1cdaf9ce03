"""Pictures with their overlays drawn; what they look like was looked at, here stands what must stay so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import mediatypes as mt
from mediatypes import BoundingBoxes2D, Image, ImageMask, InputError
from mediatypes._core.palette import class_color
from tests.samples import Array, photograph

BLACK = np.zeros((120, 200, 3), np.uint8)
BOX = [[20, 30, 120, 90]]


def boxes(**options: Any) -> BoundingBoxes2D:
    return BoundingBoxes2D.from_xyxy(BOX, domain="pixel", **options)


def drawn(image: Image, **options: Any) -> Array:
    return np.asarray(mt.draw(image, **options))


def colors(pixels: Array) -> set[tuple[int, ...]]:
    return {tuple(color) for color in np.unique(pixels.reshape(-1, 3), axis=0).tolist()}


def test_a_frame_lies_within_the_edges_of_its_box() -> None:
    pixels = drawn(Image(BLACK, boxes={"pred": boxes(class_ids=[2])}))[60]  # below the label, above the lower edge
    assert np.flatnonzero(pixels.any(axis=1)).tolist() == [20, 119]
    fractions = BoundingBoxes2D.from_xyxy([[0.1, 0.25, 0.6, 0.75]], domain="percentage", class_ids=[2])
    np.testing.assert_array_equal(drawn(Image(BLACK, boxes={"pred": fractions}))[60], pixels)
    large = drawn(Image(BLACK, boxes={"pred": boxes(class_ids=[2])}), scale=3)
    assert large.shape == (360, 600, 3)
    assert np.flatnonzero(large[180].any(axis=1)).tolist() == [60, 61, 358, 359]


def test_a_class_has_the_same_color_everywhere_and_neighbours_differ() -> None:
    seen = {}
    for id in range(12):
        frame = drawn(Image(BLACK, boxes={"pred": boxes(class_ids=[id])}))[60, 20]
        mask = drawn(Image(BLACK, masks={"m": ImageMask(np.full((120, 200), id, np.uint8), {id: "x"})}), opacity=1)
        assert tuple(frame) in colors(mask)
        seen[id] = tuple(frame.tolist())
    assert len(set(seen.values())) == 12


def test_names_captions_and_scores_are_written() -> None:
    """A label is as wide as its text: a longer one covers more."""
    plain = (drawn(Image(BLACK, boxes={"p": boxes()})) > 0).any(axis=2)
    widths = []
    for options in ({}, {"class_ids": [1]}, {"class_ids": [1], "scores": [0.5]}, {"labels": ["a longer caption"]}):
        shown = (drawn(Image(BLACK, boxes={"p": boxes(**options)})) > 0).any(axis=2)
        widths.append(int((shown & ~plain).sum()))
    assert widths[0] == 0
    assert sorted(set(widths)) == widths


def test_labels_do_not_hide_each_other() -> None:
    from mediatypes.types.image.drawing import _inside, _overlap, _places

    one = _inside(_places((20, 30, 120, 90), 40, 15)[0], 40, 15, (200, 120))
    assert one == (20, 15, 60, 30)
    other = [_inside(place, 40, 15, (200, 120)) for place in _places((22, 31, 120, 90), 40, 15)]
    assert any(not _overlap(one, place) for place in other)
    apart = drawn(Image(BLACK, boxes={"p": BoundingBoxes2D.from_xyxy(BOX * 2, domain="pixel", class_ids=[1, 2])}))
    single = drawn(Image(BLACK, boxes={"p": boxes(class_ids=[1])}))
    assert (apart > 0).sum() > (single > 0).sum() * 1.2


def test_a_second_set_is_dashed() -> None:
    image = Image(BLACK, boxes={"truth": boxes(class_ids=[1]), "pred": boxes(class_ids=[1])})
    only = Image(BLACK, boxes={"truth": BoundingBoxes2D({"box_data": []}), "pred": boxes(class_ids=[1])})
    row = drawn(only)[89, 20:120].any(axis=1)
    assert 0.3 < row.mean() < 0.8
    assert drawn(image)[89, 20:120].any(axis=1).all()


def test_a_mask_colors_its_classes_and_outlines_them() -> None:
    ids = np.zeros((120, 200), np.uint8)
    ids[20:100, 20:180] = 3
    ids[40:60, 40:60] = 255
    white = np.full((120, 200, 3), 255, np.uint8)
    picture = drawn(Image(white, masks={"m": ids}), opacity=0.5)
    np.testing.assert_array_equal(picture[:20], 255)  # no class
    np.testing.assert_array_equal(picture[45:55, 45:55], 255)
    edge, inside = picture[20, 100].astype(int), picture[30, 100].astype(int)
    np.testing.assert_allclose(inside, (edge + 255) / 2, atol=1)
    assert len(colors(picture[62:, 25:60])) >= 2
    named = drawn(Image(white, masks={"m": ImageMask(ids, {0: "road", 3: "car", 255: "void"})}))
    assert (named[5, 5] != 255).any()  # a class of its own
    np.testing.assert_array_equal(named[45:55, 45:55], 255)


@pytest.mark.parametrize(
    "pixels",
    [
        photograph("coins"),
        photograph("coins").astype(np.uint16) * np.uint16(257),
        photograph("coffee").astype(np.uint16) * np.uint16(257),
        np.dstack([photograph("coffee"), photograph("coffee")[..., :1]]),
    ],
    ids=["grey", "grey of 16 bits", "16 bits", "alpha"],
)
def test_every_depth_is_drawn_in_colors(pixels: Array) -> None:
    image = Image(pixels, boxes={"p": boxes(class_ids=[1])})
    picture = image.to_pil(overlays=True)
    assert (picture.mode, picture.size) == ("RGB", (image.width, image.height))
    np.testing.assert_array_equal(np.asarray(picture), drawn(image))
    below = np.asarray(picture)[200:]
    shown = pixels[200:] >> 8 if pixels.dtype == np.uint16 else pixels[200:]
    if shown.shape[-1] != 4:
        np.testing.assert_array_equal(below, shown if shown.ndim == 3 else np.repeat(shown[..., None], 3, axis=2))


def test_boxes_far_outside_and_of_no_size_are_no_trouble() -> None:
    edges = [[-1e300, -1e300, 1e300, 1e300], [5, 5, 5, 5], [500, 500, 600, 600], [-9, -9, -5, -5]]
    scores: Any = [0.5, None, 0.1, 0.9]
    value = BoundingBoxes2D.from_xyxy(edges, domain="pixel", scores=scores, labels=["☃\n\t x" * 20, "", None, "b"])
    assert drawn(Image(BLACK, boxes={"p": value, "q": value, "r": value})).shape == BLACK.shape
    assert drawn(Image(np.zeros((1, 1), np.uint8), boxes={"p": value})).shape == (1, 1, 3)


def test_drawing_changes_nothing() -> None:
    image = Image(BLACK, boxes={"p": boxes(class_ids=[1])}, masks={"m": np.ones((120, 200), np.uint8)})
    mt.draw(image)
    assert not image.to_numpy().any()
    np.testing.assert_array_equal(np.asarray(image.to_pil()), BLACK)


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "an array": (
        lambda: mt.draw(BLACK),  # type: ignore[arg-type]
        "draw.image: expected an Image, got ndarray of shape (120, 200, 3) and dtype uint8. "
        "Wrap it: draw(Image(data, boxes=..., masks=...)).",
    ),
    "both": (
        lambda: mt.draw(Image(BLACK), scale=0, opacity=2),
        "2 problems:\n- draw.scale: expected an integer from 1 to 100, got 0. 1 is the size of the image.\n"
        "- draw.opacity: expected a number from 0 to 1, got 2. 0.45 shows both.",
    ),
}


@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_names_the_place_and_the_fix(call: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert str(caught.value) == message


def test_thousands_of_objects_are_drawn_in_one_pass() -> None:
    ids = 1 + np.arange(64 * 64, dtype=np.uint16).reshape(64, 64).repeat(4, 0).repeat(4, 1)
    drawn = np.asarray(mt.draw(Image(np.zeros(ids.shape, np.uint8), masks={"objects": ids}), opacity=1))
    expected = np.array([class_color(id) for id in ids.reshape(-1).tolist()]).reshape(*ids.shape, 3)
    same = (drawn == expected).all(axis=2)
    assert same[200:].all()  # only the 100 largest have labels, which are the first of so many equal ones
    assert not same[:100].all()
