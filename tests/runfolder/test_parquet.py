"""`history.parquet`, `media.parquet` and the JSON files, as other tools see them."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mediatypes as mt
from mediatypes.columns.arrow import to_numpy
from mediatypes.journal import reader
from mediatypes.runfolder import merge_rows

DOC = {"_type": "acme", "path": "p", "sha256": "s", "size": 3, "media_type": "m", "caption": "c", "deep": {"x": [1]}}


class Foreign:
    def __media__(self, sink: Any) -> dict[str, Any]:
        return DOC


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    with mt.Run(tmp_path / "run", project="p", config={"lr": 0.1}, tags=["t"], notes="n") as run:
        for i in range(3):
            run.log({"loss": 1 / (i + 1), "epoch": i, "ok": i > 0, "text": f"t{i}", "big": 2**60 + i, "a.b": [i, 0.5]})
        run.log({"words": ["x", None], "mixed": [1, "x"], "h": mt.Histogram([1, 2], num_bins=2), "nothing": None})
        run.log({"hs": [mt.Histogram([1, 2], num_bins=1, caption=str(k)) for k in range(2)], "other": Foreign()})
        run.log({"loss": math.nan, "epoch": None, "both": [mt.Histogram([1, 2], num_bins=1), Foreign()]})
        run.summary["best"] = mt.Histogram([5, 6], num_bins=1)
        run.summary["note"] = "good"
    return run.path


def test_columns_have_the_declared_types_and_metadata(finished: Path) -> None:
    schema = pq.read_schema(finished / "history.parquet")
    plain = {field.name: (str(field.type), field.nullable) for field in schema if not pa.types.is_nested(field.type)}
    assert plain == {
        "_step": ("int64", False),
        "_timestamp": ("double", False),
        "_runtime": ("double", False),
        "loss": ("double", True),
        "epoch": ("double", True),
        "ok": ("bool", True),
        "text": ("string", True),
        "big": ("int64", True),
        "mixed": ("string", True),
        "nothing": ("double", True),
    }
    columns = json.loads(schema.metadata[b"mediatypes"])["columns"]
    assert {column["name"]: column["kind"] for column in columns} == {
        "loss": "number",
        "epoch": "number",
        "ok": "boolean",
        "text": "string",
        "big": "integer",
        "a.b": "number_list",
        "words": "string_list",
        "mixed": "json",
        "h": "histogram",
        "nothing": "null",
        "hs": "media_list",
        "other": "acme",
        "both": "media_list",
    }
    assert all(column["key"] == column["name"] for column in columns)
    assert [column["name"] for column in columns if column["integral"]] == ["epoch"]
    assert not any(field.metadata for field in schema), "a reader without Arrow needs no flatbuffer"


def test_a_media_cell_is_a_plain_struct_with_the_whole_document(finished: Path) -> None:
    schema = pq.read_schema(finished / "history.parquet")
    common = ["_type", "path", "sha256", "size", "media_type", "caption"]
    assert [field.name for field in schema.field("other").type] == [*common, "_doc"]
    assert schema.field("h").type == schema.field("hs").type.value_type == schema.field("other").type
    row = pq.read_table(finished / "history.parquet", columns=["other"]).column("other").to_pylist()[4]
    assert json.loads(row.pop("_doc")) == DOC
    assert row == {name: DOC[name] for name in common}


def test_encodings_compression_index_and_checksums_are_as_the_format_says(finished: Path) -> None:
    metadata = pq.read_metadata(finished / "history.parquet")
    group = metadata.row_group(0)
    columns = {group.column(i).path_in_schema: group.column(i) for i in range(metadata.num_columns)}
    assert {column.compression for column in columns.values()} == {"SNAPPY"}
    assert all(column.has_offset_index for column in columns.values())
    assert {name for name, column in columns.items() if not column.has_column_index} == {"loss", "a.b.list.element"}
    assert "DELTA_BINARY_PACKED" in columns["_step"].encodings
    for name in ("_timestamp", "_runtime", "loss", "a.b.list.element"):
        assert "BYTE_STREAM_SPLIT" in columns[name].encodings, name
        assert not columns[name].has_dictionary_page
    assert columns["text"].has_dictionary_page
    assert not columns["h._doc"].has_dictionary_page


def test_more_than_a_few_rows_are_packed_better(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run:
        for i in range(3000):
            run.log({"x": i})
    group = pq.read_metadata(run.path / "history.parquet").row_group(0)
    assert {group.column(i).compression for i in range(group.num_columns)} == {"ZSTD"}


def test_a_flipped_bit_in_a_page_is_refused(finished: Path) -> None:
    path = finished / "history.parquet"
    column = pq.read_metadata(path).row_group(0).column(1)
    data = bytearray(path.read_bytes())
    data[column.data_page_offset + column.total_compressed_size - 3] ^= 1
    path.write_bytes(data)
    with pytest.raises(mt.DocumentError, match=r"history\.parquet: expected readable columns"):
        mt.open_run(finished).history()


def test_pandas_reads_the_same_and_our_reader_gives_integers_back(finished: Path) -> None:
    view = mt.open_run(finished)
    ours, theirs = view.to_pandas(), pd.read_parquet(finished / "history.parquet")
    assert list(ours.columns) == list(theirs.columns)
    assert theirs["epoch"].dtype == np.float64
    assert view.history(["epoch"]).schema.field("epoch").type == pa.int64()
    assert view.history(["epoch"]).column("epoch").to_pylist() == [0, 1, 2, None, None, None]
    assert repr(ours["loss"].tolist()) == repr(theirs["loss"].tolist())
    subset = pd.read_parquet(finished / "history.parquet", columns=["_step", "a.b"])
    assert [None if cell is None else cell.tolist() for cell in subset["a.b"]][:3] == [[0, 0.5], [1, 0.5], [2, 0.5]]


def test_every_media_item_has_a_row_in_media_parquet(finished: Path) -> None:
    table = pq.read_table(finished / "media.parquet")
    assert table.column_names[:5] == ["key", "step", "index", "type", "caption"]
    found = sorted(
        (row["key"], row["step"], row["index"], row["type"], row["caption"], row["size"]) for row in table.to_pylist()
        if row["step"] is not None
    )  # fmt: skip
    assert found == [
        ("both", 5, 0, "histogram", None, None),
        ("both", 5, 1, "acme", "c", 3),
        ("h", 3, None, "histogram", None, None),
        ("hs", 4, 0, "histogram", "0", None),
        ("hs", 4, 1, "histogram", "1", None),
        ("other", 4, None, "acme", "c", 3),
    ]
    (best,) = [row for row in table.to_pylist() if row["step"] is None]
    assert (best["key"], best["index"], json.loads(best["_doc"])["bins"]) == ("best", None, [5, 6])


def test_an_image_cell_and_its_media_row_say_where_the_file_is(tmp_path: Path) -> None:
    data = pytest.importorskip("skimage.data")
    pixels = data.chelsea()
    with mt.Run(tmp_path / "run") as run:
        run.log({"img": mt.Image(pixels, caption="cat")})
        run.log({"img": mt.Image(pixels, caption="same cat")})
    (path,) = [path for path in (run.path / "media").rglob("*") if path.is_file()]
    for row in (
        pq.read_table(run.path / "media.parquet").to_pylist()[1],
        pq.read_table(run.path / "history.parquet").column("img").to_pylist()[1],
    ):
        assert run.path / row["path"] == path
        assert (row["size"], row["caption"]) == (path.stat().st_size, "same cat")
    row = pq.read_table(run.path / "media.parquet").to_pylist()[1]
    assert (row["width"], row["height"], row["format"]) == (451, 300, "png")
    assert [step for step, _ in mt.open_run(run.path).values("img")] == [0, 1]


def test_the_json_files_and_the_footer_tell_the_run(finished: Path) -> None:
    run = json.loads((finished / "run.json").read_text())
    assert {name: run[name] for name in ("format", "project", "name", "notes", "tags", "config", "status")} == {
        "format": "1.0",
        "project": "p",
        "name": "run",
        "notes": "n",
        "tags": ["t"],
        "config": {"lr": 0.1},
        "status": "finished",
    }
    assert run["started"] <= run["finished"]
    assert "writer" not in run
    summary = json.loads((finished / "summary.json").read_text())
    assert (summary["loss"], summary["epoch"], summary["note"]) == ({"_type": "float", "value": "nan"}, 2, "good")
    footer = json.loads(pq.read_schema(finished / "history.parquet").metadata[b"mediatypes"])
    assert (footer["id"], footer["calls"], footer["summary"]) == (run["id"], 6, summary)
    assert not list(finished.rglob("*.tmp"))
    assert not (finished / "journal").exists()


def test_a_run_folder_can_be_moved(finished: Path, tmp_path: Path) -> None:
    finished.rename(tmp_path / "moved")
    assert mt.open_run(tmp_path / "moved").summary["note"] == "good"


def test_an_empty_run_has_empty_files(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run:
        assert mt.open_run(run.path).history().num_rows == 0
    view = mt.open_run(run.path)
    assert view.history().column_names == ["_step", "_timestamp", "_runtime"]
    assert (view.history().num_rows, view.summary, view.keys()) == (0, {}, {})
    assert pd.read_parquet(run.path / "media.parquet").empty


@pytest.mark.parametrize("field", ["caption", "_type", "size", "values", "_doc", "values.list.element"])
def test_a_key_that_spells_a_field_of_a_media_cell_is_a_column_of_its_own(tmp_path: Path, field: str) -> None:
    with mt.Run(tmp_path / "run") as run:
        run.log({"h": mt.Histogram([1, 2]), f"h.{field}": 0.5})
    view = mt.open_run(run.path)
    assert list(view.values(f"h.{field}")) == [(0, 0.5)]
    assert list(view.values("h")) == [(0, mt.Histogram([1, 2]))]
    assert view.history([f"h.{field}"]).column_names == ["_step", f"h.{field}"]


def test_columns_come_in_the_order_asked_for_live_and_finished(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    run.log({"b": 1.0, "a": 2.0, "a.top": 3.0})
    for _ in ("live", "finished"):
        assert mt.open_run(run.path).history(["a", "_runtime", "b"]).column_names == ["_step", "a", "_runtime", "b"]
        run.finish()


def test_a_selection_of_columns_shows_the_same_cells_as_the_whole(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    run.log({"a": 1}, step=0)
    run.log({"a": "x"}, step=0)
    for _ in ("live", "finished"):
        view = mt.open_run(run.path)
        assert view.history(["a"]).column("a").to_pylist() == view.history().column("a").to_pylist() == [None]
        run.finish()


def test_row_groups_have_128k_rows_and_a_row_may_straddle_them(tmp_path: Path) -> None:
    count, size = 300_000, merge_rows.GROUP_ROWS
    with mt.Run(tmp_path / "run") as run:
        for step in range(count):
            run.log({"x": float(step)}, step)
            if step % size in (0, size - 1):
                run.log({"y": step}, step)
                run.log({"x": -1.0}, step)
    groups = pq.read_metadata(run.path / "history.parquet")
    assert [groups.row_group(i).num_rows for i in range(groups.num_row_groups)] == [size, size, count - 2 * size]
    table = mt.open_run(run.path).history()
    twice = [step for step in range(count) if step % size in (0, size - 1)]
    assert np.array_equal(table.column("_step").to_numpy(), np.arange(count))
    x = np.arange(count, dtype=np.float64)
    x[twice] = -1
    assert np.array_equal(table.column("x").to_numpy(), x)
    y = table.column("y")
    assert y.drop_null().to_pylist() == twice
    assert y.null_count == count - len(twice)


def test_big_cells_end_a_row_group_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merge_rows, "GROUP_BYTES", 1000)
    monkeypatch.setattr(reader, "_PIECE", 512)
    with mt.Run(tmp_path / "run") as run:
        for i in range(50):
            run.log({"text": f"{i:100}", "i": i})
    assert pq.read_metadata(run.path / "history.parquet").num_row_groups > 3
    assert [int(text) for _, text in mt.open_run(run.path).values("text")] == list(range(50))
    assert [i for _, i in mt.open_run(run.path).values("i")] == list(range(50))


def test_a_file_with_other_rows_than_were_written_gets_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with mt.Run(tmp_path / "run") as run:
        run.log({"x": 1})
        real = pq.read_metadata
        monkeypatch.setattr(pq, "read_metadata", lambda path: SimpleNamespace(num_rows=real(path).num_rows + 1))
        with pytest.raises(mt.StoreError, match=r"rows? after writing, got "):
            run.finish()
        monkeypatch.undo()
    assert mt.open_run(run.path).history(["x"]).column("x").to_pylist() == [1]


def test_filtering_by_steps_imports_no_pandas() -> None:
    script = """
import sys
import numpy as np, pyarrow as pa
from mediatypes.columns.arrow import fixed
from mediatypes.runfolder.parquet_reader import filter_steps
table = pa.Table.from_arrays([fixed(np.array([0, 5, 2, 9]))], names=["_step"])
kept = filter_steps(table, (2, 9))
assert "pandas" not in sys.modules
assert kept.column("_step").to_pylist() == [5, 2]
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)


@pytest.mark.parametrize("values", [[1.5, math.inf, -2.0], [3, -(2**62), 0], [True, False], [None, 1.5], []])
def test_a_column_becomes_the_array_that_arrow_gives(values: list[Any]) -> None:
    array = pa.array(values, None if values else pa.int64())
    for column in (pa.chunked_array([array]), pa.chunked_array([array, array[1:], array[:0]], array.type)):
        np.testing.assert_array_equal(to_numpy(column), column.to_numpy())
        assert to_numpy(column).dtype == column.to_numpy().dtype
