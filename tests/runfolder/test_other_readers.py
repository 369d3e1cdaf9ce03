"""`history.parquet` in the hands of other packages: none of them needs us, and all of them read the same."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mediatypes as mt
from mediatypes._core.registry import builtin_types
from tests.golden import make
from tests.spark import rows_of

Rows = list[dict[str, Any]]
VALUES = {path.parts[-3]: path for path in sorted(make.ROOT.glob("*/1.0/*"))}  # of each type the last case
NAN = math.nan
MIXED = [1.5, NAN, None, "diverged", -math.inf, 2]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every type of value, alone and in a list, every plain kind, several kinds of a key, case twins, NaN and null."""
    path = tmp_path_factory.mktemp("readers") / "run"
    with mt.Run(path) as run:
        for step, value in enumerate(MIXED):
            row = {"x": value, "X": step, "loss": NAN if step == 1 else None if step == 2 else step / 4}
            run.log(row | {"big": 2**60 + step, "ok": step > 2, "name": None if step % 2 else f"été {step}"})
        run.log({"numbers": [1, NAN, 0.5], "texts": ["a", None], "mixed": [1, "a"], "none": None, "empty": []})
        for tag, case in VALUES.items():
            document = json.loads((case / "document.json").read_bytes())
            value = mt.decode(document, mt.DirectoryStore(case))
            run.log({tag: value, f"{tag}s": [value, value], "any": value})
    return path


def with_pandas(path: Path, scratch: Path, spark: None) -> Rows:
    frame = pd.read_parquet(path, dtype_backend="pyarrow")  # numpy's doubles have no null
    return pa.Table.from_pandas(frame).to_pylist()  # type: ignore[no-any-return]


def with_duckdb(path: Path, scratch: Path, spark: None) -> Rows:
    found = duckdb.execute(f"from '{path}'")
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def with_polars(path: Path, scratch: Path, spark: None) -> Rows:
    return pl.read_parquet(path).to_dicts()


def with_datasets(path: Path, scratch: Path, spark: None) -> Rows:
    datasets = pytest.importorskip("datasets", reason="the package datasets is not installed")
    loaded = datasets.load_dataset("parquet", data_files=str(path), split="train", cache_dir=str(scratch))
    return list(loaded)


def with_spark(path: Path, scratch: Path, spark: Any) -> Rows:
    return rows_of(spark.read.parquet(str(path)).orderBy("_step"))


READERS: dict[str, Callable[[Path, Path, Any], Rows]] = {
    "pandas": with_pandas,
    "duckdb": with_duckdb,
    "polars": with_polars,
    "datasets": with_datasets,
    "spark": with_spark,
}


@pytest.fixture(scope="module", params=READERS)
def rows(run: Path, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Rows:
    """All rows of the run, read by one of the packages."""
    spark = request.getfixturevalue("spark") if request.param == "spark" else None
    return READERS[request.param](run / "history.parquet", tmp_path_factory.mktemp("cache"), spark)


def test_the_run_has_every_type_and_kind(run: Path) -> None:
    kinds = mt.open_run(run).keys()
    media = {kind for found in kinds.values() for kind in found}
    assert {tag for tag in builtin_types() if tag != "classes"} <= media
    assert {kinds[f"{tag}s"] for tag in VALUES} == {("media_list",)}
    assert {"number", "integer", "boolean", "string", "number_list", "string_list", "json", "null"} <= media
    assert set(kinds["any"]) == VALUES.keys()
    assert kinds["x"] == ("number", "string")


def test_a_package_reads_all_columns_and_cells_as_they_are(rows: Rows, run: Path) -> None:
    table = pq.read_table(run / "history.parquet")
    assert list(rows[0]) == table.column_names
    for name in table.column_names:
        assert repr([row[name] for row in rows]) == repr(table.column(name).to_pylist()), name


def test_a_package_tells_kinds_twins_nan_and_null_apart(rows: Rows) -> None:
    first = rows[: len(MIXED)]
    assert repr([row["x"] for row in first]) == repr([1.5, NAN, None, None, -math.inf, 2.0])
    assert [row["x#string"] for row in first] == [None, None, None, "diverged", None, None]
    assert [row["X#2"] for row in first] == [0, 1, 2, 3, 4, 5]
    assert repr([row["loss"] for row in first]) == repr([0.0, NAN, None, 0.75, 1.0, 1.25])
    assert [row["big"] for row in first] == [2**60 + i for i in range(6)]
    assert [row["name"] for row in first] == ["été 0", None, "été 2", None, "été 4", None]
    lists = rows[len(MIXED)]
    assert repr(lists["numbers"]) == "[1.0, nan, 0.5]"
    assert lists["texts"] == ["a", None]
    assert [rows[0]["numbers"], lists["empty"]] == [None, "[]"]


def test_a_package_has_documents_with_their_fields(rows: Rows) -> None:
    for row, (tag, case) in zip(rows[len(MIXED) + 1 :], VALUES.items(), strict=True):
        cell = row[tag]
        document = json.loads(cell["_doc"])
        assert (document["_type"], cell["_type"]) == (tag, tag)
        written = json.loads((case / "document.json").read_bytes())
        for name in ("path", "sha256", "size", "media_type", "caption"):
            assert cell[name] == (document if name == "path" else written).get(name), (tag, name)
        assert [item["sha256"] for item in row[f"{tag}s"]] == [written.get("sha256")] * 2


# Fields of a medium as each package addresses them


def fields_with_pandas(path: Path, spark: None) -> list[Any]:
    cells = pd.read_parquet(path, columns=["image"], dtype_backend="pyarrow")["image"].dropna().struct
    return [cells.field("size").iloc[0], cells.field("sha256").iloc[0]]


def fields_with_duckdb(path: Path, spark: None) -> list[Any]:
    found = duckdb.execute(f"select image.size, image.sha256 from '{path}' where image.size > 0").fetchall()
    return list(found[0])


def fields_with_polars(path: Path, spark: None) -> list[Any]:
    image = pl.col("image").struct
    chosen = pl.scan_parquet(path).select(image.field("size"), image.field("sha256")).drop_nulls()
    return list(chosen.collect().row(0))


def fields_with_spark(path: Path, spark: Any) -> list[Any]:
    found = spark.read.parquet(str(path)).where("image.size > 0").select("image.size", "image.sha256").collect()
    return list(found[0])


@pytest.mark.parametrize(
    "fields", [fields_with_pandas, fields_with_duckdb, fields_with_polars, fields_with_spark], ids=lambda f: f.__name__
)
def test_a_package_addresses_single_fields(run: Path, fields: Any, request: pytest.FixtureRequest) -> None:
    spark = request.getfixturevalue("spark") if fields is fields_with_spark else None
    document = json.loads((VALUES["image"] / "document.json").read_bytes())
    assert fields(run / "history.parquet", spark) == [document["size"], document["sha256"]]


def test_pandas_with_numpy_makes_a_null_nan(run: Path) -> None:
    """What the default backend of pandas cannot tell apart, said here so that nobody wonders."""
    frame = pd.read_parquet(run / "history.parquet", columns=["loss", "X#2", "image"])
    assert frame["loss"].isna().tolist()[:4] == [False, True, True, False]
    assert frame["X#2"].tolist()[:3] == [0.0, 1.0, 2.0]
    (cell,) = frame["image"].dropna()
    assert cell["size"] == json.loads((VALUES["image"] / "document.json").read_bytes())["size"]
