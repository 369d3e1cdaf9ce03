"""Canonical JSON: one text for equal data, always valid, and the same data again when parsed."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediatypes._core import canonical

SCALARS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8)
DATA = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(DATA)
def test_data_comes_back_with_its_types(data: Any) -> None:
    text = canonical.dumps(data)
    again = canonical.loads(text)
    assert canonical.dumps(again) == text
    assert repr(sort(again)) == repr(sort(data))  # NaN, -0.0 and 1.0 stay what they are


def sort(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: sort(value[key]) for key in sorted(value)}
    return [sort(item) for item in value] if isinstance(value, list) else value


@given(DATA)
def test_it_is_valid_json_for_any_parser(data: Any) -> None:
    for text in (canonical.dump_bytes(data), canonical.dump_pretty(data)):
        json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


@given(st.dictionaries(st.text(max_size=5), SCALARS))
def test_the_order_of_members_changes_nothing(data: dict[str, Any]) -> None:
    assert canonical.dumps(dict(reversed(data.items()))) == canonical.dumps(data)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"a": [1.0, True, None], "b": 1}, '{"a":[1.0,true,null],"b":1}'),
        ("ü\U0001f600\n\x7f", '"ü\U0001f600\\n\x7f"'),
        (math.nan, '{"_type":"float","value":"nan"}'),
        ([math.inf, {"x": -math.inf}], '[{"_type":"float","value":"inf"},{"x":{"_type":"float","value":"-inf"}}]'),
        (0.1 + 0.2, "0.30000000000000004"),
        (10**30, "1" + "0" * 30),
        (-0.0, "-0.0"),
    ],
)
def test_the_text_is_as_the_format_says(data: Any, text: str) -> None:
    assert canonical.dumps(data) == text
    assert repr(canonical.loads(text)) == repr(data)


@pytest.mark.parametrize(
    "text",
    [
        '{"_type":"float","value":"nan","x":1}',
        '{"_type":"float","value":"NaN"}',
        '{"_type":"float","value":1}',
        '{"_type":"float"}',
        '{"_type":"float","value":["nan"]}',
        '{"_type":["float"],"value":"nan"}',
        '{"_type":"floats","value":"nan"}',
    ],
)
def test_only_the_exact_tag_is_a_float(text: str) -> None:
    assert canonical.loads(text) == json.loads(text)


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", '{"a":-Infinity}'])
def test_bare_non_finite_numbers_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^-?(NaN|Infinity) is not JSON$"):
        canonical.loads(text)


@pytest.mark.parametrize("text", ["", "{", "[1,]", "'a'", '{"a":1}x', b"\xff\xfe", b'"\xff"'])
def test_what_is_not_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(ValueError):
        canonical.loads(text)


def test_a_name_that_stands_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        canonical.loads('{"a":{"b":1,"b":2}}')


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 200_000, "[" * 200_000 + "]" * 200_000])
def test_reading_deep_nesting_is_a_clear_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"^JSON nested too deeply$"):
        canonical.loads(text)


def deep() -> list[Any]:
    data: list[Any] = []
    for _ in range(100_000):
        data = [data]
    return data


def circular() -> list[Any]:
    data: list[Any] = []
    data.append(data)
    return data


@pytest.mark.parametrize("make", [deep, circular])
@pytest.mark.parametrize("dump", [canonical.dumps, canonical.dump_bytes, canonical.dump_pretty])
def test_writing_deep_nesting_is_a_clear_error(make: Any, dump: Any) -> None:
    with pytest.raises(ValueError, match=r"nested too deeply"):
        dump(make())


def test_a_lone_surrogate_cannot_be_written() -> None:
    assert not canonical.is_utf8_encodable("a\ud800")
    assert canonical.is_utf8_encodable("ü\U0001f600")
    with pytest.raises(UnicodeEncodeError):
        canonical.dump_bytes({"a": "\ud800"})


def test_pretty_json_is_for_reading_and_keeps_the_order() -> None:
    assert canonical.dump_pretty({"b": [1], "a": math.nan}).decode() == (
        '{\n "b": [\n  1\n ],\n "a": {\n  "_type": "float",\n  "value": "nan"\n }\n}\n'
    )


def test_tagging_copies_and_leaves_the_data_alone() -> None:
    data = {"a": [math.nan, (1, 2)]}
    assert canonical.tag_floats(data) == {"a": [{"_type": "float", "value": "nan"}, [1, 2]]}
    assert math.isnan(data["a"][0])  # type: ignore[arg-type]
