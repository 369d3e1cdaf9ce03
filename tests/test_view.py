"""Reading runs: selections, and folders that are damaged, foreign or from the future."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mediatypes as mt


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    with mt.Run(tmp_path / "run", project="p", config={"lr": 0.1}, tags=["t"]) as run:
        for i in range(10):
            run.log({"loss": 1 / (i + 1), "i": i, "h": mt.Histogram([0, i + 1], num_bins=2)}, step=i * 2)
    return run.path


def read_all(path: Path) -> Any:
    view = mt.open_run(path)
    parts = (view.id, view.name, view.project, view.notes, view.tags, view.status, view.config, view.summary)
    return parts, view.problems, view.keys(), view.history(), [list(view.values(key)) for key in view.keys()]  # noqa: SIM118


def test_a_view_tells_what_the_run_was(finished: Path) -> None:
    view = mt.open_run(str(finished))
    assert (view.project, view.name, view.tags, view.config, view.status) == (
        "p",
        "run",
        ["t"],
        {"lr": 0.1},
        "finished",
    )
    assert view.keys() == {"loss": ("number",), "i": ("number",), "h": ("histogram",)}
    assert view.summary["i"] == 9
    assert repr(view) == f"RunView({str(finished)!r}, finished)"


def test_history_takes_columns_and_steps(finished: Path) -> None:
    view = mt.open_run(finished)
    table = view.history(["i", "_runtime"], steps=(4, 9))
    assert table.column_names == ["_step", "i", "_runtime"]
    assert table.column("_step").to_pylist() == [4, 6, 8]
    assert table.column("i").to_pylist() == [2, 3, 4]
    assert view.history([]).column_names == ["_step"]
    assert view.to_pandas(["loss"]).columns.tolist() == ["_step", "loss"]
    assert view.history(["i", "i", "_step"]).column_names == ["_step", "i"]


def test_a_key_means_the_columns_of_all_its_kinds(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run:
        run.log({"x": 1, "X": 5, "y": 0})
        run.log({"x": "diverged", "x#string": 2})
        live = mt.open_run(run.path).history(["x"])
    view = mt.open_run(run.path)
    assert live.column_names == view.history(["x"]).column_names == ["_step", "x", "x#string"]
    assert live.equals(view.history(["x"]))
    assert view.history(["x"]).to_pydict() == {"_step": [0, 1], "x": [1, None], "x#string": [None, "diverged"]}
    assert view.history(["X"]).column_names == ["_step", "X#2"]
    assert view.history(["X#2", "y"], (0, 1)).to_pydict() == {"_step": [0], "X#2": [5], "y": [0]}
    assert view.history(["x#string"]).column_names == ["_step", "x#string", "x#string#2"]  # a name, and a key


def test_values_are_those_that_were_logged(finished: Path) -> None:
    values = list(mt.open_run(finished).values("h"))
    assert values == [(i * 2, mt.Histogram([0, i + 1], num_bins=2)) for i in range(10)]


def test_a_list_of_images_comes_back_as_images(tmp_path: Path) -> None:
    images = [mt.Image(np.full((2, 3), i, np.uint8), caption=str(i)) for i in range(3)]
    run = mt.Run(tmp_path / "run")
    run.log({"imgs": images, "mixed": [images[0], mt.Histogram([1, 2])]})
    for _ in ("live", "finished"):
        assert list(mt.open_run(run.path).values("imgs")) == [(0, images)]
        assert list(mt.open_run(run.path).values("mixed")) == [(0, [images[0], mt.Histogram([1, 2])])]
        run.finish()


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (lambda v: v.history(["los"]), "history: expected a key of this run, got 'los'. Did you mean 'loss'?"),
        (lambda v: v.history([5]), "history: expected a key of this run, got 5. view.keys() lists them."),
        (lambda v: v.history("loss"), "history.keys: expected a list of keys, got 'loss'. Pass ['loss']."),
        (lambda v: list(v.values("img")), "history: expected a key of this run, got 'img'. view.keys() lists them."),
    ],
)
def test_an_unknown_column_is_refused_with_a_guess(finished: Path, read: Any, message: str) -> None:
    with pytest.raises(mt.InputError) as caught:
        read(mt.open_run(finished))
    assert str(caught.value) == message


@pytest.mark.parametrize("steps", [5, (1,), ("a", "b"), (None, 3), (5, 2), (1.0, 2.0), (1, 2, 3)])
def test_steps_that_are_no_range_are_refused(finished: Path, tmp_path: Path, steps: Any) -> None:
    mt.compact(finished, tmp_path / "all")
    for reader in (mt.open_run(finished), mt.open_runs(finished), mt.open_runs(tmp_path / "all")):
        with pytest.raises(mt.InputError, match=r"history\.steps"):
            reader.history(steps=steps)
    numbers: Any = (np.int64(4), np.int64(9))
    assert mt.open_run(finished).history(steps=numbers).num_rows == 3


def test_reading_writes_nothing(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    run.log({"a": 1, "h": mt.Histogram([1, 2])})
    for _ in ("live", "finished"):
        before = {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in run.path.rglob("*")}
        read_all(run.path)
        assert {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in run.path.rglob("*")} == before
        run.finish()


def test_where_there_is_no_run_it_says_so(tmp_path: Path) -> None:
    for path, found in ((tmp_path / "none", "no such directory"), (tmp_path, "a directory without it")):
        with pytest.raises(mt.StoreError, match=f"expected a run folder with run.json, got {found}"):
            mt.open_run(path)


@pytest.mark.parametrize("cut", [0, 1, 2, 100])
def test_a_cut_or_foreign_json_file_is_refused_by_name(finished: Path, cut: int) -> None:
    for name in ("run.json", "summary.json"):
        whole = (finished / name).read_bytes()
        for content in (whole[:cut], b"\x89PNG" * cut, b"[1]", b"\xff\xfe", b"[" * 100_000, b'{"a": NaN}'):
            (finished / name).write_bytes(content)
            with pytest.raises(mt.DocumentError, match=name):
                _ = mt.open_run(finished).summary
        (finished / name).write_bytes(whole)
    read_all(finished)


@pytest.mark.parametrize(
    "change",
    [
        {"format": None},
        {"format": 1},
        {"format": "x"},
        {"format": "²"},
        {"format": ""},
        {"config": [1]},
        {"config": "x"},
        {"tags": 5},
        {"tags": [5]},
        {"name": 5},
        {"status": 5},
        {"status": "sleeping"},
        {"status": "running", "writer": 5},
        {"status": "running", "started": "noon"},
        {"problems": 5},
        {"problems": [5]},
        {"id": None},
    ],
    ids=repr,
)
def test_a_run_json_with_fields_of_another_shape_is_refused(finished: Path, change: dict[str, Any]) -> None:
    path = finished / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(mt.DocumentError, match=r"run\.json"):
        read_all(finished)


@pytest.mark.parametrize("version", ["2.0", "10.3", "9" * 5000])
def test_a_run_of_a_later_major_version_is_refused(finished: Path, version: str) -> None:
    path = finished / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": version}))
    with pytest.raises(mt.UnsupportedVersionError, match=r"run\.json: expected format 1"):
        mt.open_run(finished)


def test_a_run_of_a_later_minor_version_with_more_fields_is_read(finished: Path) -> None:
    path = finished / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": "1.9", "later": {"x": 1}}))
    assert mt.open_run(finished).history().num_rows == 10


@pytest.mark.parametrize("name", ["run.json", "summary.json", "history.parquet"])
def test_a_missing_file_is_named(finished: Path, name: str) -> None:
    (finished / name).unlink()
    with pytest.raises(mt.StoreError, match=name):
        read_all(finished)


def test_a_cut_history_is_refused_by_name(finished: Path) -> None:
    path = finished / "history.parquet"
    whole = path.read_bytes()
    for cut in (0, 1, 4, 8, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:cut])
        with pytest.raises(mt.DocumentError, match=r"history\.parquet: expected"):
            mt.open_run(finished).history()


def test_a_foreign_history_is_refused_by_name(finished: Path) -> None:
    path = finished / "history.parquet"
    pq.write_table(pa.table({"_step": [1]}), path)
    with pytest.raises(mt.DocumentError, match="expected a Parquet file written by mediatypes"):
        mt.open_run(finished).history()
    shutil.copy(finished / "media.parquet", path)
    with pytest.raises(mt.DocumentError, match=r"history\.parquet"):
        mt.open_run(finished).history()
    path.unlink()
    path.mkdir()
    with pytest.raises((mt.DocumentError, mt.StoreError), match=r"history\.parquet"):
        mt.open_run(finished).history()


def test_a_flipped_byte_in_the_history_gives_our_error_or_the_same_rows(finished: Path) -> None:
    path = finished / "history.parquet"
    whole = path.read_bytes()
    expected = repr(mt.open_run(finished).history(["loss", "i"]).to_pydict())
    pages = pq.read_metadata(path).row_group(0).column(0).data_page_offset
    changed = 0
    for at in range(0, len(whole), 17):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x11]) + whole[at + 1 :])
        try:
            found = repr(mt.open_run(finished).history(["loss", "i"]).to_pydict())
        except mt.MediaTypesError:
            changed += 1
            continue
        footer = at > len(whole) - int.from_bytes(whole[-8:-4], "little") - 8  # Parquet gives the footer no checksum
        assert footer or found == expected, (at, pages)
    assert changed


def test_a_missing_or_changed_image_is_refused_when_it_is_read(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run:
        run.log({"img": mt.Image(np.zeros((2, 2), np.uint8))})
    (path,) = [path for path in (run.path / "media").rglob("*") if path.is_file()]
    whole = path.read_bytes()
    view = mt.open_run(run.path)
    for content in (whole[:-1], whole + b"x", whole[:-1] + bytes([whole[-1] ^ 1])):
        path.write_bytes(content)
        with pytest.raises(mt.HashMismatch):
            list(view.values("img"))
    path.unlink()
    with pytest.raises(mt.SidecarMissing):
        list(view.values("img"))
    assert view.history(["img"]).num_rows == 1


def test_a_document_that_points_outside_the_run_is_refused(tmp_path: Path) -> None:
    class Outside:
        def __media__(self, sink: Any) -> dict[str, Any]:
            document = mt.Image(np.zeros((2, 2), np.uint8)).__media__(sink)
            return {**document, "path": "../../secret.png"}

    with mt.Run(tmp_path / "run") as run:
        run.log({"img": Outside()})
    with pytest.raises(mt.UnsafePath):
        list(mt.open_run(run.path).values("img"))


def test_a_summary_with_nan_is_json_and_reads_as_nan(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run:
        run.log({"a": math.nan, "b": -math.inf})
    text = (run.path / "summary.json").read_text()
    json.loads(text, parse_constant=lambda name: pytest.fail(name))
    summary = mt.open_run(run.path).summary
    assert math.isnan(summary["a"])
    assert summary["b"] == -math.inf


def test_the_summary_is_read_once_for_each_state_of_its_file(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mediatypes.runfolder import files

    read: list[str] = []
    real = files.read_json
    monkeypatch.setattr(files, "read_json", lambda path: read.append(path.name) or real(path))
    view = mt.open_run(finished)
    view.summary["i"] = "changed by the caller"
    assert [view.summary[key] for key in ("i", "i", "i")] == [9, 9, 9]
    assert read.count("summary.json") == 1
    mt.open_run(finished).edit(summary={"verdict": "best"})
    assert view.summary["verdict"] == "best"
    view.edit(summary={"verdict": None})
    assert "verdict" not in view.summary


def test_the_summary_of_a_live_run_is_never_an_earlier_one(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run:
        run.define_metric("loss", summary="min")
        view = mt.open_run(run.path)
        for loss, least in ((3.0, 3.0), (1.0, 1.0), (2.0, 1.0)):
            run.log({"loss": loss})
            assert [view.summary["loss"] for _ in range(2)] == [{"min": least}] * 2
        run.summary["note"] = "set"
        assert view.summary["note"] == "set"
    assert view.summary["note"] == "set"
