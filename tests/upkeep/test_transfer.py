"""Runs elsewhere: copied so that they are whole there, read in ranges, and followed while they are written."""

# pyright: reportPossiblyUnboundVariable=false, reportArgumentType=false, reportIncompatibleMethodOverride=false
from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pyarrow.compute as pc
import pytest
from fsspec.implementations.memory import MemoryFileSystem

import mediatypes as mt
from mediatypes.cli import main
from mediatypes.runfolder import files
from mediatypes.runfolder.segments import Segments
from mediatypes.store.location import RemotePath
from mediatypes.store.remote import writable
from mediatypes.upkeep.transfer import RunCopy
from tests.remote import make_bucket
from tests.samples import Array


def log_photographs(run: mt.Run, photo: Array, rows: int = 4) -> None:
    for i in range(rows):
        row: dict[str, Any] = {"loss": 1 / (i + 1), "epoch": i, "note": f"row {i}"}
        run.log(row | ({"photo": mt.Image(photo[i * 8 : i * 8 + 64, :64], caption="crop")} if i % 2 else {}))


@pytest.fixture
def runs(tmp_path: Path, astronaut: Array) -> Path:
    """Two finished runs with photographs."""
    for lr in (0.1, 0.2):
        with mt.Run(tmp_path / "runs" / f"lr{lr}", config={"lr": lr}, tags=["net"]) as run:
            log_photographs(run, astronaut)
    return tmp_path / "runs"


def place(url: str) -> RemotePath:
    return writable(url, "test")


def names(url: str) -> list[str]:
    return sorted(name for name, size in place(url).entries(recursive=True).items() if size is not None)


def local_names(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_runs_are_copied_once_and_read_as_they_are_here(runs: Path, elsewhere: str) -> None:
    done = mt.copy(runs, elsewhere)
    assert (done.runs, done.problems) == (["lr0.1", "lr0.2"], [])
    assert names(elsewhere) == local_names(runs)
    assert done.files == len(local_names(runs))
    assert done.bytes == sum((runs / name).stat().st_size for name in local_names(runs))
    assert mt.copy(runs, elsewhere)[1:] == (0, 0, [])

    here, there = mt.open_run(runs / "lr0.1"), mt.open_run(f"{elsewhere}/lr0.1")
    assert there.history() == here.history()
    assert there.history(["loss"], steps=(1, 3)) == here.history(["loss"], steps=(1, 3))
    assert list(there.values("photo")) == list(here.values("photo"))
    assert (there.config, there.summary, there.tags, there.status) == (here.config, here.summary, ["net"], "finished")
    assert there.keys() == here.keys()
    assert there.scan().to_table(columns=["loss"], filter=pc.field("_step") > 2).to_pydict() == {"loss": [0.25]}


def test_a_set_of_runs_is_listed_read_and_asked_there(runs: Path, elsewhere: str) -> None:
    pytest.importorskip("duckdb")
    mt.copy(runs, elsewhere)
    here, there = mt.open_runs(runs), mt.open_runs(elsewhere)
    assert (there.names, there.problems) == (["lr0.1", "lr0.2"], [])
    assert there.table().drop_columns("path") == here.table().drop_columns("path")
    assert there.table().column("path").to_pylist() == [f"{place(elsewhere)}/lr0.1", f"{place(elsewhere)}/lr0.2"]
    assert there.history(["loss", "epoch"]) == here.history(["loss", "epoch"])
    query = "select run, max(loss) from history where epoch < 3 group by run order by run"
    assert there.sql(query).fetchall() == here.sql(query).fetchall() == [("lr0.1", 1.0), ("lr0.2", 1.0)]
    query = "select run, key, step, path from media order by all"
    assert there.sql(query).fetchall() == here.sql(query).fetchall() != []
    assert mt.open_runs([f"{elsewhere}/lr0.2"]).names == ["lr0.2"]


def test_a_compacted_dataset_is_read_there(runs: Path, elsewhere: str, tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    mt.compact(runs, tmp_path / "all")
    target = place(f"{elsewhere}/all")
    for name in local_names(tmp_path / "all"):
        (target / name).write([(tmp_path / "all" / name).read_bytes()])
    here, there = mt.open_runs(tmp_path / "all"), mt.open_runs(f"{elsewhere}/all")
    assert there.names == ["lr0.1", "lr0.2"]
    assert there.history(["loss"]) == here.history(["loss"])
    query = "select run, sum(loss) from history group by run order by run"
    assert there.sql(query).fetchall() == here.sql(query).fetchall()


def test_runs_come_back_the_same(runs: Path, elsewhere: str, tmp_path: Path) -> None:
    mt.copy(runs, elsewhere)
    assert mt.copy(elsewhere, tmp_path / "back").problems == []
    assert local_names(tmp_path / "back") == local_names(runs)
    for name in local_names(runs):
        assert (tmp_path / "back" / name).read_bytes() == (runs / name).read_bytes()


def test_what_is_missing_or_changed_is_sent_again(runs: Path, elsewhere: str) -> None:
    mt.copy(runs, elsewhere)
    gone = next(name for name in names(elsewhere) if "/media/" in name and name.startswith("lr0.1"))
    (place(elsewhere) / gone).unlink()
    (place(elsewhere) / "lr0.2/history.parquet").write([b"cut"])
    assert mt.copy(runs, elsewhere).files >= 2
    assert mt.open_run(f"{elsewhere}/lr0.2").history() == mt.open_run(runs / "lr0.2").history()
    assert gone in names(elsewhere)
    mt.open_run(runs / "lr0.1").edit(tags=["best"], summary={"verdict": "good"})
    assert mt.copy(runs, elsewhere).files == 2  # run.json and summary.json
    assert mt.open_run(f"{elsewhere}/lr0.1").tags == ["best"]
    assert mt.open_run(f"{elsewhere}/lr0.1").summary["verdict"] == "good"


def test_run_json_comes_last(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent, write = list[str](), RemotePath.write

    def noted(path: RemotePath, pieces: Any) -> int:
        sent.append(path.name)
        return write(path, pieces)

    monkeypatch.setattr(RemotePath, "write", noted)
    mt.copy(runs / "lr0.1", "memory://order")
    fsspec.filesystem("memory").store.clear()
    assert sent[-1] == "run.json"
    assert sent.index("history.parquet") > max(i for i, name in enumerate(sent) if name.endswith(".png"))


def test_an_interrupted_copy_does_not_appear_and_goes_on(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = RemotePath.write

    def refused(path: RemotePath, pieces: Any) -> int:
        if path.name == "media.parquet":
            raise OSError(5, "connection lost")
        return write(path, pieces)

    with monkeypatch.context() as patch:
        patch.setattr(RemotePath, "write", refused)
        done = mt.copy(runs / "lr0.1", "memory://cut")
    assert done.runs == []
    assert str(done.problems[0]) == (
        "lr0.1: memory:///cut/lr0.1: expected to copy the run, got 'connection lost'. Check the URL, the credentials "
        "and the network; what is there already is not sent again."
    )
    assert mt.open_runs("memory://cut").names == []
    again = mt.copy(runs / "lr0.1", "memory://cut")
    assert (again.runs, again.files) == (["lr0.1"], 3)  # media.parquet, summary.json, run.json
    fsspec.filesystem("memory").store.clear()


def test_a_run_that_changes_while_it_is_copied_is_copied_again(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, run = RemotePath.write, runs / "lr0.1"

    def changing(path: RemotePath, pieces: Any) -> int:
        size = write(path, pieces)
        if path.name == "history.parquet" and mt.open_run(run).tags == ["net"]:
            mt.open_run(run).edit(tags=["edited"], summary={"verdict": "good"})
        return size

    monkeypatch.setattr(RemotePath, "write", changing)
    assert mt.copy(run, "memory://changing").problems == []
    view = mt.open_run("memory://changing/lr0.1")
    assert (view.tags, view.summary["verdict"]) == (["edited"], "good")
    fsspec.filesystem("memory").store.clear()


def test_a_damaged_sidecar_is_not_sent(runs: Path, elsewhere: str) -> None:
    sidecar = next((runs / "lr0.1" / "media").rglob("*.png"))
    data = bytearray(sidecar.read_bytes())
    data[-1] ^= 1
    sidecar.write_bytes(data)
    done = mt.copy(runs, elsewhere)
    assert done.runs == ["lr0.2"]
    assert done.problems[0].message.startswith(f"{sidecar}: expected the bytes that its name says, got others")
    assert not [name for name in names(f"{elsewhere}/lr0.1") if sidecar.name in name]


def test_another_run_is_not_overwritten(runs: Path, elsewhere: str, tmp_path: Path) -> None:
    mt.copy(runs, elsewhere)
    with mt.Run(tmp_path / "other" / "lr0.1") as run:
        run.log({"loss": 5})
    done = mt.copy(tmp_path / "other" / "lr0.1", elsewhere)
    assert "expected no other run there, got the run 'lr0.1' with id" in str(done.problems[0])
    assert mt.open_run(f"{elsewhere}/lr0.1").history() == mt.open_run(runs / "lr0.1").history()


def test_names_that_leave_the_directory_are_refused(tmp_path: Path) -> None:
    system = fsspec.filesystem("memory")
    with mt.Run(tmp_path / "run") as run:
        run.log({"a": 1})
    mt.copy(tmp_path / "run", "memory://evil")
    system.pipe_file("/evil/run/media/..\\..\\x", b"bad")
    done = mt.copy("memory://evil", tmp_path / "back")
    system.store.clear()
    assert "expected a relative path inside the store" in str(done.problems[0])
    assert not (tmp_path / "back").exists()


def test_a_run_is_not_copied_onto_itself(runs: Path) -> None:
    before = sorted(runs.rglob("*"))
    name = mt.open_runs(runs).names[0]
    for source, dest, expected in (
        (runs, runs, f"a directory outside of {runs}"),
        (runs, runs / "copies", f"a directory outside of {runs}"),
        (runs / name, runs / name, f"a directory outside of {runs / name}"),
        (runs, runs.parent / "link", f"a directory outside of {runs}"),
    ):
        if dest.name == "link":
            dest.symlink_to(runs)
        with pytest.raises(
            mt.InputError, match=rf"^copy\.dest: expected {re.escape(expected)}, got '.*\. Pass another"
        ):
            mt.copy(source, dest)
    with mt.Run(runs.parent / "other") as run:
        run.log({"a": 1})
    with pytest.raises(mt.InputError, match=rf"a directory for runs, got .*, which is part of the run {name}\. Pass"):
        mt.copy(run.path, runs / name / "copies")
    done = mt.copy(runs / name, runs)
    assert "expected another place than the run's own" in str(done.problems[0])
    assert sorted(runs.rglob("*")) == before


def test_only_the_columns_that_are_asked_for_are_transferred(tmp_path: Path) -> None:
    read = list[int]()

    class Counting(MemoryFileSystem):  # type: ignore[misc]
        protocol = "counting"
        cachable = False

        def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
            file = super()._open(path, mode, **options)
            if mode == "rb":
                plain = file.read
                file.read = lambda size=-1: (read.append(len(data := plain(size))), data)[1]
            return file

    with mt.Run(tmp_path / "run") as run:
        values = np.random.default_rng(0).random((8000, 40))
        for row in values.tolist():
            run.log({f"m{i}": value for i, value in enumerate(row)})
    mt.copy(tmp_path / "run", mt.open_store("/wide", filesystem=Counting()))
    view = mt.open_run(mt.open_store("/wide/run", filesystem=Counting()))
    size = (tmp_path / "run" / "history.parquet").stat().st_size
    read.clear()
    assert view.history(["m3"]).column("m3").to_pylist() == values[:, 3].tolist()
    fsspec.filesystem("memory").store.clear()
    assert sum(read) < size / 8


def test_a_packed_run_is_copied_and_read(tmp_path: Path, elsewhere: str, astronaut: Array) -> None:
    with mt.Run(tmp_path / "run", packed=True, remote=f"{elsewhere}/run", upload_every=0.05) as run:
        log_photographs(run, astronaut)
        wait_for(lambda: rows_there(f"{elsewhere}/run") == 4)
    assert list(mt.open_run(f"{elsewhere}/run").values("photo")) == run_values(run, "photo")
    mt.copy(run.path, f"{elsewhere}/again")
    assert names(f"{elsewhere}/again/run") == local_names(run.path)
    view = mt.open_run(f"{elsewhere}/again/run")
    assert list(view.values("photo")) == run_values(run, "photo")
    with pytest.raises(mt.SidecarMissing):
        view.store.open("media/aa/bb.png")


# Live runs -------------------------------------------------------------------------------------------------------


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def rows_there(url: str) -> int:
    try:
        return mt.open_run(url).history([]).num_rows
    except mt.StoreError:
        return -1


def test_a_run_that_is_written_grows_there(tmp_path: Path, elsewhere: str, astronaut: Array) -> None:
    url = f"{elsewhere}/live"
    run = mt.Run(tmp_path / "live", config={"lr": 0.1}, remote=url, upload_every=0.05)
    log_photographs(run, astronaut)
    wait_for(lambda: rows_there(url) == 4)
    view = mt.open_run(url)
    assert view.status == "running"
    assert [image for _, image in view.values("photo")] == [image for _, image in run_values(run, "photo")]
    assert view.summary["loss"] == 0.25
    log_photographs(run, astronaut)
    wait_for(lambda: rows_there(url) == 8)
    run.finish()
    assert mt.open_run(url).status == "finished"
    assert names(url) == local_names(tmp_path / "live")
    assert view.history() == mt.open_run(run.path).history()  # the same view goes on
    assert run.problems == []


def run_values(run: mt.Run, key: str) -> list[Any]:
    return list(mt.open_run(run.path).values(key))


def test_a_run_that_is_resumed_goes_on_there(tmp_path: Path, elsewhere: str) -> None:
    url, path = f"{elsewhere}/run", tmp_path / "run"
    for session in range(3):
        with mt.Run(path, mode="allow", remote=url, upload_every=0.05) as run:
            for i in range(5):
                run.log({"x": session * 5 + i})
            wait_for(lambda wanted=session * 5 + 5: rows_there(url) == wanted)  # type: ignore[misc]
    assert mt.open_run(url).history(["x"]).column("x").to_pylist() == list(range(15))
    assert names(url) == local_names(path)


def test_a_place_that_does_not_answer_costs_no_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, lost = RemotePath.write, threading.Event()
    lost.set()

    def refused(path: RemotePath, pieces: Any) -> int:
        if lost.is_set():
            raise OSError(5, "connection lost")
        return write(path, pieces)

    monkeypatch.setattr(RemotePath, "write", refused)
    run = mt.Run(tmp_path / "run", remote="memory://lost", upload_every=0.01)
    wait_for(lambda: bool(run.problems))
    time.sleep(0.1)
    run.log({"x": 1})
    assert [(problem.path, problem.code) for problem in run.problems] == [("upload", "upload")]  # once
    with pytest.raises(mt.StoreError) as caught:
        run.finish()
    assert str(caught.value) == (
        "memory:///lost: expected a copy that is up to date, got memory:///lost: expected to copy the run, got "
        "'connection lost'. Check the URL, the credentials and the network; what is there already is not sent again. "
        f"The run is whole in {run.path}: finish again, or copy it."
    )
    assert mt.open_run(run.path).status == "finished"
    assert mt.open_run(run.path).history(["x"]).num_rows == 1
    lost.clear()
    run.finish()
    assert mt.open_run("memory://lost").history() == mt.open_run(run.path).history()
    fsspec.filesystem("memory").store.clear()


@pytest.mark.parametrize("size", [500, 4000, 10**9])
def test_segments_are_journals_that_hold_every_call(tmp_path: Path, astronaut: Array, size: int) -> None:
    run = mt.Run(tmp_path / "run")
    segments, target = Segments(run.path / files.JOURNAL, size), tmp_path / "copy" / files.JOURNAL
    target.mkdir(parents=True)
    (tmp_path / "copy" / files.RUN).write_bytes((run.path / files.RUN).read_bytes())
    written = dict[str, int]()
    for i in range(200):
        run.log({"loss": i / 7, "flag": i % 3 == 0} if i % 5 else {"text": "x" * (i * 10), "loss": i})
        if i % 20 == 0:
            run.summary["best"] = i
            found = segments.read()
            for segment in found:
                data = b"".join(segment.pieces())
                assert len(data) == segment.size
                (target / segment.name).write_bytes(data)
            for name, length in written.items():  # those that were cut stay as they are
                assert next(s.size for s in found if s.name == name) == length
            written = {segment.name: segment.size for segment in found[:-1]}
            assert mt.open_run(tmp_path / "copy").history() == mt.open_run(run.path).history()
            assert mt.open_run(tmp_path / "copy").summary == mt.open_run(run.path).summary
    assert len(found) == 1 if size == 10**9 else len(found) > 2
    assert [s.size for s in Segments(run.path / files.JOURNAL, size).read()] == [s.size for s in segments.read()]
    run.finish()


def test_a_run_that_ends_without_finish_is_sent_at_exit(tmp_path: Path, s3: dict[str, str]) -> None:
    make_bucket("at-exit")
    script = """
import sys
import numpy as np
import mediatypes as mt
run = mt.Run(sys.argv[1], remote="s3://at-exit/run", upload_every=1000)
for i in range(10):
    run.log({"x": i, "image": mt.Image(np.full((4, 4), i, np.uint8))})
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, str(tmp_path / "run")],
        env={**os.environ, **s3, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert mt.open_run("s3://at-exit/run").status == "finished"
    assert len(list(mt.open_run("s3://at-exit/run").values("image"))) == 10


def test_the_command_copies_runs_and_names_what_it_left_out(
    runs: Path, elsewhere: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["copy", str(runs / "lr0.1"), str(runs / "lr0.2"), elsewhere]) == 0
    assert capsys.readouterr().out.startswith(f"{elsewhere}: 2 runs, {len(local_names(runs))} files sent (")
    (runs / "lr0.1" / "run.json").write_text("{}")
    assert main(["copy", str(runs), elsewhere]) == 1
    out, err = capsys.readouterr()
    assert out == f"{elsewhere}: 1 run, 0 files sent (0 B)\n"
    assert err.startswith(f"mediatypes: left out: {runs}/lr0.1/run.json: ")
    assert main(["show", f"{elsewhere}/lr0.1"]) == 0
    assert "finished" in capsys.readouterr().out


# What is refused -------------------------------------------------------------------------------------------------


def test_a_run_elsewhere_is_not_edited(runs: Path, elsewhere: str) -> None:
    mt.copy(runs, elsewhere)
    with pytest.raises(mt.StoreError) as caught:
        mt.open_run(f"{elsewhere}/lr0.1").edit(notes="x")
    assert str(caught.value) == (
        f"{place(elsewhere)}/lr0.1: expected a run on this machine, got one elsewhere. Edit the run where it was "
        "written, and copy it again."
    )


def test_runs_elsewhere_are_not_compacted(runs: Path, elsewhere: str, tmp_path: Path) -> None:
    mt.copy(runs, elsewhere)
    with pytest.raises(mt.StoreError, match=r"expected runs and a destination on this machine, got some elsewhere"):
        mt.compact(elsewhere, tmp_path / "all")
    with pytest.raises(mt.StoreError, match=r"expected runs and a destination on this machine, got some elsewhere"):
        mt.compact(runs, f"{elsewhere}/all")


def test_no_run_and_no_directory_are_named(elsewhere: str) -> None:
    with pytest.raises(mt.StoreError, match=r"expected a run folder with run\.json, got no such directory"):
        mt.open_run(f"{elsewhere}/nothing")
    with pytest.raises(mt.StoreError, match=r"expected to list the runs, got 'No such file or directory'"):
        mt.open_runs(f"{elsewhere}/nothing")


def test_damage_there_is_damage_and_not_a_lost_connection(runs: Path, elsewhere: str) -> None:
    mt.copy(runs, elsewhere)
    target = place(elsewhere) / "lr0.1"
    (target / "history.parquet").write([b"PAR1 and no more"])
    with pytest.raises(mt.DocumentError, match=r"lr0.1/history\.parquet: expected a whole Parquet file"):
        mt.open_run(f"{elsewhere}/lr0.1").history()
    (target / "run.json").write([json.dumps({"format": "1.0"}).encode()])
    found = mt.open_runs(elsewhere)
    assert found.names == ["lr0.2"]
    assert found.problems


def test_a_server_that_does_not_answer_is_a_store_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    url = "s3://bucket/run?endpoint_override=127.0.0.1:1&scheme=http&region=us-east-1"
    with pytest.raises(mt.StoreError, match=r"^\[Errno \d+\] s3://bucket/run/run\.json: expected to read the file"):
        mt.open_run(url)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"remote": "s3://b/../x"},
            "Run.remote: expected a URL without empty parts, . and .., got 's3://b/../x'. Write the whole path.",
        ),
        (
            {"remote": "memory://x", "upload_every": -1},
            "Run.upload_every: expected seconds, 0 or more, got -1. Leave it out, or pass 1.0.",
        ),
    ],
)
def test_bad_arguments_of_a_run_begin_nothing(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(mt.InputError) as caught:
        mt.Run(tmp_path / "run", **options)
    assert str(caught.value) == message
    assert not (tmp_path / "run").exists()


def test_a_place_that_holds_another_run_is_a_problem_of_this_one(tmp_path: Path) -> None:
    mt.Run(tmp_path / "a", remote="memory://taken").finish()
    run = mt.Run(tmp_path / "b", remote="memory://taken", upload_every=0.01)
    wait_for(lambda: bool(run.problems))
    with pytest.raises(mt.StoreError, match="expected no other run there, got the run 'a' with id"):
        run.finish()
    assert mt.open_run("memory://taken").name == "a"
    assert "expected no other run there" in mt.open_run(run.path).problems[0].message
    fsspec.filesystem("memory").store.clear()
    run.finish()
    assert mt.open_run("memory://taken").name == "b"
    fsspec.filesystem("memory").store.clear()


def test_nothing_is_asked_of_the_server_when_nothing_is_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, astronaut: Array
) -> None:
    run = mt.Run(tmp_path / "run")
    log_photographs(run, astronaut)
    copy = RunCopy(run.path, writable("memory://quiet", "test"))
    assert copy.update().files > 3
    monkeypatch.setattr(RemotePath, "filesystem", None)
    assert copy.update() == (0, 0)
    monkeypatch.undo()
    run.finish()
    fsspec.filesystem("memory").store.clear()


def test_files_that_are_renamed_while_a_run_is_listed_are_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when `log` places a sidecar: its temporary file was listed, and is gone."""
    walk = os.walk

    def listed(*arguments: Any, **options: Any) -> Any:
        for folder, folders, names in walk(*arguments, **options):
            yield folder, folders, [*names, ".gone.tmp", "gone.png"]

    with mt.Run(tmp_path / "run", quiet=True, capture=False) as run:
        run.log({"photo": mt.Image(np.zeros((2, 3), np.uint8))})
        copy = RunCopy(run.path, writable(tmp_path / "copy", "copy"))
        monkeypatch.setattr(os, "walk", listed)
        copy.update()
    monkeypatch.undo()
    assert list(mt.open_run(tmp_path / "copy").keys()) == ["photo"]
