"""`mediatypes import`, in this process and in others: what it prints, its exit codes, its progress, being killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest

import mediatypes as mt
from mediatypes.cli import main
from tests.interop.tensorboard.event_files import scalar, write
from tests.test_imports import loaded_after


def test_what_it_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "logs" / "a", scalar("loss", 1, 1), scalar("loss", 2, 1))
    path = write(tmp_path / "logs" / "b" / "train", scalar("loss", 1, 1), scalar("acc", 1, 1))
    path.write_bytes(path.read_bytes()[:-3])
    (tmp_path / "logs" / "model.ckpt").touch()
    report = tmp_path / "report.json"
    command = ["import", str(tmp_path / "logs"), "-o", str(tmp_path / "runs"), "--report", str(report)]
    assert main(command) == 0
    assert capsys.readouterr().out.splitlines() == [
        "run  status  files  events  added  rows  problems",
        "a    new         1       2      2     1         0",
        "b    new         1       1      1     1         0",
        "a: 1 value with key and step of a later one; events.parquet has all",
        f"b: train/{path.name}@82: 38 bytes: a record that is not whole: it is being written, or its writer was killed",
        "not imported: model.ckpt",
        "2 runs: 2 new; 3 values added",
    ]
    (found,) = json.loads(report.read_text())["sources"]
    assert found["complete"]
    assert [run["events"] for run in found["runs"]] == [{"float32": 2}, {"float32": 1}]
    assert main(command) == 0
    assert "a    unchanged      1       2      0     1         0" in capsys.readouterr().out


def test_what_fails_is_said_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "logs" / "a", scalar("loss", 1, 1))
    write(tmp_path / "logs" / "b", scalar("loss", 1, 1))
    with mt.Run(tmp_path / "runs" / "a") as run:
        run.log({"x": 1})
    assert main(["import", str(tmp_path / "logs"), "-o", str(tmp_path / "runs")]) == 2
    assert "a    failed" in capsys.readouterr().out
    assert mt.open_run(tmp_path / "runs" / "b").keys() == {"loss": ("number",)}
    assert main(["import", str(tmp_path / "nothing"), "-o", str(tmp_path / "runs")]) == 2
    assert "expected a file or directory, got nothing" in capsys.readouterr().err


def test_several_processes(tmp_path: Path) -> None:
    for i in range(3):
        write(tmp_path / "logs" / f"r{i}", scalar("loss", i, 1))
    command = [sys.executable, "-m", "mediatypes", "import", str(tmp_path / "logs"), "-o", str(tmp_path / "runs")]
    done = subprocess.run([*command, "--jobs", "2"], capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert [list(mt.open_run(tmp_path / "runs" / f"r{i}").values("loss")) for i in range(3)] == [
        [(1, i)] for i in range(3)
    ]


def test_a_log_of_numbers_loads_numpy_and_pyarrow_only(tmp_path: Path) -> None:
    write(tmp_path / "logs", *(scalar("loss", step, step) for step in range(100)))
    code = """
from mediatypes.interop.tensorboard import import_logdir
import_logdir(sys.argv[1], sys.argv[2])
import_logdir(sys.argv[1], sys.argv[2], purge=True)
answer = loaded()
"""
    found = loaded_after(code, str(tmp_path / "logs"), str(tmp_path / "runs"))
    of_arrow = {"cloudpickle"}  # which pyarrow imports where it is installed; older ones pandas too
    if int(pa.__version__.partition(".")[0]) < 21:
        of_arrow |= {"pandas", "dateutil", "pytz", "six"}
    found = {name for name in found if not name.startswith("_sysconfigdata")}
    assert found <= {"mediatypes", "numpy", "pyarrow", *of_arrow}


def test_a_killed_import_leaves_no_run_and_is_done_anew(tmp_path: Path) -> None:
    write(tmp_path / "logs" / "a", *(scalar(f"loss{step % 7}", step, step) for step in range(60_000)))
    command = [sys.executable, "-m", "mediatypes", "import", str(tmp_path / "logs"), "-o", str(tmp_path / "runs")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while time.monotonic() < until and not list((tmp_path / "runs").glob(".a.*/events.parquet")):
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert [path.name[:3] for path in (tmp_path / "runs").iterdir()] == [".a."]
    assert main(["import", str(tmp_path / "logs"), "-o", str(tmp_path / "runs")]) == 0
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["a"]
    assert mt.open_run(tmp_path / "runs" / "a").history().num_rows == 60_000


def test_a_path_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "nothere.json", str(tmp_path), "none", "-o", str(tmp_path / "runs")]) == 2
    assert capsys.readouterr().err == (
        "mediatypes: 2 problems:"
        " - nothere.json: expected a file or directory, got nothing. Check the path."
        " - none: expected a file or directory, got nothing. Check the path.\n"
    )


def test_a_directory_with_annotations_only_says_what_to_type(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    expected = "mediatypes: .: expected event files, runs of a tracker, or a data set, got a directory without these. "
    Path("other.json").write_text("{}")
    assert main(["import", ".", "-o", "runs"]) == 2
    assert capsys.readouterr().err == f"{expected}See `mediatypes import --help`.\n"
    Path("instances.json").write_text('{"images": [], "annotations": [], "categories": []}')
    assert main(["import", ".", "-o", "runs"]) == 2
    assert capsys.readouterr().err == f"{expected}Type: mediatypes import coco instances.json -o DEST\n"
    assert main(["import", "coco", "instances.json", "-o", "runs"]) == 0


def test_a_source_that_is_none_does_not_keep_others_from_being_imported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "logs" / "a", scalar("loss", 1, 1))
    (tmp_path / "nothing").mkdir()
    report = tmp_path / "report.json"
    sources = [str(tmp_path / "nothing"), str(tmp_path / "logs")]
    assert main(["import", *sources, "-o", str(tmp_path / "runs"), "--report", str(report)]) == 2
    assert capsys.readouterr().err.startswith(f"mediatypes: {tmp_path / 'nothing'}: expected event files, ")
    assert list(mt.open_run(tmp_path / "runs" / "a").values("loss")) == [(1, 1.0)]
    assert [source["source"] for source in json.loads(report.read_text())["sources"]] == sources[1:]
