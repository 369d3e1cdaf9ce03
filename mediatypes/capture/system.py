"""What the machine does while a run is written: sampled by a thread, a line of JSON in `system.jsonl` each time."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from pathlib import Path

from .._core import canonical
from .._core.deps import need
from .._core.errors import Problem, describe
from ..runfolder import files
from ..writing.hook import WriterHook
from .machine import amd_devices
from .nvidia import Nvidia

_FIRST = 1.0  # seconds until the first sample: rates need a time to be measured over
_SHORTEST = 0.1  # seconds between two samples
_WAIT = 5.0  # seconds that the end of a run waits for the last sample


class Sampler:
    """Measures the machine and this process; whatever cannot be measured here is left out.

    Args:
        folder: of whose disk the room is told.

    Raises:
        MissingDependencyError: psutil is not installed.
    """

    def __init__(self, folder: Path) -> None:
        self._psutil = need("psutil", extra="system", needed_for='Run(capture=["system"])')
        self._folder, self._process = str(folder), self._psutil.Process()
        self._nvidia, self._amd = Nvidia.open(), [_AmdGpu(device) for device in amd_devices()]
        self._counters: dict[str, float] = {}
        self._time = time.monotonic()
        self.sample()  # from which the next one measures

    def sample(self) -> dict[str, float]:
        """The measures by name; rates are since the sample before."""
        sample: dict[str, float] = {}
        for measure in (self._cpu, self._memory, self._disk, self._own, self._rates, self._gpus):
            with suppress(Exception):  # each system lacks others, and has its own errors for it
                sample |= measure()
        return {name: float(value) for name, value in sample.items()}

    def close(self) -> None:
        """Let go of the driver."""
        if self._nvidia:
            self._nvidia.close()

    def _cpu(self) -> dict[str, float]:
        return {"cpu.percent": self._psutil.cpu_percent()}

    def _memory(self) -> dict[str, float]:
        memory = self._psutil.virtual_memory()
        return {"memory.percent": memory.percent, "memory.bytes": memory.total - memory.available}

    def _disk(self) -> dict[str, float]:
        disk = self._psutil.disk_usage(self._folder)
        return {"disk.percent": disk.percent, "disk.bytes": disk.used}

    def _own(self) -> dict[str, float]:
        with self._process.oneshot():
            return {
                "process.cpu_percent": self._process.cpu_percent(),
                "process.memory_bytes": self._process.memory_info().rss,
                "process.threads": self._process.num_threads(),
            }

    def _rates(self) -> dict[str, float]:
        """Bytes per second of disks and network."""
        counters: dict[str, float] = {}
        with suppress(Exception):
            disk = self._psutil.disk_io_counters()
            counters |= {"disk.read": disk.read_bytes, "disk.write": disk.write_bytes}
        with suppress(Exception):
            network = self._psutil.net_io_counters()
            counters |= {"network.send": network.bytes_sent, "network.receive": network.bytes_recv}
        now, before = time.monotonic(), self._counters
        seconds, self._time, self._counters = max(now - self._time, 1e-3), now, counters
        return {
            f"{name}_bytes_per_second": max(value - before[name], 0) / seconds
            for name, value in counters.items()
            if name in before
        }

    def _gpus(self) -> dict[str, float]:
        sample, count = (self._nvidia.sample(), len(self._nvidia.gpus)) if self._nvidia else ({}, 0)
        for index, gpu in enumerate(self._amd, count):
            sample |= {f"gpu.{index}.{name}": value for name, value in gpu.sample().items()}
        return sample


class _AmdGpu:
    """An AMD GPU, as the files of its driver tell of it."""

    def __init__(self, device: Path) -> None:
        sensors = next(iter(sorted(device.glob("hwmon/hwmon*"))), device)
        self._files = {
            "percent": (device / "gpu_busy_percent", 1.0),
            "memory_bytes": (device / "mem_info_vram_used", 1.0),
            "power_watts": (sensors / "power1_average", 1e-6),
            "temperature_celsius": (sensors / "temp1_input", 1e-3),
        }
        self._total = _number(device / "mem_info_vram_total")

    def sample(self) -> dict[str, float]:
        """Utilisation, memory, power and temperature, as far as there are files of them."""
        sample = {
            name: value * unit for name, (file, unit) in self._files.items() if (value := _number(file)) is not None
        }
        if self._total and "memory_bytes" in sample:
            sample["memory_percent"] = 100 * sample["memory_bytes"] / self._total
        return sample


def _number(file: Path) -> float | None:
    try:
        return float(file.read_text())
    except (OSError, ValueError):
        return None


class SystemMetrics:
    """Samples the machine from now on, until the run is finished.

    Args:
        hook: of the run.
        every: seconds between two samples.
        report: is told of what went wrong.
    """

    def __init__(self, hook: WriterHook, every: float, report: Callable[[list[Problem]], None]) -> None:
        self._hook, self._every, self._report = hook, max(every, _SHORTEST), report
        self._stopped = threading.Event()
        self._error: BaseException | None = None
        self._last = -math.inf, 0.0  # the time of the last sample: since the epoch, and of a clock that nobody sets
        self._thread = threading.Thread(target=self._work, name="mediatypes-system", daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Take a last sample and end."""
        self._stopped.set()
        self._thread.join(_WAIT)
        if error := self._error:
            self._error = None
            self._report([problem._replace(path="system", code="system") for problem in describe(error)])

    def _work(self) -> None:
        try:
            from ..runfolder.system import last_sample  # in the thread: nobody waits for what it imports

            self._last = last_sample(self._hook.path), time.monotonic()
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
            with ExitStack() as stack:
                sampler = stack.enter_context(closing(Sampler(self._hook.path)))
                fd = os.open(self._hook.path / files.SYSTEM_LINES, flags, 0o666)
                stack.callback(os.close, fd)
                os.write(fd, b"\n")  # a line that was torn ends here
                self._stopped.wait(min(self._every, _FIRST))
                while not self._stopped.is_set():
                    self._append(fd, sampler.sample())
                    self._stopped.wait(self._every)
                self._append(fd, sampler.sample())
        except Exception as error:  # also psutil's own; `finish` tells it
            self._error = error

    def _append(self, fd: int, sample: dict[str, float]) -> None:
        """Write a sample and its time, which goes on where the clock is set back."""
        now, passed = time.time(), time.monotonic()
        if now <= self._last[0]:
            now = self._last[0] + passed - self._last[1]
        self._last = now, passed
        os.write(fd, canonical.dump_bytes({"_timestamp": now, **sample}) + b"\n")
