"""`media.parquet` on several indexes: step, epoch, sample id, as pandas and DuckDB see it."""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mediatypes as mt
from mediatypes.runfolder import merge_rows
from mediatypes.runfolder.media_index import FIXED
from tests.samples import photograph

HISTOGRAM = mt.Histogram([1, 2], num_bins=2)
PHOTOS = ("astronaut", "chelsea", "coffee")


def rows(run: mt.Run, *columns: str) -> list[tuple[Any, ...]]:
    """Finish a run, and give these columns of its media in order of steps."""
    run.finish()
    found = pq.read_table(run.path / "media.parquet").to_pylist()
    return [tuple(row[name] for name in columns) for row in found]


def test_one_sample_over_the_epochs_is_one_query(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    run.define_metric("*", "epoch")
    run.define_metric("pred", "sample_id", step_sync=False)
    captions = []
    for epoch in range(3):
        run.log({"epoch": epoch, "val/acc": epoch / 3})
        for sample, name in zip((16, 17, 18), PHOTOS, strict=True):
            pixels = photograph(name)[epoch * 20 :: 4, ::4]
            caption = f"{name} of epoch {epoch}"
            run.log({"sample_id": sample, "pred": mt.Image(pixels, caption=caption)})
            captions += [caption] if sample == 17 else []
    run.finish()
    path = run.path / "media.parquet"
    found = duckdb.execute(f"SELECT path, caption, epoch FROM '{path}' WHERE sample_id = 17 ORDER BY epoch").fetchall()
    assert [row[1:] for row in found] == [(caption, float(epoch)) for epoch, caption in enumerate(captions)]
    for (file, *_), epoch in zip(found, range(3), strict=True):
        (value,) = [v for _, v in mt.open_run(run.path).values("pred") if v.caption == captions[epoch]]
        assert mt.Image(run.path / file).to_numpy().tolist() == value.to_numpy().tolist()
    frame = pd.read_parquet(path)
    assert list(frame.columns) == [*FIXED, "width", "height", "format", "epoch", "sample_id"]
    assert frame[frame.sample_id == 17].sort_values("epoch").caption.tolist() == captions
    assert frame.groupby("epoch").sample_id.apply(list).tolist() == [[16, 17, 18]] * 3
    assert json.loads(pq.read_metadata(path).metadata[b"mediatypes"])["columns"] == [
        {"name": name, "key": name, "kind": "number", "integral": True} for name in ("epoch", "sample_id")
    ]


def test_a_value_counts_wherever_it_stands_in_the_row(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    run.define_metric("h", "epoch")
    run.log({"h": HISTOGRAM}, commit=False)
    run.log({"epoch": 5}, commit=False)
    run.log({"epoch": 6})
    run.log({"h": HISTOGRAM})
    run.log({"epoch": None})
    run.log({"h": [HISTOGRAM, HISTOGRAM]})
    assert rows(run, "step", "index", "epoch") == [(0, None, 6), (1, None, 6), (3, 0, 6), (3, 1, 6)]


def test_without_sync_only_the_value_of_the_row_counts(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    run.define_metric("h", "epoch", step_sync=False)
    run.define_metric("i", "epoch")
    run.define_metric("j", "other")  # says nothing of epoch: the latest that does is i
    run.log({"h": HISTOGRAM, "i": HISTOGRAM})
    run.log({"epoch": 1, "h": HISTOGRAM})
    run.log({"h": HISTOGRAM, "i": HISTOGRAM, "j": HISTOGRAM})
    run.summary["best"] = HISTOGRAM
    assert sorted(rows(run, "key", "step", "epoch"), key=str) == [
        ("best", None, None),
        ("h", 0, None),
        ("h", 1, 1.0),
        ("h", 2, None),
        ("i", 0, None),
        ("i", 2, 1.0),
        ("j", 2, 1.0),
    ]
    assert "other" not in pq.read_schema(run.path / "media.parquet").names  # it was never logged


def test_only_scalars_are_indexes_and_names_of_other_columns_are_not_taken(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    for name in ("size", "SHA256", "_step", "_runtime", "flag", "list", "text", "épo que", "index#2"):
        run.define_metric(f"{name}/*", name)
    run.log({"size": 1, "SHA256": "x", "flag": True, "list": [1], "text": "a", "épo que": 2**60, "index#2": 1})
    run.log({"h": HISTOGRAM})
    run.log({"size": "large", "text": 0.5, "épo que": -(2**60)})
    run.log({"h": HISTOGRAM, "size": math.nan})
    names = ["size#2", "size#string", "SHA256#2", "text", "text#string", "épo que", "index#2"]
    found = rows(run, *names)
    assert pq.read_schema(run.path / "media.parquet").names == [*FIXED, "nan_count", *names]
    assert repr(found) == repr(
        [
            (1.0, None, "x", None, "a", 2**60, 1.0),
            (math.nan, None, "x", 0.5, None, -(2**60), 1.0),
        ]
    )
    assert duckdb.execute(f"""SELECT count("SIZE#2") FROM '{run.path}/media.parquet'""").fetchall() == [(2,)]


def test_definitions_that_come_late_and_runs_that_are_resumed_index_all_rows(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    run.log({"epoch": 1, "h": HISTOGRAM})
    run.log({"h": HISTOGRAM})
    run.finish()
    assert "epoch" not in pq.read_schema(run.path / "media.parquet").names
    run = mt.Run(tmp_path / "run", mode="resume")
    run.log({"h": HISTOGRAM})
    run.log({"epoch": 2.5})
    run.define_metric("*", "epoch")
    run.log({"h": HISTOGRAM})
    assert rows(run, "step", "epoch") == [(0, 1), (1, 1), (2, 1), (4, 2.5)]


KEYS = st.sampled_from(["h", "i", "e", "s"])
CELLS = st.one_of(st.integers(-2, 2), st.sampled_from(["a", "b", None, True, 2**60, 0.5]), st.just(HISTOGRAM))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.dictionaries(KEYS, CELLS, max_size=4), st.booleans()), max_size=25),
    st.sampled_from([1, 2, 5, 128 * 1024]),
    st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
def test_indexes_are_those_of_a_model(calls: Any, group: int, sync: tuple[bool, bool, bool]) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("mediatypes._core.atomic.sync", lambda path: None)  # this is not about power cuts
        patch.setattr(merge_rows, "GROUP_ROWS", group)
        run = mt.Run(Path(folder) / "run")
        run.define_metric("*", "e", step_sync=sync[0])
        run.define_metric("h", "s", step_sync=sync[1])
        run.define_metric("i", "e", step_sync=sync[2])
        merged: list[dict[str, Any]] = [{}]
        for data, commit in calls:
            run.log(data, commit=commit)
            merged[-1].update({key: value for key, value in data.items() if value is not None})
            merged += [{}] if commit else []
        # The definition that is about a step metric: a key's own (h: s, i: e, any other: e of "*"), else the latest.
        syncs = {
            ("h", "e"): sync[2],
            ("h", "s"): sync[1],
            ("i", "e"): sync[2],
            ("i", "s"): sync[1],
            ("e", "e"): sync[0],
            ("e", "s"): sync[1],
            ("s", "e"): sync[0],
            ("s", "s"): sync[1],
        }
        expected, before = [], {}
        for step, row in enumerate(merged):
            for index in "es":
                value = row.get(index)
                own = value is not None and not isinstance(value, (bool, mt.Histogram))
                before[index] = (value if own else before.get(index, (None, False))[0], own)
            for key, value in row.items():
                if isinstance(value, mt.Histogram):
                    shown = [before[i][0] if before[i][1] or syncs[key, i] else None for i in "es"]
                    expected.append((key, step, *shown))
        run.finish()
        table = pq.read_table(run.path / "media.parquet").to_pylist()
        found = []
        for row in table:
            values = []
            for index in "es":
                cells = [row[n] for n in row if n.partition("#")[0] == index and row[n] is not None]
                assert len(cells) <= 1
                values.append(cells[0] if cells else None)
            found.append((row["key"], row["step"], *values))
        assert sorted(found, key=repr) == sorted(
            [(k, s, *(float(v) if type(v) is int and v < 2**53 else v for v in vs)) for k, s, *vs in expected], key=repr
        )


@pytest.mark.parametrize("key", ["one", "several"])
@pytest.mark.parametrize("document", [None, "", "[1]", '{"path": "x"}', '{"_type": 5}'])
def test_a_media_cell_without_a_document_is_damage(tmp_path: Path, key: str, document: str | None) -> None:
    with mt.Run(tmp_path / "run") as run:
        run.log({"one": HISTOGRAM, "several": [HISTOGRAM]})
    file = run.path / "history.parquet"
    table, metadata = pq.read_table(file), pq.read_metadata(file).metadata[b"mediatypes"]
    cells, column = table.column(key).to_pylist(), table.schema.field(key)
    for cell in cells if key == "one" else cells[0]:
        cell["_doc"] = document
    table = table.set_column(table.schema.get_field_index(key), column, pa.array(cells, column.type))
    table = table.replace_schema_metadata()
    with pq.ParquetWriter(file, table.schema, store_schema=False) as writer:
        writer.add_key_value_metadata({"mediatypes": metadata})
        writer.write_table(table)
    if key == "several" or document is not None:
        with pytest.raises(mt.DocumentError, match="expected a media document as JSON, got"):
            list(mt.open_run(run.path).values(key))
    before = (run.path / "run.json").read_bytes()
    with pytest.raises(mt.DocumentError, match="expected a media document as JSON, got"):
        mt.Run(run.path, mode="resume")
    assert (run.path / "run.json").read_bytes() == before
