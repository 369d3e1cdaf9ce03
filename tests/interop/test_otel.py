"""Parts of messages of OpenTelemetry: checked against the members that its JSON schema requires."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

import mediatypes as mt
from mediatypes.interop.otel import message_part

REQUIRED = {"blob": "content", "file": "file_id", "uri": "uri"}  # beside type and modality
IMAGE = mt.Image(np.zeros((2, 3), np.uint8), boxes={"p": mt.BoundingBoxes2D.from_xyxy([[0, 0, 1, 1]], domain="pixel")})


def check(part: dict[str, Any]) -> None:
    members = {name: {"type": "string"} for name in ("type", "modality", "mime_type", REQUIRED[part["type"]])}
    schema = {"type": "object", "properties": members, "required": list(members), "additionalProperties": False}
    jsonschema.validate(part, schema)
    json.dumps(part, allow_nan=False)


@pytest.mark.parametrize(
    ("value", "modality", "media_type"),
    [
        (IMAGE, "image", "image/png"),
        (mt.Audio(np.zeros(800, np.float32), sample_rate=8000), "audio", "audio/wav"),
        (mt.Video(np.zeros((2, 3, 8, 8), np.uint8), format="gif"), "video", "image/gif"),
        (mt.Html("<p>a</p>"), "text", "text/html"),
        (mt.Table(columns=["a"], data=[[1]]), "document", None),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "__media__") else None,
)
def test_a_blob_holds_the_file(value: Any, modality: str, media_type: str | None) -> None:
    part = message_part(value)
    check(part)
    store = mt.MemoryStore()
    document = mt.encode(value, store)
    if media_type is not None:
        assert base64.b64decode(part["content"]) == store.open(document).read()
        assert part["mime_type"] == media_type
    assert (part["type"], part["modality"]) == ("blob", modality)
    if media_type is not None:
        assert message_part(document, source=store) == part


def test_a_value_without_a_file_is_its_document() -> None:
    part = message_part(mt.Histogram([1, 2, 2], num_bins=2))
    check(part)
    assert (part["modality"], part["mime_type"]) == ("document", "application/json")
    assert json.loads(base64.b64decode(part["content"]))["values"] == [1, 2]


def test_a_uri_refers_to_what_a_store_keeps(tmp_path: Path) -> None:
    store = mt.DirectoryStore(tmp_path)
    part = message_part(IMAGE, sink=store, base_uri="https://host/runs/demo/")
    check(part)
    path = part["uri"].removeprefix("https://host/runs/demo/")
    assert (tmp_path / path).read_bytes() == base64.b64decode(message_part(IMAGE)["content"])
    assert message_part(mt.encode(IMAGE, store), base_uri="https://host/runs/demo/") == part


def test_a_file_is_named_as_the_provider_names_it() -> None:
    part = message_part(IMAGE, file_id="file-123")
    check(part)
    assert part == {"type": "file", "modality": "image", "mime_type": "image/png", "file_id": "file-123"}


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(mt.InputError, match="expected a media value with __media__"):
        message_part("text")
    document = mt.encode(IMAGE, mt.MemoryStore())
    with pytest.raises(mt.InputError, match=r"message_part.source: expected the store of the document, got none"):
        message_part(document)
    with pytest.raises(mt.SidecarMissing):
        message_part(document, source=mt.MemoryStore())
    with pytest.raises(mt.DocumentError):
        message_part({"_type": "image", "_version": "1.0"})
