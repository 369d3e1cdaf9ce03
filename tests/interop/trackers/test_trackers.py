"""What all adapters share, with a tracker that takes numbers and images and keeps them in a list."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import mediatypes as mt
from mediatypes._core.registry import builtin_types
from mediatypes.cli import main
from mediatypes.interop import trackers
from mediatypes.interop.trackers._adapter import PLAIN, Adapter, Way

IMAGE = mt.Image(np.zeros((2, 3), np.uint8))


class Broken(Exception):
    pass


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The tracker called "shelf", and what it was given."""
    given: list[Any] = []

    def take(target: list[Any], objects: dict[str, Any], step: int | None) -> None:
        if "bad" in objects:
            raise Broken("no space")
        target.append((objects, step))

    ways = {
        "number": Way("kept", "itself", lambda value, key: value),
        "image": Way("changed", "its size", lambda value, key: (value.width, value.height)),
        "html": Way("dropped", "no pages"),
    }
    made = Adapter("Shelf", "shelf", (), ways, take, "Build one.", lambda: given)
    known = trackers.adapter
    monkeypatch.setattr(trackers, "adapter", lambda name: made if name == "shelf" else known(name))
    return given


def test_a_mixed_dict_is_logged_in_one_call(shelf: list[Any]) -> None:
    mt.interop.log("shelf", {"a": 1, "b": {"c": True, "none": None}, "photo": IMAGE, "both": [IMAGE, IMAGE]}, step=4)
    assert shelf == [({"a": 1, "b.c": True, "photo": (3, 2), "both/0": (3, 2), "both/1": (3, 2)}, 4)]


def test_bare_objects_are_wrapped_as_in_a_run(shelf: list[Any]) -> None:
    mt.interop.log("shelf", {"photo": IMAGE.to_pil(), "later": lambda: IMAGE, "scalar": np.float32(0.5)})
    assert shelf == [({"photo": (3, 2), "later": (3, 2), "scalar": 0.5}, None)]
    assert mt.interop.to("shelf", IMAGE.to_pil()) == (3, 2)
    assert mt.interop.to("shelf", [IMAGE, IMAGE]) == [(3, 2), (3, 2)]
    assert mt.interop.to("shelf", 2) == 2


def test_a_value_of_another_package_is_taken_by_its_document(shelf: list[Any]) -> None:
    class Theirs:
        def __media__(self, sink: mt.Sink) -> dict[str, Any]:
            return IMAGE.__media__(sink)

    mt.interop.log("shelf", {"photo": Theirs()})
    assert shelf == [({"photo": (3, 2)}, None)]


def test_nothing_is_sent_when_something_has_no_place_and_all_of_it_is_said(shelf: list[Any]) -> None:
    with pytest.raises(mt.InputError) as error:
        mt.interop.log("shelf", {"a": 1, "page": mt.Html("x"), "words": "hello", "odd": object()})
    assert not shelf
    assert sorted(problem.path for problem in error.value.problems) == ['log["odd"]', 'log["page"]', 'log["words"]']
    page = next(problem for problem in error.value.problems if "page" in problem.path)
    assert page.message.startswith("expected a type that Shelf has a place for (no pages), got Html(")


def test_what_a_tracker_raises_is_an_error_of_ours(shelf: list[Any]) -> None:
    with pytest.raises(mt.CodecError, match=r"log: expected Shelf to take bad, got Broken: no space\.") as error:
        mt.interop.log("shelf", {"bad": 1})
    assert isinstance(error.value.__cause__, Broken)


def test_a_tracker_without_an_open_run_needs_a_target() -> None:
    pytest.importorskip("tensorboardX")
    with pytest.raises(mt.InputError, match=r"log.target: expected a run of TensorBoard, got None. Pass target="):
        mt.interop.log("tensorboard", {"a": 1})


def test_an_unknown_tracker_is_named() -> None:
    with pytest.raises(mt.InputError, match=r"tracker: expected one of .*tensorboard.*, got 'tensorbord'"):
        mt.interop.to("tensorbord", IMAGE)


@pytest.mark.parametrize("name", trackers.TRACKERS)
def test_every_table_can_be_read_without_the_package(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    ways = trackers.adapter(name).ways
    assert ways.keys() == {*builtin_types(), *PLAIN}
    assert main(["interop", name]) == 0
    printed = capsys.readouterr().out.splitlines()[1:]
    assert [line.split()[:2] for line in printed] == [[kind, way.fate] for kind, way in ways.items()]


def test_all_trackers_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["interop"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]] == list(trackers.TRACKERS)
