"""Importing log directories: what becomes of every value, and that nothing is lost or made twice."""

from __future__ import annotations

import hashlib
import json
import math
import os
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import mediatypes as mt
from mediatypes.interop.tensorboard import ImportReport, import_logdir
from tests.interop.tensorboard.event_files import (
    VERSION,
    event,
    field,
    metadata,
    record,
    scalar,
    strings,
    summary,
    tensor,
    write,
)

Array = np.ndarray[Any, np.dtype[Any]]


def run_of(report: ImportReport, out: Path, name: str | None = None) -> mt.RunView:
    found = [run for run in report.runs if name is None or run.name == name]
    assert len(found) == 1
    assert found[0].status != "failed", found[0].problems
    return mt.open_run(out / found[0].folder)


def events_of(view: mt.RunView) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(view.path / "events.parquet").to_pylist()
    return rows


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def value(tag: str, *parts: bytes) -> bytes:
    return field(1, tag.encode()) + b"".join(parts)


def imported(tmp_path: Path, *records: bytes, **options: Any) -> mt.RunView:
    write(tmp_path / "logs", *records)
    return run_of(import_logdir(tmp_path / "logs", tmp_path / "runs", **options), tmp_path / "runs")


def test_scalars_of_every_encoding_at_their_own_precision(tmp_path: Path) -> None:
    single, double = 0.1, 0.1 + 1e-12
    encodings = {
        "simple": field(2, single),
        "float_val": tensor(1, (), field(5, struct.pack("<f", single))) + metadata("scalars"),
        "float_content": tensor(1, (), field(4, struct.pack("<f", single))) + metadata("scalars"),
        "double_val": tensor(2, (), field(6, struct.pack("<d", double))) + metadata("scalars"),
        "double_content": tensor(2, (), field(4, struct.pack("<d", double))) + metadata("scalars"),
        "int32": tensor(3, (), field(7, -5)) + metadata("scalars"),
        "int64": tensor(9, (), field(10, 7)) + metadata("scalars"),
        "huge": tensor(9, (), field(4, struct.pack("<q", 2**60 + 1))) + metadata("scalars"),
        "half": tensor(19, (), field(13, 0x3800)) + metadata("scalars"),
        "bool": tensor(10, (), field(11, 1)) + metadata("scalars"),
    }
    records = [
        record(event(summary(value(tag, item)), step=step)) for step in range(3) for tag, item in encodings.items()
    ]
    view = imported(tmp_path, *records)
    rounded = struct.unpack("<f", struct.pack("<f", single))[0]
    expected = {
        "simple": rounded,
        "float_val": rounded,
        "float_content": rounded,
        "double_val": double,
        "double_content": double,
        "int32": -5,
        "int64": 7,
        "huge": 2**60 + 1,
        "half": 0.5,
        "bool": 1,
    }
    for tag, item in expected.items():
        found = list(view.values(tag))
        assert found == [(0, item), (1, item), (2, item)], tag
        assert type(found[0][1]) is type(item), tag
    assert view.keys()["huge"] == ("integer",)
    types = {row["tag"]: row["type"] for row in events_of(view)}
    assert types == {
        "simple": "float32",
        "float_val": "float32",
        "float_content": "float32",
        "double_val": "float64",
        "double_content": "float64",
        "int32": "int32",
        "int64": "int64",
        "huge": "integer",
        "half": "float16",
        "bool": "bool",
    }


@pytest.mark.parametrize("step", [-5, -1, 0, 1, 127, 128, 2**40, 2**53 + 1, 2**56, 2**62, 2**63 - 1, -(2**63)])
def test_steps_of_64_bits(tmp_path: Path, step: int) -> None:
    view = imported(tmp_path, scalar("loss", 1.5, step))
    assert list(view.values("loss")) == [(step, 1.5)]


def test_values_that_are_not_finite(tmp_path: Path) -> None:
    numbers = [math.nan, math.inf, -math.inf]
    view = imported(tmp_path, *(scalar("loss", number, i) for i, number in enumerate(numbers)))
    found = [number for _, number in view.values("loss")]
    assert math.isnan(found[0])
    assert found[1:] == [math.inf, -math.inf]
    assert math.isinf(view.summary["loss"])


TAGS = ["loss", "a/b", "Loss / train (%)", "/abs//x", "é中文", "x" * 300, "img.path", "_step", "", "a\tb"]


def test_any_tag_is_a_key(tmp_path: Path) -> None:
    view = imported(tmp_path, *(scalar(tag, i, 1) for i, tag in enumerate(TAGS)))
    keys = {tag: f"tag:{tag}" if tag in ("", "_step") else tag for tag in TAGS}
    assert {key: [v for _, v in view.values(key)] for key in view.keys()} == {  # noqa: SIM118
        keys[tag]: [float(i)] for i, tag in enumerate(TAGS)
    }
    assert [(row["tag"], row["key"]) for row in events_of(view)] == list(keys.items())


def test_a_tag_that_is_no_text_is_kept_as_escapes(tmp_path: Path) -> None:
    payload = event(summary(field(1, b"a\xff") + field(2, 1.0)), step=1)
    view = imported(tmp_path, record(payload))
    assert list(view.keys()) == ["a\\xff"]


def test_missing_repeated_and_backward_steps_lose_nothing(tmp_path: Path) -> None:
    steps = [0, 0, 5, 3, 3, 9, 1]
    view = imported(tmp_path, *(scalar("loss", i, step, 1.5e9 + i) for i, step in enumerate(steps)))
    assert list(view.values("loss")) == [(0, 1), (1, 6), (3, 4), (5, 2), (9, 5)]
    rows = events_of(view)
    assert [(row["step"], row["value"], row["wall_time"]) for row in rows] == [
        (step, i, 1.5e9 + i) for i, step in enumerate(steps)
    ]
    offsets = [row["offset"] for row in rows]
    assert offsets == sorted(set(offsets))
    report = json.loads((Path(str(view.path)) / "import.json").read_text())
    assert report["notes"] == ["2 values with key and step of a later one; events.parquet has all"]


def test_a_custom_step_metric(tmp_path: Path) -> None:
    """Nothing has a step; the epoch is logged beside the loss."""
    records = [item for i in range(4) for item in (scalar("epoch", 10 * i), scalar("loss", 0.5 * i))]
    view = imported(tmp_path, *records, step_metric="epoch")
    assert list(view.values("loss")) == [(0, 0), (10, 0.5), (20, 1), (30, 1.5)]
    assert list(view.values("epoch")) == [(0, 0), (10, 10), (20, 20), (30, 30)]
    assert {row["step"] for row in events_of(view)} == {0}


def test_a_step_metric_that_is_logged_after_the_values_of_its_step(tmp_path: Path) -> None:
    records = [item for i in range(3) for item in (scalar("loss", i, i), scalar("epoch", i // 2 + 1, i))]
    view = imported(tmp_path, *records, step_metric="epoch")
    assert list(view.values("loss")) == [(1, 1), (2, 2)]


def test_a_step_metric_without_values_is_said(tmp_path: Path) -> None:
    view = imported(tmp_path, scalar("loss", 1, 7), step_metric="epoch")
    assert list(view.values("loss")) == [(7, 1)]
    said = json.loads((Path(str(view.path)) / "import.json").read_text())["notes"]
    assert said == ["no values of the step metric 'epoch'; rows are by the events' own steps"]


SESSION = field(7, field(1, 1))


@pytest.mark.parametrize(("purge", "expected"), [(False, 1000.0), (True, None)])
def test_what_a_restart_logs_again(tmp_path: Path, purge: bool, expected: float | None) -> None:
    """Steps 0 to 7, then a session from 4 to 5: TensorBoard would hide 4 to 7 of the first."""
    first = [scalar("loss", 1000 + step, step) for step in range(8)]
    second = [record(event(SESSION, step=4)), *(scalar("loss", step, step) for step in (4, 5))]
    write(tmp_path / "logs", *first, name="events.out.tfevents.1500000000.a")
    write(tmp_path / "logs", *second, name="events.out.tfevents.1500000009.a")
    view = run_of(import_logdir(tmp_path / "logs", tmp_path / "runs", purge=purge), tmp_path / "runs")
    found = dict(view.values("loss"))
    assert [found[step] for step in range(6)] == [1000, 1001, 1002, 1003, 4, 5]
    assert found.get(6) == (1006 if expected else None)
    assert len(events_of(view)) == 11


def histogram(limits: list[float], counts: list[float], low: float, high: float) -> bytes:
    packed = [struct.pack(f"<{len(items)}d", *items) for items in (limits, counts)]
    statistics = [low, high, sum(counts), 1.5, 2.5]
    numbers = b"".join(field(i + 1, float(item), wide=True) for i, item in enumerate(statistics))
    return field(5, numbers + field(6, packed[0]) + field(7, packed[1]))


def test_histograms_end_at_the_smallest_and_largest_value(tmp_path: Path) -> None:
    limits = [-1.0, 0.0, 1.0, 2.0, 1.7976931348623157e308]
    view = imported(tmp_path, record(event(summary(value("h", histogram(limits, [0, 0, 3, 0, 2], 0.25, 9.5))), step=1)))
    ((_, found),) = view.values("h")
    assert found.values.tolist() == [3, 0, 2]
    assert found.bins.tolist() == [0.25, 1, 2, 9.5]
    rows = {row["type"]: row["content"] for row in events_of(view)}
    assert json.loads(rows["histogram_statistics"]) == {
        "min": 0.25,
        "max": 9.5,
        "num": 5,
        "sum": 1.5,
        "sum_squares": 2.5,
    }


def test_a_histogram_of_more_than_512_bins_loses_no_count(tmp_path: Path) -> None:
    """Empty neighbours are joined first: all counts stay where they were."""
    limits = np.arange(1, 2001) / 7
    counts = np.zeros(2000)
    counts[::20] = np.arange(1, 101)
    view = imported(tmp_path, record(event(summary(value("h", histogram(limits.tolist(), counts.tolist(), 0, 300))))))
    ((_, found),) = view.values("h")
    ((_, edges),) = view.values("h.edges")
    assert len(found.values) <= 512
    assert edges.to_numpy().tolist() == limits.tolist()
    rebuilt = np.zeros(len(limits))
    rebuilt[np.searchsorted(limits, found.bins[:-1], "right")] = found.values
    assert rebuilt.tolist() == counts.tolist()
    assert set(view.keys()) == {"h", "h.edges"}


def test_a_histogram_with_more_than_512_counts_keeps_them_as_a_tensor(tmp_path: Path) -> None:
    limits, counts = np.arange(1.0, 1501), np.arange(1.0, 1501)
    view = imported(tmp_path, record(event(summary(value("h", histogram(limits.tolist(), counts.tolist(), 0, 1500))))))
    ((_, found),) = view.values("h")
    assert len(found.values) == 512
    assert found.values.sum() == counts.sum()
    assert [tensor.to_numpy().tolist() for _, tensor in view.values("h.counts")] == [counts.tolist()]
    assert [tensor.to_numpy().tolist() for _, tensor in view.values("h.edges")] == [limits.tolist()]


def tensor_histogram(rows: list[list[float]]) -> bytes:
    data = struct.pack(f"<{3 * len(rows)}d", *(x for row in rows for x in row))
    return tensor(2, (len(rows), 3), field(4, data)) + metadata("histograms")


@pytest.mark.parametrize(
    ("rows", "counts", "bins"),
    [
        ([[0, 1, 2], [1, 3, 5]], [2, 5], [0, 1, 3]),
        ([], [0], [0, 1]),  # no data
        ([[0, 0, 0]] * 30, [0], [0, 1]),
        ([[2, 2, 0]] * 29 + [[2, 2, 7]], [7], [2, np.nextafter(2, 3)]),  # constant data
        ([[0, 1, 0], [1, 2, 4], [2, 3, 0]], [0, 4, 0], [0, 1, 2, 3]),
    ],
)
def test_histograms_of_tensors(tmp_path: Path, rows: Any, counts: list[float], bins: list[float]) -> None:
    view = imported(tmp_path, record(event(summary(value("h", tensor_histogram(rows))))))
    ((_, found),) = view.values("h")
    assert found.values.tolist() == counts
    assert found.bins.tolist() == bins


def test_text_of_every_rank(tmp_path: Path) -> None:
    records = [
        value("a/text_summary", strings(b"**hi**", shape=(1,)) + metadata("text")),
        value("b", strings("é".encode(), shape=()) + metadata("text")),
        value("c", strings(b"x", b"y") + metadata("text")),
        value("d", strings(b"a", b"b", b"c", b"d", shape=(2, 2)) + metadata("text")),
    ]
    view = imported(tmp_path, *(record(event(summary(item), step=3)) for item in records))
    assert list(view.values("a")) == [(3, "**hi**")]
    assert list(view.values("b")) == [(3, "é")]
    assert list(view.values("c")) == [(3, ["x", "y"])]
    ((_, table),) = view.values("d")
    assert [table.get_column(name) for name in table.columns] == [["a", "c"], ["b", "d"]]


def test_metadata_given_once_holds_for_all_values_of_its_tag(tmp_path: Path) -> None:
    """As tf.compat.v1's FileWriter writes it."""
    first = value("h", tensor_histogram([[0, 1, 2]]))
    data = struct.pack("<3d", 0, 1, 5)
    later = value("h", tensor(2, (1, 3), field(4, data)))
    view = imported(tmp_path, record(event(summary(first), step=1)), record(event(summary(later), step=2)))
    assert [found.values.tolist() for _, found in view.values("h")] == [[2], [5]]


@pytest.mark.parametrize(
    ("code", "dtype", "field_number", "array"),
    [
        (1, "float32", 5, np.array([[1.5, -2], [0, np.inf]], np.float32)),
        (3, "int32", 7, np.array([-1, 2**31 - 1], np.int32)),
        (9, "int64", 10, np.array([-(2**63), 7], np.int64)),
        (23, "uint64", 17, np.array([2**64 - 1, 0], np.uint64)),
        (10, "bool", 11, np.array([True, False])),
        (18, "complex128", 12, np.array([1 + 2j, -3j])),
    ],
)
def test_raw_tensors_by_content_and_by_list(
    tmp_path: Path, code: int, dtype: str, field_number: int, array: Array
) -> None:
    kind = array.dtype.kind
    if kind in "fc":
        listed = field(field_number, array.tobytes())
    else:
        listed = b"".join(field(field_number, int(item)) for item in array.reshape(-1))
    records = [
        value("content", tensor(code, array.shape, field(4, array.tobytes()))),
        value("list", tensor(code, array.shape, listed) + metadata("somebodys_plugin")),
    ]
    view = imported(tmp_path, *(record(event(summary(item), step=1)) for item in records))
    for key in ("content", "list"):
        ((_, found),) = view.values(key)
        assert found.dtype == dtype
        assert np.array_equal(found.to_numpy(), array)


def test_one_value_in_a_list_stands_for_the_whole_tensor(tmp_path: Path) -> None:
    view = imported(tmp_path, record(event(summary(value("t", tensor(1, (2, 3), field(5, struct.pack("<f", 4))))))))
    ((_, found),) = view.values("t")
    assert found.to_numpy().tolist() == [[4, 4, 4], [4, 4, 4]]


def test_a_tensor_that_claims_more_than_it_has_is_kept_as_a_file(tmp_path: Path) -> None:
    bad = value("t", tensor(1, (2**40, 2**20), field(5, struct.pack("<f", 4))))
    view = imported(tmp_path, record(event(summary(bad))), scalar("loss", 1))
    assert list(view.values("loss")) == [(0, 1)]
    (row,) = [row for row in events_of(view) if row["type"] == "rejected"]
    kept = json.loads(row["content"])
    assert (view.path / kept["path"]).stat().st_size == kept["size"]
    (problem,) = view.problems
    assert problem.code == "rejected"
    assert "a tensor of 1152921504606846976" in str(problem)


@pytest.mark.parametrize("payload", [b"\xff" * 30, b"\x09", b"\x2a\x50", event(field(5, b"\x0a\xff\xff"))])
def test_a_sound_record_that_is_no_event_is_kept_as_a_file(tmp_path: Path, payload: bytes) -> None:
    view = imported(tmp_path, record(payload), scalar("loss", 1, 2))
    assert list(view.values("loss")) == [(2, 1)]
    (row,) = [row for row in events_of(view) if row["type"] == "malformed"]
    assert (view.path / json.loads(row["content"])["path"]).read_bytes() == payload
    assert [problem.code for problem in view.problems] == ["malformed"]


def test_a_graph_and_run_metadata_are_files_of_the_run(tmp_path: Path) -> None:
    graph, tagged = os.urandom(100), field(1, b"step1") + field(2, b"bytes")
    view = imported(tmp_path, record(event(field(4, graph), step=3)), record(event(field(8, tagged))))
    rows = {row["type"]: json.loads(row["content"]) for row in events_of(view)}
    assert (view.path / rows["graph_def"]["path"]).read_bytes() == graph
    assert (view.path / rows["tagged_run_metadata"]["path"]).read_bytes() == tagged


def hparams(**sections: bytes) -> bytes:
    number = {"experiment": 2, "start": 3, "end": 4}
    return b"".join(
        field(1, value(f"_hparams_/{name}", metadata("hparams", field(number[name], item))))
        for name, item in sections.items()
    )


def entry(name: str, inner: bytes) -> bytes:
    return field(1, field(1, name.encode()) + field(2, inner))


START = b"".join(
    [
        entry("lr", field(2, 0.1, wide=True)),
        entry("layers", field(2, 3.0, wide=True)),
        entry("opt", field(3, b"adam")),
        entry("amp", field(4, 1)),
        entry("none", field(1, 0)),
        entry("sizes", field(6, field(1, field(2, 8.0, wide=True)) + field(1, field(2, 16.0, wide=True)))),
        field(4, b"sweep"),
    ]
)
CONFIG = {"lr": 0.1, "layers": 3, "opt": "adam", "amp": True, "none": None, "sizes": [8, 16]}


@pytest.mark.parametrize(("code", "status"), [(1, "finished"), (2, "failed")])
def test_hparams_are_the_config(tmp_path: Path, code: int, status: str) -> None:
    records = [record(event(field(5, hparams(start=START)))), record(event(field(5, hparams(end=field(1, code)))))]
    view = imported(tmp_path, *records, scalar("acc", 0.5, 1))
    assert view.config == CONFIG
    assert view.status == status
    assert json.loads((Path(str(view.path)) / "run.json").read_text())["group"] == "sweep"


def test_directories_become_runs_and_namespaces(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    session = [record(event(field(5, hparams(experiment=b"", start=START)))), scalar("hparam/acc", 0.9)]
    write(logs / "a", scalar("loss", 1, 1))
    write(logs / "a" / "loss_train", scalar("loss", 2, 1))  # add_scalars of torch
    write(logs / "a" / "loss" / "val", scalar("loss", 3, 1))  # of tensorboardX, though the name is that of a split
    write(logs / "a" / "1500000000.25", *session)  # add_hparams
    write(logs / "a" / "b", scalar("other", 4, 1))
    write(logs / "keras" / "train", scalar("epoch_loss", 5, 1))
    write(logs / "keras" / "validation", scalar("epoch_loss", 6, 1))
    report = import_logdir(logs, tmp_path / "runs")
    found = {run.name: mt.open_run(tmp_path / "runs" / run.folder) for run in report.runs}
    keys = {name: {key: [v for _, v in view.values(key)] for key in view.keys()} for name, view in found.items()}  # noqa: SIM118
    assert keys == {
        "a": {"loss": [1], "loss_train/loss": [2], "loss/val/loss": [3], "hparam/acc": [pytest.approx(0.9)]},
        "a/b": {"other": [4]},
        "keras": {"train/epoch_loss": [5], "validation/epoch_loss": [6]},
    }
    assert found["a"].config == CONFIG
    assert found["a"].summary["hparam/acc"] == pytest.approx(0.9)
    whole = import_logdir(logs, tmp_path / "one", nested="namespaces")
    assert [run.name for run in whole.runs] == ["logs"]
    assert "keras/train/epoch_loss" in set(run_of(whole, tmp_path / "one").keys())
    every = import_logdir(logs, tmp_path / "all", nested="runs")
    assert len(every.runs) == 7


def test_two_writers_in_one_directory(tmp_path: Path) -> None:
    for writer in "ab":
        records = [scalar(f"loss/{writer}", step, step, 1.5e9 + step) for step in range(50)]
        write(tmp_path / "logs", *records, name=f"events.out.tfevents.1500000000.{writer}")
    view = run_of(import_logdir(tmp_path / "logs", tmp_path / "runs"), tmp_path / "runs")
    assert view.history().num_rows == 50
    assert len(events_of(view)) == 100


def test_files_that_hold_nothing_or_something_else(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    path = write(logs, scalar("loss", 1, 1), scalar("loss", 2, 2))
    (logs / "events.out.tfevents.1500000001.empty").touch()
    (logs / "events.out.tfevents.1500000002.text").write_text("this is no event file at all, only its name says so")
    (logs / "events.out.tfevents.1500000003.half").write_bytes(path.read_bytes()[:-5])
    (logs / "events.out.tfevents.1500000004.profile-empty").touch()
    (logs / "notes.txt").write_text("hello")
    (logs / "projector_config.pbtxt").write_text("embeddings {}")
    (logs / "host_1.2.pt.trace.json").write_text("{}")
    report = import_logdir(logs, tmp_path / "runs")
    view = run_of(report, tmp_path / "runs")
    assert list(view.values("loss")) == [(1, 1), (2, 2)]
    assert len(events_of(view)) == 3
    kinds = [[damage["kind"] for damage in file.damage] for file in report.runs[0].files]
    assert kinds == [[], [], ["foreign"], ["torn"]]
    assert report.ignored == ["events.out.tfevents.1500000004.profile-empty", "notes.txt"]
    assert report.runs[0].attached == ["files/host_1.2.pt.trace.json", "files/projector_config.pbtxt"]
    assert (Path(str(view.path)) / "files" / "projector_config.pbtxt").read_text() == "embeddings {}"
    assert "not imported: notes.txt" in str(report)
    assert "a file without any sound record" in str(report)


def test_a_damaged_record_is_skipped_and_said(tmp_path: Path) -> None:
    path = write(tmp_path / "logs", *(scalar("loss", step, step) for step in range(1000)))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    report = import_logdir(tmp_path / "logs", tmp_path / "runs")
    assert run_of(report, tmp_path / "runs").history().num_rows == 999
    (damage,) = report.runs[0].files[0].damage
    assert damage["kind"] in ("checksum", "header")
    assert damage["size"] in range(40, 60)
    assert f"{path.name}@{damage['offset']}: {damage['size']:,} bytes: a record whose" in str(report)


def test_importing_again_does_nothing(tmp_path: Path) -> None:
    write(tmp_path / "logs" / "a", scalar("loss", 1, 1))
    first = import_logdir(tmp_path / "logs", tmp_path / "runs")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("*")}
    again = import_logdir(tmp_path / "logs", tmp_path / "runs")
    assert [run.status for run in first.runs + again.runs] == ["new", "unchanged"]
    assert again.runs[0].events == first.runs[0].events
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("*")} == before


def mixed(count: int) -> list[bytes]:
    found = []
    for step in range(count):
        found += [scalar("loss", step / 3, step, 1.5e9 + step), scalar("acc", step, step, 1.5e9 + step + 0.5)]
        if step % 5 == 0:
            found.append(record(event(summary(value("h", tensor_histogram([[0, 1, step + 1]]))), step=step)))
            found.append(record(event(summary(value("t", strings(b"%d" % step) + metadata("text"))), step=step)))
    return found


@pytest.mark.parametrize("cut", [0, 7, 60, 777, 1500])
def test_a_file_that_grows_gives_what_one_import_gives(tmp_path: Path, cut: int) -> None:
    """Byte for byte."""
    name = "events.out.tfevents.1500000000.host"
    path = write(tmp_path / "logs" / "run", *mixed(20))
    data = path.read_bytes()
    whole = tmp_path / "whole"
    write(tmp_path / "logs" / "run", scalar("late", 1, 1), name="events.out.tfevents.1600000000.host")
    import_logdir(tmp_path / "logs", whole)
    (tmp_path / "logs" / "run" / "events.out.tfevents.1600000000.host").unlink()
    for size in (cut, cut, len(data) // 2, len(data) - 3, len(data)):
        (tmp_path / "logs" / "run" / name).write_bytes(data[:size])
        import_logdir(tmp_path / "logs", tmp_path / "parts")
    write(tmp_path / "logs" / "run", scalar("late", 1, 1), name="events.out.tfevents.1600000000.host")
    last = import_logdir(tmp_path / "logs", tmp_path / "parts")
    assert last.runs[0].status == "updated"
    assert last.runs[0].added == 1
    one, other = content(whole), content(tmp_path / "parts")
    assert one.keys() == other.keys()
    for path_, bytes_ in one.items():
        assert other[path_] == bytes_, path_


def test_events_of_a_file_that_is_gone_are_kept(tmp_path: Path) -> None:
    first = write(tmp_path / "logs", scalar("loss", 1, 1), name="events.out.tfevents.1500000000.a")
    second = write(tmp_path / "logs", scalar("loss", 2, 2), name="events.out.tfevents.1500000001.a")
    import_logdir(tmp_path / "logs", tmp_path / "runs")
    first.unlink()
    second.write_bytes(second.read_bytes() + scalar("loss", 3, 3))
    view = run_of(import_logdir(tmp_path / "logs", tmp_path / "runs"), tmp_path / "runs")
    assert list(view.values("loss")) == [(1, 1), (2, 2), (3, 3)]


def test_a_file_that_was_replaced_is_another_file(tmp_path: Path) -> None:
    write(tmp_path / "logs", scalar("x", 0, 0), name="events.out.tfevents.1400000000.a")
    write(tmp_path / "logs", scalar("loss", 1, 1))
    import_logdir(tmp_path / "logs", tmp_path / "runs")
    write(tmp_path / "logs", scalar("acc", 2, 2), scalar("acc", 3, 3))
    report = import_logdir(tmp_path / "logs", tmp_path / "runs")
    view = run_of(report, tmp_path / "runs")
    assert set(view.keys()) == {"x", "loss", "acc"}
    assert [problem.code for problem in report.runs[0].problems] == ["replaced"]
    assert import_logdir(tmp_path / "logs", tmp_path / "runs").runs[0].added == 0


def test_what_a_reader_changed_in_the_run_stays(tmp_path: Path) -> None:
    path = write(tmp_path / "logs" / "a", scalar("loss", 1, 1))
    view = run_of(import_logdir(tmp_path / "logs", tmp_path / "runs", project="p", tags=["t"]), tmp_path / "runs")
    assert (view.project, view.tags) == ("p", ["t"])
    run = json.loads((Path(str(view.path)) / "run.json").read_text())
    (Path(str(view.path)) / "run.json").write_text(json.dumps({**run, "notes": "mine", "tags": ["best"]}))
    path.write_bytes(path.read_bytes() + scalar("loss", 2, 2))
    again = run_of(import_logdir(tmp_path / "logs", tmp_path / "runs"), tmp_path / "runs")
    assert (again.id, again.notes, again.tags) == (view.id, "mine", ["best"])


def test_a_folder_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "logs" / "a", scalar("loss", 1, 1))
    with mt.Run(tmp_path / "runs" / "a") as run:
        run.log({"x": 1})
    report = import_logdir(tmp_path / "logs", tmp_path / "runs")
    assert report.runs[0].status == "failed"
    assert "expected no run or an imported one, got the finished run 'a'" in str(report.runs[0].problems[0])
    assert list(mt.open_run(tmp_path / "runs" / "a").values("x")) == [(0, 1)]


def test_the_runs_of_another_log_directory_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "one" / "a", scalar("loss", 1, 1))
    write(tmp_path / "two" / "a", scalar("loss", 2, 1))
    import_logdir(tmp_path / "one", tmp_path / "runs")
    report = import_logdir(tmp_path / "two", tmp_path / "runs")
    assert report.runs[0].status == "failed"
    assert "expected an import of the same event files, got one of others" in str(report.runs[0].problems[0])


def test_an_import_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mediatypes.interop.tensorboard.importing import write_folder as made

    write(tmp_path / "logs" / "a", scalar("loss", 1, 1))

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(made, "build_rows", fail)
        report = import_logdir(tmp_path / "logs", tmp_path / "runs")
    assert report.runs[0].status == "failed"
    assert list((tmp_path / "runs").iterdir()) == []
    assert import_logdir(tmp_path / "logs", tmp_path / "runs").runs[0].status == "new"


def test_what_a_killed_import_left_is_removed(tmp_path: Path) -> None:
    write(tmp_path / "logs" / "a", scalar("loss", 1, 1))
    code = "import sys; from pathlib import Path; from mediatypes.interop.importing.staging import Staging;"
    subprocess.run([sys.executable, "-c", f"{code} Staging(Path(sys.argv[1]))", tmp_path / "runs" / "a"], check=True)
    assert [path.name[:3] for path in (tmp_path / "runs").iterdir()] == [".a."]
    import_logdir(tmp_path / "logs", tmp_path / "runs")
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["a"]


def test_an_import_that_stopped_between_its_files_is_completed(tmp_path: Path) -> None:
    path = write(tmp_path / "logs" / "a", scalar("loss", 1, 1))
    view = run_of(import_logdir(tmp_path / "logs", tmp_path / "runs"), tmp_path / "runs")
    before = content(Path(str(view.path)))
    path.write_bytes(path.read_bytes() + scalar("loss", 2, 2))
    import_logdir(tmp_path / "logs", tmp_path / "runs")
    after = content(Path(str(view.path)))
    for name in ("history.parquet", "media.parquet", "summary.json", "run.json", "import.json"):
        (Path(str(view.path)) / name).write_bytes(before[name])  # only events.parquet came through
    import_logdir(tmp_path / "logs", tmp_path / "runs")
    rest = content(Path(str(view.path)))
    assert rest == after


def test_event_files_are_kept_where_asked(tmp_path: Path) -> None:
    path = write(tmp_path / "logs" / "a" / "train", scalar("loss", 1, 1))
    view = run_of(import_logdir(tmp_path / "logs", tmp_path / "runs", keep_events=True), tmp_path / "runs")
    kept = view.path / "files" / "train" / path.name
    assert kept.read_bytes() == path.read_bytes()
    path.write_bytes(path.read_bytes() + scalar("loss", 2, 2))
    import_logdir(tmp_path / "logs", tmp_path / "runs", keep_events=True)
    assert kept.read_bytes() == path.read_bytes()


def test_several_runs_at_once_and_progress(tmp_path: Path) -> None:
    for i in range(6):
        write(tmp_path / "logs" / f"r{i}", *(scalar("loss", step, step) for step in range(10 * (i + 1))))
    seen: list[tuple[int, int, str]] = []
    with ThreadPoolExecutor(3) as executor:
        report = import_logdir(
            tmp_path / "logs", tmp_path / "runs", executor=executor, progress=lambda *item: seen.append(item)
        )
    assert [run.rows for run in report.runs] == [10, 20, 30, 40, 50, 60]
    assert seen[-1][0] == seen[-1][1]
    assert {name for _, _, name in seen} == {f"r{i}" for i in range(6)}


def test_a_large_log_is_read_again_instead_of_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limits of memory change nothing in what comes out."""
    from mediatypes.formats import tfrecord
    from mediatypes.interop.tensorboard.importing import events_parquet, importer, step_order

    steps = np.random.default_rng(0).integers(0, 200, 900).tolist()
    records = [scalar(tag, i, step, 1.5e9 + i) for i, step in enumerate(steps) for tag in ("a", "b")]
    records += mixed(30)
    write(tmp_path / "logs" / "r", *records)
    monkeypatch.setattr(events_parquet, "GROUP_ROWS", 100)
    import_logdir(tmp_path / "logs", tmp_path / "kept")
    monkeypatch.setattr(importer, "_KEPT_EVENTS", 50)
    monkeypatch.setattr(tfrecord, "_PIECE_BYTES", 3000)
    import_logdir(tmp_path / "logs", tmp_path / "read")
    assert content(tmp_path / "kept") == content(tmp_path / "read")
    monkeypatch.setattr(step_order, "_EVENTS_AT_ONCE", 200)
    monkeypatch.setattr(step_order, "_EVENTS_PER_SAMPLE", 10)
    import_logdir(tmp_path / "logs", tmp_path / "ranges")
    one, other = (mt.open_run(tmp_path / name / "r") for name in ("kept", "ranges"))
    assert one.history().equals(other.history())
    assert one.summary == other.summary


def test_what_is_refused(tmp_path: Path) -> None:
    with pytest.raises(mt.InputError) as refused:
        import_logdir(tmp_path / "nowhere", tmp_path / "runs")
    assert str(refused.value).startswith("logdir: expected an existing directory, got '")
    with pytest.raises(mt.InputError) as refused:
        import_logdir("nothing://host/logs", tmp_path / "runs")
    assert str(refused.value).startswith("logdir: expected a URL such as s3://bucket/runs, ")
    with pytest.raises(mt.InputError) as refused:
        import_logdir(tmp_path, tmp_path / "runs", nested="deep")  # type: ignore[arg-type]
    assert str(refused.value) == ("nested: expected auto, runs or namespaces, got 'deep'. Leave it out for auto.")
    with pytest.raises(mt.InputError) as refused:
        import_logdir(tmp_path, tmp_path / "runs")
    assert str(refused.value) == (
        f"logdir: expected event files, got none below {tmp_path}. Their names contain tfevents."
    )
    assert not (tmp_path / "runs").exists()


def test_names_of_runs_stay_below_the_destination(tmp_path: Path) -> None:
    for name in ("media", "a:b", "CON", "é"):
        write(tmp_path / "logs" / name, scalar("loss", 1, 1))
    report = import_logdir(tmp_path / "logs", tmp_path / "runs")
    folders = {run.name: run.folder for run in report.runs}
    assert folders["é"] == "é"
    assert folders["a:b"].startswith("a_b-")
    assert folders["media"].startswith("media-")
    assert folders["CON"].startswith("CON-")
    assert {run.status for run in report.runs} == {"new"}


def test_histograms_that_are_written_many_at_once_are_what_they_are_alone() -> None:
    """Edges on and off TensorFlow's grid, counts of every size; the text is that of the encoder, number by number."""
    from mediatypes._core import canonical
    from mediatypes.interop.tensorboard.plugins import histograms
    from mediatypes.interop.tensorboard.plugins.histogram_bins import Bins

    numbers = np.random.default_rng(0)
    grid = histograms._grid()[0]
    assert len(grid) == 1549
    found = [
        Bins(grid[700:740], numbers.integers(0, 9, 39).astype(float)),
        Bins(np.array([-0.0, 1.0]), np.array([0.0])),
        Bins(np.array([0.0, 1e300]), np.array([2.0**60])),
        Bins(np.append(grid[:3], 7.5), np.array([4095.0, 4096.0, 2.0**53 - 1])),
        Bins(np.array([-1.0, 0.1, 3.0]), np.array([0.5, 3.0])),
    ]
    for bins, document in zip(found, histograms._documents(found), strict=True):
        alone = histograms._document(bins)
        assert canonical.dumps(alone) == document.text
        assert (document["bins"].tolist(), document["values"].tolist()) == (alone["bins"], alone["values"])
        assert mt.decode(alone, mt.MemoryStore()).bins.tolist() == bins.edges.tolist()
    for statistics in ({"min": -1.5, "max": 2.0}, {"sum": math.nan, "num": 1.0}, {"min": 1e308, "max": 1e308}, {}):
        assert canonical.dumps(histograms._statistics(statistics)) == canonical.dumps(dict(statistics))


def test_the_usual_form_of_an_event_is_read_as_any_other() -> None:
    from mediatypes.interop.tensorboard.log import events

    for step in (0, 1, 300, -1):
        for number in (4, 5, 6, 8):
            inner = field(1, b"a/tag") + field(number, b"content" * 30)
            usual = event(summary(inner), step=step)
            other = usual + field(99, 0)  # an unknown field: read field by field
            found, expected = (events.read_event(data, 0, len(data)) for data in (usual, other))
            assert found == expected
            assert found.values[0].tag == "a/tag"
            assert usual[slice(*found.values[0].span)] == b"content" * 30


def layout(title: str, chart: bytes) -> bytes:
    """A record of the custom_scalars plugin: a closed category of one chart."""
    category = field(1, title.encode()) + field(2, chart) + field(3, 1)
    content = strings(field(2, category)) + metadata("custom_scalars")
    return record(event(summary(value("custom_scalars__config__", content))))


def test_layouts_of_charts_are_json_beside_their_bytes(tmp_path: Path) -> None:
    lines = field(1, b"both") + field(2, field(1, b"loss.*") + field(1, b"acc"))
    margin = field(3, field(1, field(1, b"mean") + field(2, b"low") + field(3, b"high")))
    view = imported(tmp_path, scalar("loss", 1.0), layout("old", lines), layout("Curves", lines))
    write(tmp_path / "logs" / "val", layout("Bounds", margin))
    report = import_logdir(tmp_path / "logs", tmp_path / "runs")
    found = json.loads((Path(str(view.path)) / "files" / "custom_scalars.json").read_text())
    both = {"title": "both", "tags": ["loss.*", "acc"]}
    bounds = {"title": "", "margins": [{"value": "mean", "lower": "low", "upper": "high"}]}
    assert found == {
        "layouts": [
            {"folder": "", "categories": [{"title": "Curves", "closed": True, "charts": [both]}]},
            {"folder": "val", "categories": [{"title": "Bounds", "closed": True, "charts": [bounds]}]},
        ]
    }
    assert any("custom_scalars.json" in note for note in report.runs[0].notes)
    kept = [json.loads(row["content"]) for row in events_of(view) if row["type"] == "custom_scalars"]
    assert [row["layout"][0]["title"] for row in kept] == ["old", "Curves", "Bounds"]
    assert all((view.path / row["path"]).is_file() for row in kept)


def test_a_layout_that_is_none_is_kept_as_a_file(tmp_path: Path) -> None:
    content = strings(b"\x12\x7fcut") + metadata("custom_scalars")
    view = imported(tmp_path, record(event(summary(value("custom_scalars__config__", content)))))
    assert [problem.code for problem in view.problems] == ["rejected"]
    assert not (view.path / "files" / "custom_scalars.json").exists()
    assert [row["type"] for row in events_of(view)] == ["rejected"]


def test_the_history_follows_from_the_events_by_the_rules_of_the_format(tmp_path: Path) -> None:
    """docs/tensorboard.md, read by somebody who has pyarrow and JSON only."""
    steps = np.random.default_rng(0).integers(-3, 12, 60).tolist()
    records = [scalar(f"tag{i % 3}", i, step, 1.5e9 + i) for i, step in enumerate(steps)]
    view = imported(tmp_path, *records, *mixed(5), VERSION)
    expected: dict[str, dict[int, float]] = {}
    rows = events_of(view)
    for row in sorted(rows, key=lambda row: row["step"]):
        if row["value"] is not None:
            expected.setdefault(row["key"], {})[row["step"]] = row["value"]
    assert expected
    for key, found in expected.items():
        assert dict(view.values(key)) == found
    footer = json.loads(pq.read_metadata(view.path / "events.parquet").metadata[b"mediatypes"])
    (source,) = footer["sources"]
    path = tmp_path / "logs" / source["name"]
    assert source["size"] == source["position"] == path.stat().st_size
    assert source["head"]["sha256"] == hashlib.sha256(path.read_bytes()[: source["head"]["size"]]).hexdigest()
    assert {(row["tag"], row["key"], row["type"]) for row in rows} == {
        tuple(one[i] for i in (1, 2, 4)) for one in footer["series"]
    }
    assert all((row["value"] is None) != (row["content"] is None) for row in rows)
    whole = json.loads((Path(str(view.path)) / "import.json").read_text())
    assert whole["state"] == json.loads((Path(str(view.path)) / "run.json").read_text())["import"]
    assert [file["name"] for file in whole["files"]] == [source["name"]]


def test_a_run_with_integers_beyond_doubles_is_packed_and_cleaned(tmp_path: Path) -> None:
    big = field(1, b"big") + tensor(9, (), field(10, 2**60 + 1)) + metadata("scalars")
    write(tmp_path / "logs", record(event(summary(big), step=3)))
    import_logdir(tmp_path / "logs", tmp_path / "runs")
    mt.gc(tmp_path / "runs" / "logs")
    mt.pack(tmp_path / "runs" / "logs")
    assert list(mt.open_run(tmp_path / "runs" / "logs").values("big")) == [(3, 2**60 + 1)]


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16", "P", "1"])
@pytest.mark.parametrize("caption", [None, "a *photo*"])
def test_the_document_of_an_image_is_that_of_the_type(mode: str, caption: str | None) -> None:
    import io

    import PIL.Image

    from mediatypes.interop.tensorboard.plugins import images

    file = io.BytesIO()
    PIL.Image.new(mode, (5, 3)).save(file, "PNG")
    one, other = mt.MemoryStore(), mt.MemoryStore()
    document = images.picture(file.getvalue(), caption, one)
    assert document == mt.encode(mt.Image(file.getvalue(), caption=caption), other)
    assert mt.decode(document, one) == mt.decode(document, other)
