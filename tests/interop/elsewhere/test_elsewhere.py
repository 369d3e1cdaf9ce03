"""Runs of DVCLive, MLflow and trackio: files as those packages write them (looked at in 3.49, 3.17 and 0.43)."""

# ruff: noqa: E501

from __future__ import annotations

import json
import math
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mediatypes as mt
from mediatypes.cli import main
from mediatypes.interop.elsewhere import _logged, import_runs, recognise
from mediatypes.interop.elsewhere._logged import Logged
from tests.interop.elsewhere.written import BEGAN, clearml, clearml_zip, neptune, picture, pluto, swanlab, write


def dvclive(root: Path) -> Path:
    root = root / "project" / "dvclive"
    write(root, {
        "plots/metrics/train/loss.tsv": "step\tloss\n0\t1.0\n1\t0.5\n",
        "plots/metrics/acc.tsv": f"timestamp\tstep\tacc\n{BEGAN}250\t0\t0.5\n{BEGAN}750\t1\tnan\n",
        "plots/sklearn/confusion_matrix.json": "[]",
        "metrics.json": '{"train": {"loss": 0.5}, "acc": NaN, "only": 2, "step": 1}',
        "params.yaml": "lr: 0.1\nnet: {depth: 3}\n",
    })  # fmt: skip
    picture(root / "plots/images/val/1.png", 50)
    picture(root / "plots/images/confusion.png", 60)
    return root


def mlruns(root: Path) -> Path:
    root = root / "mlruns"
    run = f"7/{'ab' * 16}"
    write(root, {
        "0/meta.yaml": "experiment_id: '0'\nname: Default\n",
        "7/meta.yaml": "experiment_id: '7'\nname: exp\n",
        f"{run}/meta.yaml": f"run_id: {'ab' * 16}\nrun_name: first\nstatus: 4\nstart_time: {BEGAN}000\nlifecycle_stage: active\n",
        f"{run}/metrics/loss": f"{BEGAN}250 1.0 0\n{BEGAN}500 0.5 1\n{BEGAN}750 9.0 1\nbroken\n",
        f"{run}/metrics/val/acc": f"{BEGAN}500 nan 1\n",
        f"{run}/params/lr": "0.1", f"{run}/params/net/depth": "3", f"{run}/params/name": "x",
        f"{run}/tags/a": "b", f"{run}/tags/mlflow.note.content": "note", f"{run}/tags/mlflow.user": "root",
        f"{run}/artifacts/notes/a.txt": "hello",
        f"7/{'cd' * 16}/meta.yaml": f"run_id: {'cd' * 16}\nlifecycle_stage: deleted\n",
    })  # fmt: skip
    for end in ("", "+compressed"):
        picture(root / run / f"artifacts/images/val~im+step+1+timestamp+{BEGAN}500+1c176db3-efaa{end}.png")
    return root


def database(path: Path, *statements: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.executescript(statement)
    connection.commit()
    connection.close()
    return path


def mlflow_db(root: Path, artifacts: str = "") -> Path:
    root = root / "store"
    write(root, {"arts/x/artifacts/notes/a.txt": "hello"})
    picture(root / f"arts/x/artifacts/images/val~im+step+1+timestamp+{BEGAN}500+1c176db3-efaa.png")
    uri = artifacts or f"file://{root}/arts/x/artifacts"
    return database(
        root / "mlflow.db",
        "create table experiments (experiment_id integer, name text)",
        "create table runs (run_uuid text, name text, status text, start_time integer, artifact_uri text,"
        " lifecycle_stage text, experiment_id integer)",
        "create table metrics (key text, value double, timestamp integer, run_uuid text, step integer, is_nan boolean)",
        "create table params (key text, value text, run_uuid text)",
        "create table tags (key text, value text, run_uuid text)",
        f"insert into experiments values (7, 'exp'); insert into runs values ('{'ab' * 16}', 'first', 'FAILED',"
        f" {BEGAN}000, '{uri}', 'active', 7), ('{'cd' * 16}', 'x', 'FINISHED', 0, '', 'deleted', 7)",
        f"insert into metrics values ('loss', 1, {BEGAN}250, '{'ab' * 16}', 0, 0), ('loss', 9, {BEGAN}750, '{'ab' * 16}',"
        f" 1, 0), ('loss', 0.5, {BEGAN}500, '{'ab' * 16}', 1, 0), ('val/acc', 0, {BEGAN}500, '{'ab' * 16}', 1, 1)",
        f"insert into params values ('lr', '0.1', '{'ab' * 16}'), ('net/depth', '3', '{'ab' * 16}'), ('name', 'x', '{'ab' * 16}')",
        f"insert into tags values ('a', 'b', '{'ab' * 16}'), ('mlflow.note.content', 'note', '{'ab' * 16}')",
    )


def trackio(root: Path, image: str = "proj/first/1/a.png") -> Path:
    root = root / "trackio"
    picture(root / "media/proj/first/1/a.png")
    calls = [
        {"loss": 1.0, "acc": "NaN", "nested": {"x": 1}},
        {"loss": 0.5, "img": {"_type": "trackio.image", "file_path": image, "caption": "c"}, "odd": {"_type": "trackio.x"}},
        {"t": {"_type": "trackio.table", "_value": [{"a": 1}, {"a": 2}]}},
    ]  # fmt: skip
    rows = ", ".join(
        f"('id', '2026-11-30T11:35:5{i}+00:00', 'first', {i}, '{json.dumps(call)}')" for i, call in enumerate(calls)
    )
    return database(
        root / "proj.db",
        "create table metrics (id integer primary key, run_id text, timestamp text, run_name text, step integer, metrics text)",
        "create table configs (id integer primary key, run_id text, run_name text, config text)",
        "create table alerts (id integer primary key, run_id text)",
        f"insert into metrics (run_id, timestamp, run_name, step, metrics) values {rows}",
        """insert into configs (run_id, run_name, config) values ('id', 'first', '{"lr": 0.1, "_Group": "g", "_Created": "x"}')""",
        "insert into alerts (run_id) values ('id'), ('id')",
    ).parent


MAKERS: dict[str, Callable[[Path], Path]] = {
    "dvclive": dvclive,
    "mlruns": mlruns,
    "mlflow.db": mlflow_db,
    "trackio": trackio,
    "swanlab": swanlab,
    "clearml": clearml,
    "clearml.zip": clearml_zip,
    "neptune": neptune,
    "pluto": pluto,
}


def imported(source: Path, dest: Path) -> tuple[Any, mt.RunView]:
    (report,) = import_runs(source, dest).runs
    assert report.status == "new"
    return report, mt.open_run(dest / report.folder)


def rows_of(view: mt.RunView, key: str) -> list[tuple[int, Any]]:
    return list(view.values(key))


def test_dvclive(tmp_path: Path) -> None:
    report, view = imported(dvclive(tmp_path), tmp_path / "runs")
    assert (report.name, report.rows, report.notes) == ("project", 2, [])
    assert rows_of(view, "train/loss") == [(0, 1.0), (1, 0.5)]
    assert view.history(["_timestamp"]).column("_timestamp").to_pylist() == [BEGAN + 0.25, BEGAN + 0.75]
    assert view.history(["_runtime"]).column("_runtime").to_pylist() == [0, 0.5]
    assert math.isnan(rows_of(view, "acc")[1][1])
    ((step, image),) = rows_of(view, "val")
    assert (step, int(image.to_numpy().max())) == (1, 50)
    assert (view.summary["only"], view.summary["confusion"]["_type"], view.config) == (
        2,
        "image",
        {"lr": 0.1, "net": {"depth": 3}},
    )
    assert sorted(view.files()) == ["metrics.json", "params.yaml", "plots/sklearn/confusion_matrix.json"]


@pytest.mark.parametrize("make", [mlruns, mlflow_db])
def test_mlflow(make: Callable[[Path], Path], tmp_path: Path) -> None:
    report, view = imported(make(tmp_path), tmp_path / "runs")
    lost = ["values of metrics that cannot be read could not be carried: 1"] if make is mlruns else []
    assert report.notes == [*lost, "values that share key and step with a later one could not be carried: 1"]
    assert (report.name, view.name, view.project, view.status) == ("exp/first-abababab", "first", "exp", "failed")
    assert (view.tags, view.notes, view.config) == (["a=b"], "note", {"lr": 0.1, "net/depth": 3, "name": "x"})
    assert rows_of(view, "loss") == [(0, 1.0), (1, 9.0)]
    assert math.isnan(rows_of(view, "val/acc")[0][1])
    assert view.history(["_runtime"]).column("_runtime").to_pylist() == [0.25, 0.75]
    assert [(step, image.width) for step, image in rows_of(view, "val/im")] == [(1, 6)]
    assert view.files()["notes/a.txt"].read_bytes() == b"hello"


def test_trackio(tmp_path: Path) -> None:
    report, view = imported(trackio(tmp_path), tmp_path / "runs")
    assert report.notes == [
        "rows of alerts could not be carried: 2",
        "values of the type trackio.x could not be carried: 1",
    ]
    assert (report.name, view.name, view.project, view.group, view.config) == (
        "proj/first",
        "first",
        "proj",
        "g",
        {"lr": 0.1},
    )
    assert rows_of(view, "loss") == [(0, 1.0), (1, 0.5)]
    assert math.isnan(rows_of(view, "acc")[0][1])
    assert rows_of(view, "nested.x") == [(0, 1)]
    assert [(step, image.caption) for step, image in rows_of(view, "img")] == [(1, "c")]
    assert [table.get_column("a") for _, table in rows_of(view, "t")] == [[1, 2]]


@pytest.mark.parametrize("name", MAKERS)
def test_the_command_recognises_it_and_leaves_what_is_there(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = MAKERS[name](tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    command = ["import", str(source), "-o", str(tmp_path / "runs"), "--project", "p", "--tag", "t"]
    assert main(command) == 0
    (view,) = mt.open_runs(tmp_path / "runs")
    assert (view.project, view.tags[-1]) == ("p", "t")
    assert main(command) == 0
    assert "unchanged" in capsys.readouterr().out
    assert {path: path.read_bytes() for path in before} == before
    assert [path for path in tmp_path.rglob("*") if path.name.startswith(".")] == []


def test_nothing_outside_is_read(tmp_path: Path) -> None:
    write(tmp_path, {"secret/secret.txt": "secret"})
    picture(tmp_path / "secret" / "secret.png")
    for number, uri in enumerate(
        (f"file://{tmp_path}/secret", "../secret", "s3://bucket/x", f"{tmp_path}/store/../secret")
    ):
        report, view = imported(mlflow_db(tmp_path / str(number), uri), tmp_path / f"runs{number}")
        assert "directories of artifacts that are elsewhere could not be carried: 1" in report.notes
        assert view.files() == {}
    for number, name in enumerate(("../../secret/secret.png", str(tmp_path / "secret/secret.png"), "none.png"), 10):
        report, view = imported(trackio(tmp_path / str(number), name), tmp_path / f"runs{number}")
        assert "values of the type trackio.image could not be carried: 1" in report.notes
        assert set(view.keys()) == {"loss", "acc", "nested.x", "t"}


@pytest.mark.skipif(os.name == "nt", reason="needs symbolic links")
def test_links_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path, {"secret/secret.txt": "secret"})
    picture(tmp_path / "secret" / "1.png")
    root = dvclive(tmp_path)
    (root / "plots/images/linked").symlink_to(tmp_path / "secret")
    (root / "secret.txt").symlink_to(tmp_path / "secret" / "secret.txt")
    (root / "params.yaml").unlink()
    (root / "params.yaml").symlink_to(tmp_path / "secret" / "secret.txt")
    _, view = imported(root, tmp_path / "runs")
    assert set(view.keys()) == {"train/loss", "acc", "val"}
    assert sorted(view.files()) == ["metrics.json", "plots/sklearn/confusion_matrix.json"]
    assert view.config == {}


def test_what_is_damaged_is_said(tmp_path: Path) -> None:
    root = dvclive(tmp_path)
    write(root, {"metrics.json": "{", "plots/metrics/acc.tsv": "step\tacc\nx\t1\n0\n"})
    (report,) = import_runs(root, tmp_path / "runs").runs
    assert report.status == "failed"
    assert "metrics.json: expected JSON or YAML" in str(report.problems[0])
    assert list((tmp_path / "runs").glob("*")) == []
    write(root, {"metrics.json": "{}"})
    (root / "plots/images/confusion.png").write_bytes(b"x")
    report, _ = imported(root, tmp_path / "runs")
    assert report.notes == ["images could not be carried: 1", "lines of metrics could not be carried: 2"]
    source = trackio(tmp_path) / "proj.db"
    source.write_bytes(source.read_bytes()[:2048])
    with pytest.raises(mt.InputError):
        import_runs(source, tmp_path / "runs")


def test_something_else_is_not_recognised(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"SQLite format 3\0")
    other = database(tmp_path / "other.db", "create table metrics (a text)")
    for path in (tmp_path, tmp_path / "a.db", other, tmp_path / "none"):
        assert recognise(path) is None
        with pytest.raises(mt.InputError, match=r"expected runs of dvclive, mlflow, .* or pluto, got something else"):
            import_runs(path, tmp_path / "runs")


def test_steps_of_dvclive_that_are_no_numbers_are_lost_alone(tmp_path: Path) -> None:
    root = dvclive(tmp_path)
    write(root, {"plots/metrics/odd.tsv": f"step\todd\n²\t1.0\n{'9' * 5000}\t2.0\n1\t3.0\n"})
    picture(root / "plots/images/val/².png", 70)
    report, view = imported(root, tmp_path / "runs")
    assert report.notes == ["lines of metrics could not be carried: 2"]
    assert rows_of(view, "odd") == [(1, 3.0)]
    assert view.summary["val/²"]["_type"] == "image"


@pytest.mark.parametrize(("timed", "expected"), [("", None), (f"{BEGAN}250", BEGAN + 0.25)])
def test_rows_without_a_time_are_not_of_1970(timed: str, expected: float | None, tmp_path: Path) -> None:
    root = tmp_path / "dvclive"
    write(root, {"plots/metrics/loss.tsv": f"timestamp\tstep\tloss\n\t0\t1.0\n{timed}\t1\t0.5\n"})
    _, view = imported(root, tmp_path / "runs")
    rows = view.history(["_timestamp", "_runtime"])
    times, runtimes = (rows.column(name).to_pylist() for name in ("_timestamp", "_runtime"))
    assert times == [expected, expected] if expected else min(times) > 1e9
    assert max(map(abs, runtimes)) < 1e6


def test_params_of_dvclive_are_yaml_as_ruamel_writes_it(tmp_path: Path) -> None:
    root = dvclive(tmp_path)
    written = "lr: 1e-05\ntext: yes\noff: 1:30\nbig: 1e+22\nflag: true\nn: -3\ninf: .inf\nquoted: '012'\nnone:\n"
    (root / "params.yaml").write_text(written)
    _, view = imported(root, tmp_path / "runs")
    expected = {"lr": 1e-05, "text": "yes", "off": "1:30", "big": 1e22, "flag": True, "n": -3, "inf": math.inf}
    assert view.config == expected | {"quoted": "012", "none": None}


@pytest.mark.parametrize("damage", [b"\xff\xfe: [", b"a: [", b"&a [*a]"])
def test_a_run_of_mlflow_that_cannot_be_described_is_said(damage: bytes, tmp_path: Path) -> None:
    root = mlruns(tmp_path)
    broken = root / "7" / ("b" * 32)
    broken.mkdir()
    (broken / "meta.yaml").write_bytes(damage)
    reports = import_runs(root, tmp_path / "runs").runs
    assert sorted(report.status for report in reports) == ["failed", "new"]
    assert "meta.yaml" in next(str(report.problems) for report in reports if report.status == "failed")


def test_values_that_the_run_refused_are_not_counted_as_logged(tmp_path: Path) -> None:
    run = Logged(rows={0: {"loss": 1.0, "bad": object()}, 1: {"bad": object()}, 2: {"loss": "now a text"}})
    with mt.Run(tmp_path / "run", on_error="record", quiet=True, capture=False) as made:
        assert _logged._log(made, run) == 2
    history = mt.open_run(tmp_path / "run").history()
    assert sum(len(column.drop_null()) for name, column in zip(history.column_names, history.columns, strict=True)
               if not name.startswith("_")) == 2  # fmt: skip
