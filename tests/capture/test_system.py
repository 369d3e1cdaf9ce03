"""What the machine did while a run was written."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mediatypes as mt
from mediatypes.capture import nvidia, system
from mediatypes.capture.machine import describe_machine
from mediatypes.upkeep.verify import check
from tests.processes import Start

GB = 2**30


def write_lines(run: mt.Run, *samples: Any) -> None:
    text = "".join(sample if isinstance(sample, str) else json.dumps(sample) + "\n" for sample in samples)
    (run.path / "system.jsonl").write_text(text)


def test_samples_are_rows_of_their_own(tmp_path: Path) -> None:
    with mt.Run(tmp_path / "run", capture=["system"], system_every=0.1) as run:
        run.log({"loss": 1})
    table = mt.open_run(run.path).system()
    assert table.column_names[:3] == ["_timestamp", "_runtime", "cpu.percent"]
    assert {field.type for field in table.schema} == {pa.float64()}
    assert table.equals(pq.read_table(run.path / "system.parquet").replace_schema_metadata())
    times = table.column("_timestamp").to_pylist()
    assert len(times) >= 1
    assert times == sorted(times)
    started = json.loads((run.path / "run.json").read_text())["started"]
    assert table.column("_runtime").to_pylist() == [time - started for time in times]
    assert not (run.path / "system.jsonl").exists()
    assert mt.open_run(run.path).history().num_rows == 1
    assert check(run.path, deep=True).problems == ()


def test_a_clock_that_is_set_back_loses_no_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("psutil")
    clock = itertools.count(2e9, -3600.0)
    monkeypatch.setattr(system, "time", SimpleNamespace(time=lambda: next(clock), monotonic=time.monotonic))
    with mt.Run(tmp_path / "run", capture=["system"], system_every=0.1) as run:
        while not (lines := run.path / "system.jsonl").exists() or lines.read_text().count("\n") < 4:
            time.sleep(0.01)
    times = mt.open_run(run.path).system().column("_timestamp").to_pylist()
    assert len(times) >= 3
    assert times == sorted(set(times))
    assert times[-1] - times[0] < 60


def test_measures_are_those_of_this_process_and_machine(tmp_path: Path) -> None:
    psutil = pytest.importorskip("psutil")
    found = system.Sampler(tmp_path).sample()
    assert found["process.memory_bytes"] == pytest.approx(psutil.Process().memory_info().rss, rel=0.5)
    assert found["process.threads"] >= 1
    assert 0 < found["memory.percent"] <= 100
    assert 0 < found["memory.bytes"] < psutil.virtual_memory().total
    assert found["disk.bytes"] == pytest.approx(psutil.disk_usage(str(tmp_path)).used, rel=0.5)
    assert 0 <= found["cpu.percent"] <= 100
    assert all(type(value) is float for value in found.values())


def test_lines_of_a_live_run_are_read_as_far_as_they_are_whole(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    begun = float(int(json.loads((run.path / "run.json").read_text())["started"]))
    text = (run.path / "run.json").read_text()
    (run.path / "run.json").write_text(re.sub(r'"started": [0-9.]+', f'"started": {begun}', text))
    write_lines(
        run,
        *("\n", {"_timestamp": begun + 1, "cpu.percent": 5}, "nonsense\n", "[1]\n", {"cpu.percent": 6}),
        {"_timestamp": begun + 2, "gpu.0.percent": 7.5, "text": "x", "flag": True, "_runtime": 99},
        {"_timestamp": begun + 2, "cpu.percent": 8},  # not later than the one before
        '{"_timestamp": 9999999999, "cpu.per',
    )
    expected = {
        "_timestamp": [begun + 1, begun + 2],
        "_runtime": [1.0, 2.0],
        "cpu.percent": [5.0, None],
        "gpu.0.percent": [None, 7.5],
    }
    assert mt.open_run(run.path).system().to_pydict() == expected
    run.finish()
    assert mt.open_run(run.path).system().to_pydict() == expected


def test_a_resumed_run_adds_to_its_samples(tmp_path: Path) -> None:
    for number in range(3):
        run = mt.Run(tmp_path / "run", mode="allow")
        write_lines(run, {"_timestamp": 4e9 + number, f"measure.{number}": number})
        assert mt.open_run(run.path).system().num_rows == number + 1
        run.finish()
    table = mt.open_run(tmp_path / "run").system().select(["_timestamp", "measure.0", "measure.2"])
    assert list(table.to_pydict().values()) == [[4e9, 4e9 + 1, 4e9 + 2], [0.0, None, None], [None, None, 2.0]]
    (tmp_path / "run" / "system.jsonl").write_text(
        '{"_timestamp": 4000000001, "measure.1": 1}\n'
    )  # of a crash at the end
    assert mt.open_run(tmp_path / "run").system().num_rows == 3


def test_a_killed_run_has_its_samples(tmp_path: Path, start: Start) -> None:
    pytest.importorskip("psutil")
    process = start(
        """
        import os, signal, sys, time, mediatypes as mt
        run = mt.Run(sys.argv[1], capture=["system"], system_every=0.1)
        run.log({"a": 1})
        while mt.open_run(sys.argv[1]).system().num_rows < 3:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGKILL)
        """,
        tmp_path / "run",
    )
    _, err = process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL, err
    rows = mt.open_run(tmp_path / "run").system().num_rows
    assert rows >= 3
    assert mt.recover(tmp_path / "run").system().num_rows == rows
    assert (tmp_path / "run" / "system.parquet").exists()


def test_a_run_with_samples_is_finished_when_its_process_ends(tmp_path: Path, start: Start) -> None:
    pytest.importorskip("psutil")
    process = start(
        """
        import pathlib, sys, time, mediatypes as mt
        run = mt.Run(sys.argv[1], capture=["system"], system_every=0.1)
        run.log({"a": 1})
        lines = pathlib.Path(sys.argv[1], "system.jsonl")
        while not lines.exists() or not lines.stat().st_size:
            time.sleep(0.05)
        """,
        tmp_path / "run",
    )
    _, err = process.communicate(timeout=120)
    assert "Traceback" not in err  # pandas, which pa.array() imports, cannot be imported any more at that time
    view = mt.open_run(tmp_path / "run")
    assert (view.status, view.system().num_rows > 0) == ("finished", True)
    assert (tmp_path / "run" / "system.parquet").exists()


def test_a_damaged_file_is_told_and_keeps_nobody_from_finishing(tmp_path: Path) -> None:
    run = mt.Run(tmp_path / "run")
    write_lines(run, {"_timestamp": 4e9, "cpu.percent": 1})
    run.finish()
    path = run.path / "system.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(mt.DocumentError, match=r"system\.parquet: expected a whole Parquet file"):
        mt.open_run(run.path).system()
    assert [p.code for p in check(run.path).problems] == ["parquet"]
    run = mt.Run(tmp_path / "run", mode="resume")
    write_lines(run, {"_timestamp": 4e9 + 1, "cpu.percent": 1})
    run.finish()
    assert mt.open_run(run.path).status == "finished"
    assert (run.path / "system.jsonl").exists()


def test_verify_knows_whose_samples_they_are(tmp_path: Path) -> None:
    for name in "ab":
        run = mt.Run(tmp_path / name)
        write_lines(run, {"_timestamp": 4e9, "cpu.percent": 1})
        run.finish()
    (tmp_path / "a" / "system.parquet").write_bytes((tmp_path / "b" / "system.parquet").read_bytes())
    assert [(p.path, p.code) for p in check(tmp_path / "a", deep=True).problems] == [("system.parquet.id", "differs")]


def test_a_copy_elsewhere_has_the_samples(tmp_path: Path, elsewhere: str) -> None:
    run = mt.Run(tmp_path / "runs" / "a")
    write_lines(run, {"_timestamp": 4e9, "cpu.percent": 1})
    mt.copy(tmp_path / "runs", elsewhere)
    assert mt.open_run(f"{elsewhere}/a").system().num_rows == 1
    run.finish()
    mt.copy(tmp_path / "runs", elsewhere)
    assert mt.open_run(f"{elsewhere}/a").system().to_pydict() == mt.open_run(run.path).system().to_pydict()
    assert mt.open_run(f"{elsewhere}/a").system().num_rows == 1
    assert list(mt.open_run(f"{elsewhere}/a").console()) == []


def test_without_psutil_a_problem_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psutil", None)
    with mt.Run(tmp_path / "run", capture=["system"]) as run:
        run.log({"a": 1})
    view = mt.open_run(run.path)
    (told,) = view.problems
    assert (told.path, told.code) == ("system", "system")
    assert "pip install 'mediatypes-ml[system]'" in told.message
    assert (view.status, view.system().num_rows) == ("finished", 0)


class FakeNvml(ModuleType):
    """The functions of pynvml that are called, of two GPUs, of which the second tells less."""

    class NVMLError(Exception): ...

    def __init__(self) -> None:
        super().__init__("pynvml")
        self.open = 0

    def nvmlInit(self) -> None:  # noqa: N802
        self.open += 1

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.open -= 1

    def nvmlSystemGetDriverVersion(self) -> bytes:  # noqa: N802
        return b"570.86.15"

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        return index

    def nvmlDeviceGetName(self, handle: int) -> str:  # noqa: N802
        return f"NVIDIA H{handle}00"

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> Any:  # noqa: N802
        return SimpleNamespace(total=80 * GB, used=(20 + handle) * GB)

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> Any:  # noqa: N802
        if handle == 1:
            raise self.NVMLError("Not Supported")
        return SimpleNamespace(gpu=93, memory=40)

    def nvmlDeviceGetPowerUsage(self, handle: int) -> int:  # noqa: N802
        return 350_500

    def nvmlDeviceGetTemperature(self, handle: int, sensor: int) -> int:  # noqa: N802
        return 61


def test_gpus_of_nvidia_are_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", nvml := FakeNvml())
    sampler = system.Sampler(tmp_path)
    found = {name: value for name, value in sampler.sample().items() if name.startswith("gpu.")}
    assert found == {
        "gpu.0.percent": 93,
        "gpu.0.memory_bytes": 20 * GB,
        "gpu.0.memory_percent": 25,
        "gpu.0.power_watts": 350.5,
        "gpu.0.temperature_celsius": 61,
        "gpu.1.memory_bytes": 21 * GB,
        "gpu.1.memory_percent": 26.25,
        "gpu.1.power_watts": 350.5,
        "gpu.1.temperature_celsius": 61,
    }
    sampler.close()
    assert nvml.open == 0
    machine = describe_machine()
    assert machine["gpus"][:2] == [{"name": f"NVIDIA H{i}00", "memory": 80 * GB} for i in range(2)]
    assert (machine["gpu_driver"], nvml.open) == ("570.86.15", 0)


def test_a_driver_that_fails_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert nvidia.Nvidia.open() is None
    monkeypatch.setitem(sys.modules, "pynvml", nvml := FakeNvml())
    monkeypatch.setattr(nvml, "nvmlDeviceGetCount", lambda: 1 / 0)
    assert nvidia.Nvidia.open() is None
    assert nvml.open == 0


def test_gpus_of_amd_are_read_from_the_files_of_their_driver(tmp_path: Path) -> None:
    (sensors := tmp_path / "hwmon" / "hwmon3").mkdir(parents=True)
    contents = {"gpu_busy_percent": "87", "mem_info_vram_used": "4294967296", "mem_info_vram_total": "17179869184"}
    for name, text in contents.items():
        (tmp_path / name).write_text(f"{text}\n")
    (sensors / "temp1_input").write_text("54000\n")
    (sensors / "power1_average").write_text("123000000\n")
    assert system._AmdGpu(tmp_path).sample() == {
        "percent": 87,
        "memory_bytes": 4 * GB,
        "memory_percent": 25,
        "power_watts": 123,
        "temperature_celsius": 54,
    }


def test_no_lines_are_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (outside := tmp_path / "outside").write_text("mine")
    os.symlink(outside, tmp_path / "run" / "system.jsonl")
    with mt.Run(tmp_path / "run", capture=["system"]) as run:
        run.log({"a": 1})
    assert outside.read_text() == "mine"
    assert [p.code for p in mt.open_run(run.path).problems] == ["system"]


def test_a_run_that_is_resumed_with_an_earlier_clock_loses_no_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("psutil")
    counts = [0]
    for ahead in (0.0, -7200.0):
        clock = SimpleNamespace(time=lambda ahead=ahead: 2e9 + ahead + time.monotonic(), monotonic=time.monotonic)
        monkeypatch.setattr(system, "time", clock)
        with mt.Run(tmp_path / "run", mode="allow", capture=["system"], system_every=0.1) as run:
            lines = run.path / "system.jsonl"
            while not lines.exists() or lines.read_text().count("{") < 2:
                time.sleep(0.01)
        counts.append(mt.open_run(run.path).system().num_rows)
        assert counts[-1] >= counts[-2] + 2
    times = mt.open_run(run.path).system().column("_timestamp").to_pylist()
    assert times == sorted(set(times))
