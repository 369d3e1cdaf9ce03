"""Plain `spark.read.parquet`, without any package of ours on the cluster: loose run folders, and compacted ones."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mediatypes as mt
from tests.spark import rows_of

NAN = math.nan


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs with different columns and kinds: media, twins in case, a text where others have numbers, NaN and null."""
    base = tmp_path_factory.mktemp("spark") / "runs"
    picture = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    with mt.Run(base / "a", config={"lr": 0.1}) as run:
        for i in range(4):
            run.log({"acc": i / 4, "n": i, "img": mt.Image(picture, caption=f"step {i}")})
    with mt.Run(base / "b", config={"lr": "auto"}) as run:
        run.log({"acc": NAN, "Acc": 3, "words": ["a", None]})
        run.log({"acc": "diverged", "Acc": None, "more": 1})
    with mt.Run(base / "c") as run:
        run.log({"acc": 1, "n": 2**60, "h": mt.Histogram([1, 2, 3], num_bins=3)})
    return base


@pytest.fixture(scope="module")
def dataset(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("spark") / "all"
    mt.compact(root, path, ThreadPoolExecutor(1))
    return path


def test_one_run(spark: Any, root: Path) -> None:
    frame = spark.read.parquet(str(root / "b" / "history.parquet")).orderBy("_step")
    assert frame.columns == ["_step", "_timestamp", "_runtime", "acc", "acc#string", "Acc#2", "words", "more"]
    found = [(row["acc"], row["acc#string"], row["Acc#2"], row["words"], row["more"]) for row in rows_of(frame)]
    assert repr(found) == repr([(NAN, None, 3.0, ["a", None], None), (None, "diverged", None, None, 1.0)])
    assert frame.where("acc is null").count() == 1
    assert frame.where("isnan(acc)").count() == 1


def test_loose_runs_with_the_columns_of_all(spark: Any, root: Path) -> None:
    """`n` of run c is an integer beyond 2^53, another type under the same name: such runs are compacted first."""
    paths = [str(root / run / "history.parquet") for run in ("a", "b")]
    frame = spark.read.option("mergeSchema", "true").parquet(*paths)
    assert set(frame.columns) == {
        "_step", "_timestamp", "_runtime", "acc", "n", "img", "acc#string", "Acc#2", "words", "more"
    }  # fmt: skip
    found = frame.selectExpr(
        "split(input_file_name(), '/')[size(split(input_file_name(), '/')) - 2] as run", "acc", "n"
    )
    rows = sorted((row["run"], row["n"], row["acc"]) for row in rows_of(found) if row["n"] is not None)
    assert rows == [("a", float(i), i / 4) for i in range(4)]
    captions = frame.where("img.width = 4").selectExpr("img.caption", "img._type")
    assert sorted(row["caption"] for row in rows_of(captions)) == [f"step {i}" for i in range(4)]
    assert frame.where("isnan(acc)").count() == 1


def test_a_pattern_reads_all_runs_that_agree(spark: Any, root: Path) -> None:
    frame = spark.read.parquet(f"{root}/[ab]/history.parquet")
    assert frame.select("_step").count() == 6
    media = rows_of(spark.read.parquet(f"{root}/*/media.parquet").selectExpr("key", "step", "type", "caption"))
    assert sorted((row["key"], row["step"], row["type"], row["caption"]) for row in media if row["caption"]) == [
        ("img", i, "image", f"step {i}") for i in range(4)
    ]


def test_the_compacted_dataset_has_every_run_and_kind(spark: Any, dataset: Path) -> None:
    frame = spark.read.option("mergeSchema", "true").parquet(str(dataset / "history"))
    assert set(frame.columns) == {
        "run", "_step", "_timestamp", "_runtime",
        "acc", "acc#string", "Acc#2", "n", "n#integer", "img", "words", "more", "h",
    }  # fmt: skip
    rows = {(row["run"], row["_step"]): row for row in rows_of(frame)}
    assert len(rows) == 7
    assert rows["a", 2]["img"]["caption"] == "step 2"
    assert repr([rows["b", i]["acc"] for i in (0, 1)]) == "[nan, None]"
    assert [rows["b", i]["acc#string"] for i in (0, 1)] == [None, "diverged"]
    assert [rows["b", i]["Acc#2"] for i in (0, 1)] == [3.0, None]
    assert (rows["c", 0]["n"], rows["c", 0]["n#integer"]) == (None, 2**60)
    assert rows["c", 0]["h"]["bins"] == pytest.approx([1, 5 / 3, 7 / 3, 3])
    best = frame.where("acc < 2").groupBy("run").max("acc").collect()
    assert {row["run"]: row["max(acc)"] for row in best} == {"a": 0.75, "c": 1.0}
    assert frame.where("img.width = 4").select("img.sha256").distinct().count() == 1


def test_the_compacted_tables_join(spark: Any, dataset: Path) -> None:
    for table in ("runs", "media"):
        spark.read.option("mergeSchema", "true").parquet(str(dataset / table)).createOrReplaceTempView(table)
    found = spark.sql("select run, type, count(*) as n from media group by run, type order by run, type")
    assert [tuple(row) for row in found.collect()] == [("a", "image", 4), ("c", "histogram", 1)]
    joined = spark.sql("select distinct r.run, `config.lr` from runs r join media m on m.run = r.run order by r.run")
    assert [tuple(row) for row in joined.collect()] == [("a", 0.1), ("c", None)]
    assert [row["config.lr#string"] for row in rows_of(spark.table("runs").orderBy("run"))] == [None, "auto", None]


def test_the_schema_stands_in_the_first_part(spark: Any, dataset: Path, tmp_path: Path) -> None:
    """Without mergeSchema Spark takes the columns of one file: `part-00000` has those of all parts."""
    first = spark.read.parquet(str(dataset / "history" / "part-00000.parquet"))
    assert first.count() == 0
    frame = spark.read.schema(first.schema).parquet(str(dataset / "history"))
    assert frame.where("more = 1").select("run").collect()[0][0] == "b"
