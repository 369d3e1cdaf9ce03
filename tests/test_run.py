"""What `Run.log` accepts, how steps move, and what it says when it refuses."""

from __future__ import annotations

import copy
import enum
import json
import math
import re
import sys
import threading
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PILImage

import mediatypes as mt
from mediatypes._core.canonical import dumps
from mediatypes.journal import frames
from tests.writing.crashes import abandon

SCALARS: list[Any] = [np.float16(1.5), np.float32(0.1), np.float64(-2.5), np.longdouble(0.5)]
INTEGERS: list[Any] = [
    np.int8(-7),
    np.uint8(7),
    np.int16(7),
    np.uint16(7),
    np.int32(7),
    np.uint32(7),
    np.int64(7),
    np.uint64(7),
]


class Loss(str, enum.Enum):  # noqa: UP042 - its str() is not its value
    TRAIN = "train"


class Documented:
    """Somebody else's media value, answering what it was told to."""

    def __init__(self, document: Any) -> None:
        self.document = document

    def __media__(self, sink: Any) -> Any:
        if isinstance(self.document, Exception):
            raise self.document
        return self.document


@pytest.fixture
def run(tmp_path: Path) -> mt.Run:
    return mt.Run(tmp_path / "run")


def rows(run: mt.Run) -> list[dict[str, Any]]:
    """The rows of a run as dicts without nulls and times; live and finished must say the same."""
    return [
        {name: value for name, value in row.items() if value is not None and name not in ("_timestamp", "_runtime")}
        for row in mt.open_run(run.path).history().to_pylist()
    ]


def read_twice(run: mt.Run) -> list[dict[str, Any]]:
    live = rows(run)
    run.finish()
    assert repr(rows(run)) == repr(live)
    return live


# Steps -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        ([({"a": 1}, {}), ({"a": 2}, {})], {0: {"a": 1}, 1: {"a": 2}}),
        ([({"a": 1}, {"commit": True}), ({"a": 2}, {"commit": None})], {0: {"a": 1}, 1: {"a": 2}}),
        ([({"a": 1}, {"commit": False}), ({"b": 2}, {}), ({"a": 3}, {})], {0: {"a": 1, "b": 2}, 1: {"a": 3}}),
        ([({"a": 1}, {"step": 7}), ({"b": 2}, {"step": 7})], {7: {"a": 1, "b": 2}}),
        ([({"x": 1}, {"step": 12}), ({"y": 2}, {}), ({"z": 3}, {})], {12: {"x": 1, "y": 2}, 13: {"z": 3}}),
        ([({"a": 1}, {"step": 5, "commit": True}), ({"b": 2}, {})], {5: {"a": 1}, 6: {"b": 2}}),
        ([({"a": 1}, {"step": 5, "commit": False}), ({"b": 2}, {"step": 5})], {5: {"a": 1, "b": 2}}),
        ([({"a": 1}, {"commit": False}), ({"b": 2}, {"step": 3})], {0: {"a": 1}, 3: {"b": 2}}),
        ([({}, {}), ({"a": 1}, {})], {0: {}, 1: {"a": 1}}),
        ([({}, {"commit": False}), ({"a": 1}, {})], {0: {"a": 1}}),
        ([({"a": 1}, {"step": np.int64(3)}), ({"a": 2}, {"step": np.uint8(4)})], {3: {"a": 1}, 4: {"a": 2}}),
        ([({"a": 1}, {"step": np.array(3)})], {3: {"a": 1}}),
        ([({"a": 1}, {"step": 2**63 - 1})], {2**63 - 1: {"a": 1}}),
    ],
)
def test_step_and_commit_decide_the_row(run: mt.Run, calls: list[Any], expected: dict[int, dict[str, Any]]) -> None:
    for data, how in calls:
        run.log(data, **how)
    assert read_twice(run) == [{"_step": step, **row} for step, row in expected.items()]


NUMPY_2 = pytest.mark.skipif(np.__version__.startswith("1."), reason="NumPy 1 warns, and takes its bools for integers")


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (4, "log.step: expected a step of at least 6, got 4. Log steps in order, or leave out step=."),
        (5, "log.step: expected a step of at least 6, got 5. Log steps in order, or leave out step=."),
        (-1, "log.step: expected a step of at least 6, got -1. Log steps in order, or leave out step=."),
        (True, "log.step: expected an integer, got True. Use int(step)."),
        pytest.param(np.True_, "log.step: expected an integer, got np.True_. Use int(step).", marks=NUMPY_2),
        (6.0, "log.step: expected an integer, got 6.0. Use int(step)."),
        ("6", "log.step: expected an integer, got '6'. Use int(step)."),
        (np.float64(6), f"log.step: expected an integer, got {np.float64(6)!r}. Use int(step)."),
        (np.array(6.5), "log.step: expected an integer, got array(6.5). Use int(step)."),
        (
            np.array([6, 7]),
            "log.step: expected an integer, got ndarray of shape (2,) and dtype int64. Use int(step).",
        ),
        (2**63, "log.step: expected a step of 64 bits, got 9223372036854775808. Count from 0."),
    ],
)
def test_a_bad_step_is_refused_and_the_step_stays(run: mt.Run, step: Any, message: str) -> None:
    run.log({"a": 1}, step=5, commit=True)
    for data in ({"a": 2}, {"new": 2}):
        with pytest.raises(mt.InputError) as caught:
            run.log(data, step=step)
        assert str(caught.value) == message
    run.log({"a": 3})
    assert rows(run) == [{"_step": 5, "a": 1}, {"_step": 6, "a": 3}]


def test_after_the_last_step_of_64_bits_there_is_no_next_row(run: mt.Run) -> None:
    run.log({"a": 1}, step=2**63 - 1, commit=True)
    with pytest.raises(mt.InputError, match="64 bits"):
        run.log({"a": 2})
    assert rows(run) == [{"_step": 2**63 - 1, "a": 1}]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (1, 2, {"a": 2}),
        (1, 2.5, {"a": 2.5}),
        (1, "x", {"a#string": "x"}),
        ("x", 1, {"a": 1}),
        (2**60, 1, {"a": 1}),
        (1, 2**60, {"a#integer": 2**60}),
        (True, 0.5, {"a": 0.5}),
        ([1], [2, 3], {"a": [2, 3]}),
        ([1], ["x"], {"a#string_list": ["x"]}),
        (1, None, {"a": 1}),
        ("x", None, {"a": "x"}),
        (None, 1, {"a": 1}),
        (1, math.nan, {"a": math.nan}),
        ({"x": 1, "y": 1}, {"y": 2, "z": 2}, {"a.x": 1, "a.y": 2, "a.z": 2}),
    ],
)
def test_of_two_values_for_a_key_in_a_row_the_last_wins_and_none_replaces_nothing(
    run: mt.Run, first: Any, second: Any, expected: Any
) -> None:
    run.log({"a": first}, commit=False)
    run.log({"a": second})
    assert repr(read_twice(run)) == repr([{"_step": 0, **expected}])


def test_a_media_value_and_a_number_for_one_key_in_a_row_leave_the_last(run: mt.Run) -> None:
    run.log({"a": mt.Histogram([1, 2])}, commit=False)
    run.log({"a": 1}, commit=True)
    run.log({"a": 1}, commit=False)
    run.log({"a": mt.Histogram([3, 4])})
    run.finish()
    assert list(mt.open_run(run.path).values("a")) == [(0, 1), (1, mt.Histogram([3, 4]))]


# Values ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (1, "number", 1),
        (-(2**53), "number", -(2**53)),
        (2**53, "number", 2**53),
        (2**53 + 1, "integer", 2**53 + 1),
        (2**63 - 1, "integer", 2**63 - 1),
        (-(2**63), "integer", -(2**63)),
        (1.0, "number", 1.0),
        (-0.0, "number", -0.0),
        (math.nan, "number", math.nan),
        (math.inf, "number", math.inf),
        (-math.inf, "number", -math.inf),
        (5e-324, "number", 5e-324),
        (True, "boolean", True),
        (False, "boolean", False),
        ("", "string", ""),
        ("zażółć 😀\0\n", "string", "zażółć 😀\0\n"),
        (Loss.TRAIN, "string", "train"),
        (np.str_("text"), "string", "text"),
        (np.bool_(True), "boolean", True),
        (np.array(3), "number", 3),
        (np.array(2.5, np.float32), "number", 2.5),
        (np.array("text"), "string", "text"),
        (np.array([1, 2]), "number_list", [1, 2]),
        (np.array([1.0, math.nan]), "number_list", [1.0, math.nan]),
        (np.arange(256), "number_list", list(range(256))),
        (np.array(["a", "b"]), "string_list", ["a", "b"]),
        (np.array([True, False]), "json", [True, False]),
        ([], "json", []),
        ((1, 2), "number_list", [1, 2]),
        ([1, 2.5], "number_list", [1.0, 2.5]),
        ([1, None], "number_list", [1, None]),
        ([None], "number_list", [None]),
        ([2**53 + 1], "json", [2**53 + 1]),
        ([math.nan, -math.inf, None], "number_list", [math.nan, -math.inf, None]),
        (["a", None], "string_list", ["a", None]),
        (["a", 1], "json", ["a", 1]),
        ([[1], [2, []]], "json", [[1], [2, []]]),
        ([True], "json", [True]),
        ([{"a": math.nan, "b": 1}], "json", [{"a": math.nan, "b": 1}]),
        ([np.float32(0.5), np.int8(1)], "number_list", [0.5, 1.0]),
        ({}, "json", {}),
        (datetime(2020, 1, 2, 3, 4, 5), "string", "2020-01-02T03:04:05"),
        *[(value, "number", float(value)) for value in SCALARS],
        *[(value, "number", int(value)) for value in INTEGERS],
    ],
)
def test_a_value_comes_back_as_it_was_logged(run: mt.Run, value: Any, kind: str, expected: Any) -> None:
    for _ in range(3):  # the general way, then the packed one
        run.log({"k": value})
    for _ in ("live", "finished"):
        view = mt.open_run(run.path)
        assert view.keys() == {"k": (kind,)}
        assert repr(list(view.values("k"))) == repr([(step, expected) for step in range(3)])
        assert repr(view.summary["k"]) == repr(expected) or view.summary["k"] == expected
        run.finish()


def test_null_and_nan_stay_different(run: mt.Run) -> None:
    run.log({"a": None, "b": 1})
    run.log({"a": math.nan})
    run.log({"b": 2})
    assert repr(read_twice(run)) == repr([{"_step": 0, "b": 1}, {"_step": 1, "a": math.nan}, {"_step": 2, "b": 2}])
    column = mt.open_run(run.path).history(["a"]).column("a")
    assert column.null_count == 2


def test_a_key_that_was_only_none_has_an_empty_column(run: mt.Run) -> None:
    run.log({"a": None})
    run.finish()
    table = mt.open_run(run.path).history(["a"])
    assert table.column("a").to_pylist() == [None]


def test_nested_dicts_join_their_keys(run: mt.Run) -> None:
    run.log({"a": {"b": {"c": 1, "d": {}}}, "e.f": 2})
    assert read_twice(run) == [{"_step": 0, "a.b.c": 1, "a.b.d": "{}", "e.f": 2}]


@pytest.mark.parametrize(
    "calls",
    [
        [{"a": {"b": 1}, "a.b": 2}],
        [{"a": {"b": 1}}, {"a.b": 2}],
        [{"a.b": 1}, {"a": {"b": 2}}],
        [{"a": {"b.c": 1, "b": {"c": 2}}}],
        [{"a": {"b.c": 1}}, {"a": {"b": {"c": 2}}}],
    ],
)
def test_two_ways_to_one_joined_key_are_refused(run: mt.Run, calls: list[dict[str, Any]]) -> None:
    for data in calls[:-1]:
        run.log(data)
    with pytest.raises(mt.InputError, match="expected one way to write this key"):
        run.log(calls[-1])
    assert len(rows(run)) == len(calls) - 1


def test_any_text_is_a_key_and_twins_in_case_get_a_column_each(run: mt.Run) -> None:
    keys = ["../../x", "CON", "a:b", "😀", "x" * 300, "#", "a\nb", "Loss", "loss", "LOSS", "_Step", "a/b", " "]
    run.log({key: i for i, key in enumerate(keys)})
    run.finish()
    view = mt.open_run(run.path)
    assert list(view.keys()) == keys
    assert [list(view.values(key)) for key in keys] == [[(0, i)] for i in range(len(keys))]
    names = view.history().column_names
    assert len({name.lower() for name in names}) == len(names)
    assert sorted(path.name for path in run.path.iterdir()) == [
        "README.txt",
        "history.parquet",
        "media.parquet",
        "run.json",
        "summary.json",
    ]


@pytest.mark.parametrize("order", [["loss#string", "loss", "loss"], ["loss", "loss", "loss#string"]])
def test_a_key_named_like_a_generated_column_stays_apart(run: mt.Run, order: list[str]) -> None:
    values: dict[str, list[Any]] = {"loss#string": [5], "loss": [1, "x"]}
    expected = {key: list(found) for key, found in values.items()}
    for key in order:
        run.log({key: values[key].pop(0)})
    run.finish()
    view = mt.open_run(run.path)
    assert {key: [value for _, value in view.values(key)] for key in view.keys()} == expected  # noqa: SIM118


def test_an_enum_of_texts_names_the_key_by_its_value(run: mt.Run) -> None:
    run.log({Loss.TRAIN: 1})
    run.log({"train": 2})
    assert [row.get("train") for row in rows(run)] == [1, 2]


def test_a_time_stamp_can_be_given(run: mt.Run) -> None:
    run.log({"a": 1, "_timestamp": 1000.5})
    run.log({"a": 1, "_timestamp": 2000})
    assert mt.open_run(run.path).history(["_timestamp"]).column("_timestamp").to_pylist() == [1000.5, 2000.0]


# Refusals --------------------------------------------------------------------------------------------------------

_WANTED = "expected a number, text, bool, None, a media value or a list of these, got"
REFUSED: list[tuple[Any, str]] = [
    ({"k": 1 + 2j}, f'log["k"]: {_WANTED} (1+2j). Pass .real and .imag.'),
    (
        {"k": b"abc"},
        f"log[\"k\"]: {_WANTED} b'abc'. Decode it to text, or wrap it in a media value such as Image(data).",
    ),
    (
        {"k": {1, "a"}},
        'log["k"]: expected a set whose items can be sorted, got ' + repr({1, "a"}) + ". Pass a list.",
    ),
    (
        {"k": [1, b"x"]},
        'log["k"][1]: expected a number, text, bool, None, or a list or dict of these, '
        "got b'x'. Decode it to text, or wrap it in a media value such as Image(data).",
    ),
    (
        {"a": {"k": copy.copy}},
        f'log["a.k"]: {_WANTED} the function copy.copy. Pass its name, or what it returns when called.',
    ),
    ({"k": 2**63}, f'log["k"]: expected an integer of 64 bits, got {2**63}. Pass it as text or as a float.'),
    ({"k": np.uint64(2**63)}, f'log["k"]: expected an integer of 64 bits, got {2**63}. Pass it as text or as a float.'),
    ({"k": [-(2**70)]}, f'log["k"][0]: expected an integer of 64 bits, got {-(2**70)}. Pass it as text or as a float.'),
    ({"k": "\ud800"}, "log[\"k\"]: expected text that UTF-8 can hold, got '\\ud800'. Remove the lone surrogates."),
    ({"\ud800": 1}, "log: expected keys that UTF-8 can hold, got '\\ud800'. Remove the lone surrogates."),
    ({"": 1}, "log: expected keys that are not empty, got ''. Name the value."),
    ({(1,): 1}, "log: expected keys that are text, got (1,). Use str(key)."),
    ({"a": {None: 1}}, 'log["a"]: expected keys that are text, got None. Use str(key).'),
    ({"k": [{math.inf: 2}]}, 'log["k"][0]: expected keys that are text, got inf. Use str(key).'),
    (
        {"q": [{"_type": "image"}]},
        "log[\"q\"]: expected a media document, as its _type says, got {'_type': 'image'}: _version: expected the "
        "field '_version', got none. "
        "A member _type marks a media document: rename it if this is none.",
    ),
    ({"_step": 3}, "log[\"_step\"]: expected a key of your own, got '_step'. Use log(..., step=)."),
    ({"_runtime": 3}, "log[\"_runtime\"]: expected a key of your own, got '_runtime'. Use log(..., step=)."),
    ([("k", 1)], "log: expected a dict of keys to values, got [('k', 1)]. Name the value: {'loss': loss}."),
    (None, "log: expected a dict of keys to values, got None. Name the value: {'loss': loss}."),
    (
        {"k": [mt.Histogram([1, 2]), 1]},
        'log["k"][1]: expected only media values in a list of media, got 1. Leave it out, or log it under its own key.',
    ),
    (
        {"k": [[mt.Histogram([1, 2])]]},
        'log["k"][0][0]: expected plain data, got Histogram(64 bins from 1 to 2). Log a media value under its own key.',
    ),
]


@pytest.mark.parametrize(("data", "message"), REFUSED, ids=[message[:50] for _, message in REFUSED])
def test_a_refused_call_says_why_and_changes_nothing(run: mt.Run, data: Any, message: str) -> None:
    run.log({"k0": 1})
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    with pytest.raises(mt.InputError) as caught:
        run.log(data)
    assert str(caught.value) == message
    assert {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == before
    run.log({"k0": 2})
    assert read_twice(run) == [{"_step": 0, "k0": 1}, {"_step": 1, "k0": 2}]


def test_an_object_is_refused_with_what_to_do_with_it(run: mt.Run) -> None:
    with pytest.raises(mt.InputError) as caught:
        run.log({"k": object()})
    hint = "Convert it, or give its class a __media__(sink) method."
    assert str(caught.value) == f'log["k"]: {_WANTED} an object of builtins.object. {hint}'
    assert rows(run) == []


def test_bare_objects_of_other_packages_are_wrapped(run: mt.Run) -> None:
    picture = PILImage.new("RGB", (4, 2), "red")
    run.log({"picture": picture, "pictures": [picture, picture], "array": np.zeros((3, 2)), "long": np.arange(257)})
    run.summary["weights"] = np.ones(1000)
    view = mt.open_run(run.path)
    kinds = {"array": ("tensor",), "long": ("tensor",), "picture": ("image",), "pictures": ("media_list",)}
    assert view.keys() == kinds
    assert list(view.values("picture")) == [(0, mt.Image(picture))]
    assert list(view.values("pictures")) == [(0, [mt.Image(picture)] * 2)]
    assert list(view.values("long")) == [(0, mt.Tensor(np.arange(257)))]
    assert view.summary["weights"]["mean"] == 1


def _cycle() -> dict[str, Any]:
    data: dict[str, Any] = {}
    data["a"] = data
    return data


def _deep_list() -> dict[str, Any]:
    value: list[Any] = []
    for _ in range(5000):
        value = [value]
    return {"a": value}


@pytest.mark.parametrize("data", [_cycle(), _deep_list()], ids=["cycle", "5000 levels"])
def test_data_without_a_bottom_is_refused(run: mt.Run, data: dict[str, Any]) -> None:
    with pytest.raises(mt.InputError, match="nested"):
        run.log(data)
    with pytest.raises(mt.InputError, match="nested"):
        run.config.update(data)
    assert rows(run) == []


def test_all_problems_of_a_call_are_told_at_once(run: mt.Run) -> None:
    with pytest.raises(mt.InputError) as caught:
        run.log({"good": 1, "bad": object(), "worse": [b""], "huge": 2**64})
    assert [problem.path for problem in caught.value.problems] == ['log["bad"]', 'log["worse"][0]', 'log["huge"]']
    assert rows(run) == []


def test_the_mapping_of_the_caller_stays_as_it_was(run: mt.Run) -> None:
    histogram = mt.Histogram([1, 2])
    data: dict[str, Any] = {"a": {"b": [1, {"c": 2}]}, "h": histogram, "hs": [histogram], "_timestamp": 5.0}
    before = copy.deepcopy({key: value for key, value in data.items() if key[0] != "h"})
    run.log(data)
    assert {key: value for key, value in data.items() if key[0] != "h"} == before
    assert data["h"] is histogram
    assert data["hs"][0] is histogram


def test_a_bad_key_beside_an_image_leaves_no_sidecar(run: mt.Run) -> None:
    image = mt.Image(np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(mt.InputError):
        run.log({"img": image, "bad": object()})
    assert not (run.path / "media").exists()


@pytest.mark.parametrize(
    "document",
    [
        {"_type": "string"},
        {"_type": "number"},
        {"_type": "json"},
        {"_type": "null"},
        {"_type": "media"},
        {"_type": "float"},
        {"_type": "acme_list"},
        {"_type": "acme", "x": object()},
        {"_type": "acme", "x": np.int64(1)},
        {"_type": "acme", "x": "\ud800"},
        {"_type": "acme", 1: 2, "b": 3},
        {"_type": "acme", "x": _cycle()},
        {"_type": ""},
        {},
        5,
    ],
    ids=lambda value: re.sub(" at 0x[0-9a-f]+", "", repr(value)),
)
def test_a_foreign_value_whose_document_is_none_is_refused(run: mt.Run, document: Any) -> None:
    with pytest.raises(mt.InputError, match=r'^log\["k"\]'):
        run.log({"k": Documented(document)})
    assert read_twice(run) == []


@pytest.mark.parametrize("size", [10**30, 1.5, "12", True, None])
def test_a_foreign_document_with_an_odd_size_can_be_read(run: mt.Run, size: Any) -> None:
    run.log({"k": Documented({"_type": "acme", "size": size, "caption": "c"})})
    found = read_twice(run)[0]["k"]
    assert (found["size"], found["caption"]) == (None, "c")


def test_an_error_of_a_foreign_value_names_the_key(run: mt.Run) -> None:
    with pytest.raises(RuntimeError, match="boom") as caught:
        run.log({"a": 1, "k": Documented(RuntimeError("boom"))})
    assert any('"k"' in note for note in getattr(caught.value, "__notes__", []))
    assert rows(run) == []


# on_error="record" -----------------------------------------------------------------------------------------------


def test_recording_keeps_the_good_keys_and_the_problem(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run", on_error="record")
    run.log({"good": 1, "bad": object(), "foreign": Documented(RuntimeError("boom"))})
    run.log({"bad": object()})
    run.log({"good": 2})
    run.log({"good": 3}, step=0)
    paths = ['log["bad"]', 'log["foreign"]', 'log["bad"]', "log.step"]
    assert [problem.path for problem in run.problems] == paths
    assert read_twice(run) == [{"_step": 0, "good": 1}, {"_step": 1, "good": 2}]
    assert [problem.path for problem in mt.open_run(run.path).problems] == paths


def test_recording_keeps_training_alive_where_a_call_is_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "MAX_FRAME", 4096)
    run = mt.Run(tmp_path / "run", on_error="record", capture=False)
    run.log({"loss": 1})
    for change in (run.log, run.summary.update, run.config.update):
        change({"text": "x" * 5000})
    run.log({"loss": 2})
    assert [problem.message[:43] for problem in run.problems] == 3 * ["expected at most 4096 bytes at once, got 50"]
    assert (dict(run.config), "text" in run.summary) == ({}, False)
    assert read_twice(run) == [{"_step": 0, "loss": 1}, {"_step": 1, "loss": 2}]
    run = mt.Run(tmp_path / "raising", capture=False)
    for change in (run.log, run.summary.update, run.config.update):
        with pytest.raises(mt.InputError, match="at most 4096 bytes"):
            change({"text": "x" * 5000})


@pytest.mark.parametrize("keys", [1, 60])
def test_more_than_fifty_images_in_a_call_are_kept_with_a_warning(run: mt.Run, keys: int) -> None:
    images = [mt.Image(np.full((2, 2), i, np.uint8)) for i in range(60)]
    run.log({"img": images} if keys == 1 else {f"img{i}": image for i, image in enumerate(images)})
    run.finish()
    (problem,) = mt.open_run(run.path).problems
    assert "expected at most 50" in problem.message
    assert "got 60" in problem.message


def test_fifty_images_in_a_call_are_no_problem(run: mt.Run) -> None:
    run.log({"img": [mt.Image(np.full((2, 2), i, np.uint8)) for i in range(50)]})
    assert run.problems == []


# Making a run ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        {"name": 5},
        {"project": b"x"},
        {"notes": ["x"]},
        {"tags": "baseline"},
        {"tags": 5},
        {"tags": [1]},
        {"name": "\ud800"},
        {"tags": ["\ud800"]},
        {"config": [1]},
        {"config": {"a": object()}},
        {"config": {None: 2}},
        {"on_error": "ignore"},
    ],
    ids=lambda value: re.sub(" at 0x[0-9a-f]+", "", repr(value)),
)
def test_a_badly_described_run_is_refused_and_the_directory_stays_free(
    tmp_path: Path, arguments: dict[str, Any]
) -> None:
    with pytest.raises(mt.InputError):
        mt.Run(tmp_path / "run", **arguments)
    mt.Run(tmp_path / "run").finish()


def test_a_second_run_on_the_directory_is_refused_by_who_writes_it(run: mt.Run) -> None:
    with pytest.raises(mt.RunExists) as caught:
        mt.Run(run.path)
    assert "a run that this process is writing" in str(caught.value)
    run.finish()
    with pytest.raises(mt.RunExists, match="the finished run 'run'"):
        mt.Run(run.path)


def test_two_threads_that_make_one_run_get_one_run(tmp_path: Path) -> None:
    made: list[Any] = []

    def make() -> None:
        try:
            made.append(mt.Run(tmp_path / "run"))
        except (mt.RunExists, mt.RunLocked) as error:
            made.append(error)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(one, mt.Run) for one in made) == 1


def test_a_run_is_not_made_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(mt.StoreError, match="got a file"):
        mt.Run(tmp_path / "file")
    with pytest.raises(mt.StoreError, match="make the run's directory"):
        mt.Run(tmp_path / "file" / "run")


def test_the_journal_grows_by_what_changes(tmp_path: Path) -> None:
    """Not by the whole config, summary or definitions each time: 3 000 changes made 50 MB."""
    run = mt.Run(tmp_path / "run", config={"first": "x" * 1000})
    for i in range(1000):
        run.config[f"c{i}"] = {"value": i}
        run.summary[f"s{i}"] = i
        run.define_metric(f"m{i}/*", summary="max")
    for i in range(500):
        del run.config[f"c{i}"], run.summary[f"s{i}"]
    size = sum(path.stat().st_size for path in (run.path / "journal").glob("*.log"))
    assert size < 300_000
    config = {"first": "x" * 1000} | {f"c{i}": {"value": i} for i in range(500, 1000)}
    for _ in range(2):
        view = mt.open_run(run.path)
        assert view.config == config == dict(run.config)
        assert {key for key in view.summary if key[0] == "s"} == {f"s{i}" for i in range(500, 1000)}
        assert len(view.metrics) == 1000
        run.finish()


def test_what_was_changed_stays_over_sessions_that_are_killed(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run", config={"a": 1, "b": None, "c": 3})
    run.config["a"] = 2
    del run.config["c"]
    abandon(run)
    run = mt.Run(run.path, mode="resume", config={"a": 5})
    assert dict(run.config) == {"a": 5, "b": None}
    run.config.update(c=[None], d={})
    abandon(run)
    expected = {"a": 5, "b": None, "c": [None], "d": {}}
    assert mt.open_run(run.path).config == expected
    run = mt.Run(run.path, mode="resume")
    del run.config["b"]
    with pytest.raises(KeyError):
        del run.config["b"]
    del expected["b"]
    assert mt.open_run(run.path).config == dict(run.config) == expected
    run.finish()
    assert mt.open_run(run.path).config == expected


def test_config_is_a_copy_that_can_be_updated(tmp_path: Path) -> None:
    config = {"lr": 0.1, "net": {"depth": np.int64(3)}}
    run = mt.Run(tmp_path / "run", config=config)
    run.config["lr"] = 0.2
    run.config.update(seed=1)
    del run.config["net"]
    assert config == {"lr": 0.1, "net": {"depth": 3}}
    assert mt.open_run(run.path).config == dict(run.config) == {"lr": 0.2, "seed": 1}
    with pytest.raises(mt.InputError):
        run.config["bad"] = object()
    run.finish()
    assert mt.open_run(run.path).config == {"lr": 0.2, "seed": 1}


def test_clearing_the_summary_takes_back_what_was_set(run: mt.Run) -> None:
    run.log({"acc": 0.5})
    run.summary.update({"acc": 0.9, "best": 1})
    run.summary.clear()
    assert run.summary["acc"] == 0.5
    assert "best" not in run.summary
    run.finish()
    summary = mt.open_run(run.path).summary
    assert (summary["acc"], "best" in summary) == (0.5, False)


def test_the_summary_has_last_values_and_explicit_ones_win(run: mt.Run) -> None:
    run.log({"acc": 0.5, "mixed": [1, "a"], "empty": {}, "h": mt.Histogram([1, 2])})
    run.log({"acc": 0.7})
    run.summary["best"] = {"acc": 0.9, "at": [1, "x"]}
    run.summary["acc"] = math.nan
    run.summary["gone"] = 1
    del run.summary["gone"]
    document = mt.encode(mt.Histogram([1, 2]), mt.MemoryStore())
    expected = {
        "acc": math.nan,
        "mixed": [1, "a"],
        "empty": {},
        "h": document,
        "best.acc": 0.9,
        "best.at": [1, "x"],
    }
    assert dumps(dict(run.summary)) == dumps(expected)
    for _ in ("live", "finished"):
        summary = mt.open_run(run.path).summary
        assert dumps({key: summary[key] for key in expected}) == dumps(expected)
        assert summary["_step"] == 1
        assert "gone" not in summary
        run.finish()


def test_a_bad_summary_value_changes_nothing(run: mt.Run) -> None:
    with pytest.raises(mt.InputError, match=r'summary\["b"\]'):
        run.summary.update({"a": 1, "b": object()})
    assert dict(run.summary) == {}
    assert "a" not in mt.open_run(run.path).summary


# Finishing -------------------------------------------------------------------------------------------------------


def test_nothing_is_taken_after_finish(run: mt.Run) -> None:
    run.log({"a": 1})
    run.summary["b"] = 1
    run.finish()
    run.finish()
    calls: list[Any] = [
        lambda: run.log({"a": 2}),
        lambda: run.summary.update(b=2),
        lambda: run.summary.__delitem__("b"),
        lambda: run.config.update(c=1),
    ]
    for call in calls:
        with pytest.raises(mt.RunClosed, match="expected a run that is open"):
            call()
    assert rows(run) == [{"_step": 0, "a": 1}]


def test_leaving_with_finishes_and_an_exception_makes_it_failed(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "good") as run:
        run.log({"a": 1})
    with pytest.raises(ZeroDivisionError), mt.Run(tmp_path / "bad") as run:
        run.log({"a": 1})
        run.log({"a": 1 / 0})
    assert mt.open_run(tmp_path / "good").status == "finished"
    failed = mt.open_run(tmp_path / "bad")
    assert (failed.status, failed.history().num_rows) == ("failed", 1)


def test_a_run_says_what_made_it(run: mt.Run) -> None:
    environment = json.loads((run.path / "run.json").read_text())["environment"]
    assert environment["mediatypes"] == mt.__version__
    assert environment["python"] == ".".join(map(str, sys.version_info[:3]))
