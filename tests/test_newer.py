"""Folders of newer minor versions are read, and keep what we do not know; those of newer majors are refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mediatypes as mt
from mediatypes.journal import frames
from mediatypes.runfolder import files
from tests import conformance

UNKNOWN = {"future": {"deep": [1, None, {"a": "ü"}]}}
NAMES = [path.name for path in sorted(conformance.ROOT.iterdir()) if (path / files.RUN).exists()]


def change_json(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    content = json.loads(path.read_text("utf-8"))
    change(content)
    path.write_text(json.dumps(content), "utf-8")


def make_newer(root: Path) -> None:
    """What a later minor version may add: members, frames, columns, files and folders."""

    def add(run: dict[str, Any]) -> None:
        run |= {**UNKNOWN, "format": "1.7"}
        for record in [*run.get("metrics", []), *run.get("rewinds", [])]:
            record |= UNKNOWN

    change_json(root / files.RUN, add)
    for path in root.glob("journal/*.log"):
        whole = path.read_bytes()
        end = len(frames.MAGIC) + int.from_bytes(whole[len(frames.MAGIC) : len(frames.MAGIC) + 4], "little")
        path.write_bytes(whole[:end] + frames.frame(77, b"\x00\xffof the future") + whole[end:])
    for name in (files.HISTORY, files.MEDIA):
        if (root / name).exists():
            add_column(root / name)
    (root / "future").mkdir()
    (root / "future" / "a.bin").write_bytes(b"1")
    (root / "future.parquet").write_bytes(b"PAR1")


def add_column(path: Path) -> None:
    """A column that no list names, and a member of the footer."""
    table = pq.read_table(path)
    told = json.loads(table.schema.metadata[b"mediatypes"]) | UNKNOWN
    table = table.append_column("_future", pa.array([b"x"] * table.num_rows, pa.binary()))
    pq.write_table(table.replace_schema_metadata({b"mediatypes": json.dumps(told).encode()}), path)


def keeps(root: Path) -> bool:
    run = json.loads((root / files.RUN).read_text("utf-8"))
    return bool(run["future"] == UNKNOWN["future"])


@pytest.mark.parametrize("name", NAMES)
def test_a_newer_minor_version_reads_the_same_and_keeps_what_is_unknown(tmp_path: Path, name: str) -> None:
    root = tmp_path / "runs" / name
    shutil.copytree(conformance.ROOT / name, root)
    make_newer(root)
    expected = json.loads((conformance.ROOT / f"{name}.json").read_text("utf-8"))
    assert json.loads(conformance.dump(conformance.read(root))) == expected
    with mt.Run(root, mode="resume") as run:
        run.log({"after": 1})
    mt.open_run(root).edit(notes="seen")
    mt.pack(root)
    mt.unpack(root)
    mt.gc(root)
    mt.copy(root, tmp_path / "copies")
    for place in (root, tmp_path / "copies" / name):
        assert keeps(place)
        assert (place / "future" / "a.bin").exists()
        assert [value for _, value in mt.open_run(place).values("after")] == [1]


def test_documents_of_unknown_types_and_with_unknown_members_are_kept(tmp_path: Path) -> None:
    class Hologram:
        def __media__(self, sink: mt.Sink) -> dict[str, Any]:
            return {"_type": "hologram", "_version": "3.1", "beams": 7}

    class Newer:
        def __media__(self, sink: mt.Sink) -> dict[str, Any]:
            return mt.encode(mt.Histogram([1, 2], num_bins=2), sink) | {"_version": "1.9", **UNKNOWN}

    with mt.Run(tmp_path / "run") as run:
        run.log({"known": Newer(), "unknown": Hologram(), "loss": 1})
    view = mt.open_run(tmp_path / "run")
    assert [value.values.tolist() for _, value in view.values("known")] == [[1, 1]]
    cells = view.history(["known", "unknown"]).to_pylist()[0]
    assert json.loads(cells["known"]["_doc"])["future"] == UNKNOWN["future"]
    assert json.loads(cells["unknown"]["_doc"]) == {"_type": "hologram", "_version": "3.1", "beams": 7}
    with pytest.raises(mt.UnknownTypeError, match="hologram"):
        list(view.values("unknown"))


def test_newer_majors_are_refused(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    with mt.Run(root / "a", packed=True) as run:
        run.log({"page": mt.Html("<p>")})
        run.log_artifact("words", "dataset", {"a.txt": b"one"})
    mt.compact(root / "a", tmp_path / "all")
    packed = pq.read_table(root / "a" / files.PACKED)
    told = packed.schema.metadata | {b"mediatypes": b'{"format":"2.0"}'}
    pq.write_table(packed.replace_schema_metadata(told), tmp_path / "packed.parquet")
    for path in (root / "a" / files.RUN, tmp_path / "all" / "compact.json", *root.glob("artifacts/words/v0/*.json")):
        change_json(path, lambda content: content.update(format="2.0"))
    document = mt.encode(mt.Histogram([1]), mt.MemoryStore()) | {"_version": "2.0"}
    acts: list[Callable[[], Any]] = [
        lambda: mt.open_run(root / "a"),
        lambda: mt.Run(root / "a", mode="resume"),
        lambda: mt.recover(root / "a"),
        lambda: mt.pack(root / "a"),
        lambda: mt.open_runs(tmp_path / "all"),
        lambda: mt.compact(root, tmp_path / "all"),
        lambda: mt.artifacts(root).use("words"),
        lambda: list(mt.PackedStore(tmp_path / "packed.parquet")),
        lambda: mt.decode(document, mt.MemoryStore()),
    ]
    for act in acts:
        with pytest.raises(mt.UnsupportedVersionError, match=r"got '2\.0'\. Upgrade mediatypes to read it\."):
            act()
