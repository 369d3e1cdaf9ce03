"""Many runs as one table, one history, one database: loose folders and compacted datasets alike."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

import mediatypes as mt
from mediatypes.runset import compact_write
from mediatypes.runset.discovery import name_below

Photo = Any


@pytest.fixture
def root(tmp_path: Path, astronaut: Photo) -> Path:
    """Runs that differ in columns and kinds: numbers, texts under the same key, case twins, lists, media, nothing."""
    base = tmp_path / "runs"
    with mt.Run(base / "a", project="p", tags=["x", "y"], config={"lr": 0.1, "net": {"depth": 4}}, group="g") as run:
        for i in range(4):
            run.log({"acc": i / 4, "n": i, "img": mt.Image(astronaut[::8, ::8], caption=f"step {i}")})
    with mt.Run(base / "b", project="q", tags=["x"], config={"lr": "auto", "net": {"depth": 8}}) as run:
        run.log({"acc": "diverged", "Acc": 3, "nan": float("nan"), "none": None})
        run.log({"acc": 0.5, "words": ["a", None], "numbers": [1, 2.5]})
    with mt.Run(base / "deep" / "c") as run:
        run.log({"acc": mt.Histogram([1, 2, 3]), "n": 2**60})
    mt.Run(base / "empty").finish()
    return base


@pytest.fixture(params=["loose", "compacted"])
def runs(request: pytest.FixtureRequest, root: Path, tmp_path: Path) -> mt.RunSet:
    if request.param == "loose":
        return mt.open_runs(root)
    mt.compact(root, tmp_path / "all", ThreadPoolExecutor(1))
    return mt.open_runs(tmp_path / "all")


def test_runs_are_named_by_their_paths(runs: mt.RunSet) -> None:
    assert runs.names == ["a", "b", "deep/c", "empty"]
    assert len(runs) == 4
    assert [view.name for view in runs] == ["a", "b", "c", "empty"]
    assert runs["deep/c"].path == runs[2].path
    assert runs[runs["b"].id].project == "q"
    with pytest.raises(KeyError, match="expected the name or id of one of 4 runs, got 'zz'"):
        runs["zz"]


def test_the_table_has_a_row_for_each_run(runs: mt.RunSet) -> None:
    rows = {row["run"]: row for row in runs.table().to_pylist()}
    assert rows["a"]["tags"] == ["x", "y"]
    assert [rows[run]["project"] for run in runs.names] == ["p", "q", None, None]
    assert [rows[run]["status"] for run in runs.names] == ["finished"] * 4
    assert [rows[run]["config.lr"] for run in runs.names] == [0.1, None, None, None]
    assert [rows[run]["config.lr#string"] for run in runs.names] == [None, "auto", None, None]
    assert [rows[run]["config.net.depth"] for run in runs.names] == [4, 8, None, None]
    assert [rows[run]["summary.acc"] for run in runs.names] == [0.75, 0.5, None, None]
    assert json.loads(rows["deep/c"]["summary.acc#json"])["_type"] == "histogram"
    assert runs.to_pandas().shape[0] == 4


def test_a_list_of_long_integers_in_a_config_is_text(tmp_path: Path) -> None:
    mt.Run(tmp_path / "a", config={"seeds": [2**100, 3], "seed": 2**100}).finish()
    (row,) = mt.open_runs(tmp_path).table().select(["config.seeds", "config.seed"]).to_pylist()
    assert row == {"config.seeds": f"[{2**100},3]", "config.seed": f"{2**100}"}


def test_histories_unify_by_key_and_kind(runs: mt.RunSet) -> None:
    table = runs.history()
    assert table.column_names[:4] == ["run", "_step", "_timestamp", "_runtime"]
    assert set(table.column_names[4:]) == {
        "acc", "acc#string", "acc#histogram", "n", "n#integer", "img", "Acc#2", "nan", "none", "words", "numbers"
    } - ({"none"} if "none" not in table.column_names else set())  # fmt: skip
    rows = [
        {key: value for key, value in row.items() if value is not None and key[0] != "_"} for row in table.to_pylist()
    ]
    assert [row["run"] for row in rows] == ["a"] * 4 + ["b"] * 2 + ["deep/c"]
    assert (rows[1]["acc"], rows[1]["n"]) == (0.25, 1)
    assert rows[1]["img"]["caption"] == "step 1"
    assert (rows[4]["acc#string"], rows[4]["Acc#2"], np.isnan(rows[4]["nan"])) == ("diverged", 3, True)
    assert (rows[5]["acc"], rows[5]["words"], rows[5]["numbers"]) == (0.5, ["a", None], [1, 2.5])
    assert (rows[6]["n#integer"], rows[6]["acc#histogram"]["_type"]) == (2**60, "histogram")


def test_keys_and_steps_choose_rows(runs: mt.RunSet) -> None:
    assert runs.history(["n"]).select(["run", "_step", "n"]).to_pydict() == {
        "run": ["a"] * 4 + ["deep/c"],
        "_step": [0, 1, 2, 3, 0],
        "n": [0, 1, 2, 3, None],
    }
    assert runs.history(["acc"], steps=(1, 3)).column("run").to_pylist() == ["a", "a", "b"]
    assert runs.history(["words"]).column("words").to_pylist() == [["a", None]]
    with pytest.raises(mt.InputError, match=r"expected a key of this run, got 'ac'. Did you mean 'acc'?"):
        runs.history(["ac"])
    with pytest.raises(mt.InputError, match=r"history.keys: expected a list of keys, got 'acc'"):
        runs.history("acc")


def test_sql_sees_runs_history_and_media(runs: mt.RunSet) -> None:
    asked = runs.sql("select run, max(acc) from history group by run having max(acc) is not null order by run")
    assert asked.fetchall() == [("a", 0.75), ("b", 0.5)]
    assert runs.sql('select run from runs where "config.net.depth" > 4').fetchall() == [("b",)]
    found = runs.sql("select run, step, caption, path from media where type = 'image' order by step").fetchall()
    assert [row[:3] for row in found] == [("a", i, f"step {i}") for i in range(4)]
    assert runs.sql("select distinct width from media where type = 'image'").fetchall() == [(64,)]
    assert runs.sql('select "acc#string" from history where "acc#string" is not null').fetchall() == [("diverged",)]
    with pytest.raises(mt.InputError, match=r'sql: expected a query that DuckDB takes, got .*"nope"'):
        runs.sql("select nope from history")


def test_loose_and_compacted_are_equal(root: Path, tmp_path: Path) -> None:
    mt.compact(root, tmp_path / "all", ThreadPoolExecutor(2))
    loose, packed = mt.open_runs(root), mt.open_runs(tmp_path / "all")
    one, other = (runs.history().drop(["nan"]).to_pydict() for runs in (loose, packed))
    one.pop("none", None)
    assert one == other
    assert loose.table().drop(["summary.nan"]).to_pydict() == packed.table().drop(["summary.nan"]).to_pydict()


@pytest.mark.parametrize(
    ("base", "path", "name"),
    [("/", "/a/b", "a/b"), ("/r", "/r/a", "a"), ("/r", "/r", "."), ("/r/..x", "/r/..x/y", "y")],
)
def test_a_run_is_named_by_the_way_from_the_base(base: str, path: str, name: str) -> None:
    assert name_below(Path(base), Path(path)) == Path(path).relative_to(base).as_posix() == name


def test_filters_narrow_a_set(root: Path) -> None:
    runs = mt.open_runs(root)
    assert runs.filter(project="p").names == ["a"]
    assert runs.filter(tags="x").names == ["a", "b"]
    assert runs.filter(tags=["x", "y"]).names == ["a"]
    assert runs.filter(group="g", status="finished").names == ["a"]
    assert runs.filter(config={"net.depth": 8}).names == ["b"]
    assert runs.filter(config={"net": {"depth": 4}}).names == ["a"]
    assert runs.filter(lambda view: "Acc" in view.keys()).names == ["b"]  # noqa: SIM118 - a method
    assert runs.filter(project="zz").history().num_rows == 0
    assert runs[1:3].names == ["b", "deep/c"]


def test_a_list_or_a_pattern_opens_runs(root: Path) -> None:
    assert mt.open_runs([root / "b", root / "deep"]).names == ["b", "deep/c"]
    assert mt.open_runs(str(root / "[ab]")).names == ["a", "b"]
    assert mt.open_runs(root / "a").names == ["a"]
    with pytest.raises(mt.StoreError, match="expected a pattern that directories match, got 'none'"):
        mt.open_runs(str(root / "z*"))
    with pytest.raises(mt.StoreError, match="a directory of runs, got nothing of that name"):
        mt.open_runs(root / "nowhere")


def test_more_runs_are_read_than_files_can_be_open(tmp_path: Path) -> None:
    pytest.importorskip("resource", reason="the system has no limits of this kind")
    for i in range(100):
        with mt.Run(tmp_path / f"{i:03}") as run:
            run.log({"x": i})
    code = """
import resource, sys
import mediatypes as mt
from mediatypes.runfolder import parquet_reader

resource.setrlimit(resource.RLIMIT_NOFILE, (80, 80))
parquet_reader._SMALL = 0  # every file counts as a large one, which is not read into memory
runs = mt.open_runs(sys.argv[1])
print(sum(runs.history(["x"]).column("x").to_pylist()))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert (done.stdout.split(), done.stderr) == (["4950"], "")


def test_a_run_of_ten_gigabytes_is_listed_without_reading_it(root: Path) -> None:
    (sidecar, *_) = (root / "a" / "media").rglob("*.png")
    os.truncate(sidecar, 10**10)  # sparse: it takes no room, but whoever reads it reads all of it
    counters = Path("/proc/self/io")
    if not counters.exists():
        pytest.skip("the system does not count what a process reads")
    mt.open_runs(root).table()  # what is imported on the way counts as well
    before = int(counters.read_text().split()[1])
    runs = mt.open_runs(root)
    assert runs.table().num_rows == 4
    assert runs.history(["acc", "img"]).num_rows == 7
    assert next(view.keys() for view in runs)["img"] == ("image",)
    assert int(counters.read_text().split()[1]) - before < 1_000_000


def test_a_run_without_media_is_compacted_without_its_empty_table(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "runs" / "a") as run:
        run.log({"x": 1})
    with mt.Run(tmp_path / "runs" / "b") as run:
        run.log({"x": 2})
        run.summary["best"] = mt.Histogram([1, 2])
    with mt.Run(tmp_path / "runs" / "c") as run:
        run.log({"x": 3, "hs": [mt.Histogram([1, 2])]})
    mt.compact(tmp_path / "runs", tmp_path / "all", ThreadPoolExecutor(1))
    found = mt.open_runs(tmp_path / "all").sql("select run, key, step, type from media order by run").fetchall()
    assert found == [("b", "best", None, "histogram"), ("c", "hs", 0, "histogram")]


def test_a_damaged_run_is_left_out_and_named(root: Path) -> None:
    (root / "b" / "run.json").write_text("{")
    runs = mt.open_runs(root)
    assert runs.names == ["a", "deep/c", "empty"]
    assert [str(root / "b") in problem.path for problem in runs.problems] == [True]


def test_live_and_killed_runs_take_part(root: Path) -> None:
    live = mt.Run(root / "live")
    live.log({"acc": 0.9, "img": mt.Image(np.zeros((2, 2, 3), np.uint8))})
    runs = mt.open_runs(root)
    assert runs.sql("select acc from history where run = 'live'").fetchall() == [(0.9,)]
    assert runs.sql("select step, type from media where run = 'live'").fetchall() == [(0, "image")]
    assert runs.history(["acc"]).column("run").to_pylist().count("live") == 1
    live.finish()


# Compacting


def content(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_a_run_with_a_damaged_page_is_left_out(tmp_path: Path) -> None:
    for name in "abc":
        with mt.Run(tmp_path / "runs" / name) as run:
            for number in range(500):
                run.log({"text": f"{number * 7919 % 1009}"})
    file = tmp_path / "runs" / "b" / "history.parquet"
    data = bytearray(file.read_bytes())
    data[len(data) // 3] ^= 255
    file.write_bytes(data)
    done = mt.compact(tmp_path / "runs", tmp_path / "all", ThreadPoolExecutor(1))
    assert (done.added, [problem.path for problem in done.problems]) == (["a", "c"], [str(file)])
    assert mt.open_runs(tmp_path / "all").history(["text"]).num_rows == 1000


def test_an_index_of_media_with_a_column_of_another_type_costs_that_column(tmp_path: Path) -> None:
    for name in "ab":
        with mt.Run(tmp_path / "runs" / name) as run:
            run.log({"photo": mt.Image(np.zeros((2, 3), np.uint8))})
    file = tmp_path / "runs" / "b" / "media.parquet"
    table, metadata = pq.read_table(file), pq.read_metadata(file).metadata[b"mediatypes"]
    table = table.set_column(table.schema.get_field_index("size"), "size", pa.array(["many"])).replace_schema_metadata()
    with pq.ParquetWriter(file, table.schema, store_schema=False) as writer:
        writer.add_key_value_metadata({"mediatypes": metadata})
        writer.write_table(table)
    assert mt.compact(tmp_path / "runs", tmp_path / "all", ThreadPoolExecutor(1)).problems == []
    rows = mt.open_runs(tmp_path / "all").sql("select run, key, size is null from media order by run").fetchall()
    assert rows == [("a", "photo", False), ("b", "photo", True)]


def test_compacting_again_reads_only_what_is_new_or_changed(root: Path, tmp_path: Path) -> None:
    pool = ThreadPoolExecutor(1)
    seen: list[tuple[int, int, str]] = []
    first = mt.compact(root, tmp_path / "all", pool, lambda *now: seen.append(now))
    assert first.added == ["a", "b", "deep/c", "empty"]
    assert seen == [(4, 4, "empty")]
    before = content(tmp_path / "all")
    again = mt.compact(root, tmp_path / "all", pool)
    assert (again.added, again.replaced, again.unchanged) == ([], [], 4)
    assert content(tmp_path / "all") == before
    mt.open_run(root / "a").edit(tags=["edited"])
    with mt.Run(root / "b", mode="resume") as run:
        run.log({"acc": 0.75, "later": "x"})
    with mt.Run(root / "z") as run:
        run.log({"acc": 1.0})
    live = mt.Run(root / "live")
    third = mt.compact(root, tmp_path / "all", pool)
    assert (third.added, sorted(third.replaced), third.unchanged, third.waiting) == (["z"], ["a", "b"], 2, ["live"])
    live.finish()
    runs = mt.open_runs(tmp_path / "all")
    assert dict(runs.sql("select run, tags from runs").fetchall())["a"] == ["edited"]
    counts = dict(runs.sql("select run, count(*) from history group by run").fetchall())
    assert counts == {"a": 4, "b": 3, "deep/c": 1, "z": 1}


def test_runs_whose_folder_is_gone_stay(root: Path, tmp_path: Path) -> None:
    mt.compact(root, tmp_path / "all", ThreadPoolExecutor(1))
    (root / "a").rename(tmp_path / "moved")
    mt.compact(root, tmp_path / "all", ThreadPoolExecutor(1))
    assert "a" in mt.open_runs(tmp_path / "all").names


def test_many_runs_make_many_parts_and_columns_keep_their_names(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compact_write, "_RUNS", 3)
    for i in range(10):
        with mt.Run(root / f"n{i}", config={"i": i if i % 2 else str(i)}) as run:
            run.log({"x": i if i % 2 else f"t{i}", "X": 1})
    mt.compact(root, tmp_path / "all", ThreadPoolExecutor(2))
    assert len(list((tmp_path / "all" / "history").glob("part-*"))) == 6
    one, other = mt.open_runs(root).history(), mt.open_runs(tmp_path / "all").history()
    assert one.column("x").to_pylist() == other.column("x").to_pylist()
    assert one.column("x#string").to_pylist() == other.column("x#string").to_pylist()
    with mt.Run(root / "o") as run:
        run.log({"y": "first a text"})
    mt.compact(root, tmp_path / "all", ThreadPoolExecutor(1))
    with mt.Run(root / "p") as run:
        run.log({"y": 1.5})
    mt.compact(root, tmp_path / "all", ThreadPoolExecutor(1))
    table = mt.open_runs(tmp_path / "all").history(["y"])
    assert table.select(["run", "y", "y#number"]).to_pylist() == [
        {"run": "o", "y": "first a text", "y#number": None},
        {"run": "p", "y": None, "y#number": 1.5},
    ]


def test_other_readers_open_the_dataset(root: Path, tmp_path: Path) -> None:
    mt.compact(root, tmp_path / "all", ThreadPoolExecutor(1))
    history = tmp_path / "all" / "history"
    assert pd.read_parquet(history, columns=["run", "acc", "words"]).shape == (7, 3)
    assert ds.dataset(history).to_table(columns=["acc#string"]).num_rows == 7
    query = f"select count(acc) from read_parquet('{history}/*.parquet', union_by_name = true)"
    assert duckdb.execute(query).fetchall() == [(5,)]
    assert pl.scan_parquet(history / "*.parquet", missing_columns="insert").collect().height == 7


@pytest.mark.parametrize("moment", range(8))
def test_work_that_is_interrupted_is_done_again(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    pool = ThreadPoolExecutor(1)
    mt.compact(root, tmp_path / "all", pool)
    before = mt.open_runs(tmp_path / "all").history().num_rows
    mt.open_run(root / "a").edit(notes="edited")
    with mt.Run(root / "z") as run:
        run.log({"acc": 1.0, "fresh": 1})
    left, real = [moment], os.replace

    class Died(BaseException):
        pass

    def replace(source: Any, target: Any) -> None:
        if str(tmp_path / "all") in str(target):
            left[0] -= 1
            if left[0] < 0:
                raise Died
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace)
        with pytest.raises(Died):
            mt.compact(root, tmp_path / "all", pool)
    assert mt.open_runs(tmp_path / "all").history().num_rows in (before, before + 1)
    mt.compact(root, tmp_path / "all", pool)
    runs = mt.open_runs(tmp_path / "all")
    assert runs.names.count("z") == 1
    assert runs.history().num_rows == before + 1
    assert dict(runs.sql("select run, notes from runs").fetchall())["a"] == "edited"
    assert not [path for path in (tmp_path / "all").rglob(".*") if path.is_file()]


def test_a_run_that_cannot_be_read_is_left_out_and_said(root: Path, tmp_path: Path) -> None:
    (root / "b" / "history.parquet").write_bytes(b"PAR1 no PAR1")
    done = mt.compact(root, tmp_path / "all", ThreadPoolExecutor(1))
    assert done.added == ["a", "deep/c", "empty"]
    assert [str(root / "b" / "history.parquet") in problem.path for problem in done.problems] == [True]


def test_a_directory_that_holds_something_else_is_refused(root: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    with pytest.raises(mt.DocumentError, match=r"expected a directory with compact.json, or an empty one"):
        mt.compact(root, tmp_path / "mine", ThreadPoolExecutor(1))
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.tex"]


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
@pytest.mark.parametrize("name", ["history", "media", "runs", "journal"])
def test_a_dataset_is_not_written_through_a_link(root: Path, tmp_path: Path, name: str) -> None:
    """Neither at first, nor when it is there: parts that nobody knows are removed, the lock is written."""
    dataset, outside = tmp_path / "all", tmp_path / "outside"
    outside.mkdir()
    for file in (".part-00007.parquet", "part-00007.parquet", "lock"):
        (outside / file).write_text("mine")
    for is_there in (False, True):
        if is_there:
            mt.compact(root, dataset, ThreadPoolExecutor(1))
            if (dataset / name).exists():
                (dataset / name).rename(tmp_path / "before")
        dataset.mkdir(exist_ok=True)
        (dataset / name).symlink_to(outside)
        with pytest.raises(mt.UnsafePath) as caught:
            mt.compact(root, dataset, ThreadPoolExecutor(1))
        message = f"{dataset / name}: expected a directory, got a symbolic link. "
        assert str(caught.value) == message + "Put the directory itself there, or remove the link."
        assert {path.name: path.read_text() for path in outside.iterdir()} == {
            ".part-00007.parquet": "mine",
            "part-00007.parquet": "mine",
            "lock": "mine",
        }
        (dataset / name).unlink()


def test_a_part_that_is_gone_is_told_without_our_query(root: Path, tmp_path: Path) -> None:
    mt.compact(root, tmp_path / "all", ThreadPoolExecutor(1))
    (tmp_path / "all" / "history" / "part-00000.parquet").unlink()
    with pytest.raises(mt.DocumentError, match=r"part-00000\.parquet") as caught:
        mt.open_runs(tmp_path / "all").sql("select loss from history")
    assert "create temp view" not in str(caught.value)


def test_by_default_processes_do_the_work(root: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mediatypes", "compact", root, tmp_path / "all"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{tmp_path / 'all'}: 4 added, 0 replaced, 0 unchanged, 0 not over yet\n"


# The command line


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("csv", "run,best\na,0.75\nb,0.5\n"),
        ("json", '[{"best":0.75,"run":"a"},\n {"best":0.5,"run":"b"}]\n'),
    ],
)
def test_query_prints_an_answer(root: Path, form: str, expected: str, capsys: Any) -> None:
    from mediatypes.cli import main

    query = "select run, max(acc) as best from history group by run having best is not null order by run"
    assert main(["query", str(root), query, "--format", form]) == 0
    assert capsys.readouterr().out == expected
    assert main(["query", str(root), query]) == 0
    assert "0.75" in capsys.readouterr().out
    assert main(["query", str(root), query, "--format", "parquet", "-o", str(root / "x.parquet")]) == 0
    assert pd.read_parquet(root / "x.parquet").best.tolist() == [0.75, 0.5]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["select x from history"], "sql: expected a query that DuckDB takes"),
        (["select 1", "--format", "parquet"], "query --format parquet: expected a file to write, got None"),
        (["select 1", "-o", "/nowhere/x", "--format", "csv"], "expected to write the answer"),
    ],
)
def test_a_bad_query_says_why(root: Path, arguments: list[str], message: str, capsys: Any) -> None:
    from mediatypes.cli import main

    assert main(["query", str(root), *arguments]) == 2
    assert message in capsys.readouterr().err


# One run in other hands


def test_a_run_goes_to_other_packages(root: Path) -> None:
    view = mt.open_run(root / "a")
    assert view.to_polars(["acc"]).columns == ["_step", "acc"]
    assert view.to_arrow(["acc"], (1, 3)).column("acc").to_pylist() == [0.25, 0.5]
    assert view.scan().to_table(columns=["acc"], filter=ds.field("_step") >= 2).num_rows == 2
    live = mt.Run(root / "live")
    live.log({"a": 1})
    assert mt.open_run(root / "live").scan().to_table(columns=["a"]).to_pydict() == {"a": [1.0]}
    live.finish()


def test_a_slice_reads_only_its_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediatypes.runfolder.merge_rows.GROUP_ROWS", 10)
    with mt.Run(tmp_path / "run") as run:
        for i in range(100):
            run.log({"i": i})
    import pyarrow.parquet as pq

    read: list[Any] = []
    real: Callable[..., Any] = pq.ParquetFile.read_row_groups
    monkeypatch.setattr(
        pq.ParquetFile,
        "read_row_groups",
        lambda self, groups, *rest, **more: (read.append(groups), real(self, groups, *rest, **more))[1],
    )
    view = mt.open_run(run.path)
    assert view.history(["i"], (25, 41)).column("i").to_pylist() == list(range(25, 41))
    assert read == [[2, 3, 4]]
    for first, end in ((0, 0), (99, 1000), (-5, 3), (40, 40), (10, 20)):
        assert view.history(["i"], (first, end)).column("i").to_pylist() == list(range(100))[max(first, 0) : end]
