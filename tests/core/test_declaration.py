"""A declaration's checker says what its JSON Schema says, with paths; rules and columns follow from it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import mediatypes as mt
from mediatypes._core.declaration import Shape
from mediatypes._core.errors import Problem, problem
from mediatypes._core.registry import builtin_types, lookup
from mediatypes.declare import (
    Boolean,
    Document,
    Field,
    Integer,
    Json,
    List,
    Map,
    Number,
    Record,
    Rule,
    Text,
    reference,
)
from mediatypes.runfolder.media_index import FIXED, all_columns

# Values for any shape: what JSON can hold, near the bounds that the shapes below have. No text ends in a newline:
# Python's `$`, by which the jsonschema package matches patterns, allows one there, ECMA-262's does not.

TEXTS = st.text("ab1-ü", max_size=4)
NUMBERS = st.integers(-5, 5) | st.floats(-5, 5) | st.sampled_from([2**53 + 1, 10**30, 1e300, 0.5, -0.0])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc1"), inner, max_size=3),
    max_leaves=8,
)
HUGE = st.sampled_from([10**400, -(10**400)])  # integers beyond every double
BOUNDS = st.none() | st.integers(-3, 3) | st.sampled_from([0.5, -1.5])
PATTERNS = st.sampled_from(["", "[ab]+", "a|b", "-?[0-9]+", "(a|1)*"])


def texts() -> st.SearchStrategy[Shape]:
    choices = st.lists(TEXTS, max_size=2, unique=True).map(tuple)
    return st.builds(Text, pattern=PATTERNS, choices=choices, min_length=st.integers(0, 2))


LEAVES = st.one_of(
    st.builds(Json),
    st.builds(Boolean),
    texts(),
    st.builds(Number, BOUNDS, BOUNDS),
    st.builds(Integer, BOUNDS, BOUNDS),
)


def member(name: str, shapes: st.SearchStrategy[Any]) -> st.SearchStrategy[Field]:
    return st.builds(Field, st.just(name), shapes, st.just("doc"), st.booleans(), st.just(False), st.none())


def records(shapes: st.SearchStrategy[Shape]) -> st.SearchStrategy[Shape]:
    names = st.lists(st.sampled_from("abc"), max_size=3, unique=True)
    fields = names.flatmap(lambda found: st.tuples(*(member(n, shapes) for n in found)))
    return st.builds(Record, st.just("A record."), fields)


def containers(shapes: st.SearchStrategy[Shape]) -> st.SearchStrategy[Shape]:
    lists = st.builds(List, shapes, st.integers(0, 2), st.none() | st.integers(0, 3))
    return lists | st.builds(Map, shapes, PATTERNS) | records(shapes)


SHAPES = st.recursive(LEAVES, containers, max_leaves=5)


def valid(shape: Shape) -> st.SearchStrategy[Any]:
    """Values that mostly fit a shape, so that agreement is not only on refusals."""
    if isinstance(shape, List):
        return st.lists(valid(shape.item), min_size=shape.minimum, max_size=4)
    if isinstance(shape, Map):
        return st.dictionaries(st.sampled_from(["a", "b", "1"]), valid(shape.item), max_size=3)
    if isinstance(shape, Record):
        return st.fixed_dictionaries({f.name: valid(f.shape) for f in shape.fields}, optional={"x": VALUES})
    if isinstance(shape, Boolean):
        return st.booleans()
    if isinstance(shape, Number):
        return NUMBERS
    if isinstance(shape, Text):
        return st.sampled_from(shape.choices) if shape.choices else TEXTS
    return VALUES


@given(SHAPES.flatmap(lambda shape: st.tuples(st.just(shape), valid(shape) | VALUES)))
@settings(max_examples=400, deadline=None)
def test_checker_and_json_schema_agree(case: tuple[Shape, Any]) -> None:
    shape, value = case
    schema = shape.json_schema()
    Draft202012Validator.check_schema(schema)
    assert (not list(shape.check(value, "value"))) == Draft202012Validator(schema).is_valid(value), schema


@given(SHAPES.flatmap(lambda shape: st.tuples(st.just(shape), VALUES)))
@settings(max_examples=100, deadline=None)
def test_every_problem_follows_the_grammar(case: tuple[Shape, Any]) -> None:
    shape, value = case
    for found in shape.check(value, "value"):
        assert found.path.startswith("value")
        assert re.match(r"expected .+, got .+", found.message, re.DOTALL)


HOSTILE = {
    "nan": float("nan"),
    "inf": float("inf"),
    "-inf": -float("inf"),
    "beyond doubles": 10**400,
    "object": object(),
    "bytes": b"x",
    "integer name": {1: 2},
    "tuple": (1, 2),
    "complex": 1j,
    "surrogate": "\ud800",
}


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize(
    "shape",
    [Boolean(), Text(), Number(), Integer(), List(Number()), Record("x", (Field("a", Text(), "x"),))],
    ids=lambda shape: type(shape).__name__,
)
def test_what_a_document_cannot_hold_is_a_problem(shape: Shape, value: Any) -> None:
    assert list(shape.check(value, "value"))
    assert list(List(shape).check([value], "value"))


@pytest.mark.parametrize(
    ("shape", "value", "texts"),
    [
        (Boolean(), 1, ["x: expected true or false, got 1."]),
        (Text(), 5, ["x: expected text, got 5."]),
        (Text(min_length=1), "", ["x: expected text that is not empty, got ''."]),
        (Text(choices=("a", "b")), "c", ["x: expected one of a, b, got 'c'."]),
        (Text(pattern="[0-9]+"), "1a", ["x: expected text matching [0-9]+, got '1a'."]),
        (Text(), "\ud800", ["x: expected text that UTF-8 can hold, got '\\ud800'. Remove the lone surrogates."]),
        (Number(), True, ["x: expected a finite number, got True."]),
        (Number(0, 1), 1.5, ["x: expected a finite number >= 0 and <= 1, got 1.5."]),
        (Integer(1), 0, ["x: expected an integer >= 1, got 0."]),
        (Integer(), 1.5, ["x: expected an integer, got 1.5."]),
        (List(Number()), None, ["x: expected a list of a finite number, got None."]),
        (List(Number()), [1, "a", 2, None], ["x[1]: expected a finite number, got 'a'.",
                                             "x[3]: expected a finite number, got None."]),
        (List(List(Integer())), [[1], [2, 0.5]], ["x[1][1]: expected an integer, got 0.5."]),
        (Map(Integer()), {"a": 1, "b c": "x"}, ["x['b c']: expected an integer, got 'x'."]),
        (Map(Integer(), names="[0-9]+"), {"a": 1}, ["x['a']: expected a name matching [0-9]+, got 'a'."]),
        (Map(Integer()), {3: 1}, ["x[3]: expected a name matching text, got 3."]),
        (Record("", (Field("a", Text(), ""),)), {}, ["x: expected the field 'a', got none."]),
        (Record("", (Field("a", Record("", (Field("b", Text(), ""),)), ""),)), {"a": {"b": 1}},
         ["x.a.b: expected text, got 1."]),
    ],
)  # fmt: skip
def test_problems_say_where_and_what(shape: Shape, value: Any, texts: list[str]) -> None:
    assert [str(found) for found in shape.check(value, "x")] == texts


def test_a_list_of_the_wrong_length_says_how_long_it_is() -> None:
    (found,) = List(Number(), 1, 2).check([1, 2, 3], "x")
    assert found.code == "length"
    assert found.message.endswith("got 3 of them")


@pytest.mark.parametrize("item", [Number(0, 9), Integer(0, 9)])
@given(values=st.lists(st.integers(-2, 12) | st.floats() | st.booleans() | st.none() | HUGE, max_size=6))
@settings(max_examples=100, deadline=None)
def test_lists_of_numbers_are_checked_as_each_number_is(item: Number, values: list[Any]) -> None:
    bad = [f"x[{i}]" for i, value in enumerate(values) if list(item.check(value, ""))]
    assert [found.path for found in List(item).check(values, "x")] == bad


def test_huge_finite_numbers_whose_sum_overflows_are_numbers() -> None:
    assert not list(List(Number()).check([1.7e308, 1.7e308], "x"))


def ordered(document: dict[str, Any], where: str) -> Iterator[Problem]:
    if document["low"] > document["high"]:
        yield problem(f"{where}.low" if where else "low", "low <= high", document["low"], "Swap them.")


RANGE = Document(
    "range",
    "2.1",
    "Two ends.",
    (
        Field("low", Number(), "Lower end.", column=True),
        Field("high", Number(), "Upper end.", column=True),
        Field("note", Text(), "A note.", required=False),
        Field("weights", List(Number()), "Weights.", required=False, column=True),
        Field("extra", Map(Json()), "Anything.", required=False, column=True),
        Field("closed", Boolean(), "Whether ends belong to it.", required=False, column=True),
        Field("steps", Integer(), "Number of steps.", required=False, column=True),
    ),
    (Rule("low is at most high", ordered),),
)
GOOD = {"_type": "range", "_version": "2.1", "low": 1, "high": 2}


def test_rules_run_only_when_every_field_is_sound() -> None:
    assert not list(RANGE.check(GOOD))
    assert [str(p) for p in RANGE.check({**GOOD, "low": 3})] == ["low: expected low <= high, got 3. Swap them."]
    both = RANGE.check({**GOOD, "low": "x", "note": 1})
    assert [p.path for p in both] == ["low", "note"]
    assert not list(RANGE.check({**GOOD, "low": 3}, rules=False))


def test_a_document_checks_its_tag_and_major_version() -> None:
    problems = RANGE.check({**GOOD, "_type": "image", "_version": "3.0"})
    assert [str(p) for p in problems] == [
        "_type: expected one of range, got 'image'.",
        "_version: expected text matching 2\\.[0-9]+, got '3.0'.",
    ]
    assert not list(RANGE.check({**GOOD, "_version": "2.99"}))


def test_unknown_members_are_allowed_and_told_apart() -> None:
    document = {**GOOD, "later": [1], "note": "x"}
    assert not list(RANGE.check(document))
    assert RANGE.unknown(document) == {"later": [1]}


def test_the_schema_of_a_document_names_its_dialect_version_and_rules() -> None:
    schema = RANGE.json_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == "urn:mediatypes:range-2.1"
    assert schema["title"] == "range"
    assert schema["description"] == "Two ends.\nRule: low is at most high"
    assert schema["required"] == ["_type", "_version", "low", "high"]
    assert schema["properties"]["low"] == {"type": "number", "description": "Lower end."}
    Draft202012Validator.check_schema(schema)


def test_columns_are_the_fields_that_ask_for_one() -> None:
    assert RANGE.columns() == {
        "low": "double",
        "high": "double",
        "weights": "list<double>",
        "extra": "json",
        "closed": "bool",
        "steps": "int64",
    }


def test_a_column_of_the_media_has_one_type_whatever_declares_it() -> None:
    declared = [(tag, *column) for tag in builtin_types() for column in lookup(tag)[1].columns().items()]
    names = {name: column for _, name, column in declared}
    assert [(tag, name, column) for tag, name, column in declared if names[name] != column] == []
    assert not names.keys() & FIXED.keys()
    assert all_columns() == FIXED | names


def test_a_reference_is_four_required_fields() -> None:
    record = Record("x", reference("the file"))
    good = {"path": "a/b.png", "sha256": "0" * 64, "size": 3, "media_type": "image/png"}
    assert not list(record.check(good))
    for name in good:
        rest = {key: value for key, value in good.items() if key != name}
        assert [p.code for p in record.check(rest, "x")] == ["missing"]
    bad = {"path": "", "sha256": "0" * 63 + "G", "size": -1, "media_type": ""}
    assert [p.path for p in record.check(bad, "x")] == ["x.path", "x.sha256", "x.size", "x.media_type"]


def test_the_vocabulary_for_third_parties_is_complete() -> None:
    from mediatypes import declare

    renamed = {"read_sidecar": "fetch"}
    assert [getattr(declare, name).__name__ for name in declare.__all__] == [renamed.get(n, n) for n in declare.__all__]


def test_a_shape_without_a_checker_says_so() -> None:
    class Half(Shape):
        pass

    with pytest.raises(TypeError, match=r"^Half does not implement check\(\)$"):
        Half().check(1, "")
    with pytest.raises(TypeError, match=r"^Half does not implement json_schema\(\)$"):
        Half().json_schema()


def test_schemas_of_the_types_are_what_schema_answers() -> None:
    assert mt.schema("histogram")["title"] == "histogram"
    with pytest.raises(mt.UnknownTypeError):
        mt.schema("hologram")


_PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=3)
_ANYTHING = st.recursive(
    _PLAIN | st.just(object()) | st.just((1,)),
    lambda items: st.lists(items, max_size=3) | st.dictionaries(_PLAIN, items, max_size=3),
    max_leaves=8,
)


@given(_ANYTHING)
def test_what_is_accepted_at_once_has_no_problems(value: Any) -> None:
    """The short way may leave a value to the long one, but never takes one that the long one refuses."""
    for shape in (Json(), Map(Json()), Map(Json(), names="[a-z]+"), Map(Integer())):
        if shape.accepts(value):
            assert list(shape.check(value, "x")) == []


@pytest.mark.parametrize(("depth", "fits"), [(64, True), (65, False)])
def test_json_is_nested_so_deep_and_no_deeper(depth: int, fits: bool) -> None:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value} if depth % 2 else [value]
    assert Json().accepts(value) == fits == (not list(Json().check(value, "x")))
