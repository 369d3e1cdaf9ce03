"""The conformance set: our reader, and one made from the format's text alone, give of each run what is expected."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import mediatypes as mt
from mediatypes._core.registry import builtin_types
from tests import conformance, second_reader

NAMES = ["damaged", "evil", "finished", "killed", "live", "packed", "ranks", "resumed", "rewound", "types"]


def test_the_set_is_whole_and_small() -> None:
    assert conformance.folders() == NAMES
    assert sum(path.stat().st_size for path in conformance.ROOT.rglob("*") if path.is_file()) <= 2 * 1024 * 1024


@pytest.mark.parametrize("name", NAMES)
def test_both_readers_give_what_is_expected(name: str) -> None:
    expected = (conformance.ROOT / f"{name}.json").read_text("utf-8")
    assert conformance.dump(conformance.read(conformance.ROOT / name)) == expected
    assert conformance.dump(second_reader.read(conformance.ROOT / name)) == expected


def test_a_set_that_is_made_today_is_the_same_but_for_its_times(tmp_path: Path) -> None:
    conformance.make_all(tmp_path)
    for name in NAMES:
        assert (tmp_path / f"{name}.json").read_text("utf-8") == (conformance.ROOT / f"{name}.json").read_text("utf-8")


def test_the_states_are_there() -> None:
    expected = {name: json.loads((conformance.ROOT / f"{name}.json").read_text("utf-8")) for name in NAMES}
    statuses = {name: one["status"] for name, one in expected.items()}
    assert {name for name, status in statuses.items() if status == "running"} == {
        "damaged",
        "live",
        "ranks",
        "resumed",
        "rewound",
    }
    assert statuses["killed"] == "crashed"
    assert expected["damaged"]["problems"] == ["checksum", "frame", "lost", "order", "torn"]
    assert (conformance.ROOT / "packed" / "sidecars.parquet").exists()
    kinds = {kind for one in expected.values() for found in one["keys"].values() for kind in found}
    assert kinds >= {
        "number",
        "integer",
        "boolean",
        "string",
        "number_list",
        "string_list",
        "json",
        "null",
        "media_list",
    }
    assert kinds >= set(builtin_types())


def test_the_compacted_set_has_the_rows_of_its_runs() -> None:
    dataset = conformance.ROOT / "compacted"
    columns = json.loads((dataset / "compact.json").read_text())["columns"]["history"]
    rows = pq.read_table(dataset / "history" / "part-00001.parquet").to_pylist()
    for name in ("finished", "evil"):
        expected = json.loads((conformance.ROOT / f"{name}.json").read_text("utf-8"))
        own = [row for row in rows if row["run"] == name]
        for key, kinds in expected["keys"].items():
            names = [c["name"] for c in columns if c["key"] == key and c["kind"] in kinds]
            filled = [row["_step"] for row in own if any(row.get(column) is not None for column in names)]
            assert filled == [step for step, _ in expected["values"][key]], key
    assert mt.open_runs(dataset).names == ["finished", "evil"]


def test_the_second_reader_imports_nothing_of_ours() -> None:
    text = Path(second_reader.__file__).read_text("utf-8")
    imported = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else name.name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in node.names
    }
    assert {name.partition(".")[0] for name in imported} <= {"pyarrow", "numpy", "json", "zlib", "struct"}
    assert len(text.splitlines()) <= 150
