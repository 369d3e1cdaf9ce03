"""encode, decode, validate and schema on documents of every sort."""

from __future__ import annotations

import copy
from pathlib import PurePosixPath
from typing import Any

import pytest

import mediatypes as mt
from mediatypes._core import canonical
from mediatypes._core.codec import check

GOOD = {"_type": "histogram", "_version": "1.0", "values": [1, 2], "bins": [0.0, 1.0, 2.0]}


class Answers:
    def __init__(self, document: Any) -> None:
        self.document = document

    def __media__(self, sink: mt.Sink) -> Any:
        return self.document


def test_encoding_gives_plain_data_that_validates() -> None:
    document = mt.encode(mt.Histogram(np_histogram=([1, 2], [0, 1, 2])), mt.MemoryStore())
    assert document == GOOD
    assert canonical.loads(canonical.dumps(document)) == document
    mt.validate(document)


def test_encoding_twice_gives_the_same() -> None:
    value = mt.Histogram(np_histogram=([1, 2], [0, 1, 2]), caption="ü")
    assert canonical.dumps(mt.encode(value, mt.MemoryStore())) == canonical.dumps(mt.encode(value, mt.MemoryStore()))


@pytest.mark.parametrize("value", [None, 3, object(), {"_type": "image"}, [1]], ids=lambda v: type(v).__name__)
def test_what_is_no_media_value_is_refused(value: Any) -> None:
    with pytest.raises(mt.InputError) as error:
        mt.encode(value, mt.MemoryStore())
    assert str(error.value).startswith("encode: expected a media value with __media__(sink), got ")
    assert str(error.value).endswith(". Wrap it, say in Image(...).")


@pytest.mark.parametrize(
    ("store", "got", "fix"),
    [
        ("runs/media", "'runs/media'", "DirectoryStore('runs/media')"),
        (PurePosixPath("media"), "PurePosixPath('media')", "DirectoryStore('media')"),
        (None, "None", "DirectoryStore(path)"),
    ],
    ids=["text", "path", "none"],
)
def test_what_is_no_store_is_refused(store: Any, got: str, fix: str) -> None:
    with pytest.raises(mt.InputError) as error:
        mt.encode(mt.Histogram([1]), store)
    assert str(error.value) == f"encode.sink: expected a store with put(), got {got}. Pass {fix}."
    with pytest.raises(mt.InputError) as error:
        mt.decode(GOOD, store)
    assert str(error.value) == f"decode.source: expected a store with open(), got {got}. Pass {fix}."


def test_an_object_that_claims_every_attribute_is_no_media_value() -> None:
    class Mock:
        def __getattr__(self, name: str) -> Any:
            return lambda *_: GOOD

    mock: Any = Mock()
    with pytest.raises(mt.InputError):
        mt.encode(mock, mt.MemoryStore())


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (None, "Answers: expected a document (a dict), got None."),
        ([GOOD], "Answers: expected a document (a dict), got [{'_type': 'histogram'"),
        ({}, "Answers._type: expected the name of a media type, got None."),
        ({"_type": ""}, "Answers._type: expected the name of a media type, got ''."),
        ({"_type": 3}, "Answers._type: expected the name of a media type, got 3."),
        ({**GOOD, "values": [1, -2]}, "Answers.values[1]: expected a finite number >= 0, got -2."),
        ({**GOOD, "_version": "9.0"}, "Answers._version: expected a histogram document of major version 1, got '9.0'."),
    ],
)
def test_a_value_that_answers_no_document_is_refused(document: Any, message: str) -> None:
    with pytest.raises(mt.InputError) as error:
        mt.encode(Answers(document), mt.MemoryStore())
    assert str(error.value).startswith(message)


@pytest.mark.parametrize("document", [None, 3, "image", [], {}, {"_type": None}, {"_type": 3}], ids=repr)
def test_what_is_no_document_is_refused(document: Any) -> None:
    for verb in (mt.validate, lambda d: mt.decode(d, mt.MemoryStore())):
        with pytest.raises(mt.DocumentError) as error:
            verb(document)
        assert str(error.value).startswith("_type: expected a document with a _type, got ")
        assert str(error.value).endswith(". Pass a document written by encode().")


def test_all_problems_come_at_once() -> None:
    with pytest.raises(mt.DocumentError) as error:
        mt.validate({"_type": "histogram", "values": "x", "bins": [0, "a"], "nan_count": 0})
    assert str(error.value) == (
        "4 problems:\n"
        "- _version: expected the field '_version', got none.\n"
        "- values: expected a list of at least 1 and at most 512 a finite number >= 0, got 'x'.\n"
        "- bins[1]: expected a finite number, got 'a'.\n"
        "- nan_count: expected an integer >= 1, got 0."
    )


def test_rules_between_fields_are_checked() -> None:
    with pytest.raises(mt.DocumentError) as error:
        mt.validate({**GOOD, "bins": [0, 1]})
    assert str(error.value) == "bins: expected 3 edges for 2 counts, got 2. Give one edge more than counts."


@pytest.mark.parametrize("version", ["2.0", "10.3", "99999999999999999999.0"])
def test_a_newer_major_is_refused_with_the_version_needed(version: str) -> None:
    with pytest.raises(mt.UnsupportedVersionError) as error:
        mt.validate({**GOOD, "_version": version, "values": "whatever"})
    assert str(error.value) == (
        f"_version: expected a histogram document of major version 1, got {version!r}. Upgrade mediatypes to read it."
    )


@pytest.mark.parametrize("version", ["0.9", "1", "1.", "1.x", "", 1.0, None, "²0.0", "-1.0"], ids=repr)
def test_a_version_that_is_none_of_ours_is_refused(version: Any) -> None:
    with pytest.raises(mt.DocumentError) as error:
        mt.validate({**GOOD, "_version": version})
    assert not isinstance(error.value, mt.UnsupportedVersionError)
    assert [problem.path for problem in error.value.problems] == ["_version"]


def test_a_later_minor_is_read_and_written_again_with_all_its_members() -> None:
    later = {**GOOD, "_version": "1.7", "weighted": True, "unit": {"name": "keV"}}
    value = mt.decode(copy.deepcopy(later), mt.MemoryStore())
    assert value.values.tolist() == [1, 2]
    assert mt.encode(value, mt.MemoryStore()) == later
    assert value != mt.decode(GOOD, mt.MemoryStore())


@pytest.mark.parametrize("members", [{}, {"caption": "x"}, {"later": [1]}])
def test_decoding_changes_nothing_of_the_document(members: dict[str, Any]) -> None:
    document = {**GOOD, **members}
    before = copy.deepcopy(document)
    value = mt.decode(document, mt.MemoryStore())
    assert document == before
    assert mt.encode(value, mt.MemoryStore()) == before


def test_an_unknown_type_is_no_problem_of_a_document_that_is_logged() -> None:
    assert check({"_type": "hologram", "x": 1}) == ()
    with pytest.raises(mt.UnknownTypeError):
        mt.validate({"_type": "hologram"})
