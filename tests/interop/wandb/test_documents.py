"""One document of W&B at a time, in every shape that it has."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mediatypes as mt
from mediatypes.interop.wandb import decode, tables
from tests.interop.wandb.test_import import PIXELS, png, table, wav


def put(root: Path, path: str, data: bytes) -> dict[str, Any]:
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)
    return {"path": path, "sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}


def test_a_document_may_be_text_bytes_or_a_cell_of_an_export(tmp_path: Path) -> None:
    document = {"_type": "image-file", **put(tmp_path, "media/images/a.png", png(PIXELS)), "caption": "c"}
    wanted = mt.Image(png(PIXELS), caption="c")
    assert decode(document, tmp_path) == wanted
    assert decode(json.dumps(document), tmp_path) == wanted
    assert decode(json.dumps(document).encode(), str(tmp_path)) == wanted
    struct = {**document, "masks": None, "boxes": None, "values": None, "bins": None}  # of a column of several types
    assert decode(struct, tmp_path) == wanted
    assert decode([document, struct], tmp_path) == [wanted, wanted]


def test_batches_give_lists(tmp_path: Path) -> None:
    sound = {"_type": "audio-file", **put(tmp_path, "media/audio/a.wav", wav([1, 2]))}
    batch = {"_type": "audio", "count": 2, "audio": [sound, sound], "captions": ["", "k"], "sampleRates": [8000, None]}
    assert [one.caption for one in decode(batch, tmp_path)] == [None, "k"]
    pages = [{"_type": "html-file", **put(tmp_path, f"media/html/{i}.html", b"<b>%d</b>" % i)} for i in range(2)]
    read = decode({"_type": "html", "count": 2, "html": pages}, tmp_path)
    assert [one.to_bytes() for one in read] == [b"<b>0</b>", b"<b>1</b>"]
    cloud = {"_type": "object3D-file", **put(tmp_path, "media/object3D/p.pts.json", b"[[0,0,1]]")}
    read = decode({"_type": "object3D", "filenames": ["p.pts.json"], "count": 1, "objects": [cloud]}, tmp_path)
    assert read[0].to_bytes() == b"[[0,0,1]]"
    captions = {"captions": False, "_type": "videos", "videos": [], "count": 0}  # as W&B writes none
    assert decode(captions, tmp_path) == []


def test_histograms_need_no_files() -> None:
    plain = {"_type": "histogram", "values": [1, 2], "bins": [0, 1, 2]}
    packed = {"_type": "histogram", "values": [1, 2], "packedBins": {"min": 0, "size": 1, "count": 2}}
    assert decode(plain) == decode(packed) == mt.Histogram(np_histogram=([1, 2], [0, 1, 2]))


def test_a_table_of_an_artifact_has_media_times_and_arrays(tmp_path: Path) -> None:
    arrays = io.BytesIO()
    np.savez_compressed(arrays, allow_pickle=False, k=np.arange(6).reshape(2, 3))
    put(tmp_path, "media/serialized_data/a.npz", arrays.getvalue())
    cell = {"_type": "image-file", **put(tmp_path, "media/images/a.png", png(PIXELS))}
    place = {"key": "k", "path": "media/serialized_data/a.npz"}
    types = {
        "t": {"wb_type": "union", "params": {"allowed_types": [{"wb_type": "none"}, {"wb_type": "timestamp"}]}},
        "v": {"wb_type": "ndarray", "params": {"shape": [3], "serialization_path": place}},
    }
    content = json.loads(
        table(["t", "img", "v", "n", "n"], [[1500, cell, None, 1, 2], [None, None, None, 2, 3]], types)
    )
    read = decode(content, tmp_path)
    assert read.columns == ["t", "img", "v", "n", "n#2"]
    assert [str(one) for one in read.get_column("t")] == ["1970-01-01 00:00:01.500000+00:00", "None"]
    assert [list(one) for one in read.get_column("v")] == [[0, 1, 2], [3, 4, 5]]
    assert np.array_equal(read.get_column("img")[0].to_numpy(), PIXELS)
    assert read.get_column("img")[1] is None


def test_arrays_that_unpack_to_too_much_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("k.npy", bytes(100_000))
    monkeypatch.setattr(tables, "_MOST_UNPACKED", 50_000)
    types = {"v": {"wb_type": "ndarray", "params": {"serialization_path": {"key": "k", "path": "a.npz"}}}}
    with pytest.raises(mt.DocumentError, match="arrays of at most 50000 bytes"):
        decode(json.loads(table(["v"], [[None]], types)), tmp_path)


@pytest.mark.parametrize(
    ("document", "error", "message"),
    [
        ({"_type": "nonsense"}, mt.UnknownTypeError, "expected a type of W&B"),
        ({"_type": "bokeh-file", "path": "x"}, mt.UnknownTypeError, "expected a type of W&B"),
        ({}, mt.DocumentError, "expected a document of W&B"),
        ("[", mt.DocumentError, "expected JSON"),
        ("[" * 100_000, mt.DocumentError, "expected JSON"),
        (5, mt.DocumentError, "expected a document of W&B"),
        ({"_type": "image-file", "path": "none.png"}, mt.SidecarMissing, "none at none.png"),
        ({"_type": "image-file", "path": "../x"}, mt.UnsafePath, "below the directory"),
        ({"_type": "image-file"}, mt.UnsafePath, "expected a relative path"),
        ({"_type": "html-file", "path": "h.html", "sha256": "0" * 64, "size": 3}, mt.HashMismatch, "SHA-256 000"),
        ({"_type": "html-file", "path": "h.html", "size": "x"}, mt.DocumentError, "members that W&B writes"),
        ({"_type": "images/separated", "filenames": 5}, mt.DocumentError, "members that W&B writes"),
        ({"_type": "histogram", "values": [1], "bins": [0]}, mt.InputError, "np_histogram"),
        ({"_type": "histogram", "values": [1], "packedBins": {"min": 0}}, mt.DocumentError, "members that W&B"),
        ({"_type": "table-file", "path": "h.html"}, mt.DocumentError, "expected JSON"),
        ({"_type": "table", "columns": ["a"], "data": [[1, 2]]}, mt.InputError, "Table"),
        ({"_type": "table-file", "artifact_path": "wandb-client-artifact://x/t"}, mt.DocumentError, "staging folder"),
    ],
)
def test_what_cannot_be_read_is_an_error_of_ours(document: Any, error: Any, message: str, tmp_path: Path) -> None:
    put(tmp_path, "h.html", b"<p>")
    with pytest.raises(error, match=message):
        decode(document, tmp_path)


def test_media_need_a_directory() -> None:
    with pytest.raises(mt.SidecarMissing, match=r"Pass root\."):
        decode({"_type": "image-file", "path": "x.png"})
