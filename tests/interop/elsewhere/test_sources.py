"""SwanLab, ClearML, neptune-exporter and pluto.migrate: what they wrote is what the run has."""

from __future__ import annotations

import contextlib
import json
import math
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mediatypes as mt
from mediatypes.cli import main
from mediatypes.interop.elsewhere import _sources, import_runs, recognise
from tests.interop.elsewhere.written import (
    BEGAN,
    clearml,
    clearml_zip,
    neptune,
    picture,
    pluto,
    swanlab,
    swanlab_log,
    swanlab_media,
    swanlab_scalar,
)

LOSS = [(0, 1.0), (1, 0.5)]


def imported(source: Path, dest: Path) -> tuple[Any, mt.RunView]:
    (report,) = import_runs(source, dest).runs
    assert (report.status, report.problems) == ("new", [])
    return report, mt.open_run(dest / report.folder)


def rows_of(view: mt.RunView, key: str) -> list[tuple[int, Any]]:
    return list(view.values(key))


def grey(value: Any) -> int:
    return int(value.to_numpy().max())


def told(view: mt.RunView) -> tuple[Any, ...]:
    return view.name, view.project, view.tags, view.notes, view.status


def runtimes(view: mt.RunView) -> list[Any]:
    return list(view.history(["_runtime"]).column("_runtime").to_pylist())


def test_swanlab(tmp_path: Path) -> None:
    report, view = imported(swanlab(tmp_path), tmp_path / "runs")
    assert report.name == "run-20261130_135011-abc"
    assert report.notes == [
        "captions of texts could not be carried: 1",
        "charts of ECharts, whose files are kept, could not be carried: 1",
    ]
    assert told(view) == ("first", "proj", ["a"], "note", "finished")
    assert (view.group, view.config) == ("g", {"lr": 0.1, "net": {"depth": 3}})
    assert rows_of(view, "loss") == LOSS
    assert runtimes(view) == [0.25, 0.75]
    assert math.isnan(rows_of(view, "train/acc")[0][1])
    assert [(step, image.caption, grey(image)) for step, image in rows_of(view, "img")] == [(1, "c", 50)]
    assert [[grey(image) for image in images] for _, images in rows_of(view, "imgs")] == [[50, 50]]
    assert rows_of(view, "txt") == [(1, "hello")]
    assert [cloud.to_numpy().tolist() for _, cloud in rows_of(view, "points")] == [[[0, 1, 2, 0, 255, 0]]]
    assert sorted(view.files()) == ["files/config.yaml", "media/echarts/001-e.json"]
    assert [(line.time, line.text) for line in view.console()] == [(BEGAN, "printed")]
    assert view.system().select(["_timestamp", "cpu.pct"]).to_pylist() == [{"_timestamp": BEGAN + 0.5, "cpu.pct": 12.5}]
    assert "cpu.pct" not in set(view.keys())


def test_a_log_of_swanlab_that_is_damaged_or_still_written(tmp_path: Path) -> None:
    root = swanlab(tmp_path, *(swanlab_scalar("long", i, i) for i in range(3000)), is_finished=False)
    (log,) = root.glob("*/*.swanlab")
    data = bytearray(log.read_bytes())
    place = data.index(b"long", 70000)
    data[place] ^= 1
    log.write_bytes(data[:-3])
    report, view = imported(root, tmp_path / "runs")
    assert "damaged ranges of the log could not be carried: 2" in report.notes
    assert len(rows_of(view, "long")) == 2998
    assert view.status == "failed"
    log.write_bytes(b":SWL\xd6\xe1\x01" + log.read_bytes()[7:])
    (failed,) = import_runs(root, tmp_path / "other").runs
    assert "expected a log of SwanLab" in str(failed.problems[0])


def test_records_of_swanlab_that_are_odd(tmp_path: Path) -> None:
    root = swanlab(tmp_path)
    (log,) = root.glob("*/*.swanlab")
    picture(tmp_path / "secret.png")
    outside = swanlab_media("x", 0, 2, ("../../../secret.png", ""), ("none.png", ""))
    log.write_bytes(swanlab_log(b"\x6a\x02\x08", b"\x68\x01", b"", outside, swanlab_scalar("ok", -1, 1)))
    report, view = imported(root, tmp_path / "runs")
    assert report.notes == [
        "records that cannot be read could not be carried: 2",
        "values at a step below 0 could not be carried: 1",
        "values of the type image could not be carried: 2",
    ]
    assert list(view.keys()) == []


@pytest.mark.parametrize("make", [clearml, clearml_zip, lambda root: clearml(root).parent])
def test_clearml(make: Callable[[Path], Path], tmp_path: Path) -> None:
    report, view = imported(make(tmp_path), tmp_path / "runs")
    assert report.name == "proj_sub/first-abababab"
    assert report.notes == [
        "events of models could not be carried: 1",
        "events of the type odd could not be carried: 1",
    ]
    assert told(view) == ("first", "proj/sub", ["a"], "note", "finished")
    assert view.config == {"lr": 0.1, "flag": True, "Args/n": 3, "configuration/other": "x = 1"}
    assert rows_of(view, "loss/train") == LOSS
    assert runtimes(view) == [0.0, 0.5]
    assert (rows_of(view, "acc"), view.summary["best"]) == ([(1, 0.25)], 0.75)
    assert [(step, grey(image)) for step, image in rows_of(view, "val/photo")] == [(1, 50)]
    assert [figure.to_dict()["data"] for _, figure in rows_of(view, "cm")] == [[{"type": "bar", "y": [1, 2]}]]
    assert [grey(image) for _, image in rows_of(view, "cm/picture")] == [60]
    assert [name.rpartition("/")[2] for name in sorted(view.files())] == ["numbers.json", "task.json"]
    assert [line.text for line in view.console()] == ["one", "two"]


def test_clearml_reads_nothing_outside(tmp_path: Path) -> None:
    picture(tmp_path / "secret.png")
    report, _ = imported(clearml(tmp_path, "../../../secret.png"), tmp_path / "runs")
    assert "media could not be carried: 1" in report.notes
    archive = tmp_path / "evil.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("task.json", "{}")
        file.writestr("metrics.jsonl", "")
        file.writestr("../escaped.txt", "x")
    (failed,) = import_runs(archive, tmp_path / "evil").runs
    assert failed.status == "failed"
    assert not (tmp_path / "escaped.txt").exists()


def test_a_damaged_archive_of_clearml(tmp_path: Path) -> None:
    archive = clearml_zip(tmp_path)
    data = bytearray(archive.read_bytes())
    with zipfile.ZipFile(archive) as file:
        place = file.getinfo("metrics.jsonl").header_offset + 60
    data[place] ^= 0xFF
    archive.write_bytes(data)
    (failed,) = import_runs(archive, tmp_path / "runs").runs
    assert "expected a sound archive" in str(failed.problems[0])
    assert [path for path in (tmp_path / "runs").rglob("*") if path.is_file()] == []


def test_neptune(tmp_path: Path) -> None:
    report, view = imported(neptune(tmp_path), tmp_path / "runs")
    assert report.name == "ws_proj/RUN-1"
    assert report.notes == ["values of the type odd could not be carried: 1"]
    assert told(view) == ("first", "ws/proj", ["a", "b"], "note", "failed")
    assert view.config == {"parameters/lr": 0.1, "parameters/n": 3, "flag": True}
    assert rows_of(view, "metrics/loss") == LOSS
    assert runtimes(view) == [0.25, 0.75]
    assert math.isnan(rows_of(view, "metrics/acc")[0][1])
    assert rows_of(view, "said") == [(0, "hello")]
    ((_, weights),) = rows_of(view, "weights")
    assert (weights.values.tolist(), weights.bins.tolist()) == ([3, 4], [0, 1, 2])
    assert [grey(image) for _, image in rows_of(view, "img")] == [50]
    assert view.summary["photo"]["_type"] == "image"
    assert view.files()["ws_proj_1a/run_2b/notes.txt"].read_bytes() == b"hello"


def test_steps_of_neptune_that_are_fractions(tmp_path: Path) -> None:
    report, view = imported(neptune(tmp_path, ("0.25", "1.5")), tmp_path / "runs")
    assert report.notes[0] == "steps are 100 times those of Neptune, some of which are fractions"
    assert rows_of(view, "metrics/loss") == [(25, 1.0), (150, 0.5)]


def test_neptune_reads_nothing_outside_and_says_which_files_are_not_there(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    for number, file in enumerate(("../../secret.txt", str(tmp_path / "secret.txt"), "none")):
        report, view = imported(neptune(tmp_path / str(number), file=file), tmp_path / f"runs{number}")
        assert "files that are not below files/ of the export could not be carried: 1" in report.notes
        assert view.files() == {}
    report, _ = imported(neptune(tmp_path / "data") / "data", tmp_path / "runs")
    assert "files that are not below files/ of the export could not be carried: 2" in report.notes


def test_pluto(tmp_path: Path) -> None:
    report, view = imported(pluto(tmp_path), tmp_path / "runs")
    assert report.name == "proj/first-abc"
    assert report.notes == ["values of the type bokeh-file could not be carried: 1"]
    assert told(view) == ("first", "proj", ["a"], "note", "failed")
    assert (view.group, view.config, view.summary["best"]) == ("search", {"lr": 0.1}, 0.75)
    assert rows_of(view, "loss") == LOSS
    assert runtimes(view) == [0.25, 0.75]
    assert math.isnan(rows_of(view, "acc")[0][1])
    assert rows_of(view, "phase") == [(1, "warm")]
    ((_, image),) = rows_of(view, "img")
    boxes = image.boxes["truth"]
    assert (image.caption, grey(image), boxes.to_xyxy().tolist()) == ("c", 50, [[1, 1, 3, 2]])
    assert boxes.class_labels == {1: "cat"}
    assert [[grey(image) for image in images] for _, images in rows_of(view, "imgs")] == [[50, 50]]
    ((_, weights),) = rows_of(view, "weights")
    assert (weights.values.tolist(), weights.bins.tolist()) == ([3, 4], [0, 1, 2])
    assert view.system().select(["_timestamp", "cpu"]).to_pylist() == [{"_timestamp": BEGAN + 0.5, "cpu": 12.5}]
    assert [line.text for line in view.console()] == ["printed"]
    assert sorted(view.files()) == ["artifacts/model_v0/model.txt", "files/output.log", "run.json"]


def test_pluto_reads_nothing_outside(tmp_path: Path) -> None:
    picture(tmp_path / "secret.png")
    report, view = imported(pluto(tmp_path, "files/../../../../../../secret.png"), tmp_path / "runs")
    assert "values of the type image-file could not be carried: 3" in report.notes
    assert "img" not in set(view.keys())


@pytest.mark.parametrize("make", [neptune, pluto])
def test_damaged_parquet_fails_that_run_and_leaves_nothing(make: Callable[[Path], Path], tmp_path: Path) -> None:
    root = make(tmp_path)
    last = max(root.rglob("*.parquet"))
    last.write_bytes(last.read_bytes()[:-20])
    (failed,) = import_runs(root, tmp_path / "runs").runs
    assert "expected a sound Parquet file" in str(failed.problems[0])
    assert [path for path in (tmp_path / "runs").rglob("*") if path.is_file()] == []


def test_what_is_shaped_otherwise_is_said(tmp_path: Path) -> None:
    root = pluto(tmp_path)
    (part, *_) = sorted(root.rglob("*.parquet"))
    pq.write_table(pq.read_table(part).drop_columns(["timestamp_ms"]), part.with_name("part-00009.parquet"))
    (failed,) = import_runs(root, tmp_path / "runs").runs
    assert "expected what the tracker writes, got KeyError: 'timestamp_ms'" in str(failed.problems[0])


def test_a_step_that_is_no_number_of_neptune_is_said(tmp_path: Path) -> None:
    export = neptune(tmp_path)
    part = next(export.rglob("*_part_0.parquet"))
    table = pq.read_table(part)
    place = table.column_names.index("step")
    pq.write_table(table.set_column(place, "step", pa.array([2**40] * len(table), pa.timestamp("us"))), part)
    (run,) = import_runs(export, tmp_path / "runs").runs
    assert run.status == "failed"
    assert "expected what the tracker writes, got Arrow" in run.problems[0].message


def test_an_interrupted_import_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = pluto(tmp_path)
    (first,) = root.glob("*/*/runs/*")
    for name in ("b", "c"):
        (root / "me/proj/runs" / name).mkdir()
        for file in (*first.glob("*.parquet"), first / "run.json"):
            (root / "me/proj/runs" / name / file.name).write_bytes(file.read_bytes())
    finish, finished = mt.Run.finish, list[None]()

    def interrupted(run: mt.Run, status: str = "finished") -> None:
        if len(finished) == 1:
            raise KeyboardInterrupt
        finish(run, status)
        finished.append(None)

    with monkeypatch.context() as patched:
        patched.setattr(mt.Run, "finish", interrupted)
        with pytest.raises(KeyboardInterrupt):
            import_runs(root, tmp_path / "runs")
    assert [path.name for path in (tmp_path / "runs/proj").iterdir()] == ["first-abc"]
    assert [run.status for run in import_runs(root, tmp_path / "runs").runs] == ["unchanged", "new", "new"]


def test_runs_of_one_name_get_folders_of_their_own(tmp_path: Path) -> None:
    one = clearml(tmp_path)
    for name in ("offline-b", "offline-c"):
        (one.parent / name).mkdir()
        (one.parent / name / "metrics.jsonl").write_text("")
        (one.parent / name / "task.json").write_text(json.dumps({"id": "same", "name": "X"}))
    assert recognise(one.parent) == "clearml"
    names = [run.name for run in import_runs(one.parent, tmp_path / "runs").runs]
    assert names == ["proj_sub/first-abababab", "ClearML/X-same", "ClearML/X-same-2"]


def test_the_command_says_in_a_line_what_was_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["import", str(pluto(tmp_path)), "-o", str(tmp_path / "runs")]
    for line in ("1 run: 1 new; 7 values added", "1 run: 1 unchanged; 0 values added"):
        assert main(command) == 0
        assert capsys.readouterr().out.splitlines()[-1] == line


@pytest.mark.parametrize("make", [swanlab, clearml, clearml_zip, neptune, pluto])
def test_damage_is_told_and_nothing_else_is_raised(make: Callable[[Path], Path], tmp_path: Path) -> None:
    chance = random.Random(make.__name__)
    for number in range(6):
        source = make(tmp_path / str(number))
        files = [path for path in (tmp_path / str(number)).rglob("*") if path.is_file() and path.suffix != ".png"]
        damaged = source if source.is_file() else chance.choice(sorted(files))
        data = bytearray(damaged.read_bytes())
        place = chance.randrange(len(data))
        data[place:] = chance.choice([b"", b"1e999" + data[place:], bytes([data[place] ^ 0xFF]) + data[place + 1 :]])
        damaged.write_bytes(data)
        with contextlib.suppress(mt.MediaTypesError):
            report = import_runs(source, tmp_path / f"runs{number}")
            assert all(run.status == "new" or run.problems for run in report.runs)


def test_times_that_cannot_be_are_left_out(tmp_path: Path) -> None:
    root = pluto(tmp_path)
    (told,) = root.rglob("run.json")
    told.write_text(told.read_text().replace(f'"createdAt": {BEGAN * 1000}', '"createdAt": 1e999'))
    (part, *_) = sorted(root.rglob("*.parquet"))
    table = pq.read_table(part)
    place = table.column_names.index("timestamp_ms")
    pq.write_table(table.set_column(place, "timestamp_ms", [[-1, 2**62, BEGAN * 1000, 2**62]]), part)
    _, view = imported(root, tmp_path / "runs")
    assert rows_of(view, "loss") == LOSS
    assert view.describe()["started"] == BEGAN + 0.75
    assert view.system().num_rows == 0


@pytest.mark.parametrize("text", ["007", "-01", "3.10", " 5 ", "٣", "1234e5678", "1_000", "9" * 5000, "x"])
def test_texts_that_a_number_would_change_stay_texts(text: str) -> None:
    assert _sources.number(text) == text


def test_texts_that_are_numbers() -> None:
    assert [_sources.number(text) for text in ("0", "-3", "0.5", "1e5", "-inf")] == [0, -3, 0.5, 1e5, -math.inf]
    assert math.isnan(_sources.number("nan"))
