from __future__ import annotations

import copy
import hashlib
import json
import pickle
import sys
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

import mediatypes as mt
from mediatypes import BoundingBoxes2D, Classes, InputError
from tests.samples import Array, FakeTensor, decoded, encode, photograph
from tests.strategies import boxes

NAN, INF = float("nan"), float("inf")
LABELS = {1: "cat", 2: "dog"}
EDGES = np.array([[10.0, 20.0, 50.0, 80.0], [0.0, 0.0, 4.0, 6.0]])
POSITION = {"minX": 0.1, "minY": 0.1, "maxX": 0.2, "maxY": 0.2}
from_xyxy = BoundingBoxes2D.from_xyxy


def attached(boxes: Any, size: tuple[int, int] = (100, 200)) -> BoundingBoxes2D:
    """The set on an image of (height, width)."""
    return mt.Image(np.zeros(size, np.uint8), boxes={"pred": boxes}).boxes["pred"]


def part(boxes: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the document and the sidecar say of a set of boxes."""
    document, store = encode(mt.Image(np.zeros((100, 200), np.uint8), boxes={"pred": boxes}))
    found = document["boxes"]["pred"]
    return found, json.loads(store.open(found["path"]).read())


def box(position: Any = POSITION, **members: Any) -> BoundingBoxes2D:
    return BoundingBoxes2D({"box_data": [{"position": position, **members}]})


def test_the_example_of_the_wandb_docs_keeps_both_of_its_domains() -> None:
    """One box in fractions of the image and one in pixels, given by its middle."""
    given = {
        "predictions": {
            "box_data": [
                {
                    "position": {"minX": 0.1, "maxX": 0.2, "minY": 0.3, "maxY": 0.4},
                    "class_id": 2,
                    "box_caption": LABELS[2],
                    "scores": {"acc": 0.1, "loss": 1.2},
                },
                {
                    "position": {"middle": [150, 20], "width": 68, "height": 112},
                    "domain": "pixel",
                    "class_id": 1,
                    "box_caption": "a caption",
                    "scores": {"acc": 0.5, "loss": 0.7},
                },
            ],
            "class_labels": LABELS,
        }
    }
    kept = copy.deepcopy(given)
    image = decoded(mt.Image(photograph("coffee"), boxes=given))
    found = image.boxes["predictions"]
    assert given == kept
    assert found.domain == "mixed"
    assert found.is_pixel.tolist() == [False, True]
    assert found.to_xyxy().tolist() == [[0.1, 0.3, 0.2, 0.4], [116.0, -36.0, 184.0, 76.0]]
    assert (found.class_ids, found.captions) == ([2, 1], ["dog", "a caption"])
    assert found.scores == {"acc": [0.1, 0.5], "loss": [1.2, 0.7]}
    assert (found.class_labels, found.outside_count) == (LABELS, 1)


W, H = EDGES[:, 2] - EDGES[:, 0], EDGES[:, 3] - EDGES[:, 1]
XYWH = np.stack([EDGES[:, 0], EDGES[:, 1], W, H], axis=1)
CXCYWH = np.stack([EDGES[:, 0] + W / 2, EDGES[:, 1] + H / 2, W, H], axis=1)


def dicts(kind: Any = float, **members: Any) -> dict[str, Any]:
    rows = [dict(zip(POSITION, map(kind, row), strict=True)) for row in EDGES]
    ids = (1, 2)
    return {"box_data": [{"position": p, "domain": "pixel", "class_id": i} for p, i in zip(rows, ids, strict=True)]}


def middles(kind: Callable[[list[float]], Any] = list) -> dict[str, Any]:
    return {
        "box_data": [
            {"position": {"middle": kind([x, y]), "width": w, "height": h}, "domain": "pixel", "class_id": i + 1}
            for i, (x, y, w, h) in enumerate(CXCYWH.tolist())
        ]
    }


IDS: dict[str, Any] = {"domain": "pixel", "class_ids": [1, 2]}
SPELLINGS: dict[str, Callable[[], Any]] = {
    "W&B's dicts": dicts,
    "integers": lambda: dicts(int),
    "numpy floats": lambda: dicts(np.float32),
    "numpy integers": lambda: dicts(np.int64),
    "middle and size": middles,
    "middle as a tuple": lambda: middles(tuple),
    "middle as an array": lambda: middles(np.array),
    "both forms in one set": lambda: {"box_data": [dicts()["box_data"][0], middles()["box_data"][1]]},
    "empty optional members": lambda: {
        "box_data": [{**b, "scores": None, "box_caption": None} for b in dicts()["box_data"]],
        "class_labels": None,
    },
    "a tuple of boxes": lambda: {"box_data": tuple(dicts()["box_data"])},
    "a value": lambda: BoundingBoxes2D(dicts()),
    "corners": lambda: from_xyxy(EDGES, **IDS),
    "corners in float32": lambda: from_xyxy(EDGES.astype(np.float32), **IDS),
    "corners in int64": lambda: from_xyxy(EDGES.astype(int), **IDS),
    "corners as lists": lambda: from_xyxy(EDGES.tolist(), **IDS),
    "corners in a tensor": lambda: from_xyxy(FakeTensor(EDGES), **IDS),
    "corner and size": lambda: BoundingBoxes2D.from_xywh(XYWH, **IDS),
    "integer corner and size": lambda: BoundingBoxes2D.from_xywh(XYWH.astype(np.uint8), **IDS),
    "centre and size": lambda: BoundingBoxes2D.from_cxcywh(CXCYWH, **IDS),
    "class ids in an array": lambda: from_xyxy(EDGES, domain="pixel", class_ids=np.array([1, 2], np.uint8)),
    "class ids in a tensor": lambda: from_xyxy(EDGES, domain="pixel", class_ids=FakeTensor(np.array([1, 2]))),
}


@pytest.mark.usefixtures("fake_torch")
@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_every_spelling_gives_the_same_document(spelling: Callable[[], Any]) -> None:
    document, columns = part(spelling())
    assert (document["count"], document["domain"], document["class_counts"]) == (2, "pixel", {"1": 1, "2": 1})
    assert set(document) == {"path", "sha256", "size", "media_type", "count", "domain", "class_counts"}
    assert columns == {
        "xmin": [10.0, 0.0],
        "ymin": [20.0, 0.0],
        "xmax": [50.0, 4.0],
        "ymax": [80.0, 6.0],
        "class_id": [1, 2],
    }


SCORES: dict[str, Callable[[], BoundingBoxes2D]] = {
    "a list": lambda: from_xyxy(EDGES, domain="pixel", scores=[0.5, 0.25]),
    "an array": lambda: from_xyxy(EDGES, domain="pixel", scores=np.array([0.5, 0.25], np.float32)),
    "a mapping": lambda: from_xyxy(EDGES, domain="pixel", scores={"score": [0.5, 0.25]}),
    "a mapping of arrays": lambda: from_xyxy(EDGES, domain="pixel", scores={"score": np.array([0.5, 0.25])}),
}


@pytest.mark.parametrize("spelling", SCORES.values(), ids=SCORES)
def test_every_spelling_of_scores_is_the_same(spelling: Callable[[], BoundingBoxes2D]) -> None:
    assert spelling() == SCORES["a list"]()
    assert decoded_boxes(spelling()).scores == {"score": [0.5, 0.25]}


def decoded_boxes(boxes: Any) -> BoundingBoxes2D:
    found: BoundingBoxes2D = decoded(mt.Image(np.zeros((100, 200), np.uint8), boxes={"pred": boxes})).boxes["pred"]
    return found


def test_boxes_may_differ_in_what_they_bring() -> None:
    found = decoded_boxes(
        {
            "box_data": [
                {"position": POSITION, "scores": {"a": 1}},
                {"position": POSITION, "class_id": 3, "box_caption": "x", "scores": {"b": 0.5}},
            ]
        }
    )
    assert (found.class_ids, found.captions) == ([None, 3], [None, "x"])
    assert found.scores == {"a": [1.0, None], "b": [None, 0.5]}


def test_percentage_is_the_default_of_dicts_and_arrays_have_to_say_it() -> None:
    assert box().domain == "percentage"
    with pytest.raises(TypeError, match="domain"):
        from_xyxy(EDGES)  # type: ignore[call-arg]


@pytest.mark.parametrize("empty", [{"box_data": []}, from_xyxy([], domain="pixel"), np.zeros((0, 4))])
def test_a_set_may_be_empty(empty: Any) -> None:
    value = from_xyxy(empty, domain="pixel") if isinstance(empty, np.ndarray) else empty
    found = decoded_boxes(value)
    assert len(found) == 0
    assert found.to_xyxy().shape == (0, 4)


@pytest.mark.parametrize("value", [LABELS, {"1": "cat", "2": "dog"}, Classes(LABELS)], ids=["dict", "text", "Classes"])
def test_class_labels_travel_with_the_boxes(value: Any) -> None:
    found = from_xyxy(EDGES, domain="pixel", class_ids=[1, 7], class_labels=value)
    assert decoded_boxes(found).class_labels == {1: "cat", 2: "dog", 7: "class_7"}
    assert part(found)[0]["class_labels"] == {"1": "cat", "2": "dog"}


def test_an_image_lends_its_classes_to_boxes_that_bring_none() -> None:
    given = {"own": from_xyxy(EDGES, domain="pixel", class_labels={1: "own"}), "none": from_xyxy(EDGES, domain="pixel")}
    image = decoded(mt.Image(np.zeros((100, 200), np.uint8), classes=LABELS, boxes=given))
    assert image.boxes["own"].class_labels == {1: "own"}
    assert image.boxes["none"].class_labels == LABELS
    assert given["none"].class_labels == {}


def test_classes_are_counted() -> None:
    document, _ = part(from_xyxy(np.repeat(EDGES, 3, axis=0), domain="pixel", class_ids=[5, -1, 5, 5, 0, -1]))
    assert document["class_counts"] == {"-1": 2, "0": 1, "5": 3}


OVER: dict[str, tuple[list[float], str]] = {
    "left": ([-1, 0, 5, 5], "pixel"),
    "top": ([0, -0.5, 5, 5], "pixel"),
    "right": ([0, 0, 200.5, 5], "pixel"),
    "bottom": ([0, 0, 5, 101], "pixel"),
    "far away": ([500, 500, 600, 600], "pixel"),
    "beyond one": ([0.5, 0.5, 1.01, 0.6], "percentage"),
}


@pytest.mark.parametrize(("edges", "domain"), OVER.values(), ids=OVER)
def test_boxes_over_the_edge_are_kept_and_counted(edges: list[float], domain: str) -> None:
    inside = [0, 0, 1, 1]
    value = from_xyxy([edges, inside], domain=domain)
    assert attached(value).outside_count == decoded_boxes(value).outside_count == 1
    assert decoded_boxes(value).to_xyxy().tolist() == [edges, inside]
    assert part(value)[0]["outside_count"] == 1


def test_boxes_that_touch_the_edge_are_inside() -> None:
    assert attached(from_xyxy([[0, 0, 200, 100]], domain="pixel")).outside_count == 0
    assert attached(from_xyxy([[0, 0, 1, 1]], domain="percentage")).outside_count == 0


def test_clip_trims_to_the_image_and_the_document_says_so() -> None:
    value = from_xyxy([[-5, -5, 500, 50], [500, 500, 600, 600]], domain="pixel", clip=True)
    document, columns = part(value)
    assert document["clipped"] is True
    assert "outside_count" not in document
    assert columns["xmin"] == [0.0, 200.0]
    assert (columns["ymin"], columns["xmax"], columns["ymax"]) == ([0.0, 100.0], [200.0, 200.0], [50.0, 100.0])
    assert decoded_boxes(value) == attached(value)
    assert BoundingBoxes2D({"box_data": [{"position": {**POSITION, "maxX": 7}}]}, clip=True).to_xyxy()[0, 2] == 7


def test_100_000_boxes_need_no_function_call_each() -> None:
    corners = np.random.default_rng(0).uniform(0, 100, (100_000, 2, 2))
    corners.sort(axis=1)
    edges = corners.reshape(-1, 4)
    ids = np.arange(100_000) % 80
    calls: Counter[str] = Counter()

    def count(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and not frame.f_code.co_name.startswith("<"):
            calls[frame.f_code.co_name] += 1

    sys.setprofile(count)
    try:
        value = from_xyxy(edges, domain="pixel", class_ids=ids, scores=np.full(100_000, 0.5), labels=["box"] * 100_000)
        document, columns = part(value)
    finally:
        sys.setprofile(None)
    assert calls.total() < 2000
    assert (document["count"], document["class_counts"]["79"], len(columns["xmin"])) == (100_000, 1250, 100_000)
    np.testing.assert_array_equal(decoded_boxes(value).to_xyxy(), edges)


def test_it_is_a_value() -> None:
    value = from_xyxy(EDGES, domain="pixel", class_ids=[1, 2])
    assert value == pickle.loads(pickle.dumps(value)) == BoundingBoxes2D(dicts())
    assert {value: 1}[BoundingBoxes2D(dicts())] == 1
    assert value != from_xyxy(EDGES, domain="pixel")
    assert not value.to_xyxy().flags.writeable
    with pytest.raises(AttributeError, match=r"^BoundingBoxes2D\._xyxy: expected no change"):
        value._xyxy = EDGES


def test_the_callers_arrays_and_dicts_are_not_kept_nor_changed() -> None:
    edges, ids, scores, names = EDGES.copy(), np.array([1, 2]), {"p": np.array([0.5, 0.5])}, dict(LABELS)
    value = from_xyxy(edges, domain="pixel", class_ids=ids, scores=scores, class_labels=names)
    same = copy.deepcopy(value)
    edges[:], ids[:], scores["p"][:] = 9, 9, 9
    names[1] = "changed"
    assert value == same
    for convert in (BoundingBoxes2D.from_xywh, BoundingBoxes2D.from_cxcywh):
        given = XYWH.copy()
        convert(given, domain="pixel")
        np.testing.assert_array_equal(given, XYWH)
    given = dicts()
    kept = copy.deepcopy(given)
    attached(given)
    assert given == kept


@settings(max_examples=60, deadline=None)
@given(boxes())
def test_any_set_survives(value: BoundingBoxes2D) -> None:
    found = decoded_boxes(value)
    assert found == attached(value)
    np.testing.assert_array_equal(found.to_xyxy(), value.to_xyxy())
    assert (found.class_ids, found.captions, found.scores) == (value.class_ids, value.captions, value.scores)


def sidecar(change: Callable[[dict[str, Any]], Any], **members: Any) -> tuple[dict[str, Any], mt.MemoryStore]:
    """An encoded image whose boxes' sidecar was written by somebody else, with a right hash."""
    document, store = encode(mt.Image(np.zeros((100, 200), np.uint8), boxes={"pred": dicts()}))
    reference = document["boxes"]["pred"]
    columns = json.loads(store.open(reference["path"]).read())
    data = json.dumps(change(columns)).encode()
    sha256 = hashlib.sha256(data).hexdigest()
    reference |= {"sha256": sha256, "size": len(data), **members}
    reference["path"] = store.put(data, suffix=".json", media_type="application/json", sha256=sha256, size=len(data))
    return document, store


HOSTILE: dict[str, tuple[Callable[[Any], Any], dict[str, Any]]] = {
    "no object": (lambda columns: [columns], {}),
    "a column too short": (lambda columns: {**columns, "xmin": [1]}, {}),
    "a column missing": (lambda columns: {n: c for n, c in columns.items() if n != "ymax"}, {}),
    "texts for edges": (lambda columns: {**columns, "xmin": ["1", "2"]}, {}),
    "a huge integer": (lambda columns: {**columns, "xmin": [10**400, 1]}, {}),
    "a non-finite edge": (lambda columns: {**columns, "xmax": [{"_type": "float", "value": "inf"}, 1]}, {}),
    "inverted": (lambda columns: {**columns, "xmin": [99, 99]}, {}),
    "another count": (lambda columns: columns, {"count": 3}),
    "a negative score": (lambda columns: {**columns, "scores": {"p": ["x", 1]}}, {}),
    "scores that are no object": (lambda columns: {**columns, "scores": [1, 2]}, {}),
    "mixed without domains": (lambda columns: columns, {"domain": "mixed"}),
    "an unknown domain": (lambda columns: {**columns, "domain": ["pixel", "miles"]}, {"domain": "mixed"}),
    "a float class id": (lambda columns: {**columns, "class_id": [1.5, 2]}, {}),
    "a number as a caption": (lambda columns: {**columns, "caption": [1, 2]}, {}),
}


@pytest.mark.parametrize(("change", "members"), HOSTILE.values(), ids=HOSTILE)
def test_a_sidecar_that_does_not_fit_is_refused(change: Callable[[Any], Any], members: dict[str, Any]) -> None:
    document, store = sidecar(change, **members)
    with pytest.raises(mt.DocumentError):
        mt.decode(document, store)


NAME = "BoundingBoxes2D"
BOX_DATA = "expected a dict with a list 'box_data'"
ARRAYS = "For arrays use BoundingBoxes2D.from_xyxy(array, domain='pixel')."
NUMBERS = "expected numbers minX, minY, maxX, maxY, or middle: [x, y], width and height"
ALL = "Give all of them."
REAL = "Convert the array to numbers first."


def positions(position: Any) -> str:
    return f"{NAME}[0].position: {NUMBERS}, got {position!r}. {ALL}"


def wrong(position: Any) -> tuple[Callable[[], object], str]:
    """A position that is none, and its message."""
    return (lambda: box(position)), positions(position)


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "a list": (lambda: BoundingBoxes2D([1]), f"{NAME}: {BOX_DATA}, got [1]. {ARRAYS}"),  # type: ignore[arg-type]
    "None": (lambda: BoundingBoxes2D(None), f"{NAME}: {BOX_DATA}, got None. {ARRAYS}"),  # type: ignore[arg-type]
    "no box_data": (lambda: BoundingBoxes2D({}), f"{NAME}: {BOX_DATA}, got {{}}. {ARRAYS}"),
    "a dict as box_data": (
        lambda: BoundingBoxes2D({"box_data": {}}),
        f"{NAME}: {BOX_DATA}, got {{'box_data': {{}}}}. {ARRAYS}",
    ),
    "boxes that are no dicts": (
        lambda: BoundingBoxes2D({"box_data": [1, [2]]}),
        "2 problems:\n"
        f"- {NAME}[0]: expected a dict with a position, got 1. See BoundingBoxes2D.\n"
        f"- {NAME}[1]: expected a dict with a position, got [2]. See BoundingBoxes2D.",
    ),
    "no position": wrong(None),
    "a list as position": wrong([1, 2, 3, 4]),
    "half a position": wrong({"minX": 1, "maxX": 2}),
    "an edge as text": wrong({"minX": "1", "minY": 0, "maxX": 1, "maxY": 1}),
    "a bool as edge": wrong({"minX": True, "minY": 0, "maxX": 1, "maxY": 1}),
    "None as edge": wrong({"minX": None, "minY": 0, "maxX": 1, "maxY": 1}),
    "a complex edge": wrong({"minX": 1j, "minY": 0, "maxX": 1, "maxY": 1}),
    "a middle of three": wrong({"middle": [1, 2, 3], "width": 1, "height": 1}),
    "three and no height": wrong({"middle": [1, 2, 3], "width": 1}),
    "a text as middle": wrong({"middle": "ab", "width": 1, "height": 1}),
    "texts as middle": wrong({"middle": ["a", "b"], "width": 1, "height": 1}),
    "a middle without height": wrong({"middle": [1, 2], "width": 1}),
    "NaN": (
        lambda: box({**POSITION, "minX": NAN}),
        f"{NAME}[0].position: expected finite numbers, got [nan, 0.1, 0.2, 0.2]. Drop the box.",
    ),
    "infinity": (
        lambda: box({**POSITION, "maxX": INF}),
        f"{NAME}[0].position: expected finite numbers, got [0.1, 0.1, inf, 0.2]. Drop the box.",
    ),
    "beyond float64": (
        lambda: box({**POSITION, "maxX": 10**400}),
        f"{NAME}[0].position: expected finite numbers, got [0.1, 0.1, inf, 0.2]. Drop the box.",
    ),
    "inverted": (
        lambda: box({**POSITION, "minX": 5}),
        f"{NAME}[0].position: expected minX <= maxX, got minX=5, maxX=0.2. Swap them.",
    ),
    "inverted both ways": (
        lambda: box({**POSITION, "minX": 5, "minY": 5}),
        "2 problems:\n"
        f"- {NAME}[0].position: expected minX <= maxX, got minX=5, maxX=0.2. Swap them.\n"
        f"- {NAME}[0].position: expected minY <= maxY, got minY=5, maxY=0.2. Swap them.",
    ),
    "a negative width": (
        lambda: box({"middle": [1, 2], "width": -1, "height": 1}),
        f"{NAME}[0].position: expected minX <= maxX, got minX=1.5, maxX=0.5. Swap them.",
    ),
    "an unknown domain": (
        lambda: box(domain="pixels"),
        f"{NAME}[0].domain: expected percentage or pixel, got 'pixels'. Choose one of them.",
    ),
    "None as domain": (
        lambda: box(domain=None),
        f"{NAME}[0].domain: expected percentage or pixel, got None. Choose one of them.",
    ),
    "a float class id": (
        lambda: box(class_id=1.0),
        f"{NAME}[0].class_id: expected an integer, got 1.0. Use int(...).",
    ),
    "a text class id": (lambda: box(class_id="1"), f"{NAME}[0].class_id: expected an integer, got '1'. Use int(...)."),
    "a bool class id": (
        lambda: box(class_id=True),
        f"{NAME}[0].class_id: expected an integer, got True. Use int(...).",
    ),
    "a class id of 70 bits": (
        lambda: box(class_id=2**70),
        f"{NAME}[0].class_id: expected an integer of 64 bits, got {2**70}. Renumber the classes.",
    ),
    "a number as caption": (
        lambda: box(box_caption=3),
        f"{NAME}[0].box_caption: expected text, got 3. Use str(...).",
    ),
    "a caption that UTF-8 cannot hold": (
        lambda: box(box_caption="\ud800"),
        f"{NAME}[0].box_caption: expected text that UTF-8 can hold, got '\\ud800'. Remove the lone surrogates.",
    ),
    "members that W&B's form does not have": (
        lambda: BoundingBoxes2D(
            {"box_data": [{"position": {**POSITION, "minX": 2, "maxX": 1}, "caption": "cat"}, 7], "labels": {}}
        ),
        "4 problems:\n"
        f"- {NAME}: expected only box_data, class_labels, got 'labels'. Did you mean 'class_labels'?\n"
        f"- {NAME}[0]: expected only box_caption, class_id, domain, position, scores, got 'caption'. "
        "Did you mean 'box_caption'?\n"
        f"- {NAME}[1]: expected a dict with a position, got 7. See BoundingBoxes2D.\n"
        f"- {NAME}[0].position: expected minX <= maxX, got minX=2, maxX=1. Swap them.",
    ),
    "scores without names beside other problems": (
        lambda: box(scores=[1], class_id="a", domain="px"),
        "3 problems:\n"
        f"- {NAME}[0].scores: expected a dict of names to numbers, got [1]. Name each.\n"
        f"- {NAME}[0].domain: expected percentage or pixel, got 'px'. Choose one of them.\n"
        f"- {NAME}[0].class_id: expected an integer, got 'a'. Use int(...).",
    ),
    "scores without names": (
        lambda: box(scores=[1]),
        f"{NAME}[0].scores: expected a dict of names to numbers, got [1]. Name each.",
    ),
    "a score as text": (
        lambda: box(scores={"p": "0.9"}),
        f"{NAME}[0].scores['p']: expected a number, got '0.9'. Use float(...).",
    ),
    "a NaN score": (
        lambda: box(scores={"p": NAN}),
        f"{NAME}[0].scores['p']: expected a finite number, got nan. Leave it out.",
    ),
    "a score beyond float64": (
        lambda: box(scores={"p": -(10**400)}),
        f"{NAME}[0].scores['p']: expected a finite number, got -inf. Leave it out.",
    ),
    "a bool score": (
        lambda: box(scores={"p": True}),
        f"{NAME}[0].scores['p']: expected a number, got True. Use float(...).",
    ),
    "a number as a score's name": (
        lambda: box(scores={1: 0.5}),
        f"{NAME}.scores: expected names (text), got 1. Use str(...).",
    ),
    "labels in a list": (
        lambda: BoundingBoxes2D({"box_data": [], "class_labels": ["cat"]}),
        f"{NAME}.class_labels: expected a mapping of class ids to names, got ['cat']. Pass dict(enumerate(names)).",
    ),
    "labels by name": (
        lambda: BoundingBoxes2D({"box_data": [], "class_labels": {"cat": 1}}),
        f"{NAME}.class_labels['cat']: expected an integer class id, got 'cat'. Use the number that stands in the data.",
    ),
    "a label that is no text": (
        lambda: BoundingBoxes2D({"box_data": [], "class_labels": {1: 2}}),
        f"{NAME}.class_labels[1]: expected a name (text), got 2. Use str(...).",
    ),
    "everything wrong at once": (
        lambda: BoundingBoxes2D(
            {
                "box_data": [
                    {
                        "position": {**POSITION, "minX": NAN},
                        "class_id": 1.5,
                        "domain": "x",
                        "box_caption": 1,
                        "scores": {"p": NAN},
                    }
                ],
                "class_labels": {1: 2},
            }
        ),
        "6 problems:\n"
        f"- {NAME}[0].position: expected finite numbers, got [nan, 0.1, 0.2, 0.2]. Drop the box.\n"
        f"- {NAME}[0].domain: expected percentage or pixel, got 'x'. Choose one of them.\n"
        f"- {NAME}[0].class_id: expected an integer, got 1.5. Use int(...).\n"
        f"- {NAME}[0].box_caption: expected text, got 1. Use str(...).\n"
        f"- {NAME}[0].scores['p']: expected a finite number, got nan. Leave it out.\n"
        f"- {NAME}.class_labels[1]: expected a name (text), got 2. Use str(...).",
    ),
    "one box as an array": (
        lambda: from_xyxy([1, 2, 3, 4], domain="pixel"),
        f"{NAME}: expected an array (n, 4), got ndarray of shape (4,) and dtype int64. "
        "Pass array[None, :] for a single box.",
    ),
    "five columns": (
        lambda: from_xyxy(np.zeros((3, 5)), domain="pixel"),
        f"{NAME}: expected an array (n, 4), got ndarray of shape (3, 5) and dtype float64. Give four columns.",
    ),
    "three dimensions": (
        lambda: from_xyxy(np.zeros((1, 3, 4)), domain="pixel"),
        f"{NAME}: expected an array (n, 4), got ndarray of shape (1, 3, 4) and dtype float64. Give four columns.",
    ),
    "texts in an array": (
        lambda: from_xyxy([["a"] * 4], domain="pixel"),
        f"{NAME}: expected real numbers, got ndarray of shape (1, 4) and dtype <U1. {REAL}",
    ),
    "an unknown domain of an array": (
        lambda: from_xyxy(EDGES, domain="pixels"),
        f"{NAME}.domain: expected percentage or pixel, got 'pixels'. Say which unit the edges are in.",
    ),
    "inverted in an array": (
        lambda: from_xyxy([[0, 0, 1, 1], [3, 2, 1, 4]], domain="pixel"),
        f"{NAME}[1]: expected minX <= maxX, got minX=3, maxX=1. Swap them.",
    ),
    "a negative height": (
        lambda: BoundingBoxes2D.from_cxcywh([[1, 2, 1, -4]], domain="pixel"),
        f"{NAME}[0]: expected minY <= maxY, got minY=4, maxY=0. Swap them.",
    ),
    "a sum beyond float64": (
        lambda: BoundingBoxes2D.from_xywh([[1.5e308, 0, 1.5e308, 0]], domain="pixel"),
        f"{NAME}[0]: expected finite numbers, got [1.5e+308, 0.0, inf, 0.0]. Drop the box.",
    ),
    "float class ids in an array": (
        lambda: from_xyxy(EDGES, domain="pixel", class_ids=np.array([1.0, 2.5])),
        "2 problems:\n"
        f"- {NAME}[0].class_id: expected an integer, got 1.0. Use int(...).\n"
        f"- {NAME}[1].class_id: expected an integer, got 2.5. Use int(...).",
    ),
    "one class id for all": (
        lambda: from_xyxy(EDGES, domain="pixel", class_ids=1),
        f"{NAME}.class_ids: expected one for each of the 2 boxes, got array(1). Match the lengths.",
    ),
    "too few scores": (
        lambda: from_xyxy(EDGES, domain="pixel", scores=[]),
        f"{NAME}.scores['score']: expected one for each of the 2 boxes, got []. Match the lengths.",
    ),
    "a label for all": (
        lambda: from_xyxy(EDGES, domain="pixel", labels="cat"),
        f"{NAME}.labels: expected one for each of the 2 boxes, got 'cat'. Match the lengths.",
    ),
    "everything wrong in arrays": (
        lambda: from_xyxy(
            [[3, 5, 1, 4], [0, 0, NAN, 1]],
            domain="pixel",
            class_ids=[1],
            scores=[1, 2, 3],
            labels=["x", 2],  # type: ignore[list-item]
            class_labels={"x": "y"},
        ),
        "7 problems:\n"
        f"- {NAME}[1]: expected finite numbers, got [0.0, 0.0, nan, 1.0]. Drop the box.\n"
        f"- {NAME}[0]: expected minX <= maxX, got minX=3, maxX=1. Swap them.\n"
        f"- {NAME}[0]: expected minY <= maxY, got minY=5, maxY=4. Swap them.\n"
        f"- {NAME}.class_ids: expected one for each of the 2 boxes, got [1]. Match the lengths.\n"
        f"- {NAME}[1].box_caption: expected text, got 2. Use str(...).\n"
        f"- {NAME}.scores['score']: expected one for each of the 2 boxes, got [1, 2, 3]. Match the lengths.\n"
        f"- {NAME}.class_labels['x']: expected an integer class id, got 'x'. Use the number that stands in the data.",
    ),
}


@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_names_the_place_and_the_fix(call: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert str(caught.value) == message


def test_an_image_names_the_set_that_is_bad(astronaut: Array) -> None:
    with pytest.raises(InputError) as caught:
        mt.Image(astronaut, boxes={"pred": {"box_data": [{"position": {**POSITION, "minX": 5}}]}})
    assert str(caught.value) == (
        'Image.boxes["pred"][0].position: expected minX <= maxX, got minX=5, maxX=0.2. Swap them.'
    )


@pytest.mark.parametrize("make", [np.array, np.float32, lambda x: np.array([x]), lambda x: FakeTensor(np.array(x))])
@pytest.mark.usefixtures("fake_torch")
def test_arrays_of_one_element_are_numbers(make: Any) -> None:
    box = {
        "position": {
            side: make(value)
            for side, value in zip(("minX", "minY", "maxX", "maxY"), (0.1, 0.2, 0.3, 0.4), strict=True)
        },
        "class_id": np.array(3),
        "scores": {"p": make(0.5)},
    }
    middle = {"position": {"middle": [make(0.2), make(0.3)], "width": make(0.2), "height": make(0.2)}, "class_id": 3}
    value = BoundingBoxes2D({"box_data": [box, middle]})
    np.testing.assert_allclose(value.to_xyxy(), [[0.1, 0.2, 0.3, 0.4]] * 2, atol=1e-6)
    assert (value.class_ids, value.scores) == ([3, 3], {"p": [0.5, None]})


PIXELS = {"minX": 1, "minY": 2, "maxX": 20, "maxY": 9}


@pytest.mark.parametrize(
    "position",
    [PIXELS, {name: float(value) for name, value in PIXELS.items()}, {"middle": [15, 20], "width": 7, "height": 12}],
)
def test_boxes_that_look_like_pixels_must_say_their_domain(position: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r'expected fractions of the image, 0 to 1, got max[XY]=.* Say domain="pixel"'):
        mt.Image(photograph("coffee"), boxes={"p": {"box_data": [{"position": position}]}})
    for domain in ("pixel", "percentage"):  # what is said is believed
        assert BoundingBoxes2D({"box_data": [{"position": position, "domain": domain}]}).domain == domain


@pytest.mark.parametrize("edges", [(0, 0, 1, 1), (0, 0, 1.25, 1), (-1, 0, 1, 1), (0.5, 0.5, 3, 1)])
def test_fractions_may_reach_over_the_edge(edges: tuple[float, ...]) -> None:
    position = dict(zip(("minX", "minY", "maxX", "maxY"), edges, strict=True))
    assert BoundingBoxes2D({"box_data": [{"position": position}]}).to_xyxy().tolist() == [list(edges)]


def test_a_wrong_shape_does_not_hide_a_wrong_domain() -> None:
    with pytest.raises(InputError) as caught:
        from_xyxy(np.zeros(3), domain="px")
    assert [problem.path for problem in caught.value.problems] == ["BoundingBoxes2D.domain", "BoundingBoxes2D"]


def test_names_of_scores_are_text_that_can_be_stored() -> None:
    message = "expected names that UTF-8 can hold, got '\\ud800'. Remove the lone surrogates."
    with pytest.raises(InputError) as caught:
        BoundingBoxes2D.from_xyxy([[1, 1, 5, 5]], domain="pixel", scores={"\ud800": [0.5]})
    assert message in str(caught.value)


@pytest.mark.parametrize("domain", ["pixel", "percentage"])
def test_no_boxes_keep_their_domain(domain: str) -> None:
    boxes = decoded(mt.Image(np.zeros((4, 4), np.uint8), boxes={"pred": from_xyxy([], domain=domain)})).boxes["pred"]
    assert (boxes.domain, len(boxes)) == (domain, 0)


@pytest.mark.parametrize("number", [lambda x: FakeTensor(np.array(x)), np.float32])
@pytest.mark.usefixtures("fake_torch")
def test_pixels_in_tensors_without_a_domain_are_noticed(number: Callable[[float], Any]) -> None:
    position = {"middle": [number(30.0), number(40.0)], "width": number(10.0), "height": number(20.0)}
    with pytest.raises(InputError, match='Say domain="pixel"'):
        BoundingBoxes2D({"box_data": [{"position": position}]})
    position["width"] = number(10.5)
    assert BoundingBoxes2D({"box_data": [{"position": position}]}).to_xyxy().tolist() == [[24.75, 30, 35.25, 50]]
