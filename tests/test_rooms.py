"""A type costs a room, a registry line, a schema, a test file and golden documents: none of them may be missing."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

import mediatypes as mt
from mediatypes import schemas
from mediatypes._core import registry
from mediatypes.testing import ValueContract

ROOT = Path(__file__).parents[1]
TYPES = registry.builtin_types()
ROOM_OF = {tag: place.partition(":")[0].removeprefix("mediatypes.") for tag, place in registry._BUILTIN.items()}


def test_every_room_is_registered() -> None:
    rooms = {f"types.{path.parent.name}.value" for path in (ROOT / "mediatypes" / "types").glob("*/value.py")}
    assert rooms == {room for room in ROOM_OF.values() if room.startswith("types.")}


def test_registry_lines_are_in_order() -> None:
    assert list(registry._BUILTIN) == sorted(registry._BUILTIN)


@pytest.mark.parametrize("tag", TYPES)
def test_a_type_is_public_and_declares_its_tag(tag: str) -> None:
    cls, declaration = registry.lookup(tag)
    assert getattr(mt, cls.__name__) is cls
    assert declaration.type == tag


def test_every_type_has_its_schema_and_no_schema_is_left_over() -> None:
    stems = {path.stem.rpartition("-")[0] for path in (ROOT / "schemas").glob("*-*.json")}
    assert stems == {*TYPES, *(name for name, _ in schemas.FILES)}


@pytest.mark.parametrize("room", sorted(set(ROOM_OF.values())))
def test_a_room_has_a_test_file_that_holds_it_to_the_contract(room: str) -> None:
    folder = ROOT / "tests" / room.removesuffix(".value").replace(".", "/")
    name = f"test_{folder.name}"
    path = folder / f"{name}.py"
    assert path.is_file()
    spec = importlib.util.spec_from_file_location(f"{name}_of_rooms", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert [c for c in vars(module).values() if isinstance(c, type) and issubclass(c, ValueContract)]


def test_every_type_has_golden_documents_and_no_folder_is_left_over() -> None:
    golden = ROOT / "tests" / "golden"
    assert {path.name for path in golden.iterdir() if path.is_dir() and not path.name.startswith("__")} == set(TYPES)


@pytest.mark.parametrize("tag", TYPES)
def test_golden_documents_exist_for_the_version_of_the_declaration(tag: str) -> None:
    cases = ROOT / "tests" / "golden" / tag / registry.lookup(tag)[1].version
    assert cases.is_dir()
    assert any(path.is_dir() for path in cases.iterdir())
