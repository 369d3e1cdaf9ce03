"""What every media value promises, as tests that a type's test class inherits."""

# ruff: noqa: S101 - asserts are what this module is made of

from __future__ import annotations

import contextlib
import copy
import hashlib
import json
import pickle
import re
from collections.abc import Iterator, Mapping
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import pytest

import mediatypes as mt

from .._core.declaration import Document
from .._core.deps import need
from .._core.references import references as find_references
from .._core.registry import lookup
from ._mutations import mutations, records, references, scramble, with_member
from ._process import encodings, in_new_process

_HOSTILE = (float("nan"), float("inf"), 10**400, "\ud800", b"bytes", object())
_OUTSIDE = ("../secret.png", "/secret.png", "a/../../secret.png", "C:\\secret.png")


class ValueContract:
    """Tests that every media type passes; subclass it, name the class `Test...`, and give it data.

        class TestHologram(ValueContract):
            def examples(self):
                return {"small": Hologram(...), "with caption": Hologram(..., caption="x")}

    The type must be registered (`mediatypes.register`) and importable in a new process. Needs the extra `testing`.
    """

    stable_bytes: ClassVar[bool] = True
    """Whether the same value gives the same bytes in another process."""
    frozen: ClassVar[bool] = True
    """False for a value that grows: it may be changed and need not be hashable."""
    packages: ClassVar[frozenset[str]] = frozenset({"mediatypes", "numpy", "PIL"})
    """Packages that encoding and decoding may import, beside the one the type is in."""

    def examples(self) -> Mapping[str, Any]:
        """Values by name, no two of them equal, that together use every member of the document."""
        raise TypeError(f"{type(self).__name__} does not implement examples()")

    def bad_documents(self) -> Mapping[str, tuple[dict[str, Any], str]]:
        """By name, changes to the first example's document, and the whole message they are refused with."""
        return {}

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run each test for every example, or for every bad document."""
        if "value" in metafunc.fixturenames:
            examples = _examples(type(self))
            metafunc.parametrize("value", list(examples.values()), ids=list(examples))
        if "bad" in metafunc.fixturenames:
            bad = self.bad_documents()
            metafunc.parametrize("bad", list(bad.values()), ids=list(bad))

    def test_decoding_gives_the_value_back(self, value: Any) -> None:
        document, store = _encode(value)
        decoded = mt.decode(document, store)
        assert type(decoded) is type(value)
        assert decoded == value

    def test_encoding_the_decoded_value_gives_the_same_document_and_sidecars(self, value: Any) -> None:
        document, store = _encode(value)
        again, again_store = _encode(mt.decode(document, store))
        assert again == document
        assert again_store.files == store.files

    def test_a_document_is_plain_json(self, value: Any) -> None:
        document, _ = _encode(value)
        assert json.loads(json.dumps(document, allow_nan=False)) == document

    def test_references_describe_their_sidecars(self, value: Any) -> None:
        document, store = _encode(value)
        read = {}
        for _, reference in find_references(document, source=store):
            with store.open(reference["path"]) as file:
                data = file.read()
            assert (len(data), hashlib.sha256(data).hexdigest()) == (reference["size"], reference["sha256"])
            read[reference["path"]] = data
        assert read == store.files

    def test_bytes_are_the_same_in_another_process(self) -> None:
        if not self.stable_bytes:
            pytest.skip("this type does not promise it")
        assert _elsewhere(type(self))["encodings"] == encodings(_examples(type(self)))

    def test_no_optional_package_is_imported(self) -> None:
        homes = {type(value).__module__.partition(".")[0] for value in _examples(type(self)).values()}
        assert set(_elsewhere(type(self))["packages"]) <= self.packages | homes

    def test_examples_differ(self) -> None:
        values = list(_examples(type(self)).values())
        assert all(a != b for i, a in enumerate(values) for b in values[:i])
        assert all(value != object() for value in values)

    def test_copies_and_pickles_are_equal(self, value: Any) -> None:
        for made in (pickle.loads(pickle.dumps(value)), copy.copy(value), copy.deepcopy(value)):
            assert type(made) is type(value)
            assert made == value
            assert _encode(made)[0] == _encode(value)[0]

    def test_equal_values_are_the_same_dict_key(self, value: Any) -> None:
        if not self.frozen:
            pytest.skip("this type grows")
        document, store = _encode(value)
        assert {value: "found"}[mt.decode(document, store)] == "found"

    def test_assignment_is_refused(self, value: Any) -> None:
        if not self.frozen:
            pytest.skip("this type grows")
        made = pickle.loads(pickle.dumps(value))
        for name in (*(name for name in dir(made) if not name.startswith("__")), "new_attribute"):
            with pytest.raises(AttributeError):
                setattr(made, name, None)
            with pytest.raises(AttributeError):
                delattr(made, name)
        assert made == value

    def test_arrays_are_read_only(self, value: Any) -> None:
        if not self.frozen:
            pytest.skip("this type grows")
        document, store = _encode(value)
        for made in (value, mt.decode(document, store), pickle.loads(pickle.dumps(value)), copy.deepcopy(value)):
            writable = [where for where, array in _arrays(made, type(value).__name__) if array.flags.writeable]
            assert not writable

    def test_the_document_shares_nothing_with_the_value(self, value: Any) -> None:
        document, store = _encode(value)
        document["of_a_later_version"] = {"kept": [1, None]}
        kept = copy.deepcopy(document)
        decoded = mt.decode(document, store)
        assert document == kept
        scramble(document)
        scramble(mt.encode(value, mt.MemoryStore()))
        scramble(mt.encode(decoded, mt.MemoryStore()))
        assert _encode(decoded)[0] == kept
        assert {**_encode(value)[0], "of_a_later_version": kept["of_a_later_version"]} == kept

    def test_the_schema_accepts_the_document(self, value: Any) -> None:
        document, _ = _encode(value)
        mt.validate(document)
        assert [str(error) for error in _validator(document["_type"]).iter_errors(document)] == []

    def test_the_checker_agrees_with_the_schema(self, value: Any) -> None:
        document, _ = _encode(value)
        declaration, validator = _declaration(document), _validator(document["_type"])
        disagree = [
            name
            for name, changed in mutations(document)
            if validator.is_valid(changed) == bool(list(declaration.check(changed, rules=False)))
        ]
        assert not disagree

    def test_a_document_that_passes_the_check_is_read_or_refused(self, value: Any) -> None:
        document, store = _encode(value)
        declaration = _declaration(document)
        for _, changed in mutations(document):
            if not list(declaration.check(changed)):
                with contextlib.suppress(mt.DocumentError, mt.StoreError):  # whatever else it raises is a crash
                    _read(changed, store)

    def test_the_checker_survives_values_that_json_cannot_hold(self, value: Any) -> None:
        document, _ = _encode(value)
        declaration = _declaration(document)
        for name in document:
            for hostile in _HOSTILE:
                list(declaration.check({**document, name: hostile}))

    def test_a_bad_document_is_refused(self, bad: tuple[dict[str, Any], str]) -> None:
        changes, message = bad
        document, store = _encode(next(iter(_examples(type(self)).values())))
        with pytest.raises(mt.DocumentError) as caught:
            mt.decode({**document, **changes}, store)
        assert str(caught.value) == message

    def test_members_of_a_later_minor_version_are_kept(self, value: Any) -> None:
        document, store = _encode(value)
        for place in records(_declaration(document), document):
            later = with_member(document, (*place, "of_a_later_version"), {"kept": [1, None]})
            decoded = mt.decode(later, store)
            assert _encode(decoded)[0] == later
            assert decoded != value

    def test_a_later_minor_version_is_read_and_written_back(self, value: Any) -> None:
        document, store = _encode(value)
        later = {**document, "_version": f"{_declaration(document).major}.7", "of_a_later_version": 1}
        assert _encode(mt.decode(later, store))[0] == later

    def test_a_later_major_version_is_refused(self, value: Any) -> None:
        document, store = _encode(value)
        later = {**document, "_version": f"{int(_declaration(document).major) + 1}.0"}
        with pytest.raises(mt.UnsupportedVersionError):
            mt.decode(later, store)

    def test_a_changed_sidecar_is_refused(self, value: Any) -> None:
        document, store = _encode_with_sidecars(value)
        for path, data in store.files.items():
            changes = [data + b"\0", *([data[:-1], bytes([data[0] ^ 1]) + data[1:]] if data else [])]
            for changed in changes:
                tampered = mt.MemoryStore()
                tampered.files = {**store.files, path: changed}
                with pytest.raises(mt.HashMismatch):
                    _read(document, tampered)

    def test_a_missing_sidecar_is_refused(self, value: Any) -> None:
        document, store = _encode_with_sidecars(value)
        for path in store.files:
            gone = mt.MemoryStore()
            gone.files = {other: data for other, data in store.files.items() if other != path}
            with pytest.raises(mt.SidecarMissing):
                _read(document, gone)

    def test_a_path_out_of_the_store_is_refused(self, value: Any, tmp_path: Path) -> None:
        store = mt.DirectoryStore(tmp_path / "store")
        document = mt.encode(value, store)
        places = list(references(document)) or pytest.skip("the type has no sidecar")
        (tmp_path / "secret.png").write_bytes(b"secret")
        for place in places:
            for path in _OUTSIDE:
                with pytest.raises(mt.UnsafePath):
                    _read(with_member(document, (*place, "path"), path), store)

    def test_a_sink_of_another_tracker_works(self, value: Any) -> None:
        bucket = _Bucket()
        document = mt.encode(value, bucket)
        named = {reference["path"] for _, reference in find_references(document, source=bucket)}
        assert named == set(bucket.objects)
        assert mt.decode(document, bucket) == value

    def test_a_run_gives_the_values_back(self, tmp_path: Path) -> None:
        values = list(_examples(type(self)).values())
        with mt.Run(tmp_path / "run") as run:
            for value in values:
                run.log({"one": value, "several": [value, value]})
            run.summary["best"] = values[0]
            _check_run(mt.open_run(run.path), values)
        _check_run(mt.open_run(run.path), values)


class _Bucket:
    """Somebody else's store: no class of ours, and URLs instead of paths."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put(self, data: bytes | Path, *, suffix: str, media_type: str, sha256: str, size: int) -> str:
        content = data if isinstance(data, bytes) else data.read_bytes()
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (sha256, size)
        assert re.fullmatch(r"(\.[a-z0-9]+)+", suffix)
        assert re.fullmatch(r"[a-z]+/[-+.a-z0-9]+", media_type)
        url = f"s3://bucket/{sha256}{suffix}"
        self.objects[url] = content
        return url

    def open(self, path: str) -> BinaryIO:
        return BytesIO(self.objects[path])


_made: dict[type[ValueContract], Mapping[str, Any]] = {}
_found: dict[type[ValueContract], dict[str, Any]] = {}


def _examples(contract: type[ValueContract]) -> Mapping[str, Any]:
    """The examples of a test class, made once."""
    if contract not in _made:
        _made[contract] = contract().examples()
    return _made[contract]


def _elsewhere(contract: type[ValueContract]) -> dict[str, Any]:
    """What a new process makes of the examples, started once for a test class."""
    if contract not in _found:
        _found[contract] = in_new_process(_examples(contract))
    return _found[contract]


@cache
def _validator(type: str) -> Any:
    """An independent judge of documents."""
    schema = mt.schema(type)
    judge = need("jsonschema", extra="testing", needed_for="ValueContract").Draft202012Validator
    judge.check_schema(schema)
    return judge(schema)


def _declaration(document: dict[str, Any]) -> Document:
    return lookup(document["_type"])[1]


def _encode(value: Any) -> tuple[dict[str, Any], mt.MemoryStore]:
    store = mt.MemoryStore()
    return mt.encode(value, store), store


def _encode_with_sidecars(value: Any) -> tuple[dict[str, Any], mt.MemoryStore]:
    document, store = _encode(value)
    if not store.files:
        pytest.skip("the type has no sidecar")
    return document, store


def _read(document: dict[str, Any], source: mt.Source) -> None:
    """Read a document and all its sidecars, also those that a value reads when they are needed."""
    mt.encode(mt.decode(document, source), mt.MemoryStore())


def _arrays(held: Any, where: str) -> Iterator[tuple[str, Any]]:
    """Every numpy array that a value holds, in itself or in its parts."""
    if hasattr(getattr(held, "flags", None), "writeable"):
        yield where, held
    elif isinstance(held, Mapping):
        for name, item in held.items():
            yield from _arrays(item, f"{where}[{name!r}]")
    elif isinstance(held, (list, tuple)):
        for i, item in enumerate(held):
            yield from _arrays(item, f"{where}[{i}]")
    else:
        for name, item in getattr(held, "__dict__", {}).items():
            yield from _arrays(item, f"{where}.{name}")


def _check_run(view: mt.RunView, values: list[Any]) -> None:
    assert list(view.values("one")) == list(enumerate(values))
    assert list(view.values("several")) == [(step, [value, value]) for step, value in enumerate(values)]
    assert mt.decode(view.summary["best"], view.store) == values[0]
    assert view.history(["one"]).num_rows == len(values)
