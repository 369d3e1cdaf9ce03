"""Small files that would unpack to large ones: refused before that is done."""

from __future__ import annotations

import sqlite3
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mediatypes as mt
from mediatypes.interop.elsewhere import import_runs
from mediatypes.interop.elsewhere._rows import batches
from mediatypes.interop.elsewhere._sources import database
from tests.interop.elsewhere.test_elsewhere import mlflow_db
from tests.interop.elsewhere.written import clearml_zip


def refusal(source: Path, dest: Path) -> str:
    (report,) = import_runs(source, dest).runs
    assert report.status == "failed"
    assert not list(dest.rglob("*.json"))
    return report.problems[0].message


def history(path: Path, **columns: Any) -> Path:
    table = pa.table({"_step": pa.array(range(len(next(iter(columns.values())))), pa.int64()), **columns})
    table = table.append_column("_timestamp", pa.nulls(len(table), pa.float64()))
    pq.write_table(table, path, row_group_size=2**22, compression="zstd")
    return path


def test_one_text_that_stands_in_every_row(tmp_path: Path) -> None:
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 20_000, pa.int32()), ["x" * 100_000])
    file = history(tmp_path / "a_0.runhistory.parquet", text=texts)
    assert file.stat().st_size < 200_000
    tracemalloc.start()
    try:
        assert "of values in a small file, got more than" in refusal(file, tmp_path / "runs")
        assert tracemalloc.get_traced_memory()[1] < 2**28
    finally:
        tracemalloc.stop()


def test_a_page_that_unpacks_to_more_than_allowed(tmp_path: Path) -> None:
    file = history(tmp_path / "a_0.runhistory.parquet", text=pa.array(["x" * (2**27 + 100)]))
    assert "got a page of 1342" in refusal(file, tmp_path / "runs")


def test_a_number_in_every_row(tmp_path: Path) -> None:
    file = history(tmp_path / "a_0.runhistory.parquet", loss=pa.array([0.5]).take(pa.array([0] * 2**20)))
    rows = sum(batch.num_rows for batch in batches(file))
    assert rows == 2**20, "a file of real size is read"


def test_an_archive_that_unpacks_to_far_more(tmp_path: Path) -> None:
    archive = clearml_zip(tmp_path / "made")
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED) as file, file.open("data/zeros", "w") as member:
        for _ in range(320):
            member.write(bytes(2**20))
    assert archive.stat().st_size < 500_000
    assert "bytes in it, got more" in refusal(archive, tmp_path / "runs")


VIEWS = {
    "endless": "with recursive n(i) as (select 1 union all select i + 1 from n) select i as run_uuid from n",
    "large": "select hex(zeroblob(400000000)) as run_uuid",
}


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_of_a_database_is_not_run(tmp_path: Path, view: str) -> None:
    file = mlflow_db(tmp_path)
    with sqlite3.connect(file) as connection:
        connection.execute(f"create view hostile as {VIEWS[view]}")
    connection.close()
    with database(file) as ask, pytest.raises(mt.InputError, match="expected a sound database, got not authorized"):
        list(ask("select * from hostile"))
    assert import_runs(file, tmp_path / "runs").is_complete
