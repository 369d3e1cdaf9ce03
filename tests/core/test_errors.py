"""The tree of exceptions, their grammar, and that every one survives pickling."""

from __future__ import annotations

import errno
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mediatypes as mt
from mediatypes._core import errors
from mediatypes._core.errors import Problem, describe, os_error, problem, show

TREE = {
    "ValidationError": (mt.MediaTypesError, ValueError),
    "InputError": (mt.ValidationError,),
    "DocumentError": (mt.ValidationError,),
    "UnsupportedVersionError": (mt.DocumentError,),
    "UnknownTypeError": (mt.MediaTypesError, LookupError),
    "MissingDependencyError": (mt.MediaTypesError, ImportError),
    "CodecError": (mt.MediaTypesError,),
    "StoreError": (mt.MediaTypesError, OSError),
    "SidecarMissing": (mt.StoreError,),
    "HashMismatch": (mt.StoreError,),
    "UnsafePath": (mt.StoreError,),
    "RunExists": (mt.StoreError,),
    "RunLocked": (mt.StoreError,),
    "RunClosed": (mt.MediaTypesError, RuntimeError),
}


class Broken:
    """An object whose repr fails, as some of users' do."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


@pytest.mark.parametrize("name", TREE)
def test_the_tree_is_as_designed(name: str) -> None:
    assert getattr(mt, name).__bases__ == TREE[name]


def test_every_exception_of_the_package_is_public_and_in_the_tree() -> None:
    defined = {n for n, c in vars(errors).items() if isinstance(c, type) and issubclass(c, BaseException)}
    assert defined == {"MediaTypesError", *TREE}
    assert defined <= set(vars(mt)["__all__"])


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (problem("Image.width", "an integer", "x", "Use int(x)."),
         "Image.width: expected an integer, got 'x'. Use int(x)."),
        (problem("", "a document", None), "expected a document, got None."),
        (Problem("a.b[3]", "expected minX <= maxX, got minX=5, maxX=1", "inverted", "Swap them."),
         "a.b[3]: expected minX <= maxX, got minX=5, maxX=1. Swap them."),
    ],
)  # fmt: skip
def test_a_problem_reads_where_expected_got_fix(found: Problem, text: str) -> None:
    assert str(found) == text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (np.zeros((2, 3), np.float32), "ndarray of shape (2, 3) and dtype float32"),
        (np.float64(1.5), repr(np.float64(1.5))),
        ("x" * 100, "'" + "x" * 56 + "..."),
        (Broken(), "<Broken>"),
        (None, "None"),
    ],
)
def test_values_are_shown_short(value: Any, shown: str) -> None:
    assert show(value) == shown
    assert len(show(value)) <= 60


_PARTS = st.none() | st.booleans() | st.integers() | st.text() | st.binary() | st.floats(allow_nan=False)


@given(st.recursive(_PARTS, lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text(), inner)))
def test_what_is_cut_off_is_not_written_first(value: Any) -> None:
    text = repr(value)
    assert show(value) == (text if len(text) <= 60 else text[:57] + "...")


def test_a_short_list_that_stands_for_a_million_is_shown_at_once() -> None:
    value: Any = 1
    for _ in range(200):  # written out it would have 2**200 items
        value = [value, value]
    assert show(value) == "[" * 57 + "..."


def test_one_problem_is_the_message_and_several_are_a_list() -> None:
    one, two = problem("a", "a number", "x"), problem("b", "text", 1, "Use str(...).")
    assert str(mt.InputError(one)) == "a: expected a number, got 'x'."
    both = mt.InputError([one, two])
    assert both.problems == (one, two)
    assert str(both) == "2 problems:\n- a: expected a number, got 'x'.\n- b: expected text, got 1. Use str(...)."


def test_a_long_list_of_problems_is_cut_in_the_message_only() -> None:
    error = mt.DocumentError(problem(f"x[{i}]", "a number", None) for i in range(25))
    assert len(error.problems) == 25
    lines = str(error).splitlines()
    assert lines[0] == "25 problems:"
    assert lines[-2:] == ["- x[19]: expected a number, got None.", "- and 5 more"]


ERRORS = [
    mt.ValidationError.of("a", "text", 1),
    mt.InputError([problem("a", "text", 1, "Fix it.", "code"), problem("b", "text", 2)]),
    mt.DocumentError.of("a", "text", 1),
    mt.UnsupportedVersionError.of("_version", "1", "2.0", "Upgrade."),
    mt.UnknownTypeError("hologram", ("histogram", "image")),
    mt.MissingDependencyError("isal", "isal", "Image(encoder='isal')"),
    mt.MissingDependencyError("pillow", "", "An AVIF file", lacks="AVIF"),
    mt.CodecError.of("image", "a file", b""),
    os_error(mt.SidecarMissing, "/x", "find the sidecar", FileNotFoundError(errno.ENOENT, "No such file"), "Restore."),
    mt.HashMismatch.of("mask", "3 bytes", 4),
    mt.UnsafePath.of("path", "a relative path", ".."),
    mt.RunExists.of("x", "a directory without a run", "a run"),
    mt.RunLocked.of("x", "no writer", "one"),
    mt.RunClosed.of("log", "a run that is open", "x, finished"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_exceptions_survive_pickling(error: mt.MediaTypesError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)
    assert getattr(again, "errno", None) == getattr(error, "errno", None)


def test_every_kind_of_exception_is_pickled_above() -> None:
    made = {type(error).__name__ for error in ERRORS}
    assert set(TREE) - made == {"StoreError"}  # SidecarMissing is made the same way


def test_what_the_system_refused_keeps_its_number_and_reason() -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    error = os_error(mt.StoreError, "run/history.parquet", "write the file", full, "Free some space.")
    assert error.errno == errno.ENOSPC
    assert error.strerror == (
        "run/history.parquet: expected to write the file, got 'No space left on device'. Free some space."
    )
    assert error.__cause__ is full


def test_an_unknown_type_lists_the_known_ones() -> None:
    error = mt.UnknownTypeError("hologram", ("histogram", "image"))
    assert (error.tag, error.known) == ("hologram", ("histogram", "image"))
    assert str(error) == (
        "_type: expected one of histogram, image, got 'hologram'. "
        "Register the type with mediatypes.register(type, cls, schema), or upgrade mediatypes."
    )


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (mt.InputError.of("a", "text", 1, "Fix it."), "a: expected text, got 1. Fix it."),
        (ValueError("went wrong."), "went wrong."),
        (KeyError(), "KeyError."),
        (OSError(errno.ENOENT, "No such file"), "No such file."),
    ],
)
def test_any_exception_can_be_recorded_as_problems(error: BaseException, text: str) -> None:
    assert " ".join(map(str, describe(error))) == text
