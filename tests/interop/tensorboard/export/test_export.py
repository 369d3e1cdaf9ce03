"""Runs as event files: byte by byte, and read back by our own importer; `test_tensorboard_shown` asks TensorBoard."""

from __future__ import annotations

import io
import json
import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mediatypes as mt
from mediatypes.cli import main
from mediatypes.interop.layouts import Lost
from mediatypes.interop.layouts._tensorboard import BEYOND, FAILS, ROUNDED
from mediatypes.interop.tensorboard import import_logdir
from mediatypes.interop.tensorboard.export import encode, records, sessions
from mediatypes.interop.tensorboard.export.file import EventFile
from mediatypes.interop.tensorboard.importing import events_parquet
from tests.interop.tensorboard import event_files as made
from tests.interop.tensorboard.event_files import (
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
from tests.samples import photograph, photograph_file

Array = np.ndarray[Any, np.dtype[Any]]
STEPS = np.array([0, 1, 127, 128, -5, 2**40, 2**62, -(2**63), 2**63 - 1, 0])
VALUES = np.array([0.5, math.nan, math.inf, 1e39, -1e39, 2**24 + 1, 0.1, -0.0, 1e-50, 5.0])
NUMBERS = np.random.default_rng(0)


def event_file(folder: Path) -> Path:
    (found,) = folder.rglob("*tfevents*")
    return found


def again(exported: Path, out: Path) -> mt.RunView:
    """An export, imported."""
    report = import_logdir(exported, out)
    assert [run.problems for run in report.runs] == [[]]
    return mt.open_run(out / report.runs[0].folder)


def events_of(view: mt.RunView) -> list[dict[str, Any]]:
    """The events of an import, without their place in the file."""
    return [
        {name: repr(item) for name, item in row.items() if name != "offset"}
        for row in pq.read_table(view.path / "events.parquet").to_pylist()
    ]


def logged(path: Path, *rows: dict[str, Any], **options: Any) -> mt.RunView:
    with mt.Run(path, **options) as run:
        for row in rows:
            run.log(row)
    return mt.open_run(path)


def test_records_are_those_that_writers_write(tmp_path: Path) -> None:
    times, rows = 1.5e9 + np.arange(10), np.arange(10)
    blocks = [
        *records.scalar_blocks(records.scalar_form("loss"), rows, STEPS, times, VALUES),
        *records.scalar_blocks(records.scalar_form("é/b", "float64"), rows[::2], STEPS[::2], times[::2], VALUES[::2]),
    ]
    others = [(0, "t"), (4, "t" * 5000), (4, "u"), (9, "v")]
    with EventFile(tmp_path / "events.out.tfevents.1", 1.5e9) as file:
        file.add_rows(blocks, ((row, encode.event(1.0, 3, encode.summary(tag, b""))) for row, tag in others))
    expected = [made.VERSION]
    with np.errstate(over="ignore"):
        singles = VALUES.astype(np.float32)
    for i, (step, time) in enumerate(zip(STEPS.tolist(), times.tolist(), strict=True)):
        value = field(1, b"loss") + b"\x15" + singles[i].tobytes()
        expected.append(record(event(summary(value), step=step, wall_time=time)))
        if i % 2 == 0:
            inner = field(1, 2) + field(6, struct.pack("<d", VALUES[i]))
            value = field(1, "é/b".encode()) + field(8, inner)
            expected.append(record(event(summary(value), step=step, wall_time=time)))
        for row, tag in others:
            if row == i:
                expected.append(record(event(summary(field(1, tag.encode())), step=3, wall_time=1.0)))
    assert (tmp_path / "events.out.tfevents.1").read_bytes() == b"".join(expected)


@given(
    st.lists(
        st.tuples(
            st.text(max_size=200), st.integers(-(2**63), 2**63 - 1), st.floats(), st.booleans(), st.integers(0, 9)
        ),
        max_size=40,
    )
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_records_are_those_that_writers_write(
    tmp_path: Path, found: list[tuple[str, int, float, bool, int]]
) -> None:
    """Each tag has one record in a row; in a row, scalars come in the order of their tags, then what is none."""
    cells = {(row, tag, double): (step, number) for tag, step, number, double, row in found}
    tags = list(dict.fromkeys((tag, double) for _, tag, double in cells))
    expected, blocks = [made.VERSION], []
    for tag, double in tags:
        mine = sorted((row, *cells[row, tag, double]) for row in range(10) if (row, tag, double) in cells)
        rows, steps, numbers = (np.array(column) for column in zip(*mine, strict=True))
        form = records.scalar_form(tag, "float64" if double else "simple_value")
        blocks += records.scalar_blocks(form, rows, steps, rows / 8, numbers.astype(float))
    others = [(row, encode.event(0.5, -1, encode.summary(f"{row}", b""))) for row in range(0, 10, 3)]
    for row in range(10):
        for tag, double in tags:
            if (row, tag, double) in cells:
                step, number = cells[row, tag, double]
                with np.errstate(over="ignore"):
                    single = np.float32(number).tobytes()
                item = field(8, field(1, 2) + field(6, struct.pack("<d", number))) if double else b"\x15" + single
                expected.append(record(event(summary(field(1, tag.encode()) + item), step=step, wall_time=row / 8)))
        expected += [record(payload) for at, payload in others if at == row]
    path = tmp_path / "events.out.tfevents.1"
    path.unlink(missing_ok=True)
    with EventFile(path, 1.5e9) as file:
        file.add_rows(blocks, iter(others))
    assert path.read_bytes() == b"".join(expected)


def test_numbers_come_back_as_float32_and_what_is_rounded_is_counted(tmp_path: Path) -> None:
    rows = [{"loss": value, "n": i, "big": 2**60 + i, "flag": i > 1} for i, value in enumerate(VALUES.tolist())]
    view = logged(tmp_path / "run", *rows)
    report = mt.export(view, "tensorboard", tmp_path / "out")
    assert report.rows == 40
    assert set(report.lost) == {
        Lost("loss", "number", 3, ROUNDED),  # 2**24 + 1, 0.1 and 1e-50
        Lost("loss", "number", 2, BEYOND),
        Lost("big", "integer", 9, ROUNDED),
    }
    found = again(tmp_path / "out", tmp_path / "runs")
    with np.errstate(over="ignore"):
        expected = VALUES.astype(np.float32).astype(float)
    assert np.array_equal([value for _, value in found.values("loss")], expected, equal_nan=True)
    assert list(found.values("n")) == [(i, float(i)) for i in range(10)]
    assert list(found.values("big")) == [(i, float(2**60)) for i in range(10)]
    assert [value for _, value in found.values("flag")] == [0, 0, *[1] * 8]
    assert (
        found.history(["_timestamp"])["_timestamp"].to_pylist()
        == view.history(["_timestamp"])["_timestamp"].to_pylist()
    )


def test_steps_of_64_bits_and_any_key(tmp_path: Path) -> None:
    keys = ["loss", "a/b", "Loss / train (%)", "/abs//x", "é中文", "x" * 3000, "a\tb", "🦊", "Loss", "a\0b"]
    with mt.Run(tmp_path / "run") as run:
        for step in (0, 1, 2**31, 2**53 + 1, 2**62):
            run.log(dict.fromkeys(keys, 0.5), step=step)
    mt.export(run.path, "tensorboard", tmp_path / "out")
    found = again(tmp_path / "out", tmp_path / "runs")
    assert set(found.keys()) == set(keys)
    for key in keys:
        assert list(found.values(key)) == [(step, 0.5) for step in (0, 1, 2**31, 2**53 + 1, 2**62)]


def test_the_bytes_are_the_same_and_name_no_host(tmp_path: Path) -> None:
    view = logged(tmp_path / "run", {"loss": 1, "note": "x"}, config={"lr": 1})
    reports = [mt.export(view, "tensorboard", tmp_path / name) for name in "ab"]
    first, second = (event_file(report.path) for report in reports)
    assert first.read_bytes() == second.read_bytes()
    started = json.loads((view.path / "run.json").read_text())["started"]
    assert first.name == second.name == f"events.out.tfevents.{int(started):010d}.{view.id}"
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == [first.name, "run.json", "summary.json"]


def test_a_hostile_id_stays_inside(tmp_path: Path) -> None:
    view = logged(tmp_path / "run", {"loss": 1})
    run = json.loads((view.path / "run.json").read_text())
    (view.path / "run.json").write_text(json.dumps({**run, "id": "../../" + "é" * 300, "started": -1e300}))
    mt.export(view.path, "tensorboard", tmp_path / "out")
    assert event_file(tmp_path / "out").parent == tmp_path / "out"
    assert list(again(tmp_path / "out", tmp_path / "runs").values("loss")) == [(0, 1.0)]


def test_kinds_of_one_key_and_items_of_lists_have_tags_of_their_own(tmp_path: Path) -> None:
    histograms = [mt.Histogram([1, 2, 3], num_bins=2), mt.Histogram([5, 6], num_bins=3)]
    rows = [{"loss": 0.5, "h": histograms, "h/0": 7}, {"loss": "diverged"}, {"loss": ["a", "b"]}]
    mt.export(logged(tmp_path / "run", *rows), "tensorboard", tmp_path / "out")
    found = again(tmp_path / "out", tmp_path / "runs")
    assert list(found.values("loss")) == [(0, 0.5)]
    assert list(found.values("loss#string")) == [(1, "diverged")]
    assert list(found.values("loss#string_list")) == [(2, ["a", "b"])]
    assert list(found.values("h/0")) == [(0, 7.0)]
    assert [list(found.values(key)) for key in ("h/0#2", "h/1")] == [[(0, one)] for one in histograms]


def test_media_come_back_as_they_were(tmp_path: Path) -> None:
    tone = mt.Audio((9999 * np.sin(np.arange(800) / 9)).astype(np.int16), 8000, caption="la")
    jpeg = mt.Image(photograph_file("rocket.jpg"), caption="rocket")
    row = {
        "photo": jpeg,
        "deep": mt.Image(photograph("coins").astype(np.uint16) * 257),
        "gallery": [mt.Image(photograph("coffee")[:9, :9]), mt.Image(photograph("coffee")[:9, :7])],
        "clip": mt.Video(NUMBERS.integers(0, 255, (3, 3, 8, 8), np.uint8), fps=4),
        "tone": tone,
        "tones": [tone, mt.Audio(np.zeros((80, 2), np.int16), 44100, caption="silence")],
        "h": mt.Histogram([1, 2, 5, 9], num_bins=[-3, 1, 2, 7, 9, 12]),
        "note": "**bold**",
        "names": ["x", "y"],
        "weights": mt.Tensor(np.arange(24, dtype=np.int16).reshape(2, 3, 4)),
        "cloud": mt.Object3D(np.array([[0, 0, 0, 255, 0, 9], [1, 2, 3, 0, 7, 255]], np.float32)),
    }
    mt.export(logged(tmp_path / "run", row), "tensorboard", tmp_path / "out")
    found = again(tmp_path / "out", tmp_path / "runs")
    for key, value in row.items():
        assert list(found.values(key)) == [(0, value)], key


@pytest.mark.parametrize("faces", [1, 3])
def test_a_mesh_keeps_its_triangles(tmp_path: Path, faces: int) -> None:
    pytest.importorskip("trimesh")
    corners = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1.5)]
    triangles = [(1, 2, 3), (1, 2, 4), (1, 3, 4)][:faces]
    lines = [f"v {x} {y} {z}" for x, y, z in corners] + [f"f {a} {b} {c}" for a, b, c in triangles]
    mesh = mt.Object3D("\n".join(lines).encode(), file_type="obj", caption="a corner")
    report = mt.export(logged(tmp_path / "run", {"mesh": mesh}), "tensorboard", tmp_path / "out")
    assert (report.rows, report.lost) == (2, ())
    ((_, found),) = again(tmp_path / "out", tmp_path / "runs").values("mesh")
    assert (found.vertices, found.faces) == (4 if faces > 1 else 3, faces) or (found.vertices, faces) == (4, 1)
    assert found.bounds[1] == ((1, 1, 1.5) if faces > 1 else found.bounds[1])


def test_what_tensorboard_does_not_know_is_converted_or_said(tmp_path: Path) -> None:
    pixels = photograph("coffee")[:20, :30]
    boxes = mt.BoundingBoxes2D.from_xyxy([[1, 2, 6, 8]], domain="pixel", class_ids=[3])
    tone = (np.sin(np.arange(4000) / 9) * 20000).astype(np.int16)
    webp = io.BytesIO()
    PIL.Image.fromarray(pixels).save(webp, "WEBP", lossless=True)
    rows = [
        {"boxed": mt.Image(pixels, boxes={"pred": boxes}), "webp": mt.Image(webp)},
        {"flac": mt.Audio(tone, 8000, format="flac"), "ogg": mt.Audio(tone, 8000, format="ogg")},
        {"table": mt.Table(columns=["a"], data=[[1]]), "html": mt.Html("<b>x</b>"), "list": [1, None]},
        {"line": mt.plot.line(mt.Table(columns=["x", "y"], data=[[1, 2]]), "x", "y"), "json": [{"a": 1}]},
        {"half": mt.Object3D([[0.1, 0, 0, 3]]), "nan": mt.Histogram([1.0, math.nan])},
        {"captions": mt.Image(pixels, caption="one")},
        {"captions": mt.Image(pixels, caption="two")},
    ]
    report = mt.export(logged(tmp_path / "run", *rows), "tensorboard", tmp_path / "out")
    assert {lost.key: lost.reason for lost in report.lost if lost.key != "half"} == {
        "boxed": "without its boxes, which TensorBoard does not show",
        "webp": "as PNG: TensorBoard does not show webp",
        "flac": "as WAV PCM_16: TensorBoard plays no flac",
        "ogg": "as WAV PCM_16: TensorBoard plays no ogg",
        "table": "TensorBoard does not show it",
        "html": "as text: TensorBoard shows Markdown, and removes most HTML",
        "list": "in the file as a tensor, which TensorBoard does not show; null is NaN",
        "line": "TensorBoard shows no plots but pr curves",
        "nan": "without its counts of NaN and infinity",
        "captions": "in the file with its caption, of which TensorBoard shows each tag's first",
    }
    assert {lost.reason for lost in report.lost if lost.key == "half"} == {
        "without its categories, which TensorBoard does not show",
        "its coordinates rounded to float32",
    }
    found = again(tmp_path / "out", tmp_path / "runs")
    assert not {"table", "line"} & set(found.keys())
    values = {key: [value for _, value in found.values(key)] for key in found.keys()}  # noqa: SIM118
    assert np.array_equal(values["webp"][0].to_numpy(), pixels)
    assert (values["flac"][0].format, values["flac"][0].to_numpy().tolist()) == ("wav", tone.tolist())
    assert np.abs(values["ogg"][0].to_numpy() - tone.astype(int)).mean() < 1000
    assert values["html"] == ["<b>x</b>"]
    assert [image.caption for image in values["captions"]] == ["one", "two"]


def test_a_config_is_a_session(tmp_path: Path) -> None:
    config = {
        "lr": 0.1,
        "model": {"depth": 4, "bias": True},
        "model.depth": 5,
        "sizes": [8, 16],
        "none": None,
        "o": "adam",
    }
    with mt.Run(tmp_path / "run", config=config) as run:
        run.log({"loss": 1})
    report = mt.export(run.path, "tensorboard", tmp_path / "out")
    text = "as JSON: a hyperparameter is a number, text or boolean"
    assert report.lost == (Lost("sizes", "config", 1, text), Lost("none", "config", 1, text))
    view = again(tmp_path / "out", tmp_path / "runs")
    assert view.config == {
        "lr": 0.1,
        "model.depth": 4,
        "model.bias": True,
        "model.depth#2": 5,
        "sizes": "[8,16]",
        "none": "null",
        "o": "adam",
    }
    assert view.status == "finished"


def test_a_run_that_failed_or_goes_on_says_so(tmp_path: Path) -> None:
    with pytest.raises(KeyError), mt.Run(tmp_path / "failed", config={"a": 1}) as run:
        run.log({"loss": 1})
        raise KeyError
    mt.export(run.path, "tensorboard", tmp_path / "out")
    assert again(tmp_path / "out", tmp_path / "runs").status == "failed"
    live = mt.Run(tmp_path / "live", config={"a": 1})
    live.log({"loss": 1})
    mt.export(live.path, "tensorboard", tmp_path / "going-on")
    assert sessions.END.encode() not in event_file(tmp_path / "going-on").read_bytes()
    live.finish()


def test_steps_that_the_table_of_hyperparameters_cannot_show_are_said(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run", config={"a": 1}) as run:
        run.log({"loss": 1}, step=2**31)
    report = mt.export(run.path, "tensorboard", tmp_path / "out")
    assert report.lost == (Lost("config", "config", 1, FAILS),)
    assert again(tmp_path / "out", tmp_path / "runs").config == {"a": 1}


def test_the_summary_is_there_beside_the_rows(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run") as run:
        run.define_metric("acc", summary="max,mean")
        for step in range(4):
            run.log({"acc": step / 4}, step=3 * step)
            run.log({"summary/best": 5}, step=3 * step)
        run.summary["best"] = 0.75
        run.summary["verdict"] = "keep"
        run.summary["photo"] = mt.Image(photograph("coffee")[:5, :5])
    mt.export(run.path, "tensorboard", tmp_path / "out")
    found = again(tmp_path / "out", tmp_path / "runs")
    shown = {key: list(found.values(key)) for key in found.keys() if key.startswith("summary/")}  # noqa: SIM118
    assert shown == {
        "summary/best": [(step, 5.0) for step in (0, 3, 6, 9)],
        "summary/best#number": [(9, 0.75)],
        "summary/verdict": [(9, "keep")],
        "summary/photo": [(9, mt.Image(photograph("coffee")[:5, :5]))],
        "summary/acc.max": [(9, 0.75)],
        "summary/acc.mean": [(9, 0.375)],
    }


def test_what_was_captured_from_a_writer_has_its_steps(tmp_path: Path) -> None:
    """Also where they begin again, which rows of a run cannot."""
    tensorboard_x = pytest.importorskip("tensorboardX")
    steps = [0, 5, 10, 0, 5, 2**40, 3]
    with mt.Run(tmp_path / "run", sync_tensorboard=True) as run:
        with tensorboard_x.SummaryWriter(str(tmp_path / "logs")) as writer:
            for i, step in enumerate(steps):
                writer.add_scalar("loss", i / 4, step)
                writer.add_text("note", f"n{i}", step)
        run.log({"own": 1})
    report = mt.export(run.path, "tensorboard", tmp_path / "out")
    assert report.lost == ()
    found = again(tmp_path / "out", tmp_path / "runs")
    rows = pq.read_table(found.path / "events.parquet").to_pylist()
    assert [(row["step"], row["value"]) for row in rows if row["tag"] == "loss"] == [
        (step, i / 4) for i, step in enumerate(steps)
    ]
    notes = [(row["step"], json.loads(row["content"])) for row in rows if row["tag"] == "note"]
    assert notes == [(step, f"n{i}") for i, step in enumerate(steps)]
    assert set(found.keys()) == {"loss", "note", "own"}


def test_a_global_step_that_is_no_whole_number_is_a_scalar(tmp_path: Path) -> None:
    view = logged(tmp_path / "run", {"global_step": 0.5, "loss": 1}, {"global_step": 7, "loss": 2})
    mt.export(view, "tensorboard", tmp_path / "out")
    found = again(tmp_path / "out", tmp_path / "runs")
    assert list(found.values("loss")) == [(0, 1), (1, 2)]
    assert list(found.values("tag:global_step")) == [(0, 0.5), (1, 7)]


def test_a_summary_that_is_none_costs_nothing_else(tmp_path: Path) -> None:
    view = logged(tmp_path / "run", {"loss": 1})
    run = json.loads((view.path / "run.json").read_text())
    bad = {"a": ["string", 5], "b": ["number", "x"], "c": ["image", {"_type": "image"}], "d": [3, {}], "e": "f"}
    (view.path / "run.json").write_text(json.dumps({**run, "summary_overrides": bad}))
    report = mt.export(view.path, "tensorboard", tmp_path / "out")
    assert {lost.key: lost.reason for lost in report.lost} == {
        "summary/a": "its cell is not what its kind says",
        "summary/b": "its document does not follow the format",
        "summary/c": "its document does not follow the format",
        "summary/d": "its document does not follow the format",
    }
    assert list(again(tmp_path / "out", tmp_path / "runs").values("loss")) == [(0, 1)]


def test_many_rows_are_in_order(tmp_path: Path) -> None:
    """More than are read at once, of which few have a text."""
    count = 70_000
    with mt.Run(tmp_path / "run") as run:
        for step in range(count):
            run.log({"a": step, "b": -step} if step % 9_000 else {"a": step, "note": f"n{step}"})
    report = mt.export(run.path, "tensorboard", tmp_path / "out")
    assert report.rows == 2 * count
    view = again(tmp_path / "out", tmp_path / "runs")
    table = pq.read_table(view.path / "events.parquet", columns=["tag", "step", "value", "content"])
    steps, tags = table["step"].to_numpy(), table["tag"].to_pylist()
    assert np.array_equal(steps, np.repeat(np.arange(count), 2))
    assert tags[:6] == ["a", "note", "a", "b", "a", "b"]
    values = table["value"].to_numpy().copy()
    assert np.array_equal(values[::2], np.arange(count))
    assert [row for row in table["content"].to_pylist() if row] == [f'"n{step}"' for step in range(0, count, 9_000)]
    second = values[1::2]
    assert np.array_equal(second[~np.isnan(second)], [-step for step in range(count) if step % 9_000])


# Imported runs ---------------------------------------------------------------------------------------------------


def value(tag: str, *parts: bytes) -> bytes:
    return field(1, tag.encode()) + b"".join(parts)


def histo(limits: list[float], counts: list[float], low: float, high: float) -> bytes:
    numbers = [field(i, number, wide=True) for i, number in enumerate((low, high, sum(counts), 1.5, 2.5), 1)]
    packed = [field(i, np.array(part, "<f8").tobytes()) for i, part in ((6, limits), (7, counts))]
    return field(5, b"".join([*numbers, *packed]))


def corpus(folder: Path, huge: int = 2**60 + 1) -> None:
    """A log of everything that an import keeps, in three files."""
    png = (photograph_file("chelsea.png")).read_bytes()
    wav = mt.Audio(np.arange(80, dtype=np.int16), 8000).to_bytes()
    start = field(3, field(1, field(1, b"lr") + field(2, field(2, 0.5, wide=True))) + field(5, 1.5e9, wide=True))
    mesh = field(2, b"m") + field(5, b"{}") + field(7, 6)
    points = np.arange(12, dtype="<f4").tobytes()
    many = [float(i) for i in range(-700, 700)]
    curve = np.arange(18, dtype="<f4").tobytes()
    values = [
        value("double", tensor(2, (), field(6, struct.pack("<d", 0.1))), metadata("scalars", description="exact")),
        value("single", tensor(1, (), field(5, struct.pack("<f", 0.25))), metadata("scalars", description="exact")),
        value("int", tensor(9, (), field(10, 7)), metadata("scalars")),
        value("huge", tensor(9, (), field(4, struct.pack("<q", huge))), metadata("scalars")),
        value("flag", tensor(10, (), field(11, 1)), metadata("scalars")),
        value("small", histo([0.0, 1, 2, 3], [0, 2, 0, 5], 0.5, 2.5)),
        value("joined", histo(many, [float(i % 700 == 3) for i in range(1400)], -697.5, 3.5)),
        value("added", histo(many, [float(i % 3) for i in range(1400)], -699.5, 699.0)),
        value("v2", tensor(2, (2, 3), field(4, np.array([0, 1, 4, 1, 3, 0.0]).tobytes())), metadata("histograms")),
        value("photo", field(4, field(1, 300) + field(2, 451) + field(3, 3) + field(4, png))),
        value("batch", strings(b"451", b"300", png, png), metadata("images", description="cats")),
        value("none", strings(b"1", b"1"), metadata("images")),
        value("tone", field(6, field(1, 8000.0) + field(2, 1) + field(3, 80) + field(4, wav) + field(5, b"audio/wav"))),
        value("tones", strings(wav, b"one", wav, b"two", shape=(2, 2)), metadata("audio", field(2, 11))),
        value("note/text_summary", strings("é **x**".encode()), metadata("text")),
        value("table", strings(b"a", b"b", b"c", b"d", shape=(2, 2)), metadata("text")),
        value("raw", tensor(3, (2, 1), field(4, struct.pack("<ii", -1, 5)))),
        value("bits", tensor(14, (2,), field(13, 0x3F80), field(13, 0x4000))),
        value("m_VERTEX", tensor(1, (1, 4, 3), field(4, points)), metadata("mesh", field(3, 1) + mesh)),
        value(
            "m_FACE", tensor(3, (1, 1, 3), field(4, struct.pack("<iii", 0, 1, 3))), metadata("mesh", field(3, 2) + mesh)
        ),
        value("pr", tensor(1, (6, 3), field(4, curve)), metadata("pr_curves", field(2, 3))),
        value("custom_scalars__config__", strings(b"\x0a\x02ab", shape=()), metadata("custom_scalars")),
        value("_hparams_/session_start_info", metadata("hparams", start)),
    ]
    records = [scalar("loss", i / 3, i - 2, 1.5e9 + i) for i in range(5)]
    for step in (0, 3):
        records += [record(event(summary(one), step=step, wall_time=1.5e9 + step)) for one in values]
        records.append(scalar("loss", 0.5, step))
    session = event(field(7, field(1, 1)), step=4)
    write(folder, *records)
    write(folder, record(event(field(4, b"graph"))), record(session), name="events.out.tfevents.2")
    write(folder / "train", *(scalar("loss", i, i) for i in range(3)), name="events.out.tfevents.3")
    (folder / "projector_config.pbtxt").write_text("embeddings {}")


@pytest.mark.parametrize("group", [1, 3, 128 * 1024])
def test_an_imported_run_is_exported_as_the_events_it_was_made_from(
    group: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However `events.parquet` is cut into row groups."""
    monkeypatch.setattr(events_parquet, "GROUP_ROWS", group)
    corpus(tmp_path / "logs")
    first = again(tmp_path / "logs", tmp_path / "first")
    report = mt.export(first, "tensorboard", tmp_path / "logs-again")
    assert report.lost == ()
    second = again(tmp_path / "logs-again", tmp_path / "second")
    assert events_of(second) == events_of(first)
    assert len(events_of(first)) > 60
    names = {path.relative_to(tmp_path / "logs").as_posix() for path in (tmp_path / "logs").rglob("*.*")}
    found = {path.relative_to(tmp_path / "logs-again").as_posix() for path in (tmp_path / "logs-again").rglob("*.*")}
    assert found == names | {"run.json", "summary.json"}
    assert second.config == first.config == {"lr": 0.5}
    for key in first.keys():  # noqa: SIM118
        assert repr(list(second.values(key))) == repr(list(first.values(key)))
    mt.export(second, "tensorboard", tmp_path / "third")
    for path in (tmp_path / "third").rglob("*tfevents*"):
        assert path.read_bytes() == (tmp_path / "logs-again" / path.relative_to(tmp_path / "third")).read_bytes()


def test_scalars_of_an_import_are_the_same_bytes(tmp_path: Path) -> None:
    """What torch and tensorboardX write for `add_scalar`, negative steps and NaN included."""
    steps = [-5, 0, 3, 2**40, 2**62, 3]
    path = write(tmp_path / "logs", *(scalar(tag, v, s) for s in steps for tag, v in (("a", 0.25), ("b/é", math.nan))))
    mt.export(again(tmp_path / "logs", tmp_path / "runs"), "tensorboard", tmp_path / "out")
    assert event_file(tmp_path / "out").read_bytes() == path.read_bytes()


def test_packed_and_elsewhere_an_imported_run_is_the_same(tmp_path: Path, elsewhere: str) -> None:
    corpus(tmp_path / "logs", huge=5)
    view = again(tmp_path / "logs", tmp_path / "runs")
    mt.export(view, "tensorboard", tmp_path / "plain")
    mt.pack(view.path)
    mt.export(mt.open_run(view.path), "tensorboard", tmp_path / "packed")
    mt.copy(view.path, elsewhere)
    mt.export(mt.open_run(f"{elsewhere}/logs"), "tensorboard", tmp_path / "elsewhere")
    files = {path.relative_to(tmp_path / "plain") for path in (tmp_path / "plain").rglob("*.*") if path.is_file()}
    assert len(files) == 6
    for name in ("packed", "elsewhere"):
        for path in files:
            assert (tmp_path / name / path).read_bytes() == (tmp_path / "plain" / path).read_bytes()


def test_an_imported_run_that_went_on_is_exported_by_its_rows(tmp_path: Path) -> None:
    write(tmp_path / "logs", scalar("loss", 1.0, 1))
    view = again(tmp_path / "logs", tmp_path / "runs")
    with mt.Run(view.path, mode="resume") as run:
        run.log({"loss": 2.0}, step=5)
    mt.export(run.path, "tensorboard", tmp_path / "out")
    assert list(again(tmp_path / "out", tmp_path / "more").values("loss")) == [(1, 1.0), (5, 2.0)]


def test_what_an_import_could_not_read_is_counted(tmp_path: Path) -> None:
    bad = value("photo", field(4, field(4, b"no image")))
    write(tmp_path / "logs", record(event(summary(bad), step=1)), record(b"\xff"), scalar("loss", 1.0, 1))
    report = import_logdir(tmp_path / "logs", tmp_path / "runs")
    view = mt.open_run(tmp_path / "runs" / report.runs[0].folder)
    view.edit(summary={"verdict": "keep"})
    exported = mt.export(view, "tensorboard", tmp_path / "out")
    assert set(exported.lost) == {
        Lost("photo", "rejected", 1, "no value of its plugin; it is kept as a file of the run"),
        Lost("tag:", "malformed", 1, "no event; it is kept as a file of the run"),
        Lost("verdict", "string", 1, "set in the summary of an imported run"),
    }
    assert exported.rows == 1
    assert list(again(tmp_path / "out", tmp_path / "more").values("loss")) == [(1, 1.0)]


@pytest.mark.parametrize("name", ["../../evil.tfevents.1", "/evil.tfevents", "a/../../evil.tfevents", "CON", "x" * 300])
def test_a_hostile_name_of_an_event_file_stays_inside(name: str, tmp_path: Path) -> None:
    write(tmp_path / "logs", scalar("loss", 1.0, 1))
    view = again(tmp_path / "logs", tmp_path / "runs")
    path = view.path / "events.parquet"
    table = pq.read_table(path)
    found = json.loads(pq.read_metadata(path).metadata[b"mediatypes"])
    found["sources"][0]["name"] = name
    files = table.schema.get_field_index("file")
    import pyarrow as pa

    column = pa.array([name]).dictionary_encode()
    table = table.set_column(files, pa.field("file", column.type, nullable=False), column)
    pq.write_table(table.replace_schema_metadata({b"mediatypes": json.dumps(found)}), path)
    mt.export(view.path, "tensorboard", tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["logs", "out", "runs"]
    assert list(again(tmp_path / "out", tmp_path / "more").values("loss")) == [(1, 1.0)]


@pytest.mark.parametrize("damage", ["cut", "foreign", "footer"])
def test_a_damaged_log_of_events_is_said(damage: str, tmp_path: Path) -> None:
    write(tmp_path / "logs", *(scalar("loss", i, i) for i in range(100)))
    view = again(tmp_path / "logs", tmp_path / "runs")
    path = view.path / "events.parquet"
    if damage == "footer":
        table = pq.read_table(path)
        pq.write_table(table.replace_schema_metadata({b"mediatypes": b'{"series":[[1]],"sources":[]}'}), path)
    else:
        path.write_bytes(path.read_bytes()[:200] if damage == "cut" else b"PAR1" * 9)
    with pytest.raises(mt.DocumentError, match=r"events\.parquet: expected the events of an import.* Restore the file"):
        mt.export(view.path, "tensorboard", tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["logs", "runs"]


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logged(tmp_path / "run", {"loss": 0.1, "note": "x"})
    assert main(["export", str(tmp_path / "run"), "--layout", "tensorboard", "-o", str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith(f"{tmp_path / 'out'}: 2 rows")
    assert out[1:] == ["tensorboard did not carry:", f"- loss (number): 1 value, {ROUNDED}"]
