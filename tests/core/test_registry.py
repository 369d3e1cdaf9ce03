"""A type of somebody else, from its declaration to the values read back from a finished run."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import mediatypes as mt
from mediatypes._core import registry
from mediatypes._core.sidecar import Blob, fetch
from mediatypes.declare import Document, Field, Integer, List, Number, Text, reference

SPECTRUM = Document(
    "acme_spectrum",
    "1.2",
    "A measured spectrum; the sidecar holds the raw counts.",
    (
        *reference("the counts"),
        Field("channels", Integer(1), "Number of channels.", column=True),
        Field("range", List(Number(), 2, 2), "Energies in keV.", column=True),
        Field("caption", Text(), "Text shown with it.", required=False),
    ),
)


class Spectrum:
    """Third-party code: the protocol and nothing else."""

    def __init__(self, counts: bytes, low: float, high: float, caption: str | None = None) -> None:
        self.counts, self.low, self.high, self.caption = counts, low, high, caption

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Spectrum) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def __media__(self, sink: mt.Sink) -> dict[str, Any]:
        document: dict[str, Any] = {"_type": "acme_spectrum", "_version": "1.2"}
        document |= Blob(self.counts).place(sink, ".counts", "application/octet-stream")
        document |= {"channels": len(self.counts), "range": [self.low, self.high]}
        return document if self.caption is None else document | {"caption": self.caption}

    @classmethod
    def __from_media__(cls, document: dict[str, Any], source: mt.Source) -> Spectrum:
        low, high = document["range"]
        return cls(fetch(source, document, "spectrum"), low, high, document.get("caption"))


class Foreign:
    """A value of a type that nobody registered."""

    def __init__(self, document: Any) -> None:
        self.document = document

    def __media__(self, sink: mt.Sink) -> Any:
        return self.document


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", {})


@pytest.fixture
def registered() -> None:
    mt.register("acme_spectrum", Spectrum, SPECTRUM)


@pytest.mark.usefixtures("registered")
def test_a_registered_type_is_encoded_validated_and_decoded() -> None:
    store, value = mt.MemoryStore(), Spectrum(b"abc", 1.5, 30, "cs-137")
    document = mt.encode(value, store)
    mt.validate(document)
    assert mt.decode(document, store) == value
    assert mt.schema("acme_spectrum") == SPECTRUM.json_schema()


@pytest.mark.usefixtures("registered")
def test_a_registered_type_is_logged_and_read_back(tmp_path: Path) -> None:
    values = [Spectrum(bytes([i] * (i + 1)), 0, i) for i in range(3)]
    with mt.Run(tmp_path / "run") as run:
        for value in values:
            run.log({"s": value, "all": values})
        assert list(mt.open_run(run.path).values("s")) == list(enumerate(values))
    view = mt.open_run(run.path)
    assert view.keys() == {"s": ("acme_spectrum",), "all": ("media_list",)}
    assert list(view.values("s")) == list(enumerate(values))
    assert list(view.values("all")) == [(i, values) for i in range(3)]
    media = pq.read_table(run.path / "media.parquet").to_pylist()
    assert [row["type"] for row in media] == ["acme_spectrum"] * 12
    (row,) = [row for row in media if row["key"] == "s" and row["step"] == 2]
    assert (row["channels"], row["range"], row["caption"]) == (3, [0, 2], None)


@pytest.mark.usefixtures("registered")
def test_a_document_that_does_not_fit_is_the_key_s_problem(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run:
        with pytest.raises(mt.InputError) as error:
            run.log({"loss": 1, "s": Spectrum(b"", math.nan, 1)})
        run.log({"loss": 2})
    assert str(error.value) == (
        '2 problems:\n- log["s"]: Spectrum.channels: expected an integer >= 1, got 0.\n'
        '- log["s"]: Spectrum.range[0]: expected a finite number, got nan.'
    )
    assert list(mt.open_run(run.path).values("loss")) == [(0, 2)]


@pytest.mark.usefixtures("registered")
def test_a_tampered_document_is_refused() -> None:
    store = mt.MemoryStore()
    document = mt.encode(Spectrum(b"abc", 0, 1), store)
    with pytest.raises(mt.DocumentError) as error:
        mt.decode({**document, "channels": "3", "range": [1]}, store)
    assert [problem.path for problem in error.value.problems] == ["channels", "range"]


@pytest.mark.usefixtures("registered")
def test_registering_the_same_class_again_changes_nothing() -> None:
    mt.register("acme_spectrum", Spectrum, SPECTRUM)
    assert registry.lookup("acme_spectrum") == (Spectrum, SPECTRUM)


@pytest.mark.usefixtures("registered")
def test_another_class_cannot_take_the_tag() -> None:
    class Other(Spectrum):
        pass

    with pytest.raises(mt.InputError) as error:
        mt.register("acme_spectrum", Other, SPECTRUM)
    assert str(error.value) == ("register.type: expected a tag that is free, got 'acme_spectrum'. Choose another tag.")


@pytest.mark.parametrize("tag", registry.builtin_types())
@pytest.mark.parametrize("loaded", [True, False])
def test_tags_of_built_in_types_are_taken(tag: str, loaded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", {tag: registry.lookup(tag)} if loaded else {})
    with pytest.raises(mt.InputError) as error:
        mt.register(tag, Spectrum, Document(tag, "1.0", "", ()))
    assert str(error.value) == f"register.type: expected a tag that is free, got {tag!r}. Choose another tag."


RESERVED = ["float", "media", "null", "number", "integer", "boolean", "string", "json", "number_list", "image_list"]


@pytest.mark.parametrize("tag", RESERVED)
def test_tags_that_name_other_kinds_of_cells_are_refused(tag: str, tmp_path: Path) -> None:
    with pytest.raises(mt.InputError):
        mt.register(tag, Spectrum, Document(tag, "1.0", "", ()))
    with mt.Run(tmp_path / "run") as run:
        with pytest.raises(mt.InputError):
            run.log({"x": Foreign({"_type": tag})})
        run.log({"loss": 1})
    assert mt.open_run(run.path).keys() == {"loss": ("number",)}


@pytest.mark.parametrize("tag", ["", "Acme", "1a", "a-b", "a b", "a" * 64, "ä", "a\n", 3, None], ids=repr)
def test_a_malformed_tag_is_refused(tag: Any) -> None:
    with pytest.raises(mt.InputError) as error:
        mt.register(tag, Spectrum, SPECTRUM)
    text = str(error.value)
    assert text.startswith("register.type: expected lower-case letters, digits and _, got ")
    assert text.endswith(". Rename the type.")


@pytest.mark.parametrize("schema", [None, SPECTRUM.json_schema(), Document("other", "1.0", "", ())])
def test_a_schema_of_another_type_is_refused(schema: Any) -> None:
    with pytest.raises(mt.InputError, match=r"^register\.schema: expected a Document for 'acme_spectrum', got "):
        mt.register("acme_spectrum", Spectrum, schema)


@pytest.mark.parametrize("method", ["__media__", "__from_media__"])
def test_a_class_without_the_protocol_is_refused(method: str) -> None:
    methods = {name: getattr(Spectrum, name) for name in ("__media__", "__from_media__") if name != method}
    with pytest.raises(mt.InputError) as error:
        mt.register("acme_spectrum", type("Half", (), methods), SPECTRUM)
    assert str(error.value).startswith(f"register.cls: expected a class with {method}, got ")
    assert str(error.value).endswith(f". Define {method}.")


@pytest.mark.usefixtures("registered")
def test_known_types_are_ours_and_the_registered_ones() -> None:
    assert set(registry.known_types()) == {*registry.builtin_types(), "acme_spectrum"}
    assert list(registry.builtin_types()) == sorted(registry.builtin_types())


def test_the_class_of_every_built_in_tag_declares_it() -> None:
    for tag in registry.builtin_types():
        cls, declaration = registry.lookup(tag)
        assert (declaration.type, cls._declaration) == (tag, declaration)


def test_an_unknown_type_is_named() -> None:
    with pytest.raises(mt.UnknownTypeError) as error:
        mt.decode({"_type": "hologram"}, mt.MemoryStore())
    assert error.value.tag == "hologram"
    assert set(error.value.known) >= {"histogram", "image"}


def test_an_unregistered_document_is_logged_and_given_back(tmp_path: Path) -> None:
    document = {"_type": "hologram", "depth": [1, math.nan], "path": "x.holo", "caption": "c", "size": 5}
    with mt.Run(tmp_path / "run") as run:
        run.log({"h": Foreign(document)})
    view = mt.open_run(run.path)
    assert view.keys() == {"h": ("hologram",)}
    cell = view.history(["h"])["h"][0].as_py()
    expected = {**document, "depth": [1, {"_type": "float", "value": "nan"}]}
    assert json.loads(cell.pop("_doc")) == expected
    common = {"path": "x.holo", "sha256": None, "size": 5, "media_type": None, "caption": "c"}
    assert cell == {"_type": "hologram", **common}
    with pytest.raises(mt.UnknownTypeError):
        list(view.values("h"))


def odd_members() -> Iterator[dict[str, Any]]:
    for name in ("size", "width", "duration"):
        for value in (2**70, 10**400, -1.5, math.nan, math.inf, True, "5", None, [1]):
            yield {name: value}
    yield {"path": 3, "sha256": [], "media_type": {}, "caption": 1.5}


@pytest.mark.parametrize("members", list(odd_members()), ids=lambda members: repr(members)[:30])
def test_odd_members_of_a_foreign_document_cannot_break_a_run(members: dict[str, Any], tmp_path: Path) -> None:
    document = {"_type": "hologram", **members}
    with mt.Run(tmp_path / "run") as run:
        run.log({"h": Foreign(document), "loss": 1})
    (cell,) = mt.open_run(run.path).history(["h"])["h"].to_pylist()
    (row,) = pq.read_table(run.path / "media.parquet").to_pylist()
    for name, value in members.items():  # what a column can hold exactly stands there, everything in _doc
        for place in (cell, row):
            if place.get(name) is not None:
                assert repr(place[name]) in (repr(value), repr(float(value)))
    assert cell["_doc"] == row["_doc"]
    assert json.loads(cell["_doc"])["_type"] == "hologram"


@pytest.mark.parametrize(
    "document",
    [{"x": object()}, {"x": {1, 2}}, {"x": "\ud800"}, {"x": b"bytes"}, {3: 4}, {"x": [Path("a")]}],
    ids=["object", "set", "surrogate", "bytes", "integer name", "path"],
)
def test_a_foreign_document_that_is_no_json_is_the_key_s_problem(document: dict[Any, Any], tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run:
        with pytest.raises(mt.InputError, match=r'^log\["h"\]: '):
            run.log({"h": Foreign({"_type": "hologram", **document}), "loss": 1})
        run.log({"loss": 2})
    assert list(mt.open_run(run.path).values("loss")) == [(0, 2)]
