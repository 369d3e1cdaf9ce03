"""Numbers of things in words, and places that had them wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import mediatypes as mt
from mediatypes._core.wording import counted, with_article


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((0, "row"), "0 rows"),
        ((1, "row"), "1 row"),
        ((2500, "media file"), "2,500 media files"),
        ((1, "box", "boxes"), "1 box"),
        ((2, "box", "boxes"), "2 boxes"),
    ],
)
def test_one_thing_and_several(arguments: tuple[Any, ...], words: str) -> None:
    assert counted(*arguments) == words


def test_every_type_has_its_article() -> None:
    named = [with_article(name) for name in ("image", "audio", "object3d", "video", "histogram", "table")]
    assert named == ["an image", "an audio", "an object3d", "a video", "a histogram", "a table"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (mt.Table(columns=["a"], data=[[1]]), "Table(1 row,"),
        (mt.Histogram([1.0], num_bins=1), "1 bin from"),
        (mt.Object3D(np.zeros((1, 3))), "1 point"),
        (mt.Html("x"), "1 byte"),
        (mt.Molecule("1\n\nH 0 0 0\n", file_type="xyz"), "1 atom,"),
    ],
)
def test_values_of_one_thing_say_so(value: Any, words: str) -> None:
    assert words in repr(value)
