"""NaN is found by packages that skip rows by the statistics of Parquet, as DuckDB does."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

import mediatypes as mt


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A run whose loss is NaN for 50 rows, and one whose is never."""
    for name, diverges in (("a", True), ("b", False)):
        with mt.Run(tmp_path / "runs" / name, config={"lr": math.nan if diverges else 0.5}) as run:
            run.define_metric("h", "loss")
            for i in range(100):
                loss = math.nan if diverges and i >= 50 else i / 4
                run.log({"loss": loss, "acc": i / 100, "h": mt.Histogram([i, i + 1], num_bins=1)})
    return tmp_path / "runs"


def count(source: str, where: str) -> Any:
    return duckdb.execute(f"select count(*) from {source} where {where}").fetchall()[0][0]


def compacted(root: Path) -> Path:
    mt.compact(root, root.parent / "all")
    return root.parent / "all"


def resumed(root: Path) -> Path:
    with mt.Run(root / "a", mode="resume") as run:
        run.log({"acc": 1})
    return root


@pytest.mark.parametrize("made", [lambda root: root, resumed, compacted], ids=["loose", "resumed", "compacted"])
def test_rows_of_nan_are_found_by_duckdb(root: Path, made: Callable[[Path], Path]) -> None:
    folder = made(root)
    runs = mt.open_runs(folder)
    assert runs.sql("select count(*) from history where isnan(loss)").fetchall() == [(50,)]
    assert runs.sql("select count(*) from media where isnan(loss)").fetchall() == [(50,)]
    assert runs.sql('select count(*) from runs where isnan("config.lr")').fetchall() == [(1,)]
    here = "history/part-*.parquet" if folder != root else "a/history.parquet"
    assert count(f"read_parquet('{folder}/{here}', union_by_name = true)", "isnan(loss)") == 50
    if folder == root:
        assert count(f"'{folder}/a/media.parquet'", "isnan(loss)") == 50


def test_columns_without_nan_keep_their_statistics(root: Path) -> None:
    dataset = compacted(root)
    for path, column, kept in (
        (root / "a" / "history.parquet", "loss", False),
        (root / "a" / "history.parquet", "acc", True),
        (root / "a" / "history.parquet", "_timestamp", True),
        (root / "a" / "history.parquet", "_step", True),
        (root / "b" / "history.parquet", "loss", True),
        (dataset / "history" / "part-00001.parquet", "loss", False),
        (dataset / "history" / "part-00001.parquet", "acc", True),
        (dataset / "history" / "part-00001.parquet", "run", True),
    ):
        group = pq.read_metadata(path).row_group(0)
        chunks = [group.column(i) for i in range(group.num_columns)]
        assert [chunk.is_stats_set for chunk in chunks if chunk.path_in_schema == column] == [kept], (path, column)
