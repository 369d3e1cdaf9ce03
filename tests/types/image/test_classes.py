from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import mediatypes as mt
from mediatypes import Classes, InputError

CAT = {1: "cat", 2: "dog"}

SPELLINGS: dict[str, Any] = {
    "W&B's list": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
    "with further members": [{"id": 1, "name": "cat", "color": "red"}, {"id": 2, "name": "dog"}],
    "a tuple": ({"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}),
    "a generator": ({"id": i, "name": name} for i, name in CAT.items()),
    "a mapping": {1: "cat", 2: "dog"},
    "numpy ids": {np.int64(1): "cat", np.uint8(2): "dog"},
    "ids as text": {"1": "cat", "2": "dog"},
    "numpy names": {1: np.str_("cat"), 2: np.str_("dog")},
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_every_spelling_gives_the_same_labels(spelling: Any) -> None:
    assert Classes(spelling).labels == CAT
    assert all(type(id) is int and type(name) is str for id, name in Classes(CAT).labels.items())


def test_order_negative_ids_and_empty_names_are_kept() -> None:
    labels = {7: "", -1: "void", 0: "Straße"}
    assert list(Classes(labels).labels.items()) == list(labels.items())


def test_no_class_at_all_is_fine() -> None:
    assert Classes([]).labels == Classes({}).labels == {}


def test_it_is_a_value() -> None:
    classes = Classes(CAT)
    classes.labels[3] = "mouse"
    assert classes == Classes(next(iter(SPELLINGS.values()))) == pickle.loads(pickle.dumps(classes))
    assert {classes: 1}[Classes(CAT)] == 1
    assert classes != Classes({1: "cat"})
    with pytest.raises(AttributeError, match=r"^Classes\.labels: expected no change"):
        classes.labels = {}  # type: ignore[misc]


def test_the_callers_dict_is_not_kept() -> None:
    given = dict(CAT)
    classes = Classes(given)
    given[1] = "changed"
    assert classes.labels == CAT


LIST = "expected a list of {'id': ..., 'name': ...}"
NUMBER = "Use the number that stands in the data."
REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "a text": (lambda: Classes("cat"), f"Classes: {LIST}, got 'cat'. Pass {{1: 'cat'}}."),  # pyright: ignore[reportArgumentType]
    "a number": (lambda: Classes(3), f"Classes: {LIST}, got 3. Pass {{1: 'cat'}}."),  # type: ignore[arg-type]
    "None": (lambda: Classes(None), f"Classes: {LIST}, got None. Pass {{1: 'cat'}}."),  # type: ignore[arg-type]
    "names alone": (
        lambda: Classes(["cat"]),  # type: ignore[list-item]
        "Classes[0]: expected a dict with 'id' and 'name', got 'cat'. Add both.",
    ),
    "no id": (
        lambda: Classes([{"name": "cat"}]),
        "Classes[0]: expected a dict with 'id' and 'name', got {'name': 'cat'}. Add both.",
    ),
    "no name": (
        lambda: Classes([{"id": 1}]),
        "Classes[0]: expected a dict with 'id' and 'name', got {'id': 1}. Add both.",
    ),
    "a float id": (lambda: Classes({1.5: "cat"}), f"Classes[1.5]: expected an integer class id, got 1.5. {NUMBER}"),
    "a bool id": (lambda: Classes({True: "cat"}), f"Classes[True]: expected an integer class id, got True. {NUMBER}"),
    "a name for an id": (lambda: Classes({"x": "y"}), f"Classes['x']: expected an integer class id, got 'x'. {NUMBER}"),
    "an id with an underscore": (
        lambda: Classes({"1_0": "cat"}),
        f"Classes['1_0']: expected an integer class id, got '1_0'. {NUMBER}",
    ),
    "no text for a name": (
        lambda: Classes({1: None}),  # type: ignore[dict-item]
        "Classes[1]: expected a name (text), got None. Use str(...).",
    ),
    "text that UTF-8 cannot hold": (
        lambda: Classes({1: "\ud800"}),
        "Classes[1]: expected text that UTF-8 can hold, got '\\ud800'. Remove the lone surrogates.",
    ),
    "an id twice": (
        lambda: Classes([{"id": 1, "name": "a"}, {"id": "1", "name": "b"}]),
        "Classes[1]: expected each class id once, got '1'. Remove one of them.",
    ),
    "everything wrong at once": (
        lambda: Classes([{"id": 1, "name": 2}, {"id": None, "name": "b"}, 3]),  # type: ignore[list-item]
        "3 problems:\n"
        "- Classes[2]: expected a dict with 'id' and 'name', got 3. Add both.\n"
        "- Classes[0]: expected a name (text), got 2. Use str(...).\n"
        f"- Classes[1]: expected an integer class id, got None. {NUMBER}",
    ),
}


@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_names_the_place_and_the_fix(call: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert str(caught.value) == message


def test_a_document_of_an_image_lists_them_in_order() -> None:
    image = mt.Image(np.zeros((4, 6), np.uint8), classes={2: "dog", 1: "cat"})
    document = mt.encode(image, mt.MemoryStore())
    assert document["classes"] == [{"id": 2, "name": "dog"}, {"id": 1, "name": "cat"}]
