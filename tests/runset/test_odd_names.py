"""Folders and keys that are called as parts of the machinery are: patterns, files of an export, columns of a query."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mediatypes as mt
from mediatypes.cli import main


def made(path: Path, **values: object) -> Path:
    with mt.Run(path) as run:
        run.log(values)
    return path


def test_what_exists_is_no_pattern(tmp_path: Path) -> None:
    made(tmp_path / "exp[1]" / "a", x=1)
    made(tmp_path / "exp1" / "b", x=2)
    assert [view.name for view in mt.open_runs(tmp_path / "exp[1]")] == ["a"]
    assert [view.name for view in mt.open_runs(str(tmp_path / "exp[12]"))] == ["b"]
    assert mt.compact(tmp_path / "exp[1]", tmp_path / "all").added == ["a"]
    with pytest.raises(mt.StoreError, match="a pattern that directories match"):
        mt.open_runs(str(tmp_path / "none[1]"))


def test_keys_may_be_called_as_columns_of_a_query(tmp_path: Path) -> None:
    made(tmp_path / "a", run=1, file=2, filename=3, x=4)
    made(tmp_path / "b", x=5, Filename="c")
    live = mt.Run(tmp_path / "live")
    live.log({"run": 6, "file": 7, "filename": 8})
    runs = mt.open_runs(tmp_path)
    rows = runs.sql('select run, "run#2", file, filename, x, "Filename#2" from history order by run').fetchall()
    assert rows == [("a", 1, 2, 3, 4, None), ("b", None, None, None, 5, "c"), ("live", 6, 7, 8, None, None)]
    assert runs.history(["file"]).column("file").to_pylist() == [2, 7]
    live.finish()


def test_an_export_below_the_runs_is_no_run(tmp_path: Path) -> None:
    run = made(tmp_path / "a", x=1)
    mt.export(run, "long", tmp_path / "exported")
    runs = mt.open_runs(tmp_path)
    assert (runs.names, runs.problems) == (["a"], [])


def test_a_run_without_its_summary_is_a_problem_and_not_waited_for(tmp_path: Path) -> None:
    run = made(tmp_path / "runs" / "a", x=1)
    made(tmp_path / "runs" / "b", x=1)
    (run / "summary.json").unlink()
    done = mt.compact(tmp_path / "runs", tmp_path / "all")
    assert (done.added, done.waiting) == (["b"], [])
    (problem,) = done.problems
    assert problem.path == str(run / "summary.json")
    assert problem.hint == f"It was lost: mediatypes recover {run} makes it again."


def test_a_list_of_one_run_that_cannot_be_read_does_not_say_that_there_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (made(tmp_path / "a", x=1) / "summary.json").unlink()
    assert main(["ls", str(tmp_path)]) == 2
    told = capsys.readouterr()
    assert (told.out, told.err.count("mediatypes recover")) == ("", 1)


@pytest.mark.parametrize("text", [None, "{", "[]"])
def test_a_run_without_its_summary_costs_no_other_run(
    tmp_path: Path, text: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    run = made(tmp_path / "a", x=1)
    made(tmp_path / "b", x=2)
    (run / "summary.json").unlink()
    if text:
        (run / "summary.json").write_text(text)
    runs = mt.open_runs(tmp_path)
    assert runs.table().select(["run", "summary.x"]).to_pylist() == [{"run": "b", "summary.x": 2}]
    assert runs.sql('select run, "summary.x" from runs').fetchall() == [("b", 2)]
    (problem,) = runs.problems
    assert str(run / "summary.json") in str(problem)
    assert runs.history(["x"]).column("x").to_pylist() == [1, 2]
    for command in (["ls", str(tmp_path)], ["query", str(tmp_path), "select run from runs"]):
        assert main(command) == 2
        assert capsys.readouterr().err == f"mediatypes: left out: {problem}\n"


def test_large_integers_beside_nulls_are_exact_in_pandas(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "a", config={"seed": 2**60 + 1}) as run:
        run.log({"id": 2**60 + 1, "n": 1})
        run.log({"n": None, "x": 0.5})
    made(tmp_path / "b", x=1)
    frame = mt.open_run(run.path).to_pandas()
    assert (frame["id"][0], frame["id"].isna().tolist(), str(frame["id"].dtype)) == (2**60 + 1, [False, True], "Int64")
    assert str(frame["n"].dtype) == "float64"
    table = mt.open_runs(tmp_path).to_pandas()
    assert table["config.seed"][0] == 2**60 + 1
    assert table["config.seed"][1] is pd.NA


@pytest.mark.parametrize("is_over", [True, False])
def test_sql_has_columns_whose_names_have_a_nul(tmp_path: Path, is_over: bool) -> None:
    pytest.importorskip("duckdb")
    row = {"a\0b": 0.5, "a\0c": 1.5, "a": 2.5}
    run = mt.Run(tmp_path / "runs" / "one", config={"x\0y": 1, "x\0z": 2})
    run.log(row)
    if is_over:
        run.finish()
    runs = mt.open_runs(tmp_path / "runs")
    history = runs.sql("select * from history")
    assert history.columns == ["run", "_step", "_timestamp", "_runtime", *row]
    assert history.fetchall()[0][4:] == tuple(row.values())
    described = runs.sql("select * from runs")
    assert described.columns == runs.table().column_names
    assert described.fetchall() == [tuple(one.values()) for one in runs.table().to_pylist()]
    run.finish()


@pytest.mark.parametrize("lost", ["history.parquet", "summary.json"])
def test_a_run_that_lost_a_file_is_named_and_not_left_out(tmp_path: Path, lost: str) -> None:
    for name in ("a", "b"):
        with mt.Run(tmp_path / "runs" / name, capture=[]) as run:
            run.log({"photo": mt.Image(np.zeros((2, 2), np.uint8))})
    (tmp_path / "runs" / "a" / lost).unlink()
    assert len(mt.open_runs(tmp_path / "runs")) == 2
    report = mt.compact(tmp_path / "runs", tmp_path / "set")
    assert report.added == ["b"]
    assert [lost in problem.message or lost in problem.path for problem in report.problems] == [True]


def test_a_run_keeps_its_name_when_others_come(tmp_path: Path) -> None:
    runs, dataset, copies = tmp_path / "runs", tmp_path / "all", tmp_path / "copies"
    made(runs / "first" / "a", x=1)
    for source in (runs, str(runs / "*"), str(runs / "f*" / "a")):
        assert mt.open_runs(source).names == ["first/a"]
    assert mt.compact(runs, dataset).added == ["first/a"]
    assert mt.copy(runs, copies).runs == ["first/a"]
    made(runs / "second" / "b", x=2)
    added, replaced, unchanged, *_ = mt.compact(runs, dataset)
    assert (added, replaced, unchanged) == (["second/b"], [], 1)
    assert mt.copy(runs, copies).runs == ["first/a", "second/b"]
    for root in (runs, dataset, copies):
        rows = mt.open_runs(root).history(["x"]).select(["run", "x"]).to_pylist()
        assert rows == [{"run": "first/a", "x": 1}, {"run": "second/b", "x": 2}]


def test_a_run_that_holds_runs_has_a_name(tmp_path: Path) -> None:
    made(tmp_path / "runs" / "sweep", x=1)
    made(tmp_path / "runs" / "sweep" / "trial", x=2)
    done = mt.copy(tmp_path / "runs" / "sweep", tmp_path / "copies")
    assert (done.runs, done.problems) == (["sweep", "sweep/trial"], [])
    for root in (tmp_path / "runs" / "sweep", tmp_path / "copies"):
        runs = mt.open_runs(root)
        assert [(name, runs[name].summary["x"]) for name in runs.names] == [("sweep", 1), ("sweep/trial", 2)]


def test_columns_have_the_same_names_in_sql_whatever_the_state_of_a_run(tmp_path: Path) -> None:
    live = mt.Run(tmp_path / "runs" / "a")
    live.log({"Loss": 1.0})
    made(tmp_path / "runs" / "b", loss=2.0)
    for _ in ("running", "finished"):
        runs = mt.open_runs(tmp_path / "runs")
        table = runs.history()
        assert table.column_names[:5] == ["run", "_step", "_timestamp", "_runtime", "Loss"]
        asked = runs.sql("select * from history order by run").to_arrow_table()
        assert asked.to_pylist() == table.to_pylist()
        assert asked.column_names == table.column_names
        live.finish()


def test_a_dataset_among_others_is_named(tmp_path: Path) -> None:
    made(tmp_path / "runs" / "a", x=1)
    mt.compact(tmp_path / "runs", tmp_path / "all")
    for source in ([tmp_path / "all", tmp_path / "runs"], str(tmp_path / "*")):
        runs = mt.open_runs(source)
        assert [view.name for view in runs] == ["a"]
        assert [(problem.path, problem.code) for problem in runs.problems] == [(str(tmp_path / "all"), "dataset")]
    assert [problem.code for problem in mt.compact(tmp_path / "all", tmp_path / "again").problems] == ["dataset"]
    assert mt.open_runs([tmp_path / "all"]).problems == mt.open_runs(tmp_path).problems == []
