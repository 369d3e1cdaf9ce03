"""What real logs and hostile ones showed: TensorBoard or the writer says what is right."""

from __future__ import annotations

import os
import resource
import struct
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import mediatypes as mt
from mediatypes.interop.importing.sources import IRREGULAR, OUTSIDE
from mediatypes.interop.tensorboard import import_logdir
from mediatypes.interop.tensorboard.importing import plan
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
from tests.interop.tensorboard.importing.test_import import histogram, value
from tests.samples import picture

EVENTS = "events.out.tfevents.1500000000.host"


@pytest.fixture
def writer_type() -> Any:
    return pytest.importorskip("tensorboardX").SummaryWriter


def configs(runs: Path) -> list[dict[str, Any]]:
    return sorted((view.config for view in mt.open_runs(runs)), key=repr)


def log_trials(writer: Any, first: int, last: int) -> list[dict[str, Any]]:
    trials = [{"lr": 0.5 * i, "bsize": i} for i in range(first, last)]
    for i, trial in enumerate(trials):
        writer.add_hparams(trial, {"hparam/accuracy": 10.0 * i}, name=f"trial{first + i}")
    return trials


def test_every_trial_of_the_documented_loop_is_a_run_as_tensorboard_shows_them(
    tmp_path: Path, writer_type: Any
) -> None:
    with writer_type(str(tmp_path / "logs")) as writer:
        trials = log_trials(writer, 0, 5)
    report = import_logdir(tmp_path / "logs", tmp_path / "runs")
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_multiplexer")
    shown = accumulators.EventMultiplexer().AddRunsFromDirectory(str(tmp_path / "logs")).Reload()
    assert {run.name for run in report.runs} == set(shown.PluginRunToTagToContent("hparams"))
    assert configs(tmp_path / "runs") == sorted(trials, key=repr)
    assert [name for name in report.ignored if "tfevents" in name] == [
        path.name for path in (tmp_path / "logs").iterdir() if path.is_file()
    ]


def test_a_second_trial_makes_the_first_one_a_run_of_its_own(tmp_path: Path, writer_type: Any) -> None:
    with writer_type(str(tmp_path / "logs" / "a")) as writer:
        writer.add_scalar("loss", 1.0, 1)
        trials = log_trials(writer, 0, 1)
        writer.flush()
        import_logdir(tmp_path / "logs", tmp_path / "runs")
        assert configs(tmp_path / "runs") == trials  # one is the config of the run
        trials += log_trials(writer, 1, 3)
    import_logdir(tmp_path / "logs", tmp_path / "runs")
    import_logdir(tmp_path / "logs", tmp_path / "at once")
    assert configs(tmp_path / "runs") == configs(tmp_path / "at once") == sorted([*trials, {}], key=repr)
    assert list(mt.open_run(tmp_path / "runs" / "a").keys()) == ["loss"]


def test_a_batch_of_meshes_is_a_list(tmp_path: Path, writer_type: Any) -> None:
    vertices = np.random.default_rng(0).random((2, 4, 3), np.float32)
    faces = np.array([[[0, 1, 2], [1, 2, 3]], [[0, 1, 3], [0, 2, 3]]])
    with writer_type(str(tmp_path / "logs")) as writer:
        writer.add_mesh("shape", vertices, faces=faces, global_step=3)
        writer.add_mesh("cloud", vertices, global_step=3)
    (report,) = import_logdir(tmp_path / "logs", tmp_path / "runs").runs
    assert not report.problems
    view = mt.open_run(tmp_path / "runs" / "logs")
    for key in ("shape", "cloud"):
        ((step, meshes),) = view.values(key)
        assert step == 3
        for mesh, corners in zip(meshes, vertices, strict=True):
            assert np.allclose(mesh.bounds, [corners.min(axis=0), corners.max(axis=0)])
    assert [mesh.faces for mesh in next(iter(view.values("shape")))[1]] == [2, 2]


def test_links_out_of_the_directory_pipes_and_devices_are_told_and_not_read(tmp_path: Path) -> None:
    logs, outside = tmp_path / "logs", tmp_path / "outside"
    write(logs / "a", scalar("loss", 1.0, 1))
    write(outside / "b", scalar("secret", 1.0, 1))
    (outside / "text").write_text("secret")
    profile = logs / "a" / "plugins" / "profile" / "1"
    profile.mkdir(parents=True)
    os.symlink("/dev/zero", profile / "b.xplane.pb")
    os.symlink(outside / "text", profile / "c.xplane.pb")
    os.symlink(outside / "b", logs / "b")
    os.symlink(logs / "a", logs / "again")
    os.mkfifo(logs / "a" / f"{EVENTS}.pipe")
    report = import_logdir(logs, tmp_path / "runs", keep_events=True)
    reasons = {problem.path: problem.message.partition("got ")[2] for problem in report.problems}
    assert reasons == {
        "a/plugins/profile/1/b.xplane.pb": OUTSIDE,
        "a/plugins/profile/1/c.xplane.pb": OUTSIDE,
        "b": OUTSIDE,
        f"a/{EVENTS}.pipe": IRREGULAR,
    }
    assert set(reasons) <= set(report.ignored)
    assert [run.name for run in report.runs] == ["a"]
    assert all(reason in str(report) for reason in reasons.values())
    assert not any(b"secret" in path.read_bytes() for path in (tmp_path / "runs").rglob("*") if path.is_file())
    with pytest.raises(mt.InputError, match="logdir"):
        import_logdir(logs / "a" / f"{EVENTS}.pipe", tmp_path / "other")


def test_files_beside_the_events_that_are_too_large_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "MAX_ATTACHED", 10)
    write(tmp_path / "logs", scalar("loss", 1.0, 1))
    for name, size in (("small", 10), ("large", 11)):
        (tmp_path / "logs" / f"{name}.pt.trace.json").write_bytes(bytes(size))
    report = import_logdir(tmp_path / "logs", tmp_path / "runs")
    assert report.runs[0].attached == ["files/small.pt.trace.json"]
    assert [(problem.path, problem.code) for problem in report.problems] == [("large.pt.trace.json", "not-read")]


def avif_with_damage() -> bytes:
    import PIL.Image

    pixels = np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)
    data = bytearray(picture(PIL.Image.fromarray(pixels), "AVIF"))
    data[-200:] = bytes(200)
    return bytes(data)


def image(data: bytes) -> bytes:
    return value("img", field(4, field(1, 32) + field(2, 32) + field(3, 3) + field(4, data)))


def test_a_codec_that_raises_what_it_likes_costs_the_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise RuntimeError("no such brand")

    monkeypatch.setattr("mediatypes.types.pictures.files.probe", fail)
    write(
        tmp_path / "logs" / "a", record(event(summary(image(b"\xff\xd8\xff" + bytes(50))), step=1)), scalar("x", 2.0, 2)
    )
    write(tmp_path / "logs" / "b", scalar("loss", 1.0, 1))
    a, b = import_logdir(tmp_path / "logs", tmp_path / "runs").runs
    assert (a.status, b.status) == ("new", "new")
    assert [problem.code for problem in a.problems] == ["rejected"]
    assert "RuntimeError: no such brand" in a.problems[0].message
    assert [x for _, x in mt.open_run(tmp_path / "runs" / "a").values("x")] == [2.0]


def test_a_damaged_avif_is_an_image_or_a_file_and_costs_nothing_else(tmp_path: Path) -> None:
    pytest.importorskip("PIL._avif")
    data = avif_with_damage()
    cuts = [data, data[: len(data) // 2], data[:40]]
    write(tmp_path / "logs" / "a", *(record(event(summary(image(cut)), step=i)) for i, cut in enumerate(cuts)))
    write(tmp_path / "logs" / "b", scalar("loss", 1.0, 1))
    a, b = import_logdir(tmp_path / "logs", tmp_path / "runs").runs
    assert (a.status, b.status) == ("new", "new")
    assert a.events.get("rejected", 0) + a.events.get("image", 0) == len(cuts)
    assert a.events.get("rejected", 0) == len(a.problems) > 0


def test_a_session_log_that_is_cut_costs_its_record(tmp_path: Path) -> None:
    write(tmp_path / "logs", record(event(field(7, b"\x08\xff"), step=1)), scalar("loss", 1.0, 2))
    (report,) = import_logdir(tmp_path / "logs", tmp_path / "runs").runs
    assert (report.status, report.events) == ("new", {"malformed": 1, "float32": 1})


def test_any_error_of_one_run_is_told_and_the_next_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mediatypes.interop.tensorboard.importing.step_order import StepOrder

    batches, calls = StepOrder.batches, []

    def fail_once(self: StepOrder) -> Any:
        calls.append(self)
        if len(calls) == 1:
            raise MemoryError
        return batches(self)

    monkeypatch.setattr(StepOrder, "batches", fail_once)
    for name in "ab":
        write(tmp_path / "logs" / name, scalar("loss", 1.0, 1))
    a, b = import_logdir(tmp_path / "logs", tmp_path / "runs").runs
    assert (a.status, b.status) == ("failed", "new")
    assert [(problem.code, problem.message) for problem in a.problems] == [("MemoryError", "MemoryError")]


def one_number_stands_for(shape: tuple[int, ...], plugin: str) -> bytes:
    return value("t", tensor(1, shape, field(5, struct.pack("<f", 0.5))) + metadata(plugin))


@pytest.mark.parametrize(
    "payload",
    [
        value("t", strings(b"x", shape=(1, 2**18)) + metadata("text")),
        value("t", strings(*[b"x"] * 550, shape=(1, 2**18)) + metadata("text")),
        value("t", strings(*[b""] * 2**17, shape=(1, 2**17)) + metadata("text")),
        value("t", strings(b"x", shape=(2**9, 2**9)) + metadata("images")),
        one_number_stands_for((6, 2**21), "pr_curves"),
        one_number_stands_for((2**40,), "scalars"),
    ],
    ids=["one text", "some texts", "a wide table", "images", "pr curve", "elements"],
)
def test_what_a_few_bytes_claim_is_bounded_before_it_is_made(tmp_path: Path, payload: bytes) -> None:
    write(tmp_path / "logs", *(record(event(summary(payload), step=i)) for i in range(3)), scalar("loss", 1.0, 4))
    began, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (report,) = import_logdir(tmp_path / "logs", tmp_path / "runs").runs
    assert time.process_time() - began < 3
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 << 10  # KiB
    assert report.status == "new"
    assert [x for _, x in mt.open_run(tmp_path / "runs" / "logs").values("loss")] == [1.0]


def test_tags_that_each_have_steps_of_their_own_fit_into_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mediatypes.runfolder.merge_rows.GROUP_CELLS", 100_000)
    count = 500
    write(tmp_path / "logs", *(scalar(f"tag{i}", float(i), i) for i in range(count)))
    import_logdir(tmp_path / "logs", tmp_path / "runs")
    file = pq.ParquetFile(tmp_path / "runs" / "logs" / "history.parquet")
    assert max(file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)) <= 100_000 // count
    view = mt.open_run(tmp_path / "runs" / "logs")
    for i in (0, 250, 499):
        assert list(view.values(f"tag{i}")) == [(i, float(i))]


def test_a_table_that_would_be_all_but_empty_is_refused_and_costs_its_run_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mediatypes.interop.tensorboard.importing.write_folder._MAX_CELLS", 1000)
    monkeypatch.setattr("mediatypes.interop.tensorboard.importing.write_folder._CELLS_PER_EVENT", 20)
    write(tmp_path / "logs" / "a", *(scalar(f"tag{i}", 1.0, i) for i in range(40)))
    write(tmp_path / "logs" / "b", *(scalar(f"tag{i % 10}", 1.0, i) for i in range(200)))
    a, b = import_logdir(tmp_path / "logs", tmp_path / "runs").runs
    assert (a.status, b.status) == ("failed", "new")
    assert "40 tags in 40 steps" in a.problems[0].message


def test_a_directory_of_links_only_says_so(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere", scalar("loss", 1.0, 1))
    (tmp_path / "logs").mkdir()
    os.symlink(tmp_path / "elsewhere", tmp_path / "logs" / "a")
    with pytest.raises(mt.InputError, match="got a link out of the log directory"):
        import_logdir(tmp_path / "logs", tmp_path / "runs")
    os.symlink(tmp_path / "elsewhere", tmp_path / "link")  # but what the user names is read
    assert [run.status for run in import_logdir(tmp_path / "link", tmp_path / "runs").runs] == ["new"]


def test_a_histogram_that_no_other_reads_is_told_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mediatypes.interop.tensorboard.plugins import histogram_bins

    read = histogram_bins.read_protos

    def fail(data: bytes, spans: list[tuple[int, int]]) -> Any:
        if any(data[start:end] == bad for start, end in spans):
            raise FloatingPointError("no such number")
        return read(data, spans)

    monkeypatch.setattr(histogram_bins, "read_protos", fail)
    bad = histogram([0.0, 1, 2], [0, 3, 4], 0.0, 2.0).removeprefix(b"\x2a")[1:]
    good = histogram([0.0, 1, 2], [0, 1, 1], 0.0, 2.0)
    values = (histogram([0.0, 1, 2], [0, 3, 4], 0.0, 2.0), good)
    write(tmp_path / "logs", *(record(event(summary(value("h", one)), step=i)) for i, one in enumerate(values)))
    (report,) = import_logdir(tmp_path / "logs", tmp_path / "runs").runs
    assert report.events["rejected"] == 1
    assert [step for step, _ in mt.open_run(tmp_path / "runs" / "logs").values("h")] == [1]


def test_other_readers_find_the_events_that_are_nan(tmp_path: Path) -> None:
    """DuckDB skips row groups by their statistics, in which pyarrow leaves NaN out."""
    duckdb = pytest.importorskip("duckdb")
    numbers = [1.0, 2.0, *[float("nan")] * 50, 3.0]
    write(tmp_path / "logs", *(scalar("loss", number, step) for step, number in enumerate(numbers)))
    import_logdir(tmp_path / "logs", tmp_path / "runs")
    path = tmp_path / "runs" / "logs" / "events.parquet"
    found = duckdb.sql(f"select count(*) from '{path}' where isnan(value)").fetchall()
    assert found == [(50,)]
    group = pq.ParquetFile(path).metadata.row_group(0)
    columns = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
    assert not columns["value"].is_stats_set
    assert (columns["step"].statistics.min, columns["step"].statistics.max) == (0, 52)
