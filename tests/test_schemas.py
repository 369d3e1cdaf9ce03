"""The published schemas and tables are those of the declarations, and a released one never changes."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import mediatypes as mt
from mediatypes import schemas
from mediatypes._core import registry
from mediatypes._core.declaration import DIALECT, Document, Field, List, Map, Record, Text

FOLDER = Path(__file__).parents[1] / "schemas"
FILES = sorted(FOLDER.glob("*-*.json"))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return shutil.copytree(FOLDER, tmp_path / "schemas")


def release(folder: Path, name: str) -> None:
    digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / schemas.INDEX).write_text(json.dumps({"released": {name: digest}}))


def change_declaration(monkeypatch: pytest.MonkeyPatch, version: str = "1.0") -> None:
    cls, declared = registry.lookup("histogram")
    changed = Document("histogram", version, declared.doc + " And more.", declared.fields[2:], declared.rules)
    monkeypatch.setitem(registry._registered, "histogram", (cls, changed))


def test_the_folder_is_as_declared() -> None:
    assert schemas.differences(FOLDER) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_each_is_a_valid_schema_that_names_itself(path: Path) -> None:
    schema = json.loads(path.read_bytes())
    assert schema["$schema"] == DIALECT
    assert schema["$id"] == f"urn:mediatypes:{path.stem}"
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_each_field_is_described(path: Path) -> None:
    def undescribed(schema: Any, where: str) -> list[str]:
        found = []
        for name, inner in schema.get("properties", {}).items():
            found += [] if inner.get("description", "").endswith(".") else [f"{where}.{name}"]
            found += undescribed(inner, f"{where}.{name}")
        for keyword in {"items", "additionalProperties"} & schema.keys():
            found += undescribed(schema[keyword], f"{where}[]")
        return found

    assert undescribed(json.loads(path.read_bytes()), path.stem) == []


def test_released_schemas_are_frozen() -> None:
    released = json.loads((FOLDER / schemas.INDEX).read_bytes())["released"]
    for name, digest in released.items():
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == digest


def test_writing_makes_what_checking_wants(tmp_path: Path) -> None:
    assert schemas.main(["--write", str(tmp_path / "new")]) == 0
    assert schemas.differences(tmp_path / "new") == []
    assert {path.name for path in FILES} <= {path.name for path in (tmp_path / "new").iterdir()}


def test_writing_twice_changes_nothing(copy: Path) -> None:
    before = {path.name: path.read_bytes() for path in copy.iterdir() if path.is_file()}
    schemas.write(copy)
    assert {path.name: path.read_bytes() for path in copy.iterdir() if path.is_file()} == before


def test_checking_an_empty_place_lists_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert schemas.main(["--check", str(tmp_path / "none")]) == 1
    lines = capsys.readouterr().out.splitlines()
    fix = f"Run python -m mediatypes.schemas --write {tmp_path / 'none'}"
    assert lines == [f"{path.name}: expected the file, got none. {fix}" for path in FILES]


def test_checking_says_when_all_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert schemas.main(["--check", str(FOLDER)]) == 0
    assert capsys.readouterr().out == f"{FOLDER}: {len(FILES)} schemas are as declared.\n"


def test_a_changed_file_is_found_and_written_again(copy: Path) -> None:
    (copy / "histogram-1.0.json").write_text("{}")
    fix = f"Run python -m mediatypes.schemas --write {copy}"
    assert schemas.differences(copy) == [
        f"histogram-1.0.json: expected the schema of the declaration, got another. {fix}"
    ]
    schemas.write(copy)
    assert schemas.differences(copy) == []


def test_a_leftover_file_is_found(copy: Path) -> None:
    (copy / "hologram-1.0.json").write_text("{}")
    assert schemas.differences(copy) == ["hologram-1.0.json: expected a declared type, got none. Remove it."]


def test_a_changed_table_is_found_and_written_again(copy: Path) -> None:
    text = copy / schemas.TEXT
    text.write_text(text.read_text("utf-8").replace("Upper edge", "x").replace("Width in pixels.", "Wide."), "utf-8")
    fix = f"Run python -m mediatypes.schemas --write {copy}"
    assert schemas.differences(copy) == [f"types.md: expected the tables of the declarations, got others. {fix}"]
    schemas.write(copy)
    assert text.read_bytes() == (FOLDER / schemas.TEXT).read_bytes()


def test_a_released_file_that_was_changed_is_found(copy: Path) -> None:
    release(copy, "image-1.0.json")
    (copy / "image-1.0.json").write_text("{}")
    assert schemas.differences(copy) == [
        "image-1.0.json: expected the bytes that were released, got others. Restore the file."
    ]


def test_a_released_declaration_cannot_be_changed(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release(copy, "histogram-1.0.json")
    before = (copy / "histogram-1.0.json").read_bytes()
    change_declaration(monkeypatch)
    with pytest.raises(SystemExit) as error:
        schemas.write(copy)
    assert str(error.value) == ("histogram-1.0.json: expected no change, it is released. Declare a new version.")
    assert (copy / "histogram-1.0.json").read_bytes() == before
    message = "histogram-1.0.json: expected the schema of the declaration, got another. Declare a new version."
    assert message in schemas.differences(copy)


def test_a_released_schema_stays_beside_its_next_minor(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release(copy, "histogram-1.0.json")
    change_declaration(monkeypatch, "1.1")
    schemas.write(copy)
    assert schemas.differences(copy) == []
    assert (copy / "histogram-1.0.json").read_bytes() == (FOLDER / "histogram-1.0.json").read_bytes()
    assert json.loads((copy / "histogram-1.1.json").read_bytes())["$id"] == "urn:mediatypes:histogram-1.1"
    assert list(json.loads((copy / schemas.INDEX).read_bytes())["released"]) == ["histogram-1.0.json"]


@pytest.mark.parametrize("tag", registry.builtin_types())
def test_the_tables_have_every_field(tag: str) -> None:
    section = schemas.reference_tables().partition(f"### `{tag}` ")[2].partition("\n### ")[0]
    for field in registry.lookup(tag)[1].fields:
        required = "yes" if field.required else ""
        assert f"| `{field.name}` | " in section
        assert f" | {required} | " in next(row for row in section.splitlines() if row.startswith(f"| `{field.name}` |"))


def test_tables_show_nested_parts_and_mark_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    point = Record("A point.", (Field("unit", Text(pattern="a|b"), "Unit."),))
    fields = (
        Field("caption", Text(), "Shown.", False, column=True),
        Field("points", List(Map(point)), "Points by name.", False),
    )
    declared = Document("acme", "1.0", "A thing.", fields)
    monkeypatch.setattr(schemas, "builtin_types", lambda: ("acme",))
    monkeypatch.setattr(schemas, "lookup", lambda type: (object, declared))
    lines = schemas.reference_tables().splitlines()
    assert lines[:3] == ["### `acme` 1.0", "", "A thing."]
    assert "| `caption` | text |  | `utf8` | Shown. |" in lines
    assert "`acme` member `points[i][name]`: A point." in lines
    assert "| `unit` | text matching `a\\|b` | yes |  | Unit. |" in lines


OF_FILES = {f"{name}-{version}.json" for name, version in schemas.FILES}


@pytest.mark.parametrize("path", [path for path in FILES if path.name not in OF_FILES], ids=lambda path: path.name)
def test_a_schema_is_what_the_verb_answers(path: Path) -> None:
    assert mt.schema(path.stem.rpartition("-")[0]) == json.loads(path.read_bytes())
