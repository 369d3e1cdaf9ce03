"""What earlier versions wrote is read, and what was written by our own encoders is still written so."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mediatypes as mt
from tests.golden import make

STORED = sorted(path.parent for path in make.ROOT.glob("*/*/*/document.json"))
CODECS = (
    "image/png",
    "image/jpeg",
    "image/webp",
    "image/gif",
    "image/apng",
    "image/tiff",
    "video/mp4",
    "video/webm",
    "audio/flac",
    "application/vnd.apache.parquet",
    "application/vnd.mediatypes.references+json",  # has the hashes of others
)
# Their bytes change with the version of the codec.
LARGEST = 16_000  # bytes of a case


def read(place: Path) -> tuple[dict[str, Any], Any]:
    document = json.loads((place / "document.json").read_bytes())
    return document, mt.decode(document, mt.DirectoryStore(place))


def name(place: Path) -> str:
    return str(place.relative_to(make.ROOT))


@pytest.fixture(params=STORED, ids=name)
def stored(request: pytest.FixtureRequest) -> Path:
    place: Path = request.param
    return place


def without_codec_bytes(item: Any) -> Any:
    """A document without what depends on the version of a codec."""
    if isinstance(item, dict):
        dropped = ("path", "sha256", "size") if item.get("media_type") in CODECS else ()
        return {key: without_codec_bytes(member) for key, member in item.items() if key not in dropped}
    return [without_codec_bytes(member) for member in item] if isinstance(item, list) else item


def expected(place: Path) -> Any:
    """The value that the case was made from."""
    return make.CASES[place.parts[-3]][place.name]()


def test_a_stored_case_follows_the_schema_and_is_written_back_as_it_was(stored: Path) -> None:
    document, value = read(stored)
    mt.validate(document)
    store = mt.MemoryStore()
    assert mt.encode(value, store) == document
    files = {path.relative_to(stored).as_posix(): path.read_bytes() for path in stored.rglob("*.*")}
    files.pop("document.json")
    assert store.files == files


def test_a_stored_case_holds_what_it_was_made_from(stored: Path) -> None:
    _, value = read(stored)
    made = expected(stored)
    if not isinstance(made, mt.Image):
        documents = [mt.encode(one, mt.MemoryStore()) for one in (value, made)]
        assert without_codec_bytes(documents[0]) == without_codec_bytes(documents[1])
        return
    difference = value.to_numpy().astype(float) - made.to_numpy().astype(float)
    assert np.abs(difference).max() <= (2 if made.format == "jpg" else 0)
    assert value.to_numpy().dtype == made.to_numpy().dtype
    assert (value.boxes, value.caption, value.grouping) == (made.boxes, made.caption, made.grouping)
    assert value.classes == made.classes
    assert list(value.masks) == list(made.masks)
    for of_name, mask in made.masks.items():
        np.testing.assert_array_equal(value.masks[of_name].to_numpy(), mask.to_numpy())
        assert value.masks[of_name].class_labels == mask.class_labels


def test_the_same_input_gives_the_same_document(stored: Path) -> None:
    document, _ = read(stored)
    again = mt.encode(expected(stored), mt.MemoryStore())
    assert without_codec_bytes(again) == without_codec_bytes(document)


def test_a_case_is_small(stored: Path) -> None:
    assert sum(path.stat().st_size for path in stored.rglob("*") if path.is_file()) < LARGEST


def test_every_case_is_stored() -> None:
    assert {make.folder(of_type, case) for of_type, cases in make.CASES.items() for case in cases} <= set(STORED)


def test_making_never_writes_a_case_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(make.ROOT / "histogram", tmp_path / "histogram")
    marked = tmp_path / "histogram" / "1.0" / "empty" / "document.json"
    marked.write_text("as it was")
    monkeypatch.setattr(make, "ROOT", tmp_path)
    monkeypatch.setattr(make, "CASES", {"histogram": make.CASES["histogram"]})
    assert make.main() == 0
    assert marked.read_text() == "as it was"
